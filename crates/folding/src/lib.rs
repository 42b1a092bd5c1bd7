//! The incremental prover: steps of the chunk argument become one running proof.
//!
//! ```text
//! argument's prover --StepRecord--> Worker (a thread) --> Folder --> RunningProof --> pleat-compressor
//!                                                           |
//!                              Params: circuit of a size class, commitment key, shapes
//! ```
//!
//! Primary curve BN254 with commitments over a powers-of-tau file ([`pleat_argument::srs`]), secondary
//! curve Grumpkin with Pedersen commitments, which need no secret. Each step of the argument is one
//! step of nova's incremental computation over a [`Circuit`] whose input and output are the digests of
//! the state before and after.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`params`] | public parameters of a size class |
//! | [`folder`] | folds steps one by one |
//! | [`worker`] | does so on a thread of its own, beside the argument's prover |
//! | [`running`] | the proof so far: its file, its comparison with what must be proved |
//! | [`checkpoint`] | what it takes to go on in another process |
//! | [`sealed`] | files with magic number, version and checksum |
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod error;
pub mod folder;
pub mod params;
pub mod running;
pub mod sealed;
pub mod worker;

pub use checkpoint::{Checkpoint, Keep, Subject};
pub use error::{Error, Result};
pub use folder::Folder;
pub use params::{Form, Params, Sizes};
pub use running::RunningProof;
pub use worker::{Notice, Worker};

use nova_snark::provider::{Bn256EngineKZG, GrumpkinEngine};
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::group::prove::StepRecord;
pub use pleat_argument::step::Shape;
pub use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::step::Step;

/// The primary curve: steps.
pub type Primary = Bn256EngineKZG;
/// The secondary curve of the cycle.
pub type Secondary = GrumpkinEngine;
/// Nova's incremental proof.
pub type Recursive<C = Step> = nova_snark::nova::RecursiveSNARK<Primary, Secondary, C>;

/// What is folded: [`Step`], or a stand-in for tests and measurements.
///
/// Arity 1: the digest of a state to the digest of the next. Its constraints depend on the shape alone.
pub trait Circuit: StepCircuit<Scalar> + 'static {
    /// The circuit of a size class with any witness: for its shape.
    fn blank(shape: Shape) -> Self;
    /// The circuit of a step.
    fn step(shape: Shape, record: StepRecord) -> Self;
}

impl Circuit for Step {
    fn blank(shape: Shape) -> Self {
        Self::blank(shape)
    }

    fn step(shape: Shape, record: StepRecord) -> Self {
        Self::new(shape, record)
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
