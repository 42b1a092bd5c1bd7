//! The running claim `F~(s) = w` about the combination `F = sum mu_i v_i`, on both sides.

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Scalar;
use crate::accumulate::{IntegerPair, Wide};
use crate::commitment::combine;
use crate::multilinear::{EqFactors, eq_table};
use crate::transcript::{Domain, hash, point_elements};

/// The verifier's side. `absorb` is the only place that decides how commitments and multipliers are
/// carried: a list here, a folded commitment elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningClaim {
    /// The point, by bit of the index.
    pub point: Vec<Scalar>,
    /// The value.
    pub value: Scalar,
    /// Chain over all (commitment, multiplier).
    pub list: Scalar,
}

impl RunningClaim {
    /// The claim a proof begins with: the mask, with coefficient one, is zero at the point zero. It tells
    /// nothing about the mask, whose first entry is zero, and depends on its commitment alone.
    pub fn new(index_bits: u32, mask: &G1Affine) -> Self {
        let mut claim = Self {
            point: vec![Scalar::ZERO; index_bits as usize],
            value: Scalar::ZERO,
            list: Scalar::ZERO,
        };
        claim.absorb(mask, &Scalar::ONE);
        claim
    }

    /// Whether the value of a masked combination at the point tells nothing about its unmasked first entry.
    ///
    /// The mask is uniform but for its first entry, so what is published about the combination at the end (value
    /// and opening) may not determine that entry. It does where the point is nearly zero: with fewer than three
    /// coordinates that are not zero the point is refused, which for random points happens with probability below
    /// `2^-200`. `docs/soundness.md` has the argument, `tests/secrecy` computes the ranks.
    pub fn hides(&self) -> bool {
        self.point
            .iter()
            .filter(|x| !bool::from(x.is_zero()))
            .count()
            >= MASKED_COORDINATES
    }

    /// One more term of the combination.
    pub fn absorb(&mut self, commitment: &G1Affine, mu: &Scalar) {
        let [low, high] = point_elements(commitment);
        self.list = hash(Domain::List, &[self.list, low, high, *mu]);
    }
}

/// Coordinates that are not zero at least.
const MASKED_COORDINATES: usize = 3;

/// The prover's side: the combination itself, and its blinder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Combination {
    pub(crate) values: Vec<Scalar>,
    pub(crate) blind: Scalar,
    /// Commitment to the mask, the first term.
    pub(crate) mask: G1Affine,
    /// Terms after it.
    terms: Vec<(G1Affine, Scalar)>,
}

const CHUNK: usize = 1 << 12;

impl Combination {
    /// The mask alone, of `2^index_bits` entries.
    pub fn new(mask: Vec<Scalar>, commitment: G1Affine, blind: Scalar) -> Self {
        Self {
            values: mask,
            blind,
            mask: commitment,
            terms: vec![],
        }
    }

    /// The blinded commitment to the combination.
    pub(crate) fn commitment(&self) -> G1 {
        combine(&self.terms) + self.mask
    }

    /// Entries.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Adds `mu` times a vector, which may be shorter.
    pub fn add(&mut self, vector: &[i32], mu: &Scalar, commitment: G1Affine, blind: &Scalar) {
        let multiple = IntegerPair::new(*mu, Scalar::ZERO);
        self.values
            .par_chunks_mut(CHUNK)
            .zip(vector.par_chunks(CHUNK))
            .for_each(|(values, vector)| {
                for (value, &v) in values.iter_mut().zip(vector) {
                    if v != 0 {
                        *value += multiple.of(v, 0);
                    }
                }
            });
        self.blind += *mu * blind;
        self.terms.push((commitment, *mu));
    }

    /// `factor sum_c eq(point, c) F[4 row + c]` per row.
    pub fn rows(&self, column_point: &[Scalar], factor: &Scalar, rows: &mut [Scalar]) {
        let mut weights = eq_table(column_point);
        weights.iter_mut().for_each(|w| *w *= factor);
        rows.par_iter_mut()
            .zip(self.values.par_chunks_exact(weights.len()))
            .with_min_len(CHUNK)
            .for_each(|(target, row)| {
                let mut sum = Wide::ZERO;
                for (weight, value) in weights.iter().zip(row) {
                    sum.add(weight, value);
                }
                *target = sum.value();
            });
    }

    /// The four columns at a point of the rows.
    pub fn columns_at(&self, rows: &[Scalar]) -> [Scalar; 4] {
        let EqFactors { low, high } = EqFactors::new(rows);
        let width = 4 * low.len();
        self.values
            .par_chunks_exact(width)
            .zip(&high)
            .map(|(values, weight)| {
                let mut sums = [Wide::ZERO; 4];
                for (row, weight) in values.chunks_exact(4).zip(&low) {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        sum.add(weight, value);
                    }
                }
                sums.map(|sum| sum.value() * weight)
            })
            .reduce(|| [Scalar::ZERO; 4], add4)
    }
}

fn add4(a: [Scalar; 4], b: [Scalar; 4]) -> [Scalar; 4] {
    std::array::from_fn(|i| a[i] + b[i])
}
