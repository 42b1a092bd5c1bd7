//! The small networks that are proved, their weights and samples.

use pleat_model::annotations::Annotations;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) fn range(min: i32, max: i32) -> ValueRange {
    ValueRange { min, max }
}

pub(crate) fn window(kernel: [usize; 2], stride: [usize; 2], pads: [usize; 4]) -> Window {
    Window {
        kernel,
        stride,
        dilation: [1, 1],
        pads,
    }
}

pub(crate) fn conv(
    out_channels: usize,
    groups: usize,
    window: Window,
    shift: u32,
    activation: Activation,
) -> LayerOp {
    LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels,
            groups,
            window,
            weight_bits: 4,
            bias_bits: 6,
        },
        shift,
        quotient_bits: 6,
        activation,
    }
}

fn linear(map: LinearMap) -> LayerOp {
    LayerOp::Linear {
        map,
        shift: 3,
        quotient_bits: 6,
        activation: Activation::Clamp,
    }
}

pub(crate) fn network_of(
    layers: Vec<(LayerOp, Vec<usize>, Shape, ValueRange)>,
    outputs: &[usize],
) -> Network {
    let layers: Vec<Layer> = layers
        .into_iter()
        .map(|(op, inputs, shape, range)| Layer {
            op,
            inputs,
            shape,
            range,
        })
        .collect();
    let output = |&layer: &usize| NetworkOutput { layer, unit: None };
    let network = Network {
        input: InputSpec {
            shape: layers[0].shape,
            flat: false,
            range: layers[0].range,
            resize: None,
        },
        shift: 3,
        outputs: outputs.iter().map(output).collect(),
        layers,
    };
    network.validate().unwrap();
    network
}

/// Padded, grouped and dense convolutions, both poolings, residual sum, concatenation, copies; activations
/// per channel, from a table and clamped.
pub(crate) fn network() -> Network {
    let wide = range(-8, 15);
    let slope = Activation::Slope {
        slopes: vec![2, 5],
        shift: 3,
    };
    let table = Activation::Table {
        values: (-32..32).map(|q: i16| 18 - q * q / 30 + q / 3).collect(),
    };
    let index = vec![15, 0, 3, 3, 8, 9, 10, 11, 4, 7, 6, 5];
    network_of(
        vec![
            (LayerOp::Input, vec![], Shape::new(2, 4, 4), range(-2, 9)),
            (
                conv(2, 1, window([3, 3], [1, 1], [1; 4]), 3, slope),
                vec![0],
                Shape::new(2, 4, 4),
                wide,
            ),
            (
                LayerOp::MaxPool {
                    window: window([3, 3], [2, 2], [1; 4]),
                },
                vec![1],
                Shape::new(2, 2, 2),
                wide,
            ),
            (
                linear(LinearMap::AveragePool {
                    window: window([2, 2], [2, 2], [0; 4]),
                    multipliers: vec![2],
                }),
                vec![1],
                Shape::new(2, 2, 2),
                wide,
            ),
            (
                linear(LinearMap::Sum {
                    multipliers: vec![5, 3],
                }),
                vec![2, 3],
                Shape::new(2, 2, 2),
                wide,
            ),
            (LayerOp::Concat, vec![4, 2], Shape::new(4, 2, 2), wide),
            (
                LayerOp::Rearrange { index },
                vec![5],
                Shape::new(3, 2, 2),
                wide,
            ),
            (
                LayerOp::Pad {
                    pads: [1, 0, 0, 1],
                    value: -9,
                },
                vec![6],
                Shape::new(3, 3, 3),
                range(-9, 15),
            ),
            (
                conv(3, 3, window([2, 2], [1, 1], [0; 4]), 3, Activation::Clamp),
                vec![7],
                Shape::new(3, 2, 2),
                range(0, 15),
            ),
            (
                conv(5, 1, window([2, 2], [1, 1], [0; 4]), 3, table),
                vec![8],
                Shape::new(5, 1, 1),
                range(-20, 20),
            ),
        ],
        &[9, 4],
    )
}

/// One dense layer: many samples are cheap.
pub(crate) fn tiny_network() -> Network {
    let dense = conv(2, 1, window([4, 4], [1, 1], [0; 4]), 3, Activation::Clamp);
    network_of(
        vec![
            (LayerOp::Input, vec![], Shape::new(2, 4, 4), range(-2, 9)),
            (dense, vec![0], Shape::new(2, 1, 1), range(-8, 15)),
        ],
        &[1],
    )
}

pub(crate) fn bundle(network: Network, seed: u64) -> Bundle {
    let mut rng = StdRng::seed_from_u64(seed);
    let layers = (0..network.layers.len())
        .map(|i| LayerWeights {
            kernel: (0..network.kernel_len(i))
                .map(|_| rng.gen_range(-2..=2))
                .collect(),
            bias: (0..network.bias_len(i))
                .map(|_| rng.gen_range(-9..=20))
                .collect(),
        })
        .collect();
    let report = ImportReport {
        source: String::new(),
        parameters: 0,
        input_scale: 1.0,
        mean: vec![],
        std: vec![],
        calibration_samples: 0,
        activation_bits: 0,
        output_error: 0.0,
        worst_layer: String::new(),
        worst_layer_error: 0.0,
        accuracy: None,
        statistics: vec![],
    };
    Bundle {
        annotations: Annotations::plain(&network),
        network,
        weights: Weights { layers },
        salt: [3; 32],
        report,
    }
}

/// Samples; every second label is what the network says.
pub(crate) fn samples(bundle: &Bundle, count: usize) -> Vec<Sample> {
    let mut rng = StdRng::seed_from_u64(7);
    let executor = Executor::new(&bundle.network, &bundle.weights);
    (0..count)
        .map(|i| {
            let spec = &bundle.network.input;
            let values: Vec<i32> = (0..spec.shape.len())
                .map(|_| rng.gen_range(spec.range.min..=spec.range.max))
                .collect();
            let scores = &executor.run(&values, i).unwrap()[0];
            let label = (Network::top1(scores) + i % 2) % scores.len();
            Sample {
                values,
                label: Some(label as u32),
            }
        })
        .collect()
}
