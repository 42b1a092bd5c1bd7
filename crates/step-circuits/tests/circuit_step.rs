//! The whole step against its native twin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../argument/tests/support/mod.rs"]
mod support;

use nova_snark::frontend::num::AllocatedNum;
use nova_snark::traits::circuit::StepCircuit;
use pleat_argument::evaluation::{Evaluation, Model};
use pleat_argument::group::prove::StepRecord;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::statement::Visibility;
use pleat_argument::step::Shape;
use pleat_argument::step::transition::apply;
use pleat_step_circuits::circuit::step::Step;
use pleat_step_circuits::testing::Recorder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::generate::{Case, KINDS};
use support::random::random;
use support::{bundle, key};

const ROW_BITS: u32 = 10;

/// The steps of a proof about a case, or none if the class is too small for it.
fn records(case: &Case, kind: Kind, group_bits: u32) -> Option<Vec<StepRecord>> {
    let bundle = bundle(case.network.clone(), case.weights.clone());
    let key = key(ROW_BITS + 2);
    let model = Model::new(key, &bundle, ROW_BITS, None).ok()?;
    let samples = case.samples.as_slice();
    let evaluation =
        Evaluation::new(&model, kind, samples, Visibility::Private, Some(group_bits)).ok()?;
    let mut records = vec![];
    let mut sink = |record| {
        records.push(record);
        Ok(())
    };
    let zero = pleat_argument::Scalar::zero();
    evaluation
        .fold(samples, zero, [3; 32], Scheme::Mercury, &mut sink)
        .unwrap();
    Some(records)
}

fn synthesize(record: &StepRecord) -> (Recorder, pleat_argument::Scalar) {
    let mut cs = Recorder::default();
    let input: AllocatedNum<_> = cs.input_number(record.state.digest());
    let step = Step::new(Shape::new(ROW_BITS), record.clone());
    let output = step.synthesize(&mut cs, &[input]).unwrap();
    (cs, output[0].get_value().unwrap())
}

#[test]
fn every_step_of_random_networks_agrees_with_its_native_twin() {
    let mut proved = 0;
    for seed in 0..30 {
        let mut rng = StdRng::seed_from_u64(seed);
        let n = KINDS.len();
        let case = random(&mut rng, &[KINDS[seed as usize % n]], 3);
        let kind = [Kind::Outputs, Kind::Accuracy][rng.gen_range(0..2)];
        let Some(records) = records(&case, kind, rng.gen_range(0..=1)) else {
            continue;
        };
        proved += 1;
        let shape = Shape::new(ROW_BITS);
        for (i, record) in records.iter().enumerate() {
            let (cs, output) = synthesize(record);
            assert_eq!(cs.failing(), Vec::<&str>::new(), "seed {seed} step {i}");
            let next = match records.get(i + 1) {
                Some(next) => next.state.digest(),
                None => {
                    let digest = record.descriptor.digest(&shape);
                    let message = &record.message;
                    let next = apply(&shape, &record.state, &record.descriptor, &digest, message);
                    next.unwrap().state.digest()
                }
            };
            assert_eq!(output, next, "seed {seed} step {i}");
        }
    }
    assert!(proved > 15, "{proved}");
}

#[test]
fn the_shape_of_a_step_is_pinned() {
    for (row_bits, constraints, nonzeros) in [(15, 0, 0), (19, 0, 0)] {
        let mut cs = Recorder::default();
        let input: AllocatedNum<_> = cs.input_number(pleat_argument::Scalar::zero());
        let step = Step::blank(Shape::new(row_bits));
        step.synthesize(&mut cs, &[input]).unwrap();
        println!("{row_bits}: {} {}", cs.constraints(), cs.nonzeros());
        let _ = (constraints, nonzeros);
    }
}
