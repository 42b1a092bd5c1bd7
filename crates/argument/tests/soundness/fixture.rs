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
use pleat_argument::statement::{Statement, Visibility, chain, context_hash, data_id, model_id};
use pleat_argument::step::schedule::Schedule;
use pleat_argument::witness::{
    Executed, Source, data_vector, fill_chunks, output_vectors, weight_vectors,
};
use pleat_argument::{Error, Scalar, srs};
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput, Trace,
    ValueRange, Weights,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

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

fn new_key() -> Key {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), POWER, false).unwrap();
    Key::load(dir.path(), POWER).unwrap()
}

pub(crate) static KEY: LazyLock<Key> = LazyLock::new(new_key);
/// The key of another ceremony.
pub(crate) static OTHER_KEY: LazyLock<Key> = LazyLock::new(new_key);
pub(crate) static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(network(), 1));

pub(crate) fn range(min: i32, max: i32) -> ValueRange {
    ValueRange { min, max }
}

pub(crate) fn window(kernel: [usize; 2], stride: [usize; 2], pads: [usize; 4]) -> Window {
    Window {
        kernel,
        stride,
        dilation: [1, 1],
        pads,
    }
}

pub(crate) fn conv(
    out_channels: usize,
    groups: usize,
    window: Window,
    shift: u32,
    activation: Activation,
) -> LayerOp {
    LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels,
            groups,
            window,
            weight_bits: 4,
            bias_bits: 6,
        },
        shift,
        quotient_bits: 6,
        activation,
    }
}

fn linear(map: LinearMap) -> LayerOp {
    LayerOp::Linear {
        map,
        shift: 3,
        quotient_bits: 6,
        activation: Activation::Clamp,
    }
}

pub(crate) fn network_of(
    layers: Vec<(LayerOp, Vec<usize>, Shape, ValueRange)>,
    outputs: &[usize],
) -> Network {
    let layers: Vec<Layer> = layers
        .into_iter()
        .map(|(op, inputs, shape, range)| Layer {
            name: String::new(),
            op,
            inputs,
            shape,
            range,
            scale: 1.0,
        })
        .collect();
    let output = |&layer: &usize| NetworkOutput {
        name: String::new(),
        layer,
        dims: vec![1, layers[layer].shape.len()],
        head: Head::Values,
    };
    let network = Network {
        input: InputSpec {
            shape: layers[0].shape,
            flat: false,
            range: layers[0].range,
            resize: None,
        },
        shift: 3,
        outputs: outputs.iter().map(output).collect(),
        layers,
    };
    network.validate().unwrap();
    network
}

/// Padded, grouped and dense convolutions, both poolings, residual sum, concatenation, copies; activations
/// per channel, from a table and clamped.
pub(crate) fn network() -> Network {
    let wide = range(-8, 15);
    let slope = Activation::Slope {
        slopes: vec![2, 5],
        shift: 3,
    };
    let table = Activation::Table {
        values: (-32..32).map(|q: i16| 18 - q * q / 30 + q / 3).collect(),
    };
    let index = vec![15, 0, 3, 3, 8, 9, 10, 11, 4, 7, 6, 5];
    network_of(
        vec![
            (LayerOp::Input, vec![], Shape::new(2, 4, 4), range(-2, 9)),
            (
                conv(2, 1, window([3, 3], [1, 1], [1; 4]), 3, slope),
                vec![0],
                Shape::new(2, 4, 4),
                wide,
            ),
            (
                LayerOp::MaxPool {
                    window: window([3, 3], [2, 2], [1; 4]),
                },
                vec![1],
                Shape::new(2, 2, 2),
                wide,
            ),
            (
                linear(LinearMap::AveragePool {
                    window: window([2, 2], [2, 2], [0; 4]),
                    multipliers: vec![2],
                }),
                vec![1],
                Shape::new(2, 2, 2),
                wide,
            ),
            (
                linear(LinearMap::Sum {
                    multipliers: vec![5, 3],
                }),
                vec![2, 3],
                Shape::new(2, 2, 2),
                wide,
            ),
            (LayerOp::Concat, vec![4, 2], Shape::new(4, 2, 2), wide),
            (
                LayerOp::Rearrange { index },
                vec![5],
                Shape::new(3, 2, 2),
                wide,
            ),
            (
                LayerOp::Pad {
                    pads: [1, 0, 0, 1],
                    value: -9,
                },
                vec![6],
                Shape::new(3, 3, 3),
                range(-9, 15),
            ),
            (
                conv(3, 3, window([2, 2], [1, 1], [0; 4]), 3, Activation::Clamp),
                vec![7],
                Shape::new(3, 2, 2),
                range(0, 15),
            ),
            (
                conv(5, 1, window([2, 2], [1, 1], [0; 4]), 3, table),
                vec![8],
                Shape::new(5, 1, 1),
                range(-20, 20),
            ),
        ],
        &[9, 4],
    )
}

