//! Proofs of parts of some data as one: what they say together, and every way not to fit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::LazyLock;

use ff::PrimeField;
use pleat_argument::layout::data_layout;
use pleat_argument::program::Kind;
use pleat_argument::registry::Registry;
use pleat_argument::statement::{Visibility, data_id, to_bytes};
use pleat_compressor::combined::Misfit;
use pleat_compressor::{Combined, Envelope, Error, Form, Result, Statement};
use pleat_folding::Scalar;
use pleat_model::data::Sample;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use support::{ROW_BITS, SETUP, bundle, many, proof, registration, verifying};

/// Samples of a data vector.
const VECTOR: usize = 32;
/// Samples of the last part.
const REST: usize = 5;

struct Case {
    registration: Envelope,
    samples: Vec<Sample>,
    /// Two full data vectors and a rest, the latter in smaller groups.
    parts: [Envelope; 3],
}

static CASE: LazyLock<Case> = LazyLock::new(|| {
    let registration = registration(Form::Spartan);
    let samples = many(2 * VECTOR + REST);
    let part = |from: usize, to: usize, group_bits: u32| {
        let samples = &samples[from..to];
        proof(
            &registration,
            Kind::Accuracy,
            samples,
            from as u64,
            group_bits,
        )
    };
    Case {
        parts: [
            part(0, VECTOR, 5),
            part(VECTOR, 2 * VECTOR, 4),
            part(2 * VECTOR, 2 * VECTOR + REST, 3),
        ],
        registration,
        samples,
    }
});

impl Case {
    /// A registry that knows the model.
    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let key = verifying(Form::Spartan);
        self.registration
            .register(&mut registry, &SETUP.key, key)
            .unwrap();
        registry
    }

    /// One that knows the data, too, whole and in parts.
    fn informed(&self) -> Registry {
        let mut registry = self.registry();
        let lengths = [VECTOR, VECTOR, REST].map(|n| n as u64);
        let network = &self.registration.network;
        let (ids, _) = registry
            .admit_parts(
                &SETUP.key,
                network,
                ROW_BITS,
                self.samples.as_slice(),
                &lengths,
            )
            .unwrap();
        for (id, part) in ids.iter().zip(&self.parts) {
            assert_eq!(to_bytes(id), part.statement.data);
        }
        registry
    }
}

fn verify(combined: &Combined, registry: &Registry) -> Result<()> {
    combined.verify(registry, &SETUP.key, verifying(Form::Spartan))
}

/// Some of the parts, said to follow each other whatever they are about.
fn relabelled(order: &[usize]) -> Result<Combined> {
    let mut next = 0;
    let parts = order.iter().map(|&i| {
        let mut part = CASE.parts[i].clone();
        part.offset = next;
        next += part.statement.samples;
        part
    });
    Combined::new(parts.collect())
}

#[test]
fn parts_say_what_one_proof_would_say() {
    let registry = CASE.informed();
    let combined = Combined::new(CASE.parts.to_vec()).unwrap();
    let statement = combined.statement();
    let samples = CASE.samples.as_slice();
    let network = combined.network();
    let mut registry_of_one = Registry::default();
    let whole = registry_of_one.admit_data(&SETUP.key, network, ROW_BITS, samples);
    let expected = Statement {
        samples: samples.len() as u64,
        data: to_bytes(&whole.unwrap()),
        ..CASE.parts[0].statement.clone()
    };
    assert_eq!(*statement, expected);
    assert_eq!(
        combined.correct(),
        CASE.parts.iter().map(|p| p.correct).sum::<u64>()
    );
    assert_eq!(combined.offset(), 0);
    verify(&combined, &registry).unwrap();
    let bytes = combined.to_bytes().unwrap();
    let read = Combined::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(read.statement(), statement);
    // One proof is a whole of one part.
    let alone = Combined::new(vec![CASE.parts[1].clone()]).unwrap();
    assert_eq!(*alone.statement(), CASE.parts[1].statement);
    assert_eq!(alone.offset(), VECTOR as u64);
    verify(&alone, &registry).unwrap();
    // Neither kind of file is the other.
    let single = CASE.parts[0].to_bytes().unwrap();
    assert!(matches!(
        Combined::from_bytes(&single),
        Err(Error::Malformed(_))
    ));
    assert!(matches!(
        Envelope::from_bytes(&bytes),
        Err(Error::Malformed(_))
    ));
}

