//! From an error to a sentence and an exit code.

use std::io::ErrorKind;

use pleat_argument::Error as ArgumentError;
use pleat_compressor::Error as ProofError;
use pleat_folding::Error as FoldingError;
use pleat_folding::sealed::Damage;
use pleat_model::Error as ModelError;

/// The proof is invalid.
pub(crate) const INVALID_PROOF: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Bad input: file, model, data.
pub(crate) const BAD_INPUT: u8 = 3;
/// Resources: disk, memory, interrupted.
pub(crate) const RESOURCES: u8 = 4;

/// More memory is needed than there is.
#[derive(Debug)]
pub(crate) struct OutOfMemory(pub(crate) String);

impl std::fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OutOfMemory {}

/// A proof that is valid, perhaps, but not of what was asked for.
#[derive(Debug)]
pub(crate) struct NotProved(pub(crate) String);

impl std::fmt::Display for NotProved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotProved {}

/// The key a proof was made with is not there.
#[derive(Debug)]
pub(crate) struct NoKey {
    pub(crate) id: [u8; 32],
    /// Points needed, as a power of two.
    pub(crate) need: u32,
}

impl std::fmt::Display for NoKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "it was made with a commitment key that is not here, id {}; import the ceremony's file it \
             comes from (2^{} points or more) with `pleat srs import FILE.ptau`, a new key cannot verify it",
            hex::encode(self.id),
            self.need
        )
    }
}

impl std::error::Error for NoKey {}

/// The exit code of an error, from the first cause that says more than "bad input".
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<OutOfMemory>() {
            return RESOURCES;
        }
        if let Some(FoldingError::Interrupted(_)) = cause.downcast_ref() {
            return RESOURCES;
        }
        let invalid = match cause.downcast_ref() {
            // Not even the first bytes are a proof's: the wrong file, not a wrong proof.
            Some(ProofError::Malformed(Damage::Magic)) => false,
            Some(ProofError::Invalid(_) | ProofError::Malformed(_)) => true,
            Some(ProofError::Argument(e)) => matches!(e, ArgumentError::Rejected { .. }),
            _ => matches!(cause.downcast_ref(), Some(ArgumentError::Rejected { .. })),
        };
        if invalid || cause.is::<NotProved>() {
            return INVALID_PROOF;
        }
    }
    match io_kind(error) {
        Some(kind) if is_resource(kind) => RESOURCES,
        _ => BAD_INPUT,
    }
}

/// What the operating system refused. The libraries wrap its errors transparently: each is a cause of
/// its own, at whatever depth.
fn io_kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
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

/// What to do about a damaged file that nothing more is known about.
fn repair(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(ModelError::Malformed { .. }) = cause.downcast_ref() {
            return Some("copy, download or export it again");
        }
        match cause.downcast_ref() {
            Some(ProofError::Malformed(_) | ProofError::Invalid(_)) => {
                Some("copy it again or ask its maker for another")
            }
            _ => None,
        }
    })
}

/// All causes, each once, joined by colons, and what to do about it.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
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
    let advice = io_kind(error).and_then(advice).or_else(|| repair(error));
    if let Some(advice) = advice.filter(|_| !text.contains("; ")) {
        text.push_str("; ");
        text.push_str(advice);
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use anyhow::Context;

    use super::*;

    fn full() -> std::io::Error {
        std::io::Error::new(ErrorKind::StorageFull, "cannot write x: no space")
    }

    #[test]
    fn a_full_disk_is_found_at_any_depth() {
        let model = || pleat_model::Error::Io(full());
        let folding = || pleat_folding::Error::Model(model());
        let argument = || pleat_argument::Error::Io {
            path: PathBuf::from("x"),
            source: full(),
        };
        for error in [
            anyhow::Error::new(full()),
            anyhow::Error::new(model()),
            anyhow::Error::new(folding()),
            anyhow::Error::new(argument()),
            anyhow::Error::new(ProofError::from(argument())),
            anyhow::Error::new(ProofError::Folding(folding())),
        ] {
            let error = error.context("proof p");
            assert_eq!(exit_code(&error), RESOURCES, "{error:?}");
            let text = sentence(&error);
            assert_eq!(text.matches("no space").count(), 1, "{text}");
            assert!(
                text.ends_with("free some space or choose another place"),
                "{text}"
            );
        }
    }

    #[test]
    fn data_that_change_are_bad_input() {
        let changed = pleat_argument::Error::Changed("data x.npy: samples 256 to 511".into());
        let error = anyhow::Error::new(ProofError::from(changed));
        assert_eq!(exit_code(&error), BAD_INPUT);
        let text = sentence(&error);
        assert!(
            text.starts_with("data x.npy: samples 256 to 511 are not what"),
            "{text}"
        );
    }

    #[test]
    fn a_file_is_named_once() {
        let inner: Result<(), _> = Err(pleat_model::Error::invalid("/a/x.npy: it is empty"));
        let error = inner.context("data /a/x.npy").unwrap_err();
        assert_eq!(sentence(&error), "data /a/x.npy: it is empty");
    }
}
