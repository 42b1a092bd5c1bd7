//! Exit codes; `docs/jobs.md` has them for everybody.

use pleat_jobs::{Class, Error};

/// The proof is invalid.
pub(crate) const INVALID_PROOF: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Bad input: file, model, data.
pub(crate) const BAD_INPUT: u8 = 3;
/// Resources: disk, memory, interrupted.
pub(crate) const RESOURCES: u8 = 4;

/// The exit code of an error.
pub(crate) fn code(error: &Error) -> u8 {
    match error.class() {
        Class::InvalidProof => INVALID_PROOF,
        Class::BadInput => BAD_INPUT,
        Class::Resources | Class::Interrupted => RESOURCES,
    }
}
