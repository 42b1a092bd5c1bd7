//! Why a job fails: one error, the class it is of, and the sentence people read.

use std::io::ErrorKind;

use pleat_argument::Error as ArgumentError;
use pleat_compressor::Error as ProofError;
use pleat_folding::Error as FoldingError;
use pleat_folding::sealed::Damage;
use pleat_model::Error as ModelError;

/// Why a job failed.
///
/// `Display` is the outermost cause alone; [`Error::sentence`] has them all, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that happened to a file, or to a part of one.
    #[error("{place}")]
    At {
        /// Its role and name, for example "bundle x.pleat".
        place: String,
        /// What happened.
        source: Box<Error>,
    },
    /// More memory is needed than there is.
    #[error("{0}")]
    OutOfMemory(String),
    /// More disk is needed than there is.
    #[error("{0}")]
    OutOfDisk(String),
    /// A proof that is valid, perhaps, but not of what was asked for.
    #[error("{0}")]
    NotProved(String),
    /// The key a proof was made with is not there.
    #[error(
        "it was made with a commitment key that is not here, id {}; import the ceremony's file it \
         comes from (2^{need} points or more) with `pleat srs import FILE.ptau`, a new key cannot verify it",
        hex::encode(id)
    )]
    NoKey {
        /// Identity of the key.
        id: [u8; 32],
        /// Points needed, as a power of two.
        need: u32,
    },
    /// Stopped by [`Stop`](crate::Stop) where nothing could be kept. Where a checkpoint could be written it is
    /// [`FoldingError::Interrupted`](pleat_folding::Error::Interrupted).
    #[error("interrupted; files that existed before are unchanged, run it again for the result")]
    Stopped,
    /// Something that does not fit, in a full sentence.
    #[error("{0}")]
    Invalid(String),
    /// The operating system refused something.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// From models, bundles and data.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// From commitment keys and the argument.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// From parameters, folding and checkpoints.
    #[error(transparent)]
    Folding(#[from] FoldingError),
    /// From proof files and their verification.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means to who asked for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The proof is invalid, or not about what was asked for.
    InvalidProof,
    /// Files, models, data, keys or options that are not what they should be.
    BadInput,
    /// Memory or disk: the same may succeed with more of it.
    Resources,
    /// It was asked to stop.
    Interrupted,
}

/// Adds where something went wrong.
pub(crate) trait Locate<T> {
    /// The same, with the role and name of the file it happened to.
    fn at(self, place: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Locate<T> for Result<T, E> {
    fn at(self, place: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| e.into().at(place()))
    }
}

impl Error {
    /// Something that does not fit, in a full sentence.
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }

    /// The same, with the role and name of the file it happened to.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self::At {
            place: place.into(),
            source: Box::new(self),
        }
    }

    /// The error itself, without the places around it.
    pub fn cause(&self) -> &Self {
        match self {
            Self::At { source, .. } => source.cause(),
            own => own,
        }
    }

    /// What it means to who asked.
    pub fn class(&self) -> Class {
        match self.cause() {
            Self::OutOfMemory(_) | Self::OutOfDisk(_) => Class::Resources,
            Self::Stopped | Self::Folding(FoldingError::Interrupted(_)) => Class::Interrupted,
            // Not even the first bytes are a proof's: the wrong file, not a wrong proof.
            Self::Proof(ProofError::Malformed(Damage::Magic)) => Class::BadInput,
            Self::NotProved(_)
            | Self::Proof(
                ProofError::Invalid(_)
                | ProofError::Malformed(_)
                | ProofError::Argument(ArgumentError::Rejected { .. }),
            )
            | Self::Argument(ArgumentError::Rejected { .. }) => Class::InvalidProof,
            _ => match self.io_kind() {
                Some(kind) if is_resource(kind) => Class::Resources,
                _ => Class::BadInput,
            },
        }
    }

    /// All causes, each once, joined by colons, and what to do about it.
    pub fn sentence(&self) -> String {
        let mut text = String::new();
        for cause in self.chain() {
            let part = cause.to_string();
            if text.contains(&part) {
                continue;
            }
            // "data x.npy" followed by "x.npy: it is empty" names the file once.
            let place = text.split_once(' ').map(|(_, path)| format!("{path}: "));
            let new = match place {
                Some(place) => part.replacen(&place, "", 1),
                None => part,
            };
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&new);
        }
        let advice = self.io_kind().and_then(advice).or_else(|| self.repair());
        if let Some(advice) = advice.filter(|_| !text.contains("; ")) {
            text.push_str("; ");
            text.push_str(advice);
        }
        text
    }

    /// Itself and its causes, the last one last.
    fn chain(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        let first: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(first), |cause| cause.source())
    }

    /// What the operating system refused. The libraries wrap its errors transparently: each is a cause of
    /// its own, at whatever depth.
    fn io_kind(&self) -> Option<ErrorKind> {
        self.chain()
            .find_map(|cause| cause.downcast_ref::<std::io::Error>())
            .map(std::io::Error::kind)
    }

    /// What to do about a damaged file that nothing more is known about.
    fn repair(&self) -> Option<&'static str> {
        match self.cause() {
            Self::Model(ModelError::Malformed { .. }) => Some("copy, download or export it again"),
            Self::Proof(ProofError::Malformed(_) | ProofError::Invalid(_)) => {
                Some("copy it again or ask its maker for another")
            }
            _ => None,
        }
    }
}

