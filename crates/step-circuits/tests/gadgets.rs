//! Every gadget against its native twin, with its constraints counted, and attacked.
//!
//! `attack` changes every cell in several ways and checks that the given inputs leave no direction
//! free, not even of several cells together; the `forged_*` tests then build the witness a cheat would
//! choose, which satisfies all constraints but the one that must stop it.
#![allow(clippy::unwrap_used)]

use ff::Field;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{Network, ValueRange};
use pleat_step_circuits::Scalar;
use pleat_step_circuits::gadgets::argmax::{argmax, is_equal};
use pleat_step_circuits::gadgets::bits::{any, decompose_unsigned, enforce_unsigned, is_nonzero};
use pleat_step_circuits::gadgets::clamp::clamp;
use pleat_step_circuits::gadgets::dot::{Convolution, Method, convolution};
use pleat_step_circuits::gadgets::hash::{
    Digit, Domain, Packer, hash, hash_circuit, hash_cost, pack,
};
use pleat_step_circuits::gadgets::max::{max, min, width_of};
use pleat_step_circuits::gadgets::requantize::requantize;
use pleat_step_circuits::gadgets::{Cell, Lin, scalar};
use pleat_step_circuits::testing::Recorder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn at(cell: Cell) -> usize {
    Recorder::cell_of(cell.variable)
}

/// No cell but the inputs may change, alone or together with others.
fn attack(cs: &mut Recorder, inputs: &[Cell]) {
    let given: Vec<usize> = inputs.iter().map(|&c| at(c)).collect();
    assert_eq!(cs.free_cells(&given), Vec::<String>::new());
    assert_eq!(cs.freedom(&given), 0);
}

#[test]
fn the_attack_finds_a_missing_constraint() {
    let mut cs = Recorder::default();
    let x = cs.input(5);
    let bits = decompose_unsigned(&mut cs, &x.into(), 4).unwrap();
    let loose = cs.input(3);
    assert_eq!(cs.free_cells(&[at(x)]).len(), 8); // every change of `loose`
    assert_eq!(cs.freedom(&[at(x)]), 1);
    assert_eq!(cs.freedom(&[at(x), at(loose)]), 0);
    // Two cells bound to each other only: no single change survives, a common one does.
    let mut cs = Recorder::default();
    let (a, b) = (cs.input(3), cs.input(4));
    pleat_step_circuits::gadgets::enforce_equal(
        &mut cs,
        "sum",
        &Lin::from(a).plus(&b.into(), 1),
        &Lin::constant(7),
    );
    assert!(cs.free_cells(&[]).is_empty());
    assert_eq!(cs.freedom(&[]), 1);
    let _ = bits;
}

#[test]
fn ranges_hold_exactly() {
    for bits in 0..6u32 {
        for value in -3..40i64 {
            let inside = (0..1i64 << bits).contains(&value);
            let mut cs = Recorder::default();
            let x = cs.input(value);
            enforce_unsigned(&mut cs, &x.into(), bits).unwrap();
            assert_eq!(cs.constraints(), bits.max(1) as usize);
            assert_eq!(cs.failing().is_empty(), inside, "{value} in {bits} bits");
            if inside {
                attack(&mut cs, &[x]);
            }
            let mut cs = Recorder::default();
            let x = cs.input(value);
            let cells = decompose_unsigned(&mut cs, &x.into(), bits).unwrap();
            assert_eq!(cs.constraints(), bits as usize + 1);
            assert_eq!(cs.failing().is_empty(), inside);
            if inside {
                attack(&mut cs, &[x]);
                let sum: i64 = cells.iter().enumerate().map(|(i, b)| b.value << i).sum();
                assert_eq!(sum, value);
            }
        }
    }
}

