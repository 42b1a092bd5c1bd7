//! A step for vectors other than chunks: one sum-check over their entries.

use std::ops::Range;

use rayon::prelude::*;

use super::chunk::entry_coefficients;
use super::{Committed, Prover, Times, timed};
use crate::Scalar;
use crate::accumulate::Narrow;
use crate::multilinear::eq_table;
use crate::proof::StepProof;
use crate::sumcheck::{Product, Table, prove_products};
use crate::transcript::Transcript;
use crate::view::Context;

/// Entries handled by one task.
const ENTRIES: usize = 1 << 12;

impl Prover<'_> {
    /// Proves up to two vectors and merges them into the combination.
    pub(super) fn vectors(
        &mut self,
        range: Range<usize>,
        committed: &[&Committed],
        context: &Context,
        mut transcript: Transcript,
        times: &mut Times,
    ) -> StepProof {
        let program = self.setting.program;
        let (coefficients, part) = timed(&mut times.linear, || {
            let coefficients: Vec<Vec<Scalar>> = program.vectors[range]
                .iter()
                .map(|vector| entry_coefficients(vector, context))
                .collect();
            let part = coefficients
                .iter()
                .zip(committed)
                .map(|(coefficients, vector)| inner_product(coefficients, &vector.values))
                .sum();
            (coefficients, part)
        });
        let lambda = transcript.message(&[part]);
        let mut eq = timed(&mut times.merge, || eq_table(&self.state.running.point));
        eq.par_iter_mut().for_each(|e| *e *= lambda);
        let proof = timed(&mut times.linear, || {
            let mut terms: Vec<Product<'_>> = coefficients
                .into_iter()
                .zip(committed)
                .map(|(coefficients, vector)| Product {
                    left: Table::Owned(coefficients),
                    right: Table::Integers(&vector.values),
                })
                .collect();
            terms.push(Product {
                left: Table::Owned(eq),
                right: Table::Scalars(&self.combination.values),
            });
            prove_products(terms, program.index_bits(), &mut transcript)
        });
        let (values, running) = match proof.values.split_last() {
            Some((running, values)) => (values.iter().map(|v| v.1).collect(), running.1),
            None => (vec![], Scalar::zero()),
        };
        StepProof::Vectors {
            part,
            rounds: proof.rounds,
            values,
            running,
        }
    }
}

fn inner_product(coefficients: &[Scalar], values: &[i32]) -> Scalar {
    coefficients
        .par_chunks(ENTRIES)
        .zip(values.par_chunks(ENTRIES))
        .map(|(coefficients, values)| {
            let mut sum = Narrow::ZERO;
            for (coefficient, &value) in coefficients.iter().zip(values) {
                sum.add(coefficient, value.into());
            }
            sum.value()
        })
        .sum()
}
