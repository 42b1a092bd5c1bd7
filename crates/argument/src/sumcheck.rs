//! Sum-checks: products of tables of mixed kinds and lengths, and the rows of a table of integers.
//!
//! A round's message is its polynomial in coefficient form *without the linear coefficient*: `(c0, c2)`
//! or `(c0, c2, c3)`, absorbed as three elements either way. The verifier fills in `c1 = claim - 2 c0 - c2 - c3`, so that
//! `s(0) + s(1) = claim` holds by construction and there is nothing to check until the last claim.
//!
//! Rounds bind the highest bit of the index first. Source: Lund, Fortnow, Karloff and Nisan (1992);
//! the prover's tables as in Thaler's `Proofs, Arguments, and Zero-Knowledge`, section 4.1.

use ff::Field;

use crate::Scalar;
use crate::accumulate::{Narrow, Wide, dot2, integer_sum};
use crate::multilinear::{
    EqFactors, fold, fold_all, folded, folded_columns, in_pool, scalar, sum, sum_ranges,
};
use crate::transcript::Transcript;

/// Verifies the rounds of a sum-check, of products with a third element of zero: the point they end at, by bit, and the claim
/// about the summand there, which the caller must check.
pub fn verify(
    claim: Scalar,
    rounds: &[[Scalar; 3]],
    transcript: &mut Transcript,
) -> (Vec<Scalar>, Scalar) {
    let mut claim = claim;
    let mut point = Vec::with_capacity(rounds.len());
    for round in rounds {
        let r = transcript.message(round);
        claim = evaluate_round(claim, round, r);
        point.push(r);
    }
    point.reverse();
    (point, claim)
}

/// The value at `r` of the polynomial of a round.
fn evaluate_round<const D: usize>(claim: Scalar, round: &[Scalar; D], r: Scalar) -> Scalar {
    let Some((constant, upper)) = round.split_first() else {
        // Degree zero says nothing about the claim.
        return claim;
    };
    let linear = upper
        .iter()
        .fold(claim - constant.double(), |rest, c| rest - c);
    let tail = upper
        .iter()
        .rev()
        .fold(Scalar::ZERO, |value, c| value * r + c);
    constant + r * (linear + r * tail)
}

/// One factor of a product: a table whose length is a power of two.
#[derive(Clone, Debug)]
pub enum Table<'a> {
    /// Integers, never copied.
    Integers(&'a [i32]),
    /// Field elements, never copied at full size.
    Scalars(&'a [Scalar]),
    /// Field elements that are used up in place.
    Owned(Vec<Scalar>),
}

impl Table<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Scalars(values) => values.len(),
            Self::Owned(values) => values.len(),
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Integers(values) => View::Integers(values),
            Self::Scalars(values) => View::Scalars(values),
            Self::Owned(values) => View::Scalars(values),
        }
    }

    fn fold(&mut self, r: Scalar) {
        match self {
            Self::Integers(values) => *self = Self::Owned(folded_columns(values, 1, 0, r)),
            Self::Scalars(values) => *self = Self::Owned(folded(values, r)),
            Self::Owned(values) => fold(values, r),
        }
    }

    /// The only value left.
    fn value(&self) -> Scalar {
        match self.view() {
            View::Integers(values) => values.first().map_or(Scalar::ZERO, |v| scalar((*v).into())),
            View::Scalars(values) => values.first().copied().unwrap_or(Scalar::ZERO),
        }
    }
}

#[derive(Clone, Copy)]
enum View<'a> {
    Integers(&'a [i32]),
    Scalars(&'a [Scalar]),
}

/// A product of two tables of the same length. Its sum is the sum of the products of their values.
#[derive(Clone, Debug)]
pub struct Product<'a> {
    /// One factor.
    pub left: Table<'a>,
    /// The other.
    pub right: Table<'a>,
}

