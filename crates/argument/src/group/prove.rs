//! The prover: commits to a group, proves its relations step by step, and opens the running claim.

mod chunk;
mod close;
mod snapshot;
mod vectors;

use ff::Field;
use halo2curves::bn256::G1Affine;
use pleat_model::network::{Network, Weights};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::chunk::Scratch;
pub use self::snapshot::Snapshot;
use super::{Place, constants, context, positions, seed};
use crate::claims::Combination;
use crate::commitment::Key;
use crate::program::{Program, VectorKind};
use crate::proof::{GroupProof, StepProof};
use crate::randomness::{Derived, ProofSecret, Randomness};
use crate::statement::Statement;
use crate::step::descriptor::{Descriptor, Task};
use crate::step::schedule::Schedule;
use crate::step::state::State;
use crate::step::transition::{Checks, Message, Opening, apply_with, start_with};
use crate::sumcheck::{self, Product, Table};
use crate::transcript::Transcript;
use crate::view::Context;
use crate::witness::{Executed, Source, fill_chunks, product_tables};
use crate::{Error, Result, Scalar};

/// A committed vector: values, commitment, blind.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The entries.
    pub values: Vec<i32>,
    /// The commitment.
    pub commitment: G1Affine,
    /// Its blind; zero for public vectors.
    pub blind: Scalar,
}

impl Committed {
    /// Commits to some values.
    pub fn new(key: &Key, values: Vec<i32>, blind: Scalar) -> Self {
        Self {
            commitment: key.commit_integers(&values, &blind),
            values,
            blind,
        }
    }
}

/// Everything that stays the same from group to group.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The commitment key.
    pub key: &'a Key,
    /// The program.
    pub program: &'a Program,
    /// Its steps, for the statement's samples.
    pub schedule: &'a Schedule,
    /// The statement.
    pub statement: &'a Statement,
    /// The architecture.
    pub network: &'a Network,
    /// The parameters; unused by registrations of data.
    pub weights: &'a Weights,
    /// The weights' vectors.
    pub weight_vectors: &'a [Committed],
    /// The activation tables' vectors.
    pub table_vectors: &'a [Committed],
}

/// Seconds spent in each part of the proof.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// Filling columns and counting lookups.
    pub fill: f64,
    /// Committing to chunks.
    pub commit: f64,
    /// Channel sum-checks and their tables.
    pub heads: f64,
    /// GKR.
    pub lookup: f64,
    /// Writing out views, sum-checks over rows and entries.
    pub linear: f64,
    /// The running combination: evaluation and addition.
    pub merge: f64,
    /// Of `linear` and `merge`: weights, tables, data and outputs, that is all but chunks.
    pub vectors: f64,
    /// Drawing the mask and committing to it.
    pub mask: f64,
    /// The opening.
    pub open: f64,
}

/// Adds the seconds `f` takes to `total`.
pub(super) fn timed<T>(total: &mut f64, f: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let result = f();
    *total += start.elapsed().as_secs_f64();
    result
}

/// One step as the step circuit takes it: the state before it, what is public about it, what the prover says.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The state before.
    pub state: State,
    /// What the step does.
    pub descriptor: Descriptor,
    /// What the prover says.
    pub message: Message,
}

/// What takes the steps of a proof that is folded.
pub trait Steps {
    /// One more step.
    ///
    /// # Errors
    /// What ends the proof.
    fn step(&mut self, record: StepRecord) -> Result<()>;

    /// The prover is between two groups. Whoever wants to go on from here some day takes a `snapshot`, which
    /// costs a copy of the combination; calling it is optional.
    ///
    /// # Errors
    /// What ends the proof.
    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }
}

impl<F: FnMut(StepRecord) -> Result<()>> Steps for F {
    fn step(&mut self, record: StepRecord) -> Result<()> {
        self(record)
    }
}

