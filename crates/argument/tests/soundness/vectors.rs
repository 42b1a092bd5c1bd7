//! Entries of weights, tables, data and outputs are changed, as cells of chunks are in [`crate::columns`].

use std::collections::BTreeSet;

use pleat_argument::group::prove::Committed;
use pleat_argument::layout::data_layout;
use pleat_argument::program::{Fill, Kind, Vector, VectorKind};
use pleat_model::execute::Executor;
use pleat_model::network::{LayerOp, LinearMap};
use rayon::prelude::*;

use crate::fixture::{BUNDLE, Forger, KEY, KINDS, rejected};

/// The kernel element at an index of a block, as an index of the layer's kernel.
fn kernel_element(fill: &Fill, index: usize) -> Option<(usize, usize)> {
    let Fill::Kernel {
        layer,
        inputs,
        outputs,
        grouped,
        bits: [columns, rows, channels],
    } = fill
    else {
        return None;
    };
    let network = &BUNDLE.network;
    let LayerOp::Linear {
        map:
            LinearMap::Conv {
                window,
                groups,
                out_channels,
                ..
            },
        ..
    } = &network.layers[*layer].op
    else {
        return None;
    };
    let mut rest = index;
    let mut digit = |bits: u32, count: usize| {
        let digit = rest & ((1 << bits) - 1);
        rest >>= bits;
        (digit < count).then_some(digit)
    };
    let j = digit(*columns, window.kernel[1])?;
    let i = digit(*rows, window.kernel[0])?;
    let c = inputs.0 + digit(*channels, inputs.1)?;
    let o = outputs.0 + (rest < outputs.1).then_some(rest)?;
    let of_layer = network.layers[network.layers[*layer].inputs[0]]
        .shape
        .channels;
    let (of_input, of_output) = (of_layer / groups, out_channels / groups);
    let out = if *grouped {
        c / of_input * of_output + o
    } else {
        o
    };
    let tap = i * window.kernel[1] + j;
    let area = window.kernel[0] * window.kernel[1];
    Some((*layer, (out * of_input + c % of_input) * area + tap))
}

/// The entries of a vector that something depends on; all others are free.
fn bound(forger: &Forger, vector: &Vector, live: usize) -> BTreeSet<usize> {
    let mut bound = BTreeSet::new();
    let program = &forger.program;
    match vector.kind {
        VectorKind::Trace => {}
        VectorKind::Weights => {
            for block in &vector.blocks {
                for i in 0..1usize << block.bits {
                    let read = match &block.fill {
                        // Registration reads what pads kernels, too.
                        _ if program.kind == Kind::RegisteredModel => true,
                        Fill::Kernel { .. } => kernel_element(&block.fill, i).is_some(),
                        Fill::Bias { outputs, .. } => i < outputs.1,
                        other => unreachable!("{other:?}"),
                    };
                    if read {
                        bound.insert(block.offset as usize + i);
                    }
                }
            }
        }
        // The verifier commits to them itself.
        VectorKind::Tables => bound.extend(0..1 << vector.bits),
        VectorKind::Data => {
            let (layout, records) = data_layout(&forger.network, true, program.row_bits).unwrap();
            let height = forger.network.input.shape.height;
            for b in 0..forger.samples as usize {
                let first = b << layout.record_bits;
                for (region, offset) in &records {
                    region.each(height, |target, _| {
                        bound.insert(first + *offset as usize + target);
                    });
                }
                let (offset, _) = layout.label.unwrap();
                // Labels do not matter to outputs.
                if program.kind != Kind::Outputs {
                    let first = first + offset as usize;
                    bound.extend(first..first + forger.network.classes());
                }
            }
        }
        VectorKind::Outputs => {
            for block in &vector.blocks {
                let Fill::Output(region) = &block.fill else {
                    unreachable!()
                };
                for b in 0..live {
                    let first = block.offset as usize + (b << region.bits());
                    let height = forger.network.layers[region.layer].shape.height;
                    region.each(height, |target, _| {
                        bound.insert(first + target);
                    });
                }
            }
        }
    }
    bound
}

/// Adds to an entry of a vector, in a group if it is one of each group.
fn change(forger: &mut Forger, kind: VectorKind, slot: usize, group: usize, index: usize, by: i32) {
    match kind {
        VectorKind::Trace => unreachable!(),
        VectorKind::Weights => Forger::change(&mut forger.weight_vectors[slot], index, by),
        VectorKind::Tables => Forger::change(&mut forger.tables[slot], index, by),
        VectorKind::Data => Forger::change(&mut forger.data[slot], index, by),
        VectorKind::Outputs => forger.groups[group].outputs[slot][index] += by,
    }
}

