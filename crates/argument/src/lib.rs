//! The chunk argument: a quantised network and its samples become committed integer columns,
//! sum-check transcripts about them, and one running claim that is opened at the end.
//!
//! `docs/argument.md` is the specification: protocol, transcript, layout, soundness.
//!
//! | module | what it does | depends on |
//! | --- | --- | --- |
//! | [`srs`], [`commitment`], [`opening`], [`cache`] | keys, commitments and their cache, openings | |
//! | [`transcript`], [`multilinear`] | Poseidon challenges; tables and their extensions | |
//! | [`view`], [`program`] | public coefficients; what one group proves | the above |
//! | [`layout`] | compiles an architecture to a program | `view`, `program` |
//! | [`witness`] | fills a program's vectors | `program` |
//! | [`sumcheck`], [`lookup`], [`claims`] | the kernels of a step | `transcript`, `multilinear` |
//! | [`randomness`] | what a prover draws | `statement`, `commitment` |
//! | [`group`], [`proof`], [`statement`] | prover and verifier of groups | all of the above |
//! | [`model`], [`data`] | commitments to weights and to samples | `group` |
//! | [`evaluation`], [`registry`] | whole statements: proving them, checking them against registered ids | the above |
//!
//! Proving, in short: [`model::Model::new`] commits to the weights of a bundle,
//! [`evaluation::Evaluation`] proves a statement about samples, [`registry::Registry`] checks it.
#![forbid(unsafe_code)]

mod accumulate;
mod budget;
pub mod cache;
pub mod claims;
pub mod commitment;
pub mod data;
pub mod error;
pub mod evaluation;
pub mod group;
pub mod layout;
pub mod lookup;
pub mod model;
pub mod multilinear;
pub mod opening;
pub mod program;
pub mod proof;
mod ptau;
pub mod quiet;
pub mod randomness;
pub mod registry;
pub mod srs;
pub mod statement;
pub mod step;
pub mod sumcheck;
pub mod transcript;
pub mod view;
pub mod witness;

pub use budget::MAX_WORK;
pub use error::{Error, Result};

/// The curve of commitments and the engine of nova-snark that goes with it.
pub type Engine = nova_snark::provider::Bn256EngineKZG;
/// The field of values and challenges: BN254's scalars.
pub type Scalar = halo2curves::bn256::Fr;
