//! The columns of chunks: `4 * 2^m` integers, index `4 row + column`, columns q, rem, y, e.

use std::collections::BTreeMap;

use pleat_model::network::{LayerOp, Network};
use rayon::prelude::*;

use super::{Source, activate};
use crate::program::{Block, COLUMN_BITS, Fill, Program, Region, VectorKind, range_tag};
use crate::{Error, Result};

const Q: usize = 0;
const REM: usize = 1;
const Y: usize = 2;
const E: usize = 3;

/// All chunks of a group, multiplicities of table entries included.
///
/// # Errors
/// A value that is in no table: a sample the executor would have refused, or weights wider than declared.
pub fn fill_chunks(program: &Program, source: &Source<'_>) -> Result<Vec<Vec<i32>>> {
    let mut chunks: Vec<Vec<i32>> = program
        .of_kind(VectorKind::Trace)
        .collect::<Vec<_>>()
        .par_iter()
        .map(|vector| {
            let mut columns = vec![0i32; 1 << vector.bits];
            for block in &vector.blocks {
                let start = (block.offset << COLUMN_BITS) as usize;
                let end = start + (1 << (block.bits + COLUMN_BITS));
                fill(source, block, &mut columns[start..end]);
            }
            columns
        })
        .collect();
    count_lookups(program, &mut chunks)?;
    Ok(chunks)
}

fn fill(source: &Source<'_>, block: &Block, rows: &mut [i32]) {
    let network = source.network;
    let samples = || source.samples.iter().enumerate();
    match &block.fill {
        Fill::Requantised(region) => {
            let LayerOp::Linear { shift, .. } = network.layers[region.layer].op else {
                return;
            };
            // Rows of no value hold the quotient zero.
            let shape = network.layers[region.layer].shape;
            let (low, mask) = (region.w_bits + region.h_bits, (1 << region.c_bits) - 1);
            for (i, row) in rows.chunks_exact_mut(4).enumerate() {
                row[Y] = activate(network, region.layer, 0, region.c0 + ((i >> low) & mask));
            }
            for (b, sample) in samples() {
                let (values, accumulators) = (
                    &sample.trace.values[region.layer],
                    &sample.trace.accumulators[region.layer],
                );
                let first = b << region.bits();
                region.each(shape.height, |target, source| {
                    let row = &mut rows[(first + target) * 4..][..4];
                    let accumulator = accumulators[source];
                    row[Q] = (accumulator >> shift) as i32;
                    row[REM] = (accumulator & ((1 << shift) - 1)) as i32;
                    row[Y] = values[source];
                });
            }
        }
        Fill::Copy(region) => each_value(network, source, region, |row, value| {
            rows[row * 4 + Y] = value;
        }),
        Fill::Input(region) => {
            let smallest = network.input.range.min;
            each_value(network, source, region, |row, value| {
                rows[row * 4 + Q] = value - smallest;
            });
        }
        Fill::Label { bits } => {
            for (b, sample) in samples() {
                if let Some(label) = sample.label {
                    rows[((b << bits) + label as usize) * 4 + Q] = 1;
                }
            }
        }
        Fill::Window { region, taps } => fill_window(source, region, taps, rows),
        Fill::Top1 {
            layer,
            first,
            classes,
            bits,
        } => {
            for (b, sample) in samples() {
                let scores = &sample.trace.values[*layer];
                let best = Network::top1(scores);
                for class in 0..*classes {
                    let t = first + class;
                    let row = &mut rows[((b << bits) + class) * 4..][..4];
                    select(row, scores[best], scores[t], t, best);
                    row[E] = i32::from(sample.label == Some(t as u32));
                }
            }
        }
        Fill::Activation {
            layer,
            channel,
            first,
        } => {
            for (i, row) in rows.chunks_exact_mut(4).enumerate() {
                row[Y] = activate(network, *layer, first + i as i64, *channel);
            }
        }
        Fill::Pairs {
            vector,
            start,
            offset,
            single,
        } => {
            let Some(values) = source.weights.get(*vector) else {
                return;
            };
            let values = &values[*start as usize..];
            for (i, row) in rows.chunks_exact_mut(4).enumerate() {
                row[Q] = values[2 * i] + *offset as i32;
                if !single {
                    row[REM] = values[2 * i + 1] + *offset as i32;
                }
            }
        }
        Fill::Zero | Fill::Range => {}
        // Not in chunks.
        Fill::Kernel { .. } | Fill::Bias { .. } | Fill::Output(_) => {}
    }
}

/// Calls `f(row, value)` for every value of a region, sample by sample.
fn each_value(
    network: &Network,
    source: &Source<'_>,
    region: &Region,
    mut f: impl FnMut(usize, i32),
) {
    let height = network.layers[region.layer].shape.height;
    for (b, sample) in source.samples.iter().enumerate() {
        let values = &sample.trace.values[region.layer];
        region.each(height, |target, index| {
            f((b << region.bits()) + target, values[index]);
        });
    }
}

/// A row of a maximum: element `t` of value `x` where the first maximum `m` is element `best`.
fn select(row: &mut [i32], m: i32, x: i32, t: usize, best: usize) {
    row[Q] = i32::from(t == best);
    row[REM] = m - x - i32::from(t < best);
    row[Y] = x;
}

