//! The sum-checks and the lookup against naive sums, evaluations and tampering.

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::lookup::{self, LayerProof, LeafClaim, LookupProof, Numerators};
use pleat_argument::multilinear::{eq_table, evaluate, evaluate_integers, scalar};
use pleat_argument::sumcheck::{Product, RowTables, Table, prove_products, prove_rows, verify};
use pleat_argument::transcript::{Domain, Transcript};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn transcript() -> Transcript {
    Transcript::new(Domain::Step, &[Scalar::from(5)])
}

fn scalars(n: usize, rng: &mut StdRng) -> Vec<Scalar> {
    (0..n).map(|_| Scalar::random(&mut *rng)).collect()
}

/// Integers of the full range now and then, so that differences of products exceed 64 bits.
fn integers(n: usize, rng: &mut StdRng) -> Vec<i32> {
    (0..n)
        .map(|_| match rng.gen_range(0..8) {
            0 => i32::MIN,
            1 => i32::MAX,
            2 => rng.r#gen(),
            _ => rng.gen_range(-1000..1000),
        })
        .collect()
}

fn lift(integers: &[i32]) -> Vec<Scalar> {
    integers.iter().map(|v| scalar((*v).into())).collect()
}

fn total(values: impl Iterator<Item = Scalar>) -> Scalar {
    values.fold(Scalar::ZERO, |a, b| a + b)
}

fn dot(a: &[Scalar], b: &[Scalar]) -> Scalar {
    total(a.iter().zip(b).map(|(a, b)| a * b))
}

#[test]
fn products_of_mixed_kinds_and_lengths() {
    let mut rng = StdRng::seed_from_u64(1);
    for bits in (0..=10).chain([13]) {
        let n = 1 << bits;
        let [small, smaller] = [n.min(1 << (bits / 2)), 1];
        let (i, j) = (integers(n, &mut rng), integers(n, &mut rng));
        let (a, b) = (scalars(n, &mut rng), scalars(n, &mut rng));
        let (short, short_too) = (integers(small, &mut rng), scalars(small, &mut rng));
        let (one, one_too) = (scalars(smaller, &mut rng), integers(smaller, &mut rng));
        let pairs = [
            (Table::Integers(&i), Table::Integers(&j)),
            (Table::Integers(&i), Table::Scalars(&a)),
            (Table::Scalars(&a), Table::Scalars(&b)),
            (Table::Owned(b.clone()), Table::Integers(&j)),
            (Table::Owned(short_too.clone()), Table::Integers(&short)),
            (Table::Owned(short_too.clone()), Table::Scalars(&short_too)),
            (Table::Integers(&short), Table::Integers(&short)),
            (Table::Owned(one.clone()), Table::Integers(&one_too)),
        ];
        let field = |table: &Table<'_>| match table {
            Table::Integers(values) => lift(values),
            Table::Scalars(values) => values.to_vec(),
            Table::Owned(values) => values.clone(),
        };
        let naive: Vec<_> = pairs.iter().map(|(a, b)| (field(a), field(b))).collect();
        let claim = total(naive.iter().map(|(a, b)| dot(a, b)));
        let terms = pairs
            .into_iter()
            .map(|(left, right)| Product { left, right })
            .collect();
        let mut prover = transcript();
        let proof = prove_products(terms, bits, &mut prover);
        assert_eq!(proof.rounds.len(), bits as usize);

        let mut verifier = transcript();
        let rounds: Vec<[Scalar; 3]> = (proof.rounds.iter())
            .map(|[c0, c2]| [*c0, *c2, Scalar::ZERO])
            .collect();
        let (point, last) = verify(claim, &rounds, &mut verifier);
        assert_eq!(prover, verifier);
        assert_eq!(point, proof.point);
        // Zero-extended: evaluate at all variables of the point.
        for ((a, b), (left, right)) in naive.iter().zip(&proof.values) {
            assert_eq!(*left, evaluate(a, &point));
            assert_eq!(*right, evaluate(b, &point));
        }
        assert_eq!(last, total(proof.values.iter().map(|(a, b)| a * b)));

        // A changed message, or claim, leads to a claim that is not the summand's value.
        let holds = |claim: Scalar, rounds: &[[Scalar; 3]]| {
            let (point, last) = verify(claim, rounds, &mut transcript());
            let value = naive
                .iter()
                .map(|(a, b)| evaluate(a, &point) * evaluate(b, &point));
            last == total(value)
        };
        assert!(holds(claim, &rounds));
        assert!(!holds(claim + Scalar::ONE, &rounds));
        for round in 0..bits.min(8) as usize {
            for element in 0..3 {
                let mut rounds = rounds.clone();
                rounds[round][element] += Scalar::ONE;
                assert!(!holds(claim, &rounds));
            }
        }
    }
}

