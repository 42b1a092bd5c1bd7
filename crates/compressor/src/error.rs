//! Why a proof is not made or not accepted.

/// What can go wrong with a proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that do not even begin like a proof.
    #[error("not a proof file: it does not begin with PLEATPRF; give the file `pleat prove` wrote")]
    NotAProof,
    /// Bytes that begin like a proof and are none of this version.
    #[error("not a valid proof file: {0}")]
    Malformed(String),
    /// A proof of something else than expected.
    #[error("the proof is about another {what}: expected {expected}, got {got}")]
    Unexpected {
        /// The public value.
        what: &'static str,
        /// What the caller wants.
        expected: String,
        /// What the proof says.
        got: String,
    },
    /// No key here is large enough; making one would not help.
    #[error(
        "the proof was made with commitment key {proof}, and none of 2^{power} points is here; a new key \
         cannot verify it: get that key from a public ceremony and run `pleat srs import FILE.ptau` \
         (a key from the prover proves nothing)"
    )]
    MissingKey {
        /// Identity of the proof's key.
        proof: String,
        /// Power needed.
        power: u32,
    },
    /// A proof made with another commitment key.
    #[error(
        "the proof was made with another commitment key ({proof}) than the one here ({here}); \
         import the key it was made with, if it is a public ceremony's: a key from the prover proves nothing"
    )]
    OtherSrs {
        /// Identity of the proof's key.
        proof: String,
        /// Identity of the key found.
        here: String,
    },
    /// A well-formed proof that does not prove its claim.
    #[error("the proof is invalid: {0}")]
    Invalid(String),
    /// From keys, parameters and steps.
    #[error(transparent)]
    Folding(#[from] pleat_folding::Error),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<pleat_step_circuits::Error> for Error {
    fn from(e: pleat_step_circuits::Error) -> Self {
        Self::Folding(e.into())
    }
}

impl From<pleat_argument::Error> for Error {
    fn from(e: pleat_argument::Error) -> Self {
        Self::Folding(e.into())
    }
}
