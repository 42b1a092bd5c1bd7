//! One step, natively: the twin of the step circuit, in the same order.

use ff::{Field, PrimeField};
use halo2curves::bn256::G1Affine;

use super::descriptor::{Descriptor, Task, extend_program};
use super::slot::FACTORS;
use super::state::{Constants, Inner, Pending, State};
use super::{BANK, Shape, lookup, slot};
use crate::multilinear::{eq, eq_index, eq_table};
use crate::program::{COLUMN_BITS, STEP_VECTORS, VectorKind};
use crate::statement::extend_chain;
use crate::transcript::{Domain, Transcript, hash, multiplier, point_elements};
use crate::{Error, Result, Scalar, sumcheck};

pub use super::message::{Message, Opening};

pub(super) const ROW_START: usize = COLUMN_BITS as usize;

/// What a failed check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// It refuses the step.
    Enforced,
    /// Nothing: of a prover that goes on with what is false, for verifiers to be tested against.
    Ignored,
}

impl Checks {
    fn check(self, ok: bool, what: &'static str) -> Result<()> {
        match ok || self == Self::Ignored {
            true => Ok(()),
            false => Err(Error::rejected(what)),
        }
    }
}

/// A state after a step, and the multipliers of the step's vectors.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The state.
    pub state: State,
    /// One multiplier per vector.
    pub multipliers: Vec<Scalar>,
}

/// Begins a group, if the step does, checks that nothing is pending where something new starts, and starts the
/// step's transcript: what depends on nothing the step itself proves.
///
/// # Errors
/// [`Error::Rejected`] with the failed check.
pub fn start(
    state: &State,
    descriptor: &Descriptor,
    digest: &Scalar,
    begin: &[Scalar; 2],
    commitments: &[G1Affine],
) -> Result<(State, Transcript)> {
    start_with(
        Checks::Enforced,
        state,
        descriptor,
        digest,
        begin,
        commitments,
    )
}

pub(crate) fn start_with(
    checks: Checks,
    state: &State,
    descriptor: &Descriptor,
    digest: &Scalar,
    begin: &[Scalar; 2],
    commitments: &[G1Affine],
) -> Result<(State, Transcript)> {
    let mut next = state.clone();
    if descriptor.begin {
        checks.check(
            bool::from(state.inner.program.is_zero()),
            "a group begins inside another",
        )?;
        checks.check(
            !descriptor.has_data
                || u128::from(state.samples)
                    == u128::from(state.group) * u128::from(descriptor.group_samples),
            "a group after one that was not full",
        )?;
        let [salt, seed] = *begin;
        let derive = |label: u64| hash(Domain::Derived, &[seed, Scalar::from(label)]);
        next.inner.salt = salt;
        next.inner.seed = seed;
        next.inner.chain = first_chain(state, descriptor.live, &salt);
        next.inner.xi = derive(1);
        next.inner.zeta = derive(2);
        next.inner.eta = derive(3);
        next.inner.gamma = derive(4);
    }
    next.inner.program = extend_program(&state.inner.program, digest);
    if descriptor.task == Task::More {
        return Ok((next, Transcript::resume(state.inner.transcript)));
    }
    checks.check(
        bool::from(state.inner.pending.claim.is_zero() & state.inner.pending.forms.is_zero()),
        "the last claim of a sum-check",
    )?;
    let inner = &next.inner;
    let mut elements = vec![
        inner.seed,
        inner.salt,
        inner.delta,
        inner.program,
        state.running.list,
        state.running.value,
    ];
    elements.extend_from_slice(&state.running.point);
    for i in 0..STEP_VECTORS {
        elements.extend(commitments.get(i).map_or([Scalar::ZERO; 2], point_elements));
    }
    Ok((next, Transcript::new(Domain::Step, &elements)))
}

/// The chain over a group's commitments before the first of them.
pub fn first_chain(state: &State, live: u64, salt: &Scalar) -> Scalar {
    hash(Domain::Group, &[state.digest(), Scalar::from(live), *salt])
}

