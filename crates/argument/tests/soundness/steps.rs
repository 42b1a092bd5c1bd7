//! Steps one by one: honest groups go through, and every check of a step refuses what it is for.

use ff::Field;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::layout::inference;
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::step::Shape;
use pleat_argument::step::descriptor::Task;
use pleat_argument::step::state::State;
use pleat_argument::step::transition::{apply, start};
use pleat_argument::{Error, Scalar};
use pleat_model::graph;
use pleat_model::network::{Activation, LayerOp};

use crate::attacks::fails_at;
use crate::fixture::{
    BUNDLE, Forger, GROUP_BITS, ROW_BITS, bundle, rejected, samples, tiny_network,
};
use crate::folded::replay;
use crate::networks::{conv, network_of, range, window};

const ONE: Scalar = Scalar::ONE;

/// The state after a record, its digest computed anew.
fn after(shape: &Shape, record: &StepRecord) -> Result<State, Error> {
    let StepRecord {
        state,
        descriptor,
        message,
    } = record;
    Ok(apply(shape, state, descriptor, &descriptor.digest(shape), message)?.state)
}

/// The steps of an honest proof.
struct Run {
    shape: Shape,
    records: Vec<StepRecord>,
}

impl Run {
    fn new(forger: &Forger) -> Self {
        let (folded, records) = forger.fold();
        let shape = forger.schedule().shape;
        let expected = forger.verify_folded(&folded).unwrap();
        let (_, last, _) = replay(&shape, &records).unwrap();
        assert_eq!(last.digest(), expected.last);
        Self { shape, records }
    }

    fn find(&self, f: impl Fn(&StepRecord) -> bool) -> usize {
        self.records.iter().position(f).unwrap()
    }

    /// A record with something changed is refused by the named check.
    fn refused(&self, at: usize, what: &str, edit: impl Fn(&mut StepRecord)) {
        let mut record = self.records[at].clone();
        edit(&mut record);
        fails_at(after(&self.shape, &record), what);
    }

    /// From the record's changed state or message on, the others as they are: some step refuses before the group
    /// ends, or the state in between differs for good.
    fn diverges(&self, at: usize, what: &str, edit: impl Fn(&mut StepRecord)) {
        let mut changed = self.records[at].clone();
        edit(&mut changed);
        let mut state = match after(&self.shape, &changed) {
            Ok(state) => state,
            Err(e) => return rejected::<()>(Err(e), what),
        };
        for record in &self.records[at + 1..] {
            let mut record = record.clone();
            if record.descriptor.begin {
                break;
            }
            record.state = state;
            state = match after(&self.shape, &record) {
                Ok(state) => state,
                Err(e) => return rejected::<()>(Err(e), what),
            };
        }
        panic!("{what}: accepted");
    }
}

fn accuracy() -> Run {
    Run::new(&Forger::new(Kind::Accuracy))
}

#[test]
fn every_check_of_a_start() {
    let run = accuracy();
    let first = &run.records[0];
    assert!(first.descriptor.begin);
    let second = run.find(|r| r.descriptor.begin && r.state.group == 1);
    for at in [0, second] {
        run.refused(at, "a group begins inside another", |r| {
            r.state.inner.program = ONE;
        });
        for by in [1, 2] {
            run.refused(at, "a group after one that was not full", |r| {
                r.state.samples += by;
            });
            run.refused(at, "a group after one that was not full", |r| {
                r.state.group += by;
            });
        }
    }
    // None follows the last group, which is not full.
    let last = run.records.last().unwrap();
    assert!(last.descriptor.end);
    let mut next = first.clone();
    next.state = after(&run.shape, last).unwrap();
    assert_eq!((next.state.samples, next.state.group), (3, 2));
    fails_at(
        after(&run.shape, &next),
        "a group after one that was not full",
    );

    for (i, record) in run.records.iter().enumerate() {
        if record.descriptor.task == Task::More {
            continue;
        }
        for edit in [
            |s: &mut State| s.inner.pending.claim += ONE,
            |s: &mut State| s.inner.pending.forms += ONE,
        ] {
            run.refused(i, "the last claim of a sum-check", |r| edit(&mut r.state));
        }
    }
    // The same before anything is said.
    let mut state = first.state.clone();
    state.inner.pending.claim = ONE;
    let started = start(&state, &first.descriptor, &ONE, &first.message.begin, &[]);
    fails_at(started.map(drop), "the last claim of a sum-check");
}

