//! Forged lookups, maxima and traces.

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::program::{Fill, Kind, VectorKind, range_tag};
use pleat_argument::proof::StepProof;
use pleat_argument::witness::{Source, fill_chunks};
use pleat_model::execute::Executor;

use crate::attacks::fails_at;
use crate::columns::recount;
use crate::fixture::{BUNDLE, Forger, SAMPLES, bundle, rejected, samples};

/// A row of a requantised layer whose value is that of another table: with multiplicities of either.
#[test]
fn a_value_of_another_table() {
    let forger = Forger::new(Kind::Accuracy);
    let program = &forger.program;
    let mut done = 0;
    for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
        for block in &vector.blocks {
            if !matches!(block.fill, Fill::Requantised(_)) {
                continue;
            }
            let row = block.offset as usize * 4;
            let [q, own] = [0, 2].map(|c| forger.groups[0].chunks[chunk][row + c]);
            let entries: Vec<(usize, usize, u64)> = (program.of_kind(VectorKind::Trace))
                .enumerate()
                .flat_map(|(c, v)| v.blocks.iter().map(move |b| (c, b)))
                .filter(|(_, b)| matches!(b.fill, Fill::Activation { .. }))
                .filter_map(|(c, b)| {
                    let i = i64::from(q) - b.lookup.entries?;
                    let inside = (0..1i64 << b.bits).contains(&i);
                    inside.then(|| (c, (b.offset as usize + i as usize) * 4, b.lookup.tag))
                })
                .collect();
            let mine = entries.iter().find(|e| e.2 == block.lookup.tag).unwrap();
            for other in &entries {
                let value = forger.groups[0].chunks[other.0][other.1 + 2];
                if value == own {
                    continue;
                }
                for moved in [false, true] {
                    let mut forged = Forger::new(Kind::Accuracy);
                    let chunks = &mut forged.groups[0].chunks;
                    chunks[chunk][row + 2] = value;
                    if moved {
                        chunks[mine.0][mine.1 + 3] -= 1;
                        chunks[other.0][other.1 + 3] += 1;
                    }
                    rejected(forged.outcome(), "a value of another table");
                    done += 1;
                }
            }
        }
    }
    assert!(done >= 4);
}

/// A remainder that only a wider range holds, counted there; the accumulator is the same.
#[test]
fn a_wide_range_for_a_narrow_one() {
    let mut forger = Forger::new(Kind::Accuracy);
    let program = forger.program.clone();
    let chunks = &mut forger.groups[0].chunks;
    let entry = |tag: u64, value: i32| {
        (program.of_kind(VectorKind::Trace).enumerate()).find_map(|(c, v)| {
            let mut blocks = v.blocks.iter().filter(|b| b.lookup.tag == tag);
            blocks.find_map(|b| {
                let i = i64::from(value) - b.lookup.entries?;
                let inside = (0..1i64 << b.bits).contains(&i);
                inside.then(|| (c, (b.offset as usize + i as usize) * 4 + 3))
            })
        })
    };
    let (chunk, row) = (program.of_kind(VectorKind::Trace).enumerate())
        .find_map(|(c, v)| {
            let is_sum = |b: &&pleat_argument::program::Block| {
                matches!(b.fill, Fill::Requantised(r) if r.layer == 4)
            };
            v.blocks.iter().find(is_sum).map(|b| (c, b.offset as usize * 4))
        })
        .unwrap();
    let [q, rem, y] = [0, 1, 2].map(|c| chunks[chunk][row + c]);
    let moves = [
        (entry(range_tag(3), rem).unwrap(), -1),
        (entry(range_tag(5), rem + 8).unwrap(), 1),
    ];
    for ((c, i), by) in moves {
        chunks[c][i] += by;
    }
    chunks[chunk][row] = q - 1;
    chunks[chunk][row + 1] = rem + 8;
    chunks[chunk][row + 2] = y - 1;
    rejected(forger.outcome(), "a wide range");
}

/// A fraction of nothing by nothing is no sum.
#[test]
fn a_denominator_of_zero() {
    let forger = Forger::new(Kind::Accuracy);
    let mut proof = forger.prove();
    for step in &mut proof.groups[0].steps {
        if let StepProof::Chunk { lookup, .. } = step {
            lookup.root = [Scalar::ZERO; 2];
            for layer in &mut lookup.layers {
                layer.values = [Scalar::ZERO; 4];
                layer.rounds.fill([Scalar::ZERO; 2]);
            }
        }
    }
    fails_at(forger.verify(&proof), "a denominator of zero");
}

