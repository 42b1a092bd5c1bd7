//! The ONNX importer against onnxruntime, an implementation we did not write.
//!
//! Its outputs are stored; `../reference/README.md` says how they are made.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod elementwise;
mod layout;
mod linear;
mod pooling;
#[path = "../support/mod.rs"]
mod support;

use pleat_model::graph::InputLayout;
use pleat_model::import::{ImportOptions, onnx};
use support::eval::outputs;
use support::model::*;
use support::proto::{NodeProto, TensorProto};
use support::reference::reference;
use support::{import, shared};

fn images(n: usize) -> Vec<Vec<f32>> {
    let Some(packed) = shared("data/mnist/t10k-images-idx3-ubyte.gz") else {
        return vec![];
    };
    let mut raw = vec![];
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed), &mut raw).unwrap();
    raw[16..]
        .chunks(784)
        .take(n)
        .map(|p| p.iter().map(|&p| f32::from(p) / 255.0).collect())
        .collect()
}

fn largest_difference(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |worst, (a, b)| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).fold(worst, |w, (a, b)| {
            assert!(a.is_finite() && b.is_finite());
            w.max((a - b).abs() / b.abs().max(1.0))
        })
    })
}

/// Reorders a CHW image to the axis order of the model's input.
fn in_layout(chw: &[f32], [c, h, w]: [usize; 3], layout: InputLayout) -> Vec<f32> {
    let at = |ch: usize, y: usize, x: usize| chw[(ch * h + y) * w + x];
    let mut out = vec![];
    match layout {
        InputLayout::Hwc => {
            (0..h).for_each(|y| (0..w).for_each(|x| (0..c).for_each(|i| out.push(at(i, y, x)))))
        }
        InputLayout::Whc => {
            (0..w).for_each(|x| (0..h).for_each(|y| (0..c).for_each(|i| out.push(at(i, y, x)))))
        }
        _ => out.extend_from_slice(chw),
    }
    out
}

/// Imports a shared model, if this checkout has it, and compares it with onnxruntime.
fn real(
    file: &str,
    dims: &[usize],
    chw: [usize; 3],
    options: &ImportOptions,
    inputs: Vec<Vec<f32>>,
    tolerance: f32,
) {
    let Some(bytes) = shared(&format!("models/{file}")) else {
        return;
    };
    let graph = onnx::read(&bytes, options).unwrap();
    let theirs: Vec<Vec<f32>> = inputs
        .iter()
        .map(|x| in_layout(x, chw, graph.input_layout))
        .collect();
    let Some(theirs) = reference(file, &bytes, dims, &theirs) else {
        return;
    };
    assert_eq!(inputs.len(), theirs.len());
    let mut worst = 0f32;
    for (x, y) in inputs.iter().zip(theirs) {
        worst = worst.max(largest_difference(&outputs(&graph, x), y));
    }
    eprintln!(
        "{file}: {} inputs, largest difference {worst:e}, {} parameters",
        inputs.len(),
        graph.parameters
    );
    assert!(!inputs.is_empty() && worst <= tolerance, "{file}: {worst}");
}

#[test]
fn shared_models_agree_with_onnxruntime() {
    let images = images(5);
    if images.is_empty() {
        return;
    }
    let plain = ImportOptions::default();
    let nhwc = [1, 28, 28, 1];
    let mnist = [1, 28, 28];
    for file in [
        "lenet5_mnist",
        "mnist_resnet_tiny",
        "mnist_sepconv",
        "mnist_poly_layers",
    ] {
        real(
            &format!("{file}.onnx"),
            &nhwc,
            mnist,
            &plain,
            images.clone(),
            1e-4,
        );
    }
    real(
        "mlp_mnist.onnx",
        &[1, 784],
        mnist,
        &plain,
        images.clone(),
        1e-4,
    );
    real(
        "digit_recognizer_mnist.onnx",
        &[1, 1, 28, 28],
        mnist,
        &plain,
        images,
        1e-4,
    );
    let seeds = |n: usize| (1..4).map(|s| random(n, s)).collect::<Vec<_>>();
    let mut mtcnn = ImportOptions {
        layout: Some(InputLayout::Whc),
        ..plain.clone()
    };
    real(
        "mtcnn_rnet.onnx",
        &[1, 24, 24, 3],
        [3, 24, 24],
        &mtcnn,
        seeds(3 * 24 * 24),
        1e-4,
    );
    // 14 rows and 17 columns: width first in the file.
    mtcnn.size = Some([14, 17]);
    real(
        "mtcnn_pnet.onnx",
        &[1, 17, 14, 3],
        [3, 14, 17],
        &mtcnn,
        seeds(3 * 14 * 17),
        1e-4,
    );
    real(
        "efficientnet_lite0.onnx",
        &[1, 3, 224, 224],
        [3, 224, 224],
        &plain,
        vec![random(3 * 224 * 224, 9)],
        1e-3,
    );
}

#[test]
fn open_sizes_need_the_size_option() {
    let Some(bytes) = shared("models/mtcnn_pnet.onnx") else {
        return;
    };
    let options = ImportOptions {
        layout: Some(InputLayout::Whc),
        ..Default::default()
    };
    let message = onnx::read(&bytes, &options).unwrap_err().to_string();
    assert!(
        message.contains("input_1") && message.contains("give the size"),
        "{message}"
    );
}

/// Our result on a random input, which onnxruntime must share.
fn agrees(
    what: &str,
    opset: i64,
    dims: &[i64],
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
) -> Vec<f32> {
    let model = model(opset, dims, nodes, weights);
    let size: Vec<usize> = dims.iter().map(|&d| d.max(1) as usize).collect();
    let x: Vec<f32> = random(size.iter().product(), 7)
        .iter()
        .map(|v| 2.0 * v)
        .collect();
    let ours = outputs(&import(&model), &x);
    if let Some(theirs) = reference(what, &encode(&model), &size, &[x]) {
        let worst = largest_difference(&ours, &theirs[0]);
        assert!(worst < 1e-5, "{what}: {worst}\n{ours:?}\n{theirs:?}");
    }
    ours.into_iter().next().unwrap()
}

#[test]
fn no_reference_is_lost() {
    let (all, of_files) = support::reference::counts();
    assert_eq!((all, of_files), (107, 9));
}
