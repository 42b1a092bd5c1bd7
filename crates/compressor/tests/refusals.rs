//! Checks of whole proofs and of verifying keys, one test each and named for it: a lie that nothing else refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::LazyLock;

use pleat_argument::commitment::Key;
use pleat_argument::group::folded::Expected;
use pleat_argument::group::verify::Outcome;
use pleat_argument::program::Kind;
use pleat_argument::registry::Registry;
use pleat_argument::srs;
use pleat_compressor::verify::verify;
use pleat_compressor::{Envelope, Error, Form, Verifier, VerifyingKey};
use pleat_folding::Scalar;
use pleat_folding::running::Origin;
use sha2::{Digest, Sha256};
use support::{Advice, BARE, ROW_BITS, SETUP, forms, proofs, registry, running, verifying};

static SPARTAN: LazyLock<(Envelope, Envelope)> =
    LazyLock::new(|| proofs(Form::Spartan, Kind::Accuracy));

/// The proof with a change is refused by a sentence with this in it.
fn refused(says: &str, lie: impl Fn(&mut Envelope)) {
    let (registration, proof) = &*SPARTAN;
    let registry = registry(Form::Spartan, registration);
    let mut envelope = proof.clone();
    lie(&mut envelope);
    let key = verifying(Form::Spartan);
    let error = envelope.verify(&registry, &SETUP.key, key).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn another_number_of_correct_samples() {
    let correct = SPARTAN.1.correct;
    let says = format!(
        "it claims {} correct samples and proves {correct}",
        correct + 1
    );
    refused(&says, |e| e.correct += 1);
}

#[test]
fn other_outputs() {
    let (registration, mut proof) = proofs(Form::Spartan, Kind::Outputs);
    let registry = registry(Form::Spartan, &registration);
    let key = verifying(Form::Spartan);
    proof.verify(&registry, &SETUP.key, key).unwrap();
    proof.outputs[1][0][2] += 1;
    let error = proof.verify(&registry, &SETUP.key, key).unwrap_err();
    assert!(
        error.to_string().contains("it proves other outputs"),
        "{error}"
    );
}

/// Envelopes that suit the verifying key.
fn bare() -> [Envelope; 2] {
    let mut both = BARE.clone();
    for envelope in &mut both {
        envelope.origin = *verifying(Form::Spartan).origin();
    }
    both
}

/// What an envelope and a verifying key must share; the registration of the same.
fn other_key(is: &str, lie: impl Fn(&mut Envelope)) {
    let key = verifying(Form::Spartan);
    let named = |error| match error {
        Error::OtherKey { what, .. } => assert_eq!(what, is),
        error => panic!("{error}"),
    };
    let [mut registration, mut proof] = bare();
    lie(&mut registration);
    lie(&mut proof);
    named(
        proof
            .verify(&Registry::default(), &SETUP.key, key)
            .unwrap_err(),
    );
    let registered = registration.register(&mut Registry::default(), &SETUP.key, key);
    named(registered.unwrap_err());
}

#[test]
fn a_proof_of_another_size_class() {
    other_key("size class", |e| e.origin.class[0] += 1);
}

#[test]
fn a_proof_of_another_form() {
    other_key("form", |e| e.origin.form = Form::MicroSpartan);
}

#[test]
fn a_proof_with_another_commitment_key() {
    other_key("commitment key", |e| e.origin.key[0] ^= 1);
}

#[test]
fn a_proof_of_other_parameters() {
    other_key("parameters", |e| e.origin.parameters[0] ^= 1);
}

/// A verifying key that is made when it is asked for: nobody knows before what it is for.
struct Late(&'static VerifyingKey<Advice>);

impl Verifier for Late {
    type Circuit = Advice;

    fn origin(&self) -> Option<&Origin> {
        None
    }

    fn key(&self) -> Result<&VerifyingKey<Advice>, Error> {
        Ok(self.0)
    }
}

#[test]
fn a_verifying_key_that_was_made_for_something_else() {
    let late = Late(verifying(Form::Spartan));
    let register = |envelope: &Envelope| {
        let registry = &mut Registry::default();
        envelope.register(registry, &SETUP.key, &late)
    };
    let mut registration = SPARTAN.0.clone();
    register(&registration).unwrap();
    registration.origin.parameters[0] ^= 1;
    match register(&registration).unwrap_err() {
        Error::OtherKey { what, .. } => assert_eq!(what, "parameters"),
        error => panic!("{error}"),
    }
}

/// Whoever does not look at lengths first has them checked all the same.
#[test]
fn lengths_that_nobody_looked_at() {
    let key = verifying(Form::Spartan);
    let lengths = |error: Error| {
        assert!(matches!(error, Error::Malformed(_)), "{error}");
        let says = "its number of groups is not that of its samples";
        assert!(error.to_string().contains(says), "{error}");
    };
    let mut both = bare();
    for envelope in &mut both {
        envelope.folded.groups.clear();
    }
    let [registration, proof] = both;
    lengths(
        proof
            .verify(&Registry::default(), &SETUP.key, key)
            .unwrap_err(),
    );
    let registered = registration.register(&mut Registry::default(), &SETUP.key, key);
    lengths(registered.unwrap_err());
}

#[test]
fn values_of_another_commitment_key() {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), ROW_BITS + 2, false).unwrap();
    let other = Key::load(dir.path(), ROW_BITS + 2).unwrap();
    let key = verifying(Form::Spartan);
    let error = bare()[1]
        .verify(&Registry::default(), &other, key)
        .unwrap_err();
    assert!(matches!(error, Error::OtherSrs { .. }), "{error}");
}

