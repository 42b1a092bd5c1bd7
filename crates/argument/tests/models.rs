//! Real models: what is proved is bit by bit what the executor computes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_argument::data::DataSecrecy;
use pleat_argument::evaluation::Evaluation;
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::statement::{Visibility, context_hash};
use pleat_model::builder::InputTransform;
use pleat_model::bundle::Bundle;
use pleat_model::data::{DataSet, Sample};
use pleat_model::execute::Executor;
use pleat_model::graph::{Graph, InputLayout};
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::network::Network;
use pleat_model::quantize::{QuantizeOptions, quantize};
use support::{bundle, key};

const ROW_BITS: u32 = 15;

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

fn quantized(graph: &Graph, samples: &[Sample]) -> Bundle {
    let spec = graph.input_spec(None);
    let q = quantize(graph, &spec, samples, &QuantizeOptions::default()).unwrap();
    bundle(q.network, q.weights)
}

/// A model on MNIST images, the first `n` of them with labels.
fn mnist(file: &str, options: &ImportOptions, n: usize) -> Option<(Bundle, Vec<Sample>)> {
    let model = shared(&format!("models/{file}"))?;
    let images = shared("data/mnist/t10k-images-idx3-ubyte.gz")?;
    let labels = shared("data/mnist/t10k-labels-idx1-ubyte.gz")?;
    let graph = read_model(&model, options).unwrap();
    let data = DataSet::open(&images, Some(&labels), &graph.input_spec(None)).unwrap();
    let samples = |n| data.samples(0..n).unwrap().map(Result::unwrap).collect();
    let calibration: Vec<Sample> = samples(64);
    Some((quantized(&graph, &calibration), samples(n)))
}

/// Proves, verifies, compares with the executor.
fn prove(name: &str, bundle: &Bundle, samples: &[Sample], kind: Kind) {
    let key = key(ROW_BITS + 2);
    let network = &bundle.network;
    let labelled = samples[0].label.is_some();
    let start = Instant::now();
    let model = Model::new(key, bundle, ROW_BITS, None).unwrap();
    let mut registry = Registry::default();
    let (registration, _) = model
        .register(&ProofSecret::native([1; 32]), Scheme::HyperKzg)
        .unwrap();
    registry
        .register_model(key, network, ROW_BITS, model.id, &registration)
        .unwrap();
    let registered = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let evaluation = Evaluation::new(&model, kind, samples, DataSecrecy::Public, None).unwrap();
    let context = context_hash(b"models");
    let proved = evaluation
        .prove(
            samples,
            context,
            &ProofSecret::native([2; 32]),
            Scheme::HyperKzg,
        )
        .unwrap();
    let program = evaluation.program();
    println!(
        "{name}: registered in {registered:.1} s, {} samples proved in {:.1} s, {} a group, {} chunks of {:.0} % use",
        samples.len(),
        start.elapsed().as_secs_f64(),
        program.group_samples(),
        program.chunks(),
        100.0 * program.utilisation(),
    );
    let claim = Claim {
        kind,
        row_bits: ROW_BITS,
        group_bits: program.group_bits,
        labelled,
        samples: samples.len() as u64,
        context,
        model: model.id,
        data: registry
            .admit_data(key, network, ROW_BITS, samples)
            .unwrap(),
        visibility: Visibility::Public,
    };
    let outcome = registry
        .verify_claim(key, network, &claim, &proved.proof)
        .unwrap();
    let executor = Executor::new(network, &bundle.weights);
    let run = |(i, s): (usize, &Sample)| executor.run(&s.values, i).unwrap();
    let expected: Vec<Vec<Vec<i32>>> = samples.iter().enumerate().map(run).collect();
    if kind == Kind::Accuracy {
        let decides =
            |(o, s): &(&Vec<Vec<i32>>, &Sample)| s.label == Some(Network::top1(&o[0]) as u32);
        let right = expected.iter().zip(samples).filter(decides).count();
        println!("{name}: {right} of {} right", samples.len());
        assert_eq!(outcome.count, right as u64, "{name}");
    } else {
        assert_eq!(proved.outputs, expected, "{name}");
        let chain = outputs_chain(key, network, &claim, &expected).unwrap();
        assert_eq!(outcome.outputs, chain, "{name}");
    }
}

