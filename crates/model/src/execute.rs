//! The integer reference executor: the specification of every layer.
//!
//! Provers are compared with it bit by bit; it is compared with the float network. It is
//! deterministic: integers only, and the order of summation cannot matter.

use std::ops::Range;

use rayon::prelude::*;

use crate::annotations::Annotations;
use crate::graph::{NodeId, Shape, Window};
use crate::network::{
    Activation, LayerOp, LayerWeights, LinearMap, Network, Trace, ValueRange, Weights, signed_range,
};
use crate::{Error, Result};

/// Multiplications of a layer above which its output channels are computed in parallel.
const PARALLEL_WORK: usize = 1 << 20;

/// Inputs a convolution gathers at once, unless a single window has more.
const MAX_PATCH_VALUES: usize = 1 << 22;

/// A network prepared for execution.
#[derive(Debug)]
pub struct Executor<'a> {
    network: &'a Network,
    weights: &'a Weights,
    /// The owner's names of layers, for errors.
    notes: Option<&'a Annotations>,
    /// Per layer: the kernel as `i16` if `i32` accumulators provably cannot overflow.
    narrow: Vec<Option<Vec<i16>>>,
    /// Per tensor: the last layer that reads it.
    last_use: Vec<usize>,
}

impl<'a> Executor<'a> {
    /// Prepares `network`, which must be [valid](Network::validate), with its own
    /// [valid](Network::validate_weights) `weights`.
    pub fn new(network: &'a Network, weights: &'a Weights) -> Self {
        let mut last_use: Vec<usize> = (0..network.layers.len()).collect();
        for (i, layer) in network.layers.iter().enumerate() {
            for &j in &layer.inputs {
                last_use[j] = i;
            }
        }
        for output in &network.outputs {
            last_use[output.layer] = usize::MAX;
        }
        let narrow = (0..network.layers.len())
            .map(|i| narrow_kernel(network, i, &weights.layers[i]))
            .collect();
        Self {
            network,
            weights,
            notes: None,
            narrow,
            last_use,
        }
    }

    /// Errors name layers as the owner does; without notes they use [public names](Network::layer_name).
    #[must_use]
    pub fn named(self, notes: &'a Annotations) -> Self {
        Self {
            notes: Some(notes),
            ..self
        }
    }

    fn name(&self, layer: NodeId) -> String {
        match self.notes.and_then(|n| n.layers.get(layer)) {
            Some(note) => format!("layer '{}'", note.name),
            None => self.network.layer_name(layer),
        }
    }

    /// The network's outputs for one sample, in CHW order, as one vector per output.
    ///
    /// `sample` is the sample's index, for messages.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an input of another length or with values outside the input's range;
    /// [`Error::OutOfTable`] if a quotient exceeds its width.
    pub fn run(&self, input: &[i32], sample: usize) -> Result<Vec<Vec<i32>>> {
        let trace = self.evaluate(input, sample, false)?;
        Ok(self
            .network
            .outputs
            .iter()
            .map(|o| trace.values[o.layer].clone())
            .collect())
    }

