//! The models that a case is imported as.
//!
//! A node test gives every tensor as an input, often with several samples; the importer takes one sample at a time
//! and wants parameters in the file. What a test means is the same if all inputs but some are constants of the
//! model, and if those are computed from the one input by operators that only move values.

use pleat_model::Error;
use pleat_model::graph::{Graph, Head, InputLayout};
use pleat_model::import::{ImportOptions, onnx};

use super::suite::{Array, Case};
use super::support::eval::outputs;
use super::support::model::{encode, floats, info, int, longs, node};
use super::support::proto::{Dimension, GraphProto, ModelProto, TensorProto, data_type};

/// What becomes of one reading.
pub(crate) enum Verdict {
    Agrees,
    /// Operator, attribute and reason of the refusal.
    Refused(String),
    Disagrees(String),
}

/// One way to read a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reading {
    /// One input of the case is the model's input as it stands, the others are constants.
    Declared,
    /// A batch of several, dynamic in the model, sample for sample, each read as above or below.
    OneByOne,
    /// One input is the model's input, a vector, brought to its dimensions by the first node.
    Reshaped,
    /// All inputs are parts of the model's input, a vector.
    Joined,
    /// The model's input only has a shape to give.
    Shape,
    /// Every input is a constant.
    Constants,
}

pub(crate) type Attempt = (Reading, Verdict);

/// Operators that treat every sample of a batch, along the first axis of the first input, for itself.
const BY_SAMPLE: [&str; 14] = [
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Softmax",
];

/// The same of every input that has the axis.
const BY_SAMPLE_OF_ALL: [&str; 10] = [
    "Add", "Concat", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum",
];

/// Values that a model's input may join from several: a matrix picks each.
const MOST_JOINED: usize = 1024;

/// Imports the case with some of its inputs depending on the sample, in every way there is.
pub(crate) fn of_values(case: &Case) -> Vec<Attempt> {
    let mut attempts = vec![];
    let floats: Vec<usize> = (0..case.inputs.len())
        .filter(|&i| case.inputs[i].is_float())
        .collect();
    if floats.is_empty() {
        // No input that a model may have, or no data: there is a refusal to see.
        attempts.push((Reading::Declared, declared(case, 0)));
    }
    if let Some(samples) = batch(case) {
        attempts.extend(one_by_one(&samples));
    }
    for &i in &floats {
        if case.inputs[i].dims.first() == Some(&1) {
            attempts.push((Reading::Declared, declared(case, i)));
        }
        attempts.push((Reading::Reshaped, from_vector(case, &[i], Shown::Outputs)));
    }
    let joined: Vec<f32> = floats
        .iter()
        .filter_map(|&i| case.inputs[i].values.as_ref())
        .flatten()
        .copied()
        .collect();
    // What is picked is multiplied by 0 and 1.
    let picked = joined.len() <= MOST_JOINED && joined.iter().all(|v| v.is_finite());
    if floats.len() > 1 && picked {
        attempts.push((Reading::Joined, from_vector(case, &floats, Shown::Outputs)));
    }
    if case.operators().all(|o| o == "Concat") {
        // It has no parameters: what is said of all inputs together comes first.
        attempts.reverse();
    }
    let constant = |a: &Attempt| matches!(&a.1, Verdict::Refused(r) if r.contains("is a constant; supported are outputs"));
    if !floats.is_empty() && attempts.iter().all(constant) {
        attempts.push((
            Reading::Shape,
            from_vector(case, &floats[..1], Shown::Added),
        ));
    }
    attempts
}

/// Imports the case with constants only.
pub(crate) fn of_constants(case: &Case) -> Attempt {
    (Reading::Constants, from_vector(case, &[], Shown::Added))
}

/// The case's model with every input a constant but those in `sample`.
fn with_constants(case: &Case, sample: &[usize]) -> (ModelProto, GraphProto) {
    let mut model = case.model.clone();
    let mut graph = model.graph.take().unwrap();
    let inputs = std::mem::take(&mut graph.input);
    for (i, input) in inputs.into_iter().enumerate() {
        match case.inputs.get(i) {
            Some(array) if !sample.contains(&i) => graph.initializer.push(array.proto.clone()),
            _ => graph.input.push(input),
        }
    }
    (model, graph)
}

fn declared(case: &Case, i: usize) -> Verdict {
    let (model, graph) = with_constants(case, &[i]);
    let graph = match import(model, graph) {
        Ok(graph) => graph,
        Err(refused) => return refused,
    };
    match case.inputs.get(i).and_then(|x| x.values.as_deref()) {
        Some(x) => same(&run(case, &graph, x), &case.outputs),
        None => Verdict::Disagrees("imported, but there is nothing to compare with".into()),
    }
}