#[test]
fn parts_of_registered_data_are_not_the_whole() {
    let combined = relabelled(&[0, 1, 2]).unwrap();
    let network = &CASE.registration.network;
    let mut registry = CASE.registry();
    for part in [0..VECTOR, VECTOR..2 * VECTOR, 2 * VECTOR..2 * VECTOR + REST] {
        let samples = &CASE.samples[part];
        registry
            .admit_data(&SETUP.key, network, ROW_BITS, samples)
            .unwrap();
    }
    let error = verify(&combined, &registry).unwrap_err();
    assert!(
        error.to_string().contains("data that are not registered"),
        "{error}"
    );
    // Nor is the whole enough for its parts.
    let mut registry = CASE.registry();
    registry
        .admit_data(&SETUP.key, network, ROW_BITS, CASE.samples.as_slice())
        .unwrap();
    let error = verify(&combined, &registry).unwrap_err();
    assert!(matches!(error, Error::Part { part: 0, .. }), "{error}");
    // Parts that are not all, or cut a data vector, have no ids.
    let samples = CASE.samples.as_slice();
    for lengths in [
        &[32, 32][..],
        &[32, 32, 6],
        &[5, 32, 32],
        &[69, u64::MAX],
        &[],
    ] {
        let admitted = registry.admit_parts(&SETUP.key, network, ROW_BITS, samples, lengths);
        assert!(admitted.is_err(), "{lengths:?}");
    }
}

/// Offsets are hints: the order of the commitments decides.
#[test]
fn offsets_that_lie_prove_nothing() {
    let registry = CASE.informed();
    verify(&relabelled(&[0, 1, 2]).unwrap(), &registry).unwrap();
    for order in [
        &[1, 0, 2][..],
        &[0, 0, 2],
        &[0, 1],
        &[1, 2],
        &[0, 2],
        &[0, 1, 1, 2],
    ] {
        let combined = relabelled(order).unwrap();
        let error = verify(&combined, &registry).unwrap_err();
        let says = "data that are not registered";
        assert!(error.to_string().contains(says), "{order:?}: {error}");
    }
    // The rest in the middle hides a gap.
    let error = relabelled(&[0, 2, 1]).unwrap_err().to_string();
    assert!(
        error.contains("part 2: its 5 samples do not fill data vectors of 32"),
        "{error}"
    );
}

type Lie = fn(&mut Envelope);

/// Parts, the second changed.
fn changed(lie: Lie) -> Vec<Envelope> {
    let mut parts = CASE.parts.to_vec();
    lie(&mut parts[1]);
    parts
}

