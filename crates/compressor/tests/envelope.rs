//! What an envelope or a whole of several says that cannot be, one test each and named for it. Their folds prove
//! nothing: nothing here comes to that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use pleat_argument::program::Kind;
use pleat_argument::statement::Visibility;
use pleat_compressor::combined::Misfit;
use pleat_compressor::{Combined, Envelope, Error, Form, Statement};
use support::{Advice, BARE};

/// Samples of a data vector.
const VECTOR: usize = 32;

/// One of [`BARE`] with a change, as bytes with the right checksum, is no file.
fn unreadable(of: usize, says: &str, edit: impl Fn(&mut Envelope)) {
    let mut envelope = BARE[of].clone();
    Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap();
    edit(&mut envelope);
    let error = Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Malformed(_)), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

const REGISTRATION: usize = 0;
const CLAIM: usize = 1;

/// Files of the versions before the mask came first tell about the weights: the sentence says so, and what to do.
#[test]
fn files_that_tell_about_the_weights() {
    let single = BARE[CLAIM].to_bytes().unwrap();
    let whole = parts(|_| ()).unwrap().to_bytes().unwrap();
    for (mut bytes, last) in [(single, 3), (whole, 1)] {
        for version in 1..=last {
            bytes[8] = version;
            let errors = [
                Envelope::from_bytes(&bytes).map(drop),
                Combined::from_bytes(&bytes).map(drop),
            ];
            let said = errors.map(|e| e.unwrap_err().to_string());
            let told = |s: &String| {
                s.contains("tells about the weights") && s.contains("import the model again")
            };
            assert!(said.iter().any(told), "{said:?}");
        }
    }
}

#[test]
fn a_registration_that_says_too_much() {
    let edits: [fn(&mut Statement); 6] = [
        |s| s.group_bits = 1,
        |s| s.labelled = true,
        |s| s.samples = 1,
        |s| s.context = vec![1],
        |s| s.data = [1; 32],
        |s| s.visibility = Visibility::Public,
    ];
    for edit in edits {
        let says = "a registration says too much";
        unreadable(REGISTRATION, says, |e| edit(&mut e.statement));
    }
}

#[test]
fn a_context_that_is_too_long() {
    unreadable(CLAIM, "its context is longer than 1,024 bytes", |e| {
        e.statement.context = vec![0; 1025];
    });
}

#[test]
fn two_size_classes() {
    unreadable(CLAIM, "it names two size classes", |e| {
        e.statement.row_bits += 1;
    });
}

#[test]
fn outputs_of_a_statement_about_accuracy() {
    unreadable(CLAIM, "it shows outputs it claims nothing about", |e| {
        e.outputs = vec![vec![vec![1]]];
    });
}

#[test]
fn correct_samples_of_a_statement_about_outputs() {
    let says = "it counts correct samples it claims nothing about";
    unreadable(CLAIM, says, |e| {
        (e.statement.kind, e.correct) = (Kind::Outputs, 1);
    });
}

#[test]
fn a_registration_with_a_place() {
    unreadable(
        REGISTRATION,
        "a registration takes no part of any data",
        |e| {
            e.offset = 1;
        },
    );
}

#[test]
fn more_samples_than_can_be_counted() {
    unreadable(CLAIM, "it is about more samples than can be counted", |e| {
        e.offset = u64::MAX;
    });
}

#[test]
fn an_invalid_network() {
    unreadable(CLAIM, "has the unit 2^2147483647", |e| {
        e.network.outputs[0].unit = Some(i32::MAX);
    });
}

#[test]
fn an_id_that_is_no_field_element() {
    let mut statement = BARE[CLAIM].statement.clone();
    statement.claim().unwrap();
    statement.model = [0xff; 32];
    let error = statement.claim().unwrap_err().to_string();
    assert!(
        error.contains("its model id is no field element"),
        "{error}"
    );
    statement.model = BARE[CLAIM].statement.model;
    statement.data = [0xff; 32];
    let error = statement.claim().unwrap_err().to_string();
    assert!(error.contains("its data id is no field element"), "{error}");
}

