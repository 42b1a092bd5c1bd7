//! Secrets, their public files, and provers that forget to hide something.

use std::sync::LazyLock;

use ff::{Field, FromUniformBytes};
use halo2curves::bn256::G1Affine;
use pleat_argument::Scalar;
use pleat_argument::commitment::{Blinder, Key};
use pleat_argument::evaluation::commit_tables;
use pleat_argument::group::folded::{self, Expected};
use pleat_argument::group::prove::{Committed, Prover, Setting, Snapshot, StepRecord, Steps};
use pleat_argument::group::verify::Public;
use pleat_argument::layout::{data_layout, inference, register_model};
use pleat_argument::model::Model;
use pleat_argument::opening::{OpeningKey, Scheme};
use pleat_argument::program::{Kind, Program};
use pleat_argument::proof::Folded;
use pleat_argument::randomness::{ProofSecret, Randomness};
use pleat_argument::srs;
use pleat_argument::statement::{Statement, Visibility, chain, context_hash, data_id, model_id};
use pleat_argument::step::schedule::Schedule;
use pleat_argument::witness::{
    Executed, Source, data_vector, fill_chunks, output_vectors, weight_vectors,
};
use pleat_model::bundle::Bundle;
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::networks;

/// Rows of a chunk, as a power of two.
pub(crate) const ROW_BITS: u32 = 8;
/// Entries of the combination, as a power of two.
pub(crate) const INDEX_BITS: u32 = ROW_BITS + 2;

pub(crate) static KEY: LazyLock<Key> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), INDEX_BITS, false).unwrap();
    Key::load(dir.path(), INDEX_BITS).unwrap()
});

/// Two samples; both provers and distinguishers have them.
pub(crate) static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| networks::samples(&candidate(0), 2));

/// A bundle of the one architecture, with weights and salt of its own.
pub(crate) fn candidate(seed: u64) -> Bundle {
    let mut bundle = networks::bundle(networks::tiny_network(), seed);
    StdRng::seed_from_u64(seed).fill(&mut bundle.salt);
    bundle
}

/// What a public file is about, besides the secret.
pub(crate) struct Subject {
    pub(crate) program: Program,
    pub(crate) samples: Vec<Sample>,
    schedule: Schedule,
    tables: Vec<Committed>,
    data: Vec<Committed>,
}

impl Subject {
    /// About a candidate.
    pub(crate) fn new(kind: Kind, samples: &[Sample]) -> Self {
        Self::of(&candidate(0), kind, samples)
    }

    /// About a bundle of another architecture.
    pub(crate) fn of(bundle: &Bundle, kind: Kind, samples: &[Sample]) -> Self {
        let network = &bundle.network;
        let (program, samples) = match kind {
            Kind::RegisteredModel => (register_model(network, ROW_BITS), vec![]),
            kind => (
                inference(network, kind, true, ROW_BITS, 0),
                samples.to_vec(),
            ),
        };
        let program = program.unwrap();
        let mut data = vec![];
        if program.data.is_some() {
            let (layout, records) = data_layout(network, true, ROW_BITS).unwrap();
            let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
            let values = data_vector(&layout, &records, network, inputs).unwrap();
            data.push(Committed::new(&KEY, values, Scalar::ZERO));
        }
        Self {
            schedule: Schedule::new(&program, samples.len() as u64).unwrap(),
            tables: commit_tables(&KEY, &program, network),
            program,
            samples,
            data,
        }
    }

    /// Commitments to the activation tables, which everybody can compute.
    pub(crate) fn tables(&self) -> Vec<G1Affine> {
        points(&self.tables)
    }

    /// Blinded commitments to a candidate's weights.
    pub(crate) fn weights(
        &self,
        candidate: &Bundle,
        blind: impl Fn(u64) -> Scalar,
    ) -> Vec<Committed> {
        weight_vectors(&self.program, &candidate.network, &candidate.weights)
            .unwrap()
            .into_iter()
            .zip(0..)
            .map(|(values, i)| Committed::new(&KEY, values, blind(i)))
            .collect()
    }

    /// As a registered model has them.
    pub(crate) fn model_weights(&self, candidate: &Bundle) -> Vec<Committed> {
        Model::new(&KEY, candidate, ROW_BITS, None).unwrap().vectors
    }

