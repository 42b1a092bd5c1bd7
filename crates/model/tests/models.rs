//! Whole models on real data: the integer network decides like the float network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

use std::path::PathBuf;

use pleat_model::accuracy::compare;
use pleat_model::builder::InputTransform;
use pleat_model::data::{DataSet, Sample};
use pleat_model::execute::Executor;
use pleat_model::graph::{Graph, Head, InputLayout};
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::network::Network;
use pleat_model::quantize::{QuantizeOptions, Quantized, quantize};

fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED, NOT TESTED: {} is absent", path.display());
    None
}

fn options(scale: f32, mean: f32, std: f32) -> ImportOptions {
    ImportOptions {
        transform: InputTransform {
            scale,
            mean: vec![mean],
            std: vec![std],
        },
        ..ImportOptions::default()
    }
}

fn mnist(graph: &Graph) -> Option<DataSet> {
    let images = shared("data/mnist/t10k-images-idx3-ubyte.gz")?;
    let labels = shared("data/mnist/t10k-labels-idx1-ubyte.gz")?;
    Some(DataSet::open(&images, Some(&labels), &graph.input_spec(None)).unwrap())
}

fn samples(data: &DataSet, n: usize) -> Vec<Sample> {
    data.samples(0..n).unwrap().map(Result::unwrap).collect()
}

fn integers(graph: &Graph, samples: &[Sample], resize: Option<[usize; 2]>) -> Quantized {
    quantize(
        graph,
        &graph.input_spec(resize),
        samples,
        &QuantizeOptions::default(),
    )
    .unwrap()
}

/// Float and integer accuracy over the 10,000 test images.
fn accuracies(file: &str, options: &ImportOptions, calibration: usize) -> Option<(f64, f64)> {
    let graph = read_model(&shared(&format!("models/{file}"))?, options).unwrap();
    let data = mnist(&graph)?;
    let q = integers(&graph, &samples(&data, calibration), None);
    let executor = Executor::new(&q.network, &q.weights);
    let counts = compare(&graph, &executor, data.samples(0..10_000).unwrap(), |_| ()).unwrap();
    assert_eq!(
        (counts.samples, counts.labelled, counts.refused),
        (10_000, 10_000, 0)
    );
    let (float, int) = (
        counts.float_accuracy().unwrap(),
        counts.int_accuracy().unwrap(),
    );
    println!(
        "{file}: {} bits, shift {}: float {:.2} %, integer {:.2} %, same decision {:.2} %",
        q.activation_bits,
        q.network.shift,
        float * 100.0,
        int * 100.0,
        counts.agree as f64 / 100.0
    );
    Some((float, int))
}

/// Every MNIST model, its documented float accuracy in percent, its preprocessing.
const MNIST_MODELS: [(&str, f64, f32, f32, f32); 9] = [
    ("lenet5_mnist.onnx", 96.39, 255.0, 0.0, 1.0),
    ("mlp_mnist.keras", 97.96, 255.0, 0.0, 1.0),
    ("mnist_resnet_tiny.onnx", 99.27, 255.0, 0.0, 1.0),
    ("mnist_sepconv.h5", 98.05, 255.0, 0.0, 1.0),
    ("mnist_poly.keras", 97.06, 255.0, 0.0, 1.0),
    ("mnist_poly_layers.onnx", 97.06, 255.0, 0.0, 1.0),
    ("keras2circom_mnist.h5", 97.57, 255.0, 0.0, 1.0),
    ("keras2circom_best_practice.h5", 97.28, 1.0, 0.0, 1.0),
    ("keras2circom_alt_model.h5", 91.45, 1.0, 0.0, 1.0),
];

#[test]
fn integers_keep_the_accuracy_of_every_mnist_model() {
    for (file, documented, divisor, mean, std) in MNIST_MODELS {
        let Some((float, int)) = accuracies(file, &options(1.0 / divisor, mean, std), 1024) else {
            return;
        };
        assert!(
            (float * 100.0 - documented).abs() < 0.02,
            "{file}: float {float}"
        );
        assert!(
            (float - int).abs() <= 0.002,
            "{file}: float {float}, integer {int}"
        );
    }
}

#[test]
fn integers_keep_the_accuracy_of_the_largest_mnist_model() {
    let options = options(1.0 / 255.0, 0.1307, 0.3081);
    let Some((float, int)) = accuracies("digit_recognizer_mnist.onnx", &options, 256) else {
        return;
    };
    assert!((float - 0.9906).abs() < 0.0002, "float {float}");
    assert!((float - int).abs() <= 0.002, "float {float}, integer {int}");
}