/// The case cut into cases of one sample each, if it is a batch of several.
fn batch(case: &Case) -> Option<Vec<Case>> {
    let of_all = case.operators().all(|o| BY_SAMPLE_OF_ALL.contains(&o));
    if !of_all && !case.operators().all(|o| BY_SAMPLE.contains(&o)) {
        return None;
    }
    let (x, y) = (case.inputs.first()?, case.outputs.first()?);
    let rank = if of_all { y.dims.len() } else { x.dims.len() };
    let &samples = if of_all { &y.dims } else { &x.dims }.first()?;
    let has_batch =
        |i: usize, a: &Array| (of_all || i == 0) && a.dims.len() == rank && a.dims[0] == samples;
    let whole = case
        .outputs
        .iter()
        .all(|o| o.dims.first() == Some(&samples));
    if samples < 2 || !whole {
        return None;
    }
    let cut = |at: usize| {
        let mut model = case.model.clone();
        let declared = &mut model.graph.as_mut().unwrap().input;
        let mut inputs = vec![];
        for (i, (input, array)) in declared.iter_mut().zip(&case.inputs).enumerate() {
            if has_batch(i, array) {
                let r#type = input.r#type.as_mut().unwrap();
                let tensor = r#type.tensor_type.as_mut().unwrap();
                tensor.shape.as_mut().unwrap().dim[0] = Dimension::default();
                inputs.push(array.sample(at, samples));
            } else {
                inputs.push(array.clone());
            }
        }
        Case {
            name: format!("{}, sample {at}", case.name),
            model,
            inputs,
            outputs: case.outputs.iter().map(|o| o.sample(at, samples)).collect(),
        }
    };
    Some((0..samples).map(cut).collect())
}

/// Every way to read the samples of a batch, the same for all of them.
fn one_by_one(samples: &[Case]) -> Vec<Attempt> {
    let each: Vec<Vec<Attempt>> = samples.iter().map(of_values).collect();
    let mut verdicts: Vec<Verdict> = each[0].iter().map(|_| Verdict::Agrees).collect();
    for attempts in each {
        assert_eq!(attempts.len(), verdicts.len(), "{}", samples[0].name);
        for (verdict, (_, found)) in verdicts.iter_mut().zip(attempts) {
            if matches!(verdict, Verdict::Agrees) || matches!(found, Verdict::Disagrees(_)) {
                *verdict = found;
            }
        }
    }
    verdicts
        .into_iter()
        .map(|v| (Reading::OneByOne, v))
        .collect()
}

/// How a case's outputs become the model's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// As they are.
    Outputs,
    /// Their values and dimensions, which are constants, added to zeros.
    Added,
}

/// The inputs in `sample` are made from a vector, the others are constants.
fn from_vector(case: &Case, sample: &[usize], shown: Shown) -> Verdict {
    let (model, mut graph) = with_constants(case, sample);
    let x: Vec<f32> = sample
        .iter()
        .flat_map(|&i| case.inputs[i].values.clone().unwrap())
        .collect();
    // A model has an input, even if nothing comes from it.
    let x = if sample.is_empty() { vec![1.0] } else { x };
    graph.input = vec![info("sample", Some(&[1, x.len() as i64]))];
    let mut nodes = vec![];
    let mut start = 0;
    for &i in sample {
        let array = &case.inputs[i];
        let part = format!("part_{i}");
        let from = if sample.len() == 1 {
            "sample".to_owned()
        } else {
            let matrix = pick(&part, x.len(), start, array.len());
            graph.initializer.push(matrix);
            let picked = format!("picked_{i}");
            nodes.push(node("MatMul", &["sample", &part], &picked, vec![]));
            start += array.len();
            picked
        };
        let dims = format!("dims_{i}");
        graph.initializer.push(longs(&dims, &array.proto.dims));
        nodes.push(node("Reshape", &[&from, &dims], &array.proto.name, vec![]));
    }
    nodes.append(&mut graph.node);
    graph.node = nodes;
    if shown == Shown::Added {
        return added(case, model, graph, &x);
    }
    match import(model, graph) {
        Ok(graph) => same(&run(case, &graph, &x), &case.outputs),
        Err(refused) => refused,
    }
}

/// A matrix that picks `count` values from `start` on of `n`.
fn pick(name: &str, n: usize, start: usize, count: usize) -> TensorProto {
    let mut matrix = vec![0.0; n * count];
    for k in 0..count {
        matrix[(start + k) * count + k] = 1.0;
    }
    floats(name, &[n as i64, count as i64], matrix)
}

