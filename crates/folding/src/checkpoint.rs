//! Checkpoints: what it takes to go on with a proof in another process.
//!
//! A checkpoint holds the running proof after some step, and where the argument's prover was before that
//! step's group. Whoever goes on proves the group again, which gives the same steps, and folds only those
//! that were not folded yet. Its file is **secret**: both parts hold combinations of weights and data, and
//! the proof's secret unblinds its commitments.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pleat_argument::group::prove::Snapshot;
use pleat_argument::program::Kind;
use pleat_step_circuits::circuit::step::Step;
use serde::{Deserialize, Serialize};

use crate::{Circuit, Params, Result, RunningProof};

/// What a checkpoint is about: everything that must be the same for the proof to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The kind of the statement.
    pub kind: Kind,
    /// Samples of a group, as a power of two.
    pub group_bits: u32,
    /// Number of samples.
    pub samples: u64,
    /// The model id.
    pub model: [u8; 32],
    /// The data id.
    pub data: [u8; 32],
    /// The hash of the context.
    pub context: [u8; 32],
}

/// A proof under way.
#[derive(Debug)]
pub struct Checkpoint<C: Circuit = Step> {
    /// What it is about.
    pub subject: Subject,
    /// The secret the proof was begun with.
    pub secret: [u8; 32],
    /// Where the argument's prover goes on.
    pub snapshot: Snapshot,
    /// The steps so far.
    pub running: RunningProof<C>,
    /// Steps of the snapshot's next group among them.
    pub ahead: u64,
}

#[derive(Serialize, Deserialize)]
struct Companion<S> {
    subject: Subject,
    secret: [u8; 32],
    ahead: u64,
    snapshot: S,
}

/// Bytes of commitments and multipliers at most: what is written must be read. A proof has up to 2^24 steps of up to two
/// vectors; of each a checkpoint holds commitment (twice) and multiplier (twice).
const MAX_LIST_BYTES: u64 = 1 << 32;

impl<C: Circuit> Checkpoint<C> {
    /// Reads a checkpoint that was written with the same parameters.
    ///
    /// # Errors
    /// As [`RunningProof::load`]; a damaged file.
    pub fn load(path: &Path, params: &Params<C>) -> Result<Self> {
        let most = (32u64 << params.shape().index_bits()) + MAX_LIST_BYTES;
        let (running, companion) = RunningProof::load(path, params, most)?;
        let Companion {
            subject,
            secret,
            ahead,
            snapshot,
        } = companion;
        Ok(Self {
            subject,
            secret,
            snapshot,
            running,
            ahead,
        })
    }
}

/// When and where checkpoints of a proof are written.
#[derive(Clone, Debug)]
pub struct Keep {
    /// The file.
    pub path: PathBuf,
    /// Time from one to the next.
    pub every: Duration,
    /// What the proof is about.
    pub subject: Subject,
    /// Its secret.
    pub secret: [u8; 32],
    /// Steps of the whole proof.
    pub steps: u64,
    /// Whether a file that is there may be replaced by the first one, as it is by the others.
    pub replace: bool,
}

/// Writes checkpoints while steps are folded.
#[derive(Debug)]
pub(crate) struct Keeper {
    keep: Keep,
    snapshot: Option<Box<Snapshot>>,
    /// Steps before the snapshot's next group.
    before: u64,
    last: Instant,
    /// Steps in the last one that was written.
    written: Option<u64>,
}

impl Keeper {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            keep,
            snapshot: None,
            before: 0,
            last: Instant::now(),
            written: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.keep.path
    }

    /// The prover is between two groups, `before` steps after the beginning.
    pub(crate) fn place(&mut self, snapshot: Box<Snapshot>, before: u64) {
        self.snapshot = Some(snapshot);
        self.before = before;
    }

    /// Whether the last one is long enough ago.
    pub(crate) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.keep.every
    }

    /// Whether the end of the steps is worth a checkpoint: not if the proof is short, and whole.
    pub(crate) fn is_due_at_the_end(&self, steps: u64) -> bool {
        match self.written {
            Some(written) => written != steps,
            None => steps < self.keep.steps || self.is_due(),
        }
    }

    /// Writes a checkpoint, replacing the one before. `None`: there is nothing to keep yet.
    pub(crate) fn write<C: Circuit>(
        &mut self,
        running: &RunningProof<C>,
        params: &Params<C>,
    ) -> Option<Result<f64>> {
        let snapshot = self.snapshot.as_deref()?;
        let start = Instant::now();
        let companion = Companion {
            subject: self.keep.subject,
            secret: self.keep.secret,
            ahead: running.steps - self.before,
            snapshot,
        };
        let replace = self.keep.replace || self.written.is_some();
        let result = running.save(&self.keep.path, params, replace, &companion);
        // Also after a failure: a full disk is not asked again at every step.
        self.last = Instant::now();
        if result.is_ok() {
            self.written = Some(running.steps);
        }
        Some(result.map(|()| start.elapsed().as_secs_f64()))
    }
}
