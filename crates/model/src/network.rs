//! The integer network: a public architecture ([`Network`]) and its secret parameters ([`Weights`]).
//!
//! Every tensor holds integers in CHW order. A *linear* layer computes, per output value,
//!
//! ```text
//! acc = sum of (integer coefficient * input) + bias        bias includes the rounding constant 2^(shift-1)
//! q   = floor(acc / 2^shift)                               so acc = 2^shift * q + rem, 0 <= rem < 2^shift
//! y   = clamp(f(q), min, max)                              f from Activation, min and max from the layer's range
//! ```
//!
//! which rounds half up: `q = floor((sum + 2^(shift-1)) / 2^shift)`. With `shift = 0` nothing is
//! rounded. This is the only rounding rule of the system.
//!
//! The architecture is public (a proof carries it); it reveals shapes, widths, scales and tables,
//! but no weight. It is untrusted wherever it is read: [`Network::validate`] establishes every
//! invariant that the executor and the provers rely on.

use serde::{Deserialize, Serialize};

use crate::graph::{Head, NodeId, Shape, Window};
use crate::{Error, Result, limits};

/// Widest weights, in bits (signed).
pub const MAX_WEIGHT_BITS: u32 = 16;
/// Widest bias, in bits (signed); it is at accumulator scale.
pub const MAX_BIAS_BITS: u32 = 40;
/// Widest quotient, in bits (signed): an activation table has at most `2^16` rows.
pub const MAX_QUOTIENT_BITS: u32 = 16;
/// Largest shift: the remainder's range table has at most `2^16` rows.
pub const MAX_SHIFT: u32 = 16;

/// Smallest and largest value of a tensor, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueRange {
    /// Smallest value.
    pub min: i32,
    /// Largest value.
    pub max: i32,
}

impl ValueRange {
    /// The smallest range that contains both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Width in bits: unsigned if no value is negative, two's complement otherwise.
    pub fn bits(&self) -> u32 {
        let magnitude = |v: i32| 32 - v.leading_zeros();
        if self.min >= 0 {
            magnitude(self.max)
        } else {
            1 + magnitude(self.max.max(0)).max(magnitude(-(self.min + 1)))
        }
    }
}

/// The network's input as a data file stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSpec {
    /// Canonical shape.
    pub shape: Shape,
    /// Whether the network takes a vector: rows, columns, channels of the image one after the other.
    pub flat: bool,
    /// Allowed values.
    pub range: ValueRange,
    /// Rows and columns every PNG or JPEG is resized to (bicubic, its aspect ratio ignored) before
    /// the centre is cropped to `shape`; `None` wants images of the right size. Arrays are never resized.
    pub resize: Option<[usize; 2]>,
}

/// The linear part of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinearMap {
    /// Convolution (also dense and per-channel affine) with secret weights.
    Conv {
        /// Output channels.
        out_channels: usize,
        /// Groups.
        groups: usize,
        /// The sliding window; padding is zero.
        window: Window,
        /// Width of every weight (signed).
        weight_bits: u32,
        /// Width of every bias (signed).
        bias_bits: u32,
    },
    /// Sum over a window times a public integer; padding is zero.
    AveragePool {
        /// The sliding window.
        window: Window,
        /// One for all positions, or one per output position (row-major).
        multipliers: Vec<i32>,
    },
    /// Sum of the inputs, each times a public integer.
    Sum {
        /// One per input.
        multipliers: Vec<i32>,
    },
}

/// The function from quotient to value, before clamping to the layer's range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `f(q) = q`. With the range this is identity, ReLU, ReLU6, clip.
    Clamp,
    /// `q` if `q >= 0`, else `floor((slope * q + 2^(shift-1)) / 2^shift)`; one slope or one per channel.
    Slope {
        /// Slopes times `2^shift`.
        slopes: Vec<i32>,
        /// At most 16.
        shift: u32,
    },
    /// `f(q) = values[q + 2^(quotient_bits - 1)]`.
    Table {
        /// `2^quotient_bits` values.
        values: Vec<i16>,
    },
}

