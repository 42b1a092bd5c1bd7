//! A chunk's step: lookups, then one sum-check over its rows.

use ff::Field;
use rayon::prelude::*;

use super::{Committed, Prover, Times, timed};
use crate::accumulate::{IntegerPair, Narrow};
use crate::group::LookupForms;
use crate::lookup::{self, LeafClaim, Numerators};
use crate::multilinear::{EqFactors, generate, scalar, stretch};
use crate::program::{Block, Program, Vector, range_tag};
use crate::proof::StepProof;
use crate::step::state::Inner;
use crate::sumcheck::{RowTables, prove_rows};
use crate::transcript::Transcript;
use crate::view::{Context, Target, View};
use crate::{Result, Scalar};

/// Rows handled by one task.
const ROWS: usize = 1 << 12;

impl Prover<'_> {
    /// Proves one chunk and merges it into the combination.
    pub(super) fn chunk(
        &mut self,
        index: usize,
        chunk: &Committed,
        inner: &Inner,
        context: &Context,
        mut transcript: Transcript,
        times: &mut Times,
    ) -> Result<StepProof> {
        let program = self.setting.program;
        let vector = &program.vectors[index];
        let Scratch {
            denominators,
            coefficients,
            selected,
            combined,
        } = &mut self.scratch;
        let (lookup, claim) = timed(&mut times.lookup, || {
            let rows = chunk.values.len() / 4;
            let (d0, d1) = stretch(denominators, 2 * rows).split_at_mut(rows);
            let numerators = leaves(vector, &chunk.values, inner, d0, d1);
            let tree = coefficients.each_mut();
            lookup::prove(numerators, d0, d1, tree, &mut transcript)
        });
        let (mut tables, part) = timed(&mut times.linear, || {
            let buffers = (coefficients, selected);
            Tables::new(vector, context, &chunk.values, buffers)
        });
        let lambda = transcript.message(&[part]);
        let running = timed(&mut times.merge, || {
            let (columns, rows) = self.state.running.point.split_at(2);
            let combined = stretch(combined, 1 << rows.len());
            self.combination.rows(columns, &lambda, combined);
            (rows, combined)
        });
        let proof = timed(&mut times.linear, || {
            tables.add_lookups(program, index, &claim, &lambda, &inner.eta);
            let tables = RowTables {
                columns: &chunk.values,
                linear: tables.columns,
                products: tables.selected,
                running,
            };
            prove_rows(tables, &mut transcript)
        });
        let running = timed(&mut times.merge, || {
            self.combination.columns_at(&proof.point)
        });
        let forms = forms(program, index, &claim, &lambda, &inner.eta);
        Ok(StepProof::Chunk {
            part,
            lookup,
            forms,
            rounds: proof.rounds,
            values: proof.values,
            running,
        })
    }
}

/// The public part of a chunk's lookups, as it enters the sum-check over rows.
fn forms(
    program: &Program,
    index: usize,
    claim: &LeafClaim,
    lambda: &Scalar,
    eta: &Scalar,
) -> Scalar {
    let (z, selector) = claim.point.split_at(program.row_bits as usize);
    let selector = selector.first().copied().unwrap_or_default();
    let other = Scalar::ONE - selector;
    let forms = LookupForms::new(program, index, z, eta);
    let square = lambda.square();
    square * other * forms.entries
        + square * lambda * (other * forms.tags + selector * forms.ranges)
}

/// Disjoint mutable parts of a table, one per block.
fn split<'a>(blocks: &[Block], mut rest: &'a mut [Scalar]) -> Vec<&'a mut [Scalar]> {
    let mut parts = vec![];
    for block in blocks {
        let (part, others) = rest.split_at_mut(1 << block.bits);
        parts.push(part);
        rest = others;
    }
    parts
}

