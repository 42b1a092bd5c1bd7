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
//! The architecture is public (a proof carries it), so it holds what a verifier needs to compute the
//! program and to read data, and nothing else: no name of the model file, no scale. What its numbers
//! tell about weights and calibration data is listed in `docs/architecture.md`. The owner's names
//! and scales are [annotations](crate::annotations) in the bundle. It is untrusted wherever it is read:
//! [`Network::validate`] establishes every invariant that the executor and the provers rely on.

mod names;
mod validate;

use serde::{Deserialize, Serialize};

use crate::graph::{NodeId, Shape, Window};

/// Widest weights, in bits (signed).
pub const MAX_WEIGHT_BITS: u32 = 16;
/// Widest bias, in bits (signed); it is at accumulator scale.
pub const MAX_BIAS_BITS: u32 = 40;
/// Widest quotient, in bits (signed): an activation table has at most `2^16` rows.
pub const MAX_QUOTIENT_BITS: u32 = 16;
/// Largest shift: the remainder's range table has at most `2^16` rows.
pub const MAX_SHIFT: u32 = 16;
/// Largest exponent of an output's published unit, and the negative of the smallest.
pub const MAX_UNIT: u32 = 256;

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

impl LayerOp {
    /// Name for messages and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear { map, .. } => match map {
                LinearMap::Conv { .. } => "conv",
                LinearMap::AveragePool { .. } => "average pool",
                LinearMap::Sum { .. } => "sum",
            },
            Self::MaxPool { .. } => "max pool",
            Self::Concat => "concat",
            Self::Pad { .. } => "pad",
            Self::Upsample { .. } => "upsample",
            Self::Rearrange { .. } => "rearrange",
        }
    }
}

/// One layer; layer `i` produces tensor `i`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// What it computes.
    pub op: LayerOp,
    /// Tensors it reads, all earlier.
    pub inputs: Vec<NodeId>,
    /// Shape of its tensor.
    pub shape: Shape,
    /// Range of its values.
    pub range: ValueRange,
}

/// An output of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOutput {
    /// The tensor.
    pub layer: NodeId,
    /// The real value of one unit is `2^unit`, if the owner publishes it: for people and reports,
    /// never used in integer arithmetic.
    pub unit: Option<i32>,
}

/// The public architecture of an integer network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerWeights {
    /// `[out_channels, in_channels / groups, kernel rows, kernel columns]`.
    pub kernel: Vec<i32>,
    /// One per output channel, rounding constant included.
    pub bias: Vec<i64>,
}

/// Without the values: they are secret, and whatever is printed may end in a log.
impl std::fmt::Debug for LayerWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "LayerWeights({} weights, {} biases)",
            self.kernel.len(),
            self.bias.len()
        )
    }
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

    /// Index of the largest value; the lowest index wins a tie.
    pub fn top1<T: PartialOrd>(values: &[T]) -> usize {
        let mut best = 0;
        for (i, v) in values.iter().enumerate() {
            if *v > values[best] {
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
