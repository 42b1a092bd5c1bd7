//! Graphs built by hand: the integer network computes what the float network does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

#[path = "support/integer.rs"]
mod integer;

use integer::Random;
use pleat_model::bounds::layers_that_may_refuse;
use pleat_model::builder::{Builder, InputTransform, PoolParams, Value};
use pleat_model::data::Sample;
use pleat_model::execute::Executor;
use pleat_model::graph::{Activation, Graph, InputLayout, PoolKind, Window};
use pleat_model::quantize::{QuantizeOptions, Quantized, quantize};

const SHAPE: [usize; 4] = [1, 3, 6, 6];

fn graph(build: impl Fn(&mut Builder, Value) -> Vec<Value>) -> Graph {
    let mut b = Builder::new();
    let transform = InputTransform {
        scale: 1.0 / 255.0,
        mean: vec![0.4],
        std: vec![0.5],
    };
    let x = b.input(&SHAPE, InputLayout::Chw, &transform).unwrap();
    let outputs = build(&mut b, x);
    let name = |i: usize| format!("y{i}");
    b.finish(
        outputs
            .into_iter()
            .enumerate()
            .map(|(i, v)| (name(i), v))
            .collect(),
    )
    .unwrap()
}

fn samples(n: usize) -> Vec<Sample> {
    let mut r = Random(3);
    let mut one = || Sample {
        values: (0..108).map(|_| r.below(256) as i32).collect(),
        label: None,
    };
    (0..n).map(|_| one()).collect()
}

fn conv(b: &mut Builder, x: &Value, out: usize, size: f32) -> Value {
    let mut r = Random(out as u64);
    let weight = (0..out * x.dims()[1] * 9)
        .map(|_| (r.below(2001) as f32 / 1000.0 - 1.0) * size)
        .collect();
    let bias = (0..out)
        .map(|_| r.below(100) as f32 / 100.0 * size)
        .collect();
    let w = Window {
        kernel: [3, 3],
        pads: [1; 4],
        ..Window::POINT
    };
    b.conv(x, weight, Some(bias), out, 1, w).unwrap()
}

fn pool(b: &mut Builder, x: &Value, kind: PoolKind) -> Value {
    let window = Window {
        kernel: [3, 3],
        stride: [2, 2],
        pads: [1; 4],
        ..Window::POINT
    };
    b.pool(
        x,
        &PoolParams {
            kind,
            window,
            ceil_mode: false,
            count_include_pad: false,
        },
    )
    .unwrap()
}

fn to_integers(g: &Graph, options: &QuantizeOptions) -> pleat_model::Result<Quantized> {
    quantize(g, &g.input_spec(None), &samples(24), options)
}

/// Every output within `tolerance` times the largest float value of that output.
fn close(tolerance: f64, build: impl Fn(&mut Builder, Value) -> Vec<Value>) -> Quantized {
    let g = graph(build);
    // The finest weights that fit; left alone, the search accepts an error of 4 %.
    let options = |shift| QuantizeOptions {
        activation_bits: Some(12),
        shift: Some(shift),
    };
    let fits = |s| to_integers(&g, &options(s)).ok();
    let q = (2..=14).rev().find_map(fits).unwrap();
    q.network.validate().unwrap();
    q.network.validate_weights(&q.weights).unwrap();
    assert_eq!(q.statistics.len(), q.network.layers.len());
    let e = Executor::new(&q.network, &q.weights);
    for (i, s) in samples(24).iter().enumerate() {
        let input: Vec<f32> = s.values.iter().map(|&v| v as f32).collect();
        let tensors = g.run(&input).unwrap();
        for (k, ints) in e.run(&s.values, i).unwrap().iter().enumerate() {
            let floats = &tensors[g.outputs[k].node];
            let scale = q.annotations.unit(&q.network, k);
            let largest = floats.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
            assert_eq!(floats.len(), ints.len());
            for (&f, &v) in floats.iter().zip(ints) {
                let error = (f64::from(f) - f64::from(v) * scale).abs();
                assert!(
                    error <= tolerance * largest + 1e-9,
                    "output {k}: {f} became {}",
                    f64::from(v) * scale
                );
            }
        }
    }
    q
}

#[test]
fn branches_of_different_scales() {
    close(0.1, |b, x| {
        let a = conv(b, &x, 4, 1.0);
        let a = b.activation(&a, Activation::Relu).unwrap();
        let c = conv(b, &a, 4, 20.0);
        let s = b.sum(&[a.clone(), c.clone()], &[1.0, -0.5]).unwrap();
        let j = b.concat(&[s.clone(), a, x], 1).unwrap();
        // `s` is an output and is read; several outputs.
        vec![conv(b, &j, 3, 0.2), s, c]
    });
}

#[test]
fn copies() {
    close(0.01, |b, x| {
        let a = conv(b, &x, 3, 1.0);
        let m = pool(b, &a, PoolKind::Max);
        let p = b.pad(&m, [1, 0, 2, 1], -1.5).unwrap();
        let u = b.upsample(&p, [2, 3]).unwrap();
        let t = b.transpose(&u, &[0, 3, 1, 2]).unwrap();
        vec![t, m]
    });
}

#[test]
fn the_input_is_copied_concatenated_and_activated() {
    let q = close(0.05, |b, x| {
        let m = pool(b, &x, PoolKind::Max);
        let s = b.activation(&x, Activation::Tanh).unwrap();
        let s = pool(b, &s, PoolKind::Max);
        vec![b.concat(&[m, s], 1).unwrap()]
    });
    assert!(q.network.layers.len() > 4);
}

