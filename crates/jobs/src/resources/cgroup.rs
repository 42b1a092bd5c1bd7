//! What the control groups of a process leave it: containers, Slurm and Kubernetes set such limits.

use std::fs::read_to_string;
use std::path::{Component, Path, PathBuf};

/// Names of the files of a version of control groups.
struct Version {
    /// Below `/sys/fs/cgroup`.
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// File cache in `memory.stat` that is dropped before anything is killed.
    cache: &'static str,
}

const V1: Version = Version {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: "total_inactive_file",
};
const V2: Version = Version {
    mount: "",
    limit: "memory.max",
    used: "memory.current",
    cache: "inactive_file",
};

/// The least that a group of this process or one around it leaves, in bytes; `None` without limits.
///
/// `root` has `proc` and `sys`.
pub(super) fn free(root: &Path) -> Option<u64> {
    let text = read_to_string(root.join("proc/self/cgroup")).ok()?;
    // hierarchy:controllers:path, where version 2 is hierarchy 0 without controllers.
    let groups = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = match (hierarchy, controllers) {
            ("0", "") => V2,
            _ if controllers.split(',').any(|c| c == "memory") => V1,
            _ => return None,
        };
        least(
            &root.join("sys/fs/cgroup").join(version.mount),
            &version,
            path,
        )
    });
    groups.min()
}

/// The least over a group and those around it. In a container the path may be the host's, of which only
/// the root is there: levels that are not are passed over.
fn least(mount: &Path, version: &Version, path: &str) -> Option<u64> {
    let inner = Path::new(path).components();
    let inner: PathBuf = inner
        .filter(|c| matches!(c, Component::Normal(_)))
        .collect();
    inner
        .ancestors()
        .filter_map(|group| level(&mount.join(group), version))
        .min()
}

fn level(group: &Path, version: &Version) -> Option<u64> {
    let number =
        |name: &str| -> Option<u64> { read_to_string(group.join(name)).ok()?.trim().parse().ok() };
    // Without a limit it is the word "max".
    let limit = number(version.limit)?;
    let used = number(version.used)?;
    let cache = read_to_string(group.join("memory.stat")).ok();
    let cache = cache.as_deref().unwrap_or_default().lines().find_map(|l| {
        let (name, value) = l.split_once(' ')?;
        (name == version.cache).then(|| value.trim().parse::<u64>().ok())?
    });
    Some(limit.saturating_sub(used.saturating_sub(cache.unwrap_or(0))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A made-up system; files are written as `name=content`.
    fn system(groups: &str, files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("proc/self/cgroup", groups);
        for file in files {
            let (name, text) = file.split_once('=').unwrap();
            put(&format!("sys/fs/cgroup/{name}"), text);
        }
        root
    }

    #[track_caller]
    fn check(groups: &str, files: &[&str], expected: Option<u64>) {
        assert_eq!(free(system(groups, files).path()), expected);
    }

    #[test]
    fn version_2() {
        let job = "0::/slurm/job\n";
        let own = [
            "slurm/job/memory.max=9000\n",
            "slurm/job/memory.current=2000\n",
        ];
        check(job, &own, Some(7000));
        // File cache that can be dropped is free, other cache is not.
        let stat = "slurm/job/memory.stat=anon 500\nactive_file 700\ninactive_file 1500\n";
        check(job, &[&own[..], &[stat]].concat(), Some(8500));
        // A group around it leaves less.
        let around = ["slurm/memory.max=5000", "slurm/memory.current=4500"];
        check(job, &[&own[..], &around].concat(), Some(500));
        let unlimited = ["slurm/memory.max=max\n", "slurm/memory.current=4500"];
        check(job, &[&own[..], &unlimited].concat(), Some(7000));
        // More is used than allowed.
        check(
            job,
            &["slurm/job/memory.max=1", "slurm/job/memory.current=2"],
            Some(0),
        );
    }

    #[test]
    fn version_1() {
        let groups = "3:cpuset:/other\n4:cpu,memory:/job\n0::/\n";
        let own = [
            "memory/job/memory.limit_in_bytes=9000\n",
            "memory/job/memory.usage_in_bytes=8000\n",
            "memory/job/memory.stat=inactive_file 1\ntotal_inactive_file 600\n",
            "memory/memory.limit_in_bytes=9223372036854771712\n",
            "memory/memory.usage_in_bytes=70000\n",
        ];
        check(groups, &own, Some(1600));
        // Another controller's path is not the memory's.
        check("3:cpuset:/job\n", &own, None);
    }

    #[test]
    fn a_path_of_the_host_in_a_container() {
        let files = ["memory.max=100", "memory.current=40"];
        check("0::/kubepods/pod1\n", &files, Some(60));
        check("0::/../../other\n", &files, Some(60));
        let files = [
            "memory/memory.limit_in_bytes=100",
            "memory/memory.usage_in_bytes=40",
        ];
        check("5:memory:/docker/0123\n", &files, Some(60));
    }

    #[test]
    fn no_limits_and_nonsense() {
        check("0::/\n", &[], None);
        check("", &[], None);
        check("memory\n::\n", &["memory.max=1"], None);
        check(
            "0::/a\n",
            &["a/memory.max=many", "a/memory.current=1"],
            None,
        );
        check("0::/a\n", &["a/memory.max=-1", "a/memory.current=1"], None);
    }
}
