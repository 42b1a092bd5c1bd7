//! Folding, its thread and its files, with a circuit that changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::group::folded::Expected;
use pleat_argument::group::prove::{StepRecord, Steps};
use pleat_argument::group::verify::Outcome;
use pleat_argument::srs;
use pleat_argument::step::descriptor::Descriptor;
use pleat_argument::step::state::{Constants, State};
use pleat_argument::step::transition::Message;
use pleat_folding::running::Origin;
use pleat_folding::sealed::Damage;
use pleat_folding::{
    Circuit, Error, Folder, Form, Notice, Params, RunningProof, Scalar, Shape, Worker,
};

const SHAPE: Shape = Shape::new(8);
/// A step with this many groups before it panics.
const PANIC: u64 = 99;

/// The identity.
#[derive(Clone, Debug)]
struct Same(u64);

impl StepCircuit<Scalar> for Same {
    fn arity(&self) -> usize {
        1
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        _: &mut CS,
        z: &[AllocatedNum<Scalar>],
    ) -> Result<Vec<AllocatedNum<Scalar>>, SynthesisError> {
        assert!(self.0 != PANIC, "as the test asked");
        Ok(z.to_vec())
    }
}

impl Circuit for Same {
    fn blank(_: Shape) -> Self {
        Self(0)
    }

    fn step(_: Shape, record: StepRecord) -> Self {
        Self(record.state.group)
    }
}

struct Setup {
    dir: tempfile::TempDir,
    params: Arc<Params<Same>>,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 14, false).unwrap();
    let params = Arc::new(Params::setup(SHAPE, Form::Spartan, dir.path()).unwrap());
    Setup { dir, params }
});

fn record(group: u64) -> StepRecord {
    StepRecord {
        state: State {
            group,
            ..State::new(Constants::default(), &SHAPE, &G1Affine::identity())
        },
        descriptor: Descriptor::default(),
        message: Message::empty(&SHAPE),
    }
}

fn digest(group: u64) -> Scalar {
    record(group).state.digest()
}

fn running(steps: u64) -> RunningProof<Same> {
    let mut folder = Folder::new(SETUP.params.clone());
    for _ in 0..steps {
        folder.push(record(0)).unwrap();
    }
    folder.finish(digest(0)).unwrap()
}

fn verified(running: &RunningProof<Same>) -> Scalar {
    let steps = running.steps as usize;
    let nova = SETUP.params.nova();
    running
        .recursive
        .verify(nova, steps, &[running.initial])
        .unwrap()[0]
}

#[test]
fn the_first_step_counts_once() {
    for steps in 1..=3 {
        let running = running(steps);
        assert_eq!((running.steps, verified(&running)), (steps, digest(0)));
    }
    let folder = Folder::new(SETUP.params.clone());
    assert!(matches!(folder.finish(digest(0)), Err(Error::NoStep)));
}

#[test]
fn a_step_that_leads_elsewhere_is_named() {
    let mut folder = Folder::new(SETUP.params.clone());
    folder.push(record(0)).unwrap();
    folder.push(record(0)).unwrap();
    let error = folder.push(record(1)).unwrap_err();
    assert!(matches!(error, Error::Disagreement { step: 1 }), "{error}");
    let error = folder.finish(digest(1)).unwrap_err();
    assert!(matches!(error, Error::Disagreement { step: 1 }), "{error}");
}

#[test]
fn a_proof_is_compared_with_what_must_be_proved() {
    let running = running(1);
    let expected = |initial, last, steps| Expected {
        initial,
        last,
        steps,
        outcome: Outcome {
            samples: 0,
            count: 0,
            outputs: Scalar::zero(),
        },
    };
    running.check(&expected(digest(0), digest(0), 1)).unwrap();
    for wrong in [
        expected(digest(1), digest(0), 1),
        expected(digest(0), digest(1), 1),
        expected(digest(0), digest(0), 2),
    ] {
        let error = running.check(&wrong).unwrap_err();
        assert!(matches!(error, Error::Unexpected { .. }), "{error}");
    }
}

