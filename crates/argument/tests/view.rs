//! Views: what the verifier evaluates is the multilinear extension of what the prover writes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ff::Field;
use pleat_argument::Scalar;
use pleat_argument::multilinear::{eq_table, evaluate};
use pleat_argument::view::{Axis, Context, Extra, Factor, Tap, Taps, Target, View};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::prelude::*;

fn scalars(rng: &mut StdRng, n: usize) -> Vec<Scalar> {
    (0..n).map(|_| Scalar::random(&mut *rng)).collect()
}

/// Random challenges, a head's point of 24 coordinates.
fn context(seed: u64) -> Context {
    let mut rng = StdRng::seed_from_u64(seed);
    Context {
        xi: Scalar::random(&mut rng),
        zeta: Scalar::random(&mut rng),
        delta: Scalar::random(&mut rng),
        live: 5,
        prefix: 3,
        point: scalars(&mut rng, 24),
    }
}

fn point(bits: u32) -> Vec<Scalar> {
    scalars(&mut StdRng::seed_from_u64(77), bits as usize)
}

/// `definition` gives every coefficient of the axis.
fn check(axis: Axis, context: &Context, definition: impl Fn(u64) -> Scalar) {
    let expected: Vec<Scalar> = (0..1 << axis.bits).map(definition).collect();
    let table = axis.table(context);
    assert_eq!(table, expected, "table of {axis:?}");
    let at = point(axis.bits);
    assert_eq!(
        axis.evaluate(&at, context),
        evaluate(&table, &at),
        "value of {axis:?} at a point"
    );
    let sum: Scalar = table.iter().sum();
    assert_eq!(axis.sum(context), sum, "sum of {axis:?}");
}

fn choose(condition: bool, value: Scalar) -> Scalar {
    match condition {
        true => value,
        false => Scalar::ZERO,
    }
}

#[test]
fn powers_live_fixed_and_prefix() {
    let mut context = context(1);
    for bits in 0..=6u32 {
        let n = 1u64 << bits;
        for value in 0..n + 3 {
            let one = |i| choose(i == value, Scalar::ONE);
            check(Axis::new(bits, Factor::Fixed { value }), &context, one);
            context.prefix = value;
            check(Axis::new(bits, Factor::Prefix), &context, one);
        }
        for step in [0, 1, 7, 1 << 33] {
            for live in 0..=n + 2 {
                context.live = live;
                let axis = Axis::new(bits, Factor::Live { step });
                check(axis, &context, |i| {
                    choose(i < live, context.power(step * i))
                });
            }
        }
        for lo in 0..=n + 1 {
            for hi in 0..=n + 1 {
                let step = 5;
                check(
                    Axis::new(bits, Factor::Powers { step, lo, hi }),
                    &context,
                    |i| choose(lo <= i && i < hi, context.power(step * i)),
                );
            }
        }
    }
}

#[test]
fn points() {
    let context = context(2);
    let coordinates = &context.point;
    (0..=6u32).into_par_iter().for_each(|bits| {
        let n = 1u64 << bits;
        for (start, step) in [(0, 3), (4, 0), (11, 9)] {
            let eq = eq_table(&coordinates[start as usize..(start + bits) as usize]);
            for shift in 0..=bits {
                // Ends up to 2^bits, and some beyond.
                for lo in 0..=n {
                    for hi in (lo.saturating_sub(1)..=n).chain([n + 1, 4 * n]) {
                        if bits == 6 && (lo * 7 + hi * 3 + u64::from(shift)) % 11 != 0 {
                            continue;
                        }
                        let factor = Factor::Point {
                            start,
                            step,
                            shift,
                            lo,
                            hi,
                        };
                        check(Axis::new(bits, factor), &context, |i| {
                            let weight = eq[i as usize] * context.power(step * (i >> shift));
                            choose(lo <= i && i < hi, weight)
                        });
                    }
                }
            }
        }
    });
}

/// The definition of a tap's coefficient, written as the sum it is.
#[allow(clippy::too_many_arguments)] // the numbers of the definition
fn tap(
    weights: &[Scalar],
    powers: &[Scalar],
    stride: u64,
    dilation: u64,
    pad: i64,
    length: u64,
    (lo, hi): (u64, u64),
    t: u64,
) -> Scalar {
    let mut sum = Scalar::ZERO;
    for (i, weight) in weights.iter().enumerate() {
        for h in lo..hi {
            if t < length && t as i64 == (stride * h + dilation * i as u64) as i64 - pad {
                sum += *weight * powers[h as usize];
            }
        }
    }
    sum
}

#[test]
fn taps_of_every_geometry() {
    let context = context(3);
    let powers: Vec<Scalar> = (0..20).map(|h| context.power(13 * h)).collect();
    let intervals = [
        (0, 0),
        (0, 1),
        (0, 4),
        (0, 16),
        (1, 2),
        (2, 7),
        (5, 11),
        (9, 3),
    ];
    (1..=7u64).into_par_iter().for_each(|kernel| {
        let bits = kernel.next_power_of_two().trailing_zeros();
        let by_point = eq_table(&context.point[3..3 + bits as usize]);
        let by_powers: Vec<Scalar> = (0..kernel).map(|i| context.power(6 * i)).collect();
        let kinds = [
            (Taps::Point { start: 3, bits }, &by_point[..kernel as usize]),
            (Taps::Powers { step: 6 }, &by_powers[..]),
        ];
        for (taps, weights) in kinds {
            for (stride, dilation) in [
                (1, 1),
                (2, 1),
                (3, 1),
                (4, 1),
                (1, 2),
                (2, 2),
                (3, 2),
                (4, 2),
                (2, 3),
                (4, 3),
            ] {
                for pad in -3..=10i64 {
                    for length in 1..=16u64 {
                        let (lo, hi) = intervals
                            [((pad + 3) as usize * 5 + length as usize * 3 + stride as usize) % 8];
                        // The axis of the length, one that is longer, one that is too short.
                        let own = length.next_power_of_two().trailing_zeros();
                        for bits in [own, own + 1, own.saturating_sub(1)] {
                            let factor = Factor::Tap(Tap {
                                taps,
                                kernel,
                                stride,
                                dilation,
                                pad,
                                length,
                                lo,
                                hi,
                                step: 13,
                            });
                            check(Axis::new(bits, factor), &context, |t| {
                                tap(weights, &powers, stride, dilation, pad, length, (lo, hi), t)
                            });
                        }
                    }
                }
            }
        }
    });
}

