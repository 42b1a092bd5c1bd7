//! One step as constraints, in the order of its native twin [`pleat_argument::step::transition::apply`].
//!
//! Every step runs every part; what a descriptor does not ask for runs on zeros, and its *contributions* are
//! multiplied by the descriptor's flags. No constraint is ever switched off.
//!
//! | part | module |
//! | --- | --- |
//! | state and descriptor opened, group begun | here |
//! | what the task proves: sums, lookups, rounds, values | [`super::task`] |
//! | claims of products | [`super::claims`] |
//! | slots | here |
//! | commitments absorbed, group ended | [`super::chains`] |

use ff::{Field, PrimeField};
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::group::prove::StepRecord;
use pleat_argument::program::{COLUMN_BITS, STEP_VECTORS};
use pleat_argument::step::{BANK, EXPONENT_BITS, Shape};
use pleat_argument::transcript::{Domain, point_elements};

use super::bits::{power, squares, unpack};
use super::chains::{absorb, end};
use super::claims::claims;
use super::descriptor::DescriptorNumbers;
use super::number::Number;
use super::poseidon::hash;
use super::state::{InnerNumbers, StateNumbers};
use super::task::task;
use super::{lookup, slot};
use crate::Scalar;

/// What the prover says besides what tasks and claims allocate themselves.
pub(super) struct Said {
    /// Commitments of the step's vectors, two elements each; zero where there is none.
    pub(super) commitments: [[Number; 2]; STEP_VECTORS],
    /// Correct samples of the group.
    pub(super) count: Number,
}

/// The digest of the state after a step.
///
/// Requires: `input` is the digest of the state before.
/// Enforces: a state and a descriptor are known such that the input is the state's digest and the step the
/// descriptor describes leads to the state whose digest is returned.
/// Native twin: [`pleat_argument::step::transition::apply`].
pub(super) fn transition<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    shape: &Shape,
    record: &StepRecord,
    input: &Number,
) -> Result<Number, SynthesisError> {
    let before = StateNumbers::alloc(cs, shape, &record.state)?;
    let digest = before.digest(&mut cs.namespace(|| "state"))?;
    digest.enforce_equal(cs, "state before", input);
    let descriptor = DescriptorNumbers::alloc(
        &mut cs.namespace(|| "descriptor"),
        shape,
        &record.descriptor,
    )?;
    let said = said(cs, &descriptor, record)?;
    let mut state = before.clone();
    state.inner.program = hash(
        cs,
        Domain::Program,
        &[before.inner.program.clone(), descriptor.digest.clone()],
    )?;
    begin(
        &mut cs.namespace(|| "begin"),
        &descriptor,
        &before,
        input,
        record.message.begin,
        &mut state.inner,
    )?;
    let done = task(
        &mut cs.namespace(|| "task"),
        shape,
        &descriptor,
        &record.message,
        &said,
        &mut state,
    )?;
    let (zeta, delta) = claims(
        &mut cs.namespace(|| "claims"),
        &descriptor,
        &record.message,
        &said,
        &done,
        &mut state,
    )?;
    slots(
        &mut cs.namespace(|| "slots"),
        &descriptor,
        (zeta, delta),
        &mut state,
    )?;
    absorb(
        &mut cs.namespace(|| "chains"),
        &descriptor,
        &said,
        &done,
        &mut state,
    )?;
    let next = end(
        &mut cs.namespace(|| "end"),
        shape,
        &descriptor,
        &record.state,
        state,
    )?;
    next.digest(&mut cs.namespace(|| "next"))
}

fn said<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    record: &StepRecord,
) -> Result<Said, SynthesisError> {
    let message = &record.message;
    let mut commitments: [[Number; 2]; STEP_VECTORS] = Default::default();
    for (i, (own, flags)) in commitments.iter_mut().zip(&descriptor.own).enumerate() {
        let elements = message
            .commitments
            .get(i)
            .map_or([Scalar::ZERO; 2], point_elements);
        let absent = flags.present().not();
        for (number, element) in own.iter_mut().zip(elements) {
            *number = Number::alloc(cs, "commitment", element)?;
            absent
                .number()
                .enforce_product(cs, "no commitment", number, &Number::zero());
        }
    }
    let count = Number::alloc(cs, "count", Scalar::from(message.count))?;
    Ok(Said { commitments, count })
}