#[test]
fn no_terms() {
    let proof = prove_products(Vec::new(), 3, &mut transcript());
    assert_eq!(proof.rounds, [[Scalar::ZERO; 2]; 3]);
    assert!(proof.values.is_empty());
}

#[test]
fn rows() {
    let mut rng = StdRng::seed_from_u64(2);
    for bits in (0..=10).chain([12]) {
        for with_products in [false, true] {
            let n = 1 << bits;
            let columns = integers(4 * n, &mut rng);
            let mut linear = [(); 4].map(|()| scalars(n, &mut rng));
            linear[3] = linear[3][..if bits % 3 == 0 { 0 } else { n }].to_vec();
            let products = with_products.then(|| [(); 2].map(|()| scalars(n, &mut rng)));
            let running_point = scalars(bits, &mut rng);
            let running = [eq_table(&running_point), scalars(n, &mut rng)];
            let column: Vec<Vec<i32>> = (0..4)
                .map(|c| (0..n).map(|row| columns[4 * row + c]).collect())
                .collect();
            let summand = |column: [Scalar; 4], other: &dyn Fn(&[Scalar]) -> Scalar| {
                let mut sum = other(&running[0]) * other(&running[1]);
                for c in 0..4 {
                    if !linear[c].is_empty() {
                        sum += other(&linear[c]) * column[c];
                    }
                }
                if let Some([y, e]) = &products {
                    sum += column[0] * (other(y) * column[2] + other(e) * column[3]);
                }
                sum
            };
            let claim = total((0..n).map(|row| {
                let values = [0, 1, 2, 3].map(|c| scalar(column[c][row].into()));
                summand(values, &|table| table[row])
            }));
            let (mut linear_used, mut products_used) = (linear.clone(), products.clone());
            let mut running_used = running[1].clone();
            let tables = RowTables {
                columns: &columns,
                linear: linear_used.each_mut().map(Vec::as_mut_slice),
                products: products_used
                    .as_mut()
                    .map(|tables| tables.each_mut().map(Vec::as_mut_slice)),
                running: (&running_point, &mut running_used),
            };
            let mut prover = transcript();
            let proof = prove_rows(tables, &mut prover);
            assert_eq!(proof.rounds.len(), bits);

            let at = |point: &[Scalar]| {
                let values = [0, 1, 2, 3].map(|c| evaluate_integers(&column[c], point));
                (values, summand(values, &|table| evaluate(table, point)))
            };
            let mut verifier = transcript();
            let (point, last) = verify(claim, &proof.rounds, &mut verifier);
            assert_eq!(prover, verifier);
            assert_eq!(point, proof.point);
            let (values, value) = at(&point);
            assert_eq!(proof.values, values);
            assert_eq!(last, value);
            if !with_products {
                assert!(proof.rounds.iter().all(|round| round[2] == Scalar::ZERO));
            }

            for round in 0..bits.min(8) {
                for element in 0..3 {
                    let mut rounds = proof.rounds.clone();
                    rounds[round][element] += Scalar::ONE;
                    let (point, last) = verify(claim, &rounds, &mut transcript());
                    assert_ne!(last, at(&point).1);
                }
            }
            let (point, last) = verify(claim + Scalar::ONE, &proof.rounds, &mut transcript());
            assert_ne!(last, at(&point).1);
        }
    }
}

struct Leaves {
    numerators: Vec<Scalar>,
    denominators: Vec<Scalar>,
}

impl Leaves {
    fn new(numerators: &Numerators, d0: &[Scalar], d1: &[Scalar]) -> Self {
        let mut all = match numerators {
            Numerators::Ones => vec![Scalar::ONE; d0.len()],
            Numerators::Values(values) => values.clone(),
        };
        all.resize(2 * d0.len(), Scalar::ONE);
        Self {
            numerators: all,
            denominators: [d0, d1].concat(),
        }
    }

    fn agree(&self, claim: &LeafClaim) -> bool {
        claim.numerator == evaluate(&self.numerators, &claim.point)
            && claim.denominator == evaluate(&self.denominators, &claim.point)
    }
}

fn tampered(proof: &LookupProof) -> Vec<LookupProof> {
    let mut all = Vec::new();
    let mut change = |edit: &dyn Fn(&mut LookupProof)| {
        let mut proof = proof.clone();
        edit(&mut proof);
        all.push(proof);
    };
    for i in 0..2 {
        change(&|proof| proof.root[i] += Scalar::ONE);
    }
    for (k, layer) in proof.layers.iter().enumerate() {
        for i in 0..4 {
            change(&|proof| proof.layers[k].values[i] += Scalar::ONE);
        }
        for round in 0..layer.rounds.len() {
            for i in 0..2 {
                change(&|proof| proof.layers[k].rounds[round][i] += Scalar::ONE);
            }
        }
    }
    // Scaled, the root is the same fraction but another claim.
    change(&|proof| proof.root.iter_mut().for_each(|v| *v = v.double()));
    all
}

