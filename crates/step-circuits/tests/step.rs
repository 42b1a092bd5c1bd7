//! Whole steps: equal to the executor, to the native statement, and closed to every change.
#![allow(clippy::unwrap_used)]

use ff::Field;
use nova_snark::traits::circuit::StepCircuit;
use pleat_model::graph::{Head, Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights, rounding_constant, signed_range,
};
use pleat_step_circuits::gadgets::hash::{Domain, hash};
use pleat_step_circuits::statement::{
    Statement, architecture_digest, context_hash, data_id, model_id, outputs_digest,
};
use pleat_step_circuits::testing::Recorder;
use pleat_step_circuits::{ARITY, Error, Kind, Scalar, State, Step};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SHIFT: u32 = 3;

/// Builds networks by hand; all values 0..=7 unless said otherwise.
struct Draft(Network);

impl Draft {
    fn new(shape: Shape) -> Self {
        let range = ValueRange { min: 0, max: 7 };
        let input = InputSpec {
            shape,
            flat: false,
            range,
            resize: None,
        };
        let mut draft = Self(Network {
            input,
            shift: SHIFT,
            layers: vec![],
            outputs: vec![],
        });
        draft.push(LayerOp::Input, &[], shape, range);
        draft
    }

    fn push(&mut self, op: LayerOp, inputs: &[usize], shape: Shape, range: ValueRange) -> usize {
        self.0.layers.push(Layer {
            name: format!("l{}", self.0.layers.len()),
            op,
            inputs: inputs.to_vec(),
            shape,
            range,
            scale: 1.0,
        });
        self.0.layers.len() - 1
    }

    fn linear(
        &mut self,
        map: LinearMap,
        shift: u32,
        inputs: &[usize],
        shape: Shape,
        range: ValueRange,
    ) -> usize {
        let op = LayerOp::Linear {
            map,
            shift,
            quotient_bits: 10,
            activation: Activation::Clamp,
        };
        self.push(op, inputs, shape, range)
    }

    fn conv(
        &mut self,
        x: usize,
        out: usize,
        groups: usize,
        window: Window,
        shift: u32,
        range: ValueRange,
    ) -> usize {
        let s = self.0.layers[x].shape;
        let [h, w] = window.output(s.height, s.width).unwrap();
        let map = LinearMap::Conv {
            out_channels: out,
            groups,
            window,
            weight_bits: 4,
            bias_bits: 6,
        };
        self.linear(map, shift, &[x], Shape::new(out, h, w), range)
    }

    fn finish(mut self, outputs: &[usize]) -> Network {
        for &layer in outputs {
            let s = self.0.layers[layer].shape;
            self.0.outputs.push(NetworkOutput {
                name: format!("out{layer}"),
                layer,
                dims: vec![1, s.channels, s.height, s.width],
                head: Head::Values,
            });
        }
        self.0.validate().unwrap();
        self.0
    }
}

fn window(kernel: usize, stride: usize, pads: [usize; 4]) -> Window {
    Window {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        dilation: [1, 1],
        pads,
    }
}

const RELU: ValueRange = ValueRange { min: 0, max: 7 };
const SCORES: ValueRange = ValueRange {
    min: -512,
    max: 511,
};

/// Every layer the prover knows.
fn everything() -> Network {
    let mut d = Draft::new(Shape::new(2, 4, 4));
    let a = d.conv(0, 4, 2, window(3, 1, [1; 4]), SHIFT, RELU);
    let b = d.conv(a, 4, 1, window(1, 1, [0; 4]), SHIFT, RELU);
    let sum = d.linear(
        LinearMap::Sum {
            multipliers: vec![5, -3],
        },
        SHIFT,
        &[a, b],
        Shape::new(4, 4, 4),
        ValueRange { min: -2, max: 3 },
    );
    let relu = d.linear(
        LinearMap::Sum {
            multipliers: vec![1],
        },
        0,
        &[sum],
        Shape::new(4, 4, 4),
        RELU,
    );
    let max = d.push(
        LayerOp::MaxPool {
            window: window(3, 2, [1, 1, 0, 0]),
        },
        &[relu],
        Shape::new(4, 2, 2),
        RELU,
    );
    let average = d.linear(
        LinearMap::AveragePool {
            window: window(2, 2, [0; 4]),
            multipliers: vec![2, 2, 2, 3],
        },
        SHIFT,
        &[b],
        Shape::new(4, 2, 2),
        RELU,
    );
    let concat = d.push(LayerOp::Concat, &[max, average], Shape::new(8, 2, 2), RELU);
    let pad = d.push(
        LayerOp::Pad {
            pads: [0, 1, 1, 0],
            value: 2,
        },
        &[concat],
        Shape::new(8, 3, 3),
        RELU,
    );
    let up = d.push(
        LayerOp::Upsample { factors: [1, 2] },
        &[pad],
        Shape::new(8, 3, 6),
        RELU,
    );
    let c = d.conv(up, 2, 1, window(3, 2, [0, 1, 1, 0]), SHIFT, RELU);
    let len = d.0.layers[c].shape.len();
    let turned = d.push(
        LayerOp::Rearrange {
            index: (0..len as u32).rev().collect(),
        },
        &[c],
        Shape::new(len, 1, 1),
        RELU,
    );
    let scores = d.conv(turned, 3, 1, Window::POINT, 0, SCORES);
    d.finish(&[scores, max])
}