impl Product<'_> {
    /// The sum over all indices.
    fn sum(&self) -> Scalar {
        let [total] = match (self.left.view(), self.right.view()) {
            (View::Integers(a), View::Integers(b)) => sum(a.len().min(b.len()), |range| {
                let total = range.map(|i| i128::from(a[i]) * i128::from(b[i])).sum();
                [integer_sum(total)]
            }),
            (View::Integers(n), View::Scalars(a)) | (View::Scalars(a), View::Integers(n)) => {
                sum(a.len().min(n.len()), |range| {
                    let mut total = Narrow::ZERO;
                    range.for_each(|i| total.add(&a[i], n[i].into()));
                    [total.value()]
                })
            }
            (View::Scalars(a), View::Scalars(b)) => sum(a.len().min(b.len()), |range| {
                let mut total = Wide::ZERO;
                range.for_each(|i| total.add(&a[i], &b[i]));
                [total.value()]
            }),
        };
        total
    }

    /// The message `(c0, c2)` of the product's highest variable.
    fn round(&self) -> [Scalar; 2] {
        let half = self.left.len().min(self.right.len()) / 2;
        match (self.left.view(), self.right.view()) {
            (View::Integers(a), View::Integers(b)) => sum(half, |range| {
                let (mut c0, mut c2) = (0, 0);
                for i in range {
                    let (x, y) = (i128::from(a[i]), i128::from(b[i]));
                    c0 += x * y;
                    c2 += (i128::from(a[i + half]) - x) * (i128::from(b[i + half]) - y);
                }
                [integer_sum(c0), integer_sum(c2)]
            }),
            (View::Integers(n), View::Scalars(a)) | (View::Scalars(a), View::Integers(n)) => {
                sum(half, |range| {
                    let (mut c0, mut c2) = (Narrow::ZERO, Narrow::ZERO);
                    for i in range {
                        c0.add(&a[i], n[i].into());
                        let step = i64::from(n[i + half]) - i64::from(n[i]);
                        c2.add(&(a[i + half] - a[i]), step);
                    }
                    [c0.value(), c2.value()]
                })
            }
            (View::Scalars(a), View::Scalars(b)) => sum(half, |range| {
                let (mut c0, mut c2) = (Wide::ZERO, Wide::ZERO);
                for i in range {
                    c0.add(&a[i], &b[i]);
                    c2.add(&(a[i + half] - a[i]), &(b[i + half] - b[i]));
                }
                [c0.value(), c2.value()]
            }),
        }
    }
}

/// What [`prove_products`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductProof {
    /// One message per round.
    pub rounds: Vec<[Scalar; 2]>,
    /// The point the rounds end at, by bit.
    pub point: Vec<Scalar>,
    /// Left and right factor of every term at the point, in the order of the terms. The extension of
    /// a table of `2^k` values has the factor `1 - r_b` for each further bit `b`.
    pub values: Vec<(Scalar, Scalar)>,
}

/// A term on its way through the rounds.
struct Term<'a> {
    product: Product<'a>,
    /// Variables not yet bound that the tables have.
    bits: u32,
    /// Product of `1 - r` of the variables above, the factor of each table.
    factor: Scalar,
    /// The sum, with its factors; known once it is needed.
    sum: Option<Scalar>,
}

/// Proves the sum over `2^bits` indices of a sum of products.
///
/// The two tables of a term have the same power-of-two length, at most `2^bits`; beyond it they are
/// zero. A round above a term's length adds `V (1 - X)^2` with the term's current sum `V`.
pub fn prove_products(
    terms: Vec<Product<'_>>,
    bits: u32,
    transcript: &mut Transcript,
) -> ProductProof {
    in_pool(|| products_in_pool(terms, bits, transcript))
}

fn products_in_pool(
    terms: Vec<Product<'_>>,
    bits: u32,
    transcript: &mut Transcript,
) -> ProductProof {
    let mut terms: Vec<_> = terms
        .into_iter()
        .map(|product| {
            let length = product.left.len();
            debug_assert!(length.is_power_of_two() && length == product.right.len());
            debug_assert!(length.trailing_zeros() <= bits);
            Term {
                bits: length.max(1).ilog2(),
                product,
                factor: Scalar::ONE,
                sum: None,
            }
        })
        .collect();
    let mut rounds = Vec::with_capacity(bits as usize);
    let mut point = Vec::with_capacity(bits as usize);
    for bit in (0..bits).rev() {
        let mut round = [Scalar::ZERO; 2];
        for term in &mut terms {
            let [c0, c2] = if term.bits <= bit {
                let sum = match term.sum {
                    Some(sum) => sum,
                    None => term.product.sum(),
                };
                term.sum = Some(sum);
                [sum, sum]
            } else {
                let square = term.factor.square();
                term.product.round().map(|c| c * square)
            };
            round[0] += c0;
            round[1] += c2;
        }
        // Absorbed with a cubic coefficient of zero, so that all rounds of a step are alike.
        let r = transcript.message(&[round[0], round[1], Scalar::ZERO]);
        rounds.push(round);
        point.push(r);
        for term in &mut terms {
            if term.bits <= bit {
                let rest = Scalar::ONE - r;
                term.factor *= rest;
                term.sum = term.sum.map(|sum| sum * rest.square());
            } else {
                term.product.left.fold(r);
                term.product.right.fold(r);
                term.bits -= 1;
            }
        }
    }
    point.reverse();
    let values = terms
        .iter()
        .map(|term| {
            let Product { left, right } = &term.product;
            (term.factor * left.value(), term.factor * right.value())
        })
        .collect();
    ProductProof {
        rounds,
        point,
        values,
    }
}

