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

mod elementwise;
mod layout;
mod linear;
mod spatial;

use std::sync::Arc;

use crate::graph::{Graph, Head, InputLayout, Node, NodeId, Op, Output, PoolKind, Shape, Window};
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

fn finite(values: &[f32], what: &str) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(i) => Err(Error::invalid(format!(
            "{what} {i} is {}; all parameters must be finite numbers",
            values[i]
        ))),
    }
}
