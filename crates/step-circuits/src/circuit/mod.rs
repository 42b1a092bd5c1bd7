//! The verifier of a step as constraints.

pub mod number;
pub mod step;

pub use number::{Bit, Number};