/// Where the steps of a proof go, if they are folded instead of kept.
pub type Sink<'a> = &'a mut (dyn Steps + 'a);

/// A proof in the making.
pub struct Prover<'a> {
    setting: Setting<'a>,
    randomness: Box<dyn Randomness + 'a>,
    state: State,
    combination: Combination,
    data: Vec<G1Affine>,
    groups: Vec<GroupProof>,
    multipliers: Vec<Scalar>,
    sink: Option<Sink<'a>>,
    checks: Checks,
    times: Times,
    scratch: Scratch,
}

impl std::fmt::Debug for Prover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover")
            .field("samples", &self.state.samples)
            .finish_non_exhaustive()
    }
}

impl<'a> Prover<'a> {
    /// Starts a proof: draws the mask, and commits to it before anything else is committed to. `secret` is new
    /// for every proof, the same when a proof is resumed.
    pub fn new(setting: Setting<'a>, secret: &ProofSecret) -> Self {
        let randomness = Derived::new(secret, setting.statement);
        Self::drawing(setting, Box::new(randomness))
    }

    /// The same with other randomness, which decides what the proof hides: for tests of what that is.
    #[doc(hidden)]
    pub fn drawing(setting: Setting<'a>, randomness: Box<dyn Randomness + 'a>) -> Self {
        let mut times = Times::default();
        let combination = timed(&mut times.mask, || {
            let mask = randomness.mask(1 << setting.program.index_bits());
            let blind = randomness.mask_blind();
            let commitment = setting.key.commit(&mask, &blind);
            Combination::new(mask, commitment, blind)
        });
        Self {
            times,
            ..Self::after(setting, randomness, combination)
        }
    }

    /// A prover before its first group.
    fn after(
        setting: Setting<'a>,
        randomness: Box<dyn Randomness + 'a>,
        combination: Combination,
    ) -> Self {
        let weights: Vec<G1Affine> = commitments(setting.weight_vectors);
        let constants = constants(setting.statement, setting.schedule, &weights);
        Self {
            setting,
            randomness,
            state: State::new(constants, &setting.schedule.shape, &combination.mask),
            combination,
            data: vec![],
            groups: vec![],
            multipliers: vec![],
            sink: None,
            checks: Checks::Enforced,
            times: Times::default(),
            scratch: Scratch::default(),
        }
    }

