//! Bits, powers and multipliers against their native twins.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{generator, input_bits, inputs, random_scalars};
use ff::Field;
use pleat_argument::transcript;
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::bits::{multiplier, power, select_one_of, squares, unpack};
use pleat_step_circuits::testing::Recorder;
use rand::Rng;

#[test]
fn elements_have_one_decomposition() {
    for bits in [0, 1, 7, 64, 252] {
        let value = match bits {
            0 => Scalar::ZERO,
            _ => Scalar::from(2).pow_vartime([bits as u64]) - Scalar::ONE,
        };
        let mut cs = Recorder::default();
        let (numbers, given) = inputs(&mut cs, &[value]);
        let unpacked = unpack(&mut cs, &numbers[0], bits).unwrap();
        assert!(unpacked.len() == bits && unpacked.iter().all(|bit| bit.is_set()));
        assert_eq!(cs.constraints(), bits + 1);
        assert_eq!(cs.nonzeros(), bits * 4 + 2);
        assert_eq!(cs.free_cells(&given), Vec::<String>::new());
        assert_eq!(cs.freedom(&given), 0);

        let mut cs = Recorder::default();
        let (numbers, _) = inputs(&mut cs, &[value + Scalar::ONE]);
        unpack(&mut cs, &numbers[0], bits).unwrap();
        cs.assert_fails("unpacking");
    }
    let mut cs = Recorder::default();
    let (numbers, _) = inputs(&mut cs, &[Scalar::ONE]);
    assert!(unpack(&mut cs, &numbers[0], 253).is_err());
}

#[test]
fn powers_equal_their_twin() {
    for (exponent, bits) in [
        (0u64, 0),
        (0, 3),
        (5, 3),
        (1, 1),
        (0x155_3335, 26),
        (9999, 14),
    ] {
        let base = random_scalars(1, exponent)[0];
        let mut cs = Recorder::default();
        let (numbers, mut given) = inputs(&mut cs, &[base]);
        let set: Vec<_> = (0..bits).map(|b| exponent >> b & 1 == 1).collect();
        let (set, cells) = input_bits(&mut cs, &set);
        given.extend(cells);
        let squares = squares(&mut cs, &numbers[0], bits).unwrap();
        assert_eq!(cs.constraints(), bits.saturating_sub(1));
        let result = power(&mut cs, &squares, &set).unwrap();
        assert_eq!(result.value(), base.pow_vartime([exponent]));
        assert_eq!(cs.constraints(), (3 * bits).saturating_sub(2));
        assert_eq!(cs.nonzeros(), (11 * bits).saturating_sub(6));
        assert_eq!(cs.free_cells(&given), Vec::<String>::new());
        assert_eq!(cs.freedom(&given), 0);
    }
}

#[test]
fn entries_are_selected() {
    for bits in 0..5 {
        let table = random_scalars(1 << bits, 3);
        for index in 0..table.len() {
            let mut cs = Recorder::default();
            let (numbers, mut given) = inputs(&mut cs, &table);
            let set: Vec<_> = (0..bits).map(|b| index >> b & 1 == 1).collect();
            let (set, cells) = input_bits(&mut cs, &set);
            given.extend(cells);
            let entry = select_one_of(&mut cs, &set, &numbers).unwrap();
            assert_eq!(entry.value(), table[index]);
            assert_eq!(cs.constraints(), table.len() - 1);
            assert_eq!(cs.nonzeros(), 5 * (table.len() - 1));
            assert_eq!(cs.free_cells(&given), Vec::<String>::new());
            assert_eq!(cs.freedom(&given), 0);
            assert!(select_one_of(&mut cs, &set, &numbers[1..]).is_err());
        }
    }
}

fn multiply(challenge: Scalar, active: bool) -> (Recorder, Scalar, Vec<usize>) {
    let mut cs = Recorder::default();
    let (numbers, mut given) = inputs(&mut cs, &[challenge]);
    let (bits, cells) = input_bits(&mut cs, &[active]);
    given.extend(cells);
    let result = multiplier(&mut cs, &numbers[0], &bits[0]).unwrap();
    (cs, result.value(), given)
}

#[test]
fn multipliers_equal_their_twin() {
    let mut generator = generator(4);
    let two = Scalar::from(2);
    let high = two.pow_vartime([128]);
    // The first of the last run below the order, which is refused; what is below it is not.
    let last_run = -Scalar::ONE - transcript::multiplier(&-Scalar::ONE).unwrap();
    let mut challenges = vec![
        Scalar::ONE,
        high - Scalar::ONE,
        high + Scalar::ONE,
        two.pow_vartime([253]) + Scalar::from(3),
        last_run - Scalar::ONE,
        last_run - high + Scalar::ONE,
    ];
    challenges.extend((0..20).map(|_| Scalar::random(&mut generator)));
    for challenge in challenges {
        for active in [false, true] {
            let (cs, result, given) = multiply(challenge, active);
            assert_eq!(Some(result), transcript::multiplier(&challenge));
            assert_eq!(cs.constraints(), 257);
            assert_eq!(cs.nonzeros(), 1024);
            assert_eq!(cs.free_cells(&given), Vec::<String>::new());
            assert_eq!(cs.freedom(&given), 0);
        }
    }
    // Zero is no multiplier, unless there is none.
    let (cs, ..) = multiply(high * Scalar::from(generator.r#gen::<u64>()), true);
    cs.assert_fails("multiplier is not zero");
    let (cs, ..) = multiply(Scalar::ZERO, false);
    cs.assert_satisfied();
    let (cs, ..) = multiply(last_run, true);
    assert!(!cs.failing().is_empty());
}

#[test]
fn multipliers_have_no_second_decomposition() {
    // A challenge c below 2^254 - p also has the decomposition of c + p, whose high part is too large.
    let challenge = Scalar::from(12345);
    let (mut cs, ..) = multiply(challenge, true);
    let order_minus_one = {
        use ff::PrimeField;
        let repr = (-Scalar::ONE).to_repr();
        let bytes: Vec<u8> = AsRef::<[u8]>::as_ref(&repr).to_vec();
        bytes
    };
    // c + p, bit by bit, in the cells of the bits: first the upper half and 125 bits, then the low 128.
    let mut sum = [0u8; 32];
    let mut carry = 12346u32;
    for (byte, p) in sum.iter_mut().zip(&order_minus_one) {
        carry += u32::from(*p);
        *byte = carry as u8;
        carry >>= 8;
    }
    let bit = |i: usize| Scalar::from(u64::from(sum[i / 8] >> (i % 8) & 1));
    let cells = cs.find("bit");
    let names = cs.find("upper half");
    assert_eq!((cells.len(), names.len()), (253, 1));
    for (i, cell) in cells[..125].iter().enumerate() {
        cs.set(*cell, bit(128 + i));
    }
    for (i, cell) in cells[125..].iter().enumerate() {
        cs.set(*cell, bit(i));
    }
    let low: Scalar = (0..128)
        .map(|i| bit(i) * Scalar::from(2).pow_vartime([i as u64]))
        .sum();
    let cell = cs.find("multiplier")[0];
    cs.set(cell, low);
    for upper in [Scalar::ZERO, Scalar::ONE] {
        cs.set(names[0], upper);
        cs.assert_fails("halves");
    }
}