#[test]
fn every_check_of_an_end() {
    let run = accuracy();
    let ends: Vec<usize> = (0..run.records.len())
        .filter(|i| run.records[*i].descriptor.end)
        .collect();
    assert_eq!(ends.len(), 2);
    type Edit = fn(&mut State);
    let edits: [(&str, Edit); 8] = [
        ("the seed of the challenges", |s| s.inner.chain += ONE),
        ("the program", |s| {
            s.constants.program = s.constants.last_program + ONE
        }),
        ("the weights", |s| s.constants.weights += ONE),
        ("the weights", |s| s.inner.weights += ONE),
        ("the activation tables", |s| s.constants.tables += ONE),
        ("the linear relation", |s| s.inner.linear += ONE),
        ("the lookups", |s| s.inner.lookups += ONE),
        ("the lookups", |s| s.inner.lookups -= ONE),
    ];
    for at in ends {
        for (what, edit) in edits {
            if what == "the program" {
                run.refused(at, what, |r| {
                    (r.state.constants.program, r.state.constants.last_program) = (ONE, ONE);
                });
            } else {
                run.refused(at, what, |r| edit(&mut r.state));
            }
        }
        if run.records[at].descriptor.task != Task::More {
            run.refused(at, "the last claim of a sum-check", |r| {
                r.message.values[0] += ONE;
            });
        }
        // Each of the two programs will do.
        let mut record = run.records[at].clone();
        let constants = &mut record.state.constants;
        let own = match record.state.group {
            0 => constants.program,
            _ => constants.last_program,
        };
        assert_ne!(constants.program, constants.last_program);
        (constants.program, constants.last_program) = (own, ONE);
        after(&run.shape, &record).unwrap();
        let constants = &mut record.state.constants;
        (constants.program, constants.last_program) = (ONE, own);
        after(&run.shape, &record).unwrap();
    }
}

/// The chain of the group is that of its seed: whatever is said of it at the beginning.
#[test]
fn the_chain_leads_to_the_seed() {
    let run = accuracy();
    for i in 0..2 {
        run.diverges(0, "another salt or seed", |r| r.message.begin[i] += ONE);
    }
    let with = |kind: VectorKind| run.find(|r| r.descriptor.vectors.iter().any(|v| v.kind == kind));
    for kind in [
        VectorKind::Trace,
        VectorKind::Weights,
        VectorKind::Tables,
        VectorKind::Data,
    ] {
        run.diverges(with(kind), "another commitment", |r| {
            for own in &mut r.message.commitments {
                *own = -*own;
            }
        });
    }
}

/// Steps left out, repeated, exchanged.
#[test]
fn steps_of_another_program() {
    let run = accuracy();
    let end = run.find(|r| r.descriptor.end) + 1;
    let group = &run.records[..end];
    let check = |order: &[usize], what: &str| {
        let mut state = group[0].state.clone();
        for &i in order {
            let mut record = group[i].clone();
            record.state = state;
            state = match after(&run.shape, &record) {
                Ok(state) => state,
                Err(e) => return rejected::<()>(Err(e), what),
            };
        }
        assert!(!state.is_idle(&run.shape), "{what}");
    };
    let all: Vec<usize> = (0..end).collect();
    for i in 0..end {
        check(&[&all[..i], &all[i + 1..]].concat(), "a step left out");
        check(&[&all[..=i], &all[i..]].concat(), "a step repeated");
        if i > 0 {
            let mut order = all.clone();
            order.swap(i - 1, i);
            check(&order, "steps exchanged");
        }
    }
    // A step that does nothing but lengthen the program.
    for i in 1..end {
        let mut state = group[0].state.clone();
        let mut refused = None;
        for (j, record) in group.iter().enumerate() {
            if j == i {
                let mut empty = group[0].descriptor.clone();
                (empty.begin, empty.task, empty.half) = (false, Task::More, false);
                empty.claims = Default::default();
                empty.count_claim = None;
                empty.products.clear();
                empty.slots.clear();
                let digest = empty.digest(&run.shape);
                let mut message = record.message.clone();
                message.count = 0;
                state = apply(&run.shape, &state, &empty, &digest, &message)
                    .unwrap()
                    .state;
            }
            let mut record = record.clone();
            record.state = state;
            match after(&run.shape, &record) {
                Ok(next) => state = next,
                Err(e) => {
                    refused = Some(e);
                    break;
                }
            }
        }
        rejected::<()>(Err(refused.unwrap()), "a step more");
    }
}