#[test]
fn one_network_from_three_formats_gives_identical_integers() {
    let Some(first) = shared("models/lenet5_mnist.onnx") else {
        return;
    };
    let networks: Vec<(Quantized, Vec<Sample>)> = ["onnx", "h5", "keras"]
        .iter()
        .map(|format| {
            let graph = read_model(
                &first.with_extension(format),
                &options(1.0 / 255.0, 0.0, 1.0),
            )
            .unwrap();
            let samples = samples(&mnist(&graph).unwrap(), 512);
            (integers(&graph, &samples, None), samples)
        })
        .collect();
    for (q, samples) in &networks {
        assert_eq!(q.weights, networks[0].0.weights);
        for (i, s) in samples.iter().enumerate() {
            let here = Executor::new(&q.network, &q.weights)
                .run(&s.values, i)
                .unwrap();
            let there = Executor::new(&networks[0].0.network, &networks[0].0.weights)
                .run(&s.values, i)
                .unwrap();
            assert_eq!(here, there);
        }
    }
}

#[test]
fn efficientnet_recognises_the_photos() {
    let (Some(model), Some(photos)) = (
        shared("models/efficientnet_lite0.onnx"),
        shared("data/imagenet20"),
    ) else {
        return;
    };
    let graph = read_model(&model, &options(1.0, 127.0, 128.0)).unwrap();
    let resize = Some([256, 256]);
    let data = DataSet::open(&photos, None, &graph.input_spec(resize)).unwrap();
    let samples = samples(&data, 20);
    let q = integers(&graph, &samples, resize);
    let executor = Executor::new(&q.network, &q.weights);
    let right = samples
        .iter()
        .enumerate()
        .filter(|(i, s)| {
            let outputs = executor.run(&s.values, *i).unwrap();
            s.label == Some(Network::top1(&outputs[0]) as u32)
        })
        .count();
    println!(
        "efficientnet_lite0: {} bits, shift {}: {right} of 20 right",
        q.activation_bits, q.network.shift
    );
    assert!(right >= 17, "{right} of 20");
}

/// Inputs and onnxruntime's outputs of the face detectors, which want their images transposed.
#[test]
fn face_detectors_agree_with_onnxruntime() {
    for (name, size) in [("pnet", None), ("rnet", None)] {
        let (Some(model), Some(reference)) = (
            shared(&format!("models/mtcnn_{name}.onnx")),
            shared(&format!("models/mtcnn_{name}_ref.npz")),
        ) else {
            return;
        };
        let arrays = npz(&reference);
        let (dims, inputs) = &arrays["inputs"];
        let options = ImportOptions {
            layout: Some(InputLayout::Whc),
            size: size.or(Some([dims[2], dims[1]])),
            ..ImportOptions::default()
        };
        let graph = read_model(&model, &options).unwrap();
        let per_sample: usize = dims[1..].iter().product();
        for (i, input) in inputs.chunks(per_sample).enumerate() {
            // The file has columns, rows, channels; the graph's input is channels, rows, columns.
            let (w, h, c) = (dims[1], dims[2], dims[3]);
            let chw: Vec<f32> = (0..c * h * w)
                .map(|k| input[((k % w) * h + k / w % h) * c + k / (h * w)])
                .collect();
            let tensors = graph.run(&chw).unwrap();
            for output in &graph.outputs {
                let (_, expected) = &arrays[&output.name];
                let mut values = tensors[output.node].clone();
                if let Head::Softmax { classes, stride } = output.head {
                    softmax(&mut values, classes, stride);
                }
                let expected = &expected[i * values.len()..(i + 1) * values.len()];
                for (a, b) in values.iter().zip(expected) {
                    assert!(
                        (a - b).abs() < 1e-4,
                        "{name} sample {i} {}: {a} {b}",
                        output.name
                    );
                }
            }
        }
    }
}

fn softmax(values: &mut [f32], classes: usize, stride: usize) {
    for start in (0..values.len()).filter(|i| (i / stride).is_multiple_of(classes)) {
        let total: f32 = (0..classes).map(|k| values[start + k * stride].exp()).sum();
        for k in 0..classes {
            values[start + k * stride] = values[start + k * stride].exp() / total;
        }
    }
}

/// Arrays of little-endian `f32` in an npz file, by name.
fn npz(path: &std::path::Path) -> std::collections::HashMap<String, (Vec<usize>, Vec<f32>)> {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|i| {
            let mut file = archive.by_index(i).unwrap();
            let name = file.name().unwrap().trim_end_matches(".npy").to_owned();
            let mut bytes = vec![];
            file.read_to_end(&mut bytes).unwrap();
            let header_end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            let header = String::from_utf8_lossy(&bytes[10..header_end]).into_owned();
            assert!(
                header.contains("'<f4'") && header.contains("False"),
                "{header}"
            );
            let dims = header.split('(').nth(1).unwrap().split(')').next().unwrap();
            let dims = dims
                .split(',')
                .filter_map(|d| d.trim().parse().ok())
                .collect();
            let values = bytes[header_end..]
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            (name, (dims, values))
        })
        .collect()
}