/// The pieces of x + p and of -1: neither has small pieces that a range accepts.
#[test]
fn forged_bits() {
    // A "bit" of 2 that recomposes: 2 = 2 * 1 + 0 = 2 * 0 + 2.
    let mut cs = Recorder::default();
    let x = cs.input(2);
    let bits = decompose_unsigned(&mut cs, &x.into(), 3).unwrap();
    cs.set(at(bits[0]), Scalar::from(2));
    cs.set(at(bits[1]), Scalar::ZERO);
    assert_eq!(cs.failing(), ["boolean"]);
    // -1 as a huge number whose low bits are set: every bit is boolean, the sum is not.
    let mut cs = Recorder::default();
    let x = cs.input(7);
    decompose_unsigned(&mut cs, &x.into(), 3).unwrap();
    cs.set(at(x), -Scalar::ONE);
    assert_eq!(cs.failing(), ["recomposition"]);
    // One bit takes all of x + p: it recomposes, and is not boolean.
    let mut cs = Recorder::default();
    let x = cs.input(-4);
    let bits = decompose_unsigned(&mut cs, &x.into(), 3).unwrap();
    for &b in &bits[..2] {
        cs.set(at(b), Scalar::ZERO);
    }
    cs.set(at(bits[2]), scalar(-4) * Scalar::from(4).invert().unwrap());
    assert_eq!(cs.failing(), ["boolean"]);
    // The same against the short form, where the top bit has no variable.
    let mut cs = Recorder::default();
    let x = cs.input(-4);
    enforce_unsigned(&mut cs, &x.into(), 3).unwrap();
    for bit in cs.find("bit") {
        cs.set(bit, Scalar::ZERO);
    }
    assert_eq!(cs.failing(), ["top bit"]);
    let bit = cs.find("bit")[0];
    cs.set(bit, scalar(-4));
    assert_eq!(cs.failing(), ["boolean"]);
}

#[test]
fn zero_tests_and_disjunctions() {
    for value in [0, 1, -1, 77] {
        let mut cs = Recorder::default();
        let x = cs.input(value);
        let flag = is_nonzero(&mut cs, &x.into()).unwrap();
        assert_eq!((flag.value, cs.constraints()), (i64::from(value != 0), 3));
        attack(&mut cs, &[x]);
        // Claim the opposite with the best inverse there is.
        cs.set(at(flag), Scalar::ONE - scalar(flag.value));
        let inverse = cs.find("inverse")[0];
        for guess in [Scalar::ZERO, Scalar::ONE, scalar(value)] {
            cs.set(inverse, guess);
            cs.assert_fails(match value {
                0 => "nonzero: x * inverse = flag",
                _ => "nonzero: x * (1 - flag) = 0",
            });
        }
    }
    for n in 0..7usize {
        for set in 0..1i64 << n {
            let mut cs = Recorder::default();
            let inputs: Vec<Cell> = (0..n).map(|i| cs.input(set >> i & 1)).collect();
            assert_eq!(any(&mut cs, &inputs).unwrap().value, i64::from(set != 0));
            let cost = if n > 4 { 3 } else { n.max(1) - 1 };
            assert_eq!(cs.constraints(), cost);
            attack(&mut cs, &inputs);
        }
    }
    for (a, b) in [(3, 3), (3, 4), (0, 0)] {
        let mut cs = Recorder::default();
        let (x, y) = (cs.input(a), cs.input(b));
        let equal = is_equal(&mut cs, &x.into(), &y.into()).unwrap();
        assert_eq!((equal.value, cs.constraints()), (i64::from(a == b), 3));
        attack(&mut cs, &[x, y]);
    }
}

#[test]
fn requantisation_is_floor_division() {
    let mut rng = rng();
    for (shift, bits) in [(0, 4), (3, 6), (8, 11), (16, 16)] {
        for _ in 0..20 {
            let limit = 1i64 << (shift + bits - 1);
            let acc = rng.gen_range(-limit..limit);
            let mut cs = Recorder::default();
            let x = cs.input(acc);
            let q = requantize(&mut cs, &x.into(), shift, bits).unwrap();
            assert_eq!(q.lin().value, acc.div_euclid(1 << shift));
            assert_eq!(
                cs.constraints(),
                (shift + bits) as usize + usize::from(shift == 0)
            );
            attack(&mut cs, &[x]);
        }
        for acc in [
            1i64 << (shift + bits - 1),
            -(1i64 << (shift + bits - 1)) - 1,
        ] {
            let mut cs = Recorder::default();
            let x = cs.input(acc);
            requantize(&mut cs, &x.into(), shift, bits).unwrap();
            assert_eq!(cs.failing(), ["requantise"], "a quotient out of its width");
        }
    }
}

