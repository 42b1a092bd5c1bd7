//! Networks in a few words and figures.

use pleat_model::bounds::layers_that_may_refuse;
use pleat_model::bundle::Bundle;
use pleat_model::graph::Window;
use pleat_model::network::{Activation, LayerOp, LinearMap, Network};
use serde::Serialize;

/// Widths in bits over a network.
#[derive(Clone, Debug, Serialize)]
pub struct Widths {
    /// Of the widest weights.
    pub weights: u32,
    /// Of the widest biases.
    pub biases: u32,
    /// Of all activations.
    pub activations: u32,
    /// Of the widest quotients.
    pub quotients: u32,
}

impl Widths {
    pub(crate) fn of(network: &Network, activations: u32) -> Self {
        let mut w = Self {
            weights: 0,
            biases: 0,
            activations,
            quotients: 0,
        };
        for layer in &network.layers {
            if let LayerOp::Linear {
                map, quotient_bits, ..
            } = &layer.op
            {
                w.quotients = w.quotients.max(*quotient_bits);
                if let LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                } = map
                {
                    w.weights = w.weights.max(*weight_bits);
                    w.biases = w.biases.max(*bias_bits);
                }
            }
        }
        w
    }
}

/// Whether any input in range can leave a table.
pub(crate) fn overflow(bundle: &Bundle) -> String {
    let layers = layers_that_may_refuse(&bundle.network, &bundle.weights);
    match layers.as_slice() {
        [] => "impossible for every input in range".to_owned(),
        [first, ..] => format!(
            "possible in {} of the layers (first '{}'): such a sample is refused, never wrapped",
            layers.len(),
            bundle.annotations.layers[*first].name
        ),
    }
}

/// What a layer does, in a few words.
pub(crate) fn operation(op: &LayerOp) -> String {
    let window = |w: &Window| format!("{}x{} /{}", w.kernel[0], w.kernel[1], w.stride[0]);
    match op {
        LayerOp::Input => "input".into(),
        LayerOp::Linear {
            map, activation, ..
        } => {
            let map = match map {
                LinearMap::Conv {
                    groups, window: w, ..
                } if *groups > 1 => format!("conv {} groups {groups}", window(w)),
                LinearMap::Conv { window: w, .. } => format!("conv {}", window(w)),
                LinearMap::AveragePool { window: w, .. } => format!("average {}", window(w)),
                LinearMap::Sum { multipliers } => format!("sum of {}", multipliers.len()),
            };
            match activation {
                Activation::Clamp => map,
                Activation::Slope { .. } => format!("{map}, slope"),
                Activation::Table { .. } => format!("{map}, table"),
            }
        }
        LayerOp::MaxPool { window: w } => format!("max {}", window(w)),
        LayerOp::Concat => "concat".into(),
        LayerOp::Pad { .. } => "pad".into(),
        LayerOp::Upsample { .. } => "upsample".into(),
        LayerOp::Rearrange { .. } => "rearrange".into(),
    }
}
