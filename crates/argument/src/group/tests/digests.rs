//! Digests of states and of steps depend on all there is in them.

use super::{ONE, SHAPE, distinct, inside, state, step};
use crate::claims::RunningClaim;
use crate::program::VectorKind;
use crate::step::descriptor::{ClaimSlot, Descriptor, Task};
use crate::step::state::{Constants, Inner, Pending, State};

/// The state with each of its elements changed, one at a time. A new field does not compile.
pub(super) fn others(state: &State) -> Vec<State> {
    let mut others = vec![];
    let mut elements = 0;
    let mut push = |edit: &dyn Fn(&mut State)| {
        let mut other = state.clone();
        edit(&mut other);
        others.push(other);
        elements += 1;
    };
    let State {
        constants:
            Constants {
                statement: _,
                program: _,
                last_program: _,
                weights: _,
                tables: _,
            },
        group: _,
        samples: _,
        count: _,
        prefix: _,
        outputs: _,
        data: _,
        cursor: [_, _],
        running:
            RunningClaim {
                point,
                value: _,
                list: _,
            },
        inner:
            Inner {
                program: _,
                salt: _,
                seed: _,
                chain: _,
                xi: _,
                zeta: _,
                eta: _,
                gamma: _,
                delta: _,
                head,
                transcript: _,
                marks: [_, _],
                linear: _,
                lookups: _,
                weights: _,
                tables: _,
                pending,
            },
    } = state;
    let Pending {
        claim: _,
        forms: _,
        values: [_, _, _, _],
        z,
        selector: _,
        lambda: _,
    } = pending;
    let edits: [fn(&mut State); 37] = [
        |s| s.constants.statement += ONE,
        |s| s.constants.program += ONE,
        |s| s.constants.last_program += ONE,
        |s| s.constants.weights += ONE,
        |s| s.constants.tables += ONE,
        |s| s.group += 1,
        |s| s.samples += 1,
        |s| s.count += 1,
        |s| s.prefix += 1,
        |s| s.outputs += ONE,
        |s| s.data += ONE,
        |s| s.cursor[0] += ONE,
        |s| s.cursor[1] += ONE,
        |s| s.running.value += ONE,
        |s| s.running.list += ONE,
        |s| s.inner.program += ONE,
        |s| s.inner.salt += ONE,
        |s| s.inner.seed += ONE,
        |s| s.inner.chain += ONE,
        |s| s.inner.xi += ONE,
        |s| s.inner.zeta += ONE,
        |s| s.inner.eta += ONE,
        |s| s.inner.gamma += ONE,
        |s| s.inner.delta += ONE,
        |s| s.inner.transcript += ONE,
        |s| s.inner.marks[0] += ONE,
        |s| s.inner.marks[1] += ONE,
        |s| s.inner.linear += ONE,
        |s| s.inner.lookups += ONE,
        |s| s.inner.weights += ONE,
        |s| s.inner.tables += ONE,
        |s| s.inner.pending.claim += ONE,
        |s| s.inner.pending.forms += ONE,
        |s| s.inner.pending.selector += ONE,
        |s| s.inner.pending.lambda += ONE,
        |s| s.inner.pending.values[0] += ONE,
        |s| s.inner.pending.values[1] += ONE,
    ];
    edits.iter().for_each(|edit| push(edit));
    for i in 2..4 {
        push(&|s| s.inner.pending.values[i] += ONE);
    }
    (0..point.len()).for_each(|i| push(&|s| s.running.point[i] += ONE));
    (0..head.len()).for_each(|i| push(&|s| s.inner.head[i] += ONE));
    (0..z.len()).for_each(|i| push(&|s| s.inner.pending.z[i] += ONE));
    assert_eq!(elements, state.elements().len());
    others
}

/// Every field is among the elements, at a place of its own.
#[test]
fn the_digest_of_a_state_depends_on_every_field() {
    for state in [state(), inside()] {
        let mut digests = vec![state.digest()];
        let mut places = vec![];
        for other in others(&state) {
            digests.push(other.digest());
            let (a, b) = (state.elements(), other.elements());
            assert_eq!(a.len(), b.len());
            let changed: Vec<usize> = (0..a.len()).filter(|i| a[*i] != b[*i]).collect();
            assert_eq!(changed.len(), 1);
            places.extend(changed);
        }
        distinct(digests);
        places.sort_unstable();
        assert_eq!(places, (0..state.elements().len()).collect::<Vec<_>>());
    }
    assert!(state().is_idle(&SHAPE) && !inside().is_idle(&SHAPE));
}

/// Whatever a step is, its descriptor's digest tells it from others.
#[test]
fn the_digest_of_a_step_depends_on_all_of_it() {
    let edits: [fn(&mut Descriptor); 28] = [
        |d| d.begin = !d.begin,
        |d| d.end = !d.end,
        |d| d.task = Task::More,
        |d| d.half = !d.half,
        |d| d.claims.verify = !d.claims.verify,
        |d| d.claims.close = !d.claims.close,
        |d| d.claims.target = !d.claims.target,
        |d| d.claims.replay = !d.claims.replay,
        |d| d.claims.replayed = !d.claims.replayed,
        |d| d.products.push(ClaimSlot { step: 3 }),
        |d| d.products.push(ClaimSlot { step: 4 }),
        |d| d.first_identity += 1,
        |d| d.first_claim += 1,
        |d| d.count_claim = Some(9),
        |d| d.count_claim = Some(10),
        |d| d.vectors.truncate(1),
        |d| d.vectors[0].kind = VectorKind::Outputs,
        |d| d.vectors[0].slot += 1,
        |d| d.vectors.swap(0, 1),
        |d| d.prefix = Some((0, 1)),
        |d| d.prefix = Some((1, 1)),
        |d| d.has_data = !d.has_data,
        |d| d.live += 1,
        |d| d.group_samples += 1,
        |d| d.vector_groups += 1,
        |d| d.meta += ONE,
        |d| d.bank[3] += 1,
        |d| drop(d.slots.pop()),
    ];
    let honest = step(Task::Vectors);
    let mut digests = vec![honest.digest(&SHAPE)];
    for edit in edits {
        let mut other = honest.clone();
        edit(&mut other);
        digests.push(other.digest(&SHAPE));
    }
    let mut head = step(Task::Head);
    digests.push(head.digest(&SHAPE));
    head.head_bits += 1;
    digests.push(head.digest(&SHAPE));
    let mut chunk = step(Task::Chunk);
    digests.push(chunk.digest(&SHAPE));
    chunk.lookups[0].lookup.range += 1;
    digests.push(chunk.digest(&SHAPE));
    chunk.lookups.clear();
    digests.push(chunk.digest(&SHAPE));
    distinct(digests);
}
