//! Measures the prover on a LeNet-5 with random weights.
//!
//! ```text
//! cargo run --release -p pleat-compressor --example lenet -- [SAMPLES] [SRS_DIR]
//! ```
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Instant;

use pleat_compressor::{Expectations, compress, verify};
use pleat_folding::{Params, Prover, Requirements, srs};
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights, rounding_constant,
};
use pleat_step_circuits::{Kind, Step};
use rand::{Rng, SeedableRng};

const SHIFT: u32 = 8;

fn layer(name: &str, op: LayerOp, input: Option<usize>, shape: Shape, range: ValueRange) -> Layer {
    Layer {
        name: name.into(),
        op,
        inputs: input.into_iter().collect(),
        shape,
        range,
        scale: 1.0,
    }
}

fn lenet() -> Network {
    let byte = ValueRange { min: 0, max: 255 };
    let square = |k: usize, stride: usize, pad: usize| Window {
        kernel: [k, k],
        stride: [stride, stride],
        dilation: [1, 1],
        pads: [pad; 4],
    };
    let conv = |out: usize, window: Window| LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels: out,
            groups: 1,
            window,
            weight_bits: 8,
            bias_bits: 18,
        },
        shift: SHIFT,
        quotient_bits: 11,
        activation: Activation::Clamp,
    };
    let pool = || LayerOp::Linear {
        map: LinearMap::AveragePool {
            window: square(2, 2, 0),
            multipliers: vec![64],
        },
        shift: SHIFT,
        quotient_bits: 9,
        activation: Activation::Clamp,
    };
    let flat: Vec<u32> = (0..400).collect();
    let logits = ValueRange {
        min: -1024,
        max: 1023,
    };
    let s = Shape::new;
    let layers = vec![
        layer("input", LayerOp::Input, None, s(1, 28, 28), byte),
        layer(
            "conv1",
            conv(6, square(5, 1, 2)),
            Some(0),
            s(6, 28, 28),
            byte,
        ),
        layer("pool1", pool(), Some(1), s(6, 14, 14), byte),
        layer(
            "conv2",
            conv(16, square(5, 1, 0)),
            Some(2),
            s(16, 10, 10),
            byte,
        ),
        layer("pool2", pool(), Some(3), s(16, 5, 5), byte),
        layer(
            "flatten",
            LayerOp::Rearrange { index: flat },
            Some(4),
            s(400, 1, 1),
            byte,
        ),
        layer(
            "dense1",
            conv(120, Window::POINT),
            Some(5),
            s(120, 1, 1),
            byte,
        ),
        layer(
            "dense2",
            conv(84, Window::POINT),
            Some(6),
            s(84, 1, 1),
            byte,
        ),
        layer(
            "dense3",
            conv(10, Window::POINT),
            Some(7),
            s(10, 1, 1),
            logits,
        ),
    ];
    Network {
        input: InputSpec {
            shape: s(1, 28, 28),
            flat: false,
            range: byte,
            resize: None,
        },
        shift: SHIFT,
        layers,
        outputs: vec![NetworkOutput {
            name: "scores".into(),
            layer: 8,
            dims: vec![1, 10],
            head: Head::Values,
        }],
    }
}

fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM"));
    let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let samples: usize = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(8);
    let dir = arguments.next().unwrap_or("/tmp/pleat-srs".into());
    let dir = std::path::Path::new(&dir);
    let network = lenet();
    network.validate().unwrap();
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let weights = Weights {
        layers: (0..network.layers.len())
            .map(|i| LayerWeights {
                kernel: (0..network.kernel_len(i))
                    .map(|_| rng.gen_range(-9..12))
                    .collect(),
                bias: (0..network.bias_len(i))
                    .map(|_| rng.gen_range(-900..900) + rounding_constant(SHIFT))
                    .collect(),
            })
            .collect(),
    };
    let mut timer = Instant::now();
    let mut lap = |what: &str| {
        println!(
            "{what:<24} {:>8.2} s   peak {} MiB",
            timer.elapsed().as_secs_f64(),
            peak_rss_mib()
        );
        timer = Instant::now();
    };
    let step = Step::new(&network, Kind::Accuracy).unwrap();
    let needs = Requirements::of(&step).unwrap();
    println!("{needs:?}, parameters {}", network.parameters());
    lap("count");
    if srs::find(dir, needs.power).is_err() {
        srs::create_local(dir, needs.power, false).unwrap();
        lap("srs");
    }
    let params = Params::setup(&network, Kind::Accuracy, dir).unwrap();
    println!(
        "constraints {:?} variables {:?}",
        params.nova().num_constraints(),
        params.nova().num_variables()
    );
    lap("setup");
    let mut prover = Prover::new(&params, &weights, &[7; 32], b"lenet").unwrap();
    for i in 0..samples {
        let image: Vec<i32> = (0..784).map(|_| rng.gen_range(0..256)).collect();
        prover
            .prove_sample(&image, Some(rng.gen_range(0..10)))
            .unwrap();
        lap(&format!("step {i}"));
    }
    let running = prover.finish().unwrap();
    let proof = compress(&params, &running).unwrap();
    lap("compress");
    let bytes = proof.to_bytes().unwrap();
    println!("proof bytes {}", bytes.len());
    drop((params, running, proof));
    let statement = verify(&bytes, dir, &Expectations::default()).unwrap();
    lap("verify (setup included)");
    println!("{:?}", statement.claim);
}
