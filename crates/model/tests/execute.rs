//! The integer executor against a naive reference written from the definitions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

#[path = "support/integer.rs"]
mod integer;

use integer::{Random, SHIFT, layer, linear, network, notes, range, sample};
use pleat_model::Error;
use pleat_model::bounds::{accumulator, layers_that_may_refuse};
use pleat_model::execute::Executor;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, Layer, LayerOp, LayerWeights, LinearMap, Network, Weights, rounding_shift,
};
use proptest::prelude::*;

/// `x` at (channel, row, column), `None` outside.
fn at(x: &[i32], s: Shape, c: usize, y: i128, z: i128) -> Option<i128> {
    let inside = y >= 0 && z >= 0 && y < s.height as i128 && z < s.width as i128;
    inside.then(|| i128::from(x[(c * s.height + y as usize) * s.width + z as usize]))
}

fn tap(w: &Window, axis: usize, o: usize, k: usize) -> i128 {
    (o * w.stride[axis] + k * w.dilation[axis]) as i128 - w.pads[axis] as i128
}

/// Accumulator and value of every element of layer `i`, in plain loops over `i128`.
fn naive(n: &Network, w: &LayerWeights, i: usize, tensors: &[Vec<i32>]) -> (Vec<i128>, Vec<i128>) {
    let l = &n.layers[i];
    let (mut accumulators, mut values) = (vec![], vec![]);
    for c in 0..l.shape.channels {
        for y in 0..l.shape.height {
            for z in 0..l.shape.width {
                let x = &tensors[l.inputs[0]];
                let s = n.layers[l.inputs[0]].shape;
                let here = (c * l.shape.height + y) * l.shape.width + z;
                match &l.op {
                    LayerOp::Linear {
                        map,
                        shift,
                        activation,
                        ..
                    } => {
                        let half = if *shift == 0 { 0 } else { 1i128 << (shift - 1) };
                        let acc = match map {
                            LinearMap::Conv {
                                out_channels,
                                groups,
                                window,
                                ..
                            } => {
                                let per = s.channels / groups;
                                let first = c / (out_channels / groups) * per;
                                let [kh, kw] = window.kernel;
                                let mut acc = i128::from(w.bias[c]);
                                for k in 0..per * kh * kw {
                                    let (d, ky, kx) = (k / (kh * kw), k / kw % kh, k % kw);
                                    acc += i128::from(w.kernel[c * per * kh * kw + k])
                                        * at(
                                            x,
                                            s,
                                            first + d,
                                            tap(window, 0, y, ky),
                                            tap(window, 1, z, kx),
                                        )
                                        .unwrap_or(0);
                                }
                                acc
                            }
                            LinearMap::AveragePool {
                                window,
                                multipliers,
                            } => {
                                let mut sum = 0;
                                for ky in 0..window.kernel[0] {
                                    for kx in 0..window.kernel[1] {
                                        sum += at(
                                            x,
                                            s,
                                            c,
                                            tap(window, 0, y, ky),
                                            tap(window, 1, z, kx),
                                        )
                                        .unwrap_or(0);
                                    }
                                }
                                let m = multipliers[if multipliers.len() == 1 {
                                    0
                                } else {
                                    y * l.shape.width + z
                                }];
                                sum * i128::from(m) + half
                            }
                            LinearMap::Sum { multipliers } => {
                                half + multipliers
                                    .iter()
                                    .zip(&l.inputs)
                                    .map(|(&m, &j)| i128::from(m) * i128::from(tensors[j][here]))
                                    .sum::<i128>()
                            }
                        };
                        accumulators.push(acc);
                        let q = acc.div_euclid(1 << shift);
                        let f = match activation {
                            Activation::Clamp => q,
                            Activation::Slope { slopes, shift } if q < 0 => {
                                let m =
                                    i128::from(slopes[if slopes.len() == 1 { 0 } else { c }]) * q;
                                let d = 1i128 << shift;
                                (2 * m + d).div_euclid(2 * d)
                            }
                            Activation::Slope { .. } => q,
                            Activation::Table { values } => {
                                i128::from(values[(q + 32768) as usize])
                            }
                        };
                        values.push(f.max(l.range.min.into()).min(l.range.max.into()));
                    }
                    LayerOp::MaxPool { window } => {
                        let mut best = None;
                        for ky in 0..window.kernel[0] {
                            for kx in 0..window.kernel[1] {
                                best = best.max(at(
                                    x,
                                    s,
                                    c,
                                    tap(window, 0, y, ky),
                                    tap(window, 1, z, kx),
                                ));
                            }
                        }
                        values.push(best.unwrap());
                    }
                    LayerOp::Pad { pads, value } => {
                        let v = at(
                            x,
                            s,
                            c,
                            y as i128 - pads[0] as i128,
                            z as i128 - pads[1] as i128,
                        );
                        values.push(v.unwrap_or_else(|| (*value).into()));
                    }
                    LayerOp::Upsample { factors: [a, b] } => {
                        values.push(at(x, s, c, (y / a) as i128, (z / b) as i128).unwrap());
                    }
                    LayerOp::Rearrange { index } => values.push(x[index[here] as usize].into()),
                    LayerOp::Concat => {
                        let all: Vec<i32> =
                            l.inputs.iter().flat_map(|&j| tensors[j].clone()).collect();
                        values.push(all[here].into());
                    }
                    LayerOp::Input => unreachable!(),
                }
            }
        }
    }
    (accumulators, values)
}

