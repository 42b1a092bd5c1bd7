//! The larger of two.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::bits::decompose_unsigned;
use super::{Cell, Lin, alloc_unbound};
use crate::Scalar;

/// `m = max(a, b)`.
///
/// Shape: two combinations to one variable; `width <= 60` fixed by the circuit.
/// Requires: `|b - a| < 2^width` as integers.
/// Enforces: `m` is the larger; a difference outside the width is unsatisfiable.
/// Cost: `width + 3` (`width + 1` bits, recomposition, product), variables `width + 2`.
/// Soundness: `b - a + 2^width` has `width + 1` unique bits; the top one `s` is 1 exactly if
/// `b >= a`. `m - a = s * (b - a)` then leaves `m` no choice.
/// Native twin: `i64::max`.
pub fn max<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    a: &Lin,
    b: &Lin,
    width: u32,
) -> Result<Cell, SynthesisError> {
    let difference = b.clone().plus(a, -1);
    let bits = decompose_unsigned(cs, &difference.clone().offset(1 << width), width + 1)?;
    let sign = bits[width as usize];
    let m = alloc_unbound(cs, "max", a.value.max(b.value))?;
    cs.enforce(
        || "max - a = sign * (b - a)",
        |lc| sign.plus(lc),
        |lc| difference.into_lc(lc),
        |lc| Lin::from(m).plus(a, -1).into_lc(lc),
    );
    Ok(m)
}

/// `m = min(a, b) = -max(-a, -b)`; the result is a combination of one variable.
pub fn min<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    a: &Lin,
    b: &Lin,
    width: u32,
) -> Result<Lin, SynthesisError> {
    let negative = |x: &Lin| Lin::default().plus(x, -1);
    let m = max(cs, &negative(a), &negative(b), width)?;
    Ok(negative(&m.into()))
}

/// Smallest `width` with `magnitude < 2^width`.
pub const fn width_of(magnitude: u64) -> u32 {
    64 - magnitude.leading_zeros()
}
