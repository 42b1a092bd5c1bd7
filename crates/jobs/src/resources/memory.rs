//! Memory: of the machine, of the control group, of the process.

use std::path::Path;

use super::cgroup;

/// Addresses of a thread that are never filled: glibc reserves 64 MB for its heap, Rust 2 MB for its stack.
#[cfg(target_os = "linux")]
const THREAD_ADDRESSES: u64 = 66 << 20;
/// Threads beside one a core.
#[cfg(target_os = "linux")]
const OTHER_THREADS: u64 = 3;

/// Memory that can be had without swapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Free {
    pub(super) bytes: u64,
    /// Where, as the end of a sentence.
    pub(super) place: &'static str,
}

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

/// Resident set of this process now, in bytes; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    field(Path::new("/proc/self/status"), "VmRSS:")
}

/// The least that the machine, the control group and the limits of the process leave; `None` where the
/// system says nothing.
pub(super) fn free() -> Option<Free> {
    least(Path::new("/"), limits())
}

/// Of the file system that has `/proc` and `/sys` in `root`, and these limits of address space and data.
fn least(root: &Path, [space, data]: [Option<u64>; 2]) -> Option<Free> {
    // What is mapped already counts towards a limit.
    let left = |limit: Option<u64>, mapped: &str| {
        let used = field(&root.join("proc/self/status"), mapped)?;
        Some(limit?.saturating_sub(used))
    };
    [
        (
            field(&root.join("proc/meminfo"), "MemAvailable:"),
            "on this machine",
        ),
        (
            cgroup::free(root),
            "in the control group of this process (its container or job)",
        ),
        (
            left(space, "VmSize:"),
            "under the address space limit of this process (ulimit -v), without what its threads reserve",
        ),
        (
            left(data, "VmData:"),
            "under the data limit of this process (ulimit -d)",
        ),
    ]
    .into_iter()
    .filter_map(|(bytes, place)| {
        Some(Free {
            bytes: bytes?,
            place,
        })
    })
    .min_by_key(|free| free.bytes)
}

/// Limits of address space and data in bytes; of the first, without what threads will reserve.
fn limits() -> [Option<u64>; 2] {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{Resource, getrlimit};
        let limit = |resource| getrlimit(resource).ok().map(|(soft, _)| soft);
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let reserved = THREAD_ADDRESSES * (threads + OTHER_THREADS);
        let space = limit(Resource::RLIMIT_AS).map(|bytes| bytes.saturating_sub(reserved));
        [space, limit(Resource::RLIMIT_DATA)]
    }
    #[cfg(not(target_os = "linux"))]
    [None; 2]
}

/// The bytes of a field `NAME: N kB` in a file of `/proc`.
fn field(path: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|l| l.strip_prefix(name))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    const GB: u64 = 1 << 30;

    #[test]
    fn the_least_counts() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let free = |limits| least(root.path(), limits).map(|f| (f.bytes, f.place));
        assert_eq!(free([Some(GB), None]), None);
        put(
            "proc/self/status",
            "Name:\tpleat\nVmSize:\t 1048576 kB\nVmRSS:\t 9 kB\nVmData:\t  524288 kB\n",
        );
        put(
            "proc/meminfo",
            "MemTotal: 9 kB\nMemFree: 8 kB\nMemAvailable:    4194304 kB\n",
        );
        assert_eq!(free([None, None]), Some((4 * GB, "on this machine")));
        let unlimited = Some(u64::MAX);
        assert_eq!(free([unlimited; 2]), Some((4 * GB, "on this machine")));
        let (bytes, place) = free([Some(3 * GB), unlimited]).unwrap();
        assert_eq!((bytes, place.contains("ulimit -v")), (2 * GB, true));
        let (bytes, place) = free([Some(3 * GB), Some(2 * GB)]).unwrap();
        assert_eq!((bytes, place.contains("ulimit -d")), (GB + GB / 2, true));
        assert_eq!(free([Some(GB / 2), None]).unwrap().0, 0);
        put("proc/self/cgroup", "0::/job\n");
        put("sys/fs/cgroup/job/memory.max", "1073741824\n");
        put("sys/fs/cgroup/job/memory.current", "1073741000\n");
        let (bytes, place) = free([Some(3 * GB), Some(2 * GB)]).unwrap();
        assert_eq!((bytes, place.contains("control group")), (824, true));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_some() {
        // The system counts in batches, so that now may be a little more than the peak.
        let (now, peak) = (resident_bytes().unwrap(), peak_rss_bytes().unwrap());
        assert!((1 << 20..2 * peak).contains(&now), "{now} of {peak}");
        assert!(free().unwrap().bytes > 1 << 20);
    }
}
