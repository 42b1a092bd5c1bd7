//! Ctrl-C and SIGTERM: at once, or after a checkpoint where one can be written.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Asks the folding thread to write a checkpoint and stop.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether a thread listens to [`STOP`].
static LISTENING: AtomicBool = AtomicBool::new(false);
/// The checkpoint there is.
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
    !LISTENING.load(Ordering::SeqCst) || STOP.swap(true, Ordering::SeqCst)
}

/// The proof under way can go on from this file.
pub(crate) fn remember(checkpoint: Option<&Path>) {
    let mut slot = CHECKPOINT.lock().unwrap_or_else(PoisonError::into_inner);
    *slot = checkpoint.map(Path::to_owned);
}

/// What an interrupted user wants to know.
pub(crate) fn sentence() -> String {
    let slot = CHECKPOINT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*slot {
        Some(path) => format!(
            "interrupted; the checkpoint {} is there, a secret file: give --resume to go on from it",
            path.display()
        ),
        None => "interrupted; files that existed before are unchanged, run it again for the result"
            .into(),
    }
}
