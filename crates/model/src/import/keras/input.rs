//! The input of a model: its dimensions and its layout.

use serde_json::Value as Json;

use super::attributes::Attributes;
use super::config::{Layer, Model, brief};
use super::store::malformed;
use super::{Importer, MAX_NESTING};
use crate::builder::Value;
use crate::graph::InputLayout;
use crate::import::guess_layout;
use crate::{Error, Result, limits};

impl Importer<'_> {
    /// The network's input from an InputLayer, or from what else states its dimensions.
    pub(super) fn input(&mut self, model: &Model<'_>, layer: Option<&Layer<'_>>) -> Result<Value> {
        let (name, class, config) = match layer {
            Some(l) => (l.name.as_str(), l.class, l.config),
            None => match model.layers.first() {
                Some(l) => (l.name.as_str(), l.class, l.config),
                None => return Err(malformed("a model without layers")),
            },
        };
        let a = Attributes {
            layer: name,
            class,
            config,
        };
        for key in ["sparse", "ragged"] {
            if a.flag(key, false)? {
                return Err(a.refuse(key, "false"));
            }
        }
        let shape = ["batch_input_shape", "batch_shape"]
            .iter()
            .find_map(|k| a.get(k))
            .or(model.build_input_shape)
            .or_else(|| {
                let first = layer.or(model.layers.first())?;
                first.entry["build_config"]
                    .get("input_shape")
                    .or_else(|| first_shape(first.config, 0))
            })
            .ok_or_else(|| a.refuse("batch_shape", "a model that was built with an input shape"))?;
        let dims = dimensions(&a, shape)?;
        let layout = self.layout(&dims, model);
        let dims = resolve(&a, &dims, layout, self.options.size)?;
        self.builder.set_name(name);
        self.builder
            .input(&dims, layout, &self.options.transform)
            .map_err(|e| e.at_node(name, class))
    }

    fn layout(&self, dims: &[usize], model: &Model<'_>) -> InputLayout {
        if let Some(layout) = self.options.layout {
            return layout;
        }
        let mut format = None;
        let mut signal = false;
        visit(model, |class, config| {
            signal |= class.ends_with("1D");
            // Flatten states the default even in a channels-first model.
            if format.is_none() && class != "Flatten" {
                format = config["data_format"].as_str().map(str::to_owned);
            }
        });
        match (dims.len(), format.as_deref()) {
            // Rows and columns of a grey image, without a channel axis.
            (3, _) if !signal => InputLayout::Flat,
            (3 | 4, Some("channels_first")) => InputLayout::Chw,
            (3 | 4, Some("channels_last")) => InputLayout::Hwc,
            _ => guess_layout(dims, true),
        }
    }
}

/// Class and configuration of all layers, those of nested models included, in the order of the file.
fn visit(model: &Model<'_>, mut see: impl FnMut(&str, &Json)) {
    // Iterative: the file decides the nesting.
    let mut open: Vec<(&str, &Json)> = vec![];
    open.extend(model.layers.iter().rev().map(|l| (l.class, l.config)));
    while let Some((class, config)) = open.pop() {
        see(class, config);
        let inner = config["layers"].as_array().into_iter().flatten().rev();
        open.extend(inner.map(|l| (l["class_name"].as_str().unwrap_or(""), &l["config"])));
    }
}

/// The input shape a nested first layer states.
fn first_shape(config: &Json, depth: usize) -> Option<&Json> {
    let first = config["layers"].as_array()?.first()?;
    let inner = &first["config"];
    ["batch_input_shape", "batch_shape"]
        .iter()
        .find_map(|k| inner.get(k))
        .or_else(|| {
            if depth < MAX_NESTING {
                first_shape(inner, depth + 1)
            } else {
                None
            }
        })
}

/// Dimensions of the input, a batch of one first and 0 where the file leaves one open.
fn dimensions(a: &Attributes<'_>, shape: &Json) -> Result<Vec<usize>> {
    let refuse = || {
        Error::unsupported(
            a.layer,
            a.class,
            Some("batch_shape"),
            format!(
                "found {}; the closest supported forms are [batch, values], [batch, length, channels] and [batch, rows, columns, channels]",
                brief(shape)
            ),
        )
    };
    // Several inputs have a list of shapes.
    let items = shape
        .as_array()
        .filter(|s| (2..=4).contains(&s.len()))
        .ok_or_else(refuse)?;
    let mut dims = vec![1];
    for item in &items[1..] {
        dims.push(match item {
            Json::Null => 0,
            v => v
                .as_u64()
                .filter(|&n| n > 0 && n <= limits::MAX_TENSOR_VALUES as u64)
                .ok_or_else(refuse)? as usize,
        });
    }
    Ok(dims)
}

/// Fills in open rows and columns.
fn resolve(
    a: &Attributes<'_>,
    dims: &[usize],
    layout: InputLayout,
    size: Option<[usize; 2]>,
) -> Result<Vec<usize>> {
    if !dims.contains(&0) {
        return Ok(dims.to_vec());
    }
    // Positions of rows and columns.
    let (rows, columns) = match (layout, dims.len()) {
        (InputLayout::Hwc, 4) => (1, 2),
        (InputLayout::Whc, 4) => (2, 1),
        (InputLayout::Chw, 4) => (2, 3),
        (InputLayout::Cwh, 4) => (3, 2),
        (InputLayout::Hwc, 3) => (0, 1),
        (InputLayout::Chw, 3) => (0, 2),
        _ => (0, 0),
    };
    let mut out = dims.to_vec();
    for (i, d) in out.iter_mut().enumerate().filter(|(_, d)| **d == 0) {
        *d = match size {
            Some([h, _]) if i == rows => h,
            Some([_, w]) if i == columns => w,
            None if i == rows || i == columns => {
                return Err(Error::unsupported(
                    a.layer,
                    a.class,
                    Some("batch_shape"),
                    "the rows or columns of the input are not fixed in the file; give the image size in the options",
                ));
            }
            _ => {
                return Err(Error::unsupported(
                    a.layer,
                    a.class,
                    Some("batch_shape"),
                    format!(
                        "axis {i} of the input is not fixed and is neither rows nor columns; the closest supported form is a fixed number of channels"
                    ),
                ));
            }
        };
    }
    Ok(out)
}
