//! Why parameters or steps fail.

use std::path::PathBuf;

use crate::sealed::Damage;

/// What can go wrong while parameters are made or steps are folded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A circuit beyond the largest ceremony.
    #[error("one step needs 2^{power} commitment key points, the largest ceremony has 2^28")]
    TooLarge {
        /// Power needed.
        power: u32,
    },
    /// A step after which the circuit's state is not the native one: a defect of this program.
    #[error(
        "step {step}: the circuit and the native prover disagree about the state after it; \
         this is a defect, please report it"
    )]
    Disagreement {
        /// Index of the step.
        step: u64,
    },
    /// A running proof that is not about what is to be proved.
    #[error("the running proof {what}; this is a defect, please report it")]
    Unexpected {
        /// How it differs, in words that follow "the running proof".
        what: String,
    },
    /// A proof of nothing.
    #[error("no step was folded; fold at least one before finishing")]
    NoStep,
    /// Stopped because it was asked to.
    #[error("interrupted; {0}")]
    Interrupted(String),
    /// A folding thread that panicked.
    #[error("the folding thread panicked: {0}; this is a defect, please report it")]
    Panicked(String),
    /// A file that is not what was asked for.
    #[error("{}: not a usable {kind}: {damage}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should have been.
        kind: &'static str,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A file of another circuit or key.
    #[error("{}: made with {what} {theirs}, here it is {ours}; {remedy}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// The file's.
        theirs: String,
        /// The one here.
        ours: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The operating system refused a file operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// From the commitment keys.
    #[error(transparent)]
    Argument(#[from] pleat_argument::Error),
    /// From writing a file.
    #[error(transparent)]
    Model(#[from] pleat_model::Error),
    /// From nova-snark.
    #[error("nova-snark: {0}")]
    Nova(#[from] nova_snark::errors::NovaError),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
