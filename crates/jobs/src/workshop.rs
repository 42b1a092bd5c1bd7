//! What making and checking proofs needs besides files: a size class, keys, parameters.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use pleat_argument::commitment::Key;
use pleat_argument::evaluation::Proved;
use pleat_argument::group::prove::{Sink, Snapshot, StepRecord, Steps, Times};
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::proof::Folded;
use pleat_argument::randomness::ProofSecret;
use pleat_compressor::{Compressor, Envelope, Statement};
use pleat_folding::running::Origin;
use pleat_folding::worker::Queue;
use pleat_folding::{Form, Keep, Notice, Params, RunningProof, Sizes, Worker};
use pleat_model::bundle::Bundle;
use pleat_model::network::Network;
use serde::Serialize;

use crate::console::Console;
use crate::interrupt::Listening;
use crate::keys;
use crate::verbs::srs::folder;

/// Keys and parameters of a size class.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) key: Key,
    pub(crate) params: Arc<Params>,
}

/// Size and cost of the parameters.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Setup {
    /// Rows of a chunk, as a power of two.
    pub(crate) row_bits: u32,
    /// Constraints of a step, folding included.
    pub(crate) constraints: usize,
    pub(crate) nonzeros: usize,
    /// The step's commitment key has two to this power points.
    pub(crate) power: u32,
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
}

/// What proving took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Spent {
    /// Steps folded.
    pub(crate) steps: u64,
    /// Seconds of committing to rows.
    pub(crate) commit_seconds: f64,
    /// Seconds of sum-checks and lookups.
    pub(crate) argument_seconds: f64,
    /// Seconds of opening the combination of all commitments, mask included.
    pub(crate) open_seconds: f64,
    /// Seconds the folding thread worked, beside the others.
    pub(crate) fold_seconds: f64,
    /// Seconds from the first row to the last fold.
    pub(crate) prove_seconds: f64,
    pub(crate) compress_seconds: f64,
}

impl Workshop {
    /// Loads a class's keys and makes its parameters.
    ///
    /// The keys are those of `id`, or of the smallest file that is large enough.
    pub(crate) fn open(
        row_bits: u32,
        form: Form,
        id: Option<[u8; 32]>,
        cache: &Path,
        console: &Console,
    ) -> Result<Self> {
        console.note(&format!(
            "writing out the circuit of size class 2^{row_bits}"
        ));
        let (key, params) = keys::open(&folder(cache), row_bits, form, id)?;
        if let Some(warning) = params.srs().origin.warning() {
            console.note(&format!("warning: {warning}"));
        }
        Ok(Self {
            key,
            params: Arc::new(params),
        })
    }

    /// The secret of a proof made here.
    pub(crate) fn proof_secret(&self, secret: [u8; 32]) -> Result<ProofSecret> {
        Ok(Origin::of(&self.params).proof_secret(secret)?)
    }