/// That chain, one more commitment.
pub fn extend_group_chain(chain: &Scalar, name: &Scalar, commitment: &G1Affine) -> Scalar {
    let [low, high] = point_elements(commitment);
    hash(Domain::Chain, &[*chain, *name, low, high])
}

/// The challenges between a sum-check's values and the next running claim: the column point's two coordinates
/// for a chunk, then one multiplier; two multipliers for vectors.
pub fn merging(
    values: &[Scalar; 4],
    running: &[Scalar; 4],
    transcript: &mut Transcript,
) -> [Scalar; 3] {
    transcript.message(values);
    [
        transcript.message(running),
        transcript.message(&[]),
        transcript.message(&[]),
    ]
}

/// The powers of xi that a step's slots use.
pub fn bank(descriptor: &Descriptor, xi: &Scalar) -> [Scalar; BANK] {
    descriptor
        .bank
        .map(|exponent| xi.pow_vartime([u64::from(exponent)]))
}

/// Carries a state over one step.
///
/// # Errors
/// [`Error::Rejected`] with the failed check.
pub fn apply(
    shape: &Shape,
    state: &State,
    descriptor: &Descriptor,
    digest: &Scalar,
    message: &Message,
) -> Result<Outcome> {
    apply_with(Checks::Enforced, shape, state, descriptor, digest, message)
}

pub(crate) fn apply_with(
    checks: Checks,
    shape: &Shape,
    state: &State,
    descriptor: &Descriptor,
    digest: &Scalar,
    message: &Message,
) -> Result<Outcome> {
    let (mut next, mut transcript) = start_with(
        checks,
        state,
        descriptor,
        digest,
        &message.begin,
        &message.commitments,
    )?;
    let multipliers = match descriptor.task {
        Task::Head => {
            head(descriptor, message, &mut next, &mut transcript);
            vec![]
        }
        Task::Chunk => chunk(shape, message, &mut next, &mut transcript)?,
        Task::Vectors => vectors(descriptor, message, &mut next, &mut transcript)?,
        Task::More => vec![],
    };
    if descriptor.task == Task::Head {
        next.inner.transcript = transcript.state();
        next.inner.marks[0] = transcript.state();
    }
    claims(checks, descriptor, message, &mut next)?;
    slots(descriptor, &mut next);
    for ((name, commitment), mu) in descriptor
        .vectors
        .iter()
        .zip(&message.commitments)
        .zip(&multipliers)
    {
        next.running.absorb(commitment, mu);
        next.inner.chain = extend_group_chain(&next.inner.chain, &name.element(), commitment);
        absorb_vector(checks, name.kind, commitment, &mut next)?;
    }
    if descriptor.end {
        end(checks, shape, descriptor, &mut next)?;
    }
    Ok(Outcome {
        state: next,
        multipliers,
    })
}

fn head(descriptor: &Descriptor, message: &Message, next: &mut State, transcript: &mut Transcript) {
    transcript.message(&[message.part]);
    let rounds: Vec<_> = message.rounds[..descriptor.head_bits]
        .iter()
        .rev()
        .copied()
        .collect();
    let (point, rest) = sumcheck::verify(message.part, &rounds, transcript);
    next.inner.head.fill(Scalar::ZERO);
    next.inner.head[..point.len()].copy_from_slice(&point);
    next.inner.pending.claim = rest;
    next.inner.linear += message.part;
}