#[test]
fn lies_of_a_part_are_the_whole_s() {
    let registry = CASE.informed();
    let lies: [(&str, Lie); 5] = [
        ("count", |e| e.correct = (e.correct + 1) % 32),
        ("both counts", |e| {
            e.correct = (e.correct + 1) % 32;
            e.folded.count = e.correct;
        }),
        ("data", |e| e.statement.data[0] ^= 1),
        ("groups", |e| e.statement.group_bits = 3),
        ("fold", |e| e.snark.clone_from(&CASE.parts[0].snark)),
    ];
    for (what, lie) in lies {
        let combined = Combined::new(changed(lie)).unwrap();
        let error = verify(&combined, &registry).unwrap_err();
        assert!(
            matches!(error, Error::Part { part: 1, .. }),
            "{what}: {error}"
        );
    }
    // Commitments of other data are not those of the whole.
    for lie in [
        (|e| e.folded.data.clone_from(&CASE.parts[0].folded.data)) as Lie,
        |e| e.folded.data.push(e.folded.data[0]),
        |e| e.folded.data.clear(),
    ] {
        let combined = Combined::new(changed(lie)).unwrap();
        let error = verify(&combined, &registry).unwrap_err().to_string();
        assert!(error.contains("not registered"), "{error}");
    }
    // And those of the whole, divided otherwise, are not the parts'.
    let mut parts = CASE.parts.to_vec();
    let moved = parts[1].folded.data.split_off(0);
    parts[0].folded.data.extend(moved);
    let combined = Combined::new(parts).unwrap();
    registry
        .check_data(&Scalar::from_repr(combined.statement().data.into()).unwrap())
        .unwrap();
    let error = verify(&combined, &registry).unwrap_err();
    assert!(matches!(error, Error::Part { part: 0, .. }), "{error}");
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let refused = |parts: Vec<Envelope>| match Combined::new(parts).unwrap_err() {
        Error::Part { part: 1, source } => *source,
        other => panic!("{other:?}"),
    };
    let lies: [(&str, Lie); 7] = [
        ("kind", |e| {
            e.statement.kind = Kind::Outputs;
            e.correct = 0;
        }),
        ("model id", |e| e.statement.model[0] ^= 1),
        ("architecture", |e| e.network.outputs[0].unit = Some(1)),
        ("context", |e| e.statement.context[0] ^= 1),
        ("commitment key", |e| e.origin.key[31] ^= 1),
        ("kind of labels", |e| e.statement.labelled = false),
        ("kind of data", |e| {
            e.statement.visibility = Visibility::Private
        }),
    ];
    for (is, lie) in lies {
        match refused(changed(lie)) {
            Error::Misfit(Misfit::Other { what, own, first }) if what == is => {
                assert_ne!(own, first, "{what}");
            }
            other => panic!("{is}: {other:?}"),
        }
    }
    for lie in [(|e| e.origin.form = Form::MicroSpartan) as Lie, |e| {
        e.origin.parameters[0] ^= 1
    }] {
        let error = refused(changed(lie)).to_string();
        assert!(error.contains("its final argument is"), "{error}");
    }
    let error = refused(changed(|e| e.offset -= 1)).to_string();
    assert_eq!(error, "it begins at sample 31, but sample 32 is next");
    for lie in [
        (|e| e.statement.samples = 0) as Lie,
        |e| e.offset = u64::MAX,
        |e| e.origin.class[0] += 1,
        |e| e.network.outputs.clear(),
        |e| *e = CASE.registration.clone(),
    ] {
        refused(changed(lie));
    }
    let ragged = [2, 0].map(|i| CASE.parts[i].clone());
    let [mut rest, mut full] = ragged;
    (rest.offset, full.offset) = (0, REST as u64);
    let error = Combined::new(vec![rest, full]).unwrap_err().to_string();
    assert!(error.starts_with("part 1: its 5 samples"), "{error}");
    assert!(Combined::new(vec![]).is_err());
    // What no other part contradicts.
    for lie in [
        (|e| e.offset = u64::MAX) as Lie,
        |e| e.origin.class[0] += 1,
        |e| e.network.outputs.clear(),
        |e| e.outputs.push(vec![]),
    ] {
        let mut alone = CASE.parts[0].clone();
        lie(&mut alone);
        let error = Combined::new(vec![alone]).unwrap_err();
        assert!(matches!(error, Error::Part { part: 0, .. }), "{error}");
    }
    let registration = CASE.registration.clone();
    let error = Combined::new(vec![registration]).unwrap_err().to_string();
    assert!(error.contains("the registration of a model"), "{error}");
    let mut endless = CASE.parts.to_vec();
    endless[0].correct = u64::MAX;
    assert!(Combined::new(endless).is_err());
}

