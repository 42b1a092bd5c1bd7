//! A tiny network, a circuit that takes each next state as advice, and honest proofs.
#![allow(dead_code, reason = "every test binary uses a part")]

use std::sync::{Arc, LazyLock};

use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::commitment::Key;
use pleat_argument::data::DataSecrecy;
use pleat_argument::evaluation::Evaluation;
use pleat_argument::group::prove::{Sink, StepRecord};
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::Registry;
use pleat_argument::srs;
use pleat_argument::statement::{Visibility, context_hash, to_bytes};
use pleat_argument::step::transition::apply;
use pleat_compressor::{Compressor, Envelope, Form, Statement, VerifyingKey};
use pleat_folding::running::Origin;
use pleat_folding::{Circuit, Params, RunningProof, Scalar, Worker};
use pleat_model::annotations::Annotations;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::Sample;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights, rounding_constant,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) const ROW_BITS: u32 = 8;
pub(crate) const SAMPLES: usize = 3;
const SHAPE: pleat_folding::Shape = pleat_folding::Shape::new(ROW_BITS);
const CONTEXT: &[u8] = b"for the test";

#[derive(Clone, Debug)]
pub(crate) struct Advice(Option<Box<StepRecord>>);

impl StepCircuit<Scalar> for Advice {
    fn arity(&self) -> usize {
        1
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        _: &[AllocatedNum<Scalar>],
    ) -> Result<Vec<AllocatedNum<Scalar>>, SynthesisError> {
        let next = AllocatedNum::alloc(cs, || {
            let record = self.0.as_ref().ok_or(SynthesisError::AssignmentMissing)?;
            let (state, descriptor) = (&record.state, &record.descriptor);
            let digest = descriptor.digest(&SHAPE);
            let next = apply(&SHAPE, state, descriptor, &digest, &record.message).unwrap();
            Ok(next.state.digest())
        })?;
        Ok(vec![next])
    }
}

impl Circuit for Advice {
    fn blank(_: pleat_folding::Shape) -> Self {
        Self(None)
    }

    fn step(_: pleat_folding::Shape, record: StepRecord) -> Self {
        Self(Some(Box::new(record)))
    }
}

fn network() -> Network {
    let range = ValueRange { min: 0, max: 7 };
    let window = |kernel: usize| Window {
        kernel: [kernel, kernel],
        ..Window::POINT
    };
    let linear = |out_channels: usize, kernel: usize, shift: u32| LayerOp::Linear {
        map: LinearMap::Conv {
            out_channels,
            groups: 1,
            window: window(kernel),
            weight_bits: 4,
            bias_bits: 6,
        },
        shift,
        quotient_bits: 10,
        activation: Activation::Clamp,
    };
    let layer = |op: LayerOp, inputs: &[usize], shape: [usize; 3], range| Layer {
        op,
        inputs: inputs.to_vec(),
        shape: Shape::new(shape[0], shape[1], shape[2]),
        range,
    };
    let scores = ValueRange {
        min: -512,
        max: 511,
    };
    let pool = LayerOp::MaxPool { window: window(2) };
    Network {
        input: InputSpec {
            shape: Shape::new(1, 3, 3),
            flat: false,
            range,
            resize: None,
        },
        shift: 3,
        layers: vec![
            layer(LayerOp::Input, &[], [1, 3, 3], range),
            layer(linear(2, 2, 3), &[0], [2, 2, 2], range),
            layer(pool, &[1], [2, 1, 1], range),
            layer(linear(3, 1, 0), &[2], [3, 1, 1], scores),
        ],
        outputs: vec![NetworkOutput {
            layer: 3,
            unit: None,
        }],
    }
}

