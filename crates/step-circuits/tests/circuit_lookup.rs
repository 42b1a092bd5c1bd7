//! Lookup slots against their native twin.
#![allow(clippy::unwrap_used)]

mod circuit_common;

use circuit_common::{generator, inputs, random_scalars};
use pleat_argument::program::{COLUMN_BITS, Lookup};
use pleat_argument::step::Shape;
use pleat_argument::step::lookup::{LookupSlot, Setting};
use pleat_step_circuits::Scalar;
use pleat_step_circuits::circuit::lookup;
use pleat_step_circuits::testing::Recorder;
use rand::Rng;

fn random_slot(rows: u32, seed: u64) -> LookupSlot {
    let mut generator = generator(seed);
    let free = generator.gen_range(0..=rows);
    let fixed = (0..rows)
        .map(|b| (b >= free).then(|| generator.r#gen()))
        .collect();
    let first = generator.gen_range(0..=rows);
    LookupSlot {
        fixed,
        lookup: Lookup {
            tag: generator.gen_range(0..1 << 20),
            channel: (first, generator.gen_range(0..=rows - first)),
            value: generator.r#gen(),
            range: generator.gen_range(0..60),
            entries: generator
                .r#gen::<bool>()
                .then(|| generator.gen_range(-40_000..40_000)),
        },
    }
}

/// The recorder, the cells given, the cost of the setting, the result.
fn run(
    shape: &Shape,
    slot: Option<&LookupSlot>,
    values: &[Scalar],
) -> (Recorder, Vec<usize>, [usize; 2], [Scalar; 2]) {
    let rows = shape.row_bits as usize;
    let mut cs = Recorder::default();
    let (numbers, mut given) = inputs(&mut cs, values);
    let triple = |at: usize| [0, 1, 2].map(|i| numbers[at + i].clone());
    let (z, x) = (&numbers[7..7 + rows], &numbers[7 + rows..]);
    let setting = lookup::Setting::new(&mut cs, &numbers[0], z, x, triple(1), triple(4)).unwrap();
    let setting_cost = [cs.constraints(), cs.nonzeros()];
    assert_eq!(setting_cost[0], rows + 1);
    let (elements, cells) = inputs(&mut cs, &LookupSlot::elements(slot, shape));
    given.extend(cells);
    let elements: [_; 4] = elements.try_into().unwrap();
    let result = lookup::evaluate(&mut cs, &elements, &setting).unwrap();
    let cost = [
        cs.constraints() - setting_cost[0],
        cs.nonzeros() - setting_cost[1],
    ];
    (cs, given, cost, result.map(|n| n.value()))
}

#[test]
fn lookup_slots_equal_their_twin() {
    for (row_bits, nonzeros) in [(3, 216), (15, 756), (19, 936)] {
        let shape = Shape::new(row_bits);
        assert_eq!(shape.index_bits(), (row_bits + COLUMN_BITS) as usize);
        let rows = row_bits as usize;
        for seed in 0..20 {
            let slot = random_slot(row_bits, seed);
            let values = random_scalars(7 + 2 * rows, seed + 100);
            let native = slot.evaluate(&Setting {
                eta: values[0],
                z: &values[7..7 + rows],
                x: &values[7 + rows..],
                forms: values[1..4].try_into().unwrap(),
                kinds: values[4..7].try_into().unwrap(),
            });
            let (cs, given, cost, result) = run(&shape, Some(&slot), &values);
            assert_eq!(result, native);
            assert_eq!(cost[0], 10 * rows + 20);
            assert_eq!(cost[1], nonzeros);
            assert_eq!(cs.free_cells(&given), Vec::<String>::new());
            assert_eq!(cs.freedom(&given), 0);

            let (cs, given, _, result) = run(&shape, None, &values);
            assert_eq!(result, [Scalar::from(0); 2]);
            assert_eq!(cs.free_cells(&given), Vec::<String>::new());
        }
    }
}