#[test]
fn lookups() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut tree = [vec![], vec![]];
    for bits in (0..=10).chain([12]) {
        for ones in [false, true] {
            let n = 1 << bits;
            let (mut d0, mut d1) = (scalars(n, &mut rng), scalars(n, &mut rng));
            let numerators = if ones {
                Numerators::Ones
            } else {
                Numerators::Values(scalars(n, &mut rng))
            };
            let leaves = Leaves::new(&numerators, &d0, &d1);
            let mut prover = transcript();
            let (proof, claim) =
                lookup::prove(numerators, &mut d0, &mut d1, tree.each_mut(), &mut prover);

            let inverse = |d: &Scalar| d.invert().unwrap();
            let fractions = leaves.numerators.iter().zip(&leaves.denominators);
            let sum = total(fractions.map(|(n, d)| n * inverse(d)));
            assert_eq!(proof.root[0] * inverse(&proof.root[1]), sum);

            let mut verifier = transcript();
            let verified = lookup::verify(bits, &proof, &mut verifier).unwrap();
            assert_eq!(verified, claim);
            assert_eq!(prover, verifier);
            assert_eq!(claim.point.len(), bits as usize + 1);
            assert!(leaves.agree(&claim));

            if bits <= 5 {
                for proof in tampered(&proof) {
                    if let Ok(claim) = lookup::verify(bits, &proof, &mut transcript()) {
                        assert!(!leaves.agree(&claim));
                    }
                }
            }
            // The last challenge depends on the last values.
            let mut last = proof.clone();
            for value in &mut last.layers[bits as usize].values {
                *value += Scalar::ONE;
            }
            assert!(lookup::verify(bits, &last, &mut transcript()).is_err());

            let bytes = postcard::to_stdvec(&proof).unwrap();
            assert_eq!(postcard::from_bytes::<LookupProof>(&bytes).unwrap(), proof);

            for wrong in [bits + 1, bits.wrapping_sub(1), u32::MAX, 0] {
                if wrong != bits {
                    assert!(lookup::verify(wrong, &proof, &mut transcript()).is_err());
                }
            }
            let mut short = proof.clone();
            short.layers.pop();
            assert!(lookup::verify(bits, &short, &mut transcript()).is_err());
            let mut long = proof.clone();
            long.layers.push(proof.layers[0].clone());
            assert!(lookup::verify(bits, &long, &mut transcript()).is_err());
            for layer in 0..proof.layers.len() {
                let mut more = proof.clone();
                more.layers[layer].rounds.push([Scalar::ONE; 2]);
                assert!(lookup::verify(bits, &more, &mut transcript()).is_err());
                let mut fewer = proof.clone();
                if fewer.layers[layer].rounds.pop().is_some() {
                    assert!(lookup::verify(bits, &fewer, &mut transcript()).is_err());
                }
            }
        }
    }
}

/// A proof without leaves to go with it: nothing but zeros, and layers that all hold.
#[test]
fn zeros_are_accepted_down_to_the_leaves() {
    let layers = (0..4)
        .map(|k| LayerProof {
            rounds: vec![[Scalar::ZERO; 2]; k],
            values: [Scalar::ZERO; 4],
        })
        .collect();
    let root = [Scalar::ZERO; 2];
    let claim = lookup::verify(3, &LookupProof { root, layers }, &mut transcript()).unwrap();
    assert_eq!(claim.denominator, Scalar::ZERO);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_shapes_are_rejected_without_panic(
        bits in prop_oneof![0u32..8, Just(u32::MAX), Just(63), Just(64)],
        lengths in prop::collection::vec(0usize..8, 0..9),
        seed: u64,
        good_shape: bool,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let lengths = if good_shape {
            (0..=bits.min(8) as usize).collect()
        } else {
            lengths
        };
        let mut element = || Scalar::from(rng.gen_range(0..3));
        let layers = lengths
            .iter()
            .map(|rounds| LayerProof {
                rounds: (0..*rounds).map(|_| [element(), element()]).collect(),
                values: [element(), element(), element(), element()],
            })
            .collect();
        let proof = LookupProof { root: [element(), element()], layers };
        let result = lookup::verify(bits, &proof, &mut transcript());
        let shape = lengths.len() as u64 == u64::from(bits) + 1
            && lengths.iter().enumerate().all(|(k, rounds)| k == *rounds);
        prop_assert!(shape || result.is_err());
    }
}