/// acc = 20 = 8 * 2 + 4; a cheat claims 8 * 3 - 4 and 8 * 1 + 12, the remainder in its bit of weight 2.
#[test]
fn forged_quotients() {
    for (bits, remainder) in [([1, 1, 0, 1], -4), ([1, 0, 0, 1], 12)] {
        let mut cs = Recorder::default();
        let x = cs.input(20);
        let q = requantize(&mut cs, &x.into(), 3, 4).unwrap();
        for (&cell, bit) in q.bits.iter().zip(bits) {
            cs.set(at(cell), Scalar::from(bit));
        }
        let low = cs.find("bit");
        // The remainder's bits but the lowest come first.
        cs.set(low[0], scalar(remainder / 2));
        cs.set(low[1], Scalar::ZERO);
        assert_eq!(cs.failing(), ["boolean"]);
        // With a remainder of proper bits, the sum is what fails.
        cs.set(low[0], Scalar::ZERO);
        assert_eq!(cs.failing(), ["requantise"]);
    }
}

#[test]
fn clamping_and_its_cost() {
    let range = |min, max| ValueRange { min, max };
    // Range, quotient bits, constraints behind the quotient's.
    for (r, bits, cost) in [
        (range(-8, 7), 4, 1),          // nothing to clamp
        (range(0, 7), 4, 1),           // relu
        (range(0, 100), 4, 1),         // relu, maximum out of reach
        (range(0, 3), 4, 2),           // relu, one bit above
        (range(0, 3), 5, 3),           // two bits above
        (range(0, 1), 8, 2 + 3),       // six bits above
        (range(0, 5), 4, 1 + 6 + 1),   // no power of two: relu, then a minimum
        (range(-4, 3), 4, 7 + 6 + 1),  // signed saturation
        (range(-3, 100), 4, 7 + 1),    // lower bound only
        (range(-100, 2), 4, 7 + 1),    // upper bound only
        (range(2, 5), 4, 7 + 5 + 1),   // positive lower bound
        (range(-7, -2), 4, 7 + 7 + 1), // negative upper bound
        (range(0, 0), 3, 1 + 5 + 1),   // a single value
    ] {
        let low = -(1i64 << (bits - 1));
        for q in low..-low {
            let mut cs = Recorder::default();
            let x = cs.input(q);
            let quotient = requantize(&mut cs, &x.into(), 0, bits).unwrap();
            let before = cs.constraints();
            let y = clamp(&mut cs, &quotient, r).unwrap();
            assert_eq!(y.value, q.clamp(r.min.into(), r.max.into()), "{q} in {r:?}");
            assert_eq!(cs.constraints() - before, cost, "{r:?}");
            attack(&mut cs, &[x]);
        }
    }
}

#[test]
fn forged_relu() {
    let r = ValueRange { min: 0, max: 7 };
    let mut cs = Recorder::default();
    let x = cs.input(-3);
    let q = requantize(&mut cs, &x.into(), 0, 4).unwrap();
    let y = clamp(&mut cs, &q, r).unwrap();
    // The sign flipped, and the value made to fit it: -3 + 8 = 5 = 0101.
    cs.set(at(q.bits[3]), Scalar::ONE);
    cs.set(at(y), Scalar::from(5));
    assert_eq!(cs.failing(), ["requantise"]);
    // The sign flipped and the difference taken by another bit.
    cs.set(at(q.bits[0]), scalar(1 - 8));
    cs.set(at(y), scalar(5 - 8));
    assert_eq!(cs.failing(), ["boolean"]);
    // Saturation skipped.
    let mut cs = Recorder::default();
    let x = cs.input(6);
    let q = requantize(&mut cs, &x.into(), 0, 4).unwrap();
    let y = clamp(&mut cs, &q, ValueRange { min: 0, max: 3 }).unwrap();
    assert_eq!(y.value, 3);
    cs.set(at(y), Scalar::from(2));
    assert_eq!(cs.failing(), ["relu"]);
    let lift = cs.find("saturation")[0];
    cs.set(lift, Scalar::ZERO);
    assert_eq!(cs.failing(), ["saturation"]);
}

