//! Who watches a job: one hears what it tells, the other may ask it to stop.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::progress::{Event, Progress};
use crate::stop::Stop;

/// Who watches a job. The default hears nothing and never stops it.
#[derive(Clone)]
pub struct Watch {
    progress: Arc<dyn Progress>,
    stop: Stop,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(|_: Event| {})
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// With someone who hears; nobody stops it yet.
    pub fn new(progress: impl Progress + 'static) -> Self {
        Self {
            progress: Arc::new(progress),
            stop: Stop::default(),
        }
    }

    /// The same, stopped by this one.
    #[must_use]
    pub fn stopped_by(self, stop: &Stop) -> Self {
        Self {
            stop: stop.clone(),
            ..self
        }
    }

    /// What stops it.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// A remark.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.progress.hear(Event::Note(text.into()));
    }

    /// A checkpoint after so many steps is on disk.
    pub(crate) fn checkpoint(&self, path: &Path, steps: u64, seconds: f64) {
        self.progress.hear(Event::Checkpoint {
            path: path.to_owned(),
            steps,
            seconds,
        });
    }

    /// Begins a phase of `total` units of `what`, of which an earlier process did `done`.
    pub(crate) fn phase(&self, what: &'static str, total: u64, done: u64) -> Phase<'_> {
        self.progress.hear(Event::Begin {
            phase: what,
            total,
            done,
        });
        Phase(self)
    }

    /// # Errors
    /// [`Error::Stopped`] if it was asked to.
    pub(crate) fn go_on(&self) -> Result<()> {
        match self.stop.is_asked() {
            true => Err(Error::Stopped),
            false => Ok(()),
        }
    }

    /// The error of what ended because it was asked to; any other as it is.
    pub(crate) fn reason(&self, error: impl Into<Error>) -> Error {
        match self.stop.is_asked() {
            true => Error::Stopped,
            false => error.into(),
        }
    }
}

/// A running count.
pub(crate) struct Phase<'a>(&'a Watch);

impl Phase<'_> {
    /// So many are done, those of an earlier process included.
    pub(crate) fn set(&self, done: u64) {
        self.0.progress.hear(Event::Advance { done });
    }

    /// Ends it.
    pub(crate) fn done(self) {
        self.0.progress.hear(Event::End);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn events_come_in_order_and_as_they_were_told() {
        let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
        let ears = heard.clone();
        let watch = Watch::new(move |event: Event| {
            if let Ok(mut heard) = ears.lock() {
                heard.push(event);
            }
        });
        watch.note("a");
        let phase = watch.phase("steps", 3, 1);
        phase.set(2);
        watch.checkpoint(Path::new("c"), 2, 0.5);
        phase.set(3);
        phase.done();
        let expected = [
            Event::Note("a".into()),
            Event::Begin {
                phase: "steps",
                total: 3,
                done: 1,
            },
            Event::Advance { done: 2 },
            Event::Checkpoint {
                path: "c".into(),
                steps: 2,
                seconds: 0.5,
            },
            Event::Advance { done: 3 },
            Event::End,
        ];
        assert_eq!(heard.lock().map(|h| h.clone()).ok(), Some(expected.into()));
    }

    #[test]
    fn what_was_asked_to_stop_says_so() {
        let stop = Stop::default();
        let watch = Watch::default().stopped_by(&stop);
        assert!(watch.go_on().is_ok());
        assert!(matches!(
            watch.reason(Error::invalid("x")),
            Error::Invalid(_)
        ));
        stop.ask();
        assert!(matches!(watch.go_on(), Err(Error::Stopped)));
        assert!(matches!(watch.reason(Error::invalid("x")), Error::Stopped));
    }
}
