//! The JSON description of a Keras model as layers and calls.

use serde_json::{Map, Value as Json};

use super::store::malformed;
use crate::{Error, Result, limits};

/// Nested lists of tensors in the arguments of a call.
const MAX_DEPTH: usize = 8;

/// A tensor: which output of which call of which layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TensorRef {
    pub(super) layer: String,
    pub(super) call: usize,
    pub(super) output: usize,
}

/// A layer and where it is applied.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub(super) name: String,
    pub(super) class: &'a str,
    pub(super) config: &'a Json,
    /// The whole entry, for what stands beside `config`.
    pub(super) entry: &'a Json,
    /// Tensors each application reads.
    pub(super) calls: Vec<Vec<TensorRef>>,
}

/// A model: layers, and which tensors are its outputs.
#[derive(Clone, Debug)]
pub(super) struct Model<'a> {
    pub(super) layers: Vec<Layer<'a>>,
    /// The input layers.
    pub(super) inputs: Vec<TensorRef>,
    pub(super) outputs: Vec<TensorRef>,
    /// Calls are written in the form of Keras 3.
    pub(super) keras_3: bool,
    /// Dimensions of the input if no layer states them.
    pub(super) build_input_shape: Option<&'a Json>,
}

/// Whether a class is a model with layers of its own.
pub(super) fn is_model(class: &str) -> bool {
    matches!(class, "Sequential" | "Functional" | "Model")
}

/// Parses `{"class_name": "Sequential" | "Functional" | "Model", "config": {...}}`.
pub(super) fn parse(model: &Json) -> Result<Model<'_>> {
    let class = text(model, "class_name")?;
    let config = &model["config"];
    let entries = match config {
        // Keras 1 and early 2: the config of a Sequential model is the list itself.
        Json::Array(list) if class == "Sequential" => list,
        _ => config["layers"]
            .as_array()
            .ok_or_else(|| malformed("a model without layers"))?,
    };
    if entries.len() > limits::MAX_NODES {
        return Err(malformed(format!("{} layers", entries.len())));
    }
    let mut layers = vec![];
    let mut names = std::collections::HashSet::new();
    for entry in entries {
        let class = text(entry, "class_name")?;
        let config = &entry["config"];
        let name = config["name"].as_str().or(entry["name"].as_str());
        let name =
            name.ok_or_else(|| malformed(format!("a layer of class {class} without name")))?;
        if !names.insert(name) {
            return Err(malformed(format!("two layers named '{name}'")));
        }
        layers.push(Layer {
            name: name.to_owned(),
            class,
            config,
            entry,
            calls: vec![],
        });
    }
    let build_input_shape = config.get("build_input_shape").filter(|s| !s.is_null());
    match class {
        "Sequential" => Ok(sequential(layers, build_input_shape)),
        "Functional" | "Model" => functional(layers, config),
        other => Err(Error::unsupported(
            model["config"]["name"].as_str().unwrap_or("model"),
            other,
            Some("class_name"),
            "found a model class of the user's own; the closest supported forms are Sequential and Functional models",
        )),
    }
}

fn first_call(layer: &str) -> TensorRef {
    TensorRef {
        layer: layer.to_owned(),
        call: 0,
        output: 0,
    }
}

fn sequential<'a>(mut layers: Vec<Layer<'a>>, build_input_shape: Option<&'a Json>) -> Model<'a> {
    let mut previous: Option<String> = None;
    let mut inputs = vec![];
    for layer in &mut layers {
        match &previous {
            None if layer.class == "InputLayer" => {
                inputs.push(first_call(&layer.name));
                layer.calls.push(vec![]);
            }
            // An empty name: the model's input without a layer of its own.
            None => layer.calls.push(vec![first_call("")]),
            Some(p) => layer.calls.push(vec![first_call(p)]),
        }
        previous = Some(layer.name.clone());
    }
    if inputs.is_empty() {
        inputs.push(first_call(""));
    }
    Model {
        outputs: vec![first_call(&previous.unwrap_or_default())],
        layers,
        inputs,
        keras_3: false,
        build_input_shape,
    }
}

