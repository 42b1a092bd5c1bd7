//! Random views of every kind of axis, on chunks and on data.

use pleat_argument::Error;
use pleat_argument::program::{
    Block, COLUMN_BITS, DataLayout, Fill, Head, Kind, Lookup, Product, Program, Vector, VectorKind,
};
use pleat_argument::step::Shape;
use pleat_argument::step::lower::lower;
use pleat_argument::view::{Axis, Extra, Factor, Tap, Taps, Target, View};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::check::check;

/// A class all of whose positions have lanes, and one that has others.
const CLASSES: [u32; 2] = [10, 18];
const HEAD_BITS: u32 = 12;

/// A program of one view, at `offset` of a chunk or a data vector of `2^bits` entries or rows.
fn program(row_bits: u32, group_bits: u32, bits: u32, offset: u64, view: &View) -> Program {
    let trace = view.target != Target::Entries;
    let block = Block {
        offset,
        bits: view.bits(),
        lookup: Lookup::NONE,
        views: vec![view.clone()],
        fill: Fill::Zero,
    };
    let (kind, bits) = match trace {
        true => (VectorKind::Trace, bits + COLUMN_BITS),
        false => (VectorKind::Data, bits),
    };
    // The same scale as a public term.
    let public = View {
        axes: vec![],
        target: Target::Entries,
        ..view.clone()
    };
    Program {
        kind: Kind::Outputs,
        row_bits,
        group_bits,
        data: Some(DataLayout {
            record_bits: 0,
            vector_bits: group_bits + PREFIX_BITS,
            label: None,
        }),
        vectors: vec![Vector {
            kind,
            slot: 0,
            bits,
            blocks: vec![block],
        }],
        head: Head {
            bits: HEAD_BITS,
            products: vec![],
        },
        publics: vec![public],
        count_claim: None,
        useful_rows: 0,
        places: vec![],
        work: 0,
    }
}

const PREFIX_BITS: u32 = 3;

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.gen_range(0..from.len())]
}

/// A random axis that uses coordinates from `*next` on.
fn axis(rng: &mut StdRng, next: &mut u32, most: u32) -> Axis {
    let bits = rng.gen_range(0..=most);
    let size = 1u64 << bits;
    let step = pick(rng, &[0, 1, 2, 7, 16, 40]);
    let lo = pick(rng, &[0, 1]) * rng.gen_range(0..=size);
    let hi = match rng.gen_range(0..3) {
        0 => size + 1,
        _ => rng.gen_range(0..=size),
    };
    let mut coordinates = |count: u32| {
        let start = *next;
        *next += count;
        start
    };
    let factor = match rng.gen_range(0..8) {
        0 => Factor::Fixed {
            value: rng.gen_range(0..=size),
        },
        1 | 2 => Factor::Powers { step, lo, hi },
        3 => Factor::Live { step },
        4 => Factor::Point {
            start: coordinates(bits),
            step,
            shift: rng.gen_range(0..3),
            lo,
            hi,
        },
        _ => {
            let kernel = rng.gen_range(1..=7u64);
            let taps = match rng.gen_range(0..2) {
                0 => {
                    let bits = kernel.next_power_of_two().trailing_zeros();
                    let start = coordinates(bits);
                    Taps::Point { start, bits }
                }
                _ => Taps::Powers {
                    step: pick(rng, &[0, 0, 5, step, 4 * step]),
                },
            };
            let lo = pick(rng, &[0, 0, 0, 1, 3]);
            Factor::Tap(Tap {
                taps,
                kernel,
                stride: pick(rng, &[1, 1, 2, 2, 3, 4]),
                dilation: pick(rng, &[1, 1, 1, 2]),
                pad: rng.gen_range(-2..9),
                length: rng.gen_range(1..=size),
                lo,
                hi: lo + rng.gen_range(0..size + 3),
                step,
            })
        }
    };
    Axis::new(bits, factor)
}

