//! `pleat srs`.

use pleat_jobs::{KeyFile, KeyOrigin, KeyStore, Result, Watch};

use crate::args::SrsCommand;
use crate::console::Console;

pub(crate) fn run(
    command: &SrsCommand,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let result = match command {
        SrsCommand::New { power, force } => keys.create(*power, *force)?,
        SrsCommand::Import { file, power, force } => keys.import(file, *power, *force, watch)?,
        SrsCommand::Info => keys.list()?,
    };
    console.result(&result, || {
        if result.keys.is_empty() {
            return format!(
                "no keys in {}; make one with 'pleat srs new --power K' or 'pleat srs import FILE.ptau'",
                keys.folder().display()
            );
        }
        result.keys.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

fn text(key: &KeyFile) -> String {
    let origin = match &key.origin {
        KeyOrigin::Imported { file, sha256 } => format!("imported from {file}, SHA-256 {sha256}"),
        KeyOrigin::LocalInsecure | KeyOrigin::Unknown => key.warning.unwrap_or_default().to_owned(),
    };
    format!(
        "2^{} points  {}\n  id {}\n  {origin}",
        key.power,
        key.path.display(),
        key.id
    )
}
