//! The canonical float network: what every importer produces and the quantiser reads.
//!
//! A tensor of one sample is always `[channels, height, width]`, stored row-major
//! (CHW). A vector is `[n, 1, 1]`, a dense layer a 1x1 convolution on it, a 1-D
//! signal `[channels, 1, length]`. Padding is explicit. Node `i` produces tensor
//! `i` and reads only tensors of smaller index. Node 0 is the only [`Op::Input`].

use serde::{Deserialize, Serialize};

/// Index of a node and of the tensor it produces.
pub type NodeId = usize;

/// Shape of one sample's tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Channels, or the length of a vector.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// `[channels, height, width]`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// Number of values.
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is no value.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of one channel.
    pub const fn plane(&self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Where a sliding window goes: shared by convolution and pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Taps: rows, columns.
    pub kernel: [usize; 2],
    /// Steps: rows, columns.
    pub stride: [usize; 2],
    /// Distance between taps: rows, columns.
    pub dilation: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
}

impl Window {
    /// One tap on every position.
    pub const POINT: Self = Self {
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0; 4],
    };

    /// Rows and columns of the output, or `None` if the window does not fit once
    /// or a kernel, stride or dilation is zero.
    pub fn output(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let axis = |len: usize, i: usize| {
            let span = self.kernel[i]
                .checked_sub(1)?
                .checked_mul(self.dilation[i])?
                .checked_add(1)?;
            let padded = len
                .checked_add(self.pads[i])?
                .checked_add(self.pads[i + 2])?;
            if self.dilation[i] == 0 {
                return None;
            }
            Some(padded.checked_sub(span)?.checked_div(self.stride[i])? + 1)
        };
        Some([axis(height, 0)?, axis(width, 1)?])
    }

    /// Row and column that tap `(ky, kx)` of output position `(oy, ox)` reads, `None` in the padding.
    pub fn source(
        &self,
        (oy, ox): (usize, usize),
        (ky, kx): (usize, usize),
        (height, width): (usize, usize),
    ) -> Option<(usize, usize)> {
        let y = (oy * self.stride[0] + ky * self.dilation[0]).checked_sub(self.pads[0])?;
        let x = (ox * self.stride[1] + kx * self.dilation[1]).checked_sub(self.pads[1])?;
        (y < height && x < width).then_some((y, x))
    }

    /// Whether at each of the first `outputs` positions along `axis` some tap meets one of `len`
    /// elements rather than padding. The window must [fit](Self::output).
    ///
    /// No, too, if it is dilated beyond the elements and begins at more than 2^16 positions in the leading
    /// padding, which would have to be looked at one by one.
    pub fn covers(&self, axis: usize, outputs: usize, len: usize) -> bool {
        let (pad, stride, dilation) = (self.pads[axis], self.stride[axis], self.dilation[axis]);
        let meets = |o: usize| {
            let start = o * stride;
            // The first tap that is past the leading padding.
            let tap = pad.saturating_sub(start).div_ceil(dilation);
            tap < self.kernel[axis] && start + tap * dilation - pad < len
        };
        // The first position has the most taps in the padding; past the padding, the last goes farthest.
        let Some(last) = outputs.checked_sub(1) else {
            return true;
        };
        if !meets(0) || !meets(last) {
            return false;
        }
        // A first tap past the padding is less than a dilation past it.
        let before = pad.div_ceil(stride).min(outputs);
        dilation <= len || (before <= 1 << 16 && (0..before).all(meets))
    }
}

/// A convolution with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Output channels.
    pub out_channels: usize,
    /// Groups; input and output channels are divisible by it.
    pub groups: usize,
    /// The sliding window.
    pub window: Window,
    /// `[out_channels, in_channels / groups, kernel rows, kernel columns]`, row-major.
    pub weight: Vec<f32>,
    /// One per output channel.
    pub bias: Vec<f32>,
}

/// A scalar function applied to every value.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// min(max(x, low), high); ReLU6 is (0, 6). Either bound may be infinite.
    Clip {
        /// Lower bound.
        low: f32,
        /// Upper bound.
        high: f32,
    },
    /// x if x >= 0, slope * x otherwise; one slope, or one per channel (LeakyReLU, PReLU).
    Slope(Vec<f32>),
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// min(max(alpha * x + beta, 0), 1)
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Offset.
        beta: f32,
    },
    /// x * min(max(x / 6 + 1/2, 0), 1)
    HardSwish,
    /// square * x^2 + linear * x + constant
    Polynomial {
        /// Coefficient of x^2.
        square: f32,
        /// Coefficient of x.
        linear: f32,
        /// Constant.
        constant: f32,
    },
}

