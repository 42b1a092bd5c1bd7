//! The predicted class, and whether it is the label.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::bits::{alloc_bit, enforce_unsigned, is_nonzero};
use super::{Cell, Lin, enforce_equal, materialize, product};
use crate::Scalar;

/// Index of the largest of `n` values; the lowest index wins a tie.
///
/// Shape: `n >= 1` values to one combination.
/// Requires: values in an interval of length below `2^width`.
/// Enforces: the result is the index top-1 predicts.
/// Cost: selector bits `n`, their sum 1, products `n`, the maximum 1, running sums `n - 2` (if
/// positive), ranges `n * max(width, 1)`.
/// Soundness: the selectors are boolean with sum 1, so exactly one, at `k`, is set and
/// `m = sum sel_i y_i = y_k`. `before_i = sum of sel_j, j > i` is 1 exactly for `i < k`.
/// `m - y_i - before_i` in `[0, 2^width)` says `y_k >= y_i` for all `i` and `y_k > y_i` for `i < k`.
/// The differences are below `2^width` in magnitude and `2^width` is far below the field's order.
/// Native twin: `Network::top1`.
pub fn argmax<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    values: &[Cell],
    width: u32,
) -> Result<Lin, SynthesisError> {
    let mut best = 0;
    for (i, v) in values.iter().enumerate() {
        if v.value > values[best].value {
            best = i;
        }
    }
    let (mut total, mut largest, mut index) = (Lin::default(), Lin::default(), Lin::default());
    let mut selectors = Vec::with_capacity(values.len());
    for (i, &v) in values.iter().enumerate() {
        let selector = alloc_bit(cs, i == best)?;
        total.add(selector, 1);
        index.add(selector, i as i64);
        largest.add(
            product(cs, "selected value", &selector.into(), &v.into())?,
            1,
        );
        selectors.push(selector);
    }
    enforce_equal(cs, "one selected", &total, &Lin::constant(1));
    let largest = materialize(cs, "largest", &largest)?;
    let mut before = Lin::constant(0);
    for (i, &v) in values.iter().enumerate().rev() {
        let margin = Lin::from(largest).plus(&v.into(), -1).plus(&before, -1);
        enforce_unsigned(cs, &margin, width)?;
        before.add(selectors[i], 1);
        if i > 0 && i + 1 < values.len() {
            before = materialize(cs, "selected from here on", &before)?.into();
        }
    }
    Ok(index)
}

/// Whether two numbers are equal.
///
/// Enforces: the result is 1 if `a = b` and 0 otherwise, for any field elements.
/// Cost: 3; see [`is_nonzero`].
pub fn is_equal<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    a: &Lin,
    b: &Lin,
) -> Result<Lin, SynthesisError> {
    let differ = is_nonzero(cs, &a.clone().plus(b, -1))?;
    Ok(Lin::constant(1).plus(&differ.into(), -1))
}
