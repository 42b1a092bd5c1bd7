//! LogUp sums by a tree of fractions, each layer of which is a sum-check (GKR).
//!
//! The leaves are fractions with index (row, top bit `sel`): `n0[row] / d0[row]` for `sel = 0` and
//! `1 / d1[row]` for `sel = 1`. Node `k` of a layer is the sum of the children `k` and `k + half`:
//! `N = N_a D_b + N_b D_a`, `D = D_a D_b`. The proof reduces the root to a claim about numerator and
//! denominator of the leaves at one random point.
//!
//! Sources: Papini and Haboeck, `Improving logarithmic derivative lookups using GKR` (eprint
//! 2023/1284); the factored rounds are Gruen's (eprint 2024/108, section 3).
//!
//! # One layer
//!
//! The claims `n`, `d` about a layer at `z` become `n + lambda d`, the sum over `x` of
//! `eq(z, x) g(x)` with `g = N_a D_b + N_b D_a + lambda D_a D_b`. After the binding of some
//! variables the summand carries a known factor `eq` of those; everything here is about the claim `T`
//! without it. The polynomial of a round is then `((1 - z_j)(1 - X) + z_j X) q(X)`, and the message
//! holds `q(0)` and the coefficient of `X^2` of `q`; `q(1)` follows from `T`.
//!
//! # The weight of the denominators
//!
//! One challenge `c` serves twice: it selects between the children, and `lambda = c^2` combines the
//! next claims. If the children sent are off by `N_a', D_a', N_b', D_b'`, then the combined claim is
//! off by `N_a' + c (N_b' - N_a') + c^2 (D_a' + c (D_b' - D_a'))`: the four powers of `c` have
//! independent coefficients, so it is a nonzero polynomial of degree 3 if anything is off, and
//! vanishes at no more than three challenges.

use ff::Field;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::accumulate::dot2;
use crate::multilinear::{EqFactors, fold_all, in_pool, stretch, write};
use crate::transcript::Transcript;
use crate::{Error, Result, Scalar};

/// The numerators of the fractions with `sel = 0`.
#[derive(Clone, Debug)]
pub enum Numerators {
    /// All one.
    Ones,
    /// One per row.
    Values(Vec<Scalar>),
}

/// The proof of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerProof {
    /// One message per variable of the layer: `q(0)` and the quadratic coefficient of `q`.
    pub rounds: Vec<[Scalar; 2]>,
    /// `N_a`, `D_a`, `N_b`, `D_b` at the point of the rounds.
    pub values: [Scalar; 4],
}

/// The proof of a sum of fractions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupProof {
    /// Numerator and denominator of the sum. The caller checks that the denominator is not zero.
    pub root: [Scalar; 2],
    /// The layers from the root down: layer `k` has `k` rounds.
    pub layers: Vec<LayerProof>,
}

/// What remains to be checked: the leaves at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafClaim {
    /// By bit: the bits of the row, then the bit `sel`.
    pub point: Vec<Scalar>,
    /// The extension of the numerators there.
    pub numerator: Scalar,
    /// The extension of the denominators there.
    pub denominator: Scalar,
}

/// Numerators and denominators of a layer.
struct Fractions<'a> {
    numerators: &'a mut [Scalar],
    denominators: &'a mut [Scalar],
}

impl Fractions<'_> {
    fn join_pairs_of(&mut self, children: &Fractions<'_>) {
        let half = self.denominators.len();
        let (na, nb) = children.numerators.split_at(half);
        let (da, db) = children.denominators.split_at(half);
        write(self.numerators, |i| dot2(&na[i], &db[i], &nb[i], &da[i]));
        write(self.denominators, |i| da[i] * db[i]);
    }
}

/// The tables of a layer's sum-check, with what is known of them used up.
enum Tables<'a> {
    /// `g = N_a D_b + D_a G` with `G = N_b + lambda D_b`.
    Inner {
        na: &'a mut [Scalar],
        da: &'a mut [Scalar],
        db: &'a mut [Scalar],
        g: &'a mut [Scalar],
    },
    /// Leaves with `N_b = 1`: `g = E D_b + D_a` with `E = N_a + lambda D_a`.
    Values {
        e: &'a mut [Scalar],
        da: &'a mut [Scalar],
        db: &'a mut [Scalar],
    },
    /// Leaves with `N_a = N_b = 1`: `g = D_a + D_b + lambda D_a D_b`.
    Ones {
        da: &'a mut [Scalar],
        db: &'a mut [Scalar],
    },
}

