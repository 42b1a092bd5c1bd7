//! Forged records: the circuit refuses what its native twin refuses, and else says the same next state.

use std::collections::BTreeMap;

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::group::prove::StepRecord;
use pleat_argument::program::VectorKind;
use pleat_argument::step::descriptor::Task;
use pleat_argument::step::lookup::LookupSlot;
use pleat_argument::step::slot::{Factor, Slot};
use pleat_argument::step::transition::Message;
use rayon::prelude::*;

use crate::steps::{KINDS_OF_STEPS, SHAPE, circuit, native, ready, step};

const ONE: Scalar = Scalar::one();

type Edit = fn(&mut StepRecord);

/// What a prover says.
const MESSAGE: &[(&str, Edit)] = &[
    ("salt", |r| r.message.begin[0] += ONE),
    ("seed", |r| r.message.begin[1] += ONE),
    ("lookup root numerator", |r| r.message.lookup.root[0] += ONE),
    ("lookup root denominator", |r| {
        r.message.lookup.root[1] += ONE
    }),
    ("first layer", |r| {
        r.message.lookup.layers[0].values[0] += ONE
    }),
    ("layer value 0", |r| {
        r.message.lookup.layers[4].values[0] += ONE
    }),
    ("layer value 1", |r| {
        r.message.lookup.layers[4].values[1] += ONE
    }),
    ("layer value 2", |r| {
        r.message.lookup.layers[4].values[2] += ONE
    }),
    ("layer value 3", |r| {
        r.message.lookup.layers[4].values[3] += ONE
    }),
    ("leaves", |r| r.message.lookup.layers[8].values[3] += ONE),
    ("layer round 0", |r| {
        r.message.lookup.layers[5].rounds[1][0] += ONE
    }),
    ("layer round 2", |r| {
        r.message.lookup.layers[5].rounds[1][1] += ONE
    }),
    ("forms", |r| r.message.forms += ONE),
    ("part", |r| r.message.part += ONE),
    ("round 0 constant", |r| r.message.rounds[0][0] += ONE),
    ("round 0 quadratic", |r| r.message.rounds[0][1] += ONE),
    ("round 0 cubic", |r| r.message.rounds[0][2] += ONE),
    ("round 1 constant", |r| r.message.rounds[1][0] += ONE),
    ("round 1 cubic", |r| r.message.rounds[1][2] += ONE),
    ("round 4 constant", |r| r.message.rounds[4][0] += ONE),
    ("round 4 quadratic", |r| r.message.rounds[4][1] += ONE),
    ("round 4 cubic", |r| r.message.rounds[4][2] += ONE),
    ("last round constant", |r| r.message.rounds[9][0] += ONE),
    ("last round quadratic", |r| r.message.rounds[9][1] += ONE),
    ("last round cubic", |r| r.message.rounds[9][2] += ONE),
    ("value 0", |r| r.message.values[0] += ONE),
    ("value 1", |r| r.message.values[1] += ONE),
    ("value 2", |r| r.message.values[2] += ONE),
    ("value 3", |r| r.message.values[3] += ONE),
    ("combination 0", |r| r.message.running[0] += ONE),
    ("combination 1", |r| r.message.running[1] += ONE),
    ("combination 2", |r| r.message.running[2] += ONE),
    ("combination 3", |r| r.message.running[3] += ONE),
    ("first X", |r| r.message.claims[0][0] += ONE),
    ("first U", |r| r.message.claims[0][1] += ONE),
    ("fifth X", |r| r.message.claims[4][0] += ONE),
    ("last U", |r| r.message.claims[63][1] += ONE),
    ("claims exchanged", |r| r.message.claims.swap(0, 1)),
    ("count", |r| r.message.count += 1),
    ("commitments negated", |r| {
        r.message.commitments.iter_mut().for_each(|c| *c = -*c);
    }),
    ("last commitment negated", |r| {
        r.message
            .commitments
            .iter_mut()
            .skip(1)
            .for_each(|c| *c = -*c);
    }),
    ("commitments exchanged", |r| r.message.commitments.reverse()),
];

