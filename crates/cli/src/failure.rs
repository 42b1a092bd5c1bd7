//! From an error to a sentence and an exit code.

use std::io::ErrorKind;

use pleat_model::Error as ModelError;

/// The proof is invalid.
pub(crate) const INVALID_PROOF: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Bad input: file, model, data.
pub(crate) const BAD_INPUT: u8 = 3;
/// Resources: disk, memory, interrupted.
pub(crate) const RESOURCES: u8 = 4;

/// The exit code of an error, from the first cause that says more than "bad input".
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(io) = io_error(cause)
            && is_resource(io.kind())
        {
            return RESOURCES;
        }
    }
    BAD_INPUT
}

fn io_error<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e std::io::Error> {
    cause
        .downcast_ref::<std::io::Error>()
        .or_else(|| match cause.downcast_ref::<ModelError>() {
            Some(ModelError::Io(e)) => Some(e),
            _ => None,
        })
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

/// All causes, each once, joined by colons.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let part = cause.to_string();
        if text.contains(&part) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&part);
    }
    text
}
