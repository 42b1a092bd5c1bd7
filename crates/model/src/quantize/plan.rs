//! Which integer layers a graph becomes, and which tensors must share a scale.

use crate::graph::{Graph, Node, NodeId, Op, PoolKind};
use crate::{Error, Result};

/// What an integer layer is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The sample.
    Input,
    /// A linear node (convolution, average or sum pooling, sum) and the activation after it.
    Linear {
        linear: NodeId,
        activation: Option<NodeId>,
    },
    /// An activation on a tensor that no linear node of its own produces.
    Activation(NodeId),
    /// Values copied without arithmetic: max pooling, concatenation, padding, upsampling, rearrangement.
    Copy,
}

/// One layer of the integer network to be.
#[derive(Clone, Debug)]
pub(super) struct PlanLayer {
    /// The node whose tensor this layer produces.
    pub(super) node: NodeId,
    pub(super) source: Source,
    /// Layers it reads.
    pub(super) inputs: Vec<usize>,
    /// Layers with the same group have the same scale.
    pub(super) group: usize,
}

/// The graph (with requantisation inserted where scales would clash) and its integer layers.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) graph: Graph,
    pub(super) layers: Vec<PlanLayer>,
    /// Layer of each output.
    pub(super) outputs: Vec<usize>,
}

impl Plan {
    pub(super) fn new(graph: &Graph) -> Result<Self> {
        let graph = separate_input_from_concatenations(graph);
        let mut users = vec![vec![]; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            for &j in &node.inputs {
                users[j].push(i);
            }
        }
        let is_output = |n: NodeId| graph.outputs.iter().any(|o| o.node == n);
        let mut layers: Vec<PlanLayer> = vec![];
        // Layer that produces the tensor of each node.
        let mut layer_of = vec![usize::MAX; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            if layer_of[i] != usize::MAX {
                continue;
            }
            let mut produced = i;
            let source = match &node.op {
                Op::Input => Source::Input,
                op if is_linear(op) => {
                    let activation = match users[i].as_slice() {
                        &[j] if !is_output(i) && matches!(graph.nodes[j].op, Op::Activation(_)) => {
                            Some(j)
                        }
                        _ => None,
                    };
                    produced = activation.unwrap_or(i);
                    Source::Linear {
                        linear: i,
                        activation,
                    }
                }
                Op::Activation(_) => Source::Activation(i),
                _ => Source::Copy,
            };
            let inputs = node.inputs.iter().map(|&j| layer_of[j]).collect();
            // Set both: the linear node's own tensor is read by its activation only.
            layer_of[i] = layers.len();
            layer_of[produced] = layers.len();
            layers.push(PlanLayer {
                node: produced,
                source,
                inputs,
                group: layers.len(),
            });
        }
        share_scales(&mut layers);
        let outputs = graph.outputs.iter().map(|o| layer_of[o.node]).collect();
        let plan = Self {
            graph,
            layers,
            outputs,
        };
        plan.check_finite()?;
        Ok(plan)
    }

    pub(super) fn node(&self, layer: usize) -> &Node {
        &self.graph.nodes[self.layers[layer].node]
    }

    /// Folding may have multiplied finite numbers into infinite ones.
    fn check_finite(&self) -> Result<()> {
        for node in &self.graph.nodes {
            if let Op::Conv(conv) = &node.op
                && conv.weight.iter().chain(&conv.bias).any(|w| !w.is_finite())
            {
                return Err(Error::invalid(format!(
                    "layer '{}': a weight is infinite or undefined once batch normalisation is folded in",
                    node.name
                )));
            }
        }
        Ok(())
    }
}

fn is_linear(op: &Op) -> bool {
    match op {
        Op::Conv(_) | Op::Sum { .. } => true,
        Op::Pool(p) => p.kind != PoolKind::Max,
        _ => false,
    }
}

/// Merges the groups of copies with those they copy from.
fn share_scales(layers: &mut [PlanLayer]) {
    for i in 0..layers.len() {
        if layers[i].source == Source::Copy {
            for j in layers[i].inputs.clone() {
                let (a, b) = (layers[i].group, layers[j].group);
                for layer in layers.iter_mut() {
                    if layer.group == a {
                        layer.group = b;
                    }
                }
            }
        }
    }
}

/// The input's scale is fixed at one, so it cannot share a scale with other tensors: where it is
/// concatenated with them, a requantising layer goes between.
fn separate_input_from_concatenations(graph: &Graph) -> Graph {
    // Whether a tensor is a copy of the input, or contains one.
    let mut from_input = vec![false; graph.nodes.len()];
    let mut result = Graph {
        nodes: Vec::with_capacity(graph.nodes.len()),
        ..graph.clone()
    };
    let mut renamed = vec![0; graph.nodes.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        let copies = !is_linear(&node.op) && !matches!(node.op, Op::Activation(_));
        let all = node.inputs.iter().all(|&j| from_input[j]);
        from_input[i] = copies && all;
        let mut inputs: Vec<NodeId> = node.inputs.iter().map(|&j| renamed[j]).collect();
        if matches!(node.op, Op::Concat) && !all {
            for (slot, &j) in inputs.iter_mut().zip(&node.inputs) {
                if from_input[j] {
                    result.nodes.push(Node {
                        name: format!("{} (input)", node.name),
                        op: Op::Sum { factors: vec![1.0] },
                        inputs: vec![renamed[j]],
                        shape: graph.nodes[j].shape,
                    });
                    *slot = result.nodes.len() - 1;
                }
            }
        }
        renamed[i] = result.nodes.len();
        result.nodes.push(Node {
            inputs,
            ..node.clone()
        });
    }
    for output in &mut result.outputs {
        output.node = renamed[output.node];
    }
    result
}
