//! What an opening tells of the masked vector: everything it shows is a linear function of the vector, with
//! coefficients that challenges decide. The mask is uniform in all entries but the first, so what is shown is
//! independent of the secrets exactly if the first entry is no combination of what is shown.

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::multilinear::eq_table;
use rand::SeedableRng;
use rand::rngs::StdRng;

type Row = Vec<Scalar>;

/// Eliminates; the number of independent rows.
fn rank(mut rows: Vec<Row>) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let mut rank = 0;
    for column in 0..columns {
        let Some(pivot) = (rank..rows.len()).find(|&i| rows[i][column] != Scalar::ZERO) else {
            continue;
        };
        rows.swap(rank, pivot);
        let inverse = rows[rank][column].invert().unwrap();
        let own: Row = rows[rank].iter().map(|x| x * inverse).collect();
        for row in rows.iter_mut().skip(rank + 1) {
            let factor = row[column];
            row.iter_mut().zip(&own).for_each(|(x, y)| *x -= factor * y);
        }
        rows[rank] = own;
        rank += 1;
    }
    rank
}

fn sum(terms: impl IntoIterator<Item = (Scalar, Row)>, columns: usize) -> Row {
    let mut total = vec![Scalar::ZERO; columns];
    for (factor, row) in terms {
        total
            .iter_mut()
            .zip(row)
            .for_each(|(t, x)| *t += factor * x);
    }
    total
}

/// A polynomial whose coefficients are rows, at a point.
fn at(polynomial: &[Row], x: Scalar, columns: usize) -> Row {
    let powers = std::iter::successors(Some(Scalar::ONE), |power| Some(*power * x));
    sum(powers.zip(polynomial.iter().cloned()), columns)
}

fn units(columns: usize) -> Vec<Row> {
    let unit = |i| {
        (0..columns)
            .map(|j| Scalar::from(u64::from(i == j)))
            .collect()
    };
    (0..columns).map(unit).collect()
}

struct Random(StdRng);

impl Random {
    fn next(&mut self) -> Scalar {
        Scalar::random(&mut self.0)
    }
}

/// HyperKZG (eprint 2024/2099, section 6): commitments to the vector and to each of its folds, their values at r, -r
/// and r^2; its three last points follow from these. A commitment is a value at the key's secret.
fn hyperkzg(point: &[Scalar], random: &mut Random) -> Vec<Row> {
    let columns = 1 << point.len();
    let (secret, r) = (random.next(), random.next());
    let mut fold = units(columns);
    let mut rows = vec![];
    for x in point {
        for place in [secret, r, -r, r.square()] {
            rows.push(at(&fold, place, columns));
        }
        let halves = fold.chunks(2);
        fold = halves
            .map(|pair| {
                sum(
                    [(Scalar::ONE - x, pair[0].clone()), (*x, pair[1].clone())],
                    columns,
                )
            })
            .collect();
    }
    // The value.
    rows.push(fold.remove(0));
    rows
}

/// Mercury (eprint 2025/385, section 6): f = (X^b - alpha) q + g; h and g stand for the two halves of the point, S for the
/// two inner products; commitments, and values at zeta and its inverse.
fn mercury(point: &[Scalar], random: &mut Random) -> Vec<Row> {
    // An odd number of variables is padded.
    let mut padded = point.to_vec();
    padded.resize(point.len().next_multiple_of(2), Scalar::ZERO);
    let columns = 1 << padded.len();
    let side = 1 << (padded.len() / 2);
    let mut f = units(1 << point.len());
    f.iter_mut()
        .for_each(|row| row.resize(columns, Scalar::ZERO));
    f.resize(columns, vec![Scalar::ZERO; columns]);
    let (low, high) = padded.split_at(padded.len() / 2);
    let (low, high) = (eq_table(low), eq_table(high));
    let [secret, alpha, zeta, gamma] = [(); 4].map(|()| random.next());
    let powers: Vec<Scalar> = std::iter::successors(Some(Scalar::ONE), |p| Some(*p * alpha))
        .take(side)
        .collect();
    let g: Vec<Row> = (0..side)
        .map(|j| {
            sum(
                (0..side).map(|i| (powers[i], f[i * side + j].clone())),
                columns,
            )
        })
        .collect();
    let h: Vec<Row> = (0..side)
        .map(|i| {
            sum(
                (0..side).map(|j| (low[j], f[i * side + j].clone())),
                columns,
            )
        })
        .collect();
    // The quotient, from the top.
    let mut q = vec![vec![Scalar::ZERO; columns]; columns - side];
    for i in (0..side - 1).rev() {
        for j in 0..side {
            let mut terms = vec![(Scalar::ONE, f[(i + 1) * side + j].clone())];
            if i + 2 < side {
                terms.push((alpha, q[(i + 1) * side + j].clone()));
            }
            q[i * side + j] = sum(terms, columns);
        }
    }
    let pairs = |weights: &[Scalar], rows: &[Row], factor: Scalar, k: usize| {
        let mut terms = vec![];
        for i in 0..side - k - 1 {
            terms.push((factor * weights[i], rows[i + k + 1].clone()));
            terms.push((factor * weights[i + k + 1], rows[i].clone()));
        }
        terms
    };
    let s: Vec<Row> = (0..side - 1)
        .map(|k| {
            let mut terms = pairs(&low, &g, Scalar::ONE, k);
            terms.extend(pairs(&high, &h, gamma, k));
            sum(terms, columns)
        })
        .collect();
    let reversed: Vec<Row> = g.iter().rev().cloned().collect();
    let mut rows = vec![sum(high.iter().copied().zip(h.clone()), columns)];
    for polynomial in [&f, &h, &g, &q, &s, &reversed] {
        rows.push(at(polynomial, secret, columns));
    }
    for place in [zeta, zeta.invert().unwrap()] {
        for polynomial in [&g, &h, &s] {
            rows.push(at(polynomial, place, columns));
        }
    }
    rows.iter_mut()
        .for_each(|row| row.truncate(1 << point.len()));
    rows
}

/// Whether the first entry is no combination of what is shown.
fn hidden(shown: &[Row]) -> bool {
    let first = units(shown[0].len()).remove(0);
    let with = [shown, &[first]].concat();
    rank(with) == rank(shown.to_vec()) + 1
}

/// For points with each set of coordinates that are not zero.
fn places(variables: usize, check: impl Fn(&[Scalar], usize, &mut Random)) {
    let mut random = Random(StdRng::seed_from_u64(3));
    let counts = [0, 1, 2, 3, variables as u32];
    for set in (0..1u32 << variables).filter(|set| counts.contains(&set.count_ones())) {
        let point: Vec<Scalar> = (0..variables)
            .map(|i| match set >> i & 1 {
                1 => random.next(),
                _ => Scalar::ZERO,
            })
            .collect();
        check(&point, set.count_ones() as usize, &mut random);
    }
}

#[test]
fn an_opening_does_not_show_the_first_entry() {
    for variables in [6, 7] {
        places(variables, |point, coordinates, random| {
            let openings = [hyperkzg(point, random), mercury(point, random)];
            for (which, shown) in openings.iter().enumerate() {
                if coordinates >= 3 {
                    assert!(hidden(shown), "{which}: {point:?}");
                }
                // Why points near zero are refused.
                if coordinates == 0 {
                    assert!(!hidden(shown), "{which}: {point:?}");
                }
            }
        });
    }
}
