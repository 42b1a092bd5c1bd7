//! The order in which the calls of a model's layers run.

use std::collections::HashMap;

use super::config::{Model, TensorRef, is_model};
use super::store::malformed;
use crate::{Result, limits};

/// A tensor: index of the layer, number of its call, number of the output.
pub(super) type Key = (usize, usize, usize);

/// The input of a Sequential model that has no layer for it.
pub(super) const IMPLICIT_INPUT: Key = (usize::MAX, 0, 0);

/// One application of a layer.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) layer: usize,
    pub(super) number: usize,
    pub(super) inputs: Vec<Key>,
}

/// A model's calls, each after those it reads, and its outputs.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) calls: Vec<Call>,
    pub(super) outputs: Vec<(String, Key)>,
}

/// Resolves names and sorts topologically.
///
/// Calls that lead to no output are kept, as Keras does.
pub(super) fn link(model: &Model<'_>) -> Result<Linked> {
    let index: HashMap<&str, usize> = model
        .layers
        .iter()
        .enumerate()
        .map(|(i, l)| (l.name.as_str(), i))
        .collect();
    let [first_read, first_output] = first_calls(model, &index);
    let key = |r: &TensorRef, first: &[usize]| -> Result<Key> {
        if r.layer.is_empty() {
            return Ok(IMPLICIT_INPUT);
        }
        let &layer = index.get(r.layer.as_str()).ok_or_else(|| {
            malformed(format!(
                "a reference to the layer '{}', which does not exist",
                r.layer
            ))
        })?;
        let call = r.call.checked_sub(first[layer]).ok_or_else(|| {
            malformed(format!(
                "a reference to an unknown call of the layer '{}'",
                r.layer
            ))
        })?;
        Ok((layer, call, r.output))
    };

    let mut calls = vec![];
    let mut position = HashMap::new();
    let mut references = 0usize;
    for (layer, item) in model.layers.iter().enumerate() {
        for (number, inputs) in item.calls.iter().enumerate() {
            references += inputs.len();
            if references > 16 * limits::MAX_NODES {
                return Err(malformed("too many references between layers"));
            }
            position.insert((layer, number), calls.len());
            calls.push(Call {
                layer,
                number,
                inputs: inputs
                    .iter()
                    .map(|r| key(r, &first_read))
                    .collect::<Result<_>>()?,
            });
        }
    }
    let outputs = model
        .outputs
        .iter()
        .map(|r| Ok((r.layer.clone(), key(r, &first_output)?)))
        .collect::<Result<_>>()?;

    // Kahn's algorithm; ties in the order of the file.
    let mut readers: Vec<Vec<usize>> = vec![vec![]; calls.len()];
    let mut missing = vec![0usize; calls.len()];
    for (i, call) in calls.iter().enumerate() {
        for &(layer, number, _) in call.inputs.iter().filter(|k| **k != IMPLICIT_INPUT) {
            let &source = position.get(&(layer, number)).ok_or_else(|| {
                malformed(format!(
                    "a reference to call {number} of the layer '{}', which does not exist",
                    model.layers[layer].name
                ))
            })?;
            readers[source].push(i);
            missing[i] += 1;
        }
    }
    let mut ready: std::collections::VecDeque<usize> =
        (0..calls.len()).filter(|&i| missing[i] == 0).collect();
    let mut sorted = Vec::with_capacity(calls.len());
    while let Some(i) = ready.pop_front() {
        sorted.push(calls[i].clone());
        for &r in &readers[i] {
            missing[r] -= 1;
            if missing[r] == 0 {
                ready.push_back(r);
            }
        }
    }
    if sorted.len() != calls.len() {
        return Err(malformed("the layers depend on each other in a circle"));
    }
    Ok(Linked {
        calls: sorted,
        outputs,
    })
}

/// The number of each layer's first call, in the arguments of calls and in the list of outputs.
///
/// Call 0 of a nested functional model may be its own construction. Keras 3 counts it only in the
/// list of outputs. Keras 2 counts it everywhere, for Sequential models in some versions only;
/// as all calls lead to an output, the last number that is read tells.
fn first_calls(model: &Model<'_>, index: &HashMap<&str, usize>) -> [Vec<usize>; 2] {
    let mut first = vec![0; model.layers.len()];
    if model.keras_3 {
        let outputs = model
            .layers
            .iter()
            .map(|l| usize::from(matches!(l.class, "Functional" | "Model")))
            .collect();
        return [first, outputs];
    }
    let read = model.layers.iter().flat_map(|l| l.calls.iter().flatten());
    for r in read.chain(&model.outputs) {
        if let Some(&layer) = index.get(r.layer.as_str()) {
            let item = &model.layers[layer];
            if is_model(item.class) && r.call == item.calls.len() {
                first[layer] = 1;
            }
        }
    }
    [first.clone(), first]
}