#[test]
fn the_larger_of_two() {
    for a in -4..4i64 {
        for b in -4..4i64 {
            let mut cs = Recorder::default();
            let (x, y) = (cs.input(a), cs.input(b));
            let m = max(&mut cs, &x.into(), &y.into(), 3).unwrap();
            assert_eq!((m.value, cs.constraints()), (a.max(b), 6));
            attack(&mut cs, &[x, y]);
            // The smaller, or anything else, as the larger.
            for wrong in -9..9 {
                if wrong != m.value {
                    cs.set(at(m), scalar(wrong));
                    assert_eq!(cs.failing(), ["max - a = sign * (b - a)"]);
                }
            }
            // The smaller one with the sign to match.
            let sign = *cs.find("bit").last().unwrap();
            cs.set(at(m), scalar(a.min(b)));
            let flipped = Scalar::ONE - cs.get(sign);
            cs.set(sign, flipped);
            if a != b {
                assert_eq!(cs.failing(), ["recomposition"]);
            }
            let mut cs = Recorder::default();
            let (x, y) = (cs.input(a), cs.input(b));
            assert_eq!(
                min(&mut cs, &x.into(), &y.into(), 3).unwrap().value,
                a.min(b)
            );
            attack(&mut cs, &[x, y]);
        }
    }
    // A difference beyond the width.
    let mut cs = Recorder::default();
    let (x, y) = (cs.input(0), cs.input(8));
    max(&mut cs, &x.into(), &y.into(), 3).unwrap();
    cs.assert_fails("recomposition");
}

fn argmax_cost(n: usize, width: usize) -> usize {
    n + 1 + n + 1 + n.saturating_sub(2) + n * width.max(1)
}

#[test]
fn the_lowest_of_the_largest() {
    let mut rng = rng();
    for n in 1..6 {
        for _ in 0..30 {
            let scores: Vec<i32> = (0..n).map(|_| rng.gen_range(-2..3)).collect();
            let mut cs = Recorder::default();
            let cells: Vec<Cell> = scores.iter().map(|&v| cs.input(v.into())).collect();
            let index = argmax(&mut cs, &cells, width_of(4)).unwrap();
            assert_eq!(index.value, Network::top1(&scores) as i64, "{scores:?}");
            assert_eq!(cs.constraints(), argmax_cost(n, 3));
            attack(&mut cs, &cells);
        }
    }
}

/// Every other index, with every cell a cheat can make consistent made consistent.
#[test]
fn forged_predictions() {
    for scores in [[1, 3, 3, 2], [3, 3, 3, 3], [0, 1, 2, 3], [3, 0, 0, 0]] {
        let right = Network::top1(&scores);
        for wrong in 0..4 {
            let mut cs = Recorder::default();
            let cells: Vec<Cell> = scores.iter().map(|&v| cs.input(v.into())).collect();
            argmax(&mut cs, &cells, 2).unwrap();
            cs.assert_satisfied();
            // Bits 0..4 are the selectors; then one low bit per class, last class first.
            let bits = cs.find("bit");
            let (selectors, low) = bits.split_at(4);
            let before: Vec<i64> = (0..4).map(|i| i64::from(i < wrong)).collect();
            for i in 0..4 {
                cs.set(selectors[i], Scalar::from(u64::from(i == wrong)));
                let product = cs.find("selected value")[i];
                cs.set(
                    product,
                    scalar(if i == wrong { scores[i].into() } else { 0 }),
                );
                let margin = i64::from(scores[wrong]) - i64::from(scores[i]) - before[i];
                cs.set(low[3 - i], scalar(margin & 1));
            }
            let largest = cs.find("largest")[0];
            cs.set(largest, scalar(scores[wrong].into()));
            for (k, cell) in cs.find("selected from here on").into_iter().enumerate() {
                // Made for classes 2 and 1.
                cs.set(cell, scalar(i64::from(wrong >= 2 - k)));
            }
            if wrong == right {
                cs.assert_satisfied();
            } else {
                assert!(
                    cs.failing().iter().all(|&c| c == "top bit") && !cs.failing().is_empty(),
                    "{scores:?} as {wrong}: {:?}",
                    cs.failing()
                );
            }
        }
    }
    // Two selected, or none.
    let mut cs = Recorder::default();
    let cells: Vec<Cell> = [2, 1, 0].iter().map(|&v| cs.input(v)).collect();
    argmax(&mut cs, &cells, 2).unwrap();
    let bits = cs.find("bit");
    cs.set(bits[1], Scalar::ONE);
    cs.assert_fails("one selected");
    cs.set(bits[0], Scalar::ZERO);
    cs.set(bits[1], Scalar::ZERO);
    cs.assert_fails("one selected");
}

