//! Small valid architectures whose layout would exhaust a verifier: refused with a sentence, soon.
//!
//! Each child process has 30 seconds and 4 GiB: what an architecture of a few megabytes may cost at most.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use pleat_argument::Error;
use pleat_argument::layout::register_model;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, Network, NetworkOutput, ValueRange,
};

const RANGE: ValueRange = ValueRange { min: 0, max: 1 };

fn network(input: Shape, layers: Vec<(LayerOp, Vec<usize>, Shape)>) -> Network {
    let all = std::iter::once((LayerOp::Input, vec![], input)).chain(layers);
    let layers: Vec<Layer> = all
        .map(|(op, inputs, shape)| Layer {
            op,
            inputs,
            shape,
            range: RANGE,
        })
        .collect();
    let last = layers.len() - 1;
    Network {
        input: InputSpec {
            shape: input,
            flat: input.plane() == 1,
            range: RANGE,
            resize: None,
        },
        shift: 0,
        outputs: vec![NetworkOutput {
            layer: last,
            unit: None,
        }],
        layers,
    }
}

fn linear(map: LinearMap) -> LayerOp {
    LayerOp::Linear {
        map,
        shift: 0,
        quotient_bits: 2,
        activation: Activation::Clamp,
    }
}

fn conv(out_channels: usize, groups: usize) -> LayerOp {
    linear(LinearMap::Conv {
        out_channels,
        groups,
        window: Window::POINT,
        weight_bits: 2,
        bias_bits: 2,
    })
}

/// Doubled by concatenation: `2^bits` pieces of one channel.
fn doubled(bits: usize) -> Vec<(LayerOp, Vec<usize>, Shape)> {
    (0..bits)
        .map(|i| (LayerOp::Concat, vec![i, i], Shape::new(2 << i, 1, 1)))
        .collect()
}

fn case(name: &str) -> (Network, u32) {
    match name {
        // 2^20 pieces, each of them a run of channels of the convolution.
        "concat" => {
            let mut layers = doubled(20);
            layers.push((conv(1, 1), vec![20], Shape::new(1, 1, 1)));
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // Pieces without end: 2^26 of them.
        "pieces" => (network(Shape::new(1, 1, 1), doubled(26)), 15),
        // A million rectangles, each of which reads 32 pieces.
        "average" => {
            let side = 1 << 10;
            let multipliers = (0..side * side)
                .map(|i| ((i + i / side) % 2) as i32)
                .collect();
            let window = Window::POINT;
            let shape = Shape::new(1, side, side);
            let up = LayerOp::Upsample {
                factors: [side, side],
            };
            let pool = linear(LinearMap::AveragePool {
                window,
                multipliers,
            });
            let layers = vec![(up, vec![0], shape), (pool, vec![1], shape)];
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // One value used 64 times among 2^26: a list of all for every use.
        "rearrange" => {
            let up = LayerOp::Upsample {
                factors: [1 << 13, 1 << 13],
            };
            let index = LayerOp::Rearrange { index: vec![0; 64] };
            let layers = vec![
                (up, vec![0], Shape::new(1, 1 << 13, 1 << 13)),
                (index, vec![1], Shape::new(64, 1, 1)),
            ];
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // Hundreds of layers that pick one of 2^24 values.
        "picks" => {
            let up = LayerOp::Upsample {
                factors: [1 << 12, 1 << 12],
            };
            let mut layers = vec![(up, vec![0], Shape::new(1, 1 << 12, 1 << 12))];
            layers.extend((0..2000).map(|_| {
                let index = LayerOp::Rearrange { index: vec![0] };
                (index, vec![1], Shape::new(1, 1, 1))
            }));
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // Groups of three channels: a product each, 2^17 of them over 2^10 pieces.
        "groups" => {
            let wide = 3 << 7;
            let mut layers: Vec<_> = (0..10usize)
                .map(|i| {
                    let shape = Shape::new(wide << (i + 1), 1, 1);
                    (LayerOp::Concat, vec![i, i], shape)
                })
                .collect();
            let groups = 1 << 17;
            let shape = Shape::new(groups, 1, 1);
            layers.push((conv(groups, groups), vec![10], shape));
            (network(Shape::new(wide, 1, 1), layers), 15)
        }
        // A table for each of 2^20 channels.
        "slopes" => {
            let activation = Activation::Slope {
                slopes: vec![0; 1 << 20],
                shift: 0,
            };
            let op = LayerOp::Linear {
                map: LinearMap::Sum {
                    multipliers: vec![1],
                },
                shift: 0,
                quotient_bits: 2,
                activation,
            };
            let mut layers = vec![(
                LayerOp::Rearrange {
                    index: (0..1 << 20).collect(),
                },
                vec![1],
                Shape::new(1 << 20, 1, 1),
            )];
            let up = LayerOp::Upsample {
                factors: [1 << 10, 1 << 10],
            };
            layers.insert(0, (up, vec![0], Shape::new(1, 1 << 10, 1 << 10)));
            layers.push((op, vec![2], Shape::new(1 << 20, 1, 1)));
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // A window of 2^7 elements in chunks of 2^8: a block for every two windows.
        "windows" => {
            let side = 1 << 12;
            let up = LayerOp::Upsample {
                factors: [side, side],
            };
            let window = Window {
                kernel: [16, 8],
                pads: [15, 7, 0, 0],
                ..Window::POINT
            };
            let layers = vec![
                (up, vec![0], Shape::new(1, side, side)),
                (
                    LayerOp::Upsample { factors: [1, 1] },
                    vec![1],
                    Shape::new(1, side, side),
                ),
                (
                    LayerOp::Rearrange {
                        index: (0..1u32 << 23).collect(),
                    },
                    vec![2],
                    Shape::new(1, 1 << 23, 1),
                ),
                (
                    LayerOp::MaxPool {
                        window: Window {
                            kernel: [128, 1],
                            pads: [127, 0, 0, 0],
                            ..window
                        },
                    },
                    vec![3],
                    Shape::new(1, 1 << 23, 1),
                ),
            ];
            (network(Shape::new(1, 1, 1), layers), 12)
        }
        _ => panic!("no case {name}"),
    }
}

/// What the parent runs.
#[test]
#[ignore = "run by its parent"]
fn child() {
    let name = std::env::var("PLEAT_EXTRAVAGANT").unwrap();
    let (network, row_bits) = case(&name);
    network.validate().expect("a valid network");
    match register_model(&network, row_bits) {
        Err(Error::Layout(message)) => println!("{name}: {message}"),
        Err(other) => panic!("{name}: {other}"),
        Ok(program) => println!("{name}: {} vectors", program.vectors.len()),
    }
}

fn affordable(name: &str) {
    let own = std::env::current_exe().unwrap();
    let script = "ulimit -v 4194304; exec \"$0\" --exact child --ignored --nocapture";
    let mut child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(own)
        .env("PLEAT_EXTRAVAGANT", name)
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name}: more than 30 seconds");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{name}: {status}");
}

macro_rules! cases {
    ($($name:ident)*) => { $(
        #[cfg(unix)]
        #[test]
        fn $name() {
            affordable(stringify!($name));
        }
    )* };
}

cases!(concat pieces average rearrange picks groups slopes windows);
