//! Random networks of every layer: each identity holds on what the witness fills in, and whole proofs say
//! what the executor says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use pleat_argument::data::{DataSecrecy, register_data};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::group::folded::Expected;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::group::verify::Outcome;
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::Folded;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::statement::{Visibility, context_hash};
use pleat_argument::step::Shape;
use pleat_argument::step::transition::apply;
use pleat_argument::{Error, Result, Scalar};
use pleat_model::data::Sample;
use pleat_model::graph::{self, Window};
use pleat_model::network::{Activation, LayerOp, LinearMap, Network, ValueRange};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use support::generate::{Case, Generator, KINDS};
use support::random::random;
use support::{bundle, identities, key};

/// Cases of a test: `PLEAT_CASES` times a hundredth of the default.
fn cases(default: u64) -> u64 {
    let percent = std::env::var("PLEAT_CASES").ok();
    let percent: u64 = percent.map_or(100, |p| p.parse().unwrap());
    (default * percent / 100).max(1)
}

/// Whether a layout was refused for want of room, which small size classes may do.
fn room(result: Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(Error::Layout(message)) => {
            assert!(
                message.contains("choose a larger") || message.contains("groups of"),
                "{message}"
            );
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_identity_of_random_networks_holds() {
    let checked: usize = (0..cases(260))
        .into_par_iter()
        .map(|seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            // Every kind of layer first in turn, and every pair of kinds over the cases.
            let n = KINDS.len();
            let first = [KINDS[seed as usize % n], KINDS[seed as usize / n % n]];
            let case = random(&mut rng, &first, 5);
            let mut checked = 0;
            for _ in 0..2 {
                let (row_bits, group_bits) = (rng.gen_range(8..=12), rng.gen_range(0..=2));
                let labelled = rng.gen_range(0..2) == 0;
                let kind = match labelled && rng.gen_range(0..3) > 0 {
                    true => Kind::Accuracy,
                    false => Kind::Outputs,
                };
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    identities::check(&case, kind, labelled, row_bits, group_bits, &mut rng)
                }));
                match result {
                    Ok(result) => checked += usize::from(room(result)),
                    Err(panic) => {
                        eprintln!(
                            "seed {seed}, {kind:?}, rows 2^{row_bits}, groups 2^{group_bits}"
                        );
                        std::panic::resume_unwind(panic);
                    }
                }
            }
            checked
        })
        .sum();
    let all = 2 * cases(260) as usize;
    println!("{checked} of {all} layouts had room");
    assert!(checked * 10 >= all * 8, "{checked} of {all}");
}

fn secret(i: u8) -> [u8; 32] {
    [i; 32]
}

fn right(case: &Case, samples: &[Sample]) -> u64 {
    let decides = |s: &&Sample| {
        let trace = case.network.trace(&case.weights, &s.values, 0).unwrap();
        s.label == Some(Network::top1(&trace.values[case.network.outputs[0].layer]) as u32)
    };
    samples.iter().filter(decides).count() as u64
}

