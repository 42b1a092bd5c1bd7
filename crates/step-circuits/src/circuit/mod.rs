//! The verifier of a step as constraints.

pub mod bits;
mod chains;
mod claims;
mod descriptor;
pub mod gkr;
pub mod lookup;
pub mod number;
mod permutation;
pub mod poseidon;
pub mod slot;
mod state;
pub mod step;
pub mod sumcheck;
mod task;
mod transition;

pub use number::{Bit, Number};