/// Small enough to try every cell: convolution, pooling, dense.
fn tiny() -> Network {
    let mut d = Draft::new(Shape::new(1, 3, 3));
    let a = d.conv(0, 2, 1, window(2, 1, [0; 4]), SHIFT, RELU);
    let b = d.push(
        LayerOp::MaxPool {
            window: window(2, 1, [0; 4]),
        },
        &[a],
        Shape::new(2, 1, 1),
        RELU,
    );
    let c = d.conv(b, 3, 1, Window::POINT, 0, SCORES);
    d.finish(&[c])
}

fn random_weights(network: &Network, rng: &mut StdRng) -> Weights {
    let layers = (0..network.layers.len()).map(|i| {
        let shift = match &network.layers[i].op {
            LayerOp::Linear { shift, .. } => *shift,
            _ => 0,
        };
        LayerWeights {
            kernel: (0..network.kernel_len(i))
                .map(|_| rng.gen_range(-8..8))
                .collect(),
            bias: (0..network.bias_len(i))
                .map(|_| rng.gen_range(-20..20) + rounding_constant(shift))
                .collect(),
        }
    });
    Weights {
        layers: layers.collect(),
    }
}

fn random_input(network: &Network, rng: &mut StdRng) -> Vec<i32> {
    (0..network.input.shape.len())
        .map(|_| rng.gen_range(0..8))
        .collect()
}

struct Run {
    cs: Recorder,
    before: State,
    after: State,
    z: Vec<Scalar>,
}

/// One step of the circuit, and natively.
fn run(network: &Network, kind: Kind, weights: &Weights, input: &[i32], label: Option<u32>) -> Run {
    let salt = [3; 32];
    let step = Step::new(network, kind).unwrap();
    let statement = Statement::new(network, kind).unwrap();
    let id = model_id(network, weights, &salt).unwrap();
    let mut before = statement.initial(id, context_hash(b"context"));
    before.count = 4;
    let values = network.trace(weights, input, 0).unwrap().values;
    let outputs: Vec<Vec<i32>> = network
        .outputs
        .iter()
        .map(|o| values[o.layer].clone())
        .collect();
    let after = statement.next(&before, input, label, &outputs).unwrap();
    let mut cs = Recorder::default();
    let z: Vec<_> = before
        .to_vec()
        .into_iter()
        .map(|v| cs.input_number(v))
        .collect();
    let step = step
        .with_model(weights, &salt)
        .unwrap()
        .with_sample(input, label);
    let z = step.synthesize(&mut cs, &z).unwrap();
    let z = z.iter().map(|n| n.get_value().unwrap()).collect();
    Run {
        cs,
        before,
        after,
        z,
    }
}

#[test]
fn steps_compute_what_the_executor_computes() {
    let mut rng = StdRng::seed_from_u64(1);
    for network in [everything(), tiny()] {
        let mut hits = 0;
        for round in 0..12 {
            let weights = random_weights(&network, &mut rng);
            let input = random_input(&network, &mut rng);
            let label = round % 3;
            let run1 = run(&network, Kind::Accuracy, &weights, &input, Some(label));
            run1.cs.assert_satisfied();
            assert_eq!(run1.z, run1.after.to_vec());
            let hit = run1.after.result != run1.before.result;
            let values = network.trace(&weights, &input, 0).unwrap().values;
            let scores = &values[network.outputs[0].layer];
            assert_eq!(hit, Network::top1(scores) == label as usize);
            hits += u32::from(hit);
            let run2 = run(&network, Kind::Outputs, &weights, &input, None);
            run2.cs.assert_satisfied();
            assert_eq!(run2.z, run2.after.to_vec());
        }
        assert!(hits > 0 && hits < 12, "both outcomes must occur");
    }
}

