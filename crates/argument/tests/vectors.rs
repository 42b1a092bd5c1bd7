//! Test vectors on disk: what any other implementation of the transcript, the step circuit's above all,
//! must reproduce. `PLEAT_REGENERATE=1` rewrites them; a change of protocol is a visible change of these files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use ff::{Field, PrimeField};
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::{Curve, prime::PrimeCurveAffine as _};
use pleat_argument::Scalar;
use pleat_argument::statement::{context_hash, extend_chain};
use pleat_argument::transcript::{Domain, Transcript, hash, multiplier, point_elements};
use serde_json::{Value, json};

fn hex(x: &Scalar) -> Value {
    let bytes: Vec<u8> = x.to_repr().as_ref().iter().rev().copied().collect();
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Value::String(format!("0x{digits}"))
}

fn hexes(xs: &[Scalar]) -> Vec<Value> {
    xs.iter().map(hex).collect()
}

/// 1, 2, 3, ... times a fixed element: full-width and reproducible without a generator.
fn elements(n: usize) -> Vec<Scalar> {
    let base = Scalar::MULTIPLICATIVE_GENERATOR.pow_vartime([0x1234_5678_9abc_def1]);
    (1..=n as u64).map(|i| base * Scalar::from(i)).collect()
}

fn vectors() -> Value {
    let hashes: Vec<Value> = [0, 1, 2, 3, 4, 5, 6, 7, 23, 24, 25, 48, 60]
        .into_iter()
        .flat_map(|n| {
            let input = elements(n);
            [Domain::Message, Domain::Descriptor].map(|domain| {
                let digest = hex(&hash(domain, &input));
                json!({"domain": domain as u32, "length": n, "digest": digest})
            })
        })
        .collect();
    let mut transcript = Transcript::new(Domain::Step, &elements(30));
    let mut states = vec![];
    for n in [1, 2, 3, 4, 5, 0, 8, 40] {
        let challenge = transcript.message(&elements(n));
        states.push(json!({
            "message": n,
            "challenge": hex(&challenge),
            "multiplier": hex(&multiplier(&challenge).unwrap()),
        }));
    }
    let points: Vec<Value> = [0u64, 1, 2, 3, 1 << 40]
        .into_iter()
        .map(|i| {
            let point = (G1::generator() * Scalar::from(i)).to_affine();
            json!({"multiple": i, "elements": hexes(&point_elements(&point)),
                   "chain": hex(&extend_chain(&Scalar::ONE, &point))})
        })
        .collect();
    json!({
        "element": hex(&elements(1)[0]),
        "hashes": hashes,
        "transcript": {"start": 30, "domain": Domain::Step as u32, "messages": states},
        "points": points,
        "context": hex(&context_hash(b"a context of more than thirty-one bytes")),
    })
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

#[test]
fn transcripts_follow_the_vectors_on_disk() {
    let path = path("transcript.json");
    let mut text = serde_json::to_string_pretty(&vectors()).unwrap();
    text.push('\n');
    if std::env::var_os("PLEAT_REGENERATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn points_are_absorbed_injectively() {
    let point = (G1::generator() * Scalar::from(77)).to_affine();
    let absorbed = point_elements(&point);
    assert_ne!(absorbed, point_elements(&-point), "the parity of y");
    let infinity = point_elements(&G1Affine::identity());
    assert_eq!(infinity[0], Scalar::ZERO);
    assert_eq!(infinity[1], Scalar::from(2).pow_vartime([126]));
}

#[test]
fn a_multiplier_is_the_low_half_and_never_zero() {
    assert!(multiplier(&Scalar::ZERO).is_none());
    assert!(multiplier(&Scalar::from(2).pow_vartime([128])).is_none());
    let x = Scalar::from(2).pow_vartime([200]) + Scalar::from(5);
    assert_eq!(multiplier(&x), Some(Scalar::from(5)));
}
