//! Folders of temporary files, gone at the end however it comes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pleat_model::files;

use crate::error::{Locate, Result};

/// The folders that exist right now.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes all temporary folders and files of this process: for a handler that ends it at once.
pub fn remove_temporaries() {
    files::remove_temporaries();
    if let Ok(folders) = FOLDERS.lock() {
        for path in folders.iter() {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir().at(|| "no folder for temporary files".into())?;
        if let Ok(mut folders) = FOLDERS.lock() {
            folders.push(folder.path().to_owned());
        }
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(mut folders) = FOLDERS.lock() {
            folders.retain(|f| f != self.0.path());
        }
    }
}