fn fill_window(
    source: &Source<'_>,
    region: &Region,
    [tap_rows, tap_columns]: &[crate::program::TapAxis; 2],
    rows: &mut [i32],
) {
    let network = source.network;
    let layer = &network.layers[region.layer];
    let LayerOp::MaxPool { window } = &layer.op else {
        return;
    };
    let input = layer.inputs[0];
    let (shape, of) = (layer.shape, network.layers[input].shape);
    let low_bits = tap_rows.bits + tap_columns.bits;
    let taps = window.kernel[0] * window.kernel[1];
    let mut elements = vec![0; taps];
    for (b, sample) in source.samples.iter().enumerate() {
        let (values, maxima) = (
            &sample.trace.values[input],
            &sample.trace.values[region.layer],
        );
        region.each(shape.height, |target, index| {
            let (c, h, w) = (
                index / shape.plane(),
                index / shape.width % shape.height,
                index % shape.width,
            );
            for (t, element) in elements.iter_mut().enumerate() {
                let tap = (t / window.kernel[1], t % window.kernel[1]);
                *element = match window.source((h, w), tap, (of.height, of.width)) {
                    Some((y, x)) => values[(c * of.height + y) * of.width + x],
                    None => layer.range.min,
                };
            }
            let m = maxima[index];
            let best = elements.iter().position(|&x| x == m).unwrap_or(0);
            let first = ((b << region.bits()) + target) << low_bits;
            for i in 0..tap_rows.count {
                for j in 0..tap_columns.count {
                    let t = (tap_rows.first + i) * window.kernel[1] + tap_columns.first + j;
                    let row = first + (i << tap_columns.bits) + j;
                    select(&mut rows[row * 4..][..4], m, elements[t], t, best);
                }
            }
            if tap_rows.first == 0 && tap_columns.first == 0 {
                rows[first * 4 + E] = m;
            }
        });
    }
}

/// Where the entries of one table are: `(first entry, number, chunk, first row)`.
type Entries = Vec<(i64, u64, usize, u64)>;

struct Tables {
    /// By tag: smallest entry, number of entries, and where its counts start.
    spans: BTreeMap<u64, (i64, usize, usize)>,
    places: BTreeMap<u64, Entries>,
    size: usize,
}

impl Tables {
    fn new(program: &Program) -> Self {
        let mut places: BTreeMap<u64, Entries> = BTreeMap::new();
        for vector in program.of_kind(VectorKind::Trace) {
            for block in &vector.blocks {
                if let Some(first) = block.lookup.entries {
                    places.entry(block.lookup.tag).or_default().push((
                        first,
                        1 << block.bits,
                        vector.slot,
                        block.offset,
                    ));
                }
            }
        }
        let mut size = 0;
        let spans = places
            .iter()
            .map(|(tag, entries)| {
                let first = entries.iter().map(|e| e.0).min().unwrap_or(0);
                let count: u64 = entries.iter().map(|e| e.1).sum();
                let start = size;
                size += count as usize;
                (*tag, (first, count as usize, start))
            })
            .collect();
        Self {
            spans,
            places,
            size,
        }
    }

    fn index(&self, tag: u64, entry: i64) -> Result<usize> {
        let found = self.spans.get(&tag).and_then(|&(first, count, start)| {
            let i = usize::try_from(entry - first).ok()?;
            (i < count).then_some(start + i)
        });
        found.ok_or_else(|| {
            Error::Invalid(format!(
                "the value {entry} is outside its table (number {tag}); the sample exceeds the network's widths"
            ))
        })
    }
}

/// Writes into column e of table entries how often all rows look them up.
///
/// # Errors
/// A row whose tuple is in no table.
pub fn count_lookups(program: &Program, chunks: &mut [Vec<i32>]) -> Result<()> {
    let tables = Tables::new(program);
    let vectors: Vec<_> = program.of_kind(VectorKind::Trace).collect();
    let counts = vectors
        .par_iter()
        .zip(&*chunks)
        .try_fold(
            || vec![0i32; tables.size],
            |mut counts, (vector, columns)| -> Result<_> {
                for block in &vector.blocks {
                    let lookup = &block.lookup;
                    let range = range_tag(lookup.range);
                    let start = (block.offset << COLUMN_BITS) as usize;
                    let end = start + (1 << (block.bits + COLUMN_BITS));
                    let (shift, mask) = (lookup.channel.0, (1usize << lookup.channel.1) - 1);
                    for (i, row) in columns[start..end].chunks_exact(4).enumerate() {
                        counts[tables.index(range, row[REM].into())?] += 1;
                        if lookup.entries.is_none() {
                            let tag = lookup.tag + ((i >> shift) & mask) as u64;
                            counts[tables.index(tag, row[Q].into())?] += 1;
                        }
                    }
                }
                Ok(counts)
            },
        )
        .try_reduce(
            || vec![0i32; tables.size],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                Ok(a)
            },
        )?;
    for (tag, entries) in &tables.places {
        for &(first, number, chunk, row) in entries {
            let start = tables.index(*tag, first)?;
            for i in 0..number as usize {
                chunks[chunk][((row as usize + i) << COLUMN_BITS) + E] = counts[start + i];
            }
        }
    }
    Ok(())
}
