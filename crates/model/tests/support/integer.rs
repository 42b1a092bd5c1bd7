//! Integer networks written by hand, and a random source.
#![allow(dead_code)] // every test file uses its own part

use pleat_model::annotations::{Annotations, LayerNote, OutputNote};
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights,
};

pub(crate) const SHIFT: u32 = 5;

pub(crate) fn range(min: i32, max: i32) -> ValueRange {
    ValueRange { min, max }
}

pub(crate) fn layer(op: LayerOp, inputs: &[usize], s: [usize; 3], range: ValueRange) -> Layer {
    Layer {
        op,
        inputs: inputs.to_vec(),
        shape: Shape::new(s[0], s[1], s[2]),
        range,
    }
}

pub(crate) fn linear(map: LinearMap, shift: u32, activation: Activation) -> LayerOp {
    LayerOp::Linear {
        map,
        shift,
        quotient_bits: 16,
        activation,
    }
}

pub(crate) fn window(kernel: usize, pads: usize) -> Window {
    Window {
        kernel: [kernel; 2],
        pads: [pads; 4],
        ..Window::POINT
    }
}

pub(crate) fn network(shape: [usize; 3], range: ValueRange, layers: Vec<Layer>) -> Network {
    let input = layer(LayerOp::Input, &[], shape, range);
    let mut all = vec![input];
    all.extend(layers);
    let last = all.len() - 1;
    Network {
        input: InputSpec {
            shape: all[0].shape,
            flat: false,
            range,
            resize: None,
        },
        shift: SHIFT,
        layers: all,
        outputs: vec![NetworkOutput {
            layer: last,
            unit: None,
        }],
    }
}

/// Notes of an owner who calls every layer `named`.
pub(crate) fn notes(network: &Network) -> Annotations {
    let note = |_: &Layer| LayerNote {
        name: "named".into(),
        scale: 0.5,
    };
    let output = |o: &NetworkOutput| OutputNote {
        name: "y".into(),
        dims: vec![1, network.layers[o.layer].shape.len()],
        head: Head::Softmax {
            classes: network.layers[o.layer].shape.len(),
            stride: 1,
        },
    };
    Annotations {
        layers: network.layers.iter().map(note).collect(),
        outputs: network.outputs.iter().map(output).collect(),
    }
}

/// Every operation once.
pub(crate) fn sample() -> (Network, Weights) {
    let wide = range(-128, 127);
    let conv = LinearMap::Conv {
        out_channels: 2,
        groups: 2,
        window: window(3, 1),
        weight_bits: 4,
        bias_bits: 8,
    };
    let average = LinearMap::AveragePool {
        window: window(2, 0),
        multipliers: (1..=9).collect(),
    };
    let sum = LinearMap::Sum {
        multipliers: vec![3, -2],
    };
    let table = Activation::Table {
        values: (-32768i32..32768).map(|q| (q / 300) as i16).collect(),
    };
    let slopes = Activation::Slope {
        slopes: vec![100, -40],
        shift: 8,
    };
    let point = LinearMap::Sum {
        multipliers: vec![7],
    };
    let shape = [2, 4, 4];
    let n = network(
        shape,
        range(0, 255),
        vec![
            layer(linear(conv, SHIFT, Activation::Clamp), &[0], shape, wide),
            layer(
                LayerOp::MaxPool {
                    window: window(3, 1),
                },
                &[1],
                shape,
                wide,
            ),
            layer(linear(sum, SHIFT, slopes), &[1, 2], shape, wide),
            layer(LayerOp::Concat, &[2, 3], [4, 4, 4], wide),
            layer(
                linear(average, SHIFT, Activation::Clamp),
                &[4],
                [4, 3, 3],
                wide,
            ),
            layer(
                LayerOp::Pad {
                    pads: [1, 0, 0, 2],
                    value: 200,
                },
                &[5],
                [4, 4, 5],
                range(-128, 200),
            ),
            layer(
                LayerOp::Upsample { factors: [1, 2] },
                &[6],
                [4, 4, 10],
                range(-128, 200),
            ),
            layer(
                LayerOp::Rearrange {
                    index: (0..160).rev().collect(),
                },
                &[7],
                [160, 1, 1],
                range(-128, 200),
            ),
            layer(linear(point, 0, table), &[8], [160, 1, 1], wide),
        ],
    );
    let mut weights = Weights {
        layers: vec![LayerWeights::default(); n.layers.len()],
    };
    weights.layers[1] = LayerWeights {
        kernel: (0..18).map(|i| i % 15 - 7).collect(),
        bias: vec![16, -100],
    };
    (n, weights)
}

/// Numbers for tests; `below(n)` is smaller than `n`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn within(&mut self, r: ValueRange) -> i32 {
        r.min + self.below((r.max - r.min + 1) as usize) as i32
    }
}

/// Steps of one run, or `None` if a test should not take them.
pub(crate) fn affordable(n: &Network) -> bool {
    let each = |l: &Layer| match &l.op {
        LayerOp::Linear {
            map: LinearMap::Conv { window, .. } | LinearMap::AveragePool { window, .. },
            ..
        }
        | LayerOp::MaxPool { window } => window.kernel[0].saturating_mul(window.kernel[1]),
        _ => 1,
    };
    n.layers
        .iter()
        .map(|l| l.shape.len().saturating_mul(each(l)).saturating_mul(8))
        .fold(0, usize::saturating_add)
        < 1 << 22
}
