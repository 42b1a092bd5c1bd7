//! Decompositions into bits, powers with exponents in bits, selections by bits.

use ff::{Field, PrimeField};
use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::{Bit, Number};
use crate::Scalar;

/// Most bits of an element whose decomposition is the only one: sums below `2^252 < p` do not wrap.
pub const MOST_BITS: usize = 252;
/// Bits of a multiplier.
const LOW_BITS: usize = 128;

/// The bits of an element, lowest first.
///
/// Shape: an element to at most [`MOST_BITS`] bits, else an error.
/// Requires: nothing. Enforces: every bit is one, and their sum with powers of two is the element, which
/// is therefore below `2^bits`.
/// Binds: bits, because their sum does not wrap, are the element's only ones. Cost: `bits + 1`.
pub fn unpack<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    element: &Number,
    bits: usize,
) -> Result<Vec<Bit>, SynthesisError> {
    if bits > MOST_BITS {
        return Err(SynthesisError::Unsatisfiable("too many bits".into()));
    }
    let bits = alloc_bits(cs, &element.value(), bits)?;
    sum_of_bits(&bits).enforce_equal(cs, "unpacking", element);
    Ok(bits)
}

/// The low bits of a value, held to be bits. Cost: 1 each.
fn alloc_bits<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: &Scalar,
    bits: usize,
) -> Result<Vec<Bit>, SynthesisError> {
    let repr = value.to_repr();
    let bytes: &[u8] = repr.as_ref();
    (0..bits)
        .map(|i| Bit::alloc(cs, "bit", bytes[i / 8] >> (i % 8) & 1 == 1))
        .collect()
}

/// `sum_i 2^i bit_i`; free.
pub fn sum_of_bits(bits: &[Bit]) -> Number {
    let mut weight = Scalar::ONE;
    let terms: Vec<_> = (bits.iter())
        .map(|bit| {
            let term = bit.number().scale(weight);
            weight = weight.double();
            term
        })
        .collect();
    Number::sum(&terms)
}

/// `base, base^2, base^4, ...`: `count` of them. Cost: `count - 1`, each square bound by its product.
pub fn squares<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    base: &Number,
    count: usize,
) -> Result<Vec<Number>, SynthesisError> {
    let mut squares = vec![base.clone()];
    while squares.len() < count {
        let last = &squares[squares.len() - 1];
        squares.push(last.product(cs, "square", last)?);
    }
    squares.truncate(count);
    Ok(squares)
}

/// `base^exponent` from the squares of the base and the bits of the exponent.
///
/// Shape: as many squares as bits; at least one, else the result is the constant 1.
/// Requires: squares as of [`squares`]. Enforces: the product over the set bits of their squares.
/// Binds: per bit what the bit leaves of the product so far, and the product. Cost: `2 bits - 1`.
pub fn power<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    squares: &[Number],
    bits: &[Bit],
) -> Result<Number, SynthesisError> {
    let one = Number::one();
    match (squares.split_first(), bits.split_first()) {
        (Some((base, squares)), Some((bit, bits))) => {
            let first = bit.select_variable(cs, "power", base, &one)?;
            times_power(cs, &first, squares, bits)
        }
        _ => Ok(one),
    }
}

/// A number times a power, as [`power`]. Cost: `2 bits`.
pub fn times_power<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    number: &Number,
    squares: &[Number],
    bits: &[Bit],
) -> Result<Number, SynthesisError> {
    let mut product = number.clone();
    for (square, bit) in squares.iter().zip(bits) {
        let factor = square - &Number::one();
        let taken = bit.number().product(cs, "power taken", &product)?;
        product = taken.product_plus(cs, "power", &factor, &product)?;
    }
    Ok(product)
}

/// The entry of a table at an index given by its bits, lowest first.
///
/// Shape: `k` bits and `2^k` entries, else an error. Requires: bits are bits.
/// Binds: the selections of a binary tree, one constraint each. Cost: `2^k - 1`.
pub fn select_one_of<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    index: &[Bit],
    table: &[Number],
) -> Result<Number, SynthesisError> {
    if table.len() != 1 << index.len() {
        return Err(SynthesisError::IncompatibleLengthVector("table".into()));
    }
    let mut entries = table.to_vec();
    for bit in index {
        entries = (entries.chunks(2))
            .map(|pair| bit.select_variable(cs, "entry", &pair[1], &pair[0]))
            .collect::<Result<_, _>>()?;
    }
    entries.pop().ok_or(SynthesisError::AssignmentMissing)
}

/// The low 128 bits of a challenge, as a multiplier that is not zero if `active`.
///
/// Shape: a challenge and a bit to one variable. Requires: `active` is a bit.
/// Enforces: `challenge = low + 2^128 high` with `low < 2^128` and `high < h`, `h` the high part of the
/// field's order `p`; so the sum is below `p`, hence the canonical representative and `low` unique.
/// `low inverse = active`.
/// A challenge in the last, incomplete run of `2^128` below `p` is refused, which the native twin takes:
/// a hash is there with probability below `2^-125`, next to that of a zero multiplier.
/// Binds: bits of `low` by `low`, that by the challenge; `high = a + s (h - 2^125)` for 125 bits `a` and a
/// bit `s` reaches exactly the numbers below `h`, since `2^125 <= h <= 2^126`; where two encodings give the
/// same `high` it does not matter which. The inverse: by its constraint, or unused where `low` is zero.
/// Cost: 257. Native twin: [`pleat_argument::transcript::multiplier`].
pub fn multiplier<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    challenge: &Number,
    active: &Bit,
) -> Result<Number, SynthesisError> {
    let halves = |value: &Scalar| {
        let repr = value.to_repr();
        let bytes: &[u8] = repr.as_ref();
        let half = |bytes: &[u8]| {
            let all = bytes.iter().rev();
            all.fold(0u128, |sum, byte| sum << 8 | u128::from(*byte))
        };
        [half(&bytes[..16]), half(&bytes[16..])]
    };
    let [low, high] = halves(&challenge.value());
    // The order is one more than the largest element, which is even.
    let [_, bound] = halves(&-Scalar::ONE);
    let half_range = 1u128 << 125;
    let offset = bound - half_range;
    let above = high >= half_range;
    let rest = if above {
        high.saturating_sub(offset)
    } else {
        high
    };
    let upper = Bit::alloc(cs, "upper half", above)?;
    let rest = alloc_bits(cs, &Scalar::from_u128(rest), 125)?;
    let high = &sum_of_bits(&rest) + &upper.number().scale(Scalar::from_u128(offset));

    let low = Number::alloc(cs, "multiplier", Scalar::from_u128(low))?;
    unpack(cs, &low, LOW_BITS)?;
    let shift = Scalar::from_u128(1 << 127).double();
    (&low + &high.scale(shift)).enforce_equal(cs, "halves", challenge);

    let inverse = low.value().invert().unwrap_or(Scalar::ZERO) * active.number().value();
    let inverse = Number::alloc(cs, "inverse", inverse)?;
    low.enforce_product(cs, "multiplier is not zero", &inverse, active.number());
    Ok(low)
}
