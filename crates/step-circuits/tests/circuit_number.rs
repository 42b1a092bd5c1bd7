//! Numbers: values and combinations agree.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{generator, inputs, random_scalars};
use ff::Field;
use nova_snark::frontend::ConstraintSystem;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::{Bit, Number};
use pleat_step_circuits::testing::Recorder;
use rand::Rng;

/// The value of the combination.
fn evaluated(cs: &Recorder, number: &Number) -> Scalar {
    let lc = number.lc();
    lc.iter()
        .map(|(v, c)| cs.get(Recorder::cell_of(v)) * c)
        .sum()
}

#[test]
fn values_are_those_of_the_combinations() {
    let mut generator = generator(1);
    let values = random_scalars(6, 1);
    let mut cs = Recorder::default();
    let (mut numbers, _) = inputs(&mut cs, &values);
    numbers.push(Number::zero());
    numbers.push(Number::constant(values[0]));
    numbers.push(Number::of(
        &AllocatedNum::alloc(&mut cs, || Ok(values[1])).unwrap(),
    ));
    for _ in 0..50 {
        let mut pick = || numbers[generator.gen_range(0..numbers.len())].clone();
        let (a, b, c) = (pick(), pick(), pick());
        let combined = &(&(&a + &b.double()) - &(values[2] * &c)) + &Number::one();
        numbers.push(match generator.gen_range(0..4) {
            0 => combined.product(&mut cs, "product", &a).unwrap(),
            1 => combined.product_plus(&mut cs, "product", &a, &b).unwrap(),
            2 => combined.settled(&mut cs, "settled").unwrap(),
            _ => combined.inverse(&mut cs, "inverse").unwrap(),
        });
        numbers.push(combined);
    }
    for set in [false, true] {
        let bit = Bit::alloc(&mut cs, "bit", set).unwrap();
        let (one, zero) = (numbers[20].clone(), numbers[30].clone());
        let expected = if set { one.value() } else { zero.value() };
        for selected in [
            bit.select(&mut cs, "selected", &one, &zero).unwrap(),
            bit.select_variable(&mut cs, "selected", &one, &zero)
                .unwrap(),
            bit.not().select(&mut cs, "selected", &zero, &one).unwrap(),
        ] {
            assert_eq!(selected.value(), expected);
            numbers.push(selected);
        }
        assert_eq!((bit.is_set(), bit.not().is_set()), (set, !set));
    }
    cs.assert_satisfied();
    for number in &numbers {
        assert_eq!(evaluated(&cs, number), number.value());
    }
}

#[test]
fn a_witness_generator_has_values_only() {
    let mut cs = WitnessCS::<Scalar>::new();
    let a = Number::alloc(&mut cs, "a", Scalar::from(3)).unwrap();
    let b = &a.product(&mut cs, "b", &a).unwrap() + &Number::one();
    assert_eq!(b.value(), Scalar::from(10));
    assert_eq!(cs.aux_assignment(), [Scalar::from(3), Scalar::from(9)]);
    assert_eq!(a.lc().len() + (Scalar::ZERO * &a).lc().len(), 0);
}
