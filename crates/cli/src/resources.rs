//! What this process uses, and what there is.

use anyhow::Result;

use crate::failure::OutOfMemory;

/// Largest resident set of this process so far, in bytes; `None` where the system does not say.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        u64::try_from(usage.max_rss()).ok().map(|v| v * unit)
    }
    #[cfg(not(unix))]
    None
}

/// Memory that can be had without swapping, in bytes; `None` where the system does not say.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Refuses what would be killed later for want of memory.
pub(crate) fn require_memory(bytes: u64, what: &str) -> Result<()> {
    match available_memory() {
        Some(available) if available < bytes => Err(OutOfMemory(format!(
            "{what} needs {:.1} GB of memory, {:.1} GB are free; \
             close other programs or use a larger machine",
            bytes as f64 / 1e9,
            available as f64 / 1e9
        ))
        .into()),
        _ => Ok(()),
    }
}
