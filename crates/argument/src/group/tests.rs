//! What every challenge depends on: a change of anything that must be known before changes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cancelling;

use ff::Field;
use halo2curves::bn256::{Fr, G1, G1Affine};
use halo2curves::group::Curve;

use super::verify::verify_heads;
use super::{Challenges, Place, State, mask_challenge, opening_context, seed};
use crate::Scalar;
use crate::claims::RunningClaim;
use crate::program::{
    Block, DataLayout, Fill, Head, Kind, Lookup, Product, Program, Vector, VectorKind,
};
use crate::proof::{GroupProof, HeadProof};
use crate::statement::{Statement, chain, extend_chain};
use crate::view::{Axis, Factor, Target, View};

const ONE: Scalar = Fr::ONE;

fn point(n: u64) -> G1Affine {
    (G1::generator() * Scalar::from(n)).to_affine()
}

fn view(target: Target, bits: u32) -> View {
    View {
        identity: 0,
        claim: 0,
        factor: 1,
        head: 0,
        extras: vec![],
        axes: vec![Axis::new(
            bits,
            Factor::Powers {
                step: 1,
                lo: 0,
                hi: 1 << bits,
            },
        )],
        target,
    }
}

/// A chunk of two rows and two vectors of four entries: the least with every kind of step.
fn program() -> Program {
    let vector = |kind, slot, target, bits| Vector {
        kind,
        slot,
        bits: 3,
        blocks: vec![Block {
            offset: 0,
            bits,
            lookup: Lookup::NONE,
            views: vec![view(target, bits)],
            fill: Fill::Zero,
        }],
    };
    let chunk = |slot| vector(VectorKind::Trace, slot, Target::Columns([1, 0, 0, 0]), 1);
    let entries = |kind| vector(kind, 0, Target::Entries, 3);
    Program {
        kind: Kind::Accuracy,
        row_bits: 1,
        group_bits: 0,
        data: Some(DataLayout {
            record_bits: 3,
            vector_bits: 3,
            label: None,
        }),
        vectors: vec![
            chunk(0),
            chunk(1),
            entries(VectorKind::Weights),
            entries(VectorKind::Data),
        ],
        heads: vec![Head {
            bits: 1,
            products: vec![Product {
                identity: 0,
                bits: 1,
                claim: 1,
                layer: 0,
                runs: vec![],
                inputs: (0, 1),
                outputs: (0, 1),
                grouped: None,
                tap_bits: [0, 0],
            }],
        }],
        publics: vec![],
        count_claim: Some(3),
        useful_rows: 0,
        descriptors: vec![],
        digest: Scalar::ZERO,
    }
    .seal()
}

fn statement(program: &Program) -> Statement {
    Statement {
        kind: program.kind,
        model: Scalar::from(11),
        data: Scalar::from(12),
        samples: 2,
        context: Scalar::from(13),
        program: program.digest,
        tables: Scalar::from(14),
        key: Scalar::from(15),
    }
}

fn running() -> RunningClaim {
    RunningClaim {
        point: (20..23).map(Scalar::from).collect(),
        value: Scalar::from(24),
        list: Scalar::from(25),
    }
}

fn state() -> State {
    State {
        statement: statement(&program()).digest(),
        group: 1,
        samples: 2,
        count: 1,
        outputs: Scalar::from(4),
        data: Scalar::from(5),
        running: running(),
    }
}

const PLACE: Place = Place {
    vector: 1,
    prefix: 0,
    live: 2,
};

fn distinct(mut values: Vec<Scalar>) {
    let n = values.len();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), n);
}

