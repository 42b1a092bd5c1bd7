//! What the tests of the circuit share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use ff::Field;
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::{Bit, Number};
use pleat_step_circuits::testing::Recorder;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub fn generator(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub fn random_scalars(count: usize, seed: u64) -> Vec<Scalar> {
    let mut generator = generator(seed);
    (0..count).map(|_| Scalar::random(&mut generator)).collect()
}

/// Variables bound by nothing, and their cells.
pub fn inputs(cs: &mut Recorder, values: &[Scalar]) -> (Vec<Number>, Vec<usize>) {
    let first = cs.cells();
    let numbers = (values.iter())
        .map(|value| Number::alloc(cs, "input", *value).unwrap())
        .collect();
    (numbers, (first..cs.cells()).collect())
}

/// Bits whose cells count as given.
pub fn input_bits(cs: &mut Recorder, values: &[bool]) -> (Vec<Bit>, Vec<usize>) {
    let values: Vec<_> = values.iter().map(|b| Scalar::from(u64::from(*b))).collect();
    let (numbers, cells) = inputs(cs, &values);
    (numbers.into_iter().map(Bit::of_bound).collect(), cells)
}