impl Activation {
    /// `f(q)` on `channel`; `q` within the quotient's width.
    #[inline]
    pub fn eval(&self, q: i32, channel: usize) -> i32 {
        match self {
            Self::Clamp => q,
            Self::Slope { slopes, shift } => {
                if q >= 0 {
                    q
                } else {
                    let slope = slopes[if slopes.len() == 1 { 0 } else { channel }];
                    rounding_shift(i64::from(slope) * i64::from(q), *shift) as i32
                }
            }
            Self::Table { values } => i32::from(values[(q + (values.len() / 2) as i32) as usize]),
        }
    }
}

/// `floor((x + 2^(shift-1)) / 2^shift)`: round half up. `shift = 0` is the identity.
///
/// ```
/// use pleat_model::network::rounding_shift;
/// assert_eq!([-6, -5, -3, -2, -1, 1, 2, 3, 5, 6].map(|x| rounding_shift(x, 2)),
///            [-1, -1, -1,  0,  0, 0, 1, 1, 1, 2]);
/// ```
#[inline]
pub const fn rounding_shift(x: i64, shift: u32) -> i64 {
    (x + rounding_constant(shift)) >> shift
}

/// `2^(shift-1)`, or 0 for `shift = 0`.
#[inline]
pub const fn rounding_constant(shift: u32) -> i64 {
    (1i64 << shift) >> 1
}

/// What a layer computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerOp {
    /// The sample.
    Input,
    /// A linear map, a shift, an activation.
    Linear {
        /// The linear map.
        map: LinearMap,
        /// Bits dropped from the accumulator: 0 or the network's shift.
        shift: u32,
        /// Width of the quotient (signed). A sample beyond it is refused, never wrapped.
        quotient_bits: u32,
        /// From quotient to value.
        activation: Activation,
    },
    /// Largest element of each window; padding is minus infinity.
    MaxPool {
        /// The sliding window.
        window: Window,
    },
    /// Inputs one after the other along the channels.
    Concat,
    /// Border of a constant: top, left, bottom, right.
    Pad {
        /// Rows and columns added.
        pads: [usize; 4],
        /// Their value.
        value: i32,
    },
    /// Every value repeated down and across.
    Upsample {
        /// Rows, columns.
        factors: [usize; 2],
    },
    /// Output element `i` is input element `index[i]`.
    Rearrange {
        /// Sources.
        index: Vec<u32>,
    },
}

/// One layer; layer `i` produces tensor `i`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Name in the model file.
    pub name: String,
    /// What it computes.
    pub op: LayerOp,
    /// Tensors it reads, all earlier.
    pub inputs: Vec<NodeId>,
    /// Shape of its tensor.
    pub shape: Shape,
    /// Range of its values.
    pub range: ValueRange,
    /// Real value of one unit: for people and reports, never used in integer arithmetic.
    pub scale: f64,
}

/// An output of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkOutput {
    /// Name in the model file.
    pub name: String,
    /// The tensor.
    pub layer: NodeId,
    /// Dimensions in the model file, batch of one first.
    pub dims: Vec<usize>,
    /// What stood behind the values in the model file.
    pub head: Head,
}

/// The public architecture of an integer network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The sample.
    pub input: InputSpec,
    /// Shift of all requantised layers.
    pub shift: u32,
    /// In topological order; layer 0 is the input.
    pub layers: Vec<Layer>,
    /// At least one. Top-1 is taken over output 0.
    pub outputs: Vec<NetworkOutput>,
}

/// The secret parameters of one layer; empty for layers without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerWeights {
    /// `[out_channels, in_channels / groups, kernel rows, kernel columns]`.
    pub kernel: Vec<i32>,
    /// One per output channel, rounding constant included.
    pub bias: Vec<i64>,
}

/// The secret parameters of a network, one entry per layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// One per layer of the network.
    pub layers: Vec<LayerWeights>,
}

/// Smallest and largest number of a signed width.
pub const fn signed_range(bits: u32) -> (i64, i64) {
    (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1)
}

/// Width of the smallest signed range that holds `value`.
pub const fn signed_bits(value: i64) -> u32 {
    let magnitude = if value < 0 { -(value + 1) } else { value };
    65 - magnitude.leading_zeros()
}

impl Network {
    /// Number of values compared by top-1: the length of output 0.
    pub fn classes(&self) -> usize {
        self.layers[self.outputs[0].layer].shape.len()
    }

