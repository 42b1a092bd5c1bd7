//! The slots of lowered programs say what the views say, vector by vector.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use ff::{Field, PrimeField};
use pleat_argument::multilinear::{eq, eq_index, scalar};
use pleat_argument::program::{
    Block, COLUMN_BITS, DataLayout, Fill, Head, Kind, Lookup, Program, Vector, VectorKind,
    range_tag,
};
use pleat_argument::step::descriptor::{Descriptor, Task};
use pleat_argument::step::lower::{digest, lower};
use pleat_argument::step::slot::FACTORS;
use pleat_argument::step::{BANK, EXPONENT_BITS, IDENTITY_STEP_BITS, Shape, lookup, slot};
use pleat_argument::view::{Axis, Context, Extra, Factor, Tap, Taps, Target, View};
use pleat_argument::{Error, Scalar, layout};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use support::generate::KINDS;
use support::random::random;

fn element(rng: &mut StdRng) -> Scalar {
    Scalar::from_raw([
        rng.r#gen(),
        rng.r#gen(),
        rng.r#gen(),
        rng.r#gen::<u64>() >> 4,
    ])
}

fn elements(rng: &mut StdRng, n: usize) -> Vec<Scalar> {
    (0..n).map(|_| element(rng)).collect()
}

/// What everything is evaluated with.
struct Random {
    context: Context,
    head: Vec<Scalar>,
    point: Vec<Scalar>,
    factors: [Scalar; FACTORS],
}

impl Random {
    fn new(rng: &mut StdRng, program: &Program, shape: &Shape, live: u64) -> Self {
        let head = elements(rng, shape.index_bits());
        let bits = program.head.bits as usize;
        let groups = program
            .data
            .as_ref()
            .map_or(0, |d| d.samples_bits() - program.group_bits);
        let context = Context {
            xi: element(rng),
            zeta: element(rng),
            delta: element(rng),
            live,
            prefix: rng.gen_range(0..1 << groups),
            point: head[..bits].to_vec(),
        };
        Self {
            context,
            head,
            point: elements(rng, shape.index_bits()),
            factors: [Scalar::ONE; FACTORS],
        }
    }

    fn sum(&self, step: &Descriptor) -> Scalar {
        let half = vec![Scalar::TWO_INV; self.point.len()];
        let prefix = step.prefix.map_or(Scalar::ONE, |(first, count)| {
            let own = &self.point[first as usize..(first + count) as usize];
            eq_index(own, self.context.prefix)
        });
        let setting = slot::Setting {
            xi: self.context.xi,
            zeta: self.context.zeta,
            delta: self.context.delta,
            bank: step.bank.map(|e| self.context.power(u64::from(e))),
            head: &self.head,
            point: if step.half { &half } else { &self.point },
            prefix,
            factors: self.factors,
        };
        step.slots.iter().map(|s| s.evaluate(&setting)).sum()
    }

    /// The views of a vector at the point, times the values.
    fn expected(&self, vector: &Vector, first: usize) -> Scalar {
        let trace = vector.kind == VectorKind::Trace;
        let index = &self.point[if trace { COLUMN_BITS as usize } else { 0 }..];
        let f = &self.factors;
        let mut sum = Scalar::ZERO;
        for block in &vector.blocks {
            let (low, high) = index.split_at(block.bits as usize);
            let weight = eq_index(high, block.offset >> block.bits);
            for view in &block.views {
                let value = match view.target {
                    Target::Columns(c) => (0..4).map(|i| scalar(c[i]) * f[i]).sum(),
                    Target::SelectedValue => f[4],
                    Target::SelectedExtra => f[5],
                    Target::Entries => f[first],
                };
                sum += weight * view.evaluate(low, &self.context) * value;
            }
        }
        sum
    }
}

