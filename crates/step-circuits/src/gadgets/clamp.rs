//! From a quotient to a layer's value: identity, ReLU, clip.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_model::network::{ValueRange, signed_range};

use super::bits::{any, recompose};
use super::max::{max, min, width_of};
use super::requantize::Quotient;
use super::{Cell, Lin, materialize, product};
use crate::Scalar;

/// `y = clamp(q, min, max)`.
///
/// Shape: a quotient of `Q` bits to one variable; the range is fixed by the circuit.
/// Requires: the bits of [`super::requantize()`].
/// Enforces: `y = min(max(q, range.min), range.max)`; a bound that no quotient reaches costs nothing.
/// Cost, apart from the quotient's bits:
///
/// | range | constraints |
/// | --- | --- |
/// | no bound reachable | 1 |
/// | `min = 0` | 1: `y = sign * low`, with `low` the bits below the sign |
/// | `min = 0, max = 2^k - 1` | 2 + any of the `Q - 1 - k` bits between |
/// | anything else | ReLU 1 or `width + 3` below, `width + 3` above ([`max`]), 1 to name the result |
///
/// Soundness: the sign bit of `q + 2^(Q-1)` is 1 exactly if `q >= 0`, and then the bits below are
/// those of `q`. `q > 2^k - 1` exactly if one of the bits `k..Q-1` is set. Then
/// `y = sign * (low_k + high * (max - low_k))`.
/// Native twin: `i64::clamp`.
pub fn clamp<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    q: &Quotient,
    range: ValueRange,
) -> Result<Cell, SynthesisError> {
    let width = q.bits.len();
    let (low, high) = signed_range(width as u32);
    let (lower, upper) = (i64::from(range.min), i64::from(range.max));
    let top = upper < high;
    let (mut y, mut floor) = (q.lin(), low);
    if lower == 0 {
        let sign = Lin::from(q.bits[width - 1]);
        let magnitude = &q.bits[..width - 1];
        if top && upper > 0 && (upper + 1).count_ones() == 1 {
            let (kept, above) = magnitude.split_at(upper.trailing_ones() as usize);
            let over = any(cs, above)?;
            let kept = recompose(kept);
            let room = Lin::constant(upper).plus(&kept, -1);
            let lift = product(cs, "saturation", &over, &room)?;
            return product(cs, "relu", &sign, &kept.plus(&lift.into(), 1));
        }
        let relu = product(cs, "relu", &sign, &recompose(magnitude))?;
        if !top {
            return Ok(relu);
        }
        (y, floor) = (relu.into(), 0);
    } else if lower > low {
        let span = (lower - low)
            .unsigned_abs()
            .max((high - lower).unsigned_abs());
        y = max(cs, &y, &Lin::constant(lower), width_of(span))?.into();
        floor = lower;
    }
    if top {
        // y is in floor..=max(high, floor).
        let ceiling = high.max(floor);
        let span = upper.abs_diff(floor).max(ceiling.abs_diff(upper));
        y = min(cs, &y, &Lin::constant(upper), width_of(span))?;
    }
    materialize(cs, "value", &y)
}
