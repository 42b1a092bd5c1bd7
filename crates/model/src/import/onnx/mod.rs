//! ONNX, opset 9 to 21.
//!
//! Only what the outputs need is looked at, in the order of the file. A tensor
//! name is bound either to a constant or to a [`Value`] of the graph under
//! construction; an operator all of whose inputs are constant is folded, so the
//! shape computations of exporters vanish.

mod activation;
mod arithmetic;
mod conv;
mod dense;
mod fold;
mod head;
mod input;
mod node;
mod pool;
mod proto;
mod reduce;
mod select;
mod shape;
mod spatial;
mod tensor;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use self::node::{Binding, Node};
use self::proto::{GraphProto, ModelProto, NodeProto, malformed};
use self::tensor::Constant;
use crate::builder::Builder;
use crate::graph::Graph;
use crate::import::ImportOptions;
use crate::{Error, Result, limits};

const OPSETS: std::ops::RangeInclusive<i64> = 9..=21;

/// Reads an ONNX model.
///
/// # Errors
/// As [`super::read_model`].
pub fn read(bytes: &[u8], options: &ImportOptions) -> Result<Graph> {
    let model = proto::decode(bytes)?;
    let opset = opset(&model)?;
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| malformed("it has no graph"))?;
    if graph.node.len() > limits::MAX_NODES {
        return Err(malformed(format!(
            "{} nodes; at most {} are read",
            graph.node.len(),
            limits::MAX_NODES
        )));
    }
    Importer::new(graph, opset)?.run(options)
}

fn standard_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn opset(model: &ModelProto) -> Result<i64> {
    let version = model
        .opset_import
        .iter()
        .find(|o| standard_domain(&o.domain))
        .map(|o| o.version)
        .ok_or_else(|| malformed("it does not say which operator set it uses"))?;
    if OPSETS.contains(&version) {
        Ok(version)
    } else {
        Err(Error::invalid(format!(
            "the model uses ONNX opset {version}; supported are opsets {} to {} (onnx.version_converter converts)",
            OPSETS.start(),
            OPSETS.end()
        )))
    }
}

struct Importer<'a> {
    graph: &'a GraphProto,
    opset: i64,
    builder: Builder,
    bindings: HashMap<&'a str, Binding>,
    /// Names of the tensors the outputs depend on.
    needed: HashSet<&'a str>,
    /// Initialisers whose parameters were counted.
    counted: HashSet<&'a str>,
    /// Values read and made so far: bounds time and memory, whatever the nodes do.
    work: usize,
}

impl<'a> Importer<'a> {
    fn new(graph: &'a GraphProto, opset: i64) -> Result<Self> {
        Ok(Self {
            graph,
            opset,
            builder: Builder::new(),
            bindings: HashMap::new(),
            needed: needed(graph)?,
            counted: HashSet::new(),
            work: 0,
        })
    }

    fn run(mut self, options: &ImportOptions) -> Result<Graph> {
        self.initialisers()?;
        self.input(options)?;
        for (index, proto) in self.graph.node.iter().enumerate() {
            if proto
                .output
                .iter()
                .any(|o| self.needed.contains(o.as_str()))
            {
                self.node(index, proto)?;
            }
        }
        let mut outputs = vec![];
        for output in &self.graph.output {
            match self.bindings.get(output.name.as_str()) {
                Some(Binding::Value(v)) => outputs.push((output.name.clone(), v.clone())),
                Some(Binding::Constant(_)) => {
                    return Err(Error::invalid(format!(
                        "output '{}' is a constant; supported are outputs that depend on the input",
                        output.name
                    )));
                }
                None => return Err(unproduced(&output.name)),
            }
        }
        self.builder.finish(outputs)
    }

    fn initialisers(&mut self) -> Result<()> {
        for proto in &self.graph.initializer {
            if self.needed.contains(proto.name.as_str()) {
                let constant = Constant::read(proto, &proto.name)?;
                self.charge(constant.data.len())?;
                self.bindings
                    .insert(&proto.name, Binding::Constant(Rc::new(constant)));
            }
        }
        Ok(())
    }

