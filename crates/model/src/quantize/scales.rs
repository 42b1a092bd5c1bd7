//! Scales, widths and ranges of one candidate's tensors.

use std::f64::consts::FRAC_1_SQRT_2;

use super::MAX_ACTIVATION_BITS;
use super::emit::Emitter;
use super::plan::Source;
use super::public::{Sign, common_bound};
use crate::graph::Activation as FloatActivation;
use crate::network::{MAX_QUOTIENT_BITS, ValueRange, signed_bits, signed_range};

/// Calibrated width of outputs; the quotient keeps its full range above it, so outputs never saturate.
const OUTPUT_BITS: u32 = 12;
/// Additional width of tensors without an activation.
const LINEAR_EXTRA_BITS: u32 = 2;
/// Additional width of tensors whose scale is a power of two, which may leave one bit unused.
const PUBLIC_EXTRA_BITS: u32 = 1;
/// Additional width of the quotients that a table reads; their scale is a power of two too.
const TABLE_EXTRA_BITS: u32 = 2 + PUBLIC_EXTRA_BITS;
/// Widths of quotients. They follow from the secret weights, and few tell little; each costs a table of two to
/// this power, so they are dense where that is much.
const QUOTIENT_WIDTHS: [u32; 5] = [12, 13, 14, 15, MAX_QUOTIENT_BITS];

impl Emitter<'_> {
    fn is_read(&self, i: usize) -> bool {
        self.plan.layers.iter().any(|l| l.inputs.contains(&i))
    }

    /// Whether layer `i` keeps its whole quotient.
    fn is_only_output(&self, i: usize) -> bool {
        self.plan.is_output(i) && !self.is_read(i)
    }

    /// Smallest and largest real value over the tensors of `i`'s group.
    pub(super) fn observed(&self, i: usize) -> (f64, f64) {
        self.plan
            .group(i)
            .map(|l| &self.statistics.tensors[self.plan.layers[l].node])
            .fold((0.0f64, 0.0f64), |(lo, hi), t| {
                (lo.min(f64::from(t.min)), hi.max(f64::from(t.max)))
            })
    }

    /// Width of layer `i`'s values. Tensors without an activation (before a residual addition, say)
    /// have long tails and feed many layers: two more bits there cost little and save as many in
    /// the weights that read them.
    pub(super) fn width(&self, i: usize) -> u32 {
        let activated = self
            .plan
            .group(i)
            .any(|l| match self.plan.layers[l].source {
                Source::Activation(_) => true,
                Source::Linear { activation, .. } => activation.is_some(),
                _ => false,
            });
        let linear = if activated { 0 } else { LINEAR_EXTRA_BITS };
        let public = if self.plan.is_public(i) {
            PUBLIC_EXTRA_BITS
        } else {
            0
        };
        (self.bits + linear + public).min(MAX_ACTIVATION_BITS)
    }

    /// Scale of layer `i`'s values, shared by its group: a power of two where public numbers depend on it.
    pub(super) fn scale(&mut self, i: usize) -> f64 {
        let group = self.plan.layers[i].group;
        if let Some(s) = self.group_scale[group] {
            return s;
        }
        let bits = match self.is_only_output(i) {
            true => OUTPUT_BITS.max(self.bits),
            false => self.width(i),
        };
        let unsigned = |l: usize| self.plan.signs[l] == Sign::Unsigned;
        let sign = match self.plan.group(i).all(unsigned) {
            true => Sign::Unsigned,
            false => Sign::Signed,
        };
        let mut observed = self.observed(i);
        if let (Some(bound), true) = (common_bound(self.plan, i), observed.1 <= 0.0) {
            // Nothing was seen: every scale will do that keeps the clamp at the largest integer.
            observed.1 = f64::from(bound);
        }
        if self.is_only_output(i) {
            // No value saturates, so the nearest power of two will do.
            observed = (observed.0 * FRAC_1_SQRT_2, observed.1 * FRAC_1_SQRT_2);
        }
        let s = match self.plan.is_public(i) {
            true => power_of_two(observed, bits, sign),
            false => scale_of(observed, bits, sign),
        };
        self.group_scale[group] = Some(s);
        s
    }

    /// Width of the quotient for the accumulators `low..=high`, and so wide that the range of the values does not
    /// depend on it.
    pub(super) fn quotient_bits(&self, i: usize, (low, high): (i64, i64)) -> u32 {
        let range = match needs_table(self.plan.activation(i)) {
            true => self.bits + TABLE_EXTRA_BITS,
            false => self.width(i) + u32::from(self.plan.signs[i] == Sign::Unsigned),
        };
        let bits = signed_bits(low >> self.shift)
            .max(signed_bits(high >> self.shift))
            .max(range);
        width_of(&QUOTIENT_WIDTHS, bits).unwrap_or(MAX_QUOTIENT_BITS)
    }

    /// Range of the values of layer `i`, before the function's own bounds.
    pub(super) fn value_range(&self, i: usize, quotient_bits: u32) -> ValueRange {
        let signed = |bits: u32| {
            let (low, high) = signed_range(bits);
            ValueRange {
                min: low as i32,
                max: high as i32,
            }
        };
        if self.is_only_output(i) {
            return signed(quotient_bits);
        }
        match self.plan.signs[i] {
            Sign::Unsigned => ValueRange {
                min: 0,
                max: (1 << self.width(i)) - 1,
            },
            Sign::Signed => signed(self.width(i)),
        }
    }

    /// Scale of the quotient: that of the values, unless a table stands between.
    pub(super) fn quotient_scale(&mut self, i: usize, activation: Option<&FloatActivation>) -> f64 {
        let linear = match self.plan.layers[i].source {
            Source::Linear { linear, .. } => linear,
            _ => self.plan.layers[i].node,
        };
        self.quotient_scale_of(i, linear, activation)
    }

    pub(super) fn quotient_scale_of(
        &mut self,
        i: usize,
        before: usize,
        activation: Option<&FloatActivation>,
    ) -> f64 {
        if needs_table(activation) {
            // Finer than the values: the table rounds once more.
            let t = &self.statistics.tensors[before];
            let end = f64::from(t.max).max(-f64::from(t.min)).max(0.0);
            power_of_two((-end, end), self.bits + TABLE_EXTRA_BITS, Sign::Signed)
        } else {
            self.scale(i)
        }
    }
}

