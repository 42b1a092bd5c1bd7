//! Multilinear extensions of tables: equality polynomials, evaluation, binding a variable.
//!
//! A point has one entry per bit of the index, lowest bit first. Sum-checks bind the *highest* bit
//! first, so that the two values a variable joins lie half a table apart and tables shrink in place.

use std::ops::Range;

use ff::Field;
use rayon::prelude::*;

use crate::Scalar;
pub use crate::accumulate::scalar;
use crate::accumulate::{IntegerPair, Narrow, Wide};

/// Elements handled by one task: tens of microseconds, far above what handing out a task costs.
const CHUNK: usize = 1 << 10;

/// The equality polynomial: one if both are the same point of the cube, zero at its other points.
/// Points of different length are compared on their common variables.
pub fn eq(a: &[Scalar], b: &[Scalar]) -> Scalar {
    a.iter().zip(b).fold(Scalar::ONE, |product, (a, b)| {
        let both = a * b;
        product * (both + both + Scalar::ONE - a - b)
    })
}

/// The equality polynomial of a point and an index; zero if the index needs more bits.
pub fn eq_index(point: &[Scalar], index: u64) -> Scalar {
    let bit = |b: usize| b < 64 && index >> b & 1 == 1;
    if point.len() < 64 && index >> point.len() != 0 {
        return Scalar::ZERO;
    }
    point
        .iter()
        .enumerate()
        .fold(Scalar::ONE, |product, (b, r)| {
            product * if bit(b) { *r } else { Scalar::ONE - r }
        })
}

/// The equality polynomial of a point and every index: `2^point.len()` values.
pub fn eq_table(point: &[Scalar]) -> Vec<Scalar> {
    let mut table = generate(1 << point.len(), |_| Scalar::ZERO);
    table[0] = Scalar::ONE;
    for (b, r) in point.iter().enumerate() {
        let (low, high) = table.split_at_mut(1 << b);
        let split = |low: &mut [Scalar], high: &mut [Scalar]| {
            for (low, high) in low.iter_mut().zip(high) {
                *high = *low * r;
                *low -= *high;
            }
        };
        if low.len() <= CHUNK {
            split(low, high);
        } else {
            low.par_chunks_mut(CHUNK)
                .zip(high.par_chunks_mut(CHUNK))
                .for_each(|(low, high)| split(low, high));
        }
    }
    table
}

/// Low variables whose equality table stays in the first-level cache (8 KiB).
const LOW_BITS: usize = 8;

/// The equality polynomial of a point as the product of two small tables, over the low and the high
/// bits of the index: neither the time nor the memory of the full table.
#[derive(Clone, Debug)]
pub(crate) struct EqFactors {
    pub(crate) low: Vec<Scalar>,
    pub(crate) high: Vec<Scalar>,
}

impl EqFactors {
    pub(crate) fn new(point: &[Scalar]) -> Self {
        let (low, high) = point.split_at(point.len().min(LOW_BITS));
        Self {
            low: eq_table(low),
            high: eq_table(high),
        }
    }

    /// Forgets the highest variable: the polynomial sums to one over it.
    pub(crate) fn drop_highest(&mut self) {
        let table = if self.high.len() > 1 {
            &mut self.high
        } else {
            &mut self.low
        };
        let half = table.len() / 2;
        if half == 0 {
            return;
        }
        let (low, high) = table.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        table.truncate(half);
    }

    /// The sums over all indices of the polynomial times what `values` gives for an index.
    pub(crate) fn sums<const K: usize>(
        &self,
        values: impl Fn(usize) -> [Scalar; K] + Sync,
    ) -> [Scalar; K] {
        let width = self.low.len();
        // A row of the smaller table per task: these sums cost some 0.1 microseconds an index.
        sum_ranges(self.high.len(), 1, |rows| {
            let mut sums = [Wide::ZERO; K];
            for row in rows {
                let mut inner = [Wide::ZERO; K];
                for (x, weight) in self.low.iter().enumerate() {
                    for (sum, value) in inner.iter_mut().zip(values(row * width + x)) {
                        sum.add(weight, &value);
                    }
                }
                for (sum, inner) in sums.iter_mut().zip(&inner) {
                    sum.add(&self.high[row], &inner.value());
                }
            }
            sums.map(|sum| sum.value())
        })
    }
}

