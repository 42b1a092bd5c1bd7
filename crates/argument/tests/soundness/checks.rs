//! Checks of the native verifier, one test each and named for it: a forgery that this check refuses.
//!
//! Most of these proofs are right but for what the test is named for: without the check they would be accepted.
//! Checks of single steps are in [`crate::steps`], those of ids in [`crate::registered`].

use std::sync::LazyLock;

use ff::Field;
use halo2curves::bn256::{Fq, G1Affine};
use pleat_argument::group::folded;
use pleat_argument::group::verify::{Public, verify};
use pleat_argument::opening::OpeningKey;
use pleat_argument::program::Kind;
use pleat_argument::proof::{Proof, StepProof};
use pleat_argument::statement::{Statement, chain};
use pleat_argument::step::Shape;
use pleat_argument::step::descriptor::{Claims, Descriptor, Task, extend_program};
use pleat_argument::step::transition::{Message, Opening, apply};
use pleat_argument::{Error, Result, Scalar};

use crate::attacks::fails_at;
use crate::fixture::{BUNDLE, Forger, KEY, ROW_BITS, samples};

static HONEST: LazyLock<(Forger, Proof)> = LazyLock::new(|| {
    let forger = Forger::new(Kind::Accuracy);
    let proof = forger.prove();
    forger.verify(&proof).unwrap();
    (forger, proof)
});

/// Refused before any group is looked at.
fn fails_at_once<T: std::fmt::Debug>(result: Result<T>, what: &str) {
    match result {
        Err(Error::Rejected {
            check, group: None, ..
        }) => assert_eq!(check, what),
        other => panic!("{other:?}"),
    }
}

/// An honest proof of accuracy with a change is refused by the named check.
fn refused(what: &str, edit: impl Fn(&mut Proof)) {
    let (forger, proof) = &*HONEST;
    let mut forged = proof.clone();
    edit(&mut forged);
    fails_at(forger.verify(&forged), what);
}

/// A proof of a statement that contradicts the program or the key, by a prover who does not mind; with its steps,
/// and without.
fn contradicts(what: &str, edit: impl Fn(&mut Statement) + Copy) {
    let forger = &HONEST.0;
    let proof = forger.prove_as(edit);
    fails_at_once(forger.verify_as(edit, &proof), what);
    let (folded, _) = forger.fold_as(edit);
    fails_at_once(forger.verify_folded_as(edit, &folded), what);
}

fn shorten<T>(list: &mut Vec<T>) {
    list.pop();
}

// The statement.

#[test]
fn the_commitment_key() {
    contradicts("the commitment key", |s| s.key += Scalar::ONE);
}

#[test]
fn the_program_of_the_statement() {
    contradicts("the program", |s| s.program += Scalar::ONE);
}

#[test]
fn the_kind_of_the_program() {
    contradicts("the program", |s| s.kind = Kind::Outputs);
}

#[test]
fn the_activation_tables() {
    contradicts("the activation tables", |s| s.tables += Scalar::ONE);
}

#[test]
fn the_number_of_activation_tables() {
    let (forger, proof) = &*HONEST;
    let mut tables: Vec<G1Affine> = forger.tables.iter().map(|t| t.commitment).collect();
    tables.push(G1Affine::generator());
    let statement = Statement {
        tables: chain(&tables),
        ..forger.statement()
    };
    let public = Public {
        program: &forger.program,
        schedule: &forger.schedule(),
        statement: &statement,
        tables: &tables,
    };
    let key = OpeningKey::new(&KEY).unwrap();
    let what = "the number of activation tables";
    fails_at_once(verify(&key, &public, proof), what);
    fails_at_once(folded::verify(&key, &public, &forger.fold().0), what);
}

/// Two full groups, whose steps count four samples, for a statement about five.
#[test]
fn the_number_of_samples() {
    let mut forger = Forger::of(&BUNDLE, HONEST.0.program.clone(), &samples(&BUNDLE, 4));
    assert_eq!((forger.samples, forger.groups.len()), (4, 2));
    forger.verify(&forger.prove()).unwrap();
    let five = |s: &mut Statement| s.samples = 5;
    let proof = forger.prove_as(five);
    fails_at_once(forger.verify_as(five, &proof), "the number of samples");
    let (folded, _) = forger.fold_as(five);
    fails_at_once(
        forger.verify_folded_as(five, &folded),
        "the number of samples",
    );
    forger.samples = 5;
    fails_at_once(forger.verify(&proof), "the number of groups");
}

// Numbers of things.

#[test]
fn the_number_of_groups() {
    let (forger, proof) = &*HONEST;
    for edit in [(|p| p.groups.truncate(1)) as fn(&mut Proof), |p| {
        p.groups.push(p.groups[1].clone())
    }] {
        let mut forged = proof.clone();
        edit(&mut forged);
        fails_at_once(forger.verify(&forged), "the number of groups");
    }
}

