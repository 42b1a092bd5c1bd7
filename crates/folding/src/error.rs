//! Why keys, parameters or steps fail.

use std::path::PathBuf;

/// What can go wrong while keys are made or samples are proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No commitment key is large enough.
    #[error(
        "{} holds no commitment key of 2^{power} points or more; \
         run `pleat srs new --power {power}` (for tests only) or `pleat srs import FILE.ptau`",
        dir.display()
    )]
    MissingSrs {
        /// Where keys were looked for.
        dir: PathBuf,
        /// Power needed.
        power: u32,
    },
    /// A commitment key file that is not one, or whose points are not powers of one secret.
    #[error(
        "{}: not a usable powers-of-tau file: {reason}; \
         download it again, or make a key with `pleat srs new` (for tests only)",
        path.display()
    )]
    BadSrs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A circuit beyond the largest ceremony.
    #[error("one step needs 2^{power} commitment key points, the largest ceremony has 2^28")]
    TooLarge {
        /// Power needed.
        power: u32,
    },
    /// A state of the circuit that differs from the native one: a defect of this program.
    #[error(
        "step {step}: the circuit and the native statement disagree; this is a defect, please report it"
    )]
    Disagreement {
        /// Index of the step.
        step: u64,
    },
    /// A proof of nothing.
    #[error("no sample was proved")]
    NoSample,
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// From the circuit: unsupported layers, samples that do not fit.
    #[error(transparent)]
    Circuit(#[from] pleat_step_circuits::Error),
    /// From the network, the executor, or a file.
    #[error(transparent)]
    Model(#[from] pleat_model::Error),
    /// From nova-snark.
    #[error("nova-snark: {0}")]
    Nova(#[from] nova_snark::errors::NovaError),
    /// The operating system refused a file operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