/// The tables [`prove_rows`] sums over. All have one entry per row, `2^m` rows, and are used up.
#[derive(Debug)]
pub struct RowTables<'a> {
    /// The integers of the rows, at `4 row + column`: the columns `q`, `rem`, `y`, `e`.
    pub columns: &'a [i32],
    /// Coefficient of each column; empty if the column has none.
    pub linear: [&'a mut [Scalar]; 4],
    /// Coefficients of `q y` and of `q e`.
    pub products: Option<[&'a mut [Scalar]; 2]>,
    /// A point of the rows and a table: the equality polynomial of the one times the other is added.
    pub running: (&'a [Scalar], &'a mut [Scalar]),
}

/// What [`prove_rows`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProof {
    /// One message per round.
    pub rounds: Vec<[Scalar; 3]>,
    /// The point the rounds end at, by bit.
    pub point: Vec<Scalar>,
    /// The four columns at the point.
    pub values: [Scalar; 4],
}

/// Proves the sum over the rows of `linear[c] column_c`, over the four columns, plus
/// `products[0] q y + products[1] q e + eq(running.0, row) running.1`.
pub fn prove_rows(tables: RowTables<'_>, transcript: &mut Transcript) -> RowProof {
    in_pool(|| rows_in_pool(tables, transcript))
}

fn rows_in_pool(tables: RowTables<'_>, transcript: &mut Transcript) -> RowProof {
    let RowTables {
        columns,
        mut linear,
        mut products,
        running: (running_point, mut running),
    } = tables;
    let rows = columns.len() / 4;
    debug_assert!(rows.is_power_of_two() && columns.len() == 4 * rows);
    debug_assert!(running.len() == rows && 1 << running_point.len() == rows);
    debug_assert!(linear.iter().all(|t| t.is_empty() || t.len() == rows));
    debug_assert!(products.iter().flatten().all(|t| t.len() == rows));
    let bits = rows.max(1).ilog2() as usize;
    let mut rounds = Vec::with_capacity(bits);
    let mut point = Vec::with_capacity(bits);
    let mut eq = EqFactors::new(running_point);
    let mut bound_eq = Scalar::ONE;
    // A column without coefficients is only evaluated.
    let used = |c: usize, products: bool| !linear[c].is_empty() || (products && c != 1);
    let used = [0, 1, 2, 3].map(|c| used(c, products.is_some()));
    // The columns as field elements, once a variable is bound.
    let mut bound: [Vec<Scalar>; 4] = Default::default();
    let mut folded: Option<[&mut [Scalar]; 4]> = None;
    let mut buffers = Some(&mut bound);
    for bit in (0..bits).rev() {
        let mut round = match &folded {
            None => integer_round(columns, &linear, products.as_ref()),
            Some(columns) => field_round(columns, &linear, products.as_ref(), 1 << bit),
        };
        // The equality polynomial is ((1 - z)(1 - X) + z X) times that of the other variables.
        eq.drop_highest();
        let z = running_point[bit];
        let [low, high] = eq.sums(|i| [running[i], running[i + (1 << bit)]]);
        round[0] += bound_eq * (Scalar::ONE - z) * low;
        round[1] += bound_eq * (z.double() - Scalar::ONE) * (high - low);
        let r = transcript.message(&round);
        rounds.push(round);
        point.push(r);
        bound_eq *= (Scalar::ONE - z) * (Scalar::ONE - r) + z * r;
        let mut tables: Vec<&mut &mut [Scalar]> = linear.iter_mut().collect();
        tables.extend(products.iter_mut().flatten());
        tables.push(&mut running);
        tables.extend(folded.iter_mut().flatten());
        fold_all(tables, r);
        if let Some(bound) = buffers.take() {
            for (c, table) in bound.iter_mut().enumerate() {
                if used[c] {
                    *table = folded_columns(columns, 4, c, r);
                }
            }
            folded = Some(bound.each_mut().map(Vec::as_mut_slice));
        }
    }
    point.reverse();
    let values = [0, 1, 2, 3].map(|c| match folded.as_ref().and_then(|t| t[c].first()) {
        Some(value) => *value,
        None => column_at(columns, c, &point),
    });
    RowProof {
        rounds,
        point,
        values,
    }
}