/// A proof about no samples is none, whatever it opens.
#[test]
fn a_proof_of_no_group() {
    let mut forger = Forger::new(Kind::Accuracy);
    let mut proof = HONEST.1.clone();
    (forger.samples, forger.data) = (0, vec![]);
    (proof.groups, proof.data) = (vec![], vec![]);
    fails_at_once(forger.verify(&proof), "the number of groups");
}

/// Data vectors that no group reads.
#[test]
fn the_number_of_data_vectors() {
    let (forger, proof) = &*HONEST;
    let mut forged = proof.clone();
    forged.data.push(G1Affine::generator());
    fails_at_once(forger.verify(&forged), "the number of data vectors");
    forged.data.clear();
    fails_at_once(forger.verify(&forged), "the number of data vectors");
}

#[test]
fn the_number_of_weight_vectors() {
    refused("the number of weight vectors", |p| {
        p.weights.push(G1Affine::generator());
    });
    refused("the number of weight vectors", |p| p.weights.clear());
}

#[test]
fn the_number_of_chunks() {
    refused("the number of commitments", |p| {
        shorten(&mut p.groups[0].trace)
    });
    refused("the number of commitments", |p| {
        p.groups[1].trace.push(G1Affine::generator());
    });
}

/// Vectors that no step reads.
#[test]
fn the_number_of_outputs() {
    refused("the number of commitments", |p| {
        p.groups[0].outputs.push(G1Affine::generator());
    });
}

#[test]
fn the_number_of_steps() {
    refused("the number of steps", |p| shorten(&mut p.groups[0].steps));
    // One that nothing looks at.
    refused("the number of steps", |p| {
        let steps = &mut p.groups[0].steps;
        steps.push(steps[0].clone());
    });
}

#[test]
fn more_correct_samples_than_samples() {
    refused("more correct samples than samples", |p| {
        p.groups[0].count = 3
    });
    refused("more correct samples than samples", |p| {
        p.groups[1].count = 2
    });
}

#[test]
fn points_off_the_curve() {
    let edits: [fn(&mut Proof) -> &mut G1Affine; 4] = [
        |p| &mut p.weights[0],
        |p| &mut p.data[0],
        |p| &mut p.groups[1].trace[0],
        |p| &mut p.mask,
    ];
    for edit in edits {
        refused("a point off the curve", |p| edit(p).y += Fq::ONE);
    }
}

#[test]
fn the_opening() {
    refused("opening of the commitment", |p| {
        p.closing.blind += Scalar::ONE
    });
}

// Messages.

/// The place of the first step of some kind.
fn first(proof: &Proof, is: impl Fn(&StepProof) -> bool) -> usize {
    proof.groups[0].steps.iter().position(is).unwrap()
}

fn of_first(what: &str, is: fn(&StepProof) -> bool, edit: impl Fn(&mut StepProof)) {
    let at = first(&HONEST.1, is);
    refused(what, |p| edit(&mut p.groups[0].steps[at]));
}

#[test]
fn the_kind_of_a_step() {
    of_first(
        "the kind of the step",
        |s| matches!(s, StepProof::Chunk { .. }),
        |s| *s = StepProof::More { claims: vec![] },
    );
}

#[test]
fn the_rounds_of_a_head() {
    let is = |s: &StepProof| matches!(s, StepProof::Head { .. });
    let rounds = |s: &mut StepProof, edit: fn(&mut Vec<[Scalar; 2]>)| match s {
        StepProof::Head { rounds, .. } => edit(rounds),
        _ => unreachable!(),
    };
    for edit in [shorten as fn(&mut Vec<[Scalar; 2]>), |r| {
        r.push([Scalar::ZERO; 2])
    }] {
        of_first("the number of rounds", is, |s| rounds(s, edit));
    }
}

/// More rounds than there are coordinates.
#[test]
fn the_rounds_of_any_step() {
    of_first(
        "the number of rounds",
        |s| matches!(s, StepProof::Head { .. }),
        |s| match s {
            StepProof::Head { rounds, .. } => rounds.resize(11, [Scalar::ZERO; 2]),
            _ => unreachable!(),
        },
    );
}

#[test]
fn the_rounds_of_a_chunk() {
    of_first(
        "the number of rounds",
        |s| matches!(s, StepProof::Chunk { .. }),
        |s| match s {
            StepProof::Chunk { rounds, .. } => shorten(rounds),
            _ => unreachable!(),
        },
    );
}

fn is_vectors(step: &StepProof) -> bool {
    matches!(step, StepProof::Vectors { .. })
}

#[test]
fn the_rounds_of_vectors() {
    of_first("the number of rounds", is_vectors, |s| match s {
        StepProof::Vectors { rounds, .. } => shorten(rounds),
        _ => unreachable!(),
    });
}

#[test]
fn the_values_of_vectors() {
    for edit in [shorten as fn(&mut Vec<Scalar>), |v| v.push(Scalar::ZERO)] {
        of_first("the number of rounds", is_vectors, |s| match s {
            StepProof::Vectors { values, .. } => edit(values),
            _ => unreachable!(),
        });
    }
}