/// Weights, tables, data and outputs as well as the trace; the whole state; the salt.
#[test]
fn the_seed_depends_on_everything_before_it() {
    let program = program();
    let statement = statement(&program);
    let salt = Scalar::from(30);
    let points: Vec<G1Affine> = (1..5).map(point).collect();
    let of = |statement: &Statement, state: &State, place: &Place, salt, points: &[G1Affine]| {
        seed(&program, statement, state, place, &salt, points)
    };
    let mut seeds = vec![of(&statement, &state(), &PLACE, salt, &points)];
    for i in 0..points.len() {
        let mut others = points.clone();
        others[i] = -others[i];
        seeds.push(of(&statement, &state(), &PLACE, salt, &others));
        others.swap(i, (i + 1) % 4);
        seeds.push(of(&statement, &state(), &PLACE, salt, &others));
    }
    let edits: [fn(&mut State); 9] = [
        |s| s.statement += ONE,
        |s| s.group += 1,
        |s| s.samples += 1,
        |s| s.count += 1,
        |s| s.outputs += ONE,
        |s| s.data += ONE,
        |s| s.running.value += ONE,
        |s| s.running.list += ONE,
        |s| s.running.point[2] += ONE,
    ];
    for edit in edits {
        let mut other = state();
        edit(&mut other);
        seeds.push(of(&statement, &other, &PLACE, salt, &points));
    }
    let fewer = Place { live: 1, ..PLACE };
    seeds.push(of(&statement, &state(), &fewer, salt, &points));
    seeds.push(of(&statement, &state(), &PLACE, salt + ONE, &points));
    let mut other = statement.clone();
    other.key += ONE;
    seeds.push(of(&other, &state(), &PLACE, salt, &points));
    let mut relabelled = program.clone();
    relabelled.vectors[2].kind = VectorKind::Tables;
    seeds.push(seed(
        &relabelled,
        &statement,
        &state(),
        &PLACE,
        &salt,
        &points,
    ));
    let mut relabelled = program.clone();
    relabelled.vectors[2].slot = 7;
    seeds.push(seed(
        &relabelled,
        &statement,
        &state(),
        &PLACE,
        &salt,
        &points,
    ));
    let mut other = program.clone();
    other.digest += ONE;
    seeds.push(seed(&other, &statement, &state(), &PLACE, &salt, &points));
    distinct(seeds);
}

#[test]
fn the_statement_depends_on_every_field() {
    let statement = statement(&program());
    let edits: [fn(&mut Statement); 8] = [
        |s| s.kind = Kind::Outputs,
        |s| s.model += ONE,
        |s| s.data += ONE,
        |s| s.samples += 1,
        |s| s.context += ONE,
        |s| s.program += ONE,
        |s| s.tables += ONE,
        |s| s.key += ONE,
    ];
    let mut digests = vec![statement.digest()];
    for edit in edits {
        let mut other = statement.clone();
        edit(&mut other);
        digests.push(other.digest());
    }
    // Exchanged fields are other statements.
    let mut other = statement.clone();
    std::mem::swap(&mut other.model, &mut other.data);
    digests.push(other.digest());
    distinct(digests);
    distinct(vec![
        chain(&[]),
        chain(&[point(1)]),
        chain(&[point(2), point(1)]),
        chain(&[point(1), point(2)]),
        chain(&[-point(1), point(2)]),
        extend_chain(&ONE, &point(1)),
    ]);
}

/// The challenges of a seed differ from each other, and all with it.
#[test]
fn derived_challenges_differ() {
    let mut all = vec![];
    for (seed, salt) in [(1, 2), (2, 2), (1, 3)] {
        let c = Challenges::new(Scalar::from(seed), Scalar::from(salt), &PLACE);
        if salt == 2 {
            all.extend([c.seed, c.eta, c.gamma, c.context.xi, c.context.zeta]);
        }
        let mut heads = c.heads();
        all.push(heads.message(&[]));
    }
    distinct(all);
}

fn challenges() -> Challenges {
    let mut challenges = Challenges::new(Scalar::from(1), Scalar::from(2), &PLACE);
    challenges.context.delta = Scalar::from(3);
    challenges.context.points = vec![vec![Scalar::from(4)]];
    challenges
}