#[test]
fn raw_inputs() {
    let mut b = Builder::new();
    let x = b
        .input(&SHAPE, InputLayout::Chw, &InputTransform::default())
        .unwrap();
    let r = b
        .activation(
            &x,
            Activation::Clip {
                low: 0.0,
                high: 100.0,
            },
        )
        .unwrap();
    let y = b.concat(&[x, r], 1).unwrap();
    let g = b.finish(vec![("y".into(), y)]).unwrap();
    let q = to_integers(&g, &QuantizeOptions::default()).unwrap();
    let ints = Executor::new(&q.network, &q.weights)
        .run(&[200; 108], 0)
        .unwrap();
    let scale = q.annotations.unit(&q.network, 0);
    assert!((f64::from(ints[0][0]) * scale - 200.0).abs() < 1.0);
    assert!((f64::from(ints[0][200]) * scale - 100.0).abs() < 1.0);
}

#[test]
fn activations() {
    let functions = [
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::HardSwish,
        Activation::HardSigmoid {
            alpha: 0.2,
            beta: 0.5,
        },
        Activation::Clip {
            low: -0.5,
            high: 2.0,
        },
        Activation::Polynomial {
            square: 1.0,
            linear: -3.0,
            constant: 0.5,
        },
    ];
    for f in functions {
        close(0.05, |b, x| {
            let a = conv(b, &x, 4, 0.3);
            let a = b.activation(&a, f.clone()).unwrap();
            vec![conv(b, &a, 2, 1.0)]
        });
    }
    // Coarse weights, of some ten levels: the affine map before limits the shift, and an output's scale is a
    // power of two.
    close(0.1, |b, x| {
        let a = conv(b, &x, 4, 1.0);
        vec![b.prelu(&a, &[0.1, -0.3, 0.0, 1.5], &[4, 1, 1]).unwrap()]
    });
}

#[test]
fn an_average_without_its_padding() {
    close(0.05, |b, x| {
        let a = conv(b, &x, 4, 1.0);
        vec![pool(b, &a, PoolKind::Average)]
    });
    close(0.05, |b, x| {
        let a = conv(b, &x, 4, 1.0);
        vec![b.global_pool(&a, PoolKind::Average).unwrap()]
    });
}

#[test]
fn zero_and_constant_networks() {
    close(0.0, |b, x| vec![conv(b, &x, 2, 0.0)]);
    close(0.001, |b, x| {
        vec![
            b.conv(
                &x,
                vec![0.0; 6],
                Some(vec![3.5, -1.25]),
                2,
                1,
                Window::POINT,
            )
            .unwrap(),
        ]
    });
}

fn refused(what: &str, g: &Graph, samples: &[Sample], options: &QuantizeOptions) {
    let e = quantize(g, &g.input_spec(None), samples, options)
        .unwrap_err()
        .to_string();
    assert!(e.contains(what), "{e}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let g = graph(|b, x| vec![conv(b, &x, 2, 1.0)]);
    let any = QuantizeOptions::default();
    refused("at least one sample", &g, &[], &any);
    for b in [0, 3, 15, u32::MAX] {
        refused(
            "activation bits; 4 to 14",
            &g,
            &samples(1),
            &QuantizeOptions {
                activation_bits: Some(b),
                shift: None,
            },
        );
    }
    for s in [0, 1, 17, u32::MAX] {
        refused(
            "2 to 16 are possible",
            &g,
            &samples(1),
            &QuantizeOptions {
                activation_bits: None,
                shift: Some(s),
            },
        );
    }
    let short = Sample {
        values: vec![0; 107],
        label: None,
    };
    refused("107 values, the network takes 108", &g, &[short], &any);
    let outside = Sample {
        values: vec![256; 108],
        label: None,
    };
    refused("outside the input's range", &g, &[outside], &any);
    // One black image: every calibrated value is tiny beside the weights.
    let wide = graph(|b, x| {
        vec![
            b.conv(&x, vec![1e9, -1e9, 1.0], None, 1, 1, Window::POINT)
                .unwrap(),
        ]
    });
    refused(
        "too large for integers",
        &wide,
        &[Sample {
            values: vec![102; 108],
            label: None,
        }],
        &any,
    );
    let infinite = graph(|b, x| {
        let a = conv(b, &x, 4, 1e30);
        vec![conv(b, &a, 4, 1e30)]
    });
    refused("infinite or undefined", &infinite, &samples(2), &any);
}

#[test]
fn refusals_are_announced_exactly() {
    // Calibrated on small differences only, then driven to the end; or on all there are.
    for (step, announced) in [(1, true), (255, false)] {
        let mut b = Builder::new();
        let x = b
            .input(&[1, 2, 1, 1], InputLayout::Chw, &InputTransform::default())
            .unwrap();
        let y = b
            .conv(&x, vec![1.0, -1.0], None, 1, 1, Window::POINT)
            .unwrap();
        let g = b.finish(vec![("y".into(), y)]).unwrap();
        let calibration = [vec![0, step], vec![step, 0]].map(|values| Sample {
            values,
            label: None,
        });
        let options = QuantizeOptions {
            activation_bits: Some(8),
            shift: Some(2),
        };
        let q = quantize(&g, &g.input_spec(None), &calibration, &options).unwrap();
        let list = layers_that_may_refuse(&q.network, &q.weights);
        let e = Executor::new(&q.network, &q.weights);
        let refuses = [[0, 255], [255, 0]].iter().any(|x| e.run(x, 0).is_err());
        assert_eq!(list, if announced { vec![1] } else { vec![] });
        assert_eq!(refuses, announced);
    }
}