/// The multilinear extension of a table at a point. A table shorter than `2^point.len()` is continued
/// with zeros; values beyond are ignored.
pub fn evaluate(values: &[Scalar], point: &[Scalar]) -> Scalar {
    evaluate_with(values, point, |weights, values| {
        let mut sum = Wide::ZERO;
        for (weight, value) in weights.iter().zip(values) {
            sum.add(weight, value);
        }
        sum.value()
    })
}

/// [`evaluate`] for a table of integers.
pub fn evaluate_integers(values: &[i32], point: &[Scalar]) -> Scalar {
    evaluate_with(values, point, |weights, values| {
        let mut sum = Narrow::ZERO;
        for (weight, value) in weights.iter().zip(values) {
            sum.add(weight, i64::from(*value));
        }
        sum.value()
    })
}

fn evaluate_with<T: Sync>(
    values: &[T],
    point: &[Scalar],
    row: impl Fn(&[Scalar], &[T]) -> Scalar + Sync,
) -> Scalar {
    let EqFactors { low, high } = EqFactors::new(point);
    let rows = values.len().div_ceil(low.len()).min(high.len());
    let [sum] = sum_ranges(rows, CHUNK >> LOW_BITS, |rows| {
        let mut sum = Wide::ZERO;
        for h in rows {
            let start = h * low.len();
            let end = values.len().min(start + low.len());
            sum.add(&high[h], &row(&low, &values[start..end]));
        }
        [sum.value()]
    });
    sum
}

/// Binds the highest variable of a table to a challenge, in place: `v[j] + r (v[j + half] - v[j])`.
pub fn fold(values: &mut Vec<Scalar>, r: Scalar) {
    let half = fold_slice(values, r).len();
    values.truncate(half);
}

/// [`fold`] in the lower half of a table, which it returns; a single value stays.
fn fold_slice(values: &mut [Scalar], r: Scalar) -> &mut [Scalar] {
    if values.len() < 2 {
        return values;
    }
    let (low, high) = values.split_at_mut(values.len() / 2);
    let join = |low: &mut [Scalar], high: &[Scalar]| {
        for (low, high) in low.iter_mut().zip(high) {
            *low += r * (*high - *low);
        }
    };
    if low.len() <= CHUNK {
        join(low, high);
    } else {
        low.par_chunks_mut(CHUNK)
            .zip(high.par_chunks(CHUNK))
            .for_each(|(low, high)| join(low, high));
    }
    low
}

/// [`fold`] of several tables, in one parallel loop.
pub(crate) fn fold_all<'a: 'b, 'b>(
    tables: impl IntoIterator<Item = &'b mut &'a mut [Scalar]>,
    r: Scalar,
) {
    let tables: Vec<_> = tables.into_iter().collect();
    let total: usize = tables.iter().map(|table| table.len()).sum();
    let fold = |table: &mut &'a mut [Scalar]| *table = fold_slice(std::mem::take(table), r);
    if total <= 2 * CHUNK {
        tables.into_iter().for_each(fold);
    } else {
        tables.into_par_iter().for_each(fold);
    }
}

/// [`fold`] into a new table of half the size.
pub(crate) fn folded(values: &[Scalar], r: Scalar) -> Vec<Scalar> {
    let (low, high) = values.split_at(values.len() / 2);
    generate(low.len(), |j| low[j] + r * (high[j] - low[j]))
}

/// Binds the highest variable of integer columns, `stride` to a row, into one table per column.
pub(crate) fn folded_columns(
    values: &[i32],
    stride: usize,
    column: usize,
    r: Scalar,
) -> Vec<Scalar> {
    let (low, high) = values.split_at(values.len() / 2);
    let join = IntegerPair::fold(r);
    generate(low.len() / stride, |j| {
        join.of(low[stride * j + column], high[stride * j + column])
    })
}

/// Runs a prover on a thread of rayon's pool: from outside, each of its many short parallel loops would
/// put the calling thread to sleep and wake it up again.
pub(crate) fn in_pool<T: Send>(prover: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| prover())
}

/// Makes a buffer a table of `len` entries that hold whatever they held; new ones are written by all threads,
/// since the first touch of fresh memory costs as much as the use of it.
pub(crate) fn stretch(buffer: &mut Vec<Scalar>, len: usize) -> &mut [Scalar] {
    if buffer.len() < len {
        *buffer = generate(len, |_| Scalar::ZERO);
    }
    &mut buffer[..len]
}

/// Writes a function of the index into a table, in parallel if it is large.
pub(crate) fn write(table: &mut [Scalar], value: impl Fn(usize) -> Scalar + Sync + Send) {
    table
        .par_iter_mut()
        .with_min_len(CHUNK)
        .enumerate()
        .for_each(|(i, entry)| *entry = value(i));
}