    /// Hands every step to `sink` instead of keeping it: for a proof that is folded.
    #[must_use]
    pub fn into(mut self, sink: Sink<'a>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// A prover that goes on although what it proves is false, for verifiers to be tested against.
    #[doc(hidden)]
    #[must_use]
    pub fn dishonest(mut self) -> Self {
        self.checks = Checks::Ignored;
        self
    }

    /// Seconds so far.
    pub fn times(&self) -> Times {
        self.times
    }

    /// The state after the groups so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Samples the next group takes.
    pub fn next_samples(&self) -> u64 {
        let Setting {
            program, statement, ..
        } = self.setting;
        match program.data {
            Some(_) => Place::new(program, self.state.samples, statement.samples).live,
            None => 0,
        }
    }

    /// Proves the next group: its executed samples, and the data vector they are in (none for registrations
    /// of models).
    ///
    /// # Errors
    /// A wrong number of samples, or values outside their tables.
    pub fn group(&mut self, samples: &[Executed], data: Option<&Committed>) -> Result<()> {
        let setting = self.setting;
        let program = setting.program;
        if self.state.group == setting.schedule.groups()
            || samples.len() as u64 != self.next_samples()
            || data.is_some() != program.data.is_some()
        {
            return Err(Error::Invalid(format!(
                "group {} takes {} samples, not {}",
                self.state.group,
                self.next_samples(),
                samples.len()
            )));
        }
        let weights: Vec<Vec<i32>> = match program.kind {
            crate::program::Kind::RegisteredModel => setting
                .weight_vectors
                .iter()
                .map(|v| v.values.clone())
                .collect(),
            _ => vec![],
        };
        let source = Source {
            network: setting.network,
            samples,
            weights: &weights,
        };
        let chunks = timed(&mut self.times.fill, || fill_chunks(program, &source))?;
        let outputs = crate::witness::executed_outputs(program, setting.network, samples);
        self.group_of(samples, data, chunks, outputs, None)
    }

    /// The rest of [`Self::group`], once columns and outputs are filled. Tests prove false ones through it, or
    /// another number of correct samples than the columns say.
    #[doc(hidden)]
    pub fn group_of(
        &mut self,
        samples: &[Executed],
        data: Option<&Committed>,
        chunks: Vec<Vec<i32>>,
        outputs: Vec<Vec<i32>>,
        count: Option<u64>,
    ) -> Result<()> {
        let setting = self.setting;
        let Setting {
            program, statement, ..
        } = setting;
        if let Some(sink) = self.sink.take() {
            let told = sink.between_groups(&|| self.snapshot());
            self.sink = Some(sink);
            told?;
        }
        let place = Place::new(program, self.state.samples, statement.samples);
        let mut times = self.times;
        let group = self.state.group;
        let trace: Vec<Committed> = timed(&mut times.commit, || {
            let blind = |chunk| self.randomness.trace_blind(group, chunk);
            let commit = |(i, values)| Committed::new(setting.key, values, blind(i));
            (0..).zip(chunks).map(commit).collect()
        });
        let outputs: Vec<Committed> = outputs
            .into_iter()
            .map(|values| Committed::new(setting.key, values, Scalar::ZERO))
            .collect();
        let vectors: Vec<&Committed> = trace
            .iter()
            .chain(setting.weight_vectors)
            .chain(setting.table_vectors)
            .chain(data)
            .chain(&outputs)
            .collect();
        if vectors.len() != program.vectors.len() {
            return Err(Error::Invalid(
                "the number of weight or table vectors does not fit the program".into(),
            ));
        }
        let commitments: Vec<G1Affine> = vectors.iter().map(|v| v.commitment).collect();
        let salt = self.randomness.salt(group);
        let opening = Opening {
            salt,
            seed: seed(program, &self.state, &place, &salt, &commitments),
            count: count.unwrap_or_else(|| correct(program, &trace)),
        };
        let schedule = setting.schedule;
        let own = schedule.group(group);
        let mut steps = vec![];
        let mut work = GroupWork {
            samples,
            claims: vec![],
            next_claims: 0,
            next_vector: 0,
        };
        for (descriptor, digest) in own.descriptors.iter().zip(&own.digests) {
            let range = work.next_vector..work.next_vector + descriptor.vectors.len();
            work.next_vector = range.end;
            let points = &commitments[range.clone()];
            let begin = [opening.salt, opening.seed];
            let (before, transcript) =
                start_with(self.checks, &self.state, descriptor, digest, &begin, points)?;
            let context = context(&before.inner, &place, program.head.bits as usize);
            let step = match descriptor.task {
                Task::Head => timed(&mut times.heads, || {
                    self.head(descriptor, &mut work, &context, transcript)
                }),
                Task::Chunk => self.chunk(
                    range.start,
                    vectors[range.start],
                    &before.inner,
                    &context,
                    transcript,
                    &mut times,
                )?,
                Task::Vectors => {
                    let own = &vectors[range.clone()];
                    let before = times.linear + times.merge;
                    let step = self.vectors(range, own, &context, transcript, &mut times);
                    times.vectors += times.linear + times.merge - before;
                    step
                }
                Task::More => StepProof::More {
                    claims: work.claims_of(descriptor),
                },
            };
            let message = Message::new(&schedule.shape, descriptor, &opening, points, &step)?;
            let outcome = apply_with(
                self.checks,
                &schedule.shape,
                &self.state,
                descriptor,
                digest,
                &message,
            )?;
            timed(&mut times.merge, || {
                for (vector, mu) in vectors[work.next_vector - points.len()..work.next_vector]
                    .iter()
                    .zip(&outcome.multipliers)
                {
                    self.combination
                        .add(&vector.values, mu, vector.commitment, &vector.blind);
                }
            });
            let before = std::mem::replace(&mut self.state, outcome.state);
            match &mut self.sink {
                Some(sink) => {
                    self.multipliers.extend(outcome.multipliers);
                    sink.step(StepRecord {
                        state: before,
                        descriptor: descriptor.clone(),
                        message,
                    })?;
                }
                None => steps.push(step),
            }
        }
        self.times = times;
        if let Some(data) = data.filter(|_| place.prefix == 0) {
            self.data.push(data.commitment);
        }
        self.groups.push(GroupProof {
            salt,
            trace: commitments[..trace.len()].to_vec(),
            outputs: outputs.iter().map(|o| o.commitment).collect(),
            count: opening.count,
            steps,
        });
        Ok(())
    }

    /// The channel sum-check of all products.
    fn head(
        &self,
        descriptor: &Descriptor,
        work: &mut GroupWork<'_>,
        context: &Context,
        mut transcript: Transcript,
    ) -> StepProof {
        let Setting {
            program,
            network,
            weights,
            ..
        } = self.setting;
        let head = &program.head;
        let zeta = |p: &crate::program::Product| context.zeta.pow_vartime([u64::from(p.identity)]);
        let tables: Vec<(Vec<Scalar>, Vec<Scalar>)> = head
            .products
            .iter()
            .map(|product| {
                let shape = network.layers[product.layer].shape;
                let plane = shape.plane() as u64;
                let steps = [shape.width as u64, plane, plane * program.group_samples()];
                let samples = work.samples;
                let (mut u, x) = product_tables(network, weights, product, samples, steps, context);
                let zeta = zeta(product);
                u.par_iter_mut().for_each(|u| *u *= zeta);
                (u, x)
            })
            .collect();
        let sum = tables
            .par_iter()
            .map(|(u, x)| u.iter().zip(x).map(|(u, x)| *u * x).sum::<Scalar>())
            .sum();
        transcript.message(&[sum]);
        let terms = tables
            .into_iter()
            .map(|(u, x)| Product {
                left: Table::Owned(u),
                right: Table::Owned(x),
            })
            .collect();
        let proof = sumcheck::prove_products(terms, head.bits, &mut transcript);
        work.claims = head
            .products
            .iter()
            .zip(&proof.values)
            .map(|(product, (u, x))| {
                let inverse = zeta(product).invert().unwrap_or(Scalar::ZERO);
                [*x, *u * inverse]
            })
            .collect();
        StepProof::Head {
            sum,
            rounds: proof.rounds,
            claims: work.claims_of(descriptor),
        }
    }
}

/// What a group's steps share.
struct GroupWork<'a> {
    samples: &'a [Executed],
    claims: Vec<[Scalar; 2]>,
    next_claims: usize,
    next_vector: usize,
}

