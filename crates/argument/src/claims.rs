//! The running claim `F~(s) = w` about the combination `F = sum mu_i v_i`, on both sides.

use ff::Field;
use halo2curves::bn256::G1Affine;
use rayon::prelude::*;

use crate::Scalar;
use crate::multilinear::{EqFactors, Wide, eq_table};
use crate::transcript::{Domain, hash_narrow, point_elements};

/// The verifier's side. `absorb` is the only place that decides how commitments and multipliers are
/// carried: a list here, a folded commitment elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningClaim {
    /// The point, by bit of the index.
    pub point: Vec<Scalar>,
    /// The value.
    pub value: Scalar,
    /// Chain over all (commitment, multiplier).
    pub list: Scalar,
}

impl RunningClaim {
    /// The claim that nothing is zero.
    pub fn new(index_bits: u32) -> Self {
        Self {
            point: vec![Scalar::ZERO; index_bits as usize],
            value: Scalar::ZERO,
            list: Scalar::ZERO,
        }
    }

    /// One more term of the combination.
    pub fn absorb(&mut self, commitment: &G1Affine, mu: &Scalar) {
        let [low, high] = point_elements(commitment);
        self.list = hash_narrow(Domain::List, &[self.list, low, high, *mu]);
    }
}

/// Small multiples of an element: a table lookup instead of two multiplications.
#[derive(Clone, Debug)]
pub(crate) struct SmallMultiples {
    factor: Scalar,
    multiples: Vec<Scalar>,
}

impl SmallMultiples {
    /// 128 KiB: stays in a core's second-level cache.
    const SIZE: usize = 1 << 12;

    pub(crate) fn new(factor: Scalar) -> Self {
        let multiples = std::iter::successors(Some(Scalar::ZERO), |m| Some(*m + factor))
            .take(Self::SIZE)
            .collect();
        Self { factor, multiples }
    }

    #[inline]
    pub(crate) fn times(&self, value: i32) -> Scalar {
        match self.multiples.get(value.unsigned_abs() as usize) {
            Some(m) if value >= 0 => *m,
            Some(m) => -m,
            None => self.factor * crate::multilinear::scalar(value.into()),
        }
    }
}

/// The prover's side: the combination itself, and its blinder.
#[derive(Clone, Debug)]
pub(crate) struct Combination {
    pub(crate) values: Vec<Scalar>,
    pub(crate) blind: Scalar,
    /// Terms so far, for the opening.
    pub(crate) terms: Vec<(G1Affine, Scalar)>,
}

const CHUNK: usize = 1 << 12;

impl Combination {
    pub(crate) fn new(index_bits: u32) -> Self {
        Self {
            values: vec![Scalar::ZERO; 1 << index_bits],
            blind: Scalar::ZERO,
            terms: vec![],
        }
    }

    /// Adds `mu` times a vector, which may be shorter.
    pub(crate) fn add(
        &mut self,
        vector: &[i32],
        mu: &Scalar,
        commitment: G1Affine,
        blind: &Scalar,
    ) {
        let multiples = SmallMultiples::new(*mu);
        self.values
            .par_chunks_mut(CHUNK)
            .zip(vector.par_chunks(CHUNK))
            .for_each(|(values, vector)| {
                for (value, &v) in values.iter_mut().zip(vector) {
                    if v != 0 {
                        *value += multiples.times(v);
                    }
                }
            });
        self.blind += *mu * blind;
        self.terms.push((commitment, *mu));
    }

    /// `sum_c eq(point, c) F[4 row + c]` per row.
    pub(crate) fn rows(&self, column_point: &[Scalar]) -> Vec<Scalar> {
        let weights = eq_table(column_point);
        self.values
            .par_chunks_exact(weights.len())
            .with_min_len(CHUNK)
            .map(|row| {
                let mut sum = Wide::ZERO;
                for (weight, value) in weights.iter().zip(row) {
                    sum.add(weight, value);
                }
                sum.value()
            })
            .collect()
    }

    /// The four columns at a point of the rows.
    pub(crate) fn columns_at(&self, rows: &[Scalar]) -> [Scalar; 4] {
        let EqFactors { low, high } = EqFactors::new(rows);
        let width = 4 * low.len();
        let total = self
            .values
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
            .reduce(|| [Scalar::ZERO; 4], add4);
        total
    }
}

fn add4(a: [Scalar; 4], b: [Scalar; 4]) -> [Scalar; 4] {
    std::array::from_fn(|i| a[i] + b[i])
}