/// The fractions of a chunk (`docs/argument.md`, "Lookups").
fn leaves(
    vector: &Vector,
    columns: &[i32],
    inner: &Inner,
    d0: &mut [Scalar],
    d1: &mut [Scalar],
) -> Numerators {
    let rows = columns.len() / 4;
    let (eta, gamma) = (inner.eta, inner.gamma);
    // What `q` and `y` take off a denominator, where `y` is not bound, and `rem` likewise.
    let [bound, unbound] = [eta.square(), Scalar::ZERO].map(|y| IntegerPair::new(-eta, -y));
    let blocks = &vector.blocks;
    split(blocks, d0)
        .into_par_iter()
        .zip(split(blocks, d1))
        .zip(blocks)
        .for_each(|((d0, d1), block)| {
            let lookup = &block.lookup;
            let start = (block.offset as usize) << 2;
            let columns = &columns[start..start + (4 << block.bits)];
            let range = gamma - Scalar::from(range_tag(lookup.range));
            let base = gamma - Scalar::from(lookup.tag);
            let (shift, mask) = (lookup.channel.0, (1usize << lookup.channel.1) - 1);
            let by_channel: Vec<Scalar> =
                (0..=mask).map(|c| base - Scalar::from(c as u64)).collect();
            d0.par_chunks_mut(ROWS)
                .zip(d1.par_chunks_mut(ROWS))
                .zip(columns.par_chunks(4 * ROWS))
                .enumerate()
                .for_each(|(task, ((d0, d1), columns))| {
                    for (i, row) in columns.chunks_exact(4).enumerate() {
                        let at = task * ROWS + i;
                        let pair = if lookup.value { &bound } else { &unbound };
                        let taken = match lookup.entries {
                            None => pair.of(row[0], row[2]),
                            Some(first) => pair.of(0, row[2]) - eta * scalar(first + at as i64),
                        };
                        d0[i] = by_channel[(at >> shift) & mask] + taken;
                        d1[i] = range + unbound.of(row[1], 0);
                    }
                });
        });
    match blocks.iter().any(|b| b.lookup.entries.is_some()) {
        false => Numerators::Ones,
        true => {
            let mut values = vec![Scalar::ONE; rows];
            for (part, block) in split(blocks, &mut values).into_iter().zip(blocks) {
                if block.lookup.entries.is_some() {
                    let start = (block.offset as usize) << 2;
                    for (i, value) in part.iter_mut().enumerate() {
                        *value = scalar(-i64::from(columns[start + 4 * i + 3]));
                    }
                }
            }
            Numerators::Values(values)
        }
    }
}

/// Tables of a chunk's size that all chunks use in turn.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    denominators: Vec<Scalar>,
    /// The lookups' tree, then two columns each.
    coefficients: [Vec<Scalar>; 2],
    selected: Vec<Scalar>,
    combined: Vec<Scalar>,
}

/// The coefficients of a chunk's columns and products, per row.
struct Tables<'a> {
    /// Empty for a column without any.
    columns: [&'a mut [Scalar]; 4],
    selected: Option<[&'a mut [Scalar]; 2]>,
}

/// A view's coefficients as an outer product, [`View::halves`].
struct Halves {
    target: Target,
    low: Vec<Scalar>,
    high: Vec<Scalar>,
}

impl<'a> Tables<'a> {
    /// All views written out, and the sum over rows of coefficients times values.
    fn new(
        vector: &Vector,
        context: &Context,
        values: &[i32],
        (coefficients, selected): (&'a mut [Vec<Scalar>; 2], &'a mut Vec<Scalar>),
    ) -> (Self, Scalar) {
        let rows = 1usize << (vector.bits - 2);
        let blocks = &vector.blocks;
        let targets = || blocks.iter().flat_map(|b| &b.views).map(|v| v.target);
        let selects = targets().any(|t| !matches!(t, Target::Columns(_)));
        let [first, second] = coefficients.each_mut();
        let (q, rem) = stretch(first, 2 * rows).split_at_mut(rows);
        let (y, e) = stretch(second, 2 * rows).split_at_mut(rows);
        let mut columns = [q, rem, y, e];
        for (column, table) in columns.iter_mut().enumerate() {
            let viewed = |t| matches!(t, Target::Columns(factors) if factors[column] != 0);
            if !targets().any(viewed) && !blocks.iter().any(|b| looked_up(b, column)) {
                *table = &mut [];
            }
        }
        let selected = selects.then(|| stretch(selected, 2 * rows).split_at_mut(rows).into());
        let mut tables = Self { columns, selected };
        let halves: Vec<Vec<Halves>> = blocks
            .par_iter()
            .map(|block| {
                let halves = |view: &View| {
                    let (low, high) = view.halves(context);
                    let target = view.target;
                    Halves { target, low, high }
                };
                block.views.iter().map(halves).collect()
            })
            .collect();
        let part = tables
            .tiles(blocks)
            .into_par_iter()
            .map(|mut tile| {
                tile.write(&halves[tile.block]);
                let start = 4 * (blocks[tile.block].offset as usize + tile.first);
                tile.sum(&values[start..start + 4 * tile.rows])
            })
            .sum();
        (tables, part)
    }

    /// Parts of some thousand rows of one block.
    fn tiles(&mut self, blocks: &[Block]) -> Vec<Tile<'_>> {
        let [q, rem, y, e] = self.columns.each_mut().map(|table| &mut **table);
        let [for_y, for_e] = match &mut self.selected {
            Some(tables) => tables.each_mut().map(|table| &mut **table),
            None => Default::default(),
        };
        let mut rest = [q, rem, y, e, for_y, for_e];
        let mut tiles = vec![];
        for (block, Block { bits, .. }) in blocks.iter().enumerate() {
            let rows = ROWS.min(1 << bits);
            for first in (0..1 << bits).step_by(rows) {
                let tables = rest.each_mut().map(|table| {
                    let (part, others) = std::mem::take(table)
                        .split_at_mut_checked(rows)
                        .unwrap_or_default();
                    *table = others;
                    part
                });
                tiles.push(Tile {
                    block,
                    first,
                    rows,
                    tables,
                });
            }
        }
        tiles
    }

    /// Adds the two claims of the lookups, by their powers of lambda.
    fn add_lookups(
        &mut self,
        program: &Program,
        index: usize,
        claim: &LeafClaim,
        lambda: &Scalar,
        eta: &Scalar,
    ) {
        let (z, selector) = claim.point.split_at(program.row_bits as usize);
        let selector = selector.first().copied().unwrap_or_default();
        let other = Scalar::ONE - selector;
        let [second, third] = [lambda.square(), lambda.square() * lambda];
        // Coefficients of eq(z, row): of q where it is looked up, rem, y where it is bound, e of entries.
        let q = third * other * eta;
        let weights = [q, third * selector * eta, q * eta, second * other];
        let EqFactors { low, high } = EqFactors::new(z);
        let blocks = &program.vectors[index].blocks;
        self.tiles(blocks).into_par_iter().for_each(|tile| {
            let block = &blocks[tile.block];
            let first = block.offset as usize + tile.first;
            for (c, (table, weight)) in tile.tables.into_iter().zip(&weights).enumerate() {
                if looked_up(block, c) {
                    add_outer(table, first, &low, &high, weight);
                }
            }
        });
    }
}

