//! Files with a magic number, a version and a checksum.
//!
//! ```text
//! magic       8 bytes
//! version     u32, little endian
//! body        postcard
//! checksum    SHA-256 of all bytes before, 32 bytes
//! ```
//!
//! The checksum rejects accidents, not adversaries: what is decoded is still untrusted.

use std::path::Path;

use pleat_model::files::read_at_most;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Bytes before the body.
pub const HEADER_BYTES: usize = 12;
/// Bytes of the checksum.
pub const CHECKSUM_BYTES: usize = 32;

/// What kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// First bytes.
    pub magic: &'static [u8; 8],
    /// The only version that is read.
    pub version: u32,
    /// Its name in sentences.
    pub kind: &'static str,
    /// Versions up to this one must not be used any more: why, and what to do.
    pub retired: Option<(u32, &'static str)>,
}

/// Why bytes are not a file of some format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Another magic number.
    #[error("it is another kind of file; give one that pleat wrote for this purpose")]
    Magic,
    /// Another version.
    #[error(
        "it has version {found}, this program reads version {read}; make it again with this program, or use the one that wrote it"
    )]
    Version {
        /// The file's.
        found: u32,
        /// The one that is read.
        read: u32,
    },
    /// A version that must not be used any more.
    #[error("it has version {found}, which is not used any more: {why}")]
    Retired {
        /// The file's.
        found: u32,
        /// The reason, and what to do.
        why: &'static str,
    },
    /// More bytes than any file of its kind.
    #[error("it has {bytes} bytes, at most {limit} are read; it was not written by pleat")]
    TooLong {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Fewer bytes than header and checksum.
    #[error("it ends after {0} bytes; make or copy it again")]
    Short(usize),
    /// Another checksum.
    #[error("its checksum does not match: it was damaged or changed; make or copy it again")]
    Checksum,
    /// A body that means nothing.
    #[error("its content cannot be read ({0}); it was not written by this version of pleat")]
    Content(String),
}

/// The bytes of a file.
///
/// # Errors
/// Content that cannot be encoded.
pub fn encode(format: &Format, body: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = format.magic.to_vec();
    bytes.extend(format.version.to_le_bytes());
    let mut bytes = postcard::to_extend(body, bytes)
        .map_err(|e| Error::Invalid(format!("a {} cannot be encoded: {e}", format.kind)))?;
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    Ok(bytes)
}

/// The body inside a file's bytes.
///
/// # Errors
/// What is wrong with the bytes.
pub fn open<'a>(format: &Format, bytes: &'a [u8], limit: u64) -> Result<&'a [u8], Damage> {
    if bytes.len() as u64 > limit {
        return Err(Damage::TooLong {
            bytes: bytes.len() as u64,
            limit,
        });
    }
    if !bytes.starts_with(format.magic) {
        return Err(Damage::Magic);
    }
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES {
        return Err(Damage::Short(bytes.len()));
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    let (header, body) = content.split_at(HEADER_BYTES);
    let mut version = [0; 4];
    version.copy_from_slice(&header[8..]);
    let found = u32::from_le_bytes(version);
    if found != format.version {
        let read = format.version;
        return Err(match format.retired {
            Some((last, why)) if found <= last => Damage::Retired { found, why },
            _ => Damage::Version { found, read },
        });
    }
    if Sha256::digest(content)[..] != *checksum {
        return Err(Damage::Checksum);
    }
    Ok(body)
}

/// Decodes the first part of a body; the second result is the rest.
///
/// # Errors
/// [`Damage::Content`].
pub fn part<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), Damage> {
    postcard::take_from_bytes(bytes).map_err(|e| Damage::Content(e.to_string()))
}

/// Decodes all of a body, of which only one encoding of its content is accepted.
///
/// # Errors
/// [`Damage::Content`].
pub fn whole<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Damage> {
    let (content, rest) = part::<T>(bytes)?;
    if !rest.is_empty() {
        return Err(Damage::Content("something follows it".into()));
    }
    let again = postcard::to_stdvec(&content).map_err(|e| Damage::Content(e.to_string()))?;
    if again != bytes {
        return Err(Damage::Content("it is encoded in an unusual way".into()));
    }
    Ok(content)
}

/// All bytes of a file of at most `limit`, whatever is in it; more are not read.
///
/// # Errors
/// [`Error::Io`], and [`Error::File`] for one that is too long.
pub fn read(format: &Format, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    read_at_most(path, limit)
        .map_err(io)?
        .map_err(|bytes| format.damaged(path)(Damage::TooLong { bytes, limit }))
}

impl Format {
    /// The error of a damaged file.
    pub fn damaged(&self, path: &Path) -> impl Fn(Damage) -> Error + '_ {
        let path = path.to_owned();
        move |damage| Error::File {
            path: path.clone(),
            kind: self.kind,
            damage,
        }
    }
}
