//! Attacks by name: each check has a record that nothing else refuses, so that none can be left out.

use ff::Field;
use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use pleat_argument::Scalar;
use pleat_argument::group::prove::{Committed, StepRecord};
use pleat_argument::lookup::{self, Numerators};
use pleat_argument::program::Kind;
use pleat_argument::step::descriptor::{Claims, Task, extend_program};
use pleat_argument::step::transition::{apply, start};
use rayon::prelude::*;

use crate::fixture::{Forger, ROW_BITS};
use crate::steps::{ACCURACY, BLANK, SHAPE, circuit, native, ready, step, witness};

const ONE: Scalar = Scalar::one();

type Edit = fn(&mut StepRecord);

/// The checks: constraints that bind no variable of their own.
const CHECKS: &[(&str, &str, Edit)] = &[
    ("begin/idle", "later head", |r| r.state.inner.program = ONE),
    ("begin/groups before are full", "later head", |r| {
        r.state.samples += 1
    }),
    ("begin/groups before are full", "later head", |r| {
        r.state.group += 1
    }),
    ("task/nothing is pending", "later head", |r| {
        r.state.inner.pending.claim = ONE
    }),
    ("task/nothing is pending", "two vectors", |r| {
        r.state.inner.pending.forms = ONE
    }),
    ("task/inverse", "chunk", |r| {
        r.message.lookup.root = [Scalar::ZERO; 2];
        for layer in &mut r.message.lookup.layers {
            layer.values = [Scalar::ZERO; 4];
            layer.rounds.fill([Scalar::ZERO; 2]);
        }
    }),
    ("task/lookups/layer below", "chunk", |r| {
        r.message.lookup.layers[8].values[2] += ONE
    }),
    ("task/rounds/degree", "two vectors", |r| {
        r.message.rounds[0][2] = ONE
    }),
    ("task/no second value", "new data", |r| {
        // Of the last step the claim would not add up either.
        r.descriptor.end = false;
        r.message.values[1] = ONE;
    }),
    ("task/no value", "two vectors", |r| {
        r.message.values[3] = ONE
    }),
    ("task/no value", "two vectors", |r| {
        r.message.running[2] = ONE
    }),
    ("no commitment", "more of a chunk", |r| {
        r.message.commitments = vec![G1Affine::generator()];
    }),
    ("claims/no claim", "chunk", |r| r.message.claims[7][0] = ONE),
    ("claims/no claim", "last claims", |r| {
        r.message.claims[6][1] = ONE
    }),
    ("claims/no count", "two vectors", |r| r.message.count = 1),
    ("claims/replayed claims", "claims again", |r| {
        r.message.claims[0][0] += ONE
    }),
    ("claims/replayed claims", "claims again", |r| {
        r.message.claims.swap(3, 4)
    }),
    ("chains/the same data vector", "end", |r| {
        r.state.cursor[0] += ONE
    }),
    ("chains/the same data vector", "end", |r| {
        r.state.cursor[1] += ONE
    }),
    ("end/seed", "end", |r| r.state.inner.chain += ONE),
    ("end/program", "end", |r| {
        r.state.constants.program = ONE;
        r.state.constants.last_program = ONE;
    }),
    ("end/weights", "end", |r| r.state.constants.weights += ONE),
    ("end/tables", "end", |r| r.state.inner.tables += ONE),
    ("end/linear relation", "end", |r| {
        r.state.inner.linear += ONE
    }),
    ("end/lookups", "end", |r| r.state.inner.lookups += ONE),
    ("end/last claim", "end", |r| r.message.values[0] += ONE),
    ("end/last claim", "end", |r| r.message.running[0] += ONE),
];

#[test]
fn each_check_alone_refuses_what_it_is_for() {
    ready();
    CHECKS
        .par_iter()
        .enumerate()
        .for_each(|(i, (check, name, edit))| {
            let mut record = step(name);
            edit(&mut record);
            let mut failing = circuit(&record).unwrap_err();
            failing.dedup();
            assert_eq!(failing, [*check], "{name}, attack {i}");
        });
}