/// Every tensor of the circuit against the trace, through a variable-by-variable comparison.
#[test]
fn every_tensor_equals_the_trace() {
    use pleat_step_circuits::layers::{Plan, allocate_weights, synthesize};
    let mut rng = StdRng::seed_from_u64(2);
    let network = everything();
    let plan = Plan::new(&network).unwrap();
    for _ in 0..5 {
        let weights = random_weights(&network, &mut rng);
        let input = random_input(&network, &mut rng);
        let mut cs = Recorder::default();
        let pixels: Vec<_> = input.iter().map(|&v| cs.input(v.into())).collect();
        let (cells, _) = allocate_weights(&mut cs, &network, &weights).unwrap();
        let tensors = synthesize(&mut cs, &plan, pixels, &cells).unwrap();
        cs.assert_satisfied();
        let trace = network.trace(&weights, &input, 0).unwrap();
        for (i, tensor) in tensors.iter().enumerate() {
            let values: Vec<i32> = tensor.iter().map(|c| c.value as i32).collect();
            assert_eq!(values, trace.values[i], "layer {i}");
            for cell in tensor.iter().filter(|c| !c.is_constant()) {
                let at = Recorder::cell_of(cell.variable);
                assert_eq!(cs.get(at), pleat_step_circuits::gadgets::scalar(cell.value));
            }
        }
    }
}

/// The harness that finds unbound variables: every cell of a complete step, changed in eight ways.
#[test]
fn no_cell_of_a_step_is_free() {
    let mut rng = StdRng::seed_from_u64(3);
    for (network, kinds) in [
        (tiny(), vec![Kind::Accuracy, Kind::Outputs]),
        (everything(), vec![Kind::Accuracy]),
    ] {
        for kind in kinds {
            let weights = random_weights(&network, &mut rng);
            let input = random_input(&network, &mut rng);
            let label = (kind == Kind::Accuracy).then_some(1);
            let mut run = run(&network, kind, &weights, &input, label);
            // Given: the state before, whose chain, count, result and context may be anything.
            let given: Vec<usize> = (1..=ARITY).collect();
            assert_eq!(run.cs.free_cells(&given), Vec::<String>::new());
            // The model id is not free even as an input.
            let id = run.cs.get(1);
            run.cs.set(1, id + Scalar::ONE);
            run.cs.assert_fails("the model id is the statement's");
        }
    }
}

/// Layers alone, without hashes: given pixels and weights nothing else has any freedom, not even
/// several cells together.
#[test]
fn layers_have_no_joint_freedom() {
    use pleat_step_circuits::layers::{Plan, allocate_weights, synthesize};
    let mut rng = StdRng::seed_from_u64(4);
    for network in [tiny(), everything()] {
        let plan = Plan::new(&network).unwrap();
        let weights = random_weights(&network, &mut rng);
        let mut cs = Recorder::default();
        let pixels: Vec<_> = random_input(&network, &mut rng)
            .iter()
            .map(|&v| cs.input(v.into()))
            .collect();
        let (cells, digits) = allocate_weights(&mut cs, &network, &weights).unwrap();
        let given: Vec<usize> = pixels
            .iter()
            .copied()
            .chain(digits.iter().map(|d| d.cell))
            .map(|c| Recorder::cell_of(c.variable))
            .collect();
        synthesize(&mut cs, &plan, pixels, &cells).unwrap();
        assert_eq!(cs.freedom(&given), 0);
    }
}

#[test]
fn other_weights_in_a_step_are_seen() {
    let mut rng = StdRng::seed_from_u64(5);
    let network = tiny();
    let weights = random_weights(&network, &mut rng);
    let input = random_input(&network, &mut rng);
    let statement = Statement::new(&network, Kind::Outputs).unwrap();
    let step = Step::new(&network, Kind::Outputs).unwrap();
    let salt = [3; 32];
    let state = statement.initial(
        model_id(&network, &weights, &salt).unwrap(),
        context_hash(b""),
    );
    for (i, j) in [(1, 0), (3, 5)] {
        let mut other = weights.clone();
        other.layers[i].kernel[j] ^= 1;
        let mut cs = Recorder::default();
        let z: Vec<_> = state
            .to_vec()
            .into_iter()
            .map(|v| cs.input_number(v))
            .collect();
        let dishonest = step
            .with_model(&other, &salt)
            .unwrap()
            .with_sample(&input, None);
        dishonest.synthesize(&mut cs, &z).unwrap();
        // A consistent run of another model: one constraint stands in its way.
        assert_eq!(cs.failing(), ["the model id is the statement's"]);
    }
}

