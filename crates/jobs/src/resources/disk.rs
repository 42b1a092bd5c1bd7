//! Free space of file systems.

use std::path::Path;

/// Bytes this user can write on a folder's file system; `None` where the system does not say.
#[cfg(unix)]
pub(super) fn free(folder: &Path) -> Option<u64> {
    let status = nix::sys::statvfs::statvfs(folder).ok()?;
    // Some network file systems have no size at all.
    (status.blocks() > 0).then(|| status.blocks_available() * status.fragment_size())
}

#[cfg(not(unix))]
pub(super) fn free(_: &Path) -> Option<u64> {
    None
}
