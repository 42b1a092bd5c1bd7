//! The chunk argument: a quantised network and its samples become committed integer columns,
//! sum-check transcripts about them, and one running claim that is opened at the end.
//!
//! `docs/argument.md` is the specification: protocol, transcript, layout, soundness.
#![forbid(unsafe_code)]

pub mod cache;
pub mod claims;
pub mod commitment;
mod descriptor;
pub mod error;
pub mod evaluation;
pub mod group;
pub mod layout;
pub mod lookup;
pub mod multilinear;
pub mod opening;
pub mod program;
pub mod proof;
mod ptau;
pub mod quiet;
pub mod registry;
pub mod srs;
pub mod statement;
pub mod sumcheck;
pub mod transcript;
pub mod view;
pub mod witness;

pub use error::{Error, Result};

/// The curve of commitments and the engine of nova-snark that goes with it.
pub type Engine = nova_snark::provider::Bn256EngineKZG;
/// The field of values and challenges: BN254's scalars.
pub type Scalar = halo2curves::bn256::Fr;