fn chunk(
    shape: &Shape,
    message: &Message,
    next: &mut State,
    transcript: &mut Transcript,
) -> Result<Vec<Scalar>> {
    let inner = &mut next.inner;
    let claim = crate::lookup::verify(shape.row_bits, &message.lookup, transcript)?;
    let [numerator, denominator] = message.lookup.root;
    let inverse = denominator.invert().into_option();
    inner.lookups += numerator * inverse.ok_or(Error::rejected("a denominator of zero"))?;
    inner.linear -= message.part;
    let lambda = transcript.message(&[message.part]);
    // z: the GKR point, its last coordinate choosing one of the two fractions.
    let (z, selector) = claim.point.split_at(shape.row_bits as usize);
    let selector = selector.first().copied().unwrap_or_default();
    let entries = Scalar::ONE - claim.numerator;
    let fractions = inner.gamma - claim.denominator;
    let powers = [lambda, lambda.square(), lambda.square() * lambda];
    let total =
        message.part + powers[0] * next.running.value + powers[1] * entries + powers[2] * fractions
            - message.forms;
    let rounds: Vec<_> = message.rounds[ROW_START..].iter().rev().copied().collect();
    let (point, rest) = sumcheck::verify(total, &rounds, transcript);
    let (old_columns, old_rows) = next.running.point.split_at(ROW_START);
    let dot = |weights: &[Scalar], values: &[Scalar; 4]| -> Scalar {
        weights.iter().zip(values).map(|(w, v)| *w * v).sum()
    };
    let combined = dot(&eq_table(old_columns), &message.running);
    inner.pending = Pending {
        claim: rest
            - powers[0] * eq(old_rows, &point) * combined
            - powers[2] * inner.eta * selector * eq(z, &point) * message.values[1],
        forms: message.forms,
        values: message.values,
        z: z.to_vec(),
        selector,
        lambda,
    };
    let [first, second, third] = merging(&message.values, &message.running, transcript);
    let mu = multiplier(&third).ok_or(Error::rejected("a multiplier of zero"))?;
    let weights = eq_table(&[first, second]);
    next.running.value = dot(&weights, &message.running) + mu * dot(&weights, &message.values);
    next.running.point = [&[first, second], point.as_slice()].concat();
    Ok(vec![mu])
}

fn vectors(
    descriptor: &Descriptor,
    message: &Message,
    next: &mut State,
    transcript: &mut Transcript,
) -> Result<Vec<Scalar>> {
    let inner = &mut next.inner;
    let lambda = transcript.message(&[message.part]);
    inner.linear -= message.part;
    let total = message.part + lambda * next.running.value;
    let rounds: Vec<_> = message.rounds.iter().rev().copied().collect();
    let (point, rest) = sumcheck::verify(total, &rounds, transcript);
    let running = message.running[0];
    inner.pending.claim = rest - lambda * eq(&next.running.point, &point) * running;
    inner.pending.values = message.values;
    let [_, second, third] = merging(&message.values, &message.running, transcript);
    next.running.value = running;
    next.running.point = point;
    let mut multipliers = vec![];
    for (challenge, value) in [second, third]
        .iter()
        .zip(&message.values)
        .take(descriptor.vectors.len())
    {
        let mu = multiplier(challenge).ok_or(Error::rejected("a multiplier of zero"))?;
        next.running.value += mu * value;
        multipliers.push(mu);
    }
    Ok(multipliers)
}

/// What slots add: to the linear relation if they are sums over all indices, else to what was claimed.
fn slots(descriptor: &Descriptor, next: &mut State) {
    let inner = &mut next.inner;
    let half = vec![Scalar::TWO_INV; next.running.point.len()];
    let [q, rem, y, e] = inner.pending.values;
    let prefix = descriptor.prefix.map_or(Scalar::ONE, |(first, count)| {
        let (first, count) = (first as usize, count as usize);
        eq_index(&next.running.point[first..first + count], next.prefix)
    });
    let factors: [Scalar; FACTORS] = [q, rem, y, e, q * y, q * e, Scalar::ONE];
    let setting = slot::Setting {
        xi: inner.xi,
        zeta: inner.zeta,
        delta: inner.delta,
        bank: bank(descriptor, &inner.xi),
        head: &inner.head,
        point: match descriptor.half {
            true => &half,
            false => &next.running.point,
        },
        prefix,
        factors,
    };
    let sum: Scalar = descriptor.slots.iter().map(|s| s.evaluate(&setting)).sum();
    match descriptor.half {
        true => inner.linear += sum,
        false => inner.pending.claim -= sum,
    }
    let pending = &mut inner.pending;
    let (lambda, selector) = (pending.lambda, pending.selector);
    let (square, other) = (lambda.square(), Scalar::ONE - selector);
    let (second, third) = (square * other, square * lambda * other);
    let setting = lookup::Setting {
        eta: inner.eta,
        z: &pending.z,
        x: &next.running.point[ROW_START..],
        forms: [second, third, square * lambda * selector],
        kinds: [
            third * inner.eta * q,
            third * inner.eta.square() * y,
            second * e,
        ],
    };
    for slot in &descriptor.lookups {
        let [form, kind] = slot.evaluate(&setting);
        pending.forms -= form;
        pending.claim -= kind;
    }
}

