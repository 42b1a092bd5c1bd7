//! Integers for one choice of activation width and shift.

use super::calibrate::Statistics;
use super::plan::{Plan, Source};
use super::public::follows_its_source;
use super::scales::{power_of_two_above, scale_of, width_of};
use crate::annotations::{Annotations, LayerNote, OutputNote};
use crate::bounds;
use crate::graph::{Activation as FloatActivation, Conv, Op, Pool, PoolKind};
use crate::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, MAX_BIAS_BITS, MAX_WEIGHT_BITS,
    Network, NetworkOutput, ValueRange, Weights, rounding_constant, signed_bits,
};
use crate::{Error, Result};

/// Fraction bits of LeakyReLU and PReLU slopes.
const SLOPE_SHIFT: u32 = 12;
/// A sum over a window is kept exact, without rounding, while it is at most this wide.
const EXACT_POOL_BITS: u32 = 12;
/// Widths of weights: few, because they follow from the largest of the secret weights.
const WEIGHT_WIDTHS: [u32; 3] = [8, 12, MAX_WEIGHT_BITS];
/// Widths of biases, which are committed in limbs of 15 bits.
const BIAS_WIDTHS: [u32; 2] = [30, MAX_BIAS_BITS];

pub(super) struct Emitter<'a> {
    pub(super) plan: &'a Plan,
    pub(super) statistics: &'a Statistics,
    pub(super) bits: u32,
    pub(super) shift: u32,
    /// Per group, once known.
    pub(super) group_scale: Vec<Option<f64>>,
    pub(super) layers: Vec<Layer>,
    /// One per layer.
    pub(super) scales: Vec<f64>,
    pub(super) weights: Vec<LayerWeights>,
}

/// A network with the owner's knowledge of it.
pub(super) type Emitted = (Network, Weights, Annotations);

/// The integer network with activations of `bits` bits and the shift `shift`.
pub(super) fn emit(
    plan: &Plan,
    spec: &InputSpec,
    statistics: &Statistics,
    bits: u32,
    shift: u32,
) -> Result<Emitted> {
    let mut e = Emitter {
        plan,
        statistics,
        bits,
        shift,
        group_scale: vec![None; plan.layers.len()],
        layers: vec![],
        scales: vec![],
        weights: vec![],
    };
    e.group_scale[plan.layers[0].group] = Some(1.0);
    for i in 0..plan.layers.len() {
        let (layer, scale, weights) = e.layer(i, spec)?;
        e.layers.push(layer);
        e.scales.push(scale);
        e.weights.push(weights);
    }
    let annotations = Annotations {
        layers: (0..plan.layers.len())
            .map(|i| LayerNote {
                name: plan.node(i).name.clone(),
                scale: e.scales[i],
            })
            .collect(),
        outputs: plan
            .graph
            .outputs
            .iter()
            .map(|o| OutputNote {
                name: o.name.clone(),
                dims: o.dims.clone(),
                head: o.head,
            })
            .collect(),
    };
    let network = Network {
        input: spec.clone(),
        shift,
        layers: e.layers,
        outputs: plan
            .outputs
            .iter()
            .map(|&layer| NetworkOutput { layer, unit: None })
            .collect(),
    };
    let weights = Weights { layers: e.weights };
    network.validate()?;
    network.validate_weights(&weights)?;
    annotations.validate(&network)?;
    Ok((network, weights, annotations))
}

