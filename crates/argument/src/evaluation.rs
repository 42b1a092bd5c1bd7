//! Proving whole statements: a committed model, committed data, groups in order.

use halo2curves::bn256::G1Affine;
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use pleat_model::network::Network;
use rayon::prelude::*;

use crate::commitment::Key;
use crate::data::{DataCommitter, DataSecrecy, Pinned, Samples};
use crate::group::prove::{Committed, Prover, Setting, Sink, Snapshot, Times};
use crate::layout::{self, data_layout};
use crate::model::Model;
use crate::opening::Scheme;
use crate::program::{DataLayout, Kind, Program, Region};
use crate::proof::{Folded, Proof};
use crate::randomness::ProofSecret;
use crate::statement::{Statement, chain};
use crate::step::schedule::Schedule;
use crate::witness::{Executed, table_vectors};
use crate::{Error, Result, Scalar};

/// A proof, what it proves, and what making it took.
#[derive(Clone, Debug)]
pub struct Proved<P> {
    /// The statement.
    pub statement: Statement,
    /// The proof.
    pub proof: P,
    /// Correct samples, for accuracy.
    pub count: u64,
    /// All outputs in the network's order, for statements about outputs: `[sample][output][value]`.
    pub outputs: Vec<Vec<Vec<i32>>>,
    /// Digest of the state after the last step.
    pub last: Scalar,
    /// Seconds by part.
    pub times: Times,
    /// Seconds of executing the network.
    pub execution: f64,
    /// Seconds of committing to the data.
    pub data: f64,
}

impl Model<'_> {
    /// Proves that the weights are integers of their declared widths.
    ///
    /// # Errors
    /// An opening that cannot be made.
    pub fn register(&self, secret: &ProofSecret, scheme: Scheme) -> Result<(Proof, Times)> {
        let (schedule, statement) = self.registration_statement()?;
        let mut prover = Prover::new(self.setting(&schedule, &statement), secret);
        prover.group(&[], None)?;
        prover.finish(scheme)
    }

    /// The same with every step handed to `sink`.
    ///
    /// # Errors
    /// As [`Self::register`], and what `sink` says.
    pub fn fold_registration(
        &self,
        secret: &ProofSecret,
        scheme: Scheme,
        sink: Sink<'_>,
    ) -> Result<Proved<Folded>> {
        let (schedule, statement) = self.registration_statement()?;
        let mut prover = Prover::new(self.setting(&schedule, &statement), secret).into(sink);
        prover.group(&[], None)?;
        let last = prover.state().digest();
        let (proof, times) = prover.finish_folded(scheme)?;
        Ok(Proved {
            statement,
            proof,
            count: 0,
            outputs: vec![],
            last,
            times,
            execution: 0.0,
            data: 0.0,
        })
    }
}

/// What is to be proved of a model and some samples.
#[derive(Debug)]
pub struct Evaluation<'a> {
    model: &'a Model<'a>,
    program: Program,
    tables: Vec<Committed>,
    secrecy: DataSecrecy,
}

impl<'a> Evaluation<'a> {
    /// A statement about `samples` samples; `group_bits` of `None` chooses the size of groups.
    ///
    /// # Errors
    /// As [`layout::inference`].
    pub fn new(
        model: &'a Model<'a>,
        kind: Kind,
        samples: &(impl Samples + ?Sized),
        secrecy: DataSecrecy,
        group_bits: Option<u32>,
    ) -> Result<Self> {
        let (network, row_bits) = (model.network, model.row_bits);
        let labelled = samples.labelled();
        let group_bits = match group_bits {
            Some(bits) => bits,
            None => layout::choose_group_bits(network, kind, labelled, row_bits, samples.count())?,
        };
        let program = layout::inference(network, kind, labelled, row_bits, group_bits)?;
        if !layout::same_weights(&program, &model.registration) {
            return Err(Error::Layout(
                "the weights are laid out differently from their registration; this is a defect, please report it"
                    .into(),
            ));
        }
        let tables = commit_tables(model.key, &program, network);
        Ok(Self {
            model,
            program,
            tables,
            secrecy,
        })
    }