pub(crate) fn bundle() -> Bundle {
    let network = network();
    let mut rng = StdRng::seed_from_u64(3);
    let layers = (0..network.layers.len()).map(|i| LayerWeights {
        kernel: (0..network.kernel_len(i))
            .map(|_| rng.gen_range(-8..8))
            .collect(),
        bias: (0..network.bias_len(i))
            .map(|_| rng.gen_range(-20..20) + rounding_constant(3))
            .collect(),
    });
    Bundle {
        annotations: Annotations::plain(&network),
        weights: Weights {
            layers: layers.collect(),
        },
        network,
        salt: [7; 32],
        report: ImportReport {
            source: "test".into(),
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
        },
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    many(SAMPLES)
}

/// The first of endless samples.
pub(crate) fn many(samples: usize) -> Vec<Sample> {
    let mut rng = StdRng::seed_from_u64(5);
    (0..samples)
        .map(|i| Sample {
            values: (0..9).map(|_| rng.gen_range(0..8)).collect(),
            label: Some(i as u32 % 3),
        })
        .collect()
}

/// Parameters and keys of one form.
pub(crate) struct Forms {
    pub(crate) params: Arc<Params<Advice>>,
    pub(crate) compressor: Compressor<Advice>,
}

pub(crate) struct Setup {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) key: Key,
}

pub(crate) static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 18, false).unwrap();
    let key = Key::load(dir.path(), ROW_BITS + 2).unwrap();
    Setup { dir, key }
});

static SPARTAN: LazyLock<Forms> = LazyLock::new(|| make(Form::Spartan));
static MICRO: LazyLock<Forms> = LazyLock::new(|| make(Form::MicroSpartan));

fn make(form: Form) -> Forms {
    let params = Arc::new(Params::setup(SHAPE, form, SETUP.dir.path()).unwrap());
    let compressor = Compressor::setup(&params).unwrap();
    Forms { params, compressor }
}

pub(crate) fn forms(form: Form) -> &'static Forms {
    match form {
        Form::Spartan => &SPARTAN,
        Form::MicroSpartan => &MICRO,
    }
}

pub(crate) fn verifying(form: Form) -> &'static VerifyingKey<Advice> {
    forms(form).compressor.verifying_key()
}

