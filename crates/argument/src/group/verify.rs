//! The verifier: replays every transcript, follows the running claim, and opens it.
//!
//! A proof is untrusted: shapes are checked before anything is indexed by them.

use ff::Field;
use halo2curves::CurveAffine;
use halo2curves::bn256::G1Affine;
use halo2curves::group::Curve;
use halo2curves::group::prime::PrimeCurveAffine;

use super::{Challenges, LookupForms, Place, State, mask_challenge, opening_context, seed};
use crate::commitment::combine;
use crate::multilinear::{eq, eq_index, eq_table};
use crate::opening::{self, OpeningKey};
use crate::program::{Program, Step, Vector, VectorKind};
use crate::proof::{GroupProof, Proof, StepProof};
use crate::statement::{Statement, extend_chain, groups};
use crate::transcript::{Transcript, multiplier};
use crate::view::{Context, Target};
use crate::{Error, Result, Scalar, lookup, sumcheck};

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
    /// The statement.
    pub statement: &'a Statement,
    /// Commitments to the activation tables, made from the architecture.
    pub tables: &'a [G1Affine],
}

fn check(ok: bool, what: &'static str) -> Result<()> {
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
        program, statement, ..
    } = *public;
    check(key.id() == statement.key, "the commitment key")?;
    check(
        statement.program == program.digest && statement.kind == program.kind,
        "the program",
    )?;
    check(
        statement.tables == crate::statement::chain(public.tables),
        "the activation tables",
    )?;
    check(
        proof.groups.len() as u64 == groups(program, statement.samples) && !proof.groups.is_empty(),
        "the number of groups",
    )?;
    let vectors = match &program.data {
        Some(data) => statement.samples.div_ceil(1 << data.samples_bits()),
        None => 0,
    };
    check(
        proof.data.len() as u64 == vectors,
        "the number of data vectors",
    )?;
    check(
        proof.weights.len() == program.of_kind(VectorKind::Weights).count(),
        "the number of weight vectors",
    )?;
    check(
        proof.points().all(|p| bool::from(p.is_on_curve())),
        "a point off the curve",
    )?;
    // Nothing unsound, but a prover that forgot to mask publishes evaluations of its values.
    check(
        !bool::from(proof.mask.is_identity()),
        "a mask that hides nothing",
    )?;
    let mut state = State::new(statement, program.index_bits());
    let mut terms = vec![];
    for (i, group) in proof.groups.iter().enumerate() {
        verify_group(public, proof, group, &mut state, &mut terms).map_err(|e| match e {
            Error::Rejected { check, step, .. } => Error::rejected(check).at(i, step),
            other => other,
        })?;
    }
    if program.data.is_some() {
        check(state.samples == statement.samples, "the number of samples")?;
    }
    check(
        state.count <= state.samples,
        "more correct samples than samples",
    )?;
    finish(key, public, proof, state, terms)
}

