//! The verifier: replays every transcript, follows the running claim, and opens it.
//!
//! A proof is untrusted: shapes are checked before anything is indexed by them.

use ff::Field;
use halo2curves::CurveAffine;
use halo2curves::bn256::G1Affine;
use halo2curves::group::Curve;
use halo2curves::group::prime::PrimeCurveAffine;

use super::{Place, constants, opening_context, seed};
use crate::commitment::combine;
use crate::opening::{self, OpeningKey};
use crate::program::{Program, VectorKind};
use crate::proof::{Closing, GroupProof, Proof};
use crate::statement::{Statement, chain};
use crate::step::schedule::Schedule;
use crate::step::state::State;
use crate::step::transition::{Message, Opening, apply};
use crate::{Error, Result, Scalar};

/// What a valid proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Samples.
    pub samples: u64,
    /// Correct samples, for accuracy.
    pub count: u64,
    /// Chain over the commitments to the outputs; compare with those of the claimed outputs.
    pub outputs: Scalar,
}

/// Everything public that a proof is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Public<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its steps, for the statement's samples.
    pub schedule: &'a Schedule,
    /// The statement.
    pub statement: &'a Statement,
    /// Commitments to the activation tables, made from the architecture.
    pub tables: &'a [G1Affine],
}

/// Refuses unless something holds.
pub(crate) fn check(ok: bool, what: &'static str) -> Result<()> {
    match ok {
        true => Ok(()),
        false => Err(Error::rejected(what)),
    }
}

/// Checks a proof up to the ids: that those in the statement belong to `proof.weights` and `proof.data` is the
/// caller's to check ([`crate::statement`]), as is whether they are registered.
///
/// # Errors
/// [`Error::Rejected`] with the failed check and its place.
pub fn verify(key: &OpeningKey, public: &Public<'_>, proof: &Proof) -> Result<Outcome> {
    let Public {
        program,
        statement,
        schedule,
        ..
    } = *public;
    admissible(key, public, &proof.weights, &proof.data, proof.groups.len())?;
    check(
        proof.points().all(|p| bool::from(p.is_on_curve())),
        "a point off the curve",
    )?;
    let constants = constants(statement, schedule, &proof.weights);
    let mut state = State::new(constants, &schedule.shape, &proof.mask);
    let mut terms = vec![(proof.mask, Scalar::ONE)];
    for (i, group) in proof.groups.iter().enumerate() {
        verify_group(public, proof, group, &mut state, &mut terms).map_err(|e| match e {
            Error::Rejected { check, step, .. } => Error::rejected(check).at(i, step),
            other => other,
        })?;
    }
    if program.data.is_some() {
        check(state.samples == statement.samples, "the number of samples")?;
    }
    finish(key, statement, &proof.closing, &state, &terms)
}

/// Whether statement, program and key belong together, and the numbers of vectors and groups are theirs.
pub(super) fn admissible(
    key: &OpeningKey,
    public: &Public<'_>,
    weights: &[G1Affine],
    data: &[G1Affine],
    groups: usize,
) -> Result<()> {
    let Public {
        program,
        statement,
        schedule,
        tables,
    } = *public;
    check(key.id() == statement.key, "the commitment key")?;
    check(
        statement.program == schedule.digest() && statement.kind == program.kind,
        "the program",
    )?;
    check(statement.tables == chain(tables), "the activation tables")?;
    check(
        tables.len() == program.of_kind(VectorKind::Tables).count(),
        "the number of activation tables",
    )?;
    check(
        groups as u64 == schedule.groups() && groups > 0,
        "the number of groups",
    )?;
    let vectors = match &program.data {
        Some(data) => statement.samples.div_ceil(1 << data.samples_bits()),
        None => 0,
    };
    check(data.len() as u64 == vectors, "the number of data vectors")?;
    check(
        weights.len() == program.of_kind(VectorKind::Weights).count(),
        "the number of weight vectors",
    )
}

/// Opens the running claim about the combination of all terms, of which the mask is the first.
pub(super) fn finish(
    key: &OpeningKey,
    statement: &Statement,
    closing: &Closing,
    state: &State,
    terms: &[(G1Affine, Scalar)],
) -> Result<Outcome> {
    // Nothing unsound, but a prover that forgot to mask, or was unlucky, publishes evaluations of its values.
    let masked = terms
        .first()
        .is_some_and(|(mask, _)| !bool::from(mask.is_identity()));
    check(masked, "a mask that hides nothing")?;
    check(state.running.hides(), "a point the mask does not reach")?;
    let commitment = key.unblind(&combine(terms).to_affine(), &closing.blind);
    opening::verify(
        key,
        &closing.opening,
        &commitment,
        &state.running.point,
        &state.running.value,
        &opening_context(statement, state),
    )?;
    Ok(Outcome {
        samples: state.samples,
        count: state.count,
        outputs: state.outputs,
    })
}

fn verify_group(
    public: &Public<'_>,
    proof: &Proof,
    group: &GroupProof,
    state: &mut State,
    terms: &mut Vec<(G1Affine, Scalar)>,
) -> Result<()> {
    let Public {
        program,
        statement,
        schedule,
        ..
    } = *public;
    let steps = schedule.group(state.group);
    check(
        group.trace.len() == program.chunks()
            && group.outputs.len() == program.of_kind(VectorKind::Outputs).count(),
        "the number of commitments",
    )?;
    check(
        group.steps.len() == steps.descriptors.len(),
        "the number of steps",
    )?;
    let place = Place::new(program, state.samples, statement.samples);
    let data: &[G1Affine] = match program.data {
        Some(_) => proof
            .data
            .get(place.vector..=place.vector)
            .ok_or(Error::rejected("the number of data vectors"))?,
        None => &[],
    };
    let commitments: Vec<G1Affine> = [
        &group.trace,
        &proof.weights,
        public.tables,
        data,
        &group.outputs,
    ]
    .concat();
    check(
        group.count <= place.live,
        "more correct samples than samples",
    )?;
    let opening = Opening {
        salt: group.salt,
        seed: seed(program, state, &place, &group.salt, &commitments),
        count: group.count,
    };
    let mut rest = commitments.as_slice();
    let shape = &schedule.shape;
    for (index, ((descriptor, digest), step)) in steps
        .descriptors
        .iter()
        .zip(&steps.digests)
        .zip(&group.steps)
        .enumerate()
    {
        let at = |e: Error| e.at(0, index);
        let (own, others) = rest.split_at(descriptor.vectors.len().min(rest.len()));
        rest = others;
        let message = Message::new(shape, descriptor, &opening, own, step).map_err(at)?;
        let outcome = apply(shape, state, descriptor, digest, &message).map_err(at)?;
        *state = outcome.state;
        terms.extend(own.iter().copied().zip(outcome.multipliers));
    }
    // The last descriptor of a schedule ends the group, which leaves the state idle.
    Ok(())
}
