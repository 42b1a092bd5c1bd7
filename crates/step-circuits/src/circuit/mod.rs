//! The verifier of a step as constraints.

pub mod bits;
pub mod gkr;
pub mod lookup;
pub mod number;
mod permutation;
pub mod poseidon;
pub mod slot;
pub mod sumcheck;

pub use number::{Bit, Number};