/// Runs, compares every layer with the reference and the bounds; whether the sample was accepted.
fn agrees(n: &Network, w: &Weights, input: &[i32]) -> bool {
    n.validate().unwrap();
    n.validate_weights(w).unwrap();
    let executor = Executor::new(n, w);
    let trace = match executor.trace(input, 3) {
        Ok(t) => t,
        Err(Error::OutOfTable {
            sample: 3,
            value,
            min: -32768,
            max: 32767,
            ..
        }) => {
            assert!(!(-32768..32768).contains(&value));
            assert!(
                !layers_that_may_refuse(n, w).is_empty(),
                "refused unannounced"
            );
            return false;
        }
        Err(e) => panic!("{e}"),
    };
    for i in 1..n.layers.len() {
        let (accumulators, values) = naive(n, &w.layers[i], i, &trace.values);
        let wide: Vec<i128> = trace.values[i].iter().map(|&v| v.into()).collect();
        assert_eq!(wide, values, "values of layer {i}");
        let wide: Vec<i128> = trace.accumulators[i].iter().map(|&v| v.into()).collect();
        assert_eq!(wide, accumulators, "accumulators of layer {i}");
        if let LayerOp::Linear { map, shift, .. } = &n.layers[i].op {
            let inputs: Vec<_> = n.layers[i]
                .inputs
                .iter()
                .map(|&j| n.layers[j].range)
                .collect();
            let (low, high) = accumulator(map, *shift, &inputs, &w.layers[i]);
            assert!(
                trace.accumulators[i].iter().all(|&a| a >= low && a <= high),
                "bounds of layer {i}"
            );
        }
    }
    let outputs: Vec<_> = n
        .outputs
        .iter()
        .map(|o| trace.values[o.layer].clone())
        .collect();
    assert_eq!(executor.run(input, 3).unwrap(), outputs);
    true
}

fn random_window(r: &mut Random) -> Window {
    Window {
        kernel: [1 + r.below(3), 1 + r.below(3)],
        stride: [1 + r.below(3), 1 + r.below(3)],
        dilation: [1 + r.below(2), 1 + r.below(2)],
        pads: [r.below(3), r.below(3), r.below(3), r.below(3)],
    }
}

fn input(r: &mut Random, n: &Network) -> Vec<i32> {
    let extreme = r.below(3);
    let range = n.input.range;
    (0..n.input.shape.len())
        .map(|_| [r.within(range), range.min, range.max][extreme])
        .collect()
}

