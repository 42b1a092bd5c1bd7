//! The verifiers of sum-checks and of sums of fractions against their native twins.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{generator, input_bits, inputs, random_scalars};
use ff::Field;
use pleat_argument::lookup::{self, LayerProof, LookupProof, Numerators};
use pleat_argument::{sumcheck as native, transcript};
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::poseidon::Transcript;
use pleat_step_circuits::circuit::{gkr, sumcheck};
use pleat_step_circuits::testing::Recorder;
use rand::Rng;

struct Case {
    cs: Recorder,
    given: Vec<usize>,
    rounds: sumcheck::Rounds,
}

fn run(
    claim: Scalar,
    state: Scalar,
    messages: &[[Scalar; 3]],
    active: &[bool],
    cubic: bool,
) -> Case {
    let mut cs = Recorder::default();
    let (numbers, mut given) = inputs(&mut cs, &[claim, state]);
    let (active, cells) = input_bits(&mut cs, active);
    given.extend(cells);
    let (cubic, cells) = input_bits(&mut cs, &[cubic]);
    given.extend(cells);
    let transcript = Transcript::resume(numbers[1].clone());
    let rounds = sumcheck::rounds(
        &mut cs,
        &numbers[0],
        messages,
        &active,
        &cubic[0],
        transcript,
    )
    .unwrap();
    given.extend(cs.find("message"));
    Case { cs, given, rounds }
}

#[test]
fn rounds_equal_their_twin() {
    let mut generator = generator(1);
    for bits in [0usize, 1, 4, 21] {
        for cubic in [false, true] {
            let [claim, state] = [0; 2].map(|_| Scalar::random(&mut generator));
            let active: Vec<bool> = (0..bits).map(|_| generator.r#gen()).collect();
            let messages: Vec<[Scalar; 3]> = (0..bits)
                .map(|_| {
                    let [c0, c2, c3] = [0; 3].map(|_| Scalar::random(&mut generator));
                    [c0, c2, if cubic { c3 } else { Scalar::ZERO }]
                })
                .collect();
            let case = run(claim, state, &messages, &active, cubic);

            let taken: Vec<_> = (messages.iter().zip(&active))
                .filter_map(|(m, active)| active.then_some(*m))
                .collect();
            let mut transcript = transcript::Transcript::resume(state);
            let (point, claim) = native::verify(claim, &taken, &mut transcript);
            assert_eq!(case.rounds.claim.value(), claim);
            assert_eq!(case.rounds.transcript.state().value(), transcript.state());
            let mut coordinates = point.into_iter();
            for (number, active) in case.rounds.point.iter().zip(active.iter().rev()) {
                let expected = match active {
                    true => coordinates.next().unwrap(),
                    false => Scalar::ZERO,
                };
                assert_eq!(number.value(), expected);
            }
            assert_eq!(case.cs.constraints(), 313 * bits);
            assert_eq!(case.cs.nonzeros(), 3495 * bits);
            assert_eq!(case.cs.free_cells(&case.given), Vec::<String>::new());
        }
    }
}

#[test]
fn rounds_determine_everything() {
    let values = random_scalars(8, 2);
    let messages = [
        [values[0], values[1], values[2]],
        [values[3], values[4], values[5]],
    ];
    for active in [[true, true], [false, true], [false, false]] {
        let case = run(values[6], values[7], &messages, &active, true);
        case.cs.assert_satisfied();
        assert_eq!(case.cs.freedom(&case.given), 0);
    }
    // A cubic coefficient needs a cubic round, active or not.
    run(values[6], values[7], &messages, &[false, true], false)
        .cs
        .assert_fails("degree");
}

fn fractions(row_bits: u32, seed: u64) -> (LookupProof, transcript::Transcript) {
    let rows = 1 << row_bits;
    let numerators = Numerators::Values(random_scalars(rows, seed));
    let (mut d0, mut d1) = (
        random_scalars(rows, seed + 1),
        random_scalars(rows, seed + 2),
    );
    let transcript = transcript::Transcript::new(transcript::Domain::Step, &d0[..1]);
    let (mut a, mut b) = (vec![], vec![]);
    let (proof, _) = lookup::prove(
        numerators,
        &mut d0,
        &mut d1,
        [&mut a, &mut b],
        &mut transcript.clone(),
    );
    (proof, transcript)
}

fn sum_of_fractions(
    row_bits: u32,
    proof: &LookupProof,
    state: Scalar,
) -> (Recorder, Vec<usize>, gkr::LeafClaim, Scalar) {
    let mut cs = Recorder::default();
    let (numbers, mut given) = inputs(&mut cs, &[state]);
    let mut transcript = Transcript::resume(numbers[0].clone());
    let claim = gkr::verify(&mut cs, row_bits, proof, &mut transcript).unwrap();
    given.extend(cs.find("message"));
    (cs, given, claim, transcript.state().value())
}

#[test]
fn sums_of_fractions_equal_their_twin() {
    let mut costs = vec![];
    for row_bits in [0, 1, 3, 6] {
        let (proof, mut transcript) = fractions(row_bits, 3);
        let (cs, given, claim, state) = sum_of_fractions(row_bits, &proof, transcript.state());
        let native = lookup::verify(row_bits, &proof, &mut transcript).unwrap();
        cs.assert_satisfied();
        assert_eq!(claim.root.each_ref().map(|n| n.value()), proof.root);
        let point: Vec<_> = claim.point.iter().map(|n| n.value()).collect();
        assert_eq!(point, native.point);
        assert_eq!(claim.numerator.value(), native.numerator);
        assert_eq!(claim.denominator.value(), native.denominator);
        assert_eq!(state, transcript.state());
        let b = row_bits as usize;
        assert_eq!(cs.constraints(), 132 * b * (b + 1) + 316 * (b + 1) + 262);
        costs.push((row_bits, cs.nonzeros()));
        if row_bits < 4 {
            assert_eq!(cs.free_cells(&given), Vec::<String>::new());
        }
        if row_bits < 4 {
            assert_eq!(cs.freedom(&given), 0);
        }
    }
    assert_eq!(costs, [(0, 6453), (1, 12916), (3, 34662), (6, 89331)]);
}

#[test]
fn wrong_sums_of_fractions_fail_and_none_passes() {
    let row_bits = 2;
    let (mut proof, transcript) = fractions(row_bits, 4);
    proof.layers[1].values[2] += Scalar::ONE;
    let (cs, ..) = sum_of_fractions(row_bits, &proof, transcript.state());
    cs.assert_fails("layer below");
    proof.layers.pop();
    let mut cs = Recorder::default();
    let (numbers, _) = inputs(&mut cs, &[Scalar::ONE]);
    let mut resumed = Transcript::resume(numbers[0].clone());
    assert!(gkr::verify(&mut cs, row_bits, &proof, &mut resumed).is_err());

    let layer = |k: usize| LayerProof {
        rounds: vec![[Scalar::ZERO; 2]; k],
        values: [Scalar::ZERO; 4],
    };
    let none = LookupProof {
        root: [Scalar::ZERO; 2],
        layers: (0..4).map(layer).collect(),
    };
    let (cs, given, ..) = sum_of_fractions(3, &none, transcript.state());
    cs.assert_satisfied();
    assert_eq!(cs.free_cells(&given), Vec::<String>::new());
}
