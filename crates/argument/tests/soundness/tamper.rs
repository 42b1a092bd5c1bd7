//! Every field of a proof is changed, every list shortened, lengthened and reordered.
//!
//! The fields are those of the serialised proof; the manifest lists them by path, so that a new one is missed.

use std::collections::BTreeMap;

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use pleat_argument::opening::Scheme;
use pleat_argument::program::Kind;
use pleat_argument::proof::{Proof, StepProof};
use pleat_argument::{Error, Scalar};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::claims::{Case, cases, make};
use crate::fixture::rejected;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf {
    Point,
    Scalar,
    Integer,
}

/// Every field of every proof, indices erased.
const MANIFEST: &[(&str, Leaf)] = &[
    ("closing.blind", Leaf::Scalar),
    ("closing.opening.HyperKzg.com[].comm", Leaf::Point),
    ("closing.opening.HyperKzg.v[][]", Leaf::Scalar),
    ("closing.opening.HyperKzg.w[].comm", Leaf::Point),
    ("data[]", Leaf::Point),
    ("groups[].count", Leaf::Integer),
    ("groups[].outputs[]", Leaf::Point),
    ("groups[].salt", Leaf::Scalar),
    ("groups[].steps[].Chunk.forms", Leaf::Scalar),
    (
        "groups[].steps[].Chunk.lookup.layers[].rounds[][]",
        Leaf::Scalar,
    ),
    (
        "groups[].steps[].Chunk.lookup.layers[].values[]",
        Leaf::Scalar,
    ),
    ("groups[].steps[].Chunk.lookup.root[]", Leaf::Scalar),
    ("groups[].steps[].Chunk.part", Leaf::Scalar),
    ("groups[].steps[].Chunk.rounds[][]", Leaf::Scalar),
    ("groups[].steps[].Chunk.running[]", Leaf::Scalar),
    ("groups[].steps[].Chunk.values[]", Leaf::Scalar),
    ("groups[].steps[].Head.claims[][]", Leaf::Scalar),
    ("groups[].steps[].Head.rounds[][]", Leaf::Scalar),
    ("groups[].steps[].Head.sum", Leaf::Scalar),
    ("groups[].steps[].Vectors.part", Leaf::Scalar),
    ("groups[].steps[].Vectors.rounds[][]", Leaf::Scalar),
    ("groups[].steps[].Vectors.running", Leaf::Scalar),
    ("groups[].steps[].Vectors.values[]", Leaf::Scalar),
    ("groups[].trace[]", Leaf::Point),
    ("mask", Leaf::Point),
    ("weights[]", Leaf::Point),
];

#[derive(Default)]
pub(crate) struct Fields {
    /// Path to the places of its leaves, in order.
    pub(crate) leaves: BTreeMap<String, Vec<String>>,
    /// Places of lists.
    pub(crate) lists: Vec<String>,
}

fn walk(value: &Value, path: &str, place: &str, fields: &mut Fields) {
    match value {
        Value::Array(elements) => {
            fields.lists.push(place.to_owned());
            for (i, element) in elements.iter().enumerate() {
                walk(
                    element,
                    &format!("{path}[]"),
                    &format!("{place}/{i}"),
                    fields,
                );
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                walk(member, &path, &format!("{place}/{name}"), fields);
            }
        }
        _ => (fields.leaves.entry(path.to_owned()).or_default()).push(place.to_owned()),
    }
}

pub(crate) fn fields(tree: &Value) -> Fields {
    let mut fields = Fields::default();
    walk(tree, "", "", &mut fields);
    fields
}

pub(crate) fn changed(leaf: &Value, kind: Leaf) -> Value {
    match kind {
        Leaf::Scalar => {
            let x: Scalar = serde_json::from_value(leaf.clone()).unwrap();
            json!(x + Scalar::ONE)
        }
        Leaf::Point => {
            let x: G1Affine = serde_json::from_value(leaf.clone()).unwrap();
            json!((G1::from(x) + G1Affine::generator()).to_affine())
        }
        Leaf::Integer => json!(leaf.as_u64().unwrap() + 1),
    }
}

/// A tree that is no proof is refused by whoever reads it.
fn check(case: &Case, tree: Value) -> Result<(), Error> {
    match serde_json::from_value::<Proof>(tree) {
        Ok(proof) => case.check(&proof),
        Err(_) => Err(Error::Rejected {
            check: "the encoding",
            group: None,
            step: None,
        }),
    }
}

#[test]
fn the_manifest_lists_every_field() {
    let mut found: Vec<String> = vec![];
    for case in cases() {
        let tree = serde_json::to_value(&case.proof).unwrap();
        let paths = fields(&tree).leaves.into_keys();
        found.extend(paths.filter(|p| !p.starts_with("closing.opening.Mercury.")));
    }
    found.sort();
    found.dedup();
    let listed: Vec<&str> = MANIFEST.iter().map(|m| m.0).collect();
    assert_eq!(found, listed);
}

