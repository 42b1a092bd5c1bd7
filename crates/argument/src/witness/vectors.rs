//! Vectors other than chunks.

use pleat_model::network::{LayerOp, LinearMap, Network, Weights};

use super::{Executed, Kernel, activate};
use crate::layout::LIMB_BITS;
use crate::program::{Block, DataLayout, Fill, Program, Region, Vector, VectorKind};
use crate::{Error, Result};

fn fill_all<'a>(
    vectors: impl Iterator<Item = &'a Vector>,
    mut fill: impl FnMut(&Block, &mut [i32]),
) -> impl Iterator<Item = Vec<i32>> {
    vectors.map(move |vector| {
        let mut values = vec![0; 1 << vector.bits];
        for block in &vector.blocks {
            let start = block.offset as usize;
            fill(block, &mut values[start..start + (1 << block.bits)]);
        }
        values
    })
}

/// The weights' vectors of a program.
///
/// # Errors
/// Weights that are not the network's.
pub fn weight_vectors(
    program: &Program,
    network: &Network,
    weights: &Weights,
) -> Result<Vec<Vec<i32>>> {
    network.validate_weights(weights)?;
    let vectors = program.of_kind(VectorKind::Weights);
    let filled = fill_all(vectors, |block, values| match &block.fill {
        Fill::Kernel {
            layer,
            inputs,
            outputs,
            grouped,
            bits: [columns, rows, channels],
        } => {
            let Some(kernel) = Kernel::new(network, weights, *layer) else {
                return;
            };
            for o in 0..outputs.1 {
                for c in 0..inputs.1 {
                    let channel = inputs.0 + c;
                    let out = match grouped {
                        true => kernel.grouped(channel, outputs.0 + o),
                        false => outputs.0 + o,
                    };
                    let first = (o << channels | c) << (rows + columns);
                    for (t, &w) in kernel.taps(out, channel).unwrap_or(&[]).iter().enumerate() {
                        let (i, j) = (t / kernel.width(), t % kernel.width());
                        values[first + (i << columns) + j] = w;
                    }
                }
            }
        }
        Fill::Bias {
            layer,
            limb,
            outputs,
        } => {
            let LayerOp::Linear {
                map: LinearMap::Conv { bias_bits, .. },
                ..
            } = network.layers[*layer].op
            else {
                return;
            };
            for o in 0..outputs.1 {
                let bias = weights.layers[*layer].bias[outputs.0 + o] + (1 << (bias_bits - 1));
                values[o] = (bias >> (limb * LIMB_BITS) & ((1 << LIMB_BITS) - 1)) as i32;
            }
        }
        _ => {}
    });
    Ok(filled.collect())
}

/// The activation tables' vectors of a program, one after the other: public.
pub fn table_vectors<'a>(
    program: &'a Program,
    network: &'a Network,
) -> impl Iterator<Item = Vec<i32>> + 'a {
    let vectors = program.of_kind(VectorKind::Tables);
    fill_all(vectors, move |block, values| {
        if let Fill::Activation {
            layer,
            channel,
            first,
        } = block.fill
        {
            for (i, value) in values.iter_mut().enumerate() {
                *value = activate(network, layer, first + i as i64, channel);
            }
        }
    })
}

/// A data vector: the inputs and labels of consecutive samples, zero after the last.
///
/// # Errors
/// A sample or label that does not fit the network.
pub fn data_vector<'a>(
    layout: &DataLayout,
    records: &[(Region, u64)],
    network: &Network,
    samples: impl IntoIterator<Item = (&'a [i32], Option<u32>)>,
) -> Result<Vec<i32>> {
    let mut values = vec![0; 1 << layout.vector_bits];
    let spec = &network.input;
    for (b, (input, label)) in samples.into_iter().enumerate() {
        let range = spec.range;
        if input.len() != spec.shape.len()
            || input.iter().any(|v| !(range.min..=range.max).contains(v))
            || b >> layout.samples_bits() != 0
        {
            return Err(Error::Invalid(format!(
                "sample {b} of a data vector does not fit the network's input"
            )));
        }
        let first = b << layout.record_bits;
        for (region, offset) in records {
            region.each(spec.shape.height, |target, source| {
                values[first + *offset as usize + target] = input[source];
            });
        }
        match (layout.label, label) {
            (Some((offset, _)), Some(label)) if (label as usize) < network.classes() => {
                values[first + offset as usize + label as usize] = 1;
            }
            (None, None) => {}
            _ => {
                return Err(Error::Invalid(format!(
                    "sample {b} of a data vector has a wrong label, or one where others have none"
                )));
            }
        }
    }
    Ok(values)
}

/// The vectors of revealed outputs; `values(sample, layer)` are a sample's outputs of a layer.
pub fn output_vectors<'a>(
    program: &Program,
    network: &Network,
    samples: usize,
    values: impl Fn(usize, usize) -> &'a [i32],
) -> Vec<Vec<i32>> {
    let vectors = program.of_kind(VectorKind::Outputs);
    let filled = fill_all(vectors, |block, entries| {
        if let Fill::Output(region) = &block.fill {
            let Region { layer, .. } = *region;
            for b in 0..samples {
                let values = values(b, layer);
                region.each(network.layers[layer].shape.height, |target, source| {
                    entries[(b << region.bits()) + target] = values[source];
                });
            }
        }
    });
    filled.collect()
}

/// The outputs of executed samples.
pub(crate) fn executed_outputs(
    program: &Program,
    network: &Network,
    samples: &[Executed],
) -> Vec<Vec<i32>> {
    output_vectors(program, network, samples.len(), |b, layer| {
        samples[b].trace.values[layer].as_slice()
    })
}