/// The zero test of a place: `zero = 1 - place inverse` alone would let a prover without an inverse call any place
/// zero, and begin another data vector there.
#[test]
fn a_place_that_is_not_zero_is_not_taken_for_zero() {
    ready();
    let record = step("end");
    assert_ne!(record.state.prefix, 0);
    let (mut cells, _) = witness(&record);
    for name in ["chains/inverse or nothing", "chains/is not zero"] {
        let found = BLANK.named(|own| own == name);
        assert_eq!(found.len(), 1);
        cells[found[0]] = Scalar::ZERO;
    }
    assert!(BLANK.failing_with(&cells).contains(&"chains/is zero"));
}

/// A step that adds nothing and asks for nothing.
fn idle_step(like: &StepRecord) -> StepRecord {
    let mut record = like.clone();
    let d = &mut record.descriptor;
    (d.begin, d.end, d.half, d.task) = (false, false, false, Task::More);
    (d.claims, d.count_claim) = (Claims::default(), None);
    d.products.clear();
    d.vectors.clear();
    d.lookups.clear();
    d.slots.clear();
    record.message = pleat_argument::step::transition::Message::empty(&SHAPE);
    record
}

/// A group that ends with a step of slots: all checks but that of the lookups' public part hold, then all.
#[test]
fn the_last_forms_are_checked_where_slots_end_a_group() {
    ready();
    let last = step("end");
    let mut record = idle_step(&last);
    record.descriptor.end = true;
    let constants = &mut record.state.constants;
    constants.program = extend_program(
        &record.state.inner.program,
        &record.descriptor.digest(&SHAPE),
    );
    let inner = &mut record.state.inner;
    (inner.chain, inner.linear, inner.lookups) = (inner.seed, Scalar::ZERO, Scalar::ZERO);
    (inner.pending.claim, inner.pending.forms) = (Scalar::ZERO, Scalar::ZERO);
    assert_eq!(circuit(&record), Ok(native(&record).unwrap()));
    for (forms, check) in [(true, "end/last forms"), (false, "end/last claim")] {
        let mut record = record.clone();
        let pending = &mut record.state.inner.pending;
        match forms {
            true => pending.forms = ONE,
            false => pending.claim = ONE,
        }
        assert_eq!(circuit(&record), Err(vec![check]));
        native(&record).unwrap_err();
    }
}

/// Garbage before the first group keeps it from beginning; after the last it leaves a state that is not idle.
#[test]
fn steps_outside_groups_lead_nowhere() {
    ready();
    let first = ACCURACY[0].clone();
    let garbage = idle_step(&first);
    let digest = garbage.descriptor.digest(&SHAPE);
    let after = |r: &StepRecord| {
        let digest = r.descriptor.digest(&SHAPE);
        let next = apply(&SHAPE, &r.state, &r.descriptor, &digest, &r.message).unwrap();
        assert_eq!(circuit(r), Ok(next.state.digest()));
        next.state
    };
    let begun = StepRecord {
        state: after(&garbage),
        ..first
    };
    assert_eq!(
        begun.state.inner.program,
        extend_program(&Scalar::ZERO, &digest)
    );
    assert_eq!(circuit(&begun), Err(vec!["begin/idle"]));

    let last = after(ACCURACY.last().unwrap());
    assert!(last.is_idle(&SHAPE));
    let more = StepRecord {
        state: last.clone(),
        ..garbage
    };
    let state = after(&more);
    assert!(!state.is_idle(&SHAPE));
    assert_ne!(state.digest(), last.digest());
    // Nor can the next group be another last one.
    let again = StepRecord {
        state: last,
        ..ACCURACY[0].clone()
    };
    assert_eq!(circuit(&again), Err(vec!["begin/groups before are full"]));
}

/// Changes an entry that is no padding.
fn change_some(vector: &mut Committed) {
    let entry = vector.values.iter().position(|v| *v != 0).unwrap();
    Forger::change(vector, entry, 1);
}

