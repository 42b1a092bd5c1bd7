//! From a running proof to a small proof file, and back to a statement one can rely on.
//!
//! [`compress`] turns nova's running proof into a succinct one (Spartan over HyperKZG and inner
//! products) and puts it into an [`Envelope`] with everything a verifier needs but the commitment
//! key. [`verify`] trusts nothing in that file: it rebuilds circuit and parameters from the
//! architecture, which the model id binds, and compares every public value.
#![forbid(unsafe_code)]

pub mod envelope;
pub mod error;
pub mod prove;
mod skeleton;
pub mod verify;

pub use envelope::{Claim, Envelope};
pub use error::{Error, Result};
pub use prove::compress;
pub use verify::{Expectations, VerifiedStatement, Verifier, precheck, verify};

use nova_snark::nova;
use pleat_folding::{Primary, PrimarySnark, Secondary, SecondarySnark};
use pleat_step_circuits::Step;

/// Nova's compressed proof of this project's steps.
pub type Snark = nova::CompressedSNARK<Primary, Secondary, Step, PrimarySnark, SecondarySnark>;
/// What checks such a proof.
pub type VerifierKey = nova::VerifierKey<Primary, Secondary, Step, PrimarySnark, SecondarySnark>;
