//! Registrations look at every entry that inference reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::layout::{data_layout, inference, register_data, register_model};
use pleat_argument::program::{Block, Fill, Kind, Program, VectorKind};
use pleat_argument::view::{Context, Target};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::generate::KINDS;
use support::random::random;

/// Bits of a vector; offset, bits and content of its blocks.
type Layout = (u32, Vec<(u64, u32, Fill)>);

fn context(rng: &mut StdRng, program: &Program, live: u64) -> Context {
    let mut next = || Scalar::random(&mut *rng);
    Context {
        xi: next(),
        zeta: next(),
        delta: next(),
        live,
        prefix: 0,
        point: (0..program.head.bits).map(|_| next()).collect(),
    }
}

/// Whether some view sees an entry (`column` 0 for vectors that are no chunks).
fn seen(block: &Block, column: usize, context: &Context) -> Vec<bool> {
    let mut sums = vec![Scalar::ZERO; 1 << block.bits];
    for view in &block.views {
        let factor = match view.target {
            Target::Columns(columns) => columns[column],
            _ => 1,
        };
        let (low, high) = view.halves(context);
        let table = high.iter().flat_map(|h| low.iter().map(move |l| *h * l));
        for (sum, coefficient) in sums.iter_mut().zip(table) {
            *sum += coefficient * Scalar::from(factor.unsigned_abs());
        }
    }
    sums.iter().map(|s| !bool::from(s.is_zero())).collect()
}

fn all(seen: &[bool]) -> bool {
    seen.iter().all(|s| *s)
}

#[test]
fn every_weight_is_checked_and_lies_where_inference_reads_it() {
    let mut found = 0;
    for seed in 0..60u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let case = random(&mut rng, &[KINDS[seed as usize % 4]], 2);
        let row_bits = rng.gen_range(8..=11);
        let network = &case.network;
        let Ok(program) = register_model(network, row_bits) else {
            continue;
        };
        let context = context(&mut rng, &program, 1);
        let weights = |p: &Program| -> Vec<Layout> {
            let of = |b: &Block| (b.offset, b.bits, b.fill.clone());
            p.of_kind(VectorKind::Weights)
                .map(|v| (v.bits, v.blocks.iter().map(of).collect()))
                .collect()
        };
        for (kind, group_bits) in [(Kind::Outputs, 1), (Kind::Accuracy, 0), (Kind::Accuracy, 2)] {
            if let Ok(other) = inference(network, kind, true, row_bits, group_bits) {
                assert_eq!(weights(&program), weights(&other), "seed {seed}");
                found += 1;
            }
        }
        for vector in program.of_kind(VectorKind::Weights) {
            for block in &vector.blocks {
                assert!(
                    all(&seen(block, 0, &context)),
                    "seed {seed}: {:?}",
                    block.fill
                );
            }
        }
        for vector in program.of_kind(VectorKind::Trace) {
            for block in &vector.blocks {
                if let Fill::Pairs { single, .. } = block.fill {
                    assert!(all(&seen(block, 0, &context)));
                    assert_eq!(all(&seen(block, 1, &context)), !single);
                }
            }
        }
    }
    assert!(found > 100, "{found} programs compared");
}

#[test]
fn every_live_value_and_label_is_checked_and_nothing_else() {
    for seed in 0..60u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let case = random(&mut rng, &[], 1);
        let (row_bits, labelled) = (rng.gen_range(8..=12), rng.gen_range(0..2) == 0);
        let network = &case.network;
        let Ok((layout, records)) = data_layout(network, labelled, row_bits) else {
            continue;
        };
        let program = register_data(network, labelled, row_bits).unwrap();
        let live = rng.gen_range(1..=1 << layout.samples_bits().min(3));
        let context = context(&mut rng, &program, live);
        let mut expected = vec![false; 1 << layout.vector_bits];
        for b in 0..live as usize {
            let start = b << layout.record_bits;
            for (region, offset) in &records {
                region.each(network.input.shape.height, |target, _| {
                    expected[start + *offset as usize + target] = true;
                });
            }
            if let Some((offset, _)) = layout.label {
                let first = start + offset as usize;
                expected[first..first + network.classes()].fill(true);
            }
        }
        let data = program.of_kind(VectorKind::Data).next().unwrap();
        assert_eq!(seen(&data.blocks[0], 0, &context), expected, "seed {seed}");
        let mut rows = 0;
        for vector in program.of_kind(VectorKind::Trace) {
            for block in &vector.blocks {
                if matches!(block.fill, Fill::Input(_) | Fill::Label { .. }) {
                    rows += seen(block, 0, &context).iter().filter(|s| **s).count();
                }
            }
        }
        // One row per value.
        assert_eq!(rows, expected.iter().filter(|e| **e).count());
    }
}