fn check(kind: Kind) {
    let honest = Forger::new(kind);
    let mut free = Forger::new(kind);
    let mut work = vec![];
    for vector in &honest.program.vectors {
        let (of, slot) = (vector.kind, vector.slot);
        let groups = match of {
            VectorKind::Trace => continue,
            VectorKind::Outputs => honest.groups.len(),
            _ => 1,
        };
        for group in 0..groups {
            let bound = bound(&honest, vector, honest.groups[group].executed.len());
            for index in 0..1usize << vector.bits {
                if !bound.contains(&index) {
                    change(&mut free, of, slot, group, index, 1000);
                }
            }
            // Per block, or of the whole vector: the first, the last, some between.
            let whole = vec![(0, 1usize << vector.bits)];
            let mut parts: Vec<(usize, usize)> = (vector.blocks.iter())
                .map(|b| (b.offset as usize, 1 << b.bits))
                .collect();
            parts.extend(whole);
            let mut chosen = BTreeSet::new();
            for (first, count) in parts {
                let own: Vec<usize> = bound.range(first..first + count).copied().collect();
                if let [first, .., last] = own[..] {
                    chosen.extend([first, own[own.len() / 3], last]);
                }
                chosen.extend(own.first());
            }
            work.extend(chosen.into_iter().map(|i| (of, slot, group, i)));
        }
    }
    println!("{kind:?}: {} entries", work.len());
    free.outcome().unwrap();
    work.into_par_iter().for_each(|(of, slot, group, index)| {
        let vector = (honest.program.of_kind(of))
            .find(|v| v.slot == slot)
            .unwrap();
        for consistent in [false, true] {
            let mut forger = Forger::new(kind);
            change(&mut forger, of, slot, group, index, 1);
            if consistent {
                // Products are made of the changed value, too.
                let block = vector.blocks.iter().find(|b| {
                    (b.offset as usize..b.offset as usize + (1 << b.bits)).contains(&index)
                });
                let element =
                    block.and_then(|b| kernel_element(&b.fill, index - b.offset as usize));
                match (of, element) {
                    (VectorKind::Weights, Some((layer, i))) => {
                        forger.weights.layers[layer].kernel[i] += 1;
                        if kind != Kind::RegisteredModel && same_trace(&forger) {
                            // All its inputs are zero: what is proved is true.
                            forger.outcome().unwrap();
                            continue;
                        }
                    }
                    (VectorKind::Data, _) => read_changed_input(&mut forger, index),
                    _ => continue,
                }
            }
            rejected(
                forger.outcome(),
                &format!("{kind:?} {of:?} {index} {consistent}"),
            );
        }
    });
}

/// Whether the weights compute on all samples what the trace holds.
fn same_trace(forger: &Forger) -> bool {
    let executor = Executor::new(&forger.network, &forger.weights);
    let mut samples = forger.groups.iter().flat_map(|g| &g.executed);
    samples.all(|sample| {
        let trace = executor.trace(&sample.trace.values[0], 0);
        trace.is_ok_and(|t| t.accumulators == sample.trace.accumulators)
    })
}

fn read_changed_input(forger: &mut Forger, index: usize) {
    let (layout, records) = data_layout(&forger.network, true, forger.program.row_bits).unwrap();
    let (b, place) = (
        index >> layout.record_bits,
        index % (1 << layout.record_bits),
    );
    let size = forger.groups[0].executed.len();
    let executed = &mut forger.groups[b / size].executed[b % size];
    for (region, offset) in &records {
        region.each(forger.network.input.shape.height, |target, source| {
            if *offset as usize + target == place {
                executed.trace.values[0][source] += 1;
            }
        });
    }
}

#[test]
fn entries_of_vectors() {
    KINDS.into_par_iter().for_each(check);
}

/// What a commitment holds beyond a short vector changes nothing that is proved, and beyond the size class it is
/// refused.
#[test]
fn entries_beyond_a_vector() {
    for kind in [Kind::Accuracy, Kind::RegisteredModel] {
        let honest = Forger::new(kind).outcome().unwrap();
        for bits in [10, 12] {
            let mut forger = Forger::new(kind);
            let weights = &mut forger.weight_vectors[0];
            let mut values = weights.values.clone();
            assert!(values.len() < 1 << 10);
            values.resize(1 << bits, 77);
            *weights = Committed::new(&KEY, values, weights.blind);
            match forger.outcome() {
                Ok(outcome) => assert_eq!((outcome, bits), (honest.clone(), 10)),
                Err(e) => rejected::<()>(Err(e), "entries beyond"),
            }
        }
    }
}

/// Tables of another function, with rows that hold its values.
#[test]
fn tables_of_another_function() {
    let mut forger = Forger::new(Kind::Accuracy);
    let entry = {
        let mut blocks = forger.program.vectors.iter().flat_map(|v| &v.blocks);
        let is_row =
            |b: &&pleat_argument::program::Block| b.lookup.entries.is_some() && b.lookup.value;
        blocks.find(is_row).unwrap().lookup
    };
    let (tag, first) = (entry.tag, entry.entries.unwrap());
    // The first entry of the table, which nobody looks up, in rows and vector.
    let program = forger.program.clone();
    let mut touched = 0;
    for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
        for block in &vector.blocks {
            if block.lookup.tag == tag && block.lookup.entries == Some(first) {
                for group in &mut forger.groups {
                    group.chunks[chunk][block.offset as usize * 4 + 2] += 1;
                    touched += 1;
                }
                for vector in program.of_kind(VectorKind::Tables) {
                    for own in vector.blocks.iter().filter(|b| b.fill == block.fill) {
                        Forger::change(&mut forger.tables[vector.slot], own.offset as usize, 1);
                        touched += 1;
                    }
                }
            }
        }
    }
    assert_eq!(touched, 3);
    let proof = forger.prove();
    rejected(forger.verify(&proof), "another function");
}