/// Every MNIST model with its preprocessing.
const MNIST_MODELS: [(&str, f32, f32, f32); 10] = [
    ("lenet5_mnist.onnx", 255.0, 0.0, 1.0),
    ("mlp_mnist.keras", 255.0, 0.0, 1.0),
    ("mnist_resnet_tiny.onnx", 255.0, 0.0, 1.0),
    ("mnist_sepconv.h5", 255.0, 0.0, 1.0),
    ("mnist_poly.keras", 255.0, 0.0, 1.0),
    ("mnist_poly_layers.onnx", 255.0, 0.0, 1.0),
    ("keras2circom_mnist.h5", 255.0, 0.0, 1.0),
    ("keras2circom_best_practice.h5", 1.0, 0.0, 1.0),
    ("keras2circom_alt_model.h5", 1.0, 0.0, 1.0),
    ("digit_recognizer_mnist.onnx", 255.0, 0.1307, 0.3081),
];

#[test]
fn outputs_of_every_mnist_model() {
    for (file, divisor, mean, std) in MNIST_MODELS {
        let Some((bundle, mut samples)) = mnist(file, &options(1.0 / divisor, mean, std), 2) else {
            return;
        };
        samples.iter_mut().for_each(|s| s.label = None);
        prove(file, &bundle, &samples, Kind::Outputs);
    }
}

#[test]
fn accuracy_of_the_largest_mnist_model() {
    let file = "digit_recognizer_mnist.onnx";
    let options = options(1.0 / 255.0, 0.1307, 0.3081);
    let Some((bundle, samples)) = mnist(file, &options, 256) else {
        return;
    };
    prove(file, &bundle, &samples, Kind::Accuracy);
}

/// Several outputs each; images of the references, as pixels.
#[test]
fn outputs_of_the_face_detectors() {
    for name in ["pnet", "rnet"] {
        let (Some(model), Some(reference)) = (
            shared(&format!("models/mtcnn_{name}.onnx")),
            shared(&format!("models/mtcnn_{name}_ref.npz")),
        ) else {
            return;
        };
        let (dims, inputs) = npz_inputs(&reference);
        let (w, h, c) = (dims[1], dims[2], dims[3]);
        let options = ImportOptions {
            layout: Some(InputLayout::Whc),
            size: Some([h, w]),
            ..options(1.0, 127.5, 128.0)
        };
        let graph = read_model(&model, &options).unwrap();
        let samples: Vec<Sample> = inputs
            .chunks(c * h * w)
            .map(|input| Sample {
                // The file has columns, rows, channels; a sample channels, rows, columns.
                values: (0..c * h * w)
                    .map(|k| input[((k % w) * h + k / w % h) * c + k / (h * w)])
                    .map(|x| (x * 128.0 + 127.5).round().clamp(0.0, 255.0) as i32)
                    .collect(),
                label: None,
            })
            .collect();
        let bundle = quantized(&graph, &samples);
        assert!(bundle.network.outputs.len() > 1);
        prove(
            name,
            &bundle,
            &samples[..samples.len().min(2)],
            Kind::Outputs,
        );
    }
}

/// Dimensions and values of the array `inputs`, little-endian `f32`.
fn npz_inputs(path: &Path) -> (Vec<usize>, Vec<f32>) {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = vec![];
    archive
        .by_name("inputs.npy")
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    let header_end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..header_end]).into_owned();
    assert!(
        header.contains("'<f4'") && header.contains("False"),
        "{header}"
    );
    let dims = header.split('(').nth(1).unwrap().split(')').next().unwrap();
    let dims = dims.split(',').filter_map(|d| d.trim().parse().ok());
    let values = bytes[header_end..].chunks_exact(4);
    (
        dims.collect(),
        values
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect(),
    )
}
