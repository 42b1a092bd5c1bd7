//! What no public function can be given.
#![allow(clippy::unwrap_used, clippy::panic)]

use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LinearMap, NetworkOutput, ValueRange,
};

use super::*;
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
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), ROW_BITS + COLUMN_BITS, false).unwrap();
    let key = Key::load(dir.path(), ROW_BITS + COLUMN_BITS).unwrap();
    let network = network();
    network.validate().unwrap();
    let mut claim = Claim {
        kind: Kind::Outputs,
        row_bits: ROW_BITS,
        group_bits: 0,
        labelled: false,
        samples: 1,
        context: Scalar::zero(),
        model: model_id(&network, ROW_BITS, &key.id(), &[]).unwrap(),
        data: Scalar::zero(),
        visibility: Visibility::Public,
    };
    let program = program_of(&network, &claim).unwrap();
    let public = Visibility::Public;
    claim.data = own_data_id(&key, &network, &program, 1, public, &[]).unwrap();
    let registered = WeightLayout::of(&program);
    let verification =
        |program| Verification::claim(&key, &network, &claim, program, &registered, &[]);
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
