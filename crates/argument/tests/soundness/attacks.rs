//! Known attacks on systems of this kind, one test each, named for what is forged.

use ff::Field;
use halo2curves::group::prime::PrimeCurveAffine;
use pleat_argument::group::prove::Committed;
use pleat_argument::layout::{data_layout, inference};
use pleat_argument::opening::Scheme;
use pleat_argument::program::{Fill, Kind, VectorKind, range_tag};
use pleat_argument::proof::{Proof, StepProof};
use pleat_argument::transcript::multiplier;
use pleat_argument::witness::{Source, fill_chunks};
use pleat_argument::{Error, Scalar};
use pleat_model::execute::Executor;

use crate::claims::{ACCURACY, OUTPUTS, make};
use crate::columns::recount;
use crate::fixture::{
    BUNDLE, Forger, GROUP_BITS, KEY, ROW_BITS, SAMPLES, bundle, rejected, samples, tiny_network,
};

fn fails_at<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    match result {
        Err(Error::Rejected { check, .. }) => assert_eq!(check, what),
        other => panic!("{other:?}"),
    }
}

// Late values.

/// Weights published after the trace, under the id that belongs to them.
#[test]
fn weights_chosen_after_the_trace() {
    let forger = Forger::new(Kind::Accuracy);
    let mut proof = forger.prove();
    let mut later = Forger::new(Kind::Accuracy);
    Forger::change(&mut later.weight_vectors[0], 0, 1);
    proof.weights[0] = later.weight_vectors[0].commitment;
    rejected(later.verify(&proof), "later weights");
}

/// Any commitment exchanged after the challenges, though the statement knows it.
#[test]
fn commitments_chosen_after_the_challenges() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let (one, two) = (Forger::new(kind), Forger::new(kind));
        let (mut a, b) = (one.prove(), two.prove());
        for i in 0..a.groups[0].trace.len() {
            let mut forged = a.clone();
            forged.groups[0].trace[i] = b.groups[0].trace[i];
            rejected(one.verify(&forged), "another chunk");
        }
        a.groups[0].salt = b.groups[0].salt;
        rejected(one.verify(&a), "another salt");
    }
}

// Claimed numbers.

/// One more, one less, moved from group to group; and any where none is claimed.
#[test]
fn another_number_of_correct_samples() {
    let honest = Forger::new(Kind::Accuracy).outcome().unwrap();
    assert!(honest.count > 0 && honest.count < SAMPLES as u64);
    let counts = |counts: [u64; 2]| {
        let mut forger = Forger::new(Kind::Accuracy);
        for (group, count) in forger.groups.iter_mut().zip(counts) {
            group.count = Some(count);
        }
        forger.outcome()
    };
    let mut accepted = vec![];
    for a in 0..4 {
        for b in 0..3 {
            match counts([a, b]) {
                Ok(outcome) => accepted.push(outcome.count),
                Err(e) => rejected::<()>(Err(e), "a count"),
            }
        }
    }
    assert_eq!(accepted, [honest.count]);
    for kind in [Kind::Outputs, Kind::RegisteredModel, Kind::RegisteredData] {
        let mut forger = Forger::new(kind);
        forger.groups[0].count = Some(1);
        fails_at(forger.outcome(), "a count that is not claimed");
    }
}

/// The number has a power of delta of its own: no layer absorbs its error.
#[test]
fn a_number_at_the_power_of_a_layer() {
    let program = Forger::new(Kind::Accuracy).program;
    let count = program.count_claim.unwrap();
    let products = || program.heads.iter().flat_map(|h| &h.products);
    assert!(products().count() > 2);
    assert!(products().all(|p| ![p.claim, p.claim + 1, 0].contains(&count)));
    // And each product has its own two.
    let mut claims: Vec<u32> = products().flat_map(|p| [p.claim, p.claim + 1]).collect();
    claims.push(count);
    let all: Vec<u32> = (1..=claims.len() as u32).collect();
    assert_eq!(claims, all);
}

// Unregistered data.

