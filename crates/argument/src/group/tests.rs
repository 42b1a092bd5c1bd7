//! What every challenge depends on: a change of anything that must be known before changes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cancelling;
mod digests;

use ff::Field;
use halo2curves::bn256::{Fr, G1, G1Affine};
use halo2curves::group::Curve;

use self::digests::others;
use super::{Place, opening_context, seed};
use crate::Scalar;
use crate::claims::RunningClaim;
use crate::program::{
    Block, DataLayout, Fill, Head, Kind, Lookup, Product, Program, Vector, VectorKind,
};
use crate::statement::{Statement, chain, extend_chain};
use crate::step::Shape;
use crate::step::descriptor::{ClaimSlot, Claims, Descriptor, Task};
use crate::step::lower::lower;
use crate::step::state::{Constants, State};
use crate::step::transition::{Message, Outcome, apply, start};
use crate::transcript::{Domain, hash, point_elements};
use crate::view::{Axis, Factor, Target, View};

const ONE: Scalar = Fr::ONE;
const SHAPE: Shape = Shape::new(1);

fn point(n: u64) -> G1Affine {
    (G1::generator() * Scalar::from(n)).to_affine()
}

fn view(target: Target, bits: u32) -> View {
    View {
        identity: 0,
        claim: 0,
        factor: 1,
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
        head: Head {
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
        },
        publics: vec![],
        count_claim: Some(3),
        useful_rows: 0,
        places: vec![],
        work: 0,
    }
}

