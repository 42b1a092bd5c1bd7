//! Every variable of an honest step of each kind is bound.

use rayon::prelude::*;

use crate::steps::{BLANK, KINDS_OF_STEPS, blank, witness};
use pleat_step_circuits::testing::Recorder;

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

#[test]
fn no_cell_can_be_changed_alone() {
    KINDS_OF_STEPS.par_iter().for_each(|(name, record)| {
        let mut cs = blank(crate::fixture::ROW_BITS);
        cs.load(witness(record).0);
        let free = cs.free_cells(&[]);
        println!("{name}: {free:?}");
    });
}

#[test]
fn state_descriptor_and_message_determine_every_cell() {
    let given = given(&BLANK);
    KINDS_OF_STEPS.par_iter().for_each(|(name, record)| {
        let mut cs = blank(crate::fixture::ROW_BITS);
        cs.load(witness(record).0);
        let t = std::time::Instant::now();
        let (undetermined, dimension) = cs.undetermined(&given);
        println!("{name}: {dimension} {undetermined:?} {:?}", t.elapsed());
    });
}
