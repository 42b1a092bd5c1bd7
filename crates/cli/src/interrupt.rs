//! Ctrl-C and SIGTERM: at once, or after a checkpoint where one can be written.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Asks the folding thread to write a checkpoint and stop.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether a thread listens to [`STOP`].
static LISTENING: AtomicBool = AtomicBool::new(false);
/// When it was asked to.
static ASKED: OnceLock<Instant> = OnceLock::new();
/// Signals that come twice within this time are one: supervisors send some to a process and to its group.
const SAME: Duration = Duration::from_secs(1);
/// Where the proof's checkpoints go.
static CHECKPOINT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// While it lives, the first signal sets the flag instead of ending the process.
#[derive(Debug)]
pub(crate) struct Listening(());

impl Listening {
    pub(crate) fn new() -> Self {
        LISTENING.store(true, Ordering::SeqCst);
        Self(())
    }

    /// Set once the work is to stop.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        STOP.clone()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENING.store(false, Ordering::SeqCst);
    }
}

/// Whether the process must end now; otherwise it was asked to stop.
pub(crate) fn ends_at_once() -> bool {
    let listening = LISTENING.load(Ordering::SeqCst);
    let before = STOP.swap(true, Ordering::SeqCst);
    let asked = ASKED.get_or_init(Instant::now);
    !listening || (before && asked.elapsed() > SAME)
}

/// The proof under way goes on from this file, if there is one.
pub(crate) fn remember(checkpoint: Option<&Path>) {
    let mut slot = CHECKPOINT.lock().unwrap_or_else(PoisonError::into_inner);
    *slot = checkpoint.map(Path::to_owned);
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
pub(crate) fn sentence() -> String {
    let slot = CHECKPOINT.lock().unwrap_or_else(PoisonError::into_inner);
    match slot.as_deref().filter(|path| path.exists()) {
        Some(path) => format!(
            "interrupted; the checkpoint {} is there, a secret file: give --resume to go on from it",
            path.display()
        ),
        None => "interrupted; files that existed before are unchanged, run it again for the result"
            .into(),
    }
}
