//! Booleans and ranges.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::{Cell, Lin, ONE, alloc_unbound, enforce_equal, scalar};
use crate::Scalar;

/// A bit: a variable that is 0 or 1.
///
/// Enforces: `b * (1 - b) = 0`, whose only roots in a field are 0 and 1.
/// Cost: 1, variables: 1.
pub fn alloc_bit<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: bool,
) -> Result<Cell, SynthesisError> {
    let bit = alloc_unbound(cs, "bit", value.into())?;
    cs.enforce(
        || "boolean",
        |lc| bit.plus(lc),
        |lc| bit.times(lc + ONE, -1),
        |lc| lc,
    );
    Ok(bit)
}

/// `bits` bits of a value, lowest first; the value is taken modulo `2^bits`.
pub fn alloc_bits<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    value: i64,
    bits: u32,
) -> Result<Vec<Cell>, SynthesisError> {
    (0..bits)
        .map(|i| alloc_bit(cs, value >> i & 1 == 1))
        .collect()
}

/// `sum of 2^i * bits[i]`.
pub fn recompose(bits: &[Cell]) -> Lin {
    let mut sum = Lin::default();
    for (i, &bit) in bits.iter().enumerate() {
        sum.add(bit, 1 << i);
    }
    sum
}

/// `0 <= x < 2^bits`, without keeping the bits.
///
/// Shape: one combination, `bits <= 60` fixed by the circuit.
/// Requires: nothing of `x` (any field element).
/// Enforces: `x` is an integer in `[0, 2^bits)`; unsatisfiable otherwise.
/// Cost: `max(bits, 1)`, variables `max(bits, 1) - 1`; `x` is copied twice, so it should be short.
/// Soundness: the low `bits - 1` bits are boolean and the rest `t = x - sum` satisfies
/// `t * (t - 2^(bits-1)) = 0`, so `x = sum + {0, 2^(bits-1)}` with `0 <= sum < 2^(bits-1)`.
pub fn enforce_unsigned<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    x: &Lin,
    bits: u32,
) -> Result<(), SynthesisError> {
    if bits == 0 {
        enforce_equal(cs, "zero", x, &Lin::default());
        return Ok(());
    }
    let low = alloc_bits(cs, x.value, bits - 1)?;
    let top = x.clone().plus(&recompose(&low), -1);
    cs.enforce(
        || "top bit",
        |lc| top.into_lc(lc),
        |lc| top.into_lc(lc) - (scalar(1 << (bits - 1)), ONE),
        |lc| lc,
    );
    Ok(())
}

/// The bits of `x`, lowest first.
///
/// Shape: one combination, `bits <= 60` fixed by the circuit.
/// Requires: nothing of `x`.
/// Enforces: every bit boolean and `x = sum of 2^i * bit_i`, hence `0 <= x < 2^bits` and the bits
/// unique: the sum is below the field's order, so no other sum is congruent to `x`.
/// Cost: `bits + 1`, variables `bits`.
pub fn decompose_unsigned<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    x: &Lin,
    bits: u32,
) -> Result<Vec<Cell>, SynthesisError> {
    let cells = alloc_bits(cs, x.value, bits)?;
    enforce_equal(cs, "recomposition", x, &recompose(&cells));
    Ok(cells)
}

/// Whether an integer is not zero.
///
/// Shape: one combination to one bit.
/// Requires: nothing of `x`.
/// Enforces: `h = 1` if `x != 0`, `h = 0` if `x = 0`; the inverse is 0 in the second case.
/// Cost: 3, variables 2.
/// Soundness: `x * i = h`, `x * (1 - h) = 0`, `i * (1 - h) = 0`. If `x = 0` the first gives `h = 0`
/// and the third `i = 0`; if `x != 0` the second gives `h = 1` and the first `i = 1/x`.
pub fn is_nonzero<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    x: &Lin,
) -> Result<Cell, SynthesisError> {
    use ff::Field;
    let inverse = cs.alloc(
        || "inverse",
        || Ok(scalar(x.value).invert().unwrap_or(Scalar::ZERO)),
    )?;
    let flag = alloc_unbound(cs, "nonzero", i64::from(x.value != 0))?;
    cs.enforce(
        || "nonzero: x * inverse = flag",
        |lc| x.into_lc(lc),
        |lc| lc + inverse,
        |lc| flag.plus(lc),
    );
    cs.enforce(
        || "nonzero: x * (1 - flag) = 0",
        |lc| x.into_lc(lc),
        |lc| flag.times(lc + ONE, -1),
        |lc| lc,
    );
    cs.enforce(
        || "nonzero: inverse * (1 - flag) = 0",
        |lc| lc + inverse,
        |lc| flag.times(lc + ONE, -1),
        |lc| lc,
    );
    Ok(flag)
}

/// Whether any of some bits is set.
///
/// Requires: boolean inputs.
/// Enforces: `h` is their disjunction.
/// Cost: `n - 1` for `n <= 4`, else 3 (their sum is at most `n`, far below the field's order, and
/// zero exactly if none is set). One bit costs nothing.
pub fn any<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    bits: &[Cell],
) -> Result<Lin, SynthesisError> {
    if bits.len() > 4 {
        let mut sum = Lin::default();
        bits.iter().for_each(|&b| sum.add(b, 1));
        return Ok(is_nonzero(cs, &sum)?.into());
    }
    // not any = product of (1 - b)
    let not = |b: Cell| Lin::constant(1).plus(&b.into(), -1);
    let mut none = Lin::constant(1);
    for (i, &bit) in bits.iter().enumerate() {
        none = match i {
            0 => not(bit),
            _ => super::product(cs, "none set", &none, &not(bit))?.into(),
        };
    }
    Ok(Lin::constant(1).plus(&none, -1))
}