    fn input(&mut self, options: &ImportOptions) -> Result<()> {
        let mut inputs = self.graph.input.iter().filter(|i| {
            let name = i.name.as_str();
            self.needed.contains(name) && !self.bindings.contains_key(name)
        });
        let info = inputs
            .next()
            .ok_or_else(|| Error::invalid("no output of the model depends on an input"))?;
        if let Some(second) = inputs.next() {
            return Err(Error::invalid(format!(
                "the model has the inputs '{}' and '{}'; exactly one is supported",
                info.name, second.name
            )));
        }
        let (dims, layout) = input::resolve(info, options)?;
        self.builder.set_name(&info.name);
        let value = self
            .builder
            .input(&dims, layout, &options.transform)
            .map_err(|e| e.at_node(&info.name, "input"))?;
        self.bindings.insert(&info.name, Binding::Value(value));
        Ok(())
    }

    fn node(&mut self, index: usize, proto: &'a NodeProto) -> Result<()> {
        let name = if proto.name.is_empty() {
            format!("{}_{index}", proto.op_type)
        } else {
            proto.name.clone()
        };
        let mut inputs = Vec::with_capacity(proto.input.len());
        for input in &proto.input {
            inputs.push(match input.as_str() {
                "" => None,
                n => Some(self.bindings.get(n).cloned().ok_or_else(|| unproduced(n))?),
            });
        }
        let node = Node {
            proto,
            name,
            inputs,
            opset: self.opset,
        };
        if !standard_domain(&proto.domain) {
            return Err(node.error(
                None,
                format!(
                    "operators of the domain '{}' are not supported; export with standard ONNX operators",
                    proto.domain
                ),
            ));
        }
        let (first, others) = match proto.output.split_first() {
            Some((first, others)) => (first.as_str(), others),
            None => return Ok(()),
        };
        if let Some(other) = others.iter().find(|o| self.needed.contains(o.as_str())) {
            return Err(node.error(
                None,
                format!("the output '{other}' is used; supported is the first output only"),
            ));
        }
        if self.bindings.contains_key(first) {
            return Err(malformed(format!("tensor '{first}' is produced twice")));
        }
        for input in &node.inputs {
            self.charge(match input {
                Some(Binding::Value(v)) => v.len(),
                Some(Binding::Constant(c)) => c.data.len(),
                None => 0,
            })?;
        }
        self.builder.set_name(&node.name);
        let result =
            dispatch(&mut self.builder, &node).map_err(|e| e.at_node(&node.name, node.op()))?;
        match &result {
            // Every axis bookkeeping below counts on a batch axis.
            Binding::Value(v) if v.dims().is_empty() => {
                return Err(node.error(
                    None,
                    "makes a tensor without axes; supported are results that keep the batch axis",
                ));
            }
            Binding::Value(v) => {
                self.charge(v.len())?;
                self.count_parameters(&node);
            }
            Binding::Constant(c) => self.charge(c.data.len())?,
        }
        self.bindings.insert(first, result);
        Ok(())
    }

    /// Counts the constants of a layer once, however many nodes share them.
    fn count_parameters(&mut self, node: &Node<'a>) {
        if !matches!(
            node.op(),
            "Conv"
                | "Gemm"
                | "MatMul"
                | "BatchNormalization"
                | "PRelu"
                | "Add"
                | "Mul"
                | "Sub"
                | "Div"
        ) {
            return;
        }
        for (name, input) in node.proto.input.iter().zip(&node.inputs) {
            // A single value is a setting, not a parameter, unless a layer of its own holds it.
            let scalar_ok = matches!(
                node.op(),
                "Conv" | "Gemm" | "MatMul" | "BatchNormalization" | "PRelu"
            );
            if let Some(Binding::Constant(c)) = input
                && (scalar_ok || c.data.len() > 1)
                && self.counted.insert(name)
            {
                self.builder.count_parameters(c.data.len());
            }
        }
    }

    fn charge(&mut self, values: usize) -> Result<()> {
        self.work = self.work.saturating_add(values);
        if self.work > 2 * limits::MAX_TOTAL_VALUES {
            return Err(Error::invalid(format!(
                "the network is too large: its nodes read and make more than {} values",
                2 * limits::MAX_TOTAL_VALUES
            )));
        }
        Ok(())
    }
}

