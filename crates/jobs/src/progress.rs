//! What a job tells while it runs.

use std::path::PathBuf;

/// Hears what a job tells, on whatever thread it happens; it should return at once.
///
/// Every closure of an event is one.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn hear(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Progress for F {
    fn hear(&self, event: Event) {
        self(event);
    }
}

/// What happens while a job runs.
///
/// Phases follow each other: one begins, counts up and ends before the next begins. A job that fails in the middle of a
/// phase does not end it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A remark or a warning, in words for people.
    Note(String),
    /// A phase begins.
    Begin {
        /// What is counted, in words for people: `docs/jobs.md` lists them.
        phase: &'static str,
        /// How many there are.
        total: u64,
        /// How many an earlier process did.
        done: u64,
    },
    /// So many are done; often more than a thousand times a second.
    Advance {
        /// Of those the phase began with, earlier ones included.
        done: u64,
    },
    /// The phase ends.
    End,
    /// A checkpoint is complete on disk.
    Checkpoint {
        /// The file; it is secret.
        path: PathBuf,
        /// Steps in it.
        steps: u64,
        /// Seconds spent on writing.
        seconds: f64,
    },
}