fn check_lookups(rng: &mut StdRng, program: &Program, vector: &Vector, steps: &[&Descriptor]) {
    let bits = program.row_bits as usize;
    let (z, x) = (elements(rng, bits), elements(rng, bits));
    let mut three = || [element(rng), element(rng), element(rng)];
    let (forms, kinds, [eta, ..]) = (three(), three(), three());
    let mut expected = [Scalar::ZERO; 2];
    for block in &vector.blocks {
        let own = &block.lookup;
        let (low, high) = z.split_at(block.bits as usize);
        let weight = eq_index(high, block.offset >> block.bits);
        let number = |bits: &[Scalar]| -> Scalar {
            let add = |sum: Scalar, bit: &Scalar| sum.double() + bit;
            bits.iter().rev().fold(Scalar::ZERO, add)
        };
        let (first, count) = (own.channel.0 as usize, own.channel.1 as usize);
        let mut tag = Scalar::from(own.tag) + number(&low[first..first + count]);
        let mut form = Scalar::from(range_tag(own.range)) * forms[2];
        let mut kind = kinds[0];
        if let Some(entry) = own.entries {
            tag += eta * (scalar(entry) + number(low));
            form += forms[0];
            kind = kinds[2];
        }
        if own.value {
            kind += kinds[1];
        }
        expected[0] += weight * (form + forms[1] * tag);
        let (x_low, x_high) = x.split_at(block.bits as usize);
        let both = weight * eq_index(x_high, block.offset >> block.bits) * eq(low, x_low);
        expected[1] += both * kind;
    }
    let setting = lookup::Setting {
        eta,
        z: &z,
        x: &x,
        forms,
        kinds,
    };
    let mut sum = [Scalar::ZERO; 2];
    for own in steps.iter().flat_map(|s| &s.lookups) {
        let [a, b] = own.evaluate(&setting);
        sum[0] += a;
        sum[1] += b;
    }
    assert_eq!(sum, expected, "lookups");
}

fn check_shape(program: &Program, shape: &Shape, steps: &[Descriptor]) {
    assert!(steps[0].begin && steps[0].task == Task::Head && steps[steps.len() - 1].end);
    assert_eq!(steps.iter().filter(|s| s.begin).count(), 1);
    assert_eq!(steps.iter().filter(|s| s.end).count(), 1);
    for step in steps {
        assert!(step.slots.len() <= shape.slots && step.lookups.len() <= shape.lookups);
        assert!(step.products.len() <= shape.products && step.bank[..2] == [0, 1]);
        assert!(step.bank.iter().all(|e| e >> EXPONENT_BITS == 0));
        assert!(
            step.products
                .iter()
                .all(|p| p.step >> IDENTITY_STEP_BITS == 0)
        );
        for slot in &step.slots {
            assert!(
                slot.bases
                    .iter()
                    .chain(&slot.sum)
                    .all(|p| usize::from(*p) < BANK)
            );
            assert!(slot.exponent.unsigned_abs() >> EXPONENT_BITS == 0);
            for p in &slot.positions[shape.lane_positions()..] {
                assert_eq!(p.capture, [false; 2]);
                assert!(!p.bound[1] && !p.bound[2]);
            }
        }
    }
    // Every product once in the first pass, once where it is added.
    let products = program.head.products.iter();
    let products: Vec<(u32, u32)> = products.map(|p| (p.identity, p.claim)).collect();
    let named = |wanted: &dyn Fn(&Descriptor) -> bool| {
        let mut all = vec![];
        for step in steps.iter().filter(|s| wanted(s)) {
            let (mut identity, mut claim) = (step.first_identity, step.first_claim);
            for p in &step.products {
                identity += p.step;
                all.push((identity, claim));
                claim += 2;
            }
        }
        all
    };
    assert_eq!(named(&|s| s.claims.verify), products);
    let mut added = named(&|s| s.claims.target);
    added.sort();
    assert_eq!(added, products);
    assert_eq!(
        steps
            .iter()
            .filter(|s| s.claims.close && s.claims.target)
            .count(),
        1
    );
    let counted: Vec<u32> = steps.iter().filter_map(|s| s.count_claim).collect();
    assert_eq!(counted, program.count_claim.into_iter().collect::<Vec<_>>());
}

