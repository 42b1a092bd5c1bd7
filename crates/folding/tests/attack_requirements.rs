//! Few constraints, so that a small key serves, but very long ones.
#![allow(clippy::unwrap_used)]

use pleat_folding::Requirements;
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, Network, NetworkOutput, ValueRange,
};
use pleat_step_circuits::{Kind, Step};

#[test]
fn matrices_out_of_proportion_to_the_key_are_refused() {
    let pixels = ValueRange { min: 0, max: 1 };
    let layer = |op, inputs: &[usize], width, range| Layer {
        name: String::new(),
        op,
        inputs: inputs.to_vec(),
        shape: Shape::new(1, 1, width),
        range,
        scale: 1.0,
    };
    let sums = || LayerOp::Linear {
        map: LinearMap::AveragePool {
            window: Window {
                kernel: [1, 2049],
                ..Window::POINT
            },
            multipliers: vec![1],
        },
        shift: 0,
        quotient_bits: 16,
        activation: Activation::Clamp,
    };
    let mut layers = vec![layer(LayerOp::Input, &[], 4096, pixels)];
    let range = ValueRange { min: 0, max: 4095 };
    layers.extend((0..4).map(|_| layer(sums(), &[0], 2048, range)));
    let network = Network {
        input: InputSpec {
            shape: Shape::new(1, 1, 4096),
            flat: false,
            range: pixels,
            resize: None,
        },
        shift: 0,
        layers,
        outputs: vec![NetworkOutput {
            name: String::new(),
            layer: 1,
            dims: vec![2048],
            head: Head::Values,
        }],
    };
    let step = Step::new(&network, Kind::Accuracy).unwrap();
    let result = Requirements::of(&step);
    assert!(result.is_err(), "{result:?}");
}