#[test]
fn a_claim_is_no_registration() {
    let key = verifying(Form::Spartan);
    let error = bare()[1]
        .register(&mut Registry::default(), &SETUP.key, key)
        .unwrap_err();
    match error {
        Error::OtherKind { wanted, .. } => assert_eq!(wanted, "a registration"),
        error => panic!("{error}"),
    }
}

/// What the proof of the fold says about other ends.
fn of_ends(says: &str, snark: &[u8], edit: impl Fn(&mut Expected)) {
    let mut expected = Expected {
        initial: Scalar::one(),
        last: Scalar::one(),
        steps: 1,
        outcome: Outcome {
            samples: 0,
            count: 0,
            outputs: Scalar::zero(),
        },
    };
    edit(&mut expected);
    let error = verify(verifying(Form::Spartan), snark, &expected).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_fold_that_leads_elsewhere() {
    let running = running(Form::Spartan);
    let snark = forms(Form::Spartan).compressor.compress(&running).unwrap();
    of_ends("its steps do not lead to the result", &snark, |e| {
        (e.initial, e.steps) = (running.initial, running.steps);
        e.last = running.last + Scalar::one();
    });
}

#[test]
fn a_fold_of_no_steps() {
    of_ends("it has no steps", &SPARTAN.1.snark, |e| e.steps = 0);
}

#[test]
fn bytes_that_are_no_fold() {
    of_ends("not a valid proof file", &[], |_| ());
}

/// The verifying key of a form with a change behind the right checksum.
fn changed_key(form: Form, change: impl Fn(&mut Vec<u8>)) -> Error {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    verifying(form).save(&path, false).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 32);
    change(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    std::fs::write(&path, bytes).unwrap();
    VerifyingKey::<Advice>::load(&path, SETUP.dir.path()).unwrap_err()
}

#[test]
fn something_behind_a_verifying_key() {
    let error = changed_key(Form::Spartan, |bytes| bytes.push(0));
    assert!(
        error.to_string().contains("something follows it"),
        "{error}"
    );
}

#[test]
fn a_verifying_key_of_other_parameters() {
    let error = changed_key(Form::Spartan, |bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    });
    let says = "parameters";
    assert!(
        matches!(error, Error::Folding(pleat_folding::Error::Foreign { what, .. }) if what == says),
        "{error}"
    );
}

#[test]
fn a_verifying_key_of_another_commitment_key() {
    // Magic, version, class, form.
    let error = changed_key(Form::MicroSpartan, |bytes| bytes[12 + 4 + 1] ^= 1);
    assert!(matches!(error, Error::OtherSrs { .. }), "{error}");
}