/// A table from a function of the index, in parallel if it is large.
pub(crate) fn generate(len: usize, value: impl Fn(usize) -> Scalar + Sync + Send) -> Vec<Scalar> {
    if len <= CHUNK {
        (0..len).map(value).collect()
    } else {
        (0..len)
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(value)
            .collect()
    }
}

/// Adds up what `part` gives for consecutive ranges that cover `0..count`.
pub(crate) fn sum_ranges<const K: usize>(
    count: usize,
    chunk: usize,
    part: impl Fn(Range<usize>) -> [Scalar; K] + Sync,
) -> [Scalar; K] {
    if count <= chunk {
        return part(0..count);
    }
    (0..count.div_ceil(chunk))
        .into_par_iter()
        .map(|c| part(c * chunk..count.min((c + 1) * chunk)))
        .reduce(
            || [Scalar::ZERO; K],
            |mut a, b| {
                for (a, b) in a.iter_mut().zip(b) {
                    *a += b;
                }
                a
            },
        )
}

/// [`sum_ranges`] with tasks of the usual size.
pub(crate) fn sum<const K: usize>(
    count: usize,
    part: impl Fn(Range<usize>) -> [Scalar; K] + Sync,
) -> [Scalar; K] {
    sum_ranges(count, CHUNK, part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn rng() -> StdRng {
        StdRng::seed_from_u64(7)
    }

    fn scalars(n: usize, rng: &mut StdRng) -> Vec<Scalar> {
        (0..n).map(|_| Scalar::random(&mut *rng)).collect()
    }

    fn naive(values: &[Scalar], point: &[Scalar]) -> Scalar {
        values
            .iter()
            .enumerate()
            .map(|(i, v)| v * eq_index(point, i as u64))
            .fold(Scalar::ZERO, |a, b| a + b)
    }

    #[test]
    fn equality() {
        let mut rng = rng();
        for bits in 0..=12 {
            let point = scalars(bits, &mut rng);
            let table = eq_table(&point);
            assert_eq!(table.len(), 1 << bits);
            for (i, value) in table.iter().enumerate() {
                let corner: Vec<_> = (0..bits)
                    .map(|b| Scalar::from((i >> b & 1) as u64))
                    .collect();
                assert_eq!(*value, eq(&point, &corner));
                assert_eq!(*value, eq_index(&point, i as u64));
            }
            assert_eq!(eq_index(&point, 1 << bits), Scalar::ZERO);
            let other = scalars(bits, &mut rng);
            assert_eq!(eq(&point, &other), naive(&table, &other));
        }
        assert_eq!(eq_index(&vec![Scalar::ZERO; 70], 0), Scalar::ONE);
    }

    #[test]
    fn evaluation_and_folding() {
        let mut rng = rng();
        for bits in 0..=13 {
            let point = scalars(bits, &mut rng);
            let values = scalars(1 << bits, &mut rng);
            let integers: Vec<i32> = (0..1 << bits).map(|_| rng.r#gen()).collect();
            let lifted: Vec<_> = integers.iter().map(|v| scalar(i64::from(*v))).collect();
            assert_eq!(evaluate(&values, &point), naive(&values, &point));
            assert_eq!(evaluate_integers(&integers, &point), naive(&lifted, &point));
            let part = values.len() * 2 / 3;
            assert_eq!(
                evaluate(&values[..part], &point),
                naive(&values[..part], &point)
            );
            let mut folding = values.clone();
            for r in point.iter().rev() {
                if folding.len() == 1 << bits {
                    let mut half = folding.clone();
                    fold(&mut half, *r);
                    assert_eq!(half, folded(&folding, *r));
                    let mut half = lifted.clone();
                    fold(&mut half, *r);
                    assert_eq!(half, folded_columns(&integers, 1, 0, *r));
                }
                fold(&mut folding, *r);
            }
            assert_eq!(folding, [naive(&values, &point)]);
        }
    }

    #[test]
    fn factored_sums() {
        let mut rng = rng();
        for bits in 0..=12 {
            let point = scalars(bits, &mut rng);
            let values = scalars(1 << bits, &mut rng);
            let mut factors = EqFactors::new(&point);
            for left in (0..=bits).rev() {
                let [one, sum] = factors.sums(|i| [Scalar::ONE, values[i]]);
                assert_eq!(one, Scalar::ONE);
                assert_eq!(sum, naive(&values[..1 << left], &point[..left]));
                factors.drop_highest();
            }
        }
    }
}
