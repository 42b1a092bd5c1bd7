//! Asking a job to stop.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks a job to stop, from any thread; clones ask the same job.
///
/// A job looks between two samples and between two steps. While a proof that keeps checkpoints is folded, it writes one
/// and ends after the step under way ([`Stop::is_keeping`]); anywhere else it ends with [`crate::Error::Stopped`] and
/// leaves no result behind. What takes seconds and cannot be divided (reading keys, compressing, the calibration of an
/// import) is finished first, and a proof that is folded already is finished altogether. One that was asked stays so:
/// the next job needs another.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: Arc<AtomicBool>,
    keeping: AtomicBool,
    checkpoint: Mutex<Option<PathBuf>>,
}

impl Stop {
    /// Asks; whether it was asked before.
    pub fn ask(&self) -> bool {
        self.0.asked.swap(true, Ordering::SeqCst)
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Whether the job would write a checkpoint now if it was asked.
    pub fn is_keeping(&self) -> bool {
        self.0.keeping.load(Ordering::SeqCst)
    }

    /// The checkpoint that the proof goes on from, if it is there; none once the proof is finished.
    pub fn checkpoint(&self) -> Option<PathBuf> {
        let slot = self.slot();
        slot.clone().filter(|path| path.exists())
    }

    /// Where the proof's checkpoints go.
    pub(crate) fn remember(&self, checkpoint: Option<&Path>) {
        *self.slot() = checkpoint.map(Path::to_owned);
    }

    /// Until the guard is dropped, a checkpoint is written when it is asked.
    pub(crate) fn keep(&self) -> Keeping {
        self.0.keeping.store(true, Ordering::SeqCst);
        Keeping(self.clone())
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<PathBuf>> {
        self.0
            .checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, checkpoints are kept.
#[derive(Debug)]
pub(crate) struct Keeping(Stop);

impl Keeping {
    /// Set once the work is to stop.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.0.asked.clone()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.0.keeping.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clones_ask_the_same_job() {
        let stop = Stop::default();
        let other = stop.clone();
        assert!(!other.is_asked());
        assert!(!stop.ask());
        assert!(other.is_asked() && other.ask());
        assert!(!Stop::default().is_asked());
    }

    #[test]
    fn it_keeps_while_the_guard_lives() {
        let stop = Stop::default();
        let guard = stop.keep();
        assert!(stop.is_keeping());
        stop.ask();
        assert!(guard.flag().load(Ordering::SeqCst));
        drop(guard);
        assert!(!stop.is_keeping());
    }

    #[test]
    fn a_checkpoint_counts_once_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let stop = Stop::default();
        stop.remember(Some(&path));
        assert_eq!(stop.checkpoint(), None);
        std::fs::write(&path, "c").unwrap();
        assert_eq!(stop.checkpoint(), Some(path));
        stop.remember(None);
        assert_eq!(stop.checkpoint(), None);
    }
}
