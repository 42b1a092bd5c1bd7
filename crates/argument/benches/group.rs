//! What surrounds the kernels, on LeNet-5: compiling, filling, products, views, the running combination.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ff::Field;
use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use pleat_argument::Scalar;
use pleat_argument::claims::Combination;
use pleat_argument::layout;
use pleat_argument::multilinear::eq_table;
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::view::Context;
use pleat_argument::witness::{Executed, Source, fill_chunks, product_tables};
use pleat_model::builder::InputTransform;
use pleat_model::data::{DataSet, Sample};
use pleat_model::execute::Executor;
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::quantize::{QuantizeOptions, Quantized, quantize};
use rand::SeedableRng;
use rand::rngs::StdRng;

const ROW_BITS: u32 = 15;
const SAMPLES: usize = 16;

fn lenet() -> (Quantized, Vec<Sample>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lenet5");
    let options = ImportOptions {
        transform: InputTransform {
            scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
        },
        ..ImportOptions::default()
    };
    let graph = read_model(&folder.join("lenet5.onnx"), &options).unwrap();
    let spec = graph.input_spec(None);
    let data = DataSet::open(&folder.join("digits-images-idx3-ubyte.gz"), None, &spec).unwrap();
    let samples: Vec<Sample> = data
        .samples(0..SAMPLES)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let quantized = quantize(&graph, &spec, &samples, &QuantizeOptions::default()).unwrap();
    (quantized, samples)
}

fn group(criterion: &mut Criterion) {
    let (model, samples) = lenet();
    let network = &model.network;
    let group_bits = SAMPLES.trailing_zeros();
    let compile =
        || layout::inference(network, Kind::Outputs, false, ROW_BITS, group_bits).unwrap();
    let program = compile();
    let executor = Executor::new(network, &model.weights);
    let executed: Vec<Executed> = samples
        .iter()
        .enumerate()
        .map(|(i, s)| Executed {
            trace: executor.trace(&s.values, i).unwrap(),
            label: None,
        })
        .collect();
    let source = Source {
        network,
        samples: &executed,
        weights: &[],
    };
    let mut rng = StdRng::seed_from_u64(1);
    let mut scalar = || Scalar::random(&mut rng);
    let context = Context {
        xi: scalar(),
        zeta: scalar(),
        delta: scalar(),
        live: SAMPLES as u64,
        prefix: 0,
        point: (0..program.head.bits).map(|_| scalar()).collect(),
    };
    let point: Vec<Scalar> = (0..ROW_BITS).map(|_| scalar()).collect();
    let chunks = program.chunks();
    let rows = (chunks << ROW_BITS) as u64;

    let mut bench = criterion.benchmark_group("lenet5");
    bench
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    bench.bench_function("layout/compile", |b| b.iter(compile));
    bench.throughput(Throughput::Elements(rows));
    bench.bench_function("witness/fill", |b| {
        b.iter(|| fill_chunks(&program, &source).unwrap());
    });
    let views = || {
        (program.of_kind(VectorKind::Trace))
            .flat_map(|v| &v.blocks)
            .flat_map(|b| b.views.iter().map(|view| (b.bits, view)))
    };
    bench.bench_function("views/halves", |b| {
        b.iter(|| {
            for (_, view) in views() {
                black_box(view.halves(&context));
            }
        });
    });
    bench.throughput(Throughput::Elements(views().count() as u64));
    bench.bench_function("views/evaluate", |b| {
        b.iter(|| {
            views()
                .map(|(bits, view)| view.evaluate(&point[..bits as usize], &context))
                .sum::<Scalar>()
        });
    });
    let weights = network.parameters() as u64;
    bench.throughput(Throughput::Elements(weights));
    bench.bench_function("witness/products", |b| {
        b.iter(|| {
            for product in &program.head.products {
                let shape = network.layers[product.layer].shape;
                let plane = shape.plane() as u64;
                let steps = [shape.width as u64, plane, plane * SAMPLES as u64];
                let weights = &model.weights;
                black_box(product_tables(
                    network, weights, product, &executed, steps, &context,
                ));
            }
        });
    });
    let columns = fill_chunks(&program, &source).unwrap().swap_remove(0);
    let mask = (0..1 << program.index_bits()).map(|_| scalar()).collect();
    let mut combination = Combination::new(mask, G1Affine::identity(), Scalar::ZERO);
    let mut combined = vec![Scalar::ZERO; 1 << ROW_BITS];
    let (mu, lambda) = (context.xi, context.zeta);
    bench.throughput(Throughput::Elements(1 << ROW_BITS));
    bench.bench_function("claims/merge", |b| {
        b.iter(|| {
            combination.rows(&point[..2], &lambda, &mut combined);
            black_box(combination.columns_at(&point));
            combination.add(&columns, &mu, G1Affine::identity(), &mu);
        });
    });
    bench.bench_function("multilinear/eq_table", |b| b.iter(|| eq_table(&point)));
    bench.finish();
}

criterion_group!(benches, group);
criterion_main!(benches);
