//! The commitment keys of a user: one file per size, made once.

use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_argument::Error as ArgumentError;
use pleat_argument::srs::{self, MAX_POWER, Origin, SrsFile};
use serde::Serialize;

use crate::error::{Error, Locate, Result};
use crate::output::prepare_folder;
use crate::resources::require_memory;
use crate::watch::Watch;

/// Where commitment keys lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStore(PathBuf);

/// One key file.
#[derive(Clone, Debug, Serialize)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// It has two to this power points.
    pub power: u32,
    /// Identity of the key, in hexadecimal: the same for all sizes of one ceremony.
    pub id: String,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
    /// What others should know about proofs made with it.
    pub warning: Option<&'static str>,
}

impl KeyFile {
    fn of(file: &SrsFile) -> Self {
        Self {
            path: file.path.clone(),
            power: file.power,
            id: hex::encode(file.id),
            origin: file.origin.clone(),
            warning: file.origin.warning(),
        }
    }
}

/// Keys, and how long it took to make or to find them.
#[derive(Clone, Debug, Serialize)]
pub struct KeyList {
    /// Smallest first.
    pub keys: Vec<KeyFile>,
    /// Seconds.
    pub seconds: f64,
}

impl KeyList {
    fn of(files: &[SrsFile], start: Instant) -> Self {
        Self {
            keys: files.iter().map(KeyFile::of).collect(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

impl KeyStore {
    /// In a cache folder, which need not be there.
    pub fn in_cache(cache: &Path) -> Self {
        Self(cache.join("srs"))
    }

    /// In the cache folder of the user.
    ///
    /// # Errors
    /// A user without one.
    pub fn of_user() -> Result<Self> {
        let cache = dirs::cache_dir().ok_or_else(|| {
            Error::invalid("no cache folder is known for this user; give --cache DIR")
        })?;
        Ok(Self::in_cache(&cache.join("pleat")))
    }

    /// The folder of the keys.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Makes a key of `2^power` points on this machine: for oneself and for tests, insecure for others. With `force`
    /// it may replace one of this size, whose proofs can then no longer be verified.
    ///
    /// # Errors
    /// A power outside 1 to 28, too little memory, a folder that cannot be written, a key that is there already.
    pub fn create(&self, power: u32, force: bool) -> Result<KeyList> {
        let start = Instant::now();
        // Others are refused below.
        if power <= MAX_POWER {
            // 64 bytes a point.
            require_memory(64 << power, "a key of this size")?;
        }
        let file = self.create_file(power, force)?;
        Ok(KeyList::of(&[file], start))
    }

    /// The same, however much memory there is.
    pub(crate) fn create_file(&self, power: u32, force: bool) -> Result<SrsFile> {
        prepare_folder(&self.0)?;
        Ok(srs::create_local(&self.0, power, force)?)
    }

    /// Checks a Powers of Tau file of a ceremony (.ptau, BN254) and stores its first `2^power` points, or all of them.
    ///
    /// # Errors
    /// A file that is none, a power that it does not have, a folder that cannot be written, a key that is there
    /// already.
    pub fn import(
        &self,
        file: &Path,
        power: Option<u32>,
        force: bool,
        watch: &Watch,
    ) -> Result<KeyList> {
        let start = Instant::now();
        let stored =
            srs::import(&self.0, file, power, force).at(|| format!("key {}", file.display()))?;
        let list = KeyList::of(&[stored], start);
        watch.note(
            "note: pleat cannot tell a ceremony's file from a home-made one: compare the SHA-256 below with \
             the published one",
        );
        Ok(list)
    }

    /// All keys.
    ///
    /// # Errors
    /// A file with a key's name that is none.
    pub fn list(&self) -> Result<KeyList> {
        let start = Instant::now();
        Ok(KeyList::of(&srs::info(&self.0)?, start))
    }

    /// Whether no key has `2^power` points or more.
    pub(crate) fn lacks(&self, power: u32) -> bool {
        matches!(
            srs::find(&self.0, power),
            Err(ArgumentError::MissingSrs { .. })
        )
    }
}
