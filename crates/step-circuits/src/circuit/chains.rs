//! Commitments into their chains, and the end of a group.

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::program::VectorKind;
use pleat_argument::step::Shape;
use pleat_argument::step::state::State;
use pleat_argument::transcript::Domain;

use super::Bit;
use super::descriptor::DescriptorNumbers;
use super::number::Number;
use super::poseidon::hash;
use super::state::StateNumbers;
use super::task::Done;
use super::transition::Said;
use crate::Scalar;

/// Absorbs the step's commitments into the list, the group's chain, and the chain of their kind.
///
/// Enforces what the native transition does with commitments and multipliers.
/// Binds: every chain by a hash, selected by the bits of the vector's kind.
/// Cost: 3 hashes and 13 products a vector.
pub(super) fn absorb<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    said: &Said,
    done: &Done,
    state: &mut StateNumbers,
) -> Result<(), SynthesisError> {
    let fresh = is_zero(cs, &state.prefix)?;
    let vectors = descriptor.own.iter().zip(&said.commitments);
    for ((flags, commitment), mu) in vectors.zip(&done.multipliers) {
        let present = flags.present();
        let [low, high] = commitment;
        let list = hash(
            cs,
            Domain::List,
            &[state.list.clone(), low.clone(), high.clone(), mu.clone()],
        )?;
        state.list = present.select_variable(cs, "list", &list, &state.list)?;
        let inner = &mut state.inner;
        let chain = hash(
            cs,
            Domain::Chain,
            &[
                inner.chain.clone(),
                flags.name.clone(),
                low.clone(),
                high.clone(),
            ],
        )?;
        inner.chain = present.select_variable(cs, "chain", &chain, &inner.chain)?;

        let kind = |kind: VectorKind| &flags.kinds[kind as usize];
        let new_data = kind(VectorKind::Data)
            .number()
            .product(cs, "new data", fresh.number())?;
        let old_data = kind(VectorKind::Data).number() - &new_data;
        let new_data = Bit::of_bound(new_data);
        let mut chains = [
            (kind(VectorKind::Weights), &mut inner.weights),
            (kind(VectorKind::Tables), &mut inner.tables),
            (kind(VectorKind::Outputs), &mut state.outputs),
            (&new_data, &mut state.data),
        ];
        let mut selected = vec![];
        for (flag, chain) in &chains {
            selected.push(flag.number().product(cs, "selected chain", chain)?);
        }
        let extended = hash(
            cs,
            Domain::Vectors,
            &[Number::sum(&selected), low.clone(), high.clone()],
        )?;
        for (flag, chain) in &mut chains {
            **chain = flag.select_variable(cs, "extended chain", &extended, chain)?;
        }
        for (cursor, element) in state.cursor.iter_mut().zip(commitment) {
            old_data.enforce_product(
                cs,
                "the same data vector",
                &(element - cursor),
                &Number::zero(),
            );
            *cursor = new_data.select_variable(cs, "data vector", element, cursor)?;
        }
    }
    Ok(())
}

/// Whether a number is zero. Cost: 3.
///
/// `zero = 1 - number inverse` and `number zero = 0`: for a number other than zero the second makes `zero`
/// zero, for zero the first makes it one. The third, `zero inverse = 0`, only binds the inverse of zero.
fn is_zero<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    number: &Number,
) -> Result<Bit, SynthesisError> {
    let inverse = number.value().invert().unwrap_or(Scalar::ZERO);
    let inverse = Number::alloc(cs, "inverse or nothing", inverse)?;
    let other = number.product(cs, "is not zero", &inverse)?;
    let zero = &Number::one() - &other;
    number.enforce_product(cs, "is zero", &zero, &Number::zero());
    zero.enforce_product(cs, "no inverse", &inverse, &Number::zero());
    Ok(Bit::of_bound(zero))
}

/// Ends a group, if the step does: everything adds up, and what was the group's own is cleared.
///
/// Binds: the choice of the program is a bit.
/// Cost: 12 products and one for each element of the group's state.
pub(super) fn end<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    shape: &Shape,
    descriptor: &DescriptorNumbers,
    before: &State,
    mut state: StateNumbers,
) -> Result<StateNumbers, SynthesisError> {
    let ends = &descriptor.end;
    let inner = &state.inner;
    let [_, program, last_program, weights, tables] = &state.constants;
    let last = Bit::alloc(
        cs,
        "last group",
        inner.program.value() != before.constants.program,
    )?;
    let program = last.select(cs, "program", last_program, program)?;
    let zero = Number::zero();
    for (name, difference) in [
        ("seed", &inner.chain - &inner.seed),
        ("program", &inner.program - &program),
        ("weights", &inner.weights - weights),
        ("tables", &inner.tables - tables),
        ("linear relation", inner.linear.clone()),
        ("lookups", inner.lookups.clone()),
        ("last claim", inner.claim.clone()),
        ("last forms", inner.forms.clone()),
    ] {
        ends.number().enforce_product(cs, name, &difference, &zero);
    }
    state.group = &state.group + ends.number();
    let samples = ends
        .number()
        .product(cs, "counted samples", descriptor.has_data.number())?
        .product(cs, "samples", &descriptor.live)?;
    state.samples = &state.samples + &samples;
    let following = &state.prefix + &Number::one();
    let whole = is_zero(cs, &(&following - &descriptor.vector_groups))?;
    let following = whole.not().number().product(cs, "next place", &following)?;
    state.prefix = ends.select_variable(cs, "place", &following, &state.prefix)?;
    let StateNumbers { inner, .. } = state.clone();
    state.inner = inner.cleared(cs, shape, ends)?;
    Ok(state)
}