    /// Number of parameters: weights and biases.
    pub fn parameters(&self) -> usize {
        (0..self.layers.len())
            .map(|i| self.kernel_len(i) + self.bias_len(i))
            .sum()
    }

    /// Weights of layer `i` (without biases).
    pub fn kernel_len(&self, i: usize) -> usize {
        match &self.layers[i].op {
            LayerOp::Linear {
                map:
                    LinearMap::Conv {
                        out_channels,
                        groups,
                        window,
                        ..
                    },
                ..
            } => {
                let inputs = self.layers[self.layers[i].inputs[0]].shape.channels;
                out_channels * (inputs / groups) * window.kernel[0] * window.kernel[1]
            }
            _ => 0,
        }
    }

    /// Biases of layer `i`.
    pub fn bias_len(&self, i: usize) -> usize {
        match &self.layers[i].op {
            LayerOp::Linear {
                map: LinearMap::Conv { out_channels, .. },
                ..
            } => *out_channels,
            _ => 0,
        }
    }

    /// Checks every invariant of the architecture.
    ///
    /// Afterwards: indices are in range and topological, shapes follow from the operations, windows
    /// fit, widths are within the limits of this module, tables have their length, ranges are what
    /// the operation can produce, and no `i64` accumulator can overflow.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the layer.
    pub fn validate(&self) -> Result<()> {
        self.check()
            .map_err(|reason| Error::malformed("network", reason))
    }