fn finish(
    key: &OpeningKey,
    public: &Public<'_>,
    proof: &Proof,
    mut state: State,
    mut terms: Vec<(G1Affine, Scalar)>,
) -> Result<Outcome> {
    let challenge = mask_challenge(&state, &proof.mask, &proof.mask_value);
    let mu = multiplier(&challenge).ok_or(Error::rejected("a multiplier of zero"))?;
    state.running.value += mu * proof.mask_value;
    state.running.absorb(&proof.mask, &mu);
    terms.push((proof.mask, mu));
    let commitment = key.unblind(&combine(&terms).to_affine(), &proof.blind);
    opening::verify(
        key,
        &proof.opening,
        &commitment,
        &state.running.point,
        &state.running.value,
        &opening_context(public.statement, &state),
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
        program, statement, ..
    } = *public;
    let steps = program.steps();
    check(
        group.trace.len() == program.chunks()
            && group.outputs.len() == program.of_kind(VectorKind::Outputs).count(),
        "the number of commitments",
    )?;
    check(group.steps.len() == steps.len(), "the number of steps")?;
    check(
        group.heads.len() == program.heads.len(),
        "the number of channel sum-checks",
    )?;
    let place = Place::new(program, state.samples, statement.samples);
    let data = match program.data {
        Some(_) => proof.data.get(place.vector..=place.vector),
        None => Some(&[][..]),
    };
    let data = data.ok_or(Error::rejected("the number of data vectors"))?;
    let commitments = [
        &group.trace,
        &proof.weights,
        public.tables,
        data,
        &group.outputs,
    ]
    .concat();
    check(
        commitments.len() == program.vectors.len(),
        "the number of commitments",
    )?;
    let seed = seed(program, statement, state, &place, &group.salt, &commitments);
    let mut challenges = Challenges::new(seed, group.salt, &place);
    let mut target = verify_heads(program, group, &mut challenges)?;
    let claims: Vec<[Scalar; 2]> = group.heads.iter().flat_map(|h| h.claims.clone()).collect();
    target += challenges.target(program, &claims, group.count);
    check(
        program.count_claim.is_some() || group.count == 0,
        "a count that is not claimed",
    )?;
    check(
        group.count <= place.live,
        "more correct samples than samples",
    )?;

    let (mut linear, mut looked_up) = (Scalar::ZERO, Scalar::ZERO);
    for (index, (step, part)) in steps.iter().zip(&group.steps).enumerate() {
        let own = &commitments[step.vectors()];
        let mut transcript = challenges.step(program, index, &state.running, own);
        let verified = match (step, part) {
            (Step::Chunk(vector), StepProof::Chunk { .. }) => verify_chunk(
                program,
                *vector,
                &challenges,
                part,
                state,
                &mut transcript,
                &mut looked_up,
            ),
            (Step::Vectors(range), StepProof::Vectors { .. }) => {
                let vectors = &program.vectors[range.clone()];
                verify_vectors(vectors, &challenges, part, state, &mut transcript)
            }
            _ => Err(Error::rejected("the kind of the step")),
        };
        let (sum, multipliers) = verified.map_err(|e| e.at(0, index))?;
        linear += sum;
        for (commitment, mu) in own.iter().zip(multipliers) {
            state.running.absorb(commitment, &mu);
            terms.push((*commitment, mu));
        }
    }
    check(linear == target, "the linear relation")?;
    check(bool::from(looked_up.is_zero()), "the lookups")?;
    if place.prefix == 0 {
        for commitment in data {
            state.data = extend_chain(&state.data, commitment);
        }
    }
    for commitment in &group.outputs {
        state.outputs = extend_chain(&state.outputs, commitment);
    }
    state.group += 1;
    state.count += group.count;
    if program.data.is_some() {
        state.samples += place.live;
    }
    Ok(())
}

/// Verifies the channel sum-checks, derives delta, and returns the sum of the claimed sums.
pub(super) fn verify_heads(
    program: &Program,
    group: &GroupProof,
    challenges: &mut Challenges,
) -> Result<Scalar> {
    let mut transcript = challenges.heads();
    let mut sum = Scalar::ZERO;
    for (head, proof) in program.heads.iter().zip(&group.heads) {
        check(
            proof.rounds.len() == head.bits as usize && proof.claims.len() == head.products.len(),
            "the shape of a channel sum-check",
        )?;
        transcript.message(&[proof.sum]);
        let (point, rest) = sumcheck::verify(proof.sum, &proof.rounds, &mut transcript);
        transcript.message(&proof.claims.concat());
        let expected: Scalar = head
            .products
            .iter()
            .zip(&proof.claims)
            .map(|(product, [x, u])| {
                challenges
                    .context
                    .zeta
                    .pow_vartime([u64::from(product.identity)])
                    * x
                    * u
            })
            .sum();
        check(rest == expected, "a channel sum-check")?;
        sum += proof.sum;
        challenges.context.points.push(point);
    }
    challenges.context.delta = transcript.message(&[Scalar::from(group.count)]);
    Ok(sum)
}

pub(super) type Verified = Result<(Scalar, Vec<Scalar>)>;

