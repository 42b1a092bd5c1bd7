//! Proofs whose steps are folded: the steps lead from the state the verifier begins with to the state it ends with,
//! and whatever is changed leads elsewhere.

use ff::Field;
use pleat_argument::data::{DataSecrecy, fold_data};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::group::folded::Expected;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::Folded;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Inferences, Registry, outputs_chain};
use pleat_argument::statement::Statement;
use pleat_argument::step::Shape;
use pleat_argument::step::state::State;
use pleat_argument::step::transition::apply;
use pleat_argument::{Error, Result, Scalar};
use rayon::prelude::*;

use crate::attacks::fails_at;
use crate::claims::{INPUTS, MODEL, OUTPUTS};
use crate::fixture::{BUNDLE, Forger, GROUP_BITS, KEY, KINDS, ROW_BITS, rejected};
use crate::tamper::{Leaf, changed, fields};

/// What a proof of the fold attests of the steps: the digests of the first state and the last, and their number.
pub(crate) fn replay(shape: &Shape, records: &[StepRecord]) -> Result<(Scalar, State, u64)> {
    let mut state = records[0].state.clone();
    let initial = state.digest();
    for (i, record) in records.iter().enumerate() {
        assert_eq!(state, record.state, "the state before step {i}");
        assert_eq!(state.digest(), record.state.digest());
        let digest = record.descriptor.digest(shape);
        state = apply(shape, &state, &record.descriptor, &digest, &record.message)?.state;
    }
    Ok((initial, state, records.len() as u64))
}

fn attested(expected: &Expected) -> (Scalar, Scalar, u64) {
    (expected.initial, expected.last, expected.steps)
}

#[test]
fn the_steps_lead_from_first_to_last() {
    KINDS.into_par_iter().for_each(|kind| {
        let forger = Forger::new(kind);
        let schedule = forger.schedule();
        let (folded, records) = forger.fold();
        let expected = forger.verify_folded(&folded).unwrap();
        let (initial, last, steps) = replay(&schedule.shape, &records).unwrap();
        assert_eq!((initial, last.digest(), steps), attested(&expected));
        assert!(last.is_idle(&schedule.shape));
        assert_eq!(last.group, forger.groups.len() as u64);
        assert_eq!(steps, schedule.steps());
        // The native proof says the same.
        assert_eq!(expected.outcome, forger.outcome().unwrap());
        // The steps are those of the schedule.
        let groups = (0..schedule.groups()).flat_map(|g| &schedule.group(g).descriptors);
        assert!(groups.eq(records.iter().map(|r| &r.descriptor)));
        // Another state to begin with has another digest.
        let other = Forger::new(KINDS[(kind as usize + 1) % 4]).fold().1;
        assert_ne!(other[0].state.digest(), expected.initial);
    });
}

/// Every field, indices erased.
const MANIFEST: &[(&str, Leaf)] = &[
    ("closing.blind", Leaf::Scalar),
    ("closing.opening.HyperKzg.com[].comm", Leaf::Point),
    ("closing.opening.HyperKzg.v[][]", Leaf::Scalar),
    ("closing.opening.HyperKzg.w[].comm", Leaf::Point),
    ("count", Leaf::Integer),
    ("data[]", Leaf::Point),
    ("groups[].outputs[]", Leaf::Point),
    ("groups[].trace[]", Leaf::Point),
    ("mask", Leaf::Point),
    ("multipliers[]", Leaf::Scalar),
    ("point[]", Leaf::Scalar),
    ("value", Leaf::Scalar),
    ("weights[]", Leaf::Point),
];

/// Refused, or nothing that the fold's proof attests.
fn does_not_fit(forger: &Forger, honest: &Expected, folded: serde_json::Value, what: &str) {
    let Ok(folded) = serde_json::from_value::<Folded>(folded) else {
        return;
    };
    match forger.verify_folded(&folded) {
        Err(Error::Rejected { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(expected) => assert_ne!(attested(&expected), attested(honest), "{what}"),
    }
}

#[test]
fn every_field_of_a_folded_proof() {
    let mut found = std::collections::BTreeSet::new();
    for kind in KINDS {
        let forger = Forger::new(kind);
        let (folded, _) = forger.fold();
        let honest = forger.verify_folded(&folded).unwrap();
        let tree = serde_json::to_value(&folded).unwrap();
        let all = fields(&tree);
        found.extend(all.leaves.keys().cloned());
        let mut work = vec![];
        for (path, places) in &all.leaves {
            let (_, kind) = MANIFEST.iter().find(|m| m.0 == path).unwrap();
            let n = places.len();
            let few = (0..n).filter(|i| n <= 12 || i % 7 == 0 || i + 1 == n);
            work.extend(few.map(|i| (places[i].clone(), *kind)));
        }
        work.into_par_iter().for_each(|(place, leaf)| {
            let mut tree = tree.clone();
            let own = tree.pointer_mut(&place).unwrap();
            *own = changed(own, leaf);
            does_not_fit(&forger, &honest, tree, &place);
        });
        let lists: Vec<String> = all.lists;
        lists.into_par_iter().for_each(|place| {
            type Edit = fn(&mut Vec<serde_json::Value>);
            let edits: [Edit; 4] = [
                |v| drop(v.pop()),
                |v| v.extend(v.last().cloned()),
                |v| v.reverse(),
                |v| v.rotate_left(1),
            ];
            for edit in edits {
                let mut tree = tree.clone();
                let list = tree.pointer_mut(&place).unwrap().as_array_mut().unwrap();
                let before = list.clone();
                if before.is_empty() {
                    continue;
                }
                edit(list);
                if *list != before {
                    does_not_fit(&forger, &honest, tree, &place);
                }
            }
        });
    }
    let listed: Vec<&str> = MANIFEST.iter().map(|m| m.0).collect();
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), listed);
}