#[test]
fn every_check_of_a_chunk_and_of_vectors() {
    let run = accuracy();
    let chunk = run.find(|r| r.descriptor.task == Task::Chunk);
    run.refused(chunk, "a denominator of zero", |r| {
        let lookup = &mut r.message.lookup;
        lookup.root = [Scalar::ZERO; 2];
        for layer in &mut lookup.layers {
            layer.values = [Scalar::ZERO; 4];
            layer.rounds.fill([Scalar::ZERO; 2]);
        }
    });
    let mut record = run.records[chunk].clone();
    record.message.lookup.layers[2].values[1] += ONE;
    rejected(after(&run.shape, &record), "a layer");
    let vectors = run.find(|r| r.descriptor.task == Task::Vectors);
    let elements: [fn(&mut StepRecord); 7] = [
        |r| r.message.part += ONE,
        |r| r.message.forms += ONE,
        |r| r.message.values[0] += ONE,
        |r| r.message.values[3] += ONE,
        |r| r.message.running[0] += ONE,
        |r| r.message.rounds[4][0] += ONE,
        |r| r.message.rounds[9][1] += ONE,
    ];
    for at in [chunk, vectors] {
        for (i, edit) in elements.iter().enumerate() {
            if at == vectors && [1, 3].contains(&i) {
                continue;
            }
            run.diverges(at, &format!("element {i} of step {at}"), edit);
        }
    }
    // What joins the steps' own parts and lies in the state is the group's to account for.
    let states: [fn(&mut StepRecord); 8] = [
        |r| r.state.inner.xi += ONE,
        |r| r.state.inner.zeta += ONE,
        |r| r.state.inner.eta += ONE,
        |r| r.state.inner.gamma += ONE,
        |r| r.state.inner.linear += ONE,
        |r| r.state.inner.lookups += ONE,
        |r| r.state.running.value += ONE,
        |r| r.state.inner.chain += ONE,
    ];
    for (i, edit) in states.iter().enumerate() {
        run.diverges(chunk, &format!("state {i}"), edit);
    }
}

#[test]
fn counts() {
    let run = accuracy();
    for (i, record) in run.records.iter().enumerate() {
        match record.descriptor.claims.close {
            false => run.refused(i, "a count that is not claimed", |r| r.message.count = 1),
            true => run.diverges(i, "another count", |r| r.message.count += 1),
        }
    }
    let close = run.find(|r| r.descriptor.claims.close);
    run.refused(close, "more correct samples than samples", |r| {
        (r.state.count, r.message.count) = (u64::MAX, 1);
    });
    for kind in [Kind::Outputs, Kind::RegisteredModel, Kind::RegisteredData] {
        let run = Run::new(&Forger::new(kind));
        let close = run.find(|r| r.descriptor.claims.close);
        assert_eq!(run.records[close].descriptor.count_claim, None);
        run.refused(close, "a count that is not claimed", |r| {
            r.message.count = 1
        });
    }
}

/// Groups share a data vector: the first takes it, the others must show the same; then the next begins.
#[test]
fn places_in_data_vectors() {
    let bundle = bundle(tiny_network(), 5);
    let all = samples(&bundle, 19);
    let program = inference(&bundle.network, Kind::Accuracy, true, ROW_BITS, 2).unwrap();
    let forger = Forger::of(&bundle, program, &all);
    assert_eq!((forger.data.len(), forger.groups.len()), (2, 5));
    let run = Run::new(&forger);
    let begins: Vec<&State> = (run.records.iter())
        .filter(|r| r.descriptor.begin)
        .map(|r| &r.state)
        .collect();
    let last = after(&run.shape, run.records.last().unwrap()).unwrap();
    let places = |f: fn(&State) -> u64| -> Vec<u64> {
        begins.iter().copied().chain([&last]).map(f).collect()
    };
    assert_eq!(places(|s| s.group), [0, 1, 2, 3, 4, 5]);
    assert_eq!(places(|s| s.samples), [0, 4, 8, 12, 16, 19]);
    assert_eq!(places(|s| s.prefix), [0, 1, 2, 3, 0, 1]);
    assert!(begins[1..4].iter().all(|s| s.cursor == begins[1].cursor));
    assert!(begins[1..4].iter().all(|s| s.data == begins[1].data));
    assert!(last.cursor != begins[4].cursor && last.data != begins[4].data);
    assert_eq!(begins[4].data, begins[1].data);

    let reads = |r: &StepRecord| (r.descriptor.vectors.iter()).any(|v| v.kind == VectorKind::Data);
    for (i, record) in run.records.iter().enumerate().filter(|(_, r)| reads(r)) {
        if record.state.prefix != 0 {
            for half in 0..2 {
                run.refused(i, "another data vector", |r| r.state.cursor[half] += ONE);
            }
        }
        run.diverges(i, "another place", |r| r.state.prefix += 1);
    }
}