    /// The program of its groups.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Proves the statement. `secret` is new for every proof.
    ///
    /// # Errors
    /// No samples; samples the network refuses; what [`Samples::read`] says.
    pub fn prove(
        &self,
        samples: &(impl Samples + ?Sized),
        context: Scalar,
        secret: &ProofSecret,
        scheme: Scheme,
    ) -> Result<Proved<Proof>> {
        let prepared = self.prepare(samples, context, secret)?;
        let mut prover = Prover::new(self.setting(&prepared), secret);
        let run = self.groups(&mut prover, &prepared, samples)?;
        let (proof, times) = prover.finish(scheme)?;
        Ok(run.proved(prepared, proof, times))
    }

    /// Proves a prepared statement with every step handed to `sink`, from a snapshot on if there is one: the
    /// first step handed over is then the first of the snapshot's next group.
    ///
    /// # Errors
    /// Samples the network refuses; a snapshot of another statement; what [`Samples::read`] and `sink` say.
    pub fn fold(
        &self,
        prepared: Prepared,
        samples: &(impl Samples + ?Sized),
        scheme: Scheme,
        sink: Sink<'_>,
        from: Option<Snapshot>,
    ) -> Result<Proved<Folded>> {
        let (setting, secret) = (self.setting(&prepared), &prepared.secret);
        let prover = match from {
            None => Prover::new(setting, secret),
            Some(snapshot) => Prover::resume(setting, secret, snapshot)?,
        };
        let mut prover = prover.into(sink);
        let run = self.groups(&mut prover, &prepared, samples)?;
        let (proof, times) = prover.finish_folded(scheme)?;
        Ok(run.proved(prepared, proof, times))
    }

    /// The steps of a number of samples.
    ///
    /// # Errors
    /// A network that steps cannot express.
    pub fn schedule(&self, samples: u64) -> Result<Schedule> {
        Schedule::new(&self.program, samples)
    }

    fn setting<'b>(&'b self, prepared: &'b Prepared) -> Setting<'b> {
        Setting {
            key: self.model.key,
            program: &self.program,
            schedule: &prepared.schedule,
            statement: &prepared.statement,
            network: self.model.network,
            weights: self.model.weights,
            weight_vectors: &self.model.vectors,
            table_vectors: &self.tables,
        }
    }

    /// Commits to the data, which fixes the statement. `secret` is new for every proof, the same when a proof is
    /// resumed.
    ///
    /// # Errors
    /// No samples; what [`Samples::read`] says.
    pub fn prepare(
        &self,
        samples: &(impl Samples + ?Sized),
        context: Scalar,
        secret: &ProofSecret,
    ) -> Result<Prepared> {
        let start = std::time::Instant::now();
        let (network, key) = (self.model.network, self.model.key);
        let count = samples.count();
        if count == 0 {
            return Err(Error::Invalid("no sample to prove".into()));
        }
        let (layout, records) = data_layout(network, samples.labelled(), self.model.row_bits)?;
        let schedule = Schedule::new(&self.program, count)?;
        let mut prepared = Prepared {
            statement: Statement {
                kind: self.program.kind,
                model: self.model.id,
                data: Scalar::zero(),
                samples: count,
                context,
                program: schedule.digest(),
                tables: chain(&points_of(&self.tables)),
                key: key.id(),
            },
            schedule,
            layout,
            records,
            vectors: vec![],
            secret: *secret,
            seconds: 0.0,
        };
        let committer = self.committer(&prepared);
        let vectors = committer.commitments(samples)?;
        prepared.statement.data = committer.id(count, &vectors)?;
        prepared.vectors = vectors;
        prepared.seconds = start.elapsed().as_secs_f64();
        Ok(prepared)
    }

