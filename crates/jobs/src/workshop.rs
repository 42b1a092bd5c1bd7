//! What making and checking proofs needs besides files: a size class, keys, parameters.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pleat_argument::Error as ArgumentError;
use pleat_argument::Result as ArgumentResult;
use pleat_argument::commitment::Key;
use pleat_argument::evaluation::Proved;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::group::prove::Steps;
use pleat_argument::group::prove::{Sink, Snapshot, Times};
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::proof::Folded;
use pleat_argument::randomness::ProofSecret;
use pleat_compressor::{Compressor, Envelope, Statement};
use pleat_folding::running::Origin;
use pleat_folding::worker::Queue;
use pleat_folding::{
    Error as FoldingError, Form, Keep, Notice, Params, RunningProof, Sizes, Worker,
};
use pleat_model::bundle::Bundle;
use pleat_model::network::Network;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::keys;
use crate::stop::Stop;
use crate::store::KeyStore;
use crate::watch::Watch;

/// Keys and parameters of a size class.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) key: Key,
    pub(crate) params: Arc<Params>,
}

/// Size and cost of the parameters.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setup {
    /// Rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Constraints of a step, folding included.
    pub constraints: usize,
    /// Non-zero coefficients of a step's three matrices.
    pub nonzeros: usize,
    /// The step's commitment key has two to this power points.
    pub power: u32,
    /// Bytes in memory, of matrices and key.
    pub bytes: usize,
    /// Seconds it took to make them.
    pub seconds: f64,
}

/// What proving took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spent {
    /// Steps folded.
    pub steps: u64,
    /// Seconds of committing to rows.
    pub commit_seconds: f64,
    /// Seconds of sum-checks and lookups.
    pub argument_seconds: f64,
    /// Seconds of opening the combination of all commitments, mask included.
    pub open_seconds: f64,
    /// Seconds the folding thread worked, beside the others.
    pub fold_seconds: f64,
    /// Seconds from the first row to the last fold.
    pub prove_seconds: f64,
    /// Seconds of compression.
    pub compress_seconds: f64,
}

impl Workshop {
    /// Loads a class's keys and makes its parameters.
    ///
    /// The keys are those of `id`, or of the smallest file that is large enough.
    pub(crate) fn open(
        row_bits: u32,
        form: Form,
        id: Option<[u8; 32]>,
        store: &KeyStore,
        watch: &Watch,
    ) -> Result<Self> {
        watch.go_on()?;
        watch.note(format!(
            "writing out the circuit of size class 2^{row_bits}"
        ));
        let (key, params) = keys::open(store, row_bits, form, id)?;
        if let Some(warning) = params.srs().origin.warning() {
            watch.note(format!("warning: {warning}"));
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
        watch: &Watch,
    ) -> Result<Model<'a>> {
        let model = Model::new(&self.key, bundle, self.params.shape().row_bits, Some(path))?;
        if let Some(problem) = &model.cache_problem {
            watch.note(format!(
                "the commitments to the weights were computed again: {problem}"
            ));
        }
        Ok(model)
    }

    /// Runs a prover beside a folding thread, which keeps checkpoints if asked to. `prove` gets the scheme of the
    /// opening and where its steps go. Without checkpoints it ends before the next step when it is asked to stop.
    pub(crate) fn fold(
        &self,
        steps: u64,
        kept: Option<Kept>,
        watch: &Watch,
        prove: impl FnOnce(Scheme, Sink<'_>) -> ArgumentResult<Proved<Folded>>,
    ) -> Result<Folding> {
        let start = Instant::now();
        let done = (kept.as_ref()).and_then(|kept| Some(kept.from.as_ref()?.0.steps));
        let phase = watch.phase("folding steps", steps, done.unwrap_or(0));
        let keeping = kept.as_ref().map(|_| watch.stop().keep());
        let path = kept.as_ref().map(|kept| kept.keep.path.clone());
        let worker = match (kept, &keeping) {
            (Some(Kept { keep, from }), Some(keeping)) => {
                Worker::keeping(&self.params, keep, from, keeping.flag())?
            }
            _ => Worker::spawn(&self.params)?,
        };
        let mut written = false;
        let mut tell = |notice| match notice {
            Notice::Folded(steps) => phase.set(steps),
            Notice::Written { steps, seconds } => {
                written = true;
                if let Some(path) = &path {
                    watch.checkpoint(path, steps, seconds);
                }
            }
            Notice::Failed(e) => watch.note(format!(
                "warning: no checkpoint could be written, the proof goes on: {e}"
            )),
        };
        let proved = {
            let mut sink = Watched {
                queue: worker.queue(),
                stop: keeping.is_none().then(|| watch.stop()),
                after: || worker.notices().for_each(&mut tell),
            };
            // Quicker than HyperKZG, with less memory: docs/benchmarks.md.
            prove(Scheme::Mercury, &mut sink)
        };
        let last = proved.as_ref().ok().map(|proved| proved.last);
        // The folding thread's own error says more than that it is gone.
        let running = worker.join(last, &mut tell);
        let alone = keeping.is_none();
        drop(keeping);
        let (proved, running) = match (proved, running) {
            (Ok(proved), Ok(running)) => (proved, running),
            (Err(e), Ok(_) | Err(FoldingError::NoStep)) if alone => return Err(watch.reason(e)),
            (Err(e), Ok(_) | Err(FoldingError::NoStep)) => return Err(e.into()),
            (_, Err(e)) => return Err(e.into()),
        };
        phase.done();
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
        watch: &Watch,
    ) -> Result<(Envelope, f64)> {
        watch.note("compressing");
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
    getrandom::fill(&mut secret).map_err(|e| Error::Invalid(e.to_string()))?;
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
struct Watched<'a, F> {
    queue: Queue,
    /// Ends the proof before its next step.
    stop: Option<&'a Stop>,
    after: F,
}

impl<F: FnMut()> Steps for Watched<'_, F> {
    fn step(&mut self, record: StepRecord) -> ArgumentResult<()> {
        if self.stop.is_some_and(Stop::is_asked) {
            return Err(ArgumentError::Invalid("stopped".into()));
        }
        self.queue.step(record)?;
        (self.after)();
        Ok(())
    }

    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> ArgumentResult<()> {
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
}
