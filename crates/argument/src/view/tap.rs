//! One axis of a sliding window: convolution inputs, gathers, average pooling.

use ff::Field;
use serde::{Deserialize, Serialize};

use super::{Context, between, coordinates, power_weights};
use crate::Scalar;
use crate::multilinear::eq_table;

/// Weights of the taps of a window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taps {
    /// `eq(r, i)` with `bits` coordinates of the head's point from `start`.
    Point {
        /// First coordinate.
        start: u32,
        /// Coordinates.
        bits: u32,
    },
    /// `xi^(step i)`.
    Powers {
        /// Exponent of one tap.
        step: u64,
    },
}

impl Taps {
    fn weights(&self, kernel: u64, context: &Context) -> Vec<Scalar> {
        match *self {
            Self::Point { start, bits } => {
                let point = &context.point;
                let mut weights = eq_table(coordinates(point, start, bits));
                weights.resize(kernel as usize, Scalar::ZERO);
                weights
            }
            Self::Powers { step } => {
                let base = context.power(step);
                std::iter::successors(Some(Scalar::ONE), |w| Some(*w * base))
                    .take(kernel as usize)
                    .collect()
            }
        }
    }
}

/// `sum_i w_i sum_{lo <= h < hi} [t = stride h + dilation i - pad] xi^(step h)` for `t < length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// `w_i`.
    pub taps: Taps,
    /// Number of taps.
    pub kernel: u64,
    /// Stride.
    pub stride: u64,
    /// Dilation.
    pub dilation: u64,
    /// Padding before the axis; larger for later pieces of a cut axis, so any sign is allowed.
    pub pad: i64,
    /// Elements of the axis.
    pub length: u64,
    /// First output position.
    pub lo: u64,
    /// End of the output positions.
    pub hi: u64,
    /// Exponent of one output position.
    pub step: u64,
}

impl Tap {
    /// Adds the coefficients to a table of the axis: the definition, in time proportional to outputs times taps.
    pub(super) fn write(&self, table: &mut [Scalar], context: &Context) {
        let Self {
            taps,
            kernel,
            stride,
            dilation,
            pad,
            length,
            lo,
            hi,
            step,
        } = *self;
        let base = context.power(step);
        let weights = taps.weights(kernel, context);
        let mut power = context.power(step.wrapping_mul(lo));
        for h in lo..hi {
            for (i, weight) in weights.iter().enumerate() {
                let t = (stride * h + dilation * i as u64) as i64 - pad;
                if (0..length.min(table.len() as u64) as i64).contains(&t) {
                    table[t as usize] += *weight * power;
                }
            }
            power *= base;
        }
    }

    /// The multilinear extension of the coefficients at `point`.
    pub(super) fn evaluate(&self, point: &[Scalar], context: &Context) -> Scalar {
        let Self {
            taps,
            kernel,
            stride,
            dilation,
            pad,
            length,
            lo,
            hi,
            step,
        } = *self;
        let bits = point.len() as u32;
        let low_bits = stride.trailing_zeros();
        if !stride.is_power_of_two() || low_bits > bits {
            let mut table = vec![Scalar::ZERO; 1 << bits];
            self.write(&mut table, context);
            return std::iter::zip(table, eq_table(point))
                .map(|(a, b)| a * b)
                .sum();
        }
        // t = stride q + a, so h = q + (a + pad - dilation i) / stride: per residue a and tap i one
        // truncated power over q.
        let weights = taps.weights(kernel, context);
        let (low, high) = point.split_at(low_bits as usize);
        let (residues, base) = (eq_table(low), context.power(step));
        let inverse = base.invert().unwrap_or(Scalar::ZERO);
        let high = power_weights(high, base);
        let mut total = Scalar::ZERO;
        for (a, residue) in residues.iter().enumerate() {
            let count = (length.saturating_sub(a as u64)).div_ceil(stride) as i64;
            let mut sum = Scalar::ZERO;
            for (i, weight) in weights.iter().enumerate() {
                let offset = a as i64 + pad - (dilation * i as u64) as i64;
                if offset.rem_euclid(stride as i64) != 0 {
                    continue;
                }
                let shift = offset.div_euclid(stride as i64);
                let (from, to) = ((lo as i64 - shift).max(0), (hi as i64 - shift).min(count));
                if from < to {
                    let factor = match shift {
                        0.. => base.pow_vartime([shift as u64]),
                        _ => inverse.pow_vartime([shift.unsigned_abs()]),
                    };
                    sum += *weight * factor * between(&high, from as u64, to as u64);
                }
            }
            total += *residue * sum;
        }
        total
    }
}