impl Emitter<'_> {
    fn layer(&mut self, i: usize, spec: &InputSpec) -> Result<(Layer, f64, LayerWeights)> {
        let planned = &self.plan.layers[i];
        let node = self.plan.node(i);
        let mut weights = LayerWeights::default();
        let (op, range, scale) = match planned.source {
            Source::Input => (LayerOp::Input, spec.range, 1.0),
            Source::Copy => self.copy(i)?,
            Source::Linear { linear, .. } => {
                let activation = self.plan.activation(i);
                match &self.plan.graph.nodes[linear].op {
                    Op::Conv(conv) => self.conv(i, conv, activation, &mut weights)?,
                    Op::Pool(pool) => self.average(i, linear, pool, activation)?,
                    Op::Sum { factors } => self.sum(i, linear, factors, activation)?,
                    _ => {
                        return Err(Error::invalid(format!(
                            "layer '{}' is not linear",
                            node.name
                        )));
                    }
                }
            }
            Source::Activation(a) => {
                let before = self.plan.graph.nodes[a].inputs[0];
                self.sum(i, before, &[1.0], self.plan.activation(i))?
            }
        };
        Ok((
            Layer {
                op,
                inputs: planned.inputs.clone(),
                shape: node.shape,
                range,
            },
            scale,
            weights,
        ))
    }

    /// Range of the values of input `k`.
    fn input_range(&self, i: usize, k: usize) -> ValueRange {
        self.layers[self.plan.layers[i].inputs[k]].range
    }

    /// Scale of input `k`.
    fn input_scale(&self, i: usize, k: usize) -> f64 {
        self.scales[self.plan.layers[i].inputs[k]]
    }

    fn copy(&mut self, i: usize) -> Result<(LayerOp, ValueRange, f64)> {
        let scale = self.scale(i);
        let mut range = self.input_range(i, 0);
        let op = match &self.plan.node(i).op {
            Op::Pool(Pool { window, .. }) => LayerOp::MaxPool { window: *window },
            Op::Concat => {
                for k in 1..self.plan.layers[i].inputs.len() {
                    range = range.hull(self.input_range(i, k));
                }
                LayerOp::Concat
            }
            Op::Pad { pads, value } => {
                let value = self.integer(f64::from(*value) / scale, "the padding value", i)?;
                range = range.hull(ValueRange {
                    min: value,
                    max: value,
                });
                LayerOp::Pad { pads: *pads, value }
            }
            Op::Upsample { factors } => LayerOp::Upsample { factors: *factors },
            Op::Rearrange { index } => LayerOp::Rearrange {
                index: index.clone(),
            },
            other => {
                return Err(Error::invalid(format!(
                    "layer '{}': {} has no integer form",
                    self.plan.node(i).name,
                    other.name()
                )));
            }
        };
        Ok((op, range, scale))
    }

    fn conv(
        &mut self,
        i: usize,
        conv: &Conv,
        activation: Option<&FloatActivation>,
        weights: &mut LayerWeights,
    ) -> Result<(LayerOp, ValueRange, f64)> {
        let quotient_scale = self.quotient_scale(i, activation);
        let from = self.input_scale(i, 0);
        let unit = f64::from(1u32 << self.shift) / quotient_scale;
        let half = rounding_constant(self.shift);
        weights.kernel = conv
            .weight
            .iter()
            .map(|&w| self.integer(f64::from(w) * from * unit, "a weight", i))
            .collect::<Result<_>>()?;
        weights.bias = conv
            .bias
            .iter()
            .map(|&b| {
                let b = f64::from(b) * unit;
                if b.abs() < (1i64 << (MAX_BIAS_BITS - 2)) as f64 {
                    Ok(b.round() as i64 + half)
                } else {
                    Err(self.too_wide(i, "a bias"))
                }
            })
            .collect::<Result<_>>()?;
        let widest = |bits: &mut dyn Iterator<Item = u32>| bits.max().unwrap_or(1);
        let kernel = &mut weights.kernel.iter().map(|&w| signed_bits(i64::from(w)));
        let weight_bits =
            width_of(&WEIGHT_WIDTHS, widest(kernel)).ok_or_else(|| self.too_wide(i, "a weight"))?;
        let bias = &mut weights.bias.iter().map(|&b| signed_bits(b));
        let bias_bits =
            width_of(&BIAS_WIDTHS, widest(bias)).ok_or_else(|| self.too_wide(i, "a bias"))?;
        let map = LinearMap::Conv {
            out_channels: conv.out_channels,
            groups: conv.groups,
            window: conv.window,
            weight_bits,
            bias_bits,
        };
        self.linear(i, map, weights, quotient_scale, activation)
    }

    fn average(
        &mut self,
        i: usize,
        linear: usize,
        pool: &Pool,
        activation: Option<&FloatActivation>,
    ) -> Result<(LayerOp, ValueRange, f64)> {
        let (from, range) = (self.input_scale(i, 0), self.input_range(i, 0));
        let area = (pool.window.kernel[0] * pool.window.kernel[1]) as i64;
        let divisors: &[u32] = match pool.kind {
            PoolKind::Average => &pool.divisors,
            _ => &[1],
        };
        let uniform = divisors.iter().all(|&d| d == divisors[0]);
        let follows = follows_its_source(self.plan, i);
        let (lo, hi) = (
            i64::from(range.min.min(0)) * area,
            i64::from(range.max.max(0)) * area,
        );
        let sum_bits = signed_bits(lo).max(signed_bits(hi));
        if uniform && follows && sum_bits <= EXACT_POOL_BITS + 1 {
            // The sum itself is the value; the divisor goes into the scale.
            let scale = from / f64::from(divisors[0]);
            self.group_scale[self.plan.layers[i].group] = Some(scale);
            let map = LinearMap::AveragePool {
                window: pool.window,
                multipliers: vec![1],
            };
            let quotient_bits = sum_bits;
            let op = LayerOp::Linear {
                map,
                shift: 0,
                quotient_bits,
                activation: Activation::Clamp,
            };
            let range = ValueRange {
                min: lo as i32,
                max: hi as i32,
            };
            return Ok((op, range, scale));
        }
        if follows {
            // Of the source's scale the multiplier shows nothing, only by which power of two this one differs.
            let wanted = scale_of(self.observed(i), self.width(i), self.plan.signs[i]);
            let scale = from * power_of_two_above(wanted / from);
            self.group_scale[self.plan.layers[i].group] = Some(scale);
        }
        let quotient_scale = self.quotient_scale_of(i, linear, activation);
        let unit = f64::from(1u32 << self.shift) * (from / quotient_scale);
        let used = if uniform { &divisors[..1] } else { divisors };
        let multipliers = used
            .iter()
            .map(|&d| self.multiplier(unit / f64::from(d), i))
            .collect::<Result<Vec<i32>>>()?;
        let map = LinearMap::AveragePool {
            window: pool.window,
            multipliers,
        };
        self.linear(i, map, &LayerWeights::default(), quotient_scale, activation)
    }

    fn sum(
        &mut self,
        i: usize,
        linear: usize,
        factors: &[f32],
        activation: Option<&FloatActivation>,
    ) -> Result<(LayerOp, ValueRange, f64)> {
        let quotient_scale = self.quotient_scale_of(i, linear, activation);
        let unit = f64::from(1u32 << self.shift) / quotient_scale;
        let mut multipliers = vec![];
        for (k, &f) in factors.iter().enumerate() {
            multipliers.push(self.multiplier(f64::from(f) * self.input_scale(i, k) * unit, i)?);
        }
        let map = LinearMap::Sum { multipliers };
        self.linear(i, map, &LayerWeights::default(), quotient_scale, activation)
    }

    fn linear(
        &mut self,
        i: usize,
        map: LinearMap,
        weights: &LayerWeights,
        quotient_scale: f64,
        activation: Option<&FloatActivation>,
    ) -> Result<(LayerOp, ValueRange, f64)> {
        let shift = self.shift;
        let inputs: Vec<ValueRange> = self.plan.layers[i]
            .inputs
            .iter()
            .map(|&j| self.layers[j].range)
            .collect();
        let bounds = bounds::accumulator(&map, shift, &inputs, weights);
        let quotient_bits = self.quotient_bits(i, bounds);
        let scale = self.scale(i);
        let mut range = self.value_range(i, quotient_bits);
        let clip = |low: f32, high: f32, range: ValueRange| {
            let end = |v: f32| (f64::from(v) / scale).round().clamp(-32768.0, 65535.0) as i32;
            ValueRange {
                min: range.min.max(end(low)).min(range.max),
                max: range.max.min(end(high)).max(range.min),
            }
        };
        let function = match activation {
            None => Activation::Clamp,
            Some(FloatActivation::Relu) => {
                range = clip(0.0, f32::INFINITY, range);
                Activation::Clamp
            }
            Some(FloatActivation::Clip { low, high }) => {
                range = clip(*low, *high, range);
                Activation::Clamp
            }
            Some(FloatActivation::Slope(slopes)) => Activation::Slope {
                slopes: slopes
                    .iter()
                    .map(|&s| {
                        let s = (f64::from(s) * f64::from(1 << SLOPE_SHIFT)).round();
                        if s.abs() <= f64::from(1 << 20) {
                            Ok(s as i32)
                        } else {
                            Err(self.too_wide(i, "a slope"))
                        }
                    })
                    .collect::<Result<_>>()?,
                shift: SLOPE_SHIFT,
            },
            Some(f) => {
                let half = 1i32 << (quotient_bits - 1);
                let values: Vec<i16> = (-half..half)
                    .map(|q| {
                        let y =
                            f64::from(f.eval((f64::from(q) * quotient_scale) as f32, 0)) / scale;
                        y.round()
                            .clamp(f64::from(range.min), f64::from(range.max))
                            .clamp(-32768.0, 32767.0) as i16
                    })
                    .collect();
                // The table's own range may be narrower than the activation width.
                let (min, max) = values
                    .iter()
                    .fold((i16::MAX, i16::MIN), |(a, b), &v| (a.min(v), b.max(v)));
                range = ValueRange {
                    min: i32::from(min),
                    max: i32::from(max),
                };
                Activation::Table { values }
            }
        };
        let op = LayerOp::Linear {
            map,
            shift,
            quotient_bits,
            activation: function,
        };
        Ok((op, range, scale))
    }

    fn integer(&self, v: f64, what: &str, i: usize) -> Result<i32> {
        let v = v.round();
        if v.abs() < f64::from(1 << 20) {
            Ok(v as i32)
        } else {
            Err(self.too_wide(i, what))
        }
    }

    /// A public integer factor; keeps accumulators far inside `i64`.
    fn multiplier(&self, v: f64, i: usize) -> Result<i32> {
        let v = v.round();
        if v.abs() < f64::from(1 << 30) {
            Ok(v as i32)
        } else {
            Err(self.too_wide(i, "a factor"))
        }
    }

    fn too_wide(&self, i: usize, what: &str) -> Error {
        Error::invalid(format!(
            "layer '{}': {what} is too large for integers of the supported widths; \
             calibrate with data like those the model was trained on",
            self.plan.node(i).name
        ))
    }
}