/// Lowers a program and compares; the number of steps.
fn check(rng: &mut StdRng, program: &Program, shape: &Shape, live: u64) -> Result<usize, Error> {
    let steps = lower(program, shape, live)?;
    check_shape(program, shape, &steps);
    let mut random = Random::new(rng, program, shape, live);
    let publics = steps.iter().filter(|s| s.half);
    let publics: Scalar = publics.map(|s| random.sum(s)).sum();
    let scales = program.publics.iter().map(|v| v.scale(&random.context));
    assert_eq!(publics, -scales.sum::<Scalar>(), "public terms");
    let mut rest = &steps[..];
    for own in program.steps() {
        while !matches!(rest[0].task, Task::Chunk | Task::Vectors) {
            assert!(rest[0].half || rest[0].slots.is_empty());
            rest = &rest[1..];
        }
        let count = 1 + rest[1..]
            .iter()
            .take_while(|s| s.task == Task::More)
            .count();
        let group: Vec<&Descriptor> = rest[..count].iter().collect();
        rest = &rest[count..];
        let vectors = &program.vectors[own.vectors()];
        assert_eq!(group[0].vectors.len(), vectors.len());
        let values = elements(rng, 4);
        let [a, b, c, d] = values[..] else { panic!() };
        random.factors = match group[0].task {
            Task::Chunk => [a, b, c, d, a * c, a * d, Scalar::ONE],
            _ => {
                let zero = Scalar::ZERO;
                [a, b, zero, zero, zero, zero, Scalar::ONE]
            }
        };
        let sum: Scalar = group.iter().map(|s| random.sum(s)).sum();
        let expected = vectors.iter().enumerate();
        let expected: Scalar = expected
            .map(|(i, v)| {
                let beyond = &random.point[v.bits as usize..];
                random.expected(v, i)
                    * match v.kind {
                        VectorKind::Trace => Scalar::ONE,
                        _ => eq_index(beyond, 0) * own_high(v, &random.point),
                    }
            })
            .sum();
        assert_eq!(sum, expected, "{:?}", vectors[0].kind);
        if group[0].task == Task::Chunk {
            check_lookups(rng, program, &vectors[0], &group);
        }
    }
    assert!(rest.is_empty());
    Ok(steps.len())
}

/// `expected` compares all bits above a block, those beyond the vector too.
fn own_high(vector: &Vector, point: &[Scalar]) -> Scalar {
    eq_index(&point[vector.bits as usize..], 0)
        .invert()
        .unwrap()
}

#[test]
fn programs_of_random_networks() {
    let steps: usize = (0..120u64)
        .into_par_iter()
        .map(|seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let n = KINDS.len();
            let first = [KINDS[seed as usize % n], KINDS[seed as usize / n % n]];
            let case = random(&mut rng, &first, 5);
            let (row_bits, group_bits) = (rng.gen_range(8..=12), rng.gen_range(0..=2));
            let kind = *[Kind::Accuracy, Kind::Outputs].choose(&mut rng).unwrap();
            let program = match layout::inference(&case.network, kind, true, row_bits, group_bits) {
                Ok(program) => program,
                Err(_) => return 0,
            };
            let mut shape = Shape::new(row_bits);
            if seed % 3 == 0 {
                (shape.slots, shape.lookups, shape.products) = (9, 3, 2);
            }
            let live = rng.gen_range(1..=1 << group_bits);
            check(&mut rng, &program, &shape, live).unwrap()
        })
        .sum();
    assert!(steps > 600, "{steps}");
}

#[test]
fn registrations_of_random_networks() {
    (0..20u64).into_par_iter().for_each(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let n = KINDS.len();
        let case = random(&mut rng, &[KINDS[seed as usize % n]], 3);
        let row_bits = rng.gen_range(8..=12);
        let shape = Shape::new(row_bits);
        if let Ok(program) = layout::register_model(&case.network, row_bits) {
            check(&mut rng, &program, &shape, program.group_samples()).unwrap();
        }
    });
}

const ROW_BITS: u32 = 10;
const HEAD_BITS: u32 = 12;

/// A program of one view on a data vector or a chunk.
fn program(vector_bits: u32, group_bits: u32, block: Block, extra: Option<View>) -> Program {
    let trace = block.views.iter().all(|v| v.target != Target::Entries);
    let groups = 3;
    Program {
        kind: Kind::Outputs,
        row_bits: ROW_BITS,
        group_bits,
        data: Some(DataLayout {
            record_bits: 0,
            vector_bits: group_bits + groups,
            label: None,
        }),
        vectors: vec![Vector {
            kind: if trace {
                VectorKind::Trace
            } else {
                VectorKind::Data
            },
            slot: 0,
            bits: vector_bits,
            blocks: vec![block],
        }],
        head: Head {
            bits: HEAD_BITS,
            products: vec![],
        },
        publics: extra.into_iter().collect(),
        count_claim: None,
        useful_rows: 0,
    }
}