/// What the steps before have left.
const STATE: &[(&str, Edit)] = &[
    ("statement", |r| r.state.constants.statement += ONE),
    ("both programs", |r| {
        r.state.constants.program += ONE;
        r.state.constants.last_program += ONE;
    }),
    ("constant weights", |r| r.state.constants.weights += ONE),
    ("constant tables", |r| r.state.constants.tables += ONE),
    ("group", |r| r.state.group += 1),
    ("samples", |r| r.state.samples += 1),
    ("counted", |r| r.state.count += 1),
    ("place", |r| r.state.prefix += 1),
    ("place zero", |r| r.state.prefix = 0),
    ("outputs", |r| r.state.outputs += ONE),
    ("data", |r| r.state.data += ONE),
    ("cursor 0", |r| r.state.cursor[0] += ONE),
    ("cursor 1", |r| r.state.cursor[1] += ONE),
    ("running value", |r| r.state.running.value += ONE),
    ("list", |r| r.state.running.list += ONE),
    ("point 0", |r| r.state.running.point[0] += ONE),
    ("point 9", |r| r.state.running.point[9] += ONE),
    ("program", |r| r.state.inner.program += ONE),
    ("state's salt", |r| r.state.inner.salt += ONE),
    ("state's seed", |r| r.state.inner.seed += ONE),
    ("chain", |r| r.state.inner.chain += ONE),
    ("xi", |r| r.state.inner.xi += ONE),
    ("zeta", |r| r.state.inner.zeta += ONE),
    ("eta", |r| r.state.inner.eta += ONE),
    ("gamma", |r| r.state.inner.gamma += ONE),
    ("delta", |r| r.state.inner.delta += ONE),
    ("head 0", |r| r.state.inner.head[0] += ONE),
    ("head 4", |r| r.state.inner.head[4] += ONE),
    ("transcript", |r| r.state.inner.transcript += ONE),
    ("first mark", |r| r.state.inner.marks[0] += ONE),
    ("last mark", |r| r.state.inner.marks[1] += ONE),
    ("linear", |r| r.state.inner.linear += ONE),
    ("lookups", |r| r.state.inner.lookups += ONE),
    ("weights", |r| r.state.inner.weights += ONE),
    ("tables", |r| r.state.inner.tables += ONE),
    ("pending claim", |r| r.state.inner.pending.claim += ONE),
    ("pending forms", |r| r.state.inner.pending.forms += ONE),
    ("pending q", |r| r.state.inner.pending.values[0] += ONE),
    ("pending e", |r| r.state.inner.pending.values[3] += ONE),
    ("pending z 0", |r| r.state.inner.pending.z[0] += ONE),
    ("pending z 7", |r| r.state.inner.pending.z[7] += ONE),
    ("pending selector", |r| {
        r.state.inner.pending.selector += ONE
    }),
    ("pending lambda", |r| r.state.inner.pending.lambda += ONE),
];

/// What the program says: bound by its digest, so that a change always leads to another state.
const DESCRIPTOR: &[(&str, Edit)] = &[
    ("begin", |r| r.descriptor.begin ^= true),
    ("end", |r| r.descriptor.end ^= true),
    ("half", |r| r.descriptor.half ^= true),
    ("verify", |r| r.descriptor.claims.verify ^= true),
    ("close", |r| r.descriptor.claims.close ^= true),
    ("target", |r| r.descriptor.claims.target ^= true),
    ("replay", |r| r.descriptor.claims.replay ^= true),
    ("replayed", |r| r.descriptor.claims.replayed ^= true),
    ("has data", |r| r.descriptor.has_data ^= true),
    ("count claim", |r| {
        r.descriptor.count_claim = Some(r.descriptor.count_claim.map_or(0, |c| c + 1));
    }),
    ("no count claim", |r| r.descriptor.count_claim = None),
    ("first identity", |r| r.descriptor.first_identity += 1),
    ("first claim", |r| r.descriptor.first_claim += 1),
    ("head bits", |r| {
        if r.descriptor.task == Task::Head {
            r.descriptor.head_bits += 1;
        }
        r.descriptor.meta += ONE;
    }),
    ("one product less", |r| {
        r.descriptor.products.pop();
        r.descriptor.meta += ONE;
    }),
    ("a product's identity", |r| {
        r.descriptor.products.iter_mut().for_each(|p| p.step += 1);
        r.descriptor.meta += ONE;
    }),
    ("a name", |r| {
        r.descriptor.vectors.iter_mut().for_each(|v| v.slot += 1);
        r.descriptor.meta += ONE;
    }),
    ("a kind", |r| {
        for own in &mut r.descriptor.vectors {
            own.kind = match own.kind {
                VectorKind::Weights => VectorKind::Outputs,
                _ => VectorKind::Weights,
            };
        }
        r.descriptor.meta += ONE;
    }),
    ("all data", |r| {
        let vectors = &mut r.descriptor.vectors;
        vectors.iter_mut().for_each(|v| v.kind = VectorKind::Data);
        r.descriptor.meta += ONE;
    }),
    ("prefix", |r| r.descriptor.prefix = Some((5, 3))),
    ("live", |r| r.descriptor.live += 1),
    ("group samples", |r| r.descriptor.group_samples += 1),
    ("vector groups", |r| {
        r.descriptor.vector_groups = r.state.prefix + 1;
        r.descriptor.meta += ONE;
    }),
    ("meta", |r| r.descriptor.meta += ONE),
    ("bank", |r| r.descriptor.bank[3] += 1),
    ("one lookup less", |r| {
        r.descriptor.lookups.pop();
        r.descriptor.meta += ONE;
    }),
    ("a tag", |r| {
        r.descriptor
            .lookups
            .iter_mut()
            .for_each(|l: &mut LookupSlot| l.lookup.tag += 1);
        r.descriptor.meta += ONE;
    }),
    ("one slot less", |r| {
        r.descriptor.slots.pop();
        r.descriptor.meta += ONE;
    }),
    ("one slot more", |r| {
        let mut slot = Slot::empty(&SHAPE);
        slot.terms[0] = (ONE, Factor::One);
        slot.exponent = 3;
        r.descriptor.slots.truncate(31);
        r.descriptor.slots.push(slot);
    }),
    ("a term", |r| {
        r.descriptor
            .slots
            .iter_mut()
            .for_each(|s| s.terms[0].0 += ONE);
        r.descriptor.meta += ONE;
    }),
];

