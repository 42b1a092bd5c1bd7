//! Worst-case accumulators: whether a layer can ever leave its table.

use crate::network::{
    LayerOp, LayerWeights, LinearMap, Network, ValueRange, Weights, rounding_constant, signed_range,
};

/// Smallest and largest accumulator (rounding constant included) over all inputs in range.
///
/// `inputs` are the ranges of the layer's inputs. Padding counts as zero.
pub fn accumulator(
    map: &LinearMap,
    shift: u32,
    inputs: &[ValueRange],
    weights: &LayerWeights,
) -> (i64, i64) {
    let half = rounding_constant(shift);
    // Padding and partly covered windows: zero is always possible.
    let with_zero = |r: ValueRange| (i64::from(r.min.min(0)), i64::from(r.max.max(0)));
    match map {
        LinearMap::Conv { out_channels, .. } => {
            let (lo, hi) = with_zero(inputs[0]);
            let taps = weights.kernel.len() / out_channels;
            let mut bounds = (i64::MAX, i64::MIN);
            for (row, &bias) in weights.kernel.chunks_exact(taps).zip(&weights.bias) {
                let (mut low, mut high) = (bias, bias);
                for &w in row {
                    let w = i64::from(w);
                    low += (w * lo).min(w * hi);
                    high += (w * lo).max(w * hi);
                }
                bounds = (bounds.0.min(low), bounds.1.max(high));
            }
            bounds
        }
        LinearMap::AveragePool {
            window,
            multipliers,
        } => {
            let (lo, hi) = with_zero(inputs[0]);
            let area = (window.kernel[0] * window.kernel[1]) as i64;
            multipliers.iter().fold((half, half), |(low, high), &m| {
                let ends = [i64::from(m) * area * lo, i64::from(m) * area * hi];
                (
                    low.min(half + ends[0].min(ends[1])),
                    high.max(half + ends[0].max(ends[1])),
                )
            })
        }
        LinearMap::Sum { multipliers } => {
            multipliers
                .iter()
                .zip(inputs)
                .fold((half, half), |(low, high), (&m, r)| {
                    let ends = [
                        i64::from(m) * i64::from(r.min),
                        i64::from(m) * i64::from(r.max),
                    ];
                    (low + ends[0].min(ends[1]), high + ends[0].max(ends[1]))
                })
        }
    }
}

/// Layers whose quotient could leave its table for some input in range; such a sample is refused.
pub fn layers_that_may_refuse(network: &Network, weights: &Weights) -> Vec<usize> {
    let may_refuse = |&i: &usize| match &network.layers[i].op {
        LayerOp::Linear {
            map,
            shift,
            quotient_bits,
            ..
        } => {
            let inputs: Vec<ValueRange> = network.layers[i]
                .inputs
                .iter()
                .map(|&j| network.layers[j].range)
                .collect();
            let (low, high) = accumulator(map, *shift, &inputs, &weights.layers[i]);
            let table = signed_range(*quotient_bits);
            low >> shift < table.0 || high >> shift > table.1
        }
        _ => false,
    };
    (0..network.layers.len()).filter(may_refuse).collect()
}
