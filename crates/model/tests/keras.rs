//! Keras models of `shared/models` against their documented accuracy and each other, and damaged files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests
use std::io::Read;
use std::path::{Path, PathBuf};

use pleat_model::builder::InputTransform;
use pleat_model::graph::{Activation, Graph, Head, Op};
use pleat_model::import::{ImportOptions, parse_model};
use proptest::prelude::*;
use rayon::prelude::*;

/// Outputs without their heads.
fn evaluate(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let tensors = graph.run(input).unwrap();
    graph
        .outputs
        .iter()
        .map(|o| tensors[o.node].clone())
        .collect()
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn read(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(shared(name)?).unwrap())
}

fn gunzip(path: PathBuf) -> Vec<u8> {
    let mut out = vec![];
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut out)
        .unwrap();
    out
}

/// The first `n` test images, raw, and their labels.
fn mnist(n: usize) -> Option<(Vec<Vec<f32>>, Vec<u8>)> {
    let images = gunzip(shared("data/mnist/t10k-images-idx3-ubyte.gz")?);
    let labels = gunzip(shared("data/mnist/t10k-labels-idx1-ubyte.gz")?);
    let images = images[16..]
        .chunks_exact(784)
        .take(n)
        .map(|c| c.iter().map(|&b| f32::from(b)).collect())
        .collect();
    Some((images, labels[8..8 + n].to_vec()))
}

fn import(name: &str, scale: f32) -> Option<Graph> {
    let options = ImportOptions {
        transform: InputTransform {
            scale,
            ..InputTransform::default()
        },
        ..ImportOptions::default()
    };
    let bytes = read(&format!("models/{name}"))?;
    Some(parse_model(bytes, &options).unwrap_or_else(|e| panic!("{name}: {e}")))
}

fn argmax(v: &[f32]) -> usize {
    (0..v.len()).max_by(|&a, &b| v[a].total_cmp(&v[b])).unwrap()
}

const UNIT: f32 = 1.0 / 255.0;
/// File, scale of the pixels, accuracy on all 10,000 images, parameters: from the README of the models.
const MODELS: &[(&str, f32, f32, usize)] = &[
    ("lenet5_mnist.h5", UNIT, 96.39, 61_706),
    ("lenet5_mnist.keras", UNIT, 96.39, 61_706),
    ("mlp_mnist.keras", UNIT, 97.96, 109_386),
    ("mnist_resnet_tiny.keras", UNIT, 99.27, 77_866),
    ("mnist_sepconv.keras", UNIT, 98.05, 2_938),
    ("mnist_sepconv.h5", UNIT, 98.05, 2_938),
    ("mnist_poly.keras", UNIT, 97.06, 862),
    ("mnist_poly.h5", UNIT, 97.06, 862),
    ("mnist_poly_layers.keras", UNIT, 97.06, 862),
    ("mnist_poly_layers.h5", UNIT, 97.06, 862),
    ("keras2circom_mnist.h5", UNIT, 97.57, 1_078),
    ("keras2circom_best_practice.h5", 1.0, 97.28, 862),
    ("keras2circom_alt_model.h5", 1.0, 91.45, 678),
];

#[test]
fn accuracies_are_those_of_keras() {
    let Some((images, labels)) = mnist(10_000) else {
        return;
    };
    for &(name, scale, accuracy, parameters) in MODELS {
        let Some(graph) = import(name, scale) else {
            return;
        };
        assert_eq!(graph.parameters, parameters, "{name}");
        assert_eq!(graph.outputs.len(), 1, "{name}");
        // All images where that takes no time: then the number is Keras's own.
        let macs = graph.multiplications();
        let (n, tolerance) = if macs < 50_000 {
            (10_000, 0.011)
        } else {
            (1_000, 2.0)
        };
        let hits = images[..n]
            .par_iter()
            .zip(&labels)
            .filter(|(image, label)| argmax(&evaluate(&graph, image)[0]) == usize::from(**label))
            .count();
        let measured = hits as f32 * 100.0 / n as f32;
        eprintln!("{name}: {measured} % of {n}, {accuracy} % of 10,000 in Keras");
        assert!(
            (measured - accuracy).abs() <= tolerance,
            "{name}: {measured} %"
        );
    }
}

#[test]
fn twins_agree() {
    let Some((images, _)) = mnist(100) else {
        return;
    };
    for (a, b) in [
        ("lenet5_mnist.h5", "lenet5_mnist.keras"),
        ("mnist_sepconv.h5", "mnist_sepconv.keras"),
        ("mnist_poly.h5", "mnist_poly.keras"),
        ("mnist_poly.h5", "mnist_poly_layers.h5"),
        ("mnist_poly.h5", "mnist_poly_layers.keras"),
    ] {
        let (Some(a), Some(b)) = (import(a, UNIT), import(b, UNIT)) else {
            return;
        };
        let worst = images
            .par_iter()
            .map(|image| {
                let (a, b) = (evaluate(&a, image), evaluate(&b, image));
                a[0].iter()
                    .zip(&b[0])
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max)
            })
            .reduce(|| 0.0, f32::max);
        assert!(worst <= 1e-4, "{worst}");
    }
}

#[test]
fn squares_become_polynomials() {
    for name in [
        "mnist_poly.h5",
        "mnist_poly_layers.keras",
        "keras2circom_best_practice.h5",
    ] {
        let Some(graph) = import(name, 1.0) else {
            return;
        };
        let count = graph
            .nodes
            .iter()
            .filter(|n| {
                matches!(
                    n.op,
                    Op::Activation(Activation::Polynomial { square, linear, constant })
                        if (square, linear, constant) == (1.0, 1.0, 0.0)
                )
            })
            .count();
        assert_eq!(count, 2, "{name}");
        assert_eq!(
            graph.outputs[0].head,
            Head::Softmax {
                classes: 10,
                stride: 1
            }
        );
    }
}

/// Damage must give an error or a graph, never a panic.
fn survives(bytes: Vec<u8>) {
    let hook = std::thread::spawn(move || {
        let _ = parse_model(bytes, &ImportOptions::default());
    });
    hook.join().expect("no panic");
}

const SMALL: [&str; 4] = [
    "models/mnist_poly_layers.h5",
    "models/mnist_poly_layers.keras",
    "models/keras2circom_alt_model.h5",
    "models/mnist_poly.h5",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_behind_the_magic(
        zip in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let mut all = if zip { b"PK\x03\x04".to_vec() } else { b"\x89HDF\r\n\x1a\n".to_vec() };
        all.extend(bytes);
        survives(all);
    }

    #[test]
    fn damaged_files(
        which in 0..SMALL.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<u8>()), 0..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        if let Some(mut bytes) = read(SMALL[which]) {
            for (at, early, value) in edits {
                // Half of the damage in the first bytes, where the structure is.
                let at = at.index(if early { 8192 } else { bytes.len() });
                bytes[at] = value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            survives(bytes);
        }
    }
}
