//! The zip archive of a `.keras` model.

use std::io::{Cursor, Read};

use super::store::malformed;
use crate::{Result, limits};

/// Bytes of `config.json` in an archive.
const MAX_CONFIG_BYTES: u64 = 1 << 26;

/// The parts of a `.keras` archive.
pub(super) struct Archive {
    /// `config.json`.
    pub(super) config: String,
    /// `metadata.json`, if present.
    pub(super) metadata: Option<String>,
    /// `model.weights.h5`.
    pub(super) weights: Vec<u8>,
}

/// Unpacks a `.keras` archive.
pub(super) fn unpack(bytes: &[u8]) -> Result<Archive> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(malformed)?;
    let mut part = |name: &str, limit: u64| -> Result<Option<Vec<u8>>> {
        let file = match zip.by_name(name) {
            Ok(file) => file,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(e) => return Err(malformed(e)),
        };
        let mut out = vec![];
        // The declared size may lie: what is unpacked is counted.
        file.take(limit + 1)
            .read_to_end(&mut out)
            .map_err(malformed)?;
        if out.len() as u64 > limit {
            return Err(malformed(format!(
                "'{name}' unpacks to more than {limit} bytes"
            )));
        }
        Ok(Some(out))
    };
    let utf8 = |b: Vec<u8>| String::from_utf8(b).map_err(|_| malformed("a text that is not UTF-8"));
    let absent = |name: &str| malformed(format!("the archive contains no '{name}'"));
    let config = part("config.json", MAX_CONFIG_BYTES)?.ok_or_else(|| absent("config.json"))?;
    let metadata = part("metadata.json", MAX_CONFIG_BYTES)?;
    // Keras stores without compressing, and trained weights hardly compress.
    let limit = (bytes.len() as u64 + (1 << 20)) * 16;
    let weights = part("model.weights.h5", limit.min(limits::MAX_MODEL_BYTES))?
        .ok_or_else(|| absent("model.weights.h5"))?;
    Ok(Archive {
        config: utf8(config)?,
        metadata: metadata.map(utf8).transpose()?,
        weights,
    })
}