#[test]
fn the_claims_of_a_step() {
    let is = |s: &StepProof| matches!(s, StepProof::Head { .. });
    for edit in [shorten as fn(&mut Vec<[Scalar; 2]>), |c| {
        c.push([Scalar::ZERO; 2])
    }] {
        of_first("the number of claims", is, |s| match s {
            StepProof::Head { claims, .. } => edit(claims),
            _ => unreachable!(),
        });
    }
}

/// What a descriptor asks for that no step of the shape has.
fn message(descriptor: &Descriptor, commitments: usize, claims: usize) -> Result<Message> {
    let opening = Opening {
        salt: Scalar::ZERO,
        seed: Scalar::ZERO,
        count: 0,
    };
    let points = vec![G1Affine::generator(); commitments];
    let proof = StepProof::More {
        claims: vec![[Scalar::ZERO; 2]; claims],
    };
    Message::new(&Shape::new(ROW_BITS), descriptor, &opening, &points, &proof)
}

#[test]
fn the_commitments_of_a_step() {
    let mut descriptor = Descriptor::default();
    message(&descriptor, 0, 0).unwrap();
    let what = "the number of commitments of a step";
    fails_at(message(&descriptor, 1, 0), what);
    let names = HONEST.0.schedule().group(0).descriptors.clone();
    let name = names.iter().find_map(|d| d.vectors.first()).unwrap();
    descriptor.vectors = vec![*name; 2];
    message(&descriptor, 2, 0).unwrap();
    fails_at(message(&descriptor, 1, 0), what);
}

#[test]
fn more_commitments_than_a_step_has() {
    let names = HONEST.0.schedule().group(0).descriptors.clone();
    let name = names.iter().find_map(|d| d.vectors.first()).unwrap();
    let descriptor = Descriptor {
        vectors: vec![*name; 3],
        ..Descriptor::default()
    };
    let what = "the number of commitments of a step";
    fails_at(message(&descriptor, 3, 0), what);
}

#[test]
fn more_claims_than_a_step_has() {
    let names = HONEST.0.schedule().group(0).descriptors.clone();
    let product = *names.iter().find_map(|d| d.products.first()).unwrap();
    let of = |count: usize| Descriptor {
        products: vec![product; count],
        ..Descriptor::default()
    };
    message(&of(64), 0, 64).unwrap();
    fails_at(message(&of(65), 0, 65), "the number of claims");
}

// Lookups.

fn of_lookup(what: &str, edit: impl Fn(&mut pleat_argument::lookup::LookupProof)) {
    of_first(
        what,
        |s| matches!(s, StepProof::Chunk { .. }),
        |s| match s {
            StepProof::Chunk { lookup, .. } => edit(lookup),
            _ => unreachable!(),
        },
    );
}

const SHAPE_OF_A_LOOKUP: &str = "a lookup has the layers and rounds of its size";

#[test]
fn the_layers_of_a_lookup() {
    of_lookup(SHAPE_OF_A_LOOKUP, |l| shorten(&mut l.layers));
}

#[test]
fn the_rounds_of_a_lookup() {
    of_lookup(SHAPE_OF_A_LOOKUP, |l| shorten(&mut l.layers[3].rounds));
}

#[test]
fn the_layers_of_a_lookup_follow_from_each_other() {
    let what = "a lookup's layer is the sum of the one below";
    for value in 0..4 {
        of_lookup(what, |l| l.layers[2].values[value] += Scalar::ONE);
    }
    of_lookup(what, |l| l.layers[3].rounds[1][0] += Scalar::ONE);
    of_lookup(what, |l| l.root[0] += Scalar::ONE);
}

// The end of a group.

/// A group that ends with a step of slots, where something is pending still: all else is as it must be.
fn pending_at_the_end(claim: Scalar, forms: Scalar) -> Result<()> {
    let shape = Shape::new(ROW_BITS);
    let (_, records) = HONEST.0.fold();
    let mut state = records
        .into_iter()
        .find(|r| r.descriptor.end)
        .unwrap()
        .state;
    let descriptor = Descriptor {
        end: true,
        task: Task::More,
        claims: Claims::default(),
        ..Descriptor::default()
    };
    let digest = descriptor.digest(&shape);
    state.constants.program = extend_program(&state.inner.program, &digest);
    let inner = &mut state.inner;
    (inner.chain, inner.linear, inner.lookups) = (inner.seed, Scalar::ZERO, Scalar::ZERO);
    (state.constants.weights, state.constants.tables) = (inner.weights, inner.tables);
    (inner.pending.claim, inner.pending.forms) = (claim, forms);
    apply(
        &shape,
        &state,
        &descriptor,
        &digest,
        &Message::empty(&shape),
    )
    .map(drop)
}

#[test]
fn a_claim_that_is_pending_at_the_end() {
    pending_at_the_end(Scalar::ZERO, Scalar::ZERO).unwrap();
    let pending = pending_at_the_end(Scalar::ONE, Scalar::ZERO);
    fails_at(pending, "the last claim of a sum-check");
}

#[test]
fn forms_that_are_pending_at_the_end() {
    let pending = pending_at_the_end(Scalar::ZERO, Scalar::ONE);
    fails_at(pending, "the last claim of a sum-check");
}