fn geometry(
    input: Shape,
    out: usize,
    groups: usize,
    kernel: usize,
    stride: usize,
    pads: [usize; 4],
) -> Convolution {
    let window = Window {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        dilation: [1, 1],
        pads,
    };
    let [h, w] = window.output(input.height, input.width).unwrap();
    Convolution {
        input,
        output: Shape::new(out, h, w),
        groups,
        window,
    }
}

/// By the definition, without the code under test.
fn naive(g: &Convolution, x: &[i64], kernel: &[i64], bias: &[i64]) -> Vec<i64> {
    let (per_in, per_out) = (g.input.channels / g.groups, g.output.channels / g.groups);
    let [kh, kw] = g.window.kernel;
    let mut acc = vec![];
    for o in 0..g.output.channels {
        for oy in 0..g.output.height {
            for ox in 0..g.output.width {
                let mut sum = bias[o];
                for c in 0..per_in {
                    for ky in 0..kh {
                        for kx in 0..kw {
                            let y = (oy * g.window.stride[0] + ky) as i64 - g.window.pads[0] as i64;
                            let z = (ox * g.window.stride[1] + kx) as i64 - g.window.pads[1] as i64;
                            if y < 0
                                || z < 0
                                || y >= g.input.height as i64
                                || z >= g.input.width as i64
                            {
                                continue;
                            }
                            let channel = o / per_out * per_in + c;
                            let at = (channel * g.input.height + y as usize) * g.input.width
                                + z as usize;
                            sum += kernel[((o * per_in + c) * kh + ky) * kw + kx] * x[at];
                        }
                    }
                }
                acc.push(sum);
            }
        }
    }
    acc
}

#[test]
fn convolutions_by_both_methods() {
    let mut rng = rng();
    let s = Shape::new;
    for g in [
        geometry(s(1, 4, 4), 2, 1, 3, 1, [0; 4]),
        geometry(s(2, 4, 3), 3, 1, 3, 1, [1; 4]),
        geometry(s(2, 5, 5), 2, 2, 2, 2, [1, 0, 0, 1]),
        geometry(s(4, 3, 3), 4, 2, 1, 1, [0; 4]),
        geometry(s(5, 1, 1), 3, 1, 1, 1, [0; 4]),
    ] {
        let numbers = |rng: &mut StdRng, n: usize| -> Vec<i64> {
            (0..n).map(|_| rng.gen_range(-9..10)).collect()
        };
        let x = numbers(&mut rng, g.input.len());
        let kernel = numbers(&mut rng, g.output.channels * g.taps());
        let bias = numbers(&mut rng, g.output.channels);
        for method in [Method::Plain, Method::Winograd] {
            for constants in [false, true] {
                let mut cs = Recorder::default();
                let mut cells =
                    |v: &[i64]| -> Vec<Cell> { v.iter().map(|&v| cs.input(v)).collect() };
                let mut input = cells(&x);
                let (k, b) = (cells(&kernel), cells(&bias));
                let given: Vec<Cell> = [&input[..], &k, &b].concat();
                if constants {
                    for cell in input.iter_mut().step_by(3) {
                        *cell = Cell::constant(cell.value);
                    }
                }
                let acc = convolution(&mut cs, &g, method, &input, &k, &b).unwrap();
                let values: Vec<i64> = acc.iter().map(|a| a.value).collect();
                assert_eq!(values, naive(&g, &x, &kernel, &bias), "{g:?} {method:?}");
                match constants {
                    false => assert_eq!(cs.constraints(), g.cost(method)),
                    true => assert!(cs.constraints() <= g.cost(method)),
                }
                // The combination really has the value, and nothing inside is free.
                for (i, a) in acc.iter().enumerate() {
                    let expected = Lin::constant(values[i]);
                    pleat_step_circuits::gadgets::enforce_equal(&mut cs, "acc", a, &expected);
                }
                attack(&mut cs, &given);
            }
        }
    }
    let lenet = geometry(s(6, 14, 14), 16, 1, 5, 1, [0; 4]);
    assert_eq!(lenet.cost(Method::Plain), 240_000);
    assert_eq!(lenet.cost(Method::Winograd), 128_816);
    let dense = geometry(s(400, 1, 1), 120, 1, 1, 1, [0; 4]);
    assert_eq!(dense.method(), Method::Plain);
}