    /// Every value and accumulator of one sample.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn trace(&self, input: &[i32], sample: usize) -> Result<Trace> {
        self.evaluate(input, sample, true)
    }

    fn evaluate(&self, input: &[i32], sample: usize, keep: bool) -> Result<Trace> {
        let spec = &self.network.input;
        if input.len() != spec.shape.len() {
            return Err(Error::invalid(format!(
                "sample {sample} has {} values, the network takes {} ({})",
                input.len(),
                spec.shape.len(),
                spec.shape
            )));
        }
        if let Some(v) = input
            .iter()
            .find(|&&v| v < spec.range.min || v > spec.range.max)
        {
            return Err(Error::invalid(format!(
                "sample {sample} has the value {v}, outside the input's range {}..={}",
                spec.range.min, spec.range.max
            )));
        }
        let n = self.network.layers.len();
        let mut trace = Trace {
            values: Vec::with_capacity(n),
            accumulators: Vec::with_capacity(n),
        };
        for (i, layer) in self.network.layers.iter().enumerate() {
            let read = |k: usize| -> (&[i32], Shape) {
                let j = layer.inputs[k];
                (&trace.values[j], self.network.layers[j].shape)
            };
            let mut accumulators = vec![];
            let values = match &layer.op {
                LayerOp::Input => input.to_vec(),
                LayerOp::Linear {
                    map,
                    shift,
                    quotient_bits,
                    activation,
                } => {
                    accumulators = match map {
                        LinearMap::Conv { groups, window, .. } => {
                            let (x, shape) = read(0);
                            self.conv(i, x, shape, *groups, window)
                        }
                        LinearMap::AveragePool {
                            window,
                            multipliers,
                        } => {
                            let (x, shape) = read(0);
                            average_pool(x, shape, layer.shape, window, multipliers)
                        }
                        LinearMap::Sum { multipliers } => {
                            let mut acc = vec![0i64; layer.shape.len()];
                            for (k, &m) in multipliers.iter().enumerate() {
                                for (a, &x) in acc.iter_mut().zip(read(k).0) {
                                    *a += i64::from(m) * i64::from(x);
                                }
                            }
                            acc
                        }
                    };
                    if !matches!(map, LinearMap::Conv { .. }) {
                        // A convolution has the rounding constant in its bias.
                        let half = crate::network::rounding_constant(*shift);
                        accumulators.iter_mut().for_each(|a| *a += half);
                    }
                    let (low, high) = signed_range(*quotient_bits);
                    let plane = layer.shape.plane();
                    let mut values = Vec::with_capacity(accumulators.len());
                    for (at, &acc) in accumulators.iter().enumerate() {
                        let q = acc >> shift;
                        if q < low || q > high {
                            return Err(Error::OutOfTable {
                                sample,
                                layer: i,
                                name: self.name(i),
                                value: q,
                                min: low as i32,
                                max: high as i32,
                            });
                        }
                        values.push(apply(activation, q as i32, at / plane, layer.range));
                    }
                    values
                }
                LayerOp::MaxPool { window } => {
                    let (x, shape) = read(0);
                    max_pool(x, shape, layer.shape, window)
                }
                LayerOp::Concat => (0..layer.inputs.len())
                    .flat_map(|k| read(k).0.iter().copied())
                    .collect(),
                LayerOp::Pad { pads, value } => {
                    let (x, shape) = read(0);
                    pad(x, shape, layer.shape, *pads, *value)
                }
                LayerOp::Upsample { factors } => {
                    let (x, shape) = read(0);
                    let s = layer.shape;
                    positions(s)
                        .map(|(c, y, z)| {
                            x[(c * shape.height + y / factors[0]) * shape.width + z / factors[1]]
                        })
                        .collect()
                }
                LayerOp::Rearrange { index } => {
                    let x = read(0).0;
                    index.iter().map(|&s| x[s as usize]).collect()
                }
            };
            trace.values.push(values);
            trace
                .accumulators
                .push(if keep { accumulators } else { vec![] });
            if !keep {
                for &j in &layer.inputs {
                    if self.last_use[j] == i {
                        trace.values[j] = vec![];
                    }
                }
            }
        }
        Ok(trace)
    }

    fn conv(&self, i: NodeId, x: &[i32], shape: Shape, groups: usize, window: &Window) -> Vec<i64> {
        let out = self.network.layers[i].shape;
        let LayerWeights { kernel, bias } = &self.weights.layers[i];
        let channels = shape.channels / groups;
        let taps = channels * window.kernel[0] * window.kernel[1];
        let per_group = out.channels / groups;
        let plane = out.plane();
        let mut acc = vec![0i64; out.len()];
        for g in 0..groups {
            let x = &x[g * channels * shape.plane()..(g + 1) * channels * shape.plane()];
            let target = &mut acc[g * per_group * plane..(g + 1) * per_group * plane];
            let first = g * per_group;
            // In blocks of positions: the patches of a whole image may exceed the memory.
            let step = (MAX_PATCH_VALUES / taps).max(1);
            for from in (0..plane).step_by(step) {
                let at = from..(from + step).min(plane);
                let work = taps * at.len() * per_group;
                if let Some(narrow) = &self.narrow[i] {
                    let patches = gather(x, channels, shape, out, window, &at, |v| v as i16);
                    each_channel(target, plane, work, |o, row| {
                        let w = &narrow[(first + o) * taps..(first + o + 1) * taps];
                        for (a, patch) in row[at.clone()].iter_mut().zip(patches.chunks_exact(taps))
                        {
                            *a = bias[first + o] + i64::from(dot(w, patch));
                        }
                    });
                } else {
                    let patches = gather(x, channels, shape, out, window, &at, i64::from);
                    each_channel(target, plane, work, |o, row| {
                        let w = &kernel[(first + o) * taps..(first + o + 1) * taps];
                        for (a, patch) in row[at.clone()].iter_mut().zip(patches.chunks_exact(taps))
                        {
                            let sum: i64 =
                                w.iter().zip(patch).map(|(&w, &x)| i64::from(w) * x).sum();
                            *a = bias[first + o] + sum;
                        }
                    });
                }
            }
        }
        acc
    }
}

impl Network {
    /// Every value and accumulator of one sample; see [`Executor::trace`].
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn trace(&self, weights: &Weights, input: &[i32], sample: usize) -> Result<Trace> {
        Executor::new(self, weights).trace(input, sample)
    }
}

/// `clamp(f(q), range)`.
#[inline]
fn apply(activation: &Activation, q: i32, channel: usize, range: ValueRange) -> i32 {
    activation.eval(q, channel).clamp(range.min, range.max)
}