impl<'a> Tables<'a> {
    fn inner(children: Fractions<'a>, lambda: Scalar) -> Self {
        let half = children.denominators.len() / 2;
        let (na, g) = children.numerators.split_at_mut(half);
        let (da, db) = children.denominators.split_at_mut(half);
        weigh(g, lambda, db);
        Self::Inner { na, da, db, g }
    }

    fn leaves(
        numerators: &'a mut Numerators,
        da: &'a mut [Scalar],
        db: &'a mut [Scalar],
        lambda: Scalar,
    ) -> Self {
        match numerators {
            Numerators::Ones => Self::Ones { da, db },
            Numerators::Values(e) => {
                weigh(e, lambda, da);
                Self::Values { e, da, db }
            }
        }
    }

    /// The message of the highest variable: `q(0)` and the quadratic coefficient.
    fn round(&self, eq: &EqFactors, lambda: Scalar) -> [Scalar; 2] {
        let half = eq.low.len() * eq.high.len();
        match self {
            Self::Inner { na, da, db, g } => eq.sums(|i| {
                let step = |table: &[Scalar]| table[i + half] - table[i];
                [
                    dot2(&na[i], &db[i], &da[i], &g[i]),
                    dot2(&step(na), &step(db), &step(da), &step(g)),
                ]
            }),
            Self::Values { e, da, db } => eq.sums(|i| {
                let step = |table: &[Scalar]| table[i + half] - table[i];
                [e[i] * db[i] + da[i], step(e) * step(db)]
            }),
            Self::Ones { da, db } => {
                let [linear, constant, quadratic] = eq.sums(|i| {
                    let step = |table: &[Scalar]| table[i + half] - table[i];
                    [da[i] + db[i], da[i] * db[i], step(da) * step(db)]
                });
                [linear + lambda * constant, lambda * quadratic]
            }
        }
    }

    fn fold(&mut self, r: Scalar) {
        match self {
            Self::Inner { na, da, db, g } => fold_all([na, da, db, g], r),
            Self::Values { e, da, db } => fold_all([e, da, db], r),
            Self::Ones { da, db } => fold_all([da, db], r),
        }
    }

    /// `N_a`, `D_a`, `N_b`, `D_b`, once all variables are bound.
    fn values(&self, lambda: Scalar) -> [Scalar; 4] {
        let value = |table: &[Scalar]| table.first().copied().unwrap_or(Scalar::ZERO);
        match self {
            Self::Inner { na, da, db, g } => {
                let db = value(db);
                [value(na), value(da), value(g) - lambda * db, db]
            }
            Self::Values { e, da, db } => {
                let da = value(da);
                [value(e) - lambda * da, da, Scalar::ONE, value(db)]
            }
            Self::Ones { da, db } => [Scalar::ONE, value(da), Scalar::ONE, value(db)],
        }
    }
}

/// `numerators + lambda denominators`, in place.
fn weigh(numerators: &mut [Scalar], lambda: Scalar, denominators: &[Scalar]) {
    numerators
        .par_iter_mut()
        .with_min_len(1 << 10)
        .zip(denominators)
        .for_each(|(n, d)| *n += lambda * d);
}

/// Proves the sum of `n0[row] / d0[row] + 1 / d1[row]` over the rows, a power of two of them.
///
/// The sum itself is the root of the proof. The tables are used up. The two buffers hold the tree
/// meanwhile; whoever proves several sums saves the allocations.
pub fn prove(
    numerators: Numerators,
    d0: &mut [Scalar],
    d1: &mut [Scalar],
    buffers: [&mut Vec<Scalar>; 2],
    transcript: &mut Transcript,
) -> (LookupProof, LeafClaim) {
    in_pool(|| prove_in_pool(numerators, d0, d1, buffers, transcript))
}

