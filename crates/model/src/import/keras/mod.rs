//! Keras models: `.h5` of Keras 2 and 3, and `.keras` archives.

mod archive;
mod attributes;
mod config;
mod input;
mod lambda;
mod layers;
mod link;
mod marshal;
mod store;

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use crate::builder::{Builder, Value};
use crate::graph::Graph;
use crate::import::ImportOptions;
use crate::{Error, Result, limits};
use attributes::Attributes;
use config::{Layer, Model};
use link::{IMPLICIT_INPUT, Key, link};
use store::{Slot, Store, Weights, malformed};

/// Models inside models.
const MAX_NESTING: usize = 8;

/// Reads a Keras `.h5` model.
///
/// # Errors
/// As [`super::read_model`].
pub fn read_h5(bytes: Vec<u8>, options: &ImportOptions) -> Result<Graph> {
    let store = Store::open(bytes, true)?;
    let text = store.root_text("model_config")?.ok_or_else(|| {
        malformed(
            "it has no attribute 'model_config': a file of weights only; save the whole model with model.save()",
        )
    })?;
    let keras_2 = match store.root_text("keras_version")? {
        Some(version) => major(&version) < 3,
        None => true,
    };
    import(&json(&text)?, keras_2, &store, options)
}

/// Reads a Keras `.keras` archive.
///
/// # Errors
/// As [`super::read_model`].
pub fn read_keras(bytes: &[u8], options: &ImportOptions) -> Result<Graph> {
    let archive = archive::unpack(bytes)?;
    let keras_2 = match &archive.metadata {
        Some(text) => json(text)?["keras_version"]
            .as_str()
            .is_some_and(|v| major(v) < 3),
        None => false,
    };
    let store = Store::open(archive.weights, false)?;
    import(&json(&archive.config)?, keras_2, &store, options)
}

fn json(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|e| malformed(format!("the configuration is not JSON: {e}")))
}

/// First number of a version such as "2.10.0"; unreadable ones count as new.
fn major(version: &str) -> u32 {
    version
        .split('.')
        .next()
        .and_then(|v| v.parse().ok())
        .unwrap_or(u32::MAX)
}

/// Builds the graph of a configuration with weights from `weights`.
fn import(
    config: &Json,
    keras_2: bool,
    weights: &dyn Weights,
    options: &ImportOptions,
) -> Result<Graph> {
    let model = config::parse(config)?;
    let mut importer = Importer {
        builder: Builder::new(),
        weights,
        options,
        keras_2,
        values: 0,
        parameters: 0,
        counted: HashSet::new(),
        path: vec![],
    };
    let outputs = importer.model(&model, None)?;
    importer.builder.finish(outputs)
}

struct Importer<'a> {
    builder: Builder,
    weights: &'a dyn Weights,
    options: &'a ImportOptions,
    keras_2: bool,
    /// Values of all layers' outputs and parameters of all applications so far: layers that only
    /// rearrange and layers applied again leave no trace in the builder's own limits.
    values: usize,
    parameters: usize,
    /// Layers whose parameters are counted.
    counted: HashSet<String>,
    /// The nested models around the current layer.
    path: Vec<Slot>,
}