/// A prover that commits to something false: the circuit refuses where its native twin does.
#[test]
fn late_values_are_refused_at_the_end() {
    ready();
    let forgeries: [fn(&mut Forger); 5] = [
        |f| f.groups[1].chunks[0][2] += 1,
        |f| f.groups[1].chunks[1][1] = -5,
        |f| change_some(&mut f.weight_vectors[0]),
        |f| change_some(&mut f.data[0]),
        |f| f.groups.iter_mut().for_each(|g| g.count = Some(0)),
    ];
    forgeries.par_iter().enumerate().for_each(|(i, forge)| {
        let mut forger = Forger::new(Kind::Accuracy);
        forge(&mut forger);
        let records = forger.fold().1;
        let refused = records.iter().position(|r| native(r).is_err());
        let refused = refused.unwrap_or_else(|| panic!("forgery {i} is accepted"));
        assert!(records[refused].descriptor.end, "{i}");
        let failing = circuit(&records[refused]).unwrap_err();
        let sums = ["end/linear relation", "end/lookups"];
        assert!(
            failing.iter().all(|name| sums.contains(name)),
            "{i}: {failing:?}"
        );
        let before = &records[refused - 1];
        assert_eq!(circuit(before), Ok(native(before).unwrap()));
    });
}

/// Whatever a step's claims depend on changes its last challenge: the running claim, the list, commitments,
/// the program so far, salt, seed, delta, and all that is said before.
#[test]
fn multipliers_depend_on_everything_before() {
    ready();
    let edits: [Edit; 16] = [
        |r| r.state.running.value += ONE,
        |r| r.state.running.list += ONE,
        |r| r.state.running.point[0] += ONE,
        |r| r.state.running.point[9] += ONE,
        |r| r.state.inner.seed += ONE,
        |r| r.state.inner.salt += ONE,
        |r| r.state.inner.delta += ONE,
        |r| r.state.inner.program += ONE,
        |r| r.descriptor.meta += ONE,
        |r| r.message.commitments[0] = -r.message.commitments[0],
        |r| r.message.part += ONE,
        |r| r.message.rounds[9][0] += ONE,
        |r| r.message.rounds[2][1] += ONE,
        |r| r.message.values[0] += ONE,
        |r| r.message.values[1] += ONE,
        |r| r.message.running[0] += ONE,
    ];
    let cells = BLANK.named(|name| name == "task/multiplier/multiplier");
    assert_eq!(cells.len(), 2);
    for name in ["chunk", "two vectors"] {
        let honest = witness(&step(name)).0;
        edits.par_iter().enumerate().for_each(|(i, edit)| {
            let mut record = step(name);
            edit(&mut record);
            let changed = witness(&record).0;
            for cell in &cells {
                assert_ne!(honest[*cell], changed[*cell], "{name}, edit {i}");
            }
        });
    }
    // A chunk's also on its lookups.
    let mut record = step("chunk");
    record.message.lookup.layers[8].values[3] += ONE;
    assert_ne!(
        witness(&record).0[cells[1]],
        witness(&step("chunk")).0[cells[1]]
    );
}

/// A whole valid proof of lookups in a step that has none changes nothing.
#[test]
fn parts_that_a_step_does_not_have_reach_nothing() {
    ready();
    for name in ["two vectors", "later head", "more of a chunk"] {
        let honest = step(name);
        let mut record = honest.clone();
        // The circuit starts a transcript in steps of slots, too, and uses none of it.
        let (mut state, mut descriptor) = (record.state.clone(), record.descriptor.clone());
        if descriptor.task == Task::More {
            descriptor.task = Task::Vectors;
            (state.inner.pending.claim, state.inner.pending.forms) = (Scalar::ZERO, Scalar::ZERO);
        }
        let digest = record.descriptor.digest(&SHAPE);
        let message = &record.message;
        let started = start(
            &state,
            &descriptor,
            &digest,
            &message.begin,
            &message.commitments,
        );
        let mut transcript = started.unwrap().1;
        let rows = 1 << ROW_BITS;
        let (mut d0, mut d1) = (vec![Scalar::from(3); rows], vec![Scalar::from(5); rows]);
        let (mut a, mut b) = (vec![], vec![]);
        let numerators = Numerators::Ones;
        record.message.lookup = lookup::prove(
            numerators,
            &mut d0,
            &mut d1,
            [&mut a, &mut b],
            &mut transcript,
        )
        .0;
        record.message.forms = Scalar::from(7);
        assert_ne!(record.message.lookup.root[0], Scalar::ZERO);
        assert_eq!(circuit(&record), circuit(&honest), "{name}");
        assert!(circuit(&honest).is_ok());
    }
}
