//! A chunk's step: lookups, then one sum-check over its rows.

use ff::Field;
use rayon::prelude::*;

use super::{Committed, Prover, Times, timed};
use crate::claims::SmallMultiples;
use crate::group::Challenges;
use crate::lookup::{self, LeafClaim, Numerators};
use crate::multilinear::{EqFactors, Narrow, eq_table, scalar};
use crate::program::{Block, Program, Vector, range_tag};
use crate::proof::StepProof;
use crate::sumcheck::{RowTables, prove_rows};
use crate::transcript::{Transcript, multiplier};
use crate::view::{Context, Target};
use crate::{Error, Result, Scalar};

/// Rows handled by one task.
const ROWS: usize = 1 << 12;

impl Prover<'_> {
    /// Proves one chunk and merges it into the combination.
    pub(super) fn chunk(
        &mut self,
        index: usize,
        chunk: &Committed,
        challenges: &Challenges,
        mut transcript: Transcript,
        times: &mut Times,
    ) -> Result<StepProof> {
        let program = self.setting.program;
        let vector = &program.vectors[index];
        let (lookup, claim) = timed(&mut times.lookup, || {
            let (numerators, d0, d1) = leaves(vector, &chunk.values, challenges);
            lookup::prove(numerators, d0, d1, &mut transcript)
        });
        let (mut tables, part) = timed(&mut times.linear, || {
            let tables = Tables::new(vector, &challenges.context);
            let part = tables.sum(&chunk.values);
            (tables, part)
        });
        let lambda = transcript.message(&[part]);
        let running = timed(&mut times.merge, || {
            let (columns, rows) = self.state.running.point.split_at(2);
            let mut combined = self.combination.rows(columns);
            combined.par_iter_mut().for_each(|f| *f *= lambda);
            [eq_table(rows), combined]
        });
        let proof = timed(&mut times.linear, || {
            tables.add_lookups(program, index, &claim, &lambda, &challenges.eta);
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
        let first = transcript.absorb(&[proof.values, running].concat());
        let second = transcript.message(&[]);
        let mu = multiplier(&transcript.message(&[]));
        let mu = mu.ok_or(Error::Invalid("a multiplier of zero; prove again".into()))?;
        let weights = eq_table(&[first, second]);
        let at = |columns: &[Scalar; 4]| -> Scalar {
            weights.iter().zip(columns).map(|(w, v)| *w * v).sum()
        };
        self.state.running.value = at(&running) + mu * at(&proof.values);
        self.state.running.point = [&[first, second], proof.point.as_slice()].concat();
        self.state.running.absorb(&chunk.commitment, &mu);
        timed(&mut times.merge, || {
            self.combination
                .add(&chunk.values, &mu, chunk.commitment, &chunk.blind);
        });
        Ok(StepProof::Chunk {
            part,
            lookup,
            rounds: proof.rounds,
            values: proof.values,
            running,
        })
    }
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
    challenges: &Challenges,
) -> (Numerators, Vec<Scalar>, Vec<Scalar>) {
    let rows = columns.len() / 4;
    let (eta, gamma) = (challenges.eta, challenges.gamma);
    let (by_eta, by_square) = (SmallMultiples::new(eta), SmallMultiples::new(eta.square()));
    let (mut d0, mut d1) = (vec![Scalar::ZERO; rows], vec![Scalar::ZERO; rows]);
    let blocks = &vector.blocks;
    split(blocks, &mut d0)
        .into_par_iter()
        .zip(split(blocks, &mut d1))
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
                        let mut d = by_channel[(at >> shift) & mask];
                        d -= match lookup.entries {
                            None => by_eta.times(row[0]),
                            Some(first) => eta * scalar(first + at as i64),
                        };
                        if lookup.value {
                            d -= by_square.times(row[2]);
                        }
                        d0[i] = d;
                        d1[i] = range - by_eta.times(row[1]);
                    }
                });
        });
    let numerators = match blocks.iter().any(|b| b.lookup.entries.is_some()) {
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
    };
    (numerators, d0, d1)
}

/// The coefficients of a chunk's columns and products, per row.
struct Tables {
    columns: [Vec<Scalar>; 4],
    selected: Option<[Vec<Scalar>; 2]>,
}