/// `every` takes one of so many leaves of a path, beside the first, a middle and the last of each step.
fn change_leaves(case: &Case, every: usize) {
    let tree = serde_json::to_value(&case.proof).unwrap();
    let mut work = vec![];
    for (path, places) in fields(&tree).leaves {
        let Some((_, kind)) = MANIFEST.iter().find(|m| m.0 == path) else {
            assert!(path.starts_with("closing.opening.Mercury."), "{path}");
            continue;
        };
        let step = |place: &String| place.split('/').take(5).collect::<Vec<_>>().join("/");
        for own in places.chunk_by(|a, b| step(a) == step(b)) {
            for (i, place) in own.iter().enumerate() {
                if i % every == 0 || [own.len() / 2, own.len() - 1].contains(&i) {
                    work.push((place.clone(), *kind));
                }
            }
        }
    }
    println!("{:?}: {} leaves", case.claim.kind, work.len());
    work.into_par_iter().for_each(|(place, kind)| {
        let mut tree = tree.clone();
        let leaf = tree.pointer_mut(&place).unwrap();
        *leaf = changed(leaf, kind);
        rejected(check(case, tree), &place);
    });
}

fn change_lists(case: &Case) {
    let tree = serde_json::to_value(&case.proof).unwrap();
    type Edit = fn(&mut Vec<Value>);
    let edits: [(&str, Edit); 6] = [
        ("the last dropped", |v| drop(v.pop())),
        ("the first dropped", |v| drop(v.remove(0))),
        ("the last repeated", |v| v.extend(v.last().cloned())),
        ("the first put in place of the last", |v| {
            let first = v[0].clone();
            v.pop();
            v.push(first);
        }),
        ("the first two swapped", |v| {
            if v.len() > 1 {
                v.swap(0, 1);
            }
        }),
        ("turned round", |v| v.reverse()),
    ];
    // Of the messages of rounds, one in five.
    let all = fields(&tree).lists.into_iter().enumerate();
    let few = all.filter(|(i, place)| i % 5 == 0 || place.split('/').count() < 6);
    let lists: Vec<String> = few.map(|(_, place)| place).collect();
    println!("{:?}: {} lists", case.claim.kind, lists.len());
    lists.into_par_iter().for_each(|place| {
        for (what, edit) in &edits {
            let mut tree = tree.clone();
            let list = tree.pointer_mut(&place).unwrap().as_array_mut().unwrap();
            let before = list.clone();
            if before.is_empty() {
                let one = vec![json!(Scalar::ONE), json!(G1Affine::generator())];
                for element in one {
                    let list = tree.pointer_mut(&place).unwrap().as_array_mut().unwrap();
                    *list = vec![element];
                    rejected(
                        check(case, tree.clone()),
                        &format!("{place}: something in it"),
                    );
                }
                return;
            }
            edit(list);
            // Shapes are refused at once, so only reorderings of a round's message take time.
            if *list != before {
                rejected(check(case, tree), &format!("{place}: {what}"));
            }
        }
    });
}

#[test]
fn leaves_of_accuracy() {
    change_leaves(cases()[0], 16);
}

#[test]
fn leaves_of_outputs() {
    change_leaves(cases()[1], 24);
}

#[test]
fn leaves_of_a_registered_model() {
    change_leaves(cases()[2], 4);
}

#[test]
fn leaves_of_registered_data() {
    change_leaves(cases()[3], 16);
}

#[test]
fn lists_of_accuracy() {
    change_lists(cases()[0]);
}

#[test]
fn lists_of_outputs() {
    change_lists(cases()[1]);
}

#[test]
fn lists_of_registrations() {
    change_lists(cases()[2]);
    change_lists(cases()[3]);
}

/// Every element of the opening, whose fields are not this crate's.
#[test]
fn leaves_of_mercury() {
    let case = make(Kind::RegisteredModel, Scheme::Mercury);
    let tree = serde_json::to_value(&case.proof).unwrap();
    let places: Vec<String> = fields(&tree)
        .leaves
        .into_iter()
        .filter(|(path, _)| path.starts_with("closing.opening.Mercury."))
        .flat_map(|(_, places)| places)
        .collect();
    assert_eq!(places.len(), 14, "eight points and six field elements");
    places.into_par_iter().for_each(|place| {
        for kind in [Leaf::Point, Leaf::Scalar] {
            let mut tree = tree.clone();
            let leaf = tree.pointer_mut(&place).unwrap();
            let Ok(other) = std::panic::catch_unwind(|| changed(leaf, kind)) else {
                continue;
            };
            *leaf = other;
            rejected(check(&case, tree), &place);
        }
    });
}

