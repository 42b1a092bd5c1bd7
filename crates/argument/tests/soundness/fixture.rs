//! A small network with every kind of layer, and a prover that can be made to lie.

use std::sync::LazyLock;

use ff::Field;
use halo2curves::bn256::G1Affine;
use pleat_argument::commitment::{Blinder, Key};
use pleat_argument::evaluation::commit_tables;
use pleat_argument::group::folded::{self, Expected};
use pleat_argument::group::prove::{Committed, Prover, Setting, StepRecord};
use pleat_argument::group::verify::{Outcome, Public, verify};
use pleat_argument::layout::{data_layout, inference, register_data, register_model};
use pleat_argument::opening::{OpeningKey, Scheme};
use pleat_argument::program::{Kind, Program};
use pleat_argument::proof::{Folded, Proof};
use pleat_argument::randomness::{ProofSecret, Randomness};
use pleat_argument::statement::{Statement, Visibility, chain, context_hash, data_id, model_id};
use pleat_argument::step::schedule::Schedule;
use pleat_argument::witness::{
    Executed, Source, data_vector, fill_chunks, output_vectors, weight_vectors,
};
use pleat_argument::{Error, Scalar, srs};
use pleat_model::bundle::Bundle;
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use pleat_model::network::{Network, Trace, Weights};

pub(crate) use crate::networks::{bundle, network, samples, tiny_network};

/// Rows of a chunk.
pub(crate) const ROW_BITS: u32 = 8;
/// Samples of a group: the last group of three samples is not full.
pub(crate) const GROUP_BITS: u32 = 1;
pub(crate) const SAMPLES: usize = 3;
pub(crate) const KINDS: [Kind; 4] = [
    Kind::Outputs,
    Kind::Accuracy,
    Kind::RegisteredModel,
    Kind::RegisteredData,
];
const POWER: u32 = 12;
/// Fewer points than any vector of data has entries.
const SHORT_POWER: u32 = 8;

/// The key of a new ceremony, and the beginning of it.
fn new_keys() -> [Key; 2] {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), POWER, false).unwrap();
    [POWER, SHORT_POWER].map(|power| Key::load(dir.path(), power).unwrap())
}

static KEYS: LazyLock<[Key; 2]> = LazyLock::new(new_keys);
static OTHER_KEYS: LazyLock<[Key; 2]> = LazyLock::new(new_keys);
pub(crate) static KEY: LazyLock<&Key> = LazyLock::new(|| &KEYS[0]);
/// Fewer points of the same ceremony.
pub(crate) static SHORT_KEY: LazyLock<&Key> = LazyLock::new(|| &KEYS[1]);
/// The key of another ceremony.
pub(crate) static OTHER_KEY: LazyLock<&Key> = LazyLock::new(|| &OTHER_KEYS[0]);
pub(crate) static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(network(), 1));

pub(crate) fn rejected<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    assert!(
        matches!(result, Err(Error::Rejected { .. })),
        "{what}: {result:?}"
    );
}

/// What a group is proved from.
pub(crate) struct Group {
    pub(crate) executed: Vec<Executed>,
    pub(crate) chunks: Vec<Vec<i32>>,
    pub(crate) outputs: Vec<Vec<i32>>,
    pub(crate) count: Option<u64>,
}

/// A prover whose every input can be changed; ids are recomputed, so that the argument itself has to refuse.
pub(crate) struct Forger {
    pub(crate) network: Network,
    pub(crate) program: Program,
    pub(crate) weights: Weights,
    pub(crate) weight_vectors: Vec<Committed>,
    pub(crate) tables: Vec<Committed>,
    pub(crate) data: Vec<Committed>,
    pub(crate) samples: u64,
    pub(crate) groups: Vec<Group>,
}

impl Forger {
    /// The honest proof of three samples of the small network.
    pub(crate) fn new(kind: Kind) -> Self {
        let samples = samples(&BUNDLE, SAMPLES);
        let program = match kind {
            Kind::RegisteredModel => register_model(&BUNDLE.network, ROW_BITS),
            Kind::RegisteredData => register_data(&BUNDLE.network, true, ROW_BITS),
            _ => inference(&BUNDLE.network, kind, true, ROW_BITS, GROUP_BITS),
        };
        Self::of(&BUNDLE, program.unwrap(), &samples)
    }

