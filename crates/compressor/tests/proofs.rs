//! Whole proofs of a tiny network in both forms, and lies about them.
//!
//! The circuit of these tests takes the next state from the native transition as advice: everything around
//! the step circuit is real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::LazyLock;

use pleat_argument::group::folded::Expected;
use pleat_argument::group::verify::Outcome;
use pleat_argument::program::Kind;
use pleat_argument::registry::Registry;
use pleat_argument::srs;
use pleat_argument::statement::Visibility;
use pleat_compressor::verify::verify;
use pleat_compressor::{Envelope, Error, Form, Snark, VerifyingKey};
use pleat_folding::{RunningProof, Scalar};
use sha2::{Digest, Sha256};
use support::{Advice, SAMPLES, SETUP, forms, proofs, registry, running, verifying};

static SPARTAN: LazyLock<(Envelope, Envelope)> =
    LazyLock::new(|| proofs(Form::Spartan, Kind::Accuracy));

fn other(form: Form) -> Form {
    match form {
        Form::Spartan => Form::MicroSpartan,
        Form::MicroSpartan => Form::Spartan,
    }
}

#[test]
fn whole_statements_verify_in_both_forms() {
    for (form, kind) in [
        (Form::Spartan, Kind::Accuracy),
        (Form::MicroSpartan, Kind::Outputs),
    ] {
        let (registration, proof) = proofs(form, kind);
        let registry = registry(form, &registration);
        let bytes = proof.to_bytes().unwrap();
        let read = Envelope::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes().unwrap(), bytes);
        // Through the verifying key's file.
        let path = SETUP.dir.path().join(form.to_string());
        verifying(form).save(&path, false).unwrap();
        let key = VerifyingKey::<Advice>::load(&path, SETUP.dir.path()).unwrap();
        assert_eq!(key.id().unwrap(), verifying(form).id().unwrap());
        let outcome = read.verify(&registry, &SETUP.key, &key).unwrap();
        assert_eq!(outcome.samples, SAMPLES as u64);
        let unregistered = read.verify(&Registry::default(), &SETUP.key, &key);
        assert!(unregistered.is_err());
        // Registrations are no claims, claims no registrations, and another form's key fits neither.
        let error = registration.verify(&registry, &SETUP.key, &key);
        assert!(matches!(error, Err(Error::OtherKind { .. })), "{error:?}");
        let error = read.register(&mut Registry::default(), &SETUP.key, &key);
        assert!(matches!(error, Err(Error::OtherKind { .. })), "{error:?}");
        let error = read.verify(&registry, &SETUP.key, verifying(other(form)));
        assert!(matches!(error, Err(Error::OtherKey { .. })), "{error:?}");
    }
}

type Lie = fn(&mut Envelope, &Envelope);

#[test]
fn lies_are_refused() {
    let (registration, proof) = &*SPARTAN;
    let registry = registry(Form::Spartan, registration);
    let key = verifying(Form::Spartan);
    let lies: [(&str, Lie); 12] = [
        ("count", |e, _| e.correct = (e.correct + 1) % 3),
        ("both counts", |e, _| {
            e.correct = (e.correct + 1) % 3;
            e.folded.count = e.correct;
        }),
        ("samples", |e, _| e.statement.samples -= 1),
        ("context", |e, _| e.statement.context[0] ^= 1),
        ("model", |e, _| e.statement.model[0] ^= 1),
        ("data", |e, _| e.statement.data[0] ^= 1),
        ("labels", |e, _| e.statement.labelled = false),
        ("visibility", |e, _| {
            e.statement.visibility = Visibility::Private;
        }),
        ("groups", |e, _| e.statement.group_bits = 0),
        ("kind", |e, _| e.statement.kind = Kind::Outputs),
        ("another fold", |e, r| e.snark.clone_from(&r.snark)),
        ("no fold", |e, _| e.snark.clear()),
    ];
    for (what, lie) in lies {
        let mut envelope = proof.clone();
        lie(&mut envelope, registration);
        let verified = envelope.verify(&registry, &SETUP.key, key);
        assert!(verified.is_err(), "{what}");
    }
    let mut other = registration.clone();
    other.snark.clone_from(&proof.snark);
    let mut registry = Registry::default();
    assert!(other.register(&mut registry, &SETUP.key, key).is_err());
}