/// Labels that call every class right: the accuracy argument accepts them, registration does not.
#[test]
fn every_class_is_the_label() {
    let set = |forger: &mut Forger, column: usize, all: bool| {
        let (layout, _) = data_layout(&forger.network, true, ROW_BITS).unwrap();
        let classes = forger.network.classes();
        let mut values = forger.data[0].values.clone();
        for b in 0..SAMPLES {
            let first = (b << layout.record_bits) + layout.label.unwrap().0 as usize;
            values[first..first + classes].fill(i32::from(all));
        }
        forger.data[0] = Committed::new(&KEY, values, Scalar::ZERO);
        let program = forger.program.clone();
        for group in &mut forger.groups {
            for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
                for block in &vector.blocks {
                    let (Fill::Label { bits } | Fill::Top1 { bits, .. }) = block.fill else {
                        continue;
                    };
                    for b in 0..group.executed.len() {
                        for class in 0..classes {
                            let row = block.offset as usize + (b << bits) + class;
                            group.chunks[chunk][row * 4 + column] = i32::from(all);
                        }
                    }
                }
            }
            recount(&program, &mut group.chunks);
        }
    };
    let mut forger = Forger::new(Kind::Accuracy);
    set(&mut forger, 3, true);
    assert_eq!(forger.outcome().unwrap().count, SAMPLES as u64);
    // So the registry must not know such data.
    let proof = forger.prove();
    let mut claim = ACCURACY.claim.clone();
    claim.data = forger.statement().data;
    let verified = (ACCURACY.registry).verify_claim(&KEY, &BUNDLE.network, &claim, &proof);
    fails_at(verified, "data that are not registered");
    for all in [true, false] {
        let mut forger = Forger::new(Kind::RegisteredData);
        set(&mut forger, 0, all);
        fails_at(forger.outcome(), "the linear relation");
    }
}

/// Values outside the range of the input, and label bits that are none, with rows that hold them.
#[test]
fn data_out_of_range() {
    let (layout, records) = data_layout(&BUNDLE.network, true, ROW_BITS).unwrap();
    let edits = [
        (Some(10), 0),
        (Some(-3), 0),
        (Some(1 << 20), 0),
        (Some(i32::MIN / 2), 0),
        (None, 2),
        (None, -1),
    ];
    for (input, label) in edits {
        let mut forger = Forger::new(Kind::RegisteredData);
        let network = forger.network.clone();
        let mut values = forger.data[0].values.clone();
        let group = &mut forger.groups[0];
        if let Some(input) = input {
            group.executed[0].trace.values[0][0] = input;
            let (region, offset) = &records[0];
            region.each(network.input.shape.height, |target, source| {
                if source == 0 {
                    values[*offset as usize + target] = input;
                }
            });
        } else {
            let first = layout.label.unwrap().0 as usize;
            let own = group.executed[0].label.unwrap() as usize;
            // Two classes that add up to one.
            values[first + own] = label;
            values[first + (own + 1) % network.classes()] = 1 - label;
        }
        for (chunk, vector) in forger.program.of_kind(VectorKind::Trace).enumerate() {
            for block in &vector.blocks {
                let start = block.offset as usize;
                match &block.fill {
                    Fill::Input(region) => {
                        let x = &group.executed[0].trace.values[0];
                        region.each(network.input.shape.height, |target, source| {
                            let q = x[source] - network.input.range.min;
                            group.chunks[chunk][(start + target) * 4] = q;
                        });
                    }
                    Fill::Label { .. } => {
                        for class in 0..network.classes() {
                            let bit = values[layout.label.unwrap().0 as usize + class];
                            group.chunks[chunk][(start + class) * 4] = bit;
                        }
                    }
                    _ => {}
                }
            }
        }
        recount(&forger.program, &mut group.chunks);
        forger.data[0] = Committed::new(&KEY, values, Scalar::ZERO);
        fails_at(forger.outcome(), "the lookups");
    }
}

