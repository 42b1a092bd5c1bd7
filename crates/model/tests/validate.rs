//! An architecture is untrusted: what breaks an invariant is refused, what is accepted runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

#[path = "support/integer.rs"]
mod integer;

use integer::{affordable, range, sample, window};
use pleat_model::Error;
use pleat_model::bounds::layers_that_may_refuse;
use pleat_model::execute::Executor;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, LayerOp, LayerWeights, LinearMap, Network, Weights, signed_range,
};
use proptest::prelude::*;

fn refused(what: &str, change: impl Fn(&mut Network)) {
    let (mut n, _) = sample();
    change(&mut n);
    match n.validate() {
        Err(Error::Malformed { reason, .. }) => {
            assert!(reason.contains(what), "'{reason}' instead of '{what}'");
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn map(n: &mut Network, i: usize) -> &mut LinearMap {
    match &mut n.layers[i].op {
        LayerOp::Linear { map, .. } => map,
        _ => panic!("not linear"),
    }
}

fn activation(n: &mut Network, i: usize) -> &mut Activation {
    match &mut n.layers[i].op {
        LayerOp::Linear { activation, .. } => activation,
        _ => panic!("not linear"),
    }
}

fn slide(n: &mut Network, i: usize) -> &mut Window {
    match &mut n.layers[i].op {
        LayerOp::MaxPool { window }
        | LayerOp::Linear {
            map: LinearMap::Conv { window, .. } | LinearMap::AveragePool { window, .. },
            ..
        } => window,
        _ => panic!("no window"),
    }
}

#[test]
fn the_sample_is_valid() {
    let (n, w) = sample();
    n.validate().unwrap();
    n.validate_weights(&w).unwrap();
    Executor::new(&n, &w).run(&[9; 32], 0).unwrap();
}

#[test]
fn the_frame() {
    refused("no layer", |n| n.layers.clear());
    refused("no output", |n| n.outputs.clear());
    refused("no output, or too many", |n| {
        n.outputs = vec![n.outputs[0].clone(); 1025]
    });
    refused("the shift", |n| n.shift = 17);
    refused("expected 0 or 6", |n| n.shift = 6);
    refused("flat", |n| n.input.flat = true);
    refused("flat", |n| {
        n.input.flat = true;
        n.input.shape = Shape::new(1, usize::MAX, usize::MAX);
    });
    refused("resized", |n| n.input.resize = Some([0, 4]));
    refused("resized", |n| n.input.resize = Some([4, 1 << 15]));
    refused("not the network's", |n| n.input.shape.channels = 3);
    refused("not the network's", |n| n.input.range.max = 3);
    refused("names no layer", |n| n.outputs[0].layer = 99);
    for unit in [257, -257, i32::MAX, i32::MIN] {
        refused("output 0 has the unit", |n| n.outputs[0].unit = Some(unit));
    }
}

#[test]
fn every_layer() {
    refused("empty or too large", |n| n.layers[3].shape.width = 0);
    refused("empty or too large", |n| {
        n.layers[3].shape.width = usize::MAX
    });
    refused("later layer", |n| n.layers[3].inputs[0] = 3);
    refused("inputs, expected 0", |n| n.layers[3].op = LayerOp::Input);
    refused("not the network's", |n| {
        n.layers[3].op = LayerOp::Input;
        n.layers[3].inputs.clear();
    });
    refused("not the input", |n| n.layers[0].op = LayerOp::Concat);
    for i in [1, 2, 5, 6, 7, 8] {
        refused("inputs, expected 1", |n| n.layers[i].inputs.clear());
        refused("inputs, expected 1", |n| n.layers[i].inputs.push(0));
    }
    for r in [
        range(2, 1),
        range(-32769, 0),
        range(0, 65536),
        range(i32::MIN, i32::MAX),
    ] {
        refused("impossible range", |n| n.layers[1].range = r);
    }
    for i in [2, 7, 8] {
        refused("differs from its input's", |n| {
            n.layers[i].range = range(-1, 1)
        });
    }
}

#[test]
fn linear_layers() {
    let op = |f: &dyn Fn(&mut u32, &mut u32), n: &mut Network| match &mut n.layers[1].op {
        LayerOp::Linear {
            shift,
            quotient_bits,
            ..
        } => f(shift, quotient_bits),
        _ => panic!("not linear"),
    };
    refused("shift 4", |n| op(&|s, _| *s = 4, n));
    refused("a quotient of 0 bits", |n| op(&|_, q| *q = 0, n));
    refused("a quotient of 17 bits", |n| op(&|_, q| *q = 17, n));
    let conv =
        |f: &dyn Fn(&mut usize, &mut usize, &mut u32, &mut u32), n: &mut Network| match map(n, 1) {
            LinearMap::Conv {
                out_channels,
                groups,
                weight_bits,
                bias_bits,
                ..
            } => {
                f(out_channels, groups, weight_bits, bias_bits);
            }
            _ => panic!("no convolution"),
        };
    refused("groups", |n| conv(&|_, g, _, _| *g = 0, n));
    refused("groups", |n| conv(&|_, g, _, _| *g = 3, n));
    refused("groups", |n| conv(&|o, _, _, _| *o = 3, n));
    refused("follow from its window", |n| conv(&|o, _, _, _| *o = 4, n));
    for b in [0, 17, u32::MAX] {
        refused("too wide", |n| conv(&|_, _, w, _| *w = b, n));
    }
    for b in [0, 41, u32::MAX] {
        refused("too wide", |n| conv(&|_, _, _, w| *w = b, n));
    }
    refused("too many weights", |n| {
        *slide(n, 1) = Window {
            kernel: [1 << 30; 2],
            pads: [1 << 29, 1 << 29, (1 << 29) - 1, (1 << 29) - 1],
            ..Window::POINT
        };
    });
    refused("multipliers that fits", |n| match map(n, 5) {
        LinearMap::AveragePool { multipliers, .. } => multipliers.truncate(8),
        _ => panic!("no pool"),
    });
    refused("multipliers that fits", |n| match map(n, 5) {
        LinearMap::AveragePool { multipliers, .. } => multipliers.clear(),
        _ => panic!("no pool"),
    });
    refused("inputs, expected 1", |n| {
        *map(n, 3) = LinearMap::Sum {
            multipliers: vec![1],
        }
    });
    refused("different shapes", |n| {
        n.layers[3].shape = Shape::new(2, 2, 8)
    });
    refused("slopes", |n| {
        *activation(n, 3) = Activation::Slope {
            slopes: vec![],
            shift: 8,
        }
    });
    refused("slopes", |n| {
        *activation(n, 3) = Activation::Slope {
            slopes: vec![1; 3],
            shift: 8,
        }
    });
    refused("slopes", |n| {
        *activation(n, 3) = Activation::Slope {
            slopes: vec![1],
            shift: 17,
        }
    });
    refused("slopes", |n| {
        *activation(n, 3) = Activation::Slope {
            slopes: vec![i32::MIN],
            shift: 16,
        }
    });
    // 2^20 * 2^15 without a shift does not fit 32 bits.
    refused("overflow", |n| {
        *activation(n, 3) = Activation::Slope {
            slopes: vec![1 << 20],
            shift: 0,
        }
    });
    refused("a table of 3 rows", |n| {
        *activation(n, 3) = Activation::Table { values: vec![0; 3] }
    });
}

#[test]
fn copies() {
    refused("does not fit", |n| slide(n, 2).kernel[0] = 0);
    refused("does not fit", |n| slide(n, 2).stride[1] = 0);
    refused("does not fit", |n| slide(n, 2).dilation[1] = 0);
    refused("does not fit", |n| slide(n, 2).kernel = [usize::MAX; 2]);
    refused("does not fit", |n| slide(n, 2).pads = [usize::MAX; 4]);
    refused("follow from its window", |n| slide(n, 2).stride[1] = 2);
    refused("lies in the padding", |n| {
        *slide(n, 2) = Window {
            kernel: [1, 1],
            pads: [2, 0, 2, 0],
            stride: [2, 1],
            ..Window::POINT
        }
    });
    // Taps 12 apart on four rows: between them lies everything.
    refused("covers no element", |n| {
        *slide(n, 2) = Window {
            kernel: [2, 1],
            dilation: [12, 1],
            pads: [6, 0, 6, 0],
            ..Window::POINT
        };
    });
    refused("concatenation of nothing", |n| n.layers[4].inputs.clear());
    refused("different sizes", |n| {
        n.layers[4].shape = Shape::new(4, 2, 8)
    });
    refused("follow from its inputs", |n| n.layers[4].shape.channels = 3);
    refused("follow from its inputs", |n| {
        n.layers[4].range = range(0, 1)
    });
    refused("impossible padding", |n| {
        n.layers[6].op = LayerOp::Pad {
            pads: [1, 0, 0, 1],
            value: 200,
        }
    });
    refused("impossible padding", |n| {
        n.layers[6].op = LayerOp::Pad {
            pads: [usize::MAX; 4],
            value: 200,
        }
    });
    refused("impossible padding", |n| {
        n.layers[6].op = LayerOp::Pad {
            pads: [1, 0, 0, 2],
            value: 201,
        }
    });
    refused("impossible factors", |n| {
        n.layers[7].op = LayerOp::Upsample { factors: [1, 3] }
    });
    refused("impossible factors", |n| {
        n.layers[7].op = LayerOp::Upsample {
            factors: [usize::MAX; 2],
        }
    });
    refused("outside its input", |n| {
        n.layers[8].op = LayerOp::Rearrange {
            index: vec![160; 160],
        }
    });
    refused("outside its input", |n| {
        n.layers[8].op = LayerOp::Rearrange {
            index: vec![0; 159],
        }
    });
}

#[test]
fn work_and_accumulators_are_bounded() {
    // One output position, a window of 2^80 elements.
    let huge = Window {
        kernel: [1 << 40; 2],
        pads: [(1 << 40) - 4, (1 << 40) - 4, (1 << 40) - 1, (1 << 40) - 1],
        stride: [1 << 50; 2],
        dilation: [1, 1],
    };
    for (i, what) in [(2, "too many operations"), (5, "overflow the accumulator")] {
        refused(what, |n| {
            *slide(n, i) = huge;
            n.layers[i].shape = Shape::new(n.layers[i].shape.channels, 1, 1);
            if let LayerOp::Linear {
                map: LinearMap::AveragePool { multipliers, .. },
                ..
            } = &mut n.layers[i].op
            {
                multipliers.truncate(1);
            }
        });
    }
    refused("overflow the accumulator", |n| {
        let long = Window {
            kernel: [1 << 16; 2],
            ..huge
        };
        *slide(n, 5) = Window {
            pads: [0xfffe, 0xfffe, 0xfffe, 0xfffe],
            ..long
        };
        n.layers[5].shape = Shape::new(4, 1, 1);
        *map(n, 5) = LinearMap::AveragePool {
            window: *slide(n, 5),
            multipliers: vec![i32::MIN],
        };
    });
    refused("overflow the accumulator", |n| {
        let inputs = 1 << 23;
        n.layers[1].range = range(-32768, 65535);
        n.layers[2].range = n.layers[1].range;
        n.layers[3].inputs = vec![1; inputs];
        *map(n, 3) = LinearMap::Sum {
            multipliers: vec![i32::MIN; inputs],
        };
    });
}

#[test]
fn weights_are_the_networks() {
    let (n, good) = sample();
    let refused = |what: &str, change: &dyn Fn(&mut Weights)| {
        let mut w = good.clone();
        change(&mut w);
        let e = n.validate_weights(&w).unwrap_err().to_string();
        assert!(e.contains(what), "{e}");
    };
    refused("another number of layers", &|w| w.layers.truncate(1));
    refused("wrong number", &|w| w.layers[1].kernel.truncate(17));
    refused("wrong number", &|w| w.layers[1].bias.push(0));
    refused("wrong number", &|w| w.layers[2].kernel.push(0));
    refused("weight wider", &|w| w.layers[1].kernel[17] = 8);
    refused("weight wider", &|w| w.layers[1].kernel[0] = -9);
    refused("bias wider", &|w| w.layers[1].bias[0] = 128);
    refused("bias wider", &|w| w.layers[1].bias[1] = -129);
}

/// Weights of the declared widths, all at an end.
fn extreme(n: &Network, high: bool) -> Weights {
    let layer = |i: usize| match &n.layers[i].op {
        LayerOp::Linear {
            map:
                LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                },
            ..
        } => {
            let end = |b: u32| {
                if high {
                    signed_range(b).1
                } else {
                    signed_range(b).0
                }
            };
            LayerWeights {
                kernel: vec![end(*weight_bits) as i32; n.kernel_len(i)],
                bias: vec![end(*bias_bits); n.bias_len(i)],
            }
        }
        _ => LayerWeights::default(),
    };
    Weights {
        layers: (0..n.layers.len()).map(layer).collect(),
    }
}

/// Whatever is accepted runs; values stay in their ranges.
fn runs(n: &Network) {
    if n.validate().is_err() || !affordable(n) || n.parameters() > 1 << 20 {
        return;
    }
    for high in [false, true] {
        let w = extreme(n, high);
        n.validate_weights(&w).unwrap();
        layers_that_may_refuse(n, &w);
        for v in [n.input.range.min, n.input.range.max] {
            if let Ok(t) = n.trace(&w, &vec![v; n.input.shape.len()], 0) {
                for (values, l) in t.values.iter().zip(&n.layers) {
                    assert!(values.iter().all(|&v| v >= l.range.min && v <= l.range.max));
                }
            }
        }
    }
}

fn small() -> Network {
    let (mut n, _) = sample();
    // The table is most of the bytes: without it mutations hit the rest.
    n.layers[9].op = LayerOp::MaxPool {
        window: window(1, 0),
    };
    n.layers[9].range = n.layers[8].range;
    n
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn mutated_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4)) {
        let mut bytes = postcard::to_allocvec(&small()).unwrap();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                2 => bytes[at] = byte,
                _ => bytes[at] = bytes[at].wrapping_add(byte % 3).wrapping_sub(1),
            }
        }
        if let Ok(n) = postcard::from_bytes::<Network>(&bytes) {
            runs(&n);
        }
    }

    /// The quick answer is the one that looking at every position gives.
    #[test]
    fn windows_cover_what_looking_at_every_position_says(
        v in prop::collection::vec(1usize..12, 3),
        pads in prop::collection::vec(0usize..14, 2),
        len in 1usize..12,
    ) {
        let w = Window {
            kernel: [1, v[0]],
            stride: [1, v[1]],
            dilation: [1, v[2]],
            pads: [0, pads[0], 0, pads[1]],
        };
        if let Some([_, outputs]) = w.output(1, len) {
            let reads = |o: usize| (0..v[0]).any(|t| w.source((0, o), (0, t), (1, len)).is_some());
            prop_assert_eq!(w.covers(1, outputs, len), (0..outputs).all(reads));
        }
    }

    #[test]
    fn random_windows_never_panic(layer in prop::sample::select(vec![1usize, 2, 5]), v in prop::collection::vec(prop_oneof![8 => 0usize..8, 1 => any::<usize>()], 10)) {
        let mut n = small();
        let w = Window { kernel: [v[0], v[1]], stride: [v[2], v[3]], dilation: [v[4], v[5]], pads: [v[6], v[7], v[8], v[9]] };
        *slide(&mut n, layer) = w;
        if let Some([h, x]) = w.output(4, 4) {
            let c = n.layers[layer].shape.channels;
            n.layers[layer].shape = Shape::new(c, h, x);
            if let LayerOp::Linear { map: LinearMap::AveragePool { multipliers, .. }, .. } = &mut n.layers[layer].op {
                *multipliers = vec![i32::MAX];
            }
            n.layers.truncate(layer + 1);
            n.outputs[0] = pleat_model::network::NetworkOutput {
                layer, unit: None,
            };
        }
        runs(&n);
    }
}
