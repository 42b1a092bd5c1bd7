//! Two false claims that cancel in the one equation of a step: the step itself cannot see them, so the challenges
//! that follow must depend on each.

use ff::Field;

use super::{ONE, challenges, distinct, point, program, state};
use crate::Scalar;
use crate::group::verify::{verify_chunk, verify_vectors, views_on_entries, views_on_rows};
use crate::group::{Challenges, LookupForms};
use crate::lookup::{LayerProof, LookupProof};
use crate::multilinear::{eq, eq_table};
use crate::program::Program;
use crate::proof::StepProof;
use crate::transcript::Transcript;

/// A vectors step without rounds to speak of, proved for given false values: whatever satisfies the one equation
/// passes it, so the multipliers must depend on every value.
#[test]
fn values_that_cancel_in_a_vectors_step_change_the_multipliers() {
    let program = program();
    let vectors = &program.vectors[2..4];
    let proved = |error: Scalar| {
        let challenges = challenges();
        let mut state = state();
        let before = state.running.clone();
        let mut transcript = challenges.step(&program, 2, &state.running, &[point(1), point(2)]);
        // Rounds of zeros: the claim that is left is what the first round's rest makes of the total.
        let mut replay = transcript.clone();
        let rounds = vec![[Scalar::ZERO; 2]; 3];
        let part = Scalar::from(77);
        let lambda = replay.message(&[part]);
        let total = part + lambda * state.running.value;
        let (at, rest) = crate::sumcheck::verify(total, &rounds, &mut replay);
        let forms: Vec<Scalar> = vectors
            .iter()
            .map(|v| views_on_entries(v, &at, &challenges.context))
            .collect();
        let weight = lambda * eq(&before.point, &at);
        // The first value is off, the running value makes up for it.
        let values = vec![Scalar::from(5) + error, Scalar::from(6)];
        let sum = forms[0] * values[0] + forms[1] * values[1];
        let running = (rest - sum) * weight.invert().unwrap();
        let proof = StepProof::Vectors {
            part,
            rounds,
            values,
            running,
        };
        let verified = verify_vectors(vectors, &challenges, &proof, &mut state, &mut transcript);
        (verified.unwrap().1, transcript.message(&[]))
    };
    let (a, b) = (proved(Scalar::ZERO), proved(ONE));
    distinct([a.0, b.0].concat());
    assert_ne!(a.1, b.1);
}

/// The same in a chunk's step, whose values and running values are four each: every pair that cancels.
#[test]
fn values_that_cancel_in_a_chunk_change_the_point_and_multiplier() {
    let program = program();
    let base = chunk_step(&program, [Scalar::ZERO; 4], [Scalar::ZERO; 4]);
    let mut all = vec![base];
    for i in 0..4 {
        let mut errors = [Scalar::ZERO; 4];
        errors[i] = ONE;
        all.push(chunk_step(&program, errors, [Scalar::ZERO; 4]));
        if i < 3 {
            all.push(chunk_step(&program, [Scalar::ZERO; 4], errors));
        }
    }
    for k in 0..3 {
        distinct(all.iter().map(|step| step[k]).collect());
    }
}

/// A chunk's step that verifies whatever the values are, the last running value making up for all: the new point's
/// column coordinates and the multiplier.
fn chunk_step(program: &Program, values: [Scalar; 4], running: [Scalar; 4]) -> [Scalar; 3] {
    let challenges = challenges();
    let start = || challenges.step(program, 0, &super::running(), &[point(1)]);
    let zero = |k: usize| LayerProof {
        rounds: vec![[Scalar::ZERO; 2]; k],
        values: [Scalar::ZERO, ONE, Scalar::ZERO, ONE],
    };
    // Fractions 0 / 1 in every layer: 1 * 1 = 1, with rounds of constants.
    let mut lookup = LookupProof {
        root: [Scalar::ZERO, ONE],
        layers: vec![zero(0), zero(1)],
    };
    // q(0) = q(1) = lambda: the challenge that is known when the round is sent.
    let mut replay: Transcript = start();
    let mut lambda = replay.message(&lookup.root).square();
    for layer in &mut lookup.layers {
        for round in &mut layer.rounds {
            round[0] = lambda;
            replay.message(round);
        }
        lambda = replay.message(&layer.values).square();
    }
    let rounds = vec![[Scalar::ZERO; 3]];
    let step = |last: Scalar| {
        let mut running = running;
        running[3] = last;
        let proof = StepProof::Chunk {
            part: Scalar::from(9),
            lookup: lookup.clone(),
            rounds: rounds.clone(),
            values,
            running,
        };
        let mut state = state();
        let mut looked_up = Scalar::ZERO;
        let mut transcript = start();
        let verified = verify_chunk(
            program,
            0,
            &challenges,
            &proof,
            &mut state,
            &mut transcript,
            &mut looked_up,
        );
        verified.map(|(_, mu)| [state.running.point[0], state.running.point[1], mu[0]])
    };
    // The rest of the check is affine in the last running value; its root is the one that passes.
    let last = root_of_the_row_check(
        program,
        &challenges,
        &start(),
        &lookup,
        &rounds,
        values,
        running,
    );
    assert!(step(last + ONE).is_err());
    step(last).unwrap()
}

#[allow(clippy::too_many_arguments)] // all that the check depends on
fn root_of_the_row_check(
    program: &Program,
    challenges: &Challenges,
    start: &Transcript,
    lookup: &LookupProof,
    rounds: &[[Scalar; 3]],
    values: [Scalar; 4],
    running: [Scalar; 4],
) -> Scalar {
    let mut transcript = start.clone();
    let claim = crate::lookup::verify(program.row_bits, lookup, &mut transcript).unwrap();
    let part = Scalar::from(9);
    let lambda = transcript.message(&[part]);
    let (z, selector) = (&claim.point[..1], claim.point[1]);
    let other = ONE - selector;
    let forms = LookupForms::new(program, 0, z, &challenges.eta);
    let entries = other * (ONE - forms.entries) + selector - claim.numerator;
    let fractions =
        challenges.gamma - other * forms.tags - selector * forms.ranges - claim.denominator;
    let before = super::running();
    let total = part
        + lambda * before.value
        + lambda.square() * entries
        + lambda.square() * lambda * fractions;
    let (at, rest) = crate::sumcheck::verify(total, rounds, &mut transcript);
    let coefficients = views_on_rows(&program.vectors[0], &at, &challenges.context);
    let [looking, _, _, all] = LookupForms::kinds(program, 0, z, &at);
    let third = lambda.square() * lambda * challenges.eta;
    let own: Scalar = (coefficients.columns.iter().zip(values))
        .map(|(c, v)| *c * v)
        .sum::<Scalar>()
        + third * (other * looking * values[0] + selector * all * values[1]);
    let weights = eq_table(&before.point[..2]);
    let weight = lambda * eq(&before.point[2..], &at);
    let three: Scalar = (weights.iter().zip(running).take(3))
        .map(|(w, f)| *w * f)
        .sum();
    ((rest - own) * weight.invert().unwrap() - three) * weights[3].invert().unwrap()
}