/// A random axis that uses coordinates from `*next` on.
fn axis(rng: &mut StdRng, next: &mut u32) -> Axis {
    let bits = rng.gen_range(0..=4u32);
    let size = 1u64 << bits;
    let step = [0, 1, 2, 7, 16, 40][rng.gen_range(0..6)];
    let lo = if rng.gen_range(0..2) == 0 {
        0
    } else {
        rng.gen_range(0..=size)
    };
    let hi = if rng.gen_range(0..3) == 0 {
        size + 1
    } else {
        rng.gen_range(0..=size)
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
                    Taps::Point {
                        start: coordinates(bits),
                        bits,
                    }
                }
                _ => Taps::Powers {
                    step: [0, 0, 5, step, 4 * step][rng.gen_range(0..5)],
                },
            };
            let lo = [0, 0, 0, 1, 3][rng.gen_range(0..5)];
            Factor::Tap(Tap {
                taps,
                kernel,
                stride: [1, 1, 2, 2, 3, 4][rng.gen_range(0..6)],
                dilation: [1, 1, 1, 2][rng.gen_range(0..4)],
                pad: rng.gen_range(-2..9),
                length: rng.gen_range(1..=size),
                lo,
                hi: lo + rng.gen_range(0..9),
                step,
            })
        }
    };
    Axis::new(bits, factor)
}

fn extra(rng: &mut StdRng, next: &mut u32) -> Extra {
    match rng.gen_range(0..5) {
        0 => {
            let start = *next;
            *next += 1;
            Extra::At {
                start,
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
        _ => Extra::Sum(axis(rng, next)),
    }
}

#[test]
fn random_views() {
    let done: usize = (0..6000u64)
        .into_par_iter()
        .map(|seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let group_bits = rng.gen_range(0..3);
            let mut next = 0;
            let mut axes = vec![];
            let mut extras = vec![];
            for _ in 0..rng.gen_range(0..4) {
                let axis = axis(&mut rng, &mut next);
                let bits: u32 = axes.iter().map(|a: &Axis| a.bits).sum();
                if bits + axis.bits <= ROW_BITS {
                    axes.push(axis);
                }
            }
            for _ in 0..rng.gen_range(0..3) {
                extras.push(extra(&mut rng, &mut next));
            }
            let trace = rng.gen_range(0..2) == 0;
            if !trace && rng.gen_range(0..2) == 0 && axes.len() < 3 {
                axes.push(Axis::new(3, Factor::Prefix));
            }
            if next > HEAD_BITS {
                return 0;
            }
            let bits: u32 = axes.iter().map(|a: &Axis| a.bits).sum();
            let target = match (trace, rng.gen_range(0..4)) {
                (false, _) => Target::Entries,
                (_, 0) => Target::SelectedValue,
                (_, 1) => Target::SelectedExtra,
                (_, 2) => Target::Columns([-3, 1, 0, 0]),
                _ => Target::Columns([1, 2, 0, -3]),
            };
            let all = if trace {
                ROW_BITS
            } else {
                ROW_BITS + COLUMN_BITS - rng.gen_range(0..=1)
            };
            let view = View {
                identity: rng.gen_range(0..40),
                claim: rng.gen_range(0..40),
                factor: rng.gen_range(-9..9),
                extras: extras.clone(),
                axes,
                target,
            };
            let public = View {
                axes: vec![],
                target: Target::Entries,
                ..view.clone()
            };
            let block = Block {
                offset: rng.gen_range(0..1 << (all - bits.min(all))) << bits,
                bits,
                lookup: Lookup::NONE,
                views: vec![view],
                fill: Fill::Zero,
            };
            if bits > all {
                return 0;
            }
            let vector_bits = if trace { all + COLUMN_BITS } else { all };
            let program = program(vector_bits, group_bits, block, Some(public));
            let shape = Shape::new(ROW_BITS);
            let live = rng.gen_range(0..=1 << group_bits);
            match check(&mut rng, &program, &shape, live) {
                Ok(_) => 1,
                Err(Error::Layout(message)) => {
                    assert!(message.contains("4096"), "{message} (case {seed})");
                    0
                }
                Err(e) => panic!("{e}"),
            }
        })
        .sum();
    assert!(done > 4500, "{done}");
}

/// Digests differ where descriptors do.
#[test]
fn a_digest_depends_on_live_samples() {
    let mut rng = StdRng::seed_from_u64(1);
    let case = random(&mut rng, &[KINDS[0]], 2);
    let program = layout::inference(&case.network, Kind::Outputs, true, 12, 2).unwrap();
    let shape = Shape::new(12);
    let of = |live| digest(&lower(&program, &shape, live).unwrap(), &shape);
    assert_eq!(of(4), of(4));
    assert_ne!(of(4), of(3));
    assert!(lower(&program, &shape, 5).is_err());
    assert!(lower(&program, &Shape::new(11), 4).is_err());
}
