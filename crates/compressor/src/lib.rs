//! From a running proof to a small proof file, and back to a statement one can rely on.
//!
//! ```text
//! RunningProof --Compressor--> snark bytes --Envelope (statement, architecture, commitments)--> file
//! file --Envelope--> statement, checked by the argument's registry --Expected--> VerifyingKey::verify
//! ```
//!
//! A [`VerifyingKey`] belongs to a size class, a [`Form`] and a commitment key: one serves all models and
//! statements. What a proof is about, [`Envelope::verify`] computes from its public values; nothing in a
//! file is believed.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`snark`] | the two forms behind one type |
//! | [`prove`] | compresses |
//! | [`key`] | verifying keys and their files |
//! | [`verify`] | checks the proof of a fold |
//! | [`envelope`] | the proof file, and whole statements |
//! | [`combined`] | proofs of parts of the data as one |
#![forbid(unsafe_code)]

pub mod combined;
pub mod envelope;
pub mod error;
pub mod key;
pub mod prove;
mod skeleton;
pub mod snark;
pub mod verify;

pub use combined::Combined;
pub use envelope::{Envelope, Statement};
pub use error::{Error, Result};
pub use key::{Verifier, VerifyingKey};
pub use pleat_folding::Form;
pub use prove::Compressor;
pub use snark::Snark;