fn unproduced(name: &str) -> Error {
    malformed(format!(
        "tensor '{name}' is used, but no initialiser, input or earlier node provides it (sparse initialisers are not supported)"
    ))
}

/// Names of all tensors the outputs depend on.
fn needed(graph: &GraphProto) -> Result<HashSet<&str>> {
    let mut producer: HashMap<&str, &NodeProto> = HashMap::new();
    for node in &graph.node {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            if producer.insert(output, node).is_some() {
                return Err(malformed(format!("tensor '{output}' is produced twice")));
            }
        }
    }
    let mut needed = HashSet::new();
    let mut open: Vec<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    while let Some(name) = open.pop() {
        if needed.insert(name)
            && let Some(node) = producer.get(name)
        {
            open.extend(
                node.input
                    .iter()
                    .map(String::as_str)
                    .filter(|i| !i.is_empty() && !needed.contains(i)),
            );
        }
    }
    Ok(needed)
}

/// Folds the node if it can be, adds it to the graph otherwise.
fn dispatch(b: &mut Builder, node: &Node<'_>) -> Result<Binding> {
    let constant = node
        .inputs
        .iter()
        .all(|i| !matches!(i, Some(Binding::Value(_))));
    if (constant || matches!(node.op(), "Shape" | "Size"))
        && let Some(folded) = fold::fold(node)?
    {
        return Ok(Binding::Constant(Rc::new(folded)));
    }
    let value = match node.op() {
        "Conv" => conv::conv(b, node),
        "Gemm" => dense::gemm(b, node),
        "MatMul" => dense::matmul(b, node),
        "BatchNormalization" => dense::batch_normalization(b, node),
        "Relu" | "Clip" | "LeakyRelu" | "PRelu" | "Sigmoid" | "Tanh" | "HardSigmoid"
        | "HardSwish" => activation::activation(b, node),
        "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Neg" | "Pow" | "Max" | "Min" => {
            arithmetic::arithmetic(b, node)
        }
        "MaxPool" | "AveragePool" => pool::pool(b, node),
        "GlobalMaxPool" | "GlobalAveragePool" => reduce::global(b, node),
        "ReduceMean" | "ReduceSum" | "ReduceMax" => reduce::reduce(b, node),
        "Concat" => shape::concat(b, node),
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => shape::reshape(b, node),
        "Transpose" => shape::transpose(b, node),
        "Identity" | "Dropout" | "Cast" => shape::pass_through(node),
        "Pad" => spatial::pad(b, node),
        "Upsample" | "Resize" => spatial::resize(b, node),
        "Softmax" | "LogSoftmax" => head::softmax(b, node),
        "ArgMax" => head::argmax(b, node),
        other => Err(node.error(None, unsupported(other))),
    };
    value.map(Binding::Value)
}

/// What to use instead of an operator that is not supported.
fn unsupported(op: &str) -> String {
    let closest = match op {
        "ConvTranspose" => "Resize (nearest, whole factors) followed by Conv",
        "Elu" | "Selu" | "Celu" | "Gelu" | "Softplus" | "Softsign" | "Mish" | "ThresholdedRelu"
        | "Exp" | "Erf" => {
            "one of Relu, LeakyRelu, PRelu, Clip, Sigmoid, Tanh, HardSigmoid, HardSwish or x*x"
        }
        "InstanceNormalization"
        | "LayerNormalization"
        | "GroupNormalization"
        | "LpNormalization"
        | "LRN" => "BatchNormalization",
        "LpPool" | "GlobalLpPool" => "AveragePool or MaxPool",
        "ArgMin" => "ArgMax of the negated values",
        "QuantizeLinear"
        | "DequantizeLinear"
        | "QLinearConv"
        | "QLinearMatMul"
        | "ConvInteger"
        | "MatMulInteger"
        | "DynamicQuantizeLinear" => "the float model; quantisation happens here, after import",
        _ => {
            "Conv, Gemm, MatMul, BatchNormalization, pooling, Reduce over rows and columns, Add, Sub, Concat, \
             reshaping, Transpose, Pad, Resize, the usual activations, and Softmax or ArgMax at the end"
        }
    };
    format!("the operator is not supported; closest supported form: {closest}")
}
