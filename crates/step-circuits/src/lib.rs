//! The step circuit: one committed network on one committed sample.
//!
//! ```text
//! z = [model id, data chain, count, correct | outputs chain, context]
//!
//! weights, salt --bits, pack, hash--> model id        == z[0], in every step
//! pixels, label --bits, pack, hash--> next data chain
//! pixels --layers (weights)--> outputs --argmax == label--> correct + 1 | 0
//!                                      \--pack, hash-----> next outputs chain
//! ```
//!
//! One circuit per architecture and [`Kind`] of statement: everything that depends on neither the
//! weights nor the sample is a constant of the circuit. [`statement`] holds the native twins of all
//! hashes, [`gadgets`] the constraints, [`layers`] puts them together in the order of the network.
//!
//! Soundness rests on one rule, which `testing` checks cell by cell: *every allocated variable is
//! determined by a named constraint*, and every field equation is one between integers below `2^62`,
//! so that it cannot hold modulo the field's order only.
#![forbid(unsafe_code)]

pub mod circuit;
pub mod error;
pub mod gadgets;
pub mod layers;
pub mod statement;
pub mod step;
#[cfg(feature = "test-util")]
pub mod testing;

pub use error::{Error, Result};
pub use statement::{Kind, State, Statement};
pub use step::{ARITY, Counts, Step};

/// The field of the circuit: the scalars of BN254.
pub type Scalar = halo2curves::bn256::Fr;