#[test]
fn a_fold_proves_its_ends_and_its_length() {
    for form in [Form::Spartan, Form::MicroSpartan] {
        let running = running(form);
        let snark = forms(form).compressor.compress(&running).unwrap();
        let one = Scalar::one();
        let check = |snark: &[u8], initial, last, steps| {
            let outcome = Outcome {
                samples: 0,
                count: 0,
                outputs: Scalar::zero(),
            };
            let expected = Expected {
                initial,
                last,
                steps,
                outcome,
            };
            verify(verifying(form), snark, &expected)
        };
        let (initial, last, steps) = (running.initial, running.last, running.steps);
        check(&snark, initial, last, steps).unwrap();
        assert!(check(&snark, initial + one, last, steps).is_err());
        assert!(check(&snark, initial, last + one, steps).is_err());
        assert!(check(&snark, initial, last, steps + 1).is_err());
        assert!(check(&snark, initial, last, 0).is_err());
        assert!(check(&snark, initial, initial, 0).is_err());
        assert!(Snark::<Advice>::from_bytes(other(form), &snark).is_err());
        // Every part of the proof counts.
        for i in (0..snark.len()).step_by(snark.len() / 25) {
            let mut bytes = snark.clone();
            bytes[i] ^= 1;
            let checked = check(&bytes, initial, last, steps);
            assert!(checked.is_err(), "{form} byte {i}");
        }
        // A running proof that says what it does not prove is not compressed.
        let lying = RunningProof {
            last: last + one,
            ..running
        };
        assert!(forms(form).compressor.compress(&lying).is_err());
    }
}

#[test]
fn changed_bytes_are_refused() {
    let (registration, proof) = &*SPARTAN;
    let registry = registry(Form::Spartan, registration);
    let key = verifying(Form::Spartan);
    let good = proof.to_bytes().unwrap();
    for i in 0..good.len() {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        assert!(Envelope::from_bytes(&bytes).is_err(), "byte {i}");
    }
    // With the right checksum: does not decode, or is refused for what it says.
    let end = good.len() - 32;
    for i in (12..end).step_by(181) {
        let mut bytes = good[..end].to_vec();
        bytes[i] ^= 1 << (i % 8);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        if let Ok(envelope) = Envelope::from_bytes(&bytes) {
            assert_eq!(envelope.to_bytes().unwrap(), bytes);
            // Attested by nothing, and nothing rests on it.
            if envelope.offset != proof.offset {
                continue;
            }
            let verified = envelope.verify(&registry, &SETUP.key, key);
            assert!(verified.is_err(), "byte {i}");
        }
    }
    for length in [0, 8, 12, 43, 44, 200, good.len() - 1] {
        assert!(Envelope::from_bytes(&good[..length]).is_err());
    }
}

#[test]
fn verifying_keys_of_others_are_refused() {
    let path = SETUP.dir.path().join("refused");
    let elsewhere = tempfile::tempdir().unwrap();
    srs::create_local(elsewhere.path(), 14, false).unwrap();
    for form in [Form::Spartan, Form::MicroSpartan] {
        verifying(form).save(&path, true).unwrap();
        let good = std::fs::read(&path).unwrap();
        for i in (0..good.len()).step_by(good.len() / 40 + 1) {
            let mut bytes = good.clone();
            bytes[i] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let loaded = VerifyingKey::<Advice>::load(&path, SETUP.dir.path());
            assert!(loaded.is_err(), "{form} byte {i}");
        }
        std::fs::write(&path, &good).unwrap();
        let loaded = VerifyingKey::<Advice>::load(&path, elsewhere.path());
        let error = loaded.unwrap_err().to_string();
        assert!(error.contains("commitment key"), "{error}");
    }
}
