//! A program lowered, and its slots compared with its views.

use ff::{Field, PrimeField};
use pleat_argument::multilinear::{eq, eq_index, scalar};
use pleat_argument::program::{COLUMN_BITS, Program, Vector, VectorKind, range_tag};
use pleat_argument::step::descriptor::{Descriptor, Task};
use pleat_argument::step::lower::lower;
use pleat_argument::step::slot::FACTORS;
use pleat_argument::step::{BANK, EXPONENT_BITS, IDENTITY_STEP_BITS, Shape, lookup, slot};
use pleat_argument::view::{Context, Target};
use pleat_argument::{Error, Scalar};
use rand::Rng;
use rand::rngs::StdRng;

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
    // A second pass goes over all but the last portion, and comes back to where that began.
    let verified = steps.iter().filter(|s| s.claims.verify).count();
    let again: Vec<&Descriptor> = steps
        .iter()
        .filter(|s| s.claims.target && !s.claims.verify)
        .collect();
    assert_eq!(again.len() + 1, verified);
    for (i, step) in again.iter().enumerate() {
        assert_eq!(step.claims.replay, i == 0);
        assert_eq!(step.claims.replayed, i + 1 == again.len());
    }
    let counted: Vec<u32> = steps.iter().filter_map(|s| s.count_claim).collect();
    assert_eq!(counted, program.count_claim.into_iter().collect::<Vec<_>>());
}

/// Lowers a program and compares; the number of steps.
pub(crate) fn check(
    rng: &mut StdRng,
    program: &Program,
    shape: &Shape,
    live: u64,
) -> Result<usize, Error> {
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
