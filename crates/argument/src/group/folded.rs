//! Verifying what is left of a proof whose steps were folded.
//!
//! The fold proves: *these* steps lead from the digest of the first state to the digest of the last. Everything
//! else is here: both digests are computed from public values, and the combination of all commitments is opened.

use ff::Field;
use halo2curves::CurveAffine;

use super::verify::{Outcome, Public, admissible, check, finish};
use super::{Place, constants};
use crate::opening::OpeningKey;
use crate::program::VectorKind;
use crate::proof::Folded;
use crate::statement::extend_chain;
use crate::step::state::State;
use crate::transcript::point_elements;
use crate::{Error, Result, Scalar};

/// What the proof of the fold must say, and what then holds.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Digest of the state before the first step.
    pub initial: Scalar,
    /// Digest of the state after the last.
    pub last: Scalar,
    /// Steps.
    pub steps: u64,
    /// What a valid proof says.
    pub outcome: Outcome,
}

/// Checks commitments, list and opening of a folded proof, and says what the fold must attest. As with
/// [`super::verify::verify`], ids are the caller's to check.
///
/// # Errors
/// [`Error::Rejected`] with the failed check.
pub fn verify(key: &OpeningKey, public: &Public<'_>, folded: &Folded) -> Result<Expected> {
    let Public {
        program,
        statement,
        schedule,
        tables,
    } = *public;
    admissible(
        key,
        public,
        &folded.weights,
        &folded.data,
        folded.groups.len(),
    )?;
    check(
        folded.points().all(|p| bool::from(p.is_on_curve())),
        "a point off the curve",
    )?;
    let initial = State::new(
        constants(statement, schedule, &folded.weights),
        &schedule.shape,
        &folded.mask,
    );
    let digest = initial.digest();
    check(
        folded.point.len() == initial.running.point.len(),
        "the running point",
    )?;
    let mut state = initial;
    let outputs = program.of_kind(VectorKind::Outputs).count();
    let mut multipliers = folded.multipliers.iter();
    let mut terms = vec![(folded.mask, Scalar::ONE)];
    for group in &folded.groups {
        check(
            group.trace.len() == program.chunks() && group.outputs.len() == outputs,
            "the number of commitments",
        )?;
        let place = Place::new(program, state.samples, statement.samples);
        let data = match program.data {
            Some(_) => folded.data.get(place.vector..=place.vector),
            None => Some(&[][..]),
        };
        let data = data.ok_or(Error::rejected("the number of data vectors"))?;
        let own = [&group.trace, &folded.weights, tables, data, &group.outputs];
        for commitment in own.into_iter().flatten() {
            let mu = multipliers.next();
            let mu = mu.ok_or(Error::rejected("the number of multipliers"))?;
            state.running.absorb(commitment, mu);
            terms.push((*commitment, *mu));
        }
        for commitment in data.iter().filter(|_| place.prefix == 0) {
            state.data = extend_chain(&state.data, commitment);
            state.cursor = point_elements(commitment);
        }
        for commitment in &group.outputs {
            state.outputs = extend_chain(&state.outputs, commitment);
        }
        state.group += 1;
        if program.data.is_some() {
            state.samples += place.live;
        }
        state.prefix = state.group % schedule.vector_groups();
    }
    check(multipliers.next().is_none(), "the number of multipliers")?;
    state.count = folded.count;
    state.running.point.clone_from(&folded.point);
    state.running.value = folded.value;
    check(
        program.data.is_none() || state.samples == statement.samples,
        "the number of samples",
    )?;
    check(
        state.count <= state.samples,
        "more correct samples than samples",
    )?;
    let last = state.digest();
    Ok(Expected {
        initial: digest,
        last,
        steps: schedule.steps(),
        outcome: finish(key, statement, &folded.closing, &state, &terms)?,
    })
}
