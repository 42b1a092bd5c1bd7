//! Reading files of any size safely, writing files so that nothing is lost and nothing leaks.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// All bytes of a file of at most `limit`, whatever it is; of a longer one its length, as far as it is known. More are
/// never read: a file may grow meanwhile, and a pipe has no length.
///
/// # Errors
/// A file that cannot be read.
pub fn read_at_most(path: &Path, limit: u64) -> std::io::Result<std::result::Result<Vec<u8>, u64>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Ok(Err(length));
    }
    let mut bytes = vec![];
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > limit => Ok(Err(length)),
        _ => Ok(Ok(bytes)),
    }
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The owner only: bundles, running proofs, checkpoints.
    Secret,
    /// Everybody: proofs, reports.
    Public,
}

/// Temporary files that exist right now.
static TEMPORARIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the temporary files of writes under way: for a handler that ends the process at once.
pub fn remove_temporaries() {
    if let Ok(list) = TEMPORARIES.lock() {
        for path in list.iter() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Keeps a temporary file in the list while it exists.
struct Registered(PathBuf);

impl Registered {
    fn new(path: &Path) -> Self {
        if let Ok(mut list) = TEMPORARIES.lock() {
            list.push(path.to_owned());
        }
        Self(path.to_owned())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Ok(mut list) = TEMPORARIES.lock() {
            list.retain(|p| *p != self.0);
        }
    }
}

const SUFFIX: &str = ".tmp";
/// Letters and digits between the two.
const RANDOM: usize = 6;

/// How the temporary names of a file begin.
fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".pleat-");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Removes what a process that was killed while it wrote `path` left behind. Nobody may be writing it now.
///
/// # Errors
/// A folder that cannot be read, or a file in it that cannot be removed.
pub fn remove_leftovers(path: &Path) -> std::io::Result<()> {
    let prefix = prefix(path);
    for entry in std::fs::read_dir(folder_of(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name.as_encoded_bytes();
        let rest = rest.strip_prefix(prefix.as_encoded_bytes());
        let random = rest.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        // More are of a file whose name begins with this one's.
        if random.is_some_and(|r| r.len() == RANDOM && r.iter().all(u8::is_ascii_alphanumeric)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A new file under a temporary name beside its destination; removed when dropped.
fn temporary(path: &Path, access: Access) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(path);
    builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = match access {
            Access::Secret => 0o600,
            Access::Public => 0o644,
        };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(folder_of(path))
}

/// Whether a file can be written there, asked before the work of computing it: the temporary name, which is longer,
/// is tried.
///
/// # Errors
/// Why it cannot.
pub fn check_place(path: &Path) -> std::io::Result<()> {
    temporary(path, Access::Secret).map(drop)
}

/// Writes a file under a temporary name beside its destination, flushes it to disk and renames it,
/// so that `path` holds either its old content or all of the new.
///
/// Without `force` an existing file is left alone and reported.
///
/// # Errors
/// [`Error::Invalid`] if the file exists and `force` is not set; [`Error::Io`] naming the path
/// otherwise. The temporary file is removed.
pub fn write_atomic(
    path: &Path,
    access: Access,
    force: bool,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    let named = |e: std::io::Error| {
        Error::Io(std::io::Error::new(
            e.kind(),
            format!("cannot write {}: {e}", path.display()),
        ))
    };
    let exists = || {
        Error::invalid(format!(
            "{} exists already; choose another name or give --force",
            path.display()
        ))
    };
    if !force && path.exists() {
        return Err(exists());
    }
    let folder = folder_of(path);
    let mut file = temporary(path, access).map_err(named)?;
    let _registered = Registered::new(file.path());
    {
        let mut buffered = std::io::BufWriter::new(file.as_file_mut());
        fill(&mut buffered).map_err(named)?;
        buffered.flush().map_err(named)?;
    }
    file.as_file().sync_all().map_err(named)?;
    if force {
        file.persist(path).map_err(|e| named(e.error))?;
    } else {
        file.persist_noclobber(path).map_err(|e| {
            if e.error.kind() == std::io::ErrorKind::AlreadyExists {
                exists()
            } else {
                named(e.error)
            }
        })?;
    }
    // The rename itself must survive a power cut.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}