/// Weights and limbs wider than declared, with rows that hold them.
#[test]
fn weights_wider_than_declared() {
    let forger = Forger::new(Kind::RegisteredModel);
    let vector = forger.program.of_kind(VectorKind::Weights).next().unwrap();
    for block in vector.blocks.iter().take(20) {
        let values: &[i32] = match block.fill {
            Fill::Kernel { .. } => &[8, -9, 1 << 20, -(1 << 20)],
            Fill::Bias { .. } => &[64, -1, 1 << 20],
            _ => unreachable!(),
        };
        for &value in values {
            let mut forger = Forger::new(Kind::RegisteredModel);
            let index = block.offset as usize;
            let old = forger.weight_vectors[0].values[index];
            Forger::change(&mut forger.weight_vectors[0], index, value - old);
            let program = forger.program.clone();
            let chunks = &mut forger.groups[0].chunks;
            let mut touched = 0;
            for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
                for rows in &vector.blocks {
                    if let Fill::Pairs { start, offset, .. } = rows.fill
                        && start as usize == index
                    {
                        chunks[chunk][rows.offset as usize * 4] = value + offset as i32;
                        touched += 1;
                    }
                }
            }
            assert_eq!(touched, 1);
            recount(&program, chunks);
            fails_at(forger.outcome(), "the lookups");
        }
    }
}

// Steps.

#[test]
fn steps_and_groups_of_other_places() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let (one, two) = (Forger::new(kind), Forger::new(kind));
        let (a, b) = (one.prove(), two.prove());
        let chunks = a.groups[0].trace.len();
        let forge = |edit: &dyn Fn(&mut Proof)| {
            let mut forged = a.clone();
            edit(&mut forged);
            rejected(one.verify(&forged), "a step of another place");
        };
        for i in 0..chunks {
            let j = (i + 1) % chunks;
            // A chunk's proof for another, alone and with its commitment; of the other group; of another proof.
            forge(&|p| p.groups[0].steps[j] = a.groups[0].steps[i].clone());
            forge(&|p| {
                p.groups[0].steps[j] = a.groups[0].steps[i].clone();
                p.groups[0].trace[j] = a.groups[0].trace[i];
            });
            forge(&|p| p.groups[1].steps[i] = a.groups[0].steps[i].clone());
            forge(&|p| p.groups[0].steps[i] = b.groups[0].steps[i].clone());
            forge(&|p| {
                p.groups[0].steps.swap(i, j);
                p.groups[0].trace.swap(i, j);
            });
        }
        forge(&|p| p.groups[1] = a.groups[0].clone());
        forge(&|p| p.groups[0] = a.groups[1].clone());
        forge(&|p| p.groups.swap(0, 1));
        forge(&|p| p.groups[0] = b.groups[0].clone());
        forge(&|p| p.groups[1] = b.groups[1].clone());
        forge(&|p| p.groups[0].heads = b.groups[0].heads.clone());
    }
}

/// The last group with as many samples as the others, or none of its own.
#[test]
fn the_last_group_is_fuller() {
    let forger = Forger::new(Kind::Accuracy);
    let proof = forger.prove();
    let mut four = Forger::new(Kind::Accuracy);
    four.samples = 4;
    rejected(four.verify(&proof), "four samples");
    four.samples = 2;
    rejected(four.verify(&proof), "two samples");
    // Proved as four samples of which the last is empty.
    let all = samples(&BUNDLE, 4);
    let program = inference(&BUNDLE.network, Kind::Accuracy, true, ROW_BITS, GROUP_BITS).unwrap();
    let mut forger = Forger::of(&BUNDLE, program, &all);
    forger.outcome().unwrap();
    forger.data[0] = Forger::new(Kind::Accuracy).data.remove(0);
    rejected(forger.outcome(), "a sample that is not there");
}

// Samples.

#[test]
fn samples_reordered_repeated_or_exchanged() {
    let all = samples(&BUNDLE, SAMPLES);
    for order in [[1, 0, 2], [2, 1, 0], [0, 0, 2], [0, 1, 1]] {
        let picked: Vec<_> = order.iter().map(|&i| all[i].clone()).collect();
        for kind in [Kind::Accuracy, Kind::Outputs, Kind::RegisteredData] {
            let honest = Forger::new(kind);
            let mut forger = Forger::of(&BUNDLE, honest.program.clone(), &picked);
            forger.outcome().unwrap();
            forger.data = honest.data;
            rejected(forger.outcome(), "other samples");
        }
    }
}

