//! Commitments and openings at sizes of real steps, with a key made on the spot.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ff::Field;
use pleat_argument::commitment::Key;
use pleat_argument::opening::{OpeningKey, Scheme, open, verify};
use pleat_argument::{Scalar, srs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Columns as a step interleaves them: 12 bits signed, 10 and 9 bits unsigned, zero.
fn columns(n: usize) -> Vec<i32> {
    let mut rng = StdRng::seed_from_u64(1);
    (0..n)
        .map(|i| match i % 4 {
            0 => rng.gen_range(-2048..2048),
            1 => rng.gen_range(0..1024),
            2 => rng.gen_range(0..512),
            _ => 0,
        })
        .collect()
}

fn scalars(n: usize) -> Vec<Scalar> {
    let mut rng = StdRng::seed_from_u64(2);
    (0..n).map(|_| Scalar::random(&mut rng)).collect()
}

/// The value at a point, entry `b` of the point for bit `b` of the index.
fn evaluate(values: &[Scalar], point: &[Scalar]) -> Scalar {
    let mut layer = values.to_vec();
    for r in point {
        layer = layer.chunks(2).map(|p| p[0] + (p[1] - p[0]) * r).collect();
    }
    layer[0]
}

fn benches(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 21, false).unwrap();
    let key = Key::load(dir.path(), 21).unwrap();
    let blind = Scalar::from(7);
    for power in [17, 21] {
        let mut group = c.benchmark_group(format!("commit 2^{power}"));
        group.sample_size(10);
        let values = columns(1 << power);
        let nonzero = values.iter().filter(|&&v| v != 0).count();
        group.throughput(Throughput::Elements(nonzero as u64));
        group.bench_function("integers", |b| {
            b.iter(|| key.commit_integers(&values, &blind));
        });
        let values = scalars(1 << power);
        group.throughput(Throughput::Elements(1 << power));
        group.bench_function("field elements", |b| b.iter(|| key.commit(&values, &blind)));
        group.finish();
    }
    let power = 17;
    let verifier = OpeningKey::new(&key).unwrap();
    let (values, point) = (scalars(1 << power), scalars(power));
    let value = evaluate(&values, &point);
    let commitment = key.commit(&values, &Scalar::ZERO);
    let mut group = c.benchmark_group(format!("open 2^{power}"));
    group.sample_size(10);
    for scheme in [Scheme::HyperKzg, Scheme::Mercury] {
        let prove = || open(scheme, &key, &values, &commitment, &point, &value, &[]).unwrap();
        group.bench_function(format!("{scheme:?}"), |b| b.iter(prove));
        let opening = prove();
        group.bench_function(format!("{scheme:?} verify"), |b| {
            b.iter_batched(
                || opening.clone(),
                |o| verify(&verifier, &o, &commitment, &point, &value, &[]).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(commitment, benches);
criterion_main!(commitment);