/// 70 convolutions: claims in two portions, and the first once more when delta is known.
#[test]
fn claims_of_many_products() {
    let size = graph::Shape::new(1, 1, 1);
    let mut layers = vec![(LayerOp::Input, vec![], size, range(-2, 9))];
    for i in 0..70 {
        let op = conv(1, 1, window([1, 1], [1, 1], [0; 4]), 3, Activation::Clamp);
        layers.push((op, vec![i], size, range(-8, 15)));
    }
    let bundle = bundle(network_of(layers, &[70]), 3);
    let all = samples(&bundle, 3);
    let program = inference(&bundle.network, Kind::Accuracy, true, ROW_BITS, GROUP_BITS).unwrap();
    assert!(program.head.products.len() > 64);
    let forger = Forger::of(&bundle, program, &all);
    let native = forger.prove_honestly().unwrap();
    forger.verify(&native).unwrap();
    let run = Run::new(&forger);
    let flags = |i: usize| run.records[i].descriptor.claims;
    let head = run.find(|r| r.descriptor.task == Task::Head);
    let close = run.find(|r| r.descriptor.claims.close);
    let again = run.find(|r| r.descriptor.claims.replay);
    let until = run.find(|r| r.descriptor.claims.replayed);
    assert!(head < close && close < again && again <= until);
    assert!(flags(head).verify && !flags(head).target && !flags(head).close);
    assert!(flags(close).verify && flags(close).target && !flags(until).verify);
    // Other claims the second time: one more, exchanged, of another product.
    let what = "claims that are not those of the channel sum-check";
    for (i, k) in [(0, 0), (1, 1), (63, 0)] {
        run.refused(until, what, |r| r.message.claims[i][k] += ONE);
    }
    run.refused(until, what, |r| r.message.claims.swap(0, 1));
    run.refused(until, what, |r| r.message.claims[0].swap(0, 1));
    run.refused(until, what, |r| r.state.inner.marks[1] += ONE);
    run.refused(until, what, |r| r.state.inner.marks[0] += ONE);
    // The state between does not matter: the transcript goes back to its mark.
    let mut other = run.records[again].clone();
    other.state.inner.transcript += ONE;
    let (a, b) = (
        after(&run.shape, &other),
        after(&run.shape, &run.records[again]),
    );
    assert_eq!(a.unwrap(), b.unwrap());
    // The first time all enter the sum-check and delta.
    for at in [head, close] {
        for k in 0..2 {
            run.diverges(at, "another claim", |r| r.message.claims[2][k] += ONE);
        }
    }
    // Two errors that cancel in the sum-check, in either portion.
    run.diverges(head, "claims exchanged", |r| r.message.claims.swap(0, 1));
    // At the verifier: any claim of any step.
    let steps = native.groups[0].steps.len();
    for step in 0..steps {
        use pleat_argument::proof::StepProof;
        let proof = &native;
        let claims = match &proof.groups[0].steps[step] {
            StepProof::Head { claims, .. } | StepProof::More { claims } if !claims.is_empty() => {
                claims
            }
            _ => continue,
        };
        let (n, own) = (claims.len(), claims.clone());
        for (i, k) in [(0, 0), (0, 1), (n / 2, 0), (n - 1, 1)] {
            let mut forged = proof.clone();
            let (StepProof::Head { claims, .. } | StepProof::More { claims }) =
                &mut forged.groups[0].steps[step]
            else {
                unreachable!()
            };
            claims[i][k] += ONE;
            rejected(forger.verify(&forged), "a claim");
        }
        for shape in [own[1..].to_vec(), [&own[..], &own[..1]].concat()] {
            let mut forged = proof.clone();
            let (StepProof::Head { claims, .. } | StepProof::More { claims }) =
                &mut forged.groups[0].steps[step]
            else {
                unreachable!()
            };
            *claims = shape;
            fails_at(forger.verify(&forged), "the number of claims");
        }
    }
    // A false value is found with portions as without.
    let mut forger = forger;
    forger.groups[1].chunks[0][2] += 1;
    rejected(forger.outcome(), "a false value");
}

/// The prover that the library offers refuses to prove what is false.
#[test]
fn an_honest_prover_refuses_what_is_false() {
    for kind in crate::fixture::KINDS {
        let forger = Forger::new(kind);
        forger.verify(&forger.prove_honestly().unwrap()).unwrap();
        let mut forger = Forger::new(kind);
        forger.groups[0].chunks[0][1] = -5;
        rejected(forger.prove_honestly(), "a false column");
        // The other one goes on, and the verifier refuses.
        rejected(forger.outcome(), "a false column");
    }
    let program = inference(&BUNDLE.network, Kind::Accuracy, true, ROW_BITS, GROUP_BITS).unwrap();
    let mut forger = Forger::of(&BUNDLE, program, &samples(&BUNDLE, 3));
    let honest = forger.outcome().unwrap().count;
    forger.groups[0].count = Some(0);
    forger.groups[1].count = Some(0);
    assert!(honest > 0);
    fails_at(forger.prove_honestly().map(drop), "the linear relation");
}