/// Every field of the statement is in the first state.
#[test]
fn a_fold_of_another_statement() {
    for kind in KINDS {
        let forger = Forger::new(kind);
        let (folded, _) = forger.fold();
        let honest = forger.verify_folded(&folded).unwrap();
        let edits: [&dyn Fn(&mut Statement); 8] = [
            &|s| s.kind = KINDS[(kind as usize + 1) % 4],
            &|s| s.model += Scalar::ONE,
            &|s| s.data += Scalar::ONE,
            &|s| s.samples += 1,
            &|s| s.context += Scalar::ONE,
            &|s| s.program += Scalar::ONE,
            &|s| s.tables += Scalar::ONE,
            &|s| s.key += Scalar::ONE,
        ];
        for (i, edit) in edits.iter().enumerate() {
            match forger.verify_folded_as(edit, &folded) {
                Err(Error::Rejected { .. }) => {}
                Err(other) => panic!("{kind:?} {i}: {other}"),
                Ok(expected) => {
                    assert_ne!(expected.initial, honest.initial, "{kind:?} {i}");
                    assert_ne!(expected.last, honest.last, "{kind:?} {i}");
                }
            }
        }
    }
}

/// Each check of the folded verifier by its name.
#[test]
fn every_check_of_a_folded_proof() {
    let forger = Forger::new(Kind::Accuracy);
    let (folded, _) = forger.fold();
    let off = halo2curves::bn256::Fq::ONE;
    type Edit<'a> = &'a dyn Fn(&mut Folded);
    let edits: [(&str, Edit<'_>); 13] = [
        ("the number of groups", &|f| f.groups.truncate(1)),
        ("the number of data vectors", &|f| f.data.clear()),
        ("the number of weight vectors", &|f| f.weights.clear()),
        ("the number of commitments", &|f| {
            f.groups[1].trace.truncate(1)
        }),
        ("the number of commitments", &|f| {
            let own = f.groups[0].trace[0];
            f.groups[0].outputs.push(own);
        }),
        ("the number of multipliers", &|f| f.multipliers.truncate(1)),
        ("the number of multipliers", &|f| {
            f.multipliers.push(Scalar::ONE)
        }),
        ("the running point", &|f| f.point.truncate(1)),
        ("more correct samples than samples", &|f| f.count = 4),
        ("a point off the curve", &|f| f.groups[1].trace[0].y += off),
        ("a point off the curve", &|f| f.mask.y += off),
        ("opening of the commitment", &|f| {
            f.closing.blind += Scalar::ONE
        }),
        ("opening of the commitment", &|f| f.value += Scalar::ONE),
    ];
    for (what, edit) in edits {
        let mut other = folded.clone();
        edit(&mut other);
        fails_at(forger.verify_folded(&other), what);
    }
    let mut unmasked = folded;
    unmasked.mask = Default::default();
    fails_at(forger.verify_folded(&unmasked), "a mask that hides nothing");
}

/// Nothing is unsound at such a point, but what is published there tells of the values.
#[test]
fn a_point_the_mask_does_not_reach() {
    let forger = Forger::new(Kind::Accuracy);
    let (mut folded, _) = forger.fold();
    forger.verify_folded(&folded).unwrap();
    folded.point[2..].fill(Scalar::ZERO);
    let check = "a point the mask does not reach";
    fails_at(forger.verify_folded(&folded), check);
}

/// What is false has no steps that lead to the verifier's last state.
#[test]
fn false_columns_have_no_steps() {
    for kind in KINDS {
        let mut forger = Forger::new(kind);
        forger.groups[0].chunks[0][1] = -5;
        let (folded, records) = forger.fold();
        // The opening holds: nothing but the fold's proof says that the steps do.
        forger.verify_folded(&folded).unwrap();
        let shape = forger.schedule().shape;
        let first = records.iter().filter(|r| r.state.group == 0);
        let first: Vec<StepRecord> = first.cloned().collect();
        match replay(&shape, &first) {
            Err(Error::Rejected { check, .. }) => {
                assert!(
                    ["the lookups", "the linear relation"].contains(&check),
                    "{check}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // The number of correct samples alone.
    let mut forger = Forger::new(Kind::Accuracy);
    assert!(forger.outcome().unwrap().count > 0);
    for group in &mut forger.groups {
        group.count = Some(0);
    }
    let (folded, records) = forger.fold();
    assert_eq!(forger.verify_folded(&folded).unwrap().outcome.count, 0);
    let shape = forger.schedule().shape;
    fails_at(replay(&shape, &records).map(drop), "the linear relation");
}

/// Folds of some kinds through the registry, which takes the word of whoever checks the proof of the fold.
#[test]
fn folded_claims_through_the_registry() {
    let network = &BUNDLE.network;
    let mut records = vec![];
    let mut keep = |record: StepRecord| {
        records.push(record);
        Ok(())
    };
    let registration = MODEL
        .fold_registration(&ProofSecret::native([4; 32]), Scheme::HyperKzg, &mut keep)
        .unwrap()
        .proof;
    let mut registry = Registry::default();
    let shape = Shape::new(ROW_BITS);
    let attest = |records: &[StepRecord], expected: &Expected| {
        let (initial, last, steps) = replay(&shape, records)?;
        match (initial, last.digest(), steps) == attested(expected) {
            true => Ok(()),
            false => Err(Error::Invalid("another fold".into())),
        }
    };
    let id = MODEL.id;
    let own = |e: &Expected| attest(&records, e);
    let refuse = |_: &Expected| Err(Error::Invalid("no".into()));
    let mut register = |id, attest: &dyn Fn(&Expected) -> Result<()>| {
        registry.register_folded_model(&KEY, network, ROW_BITS, id, &registration, attest)
    };
    assert!(matches!(register(id, &refuse), Err(Error::Invalid(_))));
    rejected(register(id + Scalar::ONE, &own), "another id");
    register(id, &own).unwrap();

    let inputs = INPUTS.as_slice();
    let mut records = vec![];
    let mut keep = |record: StepRecord| {
        records.push(record);
        Ok(())
    };
    let (secret, scheme) = ([7; 32], Scheme::HyperKzg);
    let (id, proof) = fold_data(
        &KEY,
        network,
        ROW_BITS,
        inputs,
        secret,
        &ProofSecret::native([8; 32]),
        scheme,
        &mut keep,
    )
    .unwrap();
    let own = |e: &Expected| attest(&records, e);
    let register = |registry: &mut Registry, samples, attest: &dyn Fn(&Expected) -> Result<()>| {
        registry.register_folded_data(&KEY, network, ROW_BITS, true, samples, id, &proof, attest)
    };
    assert!(register(&mut registry, 3, &refuse).is_err());
    rejected(register(&mut registry, 2, &own), "another number");
    register(&mut registry, 3, &own).unwrap();

    let public = DataSecrecy::Public;
    let evaluation =
        Evaluation::new(&MODEL, Kind::Outputs, inputs, public, Some(GROUP_BITS)).unwrap();
    let mut records = vec![];
    let mut keep = |record: StepRecord| {
        records.push(record);
        Ok(())
    };
    let claim = OUTPUTS.claim.clone();
    let prepared = evaluation
        .prepare(inputs, claim.context, &ProofSecret::native([5; 32]))
        .unwrap();
    let made = evaluation
        .fold(prepared, inputs, Scheme::Mercury, &mut keep, None)
        .unwrap();
    let verify = |registry: &Registry, attest: &dyn Fn(&Expected) -> Result<()>| {
        let mut own = Inferences::default();
        registry.verify_folded_claim(&KEY, network, &claim, &mut own, &made.proof, attest)
    };
    let own = |e: &Expected| attest(&records, e);
    rejected(verify(&registry, &own), "data that are not registered");
    (registry.admit_data(&KEY, network, ROW_BITS, inputs)).unwrap();
    assert!(verify(&registry, &refuse).is_err());
    let outcome = verify(&registry, &own).unwrap();
    let chain = outputs_chain(&KEY, network, &claim, &made.outputs).unwrap();
    assert_eq!(outcome.outputs, chain);
    // The steps of the model's registration attest nothing of the claim.
    let other = Forger::new(Kind::Outputs).fold().1;
    assert!(verify(&registry, &|e| attest(&other, e)).is_err());
    // What a sink says ends the proof.
    let mut full = |_| Err(Error::Invalid("full".into()));
    let prepared = evaluation
        .prepare(inputs, claim.context, &ProofSecret::native([6; 32]))
        .unwrap();
    let stopped = evaluation.fold(prepared, inputs, Scheme::Mercury, &mut full, None);
    assert!(matches!(stopped, Err(Error::Invalid(_))));
}
