//! What the prover writes into the vectors of a program: columns, weights, tables, data, outputs.

mod columns;
mod products;
mod vectors;

pub use columns::{count_lookups, fill_chunks};
pub use products::product_tables;
pub(crate) use vectors::executed_outputs;
pub use vectors::{data_vector, output_vectors, table_vectors, weight_vectors};

use pleat_model::network::{Activation, LayerOp, Network, Trace, Weights};

/// One sample of a group, executed.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Every value and accumulator.
    pub trace: Trace,
    /// The label, where the data have labels.
    pub label: Option<u32>,
}

/// What a group's vectors are filled from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The architecture.
    pub network: &'a Network,
    /// The live samples; for registrations of data, traces hold inputs only.
    pub samples: &'a [Executed],
    /// The weights' vectors.
    pub weights: &'a [Vec<i32>],
}

/// A layer's activation at a quotient, clamped to its range.
pub(crate) fn activate(network: &Network, layer: usize, quotient: i64, channel: usize) -> i32 {
    let range = network.layers[layer].range;
    let value = match &network.layers[layer].op {
        LayerOp::Linear { activation, .. } => match activation {
            Activation::Clamp => quotient as i32,
            other => other.eval(quotient as i32, channel),
        },
        _ => 0,
    };
    value.clamp(range.min, range.max)
}

/// A kernel element `[out][channel][tap row][tap column]` by absolute input channel; 0 where the output's
/// group does not read the channel.
pub(crate) struct Kernel<'a> {
    values: &'a [i32],
    window: [usize; 2],
    inputs: usize,
    outputs: usize,
}

impl<'a> Kernel<'a> {
    pub(crate) fn new(network: &Network, weights: &'a Weights, layer: usize) -> Option<Self> {
        let LayerOp::Linear {
            map:
                pleat_model::network::LinearMap::Conv {
                    out_channels,
                    groups,
                    window,
                    ..
                },
            ..
        } = &network.layers[layer].op
        else {
            return None;
        };
        let channels = network.layers[network.layers[layer].inputs[0]]
            .shape
            .channels;
        Some(Self {
            values: &weights.layers[layer].kernel,
            window: window.kernel,
            inputs: channels / groups,
            outputs: out_channels / groups,
        })
    }

    /// The taps of output `out` on input channel `channel`, if it reads it.
    pub(crate) fn taps(&self, out: usize, channel: usize) -> Option<&'a [i32]> {
        let first = out / self.outputs * self.inputs;
        let own = channel.checked_sub(first).filter(|&c| c < self.inputs)?;
        let area = self.window[0] * self.window[1];
        let start = (out * self.inputs + own) * area;
        self.values.get(start..start + area)
    }

    /// The absolute output channel of output `out` within the group of `channel`.
    pub(crate) fn grouped(&self, channel: usize, out: usize) -> usize {
        channel / self.inputs * self.outputs + out
    }

    pub(crate) fn width(&self) -> usize {
        self.window[1]
    }
}