fn fold(form: Form, prove: impl FnOnce(Sink<'_>)) -> RunningProof<Advice> {
    let worker = Worker::spawn(&forms(form).params).unwrap();
    let mut queue = worker.queue();
    prove(&mut queue);
    drop(queue);
    worker.join(None, &mut |_| ()).unwrap()
}

fn secret(secret: [u8; 32], params: &Params<Advice>) -> ProofSecret {
    Origin::of(params).proof_secret(secret).unwrap()
}

/// The registration of the model, and a proof about it.
pub(crate) fn proofs(form: Form, kind: Kind) -> (Envelope, Envelope) {
    let registration = registration(form);
    let proof = proof(&registration, kind, &samples(), 0, 1);
    (registration, proof)
}

/// The registration of the model.
pub(crate) fn registration(form: Form) -> Envelope {
    let Forms { params, compressor } = forms(form);
    let bundle = bundle();
    let scheme = Scheme::HyperKzg;
    let model = Model::new(&SETUP.key, &bundle, ROW_BITS, None).unwrap();
    let mut folded = None;
    let running = fold(form, |sink| {
        folded = Some(
            model
                .fold_registration(&secret([1; 32], params), scheme, sink)
                .unwrap()
                .proof,
        );
    });
    Envelope {
        origin: Origin::of(params),
        statement: Statement::of_model(ROW_BITS, to_bytes(&model.id)),
        offset: 0,
        correct: 0,
        outputs: vec![],
        network: bundle.network.clone(),
        folded: folded.unwrap(),
        snark: compressor.compress(&running).unwrap(),
    }
}

/// A proof about some labelled samples, the first of which is number `offset`.
pub(crate) fn proof(
    registration: &Envelope,
    kind: Kind,
    data: &[Sample],
    offset: u64,
    group_bits: u32,
) -> Envelope {
    let form = registration.form();
    let Forms { params, compressor } = forms(form);
    let bundle = bundle();
    let scheme = Scheme::HyperKzg;
    let model = Model::new(&SETUP.key, &bundle, ROW_BITS, None).unwrap();
    let group = Some(group_bits);
    let evaluation = Evaluation::new(&model, kind, data, DataSecrecy::Public, group).unwrap();
    let mut proved = None;
    let running = fold(form, |sink| {
        let context = context_hash(CONTEXT);
        let prepared = evaluation
            .prepare(data, context, &secret([2; 32], params))
            .unwrap();
        proved = Some(evaluation.fold(prepared, data, scheme, sink, None).unwrap());
    });
    let proved = proved.unwrap();
    Envelope {
        statement: Statement {
            kind,
            row_bits: ROW_BITS,
            group_bits,
            labelled: true,
            samples: data.len() as u64,
            context: CONTEXT.to_vec(),
            model: to_bytes(&model.id),
            data: to_bytes(&proved.statement.data),
            visibility: Visibility::Public,
        },
        offset,
        correct: proved.count,
        outputs: proved.outputs,
        folded: proved.proof,
        snark: compressor.compress(&running).unwrap(),
        ..registration.clone()
    }
}

/// A registry that knows the model and the samples.
pub(crate) fn registry(form: Form, registration: &Envelope) -> Registry {
    let mut registry = Registry::default();
    let (network, data) = (&registration.network, samples());
    registry
        .admit_data(&SETUP.key, network, ROW_BITS, data.as_slice())
        .unwrap();
    registration
        .register(&mut registry, &SETUP.key, verifying(form))
        .unwrap();
    registry
}

/// The fold of a registration.
pub(crate) fn running(form: Form) -> RunningProof<Advice> {
    let bundle = bundle();
    let model = Model::new(&SETUP.key, &bundle, ROW_BITS, None).unwrap();
    fold(form, |sink| {
        model
            .fold_registration(
                &secret([1; 32], &forms(form).params),
                Scheme::HyperKzg,
                sink,
            )
            .unwrap();
    })
}

fn ignore(_: StepRecord) -> pleat_argument::Result<()> {
    Ok(())
}

/// The registration of the model, and a claim about the accuracy of a full data vector, neither with the proof of a
/// fold: for what is refused before one is looked at.
pub(crate) static BARE: LazyLock<[Envelope; 2]> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), ROW_BITS + 2, false).unwrap();
    let key = Key::load(dir.path(), ROW_BITS + 2).unwrap();
    let bundle = bundle();
    let scheme = Scheme::HyperKzg;
    let model = Model::new(&key, &bundle, ROW_BITS, None).unwrap();
    let registered = model.fold_registration(&ProofSecret::native([1; 32]), scheme, &mut ignore);
    let registration = Envelope {
        origin: Origin {
            class: [
                u64::from(ROW_BITS),
                SHAPE.slots as u64,
                SHAPE.lookups as u64,
                SHAPE.products as u64,
            ],
            form: Form::Spartan,
            key: key.srs().id,
            parameters: [1; 32],
        },
        statement: Statement::of_model(ROW_BITS, to_bytes(&model.id)),
        offset: 0,
        correct: 0,
        outputs: vec![],
        network: bundle.network.clone(),
        folded: registered.unwrap().proof,
        snark: vec![],
    };
    let (data, public) = (many(32), DataSecrecy::Public);
    let evaluation = Evaluation::new(&model, Kind::Accuracy, data.as_slice(), public, Some(5));
    let evaluation = evaluation.unwrap();
    let prepared = evaluation.prepare(
        data.as_slice(),
        context_hash(b"here"),
        &ProofSecret::native([2; 32]),
    );
    let proved = evaluation.fold(
        prepared.unwrap(),
        data.as_slice(),
        scheme,
        &mut ignore,
        None,
    );
    let proved = proved.unwrap();
    let claim = Envelope {
        statement: Statement {
            kind: Kind::Accuracy,
            row_bits: ROW_BITS,
            group_bits: 5,
            labelled: true,
            samples: 32,
            context: b"here".to_vec(),
            model: to_bytes(&model.id),
            data: to_bytes(&proved.statement.data),
            visibility: Visibility::Public,
        },
        correct: proved.count,
        folded: proved.proof,
        ..registration.clone()
    };
    [registration, claim]
});