/// Whether a record has the form that [`pleat_argument::step::transition::Message::new`] gives a message: zero
/// where the descriptor asks for nothing. Others the circuit may refuse although the transition does not look at them.
/// So may it a group's own steps outside any group, where xi is zero and has no inverse.
fn has_form(record: &StepRecord) -> bool {
    let (d, m) = (&record.descriptor, &record.message);
    let none = Message::empty(&SHAPE);
    let chunk = d.task == Task::Chunk;
    let vectors = match d.task {
        Task::Vectors => d.vectors.len(),
        _ => 4,
    };
    let fields = [
        chunk || m.lookup == none.lookup,
        chunk || m.rounds.iter().all(|r| r[2] == Scalar::ZERO),
        m.values[vectors..] == none.values[vectors..],
        d.task != Task::Vectors || m.running[1..] == none.running[1..],
        m.claims[d.products.len()..] == none.claims[d.products.len()..],
        d.begin || record.state.inner.xi != Scalar::ZERO,
    ];
    fields.iter().all(|field| *field)
}

/// Edits by what they lead to, for a step: refused by both, refused by the circuit for want of form, another
/// state, none.
#[derive(Default, Debug, PartialEq)]
struct Effects {
    refused: Vec<&'static str>,
    form: Vec<&'static str>,
    other: Vec<&'static str>,
    none: Vec<&'static str>,
}

