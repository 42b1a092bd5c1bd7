//! The verifier of a step as constraints.

pub mod number;
mod permutation;
pub mod gkr;
pub mod poseidon;
pub mod sumcheck;

pub use number::{Bit, Number};
