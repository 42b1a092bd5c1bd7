//! Commitments to a model's weights, kept beside its bundle: they do not change from proof to proof.
//!
//! ```text
//! bytes 0..8    "PLEATWCM"
//! bytes 8..12   format version, little endian
//! bytes 12..n   postcard of the entries, oldest first
//! last 32       SHA-256 of everything before
//! ```
//!
//! An entry is found by a tag, the caller's SHA-256 of everything its commitments depend on. The file
//! only saves time: whatever is wrong with it, the commitments are computed again and it is replaced.
//! It holds no secret that the bundle does not, and like the bundle it is for its owner only, who must
//! be able to trust it: that a commitment belongs to the weights is not checked again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use halo2curves::bn256::G1Affine;
use pleat_model::files::{Access, read_at_most, write_atomic};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"PLEATWCM";
const VERSION: u32 = 1;
/// Tags kept: a few keys and layouts of one bundle.
const MAX_ENTRIES: usize = 8;
/// Beyond it a file is none of ours: 32 bytes a commitment, far more than any model has.
const MAX_BYTES: u64 = 1 << 28;

/// What the cache knows about a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The commitments, each a point of the curve.
    Found(Vec<G1Affine>),
    /// No file, or none of this tag.
    Missing,
    /// A file that cannot be used, and why; the next [`WeightCache::store`] replaces it.
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    tag: [u8; 32],
    // Decoding a compressed point fails unless it is on the curve.
    points: Vec<G1Affine>,
}

/// The file of commitments beside a bundle.
#[derive(Debug)]
pub struct WeightCache;

impl WeightCache {
    /// The file's path: the bundle's with `.commitments` appended.
    pub fn path(bundle: &Path) -> PathBuf {
        let mut name = bundle.file_name().unwrap_or_default().to_owned();
        name.push(".commitments");
        bundle.with_file_name(name)
    }

    /// Looks for a tag's commitments.
    pub fn load(bundle: &Path, tag: &[u8; 32]) -> Lookup {
        match read(&Self::path(bundle)) {
            Ok(entries) => entries
                .into_iter()
                .find(|entry| entry.tag == *tag)
                .map_or(Lookup::Missing, |entry| Lookup::Found(entry.points)),
            Err(reason) => Lookup::Damaged(reason),
        }
    }

    /// Keeps a tag's commitments, in place of older ones of the same tag; the oldest of more than 8
    /// tags is dropped.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn store(bundle: &Path, tag: &[u8; 32], points: &[G1Affine]) -> Result<()> {
        let path = Self::path(bundle);
        // A file that cannot be read is worth nothing.
        let mut entries = read(&path).unwrap_or_default();
        entries.retain(|entry| entry.tag != *tag);
        entries.push(Entry {
            tag: *tag,
            points: points.to_vec(),
        });
        let surplus = entries.len().saturating_sub(MAX_ENTRIES);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        let payload = postcard::to_allocvec(&entries[surplus..])
            .map_err(|e| Error::Invalid(format!("the commitments cannot be encoded: {e}")))?;
        bytes.extend(payload);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        write_atomic(&path, Access::Secret, true, |w| w.write_all(&bytes))?;
        Ok(())
    }
}

/// The entries of a file, none if there is no file, or what is wrong with it.
fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let named = |reason: &str| format!("{}: {reason}", path.display());
    let io = |e: std::io::Error| named(&format!("it cannot be read ({e})"));
    match read_at_most(path, MAX_BYTES) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(io(e)),
        Ok(Err(_)) => Err(named("it is too large")),
        Ok(Ok(bytes)) => decode(&bytes).map_err(|reason| named(&reason)),
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    if !bytes.starts_with(MAGIC) {
        return Err("it does not begin with PLEATWCM".into());
    }
    if bytes.len() < 12 + 32 {
        return Err("it is truncated".into());
    }
    let (content, checksum) = bytes.split_at(bytes.len() - 32);
    let version = u32::from_le_bytes([content[8], content[9], content[10], content[11]]);
    if version != VERSION {
        return Err(format!(
            "format version {version}, this program reads {VERSION}"
        ));
    }
    if Sha256::digest(content).as_slice() != checksum {
        return Err("its checksum is wrong: damaged or truncated".into());
    }
    let (entries, rest): (Vec<Entry>, &[u8]) = postcard::take_from_bytes(&content[12..])
        .map_err(|e| format!("its content does not decode ({e})"))?;
    if !rest.is_empty() {
        return Err("bytes are left over after its content".into());
    }
    Ok(entries)
}