fn claims(
    checks: Checks,
    descriptor: &Descriptor,
    message: &Message,
    next: &mut State,
) -> Result<()> {
    let flags = descriptor.claims;
    let inner = &mut next.inner;
    if flags.replay {
        inner.transcript = inner.marks[0];
    }
    if flags.close {
        inner.marks[1] = inner.transcript;
    }
    if flags.verify || flags.target {
        let mut transcript = Transcript::resume(inner.transcript);
        inner.transcript = transcript.message(&message.claims.concat());
    }
    checks.check(
        !flags.replayed || inner.transcript == inner.marks[1],
        "claims that are not those of the channel sum-check",
    )?;
    checks.check(
        flags.close || message.count == 0,
        "a count that is not claimed",
    )?;
    if flags.close {
        let count = Scalar::from(message.count);
        inner.delta = Transcript::resume(inner.transcript).message(&[count]);
        match descriptor.count_claim {
            Some(exponent) => {
                inner.linear += inner.delta.pow_vartime([u64::from(exponent)]) * count;
            }
            None => checks.check(message.count == 0, "a count that is not claimed")?,
        }
        next.count = (next.count.checked_add(message.count))
            .ok_or(Error::rejected("more correct samples than samples"))?;
    }
    let mut weight = inner
        .zeta
        .pow_vartime([u64::from(descriptor.first_identity)]);
    let mut power = inner.delta.pow_vartime([u64::from(descriptor.first_claim)]);
    for (product, [x, u]) in descriptor.products.iter().zip(&message.claims) {
        weight *= inner.zeta.pow_vartime([u64::from(product.step)]);
        if flags.verify {
            inner.pending.claim -= weight * x * u;
        }
        if flags.target {
            inner.linear += power * x + power * inner.delta * u;
        }
        power *= inner.delta.square();
    }
    Ok(())
}

fn absorb_vector(
    checks: Checks,
    kind: VectorKind,
    commitment: &G1Affine,
    next: &mut State,
) -> Result<()> {
    match kind {
        VectorKind::Trace => {}
        VectorKind::Weights => {
            next.inner.weights = extend_chain(&next.inner.weights, commitment);
        }
        VectorKind::Tables => next.inner.tables = extend_chain(&next.inner.tables, commitment),
        VectorKind::Outputs => next.outputs = extend_chain(&next.outputs, commitment),
        VectorKind::Data if next.prefix == 0 => {
            next.data = extend_chain(&next.data, commitment);
            next.cursor = point_elements(commitment);
        }
        VectorKind::Data => checks.check(
            next.cursor == point_elements(commitment),
            "another data vector",
        )?,
    }
    Ok(())
}

fn end(checks: Checks, shape: &Shape, descriptor: &Descriptor, next: &mut State) -> Result<()> {
    let Constants {
        program,
        last_program,
        weights,
        tables,
        ..
    } = next.constants;
    let inner = &next.inner;
    checks.check(inner.chain == inner.seed, "the seed of the challenges")?;
    checks.check(
        inner.program == program || inner.program == last_program,
        "the program",
    )?;
    checks.check(inner.weights == weights, "the weights")?;
    checks.check(inner.tables == tables, "the activation tables")?;
    checks.check(bool::from(inner.linear.is_zero()), "the linear relation")?;
    checks.check(bool::from(inner.lookups.is_zero()), "the lookups")?;
    checks.check(
        bool::from(inner.pending.claim.is_zero() & inner.pending.forms.is_zero()),
        "the last claim of a sum-check",
    )?;
    next.inner = Inner::idle(shape);
    next.group += 1;
    next.samples += if descriptor.has_data {
        descriptor.live
    } else {
        0
    };
    next.prefix = match next.prefix + 1 {
        whole if whole == descriptor.vector_groups => 0,
        part => part,
    };
    Ok(())
}