/// Shows constant outputs: values and dimensions of all of them in a row, added to zeros made from the input.
fn added(case: &Case, model: ModelProto, mut graph: GraphProto, x: &[f32]) -> Verdict {
    let mut parts = vec![];
    let to_float = || vec![int("to", data_type::FLOAT.into())];
    for (k, output) in std::mem::take(&mut graph.output).into_iter().enumerate() {
        let name = |what: &str| format!("{what}_{k}");
        let (cast, flat) = (name("cast"), name("flat"));
        let (shape, sizes) = (name("shape"), name("sizes"));
        graph.node.extend([
            node("Cast", &[&output.name], &cast, to_float()),
            node("Reshape", &[&cast, "one_axis"], &flat, vec![]),
            node("Shape", &[&output.name], &shape, vec![]),
            node("Cast", &[&shape], &sizes, to_float()),
        ]);
        parts.extend([flat, sizes]);
    }
    let total: usize = case.outputs.iter().map(|o| o.len() + o.dims.len()).sum();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    graph.node.extend([
        node("Concat", &parts, "row", vec![int("axis", 0)]),
        node("MatMul", &["sample", "nothing"], "zeros", vec![]),
        node("Add", &["zeros", "row"], "shown", vec![]),
    ]);
    graph.initializer.extend([
        longs("one_axis", &[-1]),
        floats(
            "nothing",
            &[x.len() as i64, total as i64],
            vec![0.0; x.len() * total],
        ),
    ]);
    graph.output = vec![info("shown", None)];
    let graph = match import(model, graph) {
        Ok(graph) => graph,
        Err(refused) => return refused,
    };
    let (_, row) = run(case, &graph, x).remove(0);
    let mut rest = row.as_slice();
    for output in &case.outputs {
        let (values, after) = rest.split_at(output.len());
        let (sizes, after) = after.split_at(output.dims.len());
        let dims = sizes.iter().map(|&s| s as usize).collect();
        let found = [(Some(dims), values.to_vec())];
        if let Verdict::Disagrees(how) = same(&found, std::slice::from_ref(output)) {
            return Verdict::Disagrees(how);
        }
        rest = after;
    }
    Verdict::Agrees
}

fn import(mut model: ModelProto, graph: GraphProto) -> Result<Graph, Verdict> {
    let rank = graph.input.first().and_then(|i| {
        let tensor = i.r#type.as_ref()?.tensor_type.as_ref()?;
        Some(tensor.shape.as_ref()?.dim.len())
    });
    model.graph = Some(graph);
    // Tests say nothing of axes: the order of the values is that of the file.
    let options = ImportOptions {
        layout: Some(match rank {
            Some(3 | 4) => InputLayout::Chw,
            _ => InputLayout::Flat,
        }),
        ..ImportOptions::default()
    };
    onnx::read(&encode(&model), &options).map_err(|e| Verdict::Refused(sentence(&e)))
}

/// The refusal without the name of the node.
fn sentence(error: &Error) -> String {
    match error {
        Error::Unsupported {
            operator,
            attribute: Some(attribute),
            reason,
            ..
        } => format!("{operator} '{attribute}': {reason}"),
        Error::Unsupported {
            operator, reason, ..
        } => format!("{operator}: {reason}"),
        other => other.to_string(),
    }
}

/// Dimensions, unless the graph does not keep them, and values of an output.
type Found = (Option<Vec<usize>>, Vec<f32>);

fn run(case: &Case, graph: &Graph, x: &[f32]) -> Vec<Found> {
    let nodes = &case.model.graph.as_ref().unwrap().node;
    let each = graph.outputs.iter().zip(outputs(graph, x));
    each.map(|(output, mut values)| {
        // Imported as Softmax, which has the same decision.
        let by = nodes.iter().find(|n| n.output.contains(&output.name));
        if by.is_some_and(|n| n.op_type == "LogSoftmax") {
            values.iter_mut().for_each(|v| *v = v.ln());
        }
        // The graph says what is compared, not what is left of its axes.
        let dims = match output.head {
            Head::ArgMax { .. } => None,
            _ => Some(output.dims.clone()),
        };
        (dims, values)
    })
    .collect()
}

fn same(found: &[Found], expected: &[Array]) -> Verdict {
    if found.len() != expected.len() {
        return Verdict::Disagrees(format!(
            "{} outputs instead of {}",
            found.len(),
            expected.len()
        ));
    }
    for ((dims, values), expected) in found.iter().zip(expected) {
        let Some(theirs) = &expected.values else {
            return Verdict::Disagrees("imported, but there is nothing to compare with".into());
        };
        if dims.as_ref().is_some_and(|d| *d != expected.dims) || values.len() != theirs.len() {
            return Verdict::Disagrees(format!(
                "dimensions {dims:?} and {} values instead of {:?}",
                values.len(),
                expected.dims
            ));
        }
        let (relative, absolute) = expected.tolerance();
        let close = |a: f32, b: f32| {
            a == b
                || (a.is_nan() && b.is_nan())
                || (b.is_finite() && (a - b).abs() <= absolute + relative * b.abs())
        };
        if let Some(i) = (0..values.len()).find(|&i| !close(values[i], theirs[i])) {
            return Verdict::Disagrees(format!(
                "value {i} is {} instead of {}",
                values[i], theirs[i]
            ));
        }
    }
    Verdict::Agrees
}
