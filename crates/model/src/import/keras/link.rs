//! The order in which the calls of a model's layers run.

use std::collections::HashMap;

use super::config::{Model, TensorRef};
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
pub(super) fn link(model: &Model<'_>, keras_2: bool) -> Result<Linked> {
    let index: HashMap<&str, usize> = model
        .layers
        .iter()
        .enumerate()
        .map(|(i, l)| (l.name.as_str(), i))
        .collect();
    let key = |r: &TensorRef| -> Result<Key> {
        if r.layer.is_empty() {
            return Ok(IMPLICIT_INPUT);
        }
        let &layer = index.get(r.layer.as_str()).ok_or_else(|| {
            malformed(format!(
                "a reference to the layer '{}', which does not exist",
                r.layer
            ))
        })?;
        // Calls of a functional model count from 1: call 0 is its own construction.
        // A Sequential model is a functional one in Keras 2 only.
        let offset = match model.layers[layer].class {
            "Functional" | "Model" => 1,
            "Sequential" if keras_2 => 1,
            _ => 0,
        };
        Ok((layer, r.call.saturating_sub(offset), r.output))
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
                inputs: inputs.iter().map(key).collect::<Result<_>>()?,
            });
        }
    }
    let outputs = model
        .outputs
        .iter()
        .map(|r| Ok((r.layer.clone(), key(r)?)))
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