impl GroupWork<'_> {
    /// The claims a step absorbs: the next ones, from the first again where they are replayed.
    fn claims_of(&mut self, descriptor: &Descriptor) -> Vec<[Scalar; 2]> {
        if descriptor.claims.replay {
            self.next_claims = 0;
        }
        let end = (self.next_claims + descriptor.products.len()).min(self.claims.len());
        let claims = self.claims[self.next_claims.min(end)..end].to_vec();
        self.next_claims = end;
        claims
    }
}

fn commitments(vectors: &[Committed]) -> Vec<G1Affine> {
    vectors.iter().map(|v| v.commitment).collect()
}

/// The number of correct samples as the columns say: the sum of selector times label over top-1's rows.
fn correct(program: &Program, trace: &[Committed]) -> u64 {
    let mut count = 0;
    for (vector, committed) in program.vectors[positions(program, VectorKind::Trace)]
        .iter()
        .zip(trace)
    {
        for block in &vector.blocks {
            if matches!(block.fill, crate::program::Fill::Top1 { .. }) {
                let start = (block.offset as usize) << 2;
                let rows = &committed.values[start..start + (4 << block.bits)];
                count += rows
                    .chunks_exact(4)
                    .filter(|r| r[0] == 1 && r[3] == 1)
                    .count() as u64;
            }
        }
    }
    count
}