    /// Everything that a candidate makes the prover commit to.
    pub(crate) fn fill(&self, candidate: &Bundle) -> Filled {
        let (program, network) = (&self.program, &candidate.network);
        let executor = Executor::new(network, &candidate.weights);
        let kernel = weight_vectors(program, network, &candidate.weights).unwrap();
        let mut executed: Vec<Vec<Executed>> = vec![vec![]];
        if program.data.is_some() {
            let execute = |s: &Sample| Executed {
                trace: executor.trace(&s.values, 0).unwrap(),
                label: s.label,
            };
            executed = self.samples.iter().map(|s| vec![execute(s)]).collect();
        }
        let groups = executed
            .into_iter()
            .map(|executed| {
                let source = Source {
                    network,
                    samples: &executed,
                    weights: match program.kind {
                        Kind::RegisteredModel => &kernel,
                        _ => &[],
                    },
                };
                let trace = |b: usize, layer: usize| executed[b].trace.values[layer].as_slice();
                (
                    fill_chunks(program, &source).unwrap(),
                    output_vectors(program, network, executed.len(), trace),
                    executed,
                )
            })
            .collect();
        Filled { kernel, groups }
    }

    pub(crate) fn statement(&self, candidate: &Bundle, weights: &[Committed]) -> Statement {
        let (network, id) = (&candidate.network, KEY.id());
        Statement {
            kind: self.program.kind,
            model: model_id(network, ROW_BITS, &id, &points(weights)).unwrap(),
            data: self.program.data.as_ref().map_or(Scalar::ZERO, |layout| {
                let samples = self.samples.len() as u64;
                let data = points(&self.data);
                data_id(network, layout, samples, Visibility::Public, &id, &data).unwrap()
            }),
            samples: self.samples.len() as u64,
            context: context_hash(b"secrecy"),
            program: self.schedule.digest(),
            tables: chain(&self.tables()),
            key: id,
        }
    }

    /// The public side of a proof about a candidate, whose weights were committed to by `weights`.
    pub(crate) fn prove(
        &self,
        candidate: &Bundle,
        weights: Vec<Committed>,
        draws: Draws,
        scheme: Scheme,
    ) -> Made {
        self.prove_from(candidate, weights, draws, scheme, None).0
    }

    /// The same from a snapshot on; the second result are the snapshots on the way.
    pub(crate) fn prove_from(
        &self,
        candidate: &Bundle,
        weights: Vec<Committed>,
        draws: Draws,
        scheme: Scheme,
        from: Option<Snapshot>,
    ) -> (Made, Vec<Snapshot>) {
        let filled = self.fill(candidate);
        let statement = self.statement(candidate, &weights);
        let setting = Setting {
            key: &KEY,
            program: &self.program,
            schedule: &self.schedule,
            statement: &statement,
            network: &candidate.network,
            weights: &candidate.weights,
            weight_vectors: &weights,
            table_vectors: &self.tables,
        };
        let mut log = Log::default();
        let done = from.as_ref().map_or(0, |s| s.state().group as usize);
        let prover = match (draws, from) {
            (Draws::Secret(secret), None) => Prover::new(setting, &secret),
            (Draws::Secret(secret), Some(from)) => Prover::resume(setting, &secret, from).unwrap(),
            (Draws::Other(other), _) => Prover::drawing(setting, other),
        };
        let mut prover = prover.into(&mut log);
        for (chunks, outputs, executed) in filled.groups.into_iter().skip(done) {
            let data = self.data.first();
            prover
                .group_of(&executed, data, chunks, outputs, None)
                .unwrap();
        }
        let folded = prover.finish_folded(scheme).unwrap().0;
        (Made { statement, folded }, log.0)
    }

    /// What the fold must attest, from public values alone.
    pub(crate) fn expected(&self, made: &Made) -> pleat_argument::Result<Expected> {
        let tables = self.tables();
        let public = Public {
            program: &self.program,
            schedule: &self.schedule,
            statement: &made.statement,
            tables: &tables,
        };
        folded::verify(&OpeningKey::new(&KEY).unwrap(), &public, &made.folded)
    }
}