/// Sizes that no test proves: everything but the proofs is as it would be.
#[test]
fn the_whole_is_the_sum_of_any_parts() {
    let mut rng = StdRng::seed_from_u64(11);
    let [first, second, _] = &CASE.parts;
    let points = [first.folded.data[0], second.folded.data[0]];
    let network = &bundle().network;
    let (layout, _) = data_layout(network, true, ROW_BITS).unwrap();
    assert_eq!(1 << layout.samples_bits(), VECTOR);
    for round in 0..40 {
        let kind = [Kind::Outputs, Kind::Accuracy][round % 2];
        let n = rng.gen_range(1..6);
        let mut next = rng.gen_range(0..1000);
        let start = next;
        let mut parts: Vec<Envelope> = (0..n)
            .map(|i| {
                let vectors = rng.gen_range(1..4usize);
                let mut part = first.clone();
                part.offset = next;
                part.statement.samples = (vectors * VECTOR) as u64;
                if i == n - 1 {
                    part.statement.samples -= rng.gen_range(0..VECTOR as u64);
                }
                part.statement.group_bits = rng.gen_range(0..5);
                match kind {
                    Kind::Outputs => {
                        let samples = part.statement.samples as usize;
                        part.outputs = vec![vec![vec![rng.r#gen(); 3]]; samples];
                        part.correct = 0;
                    }
                    _ => part.correct = rng.gen_range(0..=part.statement.samples),
                }
                part.statement.kind = kind;
                part.folded.data = (0..vectors).map(|_| points[rng.gen_range(0..2)]).collect();
                next += part.statement.samples;
                part
            })
            .collect();
        let combined = Combined::new(parts.clone()).unwrap();
        let statement = combined.statement();
        assert_eq!(combined.offset(), start);
        assert_eq!(statement.samples, next - start);
        assert_eq!(
            combined.correct(),
            parts.iter().map(|p| p.correct).sum::<u64>()
        );
        let outputs: Vec<_> = parts.iter().flat_map(|p| p.outputs.clone()).collect();
        assert_eq!(combined.outputs(), outputs);
        let data: Vec<_> = parts.iter().flat_map(|p| p.folded.data.clone()).collect();
        let (visibility, key) = (Visibility::Public, SETUP.key.id());
        let id = data_id(network, &layout, next - start, visibility, &key, &data).unwrap();
        assert_eq!(statement.data, to_bytes(&id));
        // Another order, a part less or twice: refused, or another whole.
        let (a, b) = (rng.gen_range(0..n), rng.gen_range(0..n));
        match round % 3 {
            0 if a != b => parts.swap(a, b),
            1 if 0 < a && a < n - 1 => drop(parts.remove(a)),
            _ => parts.insert(b, parts[a].clone()),
        }
        let error = Combined::new(parts).unwrap_err();
        assert!(matches!(error, Error::Part { .. }), "{error}");
    }
}

#[test]
fn changed_bytes_are_refused() {
    let registry = CASE.informed();
    let good = Combined::new(CASE.parts.to_vec())
        .unwrap()
        .to_bytes()
        .unwrap();
    let n = good.len();
    for i in (0..n).step_by(97).chain(n - 40..n) {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        assert!(Combined::from_bytes(&bytes).is_err(), "byte {i}");
    }
    for length in [0, 8, 12, 43, 44, 200, n - 1] {
        assert!(Combined::from_bytes(&good[..length]).is_err(), "{length}");
    }
    // With the right checksum: does not decode, or is refused for what it says.
    let end = n - 32;
    let mut decoded = 0;
    for i in (12..end).step_by(n / 30) {
        let mut bytes = good[..end].to_vec();
        bytes[i] ^= 1 << (i % 8);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        if let Ok(combined) = Combined::from_bytes(&bytes) {
            assert_eq!(combined.to_bytes().unwrap(), bytes);
            assert!(verify(&combined, &registry).is_err(), "byte {i}");
            decoded += 1;
        }
    }
    assert!(decoded > 3, "{decoded}");
}
