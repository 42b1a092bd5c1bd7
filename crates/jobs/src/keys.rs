//! Which of the keys in the cache serve a size class.
//!
//! Two parts of a proof need a key, of different sizes: the commitments to values and the step circuit. Both
//! must come from one secret, and keys made on a machine at different times do not.

use std::path::{Path, PathBuf};

use pleat_argument::Error as ArgumentError;
use pleat_argument::commitment::Key;
use pleat_argument::program::COLUMN_BITS;
use pleat_argument::srs::{self, SrsFile};
use pleat_folding::Result as FoldingResult;
use pleat_folding::{Error as FoldingError, Form, Params, Shape};

use crate::error::{Error, Result};
use crate::estimate::step_power;
use crate::scratch::Scratch;
use crate::store::KeyStore;

/// Loads the keys of a size class and writes out its circuit, with keys from one secret: the one of `id`, or
/// that of the smallest key that is large enough for everything.
pub(crate) fn open(
    store: &KeyStore,
    row_bits: u32,
    form: Form,
    id: Option<[u8; 32]>,
) -> Result<(Key, Params)> {
    let keys = store.folder();
    let mut need = step_power(row_bits).max(row_bits + COLUMN_BITS);
    loop {
        let chosen = choose(keys, need, id)?;
        let (folder, _scratch) = only(keys, &chosen)?;
        // The larger part of the setup runs on one thread.
        let (key, params) = std::thread::scope(|scope| {
            let key = scope.spawn(|| Key::load(&folder, row_bits + COLUMN_BITS));
            let params = Params::setup(Shape::new(row_bits), form, &folder);
            (key.join(), params)
        });
        match params {
            // The circuit is larger than expected; the key folder may hold a larger key of another secret.
            Err(FoldingError::Argument(ArgumentError::MissingSrs { power, .. }))
                if power > need =>
            {
                need = power;
            }
            params => {
                let key = key.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                return Ok((key?, params?));
            }
        }
    }
}

/// The key files that a verifier of a size class needs: found, and not yet read.
#[derive(Debug)]
pub(crate) struct Found {
    folder: PathBuf,
    /// The smallest file that is large enough for the values and, unless its circuit is larger than expected, for
    /// the steps.
    pub(crate) srs: SrsFile,
    _scratch: Option<Scratch>,
}

impl Found {
    /// Looks for the files of a key.
    pub(crate) fn of(store: &KeyStore, row_bits: u32, id: [u8; 32]) -> Result<Self> {
        let keys = store.folder();
        let need = step_power(row_bits).max(row_bits + COLUMN_BITS);
        let srs = choose(keys, need, Some(id))?;
        let (folder, _scratch) = only(keys, &srs)?;
        Ok(Self {
            folder,
            srs,
            _scratch,
        })
    }

    /// Reads the first `2^power` points.
    pub(crate) fn load(&self, power: u32) -> Result<Key> {
        Ok(Key::read(self.srs.clone(), power)?)
    }

    /// Writes out the circuit of a size class.
    pub(crate) fn params(&self, row_bits: u32, form: Form) -> FoldingResult<Params> {
        Params::setup(Shape::new(row_bits), form, &self.folder)
    }
}

/// The smallest key of `2^need` points, of a given id if there is one.
fn choose(keys: &Path, need: u32, id: Option<[u8; 32]>) -> Result<SrsFile> {
    let Some(id) = id else {
        return Ok(srs::find(keys, need)?);
    };
    let mut power = need;
    loop {
        match srs::find(keys, power) {
            Ok(file) if file.id == id => return Ok(file),
            Ok(file) => power = file.power.max(power) + 1,
            Err(ArgumentError::MissingSrs { .. } | ArgumentError::TooLarge { .. }) => {
                return Err(Error::NoKey { id, need });
            }
            Err(e) => return Err(e.into()),
        }
    }
}

/// A folder of the keys that share a secret with `chosen`: the given one if it has no others.
fn only(keys: &Path, chosen: &SrsFile) -> Result<(PathBuf, Option<Scratch>)> {
    let mut files = vec![];
    let mut power = 1;
    // Smaller keys that are damaged must not stop a larger one.
    while power <= srs::MAX_POWER {
        power = match srs::find(keys, power) {
            Ok(file) => {
                let next = file.power.max(power) + 1;
                files.push(file);
                next
            }
            Err(ArgumentError::MissingSrs { .. }) => break,
            Err(_) => power + 1,
        };
    }
    if files.iter().all(|f| f.id == chosen.id) {
        return Ok((keys.to_owned(), None));
    }
    let scratch = Scratch::new()?;
    for file in files.iter().filter(|f| f.id == chosen.id) {
        for path in [file.path.clone(), file.path.with_extension("json")] {
            if let (Ok(path), Some(name)) = (path.canonicalize(), path.file_name()) {
                link(&path, &scratch.path().join(name))?;
            }
        }
    }
    Ok((scratch.path().to_owned(), Some(scratch)))
}

#[cfg(unix)]
fn link(path: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(path, name)
}

#[cfg(not(unix))]
fn link(path: &Path, name: &Path) -> std::io::Result<()> {
    std::fs::copy(path, name).map(|_| ())
}