/// Begins a group, if the step does.
///
/// Salt and seed are the prover's; the seed is compared with the chain at the group's end.
/// Cost: 5 hashes, 12 selections and products.
fn begin<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    before: &StateNumbers,
    input: &Number,
    said: [Scalar; 2],
    inner: &mut InnerNumbers,
) -> Result<(), SynthesisError> {
    let begins = &descriptor.begin;
    let zero = Number::zero();
    begins
        .number()
        .enforce_product(cs, "idle", &before.inner.program, &zero);
    let full = before
        .group
        .product(cs, "full groups", &descriptor.group_samples)?;
    let missing =
        descriptor
            .has_data
            .number()
            .product(cs, "missing samples", &(&before.samples - &full))?;
    begins
        .number()
        .enforce_product(cs, "groups before are full", &missing, &zero);
    let [salt, seed] = said;
    let salt = Number::alloc(cs, "salt", salt)?;
    let seed = Number::alloc(cs, "seed", seed)?;
    let chain = hash(
        cs,
        Domain::Group,
        &[input.clone(), descriptor.live.clone(), salt.clone()],
    )?;
    let mut derive = |label: u64| {
        hash(
            cs,
            Domain::Derived,
            &[seed.clone(), Number::constant(Scalar::from(label))],
        )
    };
    let (xi, zeta, eta, gamma) = (derive(1)?, derive(2)?, derive(3)?, derive(4)?);
    for (old, new) in [
        (&mut inner.salt, salt),
        (&mut inner.seed, seed),
        (&mut inner.chain, chain),
        (&mut inner.xi, xi),
        (&mut inner.zeta, zeta),
        (&mut inner.eta, eta),
        (&mut inner.gamma, gamma),
    ] {
        *old = begins.select_variable(cs, "begun", &new, old)?;
    }
    Ok(())
}

/// Subtracts what slots say from what is pending, or adds it to the linear relation.
fn slots<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    (zeta, delta): (Vec<Number>, Vec<Number>),
    state: &mut StateNumbers,
) -> Result<(), SynthesisError> {
    let rows = COLUMN_BITS as usize;
    let inner = &state.inner;
    let [q, rem, y, e] = &inner.values;
    let qy = q.product(cs, "q y", y)?;
    let qe = q.product(cs, "q e", e)?;
    let factors = [q.clone(), rem.clone(), y.clone(), e.clone(), qy, qe];
    let xi = squares(cs, &inner.xi, EXPONENT_BITS as usize)?;
    let mut bank: [Number; BANK] = Default::default();
    for (power_of_xi, exponent) in bank.iter_mut().zip(&descriptor.bank) {
        *power_of_xi = power(cs, &xi, exponent)?;
    }
    let half = Number::constant(Scalar::TWO_INV);
    let mut point = vec![];
    for x in &state.point {
        point.push(descriptor.half.select_variable(cs, "half", &half, x)?);
    }
    let prefix = prefix(cs, descriptor, state)?;
    let setting = slot::Setting {
        xi,
        zeta,
        delta,
        bank,
        head: inner.head.clone(),
        point,
        prefix,
        factors,
    };
    let mut sum = vec![];
    for elements in &descriptor.slots {
        sum.push(slot::evaluate(
            &mut cs.namespace(|| "slot"),
            elements,
            &setting,
        )?);
    }
    let sum = Number::sum(&sum);
    let added = descriptor.half.number().product(cs, "added", &sum)?;

    // Lookups, at the pending GKR point and the new running point's rows.
    let (lambda, selector, eta) = (&inner.lambda, &inner.selector, &inner.eta);
    let other = &Number::one() - selector;
    let square = lambda.product(cs, "lambda^2", lambda)?;
    let cube = square.product(cs, "lambda^3", lambda)?;
    let second = square.product(cs, "lambda^2 other", &other)?;
    let ranges = cube.product(cs, "lambda^3 selector", selector)?;
    let third = &cube - &ranges;
    let weighted = third.product(cs, "lambda^3 other eta", eta)?;
    let looking = weighted.product(cs, "looking", q)?;
    let bound = weighted
        .product(cs, "eta^2", eta)?
        .product(cs, "bound", y)?;
    let entry = second.product(cs, "entry", e)?;
    let setting = lookup::Setting::new(
        cs,
        eta,
        &inner.z,
        &state.point[rows..],
        [second, third, ranges],
        [looking, bound, entry],
    )?;
    let (mut forms, mut kinds) = (vec![], vec![]);
    for elements in &descriptor.lookups {
        let [form, kind] = lookup::evaluate(&mut cs.namespace(|| "lookup"), elements, &setting)?;
        forms.push(form);
        kinds.push(kind);
    }
    let inner = &mut state.inner;
    inner.linear = &inner.linear + &added;
    inner.forms = &inner.forms - &Number::sum(&forms);
    inner.claim = &(&inner.claim - &(&sum - &added)) - &Number::sum(&kinds);
    Ok(())
}

/// The equality polynomial of the group's place with the coordinates that hold it.
///
/// The place is shifted to its coordinates and unpacked; coordinates that hold no place do not count.
fn prefix<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    descriptor: &DescriptorNumbers,
    state: &StateNumbers,
) -> Result<Number, SynthesisError> {
    let shifted = state
        .prefix
        .product(cs, "shifted place", &descriptor.prefix_scale)?;
    let bits = unpack(cs, &shifted, state.point.len())?;
    let mut product = Number::one();
    for ((bit, x), holds) in bits.iter().zip(&state.point).zip(&descriptor.prefix) {
        let eq = bit.select(cs, "place's bit", x, &(&Number::one() - x))?;
        let factor = holds.select(cs, "place's factor", &eq, &Number::one())?;
        product = product.product(cs, "place", &factor)?;
    }
    Ok(product)
}
