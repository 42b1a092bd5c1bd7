//! What no public function can be given.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, NetworkOutput, ValueRange,
};

use super::inference::{Inference, program_of};
use super::verification::own_data_id;
use super::*;
use crate::budget::MAX_WORK;
use crate::program::{COLUMN_BITS, VectorKind};
use crate::srs;

const ROW_BITS: u32 = 8;

/// One dense layer of four inputs.
fn network() -> Network {
    let range = ValueRange { min: -8, max: 7 };
    let layer = |op, inputs, channels| Layer {
        op,
        inputs,
        shape: Shape::new(channels, 1, 1),
        range,
    };
    let dense = LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels: 2,
            groups: 1,
            window: Window::POINT,
            weight_bits: 4,
            bias_bits: 6,
        },
        shift: 3,
        quotient_bits: 6,
        activation: Activation::Clamp,
    };
    Network {
        input: InputSpec {
            shape: Shape::new(4, 1, 1),
            flat: false,
            range,
            resize: None,
        },
        shift: 3,
        layers: vec![layer(LayerOp::Input, vec![], 4), layer(dense, vec![0], 2)],
        outputs: vec![NetworkOutput {
            layer: 1,
            unit: None,
        }],
    }
}

/// Layouts depend on network and size class alone, so only a program made by hand has others.
#[test]
fn weights_laid_out_differently_from_their_registration() {
    let (_dir, key) = key();
    let network = network();
    network.validate().unwrap();
    let mut claim = claim(Kind::Outputs, false, ROW_BITS, 0);
    claim.model = model_id(&network, ROW_BITS, &key.id(), &[]).unwrap();
    let program = program_of(&network, &claim).unwrap();
    let public = Visibility::Public;
    claim.data = own_data_id(&key, &network, &program, 1, public, &[]).unwrap();
    let registered = WeightLayout::of(&program);
    let verification = |program| {
        let inference = Inference::new(&key, &network, program)?;
        Verification::claim(&key, &network, &claim, &inference, &registered, &[])
    };
    verification(program.clone()).unwrap();
    let weights = program
        .vectors
        .iter()
        .position(|v| v.kind == VectorKind::Weights);
    let weights = weights.unwrap();
    let blocks = program.vectors[weights].blocks.len();
    assert!(blocks > 1);
    for block in 0..blocks {
        let mut moved = program.clone();
        moved.vectors[weights].blocks[block].offset += 1 << 9;
        match verification(moved) {
            Err(Error::Rejected { check, .. }) => {
                assert_eq!(
                    check,
                    "weights laid out differently from their registration"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

/// For this class and the next.
fn key() -> (tempfile::TempDir, Key) {
    let dir = tempfile::tempdir().unwrap();
    let power = ROW_BITS + COLUMN_BITS + 1;
    srs::create_local(dir.path(), power, false).unwrap();
    let key = Key::load(dir.path(), power).unwrap();
    (dir, key)
}

fn claim(kind: Kind, labelled: bool, row_bits: u32, group_bits: u32) -> Claim {
    Claim {
        kind,
        row_bits,
        group_bits,
        labelled,
        samples: 1,
        context: Scalar::zero(),
        model: Scalar::zero(),
        data: Scalar::zero(),
        visibility: Visibility::Public,
    }
}

/// Claims share an inference exactly if all is the same that it is computed from.
#[test]
fn an_inference_serves_claims_that_it_is_of() {
    let (_dir, key) = key();
    let network = network();
    let first = claim(Kind::Accuracy, true, ROW_BITS, 1);
    let mut changed = network.clone();
    changed.outputs[0].unit = Some(-3);
    let mut inferences = Inferences::default();
    let mut program = |network: &Network, claim: &Claim| {
        inferences.of(&key, network, claim).unwrap().program.clone()
    };
    let own = program(&network, &first);
    let another_number = Claim {
        samples: 2,
        context: Scalar::one(),
        ..first.clone()
    };
    assert!(Arc::ptr_eq(&own, &program(&network, &another_number)));
    for other in [
        claim(Kind::Accuracy, true, ROW_BITS, 0),
        claim(Kind::Accuracy, true, ROW_BITS + 1, 1),
        claim(Kind::Outputs, true, ROW_BITS, 1),
        claim(Kind::Outputs, false, ROW_BITS, 1),
    ] {
        let before = program(&network, &first);
        assert!(
            !Arc::ptr_eq(&before, &program(&network, &other)),
            "{other:?}"
        );
    }
    let before = program(&network, &first);
    assert!(!Arc::ptr_eq(&before, &program(&changed, &first)));
}

/// Each inference is bounded by itself; a file may ask for as many as it has sizes of groups.
#[test]
fn groups_of_too_many_sizes() {
    let (_dir, key) = key();
    let network = network();
    let mut inferences = Inferences::default();
    let first = claim(Kind::Outputs, false, ROW_BITS, 0);
    inferences.of(&key, &network, &first).unwrap();
    let one = inferences.spent;
    assert!(one > 0);
    inferences.of(&key, &network, &first).unwrap();
    assert_eq!(inferences.spent, one);
    let second = claim(Kind::Outputs, false, ROW_BITS, 1);
    inferences.spent = 2 * MAX_WORK;
    inferences.of(&key, &network, &second).unwrap();
    assert!(inferences.spent > 2 * MAX_WORK);
    // What is there costs nothing more.
    inferences.of(&key, &network, &second).unwrap();
    let error = inferences
        .of(&key, &network, &first)
        .unwrap_err()
        .to_string();
    assert!(error.contains("groups of too many sizes"), "{error}");
}