impl Activation {
    /// Value at `x` on channel `channel`.
    pub fn eval(&self, x: f32, channel: usize) -> f32 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Clip { low, high } => x.max(*low).min(*high),
            Self::Slope(slopes) => {
                if x >= 0.0 {
                    x
                } else {
                    x * slopes
                        .get(channel)
                        .or(slopes.first())
                        .copied()
                        .unwrap_or(0.0)
                }
            }
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Polynomial {
                square,
                linear,
                constant,
            } => (square * x + linear) * x + constant,
        }
    }
}

/// How a pooling window is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Largest element; padding is minus infinity.
    Max,
    /// Mean; `divisor` per output position (row-major), because padding may or may not count.
    Average,
    /// Sum; padding is zero.
    Sum,
}

/// Pooling.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Reduction.
    pub kind: PoolKind,
    /// The sliding window.
    pub window: Window,
    /// For [`PoolKind::Average`]: the divisor of every output position, row-major; empty otherwise.
    pub divisors: Vec<u32>,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The sample: raw integers as stored in the data file.
    Input,
    /// Convolution, dense layer, or per-channel affine map.
    Conv(Conv),
    /// Elementwise function.
    Activation(Activation),
    /// Pooling.
    Pool(Pool),
    /// Elementwise sum of the inputs, each times its factor.
    Sum {
        /// One per input.
        factors: Vec<f32>,
    },
    /// Inputs one after the other along the channels.
    Concat,
    /// Border of a constant value: top, left, bottom, right.
    Pad {
        /// Rows and columns to add.
        pads: [usize; 4],
        /// Their value.
        value: f32,
    },
    /// Every value repeated `factors[0]` times down and `factors[1]` times across.
    Upsample {
        /// Rows, columns.
        factors: [usize; 2],
    },
    /// Any fixed rearrangement: output element `i` is input element `index[i]`.
    Rearrange {
        /// One source per output element.
        index: Vec<u32>,
    },
}

impl Op {
    /// Name for messages and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv(_) => "conv",
            Self::Activation(_) => "activation",
            Self::Pool(_) => "pool",
            Self::Sum { .. } => "sum",
            Self::Concat => "concat",
            Self::Pad { .. } => "pad",
            Self::Upsample { .. } => "upsample",
            Self::Rearrange { .. } => "rearrange",
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name in the model file, for messages.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Tensors it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of the tensor it produces.
    pub shape: Shape,
}

/// A final operation that is monotone and therefore not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// The values themselves.
    Values,
    /// A softmax was removed: the values are logits. Groups of `classes`, `stride` apart.
    Softmax {
        /// Values normalised together.
        classes: usize,
        /// Distance between two values normalised together, in the output's row-major order.
        stride: usize,
    },
    /// An argmax was removed: the values are the scores.
    ArgMax {
        /// Values compared with each other.
        classes: usize,
        /// Distance between two compared values, in the output's row-major order.
        stride: usize,
    },
}

/// An output of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name in the model file.
    pub name: String,
    /// The tensor; its row-major order is that of `dims`.
    pub node: NodeId,
    /// Dimensions in the model file, batch first.
    pub dims: Vec<usize>,
    /// What stood behind the values in the model file.
    pub head: Head,
}

/// Order of the axes of an image in the model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputLayout {
    /// Channels, rows, columns.
    Chw,
    /// Rows, columns, channels.
    Hwc,
    /// Columns, rows, channels: the network wants the image transposed.
    Whc,
    /// Channels, columns, rows: the network wants the image transposed.
    Cwh,
    /// A vector: rows, columns, channels of the stored image, one after the other.
    Flat,
}

/// A network in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// In topological order; node 0 is the input.
    pub nodes: Vec<Node>,
    /// At least one.
    pub outputs: Vec<Output>,
    /// Axis order of the input in the model file.
    pub input_layout: InputLayout,
    /// Parameters of the model file's layers before folding.
    pub parameters: usize,
}

impl Graph {
    /// Multiplications of all convolutions for one sample.
    pub fn multiplications(&self) -> usize {
        let of = |node: &Node| match &node.op {
            Op::Conv(c) => c.weight.len().saturating_mul(node.shape.plane()),
            _ => 0,
        };
        self.nodes.iter().map(of).fold(0, usize::saturating_add)
    }
}