/// Whether the lookups of a block read a column.
fn looked_up(block: &Block, column: usize) -> bool {
    let lookup = &block.lookup;
    match column {
        0 => lookup.entries.is_none(),
        1 => true,
        2 => lookup.value,
        _ => lookup.entries.is_some(),
    }
}

/// Some rows of a block: few enough for a core's cache.
struct Tile<'a> {
    block: usize,
    /// The first row, within the block.
    first: usize,
    rows: usize,
    /// Coefficients of the columns, of `q y` and of `q e`; empty where there are none.
    tables: [&'a mut [Scalar]; 6],
}

impl Tile<'_> {
    /// Writes out views.
    fn write(&mut self, views: &[Halves]) {
        for table in &mut self.tables {
            table.fill(Scalar::ZERO);
        }
        for Halves { target, low, high } in views {
            let factors = match *target {
                Target::Columns([q, rem, y, e]) => [q, rem, y, e, 0, 0],
                Target::SelectedValue => [0, 0, 0, 0, 1, 0],
                Target::SelectedExtra => [0, 0, 0, 0, 0, 1],
                Target::Entries => continue,
            };
            for (table, factor) in self.tables.iter_mut().zip(factors) {
                if factor != 0 {
                    add_outer(table, self.first, low, high, &scalar(factor));
                }
            }
        }
    }

    /// The sum of coefficients times the values of the rows.
    fn sum(&self, values: &[i32]) -> Scalar {
        let mut sum = Narrow::ZERO;
        for (c, table) in self.tables.iter().enumerate() {
            for (coefficient, row) in table.iter().zip(values.chunks_exact(4)) {
                let value = match c {
                    0..4 => i64::from(row[c]),
                    _ => i64::from(row[0]) * i64::from(row[c - 2]),
                };
                sum.add(coefficient, value);
            }
        }
        sum.value()
    }
}

/// Adds `factor * high[i] * low[j]` at `i * low.len() + j`, for the indices from `first` on that `table` has:
/// whole rows of the product, or a part of one.
fn add_outer(table: &mut [Scalar], first: usize, low: &[Scalar], high: &[Scalar], factor: &Scalar) {
    let (row, start) = (first / low.len(), first % low.len());
    let low = &low[start..low.len().min(start + table.len())];
    let nonzero = |value: &Scalar| *value != Scalar::ZERO;
    // Powers are cut off at both ends, and a fixed index leaves one entry.
    let Some(from) = low.iter().position(nonzero) else {
        return;
    };
    let end = low.iter().rposition(nonzero).map_or(0, |last| last + 1);
    for (part, high) in table.chunks_mut(low.len()).zip(&high[row..]) {
        if nonzero(high) {
            let high = *high * factor;
            for (coefficient, low) in part[from..end].iter_mut().zip(&low[from..end]) {
                *coefficient += high * low;
            }
        }
    }
}

/// All coefficients of a vector's views.
pub(super) fn entry_coefficients(vector: &Vector, context: &Context) -> Vec<Scalar> {
    let mut table = generate(1 << vector.bits, |_| Scalar::ZERO);
    let mut parts = vec![];
    let mut rest = table.as_mut_slice();
    let mut end = 0;
    for block in &vector.blocks {
        // Blocks of other vectors may leave gaps.
        let (_, from) = rest.split_at_mut((block.offset - end) as usize);
        let (part, others) = from.split_at_mut(1 << block.bits);
        parts.push((part, block));
        rest = others;
        end = block.offset + (1 << block.bits);
    }
    parts.into_par_iter().for_each(|(part, block)| {
        for view in &block.views {
            let (low, high) = view.halves(context);
            part.par_chunks_mut(ROWS)
                .enumerate()
                .for_each(|(task, part)| {
                    add_outer(part, task * ROWS, &low, &high, &Scalar::ONE);
                });
        }
    });
    table
}