fn is_resource(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::OutOfMemory
            | ErrorKind::Interrupted
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::WriteZero
    )
}

/// What to do about an error of the operating system, which only says what happened.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "check the path",
        ErrorKind::AlreadyExists => "choose another name",
        ErrorKind::IsADirectory => "give a file, not a folder",
        ErrorKind::NotADirectory => "a part of the path is no folder; check the path",
        ErrorKind::PermissionDenied => {
            "check who may read and write there, or choose another place"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WriteZero => {
            "free some space or choose another place"
        }
        ErrorKind::ReadOnlyFilesystem => "choose a folder that can be written",
        ErrorKind::FileTooLarge => "choose a place that allows larger files",
        ErrorKind::InvalidFilename => "choose a shorter name",
        ErrorKind::OutOfMemory => "close other programs or use a machine with more memory",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn full() -> std::io::Error {
        std::io::Error::new(ErrorKind::StorageFull, "cannot write x: no space")
    }

    #[test]
    fn a_full_disk_is_found_at_any_depth() {
        let model = || ModelError::Io(full());
        let folding = || FoldingError::Model(model());
        let argument = || ArgumentError::Io {
            path: PathBuf::from("x"),
            source: full(),
        };
        for error in [
            Error::from(full()),
            Error::from(model()),
            Error::from(folding()),
            Error::from(argument()),
            Error::from(ProofError::from(argument())),
            Error::from(ProofError::Folding(folding())),
        ] {
            let error = error.at("proof p");
            assert_eq!(error.class(), Class::Resources, "{error:?}");
            let text = error.sentence();
            assert_eq!(text.matches("no space").count(), 1, "{text}");
            assert!(
                text.ends_with("free some space or choose another place"),
                "{text}"
            );
        }
    }

    #[test]
    fn data_that_change_are_bad_input() {
        let changed = ArgumentError::Changed("data x.npy: samples 256 to 511".into());
        let error = Error::from(ProofError::from(changed));
        assert_eq!(error.class(), Class::BadInput);
        let text = error.sentence();
        assert!(
            text.starts_with("data x.npy: samples 256 to 511 are not what"),
            "{text}"
        );
    }

    #[test]
    fn a_file_is_named_once() {
        let inner = ModelError::invalid("/a/x.npy: it is empty");
        let error = Error::from(inner).at("data /a/x.npy");
        assert_eq!(error.sentence(), "data /a/x.npy: it is empty");
    }

    /// Every class, however many places are around the cause.
    #[test]
    fn classes() {
        let rejected = || ArgumentError::Rejected {
            check: "a check",
            group: None,
            step: None,
        };
        let invalid = [
            Error::NotProved("it is about other data".into()),
            ProofError::Invalid("its outputs".into()).into(),
            ProofError::Malformed(Damage::Checksum).into(),
            ProofError::from(rejected()).into(),
            rejected().into(),
        ];
        let bad = [
            Error::invalid("no"),
            ProofError::Malformed(Damage::Magic).into(),
            ModelError::malformed("bundle", "it is empty").into(),
            Error::NoKey {
                id: [7; 32],
                need: 17,
            },
            std::io::Error::from(ErrorKind::NotFound).into(),
        ];
        let resources = [
            Error::OutOfMemory("much".into()),
            Error::OutOfDisk("much".into()),
            full().into(),
        ];
        let interrupted = [
            Error::Stopped,
            FoldingError::Interrupted("3 steps are kept".into()).into(),
        ];
        for (class, errors) in [
            (Class::InvalidProof, &invalid[..]),
            (Class::BadInput, &bad),
            (Class::Resources, &resources),
            (Class::Interrupted, &interrupted),
        ] {
            for error in errors {
                assert_eq!(error.class(), class, "{error:?}");
            }
        }
        let nested = Error::Stopped.at("data x").at("proof p");
        assert_eq!(nested.class(), Class::Interrupted);
        assert!(matches!(nested.cause(), Error::Stopped));
    }
}