pub(crate) fn points(vectors: &[Committed]) -> Vec<G1Affine> {
    vectors.iter().map(|v| v.commitment).collect()
}

/// Chunks, outputs, and what they are filled from.
type Group = (Vec<Vec<i32>>, Vec<Vec<i32>>, Vec<Executed>);

/// The vectors of a candidate.
pub(crate) struct Filled {
    pub(crate) kernel: Vec<Vec<i32>>,
    /// Chunks, outputs, and what they are filled from.
    pub(crate) groups: Vec<Group>,
}

impl Filled {
    /// All of a file's vectors, in the order of its multipliers.
    pub(crate) fn vectors<'a>(&'a self, subject: &'a Subject) -> Vec<&'a [i32]> {
        let mut all = vec![];
        let public = || subject.tables.iter().chain(&subject.data);
        for (chunks, outputs, _) in &self.groups {
            all.extend(chunks.iter().chain(&self.kernel).map(Vec::as_slice));
            all.extend(public().map(|v| v.values.as_slice()));
            all.extend(outputs.iter().map(Vec::as_slice));
        }
        all
    }
}

/// What a proof publishes, except for the proof of its fold.
pub(crate) struct Made {
    pub(crate) statement: Statement,
    pub(crate) folded: Folded,
}

/// Where a prover's randomness comes from.
pub(crate) enum Draws {
    Secret(ProofSecret),
    Other(Box<dyn Randomness>),
}

#[derive(Default)]
struct Log(Vec<Snapshot>);

impl Steps for Log {
    fn step(&mut self, _: StepRecord) -> pleat_argument::Result<()> {
        Ok(())
    }

    fn between_groups(&mut self, snapshot: &dyn Fn() -> Snapshot) -> pleat_argument::Result<()> {
        self.0.push(snapshot());
        Ok(())
    }
}

/// A mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    Uniform,
    Zero,
    /// A random number of 16 bits times a vector that everybody knows.
    Narrow,
}

/// Randomness that lacks something.
#[derive(Clone, Debug)]
pub(crate) struct Defective {
    pub(crate) seed: u64,
    pub(crate) mask: Mask,
    pub(crate) blinds: bool,
    pub(crate) salt: bool,
}

impl Defective {
    pub(crate) fn boxed(self) -> Draws {
        Draws::Other(Box::new(self))
    }

    fn draw(&self, label: &[u8], index: u64) -> Scalar {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&self.seed.to_le_bytes());
        Blinder::new(secret).blind(label, index)
    }
}

/// The vector everybody knows.
pub(crate) fn known() -> Vec<Scalar> {
    let mut rng = StdRng::seed_from_u64(11);
    let mut known: Vec<Scalar> = (0..1 << INDEX_BITS)
        .map(|_| {
            let mut bytes = [0; 64];
            rng.fill(&mut bytes);
            Scalar::from_uniform_bytes(&bytes)
        })
        .collect();
    known[0] = Scalar::ZERO;
    known
}

impl Randomness for Defective {
    fn mask(&self, entries: usize) -> Vec<Scalar> {
        let first = |i: usize| match i {
            0 => Scalar::ZERO,
            i => self.draw(b"mask", i as u64),
        };
        match self.mask {
            Mask::Uniform => (0..entries).map(first).collect(),
            Mask::Zero => vec![Scalar::ZERO; entries],
            Mask::Narrow => {
                let factor = Scalar::from(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48);
                known().into_iter().map(|v| v * factor).collect()
            }
        }
    }

    fn mask_blind(&self) -> Scalar {
        match self.blinds {
            true => self.draw(b"mask blind", 0),
            false => Scalar::ZERO,
        }
    }

    fn trace_blind(&self, group: u64, chunk: u64) -> Scalar {
        match self.blinds {
            true => self.draw(b"trace", group << 32 | chunk),
            false => Scalar::ZERO,
        }
    }

    fn salt(&self, group: u64) -> Scalar {
        match self.salt {
            true => self.draw(b"salt", group),
            false => Scalar::ZERO,
        }
    }

    fn tag(&self) -> Scalar {
        Scalar::ZERO
    }
}
