//! Which integer layers a graph becomes, which tensors must share a scale, and which scales are public.

use super::LearnedNumbers;
use super::public::{Sign, public_groups, signs};
use crate::graph::{Activation, Graph, Node, NodeId, Op, PoolKind};
use crate::network::ValueRange;
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
    /// Per layer, what is known of its values' sign from the graph alone.
    pub(super) signs: Vec<Sign>,
    /// Per group, whether numbers of the public architecture are functions of its scale.
    pub(super) public: Vec<bool>,
}

impl Plan {
    pub(super) fn new(graph: &Graph, input: ValueRange) -> Result<Self> {
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
        let mut plan = Self {
            graph,
            layers,
            outputs,
            signs: vec![],
            public: vec![],
        };
        plan.check_finite()?;
        plan.signs = signs(&plan, input);
        plan.public = public_groups(&plan);
        Ok(plan)
    }

    /// The scalar function of layer `i`, if it has one.
    pub(super) fn activation(&self, i: usize) -> Option<&Activation> {
        let node = match self.layers[i].source {
            Source::Linear { activation, .. } => activation?,
            Source::Activation(node) => node,
            Source::Input | Source::Copy => return None,
        };
        match &self.graph.nodes[node].op {
            Op::Activation(f) => Some(f),
            _ => None,
        }
    }

    /// The linear operation of layer `i`, if it has one of its own.
    pub(super) fn linear(&self, i: usize) -> Option<&Op> {
        match self.layers[i].source {
            Source::Linear { linear, .. } => Some(&self.graph.nodes[linear].op),
            _ => None,
        }
    }

    /// Layers with numbers that the model file chose, not the kind of layer; all of them are public.
    pub(super) fn learned_numbers(&self) -> Vec<LearnedNumbers> {
        let named = |i: usize, what| LearnedNumbers {
            layer: self.node(i).name.clone(),
            what,
        };
        let own = |i: usize| {
            [
                self.linear_numbers(i),
                self.activation(i).and_then(constants),
            ]
        };
        (0..self.layers.len())
            .flat_map(|i| own(i).into_iter().flatten().map(move |what| named(i, what)))
            .collect()
    }

    fn linear_numbers(&self, i: usize) -> Option<&'static str> {
        let op = match self.layers[i].source {
            Source::Copy => Some(&self.node(i).op),
            _ => self.linear(i),
        };
        match op? {
            Op::Sum { factors } if factors.iter().any(|f| f.abs() != 1.0) => {
                Some("factors of a sum")
            }
            Op::Pad { value, .. } if *value != 0.0 => Some("the value of a border"),
            _ => None,
        }
    }

    /// Layers with the scale of layer `i`.
    pub(super) fn group(&self, i: usize) -> impl Iterator<Item = usize> {
        let group = self.layers[i].group;
        (0..self.layers.len()).filter(move |&l| self.layers[l].group == group)
    }

    pub(super) fn is_output(&self, i: usize) -> bool {
        self.outputs.contains(&i)
    }

    /// Whether the scale of layer `i` can be told from the public architecture.
    pub(super) fn is_public(&self, i: usize) -> bool {
        self.public[self.layers[i].group]
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

/// What a function has of the model file, other than what everybody's has.
fn constants(activation: &Activation) -> Option<&'static str> {
    match activation {
        Activation::Slope(_) => Some("slopes"),
        Activation::Polynomial { .. } => Some("coefficients of a polynomial"),
        Activation::Clip { low, high } => {
            let usual = [0.0, -1.0, f32::NEG_INFINITY].contains(low)
                && [1.0, 6.0, f32::INFINITY].contains(high);
            (!usual).then_some("bounds of a clip")
        }
        Activation::HardSigmoid { alpha, beta } => {
            let usual = [0.2, 1.0 / 6.0].contains(alpha) && *beta == 0.5;
            (!usual).then_some("constants of a hard sigmoid")
        }
        Activation::Relu | Activation::Sigmoid | Activation::Tanh | Activation::HardSwish => None,
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