fn extra(rng: &mut StdRng, next: &mut u32) -> Extra {
    match rng.gen_range(0..5) {
        0 => {
            *next += 1;
            Extra::At {
                start: *next - 1,
                bits: 1,
                value: rng.gen_range(0..2),
            }
        }
        1 => Extra::Power {
            exponent: rng.gen_range(-500..500),
        },
        2 => Extra::Vanish {
            exponent: rng.gen_range(0..500),
        },
        _ => Extra::Sum(axis(rng, next, 4)),
    }
}

/// Whether a random view is lowered; those that fall into too many monomials are refused.
fn case(seed: u64, row_bits: u32) -> bool {
    let mut rng = StdRng::seed_from_u64(seed);
    let most = if row_bits < 16 { 4 } else { 6 };
    let target = match rng.gen_range(0..8) {
        0..4 => Target::Entries,
        4 => Target::SelectedValue,
        5 => Target::SelectedExtra,
        6 => Target::Columns([-3, 1, 0, 0]),
        _ => Target::Columns([1, 2, 0, -3]),
    };
    let trace = target != Target::Entries;
    let mut next = 0;
    let (mut axes, mut bits) = (vec![], 0);
    for _ in 0..rng.gen_range(0..5) {
        let axis = axis(&mut rng, &mut next, most);
        if bits + axis.bits <= row_bits - PREFIX_BITS {
            bits += axis.bits;
            axes.push(axis);
        }
    }
    if !trace && rng.gen_range(0..2) == 0 {
        axes.push(Axis::new(PREFIX_BITS, Factor::Prefix));
        bits += PREFIX_BITS;
    }
    let extras = (0..rng.gen_range(0..3))
        .map(|_| extra(&mut rng, &mut next))
        .collect();
    if next > HEAD_BITS {
        return false;
    }
    let view = View {
        identity: rng.gen_range(0..40),
        claim: rng.gen_range(0..40),
        factor: rng.gen_range(-9..9),
        extras,
        axes,
        target,
    };
    let all = match trace {
        true => row_bits,
        false => row_bits + COLUMN_BITS - rng.gen_range(0..=1),
    };
    let offset = rng.gen_range(0..1u64 << (all - bits)) << bits;
    let group_bits = rng.gen_range(0..3);
    let program = program(row_bits, group_bits, all, offset, &view);
    let live = rng.gen_range(0..=1 << group_bits);
    match check(&mut rng, &program, &Shape::new(row_bits), live) {
        Ok(_) => true,
        Err(Error::Layout(message)) => {
            assert!(message.contains("4096"), "{message} (case {seed})");
            false
        }
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn random_views() {
    for row_bits in CLASSES {
        let cases = (0..5000u64).into_par_iter();
        let done = cases.filter(|seed| case(*seed, row_bits)).count();
        assert!(done > 3200, "{done} at 2^{row_bits}");
    }
}

fn plain() -> View {
    View {
        identity: 0,
        claim: 0,
        factor: 1,
        extras: vec![],
        axes: vec![powers(4, 1, 13)],
        target: Target::Columns([1, 0, 0, 0]),
    }
}

fn powers(bits: u32, step: u64, hi: u64) -> Axis {
    Axis::new(bits, Factor::Powers { step, lo: 0, hi })
}

fn tap(stride: u64, kernel: u64) -> Tap {
    Tap {
        taps: Taps::Point { start: 0, bits: 3 },
        kernel,
        stride,
        dilation: 1,
        pad: 1,
        length: 1 << 7,
        lo: 0,
        hi: (1 << 7) / stride,
        step: 5,
    }
}

/// The geometries that matter take as few slots as they should.
#[test]
fn usual_views_take_few_slots() {
    let slots = |axes: Vec<Axis>| {
        let view = View { axes, ..plain() };
        let program = program(18, 0, 18, 0, &view);
        let steps = lower(&program, &Shape::new(18), 1).unwrap();
        steps
            .iter()
            .filter(|s| !s.half)
            .map(|s| s.slots.len())
            .sum::<usize>()
    };
    let window = |stride, kernel| Axis::new(7, Factor::Tap(tap(stride, kernel)));
    let two = |stride, kernel| {
        let rows = Tap {
            taps: Taps::Point { start: 3, bits: 3 },
            ..tap(stride, kernel)
        };
        vec![window(stride, kernel), Axis::new(7, Factor::Tap(rows))]
    };
    assert_eq!(slots(vec![powers(4, 1, 13), powers(5, 13, 20)]), 1);
    assert_eq!(slots(vec![window(1, 3)]), 1);
    assert_eq!(slots(two(1, 1)), 1);
    assert_eq!(slots(two(1, 3)), 1);
    assert_eq!(slots(two(2, 3)), 4);
    assert_eq!(slots(two(1, 5)), 4);
    // Rows in the middle of an axis, and its end.
    let middle = Axis::new(
        4,
        Factor::Powers {
            step: 3,
            lo: 5,
            hi: 11,
        },
    );
    assert_eq!(slots(vec![middle, middle]), 1);
    assert_eq!(slots(vec![middle, middle, middle]), 2);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |view: &View, change: &dyn Fn(&mut Program), wanted: &str| {
        let mut program = program(10, 0, 10, 0, view);
        change(&mut program);
        let refusal = match lower(&program, &Shape::new(10), 1) {
            Err(Error::Layout(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(refusal.contains(wanted), "{refusal}");
    };
    let same = |_: &mut Program| {};
    let with = |axes: Vec<Axis>, extras: Vec<Extra>| View {
        axes,
        extras,
        ..plain()
    };
    let (identity, claim) = (1 << 14, 1 << 14);
    refused(
        &View {
            identity,
            ..plain()
        },
        &same,
        "identities",
    );
    refused(&View { claim, ..plain() }, &same, "identities");
    refused(
        &with(vec![powers(1, 1 << 26, 2)], vec![]),
        &same,
        "numbered beyond",
    );
    let far = [1 << 26, -(1 << 26), i64::MIN, i64::MAX];
    for exponent in far {
        let far = Extra::Power { exponent };
        refused(&with(vec![], vec![far]), &same, "numbered beyond");
    }
    let long = Extra::Sum(powers(20, u64::MAX, 1 << 20));
    refused(&with(vec![], vec![long]), &same, "numbered beyond");
    let absurd = Tap {
        pad: i64::MIN,
        stride: u64::MAX,
        hi: u64::MAX,
        ..tap(1, 3)
    };
    let absurd = Axis::new(8, Factor::Tap(absurd));
    refused(&with(vec![absurd], vec![]), &same, "window");
    let twice = Extra::At {
        start: 0,
        bits: 1,
        value: 0,
    };
    refused(&with(vec![], vec![twice, twice]), &same, "twice");
    let long = Axis::new(
        10,
        Factor::Tap(Tap {
            step: 3,
            ..tap(3, 3)
        }),
    );
    let many = with(vec![long], vec![Extra::Sum(long)]);
    refused(&many, &same, "4096");
    refused(&plain(), &|p| p.head.bits = 13, "larger size class");
    refused(&plain(), &|p| p.group_bits = 9, "larger than a data vector");
    let product = |identity, claim| Product {
        identity,
        bits: 0,
        claim,
        layer: 0,
        runs: vec![],
        inputs: (0, 0),
        outputs: (0, 0),
        grouped: None,
        tap_bits: [0; 2],
    };
    let back = [product(3, 1), product(2, 3)];
    refused(&plain(), &|p| p.head.products = back.to_vec(), "order");
    let far = [product(3, 1), product(1 << 14, 3)];
    refused(&plain(), &|p| p.head.products = far.to_vec(), "identities");
    let last = [product(3, u32::MAX)];
    refused(&plain(), &|p| p.head.products = last.to_vec(), "identities");
}
