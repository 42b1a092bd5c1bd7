//! Why a network cannot be proved, or a proof is not accepted.

use std::path::PathBuf;

/// What can go wrong.
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
    /// A key beyond the largest ceremony.
    #[error("2^{power} commitment key points are needed, the largest ceremony has 2^28")]
    TooLarge {
        /// Power needed.
        power: u32,
    },
    /// A network, sample or size that cannot be laid out.
    #[error("{0}")]
    Layout(String),
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// Samples that were read again and are others now: which.
    #[error(
        "{0} are not what they were when the proof began; leave the data alone while they are read, and prove again"
    )]
    Changed(String),
    /// A proof that does not verify: which check failed, and where.
    #[error("the proof is not valid: {check}{}", place(*group, *step))]
    Rejected {
        /// What was checked.
        check: &'static str,
        /// Index of the group, if in one.
        group: Option<usize>,
        /// Index of the step in the group, if in one.
        step: Option<usize>,
    },
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

fn place(group: Option<usize>, step: Option<usize>) -> String {
    match (group, step) {
        (Some(group), Some(step)) => format!(" (group {group}, step {step})"),
        (Some(group), None) => format!(" (group {group})"),
        _ => String::new(),
    }
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

    pub(crate) fn rejected(check: &'static str) -> Self {
        Self::Rejected {
            check,
            group: None,
            step: None,
        }
    }

    /// The same rejection with its place.
    pub(crate) fn at(self, group: usize, step: impl Into<Option<usize>>) -> Self {
        match self {
            Self::Rejected { check, .. } => Self::Rejected {
                check,
                group: Some(group),
                step: step.into(),
            },
            other => other,
        }
    }
}
