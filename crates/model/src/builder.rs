//! What importers build a [`Graph`] with.
//!
//! Model files speak of tensors with any rank and any axis order. A [`Value`] is
//! such a tensor of one sample: its dimensions as the file has them (batch of one
//! first) and where each element lies in a canonical CHW tensor. Transposing and
//! reshaping only change that bookkeeping; a copy ([`Op::Rearrange`]) appears in
//! the graph only if an operation needs an order that its input does not have.
//!
//! Errors are [`Error::Invalid`] without a node name; importers add it with
//! [`Error::at_node`].

use std::sync::Arc;

use crate::graph::{
    Activation, Conv, Graph, Head, InputLayout, Node, NodeId, Op, Output, Pool, PoolKind, Shape,
    Window,
};
use crate::limits;
use crate::{Error, Result};

/// How the pixels stored in a data file become the network's input: `(pixel * scale - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputTransform {
    /// Factor of the stored value, for example 1/255.
    pub scale: f32,
    /// Subtracted after scaling: one value, or one per channel.
    pub mean: Vec<f32>,
    /// Divided by at the end: one value, or one per channel.
    pub std: Vec<f32>,
}

impl Default for InputTransform {
    fn default() -> Self {
        Self {
            scale: 1.0,
            mean: vec![0.0],
            std: vec![1.0],
        }
    }
}

/// A tensor of the model file: `dims` with a leading batch of one.
#[derive(Clone, Debug)]
pub struct Value {
    node: NodeId,
    dims: Vec<usize>,
    /// Row-major position in `dims` to position in the node's CHW tensor; `None` is the identity.
    order: Option<Arc<[u32]>>,
    head: Head,
}

impl Value {
    /// Dimensions, batch of one first.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn same_tensor(&self, other: &Self) -> bool {
        self.node == other.node && self.dims == other.dims && self.order == other.order
    }
}

/// Parameters of a pooling operation.
#[derive(Clone, Debug)]
pub struct PoolParams {
    /// Reduction.
    pub kind: PoolKind,
    /// Window with the explicit padding.
    pub window: Window,
    /// Round the output size up instead of down.
    pub ceil_mode: bool,
    /// Whether explicit padding counts in an average.
    pub count_include_pad: bool,
}

