//! An instance for lattice reduction: the running value of a registration as a linear function, with public
//! coefficients, of all secret integers. `lattice.py` beside this file tries to read them.

use ff::{Field, PrimeField};
use pleat_argument::Scalar;
use pleat_argument::multilinear::{eq_index, scalar};
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::randomness::ProofSecret;
use pleat_model::bundle::Bundle;
use pleat_model::graph::Shape;
use pleat_model::network::{Activation, LayerOp, LinearMap};

use crate::networks::{self, conv, network_of, range, window};
use crate::subject::{Defective, Draws, Made, Mask, Subject};

/// One dense layer from six values to four: 24 weights and 4 biases of four bits.
fn bundle() -> Bundle {
    let mut dense = conv(4, 1, window([1, 1], [1, 1], [0; 4]), 3, Activation::Clamp);
    if let LayerOp::Linear {
        map: LinearMap::Conv { bias_bits, .. },
        ..
    } = &mut dense
    {
        *bias_bits = 4;
    }
    let network = network_of(
        vec![
            (LayerOp::Input, vec![], Shape::new(6, 1, 1), range(0, 9)),
            (dense, vec![0], Shape::new(4, 1, 1), range(-8, 15)),
        ],
        &[1],
    );
    let mut bundle = networks::bundle(network, 5);
    for (i, bias) in bundle.weights.layers[1].bias.iter_mut().enumerate() {
        *bias = i as i64 - 2;
    }
    bundle
}

fn parameters(bundle: &mut Bundle) -> Vec<i64> {
    let layer = &bundle.weights.layers[1];
    let kernel = layer.kernel.iter().map(|w| i64::from(*w));
    kernel.chain(layer.bias.iter().copied()).collect()
}

fn with(bundle: &Bundle, values: &[i64]) -> Bundle {
    let mut bundle = bundle.clone();
    let layer = &mut bundle.weights.layers[1];
    let (kernel, bias) = values.split_at(24);
    layer.kernel = kernel.iter().map(|w| *w as i32).collect();
    layer.bias = bias.to_vec();
    bundle
}

/// The equation `value = constant + sum coefficient * unknown`, whose first unknowns are the parameters.
fn instance(subject: &Subject, made: &Made, bundle: &Bundle, truth: &[i64]) -> serde_json::Value {
    let folded = &made.folded;
    let filled = |values: &[i64]| -> Vec<Vec<i32>> {
        let filled = subject.fill(&with(bundle, values));
        let vectors = filled.vectors(subject);
        vectors.into_iter().map(<[i32]>::to_vec).collect()
    };
    let zero = filled(&[0; 28]);
    let chunks = subject.program.of_kind(VectorKind::Trace).count();
    // Column e of a chunk counts lookups, which is no linear function: each count is an unknown of its own.
    let counts = |vector: usize, entry: usize| vector < chunks && entry % 4 == 3;
    let weight = |vector: usize, entry: usize| {
        folded.multipliers[vector] * eq_index(&folded.point, entry as u64)
    };
    let sum = |values: &[Vec<i32>], counted: bool| -> Scalar {
        let mut sum = Scalar::ZERO;
        for (v, vector) in values.iter().enumerate() {
            for (i, &x) in vector.iter().enumerate() {
                if x != 0 && (counted || !counts(v, i)) {
                    sum += weight(v, i) * scalar(i64::from(x));
                }
            }
        }
        sum
    };
    let constant = sum(&zero, true);
    let linear = sum(&zero, false);
    let mut coefficients: Vec<Scalar> = (0..28)
        .map(|k| {
            let mut values = [0; 28];
            values[k] = 1;
            sum(&filled(&values), false) - linear
        })
        .collect();
    // A table's counts, of all values that a parameter may have: by how much they differ from those of zeros.
    let tried: Vec<_> = (-8..8).map(|v| filled(&[v; 28])).collect();
    for (v, vector) in zero.iter().enumerate().take(chunks) {
        for i in (3..vector.len()).step_by(4) {
            if tried.iter().any(|t| t[v][i] != vector[i]) {
                coefficients.push(weight(v, i));
            }
        }
    }
    let text = |x: &Scalar| {
        let bytes: Vec<u8> = x.to_repr().as_ref().iter().rev().copied().collect();
        bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let coefficients: Vec<String> = coefficients.iter().map(text).collect();
    serde_json::json!({
        "target": text(&(folded.value - constant)),
        "coefficients": coefficients,
        "truth": truth,
    })
}

#[test]
#[ignore = "writes the instances that lattice.py reads, to the folder PLEAT_LATTICE"]
fn instances() {
    let folder = std::env::var("PLEAT_LATTICE").unwrap();
    let mut bundle = bundle();
    let truth = parameters(&mut bundle);
    let subject = Subject::of(&bundle, Kind::RegisteredModel, &[]);
    let prove = |draws| {
        let weights = subject.model_weights(&bundle);
        let scheme = pleat_argument::opening::Scheme::Mercury;
        subject.prove(&bundle, weights, draws, scheme)
    };
    let unmasked = Defective {
        seed: 1,
        mask: Mask::Zero,
        blinds: true,
        salt: true,
    };
    for (name, made) in [
        ("unmasked", prove(unmasked.boxed())),
        ("masked", prove(Draws::Secret(ProofSecret::native([1; 32])))),
    ] {
        let instance = instance(&subject, &made, &bundle, &truth);
        let path = std::path::Path::new(&folder).join(format!("{name}.json"));
        std::fs::write(path, instance.to_string()).unwrap();
    }
}