pub(super) fn needs_table(activation: Option<&FloatActivation>) -> bool {
    !matches!(
        activation,
        None | Some(
            FloatActivation::Relu | FloatActivation::Clip { .. } | FloatActivation::Slope(_)
        )
    )
}

/// Scale at which `bits` bits hold the observed range.
pub(super) fn scale_of((min, max): (f64, f64), bits: u32, sign: Sign) -> f64 {
    let s = match sign {
        Sign::Signed => {
            let half = f64::from(1u32 << (bits - 1));
            (max / (half - 1.0)).max(-min / half)
        }
        Sign::Unsigned => max / (f64::from(1u32 << bits) - 1.0),
    };
    if s > 0.0 && s.is_normal() { s } else { 1.0 }
}

/// The smallest power of two at which `bits` bits hold the observed range but for its very end: the largest
/// value may become one less than it should be, so that `0..=1` in 8 bits has the scale `2^-8`, not `2^-7`.
fn power_of_two((min, max): (f64, f64), bits: u32, sign: Sign) -> f64 {
    let s = match sign {
        Sign::Signed => max.max(-min) / f64::from(1u32 << (bits - 1)),
        Sign::Unsigned => max / f64::from(1u32 << bits),
    };
    if s > 0.0 && s.is_normal() {
        power_of_two_above(s)
    } else {
        1.0
    }
}

/// The smallest power of two that is not below `s`, a normal number above zero.
pub(super) fn power_of_two_above(s: f64) -> f64 {
    // The bits of the fraction say whether `s` is a power of two; logarithms are not exact.
    let below = f64::from_bits(s.to_bits() & !((1 << 52) - 1));
    if below == s { s } else { 2.0 * below }
}

/// The smallest of `widths`, in ascending order, that has `bits` bits.
pub(super) fn width_of(widths: &[u32], bits: u32) -> Option<u32> {
    widths.iter().copied().find(|&w| w >= bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_not_below() {
        for (s, expected) in [
            (1.0, 1.0),
            (1.0 + f64::EPSILON, 2.0),
            (1.5, 2.0),
            (0.25, 0.25),
            (0.2499, 0.25),
            (3e-9, 2f64.powi(-28)),
            (1e9, 2f64.powi(30)),
        ] {
            assert_eq!(power_of_two_above(s), expected, "{s}");
        }
        assert_eq!(power_of_two((0.0, 1.0), 8, Sign::Unsigned), 2f64.powi(-8));
        assert_eq!(power_of_two((-1.0, 1.0), 8, Sign::Signed), 2f64.powi(-7));
        assert_eq!(power_of_two((-0.5, 1.01), 8, Sign::Signed), 2f64.powi(-6));
        assert_eq!(power_of_two((0.0, 0.0), 8, Sign::Signed), 1.0);
    }
}