    fn check(&self) -> Result<(), String> {
        let input = &self.input;
        let fail = |what: &str| Err(what.to_owned());
        if self.layers.is_empty() || self.layers.len() > limits::MAX_NODES {
            return fail("no layer, or too many");
        }
        if self.outputs.is_empty() || self.outputs.len() > 1024 {
            return fail("no output, or too many");
        }
        if self.shift > MAX_SHIFT {
            return fail("the shift is too large");
        }
        if input.flat && input.shape.plane() != 1 {
            return fail("a flat input that is no vector");
        }
        if input
            .resize
            .is_some_and(|[h, w]| h == 0 || w == 0 || h > 1 << 14 || w > 1 << 14)
        {
            return fail("the size images are resized to is zero or too large");
        }
        let mut total = 0usize;
        let mut parameters = 0usize;
        for (i, layer) in self.layers.iter().enumerate() {
            let s = layer.shape;
            let values = limits::values(&[s.channels, s.height, s.width]).unwrap_or(0);
            if values == 0 {
                return Err(format!("layer {i}: an empty or too large tensor"));
            }
            total += values;
            if total > limits::MAX_TOTAL_VALUES {
                return fail("too many values");
            }
            if layer.inputs.iter().any(|&j| j >= i) {
                return Err(format!("layer {i} reads a later layer"));
            }
            self.check_layer(i)
                .map_err(|e| format!("layer {i} '{}': {e}", layer.name))?;
            parameters = parameters
                .checked_add(self.kernel_len(i) + self.bias_len(i))
                .filter(|&n| n <= limits::MAX_PARAMETERS)
                .ok_or("too many parameters")?;
        }
        for output in &self.outputs {
            let Some(layer) = self.layers.get(output.layer) else {
                return Err(format!("output '{}' names no layer", output.name));
            };
            if output.dims.len() > limits::MAX_RANK
                || limits::values(&output.dims) != Some(layer.shape.len())
            {
                return Err(format!(
                    "output '{}' has dimensions that do not fit its tensor",
                    output.name
                ));
            }
            if let Head::Softmax { classes, stride } | Head::ArgMax { classes, stride } =
                output.head
            {
                let group = classes.checked_mul(stride).unwrap_or(0);
                if group == 0 || layer.shape.len() % group != 0 {
                    return Err(format!(
                        "output '{}' has a head that does not fit its tensor",
                        output.name
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_layer(&self, i: usize) -> Result<(), String> {
        let layer = &self.layers[i];
        let inputs: Vec<&Layer> = layer.inputs.iter().map(|&j| &self.layers[j]).collect();
        let r = layer.range;
        let limit = 1 << (MAX_QUOTIENT_BITS - 1);
        // Unsigned 16-bit values are allowed; anything wider fits no table.
        if r.min > r.max || r.min < -limit || r.max >= 2 * limit {
            return Err(format!("impossible range {}..={}", r.min, r.max));
        }
        let arity = |n: usize| {
            if inputs.len() == n {
                Ok(())
            } else {
                Err(format!("{} inputs, expected {n}", inputs.len()))
            }
        };
        let same_range = |x: &Layer| {
            if x.range == r {
                Ok(())
            } else {
                Err("a range that differs from its input's".to_owned())
            }
        };
        let windowed = |w: &Window, channels: usize, x: &Layer| {
            if limits::values(&w.kernel).is_none() {
                return Err("a window that is too large".into());
            }
            let out = w
                .output(x.shape.height, x.shape.width)
                .ok_or("a window that does not fit")?;
            if layer.shape == Shape::new(channels, out[0], out[1]) {
                Ok(())
            } else {
                Err("a shape that does not follow from its window".to_owned())
            }
        };
        match &layer.op {
            LayerOp::Input => {
                arity(0)?;
                if i != 0 || layer.shape != self.input.shape || layer.range != self.input.range {
                    return Err("an input that is not the network's".into());
                }
            }
            _ if i == 0 => return Err("the first layer is not the input".into()),
            LayerOp::Linear {
                map,
                shift,
                quotient_bits,
                activation,
            } => {
                if *shift != 0 && *shift != self.shift {
                    return Err(format!("shift {shift}, expected 0 or {}", self.shift));
                }
                if *quotient_bits == 0 || *quotient_bits > MAX_QUOTIENT_BITS {
                    return Err(format!("a quotient of {quotient_bits} bits"));
                }
                match map {
                    LinearMap::Conv {
                        out_channels,
                        groups,
                        window,
                        weight_bits,
                        bias_bits,
                    } => {
                        arity(1)?;
                        let channels = inputs[0].shape.channels;
                        if *groups == 0
                            || !channels.is_multiple_of(*groups)
                            || out_channels % groups != 0
                        {
                            return Err("groups that do not divide the channels".into());
                        }
                        windowed(window, *out_channels, inputs[0])?;
                        if *weight_bits == 0
                            || *weight_bits > MAX_WEIGHT_BITS
                            || *bias_bits == 0
                            || *bias_bits > MAX_BIAS_BITS
                        {
                            return Err("weights or biases too wide".into());
                        }
                        let kernel = limits::values(&[*out_channels, channels / groups])
                            .and_then(|n| n.checked_mul(window.kernel[0]))
                            .and_then(|n| n.checked_mul(window.kernel[1]))
                            .filter(|&n| n <= limits::MAX_PARAMETERS);
                        if kernel.is_none() {
                            return Err("too many weights".into());
                        }
                    }
                    LinearMap::AveragePool {
                        window,
                        multipliers,
                    } => {
                        arity(1)?;
                        windowed(window, inputs[0].shape.channels, inputs[0])?;
                        if multipliers.len() != 1 && multipliers.len() != layer.shape.plane() {
                            return Err(
                                "a number of multipliers that fits neither 1 nor the positions"
                                    .into(),
                            );
                        }
                    }
                    LinearMap::Sum { multipliers } => {
                        arity(multipliers.len())?;
                        if inputs.is_empty() || inputs.iter().any(|x| x.shape != layer.shape) {
                            return Err("a sum of different shapes".into());
                        }
                    }
                }
                match activation {
                    Activation::Clamp => {}
                    Activation::Slope { slopes, shift } => {
                        if *shift > 16
                            || slopes.iter().any(|s| s.unsigned_abs() > 1 << 20)
                            || (slopes.len() != 1 && slopes.len() != layer.shape.channels)
                        {
                            return Err("impossible slopes".into());
                        }
                    }
                    Activation::Table { values } => {
                        if values.len() != 1 << quotient_bits {
                            return Err(format!("a table of {} rows", values.len()));
                        }
                    }
                }
            }
            LayerOp::MaxPool { window } => {
                arity(1)?;
                same_range(inputs[0])?;
                windowed(window, inputs[0].shape.channels, inputs[0])?;
                let span = |a: usize| (window.kernel[a] - 1) * window.dilation[a] + 1;
                if (0..4).any(|p| window.pads[p] > 0 && window.pads[p] >= span(p % 2)) {
                    return Err("a window that lies in the padding".into());
                }
                // Between two taps far apart there is room for a small image.
                let covers = |a: usize, size: usize, positions: usize| {
                    let (pad, gap) = (window.pads[a], window.dilation[a]);
                    (0..positions).all(|at| {
                        let start = at * window.stride[a];
                        let tap = pad.saturating_sub(start).div_ceil(gap);
                        tap < window.kernel[a] && start + tap * gap < pad + size
                    })
                };
                let (x, out) = (inputs[0].shape, layer.shape);
                if !covers(0, x.height, out.height) || !covers(1, x.width, out.width) {
                    return Err("a window that covers padding only".into());
                }
            }
            LayerOp::Concat => {
                let first = inputs.first().ok_or("a concatenation of nothing")?;
                let mut hull = first.range;
                let mut channels = 0usize;
                for x in &inputs {
                    hull = hull.hull(x.range);
                    channels += x.shape.channels;
                    if x.shape.height != layer.shape.height || x.shape.width != layer.shape.width {
                        return Err("a concatenation of different sizes".into());
                    }
                }
                if channels != layer.shape.channels || hull != r {
                    return Err("a shape or range that does not follow from its inputs".into());
                }
            }
            LayerOp::Pad { pads, value } => {
                arity(1)?;
                let grown =
                    |n: usize, a: usize, b: usize| n.checked_add(a).and_then(|n| n.checked_add(b));
                let x = inputs[0].shape;
                let border = ValueRange {
                    min: *value,
                    max: *value,
                };
                if x.channels != layer.shape.channels
                    || grown(x.height, pads[0], pads[2]) != Some(layer.shape.height)
                    || grown(x.width, pads[1], pads[3]) != Some(layer.shape.width)
                    || inputs[0].range.hull(border) != r
                {
                    return Err("impossible padding".into());
                }
            }
            LayerOp::Upsample { factors } => {
                arity(1)?;
                same_range(inputs[0])?;
                let x = inputs[0].shape;
                if x.channels != layer.shape.channels
                    || x.height.checked_mul(factors[0]) != Some(layer.shape.height)
                    || x.width.checked_mul(factors[1]) != Some(layer.shape.width)
                {
                    return Err("impossible factors".into());
                }
            }
            LayerOp::Rearrange { index } => {
                arity(1)?;
                same_range(inputs[0])?;
                let n = inputs[0].shape.len();
                if index.len() != layer.shape.len() || index.iter().any(|&s| s as usize >= n) {
                    return Err("an index outside its input".into());
                }
            }
        }
        Ok(())
    }

    /// Checks that `weights` are this network's: every length, every width.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the layer.
    pub fn validate_weights(&self, weights: &Weights) -> Result<()> {
        let fail = |i: usize, what: &str| {
            Err(Error::malformed(
                "bundle",
                format!("layer {i} '{}': {what}", self.layers[i].name),
            ))
        };
        if weights.layers.len() != self.layers.len() {
            return Err(Error::malformed(
                "bundle",
                "weights of another number of layers",
            ));
        }
        for (i, w) in weights.layers.iter().enumerate() {
            if w.kernel.len() != self.kernel_len(i) || w.bias.len() != self.bias_len(i) {
                return fail(i, "a wrong number of weights");
            }
            if let LayerOp::Linear {
                map:
                    LinearMap::Conv {
                        weight_bits,
                        bias_bits,
                        ..
                    },
                ..
            } = &self.layers[i].op
            {
                let (low, high) = signed_range(*weight_bits);
                if w.kernel
                    .iter()
                    .any(|&v| i64::from(v) < low || i64::from(v) > high)
                {
                    return fail(i, "a weight wider than declared");
                }
                let (low, high) = signed_range(*bias_bits);
                if w.bias.iter().any(|&v| v < low || v > high) {
                    return fail(i, "a bias wider than declared");
                }
            }
        }
        Ok(())
    }

    /// Index of the largest value; the lowest index wins a tie.
    pub fn top1(values: &[i32]) -> usize {
        let mut best = 0;
        for (i, &v) in values.iter().enumerate() {
            if v > values[best] {
                best = i;
            }
        }
        best
    }
}

/// Everything one sample makes the network compute; what a prover needs.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Per layer, its values in CHW order.
    pub values: Vec<Vec<i32>>,
    /// Per layer, the accumulators of a linear layer (empty for others).
    pub accumulators: Vec<Vec<i64>>,
}
