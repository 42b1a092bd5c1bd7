//! Slots against their native twin.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{generator, random_scalars};
use ff::{Field, PrimeField};
use nova_snark::frontend::ConstraintSystem;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use pleat_argument::step::form::broken_rule;
use pleat_argument::step::slot::{self as native, FACTORS, Factor, LANES, Slot, Window};
use pleat_argument::step::{
    AXES, BANK, EXPONENT_BITS, LANE_POSITIONS, Shape, TAP_COORDINATES, WEIGHT_BITS,
};
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::Number;
use pleat_step_circuits::circuit::bits::squares;
use pleat_step_circuits::circuit::slot::{Setting, evaluate};
use pleat_step_circuits::testing::Recorder;
use rand::Rng;
use rand::rngs::StdRng;

const ALL_FACTORS: [Factor; FACTORS] = [
    Factor::First,
    Factor::Second,
    Factor::Third,
    Factor::Fourth,
    Factor::SelectedValue,
    Factor::SelectedExtra,
    Factor::One,
];

fn random_window(generator: &mut StdRng) -> Window {
    let mask = generator.gen_range(0..1 << TAP_COORDINATES);
    Window {
        used: true,
        mask,
        taps: [0; LANES].map(|_| generator.gen_range(0..1 << TAP_COORDINATES) & mask),
        signs: [0; LANES].map(|_| (generator.gen_range(0..8), generator.gen_range(0..8))),
    }
}

/// A slot in the form of a compiler, with all that a slot may have.
fn random_slot(shape: &Shape, generator: &mut StdRng) -> Slot {
    let n = shape.index_bits();
    let mut slot = Slot::empty(shape);
    let (mut b, mut axes) = (0, 0);
    while b < n {
        let length = generator.gen_range(1..=5);
        let kind = generator.gen_range(0..6);
        if kind < 2 || axes == AXES || b + length > n {
            let position = &mut slot.positions[b];
            position.fixed = kind == 1;
            position.bound[0] = generator.r#gen();
            b += 1;
            continue;
        }
        let last = b + length - 1;
        let window = kind - 2;
        let captured = window < 2 && last < LANE_POSITIONS && !slot.windows[window].used;
        for (i, position) in slot.positions[b..=last].iter_mut().enumerate() {
            position.start = i == 0;
            position.point = generator.r#gen();
            position.bound[0] = generator.r#gen();
            let lane = b + i < LANE_POSITIONS;
            for bound in &mut position.bound[1..] {
                *bound = lane && (!captured || generator.r#gen());
            }
        }
        if captured {
            slot.positions[last].capture[window] = true;
            slot.windows[window] = random_window(generator);
        } else {
            slot.positions[last].end = true;
        }
        axes += 1;
        b += length;
    }
    slot.bases = [0; AXES].map(|_| generator.gen_range(0..BANK as u8));
    if generator.r#gen() {
        slot.sum = [generator.gen_range(0..16), generator.gen_range(1..16)];
    }
    slot.exponent = generator.gen_range(-(1 << 26) + 1..1 << 26);
    slot.identity = generator.gen_range(0..1 << 14);
    slot.claim = generator.gen_range(0..1 << 14);
    slot.shift = generator.gen_range(0..64);
    for bit in &mut slot.at {
        *bit = generator.r#gen::<bool>().then(|| generator.r#gen());
    }
    slot.prefix = generator.r#gen();
    slot.terms = [0; 2].map(|_| {
        let factor = ALL_FACTORS[generator.gen_range(0..FACTORS)];
        (Scalar::random(&mut *generator), factor)
    });
    assert_eq!(broken_rule(&slot), None);
    slot
}

struct Values {
    bases: Vec<Scalar>,
    bank: [Scalar; BANK],
    head: Vec<Scalar>,
    point: Vec<Scalar>,
    factors: [Scalar; FACTORS - 1],
}