fn effects(name: &str, edits: &[(&'static str, Edit)]) -> Effects {
    let honest = step(name);
    let next = circuit(&honest).unwrap();
    let mut effects = Effects::default();
    for (edit, change) in edits {
        let mut record = honest.clone();
        change(&mut record);
        let StepRecord {
            state,
            descriptor,
            message,
        } = &record;
        if (state, descriptor, message) == (&honest.state, &honest.descriptor, &honest.message) {
            continue;
        }
        let list = match (native(&record), circuit(&record)) {
            (Err(_), Err(_)) => &mut effects.refused,
            (Ok(a), Ok(b)) if a == b => match a == next {
                true => &mut effects.none,
                false => &mut effects.other,
            },
            (Ok(_), Err(_)) if !has_form(&record) => &mut effects.form,
            (native, circuit) => panic!("{name}: {edit}: native {native:?}, circuit {circuit:?}"),
        };
        list.push(edit);
    }
    effects
}

/// Whether nothing reads what an edit of a message changes: the only free messages there are.
fn unread(record: &StepRecord, edit: &str) -> bool {
    let d = &record.descriptor;
    let merges = matches!(d.task, Task::Chunk | Task::Vectors);
    let (round, _) = edit.split_once("round ").map_or(("", ""), |(a, b)| (a, b));
    match edit {
        "salt" | "seed" => !d.begin,
        "leaves" | "forms" => d.task != Task::Chunk,
        "part" => d.task == Task::More,
        _ if edit.starts_with("value") || edit.starts_with("combination") => !merges,
        _ if edit.starts_with("round") || edit.starts_with("last round") => {
            let coordinate = match round {
                "last " => 9,
                _ => edit.as_bytes()[6] - b'0',
            };
            let cubic = edit.ends_with("cubic") && d.task != Task::Chunk;
            !cubic && !d.round(&SHAPE, coordinate.into())
        }
        _ => false,
    }
}

/// Whether what an edit of a state changes ends with this step: replaced by something new, or cleared unread.
/// Where a group begins all of it enters the group's chain.
fn replaced(record: &StepRecord, edit: &str) -> bool {
    let d = &record.descriptor;
    let data = d.vectors.iter().any(|v| v.kind == VectorKind::Data);
    let merges = matches!(d.task, Task::Chunk | Task::Vectors);
    !d.begin
        && match edit {
            "pending q" | "pending e" => merges,
            _ if edit.starts_with("pending z") => d.task == Task::Chunk || d.end,
            "pending selector" | "pending lambda" => d.task == Task::Chunk || d.end,
            "cursor 0" | "cursor 1" => data && record.state.prefix == 0,
            "eta" | "gamma" | "first mark" => d.end,
            "transcript" => d.end || d.claims.replay,
            "last mark" => d.end || d.claims.close,
            "delta" => d.claims.close,
            _ => false,
        }
}

fn check(steps: &[&str], edits: &[(&'static str, Edit)], free: fn(&StepRecord, &str) -> bool) {
    let effects: BTreeMap<&str, Effects> = (steps.par_iter())
        .map(|name| (*name, effects(name, edits)))
        .collect();
    for (name, effects) in &effects {
        let honest = step(name);
        let changed = [&effects.refused, &effects.form, &effects.other];
        let changed = changed.into_iter().flatten();
        for edit in changed.filter(|edit| effects.form.contains(edit) || free(&honest, edit)) {
            assert!(effects.form.contains(edit), "{name}: {edit} is read");
        }
        let read = effects.none.iter().filter(|edit| !free(&honest, edit));
        assert_eq!(
            read.collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "{name} does not read"
        );
    }
    for (name, edit) in MUST_REFUSE {
        if let Some(effects) = effects.get(name) {
            let named = edits.iter().any(|(e, _)| e == edit);
            assert!(!named || effects.refused.contains(edit), "{name}: {edit}");
        }
    }
}

/// What is refused in the step itself, not only by the end of its group.
const MUST_REFUSE: &[(&str, &str)] = &[
    ("head", "group"),
    ("later head", "samples"),
    ("later head", "group samples"),
    ("later head", "program"),
    ("later head", "pending claim"),
    ("later head", "pending forms"),
    ("head", "no count claim"),
    ("chunk", "lookup root numerator"),
    ("chunk", "leaves"),
    ("chunk", "layer round 2"),
    ("chunk", "count"),
    ("chunk", "pending claim"),
    ("two vectors", "pending forms"),
    ("claims again", "first X"),
    ("claims again", "last U"),
    ("claims again", "claims exchanged"),
    ("claims again", "first mark"),
    ("claims again", "last mark"),
    ("claims again", "replay"),
    ("end", "both programs"),
    ("end", "constant weights"),
    ("end", "constant tables"),
    ("end", "weights"),
    ("end", "tables"),
    ("end", "chain"),
    ("end", "state's seed"),
    ("end", "linear"),
    ("end", "lookups"),
    ("end", "program"),
    ("end", "meta"),
    ("end", "live"),
    ("end", "cursor 0"),
    ("end", "cursor 1"),
    ("end", "place"),
    ("end", "place zero"),
    ("end", "part"),
    ("end", "value 0"),
    ("end", "combination 0"),
    ("end", "last round quadratic"),
    ("end", "running value"),
    ("end", "list"),
    ("end", "commitments negated"),
    ("end", "a name"),
    ("end", "a term"),
];

#[test]
fn every_part_of_a_message_is_read_or_known_to_be_free() {
    ready();
    let steps: Vec<&str> = KINDS_OF_STEPS.iter().map(|(name, _)| *name).collect();
    check(&steps, MESSAGE, unread);
}

#[test]
fn every_part_of_a_state_is_read_or_replaced() {
    ready();
    let steps: Vec<&str> = KINDS_OF_STEPS.iter().map(|(name, _)| *name).collect();
    check(&steps, STATE, replaced);
}

#[test]
fn every_part_of_a_descriptor_leads_to_another_state() {
    ready();
    let steps = [
        "later head",
        "chunk",
        "more of a chunk",
        "two vectors",
        "claims again",
        "end",
    ];
    check(&steps, DESCRIPTOR, |_, _| false);
}