pub(super) fn verify_chunk(
    program: &Program,
    vector: usize,
    challenges: &Challenges,
    proof: &StepProof,
    state: &mut State,
    transcript: &mut Transcript,
    looked_up: &mut Scalar,
) -> Verified {
    let StepProof::Chunk {
        part,
        lookup: lookup_proof,
        rounds,
        values,
        running,
    } = proof
    else {
        return Err(Error::rejected("the kind of the step"));
    };
    let (eta, gamma) = (challenges.eta, challenges.gamma);
    let claim = lookup::verify(program.row_bits, lookup_proof, transcript)?;
    let [numerator, denominator] = lookup_proof.root;
    let inverse = denominator.invert().into_option();
    *looked_up += numerator * inverse.ok_or(Error::rejected("a denominator of zero"))?;
    let lambda = transcript.message(&[*part]);
    check(
        rounds.len() == program.row_bits as usize,
        "the number of rounds",
    )?;
    // z: the GKR point, its last coordinate choosing one of the two fractions.
    let (z, selector) = claim.point.split_at(program.row_bits as usize);
    let selector = selector.first().copied().unwrap_or_default();
    let other = Scalar::ONE - selector;
    let forms = LookupForms::new(program, vector, z, &eta);
    let entries = other * (Scalar::ONE - forms.entries) + selector - claim.numerator;
    let fractions = gamma - other * forms.tags - selector * forms.ranges - claim.denominator;
    let powers = [lambda, lambda.square(), lambda.square() * lambda];
    let total =
        *part + powers[0] * state.running.value + powers[1] * entries + powers[2] * fractions;
    let (point, rest) = sumcheck::verify(total, rounds, transcript);

    let [q, rem, y, e] = *values;
    let coefficients = views_on_rows(&program.vectors[vector], &point, &challenges.context);
    let [looking, bound, entry, all] = LookupForms::kinds(program, vector, z, &point);
    let column_point = &state.running.point[..2];
    let weights = eq_table(column_point);
    let combined: Scalar = weights.iter().zip(running).map(|(w, f)| *w * f).sum();
    let expected = coefficients.columns[0] * q
        + coefficients.columns[1] * rem
        + coefficients.columns[2] * y
        + coefficients.columns[3] * e
        + coefficients.selected[0] * q * y
        + coefficients.selected[1] * q * e
        + powers[0] * eq(&state.running.point[2..], &point) * combined
        + powers[1] * other * entry * e
        + powers[2] * eta * (other * (looking * q + eta * bound * y) + selector * all * rem);
    check(rest == expected, "the sum-check over rows")?;

    let first = transcript.message(&[values.as_slice(), running.as_slice()].concat());
    let second = transcript.message(&[]);
    let mu = multiplier(&transcript.message(&[]));
    let mu = mu.ok_or(Error::rejected("a multiplier of zero"))?;
    let weights = eq_table(&[first, second]);
    let at = |columns: &[Scalar; 4]| -> Scalar {
        weights.iter().zip(columns).map(|(w, v)| *w * v).sum()
    };
    state.running.value = at(running) + mu * at(values);
    state.running.point = [&[first, second], point.as_slice()].concat();
    Ok((*part, vec![mu]))
}

pub(super) fn verify_vectors(
    vectors: &[Vector],
    challenges: &Challenges,
    proof: &StepProof,
    state: &mut State,
    transcript: &mut Transcript,
) -> Verified {
    let StepProof::Vectors {
        part,
        rounds,
        values,
        running,
    } = proof
    else {
        return Err(Error::rejected("the kind of the step"));
    };
    check(
        rounds.len() == state.running.point.len() && values.len() == vectors.len(),
        "the number of rounds",
    )?;
    let lambda = transcript.message(&[*part]);
    let total = *part + lambda * state.running.value;
    let (point, rest) = sumcheck::verify(total, rounds, transcript);
    let mut expected = lambda * eq(&state.running.point, &point) * running;
    for (vector, value) in vectors.iter().zip(values) {
        expected += views_on_entries(vector, &point, &challenges.context) * value;
    }
    check(rest == expected, "the sum-check over entries")?;
    let mut challenge = transcript.message(&[values.as_slice(), &[*running]].concat());
    let mut multipliers = vec![];
    state.running.value = *running;
    for value in values {
        let mu = multiplier(&challenge).ok_or(Error::rejected("a multiplier of zero"))?;
        state.running.value += mu * value;
        multipliers.push(mu);
        challenge = transcript.message(&[]);
    }
    state.running.point = point;
    Ok((*part, multipliers))
}

/// Views of a chunk at a point of its rows.
pub(super) struct RowForms {
    pub(super) columns: [Scalar; 4],
    selected: [Scalar; 2],
}

pub(super) fn views_on_rows(vector: &Vector, point: &[Scalar], context: &Context) -> RowForms {
    let mut forms = RowForms {
        columns: [Scalar::ZERO; 4],
        selected: [Scalar::ZERO; 2],
    };
    for block in &vector.blocks {
        let (low, high) = point.split_at(block.bits as usize);
        let weight = eq_index(high, block.offset >> block.bits);
        for view in &block.views {
            let value = weight * view.evaluate(low, context);
            match view.target {
                Target::Columns(factors) => {
                    for (column, factor) in forms.columns.iter_mut().zip(factors) {
                        *column += value * crate::multilinear::scalar(factor);
                    }
                }
                Target::SelectedValue => forms.selected[0] += value,
                Target::SelectedExtra => forms.selected[1] += value,
                Target::Entries => {}
            }
        }
    }
    forms
}

/// Views of a vector at a point, continued by zero to the point's length.
pub(super) fn views_on_entries(vector: &Vector, point: &[Scalar], context: &Context) -> Scalar {
    let (own, beyond) = point.split_at(vector.bits as usize);
    let sum: Scalar = vector
        .blocks
        .iter()
        .map(|block| {
            let (low, high) = own.split_at(block.bits as usize);
            let weight = eq_index(high, block.offset >> block.bits);
            let views = block.views.iter().map(|v| v.evaluate(low, context));
            weight * views.sum::<Scalar>()
        })
        .sum();
    sum * eq_index(beyond, 0)
}
