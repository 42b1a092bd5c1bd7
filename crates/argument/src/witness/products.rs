//! The two tables of a product: what weights and inputs become under the weights of output channels
//! and positions.

use ff::Field;
use pleat_model::network::{LayerOp, LinearMap, Network, Weights};
use rayon::prelude::*;

use super::{Executed, Kernel};
use crate::Scalar;
use crate::accumulate::{Narrow, Wide};
use crate::program::Product;
use crate::view::Context;

/// `base^first, base^(first + 1), ...`
fn powers(base: Scalar, first: Scalar, count: usize) -> Vec<Scalar> {
    std::iter::successors(Some(first), |p| Some(*p * base))
        .take(count)
        .collect()
}

/// `U` and `X` of a product over its channel index (`docs/argument.md`, "Identities"): `2^bits` entries each,
/// not yet weighted by zeta.
///
/// `steps` are the exponents of a row, a sample and a channel of the layer's numbering.
pub fn product_tables(
    network: &Network,
    weights: &Weights,
    product: &Product,
    samples: &[Executed],
    [row, sample, channel]: [u64; 3],
    context: &Context,
) -> (Vec<Scalar>, Vec<Scalar>) {
    let size = 1usize << product.bits;
    let empty = || (vec![Scalar::ZERO; size], vec![Scalar::ZERO; size]);
    let layer = &network.layers[product.layer];
    let LayerOp::Linear {
        map: LinearMap::Conv { window, .. },
        ..
    } = &layer.op
    else {
        return empty();
    };
    let Some(kernel) = Kernel::new(network, weights, product.layer) else {
        return empty();
    };
    let input = layer.inputs[0];
    let (shape, of) = (layer.shape, network.layers[input].shape);
    let tap_bits = product.tap_bits[0] + product.tap_bits[1];
    let place = |t: usize| {
        let (i, j) = (t / window.kernel[1], t % window.kernel[1]);
        (i << product.tap_bits[0]) + j
    };
    let taps = window.kernel[0] * window.kernel[1];
    let by_output = powers(context.power(channel), Scalar::ONE, shape.channels);
    let by_row = powers(context.power(row), Scalar::ONE, shape.height);
    let by_column = powers(context.xi, Scalar::ONE, shape.width);
    let by_sample = powers(context.power(sample), Scalar::ONE, samples.len());

    let weigh = |c: usize, target: &mut [Scalar]| {
        let mut sums = vec![Narrow::ZERO; taps];
        let outputs = match product.grouped {
            Some((_, outputs)) => {
                let first = kernel.grouped(c, 0);
                first..first + outputs
            }
            None => product.outputs.0..product.outputs.1,
        };
        for o in outputs {
            for (sum, &w) in sums.iter_mut().zip(kernel.taps(o, c).unwrap_or(&[])) {
                sum.add(&by_output[o], w.into());
            }
        }
        for (t, sum) in sums.iter().enumerate() {
            target[place(t)] = sum.value();
        }
    };
    // Columns first: per input row and tap column one sum over the output's columns.
    let read = |c: usize, target: &mut [Scalar]| {
        let mut sums = vec![Wide::ZERO; taps];
        let mut lines = vec![Scalar::ZERO; of.height * window.kernel[1]];
        for (sample, weight) in samples.iter().zip(&by_sample) {
            let values = &sample.trace.values[input][c * of.plane()..(c + 1) * of.plane()];
            for (y, line) in values.chunks_exact(of.width).enumerate() {
                for j in 0..window.kernel[1] {
                    let mut sum = Narrow::ZERO;
                    for (w, power) in by_column.iter().enumerate() {
                        let x = (w * window.stride[1] + j * window.dilation[1])
                            .checked_sub(window.pads[1]);
                        if let Some(&value) = x.and_then(|x| line.get(x)) {
                            sum.add(power, value.into());
                        }
                    }
                    lines[y * window.kernel[1] + j] = sum.value();
                }
            }
            for (h, power) in by_row.iter().enumerate() {
                let power = *power * weight;
                for i in 0..window.kernel[0] {
                    let y = (h * window.stride[0] + i * window.dilation[0])
                        .checked_sub(window.pads[0])
                        .filter(|&y| y < of.height);
                    let Some(y) = y else { continue };
                    for j in 0..window.kernel[1] {
                        sums[i * window.kernel[1] + j]
                            .add(&power, &lines[y * window.kernel[1] + j]);
                    }
                }
            }
        }
        for (t, sum) in sums.iter().enumerate() {
            target[place(t)] = sum.value();
        }
    };
    let table = |fill: &(dyn Fn(usize, &mut [Scalar]) + Sync)| {
        let mut table = vec![Scalar::ZERO; size];
        let mut slots = vec![None; size >> tap_bits];
        for &(first, count, slot) in &product.runs {
            for c in first..first + count {
                if (product.inputs.0..product.inputs.1).contains(&c) {
                    slots[slot + c - first] = Some(c);
                }
            }
        }
        table
            .par_chunks_mut(1 << tap_bits)
            .zip(slots)
            .for_each(|(target, channel)| {
                if let Some(c) = channel {
                    fill(c, target);
                }
            });
        table
    };
    (table(&weigh), table(&read))
}
