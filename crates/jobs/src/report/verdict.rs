//! Whether a proof was verified for this page, and how anybody verifies it.

use std::borrow::Cow;
use std::path::Path;

use pleat_argument::srs::Origin;
use serde::Serialize;

use super::claim::thousands;
use crate::text::{file_name, plain, printable};
use crate::verify::{UNASKED, VerifyResult};

/// What the page says about validity.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Whether it was verified for the page, and is valid.
    pub verified: bool,
    /// What was checked, a sentence each.
    pub checked: Vec<String>,
    /// What was not, and is for the reader to decide.
    pub unchecked: Vec<String>,
    /// What the reader should know about the commitment key.
    pub warning: Option<&'static str>,
    /// Checks the proof anywhere.
    pub command: String,
}

/// What the verifier has, as the command line named it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) registration: Option<&'a Path>,
    pub(crate) data: Option<&'a Path>,
    pub(crate) labels: Option<&'a Path>,
}

impl Verdict {
    pub(crate) fn new(
        proof: &Path,
        labelled: bool,
        given: Given<'_>,
        verified: Option<&VerifyResult>,
    ) -> Self {
        // Data that were verified without a file of labels have their own.
        let labels = labelled && (given.labels.is_some() || verified.is_none());
        let command = command(proof, labels, given);
        let Some(result) = verified else {
            return Self {
                verified: false,
                checked: vec![],
                unchecked: vec![
                    "Neither the proof, nor the model’s registration, nor the data: this section says what the file claims.".into(),
                ],
                warning: None,
                command,
            };
        };
        let mut checked =
            vec!["The proof is valid for exactly this statement, context included.".to_owned()];
        if let Some(path) = given.registration {
            checked.push(format!(
                "The model is registered: {} proves that its weights are integers of the declared widths.",
                file_name(path)
            ));
        }
        if let (Some(path), Some([from, to, all])) = (given.data, result.data_range) {
            checked.push(format!(
                "The data are samples {} to {} of the {} in {}{}; their data id was computed anew.",
                thousands(from as u64),
                thousands(to.saturating_sub(1) as u64),
                thousands(all as u64),
                file_name(path),
                match given.labels {
                    Some(labels) if labelled => format!(", labels in {}", file_name(labels)),
                    _ => String::new(),
                }
            ));
        }
        let mut unchecked = vec![];
        match result.compared.model_checked {
            true => checked.push("The model id is the one that was asked for.".into()),
            false => unchecked.push(
                "Whose model it is: compare the model id with the one its owner published.".into(),
            ),
        }
        if result.unasked() {
            unchecked.push(format!(
                "The context: {UNASKED}. Whoever asked for one compares it, or verifies with --context."
            ));
        }
        if let Origin::Imported { file, sha256 } = &result.key_origin {
            unchecked.push(format!(
                "The commitment key: imported from {}, SHA-256 {}; compare with the ceremony’s published one.",
                plain(file),
                plain(sha256)
            ));
        }
        unchecked.push("Where data and labels come from, and how they were chosen.".into());
        Self {
            verified: true,
            checked,
            unchecked,
            warning: result.srs_warning,
            command,
        }
    }

    /// The command in pieces that stay on one line.
    pub(super) fn words(&self) -> std::str::Split<'_, char> {
        self.command.split(' ')
    }
}

/// The command that verifies a proof; what is not known stands there in capitals.
fn command(proof: &Path, labels: bool, given: Given<'_>) -> String {
    let word = |path: Option<&Path>, unknown: &str| {
        let name = path.and_then(Path::file_name);
        let name = name.map(|name| match name.to_string_lossy() {
            name if name.starts_with('-') => format!("./{name}"),
            name => name.into_owned(),
        });
        // What cannot be quoted has no business in a shell.
        let quoted = name.and_then(|name| shlex::try_quote(&name).ok().map(Cow::into_owned));
        quoted.unwrap_or_else(|| unknown.to_owned())
    };
    let mut command = format!(
        "pleat verify {} --registration {} --data {}",
        word(Some(proof), "PROOF"),
        word(given.registration, "REGISTRATION"),
        word(given.data, "DATA"),
    );
    if labels {
        command.push_str(" --labels ");
        command.push_str(&word(given.labels, "LABELS"));
    }
    printable(&command, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_survives_hostile_names() {
        let given = Given {
            registration: Some(Path::new("/home/me/a b.registration")),
            data: Some(Path::new("$(rm -rf x).npz")),
            labels: None,
        };
        let text = command(Path::new("x/it's.proof"), true, given);
        let words = shlex::split(&text);
        let expected = [
            "pleat",
            "verify",
            "it's.proof",
            "--registration",
            "a b.registration",
            "--data",
            "$(rm -rf x).npz",
            "--labels",
            "LABELS",
        ];
        assert_eq!(words, Some(expected.map(String::from).to_vec()));
    }
}