fn functional<'a>(mut layers: Vec<Layer<'a>>, config: &'a Json) -> Result<Model<'a>> {
    let mut calls = 0usize;
    let mut keras_3 = false;
    for layer in &mut layers {
        let nodes = layer.entry["inbound_nodes"]
            .as_array()
            .ok_or_else(|| malformed(format!("the layer '{}' has no inbound_nodes", layer.name)))?;
        if layer.class == "InputLayer" {
            layer.calls.push(vec![]);
            continue;
        }
        calls += nodes.len();
        if calls > limits::MAX_NODES {
            return Err(malformed("too many calls of layers"));
        }
        for node in nodes {
            let mut tensors = vec![];
            match node {
                Json::Object(node) => {
                    keras_3 = true;
                    arguments_3(layer, node, &mut tensors)?;
                }
                node => arguments_2(layer, node, &mut tensors)?,
            }
            if tensors.is_empty() {
                return Err(Error::unsupported(
                    &layer.name,
                    layer.class,
                    Some("inbound_nodes"),
                    "found a call without input tensor; the closest supported form is a call on the outputs of other layers",
                ));
            }
            layer.calls.push(tensors);
        }
    }
    let ends = |key: &str| -> Result<Vec<TensorRef>> {
        let mut out = vec![];
        references(&config[key], &mut out, 0)?;
        if out.is_empty() {
            return Err(malformed(format!("a functional model without {key}")));
        }
        Ok(out)
    };
    let inputs = ends("input_layers")?;
    let outputs = ends("output_layers")?;
    Ok(Model {
        layers,
        inputs,
        outputs,
        keras_3,
        build_input_shape: None,
    })
}

/// `["name", call, output]`, possibly with a fourth element.
fn reference(value: &Json) -> Option<TensorRef> {
    let parts = value.as_array().filter(|p| p.len() >= 3)?;
    let index = |v: &Json| v.as_u64().and_then(|n| usize::try_from(n).ok());
    Some(TensorRef {
        layer: parts[0].as_str()?.to_owned(),
        call: index(&parts[1])?,
        output: index(&parts[2])?,
    })
}

/// All references in a reference, or a list or dictionary of them.
fn references(value: &Json, out: &mut Vec<TensorRef>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(malformed("too deeply nested lists of tensors"));
    }
    if let Some(r) = reference(value) {
        out.push(r);
        return Ok(());
    }
    match value {
        Json::Array(items) => items.iter().try_for_each(|v| references(v, out, depth + 1)),
        Json::Object(items) => items
            .values()
            .try_for_each(|v| references(v, out, depth + 1)),
        _ => Err(malformed(format!("{value} where a tensor is expected"))),
    }
}

/// Keras 2: `[["name", 0, 0, {kwargs}], ...]`, or such an entry alone.
fn arguments_2(layer: &Layer<'_>, node: &Json, out: &mut Vec<TensorRef>) -> Result<()> {
    let single = std::slice::from_ref(node);
    let entries = match node.as_array() {
        Some(list) if list.first().is_some_and(Json::is_string) => single,
        Some(list) => list.as_slice(),
        None => {
            return Err(malformed(format!(
                "inbound_nodes of the layer '{}'",
                layer.name
            )));
        }
    };
    for entry in entries {
        let r = reference(entry)
            .ok_or_else(|| malformed(format!("inbound_nodes of the layer '{}'", layer.name)))?;
        if let Some(Json::Object(kwargs)) = entry.get(3) {
            keywords(layer, kwargs)?;
        }
        out.push(r);
    }
    Ok(())
}

/// Keras 3: `{"args": [tensor or list of tensors], "kwargs": {}}`.
fn arguments_3(
    layer: &Layer<'_>,
    node: &Map<String, Json>,
    out: &mut Vec<TensorRef>,
) -> Result<()> {
    if let Some(Json::Object(kwargs)) = node.get("kwargs") {
        keywords(layer, kwargs)?;
    }
    let args = node.get("args").unwrap_or(&Json::Null);
    tensors(layer, args, out, 0)
}

fn tensors(layer: &Layer<'_>, value: &Json, out: &mut Vec<TensorRef>, depth: usize) -> Result<()> {
    match value {
        Json::Array(items) if depth < MAX_DEPTH => items
            .iter()
            .try_for_each(|v| tensors(layer, v, out, depth + 1)),
        Json::Object(_) if value["class_name"] == "__keras_tensor__" => {
            let r = reference(&value["config"]["keras_history"])
                .ok_or_else(|| malformed(format!("inbound_nodes of the layer '{}'", layer.name)))?;
            out.push(r);
            Ok(())
        }
        other => Err(Error::unsupported(
            &layer.name,
            layer.class,
            Some("args"),
            format!(
                "found the argument {}; the closest supported form is a call on tensors only",
                brief(other)
            ),
        )),
    }
}

/// Arguments by name that change nothing at inference are `null` and `training=False`.
fn keywords(layer: &Layer<'_>, kwargs: &Map<String, Json>) -> Result<()> {
    for (key, value) in kwargs {
        let harmless = value.is_null() || (key == "training" && value == &Json::Bool(false));
        if !harmless {
            return Err(Error::unsupported(
                &layer.name,
                layer.class,
                Some(key),
                format!(
                    "found the call argument {key}={}; the closest supported form is a call without it",
                    brief(value)
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn text<'a>(value: &'a Json, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .ok_or_else(|| malformed(format!("the entry '{key}' is missing")))
}

/// A value for a message, shortened.
pub(super) fn brief(value: &Json) -> String {
    let mut s: String = value.to_string();
    if let Some((at, _)) = s.char_indices().nth(80) {
        s.truncate(at);
        s.push_str("...");
    }
    s
}
