//! The taps of a window's axis.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::slot::LANES;

use super::super::Number;
use super::words::Window;
use crate::Scalar;

/// A product times what a window axis gives, if the slot has it: the sum over lanes of the lane times its
/// taps, each with its sign and weight `eq(head, tap) ratio^i`.
///
/// Requires: taps lie within the mask; lanes are zero if the slot does not have the axis.
/// Cost: 1 for the ratio's square, 18 coordinates of taps, 17 products of them, 9 signs, 3 lanes, 1 for the
/// product: 49.
pub(super) fn multiply<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    window: &Window,
    product: &Number,
    lanes: &[Number; LANES],
    ratio: &Number,
    head: &[Number],
) -> Result<Number, SynthesisError> {
    let one = Number::one();
    let square = ratio.product(cs, "ratio's square", ratio)?;
    let powers = [None, Some(ratio.clone()), Some(square)];
    let mut weights = Vec::with_capacity(LANES);
    for (mut weight, tap) in powers.into_iter().zip(&window.taps) {
        for ((mask, bit), r) in window.mask.iter().zip(tap).zip(head) {
            // Not in the mask: 1. Compared with zero: 1 - r. With one: r.
            let sign = mask.number() - &bit.number().double();
            let signed = sign.product(cs, "signed coordinate", r)?;
            let factor = &(&one - bit.number()) - &signed;
            weight = Some(match weight {
                None => factor,
                Some(weight) => weight.product(cs, "tap", &factor)?,
            });
        }
        weights.push(weight.unwrap_or_else(Number::one));
    }
    let mut sum = Number::zero();
    for (lane, [plus, minus]) in lanes.iter().zip(&window.signs) {
        let mut taps = vec![];
        for ((plus, minus), weight) in plus.iter().zip(minus).zip(&weights) {
            let sign = plus.number() - minus.number();
            taps.push(sign.product(cs, "signed tap", weight)?);
        }
        sum = lane.product_plus(cs, "lane", &Number::sum(&taps), &sum)?;
    }
    // An axis that the slot does not have is not captured: its sum is zero.
    let factor = &sum + &(&one - window.used.number());
    product.product(cs, "times window", &factor)
}
