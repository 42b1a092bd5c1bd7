//! A proof that goes on from a snapshot has the same steps and the same end as one that was never interrupted.

use pleat_argument::Result;
use pleat_argument::data::DataSecrecy;
use pleat_argument::evaluation::{Evaluation, Proved};
use pleat_argument::group::prove::{Snapshot, StepRecord, Steps};
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::Folded;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::statement::context_hash;

use crate::claims::{INPUTS, MODEL};

/// Keeps everything.
#[derive(Debug, Default)]
struct Log {
    steps: Vec<StepRecord>,
    /// With the number of steps before.
    snapshots: Vec<(usize, Snapshot)>,
}

impl Steps for Log {
    fn step(&mut self, record: StepRecord) -> Result<()> {
        self.steps.push(record);
        Ok(())
    }

    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> Result<()> {
        self.snapshots.push((self.steps.len(), snapshot()));
        Ok(())
    }
}

fn fold(kind: Kind, context: &[u8], from: Option<Snapshot>) -> Result<(Proved<Folded>, Log)> {
    fold_with(&ProofSecret::native([6; 32]), kind, context, from)
}

fn fold_with(
    secret: &ProofSecret,
    kind: Kind,
    context: &[u8],
    from: Option<Snapshot>,
) -> Result<(Proved<Folded>, Log)> {
    let inputs = INPUTS.as_slice();
    // Groups of one sample.
    let evaluation = Evaluation::new(&MODEL, kind, inputs, DataSecrecy::Public, Some(0))?;
    let prepared = evaluation.prepare(inputs, context_hash(context), secret)?;
    let mut log = Log::default();
    let proved = evaluation.fold(prepared, inputs, Scheme::Mercury, &mut log, from)?;
    Ok((proved, log))
}

#[test]
fn a_proof_goes_on_from_every_group() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let (whole, log) = fold(kind, b"here", None).unwrap();
        assert_eq!(log.snapshots.len(), INPUTS.len());
        for (before, snapshot) in &log.snapshots {
            // Through a file.
            let bytes = postcard::to_stdvec(snapshot).unwrap();
            let snapshot: Snapshot = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(snapshot.state(), &log.steps[*before].state);
            let (again, tail) = fold(kind, b"here", Some(snapshot.clone())).unwrap();
            assert_eq!(
                format!("{:?}", tail.steps),
                format!("{:?}", &log.steps[*before..])
            );
            assert_eq!((again.last, again.count), (whole.last, whole.count));
            assert_eq!(again.outputs, whole.outputs);
            assert_eq!(again.statement, whole.statement);
            let (a, b) = (&again.proof, &whole.proof);
            assert_eq!((&a.groups, &a.multipliers), (&b.groups, &b.multipliers));
            assert_eq!((&a.data, &a.point, a.value), (&b.data, &b.point, b.value));
            // Another statement.
            let error = fold(kind, b"there", Some(snapshot)).unwrap_err();
            assert!(error.to_string().contains("another statement"), "{error}");
        }
    }
}

/// A proof has one end: another secret, or the same for another end, would publish a second combination under the mask
/// of the first.
#[test]
fn a_proof_does_not_go_on_to_another_end() {
    let kind = Kind::Accuracy;
    let (_, log) = fold(kind, b"here", None).unwrap();
    let (_, snapshot) = log.snapshots.last().unwrap();
    for other in [
        ProofSecret::native([7; 32]),
        ProofSecret::new([6; 32], b"another end"),
    ] {
        let error = fold_with(&other, kind, b"here", Some(snapshot.clone())).unwrap_err();
        assert!(error.to_string().contains("another secret"), "{error}");
    }
}