#[test]
fn a_registration_is_no_claim() {
    let error = BARE[REGISTRATION].statement.claim().unwrap_err();
    match error {
        Error::OtherKind { found, wanted } => {
            assert_eq!(found, "the registration of a model");
            assert_eq!(wanted, "a proof about outputs or accuracy");
        }
        error => panic!("{error}"),
    }
}

/// One of [`BARE`] with a change is refused before its fold is looked at, which is none.
fn other_lengths(of: usize, says: &str, edit: impl Fn(&mut Envelope)) {
    let mut envelope = BARE[of].clone();
    edit(&mut envelope);
    let error = envelope.precheck::<Advice>().unwrap_err();
    assert!(matches!(error, Error::Malformed(_)), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn another_number_of_groups() {
    let says = "its number of groups is not that of its samples";
    for of in [REGISTRATION, CLAIM] {
        other_lengths(of, says, |e| e.folded.groups.clear());
        other_lengths(of, says, |e| {
            let again = e.folded.groups[0].clone();
            e.folded.groups.push(again);
        });
    }
    other_lengths(CLAIM, says, |e| e.statement.samples += 1);
    // More samples than can be counted.
    for bits in [64, u32::MAX] {
        other_lengths(CLAIM, says, |e| e.statement.group_bits = bits);
    }
    other_lengths(REGISTRATION, says, |e| {
        e.statement = Statement::of_data(e.statement.row_bits, true, 1, [1; 32]);
    });
}

/// The number of groups is right: one of 32 samples, for which a verifier would commit to outputs of 64 or more.
#[test]
fn a_group_that_is_not_half_full() {
    let says = "its number of groups is not that of its samples";
    for bits in [6, 20, 63] {
        other_lengths(CLAIM, says, |e| e.statement.group_bits = bits);
    }
}

#[test]
fn outputs_of_another_number_of_samples() {
    let says = "it shows the outputs of another number of samples";
    for samples in [0, 31, 33] {
        other_lengths(CLAIM, says, |e| {
            e.statement.kind = Kind::Outputs;
            e.outputs = vec![vec![]; samples];
        });
    }
}

#[test]
fn fewer_multipliers_than_commitments() {
    let says = "it has fewer multipliers than commitments";
    for of in [REGISTRATION, CLAIM] {
        other_lengths(of, says, |e| e.folded.multipliers.clear());
        other_lengths(of, says, |e| {
            let own = &e.folded.groups[0];
            let vectors = own.trace.len() + own.outputs.len() + e.folded.weights.len();
            let vectors = vectors + e.folded.data.len();
            e.folded.multipliers.truncate(vectors - 1);
        });
    }
}

#[test]
fn another_number_of_coordinates() {
    let says = "its running point has another number of coordinates";
    for of in [REGISTRATION, CLAIM] {
        other_lengths(of, says, |e| e.folded.point.truncate(1));
        other_lengths(of, says, |e| e.folded.point.extend_from_within(..1));
    }
}

#[test]
fn a_fold_that_is_no_proof_in_form() {
    for envelope in &*BARE {
        let error = envelope.precheck::<Advice>().unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{error}");
    }
}

// Parts of a whole.

/// Two parts, of which the second is changed.
fn parts(edit: impl Fn(&mut Envelope)) -> Result<Combined, Error> {
    let first = BARE[CLAIM].clone();
    let mut second = first.clone();
    second.offset = VECTOR as u64;
    edit(&mut second);
    Combined::new(vec![first, second])
}

#[test]
fn parts_that_fit() {
    let combined = parts(|_| ()).unwrap();
    assert_eq!(combined.statement().samples, 2 * VECTOR as u64);
}

fn second(edit: impl Fn(&mut Envelope)) -> Error {
    match parts(edit).unwrap_err() {
        Error::Part { part: 1, source } => *source,
        error => panic!("{error}"),
    }
}

/// The second part differs from the first in this, and in nothing else.
fn differs(is: &str, edit: impl Fn(&mut Envelope)) {
    match second(edit) {
        Error::Misfit(Misfit::Other { what, own, first }) => {
            assert_eq!(what, is);
            assert_ne!(own, first);
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_part_of_another_kind() {
    differs("kind", |e| {
        (e.statement.kind, e.correct) = (Kind::Outputs, 0);
    });
}

#[test]
fn a_part_about_another_model() {
    differs("model id", |e| e.statement.model[0] ^= 1);
}

#[test]
fn a_part_with_another_architecture() {
    differs("architecture", |e| {
        e.network.input.resize = Some([3, 3]);
    });
}

#[test]
fn a_part_with_another_context() {
    differs("context", |e| e.statement.context[0] ^= 1);
}

#[test]
fn a_part_of_another_size_class() {
    differs("size class", |e| {
        e.origin.class[0] += 1;
        e.statement.row_bits += 1;
    });
}

#[test]
fn a_part_with_another_final_argument() {
    differs("final argument", |e| e.origin.form = Form::MicroSpartan);
    differs("final argument", |e| e.origin.parameters[0] ^= 1);
}

#[test]
fn a_part_with_another_commitment_key() {
    differs("commitment key", |e| e.origin.key[31] ^= 1);
}

#[test]
fn a_part_without_labels() {
    differs("kind of labels", |e| e.statement.labelled = false);
}

#[test]
fn a_part_about_private_data() {
    differs("kind of data", |e| {
        e.statement.visibility = Visibility::Private;
    });
}

#[test]
fn a_part_that_begins_elsewhere() {
    for offset in [31, 33] {
        match second(|e| e.offset = offset) {
            Error::Misfit(Misfit::Place { begins, next }) => {
                assert_eq!((begins, next), (offset, 32));
            }
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_part_that_ends_inside_a_data_vector() {
    let mut first = BARE[CLAIM].clone();
    first.statement.samples = 5;
    let mut second = BARE[CLAIM].clone();
    second.offset = 5;
    match Combined::new(vec![first, second]).unwrap_err() {
        Error::Part { part: 0, source } => {
            let ragged = Misfit::Ragged {
                samples: 5,
                per_vector: VECTOR as u64,
            };
            assert_eq!(source.to_string(), ragged.to_string());
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_part_about_no_samples() {
    let error = second(|e| e.statement.samples = 0).to_string();
    assert!(error.contains("it is about no samples"), "{error}");
}

#[test]
fn a_part_that_is_a_registration() {
    let error = second(|e| e.clone_from(&BARE[REGISTRATION]));
    assert!(matches!(error, Error::OtherKind { .. }), "{error}");
}

#[test]
fn a_part_that_is_no_envelope() {
    let mut alone = BARE[CLAIM].clone();
    alone.offset = u64::MAX;
    match Combined::new(vec![alone]).unwrap_err() {
        Error::Part { part: 0, source } => {
            assert!(matches!(*source, Error::Malformed(_)), "{source}");
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_whole_without_parts() {
    let error = Combined::new(vec![]).unwrap_err().to_string();
    assert!(error.contains("it has no parts"), "{error}");
}

#[test]
fn more_correct_samples_than_can_be_counted() {
    let error = parts(|e| e.correct = u64::MAX).unwrap_err().to_string();
    let says = "its parts claim more correct samples than can be counted";
    assert!(error.contains(says), "{error}");
}

/// Takes three gigabytes.
#[test]
#[ignore = "memory"]
fn a_whole_of_more_bytes_than_are_read() {
    let mut alone = BARE[CLAIM].clone();
    alone.snark = vec![0; 1 << 30];
    let combined = Combined::new(vec![alone]).unwrap();
    let error = combined.to_bytes().unwrap_err().to_string();
    assert!(error.contains("at most 1073741824 are read"), "{error}");
}