fn prove_in_pool(
    mut numerators: Numerators,
    d0: &mut [Scalar],
    d1: &mut [Scalar],
    tree: [&mut Vec<Scalar>; 2],
    transcript: &mut Transcript,
) -> (LookupProof, LeafClaim) {
    let rows = d0.len();
    debug_assert!(rows.is_power_of_two() && d1.len() == rows);
    let bits = rows.max(1).ilog2() as usize;

    // The tree from the layer above the leaves up to the root.
    let mut rest = tree.map(|buffer| stretch(buffer, 2 * rows));
    let mut layer = |level: usize| {
        let [numerators, denominators] = rest.each_mut().map(|rest| {
            let (part, others) = std::mem::take(rest).split_at_mut(rows >> level);
            *rest = others;
            part
        });
        Fractions {
            numerators,
            denominators,
        }
    };
    let leaf_parents = layer(0);
    match &numerators {
        Numerators::Ones => write(leaf_parents.numerators, |i| d0[i] + d1[i]),
        Numerators::Values(n0) => {
            debug_assert_eq!(n0.len(), rows);
            write(leaf_parents.numerators, |i| n0[i] * d1[i] + d0[i]);
        }
    }
    write(leaf_parents.denominators, |i| d0[i] * d1[i]);
    let mut tree = vec![leaf_parents];
    for level in 0..bits {
        let mut parents = layer(level + 1);
        parents.join_pairs_of(&tree[level]);
        tree.push(parents);
    }
    let root = tree.pop().map_or([Scalar::ZERO; 2], |root| {
        let first = |values: &[Scalar]| values.first().copied().unwrap_or(Scalar::ZERO);
        [first(root.numerators), first(root.denominators)]
    });

    let mut lambda = transcript.message(&root).square();
    let mut claim = LeafClaim {
        point: Vec::new(),
        numerator: root[0],
        denominator: root[1],
    };
    let mut layers = Vec::with_capacity(bits + 1);
    while let Some(children) = tree.pop() {
        let tables = Tables::inner(children, lambda);
        layers.push(prove_layer(tables, &mut claim, &mut lambda, transcript));
    }
    let tables = Tables::leaves(&mut numerators, d0, d1, lambda);
    layers.push(prove_layer(tables, &mut claim, &mut lambda, transcript));
    (LookupProof { root, layers }, claim)
}

/// Reduces a claim about a layer to one about its children.
fn prove_layer(
    mut tables: Tables<'_>,
    claim: &mut LeafClaim,
    lambda: &mut Scalar,
    transcript: &mut Transcript,
) -> LayerProof {
    let bits = claim.point.len();
    let mut eq = EqFactors::new(&claim.point);
    let mut rounds = Vec::with_capacity(bits);
    for bit in (0..bits).rev() {
        eq.drop_highest();
        let round = tables.round(&eq, *lambda);
        let r = transcript.message(&round);
        rounds.push(round);
        tables.fold(r);
        claim.point[bit] = r;
    }
    let values = tables.values(*lambda);
    descend(&values, claim, lambda, transcript);
    LayerProof { rounds, values }
}

/// Joins the claims about two children with the challenge that follows them.
fn descend(
    values: &[Scalar; 4],
    claim: &mut LeafClaim,
    lambda: &mut Scalar,
    transcript: &mut Transcript,
) {
    let [na, da, nb, db] = values;
    let c = transcript.message(values);
    claim.point.push(c);
    claim.numerator = na + c * (nb - na);
    claim.denominator = da + c * (db - da);
    *lambda = c.square();
}

/// Verifies a proof for `2^row_bits` rows down to a claim about the leaves.
///
/// # Errors
///
/// If the proof does not have the shape for that many rows, or a layer does not follow from the one
/// above.
pub fn verify(
    row_bits: u32,
    proof: &LookupProof,
    transcript: &mut Transcript,
) -> Result<LeafClaim> {
    let shape = proof.layers.len() as u64 == u64::from(row_bits) + 1
        && (proof.layers.iter().enumerate()).all(|(k, layer)| layer.rounds.len() == k);
    if !shape {
        return Err(Error::rejected(
            "a lookup has the layers and rounds of its size",
        ));
    }
    let mut lambda = transcript.message(&proof.root).square();
    let mut claim = LeafClaim {
        point: Vec::new(),
        numerator: proof.root[0],
        denominator: proof.root[1],
    };
    for layer in &proof.layers {
        let mut expected = claim.numerator + lambda * claim.denominator;
        for (round, z) in layer.rounds.iter().zip(claim.point.iter_mut().rev()) {
            let [q0, q2] = round;
            let inverse: Option<Scalar> = z.invert().into();
            let Some(inverse) = inverse else {
                return Err(Error::rejected(
                    "a coordinate of a lookup's point is not zero",
                ));
            };
            let q1 = (expected - (Scalar::ONE - *z) * q0) * inverse;
            let r = transcript.message(round);
            expected = q0 + r * (q1 - q0 - q2 + r * q2);
            *z = r;
        }
        let [na, da, nb, db] = &layer.values;
        if expected != na * db + nb * da + lambda * da * db {
            return Err(Error::rejected(
                "a lookup's layer is the sum of the one below",
            ));
        }
        descend(&layer.values, &mut claim, &mut lambda, transcript);
    }
    Ok(claim)
}
