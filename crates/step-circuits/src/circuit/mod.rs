//! The verifier of a step as constraints.
//!
//! | module | twin of |
//! | --- | --- |
//! | [`number`] | linear combinations with their values |
//! | [`bits`] | decompositions, powers, selections, `transcript::multiplier` |
//! | [`poseidon`] | `transcript` |
//! | [`sumcheck`] | `sumcheck::verify` |
//! | [`gkr`] | `lookup::verify` |
//! | [`lookup`] | `step::lookup::LookupSlot::evaluate` |
//! | [`slot`] | `step::slot::Slot::evaluate` |

pub mod bits;
pub mod gkr;
pub mod lookup;
pub mod number;
mod permutation;
pub mod poseidon;
pub mod slot;
pub mod sumcheck;

pub use number::{Bit, Number};
