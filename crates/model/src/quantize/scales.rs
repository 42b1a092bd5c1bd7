//! Scales, widths and ranges of one candidate's tensors.

use super::MAX_ACTIVATION_BITS;
use super::emit::Emitter;
use super::plan::Source;
use crate::graph::Activation as FloatActivation;
use crate::network::{ValueRange, signed_range};

/// Calibrated width of outputs; the quotient keeps its full range above it, so outputs never saturate.
const OUTPUT_BITS: u32 = 12;
/// Additional width of tensors without an activation.
const LINEAR_EXTRA_BITS: u32 = 2;

impl Emitter<'_> {
    pub(super) fn is_output(&self, i: usize) -> bool {
        self.plan.outputs.contains(&i)
    }

    pub(super) fn is_read(&self, i: usize) -> bool {
        self.plan.layers.iter().any(|l| l.inputs.contains(&i))
    }

    /// Smallest and largest real value over the tensors of `i`'s group.
    pub(super) fn observed(&self, i: usize) -> (f64, f64) {
        let group = self.plan.layers[i].group;
        self.plan
            .layers
            .iter()
            .filter(|l| l.group == group)
            .map(|l| &self.statistics.tensors[l.node])
            .fold((0.0f64, 0.0f64), |(lo, hi), t| {
                (lo.min(f64::from(t.min)), hi.max(f64::from(t.max)))
            })
    }

    /// Width of layer `i`'s values. Tensors without an activation (before a residual addition, say)
    /// have long tails and feed many layers: two more bits there cost little and save as many in
    /// the weights that read them.
    pub(super) fn width(&self, i: usize) -> u32 {
        let group = self.plan.layers[i].group;
        let activated = self.plan.layers.iter().any(|l| {
            l.group == group
                && matches!(
                    l.source,
                    Source::Activation(_)
                        | Source::Linear {
                            activation: Some(_),
                            ..
                        }
                )
        });
        if activated {
            self.bits
        } else {
            (self.bits + LINEAR_EXTRA_BITS).min(MAX_ACTIVATION_BITS)
        }
    }

    /// Scale of layer `i`'s values, shared by its group.
    pub(super) fn scale(&mut self, i: usize) -> f64 {
        let group = self.plan.layers[i].group;
        if let Some(s) = self.group_scale[group] {
            return s;
        }
        let bits = if self.is_output(i) && !self.is_read(i) {
            OUTPUT_BITS.max(self.bits)
        } else {
            self.width(i)
        };
        let s = scale_of(self.observed(i), bits);
        self.group_scale[group] = Some(s);
        s
    }

    /// Range of the values of layer `i`, before the function's own bounds.
    pub(super) fn value_range(&self, i: usize, quotient_bits: u32) -> ValueRange {
        let (low, high) = signed_range(quotient_bits);
        let full = ValueRange {
            min: low as i32,
            max: high as i32,
        };
        if self.is_output(i) && !self.is_read(i) {
            return full;
        }
        let t = &self.statistics.tensors[self.plan.layers[i].node];
        let saturated = if t.min >= 0.0 {
            ValueRange {
                min: 0,
                max: (1 << self.width(i)) - 1,
            }
        } else {
            let (low, high) = signed_range(self.width(i));
            ValueRange {
                min: low as i32,
                max: high as i32,
            }
        };
        ValueRange {
            min: saturated.min.max(full.min),
            max: saturated.max.min(full.max),
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
            // Two bits finer than the values: the table rounds once more.
            let t = &self.statistics.tensors[before];
            let ends = (f64::from(t.min).min(0.0), f64::from(t.max).max(0.0));
            scale_of((ends.0.min(-ends.1), ends.1.max(-ends.0)), self.bits + 2)
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

/// Scale at which `bits` bits (signed if a value is negative) hold the observed range.
fn scale_of((min, max): (f64, f64), bits: u32) -> f64 {
    let s = if min < 0.0 {
        let half = f64::from(1u32 << (bits - 1));
        (max / (half - 1.0)).max(-min / half)
    } else {
        max / (f64::from(1u32 << bits) - 1.0)
    };
    if s > 0.0 && s.is_normal() { s } else { 1.0 }
}