    pub(crate) fn of(bundle: &Bundle, program: Program, samples: &[Sample]) -> Self {
        let (network, weights) = (&bundle.network, &bundle.weights);
        let blinder = Blinder::new([5; 32]);
        let values = weight_vectors(&program, network, weights).unwrap();
        let weight_vectors: Vec<Committed> = values
            .iter()
            .enumerate()
            .map(|(i, v)| Committed::new(&KEY, v.clone(), blinder.blind(b"w", i as u64)))
            .collect();
        let executor = Executor::new(network, weights);
        let mut data = vec![];
        let mut executed: Vec<Vec<Executed>> = vec![vec![]];
        if program.data.is_some() {
            let (layout, records) = data_layout(network, true, program.row_bits).unwrap();
            executed.clear();
            for samples in samples.chunks(1 << layout.samples_bits()) {
                let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
                let values = data_vector(&layout, &records, network, inputs).unwrap();
                let blind = blinder.blind(b"d", data.len() as u64);
                data.push(Committed::new(&KEY, values, blind));
                for group in samples.chunks(program.group_samples() as usize) {
                    let execute = |s: &Sample| Executed {
                        trace: match program.kind {
                            Kind::RegisteredData => Trace {
                                values: vec![s.values.clone()],
                                accumulators: vec![],
                            },
                            _ => executor.trace(&s.values, 0).unwrap(),
                        },
                        label: s.label,
                    };
                    executed.push(group.iter().map(execute).collect());
                }
            }
        }
        let groups = executed
            .into_iter()
            .map(|executed| {
                let source = Source {
                    network,
                    samples: &executed,
                    weights: match program.kind {
                        Kind::RegisteredModel => &values,
                        _ => &[],
                    },
                };
                let outputs = output_vectors(&program, network, executed.len(), |b, layer| {
                    executed[b].trace.values[layer].as_slice()
                });
                Group {
                    chunks: fill_chunks(&program, &source).unwrap(),
                    outputs,
                    count: None,
                    executed,
                }
            })
            .collect();
        Self {
            network: network.clone(),
            weights: weights.clone(),
            tables: commit_tables(&KEY, &program, network),
            samples: match program.data {
                Some(_) => samples.len() as u64,
                None => 0,
            },
            weight_vectors,
            data,
            groups,
            program,
        }
    }

    /// Changes an entry of a vector and commits again.
    pub(crate) fn change(vector: &mut Committed, index: usize, by: i32) {
        let mut values = vector.values.clone();
        values[index] += by;
        *vector = Committed::new(&KEY, values, vector.blind);
    }