/// One of the four columns at a point of the rows.
fn column_at(columns: &[i32], column: usize, point: &[Scalar]) -> Scalar {
    if columns.chunks_exact(4).all(|row| row[column] == 0) {
        return Scalar::ZERO;
    }
    let [value] = EqFactors::new(point).sums(|row| [scalar(columns[4 * row + column].into())]);
    value
}

/// Pairs of rows handled by one task: a pair costs a quarter of a microsecond.
const ROWS: usize = 1 << 7;

/// What the coefficients add to the first round of [`prove_rows`]: elements times integers.
fn integer_round(
    columns: &[i32],
    linear: &[&mut [Scalar]; 4],
    products: Option<&[&mut [Scalar]; 2]>,
) -> [Scalar; 3] {
    let half = columns.len() / 8;
    sum_ranges(half, ROWS, |range| {
        let mut sums = [Narrow::ZERO; 3];
        let at = |row: usize, column: usize| i64::from(columns[4 * row + column]);
        for (column, linear) in linear.iter().enumerate().filter(|(_, t)| !t.is_empty()) {
            for low in range.clone() {
                let high = low + half;
                let (a, b) = (linear[low], linear[high]);
                let (x, y) = (at(low, column), at(high, column));
                sums[0].add(&a, x);
                sums[1].add(&(b - a), y - x);
            }
        }
        for (coefficients, column) in products.into_iter().flatten().zip([2, 3]) {
            for low in range.clone() {
                let high = low + half;
                let (q, q_step) = (at(low, 0), i128::from(at(high, 0) - at(low, 0)));
                let (p, step) = (coefficients[low], coefficients[high] - coefficients[low]);
                let (x, x_step) = (
                    at(low, column),
                    i128::from(at(high, column) - at(low, column)),
                );
                // (p + step X)(q x + (q x_step + q_step x) X + q_step x_step X^2)
                let quadratic = q_step * x_step;
                sums[0].add(&p, q * x);
                sums[1].add_wide(&p, quadratic);
                sums[1].add_wide(&step, i128::from(q) * x_step + q_step * i128::from(x));
                sums[2].add_wide(&step, quadratic);
            }
        }
        sums.map(|sum| sum.value())
    })
}

/// What the coefficients add to a later round of [`prove_rows`].
fn field_round(
    columns: &[&mut [Scalar]; 4],
    linear: &[&mut [Scalar]; 4],
    products: Option<&[&mut [Scalar]; 2]>,
    half: usize,
) -> [Scalar; 3] {
    sum_ranges(half, ROWS, |range| {
        let [mut c0, mut c2, mut c3] = [Wide::ZERO; 3];
        for (linear, column) in linear.iter().zip(columns).filter(|(t, _)| !t.is_empty()) {
            for low in range.clone() {
                let high = low + half;
                c0.add(&linear[low], &column[low]);
                c2.add(&(linear[high] - linear[low]), &(column[high] - column[low]));
            }
        }
        if let Some([for_y, for_e]) = products {
            let [q, _, y, e] = columns;
            for low in range {
                let high = low + half;
                let step = |table: &[Scalar]| table[high] - table[low];
                // q times the quadratic u = for_y y + for_e e, whose value at one gives u1.
                let u0 = dot2(&for_y[low], &y[low], &for_e[low], &e[low]);
                let u2 = dot2(&step(for_y), &step(y), &step(for_e), &step(e));
                let at_one = dot2(&for_y[high], &y[high], &for_e[high], &e[high]);
                let u1 = at_one - u0 - u2;
                c0.add(&q[low], &u0);
                c2.add(&q[low], &u2);
                c2.add(&step(q), &u1);
                c3.add(&step(q), &u2);
            }
        }
        [c0.value(), c2.value(), c3.value()]
    })
}
