//! Why a proof is not made or not accepted.

use pleat_folding::Form;
use pleat_folding::sealed::Damage;

use crate::combined::Misfit;

/// What can go wrong with a proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that are no proof file of this version.
    #[error("not a valid proof file: {0}")]
    Malformed(Damage),
    /// A proof of another size class, form, circuit or commitment key than the verifying key.
    #[error(
        "the proof was made with {what} {proof}, the verifying key with {key}; \
         verify it with the verifying key it needs"
    )]
    OtherKey {
        /// What differs.
        what: &'static str,
        /// The proof's.
        proof: String,
        /// The verifying key's.
        key: String,
    },
    /// A commitment key that is not the verifying key's.
    #[error(
        "the verifying key was made with commitment key {key}, here is {here}; \
         import that key if it is a public ceremony's: a key from the prover proves nothing"
    )]
    OtherSrs {
        /// The commitment keys here.
        here: String,
        /// The verifying key's.
        key: String,
    },
    /// A well-formed proof that does not prove its statement.
    #[error("the proof is invalid: {0}")]
    Invalid(String),
    /// A statement of another kind than the caller handles.
    #[error("the file holds {found}, {wanted} is needed; give another file")]
    OtherKind {
        /// What the file holds.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// What is wrong with one of several proofs.
    #[error("part {}: {source}", part + 1)]
    Part {
        /// Its index; the sentence counts from 1.
        part: usize,
        /// The error.
        source: Box<Error>,
    },
    /// Proofs that are valid, perhaps, but not parts of one statement.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A running proof that cannot be compressed.
    #[error(
        "the proof cannot be compressed with {form}: {reason}; this is a defect, please report it"
    )]
    Compression {
        /// The form.
        form: Form,
        /// What happened.
        reason: String,
    },
    /// From the argument's checks of the statement.
    #[error(transparent)]
    Argument(#[from] pleat_argument::Error),
    /// From parameters, running proofs and files.
    #[error(transparent)]
    Folding(#[from] pleat_folding::Error),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