/// Registers, proves and verifies a case as a whole.
fn end_to_end(case: &Case, row_bits: u32, group_bits: Option<u32>, rng: &mut StdRng) {
    let key = key(POWER);
    let (network, context) = (&case.network, context_hash(b"test"));
    let scheme = match rng.gen_range(0..2) {
        0 => Scheme::HyperKzg,
        _ => Scheme::Mercury,
    };
    let bundle = bundle(network.clone(), case.weights.clone());
    let model = match Model::new(key, &bundle, row_bits, None) {
        Ok(model) => model,
        Err(e) => {
            assert!(!room(Err(e)));
            return;
        }
    };
    let mut registry = Registry::default();
    let (proof, _) = model
        .register(&ProofSecret::native(secret(1)), scheme)
        .unwrap();
    registry
        .register_model(key, network, row_bits, model.id, &proof)
        .unwrap();

    let executor = |s: &Sample| {
        let trace = network.trace(&case.weights, &s.values, 0).unwrap();
        let outputs = network
            .outputs
            .iter()
            .map(|o| trace.values[o.layer].clone());
        outputs.collect::<Vec<_>>()
    };
    for (kind, labelled, visibility) in [
        (Kind::Outputs, false, Visibility::Public),
        (Kind::Outputs, true, Visibility::Private),
        (Kind::Accuracy, true, Visibility::Private),
        (Kind::Accuracy, true, Visibility::Public),
        (Kind::Outputs, false, Visibility::Private),
    ] {
        if rng.gen_range(0..5) < 2 {
            continue;
        }
        let mut samples = case.samples.clone();
        if !labelled {
            samples.iter_mut().for_each(|s| s.label = None);
        }
        let samples = samples.as_slice();
        let own = secret(rng.r#gen());
        let secrecy = match visibility {
            Visibility::Public => DataSecrecy::Public,
            Visibility::Private => DataSecrecy::Private(own),
        };
        let evaluation = match Evaluation::new(&model, kind, samples, secrecy, group_bits) {
            Ok(evaluation) => evaluation,
            Err(e) => {
                assert!(!room(Err(e)));
                continue;
            }
        };
        let random = ProofSecret::native(secret(rng.r#gen()));
        let proved = evaluation.prove(samples, context, &random, scheme).unwrap();
        let data = match visibility {
            Visibility::Public => registry
                .admit_data(key, network, row_bits, samples)
                .unwrap(),
            Visibility::Private => {
                let (id, proof) =
                    register_data(key, network, row_bits, samples, own, &random, scheme).unwrap();
                let count = samples.len() as u64;
                registry
                    .register_data(key, network, row_bits, labelled, count, id, &proof)
                    .unwrap();
                id
            }
        };
        assert_eq!(proved.statement.data, data);
        let claim = Claim {
            kind,
            row_bits,
            group_bits: evaluation.program().group_bits,
            labelled,
            samples: samples.len() as u64,
            context,
            model: model.id,
            data,
            visibility,
        };
        let outcome = registry
            .verify_claim(key, network, &claim, &proved.proof)
            .unwrap();
        assert_eq!(outcome.count, proved.count);
        if rng.gen_range(0..2) == 0 {
            let folded = fold(
                &evaluation,
                samples,
                context,
                own,
                scheme,
                |proof, attest| registry.verify_folded_claim(key, network, &claim, proof, attest),
            );
            assert_eq!(folded, outcome);
        }
        if kind == Kind::Accuracy {
            assert_eq!(outcome.count, right(case, samples));
            continue;
        }
        let mut outputs: Vec<Vec<Vec<i32>>> = samples.iter().map(executor).collect();
        assert_eq!(proved.outputs, outputs);
        let chain = |outputs: &[Vec<Vec<i32>>]| outputs_chain(key, network, &claim, outputs);
        assert_eq!(chain(&outputs).unwrap(), outcome.outputs);
        // Any single value that is another is noticed.
        let (b, o) = (
            rng.gen_range(0..outputs.len()),
            rng.gen_range(0..network.outputs.len()),
        );
        let values = &mut outputs[b][o];
        let i = rng.gen_range(0..values.len());
        values[i] ^= 1;
        let other = chain(&outputs);
        assert!(
            !matches!(other, Ok(c) if c == outcome.outputs),
            "output {o} of {b} is not compared"
        );
    }
}

/// Proves with folded steps, and replays the steps in place of a proof of the fold.
fn fold(
    evaluation: &Evaluation<'_>,
    samples: &[Sample],
    context: Scalar,
    own: [u8; 32],
    scheme: Scheme,
    verify: impl FnOnce(&Folded, &dyn Fn(&Expected) -> Result<()>) -> Result<Outcome>,
) -> Outcome {
    let mut records: Vec<StepRecord> = vec![];
    let mut keep = |record| {
        records.push(record);
        Ok(())
    };
    let prepared = evaluation
        .prepare(samples, context, &ProofSecret::native(own))
        .unwrap();
    let made = evaluation.fold(prepared, samples, scheme, &mut keep, None);
    let made = made.unwrap();
    let shape = Shape::new(evaluation.program().row_bits);
    let attest = |expected: &Expected| {
        assert_eq!(records[0].state.digest(), expected.initial);
        assert_eq!(records.len() as u64, expected.steps);
        let mut state = records[0].state.clone();
        for (i, record) in records.iter().enumerate() {
            assert_eq!(state.digest(), record.state.digest(), "step {i}");
            let own = &record.descriptor;
            state = apply(&shape, &state, own, &own.digest(&shape), &record.message)?.state;
        }
        assert_eq!(state.digest(), expected.last);
        Ok(())
    };
    verify(&made.proof, &attest).unwrap()
}

const POWER: u32 = 14;

#[test]
fn random_networks_are_proved_from_end_to_end() {
    for seed in 0..cases(6) {
        let mut rng = StdRng::seed_from_u64(1000 + seed);
        let first = [KINDS[seed as usize % KINDS.len()]];
        let samples = rng.gen_range(1..8);
        let case = random(&mut rng, &first, samples);
        let (row_bits, group_bits) = (rng.gen_range(8..=11), rng.gen_range(0..=2));
        println!("seed {seed}");
        let group_bits = (group_bits < 2).then_some(group_bits);
        end_to_end(&case, row_bits, group_bits, &mut rng);
    }
}

/// The smallest inputs there are: pairs of numbers, short signals, one value; more samples than a data vector.
#[test]
fn tiny_inputs_are_registered() {
    for (seed, shape) in [
        graph::Shape::new(1, 1, 1),
        graph::Shape::new(2, 1, 1),
        graph::Shape::new(4, 1, 1),
        graph::Shape::new(1, 1, 9),
    ]
    .into_iter()
    .enumerate()
    {
        let mut rng = StdRng::seed_from_u64(seed as u64);
        let values = ValueRange { min: -3, max: 100 };
        let mut g = Generator::new(&mut rng, shape, values, 40);
        let l = (0..100)
            .find_map(|_| {
                g.conv(
                    0,
                    3,
                    1,
                    Window {
                        kernel: [shape.height, shape.width],
                        ..Window::POINT
                    },
                )
            })
            .unwrap();
        let case = g.finish(&[l]);
        end_to_end(&case, 8, None, &mut rng);
    }
}

#[test]
fn outputs_may_name_one_layer_twice() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut g = Generator::new(
        &mut rng,
        graph::Shape::new(3, 2, 5),
        ValueRange { min: 0, max: 9 },
        3,
    );
    let l = (0..100).find_map(|_| g.point(0, 4)).unwrap();
    let case = g.finish(&[l, 0, l]);
    for _ in 0..3 {
        end_to_end(&case, 8, Some(1), &mut rng);
    }
}

/// More products than one sum-check takes: 130 groups of three channels.
#[test]
fn more_products_than_a_head() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut g = Generator::new(
        &mut rng,
        graph::Shape::new(390, 1, 1),
        ValueRange { min: -2, max: 3 },
        3,
    );
    let l = (0..100)
        .find_map(|_| g.conv(0, 130, 130, Window::POINT))
        .unwrap();
    let l = (0..100).find_map(|_| g.point(l, 5)).unwrap();
    let case = g.finish(&[l]);
    for (row_bits, group_bits) in [(9, 0), (10, 1)] {
        identities::check(&case, Kind::Accuracy, true, row_bits, group_bits, &mut rng).unwrap();
    }
    end_to_end(&case, 10, None, &mut rng);
}

/// A network without a weight.
#[test]
fn networks_without_weights() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut g = Generator::new(
        &mut rng,
        graph::Shape::new(2, 4, 4),
        ValueRange { min: -4, max: 4 },
        3,
    );
    let window = Window {
        kernel: [2, 2],
        stride: [2, 2],
        ..Window::POINT
    };
    let values = ValueRange { min: -4, max: 4 };
    let l = g
        .push(
            LayerOp::MaxPool { window },
            vec![0],
            graph::Shape::new(2, 2, 2),
            values,
        )
        .unwrap();
    let case = g.finish(&[l]);
    end_to_end(&case, 8, Some(1), &mut rng);
}

