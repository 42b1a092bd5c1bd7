//! Every variable of an honest step of each kind is bound.

use pleat_argument::group::prove::StepRecord;
use pleat_argument::step::descriptor::Task;
use pleat_step_circuits::testing::Recorder;
use rayon::prelude::*;

use crate::fixture::ROW_BITS;
use crate::steps::{BLANK, KINDS_OF_STEPS, blank, ready, step, witness};

/// What the prover says, by the name of the variable.
const MESSAGES: &[&str] = &[
    "commitment",
    "count",
    "begin/salt",
    "begin/seed",
    "task/part",
    "task/forms",
    "task/lookups/message",
    "task/rounds/message",
    "task/value",
    "task/combination",
    "claims/X",
    "claims/U",
];

fn given(cs: &Recorder) -> Vec<usize> {
    cs.named(|name| ["state", "descriptor/descriptor"].contains(&name) || MESSAGES.contains(&name))
}

fn filled(record: &StepRecord) -> Recorder {
    let mut cs = blank(ROW_BITS);
    cs.load(witness(record).0);
    cs
}

/// The only free cell: outside chunks nothing reads the public part of a chunk's lookups, not even a hash.
#[test]
fn no_cell_can_be_changed_alone() {
    ready();
    KINDS_OF_STEPS.par_iter().for_each(|(name, record)| {
        let expected: &[&str] = match record.descriptor.task {
            Task::Chunk => &[],
            _ => &["task/forms"],
        };
        assert_eq!(filled(record).free_cells(&[]), expected, "{name}");
    });
}

#[test]
fn state_descriptor_and_message_determine_every_cell() {
    ready();
    let given = given(&BLANK);
    KINDS_OF_STEPS.par_iter().for_each(|(name, record)| {
        let (undetermined, dimension) = filled(record).undetermined(&given);
        assert_eq!((undetermined, dimension), (vec![], 0), "{name}");
    });
}

/// The test before would see each of these constraints missing.
#[test]
fn without_a_constraint_cells_are_undetermined() {
    ready();
    let given = given(&BLANK);
    let constraints = [
        ("chunk", "task/inverse"),
        ("chunk", "task/lookups/step"),
        ("chunk", "task/multiplier/multiplier is not zero"),
        ("new data", "chains/no inverse"),
        ("two vectors", "task/running value"),
        ("two vectors", "slots/slot/ratio"),
        ("later head", "begin/begun"),
        ("last claims", "claims/delta"),
        ("end", "end/kept"),
    ];
    constraints.par_iter().for_each(|(name, constraint)| {
        let mut cs = filled(&step(name));
        let removed = cs.remove(|name| name == *constraint);
        assert!(removed > 0, "{constraint}");
        assert_ne!(cs.undetermined(&given).1, 0, "{name} without {constraint}");
    });
}
