//! Two false claims that cancel in the one equation of a step: the step itself cannot see them, so the challenges
//! that follow must depend on each.

use ff::Field;

use super::{ONE, SHAPE, distinct, inside, point, step};
use crate::Scalar;
use crate::lookup::{LayerProof, LookupProof};
use crate::step::descriptor::{Descriptor, Task};
use crate::step::state::State;
use crate::step::transition::{Message, Outcome, apply, start};
use crate::transcript::Transcript;

fn after(state: &State, descriptor: &Descriptor, message: &Message) -> Outcome {
    apply(&SHAPE, state, descriptor, &ONE, message).unwrap()
}

/// What is left of the step's one equation, which a next step refuses unless it is zero.
fn left(state: &State, descriptor: &Descriptor, message: &Message) -> Scalar {
    after(state, descriptor, message).state.inner.pending.claim
}

/// The message with the element that makes up for whatever is false in it: the equation is affine in each.
fn balanced(
    state: &State,
    descriptor: &Descriptor,
    mut message: Message,
    element: fn(&mut Message) -> &mut Scalar,
) -> Message {
    *element(&mut message) = Scalar::ZERO;
    let at_zero = left(state, descriptor, &message);
    *element(&mut message) = ONE;
    let slope = left(state, descriptor, &message) - at_zero;
    *element(&mut message) = -at_zero * slope.invert().unwrap();
    assert_eq!(left(state, descriptor, &message), Scalar::ZERO);
    message
}

/// Rounds of zeros, some values: false but for `balanced`.
fn vectors_message() -> Message {
    let mut message = Message {
        commitments: vec![point(1), point(2)],
        part: Scalar::from(77),
        ..Message::empty(&SHAPE)
    };
    message.values[..2].copy_from_slice(&[Scalar::from(5), Scalar::from(6)]);
    message
}

fn last_of_vectors(message: &mut Message) -> &mut Scalar {
    &mut message.running[0]
}

/// A vectors step proved for given false values: whatever satisfies the one equation passes it, so the multipliers
/// must depend on every value.
#[test]
fn values_that_cancel_in_a_vectors_step_change_the_multipliers() {
    let (state, own) = (inside(), step(Task::Vectors));
    assert_eq!(own.vectors.len(), 2);
    let mut multipliers = vec![];
    for errors in [[0, 0], [1, 0], [0, 1], [1, 1]] {
        let mut message = vectors_message();
        for (value, error) in message.values.iter_mut().zip(errors) {
            *value += Scalar::from(error);
        }
        // The running value makes up for it.
        let message = balanced(&state, &own, message, last_of_vectors);
        multipliers.extend(after(&state, &own, &message).multipliers);
    }
    distinct(multipliers);
}

/// The challenge that joins a step's own sum to the running claim.
fn joining(state: &State, own: &Descriptor, message: &Message) -> Scalar {
    let begin = [Scalar::ZERO; 2];
    let (_, mut transcript) = start(state, own, &ONE, &begin, &message.commitments).unwrap();
    if own.task == Task::Chunk {
        crate::lookup::verify(SHAPE.row_bits, &message.lookup, &mut transcript).unwrap();
    }
    transcript.message(&[message.part])
}

type Make = fn(&State) -> Message;
type Element = fn(&mut Message) -> &mut Scalar;

/// A sum that is off by what the running claim is off, at the challenge that would join them if the one or the other
/// were right: both change it.
#[test]
fn a_part_does_not_cancel_a_false_running_claim() {
    let cases: [(Task, Make, Element); 2] = [
        (Task::Vectors, |_| vectors_message(), last_of_vectors),
        (Task::Chunk, chunk_message, last_of_chunk),
    ];
    for (task, make, last) in cases {
        let own = step(task);
        let honest = balanced(&inside(), &own, make(&inside()), last);
        let mut lied = inside();
        lied.running.value += ONE;
        // The same message but for lookups that hold after the changed challenges.
        let mut message = honest.clone();
        message.lookup = make(&lied).lookup;
        assert_ne!(left(&lied, &own, &message), Scalar::ZERO);
        let known = [
            joining(&inside(), &own, &honest),
            joining(&lied, &own, &message),
        ];
        for lambda in known {
            let mut message = message.clone();
            message.part -= lambda;
            assert_ne!(left(&lied, &own, &message), Scalar::ZERO);
            assert!(!known.contains(&joining(&lied, &own, &message)));
        }
        let edits: [fn(&mut State); 3] = [
            |s| s.running.value += ONE,
            |s| s.running.list += ONE,
            |s| s.running.point[1] += ONE,
        ];
        for edit in edits {
            let mut other = inside();
            edit(&mut other);
            let mut message = honest.clone();
            message.lookup = make(&other).lookup;
            assert_ne!(known[0], joining(&other, &own, &message));
        }
    }
}

/// The same in a chunk's step, whose values and running values are four each: every pair that cancels.
#[test]
fn values_that_cancel_in_a_chunk_change_the_point_and_multiplier() {
    let base = chunk_step([Scalar::ZERO; 4], [Scalar::ZERO; 4]);
    let mut all = vec![base];
    for i in 0..4 {
        let mut errors = [Scalar::ZERO; 4];
        errors[i] = ONE;
        all.push(chunk_step(errors, [Scalar::ZERO; 4]));
        if i < 3 {
            all.push(chunk_step([Scalar::ZERO; 4], errors));
        }
    }
    for k in 0..3 {
        distinct(all.iter().map(|step| step[k]).collect());
    }
}

fn last_of_chunk(message: &mut Message) -> &mut Scalar {
    &mut message.running[3]
}

/// A chunk's step that goes through whatever the values are, the last running value making up for all: the new
/// point's column coordinates and the multiplier.
fn chunk_step(values: [Scalar; 4], running: [Scalar; 4]) -> [Scalar; 3] {
    let (state, own) = (inside(), step(Task::Chunk));
    let mut message = chunk_message(&state);
    (message.values, message.running) = (values, running);
    let message = balanced(&state, &own, message, last_of_chunk);
    let mut other = message.clone();
    other.running[3] += ONE;
    assert_ne!(left(&state, &own, &other), Scalar::ZERO);
    let outcome = after(&state, &own, &message);
    let point = &outcome.state.running.point;
    [point[0], point[1], outcome.multipliers[0]]
}

/// A chunk's message with lookups that hold: fractions 0 / 1 in every layer, `1 * 1 = 1`, with rounds of constants.
fn chunk_message(state: &State) -> Message {
    let own = step(Task::Chunk);
    let commitments = vec![point(1)];
    let zero = |k: usize| LayerProof {
        rounds: vec![[Scalar::ZERO; 2]; k],
        values: [Scalar::ZERO, ONE, Scalar::ZERO, ONE],
    };
    let mut lookup = LookupProof {
        root: [Scalar::ZERO, ONE],
        layers: vec![zero(0), zero(1)],
    };
    // q(0) = q(1) = lambda: the challenge that is known when the round is sent.
    let begin = [Scalar::ZERO; 2];
    let (_, mut replay): (_, Transcript) = start(state, &own, &ONE, &begin, &commitments).unwrap();
    let mut lambda = replay.message(&lookup.root).square();
    for layer in &mut lookup.layers {
        for round in &mut layer.rounds {
            round[0] = lambda;
            replay.message(round);
        }
        lambda = replay.message(&layer.values).square();
    }
    Message {
        commitments,
        lookup,
        part: Scalar::from(9),
        ..Message::empty(&SHAPE)
    }
}