    pub(crate) fn warning(&self) -> Option<&'static str> {
        self.params.srs().origin.warning()
    }

    pub(crate) fn setup(&self) -> Setup {
        let Sizes {
            constraints,
            nonzeros,
            power,
            bytes,
            seconds,
            ..
        } = *self.params.sizes();
        Setup {
            row_bits: self.params.shape().row_bits,
            constraints,
            nonzeros,
            power,
            bytes,
            seconds,
        }
    }

    /// Commits to a model's weights; commitments are cached beside the bundle.
    pub(crate) fn model<'a>(
        &'a self,
        bundle: &'a Bundle,
        path: &Path,
        console: &Console,
    ) -> Result<Model<'a>> {
        let model = Model::new(&self.key, bundle, self.params.shape().row_bits, Some(path))?;
        if let Some(problem) = &model.cache_problem {
            console.note(&format!(
                "the commitments to the weights were computed again: {problem}"
            ));
        }
        Ok(model)
    }

    /// Runs a prover beside a folding thread, which keeps checkpoints if asked to. `prove` gets the scheme of the opening and where its steps go.
    pub(crate) fn fold(
        &self,
        steps: u64,
        kept: Option<Kept>,
        console: &Console,
        prove: impl FnOnce(Scheme, Sink<'_>) -> pleat_argument::Result<Proved<Folded>>,
    ) -> Result<Folding> {
        let start = Instant::now();
        let done = (kept.as_ref()).and_then(|kept| Some(kept.from.as_ref()?.0.steps));
        let progress =
            console.progress_from("folding steps", steps as usize, done.unwrap_or(0) as usize);
        let listening = kept.as_ref().map(|_| Listening::new());
        let path = kept.as_ref().map(|kept| kept.keep.path.clone());
        let worker = match (kept, &listening) {
            (Some(Kept { keep, from }), Some(listening)) => {
                Worker::keeping(&self.params, keep, from, listening.flag())?
            }
            _ => Worker::spawn(&self.params)?,
        };
        let mut written = false;
        let mut tell = |notice| match notice {
            Notice::Folded(steps) => progress.set(steps as usize),
            Notice::Written { steps, seconds } => {
                written = true;
                if let Some(path) = &path {
                    console.checkpoint(path, steps, seconds);
                }
            }
            Notice::Failed(e) => console.note(&format!(
                "warning: no checkpoint could be written, the proof goes on: {e}"
            )),
        };
        let proved = {
            let mut sink = Watched {
                queue: worker.queue(),
                after: || worker.notices().for_each(&mut tell),
            };
            // Quicker than HyperKZG, with less memory: docs/benchmarks.md.
            prove(Scheme::Mercury, &mut sink)
        };
        let last = proved.as_ref().ok().map(|proved| proved.last);
        // The folding thread's own error says more than that it is gone.
        let running = worker.join(last, &mut tell);
        drop(listening);
        let (proved, running) = match (proved, running) {
            (Ok(proved), Ok(running)) => (proved, running),
            (Err(e), Ok(_)) | (Err(e), Err(pleat_folding::Error::NoStep)) => return Err(e.into()),
            (_, Err(e)) => return Err(e.into()),
        };
        progress.done();
        Ok(Folding {
            proved,
            running,
            seconds: start.elapsed().as_secs_f64(),
            written,
        })
    }

    /// Compresses, and puts everything public together.
    pub(crate) fn finish(
        &self,
        running: &RunningProof,
        content: Content<'_>,
        console: &Console,
    ) -> Result<(Envelope, f64)> {
        console.note("compressing");
        let start = Instant::now();
        let compressor = Compressor::setup(&self.params)?;
        let snark = compressor.compress(running)?;
        let envelope = Envelope {
            origin: Origin::of(&self.params),
            statement: content.statement,
            offset: content.offset,
            correct: content.correct,
            outputs: content.outputs,
            network: content.network.clone(),
            folded: content.folded,
            snark,
        };
        Ok((envelope, start.elapsed().as_secs_f64()))
    }
}

/// 32 random bytes for one proof.
pub(crate) fn new_secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(secret)
}

/// A folded proof.
pub(crate) struct Folding {
    pub(crate) proved: Proved<Folded>,
    pub(crate) running: RunningProof,
    /// From the first row to the last fold.
    pub(crate) seconds: f64,
    /// Whether checkpoints were written.
    pub(crate) written: bool,
}

/// Checkpoints of a proof, and the steps it goes on with.
pub(crate) struct Kept {
    pub(crate) keep: Keep,
    pub(crate) from: Option<(RunningProof, u64)>,
}

/// A queue of steps that looks after each what happened at its other end.
struct Watched<F> {
    queue: Queue,
    after: F,
}

impl<F: FnMut()> Steps for Watched<F> {
    fn step(&mut self, record: StepRecord) -> pleat_argument::Result<()> {
        self.queue.step(record)?;
        (self.after)();
        Ok(())
    }

    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> pleat_argument::Result<()> {
        self.queue.between_groups(snapshot)
    }
}

/// What a proof file contains besides the proof of the fold.
pub(crate) struct Content<'a> {
    pub(crate) statement: Statement,
    /// Index of the first sample.
    pub(crate) offset: u64,
    pub(crate) correct: u64,
    pub(crate) outputs: Vec<Vec<Vec<i32>>>,
    pub(crate) network: &'a Network,
    pub(crate) folded: Folded,
}

impl Spent {
    pub(crate) fn new(times: &Times, running: &RunningProof, prove_seconds: f64) -> Self {
        Self {
            steps: running.steps,
            commit_seconds: times.fill + times.commit,
            argument_seconds: times.heads + times.lookup + times.linear + times.merge,
            open_seconds: times.mask + times.open,
            fold_seconds: running.seconds,
            prove_seconds,
            compress_seconds: 0.0,
        }
    }

    pub(crate) fn line(&self, setup: &Setup) -> String {
        format!(
            "work        {} steps of {} constraints: setup {:.1} s, proving {:.1} s (folding {:.1} s of it), compression {:.1} s",
            self.steps,
            setup.constraints,
            setup.seconds,
            self.prove_seconds,
            self.fold_seconds,
            self.compress_seconds
        )
    }
}
