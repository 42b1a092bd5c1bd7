//! The prover's kernels, per row.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::lookup::{self, Numerators};
use pleat_argument::sumcheck::{Product, RowTables, Table, prove_products, prove_rows};
use pleat_argument::transcript::{Domain, Transcript};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn transcript() -> Transcript {
    Transcript::new(Domain::Step, &[])
}

fn scalars(n: usize, rng: &mut StdRng) -> Vec<Scalar> {
    (0..n).map(|_| Scalar::random(&mut *rng)).collect()
}

fn integers(n: usize, rng: &mut StdRng) -> Vec<i32> {
    (0..n).map(|_| rng.gen_range(-(1 << 20)..1 << 20)).collect()
}

fn kernels(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    for bits in [15u32, 19] {
        let rows = 1 << bits;
        let columns = integers(4 * rows, &mut rng);
        let mut table = || scalars(rows, &mut rng);
        // Column `e` has no coefficients and there are no products in most chunks.
        let linear = [table(), table(), table(), vec![]];
        let running = table();
        let (a, b, c) = (table(), table(), table());

        let mut group = criterion.benchmark_group("sumcheck");
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::new("rows", rows), |bench| {
            bench.iter_batched(
                || (linear.clone(), running.clone()),
                |(mut linear, mut running)| {
                    let tables = RowTables {
                        columns: &columns,
                        linear: linear.each_mut().map(Vec::as_mut_slice),
                        products: None,
                        running: (&a[..bits as usize], &mut running),
                    };
                    prove_rows(tables, &mut transcript())
                },
                BatchSize::PerIteration,
            );
        });
        // An integer table against weights, and two tables of elements.
        group.bench_function(BenchmarkId::new("products", rows), |bench| {
            bench.iter(|| {
                let integers = Product {
                    left: Table::Integers(&columns[..rows]),
                    right: Table::Scalars(&a),
                };
                let elements = Product {
                    left: Table::Scalars(&b),
                    right: Table::Scalars(&c),
                };
                prove_products(vec![integers, elements], bits, &mut transcript())
            });
        });
        group.finish();

        let mut tree = [vec![], vec![]];
        let mut group = criterion.benchmark_group("lookup");
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .throughput(Throughput::Elements(rows as u64));
        for (name, numerators) in [
            ("prove", Numerators::Values(c.clone())),
            ("prove-ones", Numerators::Ones),
        ] {
            group.bench_function(BenchmarkId::new(name, rows), |bench| {
                bench.iter_batched(
                    || (numerators.clone(), a.clone(), b.clone()),
                    |(numerators, mut a, mut b)| {
                        let tree = tree.each_mut();
                        lookup::prove(numerators, &mut a, &mut b, tree, &mut transcript())
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