impl Tables {
    /// All views written out.
    fn new(vector: &Vector, context: &Context) -> Self {
        let rows = 1usize << (vector.bits - 2);
        let table = || vec![Scalar::ZERO; rows];
        let mut columns: [Vec<Scalar>; 4] = std::array::from_fn(|_| table());
        let blocks = &vector.blocks;
        let selects = |view: &crate::view::View| !matches!(view.target, Target::Columns(_));
        let mut selected = blocks
            .iter()
            .flat_map(|b| &b.views)
            .any(selects)
            .then(|| [table(), table()]);
        let [q, rem, y, e] = &mut columns;
        let [selected_y, selected_e] = match &mut selected {
            Some([y, e]) => [split(blocks, y), split(blocks, e)],
            None => [vec![], vec![]],
        };
        let mut selected_y = selected_y.into_iter();
        let mut selected_e = selected_e.into_iter();
        let parts: Vec<[&mut [Scalar]; 6]> = split(blocks, q)
            .into_iter()
            .zip(split(blocks, rem))
            .zip(split(blocks, y))
            .zip(split(blocks, e))
            .map(|(((q, rem), y), e)| {
                let none = || -> &mut [Scalar] { &mut [] };
                [
                    q,
                    rem,
                    y,
                    e,
                    selected_y.next().unwrap_or_else(none),
                    selected_e.next().unwrap_or_else(none),
                ]
            })
            .collect();
        parts
            .into_par_iter()
            .zip(blocks)
            .for_each(|(mut tables, block)| {
                for view in &block.views {
                    let (low, high) = view.halves(context, view.head as usize);
                    match view.target {
                        Target::Columns(factors) => {
                            for (table, factor) in tables.iter_mut().zip(factors) {
                                add_outer(table, &low, &high, factor);
                            }
                        }
                        Target::SelectedValue => add_outer(tables[4], &low, &high, 1),
                        Target::SelectedExtra => add_outer(tables[5], &low, &high, 1),
                        Target::Entries => {}
                    }
                }
            });
        Self { columns, selected }
    }

    /// The sum over rows of coefficients times values.
    fn sum(&self, columns: &[i32]) -> Scalar {
        let rows = columns.len() / 4;
        let tasks = rows.div_ceil(ROWS);
        (0..tasks)
            .into_par_iter()
            .map(|task| {
                let range = task * ROWS..rows.min((task + 1) * ROWS);
                let mut sum = Narrow::ZERO;
                for i in range {
                    let row = &columns[4 * i..4 * i + 4];
                    for (table, &value) in self.columns.iter().zip(row) {
                        sum.add(&table[i], value.into());
                    }
                    if let Some([y, e]) = &self.selected {
                        sum.add(&y[i], i64::from(row[0]) * i64::from(row[2]));
                        sum.add(&e[i], i64::from(row[0]) * i64::from(row[3]));
                    }
                }
                sum.value()
            })
            .sum()
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
        let high: [Vec<Scalar>; 4] =
            std::array::from_fn(|c| high.iter().map(|h| *h * weights[c]).collect());
        let blocks = &program.vectors[index].blocks;
        let width = low.len();
        for (c, table) in self.columns.iter_mut().enumerate() {
            let high = &high[c];
            split(blocks, table)
                .into_par_iter()
                .zip(blocks)
                .filter(|(_, block)| match c {
                    0 => block.lookup.entries.is_none(),
                    1 => true,
                    2 => block.lookup.value,
                    _ => block.lookup.entries.is_some(),
                })
                .for_each(|(part, block)| {
                    let first = block.offset as usize;
                    part.par_chunks_mut(ROWS)
                        .enumerate()
                        .for_each(|(task, part)| {
                            for (i, coefficient) in part.iter_mut().enumerate() {
                                let row = first + task * ROWS + i;
                                *coefficient += high[row / width] * low[row % width];
                            }
                        });
                });
        }
    }
}

/// Adds `factor * high[i] * low[j]` at `i * low.len() + j`.
fn add_outer(table: &mut [Scalar], low: &[Scalar], high: &[Scalar], factor: i64) {
    if factor == 0 {
        return;
    }
    let factor = scalar(factor);
    table
        .par_chunks_mut(low.len())
        .with_min_len((ROWS / low.len()).max(1))
        .zip(high)
        .for_each(|(part, high)| {
            if !bool::from(high.is_zero()) {
                let high = *high * factor;
                for (coefficient, low) in part.iter_mut().zip(low) {
                    if !bool::from(low.is_zero()) {
                        *coefficient += high * low;
                    }
                }
            }
        });
}

/// All coefficients of a vector's views.
pub(super) fn entry_coefficients(vector: &Vector, context: &Context) -> Vec<Scalar> {
    let mut table = vec![Scalar::ZERO; 1 << vector.bits];
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
            let (low, high) = view.halves(context, view.head as usize);
            add_outer(part, &low, &high, 1);
        }
    });
    table
}
