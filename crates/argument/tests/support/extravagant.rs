//! Small valid architectures that ask a verifier for much. Tests of the command line use them, too.
#![allow(dead_code)] // every test file uses its own part

use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, Network, NetworkOutput, ValueRange,
};

/// All of them.
pub(crate) const CASES: [&str; 15] = [
    "concat",
    "pieces",
    "average",
    "rearrange",
    "picks",
    "groups",
    "slopes",
    "windows",
    "dropped",
    "dropped_columns",
    "one_of_many",
    "shuffled",
    "outputs",
    "kernels",
    "tables",
];

pub(crate) const RANGE: ValueRange = ValueRange { min: 0, max: 1 };

pub(crate) fn network(input: Shape, layers: Vec<(LayerOp, Vec<usize>, Shape)>) -> Network {
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

pub(crate) fn linear(map: LinearMap) -> LayerOp {
    LayerOp::Linear {
        map,
        shift: 0,
        quotient_bits: 2,
        activation: Activation::Clamp,
    }
}

pub(crate) fn conv(out_channels: usize, groups: usize) -> LayerOp {
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

/// A network and a size class by name.
pub(crate) fn case(name: &str) -> (Network, u32) {
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
        // A convolution whose rows are all dropped, but for those of a few pieces; its columns are listed one by one.
        "dropped" => (dropped([1, 3], [1 << 20, 3], [0; 4]), 15),
        // The same along the other axis: columns that lie in the padding, rows that are listed.
        "dropped_columns" => (dropped([3, 1], [3, 1 << 20], [0, 5, 0, 0]), 15),
        // Eight times one element out of 8176 x 8176.
        "one_of_many" => {
            let side = 8176;
            let mut layers = vec![up(side, side)];
            layers.extend((0..8).map(|_| {
                let index = LayerOp::Rearrange { index: vec![0] };
                (index, vec![1], Shape::new(1, 1, 1))
            }));
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // Values in no order at all: a box each.
        "shuffled" => {
            let n = 1u32 << 18;
            let odd = |i: u32| i.wrapping_mul(0x9e37_79b1) % n;
            let index = LayerOp::Rearrange {
                index: (0..n).map(odd).collect(),
            };
            let shape = Shape::new(1, 1 << 9, 1 << 9);
            let layers = vec![up(1 << 9, 1 << 9), (index, vec![1], shape)];
            (network(Shape::new(1, 1, 1), layers), 15)
        }
        // A thousand outputs of 2^25 values.
        "outputs" => {
            let side = 1 << 12;
            let mut network = network(Shape::new(1, 1, 1), vec![up(side, 2 * side)]);
            network.outputs = vec![network.outputs[0].clone(); 1024];
            (network, 15)
        }
        // A kernel that falls into one vector per output channel.
        "kernels" => {
            let mut layers = doubled(8);
            layers.push((conv(1 << 17, 1), vec![8], Shape::new(1 << 17, 1, 1)));
            (network(Shape::new(1, 1, 1), layers), 8)
        }
        // No weights, and tables of 2^25 wide entries for a verifier to commit to.
        "tables" => {
            let shape = Shape::new(490, 1, 1);
            let op = LayerOp::Linear {
                map: LinearMap::Sum {
                    multipliers: vec![1],
                },
                shift: 0,
                quotient_bits: 16,
                activation: Activation::Slope {
                    slopes: (0..490).map(|i| 4096 + 8 * i).collect(),
                    shift: 12,
                },
            };
            let mut network = network(shape, vec![(op, vec![0], shape)]);
            let (min, max) = (-(1 << 15), (1 << 15) - 1);
            network.layers[1].range = ValueRange { min, max };
            (network, 17)
        }
        _ => panic!("no case {name}"),
    }
}

/// The single value of the input, repeated.
fn up(height: usize, width: usize) -> (LayerOp, Vec<usize>, Shape) {
    let factors = [height, width];
    (
        LayerOp::Upsample { factors },
        vec![0],
        Shape::new(1, height, width),
    )
}

/// Forty convolutions of one window over an upsampled image.
fn dropped(kernel: [usize; 2], stride: [usize; 2], pads: [usize; 4]) -> Network {
    let [height, width] = match stride[0] > stride[1] {
        true => [16240, 4088],
        false => [4088, 16240],
    };
    let window = Window {
        kernel,
        stride,
        pads,
        ..Window::POINT
    };
    let [rows, columns] = window.output(height, width).unwrap();
    let mut layers = vec![up(height, width)];
    layers.extend((0..40).map(|_| {
        let map = LinearMap::Conv {
            out_channels: 1,
            groups: 1,
            window,
            weight_bits: 2,
            bias_bits: 2,
        };
        (linear(map), vec![1], Shape::new(1, rows, columns))
    }));
    network(Shape::new(1, 1, 1), layers)
}
