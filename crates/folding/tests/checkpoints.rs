//! Checkpoints: when they are written, what is in them, and going on from them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::group::prove::{Snapshot, StepRecord, Steps};
use pleat_argument::program::Kind;
use pleat_argument::srs;
use pleat_argument::step::descriptor::Descriptor;
use pleat_argument::step::state::{Constants, State};
use pleat_argument::step::transition::Message;
use pleat_folding::{
    Checkpoint, Circuit, Error, Form, Keep, Notice, Params, RunningProof, Scalar, Shape, Subject,
    Worker,
};

const SHAPE: Shape = Shape::new(8);

/// The identity.
#[derive(Clone, Debug)]
struct Same;

impl StepCircuit<Scalar> for Same {
    fn arity(&self) -> usize {
        1
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        _: &mut CS,
        z: &[AllocatedNum<Scalar>],
    ) -> Result<Vec<AllocatedNum<Scalar>>, SynthesisError> {
        Ok(z.to_vec())
    }
}

impl Circuit for Same {
    fn blank(_: Shape) -> Self {
        Self
    }

    fn step(_: Shape, _: StepRecord) -> Self {
        Self
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

fn state() -> State {
    State::new(Constants::default(), &SHAPE, &G1Affine::identity())
}

fn record() -> StepRecord {
    StepRecord {
        state: state(),
        descriptor: Descriptor::default(),
        message: Message::empty(&SHAPE),
    }
}

const SUBJECT: Subject = Subject {
    kind: Kind::Accuracy,
    group_bits: 3,
    samples: 20,
    model: [1; 32],
    data: [2; 32],
    context: [3; 32],
};

fn keep(path: &Path, every: Duration, steps: u64) -> Keep {
    Keep {
        path: path.to_owned(),
        every,
        subject: SUBJECT,
        secret: [4; 32],
        steps,
        replace: path.exists(),
    }
}

/// Hands over groups of so many steps each, as the prover does.
fn prove(queue: &mut impl Steps, groups: &[u64]) -> pleat_argument::Result<()> {
    for &steps in groups {
        queue.between_groups(&|| Snapshot::blank(state()))?;
        (0..steps).try_for_each(|_| queue.step(record()))?;
    }
    Ok(())
}

struct Run {
    result: Result<RunningProof<Same>, Error>,
    /// Steps of the checkpoints that were written.
    written: Vec<u64>,
    failed: usize,
}

fn run(keep: Keep, from: Option<(RunningProof<Same>, u64)>, stop: bool, groups: &[u64]) -> Run {
    let stop = Arc::new(AtomicBool::new(stop));
    let worker = Worker::keeping(&SETUP.params, keep, from, stop).unwrap();
    let mut queue = worker.queue();
    // An interrupted thread takes no more steps.
    let _ = prove(&mut queue, groups);
    drop(queue);
    let (mut written, mut failed) = (vec![], 0);
    let result = worker.join(Some(state().digest()), &mut |notice| match notice {
        Notice::Written { steps, .. } => written.push(steps),
        Notice::Failed(_) => failed += 1,
        Notice::Folded(_) => {}
    });
    Run {
        result,
        written,
        failed,
    }
}

const ALWAYS: Duration = Duration::ZERO;
const NEVER: Duration = Duration::from_secs(1 << 20);

fn load(path: &Path) -> Checkpoint<Same> {
    Checkpoint::load(path, &SETUP.params).unwrap()
}

#[test]
fn written_when_due_and_at_the_end_of_a_long_proof() {
    let path = SETUP.dir.path().join("due");
    let short = run(keep(&path, NEVER, 5), None, false, &[3, 2]);
    assert_eq!((short.result.unwrap().steps, short.written.len()), (5, 0));
    assert!(!path.exists(), "a short proof leaves no secret file");

    let long = run(keep(&path, ALWAYS, 5), None, false, &[3, 2]);
    assert_eq!(long.result.unwrap().steps, 5);
    assert_eq!(long.written.last(), Some(&5));
    assert!(long.written.len() >= 5, "{:?}", long.written);
    let last = load(&path);
    assert_eq!((last.subject, last.secret), (SUBJECT, [4; 32]));
    // Of the second group, two steps are folded.
    assert_eq!((last.running.steps, last.ahead), (5, 2));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_prover_that_fails_leaves_a_checkpoint() {
    let path = SETUP.dir.path().join("incomplete");
    let part = run(keep(&path, NEVER, 5), None, false, &[3]);
    assert_eq!(part.written, [3]);
    assert_eq!(load(&path).running.steps, 3);
}

#[test]
fn interrupted_and_resumed() {
    let path = SETUP.dir.path().join("interrupted");
    let all = [3, 2];
    let stopped = run(keep(&path, NEVER, 5), None, true, &all);
    let error = stopped.result.unwrap_err();
    assert!(matches!(error, Error::Interrupted(_)), "{error}");
    // Before the first step there is nothing to keep.
    assert!(error.to_string().contains("nothing"), "{error}");
    assert!(!path.exists());

    // Three steps of five: those of the first group come again, and are not folded again.
    run(keep(&path, NEVER, 5), None, false, &[3]);
    let kept = load(&path);
    assert_eq!((kept.running.steps, kept.ahead), (3, 3));
    let from = Some((kept.running, kept.ahead));
    let resumed = run(keep(&path, ALWAYS, 5), from, false, &all);
    let whole = resumed.result.unwrap();
    assert_eq!(whole.steps, 5);
    let nova = SETUP.params.nova();
    assert!(whole.recursive.verify(nova, 5, &[whole.initial]).is_ok());
    assert_eq!(load(&path).ahead, 2);

    // All steps are folded: nothing is left to do.
    let kept = load(&path);
    let from = Some((kept.running, kept.ahead));
    let again = run(keep(&path, NEVER, 5), from, false, &[2]);
    assert_eq!(again.result.unwrap().steps, 5);
}

#[test]
fn a_stop_in_the_midst_keeps_what_is_folded() {
    let path = SETUP.dir.path().join("midst");
    run(keep(&path, NEVER, 9), None, false, &[2]);
    let kept = load(&path);
    let from = Some((kept.running, kept.ahead));
    // It stops after the first thing it hears, the place of the group.
    let stopped = run(keep(&path, NEVER, 9), from, true, &[2, 7]);
    let error = stopped.result.unwrap_err().to_string();
    assert!(
        error.contains("2 steps") && error.contains("--resume"),
        "{error}"
    );
    let kept = load(&path);
    assert_eq!((kept.running.steps, kept.ahead), (2, 2));
}

#[test]
fn a_checkpoint_that_cannot_be_written_does_not_end_the_proof() {
    let path = SETUP.dir.path().join("no such folder/checkpoint");
    let run = run(keep(&path, ALWAYS, 5), None, false, &[3, 2]);
    assert_eq!(run.result.unwrap().steps, 5);
    assert!(run.written.is_empty() && run.failed >= 5);
}

#[test]
fn a_file_that_came_meanwhile_is_not_replaced() {
    let path = SETUP.dir.path().join("foreign");
    let keep = keep(&path, ALWAYS, 5);
    std::fs::write(&path, "of another process").unwrap();
    let run = run(keep, None, false, &[3, 2]);
    assert_eq!(run.result.unwrap().steps, 5);
    assert!(run.written.is_empty() && run.failed >= 5);
    assert_eq!(std::fs::read(&path).unwrap(), b"of another process");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let path = SETUP.dir.path().join("damaged");
    run(keep(&path, NEVER, 5), None, false, &[3]);
    let good = std::fs::read(&path).unwrap();
    for length in [0, 11, 300, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        let error = Checkpoint::load(&path, &SETUP.params).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{length}: {error}");
    }
    for i in (0..good.len()).step_by(good.len() / 40) {
        let mut bytes = good.clone();
        bytes[i] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = Checkpoint::load(&path, &SETUP.params).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "byte {i}: {error}");
    }
}
