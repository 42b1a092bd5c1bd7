//! `.npz`: a zip archive of npy files, one per array.
//!
//! The `zip` crate reads the directory; the members are then read from the file
//! by [`Source`], so that a reader borrows nothing from the archive.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::array::Array;
use super::source::{Member, Source, io_error};
use crate::{Error, Result};

const FORMAT: &str = "npz archive";
/// Arrays of one archive.
const MAX_MEMBERS: usize = 1 << 12;
const IMAGE_KEYS: [&str; 5] = ["images", "x", "x_test", "data", "inputs"];
const LABEL_KEYS: [&str; 3] = ["labels", "y", "y_test"];

/// The arrays of an archive.
pub(super) struct Archive {
    path: PathBuf,
    members: Vec<(String, Source)>,
}

/// Reads the directory of the archive `path`.
pub(super) fn open(path: &Path) -> Result<Archive> {
    let malformed =
        |reason: String| Error::malformed(FORMAT, format!("{}: {reason}", path.display()));
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| malformed(e.to_string()))?;
    if zip.len() > MAX_MEMBERS {
        return Err(malformed(format!("{} members", zip.len())));
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        let entry = zip
            .by_index_raw(index)
            .map_err(|e| malformed(e.to_string()))?;
        let name = entry.name().map_err(|e| malformed(e.to_string()))?;
        let Some(key) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        let method = entry.compression();
        let readable = [CompressionMethod::Stored, CompressionMethod::Deflated].contains(&method);
        if !readable || entry.encrypted() {
            return Err(malformed(format!(
                "member '{name}' is compressed with {method} or encrypted; \
                 write it with numpy.savez or numpy.savez_compressed"
            )));
        }
        let Some(start) = entry.data_start() else {
            return Err(malformed(format!("member '{name}' has no data")));
        };
        let member = Member {
            start,
            compressed_len: entry.compressed_size(),
            len: entry.size(),
            crc: entry.crc32(),
            deflated: method == CompressionMethod::Deflated,
            name: name.into_owned(),
        };
        members.push((key, Source::member(path, member)));
    }
    if members.is_empty() {
        return Err(malformed("no array in it".into()));
    }
    Ok(Archive {
        path: path.to_owned(),
        members,
    })
}

impl Archive {
    /// The array of samples: under a usual key, or the only one that is no list.
    pub(super) fn images(&self) -> Result<Array> {
        self.find(&IMAGE_KEYS, "images", |rank| rank >= 2)
    }

    /// The array of labels under a usual key.
    pub(super) fn labels(&self) -> Result<Option<Array>> {
        self.keyed(&LABEL_KEYS)
            .map(|source| Array::new(source.clone()))
            .transpose()
    }

    /// The array of labels in an archive that was named as the file of labels.
    pub(super) fn labels_or_only(&self) -> Result<Array> {
        self.find(&LABEL_KEYS, "labels", |rank| rank == 1)
    }

    fn keyed(&self, keys: &[&str]) -> Option<&Source> {
        let named = |key: &&str| self.members.iter().find(|(name, _)| name == key);
        keys.iter().find_map(named).map(|(_, source)| source)
    }

    fn find(&self, keys: &[&str], what: &str, fits: impl Fn(usize) -> bool) -> Result<Array> {
        if let Some(source) = self.keyed(keys) {
            return Array::new(source.clone());
        }
        // Arrays of types that cannot be read are no candidates.
        let mut candidates = self
            .members
            .iter()
            .filter_map(|(_, source)| Array::new(source.clone()).ok())
            .filter(|array| fits(array.header.dims.len()));
        match (candidates.next(), candidates.next()) {
            (Some(array), None) => Ok(array),
            _ => {
                let names: Vec<_> = self.members.iter().map(|(name, _)| name.as_str()).collect();
                Err(Error::invalid(format!(
                    "{}: which array holds the {what}? It has '{}'; name one of them {}",
                    self.path.display(),
                    names.join("', '"),
                    keys.join(", ")
                )))
            }
        }
    }
}