/// The running claim above all: else a false claim of this step cancels a false one of earlier steps.
#[test]
fn a_step_depends_on_the_running_claim() {
    let program = program();
    let start = |c: &Challenges, index, running: &RunningClaim, points: &[G1Affine]| {
        c.step(&program, index, running, points).message(&[])
    };
    let points = [point(1), point(2)];
    let mut all = vec![start(&challenges(), 1, &running(), &points)];
    let edits: [fn(&mut RunningClaim); 5] = [
        |r| r.value += ONE,
        |r| r.list += ONE,
        |r| r.point[0] += ONE,
        |r| r.point[1] += ONE,
        |r| r.point[2] += ONE,
    ];
    for edit in edits {
        let mut other = running();
        edit(&mut other);
        all.push(start(&challenges(), 1, &other, &points));
    }
    let edits: [fn(&mut Challenges); 3] = [
        |c| c.seed += ONE,
        |c| c.salt += ONE,
        |c| c.context.delta += ONE,
    ];
    for edit in edits {
        let mut other = challenges();
        edit(&mut other);
        all.push(start(&other, 1, &running(), &points));
    }
    all.push(start(&challenges(), 0, &running(), &points));
    all.push(start(&challenges(), 1, &running(), &points[..1]));
    all.push(start(&challenges(), 1, &running(), &[points[1], points[0]]));
    all.push(start(
        &challenges(),
        1,
        &running(),
        &[points[0], -points[1]],
    ));
    let mut other = program.clone();
    other.descriptors[2] += ONE;
    let mut start = challenges().step(&other, 1, &running(), &points);
    all.push(start.message(&[]));
    distinct(all);
}

#[test]
fn the_list_depends_on_commitment_multiplier_and_order() {
    let list = |terms: &[(u64, u64)]| {
        let mut claim = RunningClaim::new(3);
        for (p, mu) in terms {
            claim.absorb(&point(*p), &Scalar::from(*mu));
        }
        claim.list
    };
    let lists = [
        list(&[(1, 2), (3, 4)]),
        list(&[(3, 4), (1, 2)]),
        list(&[(1, 2)]),
        list(&[(1, 4), (3, 2)]),
        list(&[(1, 2), (3, 5)]),
        list(&[(1, 2), (5, 4)]),
    ];
    distinct(lists.to_vec());
}

#[test]
fn the_mask_and_the_opening_depend_on_the_final_state() {
    let of = |state: &State, mask, value| mask_challenge(state, &point(mask), &Scalar::from(value));
    let mut other = state();
    other.running.value += ONE;
    let mut counted = state();
    counted.count += 1;
    distinct(vec![
        of(&state(), 1, 2),
        of(&state(), 2, 2),
        of(&state(), 1, 3),
        of(&other, 1, 2),
        of(&counted, 1, 2),
    ]);
    let statement = statement(&program());
    let context = opening_context(&statement, &state());
    assert_ne!(context, opening_context(&statement, &other));
    assert_ne!(context, opening_context(&statement, &counted));
}

/// Delta after sums, rounds, claims and count: a head of no variable has one claim that is right.
#[test]
fn delta_depends_on_claims_and_count() {
    let mut program = program();
    program.heads[0].bits = 0;
    let delta = |x: u64, u: u64, sum: u64, count: u64| {
        let group = GroupProof {
            salt: ONE,
            trace: vec![],
            outputs: vec![],
            heads: vec![HeadProof {
                sum: Scalar::from(sum),
                rounds: vec![],
                claims: vec![[Scalar::from(x), Scalar::from(u)]],
            }],
            count,
            steps: vec![],
        };
        let mut challenges = challenges();
        challenges.context.points.clear();
        verify_heads(&program, &group, &mut challenges).unwrap();
        challenges.context.delta
    };
    // 2 * 6 = 3 * 4 = 12 * 1: all are right about the sum.
    distinct(vec![
        delta(2, 6, 12, 0),
        delta(6, 2, 12, 0),
        delta(3, 4, 12, 0),
        delta(2, 6, 12, 1),
        delta(1, 6, 6, 0),
    ]);
}