fn random_values(n: usize, generator: &mut StdRng) -> Values {
    let mut scalars = |count: usize| random_scalars(count, generator.r#gen());
    let bases = scalars(4);
    let (head, point) = (scalars(n), scalars(n));
    let factors = scalars(FACTORS - 1).try_into().unwrap();
    let exponents: [u64; BANK] = std::array::from_fn(|i| {
        if i < 2 {
            i as u64
        } else {
            generator.gen_range(2..1 << 26)
        }
    });
    Values {
        bank: exponents.map(|e| bases[0].pow_vartime([e])),
        bases,
        head,
        point,
        factors,
    }
}

fn twin(slot: &Slot, values: &Values) -> Scalar {
    let mut factors = [Scalar::ONE; FACTORS];
    factors[..FACTORS - 1].copy_from_slice(&values.factors);
    slot.evaluate(&native::Setting {
        xi: values.bases[0],
        zeta: values.bases[1],
        delta: values.bases[2],
        bank: values.bank,
        head: &values.head,
        point: &values.point,
        prefix: values.bases[3],
        factors,
    })
}

struct Case {
    given: Vec<usize>,
    constraints: usize,
    nonzeros: usize,
    value: Scalar,
}

/// Inputs in one order, whatever the constraint system.
fn setting_and_elements<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    slot: &Slot,
    values: &Values,
    shape: &Shape,
) -> (Setting, [Number; 4]) {
    let mut numbers = |values: &[Scalar]| -> Vec<Number> {
        let alloc = |v: &Scalar| Number::alloc(cs, "input", *v).unwrap();
        values.iter().map(alloc).collect()
    };
    let bases = numbers(&values.bases);
    let bank = numbers(&values.bank).try_into().unwrap();
    let head = numbers(&values.head);
    let point = numbers(&values.point);
    let factors = numbers(&values.factors).try_into().unwrap();
    let elements = numbers(&slot.elements(shape)).try_into().unwrap();
    let setting = Setting {
        xi: squares(cs, &bases[0], EXPONENT_BITS as usize).unwrap(),
        zeta: squares(cs, &bases[1], WEIGHT_BITS as usize).unwrap(),
        delta: squares(cs, &bases[2], WEIGHT_BITS as usize).unwrap(),
        bank,
        head,
        point,
        prefix: bases[3].clone(),
        factors,
    };
    (setting, elements)
}

fn run(cs: &mut Recorder, slot: &Slot, values: &Values, shape: &Shape) -> Case {
    let (setting, elements) = setting_and_elements(cs, slot, values, shape);
    let (constraints, nonzeros) = (cs.constraints(), cs.nonzeros());
    let given = cs.find("input");
    let value = evaluate(cs, &elements, &setting).unwrap().value();
    Case {
        given,
        constraints: cs.constraints() - constraints,
        nonzeros: cs.nonzeros() - nonzeros,
        value,
    }
}

#[test]
fn slots_equal_their_twin() {
    let mut generator = generator(1);
    let mut costs = vec![];
    let (mut windows, mut nonzero) = (0, 0);
    for row_bits in [0, 1, 3, 13, 15, 19] {
        let shape = Shape::new(row_bits);
        let n = shape.index_bits();
        let mut cost = None;
        for i in 0..60 {
            let slot = random_slot(&shape, &mut generator);
            let values = random_values(n, &mut generator);
            let mut cs = Recorder::default();
            let case = run(&mut cs, &slot, &values, &shape);
            assert_eq!(case.value, twin(&slot, &values));
            cs.assert_satisfied();
            windows += slot.windows.iter().filter(|window| window.used).count();
            nonzero += usize::from(case.value != Scalar::ZERO);
            let this = (n, case.constraints, case.nonzeros);
            assert_eq!(*cost.get_or_insert(this), this);
            if i < 3 {
                assert_eq!(cs.free_cells(&case.given), Vec::<String>::new());
            }
        }
        costs.extend(cost);
    }
    let expected = [
        (2, 577, 2494),
        (3, 635, 2787),
        (5, 753, 3410),
        (15, 1254, 6640),
        (17, 1337, 7292),
        (21, 1477, 8482),
    ];
    assert_eq!(costs, expected);
    // Windows and values that are not zero are common enough to be tested.
    assert!(windows > 100 && nonzero > 200, "{windows} {nonzero}");
}

