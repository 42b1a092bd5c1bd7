//! What layers and outputs are called where only the architecture is at hand.

use super::{LayerOp, LinearMap, Network};

impl LayerOp {
    /// The kind of layer in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear { map, .. } => match map {
                LinearMap::Conv { .. } => "conv",
                LinearMap::AveragePool { .. } => "average",
                LinearMap::Sum { .. } => "sum",
            },
            Self::MaxPool { .. } => "pool",
            Self::Concat => "concat",
            Self::Pad { .. } => "pad",
            Self::Upsample { .. } => "upsample",
            Self::Rearrange { .. } => "rearrange",
        }
    }
}

impl Network {
    /// The public name of layer `i`: its kind and its index, as in `conv 3`.
    pub fn layer_name(&self, i: usize) -> String {
        match self.layers.get(i) {
            Some(layer) => format!("{} {i}", layer.op.kind()),
            None => format!("layer {i}"),
        }
    }

    /// The public name of output `k`: `output 0`.
    pub fn output_name(&self, k: usize) -> String {
        format!("output {k}")
    }
}
