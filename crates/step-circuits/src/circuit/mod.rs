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