#[test]
fn slots_determine_everything() {
    let mut generator = generator(2);
    let shape = Shape::new(19);
    for i in 0..6 {
        let slot = match i {
            0 => Slot::empty(&shape),
            _ => random_slot(&shape, &mut generator),
        };
        let values = random_values(shape.index_bits(), &mut generator);
        let mut cs = Recorder::default();
        let case = run(&mut cs, &slot, &values, &shape);
        assert_eq!(cs.free_cells(&case.given), Vec::<String>::new());
        assert_eq!(cs.freedom(&case.given), 0);
    }
}

#[test]
fn an_empty_slot_adds_nothing_whatever_the_point() {
    let mut generator = generator(3);
    let shape = Shape::new(19);
    let n = shape.index_bits();
    for coordinate in [Scalar::ZERO, Scalar::ONE, Scalar::TWO_INV] {
        for head in [Scalar::ZERO, Scalar::ONE] {
            let mut values = random_values(n, &mut generator);
            values.point = vec![coordinate; n];
            values.head = vec![head; n];
            let mut cs = Recorder::default();
            let case = run(&mut cs, &Slot::empty(&shape), &values, &shape);
            assert_eq!(case.value, Scalar::ZERO);
            assert_eq!(cs.free_cells(&case.given), Vec::<String>::new());
        }
    }
    // Sums over all indices take one half, inactive rounds zero: fine for any slot.
    for coordinate in [Scalar::ZERO, Scalar::TWO_INV] {
        for _ in 0..20 {
            let mut values = random_values(n, &mut generator);
            values.point = vec![coordinate; n];
            let slot = random_slot(&shape, &mut generator);
            let mut cs = Recorder::default();
            let case = run(&mut cs, &slot, &values, &shape);
            assert_eq!(case.value, twin(&slot, &values));
            cs.assert_satisfied();
        }
    }
}

#[test]
fn a_witness_generator_allocates_the_same() {
    let mut generator = generator(4);
    let shape = Shape::new(19);
    let n = shape.index_bits();
    let (slot, values) = (
        random_slot(&shape, &mut generator),
        random_values(n, &mut generator),
    );
    let mut cs = Recorder::default();
    run(&mut cs, &slot, &values, &shape);

    let mut witness = WitnessCS::<Scalar>::new();
    let (setting, elements) = setting_and_elements(&mut witness, &slot, &values, &shape);
    evaluate(&mut witness, &elements, &setting).unwrap();
    let cells: Vec<_> = (1..cs.cells()).map(|i| cs.get(i)).collect();
    assert_eq!(witness.aux_assignment(), cells);

    // A setting of another shape is refused.
    let damages: [fn(&mut Setting); 4] = [
        |s| s.xi.truncate(25),
        |s| s.zeta.truncate(13),
        |s| s.delta.truncate(13),
        |s| s.head.truncate(20),
    ];
    for damage in damages {
        let mut setting = setting.clone();
        damage(&mut setting);
        assert!(evaluate(&mut witness, &elements, &setting).is_err());
    }
}

#[test]
fn other_forms_are_recognised() {
    let shape = Shape::new(19);
    let good = {
        let mut slot = Slot::empty(&shape);
        slot.positions[2].start = true;
        slot.positions[4].capture[0] = true;
        slot.windows[0].used = true;
        slot.positions[15].start = true;
        slot.positions[15].bound = [false, true, true];
        slot.positions[17].end = true;
        slot
    };
    assert_eq!(broken_rule(&good), None);
    let breaks: [fn(&mut Slot); 14] = [
        |s| s.positions[3].start = true,
        |s| s.positions[3].fixed = true,
        |s| s.positions[7].point = true,
        |s| s.positions[16].bound[1] = true,
        |s| s.positions[15].bound[2] = false,
        |s| s.positions[17].capture[1] = true,
        |s| s.positions[5].end = true,
        |s| s.positions[4].end = true,
        |s| s.windows[0].used = false,
        |s| s.positions[17].end = false,
        |s| s.windows[1].taps[2] = 1,
        |s| s.sum[1] = 0,
        |s| {
            s.positions[6].start = true;
            s.positions[6].capture[0] = true;
        },
        |s| {
            for p in &mut s.positions[5..10] {
                p.start = true;
                p.end = true;
                p.bound = [true; LANES];
            }
        },
    ];
    for (i, damage) in breaks.iter().enumerate() {
        let mut slot = good.clone();
        damage(&mut slot);
        assert!(broken_rule(&slot).is_some(), "{i}");
    }
}
