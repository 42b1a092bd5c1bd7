//! What a process has taken so far, as Linux says it.
#![allow(dead_code)] // every test file uses its own part

use std::path::{Path, PathBuf};
use std::time::Duration;

fn of(process: &str) -> PathBuf {
    Path::new("/proc").join(process)
}

/// Largest resident set in kB, of `self` or a process by its number; `None` if it is gone or the system does not say.
pub(crate) fn peak(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(of(process).join("status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Time on all processors together, of the threads that are left: what else the machine does is not in it.
pub(crate) fn processor(process: &str) -> Option<Duration> {
    let threads = std::fs::read_dir(of(process).join("task")).ok()?;
    let one = |thread: PathBuf| -> Option<u64> {
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    let all = threads.filter_map(|thread| one(thread.ok()?.path()));
    Some(Duration::from_nanos(all.sum()))
}
