//! Steps that are proved, and what circuit and native twin say of one.

use std::sync::LazyLock;

use nova_snark::frontend::ConstraintSystem;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::Scalar;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::layout::inference;
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::step::Shape;
use pleat_argument::step::descriptor::Task;
use pleat_argument::step::transition::apply;
use pleat_model::graph;
use pleat_model::network::{Activation, LayerOp};
use pleat_step_circuits::circuit::step::Step;
use pleat_step_circuits::testing::Recorder;

use crate::fixture::{Forger, GROUP_BITS, ROW_BITS, bundle, samples};
use crate::networks::{conv, network_of, range, window};

pub(crate) const SHAPE: Shape = Shape::new(ROW_BITS);

/// The constraints, which no record has a part in.
pub(crate) static BLANK: LazyLock<Recorder> = LazyLock::new(|| blank(ROW_BITS));

pub(crate) fn blank(row_bits: u32) -> Recorder {
    let mut cs = Recorder::default();
    let input = cs.input_number(Scalar::zero());
    let step = Step::blank(Shape::new(row_bits));
    step.synthesize(&mut cs, &[input]).unwrap();
    cs
}

/// All cells as a prover fills them, the constant first, and the next state's digest.
pub(crate) fn witness(record: &StepRecord) -> (Vec<Scalar>, Scalar) {
    let mut cs = WitnessCS::<Scalar>::new();
    let input = AllocatedNum::alloc(&mut cs, || Ok(record.state.digest())).unwrap();
    let step = Step::new(SHAPE, record.clone());
    let output = step.synthesize(&mut cs, &[input]).unwrap();
    let cells = [&[Scalar::one()], cs.aux_assignment()].concat();
    (cells, output[0].get_value().unwrap())
}

/// What the circuit says: the next state's digest, or the constraints that fail.
pub(crate) fn circuit(record: &StepRecord) -> Result<Scalar, Vec<&'static str>> {
    let (cells, output) = witness(record);
    match BLANK.failing_with(&cells) {
        failing if failing.is_empty() => Ok(output),
        failing => Err(failing),
    }
}

/// What the native twin says: the next state's digest, or the check that fails.
pub(crate) fn native(record: &StepRecord) -> Result<Scalar, String> {
    let StepRecord {
        state,
        descriptor,
        message,
    } = record;
    let digest = descriptor.digest(&SHAPE);
    match apply(&SHAPE, state, descriptor, &digest, message) {
        Ok(outcome) => Ok(outcome.state.digest()),
        Err(e) => Err(e.to_string()),
    }
}

/// A network of 70 convolutions: claims in two portions.
pub(crate) fn many_products() -> Forger {
    let size = graph::Shape::new(1, 1, 1);
    let mut layers = vec![(LayerOp::Input, vec![], size, range(-2, 9))];
    for i in 0..70 {
        let op = conv(1, 1, window([1, 1], [1, 1], [0; 4]), 3, Activation::Clamp);
        layers.push((op, vec![i], size, range(-8, 15)));
    }
    let bundle = bundle(network_of(layers, &[70]), 3);
    let program = inference(&bundle.network, Kind::Accuracy, true, ROW_BITS, GROUP_BITS).unwrap();
    Forger::of(&bundle, program, &samples(&bundle, 3))
}

/// Three samples in groups of two.
pub(crate) static ACCURACY: LazyLock<Vec<StepRecord>> =
    LazyLock::new(|| Forger::new(Kind::Accuracy).fold().1);
pub(crate) static PRODUCTS: LazyLock<Vec<StepRecord>> = LazyLock::new(|| many_products().fold().1);

/// Fills all that tests share. Tests begin with it: a thread of the pool that waited for another to do so would
/// keep that one from going on.
pub(crate) fn ready() {
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(|| {
        LazyLock::force(&BLANK);
        LazyLock::force(&KINDS_OF_STEPS);
    });
}

/// One honest step of each kind, by name.
pub(crate) static KINDS_OF_STEPS: LazyLock<Vec<(&'static str, StepRecord)>> = LazyLock::new(|| {
    type Is = fn(&StepRecord) -> bool;
    let tasks: [(&str, &[StepRecord], Is); 11] = [
        ("head", &ACCURACY, |r| r.descriptor.begin),
        ("later head", &ACCURACY, |r| {
            r.descriptor.begin && r.state.group == 1
        }),
        ("chunk", &ACCURACY, |r| {
            r.descriptor.task == Task::Chunk && r.state.group == 1
        }),
        ("more of a chunk", &PRODUCTS, |r| {
            r.descriptor.task == Task::More && !r.descriptor.lookups.is_empty()
        }),
        ("more public terms", &PRODUCTS, |r| {
            r.descriptor.task == Task::More && r.descriptor.half && !r.descriptor.claims.close
        }),
        ("two vectors", &ACCURACY, |r| {
            r.descriptor.vectors.len() == 2
        }),
        ("new data", &ACCURACY, |r| {
            reads_data(r) && r.state.prefix == 0
        }),
        ("end", &ACCURACY, |r| r.descriptor.end && r.state.group == 1),
        ("first claims", &PRODUCTS, |r| {
            r.descriptor.claims.verify && !r.descriptor.claims.close
        }),
        ("last claims", &PRODUCTS, |r| r.descriptor.claims.close),
        ("claims again", &PRODUCTS, |r| r.descriptor.claims.replayed),
    ];
    let find = |records: &[StepRecord], f: Is| records.iter().find(|r| f(r)).unwrap().clone();
    tasks
        .map(|(name, records, f)| (name, find(records, f)))
        .to_vec()
});

fn reads_data(record: &StepRecord) -> bool {
    let mut vectors = record.descriptor.vectors.iter();
    vectors.any(|v| v.kind == VectorKind::Data)
}

pub(crate) fn step(name: &str) -> StepRecord {
    let step = KINDS_OF_STEPS.iter().find(|(n, _)| *n == name);
    step.unwrap().1.clone()
}
