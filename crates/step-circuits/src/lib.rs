//! The step circuit: the verifier of one step of the chunk argument, as constraints.
//!
//! ```text
//! z = [digest of the state]
//!
//! state, descriptor --hash--> z, chain of descriptors
//! transcript of the step --Poseidon, sum-checks, lookups--> what must hold at one point
//! slots of the descriptor --evaluated there--> what the program says it is
//! next state --hash--> next z
//! ```
//!
//! One circuit per size class: models, chunks, kinds of steps are data. [`circuit`] holds the gadgets, each with
//! its native twin in [`pleat_argument`]; `docs/step-circuit.md` names for every variable the constraint that
//! binds it.
#![forbid(unsafe_code)]

pub mod circuit;
#[cfg(feature = "test-util")]
pub mod testing;

pub use circuit::step::Step;

/// The field of the circuit: the scalars of BN254.
pub type Scalar = halo2curves::bn256::Fr;