    fn committer<'b>(&'b self, prepared: &'b Prepared) -> DataCommitter<'b> {
        DataCommitter {
            key: self.model.key,
            layout: &prepared.layout,
            records: &prepared.records,
            network: self.model.network,
            secrecy: self.secrecy,
        }
    }

    /// Executes and proves all groups.
    fn groups(
        &self,
        prover: &mut Prover<'_>,
        prepared: &Prepared,
        samples: &(impl Samples + ?Sized),
    ) -> Result<Run> {
        let (network, committer) = (self.model.network, self.committer(prepared));
        let executor = Executor::new(network, self.model.weights);
        let mut run = Run {
            count: 0,
            outputs: vec![],
            last: Scalar::zero(),
            execution: 0.0,
        };
        let outputs = self.program.kind == Kind::Outputs;
        // Of groups proved before, nothing but outputs is needed again.
        let done = prover.state().samples;
        for (range, pinned) in committer.ranges(samples.count()).zip(&prepared.vectors) {
            if range.end <= done && !outputs {
                continue;
            }
            let first = range.start;
            let (inputs, vector) = committer.again(samples, range, pinned)?;
            let mut rest = inputs.as_slice();
            while !rest.is_empty() {
                let at = first as usize + inputs.len() - rest.len();
                let proved = (at as u64) < done;
                let live = match proved {
                    true => (done - at as u64) as usize,
                    false => prover.next_samples() as usize,
                };
                let (own, others) = rest.split_at(live.min(rest.len()));
                rest = others;
                if proved && !outputs {
                    continue;
                }
                let begin = std::time::Instant::now();
                let executed = execute(&executor, own, at)?;
                run.execution += begin.elapsed().as_secs_f64();
                if outputs {
                    run.outputs.extend(executed.iter().map(|s| {
                        let values = |o: &pleat_model::network::NetworkOutput| {
                            s.trace.values[o.layer].clone()
                        };
                        network.outputs.iter().map(values).collect::<Vec<_>>()
                    }));
                }
                if !proved {
                    prover.group(&executed, Some(&vector))?;
                }
            }
        }
        run.count = prover.state().count;
        run.last = prover.state().digest();
        Ok(run)
    }
}

/// A statement about to be proved: its data are committed to.
pub struct Prepared {
    statement: Statement,
    schedule: Schedule,
    layout: DataLayout,
    records: Vec<(Region, u64)>,
    vectors: Vec<Pinned>,
    secret: ProofSecret,
    seconds: f64,
}

impl Prepared {
    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("statement", &self.statement)
            .finish_non_exhaustive()
    }
}

/// What executing and proving all groups gave.
struct Run {
    count: u64,
    outputs: Vec<Vec<Vec<i32>>>,
    last: Scalar,
    execution: f64,
}

impl Run {
    fn proved<P>(self, prepared: Prepared, proof: P, times: Times) -> Proved<P> {
        Proved {
            statement: prepared.statement,
            proof,
            count: self.count,
            outputs: self.outputs,
            last: self.last,
            times,
            execution: self.execution,
            data: prepared.seconds,
        }
    }
}

fn execute(executor: &Executor<'_>, samples: &[Sample], first: usize) -> Result<Vec<Executed>> {
    samples
        .par_iter()
        .enumerate()
        .map(|(i, sample)| {
            Ok(Executed {
                trace: executor.trace(&sample.values, first + i)?,
                label: sample.label,
            })
        })
        .collect()
}

fn points_of(vectors: &[Committed]) -> Vec<G1Affine> {
    vectors.iter().map(|v| v.commitment).collect()
}

/// Unblinded commitments to a program's activation tables.
pub fn commit_tables(key: &Key, program: &Program, network: &Network) -> Vec<Committed> {
    table_vectors(program, network)
        .map(|values| Committed::new(key, values, Scalar::zero()))
        .collect()
}
