//! Known attacks on systems of this kind, one test each, named for what is forged; those on
//! lookups, maxima and traces are in [`crate::values`].

use ff::Field;
use pleat_argument::group::prove::Committed;
use pleat_argument::layout::{data_layout, inference};
use pleat_argument::opening::Scheme;
use pleat_argument::program::{Fill, Kind, VectorKind};
use pleat_argument::proof::{Proof, StepProof};
use pleat_argument::randomness::Randomness;
use pleat_argument::transcript::multiplier;
use pleat_argument::{Error, Scalar};

use crate::claims::{ACCURACY, make};
use crate::columns::recount;
use crate::fixture::{
    BUNDLE, Forger, GROUP_BITS, KEY, ROW_BITS, SAMPLES, bundle, rejected, samples, tiny_network,
};

pub(crate) fn fails_at<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
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
    let products = || program.head.products.iter();
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
        let at: Vec<usize> = (a.groups[0].steps.iter().enumerate())
            .filter(|(_, s)| matches!(s, StepProof::Chunk { .. }))
            .map(|(i, _)| i)
            .collect();
        let chunks = a.groups[0].trace.len();
        assert_eq!(at.len(), chunks);
        let forge = |edit: &dyn Fn(&mut Proof)| {
            let mut forged = a.clone();
            edit(&mut forged);
            rejected(one.verify(&forged), "a step of another place");
        };
        for i in 0..chunks {
            let j = (i + 1) % chunks;
            // A chunk's proof for another, alone and with its commitment; of the other group; of another proof.
            let (from, to) = (at[i], at[j]);
            forge(&|p| p.groups[0].steps[to] = a.groups[0].steps[from].clone());
            forge(&|p| {
                p.groups[0].steps[to] = a.groups[0].steps[from].clone();
                p.groups[0].trace[j] = a.groups[0].trace[i];
            });
            forge(&|p| p.groups[1].steps[from] = a.groups[0].steps[from].clone());
            forge(&|p| p.groups[0].steps[from] = b.groups[0].steps[from].clone());
            forge(&|p| {
                p.groups[0].steps.swap(from, to);
                p.groups[0].trace.swap(i, j);
            });
        }
        forge(&|p| p.groups[1] = a.groups[0].clone());
        forge(&|p| p.groups[0] = a.groups[1].clone());
        forge(&|p| p.groups.swap(0, 1));
        forge(&|p| p.groups[0] = b.groups[0].clone());
        forge(&|p| p.groups[1] = b.groups[1].clone());
        assert!(matches!(a.groups[0].steps[0], StepProof::Head { .. }));
        forge(&|p| p.groups[0].steps[0] = b.groups[0].steps[0].clone());
        forge(&|p| p.groups[1].steps[0] = a.groups[0].steps[0].clone());
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

// The running claim.

/// A mask of one entry, and no blinds.
#[derive(Clone, Copy)]
struct Bare {
    first: Scalar,
    second: Scalar,
}

impl Randomness for Bare {
    fn mask(&self, entries: usize) -> Vec<Scalar> {
        let mut mask = vec![Scalar::ZERO; entries];
        (mask[0], mask[1]) = (self.first, self.second);
        mask
    }

    fn mask_blind(&self) -> Scalar {
        Scalar::ZERO
    }

    fn trace_blind(&self, _: u64, _: u64) -> Scalar {
        Scalar::ZERO
    }

    fn salt(&self, _: u64) -> Scalar {
        Scalar::ZERO
    }

    fn tag(&self) -> Scalar {
        Scalar::ZERO
    }
}

/// The first claim says that the mask's first entry is zero: a proof from another one does not end.
#[test]
fn a_mask_that_does_not_begin_with_zero() {
    for kind in [Kind::Accuracy, Kind::RegisteredModel] {
        let forger = Forger::new(kind);
        let own = |first| Bare {
            first,
            second: Scalar::ONE,
        };
        forger
            .verify(&forger.prove_with(own(Scalar::ZERO)))
            .unwrap();
        let forged = forger.prove_with(own(Scalar::ONE));
        rejected(forger.verify(&forged), "a first claim that is false");
    }
}

#[test]
fn a_mask_that_is_none() {
    let forger = Forger::new(Kind::Accuracy);
    let nothing = Bare {
        first: Scalar::ZERO,
        second: Scalar::ZERO,
    };
    let proof = forger.prove_with(nothing);
    fails_at(forger.verify(&proof).map(drop), "a mask that hides nothing");
}

#[test]
fn a_multiplier_of_zero() {
    assert_eq!(multiplier(&Scalar::ZERO), None);
    assert_eq!(multiplier(&(Scalar::from_raw([0, 0, 1, 0]))), None);
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
            |a, b| a.closing.opening = b.closing.opening.clone(),
            |a, b| a.closing = b.closing.clone(),
            |a, b| {
                a.closing = b.closing.clone();
                a.mask = b.mask;
            },
            |a, b| a.mask = b.mask,
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
    forged.closing.opening = b.proof.closing.opening;
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
        let (x, y) = (&a.closing, &b.closing);
        assert!(x.blind != y.blind && !format!("{:?}", x.opening).eq(&format!("{:?}", y.opening)));
        let mut points = vec![a.mask, b.mask];
        let (mut salts, mut heads) = (vec![], 0);
        for (x, y) in a.groups.iter().zip(&b.groups) {
            assert_eq!(x.outputs, y.outputs);
            points.extend(x.trace.iter().chain(&y.trace));
            salts.extend([x.salt, y.salt]);
            for (s, t) in x.steps.iter().zip(&y.steps) {
                match (s, t) {
                    (
                        StepProof::Head {
                            sum: a,
                            rounds: v,
                            claims: p,
                        },
                        StepProof::Head {
                            sum: b,
                            rounds: w,
                            claims: q,
                        },
                    ) => {
                        assert!(a != b && p != q && v.iter().zip(w).all(|(s, t)| s != t));
                        heads += 1;
                    }
                    (StepProof::More { claims: p }, StepProof::More { claims: q }) => {
                        assert!(p.is_empty() && q.is_empty() || p != q);
                    }
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
        assert_eq!(heads, a.groups.len());
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
