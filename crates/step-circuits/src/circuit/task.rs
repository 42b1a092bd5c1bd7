//! What a step's task proves: the channel sum-check, a chunk, or other vectors.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::program::COLUMN_BITS;
use pleat_argument::step::Shape;
use pleat_argument::step::transition::Message;
use pleat_argument::transcript::Domain;

use super::Bit;
use super::bits::multiplier;
use super::descriptor::DescriptorNumbers;
use super::number::Number;
use super::poseidon::{Transcript, hash};
use super::state::StateNumbers;
use super::transition::Said;
use super::{gkr, sumcheck};
use crate::Scalar;

/// What the rest of a step needs of its task.
pub(super) struct Done {
    /// The transcript after the rounds.
    pub(super) transcript: Number,
    /// The multiplier of each vector.
    pub(super) multipliers: [Number; 2],
}

/// Verifies the step's task and moves the running claim.
///
/// Enforces what `head`, `chunk`, `vectors` of the native transition do; which of them, by the descriptor's
/// exclusive flags. Nothing may be pending where a task starts.
/// Binds: `forms` through the slots that account for it; values and the running combination's values by the
/// last claim, which slots bring to zero; all else by the hashes and products named after them.
pub(super) fn task<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    shape: &Shape,
    descriptor: &DescriptorNumbers,
    message: &Message,
    said: &Said,
    state: &mut StateNumbers,
) -> Result<Done, SynthesisError> {
    let zero = Number::zero();
    let one = Number::one();
    let rows = COLUMN_BITS as usize;
    let (head, chunk, vectors) = (&descriptor.head, &descriptor.chunk, &descriptor.vectors);
    // Exclusive by the descriptor: a chunk or vectors; any task.
    let merges = Bit::of_bound(chunk.number() + vectors.number());
    let starts = Bit::of_bound(merges.number() + head.number());
    for pending in [&state.inner.claim, &state.inner.forms] {
        starts
            .number()
            .enforce_product(cs, "nothing is pending", pending, &zero);
    }

    let inner = &state.inner;
    let mut elements: Vec<Number> = [
        &inner.seed,
        &inner.salt,
        &inner.delta,
        &inner.program,
        &state.list,
        &state.value,
    ]
    .map(Clone::clone)
    .to_vec();
    elements.extend_from_slice(&state.point);
    elements.extend(said.commitments.iter().flatten().cloned());
    let start = hash(cs, Domain::Step, &elements)?;

    // Lookups of a chunk.
    let mut transcript = Transcript::resume(start.clone());
    let leaves = gkr::verify(
        &mut cs.namespace(|| "lookups"),
        shape.row_bits,
        &message.lookup,
        &mut transcript,
    )?;
    let after = chunk.select_variable(cs, "after lookups", transcript.state(), &start)?;
    let [numerator, denominator] = &leaves.root;
    // One where there is no chunk, so that the inverse is always bound.
    let denominator = chunk.select_variable(cs, "denominator", denominator, &one)?;
    let inverse = denominator.inverse(cs, "inverse")?;
    let fraction = numerator.product(cs, "sum of lookups", &inverse)?;
    let fraction = chunk
        .number()
        .product(cs, "lookups of a chunk", &fraction)?;

    // The claimed sum, and the first claim of the rounds.
    let part = Number::alloc(cs, "part", message.part)?;
    let forms = Number::alloc(cs, "forms", message.forms)?;
    let mut transcript = Transcript::resume(after);
    let lambda = transcript.message(cs, std::slice::from_ref(&part))?;
    let square = lambda.product(cs, "lambda^2", &lambda)?;
    let cube = lambda.product(cs, "lambda^3", &square)?;
    let running = lambda.product(cs, "weighted running claim", &state.value)?;
    let running = merges.number().product(cs, "running claim", &running)?;
    let entries = square.product(cs, "entries", &(&one - &leaves.numerator))?;
    let fractions = cube.product(cs, "fractions", &(&inner.gamma - &leaves.denominator))?;
    let looked_up = &(&entries + &fractions) - &forms;
    let looked_up = chunk.number().product(cs, "lookup claims", &looked_up)?;
    let claim = Number::sum([&part, &running, &looked_up]).settled(cs, "claim")?;

    // Rounds, highest coordinate first.
    let active: Vec<Bit> = (0..shape.index_bits())
        .rev()
        .map(|coordinate| {
            let mut bit = descriptor.head_rounds[coordinate].number() + vectors.number();
            if coordinate >= rows {
                bit = &bit + chunk.number();
            }
            Bit::of_bound(bit)
        })
        .collect();
    let messages: Vec<[Scalar; 3]> = message.rounds.iter().rev().copied().collect();
    let rounds = sumcheck::rounds(
        &mut cs.namespace(|| "rounds"),
        &claim,
        &messages,
        &active,
        chunk,
        transcript,
    )?;
    let x = &rounds.point;

    // Values, the running combination, and what is left of the claim.
    let values = array(cs, "value", message.values)?;
    let combination = array(cs, "combination", message.running)?;
    let second = descriptor.own[1].present();
    let both = Bit::of_bound(
        vectors
            .number()
            .product(cs, "two vectors", second.number())?,
    );
    // A chunk has four columns; of other vectors there are as many values as vectors.
    let single = vectors.number() - both.number();
    single.enforce_product(cs, "no second value", &values[1], &zero);
    for number in values[2..].iter().chain(&combination[1..]) {
        vectors
            .number()
            .enforce_product(cs, "no value", number, &zero);
    }
    let at_columns = dot(cs, &state.point[0], &state.point[1], &combination)?;
    let mut eq_rows = one.clone();
    for (s, x) in state.point.iter().zip(x).skip(rows) {
        let factor = eq(cs, s, x)?;
        eq_rows = eq_rows.product(cs, "rows", &factor)?;
    }
    let first = eq(cs, &state.point[0], &x[0])?;
    let other = eq(cs, &state.point[1], &x[1])?;
    let columns = first.product(cs, "columns", &other)?;
    let whole = columns.product(cs, "whole index", &combination[0])?;
    let inside = chunk.select_variable(cs, "combination", &at_columns, &whole)?;
    let weighted = lambda.product(cs, "weighted rows", &eq_rows)?.product(
        cs,
        "combination's part",
        &inside,
    )?;
    let merged = merges.number().product(cs, "merged", &weighted)?;
    let (z, selector) = leaves.point.split_at(shape.row_bits as usize);
    let selector = selector.first().ok_or(SynthesisError::AssignmentMissing)?;
    let mut eq_z = one.clone();
    for (z, x) in z.iter().zip(&x[rows..]) {
        let factor = eq(cs, z, x)?;
        eq_z = eq_z.product(cs, "looked-up rows", &factor)?;
    }
    let remainders = cube
        .product(cs, "lambda^3 eta", &inner.eta)?
        .product(cs, "lambda^3 eta selector", selector)?
        .product(cs, "remainders", &eq_z)?
        .product(cs, "rem", &values[1])?;
    let remainders = chunk
        .number()
        .product(cs, "remainders of a chunk", &remainders)?;
    let rest = Number::sum([&rounds.claim, &-&merged, &-&remainders]);
    let claim = starts.select_variable(cs, "pending claim", &rest, &inner.claim)?;

    // Challenges of the merge.
    let mut transcript = Transcript::resume(rounds.transcript.state().clone());
    transcript.message(cs, &values)?;
    let first = transcript.message(cs, &combination)?;
    let second_challenge = transcript.message(cs, &[])?;
    let third = transcript.message(cs, &[])?;
    let last = Bit::of_bound(chunk.number() + both.number());
    let of_vectors = multiplier(
        &mut cs.namespace(|| "multiplier"),
        &second_challenge,
        vectors,
    )?;
    let of_last = multiplier(&mut cs.namespace(|| "multiplier"), &third, &last)?;
    let mu = chunk.select_variable(cs, "first multiplier", &of_last, &of_vectors)?;

    // The new running claim.
    let old = dot(cs, &first, &second_challenge, &combination)?;
    let new = dot(cs, &first, &second_challenge, &values)?;
    let old = chunk.select_variable(cs, "old value", &old, &combination[0])?;
    let new = chunk.select_variable(cs, "new value", &new, &values[0])?;
    let value = mu.product_plus(cs, "first merged", &new, &old)?;
    let more = of_last.product(cs, "second value", &values[1])?;
    let more = both.number().product(cs, "second merged", &more)?;
    state.value = merges.select_variable(cs, "running value", &(&value + &more), &state.value)?;
    for (coordinate, (s, x)) in state.point.iter_mut().zip(x).enumerate() {
        *s = match [&first, &second_challenge].get(coordinate) {
            Some(column) => {
                let moved = chunk.select_variable(cs, "column point", column, x)?;
                merges.select_variable(cs, "running point", &moved, s)?
            }
            None => merges.select_variable(cs, "running point", x, s)?,
        };
    }

    let inner = &mut state.inner;
    inner.claim = claim;
    inner.forms = &inner.forms + &chunk.number().product(cs, "pending forms", &forms)?;
    for (old, new) in inner.values.iter_mut().zip(&values) {
        *old = merges.select_variable(cs, "pending value", new, old)?;
    }
    for (old, new) in inner.z.iter_mut().zip(z) {
        *old = chunk.select_variable(cs, "pending row", new, old)?;
    }
    inner.selector = chunk.select_variable(cs, "pending selector", selector, &inner.selector)?;
    inner.lambda = chunk.select_variable(cs, "pending lambda", &lambda, &inner.lambda)?;
    for (old, new) in inner.head.iter_mut().zip(x) {
        *old = head.select_variable(cs, "head point", new, old)?;
    }
    inner.lookups = &inner.lookups + &fraction;
    let signed = head.number() - merges.number();
    inner.linear = &inner.linear + &signed.product(cs, "part of the relation", &part)?;
    Ok(Done {
        transcript: rounds.transcript.state().clone(),
        multipliers: [mu, of_last],
    })
}

/// The equality polynomial of two coordinates. Cost: 1.
fn eq<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    a: &Number,
    b: &Number,
) -> Result<Number, SynthesisError> {
    let both = a.product(cs, "both", b)?;
    Ok(Number::sum([&both.double(), &Number::one(), &-a, &-b]))
}

/// Four values at a point of two coordinates. Cost: 3.
fn dot<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    first: &Number,
    second: &Number,
    [a, b, c, d]: &[Number; 4],
) -> Result<Number, SynthesisError> {
    let low = first.product_plus(cs, "low pair", &(b - a), a)?;
    let high = first.product_plus(cs, "high pair", &(d - c), c)?;
    second.product_plus(cs, "pairs", &(&high - &low), &low)
}

fn array<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    name: &'static str,
    values: [Scalar; 4],
) -> Result<[Number; 4], SynthesisError> {
    let mut numbers: [Number; 4] = Default::default();
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = Number::alloc(cs, name, value)?;
    }
    Ok(numbers)
}