/// One dense layer: many samples are cheap.
pub(crate) fn tiny_network() -> Network {
    let dense = conv(2, 1, window([4, 4], [1, 1], [0; 4]), 3, Activation::Clamp);
    network_of(
        vec![
            (LayerOp::Input, vec![], Shape::new(2, 4, 4), range(-2, 9)),
            (dense, vec![0], Shape::new(2, 1, 1), range(-8, 15)),
        ],
        &[1],
    )
}

pub(crate) fn bundle(network: Network, seed: u64) -> Bundle {
    let mut rng = StdRng::seed_from_u64(seed);
    let layers = (0..network.layers.len())
        .map(|i| LayerWeights {
            kernel: (0..network.kernel_len(i))
                .map(|_| rng.gen_range(-2..=2))
                .collect(),
            bias: (0..network.bias_len(i))
                .map(|_| rng.gen_range(-9..=20))
                .collect(),
        })
        .collect();
    let report = ImportReport {
        source: String::new(),
        parameters: 0,
        input_scale: 1.0,
        mean: vec![],
        std: vec![],
        calibration_samples: 0,
        activation_bits: 0,
        output_error: 0.0,
        worst_layer: String::new(),
        worst_layer_error: 0.0,
        accuracy: None,
        statistics: vec![],
    };
    Bundle {
        network,
        weights: Weights { layers },
        salt: [3; 32],
        report,
    }
}

/// Samples; every second label is what the network says.
pub(crate) fn samples(bundle: &Bundle, count: usize) -> Vec<Sample> {
    let mut rng = StdRng::seed_from_u64(7);
    let executor = Executor::new(&bundle.network, &bundle.weights);
    (0..count)
        .map(|i| {
            let spec = &bundle.network.input;
            let values: Vec<i32> = (0..spec.shape.len())
                .map(|_| rng.gen_range(spec.range.min..=spec.range.max))
                .collect();
            let scores = &executor.run(&values, i).unwrap()[0];
            let label = (Network::top1(scores) + i % 2) % scores.len();
            Sample {
                values,
                label: Some(label as u32),
            }
        })
        .collect()
}

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
        let (statement, schedule) = (self.statement(), self.schedule());
        let mut prover = Prover::new(self.setting(&statement, &schedule), rand::random());
        prover = prover.dishonest();
        self.groups(&mut prover).unwrap();
        prover.finish(Scheme::HyperKzg).unwrap().0
    }

    /// The same by a prover that checks what it says, as all but these tests have it.
    pub(crate) fn prove_honestly(&self) -> Result<Proof, Error> {
        let (statement, schedule) = (self.statement(), self.schedule());
        let mut prover = Prover::new(self.setting(&statement, &schedule), rand::random());
        self.groups(&mut prover)?;
        Ok(prover.finish(Scheme::HyperKzg)?.0)
    }

    /// The proof with its steps handed out instead of kept.
    pub(crate) fn fold(&self) -> (Folded, Vec<StepRecord>) {
        let (statement, schedule) = (self.statement(), self.schedule());
        let mut records = vec![];
        let mut sink = |record: StepRecord| {
            records.push(record);
            Ok(())
        };
        let prover = Prover::new(self.setting(&statement, &schedule), rand::random());
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
        self.with_public(|key, public| verify(key, public, proof))
    }

    /// The same of a folded proof.
    pub(crate) fn verify_folded(&self, folded: &Folded) -> Result<Expected, Error> {
        self.with_public(|key, public| folded::verify(key, public, folded))
    }

    fn with_public<T>(
        &self,
        check: impl FnOnce(&OpeningKey, &Public<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let tables: Vec<G1Affine> = commit_tables(&KEY, &self.program, &self.network)
            .iter()
            .map(|t| t.commitment)
            .collect();
        let statement = Statement {
            tables: chain(&tables),
            ..self.statement()
        };
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