#[test]
fn weights_out_of_their_width_are_no_weights() {
    // -9 does not fit 4 bits; -9 + 16 = 7 packs as its neighbour's carry.
    let mut rng = StdRng::seed_from_u64(6);
    let network = tiny();
    let weights = random_weights(&network, &mut rng);
    let run = run(
        &network,
        Kind::Outputs,
        &weights,
        &random_input(&network, &mut rng),
        None,
    );
    let mut cs = run.cs;
    for cell in cs.find("weight") {
        let old = cs.get(cell);
        for change in [16i64, -16, 1 << 40] {
            cs.set(cell, old + pleat_step_circuits::gadgets::scalar(change));
            cs.assert_fails("top bit");
        }
        cs.set(cell, old);
    }
    for cell in cs.find("pixel") {
        let old = cs.get(cell);
        cs.set(cell, old + Scalar::from(8));
        cs.assert_fails("top bit");
        cs.set(cell, old);
    }
}

/// Order and packing of pixels against a calculation by hand: no code shared but the permutation.
#[test]
fn the_data_chain_by_hand() {
    let network = tiny();
    let pixels = [1, 2, 3, 4, 5, 6, 7, 0, 1];
    // Octal digits, the first pixel lowest.
    let packed = Scalar::from(0o107654321);
    let number = Scalar::from;
    let start = hash(Domain::LabelledData, &[1, 3, 3, 0, 0, 7, 3].map(number));
    let expected = hash(Domain::LabelledSample, &[start, packed, number(2)]);
    let samples = [(&pixels[..], Some(2))];
    assert_eq!(data_id(&network, true, samples).unwrap(), expected);
    let mut rng = StdRng::seed_from_u64(7);
    let weights = random_weights(&network, &mut rng);
    let run = run(&network, Kind::Accuracy, &weights, &pixels, Some(2));
    assert_eq!(run.z[1], expected);
    // Without labels another domain, another start.
    let start = hash(Domain::Data, &[1, 3, 3, 0, 0, 7].map(number));
    let expected = hash(Domain::Sample, &[start, packed]);
    let samples = [(&pixels[..], None)];
    assert_eq!(data_id(&network, false, samples).unwrap(), expected);
}

/// The model id by hand: 4-bit weights plus 8, 6-bit biases plus 32, lowest first.
#[test]
fn the_model_id_by_hand() {
    let mut d = Draft::new(Shape::new(2, 1, 1));
    let a = d.conv(0, 1, 1, Window::POINT, 0, SCORES);
    let network = d.finish(&[a]);
    let weights = Weights {
        layers: vec![
            LayerWeights::default(),
            LayerWeights {
                kernel: vec![-8, 7],
                bias: vec![-1],
            },
        ],
    };
    let mut salt = [0; 32];
    (salt[0], salt[16]) = (5, 6);
    let packed = Scalar::from(15 << 4 | 31 << 8);
    let elements = [
        architecture_digest(&network).unwrap(),
        Scalar::from(5),
        Scalar::from(6),
        packed,
    ];
    assert_eq!(
        model_id(&network, &weights, &salt).unwrap(),
        hash(Domain::Model, &elements)
    );
}