/// Channel runs of awkward lengths: grouped convolutions over concatenations.
#[test]
fn groups_over_concatenations() {
    for (parts, groups) in [
        (vec![3, 5], 4),
        (vec![3, 5], 2),
        (vec![3, 5], 8),
        (vec![4, 12, 8], 6),
        (vec![4, 12, 8], 3),
        (vec![16, 128], 144),
        (vec![16, 128], 9),
        (vec![144], 36),
        (vec![6, 2], 4),
    ] {
        let mut rng = StdRng::seed_from_u64(groups as u64);
        let shape = graph::Shape::new(3, 2, 2);
        let mut g = Generator::new(&mut rng, shape, ValueRange { min: -3, max: 9 }, 3);
        let made: Vec<usize> = parts
            .iter()
            .map(|&n| (0..200).find_map(|_| g.point(0, n)).unwrap())
            .collect();
        let channels = parts.iter().sum();
        let hull = g.hull(&made);
        let joined = g
            .push(
                LayerOp::Concat,
                made,
                graph::Shape::new(channels, 2, 2),
                hull,
            )
            .unwrap();
        let l = (0..200).find_map(|_| {
            g.conv(
                joined,
                groups,
                groups,
                Window {
                    kernel: [2, 1],
                    ..Window::POINT
                },
            )
        });
        let case = g.finish(&[l.unwrap()]);
        for (row_bits, group_bits) in [(8, 0), (9, 1), (10, 1), (12, 2)] {
            identities::check(&case, Kind::Outputs, false, row_bits, group_bits, &mut rng)
                .unwrap_or_else(|e| panic!("{parts:?}, {groups} groups, rows 2^{row_bits}: {e}"));
        }
    }
}

/// A range of one value, and a layer whose quotient is that value.
#[test]
fn constant_inputs() {
    let mut rng = StdRng::seed_from_u64(8);
    let range = ValueRange { min: 7, max: 7 };
    let mut g = Generator::new(&mut rng, graph::Shape::new(2, 1, 1), range, 2);
    let op = LayerOp::Linear {
        map: LinearMap::Sum {
            multipliers: vec![1],
        },
        shift: 0,
        quotient_bits: 16,
        activation: Activation::Clamp,
    };
    let l = g
        .push(op, vec![0], graph::Shape::new(2, 1, 1), range)
        .unwrap();
    let case = g.finish(&[l, 0]);
    end_to_end(&case, 8, None, &mut rng);
}