/// The kernel as `i16`, if inputs and weights fit `i16` and no `i32` sum of products can overflow.
fn narrow_kernel(network: &Network, i: usize, weights: &LayerWeights) -> Option<Vec<i16>> {
    let layer = &network.layers[i];
    let &j = layer.inputs.first()?;
    let range = network.layers[j].range;
    i16::try_from(range.min).ok()?;
    i16::try_from(range.max).ok()?;
    if weights.bias.is_empty() {
        return None;
    }
    let magnitude = i64::from(range.min.abs().max(range.max.abs()));
    let taps = weights.kernel.len() / weights.bias.len();
    for row in weights.kernel.chunks_exact(taps.max(1)) {
        let sum: i64 = row.iter().map(|&w| i64::from(w).abs()).sum();
        if sum * magnitude > i64::from(i32::MAX) {
            return None;
        }
    }
    weights
        .kernel
        .iter()
        .map(|&w| i16::try_from(w).ok())
        .collect()
}

/// Written so that the compiler multiplies pairs of `i16` into `i32` lanes.
#[inline]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i32::from(x) * i32::from(y))
        .sum()
}

/// Runs `f(channel, row)` on every channel's plane, in parallel if `work` is worth it.
fn each_channel(
    target: &mut [i64],
    plane: usize,
    work: usize,
    f: impl Fn(usize, &mut [i64]) + Sync,
) {
    if work >= PARALLEL_WORK {
        target
            .par_chunks_mut(plane)
            .enumerate()
            .for_each(|(o, row)| f(o, row));
    } else {
        target
            .chunks_mut(plane)
            .enumerate()
            .for_each(|(o, row)| f(o, row));
    }
}

/// For every output position of `at` (row-major) the elements its window covers, channel by channel, zero in the padding.
fn gather<T: Copy + Default>(
    x: &[i32],
    channels: usize,
    shape: Shape,
    out: Shape,
    window: &Window,
    at: &Range<usize>,
    convert: impl Fn(i32) -> T,
) -> Vec<T> {
    let [kh, kw] = window.kernel;
    let taps = channels * kh * kw;
    let mut patches = vec![T::default(); at.len() * taps];
    for (position, row) in at.clone().zip(patches.chunks_exact_mut(taps)) {
        let (oy, ox) = (position / out.width, position % out.width);
        let mut cells = row.iter_mut();
        for c in 0..channels {
            let plane = &x[c * shape.plane()..(c + 1) * shape.plane()];
            for ky in 0..kh {
                for kx in 0..kw {
                    let Some(cell) = cells.next() else { continue };
                    if let Some((y, z)) =
                        window.source((oy, ox), (ky, kx), (shape.height, shape.width))
                    {
                        *cell = convert(plane[y * shape.width + z]);
                    }
                }
            }
        }
    }
    patches
}

fn positions(s: Shape) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..s.channels)
        .flat_map(move |c| (0..s.height).flat_map(move |y| (0..s.width).map(move |x| (c, y, x))))
}

/// The elements a window covers at one output position, padding left out.
fn covered<'x>(
    x: &'x [i32],
    shape: Shape,
    window: &'x Window,
    (c, oy, ox): (usize, usize, usize),
) -> impl Iterator<Item = i32> + 'x {
    let [kh, kw] = window.kernel;
    (0..kh).flat_map(move |ky| {
        (0..kw).filter_map(move |kx| {
            window
                .source((oy, ox), (ky, kx), (shape.height, shape.width))
                .map(|(y, z)| x[(c * shape.height + y) * shape.width + z])
        })
    })
}

fn average_pool(
    x: &[i32],
    shape: Shape,
    out: Shape,
    window: &Window,
    multipliers: &[i32],
) -> Vec<i64> {
    positions(out)
        .map(|(c, oy, ox)| {
            let sum: i64 = covered(x, shape, window, (c, oy, ox)).map(i64::from).sum();
            let at = if multipliers.len() == 1 {
                0
            } else {
                oy * out.width + ox
            };
            sum * i64::from(multipliers[at])
        })
        .collect()
}

fn max_pool(x: &[i32], shape: Shape, out: Shape, window: &Window) -> Vec<i32> {
    positions(out)
        // A valid window covers at least one element.
        .map(|at| covered(x, shape, window, at).max().unwrap_or(i32::MIN))
        .collect()
}

fn pad(x: &[i32], shape: Shape, out: Shape, pads: [usize; 4], value: i32) -> Vec<i32> {
    positions(out)
        .map(
            |(c, y, z)| match (y.checked_sub(pads[0]), z.checked_sub(pads[1])) {
                (Some(y), Some(z)) if y < shape.height && z < shape.width => {
                    x[(c * shape.height + y) * shape.width + z]
                }
                _ => value,
            },
        )
        .collect()
}