    /// The steps of its samples.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::new(&self.program, self.samples).unwrap()
    }

    pub(crate) fn statement(&self) -> Statement {
        let points = |v: &[Committed]| v.iter().map(|v| v.commitment).collect::<Vec<G1Affine>>();
        let (network, id) = (&self.network, KEY.id());
        Statement {
            kind: self.program.kind,
            model: model_id(network, ROW_BITS, &id, &points(&self.weight_vectors)).unwrap(),
            data: self.program.data.as_ref().map_or(Scalar::ZERO, |layout| {
                let private = Visibility::Private;
                data_id(
                    network,
                    layout,
                    self.samples,
                    private,
                    &id,
                    &points(&self.data),
                )
                .unwrap()
            }),
            samples: self.samples,
            context: context_hash(b"test"),
            program: self.schedule().digest(),
            tables: chain(&points(&self.tables)),
            key: id,
        }
    }

    /// Proved by a prover that goes on whatever is false: what is wrong is the verifier's to find.
    pub(crate) fn prove(&self) -> Proof {
        self.prove_as(|_| ())
    }

    /// The same for a statement of its own, whatever it contradicts.
    pub(crate) fn prove_as(&self, edit: impl Fn(&mut Statement)) -> Proof {
        let (mut statement, schedule) = (self.statement(), self.schedule());
        edit(&mut statement);
        let mut prover = Prover::new(
            self.setting(&statement, &schedule),
            &ProofSecret::native(rand::random()),
        );
        prover = prover.dishonest();
        self.groups(&mut prover).unwrap();
        prover.finish(Scheme::HyperKzg).unwrap().0
    }

    /// The same with a mask of its own.
    pub(crate) fn prove_with(&self, randomness: impl Randomness) -> Proof {
        let (statement, schedule) = (self.statement(), self.schedule());
        let prover = Prover::drawing(self.setting(&statement, &schedule), Box::new(randomness));
        let mut prover = prover.dishonest();
        self.groups(&mut prover).unwrap();
        prover.finish(Scheme::HyperKzg).unwrap().0
    }

    /// The same by a prover that checks what it says, as all but these tests have it.
    pub(crate) fn prove_honestly(&self) -> Result<Proof, Error> {
        let (statement, schedule) = (self.statement(), self.schedule());
        let mut prover = Prover::new(
            self.setting(&statement, &schedule),
            &ProofSecret::native(rand::random()),
        );
        self.groups(&mut prover)?;
        Ok(prover.finish(Scheme::HyperKzg)?.0)
    }

    /// The proof with its steps handed out instead of kept.
    pub(crate) fn fold(&self) -> (Folded, Vec<StepRecord>) {
        self.fold_as(|_| ())
    }

    /// The same for a statement of its own.
    pub(crate) fn fold_as(&self, edit: impl Fn(&mut Statement)) -> (Folded, Vec<StepRecord>) {
        let (mut statement, schedule) = (self.statement(), self.schedule());
        edit(&mut statement);
        let mut records = vec![];
        let mut sink = |record: StepRecord| {
            records.push(record);
            Ok(())
        };
        let prover = Prover::new(
            self.setting(&statement, &schedule),
            &ProofSecret::native(rand::random()),
        );
        let mut prover = prover.dishonest().into(&mut sink);
        self.groups(&mut prover).unwrap();
        let folded = prover.finish_folded(Scheme::HyperKzg).unwrap().0;
        (folded, records)
    }

    fn setting<'a>(&'a self, statement: &'a Statement, schedule: &'a Schedule) -> Setting<'a> {
        Setting {
            key: &KEY,
            program: &self.program,
            schedule,
            statement,
            network: &self.network,
            weights: &self.weights,
            weight_vectors: &self.weight_vectors,
            table_vectors: &self.tables,
        }
    }

    fn groups(&self, prover: &mut Prover<'_>) -> Result<(), Error> {
        let mut done = 0;
        for group in &self.groups {
            let vector = self.program.data.as_ref().map(|d| done >> d.samples_bits());
            prover.group_of(
                &group.executed,
                vector.map(|i| &self.data[i]),
                group.chunks.clone(),
                group.outputs.clone(),
                group.count,
            )?;
            done += group.executed.len();
        }
        Ok(())
    }

    /// What the verifier says, except for the ids; activation tables are the verifier's own.
    pub(crate) fn verify(&self, proof: &Proof) -> Result<Outcome, Error> {
        self.verify_as(|_| (), proof)
    }

    /// The same against a statement of its own.
    pub(crate) fn verify_as(
        &self,
        edit: impl Fn(&mut Statement),
        proof: &Proof,
    ) -> Result<Outcome, Error> {
        self.with_public(edit, |key, public| verify(key, public, proof))
    }

    /// What the verifier says of a folded proof.
    pub(crate) fn verify_folded(&self, folded: &Folded) -> Result<Expected, Error> {
        self.verify_folded_as(|_| (), folded)
    }

    /// The same against a statement of its own.
    pub(crate) fn verify_folded_as(
        &self,
        edit: impl Fn(&mut Statement),
        folded: &Folded,
    ) -> Result<Expected, Error> {
        self.with_public(edit, |key, public| folded::verify(key, public, folded))
    }

    fn with_public<T>(
        &self,
        edit: impl Fn(&mut Statement),
        check: impl FnOnce(&OpeningKey, &Public<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let tables: Vec<G1Affine> = commit_tables(&KEY, &self.program, &self.network)
            .iter()
            .map(|t| t.commitment)
            .collect();
        let mut statement = Statement {
            tables: chain(&tables),
            ..self.statement()
        };
        edit(&mut statement);
        let public = Public {
            program: &self.program,
            schedule: &self.schedule(),
            statement: &statement,
            tables: &tables,
        };
        check(&OpeningKey::new(&KEY)?, &public)
    }

    pub(crate) fn outcome(&self) -> Result<Outcome, Error> {
        self.verify(&self.prove())
    }
}
