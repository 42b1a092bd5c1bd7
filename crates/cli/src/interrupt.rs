//! Ctrl-C and SIGTERM: at once, or after a checkpoint where one can be written.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pleat_jobs::{Error, Stop};

/// When the job was asked to stop.
static ASKED: OnceLock<Instant> = OnceLock::new();
/// Signals that come twice within this time are one: supervisors send some to a process and to its group.
const SAME: Duration = Duration::from_secs(1);

/// Whether the process must end now; otherwise its job was asked to stop.
pub(crate) fn ends_at_once(stop: &Stop) -> bool {
    if !stop.is_keeping() {
        return true;
    }
    let before = stop.ask();
    let asked = ASKED.get_or_init(Instant::now);
    before && asked.elapsed() > SAME
}

/// Writing beyond the limit on the size of files (`ulimit -f`) is an error like a full disk, no end of the process.
#[cfg(unix)]
pub(crate) fn survive_limits() -> std::io::Result<()> {
    use nix::sys::signal::{SigSet, Signal};
    let mut set = SigSet::empty();
    set.add(Signal::SIGXFSZ);
    Ok(set.thread_block()?)
}

#[cfg(not(unix))]
pub(crate) fn survive_limits() -> std::io::Result<()> {
    Ok(())
}

/// What an interrupted user wants to know.
pub(crate) fn sentence(stop: &Stop) -> String {
    match stop.checkpoint() {
        Some(path) => format!(
            "interrupted; the checkpoint {} is there, a secret file: give --resume to go on from it",
            path.display()
        ),
        None => Error::Stopped.to_string(),
    }
}