fn statement() -> Statement {
    Statement {
        kind: Kind::Accuracy,
        model: Scalar::from(11),
        data: Scalar::from(12),
        samples: 2,
        context: Scalar::from(13),
        program: Scalar::from(16),
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

/// Between two groups.
fn state() -> State {
    let constants = Constants {
        statement: statement().digest(),
        program: Scalar::from(31),
        last_program: Scalar::from(32),
        weights: Scalar::from(33),
        tables: Scalar::from(34),
    };
    State {
        group: 2,
        samples: 2,
        count: 1,
        outputs: Scalar::from(4),
        data: Scalar::from(5),
        cursor: [Scalar::from(6), Scalar::from(7)],
        running: running(),
        ..State::new(constants, &SHAPE, &point(9))
    }
}

/// Inside a group.
fn inside() -> State {
    let mut state = state();
    let inner = &mut state.inner;
    let own = [
        &mut inner.program,
        &mut inner.salt,
        &mut inner.seed,
        &mut inner.chain,
        &mut inner.xi,
        &mut inner.zeta,
        &mut inner.eta,
        &mut inner.gamma,
        &mut inner.delta,
        &mut inner.transcript,
        &mut inner.linear,
    ];
    for (i, element) in own.into_iter().enumerate() {
        *element = Scalar::from(40 + i as u64);
    }
    inner.head[0] = Scalar::from(60);
    state
}

const PLACE: Place = Place {
    vector: 1,
    prefix: 0,
    live: 1,
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
    let salt = Scalar::from(30);
    let points: Vec<G1Affine> = (1..5).map(point).collect();
    let of = |state: &State, place: &Place, salt, points: &[G1Affine]| {
        seed(&program, state, place, &salt, points)
    };
    let mut seeds = vec![of(&state(), &PLACE, salt, &points)];
    for i in 0..points.len() {
        let mut others = points.clone();
        others[i] = -others[i];
        seeds.push(of(&state(), &PLACE, salt, &others));
        others.swap(i, (i + 1) % 4);
        seeds.push(of(&state(), &PLACE, salt, &others));
    }
    for other in others(&state()) {
        seeds.push(of(&other, &PLACE, salt, &points));
    }
    let fewer = Place { live: 0, ..PLACE };
    seeds.push(of(&state(), &fewer, salt, &points));
    seeds.push(of(&state(), &PLACE, salt + ONE, &points));
    let mut relabelled = program.clone();
    relabelled.vectors[2].kind = VectorKind::Tables;
    seeds.push(seed(&relabelled, &state(), &PLACE, &salt, &points));
    let mut relabelled = program.clone();
    relabelled.vectors[2].slot = 7;
    seeds.push(seed(&relabelled, &state(), &PLACE, &salt, &points));
    distinct(seeds);
}

#[test]
fn the_statement_depends_on_every_field() {
    let statement = statement();
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

/// The program's steps, and the one of a task.
fn steps() -> Vec<Descriptor> {
    lower(&program(), &SHAPE, 1).unwrap()
}

fn step(task: Task) -> Descriptor {
    let mut steps = steps().into_iter();
    let mut step = steps.find(|s| s.task == task).unwrap();
    step.end = false;
    step
}

/// The challenges of a seed differ from each other, and all with it.
#[test]
fn derived_challenges_differ() {
    let mut all = vec![];
    let begin = step(Task::Head);
    assert!(begin.begin);
    for (seed, salt) in [(1, 2), (2, 2), (1, 3)] {
        let own = [Scalar::from(salt), Scalar::from(seed)];
        let (next, transcript) = start(&state(), &begin, &ONE, &own, &[]).unwrap();
        let inner = next.inner;
        if salt == 2 {
            all.extend([inner.seed, inner.eta, inner.gamma, inner.xi, inner.zeta]);
        }
        // The chain that must lead to the seed begins with the salt and all of the state.
        if seed == 1 {
            all.push(inner.chain);
        }
        all.push(transcript.state());
    }
    for other in others(&state()).iter().filter(|s| s.is_idle(&SHAPE)) {
        let own = [Scalar::from(2), ONE];
        if let Ok((next, _)) = start(other, &begin, &ONE, &own, &[]) {
            all.push(next.inner.chain);
        }
    }
    distinct(all);
}

/// The running claim above all: else a false claim of this step cancels a false one of earlier steps.
#[test]
fn a_step_depends_on_the_running_claim() {
    let points = [point(1), point(2)];
    for task in [Task::Chunk, Task::Vectors] {
        let own = step(task);
        let start = |state: &State, digest: Scalar, points: &[G1Affine]| {
            let begin = [Scalar::ZERO; 2];
            let (_, transcript) = start(state, &own, &digest, &begin, points).unwrap();
            transcript.state()
        };
        let mut all = vec![start(&inside(), ONE, &points)];
        let edits: [fn(&mut State); 9] = [
            |s| s.running.value += ONE,
            |s| s.running.list += ONE,
            |s| s.running.point[0] += ONE,
            |s| s.running.point[1] += ONE,
            |s| s.running.point[2] += ONE,
            |s| s.inner.seed += ONE,
            |s| s.inner.salt += ONE,
            |s| s.inner.delta += ONE,
            |s| s.inner.program += ONE,
        ];
        for edit in edits {
            let mut other = inside();
            edit(&mut other);
            all.push(start(&other, ONE, &points));
        }
        all.push(start(&inside(), ONE + ONE, &points));
        all.push(start(&inside(), ONE, &points[..1]));
        all.push(start(&inside(), ONE, &[points[1], points[0]]));
        all.push(start(&inside(), ONE, &[points[0], -points[1]]));
        distinct(all);
    }
}

#[test]
fn the_list_depends_on_commitment_multiplier_and_order() {
    let list = |terms: &[(u64, u64)]| {
        let mut claim = RunningClaim::new(3, &point(9));
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
fn the_first_claim_is_about_the_mask() {
    let claim = |mask: u64| RunningClaim::new(3, &point(mask));
    for mask in [1, 2] {
        let own = claim(mask);
        assert_eq!(
            (own.point, own.value),
            (vec![Scalar::ZERO; 3], Scalar::ZERO)
        );
        let [low, high] = point_elements(&point(mask));
        let terms = [Scalar::ZERO, low, high, ONE];
        assert_eq!(own.list, hash(Domain::List, &terms));
    }
    assert_ne!(claim(1).list, claim(2).list);
}

#[test]
fn points_near_zero_hide_nothing() {
    let mut claim = RunningClaim::new(6, &point(1));
    for (coordinates, hides) in [(0, false), (1, false), (2, false), (3, true), (6, true)] {
        for first in 0..=6 - coordinates {
            claim.point.fill(Scalar::ZERO);
            claim.point[first..first + coordinates].fill(ONE + ONE);
            assert_eq!(claim.hides(), hides, "{coordinates} from {first}");
        }
    }
}

#[test]
fn the_opening_depends_on_key_and_final_state() {
    let context = opening_context(&statement(), &state());
    for other in others(&state()) {
        assert_ne!(context, opening_context(&statement(), &other));
    }
    let mut other = statement();
    other.key += ONE;
    assert_ne!(context, opening_context(&other, &state()));
}

/// Delta after sums, rounds, claims of all steps, and count: a head of no variable has one claim that is right.
#[test]
fn delta_depends_on_claims_and_count() {
    let one = |verify, close| Descriptor {
        head_bits: 0,
        count_claim: Some(9).filter(|_| close),
        claims: Claims {
            verify,
            close,
            target: true,
            ..Claims::default()
        },
        products: vec![ClaimSlot { step: 0 }],
        ..step(Task::Head)
    };
    let own = |x: u64, u: u64, sum: u64, count: u64| {
        let mut message = Message::empty(&SHAPE);
        (message.part, message.count) = (Scalar::from(sum), count);
        message.claims[0] = [Scalar::from(x), Scalar::from(u)];
        message
    };
    let mut deltas = vec![];
    // 2 * 6 = 3 * 4 = 12 * 1: all are right about the sum.
    for (x, u, sum) in [(2, 6, 12), (6, 2, 12), (3, 4, 12), (1, 6, 6)] {
        for count in 0..2 {
            let (head, said) = (one(true, true), own(x, u, sum, count));
            let outcome = apply(&SHAPE, &state(), &head, &ONE, &said).unwrap();
            let inner = &outcome.state.inner;
            assert_eq!(inner.pending.claim, Scalar::ZERO);
            assert_eq!(outcome.state.count, state().count + count);
            deltas.push(inner.delta);
        }
        // The same, the claims in two steps of which the second ends them.
        let (head, said) = (one(true, false), own(x, u, sum, 0));
        let first = apply(&SHAPE, &state(), &head, &ONE, &said).unwrap();
        let first: Outcome = first;
        assert_eq!(first.state.inner.delta, Scalar::ZERO);
        let mut last = one(false, true);
        (last.begin, last.task) = (false, Task::More);
        for (x, count) in [(1, 0), (2, 0), (2, 1)] {
            let said = own(x, 1, 0, count);
            let outcome = apply(&SHAPE, &first.state, &last, &ONE, &said).unwrap();
            deltas.push(outcome.state.inner.delta);
        }
    }
    distinct(deltas);
}