#[test]
fn points_off_the_curve() {
    let off = |point: &mut G1Affine| point.y += halo2curves::bn256::Fq::ONE;
    for case in cases() {
        let mut forged = vec![case.proof.clone(); 5];
        off(&mut forged[0].mask);
        forged[1].groups[0].trace.iter_mut().take(1).for_each(off);
        forged[2].groups[0].outputs.iter_mut().take(1).for_each(off);
        forged[3].weights.iter_mut().take(1).for_each(off);
        forged[4].data.iter_mut().take(1).for_each(off);
        for (i, proof) in forged.iter().enumerate() {
            if changed_points(proof, &case.proof) {
                rejected(case.check(proof), &format!("{:?} {i}", case.claim.kind));
                assert!(proof.to_bytes().is_err());
            }
        }
    }
}

fn changed_points(a: &Proof, b: &Proof) -> bool {
    let points = |p: &Proof| {
        let own = p
            .groups
            .iter()
            .flat_map(|g| [g.trace.clone(), g.outputs.clone()].concat());
        [
            p.weights.clone(),
            p.data.clone(),
            vec![p.mask],
            own.collect(),
        ]
        .concat()
    };
    points(a) != points(b)
}

/// A step of another kind, one more group, numbers at their limits.
#[test]
fn shapes_that_are_none() {
    for case in cases() {
        let edits: [fn(&mut Proof); 8] = [
            |p| p.groups.clear(),
            |p| p.groups.push(p.groups[0].clone()),
            |p| p.groups[0].count = u64::MAX,
            |p| p.groups[0].steps.clear(),
            |p| {
                p.groups[0].steps[0] = StepProof::Vectors {
                    part: Scalar::ZERO,
                    rounds: vec![],
                    values: vec![],
                    running: Scalar::ZERO,
                };
            },
            |p| {
                let first = p.groups[0].steps[0].clone();
                *p.groups[0].steps.last_mut().unwrap() = first;
            },
            |p| p.weights.extend(vec![G1Affine::generator(); 1000]),
            |p| p.data.extend(vec![G1Affine::generator(); 1000]),
        ];
        for (i, edit) in edits.iter().enumerate() {
            let mut proof = case.proof.clone();
            edit(&mut proof);
            rejected(case.check(&proof), &format!("{:?} {i}", case.claim.kind));
        }
    }
}

/// Each check refuses what it is for, where it is: were it left out, another one would have to notice.
#[test]
fn every_check_refuses_at_its_place() {
    let case = cases()[0];
    let one = Scalar::ONE;
    let refused = |edit: &dyn Fn(&mut Proof), what: &str| {
        let mut proof = case.proof.clone();
        edit(&mut proof);
        match case.check(&proof) {
            Err(Error::Rejected { check, .. }) => assert_eq!(check, what),
            other => panic!("{what}: {other:?}"),
        }
    };
    let off = halo2curves::bn256::Fq::ONE;
    refused(&|p| p.mask.y += off, "a point off the curve");
    refused(&|p| p.groups[1].trace[0].y += off, "a point off the curve");
    refused(
        &|p| p.groups[1].count = 2,
        "more correct samples than samples",
    );
    refused(&|p| p.closing.blind += one, "opening of the commitment");
    // The next step of its own transcript finds it, or the group's end. The first point is zero: its column weights
    // are 1, 0, 0, 0.
    let steps = &case.proof.groups[0].steps;
    let edit = |p: &mut Proof, step: usize, which: usize| match &mut p.groups[0].steps[step] {
        StepProof::Head { sum, claims, .. } => {
            let [first, second, ..] = &mut claims[..] else {
                panic!("two claims")
            };
            *[sum, &mut first[0], &mut second[1]][which] += one;
        }
        StepProof::Chunk {
            part,
            forms,
            values,
            running,
            ..
        } => *[part, &mut values[1], &mut running[0], forms][which] += one,
        StepProof::Vectors {
            part,
            values,
            running,
            ..
        } => *[part, &mut values[0], running][which] += one,
        StepProof::More { .. } => panic!("no claims here"),
    };
    let own = |step: &StepProof| !matches!(step, StepProof::More { .. });
    for (step, _) in steps.iter().enumerate().filter(|(_, s)| own(s)) {
        let found_at = (step + 1..steps.len()).find(|i| own(&steps[*i]));
        let kinds = if matches!(steps[step], StepProof::Chunk { .. }) {
            4
        } else {
            3
        };
        for which in 0..kinds {
            let mut proof = case.proof.clone();
            edit(&mut proof, step, which);
            let what = match (found_at, which) {
                (None, 0) => "the linear relation",
                _ => "the last claim of a sum-check",
            };
            match case.check(&proof) {
                Err(Error::Rejected {
                    check, step: at, ..
                }) => {
                    assert_eq!(
                        (check, at),
                        (what, Some(found_at.unwrap_or(steps.len() - 1)))
                    );
                }
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}
