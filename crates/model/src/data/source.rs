//! Where the bytes of an array are: a plain file, a gzip file, a member of an archive.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use crate::{Error, Result};

/// What a path holds, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Image,
    Zip,
    /// IDX or npy, perhaps compressed.
    Array,
    Other,
}

pub(super) const NPY_MAGIC: &[u8] = b"\x93NUMPY";
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Looks at the first bytes of `path`.
pub(super) fn kind(path: &Path) -> Result<Kind> {
    let metadata = std::fs::metadata(path).map_err(|error| io_error(path, error))?;
    if metadata.is_dir() {
        return Ok(Kind::Folder);
    }
    let start = first_bytes(path)?;
    if start.is_empty() {
        return Err(Error::invalid(format!(
            "{}: the file is empty",
            path.display()
        )));
    }
    let starts = |magic: &[u8]| start.starts_with(magic);
    Ok(if starts(b"\x89PNG") || starts(&[0xff, 0xd8, 0xff]) {
        Kind::Image
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Kind::Zip
    } else if starts(GZIP_MAGIC) || starts(NPY_MAGIC) || starts(&[0, 0]) {
        Kind::Array
    } else {
        Kind::Other
    })
}

fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut start))
        .map_err(|error| io_error(path, error))?;
    Ok(start)
}

/// An error of the operating system, with the file it is about.
pub(super) fn io_error(path: &Path, error: io::Error) -> Error {
    Error::Io(io::Error::new(
        error.kind(),
        format!("{}: {error}", path.display()),
    ))
}

/// Bytes that can be read again and again.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: PathBuf,
    packing: Packing,
}

#[derive(Clone, Debug)]
enum Packing {
    Plain { len: u64 },
    Gzip,
    Member(Member),
}

/// A member of a zip archive, as its directory describes it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// First byte of the member's data in the archive.
    pub(super) start: u64,
    pub(super) compressed_len: u64,
    pub(super) len: u64,
    pub(super) crc: u32,
    pub(super) deflated: bool,
}

/// A stream of bytes, free to move to another thread.
pub(super) type Bytes = Box<dyn Read + Send>;

impl Source {
    /// A file, plain or gzip.
    pub(super) fn file(path: &Path) -> Result<Self> {
        let packing = if first_bytes(path)?.starts_with(GZIP_MAGIC) {
            Packing::Gzip
        } else {
            let metadata = std::fs::metadata(path).map_err(|error| io_error(path, error))?;
            Packing::Plain {
                len: metadata.len(),
            }
        };
        Ok(Self {
            path: path.to_owned(),
            packing,
        })
    }

    /// A member of the archive `path`.
    pub(super) fn member(path: &Path, member: Member) -> Self {
        Self {
            path: path.to_owned(),
            packing: Packing::Member(member),
        }
    }

    /// Number of bytes, if it is known without reading them.
    pub(super) fn len(&self) -> Option<u64> {
        match &self.packing {
            Packing::Plain { len } => Some(*len),
            Packing::Gzip => None,
            Packing::Member(member) => Some(member.len),
        }
    }

    /// The bytes from `offset` on.
    pub(super) fn open_at(&self, offset: u64) -> Result<Bytes> {
        let at_start = |start| -> io::Result<BufReader<File>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(start))?;
            Ok(BufReader::with_capacity(1 << 16, file))
        };
        let opened: io::Result<Bytes> = (|| match &self.packing {
            Packing::Plain { .. } => Ok(Box::new(at_start(offset)?) as Bytes),
            Packing::Gzip => passed(Box::new(MultiGzDecoder::new(at_start(0)?)), offset),
            Packing::Member(member) => {
                let raw = at_start(member.start)?.take(member.compressed_len);
                let inner: Bytes = if member.deflated {
                    Box::new(DeflateDecoder::new(raw))
                } else {
                    Box::new(raw)
                };
                let checked = Checked {
                    inner,
                    crc: Crc::new(),
                    wanted: member.crc,
                    left: member.len,
                };
                passed(Box::new(checked), offset)
            }
        })();
        opened.map_err(|error| self.read_error(error, None))
    }

    /// Whether opening the source elsewhere costs no more than passing over a few bytes.
    pub(super) fn seekable(&self) -> bool {
        matches!(self.packing, Packing::Plain { .. })
    }

    /// Passes over the next `count` of its bytes.
    pub(super) fn skip(&self, bytes: &mut Bytes, count: u64) -> Result<()> {
        skip(bytes, count).map_err(|error| self.read_error(error, None))
    }

    /// What a failed read means here; `sample` is the one it happened in.
    pub(super) fn read_error(&self, error: io::Error, sample: Option<usize>) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let place = sample.map_or(String::new(), |sample| format!(" sample {sample}:"));
        match error.kind() {
            UnexpectedEof | InvalidData | InvalidInput => Error::malformed(
                match self.packing {
                    Packing::Plain { .. } => "data file",
                    Packing::Gzip => "gzip file",
                    Packing::Member(_) => "npz archive",
                },
                format!("{self}:{place} truncated or damaged ({error}); copy or download it again"),
            ),
            _ => io_error(&self.path, error),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match &self.packing {
            Packing::Member(member) => write!(f, ", member '{}'", member.name),
            _ => Ok(()),
        }
    }
}

/// Compressed data cannot be sought in, so what lies before `offset` is read and dropped.
fn passed(mut bytes: Bytes, offset: u64) -> io::Result<Bytes> {
    skip(&mut bytes, offset)?;
    Ok(bytes)
}

fn skip(bytes: &mut Bytes, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut bytes.take(count), &mut io::sink())?;
    if skipped < count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Compares a member with the length and checksum in the archive's directory.
struct Checked {
    inner: Bytes,
    crc: Crc,
    wanted: u32,
    left: u64,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let damaged = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if n == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.crc.sum() != self.wanted {
                return damaged("checksum differs");
            }
        }
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => return damaged("longer than the archive's directory says"),
        }
        self.crc.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}
