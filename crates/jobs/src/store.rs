//! `pleat srs`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use pleat_argument::srs::{self, Origin, SrsFile};
use serde::Serialize;

use crate::args::SrsCommand;
use crate::console::Console;

/// Where commitment keys lie.
pub(crate) fn folder(cache: &Path) -> PathBuf {
    cache.join("srs")
}

#[derive(Debug, Serialize)]
struct Key {
    path: PathBuf,
    power: u32,
    id: String,
    #[serde(flatten)]
    origin: Origin,
    warning: Option<&'static str>,
}

impl Key {
    fn of(file: &SrsFile) -> Self {
        Self {
            path: file.path.clone(),
            power: file.power,
            id: hex::encode(file.id),
            origin: file.origin.clone(),
            warning: file.origin.warning(),
        }
    }

    fn line(&self) -> String {
        let origin = match &self.origin {
            Origin::Imported { file, sha256 } => format!("imported from {file}, SHA-256 {sha256}"),
            Origin::LocalInsecure | Origin::Unknown => self.warning.unwrap_or_default().to_owned(),
        };
        format!(
            "2^{} points  {}\n  id {}\n  {origin}",
            self.power,
            self.path.display(),
            self.id
        )
    }
}

#[derive(Debug, Serialize)]
struct SrsResult {
    keys: Vec<Key>,
    seconds: f64,
}

pub(crate) fn run(command: &SrsCommand, cache: &Path, console: &Console) -> Result<()> {
    let folder = folder(cache);
    let start = Instant::now();
    let files = match command {
        SrsCommand::New { power, force } => {
            // 64 bytes a point.
            crate::resources::require_memory(64 << power, "a key of this size")?;
            crate::output::prepare_folder(&folder)?;
            vec![srs::create_local(&folder, *power, *force)?]
        }
        SrsCommand::Import { file, power, force } => {
            vec![
                srs::import(&folder, file, *power, *force)
                    .with_context(|| format!("key {}", file.display()))?,
            ]
        }
        SrsCommand::Info => srs::info(&folder)?,
    };
    let result = SrsResult {
        keys: files.iter().map(Key::of).collect(),
        seconds: start.elapsed().as_secs_f64(),
    };
    if matches!(command, SrsCommand::Import { .. }) {
        console.note(
            "note: pleat cannot tell a ceremony's file from a home-made one: compare the SHA-256 below with \
             the published one",
        );
    }
    console.result(&result, || {
        if result.keys.is_empty() {
            return format!(
                "no keys in {}; make one with 'pleat srs new --power K' or 'pleat srs import FILE.ptau'",
                folder.display()
            );
        }
        result.keys.iter().map(Key::line).collect::<Vec<_>>().join("\n")
    })
}