fn one(
    shape: [usize; 3],
    r: pleat_model::network::ValueRange,
    l: Layer,
    w: LayerWeights,
) -> (Network, Weights) {
    let n = network(shape, r, vec![l]);
    (
        n,
        Weights {
            layers: vec![LayerWeights::default(), w],
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn convolutions(seed in any::<u64>(), bits in prop::sample::select(vec![2u32, 8, 16]), shift in prop::sample::select(vec![0, SHIFT])) {
        let r = &mut Random(seed);
        let (groups, per, mult) = (1 + r.below(3), 1 + r.below(3), 1 + r.below(3));
        let shape = [groups * per, 3 + r.below(4), 3 + r.below(4)];
        let w = random_window(r);
        let Some([h, x]) = w.output(shape[1], shape[2]) else { return Ok(()) };
        let limits = [range(-8, 7), range(0, 255), range(-32768, 32767), range(0, 65535)][r.below(4)];
        let high = 1i32 << (bits - 1);
        let near = r.below(2) == 0;
        let kernel = (0..groups * mult * per * w.kernel[0] * w.kernel[1])
            .map(|_| if near { [-high, high - 1][r.below(2)] } else { r.within(range(-high, high - 1)) }).collect();
        let bias = (0..groups * mult).map(|_| r.next() as i64 >> [25, 50][r.below(2)]).collect();
        let map = LinearMap::Conv { out_channels: groups * mult, groups, window: w, weight_bits: bits, bias_bits: 40 };
        let l = layer(linear(map, shift, Activation::Clamp), &[0], [groups * mult, h, x], [range(0, 99), range(-300, 65535)][r.below(2)]);
        let (n, w) = one(shape, limits, l, LayerWeights { kernel, bias });
        let sample = input(r, &n);
        agrees(&n, &w, &sample);
    }

    #[test]
    fn pools_sums_and_activations(seed in any::<u64>(), shift in prop::sample::select(vec![0, SHIFT]), kind in 0..3) {
        let r = &mut Random(seed);
        let shape = [1 + r.below(3), 3 + r.below(4), 3 + r.below(4)];
        let limits = [range(-8, 7), range(-255, -3), range(0, 255)][r.below(3)];
        let w = random_window(r);
        let Some([h, x]) = w.output(shape[1], shape[2]) else { return Ok(()) };
        let out = [shape[0], h, x];
        let activation = match r.below(4) {
            0 => Activation::Clamp,
            1 => Activation::Slope { slopes: vec![r.within(range(-900, 900))], shift: 9 },
            2 => Activation::Slope { slopes: (0..shape[0]).map(|_| r.within(range(-900, 900))).collect(), shift: [0, 9][r.below(2)] },
            _ => Activation::Table { values: (0..1 << 16).map(|_| r.next() as i16).collect() },
        };
        let values = [range(-100, 100), range(0, 65535), range(-32768, 32767)][r.below(3)];
        let l = match kind {
            0 => layer(LayerOp::MaxPool { window: w }, &[0], out, limits),
            1 => {
                let count = [1, h * x][r.below(2)];
                let map = LinearMap::AveragePool { window: w, multipliers: (0..count).map(|_| r.within(range(-70, 70))).collect() };
                layer(linear(map, shift, activation), &[0], out, values)
            }
            _ => {
                let map = LinearMap::Sum { multipliers: vec![r.within(range(-70, 70)), r.within(range(-9, 9))] };
                layer(linear(map, shift, activation), &[0, 0], shape, values)
            }
        };
        let (n, w) = one(shape, limits, l, LayerWeights::default());
        if n.validate().is_ok() {
            let sample = input(r, &n);
            agrees(&n, &w, &sample);
        }
    }

    #[test]
    fn every_operation(seed in any::<u64>()) {
        let (n, w) = sample();
        let x = input(&mut Random(seed), &n);
        prop_assert!(agrees(&n, &w, &x));
    }
}

#[test]
fn half_is_rounded_up() {
    // (sum, shift, quotient), written out by hand.
    for (sum, shift, q) in [
        (0, 1, 0),
        (1, 1, 1),
        (-1, 1, 0),
        (3, 1, 2),
        (-3, 1, -1),
        (7, 0, 7),
        (-7, 0, -7),
        (15, 5, 0),
        (16, 5, 1),
        (17, 5, 1),
        (47, 5, 1),
        (48, 5, 2),
        (-15, 5, 0),
        (-16, 5, 0),
        (-17, 5, -1),
        (-32, 5, -1),
        (-48, 5, -1),
        (-49, 5, -2),
        (32767, 16, 0),
        (32768, 16, 1),
        (-32768, 16, 0),
        (-32769, 16, -1),
    ] {
        assert_eq!(rounding_shift(sum, shift), q, "{sum} >> {shift}");
        let l = layer(
            linear(
                LinearMap::Sum {
                    multipliers: vec![1],
                },
                shift,
                Activation::Clamp,
            ),
            &[0],
            [1, 1, 1],
            range(-32768, 32767),
        );
        let (mut n, w) = one([1, 1, 1], range(-32768, 65535), l, LayerWeights::default());
        n.shift = shift;
        if sum >= -32768 {
            assert_eq!(n.trace(&w, &[sum as i32], 0).unwrap().values[1], [q as i32]);
        }
    }
}

#[test]
fn a_maximum_of_negative_values_is_negative() {
    let l = layer(
        LayerOp::MaxPool {
            window: integer::window(3, 1),
        },
        &[0],
        [1, 2, 2],
        range(-9, -3),
    );
    let (n, w) = one([1, 2, 2], range(-9, -3), l, LayerWeights::default());
    assert_eq!(
        Executor::new(&n, &w).run(&[-9, -8, -7, -5], 0).unwrap(),
        [[-5; 4]]
    );
}

#[test]
fn errors_name_what_is_wrong() {
    let l = layer(
        linear(
            LinearMap::Sum {
                multipliers: vec![1000],
            },
            0,
            Activation::Clamp,
        ),
        &[0],
        [1, 1, 2],
        range(0, 1),
    );
    let (n, w) = one([1, 1, 2], range(-40, 40), l, LayerWeights::default());
    let e = Executor::new(&n, &w);
    let text = |x: &[i32]| e.run(x, 17).unwrap_err().to_string();
    let says = "needs the quotient -33000, outside the table -32768..=32767";
    assert!(text(&[0, -33]).contains(&format!("sample 17: sum 1 {says}")));
    let notes = notes(&n);
    let named = Executor::new(&n, &w).named(&notes);
    let own = named.run(&[0, -33], 17).unwrap_err().to_string();
    assert!(own.contains(&format!("sample 17: layer 'named' {says}")));
    assert!(
        text(&[0, 41]).contains("sample 17 has the value 41, outside the input's range -40..=40")
    );
    assert!(text(&[0]).contains("sample 17 has 1 values, the network takes 2 (1x1x2)"));
    assert_eq!(e.run(&[32, -32], 0).unwrap(), [[1, 0]]);
}

#[test]
fn blocks_and_threads_do_not_matter() {
    // More patches than one block holds, and enough work to run in parallel: narrow and wide.
    for bits in [6, 16] {
        let r = &mut Random(7);
        let high = (1 << (bits - 1)) - 1;
        let map = LinearMap::Conv {
            out_channels: 2,
            groups: 1,
            window: integer::window(9, 4),
            weight_bits: bits,
            bias_bits: 20,
        };
        let l = layer(
            linear(map, SHIFT, Activation::Clamp),
            &[0],
            [2, 180, 150],
            range(-9000, 9000),
        );
        let kernel = (0..2 * 2 * 81)
            .map(|_| r.within(range(-high / 9, high / 9)))
            .collect();
        let (n, w) = one(
            [2, 180, 150],
            range(-8, 7),
            l,
            LayerWeights {
                kernel,
                bias: vec![16, -70],
            },
        );
        let (n, w) = if bits == 16 {
            (
                {
                    let mut n = n;
                    n.input.range = range(0, 65535);
                    n.layers[0].range = n.input.range;
                    n
                },
                w,
            )
        } else {
            (n, w)
        };
        let x: Vec<i32> = (0..n.input.shape.len())
            .map(|_| r.below(8) as i32)
            .collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| Executor::new(&n, &w).run(&x, 0)).unwrap()
        };
        assert_eq!(run(1), run(4));
        assert!(agrees(&n, &w, &x));
    }
}