/// Two data vectors: each group reads its own place of its own vector.
#[test]
fn data_vectors_exchanged() {
    let bundle = bundle(tiny_network(), 5);
    let all = samples(&bundle, 19);
    for group_bits in [2, 4] {
        let program =
            inference(&bundle.network, Kind::Accuracy, true, ROW_BITS, group_bits).unwrap();
        let mut forger = Forger::of(&bundle, program, &all);
        assert_eq!(forger.data.len(), 2);
        let proof = forger.prove();
        forger.verify(&proof).unwrap();
        let mut swapped = proof.clone();
        swapped.data.swap(0, 1);
        forger.data.swap(0, 1);
        rejected(forger.verify(&swapped), "vectors swapped");
        rejected(forger.outcome(), "vectors swapped by the prover");
        forger.data.swap(0, 1);
        forger.data[1] = forger.data[0].clone();
        rejected(forger.outcome(), "a vector repeated");
    }
}

// Lookups.

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
    let (chunk, block) = (program.of_kind(VectorKind::Trace).enumerate())
        .find_map(|(c, v)| {
            let mut blocks = v.blocks.iter();
            blocks
                .find(|b| matches!(b.fill, Fill::Window { .. }))
                .map(|b| (c, b))
        })
        .unwrap();
    let Fill::Window { region, taps } = &block.fill else {
        unreachable!()
    };
    let low_bits = taps[0].bits + taps[1].bits;
    let all: Vec<usize> = (0..taps[0].count)
        .flat_map(|i| (0..taps[1].count).map(move |j| (i << taps[1].bits) + j))
        .collect();
    assert_eq!(all.len(), 9, "all taps in one block");
    // The first window, in the corner: taps 0, 1, 2, 3, 6 are padding.
    let start = block.offset as usize;
    let first = |forger: &Forger, t: usize| -> [i32; 4] {
        let row = (start + all[t]) * 4;
        std::array::from_fn(|c| forger.groups[0].chunks[chunk][row + c])
    };
    let y: Vec<i32> = (0..9).map(|t| first(&forger, t)[2]).collect();
    let smallest = forger.network.layers[region.layer].range.min;
    for t in [0, 1, 2, 3, 6] {
        assert_eq!(y[t], smallest);
    }
    let m = first(&forger, 0)[3];
    assert_eq!(m, *y.iter().max().unwrap());
    let set = |selected: &[usize], y: &[i32], m: i32| {
        let mut forged = Forger::new(Kind::Accuracy);
        let chunks = &mut forged.groups[0].chunks[chunk];
        let mut before = 1;
        for t in 0..9 {
            let row = (start + all[t]) * 4;
            let q = i32::from(selected.contains(&t));
            before -= q;
            chunks[row] = q;
            chunks[row + 1] = m - y[t] - before;
            chunks[row + 2] = y[t];
        }
        chunks[start * 4 + 3] = m;
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
    assert_eq!(1 << low_bits, 16, "and padded taps, which columns() covers");
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
        std::mem::swap(&mut trace.values[0], &mut vec![]);
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

// The running claim.

#[test]
fn a_mask_that_is_none() {
    for case in [&*ACCURACY, &*OUTPUTS] {
        let mut proof = case.proof.clone();
        proof.mask = halo2curves::bn256::G1Affine::identity();
        proof.mask_value = Scalar::ZERO;
        fails_at(case.check(&proof), "a mask that hides nothing");
    }
}

#[test]
fn a_multiplier_of_zero() {
    assert_eq!(multiplier(&Scalar::ZERO), None);
    assert_eq!(multiplier(&(Scalar::from_u128(1 << 127).double())), None);
    assert_eq!(multiplier(&Scalar::ONE), Some(Scalar::ONE));
    assert_eq!(
        multiplier(&(-Scalar::ONE)).map(|m| m == -Scalar::ONE),
        Some(false)
    );
}

/// The opening of another list of commitments, another mask, another blind.
#[test]
fn an_opening_of_another_proof() {
    for scheme in [Scheme::HyperKzg, Scheme::Mercury] {
        let kind = Kind::RegisteredModel;
        let (a, b) = (make(kind, scheme), make(kind, scheme));
        let edits: [fn(&mut Proof, &Proof); 4] = [
            |a, b| a.opening = b.opening.clone(),
            |a, b| {
                a.opening = b.opening.clone();
                a.blind = b.blind;
            },
            |a, b| {
                a.opening = b.opening.clone();
                a.blind = b.blind;
                a.mask = b.mask;
                a.mask_value = b.mask_value;
            },
            |a, b| {
                a.mask = b.mask;
                a.mask_value = b.mask_value;
            },
        ];
        for edit in edits {
            let mut forged = a.proof.clone();
            edit(&mut forged, &b.proof);
            rejected(a.check(&forged), "the opening of another proof");
        }
    }
    // The same values opened by the other scheme are no forgery, but another proof's are.
    let kind = Kind::RegisteredModel;
    let (a, b) = (make(kind, Scheme::HyperKzg), make(kind, Scheme::Mercury));
    let mut forged = a.proof.clone();
    forged.opening = b.proof.opening;
    rejected(a.check(&forged), "the other scheme");
}

// What proofs tell.

/// Two proofs of one statement share what the statement fixes, and nothing else.
#[test]
fn proofs_of_one_statement_share_nothing() {
    for kind in [Kind::Accuracy, Kind::Outputs] {
        let forger = Forger::new(kind);
        let (a, b) = (forger.prove(), forger.prove());
        assert_eq!((&a.weights, &a.data), (&b.weights, &b.data));
        assert!(a.mask != b.mask && a.mask_value != b.mask_value && a.blind != b.blind);
        let mut points = vec![a.mask, b.mask];
        let mut salts = vec![];
        for (x, y) in a.groups.iter().zip(&b.groups) {
            assert_eq!(x.outputs, y.outputs);
            points.extend(x.trace.iter().chain(&y.trace));
            salts.extend([x.salt, y.salt]);
            for (s, t) in x.heads.iter().zip(&y.heads) {
                assert!(s.sum != t.sum && s.claims != t.claims);
                assert!(s.rounds.iter().zip(&t.rounds).all(|(s, t)| s != t));
            }
            for (s, t) in x.steps.iter().zip(&y.steps) {
                match (s, t) {
                    (
                        StepProof::Chunk {
                            lookup: a,
                            values: v,
                            part: p,
                            ..
                        },
                        StepProof::Chunk {
                            lookup: b,
                            values: w,
                            part: q,
                            ..
                        },
                    ) => assert!(a.root != b.root && v != w && p != q),
                    (
                        StepProof::Vectors {
                            part: p, values: v, ..
                        },
                        StepProof::Vectors {
                            part: q, values: w, ..
                        },
                    ) => assert!(p != q && v != w),
                    _ => panic!("steps of two kinds"),
                }
            }
        }
        // No blind serves two chunks, nor a salt two groups: equal columns of two groups differ as committed.
        let distinct = |n: usize, set: std::collections::HashSet<Vec<u8>>| assert_eq!(set.len(), n);
        let bytes = |p: &halo2curves::bn256::G1Affine| serde_json::to_vec(p).unwrap();
        distinct(points.len(), points.iter().map(bytes).collect());
        let bytes = |s: &Scalar| serde_json::to_vec(s).unwrap();
        distinct(salts.len(), salts.iter().map(bytes).collect());
    }
    // Chunks of the same values.
    let mut forger = Forger::new(Kind::Accuracy);
    let first = forger.groups[0].chunks[0].clone();
    for group in &mut forger.groups {
        group.chunks.fill(first.clone());
    }
    let proof = forger.prove();
    let mut points: Vec<_> = (proof.groups.iter().flat_map(|g| &g.trace)).collect();
    let n = points.len();
    points.dedup();
    assert_eq!(points.len(), n);
}
