//! Architectures a hostile proof file may carry: refused with a sentence, before they cost anything.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use nova_snark::frontend::{ConstraintSystem, LinearCombination};
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, Network, NetworkOutput, ValueRange,
};
use pleat_step_circuits::gadgets::{Cell, Lin};
use pleat_step_circuits::layers::Plan;
use pleat_step_circuits::{Counts, Kind, Scalar, Step};

fn network(input: Shape, op: LayerOp, shape: Shape, outputs: usize) -> Network {
    let range = ValueRange { min: 0, max: 1 };
    let layer = |name: &str, op, inputs: &[usize], shape| Layer {
        name: name.into(),
        op,
        inputs: inputs.to_vec(),
        shape,
        range,
        scale: 1.0,
    };
    let output = NetworkOutput {
        name: String::new(),
        layer: 1,
        dims: vec![shape.len()],
        head: Head::Values,
    };
    Network {
        input: InputSpec {
            shape: input,
            flat: false,
            range,
            resize: None,
        },
        shift: 3,
        layers: vec![
            layer("input", LayerOp::Input, &[], input),
            layer("layer", op, &[0], shape),
        ],
        outputs: vec![output; outputs],
    }
}

/// A thousand outputs that all name one large tensor: terabytes of digits from a file of kilobytes.
#[test]
fn many_outputs_of_one_large_tensor_are_too_much_work() {
    let upsample = LayerOp::Upsample {
        factors: [1 << 10, 1 << 10],
    };
    let network = network(
        Shape::new(1, 1, 1),
        upsample,
        Shape::new(1, 1 << 10, 1 << 10),
        1024,
    );
    network.validate().unwrap();
    assert!(Step::new(&network, Kind::Outputs).is_err());
}

/// Windows almost all of which is padding: their area times the values wraps to zero in 128 bits.
#[test]
fn a_window_of_astronomical_size_is_refused() {
    let side = 1usize << 63;
    let window = Window {
        kernel: [side, side],
        pads: [side - 1, side - 1, 0, 0],
        ..Window::POINT
    };
    let average = LayerOp::Linear {
        map: LinearMap::AveragePool {
            window,
            multipliers: vec![1],
        },
        shift: 3,
        quotient_bits: 8,
        activation: Activation::Clamp,
    };
    for op in [average, LayerOp::MaxPool { window }] {
        let shape = Shape::new(4, 1, 1);
        let network = network(shape, op, shape, 1);
        let started = Instant::now();
        let refused = network.validate().is_err()
            || Step::new(&network, Kind::Accuracy)
                .and_then(|step| step.counts())
                .is_err();
        assert!(refused && started.elapsed() < Duration::from_secs(5));
        assert!(Plan::new(&network).is_err());
    }
}

/// Taps so far apart that the image falls between them: there is no largest value.
#[test]
fn a_maximum_of_nothing_is_refused() {
    let window = Window {
        kernel: [1, 2],
        dilation: [1, 3],
        pads: [0, 3, 0, 3],
        ..Window::POINT
    };
    let shape = Shape::new(1, 1, 4);
    let max = LayerOp::MaxPool { window };
    assert!(
        network(Shape::new(1, 1, 1), max.clone(), shape, 1)
            .validate()
            .is_err()
    );
    // Wide enough for every gap.
    let shape = Shape::new(1, 1, 7);
    network(Shape::new(1, 1, 4), max, shape, 1)
        .validate()
        .unwrap();
}

/// Terms in falling order, as a rearranged tensor gives them, must not cost quadratic time:
/// a combination of 2^22 terms would take hours.
#[test]
fn the_order_of_terms_does_not_matter() {
    let mut counts = Counts::default();
    let cells: Vec<Cell> = (0..1 << 18)
        .map(|_| Cell {
            variable: counts.alloc(|| "", || Ok(Scalar::zero())).unwrap(),
            coefficient: 1,
            value: 0,
        })
        .collect();
    let mut falling = Lin::constant(5);
    let mut rising = Lin::constant(5);
    cells.iter().for_each(|&c| rising.add(c, 3));
    cells.iter().rev().for_each(|&c| falling.add(c, 3));
    let started = Instant::now();
    let a = falling.into_lc(LinearCombination::zero());
    assert!(started.elapsed() < Duration::from_secs(2));
    let b = rising.into_lc(LinearCombination::zero());
    assert!(a.iter().zip(b.iter()).all(|(a, b)| a == b) && a.len() == b.len());
}