impl Importer<'_> {
    /// Applies a model; `input` is the tensor a nested model is applied to.
    fn model(&mut self, model: &Model<'_>, input: Option<&Value>) -> Result<Vec<(String, Value)>> {
        let [input_ref] = model.inputs.as_slice() else {
            return Err(Error::invalid(format!(
                "the model has {} inputs; exactly one is supported",
                model.inputs.len()
            )));
        };
        let linked = link(model)?;
        let mut values: HashMap<Key, Value> = HashMap::new();
        if input_ref.layer.is_empty() {
            let value = match input {
                Some(v) => v.clone(),
                None => self.input(model, None)?,
            };
            values.insert(IMPLICIT_INPUT, value);
        }
        let slots = slots(model);
        for call in &linked.calls {
            let item = &model.layers[call.layer];
            let produced = if item.class == "InputLayer" {
                vec![match input {
                    Some(v) => v.clone(),
                    None => self.input(model, Some(item))?,
                }]
            } else {
                let inputs = call
                    .inputs
                    .iter()
                    .map(|k| values.get(k).cloned().ok_or_else(|| dangling(&item.name)))
                    .collect::<Result<Vec<_>>>()?;
                self.path.push(slots[call.layer].clone());
                let produced = self.layer(item, &inputs)?;
                self.path.pop();
                produced
            };
            for (output, value) in produced.into_iter().enumerate() {
                self.values = self.values.saturating_add(value.len());
                if self.values > limits::MAX_TOTAL_VALUES {
                    return Err(Error::invalid(format!(
                        "the network is too large: more than {} values",
                        limits::MAX_TOTAL_VALUES
                    )));
                }
                values.insert((call.layer, call.number, output), value);
            }
        }
        linked
            .outputs
            .into_iter()
            .map(|(name, key)| {
                let value = values.get(&key).cloned().ok_or_else(|| dangling(&name))?;
                Ok((name, value))
            })
            .collect()
    }

    fn layer(&mut self, layer: &Layer<'_>, inputs: &[Value]) -> Result<Vec<Value>> {
        if config::is_model(layer.class) {
            return self.nested(layer, inputs);
        }
        self.builder.set_name(&layer.name);
        let arrays = if layers::has_weights(layer.class) && !fixed_normalization(layer) {
            self.weights.read(&self.path)?
        } else {
            vec![]
        };
        let count = arrays.iter().map(|a| a.values.len()).sum();
        self.parameters = self.parameters.saturating_add(count);
        if self.parameters > limits::MAX_PARAMETERS {
            return Err(Error::invalid(format!(
                "the network is too large: more than {} parameters",
                limits::MAX_PARAMETERS
            )));
        }
        // A layer applied twice has its parameters once.
        let full: Vec<&str> = self.path.iter().map(|s| s.name.as_str()).collect();
        if self.counted.insert(full.join("\n")) {
            self.builder.count_parameters(count);
        }
        let y = layers::apply(layers::Context {
            builder: &mut self.builder,
            attributes: Attributes {
                layer: &layer.name,
                class: layer.class,
                config: layer.config,
            },
            keras_2: self.keras_2,
            inputs,
            parameters: layers::Parameters::new(&layer.name, layer.class, arrays),
        })?;
        Ok(vec![y])
    }

    fn nested(&mut self, layer: &Layer<'_>, inputs: &[Value]) -> Result<Vec<Value>> {
        let refuse = |found: String, closest: &str| {
            Error::unsupported(
                &layer.name,
                layer.class,
                Some("layers"),
                format!("found {found}; the closest supported form is {closest}"),
            )
        };
        if self.path.len() > MAX_NESTING {
            return Err(refuse(
                format!("more than {MAX_NESTING} models inside each other"),
                "a flat model",
            ));
        }
        let [x] = inputs else {
            return Err(refuse(
                format!("a nested model with {} inputs", inputs.len()),
                "a nested model with one input",
            ));
        };
        let inner = config::parse(layer.entry)?;
        Ok(self
            .model(&inner, Some(x))?
            .into_iter()
            .map(|(_, v)| v)
            .collect())
    }
}

/// A Normalization layer with mean and variance in its configuration has no weights.
fn fixed_normalization(layer: &Layer<'_>) -> bool {
    layer.class == "Normalization"
        && !layer.config["mean"].is_null()
        && !layer.config["variance"].is_null()
}

/// Where each layer's weights are: its class in snake case and its rank among layers of that class.
fn slots(model: &Model<'_>) -> Vec<Slot> {
    let mut ranks: HashMap<&str, usize> = HashMap::new();
    model
        .layers
        .iter()
        .map(|layer| {
            let rank = ranks.entry(layer.class).or_default();
            *rank += 1;
            Slot {
                name: layer.name.clone(),
                class: snake(layer.class),
                rank: *rank - 1,
            }
        })
        .collect()
}

/// `SeparableConv2D` to `separable_conv2d`, `PReLU` to `p_re_lu`: Keras's own rule.
fn snake(class: &str) -> String {
    let chars: Vec<char> = class.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && chars[i - 1].is_ascii_lowercase();
        let before_lower = i > 0 && chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && (after_lower || before_lower) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn dangling(layer: &str) -> Error {
    malformed(format!("'{layer}' reads a tensor that does not exist"))
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