/// Builds a [`Graph`] node by node.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    input_layout: Option<InputLayout>,
    total_values: usize,
    operations: usize,
    parameters: usize,
    scope: String,
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Name given to the nodes added from here on.
    pub fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.scope);
    }

    /// Counts parameters of the model file, for reports.
    pub fn count_parameters(&mut self, n: usize) {
        self.parameters = self.parameters.saturating_add(n);
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape) -> Result<NodeId> {
        let dims = [shape.channels, shape.height, shape.width];
        let values = limits::values(&dims).filter(|&n| n > 0).ok_or_else(|| {
            Error::invalid(format!("a tensor of shape {dims:?} is empty or too large"))
        })?;
        self.total_values += values;
        let each = match &op {
            Op::Conv(c) => c.weight.len() / c.out_channels,
            // Windows may be far larger than the tensors they slide over.
            Op::Pool(p) => p.window.kernel[0].saturating_mul(p.window.kernel[1]),
            _ => 1,
        };
        self.operations = self.operations.saturating_add(values.saturating_mul(each));
        if self.operations > limits::MAX_OPERATIONS {
            return Err(Error::invalid(format!(
                "the network is too large: more than {} operations for one sample",
                limits::MAX_OPERATIONS
            )));
        }
        if self.total_values > limits::MAX_TOTAL_VALUES || self.nodes.len() >= limits::MAX_NODES {
            return Err(Error::invalid(format!(
                "the network is too large: more than {} values or {} nodes",
                limits::MAX_TOTAL_VALUES,
                limits::MAX_NODES
            )));
        }
        self.nodes.push(Node {
            name: self.scope.clone(),
            op,
            inputs,
            shape,
        });
        Ok(self.nodes.len() - 1)
    }

    fn shape_of(&self, v: &Value) -> Shape {
        self.nodes[v.node].shape
    }

    fn row_major(node: NodeId, dims: Vec<usize>) -> Value {
        Value {
            node,
            dims,
            order: None,
            head: Head::Values,
        }
    }

    /// A value no softmax or argmax stands before.
    fn plain(&self, v: &Value) -> Result<()> {
        match v.head {
            Head::Values => Ok(()),
            _ => Err(Error::invalid(
                "uses the result of a Softmax or ArgMax, which are supported only as the last operation of an output",
            )),
        }
    }

    /// The network's input.
    ///
    /// `dims` are the dimensions in the file, batch of one first; `layout` says which axis is
    /// which. The pixels a data file stores pass through `transform`.
    ///
    /// # Errors
    /// A second input, a rank other than 2 to 4, or a transform whose lengths fit neither 1 nor the channels.
    pub fn input(
        &mut self,
        dims: &[usize],
        layout: InputLayout,
        transform: &InputTransform,
    ) -> Result<Value> {
        if self.input_layout.is_some() {
            return Err(Error::invalid(
                "the model has more than one input; exactly one is supported",
            ));
        }
        if dims.first() != Some(&1) {
            return Err(Error::invalid(format!(
                "expected a batch of one first in {dims:?}"
            )));
        }
        self.input_layout = Some(layout);
        // Axes of `dims` that are channels, rows, columns.
        let (shape, to_file): (Shape, Option<[usize; 4]>) = match (layout, dims) {
            (InputLayout::Flat, [_, rest @ ..]) => {
                let n = limits::values(rest)
                    .ok_or_else(|| Error::invalid(format!("the input {dims:?} is too large")))?;
                (Shape::new(n, 1, 1), None)
            }
            (InputLayout::Chw, &[_, c, h, w]) => (Shape::new(c, h, w), None),
            (InputLayout::Hwc, &[_, h, w, c]) => (Shape::new(c, h, w), Some([0, 2, 3, 1])),
            (InputLayout::Whc, &[_, w, h, c]) => (Shape::new(c, h, w), Some([0, 3, 2, 1])),
            (InputLayout::Cwh, &[_, c, w, h]) => (Shape::new(c, h, w), Some([0, 1, 3, 2])),
            // One-dimensional signals.
            (InputLayout::Chw, &[_, c, l]) => (Shape::new(c, 1, l), None),
            (InputLayout::Hwc, &[_, l, c]) => (Shape::new(c, 1, l), Some([0, 2, 3, 1])),
            _ => {
                return Err(Error::invalid(format!(
                    "an input of dimensions {dims:?} does not fit the layout {layout:?}"
                )));
            }
        };
        let node = self.push(Op::Input, vec![], shape)?;
        let mut v = Self::row_major(node, vec![1, shape.channels, shape.height, shape.width]);
        let expand = |values: &[f32], what: &str| -> Result<Vec<f32>> {
            match values.len() {
                1 => Ok(vec![values[0]; shape.channels]),
                n if n == shape.channels => Ok(values.to_vec()),
                n => Err(Error::invalid(format!(
                    "{n} values for the {what} of an input with {} channels; give 1 or {}",
                    shape.channels, shape.channels
                ))),
            }
        };
        let mean = expand(&transform.mean, "mean")?;
        let std = expand(&transform.std, "standard deviation")?;
        if std.contains(&0.0) {
            return Err(Error::invalid("a standard deviation of zero"));
        }
        let scale: Vec<f32> = std.iter().map(|s| transform.scale / s).collect();
        let shift: Vec<f32> = mean.iter().zip(&std).map(|(m, s)| -m / s).collect();
        if scale.iter().any(|&s| s != 1.0) || shift.iter().any(|&s| s != 0.0) {
            v = self.channel_affine(&v, scale, shift)?;
        }
        if let Some(perm) = to_file {
            v = self.transpose(&v, &perm)?;
        }
        v = self.reshape(&v, dims)?;
        Ok(v)
    }

    /// Reorders the axes: axis `i` of the result is axis `perm[i]` of `x`.
    pub fn transpose(&self, x: &Value, perm: &[usize]) -> Result<Value> {
        self.plain(x)?;
        let rank = x.dims.len();
        let mut seen = vec![false; rank];
        for &p in perm {
            if p >= rank || std::mem::replace(&mut seen[p], true) {
                return Err(Error::invalid(format!(
                    "{perm:?} is no permutation of {rank} axes"
                )));
            }
        }
        if perm.len() != rank {
            return Err(Error::invalid(format!(
                "{perm:?} is no permutation of {rank} axes"
            )));
        }
        if perm.first().is_some_and(|&p| p != 0) && x.dims.first() != Some(&1) {
            return Err(Error::invalid("the batch axis is moved"));
        }
        let dims: Vec<usize> = perm.iter().map(|&p| x.dims[p]).collect();
        let mut strides = vec![1usize; rank];
        for i in (0..rank.saturating_sub(1)).rev() {
            strides[i] = strides[i + 1] * x.dims[i + 1];
        }
        let strides: Vec<usize> = perm.iter().map(|&p| strides[p]).collect();
        let n = x.len();
        let mut order = Vec::with_capacity(n);
        let mut counter = vec![0usize; rank];
        let mut at = 0usize;
        for _ in 0..n {
            order.push(match &x.order {
                Some(o) => o[at],
                None => at as u32,
            });
            for axis in (0..rank).rev() {
                counter[axis] += 1;
                at += strides[axis];
                if counter[axis] < dims[axis] {
                    break;
                }
                at -= strides[axis] * dims[axis];
                counter[axis] = 0;
            }
        }
        Ok(Value {
            node: x.node,
            dims,
            order: identity_free(order),
            head: Head::Values,
        })
    }

    /// Gives the elements, in row-major order, other dimensions (also squeeze, unsqueeze, flatten).
    pub fn reshape(&self, x: &Value, dims: &[usize]) -> Result<Value> {
        self.plain(x)?;
        if dims.len() > limits::MAX_RANK || limits::values(dims) != Some(x.len()) {
            return Err(Error::invalid(format!(
                "cannot reshape {:?} to {dims:?}: the number of values differs",
                x.dims
            )));
        }
        Ok(Value {
            dims: dims.to_vec(),
            ..x.clone()
        })
    }

    /// The node whose CHW tensor is exactly `x` in row-major order with shape `shape`.
    fn materialize(&mut self, x: &Value, shape: Shape) -> Result<NodeId> {
        self.plain(x)?;
        if x.order.is_none() && self.shape_of(x) == shape {
            return Ok(x.node);
        }
        if x.len() != shape.len() {
            return Err(Error::invalid(format!(
                "dimensions {:?} with more than one sample; the first axis must be the batch of one",
                x.dims
            )));
        }
        let index: Vec<u32> = match &x.order {
            Some(o) => o.to_vec(),
            None => (0..x.len() as u32).collect(),
        };
        self.push(Op::Rearrange { index }, vec![x.node], shape)
    }

    /// `x` as channels, rows, columns: accepts `[1, c, h, w]`, `[1, c, l]`, `[1, n]`.
    fn image(&mut self, x: &Value) -> Result<(NodeId, Shape)> {
        let shape = match *x.dims.as_slice() {
            [1, c, h, w] => Shape::new(c, h, w),
            [1, c, l] => Shape::new(c, 1, l),
            [1, n] => Shape::new(n, 1, 1),
            _ => {
                return Err(Error::invalid(format!(
                    "expected an input of dimensions [1, channels, rows, columns], got {:?}",
                    x.dims
                )));
            }
        };
        Ok((self.materialize(x, shape)?, shape))
    }

    /// Convolution of `[1, c, h, w]`; for 1-D reshape to height 1 first.
    ///
    /// `weight` is `[out, in / groups, kernel rows, kernel columns]`.
    ///
    /// # Errors
    /// Shapes that do not fit, weights that are not finite.
    pub fn conv(
        &mut self,
        x: &Value,
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        out_channels: usize,
        groups: usize,
        window: Window,
    ) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        if groups == 0
            || out_channels == 0
            || shape.channels % groups != 0
            || !out_channels.is_multiple_of(groups)
        {
            return Err(Error::invalid(format!(
                "{groups} groups do not divide {} input and {out_channels} output channels",
                shape.channels
            )));
        }
        let [kh, kw] = window.kernel;
        let expected = limits::values(&[out_channels, shape.channels / groups, kh, kw]);
        if expected != Some(weight.len()) {
            return Err(Error::invalid(format!(
                "{} weights, expected {out_channels} x {} x {kh} x {kw}",
                weight.len(),
                shape.channels / groups
            )));
        }
        let bias = bias.unwrap_or_else(|| vec![0.0; out_channels]);
        if bias.len() != out_channels {
            return Err(Error::invalid(format!(
                "{} bias values for {out_channels} output channels",
                bias.len()
            )));
        }
        finite(&weight, "weight")?;
        finite(&bias, "bias")?;
        let [oh, ow] = window.output(shape.height, shape.width).ok_or_else(|| {
            Error::invalid(format!(
                "a kernel of {kh}x{kw} with strides {:?}, dilations {:?} and pads {:?} does not fit an input of {}x{}",
                window.stride, window.dilation, window.pads, shape.height, shape.width
            ))
        })?;
        let node = self.push(
            Op::Conv(Conv {
                out_channels,
                groups,
                window,
                weight,
                bias,
            }),
            vec![node],
            Shape::new(out_channels, oh, ow),
        )?;
        Ok(Self::row_major(node, vec![1, out_channels, oh, ow]))
    }

    /// Matrix product over the last axis: `weight` is `[inputs, outputs]` row-major.
    ///
    /// Ranks above 2 apply the same matrix at every position.
    pub fn dense(
        &mut self,
        x: &Value,
        weight: &[f32],
        bias: Option<Vec<f32>>,
        outputs: usize,
    ) -> Result<Value> {
        let rank = x.dims.len();
        let inputs = match rank {
            2..=4 => x.dims[rank - 1],
            _ => {
                return Err(Error::invalid(format!(
                    "a dense layer on dimensions {:?}; 2 to 4 axes are supported",
                    x.dims
                )));
            }
        };
        if inputs.checked_mul(outputs) != Some(weight.len()) {
            return Err(Error::invalid(format!(
                "a weight matrix of {} values, expected {inputs} x {outputs}",
                weight.len()
            )));
        }
        let mut by_output = vec![0.0; weight.len()];
        for i in 0..inputs {
            for o in 0..outputs {
                by_output[o * inputs + i] = weight[i * outputs + o];
            }
        }
        let to_channels: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        let from_channels: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
        let x = self.transpose(x, &to_channels)?;
        let spatial = x.dims[2..].to_vec();
        let x4 = match spatial.as_slice() {
            [] => self.reshape(&x, &[1, inputs, 1, 1])?,
            [l] => self.reshape(&x, &[1, inputs, 1, *l])?,
            _ => x,
        };
        let y = self.conv(&x4, by_output, bias, outputs, 1, Window::POINT)?;
        let mut dims = vec![1, outputs];
        dims.extend(spatial);
        let y = self.reshape(&y, &dims)?;
        self.transpose(&y, &from_channels)
    }

    /// `scale[c] * x + shift[c]` with `c` the canonical channel of an NCHW value.
    fn channel_affine(&mut self, x: &Value, scale: Vec<f32>, shift: Vec<f32>) -> Result<Value> {
        let channels = scale.len();
        let dims = x.dims.clone();
        let y = self.conv(x, scale, Some(shift), channels, channels, Window::POINT)?;
        self.reshape(&y, &dims)
    }

    /// `scale * x + shift`, both broadcast against `x` by the usual rules (aligned at the last axis);
    /// `coefficient_dims` are the dimensions of both. Batch normalisation and Mul/Add by constants.
    pub fn affine(
        &mut self,
        x: &Value,
        scale: &[f32],
        shift: &[f32],
        coefficient_dims: &[usize],
    ) -> Result<Value> {
        self.plain(x)?;
        let n = limits::values(coefficient_dims);
        if n != Some(scale.len()) || n != Some(shift.len()) {
            return Err(Error::invalid(format!(
                "{} scales and {} shifts for dimensions {coefficient_dims:?}",
                scale.len(),
                shift.len()
            )));
        }
        let rank = x.dims.len();
        let mut padded = vec![1; rank.saturating_sub(coefficient_dims.len())];
        padded.extend_from_slice(coefficient_dims);
        if padded.len() != rank || padded.iter().zip(&x.dims).any(|(&c, &d)| c != 1 && c != d) {
            return Err(Error::invalid(format!(
                "a constant of dimensions {coefficient_dims:?} does not broadcast to {:?}",
                x.dims
            )));
        }
        let varying: Vec<usize> = (0..rank).filter(|&i| padded[i] != 1).collect();
        match varying.as_slice() {
            // One constant for all: the order of the elements does not matter.
            [] => {
                let shape = self.shape_of(x);
                let dims = vec![1, shape.channels, shape.height, shape.width];
                let spread = |v: &[f32]| vec![v.first().copied().unwrap_or(0.0); shape.channels];
                let plain = Self::row_major(x.node, dims);
                let y = self.channel_affine(&plain, spread(scale), spread(shift))?;
                Ok(Value {
                    node: y.node,
                    ..x.clone()
                })
            }
            // One constant per element of one axis: a depthwise 1x1 convolution.
            [axis] => {
                let axis = *axis;
                let (moved, back) = self.channel_first(x, axis)?;
                let y = self.channel_affine(&moved, scale.to_vec(), shift.to_vec())?;
                self.undo_channel_first(&y, &x.dims, &back)
            }
            // Anything else: one constant per element.
            _ => {
                let flat = self.reshape(x, &[1, x.len()])?;
                let mut full = Vec::with_capacity(x.len());
                let mut counter = vec![0usize; rank];
                for _ in 0..x.len() {
                    let at = (0..rank).fold(0, |at, i| {
                        at * padded[i] + if padded[i] == 1 { 0 } else { counter[i] }
                    });
                    full.push(at);
                    for axis in (0..rank).rev() {
                        counter[axis] += 1;
                        if counter[axis] < x.dims[axis] {
                            break;
                        }
                        counter[axis] = 0;
                    }
                }
                let scale = full.iter().map(|&i| scale[i]).collect();
                let shift = full.iter().map(|&i| shift[i]).collect();
                let y = self.channel_affine(&flat, scale, shift)?;
                self.reshape(&y, &x.dims)
            }
        }
    }

    /// `x` as `[1, dims[axis], rest, 1]` and the permutation that was applied.
    fn channel_first(&mut self, x: &Value, axis: usize) -> Result<(Value, Vec<usize>)> {
        let rank = x.dims.len();
        let (moved, perm) = if x.dims[..axis].iter().all(|&d| d == 1) {
            (x.clone(), (0..rank).collect())
        } else {
            if x.dims[0] != 1 {
                return Err(Error::invalid(format!(
                    "expected a batch of one first in {:?}",
                    x.dims
                )));
            }
            // The batch stays in front, or the way back would move it.
            let mut perm = vec![0, axis];
            perm.extend((1..rank).filter(|&i| i != axis));
            (self.transpose(x, &perm)?, perm)
        };
        let channels = x.dims[axis];
        let rest = x.len() / channels.max(1);
        // Keep the rows and columns of the canonical tensor where they are: no copy then.
        let shape = self.shape_of(&moved);
        let dims = if moved.order.is_none() && shape.channels == channels {
            [1, channels, shape.height, shape.width]
        } else {
            [1, channels, rest, 1]
        };
        Ok((self.reshape(&moved, &dims)?, perm))
    }

    fn undo_channel_first(&mut self, y: &Value, dims: &[usize], perm: &[usize]) -> Result<Value> {
        let moved: Vec<usize> = perm.iter().map(|&p| dims[p]).collect();
        let y = self.reshape(y, &moved)?;
        let mut inverse = vec![0; perm.len()];
        for (i, &p) in perm.iter().enumerate() {
            inverse[p] = i;
        }
        self.transpose(&y, &inverse)
    }

    /// A scalar function on every value. For [`Activation::Slope`] with several slopes use [`Self::prelu`].
    pub fn activation(&mut self, x: &Value, activation: Activation) -> Result<Value> {
        self.plain(x)?;
        let shape = self.shape_of(x);
        let node = self.push(Op::Activation(activation), vec![x.node], shape)?;
        Ok(Value { node, ..x.clone() })
    }

    /// PReLU; `slopes` of dimensions `slope_dims` broadcast against `x`.
    pub fn prelu(&mut self, x: &Value, slopes: &[f32], slope_dims: &[usize]) -> Result<Value> {
        self.plain(x)?;
        finite(slopes, "slope")?;
        if limits::values(slope_dims) != Some(slopes.len()) {
            return Err(Error::invalid(format!(
                "{} slopes for dimensions {slope_dims:?}",
                slopes.len()
            )));
        }
        let rank = x.dims.len();
        let mut padded = vec![1; rank.saturating_sub(slope_dims.len())];
        padded.extend_from_slice(slope_dims);
        if padded.len() != rank || padded.iter().zip(&x.dims).any(|(&c, &d)| c != 1 && c != d) {
            return Err(Error::invalid(format!(
                "slopes of dimensions {slope_dims:?} do not broadcast to {:?}",
                x.dims
            )));
        }
        let varying: Vec<usize> = (0..rank).filter(|&i| padded[i] != 1).collect();
        match varying.as_slice() {
            [] => self.activation(
                x,
                Activation::Slope(vec![slopes.first().copied().unwrap_or(0.0)]),
            ),
            [axis] => {
                let (moved, back) = self.channel_first(x, *axis)?;
                let (node, shape) = self.image(&moved)?;
                let node = self.push(
                    Op::Activation(Activation::Slope(slopes.to_vec())),
                    vec![node],
                    shape,
                )?;
                let y = Self::row_major(node, moved.dims.clone());
                self.undo_channel_first(&y, &x.dims, &back)
            }
            _ if padded == x.dims => {
                let flat = self.reshape(x, &[1, x.len()])?;
                let (node, shape) = self.image(&flat)?;
                let node = self.push(
                    Op::Activation(Activation::Slope(slopes.to_vec())),
                    vec![node],
                    shape,
                )?;
                self.reshape(&Self::row_major(node, flat.dims.clone()), &x.dims)
            }
            _ => Err(Error::invalid(format!(
                "slopes of dimensions {slope_dims:?}; supported are one slope, one per channel, or one per value"
            ))),
        }
    }

    /// Pooling of `[1, c, h, w]`.
    pub fn pool(&mut self, x: &Value, params: &PoolParams) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        let mut window = params.window;
        let counted = window.pads;
        let misfit = || {
            Error::invalid(format!(
                "a pooling window of {:?} with strides {:?} and pads {:?} does not fit an input of {}x{}",
                params.window.kernel,
                params.window.stride,
                params.window.pads,
                shape.height,
                shape.width
            ))
        };
        if window.pads.iter().any(|&p| p >= 1 << 20)
            || (0..2).any(|i| window.pads[i] > 0 && window.pads[i] >= span(&window, i))
            || (0..2).any(|i| window.pads[i + 2] > 0 && window.pads[i + 2] >= span(&window, i))
        {
            // A window that lies wholly in the padding would have no element.
            return Err(Error::invalid(format!(
                "pads {:?} reach or exceed the window {:?}",
                window.pads, window.kernel
            )));
        }
        if params.ceil_mode {
            for (axis, len) in [(0, shape.height), (1, shape.width)] {
                let padded = len + window.pads[axis] + window.pads[axis + 2];
                let free = padded.checked_sub(span(&window, axis)).ok_or_else(misfit)?;
                let stride = window.stride[axis].max(1);
                let mut steps = free.div_ceil(stride);
                // A last window that starts beyond the input and its leading padding is dropped (ONNX, PyTorch).
                if steps * stride >= len + window.pads[axis] {
                    steps -= 1;
                }
                window.pads[axis + 2] += (steps * stride).saturating_sub(free);
            }
        }
        let [oh, ow] = window
            .output(shape.height, shape.width)
            .ok_or_else(misfit)?;
        limits::values(&[shape.channels, oh, ow]).ok_or_else(misfit)?;
        let mut divisors = vec![];
        if params.kind == PoolKind::Average {
            for oy in 0..oh {
                for ox in 0..ow {
                    // Taps k with low <= o * stride + k * dilation < high, without a loop: windows may be huge.
                    let count = |axis: usize, o: usize, len: usize| {
                        let (low, high) = if params.count_include_pad {
                            (0, len + counted[axis] + counted[axis + 2])
                        } else {
                            (window.pads[axis], window.pads[axis] + len)
                        };
                        let start = o * window.stride[axis];
                        let taps = |to: usize| {
                            to.saturating_sub(start)
                                .div_ceil(window.dilation[axis])
                                .min(window.kernel[axis])
                        };
                        (taps(high) - taps(low)) as u32
                    };
                    let n = count(0, oy, shape.height)
                        .checked_mul(count(1, ox, shape.width))
                        .filter(|&n| n > 0)
                        .ok_or_else(misfit)?;
                    divisors.push(n);
                }
            }
        }
        let node = self.push(
            Op::Pool(Pool {
                kind: params.kind,
                window,
                divisors,
            }),
            vec![node],
            Shape::new(shape.channels, oh, ow),
        )?;
        Ok(Self::row_major(node, vec![1, shape.channels, oh, ow]))
    }

    /// Pooling over all rows and columns: `[1, c, h, w]` to `[1, c, 1, 1]`.
    pub fn global_pool(&mut self, x: &Value, kind: PoolKind) -> Result<Value> {
        let (_, shape) = self.image(x)?;
        let params = PoolParams {
            kind,
            window: Window {
                kernel: [shape.height, shape.width],
                ..Window::POINT
            },
            ceil_mode: false,
            count_include_pad: false,
        };
        self.pool(x, &params)
    }

    /// `sum_i factors[i] * xs[i]`, all of the same dimensions.
    pub fn sum(&mut self, xs: &[Value], factors: &[f32]) -> Result<Value> {
        let first = xs
            .first()
            .ok_or_else(|| Error::invalid("a sum of nothing"))?;
        if factors.len() != xs.len() {
            return Err(Error::invalid("one factor per summand"));
        }
        finite(factors, "factor")?;
        for x in xs {
            self.plain(x)?;
            if x.dims != first.dims {
                return Err(Error::invalid(format!(
                    "adds tensors of dimensions {:?} and {:?}; both must be the same",
                    first.dims, x.dims
                )));
            }
        }
        if let Some(v) = self.fuse_polynomial(xs, factors)? {
            return Ok(v);
        }
        let same = xs
            .iter()
            .all(|x| x.order == first.order && self.shape_of(x) == self.shape_of(first));
        let (nodes, shape) = if same {
            (xs.iter().map(|x| x.node).collect(), self.shape_of(first))
        } else {
            let shape = match *first.dims.as_slice() {
                [1, c, h, w] => Shape::new(c, h, w),
                _ => Shape::new(first.len(), 1, 1),
            };
            let nodes = xs
                .iter()
                .map(|x| self.materialize(x, shape))
                .collect::<Result<Vec<_>>>()?;
            (nodes, shape)
        };
        let node = self.push(
            Op::Sum {
                factors: factors.to_vec(),
            },
            nodes,
            shape,
        )?;
        Ok(if same {
            Value {
                node,
                ..first.clone()
            }
        } else {
            Self::row_major(node, first.dims.clone())
        })
    }

    /// `x*x + n*x` written as layers: a sum of polynomials of one tensor is one polynomial.
    fn fuse_polynomial(&mut self, xs: &[Value], factors: &[f32]) -> Result<Option<Value>> {
        // (source node, [constant, linear, square])
        let read = |v: &Value| match &self.nodes[v.node].op {
            Op::Activation(Activation::Polynomial {
                square,
                linear,
                constant,
            }) => (self.nodes[v.node].inputs[0], [*constant, *linear, *square]),
            _ => (v.node, [0.0, 1.0, 0.0]),
        };
        let [a, b] = xs else { return Ok(None) };
        if a.order != b.order {
            return Ok(None);
        }
        let ((na, pa), (nb, pb)) = (read(a), read(b));
        if na != nb || (pa[2] == 0.0 && pb[2] == 0.0) {
            return Ok(None);
        }
        let p: Vec<f32> = (0..3)
            .map(|i| factors[0] * pa[i] + factors[1] * pb[i])
            .collect();
        let source = Value {
            node: na,
            ..a.clone()
        };
        self.activation(
            &source,
            Activation::Polynomial {
                square: p[2],
                linear: p[1],
                constant: p[0],
            },
        )
        .map(Some)
    }

    /// Elementwise product; only of a tensor with itself.
    pub fn square(&mut self, a: &Value, b: &Value) -> Result<Value> {
        if !a.same_tensor(b) {
            return Err(Error::invalid(
                "multiplies two different tensors; supported are x*x and products with a constant",
            ));
        }
        self.activation(
            a,
            Activation::Polynomial {
                square: 1.0,
                linear: 0.0,
                constant: 0.0,
            },
        )
    }

    /// Concatenation along `axis`.
    pub fn concat(&mut self, xs: &[Value], axis: usize) -> Result<Value> {
        let first = xs
            .first()
            .ok_or_else(|| Error::invalid("a concatenation of nothing"))?;
        let rank = first.dims.len();
        if axis == 0 || axis >= rank {
            return Err(Error::invalid(format!(
                "concatenates along axis {axis} of {rank}; supported are 1 to {}",
                rank.saturating_sub(1)
            )));
        }
        let mut parts = vec![];
        let mut total = 0usize;
        let mut perm: Vec<usize> = vec![0, axis];
        perm.extend((1..rank).filter(|&i| i != axis));
        for x in xs {
            self.plain(x)?;
            if x.dims.len() != rank || (0..rank).any(|i| i != axis && x.dims[i] != first.dims[i]) {
                return Err(Error::invalid(format!(
                    "concatenates dimensions {:?} and {:?} along axis {axis}",
                    first.dims, x.dims
                )));
            }
            total = total
                .checked_add(x.dims[axis])
                .ok_or_else(|| Error::invalid("too large a concatenation"))?;
            let moved = self.transpose(x, &perm)?;
            let (h, w) = match moved.dims[2..] {
                [] => (1, 1),
                [l] => (1, l),
                [h, w] => (h, w),
                _ => (moved.dims[2..].iter().product(), 1),
            };
            let shape = Shape::new(x.dims[axis], h, w);
            parts.push((self.materialize(&moved, shape)?, shape));
        }
        let shape = Shape::new(total, parts[0].1.height, parts[0].1.width);
        let node = self.push(Op::Concat, parts.iter().map(|p| p.0).collect(), shape)?;
        let mut dims: Vec<usize> = perm.iter().map(|&p| first.dims[p]).collect();
        dims[1] = total;
        let mut inverse = vec![0; rank];
        for (i, &p) in perm.iter().enumerate() {
            inverse[p] = i;
        }
        self.transpose(&Self::row_major(node, dims), &inverse)
    }

    /// Adds a border of `value` to rows and columns of `[1, c, h, w]`: top, left, bottom, right.
    pub fn pad(&mut self, x: &Value, pads: [usize; 4], value: f32) -> Result<Value> {
        if pads == [0; 4] {
            return Ok(x.clone());
        }
        finite(&[value], "padding value")?;
        let (node, shape) = self.image(x)?;
        let add = |n: usize, a: usize, b: usize| {
            n.checked_add(a)
                .and_then(|n| n.checked_add(b))
                .ok_or_else(|| Error::invalid(format!("pads {pads:?} are too large")))
        };
        let out = Shape::new(
            shape.channels,
            add(shape.height, pads[0], pads[2])?,
            add(shape.width, pads[1], pads[3])?,
        );
        let node = self.push(Op::Pad { pads, value }, vec![node], out)?;
        Ok(Self::row_major(
            node,
            vec![1, out.channels, out.height, out.width],
        ))
    }

    /// Nearest-neighbour upsampling of `[1, c, h, w]` by whole factors.
    pub fn upsample(&mut self, x: &Value, factors: [usize; 2]) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        let times = |n: usize, f: usize| {
            n.checked_mul(f)
                .filter(|&m| m > 0)
                .ok_or_else(|| Error::invalid(format!("upsampling factors {factors:?}")))
        };
        let out = Shape::new(
            shape.channels,
            times(shape.height, factors[0])?,
            times(shape.width, factors[1])?,
        );
        let node = self.push(Op::Upsample { factors }, vec![node], out)?;
        Ok(Self::row_major(
            node,
            vec![1, out.channels, out.height, out.width],
        ))
    }

    /// Softmax over `axis`: allowed only at the end.
    pub fn softmax(&mut self, x: &Value, axis: usize) -> Result<Value> {
        let (classes, stride) = self.head_axis(x, axis)?;
        Ok(Value {
            head: Head::Softmax { classes, stride },
            ..x.clone()
        })
    }

    /// Argmax over `axis`: allowed only at the end.
    pub fn argmax(&mut self, x: &Value, axis: usize) -> Result<Value> {
        let (classes, stride) = match x.head {
            Head::Softmax { .. } => {
                let plain = Value {
                    head: Head::Values,
                    ..x.clone()
                };
                self.head_axis(&plain, axis)?
            }
            _ => self.head_axis(x, axis)?,
        };
        Ok(Value {
            head: Head::ArgMax { classes, stride },
            ..x.clone()
        })
    }

    fn head_axis(&self, x: &Value, axis: usize) -> Result<(usize, usize)> {
        self.plain(x)?;
        if axis == 0 || axis >= x.dims.len() {
            return Err(Error::invalid(format!(
                "axis {axis} of dimensions {:?} is the batch or does not exist",
                x.dims
            )));
        }
        Ok((x.dims[axis], x.dims[axis + 1..].iter().product()))
    }

    /// The finished graph, simplified.
    ///
    /// # Errors
    /// No input, no output, or an output that depends on nothing.
    pub fn finish(self, outputs: Vec<(String, Value)>) -> Result<Graph> {
        let mut graph = self.finish_unsimplified(outputs)?;
        crate::simplify::simplify(&mut graph);
        Ok(graph)
    }

    pub(crate) fn finish_unsimplified(mut self, outputs: Vec<(String, Value)>) -> Result<Graph> {
        let input_layout = self
            .input_layout
            .ok_or_else(|| Error::invalid("the model has no input"))?;
        if outputs.is_empty() {
            return Err(Error::invalid("the model has no output"));
        }
        let mut list = vec![];
        for (name, v) in outputs {
            self.set_name(&name);
            let plain = Value {
                head: Head::Values,
                ..v.clone()
            };
            let node = match &plain.order {
                None => plain.node,
                Some(_) => {
                    let shape = match *plain.dims.as_slice() {
                        [1, c, h, w] => Shape::new(c, h, w),
                        [1, c, l] => Shape::new(c, 1, l),
                        _ => Shape::new(plain.len(), 1, 1),
                    };
                    self.materialize(&plain, shape)?
                }
            };
            list.push(Output {
                name,
                node,
                dims: v.dims,
                head: v.head,
            });
        }
        Ok(Graph {
            nodes: self.nodes,
            outputs: list,
            input_layout,
            parameters: self.parameters,
        })
    }
}

fn span(window: &Window, axis: usize) -> usize {
    window.kernel[axis]
        .saturating_sub(1)
        .saturating_mul(window.dilation[axis])
        .saturating_add(1)
}

/// `None` if the order is the identity.
fn identity_free(order: Vec<u32>) -> Option<Arc<[u32]>> {
    if order.iter().enumerate().all(|(i, &o)| i == o as usize) {
        None
    } else {
        Some(order.into())
    }
}

fn finite(values: &[f32], what: &str) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(i) => Err(Error::invalid(format!(
            "{what} {i} is {}; all parameters must be finite numbers",
            values[i]
        ))),
    }
}