#[test]
fn hashes_agree_and_nothing_in_them_is_free() {
    for n in [1usize, 2, 24, 25, 49] {
        let elements: Vec<Scalar> = (0..n as u64).map(|i| Scalar::from(i * i + 3)).collect();
        let mut cs = Recorder::default();
        let cells: Vec<_> = elements.iter().map(|&v| cs.input_number(v)).collect();
        let inputs: Vec<_> = cells.iter().cloned().map(Into::into).collect();
        let digest = hash_circuit(&mut cs, Domain::Model, &inputs).unwrap();
        assert_eq!(digest.get_value(), Some(hash(Domain::Model, &elements)));
        assert_eq!(cs.constraints(), hash_cost(n));
        let given: Vec<usize> = (1..=n).collect();
        assert!(cs.free_cells(&given).is_empty());
        assert_ne!(
            hash(Domain::Model, &elements),
            hash(Domain::Sample, &elements)
        );
        // Length is part of the state: zeros at the end count.
        let longer: Vec<Scalar> = elements.iter().copied().chain([Scalar::ZERO]).collect();
        assert_ne!(hash(Domain::Model, &elements), hash(Domain::Model, &longer));
    }
}

#[test]
fn packing_is_positional() {
    let mut rng = rng();
    for n in [1usize, 7, 40, 100] {
        let digits: Vec<(i64, u32)> = (0..n)
            .map(|_| {
                let bits = rng.gen_range(1..41);
                (rng.gen_range(0..1i64 << bits), bits)
            })
            .collect();
        // Independent: base-2 strings, cut where the next digit would not fit.
        let mut expected = vec![];
        let mut bits = vec![];
        for &(value, width) in &digits {
            if bits.len() + width as usize > 250 {
                expected.push(std::mem::take(&mut bits));
            }
            bits.extend((0..width).map(|i| value >> i & 1));
        }
        expected.push(bits);
        let expected: Vec<Scalar> = expected
            .iter()
            .map(|bits| {
                bits.iter()
                    .rev()
                    .fold(Scalar::ZERO, |sum, &b| sum.double() + scalar(b))
            })
            .collect();
        let mut packer = Packer::default();
        digits.iter().for_each(|&(v, b)| packer.push(v as u64, b));
        assert_eq!(packer.finish(), expected);
        let mut cs = Recorder::default();
        let min = -5;
        let cells: Vec<Cell> = digits.iter().map(|&(v, _)| cs.input(v + min)).collect();
        let list: Vec<Digit> = cells
            .iter()
            .zip(&digits)
            .map(|(&cell, &(_, bits))| Digit { cell, min, bits })
            .collect();
        let packed = pack(&mut cs, &list).unwrap();
        let values: Vec<Scalar> = packed.iter().map(|e| e.val().unwrap()).collect();
        assert_eq!(values, expected);
        assert_eq!(cs.constraints(), expected.len());
        attack(&mut cs, &cells);
    }
}