#[test]
fn ids_depend_on_everything_they_should() {
    let mut rng = StdRng::seed_from_u64(8);
    let network = everything();
    let weights = random_weights(&network, &mut rng);
    let id = model_id(&network, &weights, &[0; 32]).unwrap();
    assert_ne!(id, model_id(&network, &weights, &[1; 32]).unwrap());
    let mut other = network.clone();
    other.layers[1].range.max = 3;
    assert_ne!(
        architecture_digest(&network).unwrap(),
        architecture_digest(&other).unwrap()
    );
    for (i, layer) in weights.layers.iter().enumerate() {
        for j in 0..layer.kernel.len() {
            let mut changed = weights.clone();
            changed.layers[i].kernel[j] ^= 1;
            assert_ne!(id, model_id(&network, &changed, &[0; 32]).unwrap());
        }
        for j in 0..layer.bias.len() {
            let mut changed = weights.clone();
            changed.layers[i].bias[j] ^= 1;
            assert_ne!(id, model_id(&network, &changed, &[0; 32]).unwrap());
        }
    }
    let a = random_input(&network, &mut rng);
    let b = random_input(&network, &mut rng);
    let chain = |s: &[&[i32]]| data_id(&network, false, s.iter().map(|&x| (x, None))).unwrap();
    assert_ne!(chain(&[&a, &b]), chain(&[&b, &a]));
    assert_ne!(chain(&[&a]), chain(&[&a, &a]));
    assert!(data_id(&network, true, [(&a[..], Some(3))]).is_err());
    assert!(data_id(&network, true, [(&a[..], None)]).is_err());
    assert_ne!(context_hash(b""), context_hash(&[0]));
    assert_ne!(context_hash(&[0; 31]), context_hash(&[0; 32]));
    let outputs = vec![vec![vec![0, 1, 2], vec![0; 16]]];
    let digest = outputs_digest(&network, &outputs).unwrap();
    for i in 0..3 {
        let mut changed = outputs.clone();
        changed[0][0][i] += 1;
        assert_ne!(outputs_digest(&network, &changed).unwrap(), digest);
        // Outside the range, where packing would not be injective.
        changed[0][0][i] = 512;
        assert!(outputs_digest(&network, &changed).is_err());
    }
}

#[test]
fn networks_without_a_gadget_are_refused_by_name() {
    let mut network = tiny();
    let set = |network: &mut Network, new: Activation| {
        if let LayerOp::Linear { activation, .. } = &mut network.layers[1].op {
            *activation = new;
        }
    };
    for (new, word) in [
        (
            Activation::Slope {
                slopes: vec![1],
                shift: 3,
            },
            "slope",
        ),
        (
            Activation::Table {
                values: vec![0; 1024],
            },
            "table",
        ),
    ] {
        set(&mut network, new);
        let error = Step::new(&network, Kind::Outputs).unwrap_err();
        assert!(matches!(error, Error::Unsupported { index: 1, .. }));
        let text = error.to_string();
        assert!(text.contains("'l1'") && text.contains(word), "{text}");
    }
    let mut network = tiny();
    network.input.range = ValueRange { min: 0, max: 6 };
    network.layers[0].range = network.input.range;
    assert!(Step::new(&network, Kind::Outputs).is_err());
}

/// A network that asks for years of work or for numbers that wrap is refused before any of it.
#[test]
fn hostile_architectures_are_refused_quickly() {
    let mut d = Draft::new(Shape::new(1, 1 << 12, 1 << 12));
    d.conv(0, 4, 1, window(20, 1, [0; 4]), SHIFT, RELU);
    let network = d.finish(&[1]);
    assert!(matches!(
        Step::new(&network, Kind::Outputs),
        Err(Error::TooLarge { .. })
    ));
    let mut d = Draft::new(Shape::new(4, 1, 1));
    let map = LinearMap::Sum {
        multipliers: vec![i32::MIN; 4096],
    };
    // Within the limit: 2^31 * 2^12 * 7 < 2^46.
    let a = d.linear(map, SHIFT, &[0; 4096], Shape::new(4, 1, 1), RELU);
    let network = d.finish(&[a]);
    assert!(Step::new(&network, Kind::Outputs).is_ok());
}

#[test]
fn sizes_are_pinned() {
    let counts = |network: &Network, kind| {
        let c = Step::new(network, kind).unwrap().counts().unwrap();
        (c.constraints, c.variables, c.nonzeros)
    };
    let mut rng = StdRng::seed_from_u64(9);
    for network in [tiny(), everything()] {
        let weights = random_weights(&network, &mut rng);
        let input = random_input(&network, &mut rng);
        let run = run(&network, Kind::Accuracy, &weights, &input, Some(0));
        let (constraints, variables, nonzeros) = counts(&network, Kind::Accuracy);
        assert_eq!(run.cs.constraints(), constraints);
        assert_eq!(run.cs.cells() - 1 - ARITY, variables);
        assert_eq!(run.cs.nonzeros(), nonzeros);
    }
    assert_eq!(counts(&tiny(), Kind::Accuracy).0, 1937);
    assert_eq!(counts(&tiny(), Kind::Outputs).0, 2673);
    assert_eq!(counts(&everything(), Kind::Accuracy).0, 10157);
    assert_eq!(signed_range(4), (-8, 7));
}