/// A proof of one step, held against something else.
fn unexpected(says: &str, edit: impl Fn(&mut Expected)) {
    let mut expected = Expected {
        initial: digest(0),
        last: digest(0),
        steps: 1,
        outcome: Outcome {
            samples: 0,
            count: 0,
            outputs: Scalar::zero(),
        },
    };
    edit(&mut expected);
    let error = running(1).check(&expected).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn a_running_proof_of_fewer_steps() {
    unexpected("has 1 steps, there must be 2", |e| e.steps = 2);
}

#[test]
fn a_running_proof_with_another_beginning() {
    unexpected("begins with another state", |e| e.initial = digest(1));
}

#[test]
fn a_running_proof_with_another_end() {
    unexpected("ends with another state", |e| e.last = digest(1));
}

/// What a file's origin differs in from the one here.
fn foreign(says: &str, edit: impl Fn(&mut Origin)) {
    let here = Origin::of(&*SETUP.params);
    here.check(Path::new("file"), &here).unwrap();
    let mut other = here;
    edit(&mut other);
    match other.check(Path::new("file"), &here).unwrap_err() {
        Error::Foreign { what, .. } => assert_eq!(what, says),
        error => panic!("{error}"),
    }
}

#[test]
fn a_file_of_another_size_class() {
    foreign("size class", |o| o.class[0] += 1);
}

#[test]
fn a_file_of_another_form() {
    foreign("form", |o| o.form = Form::MicroSpartan);
}

#[test]
fn a_file_of_another_commitment_key() {
    foreign("commitment key", |o| o.key[3] ^= 1);
}

#[test]
fn a_file_of_other_parameters() {
    foreign("parameters", |o| o.parameters[3] ^= 1);
}

fn no_class(class: [u64; 4]) {
    let origin = Origin {
        class,
        ..Origin::of(&*SETUP.params)
    };
    let unknown = Damage::Content("an unknown size class".into());
    assert_eq!(origin.shape().unwrap_err(), unknown);
}

#[test]
fn a_size_class_of_another_step() {
    let [row_bits, slots, lookups, products] = Origin::of(&*SETUP.params).class;
    no_class([row_bits, slots + 1, lookups, products]);
    no_class([row_bits, slots, lookups, products - 1]);
}

#[test]
fn a_size_class_that_is_none() {
    let [_, slots, lookups, products] = Origin::of(&*SETUP.params).class;
    for row_bits in [0, 27] {
        no_class([row_bits, slots, lookups, products]);
    }
}

/// A saved proof of one step with a change behind the right checksum.
fn saved(name: &str, edit: impl Fn(&mut Vec<u8>)) -> Error {
    use sha2::{Digest, Sha256};
    let path = file(name);
    running(1).save(&path, &SETUP.params, true, &7u32).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 32);
    edit(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    std::fs::write(&path, &bytes).unwrap();
    load(&path)
}

/// Bytes of magic, version and the origin's numbers: class, form.
const BEFORE_KEY: usize = 12 + 4 + 1;

#[test]
fn a_saved_proof_of_other_parameters() {
    let error = saved("other parameters", |b| b[BEFORE_KEY + 32] ^= 1);
    assert!(
        matches!(
            error,
            Error::Foreign {
                what: "parameters",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_saved_proof_of_something_else() {
    // Behind the origin: the first digest, the last, the number of steps.
    let steps = BEFORE_KEY + 4 * 32;
    let error = saved("other steps", |b| {
        assert_eq!(b[steps], 1);
        b[steps] = 2;
    });
    let says = "what it proves is not what it says";
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_saved_digest_that_is_no_field_element() {
    let first = BEFORE_KEY + 2 * 32;
    let error = saved("no digest", |b| b[first..first + 32].fill(0xff));
    let says = "a digest that is no field element";
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn the_thread_folds_and_hands_back_errors() {
    let worker = Worker::spawn(&SETUP.params).unwrap();
    let mut queue = worker.queue();
    (0..4).for_each(|_| queue.step(record(0)).unwrap());
    drop(queue);
    let mut folded = vec![];
    let running = worker
        .join(Some(digest(0)), &mut |notice| match notice {
            Notice::Folded(steps) => folded.push(steps),
            other => panic!("{other:?}"),
        })
        .unwrap();
    assert_eq!(folded, [1, 2, 3, 4]);
    assert_eq!((running.steps, verified(&running)), (4, digest(0)));
    assert!(running.seconds > 0.0);

    for (group, sentence) in [(1, "disagree"), (PANIC, "as the test asked")] {
        let first = if group == PANIC { PANIC } else { 0 };
        let worker = Worker::spawn(&SETUP.params).unwrap();
        let mut queue = worker.queue();
        queue.step(record(first)).unwrap();
        // The queue is short: the prover hears of the end soon.
        let refused = (0..8).find_map(|_| queue.step(record(group)).err());
        let refused = refused.unwrap();
        assert!(refused.to_string().contains(sentence), "{refused}");
        drop(queue);
        let error = worker.join(None, &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
    }
    // The last step leads elsewhere than the prover says.
    let worker = Worker::spawn(&SETUP.params).unwrap();
    worker.queue().step(record(0)).unwrap();
    let error = worker.join(Some(digest(1)), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Disagreement { step: 0 }), "{error}");
}

fn file(name: &str) -> std::path::PathBuf {
    SETUP.dir.path().join(name)
}

#[test]
fn a_saved_proof_is_secret_and_goes_on() {
    let path = file("goes-on");
    running(2).save(&path, &SETUP.params, false, &7u32).unwrap();
    assert!(running(1).save(&path, &SETUP.params, false, &7u32).is_err());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (loaded, companion) = RunningProof::load::<u32>(&path, &SETUP.params, 8).unwrap();
    assert_eq!(companion, 7);
    let mut folder = Folder::resume(SETUP.params.clone(), loaded);
    folder.push(record(0)).unwrap();
    let running = folder.finish(digest(0)).unwrap();
    assert_eq!((running.steps, verified(&running)), (3, digest(0)));
}

fn load(path: &Path) -> Error {
    RunningProof::load::<u32>(path, &SETUP.params, 8).unwrap_err()
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    use sha2::{Digest, Sha256};
    let path = file("damaged");
    running(1).save(&path, &SETUP.params, false, &7u32).unwrap();
    let good = std::fs::read(&path).unwrap();
    let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
    for i in (0..good.len()).step_by(good.len() / 50) {
        let mut bytes = good.clone();
        bytes[i] ^= 1;
        write(&bytes);
        assert!(matches!(load(&path), Error::File { .. }), "byte {i}");
        // With the right checksum.
        let end = bytes.len() - 32;
        let sum = Sha256::digest(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum);
        if bytes != good {
            write(&bytes);
            let error = load(&path);
            let refused = matches!(error, Error::File { .. } | Error::Foreign { .. });
            assert!(refused, "byte {i}: {error}");
        }
    }
    for length in [0, 7, 12, 44, 300, good.len() - 1] {
        write(&good[..length]);
        assert!(matches!(load(&path), Error::File { .. }), "{length} bytes");
    }
    let mut long = good.clone();
    long.resize(4 * good.len(), 0);
    write(&long);
    assert!(load(&path).to_string().contains("at most"));
    assert!(matches!(load(&file("missing")), Error::Io { .. }));

    // Of another ceremony.
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 14, false).unwrap();
    let other = Params::<Same>::setup(SHAPE, Form::Spartan, dir.path()).unwrap();
    assert_ne!(other.digest(), SETUP.params.digest());
    write(&good);
    let error = RunningProof::load::<u32>(&path, &other, 8).unwrap_err();
    assert!(error.to_string().contains("commitment key"), "{error}");
}

#[test]
fn a_missing_key_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let error = Params::<Same>::setup(SHAPE, Form::Spartan, dir.path()).unwrap_err();
    let missing = pleat_argument::Error::MissingSrs {
        dir: dir.path().to_owned(),
        power: 14,
    };
    assert_eq!(error.to_string(), missing.to_string());
}
