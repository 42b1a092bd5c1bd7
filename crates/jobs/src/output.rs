//! Whether a result can be written, asked before the work of computing it.

use std::path::Path;

use pleat_model::files::check_place;

use crate::error::{Error, Locate, Result};

/// Refuses an output that cannot or must not be written: in a folder that is not there or not
/// writable, over a folder, over one of the `inputs`, or over any file without `force`.
pub(crate) fn check(output: &Path, inputs: &[&Path], force: bool) -> Result<()> {
    let place = || format!("output {}", output.display());
    let refuse = |what: String| Err(Error::Invalid(format!("{}: {what}", place())));
    if output.is_dir() || output.file_name().is_none() {
        return refuse("it is a folder; name a file in it".into());
    }
    let folder = folder_of(output);
    if !folder.is_dir() {
        return refuse(format!(
            "there is no folder {}; make it or choose another place",
            folder.display()
        ));
    }
    if let Ok(same) = output.canonicalize()
        && inputs
            .iter()
            .any(|i| i.canonicalize().is_ok_and(|i| i == same))
    {
        return refuse("it is an input of this command; choose another name".into());
    }
    if !force && output.symlink_metadata().is_ok() {
        return refuse("it exists already; choose another name or give --force".into());
    }
    writable(folder)
        .and_then(|()| check_place(output))
        .at(place)
}

/// Whether two paths name one file, which need not be there: the same name in the same folder.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    let folder = |path| folder_of(path).canonicalize().ok();
    a.file_name() == b.file_name() && folder(a) == folder(b)
}

/// The folder a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Makes a folder for keys, and refuses one that cannot be written.
pub(crate) fn prepare_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| writable(folder))
        .at(|| format!("folder {}", folder.display()))
}

#[cfg(unix)]
fn writable(folder: &Path) -> std::io::Result<()> {
    use nix::unistd::{AccessFlags, access};
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK).map_err(std::io::Error::from)
}

#[cfg(not(unix))]
fn writable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