/// Max pooling with another element, two, or none selected, and the maximum to go with it.
#[test]
fn selectors_of_another_element() {
    let forger = Forger::new(Kind::Accuracy);
    let program = forger.program.clone();
    // The first window's taps, in whatever blocks they are: its corner is at the border.
    let mut at = [(0, 0); 9];
    let mut layer = 0;
    for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
        for block in &vector.blocks {
            if let Fill::Window {
                region,
                taps: [rows, columns],
            } = &block.fill
                && region.c0 + region.h0 == 0
            {
                layer = region.layer;
                for i in 0..rows.count {
                    for j in 0..columns.count {
                        let row = block.offset as usize + (i << columns.bits) + j;
                        at[(rows.first + i) * 3 + columns.first + j] = (chunk, row * 4);
                    }
                }
            }
        }
    }
    let mut distinct = at.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 9, "a place for every tap");
    let first = |forger: &Forger, t: usize| -> [i32; 4] {
        std::array::from_fn(|c| forger.groups[0].chunks[at[t].0][at[t].1 + c])
    };
    let y: Vec<i32> = (0..9).map(|t| first(&forger, t)[2]).collect();
    let smallest = forger.network.layers[layer].range.min;
    for t in [0, 1, 2, 3, 6] {
        assert_eq!(y[t], smallest);
    }
    let m = first(&forger, 0)[3];
    assert_eq!(m, *y.iter().max().unwrap());
    let set = |selected: &[usize], y: &[i32], m: i32| {
        let mut forged = Forger::new(Kind::Accuracy);
        let mut before = 1;
        for t in 0..9 {
            let columns = &mut forged.groups[0].chunks[at[t].0][at[t].1..][..4];
            let q = i32::from(selected.contains(&t));
            before -= q;
            columns[0] = q;
            columns[1] = m - y[t] - before;
            columns[2] = y[t];
            if t == 0 {
                columns[3] = m;
            }
        }
        recount(&program, &mut forged.groups[0].chunks);
        forged.outcome()
    };
    let best = y.iter().position(|x| *x == m).unwrap();
    set(&[best], &y, m).unwrap();
    for t in (0..9).filter(|t| *t != best) {
        // A smaller element, a padding one, a later one that is equal.
        rejected(set(&[t], &y, y[t]), "a smaller element");
        rejected(set(&[t], &y, m), "a smaller element and the maximum");
        rejected(set(&[best, t], &y, m), "two");
        rejected(set(&[best, t], &y, m + y[t]), "two and their sum");
    }
    rejected(set(&[], &y, m), "none");
    rejected(set(&[], &y, 0), "none and nothing");
    // An element of the padding that is larger than all.
    for t in [0, 1, 2, 3, 6] {
        let mut y = y.clone();
        y[t] = m + 1;
        rejected(set(&[t], &y, m + 1), "an element of the padding");
    }
}

/// Another class selected, and the label of another.
#[test]
fn another_class_is_the_best() {
    let honest = Forger::new(Kind::Accuracy);
    for class in 0..honest.network.classes() {
        let mut forger = Forger::new(Kind::Accuracy);
        let executed = &mut forger.groups[0].executed[1];
        let scores = &executed.trace.values[9];
        let best = pleat_model::network::Network::top1(scores);
        let label = executed.label.unwrap() as usize;
        let score = scores.clone();
        let program = forger.program.clone();
        for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
            for block in &vector.blocks {
                let Fill::Top1 { bits, .. } = block.fill else {
                    continue;
                };
                for t in 0..score.len() {
                    let row = (block.offset as usize + (1 << bits) + t) * 4;
                    let columns = &mut forger.groups[0].chunks[chunk][row..row + 4];
                    assert_eq!(columns[2], score[t]);
                    columns[0] = i32::from(t == class);
                    columns[1] = score[class] - score[t] - i32::from(t < class);
                }
            }
        }
        recount(&program, &mut forger.groups[0].chunks);
        let outcome = forger.outcome();
        if class == best {
            let honest = honest.outcome().unwrap();
            assert_eq!(outcome.unwrap(), honest);
        } else {
            rejected(
                outcome,
                &format!("class {class}, best {best}, label {label}"),
            );
        }
    }
}

/// A trace of other weights, copies of other values: a whole network computed honestly, but another.
#[test]
fn the_trace_of_another_model() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let honest = Forger::new(kind);
        let other = bundle(honest.network.clone(), 2);
        let all = samples(&BUNDLE, SAMPLES);
        let mut forger = Forger::of(&other, honest.program.clone(), &all);
        forger.outcome().unwrap();
        forger.weight_vectors = honest.weight_vectors;
        rejected(forger.outcome(), "other weights, products of the trace's");
        forger.weights = honest.weights.clone();
        rejected(forger.outcome(), "other weights, products of the committed");
        // And the honest weights with one layer's values replaced, consistently later on.
        let mut forger = Forger::new(kind);
        let executor = Executor::new(&forger.network, &forger.weights);
        let mut trace = executor.trace(&all[1].values, 0).unwrap();
        trace.values[0] = vec![];
        trace.values[0] = all[0].values.clone();
        forger.groups[0].executed[0].trace = trace;
        let source = Source {
            network: &forger.network,
            samples: &forger.groups[0].executed,
            weights: &[],
        };
        forger.groups[0].chunks = fill_chunks(&forger.program, &source).unwrap();
        rejected(forger.outcome(), "the trace of another sample");
    }
}
