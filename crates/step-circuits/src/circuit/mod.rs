//! The verifier of a step as constraints.

pub mod number;

pub use number::{Bit, Number};