/// All intervals of outputs on some geometries.
#[test]
fn taps_of_every_interval() {
    let context = context(4);
    let powers: Vec<Scalar> = (0..20).map(|h| context.power(13 * h)).collect();
    let weights: Vec<Scalar> = (0..3).map(|i| context.power(6 * i)).collect();
    for stride in [1, 2, 3, 4, 8, 64] {
        for pad in [-2, 0, 1, 9] {
            for lo in 0..12 {
                for hi in 0..14 {
                    for (bits, length) in [(0, 1), (3, 7), (4, 13), (4, 16)] {
                        let factor = Factor::Tap(Tap {
                            taps: Taps::Powers { step: 6 },
                            kernel: 3,
                            stride,
                            dilation: 1,
                            pad,
                            length,
                            lo,
                            hi,
                            step: 13,
                        });
                        check(Axis::new(bits, factor), &context, |t| {
                            tap(&weights, &powers, stride, 1, pad, length, (lo, hi), t)
                        });
                    }
                }
            }
        }
    }
}

fn factor() -> impl Strategy<Value = (u32, Factor)> {
    let step = 0..50u64;
    let range = (0..70u64, 0..70u64);
    let simple = prop_oneof![
        (0..70u64).prop_map(|value| Factor::Fixed { value }),
        (step.clone(), range.clone()).prop_map(|(step, (lo, hi))| Factor::Powers { step, lo, hi }),
        step.clone().prop_map(|step| Factor::Live { step }),
        Just(Factor::Prefix),
        (0..18u32, step.clone(), 0..7u32, range.clone()).prop_map(
            |(start, step, shift, (lo, hi))| Factor::Point {
                start,
                step,
                shift,
                lo,
                hi
            }
        ),
    ];
    let taps = prop_oneof![
        (0..20u32).prop_map(|start| Taps::Point { start, bits: 3 }),
        step.clone().prop_map(|step| Taps::Powers { step }),
    ];
    let window = (
        (taps, 1..=8u64, 1..6u64, 1..4u64),
        (-5..40i64, 0..70u64, range, step),
    )
        .prop_map(
            |((taps, kernel, stride, dilation), (pad, length, (lo, hi), step))| {
                Factor::Tap(Tap {
                    taps,
                    kernel,
                    stride,
                    dilation,
                    pad,
                    length,
                    lo,
                    hi,
                    step,
                })
            },
        );
    (0..=6u32, prop_oneof![simple, window])
}

fn extra() -> impl Strategy<Value = Extra> {
    prop_oneof![
        factor().prop_map(|(bits, factor)| Extra::Sum(Axis::new(bits, factor))),
        (0..20u32, 0..16u64).prop_map(|(start, value)| Extra::At {
            start,
            bits: 4,
            value
        }),
        (-500..500i64).prop_map(|exponent| Extra::Power { exponent }),
        (0..500u64).prop_map(|exponent| Extra::Vanish { exponent }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_axis(own in factor(), seed in 0..1000u64, live in 0..70u64, prefix in 0..70u64) {
        let context = Context { live, prefix, ..context(seed) };
        let axis = Axis::new(own.0, own.1);
        let table = axis.table(&context);
        let at = point(axis.bits);
        prop_assert_eq!(axis.evaluate(&at, &context), evaluate(&table, &at));
        prop_assert_eq!(axis.sum(&context), table.iter().sum::<Scalar>());
    }

    #[test]
    fn a_view_is_the_product_of_its_axes(
        axes in prop::collection::vec(factor(), 0..4),
        extras in prop::collection::vec(extra(), 0..3),
        (factor, identity, claim) in (-9..9i64, 0..40u32, 0..40u32),
        seed in 0..1000u64,
    ) {
        let context = context(seed);
        let mut axes: Vec<Axis> = axes.into_iter().map(|(b, f)| Axis::new(b, f)).collect();
        while axes.iter().map(|a| a.bits).sum::<u32>() > 12 {
            axes.pop();
        }
        let view = View { identity, claim, factor, extras, axes, target: Target::Entries };
        let (low, high) = view.halves(&context);
        prop_assert_eq!(low.len() * high.len(), 1 << view.bits());
        let table: Vec<Scalar> =
            high.iter().flat_map(|h| low.iter().map(move |l| *h * l)).collect();
        // Coefficient by coefficient: the scale times one entry of every axis.
        let tables: Vec<Vec<Scalar>> = view.axes.iter().map(|a| a.table(&context)).collect();
        for (i, coefficient) in table.iter().enumerate() {
            let (mut rest, mut product) = (i, view.scale(&context));
            for (axis, table) in view.axes.iter().zip(&tables) {
                product *= table[rest & ((1 << axis.bits) - 1)];
                rest >>= axis.bits;
            }
            prop_assert_eq!(*coefficient, product);
        }
        let at = point(view.bits());
        prop_assert_eq!(view.evaluate(&at, &context), evaluate(&table, &at));
    }
}
