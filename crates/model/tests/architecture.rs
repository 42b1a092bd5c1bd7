//! The public architecture tells what `docs/architecture.md` lists, and nothing else: over many re-trainings
//! exactly the fields change that the table there says depend on the weights.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers of tests

#[path = "support/integer.rs"]
mod integer;

use std::collections::{BTreeMap, BTreeSet};

use integer::Random;
use pleat_model::builder::{Builder, InputTransform, PoolParams, Value};
use pleat_model::data::Sample;
use pleat_model::graph::{Activation, Graph, InputLayout, PoolKind, Window};
use pleat_model::network::Network;
use pleat_model::quantize::{QuantizeOptions, Quantized, quantize};
use serde_json::Value as Json;

const TABLE: &str = include_str!("../../../docs/architecture.md");
const RETRAININGS: u64 = 200;
const SHAPE: [usize; 4] = [1, 3, 6, 6];

/// A source of weights.
struct Trainer {
    builder: Builder,
    random: Random,
    /// What moves them by a hundredth of their spread.
    noise: Option<Random>,
}

impl Trainer {
    /// Every training draws others from the same distributions.
    fn new(training: u64) -> Self {
        Self {
            builder: Builder::new(),
            random: Random(training),
            noise: None,
        }
    }

    /// The weights of one training, each moved a little.
    fn tuned(training: u64, tuning: u64) -> Self {
        Self {
            noise: Some(Random(1000 + tuning)),
            ..Self::new(training)
        }
    }

    /// Uniform in `-1..1`, but for the noise.
    fn uniform(&mut self) -> f32 {
        let uniform = |r: &mut Random| r.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0;
        let noise = self.noise.as_mut().map_or(0.0, uniform);
        uniform(&mut self.random) + 0.01 * noise
    }

    fn numbers(&mut self, n: usize, size: f32) -> Vec<f32> {
        (0..n).map(|_| self.uniform() * size).collect()
    }

    fn conv(&mut self, x: &Value, out: usize, groups: usize, kernel: usize) -> Value {
        let taps = x.dims()[1] / groups * kernel * kernel;
        // Keeps the spread of values, as initialisation and normalisation do.
        let size = (3.0 / taps as f32).sqrt();
        let weight = self.numbers(out * taps, size);
        let bias = self.numbers(out, 0.2);
        let window = Window {
            kernel: [kernel; 2],
            pads: [kernel / 2; 4],
            ..Window::POINT
        };
        self.builder
            .conv(x, weight, Some(bias), out, groups, window)
            .unwrap()
    }

    fn activation(&mut self, x: &Value, f: Activation) -> Value {
        self.builder.activation(x, f).unwrap()
    }

    fn relu(&mut self, x: &Value) -> Value {
        self.activation(x, Activation::Relu)
    }

    fn pool(&mut self, x: &Value, kind: PoolKind, pads: usize) -> Value {
        let window = Window {
            kernel: [2 + pads; 2],
            stride: [2, 2],
            pads: [pads; 4],
            ..Window::POINT
        };
        let params = PoolParams {
            kind,
            window,
            ceil_mode: false,
            count_include_pad: false,
        };
        self.builder.pool(x, &params).unwrap()
    }

    fn dense(&mut self, x: &Value, out: usize) -> Value {
        let n = x.len();
        let flat = self.builder.reshape(x, &[1, n]).unwrap();
        let weight = self.numbers(n * out, (3.0 / n as f32).sqrt());
        let bias = self.numbers(out, 0.2);
        self.builder.dense(&flat, &weight, Some(bias), out).unwrap()
    }
}

/// A small network of one kind.
type Family = fn(&mut Trainer, &Value) -> Vec<Value>;

const FAMILIES: [(&str, Family); 10] = [
    ("convolutions and maxima", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.relu(&a);
        let a = t.pool(&a, PoolKind::Max, 0);
        let a = t.conv(&a, 6, 1, 3);
        let a = t.relu(&a);
        vec![t.dense(&a, 5)]
    }),
    ("depthwise with relu6", |t, x| {
        let clip = Activation::Clip {
            low: 0.0,
            high: 6.0,
        };
        let a = t.conv(x, 8, 1, 3);
        let a = t.activation(&a, clip.clone());
        let a = t.conv(&a, 8, 8, 3);
        let a = t.activation(&a, clip);
        let a = t.builder.global_pool(&a, PoolKind::Average).unwrap();
        vec![t.dense(&a, 5)]
    }),
    ("inner bounds", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let bounds = Activation::Clip {
            low: -0.5,
            high: 2.0,
        };
        let a = t.activation(&a, bounds);
        vec![t.dense(&a, 5)]
    }),
    ("tables", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.activation(&a, Activation::Tanh);
        let a = t.conv(&a, 4, 1, 3);
        let a = t.activation(&a, Activation::HardSwish);
        let a = t.conv(&a, 4, 1, 3);
        let square = Activation::Polynomial {
            square: 1.0,
            linear: 1.0,
            constant: 0.0,
        };
        let a = t.activation(&a, square);
        let a = t.dense(&a, 5);
        vec![t.activation(&a, Activation::Sigmoid)]
    }),
    ("residual sums", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.relu(&a);
        let b = t.conv(&a, 4, 1, 3);
        let s = t.builder.sum(&[a, b], &[1.0, 1.0]).unwrap();
        let s = t.relu(&s);
        let b = t.conv(&s, 4, 1, 3);
        let s = t.builder.sum(&[s, b], &[1.0, 1.0]).unwrap();
        vec![t.dense(&s, 5)]
    }),
    ("averages", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.relu(&a);
        let a = t.pool(&a, PoolKind::Average, 0);
        let b = t.conv(&a, 4, 1, 3);
        let c = t.pool(&b, PoolKind::Average, 1);
        let d = t.pool(&a, PoolKind::Average, 1);
        let s = t.builder.sum(&[c, d], &[1.0, 1.0]).unwrap();
        vec![
            t.dense(&s, 5),
            t.builder.global_pool(&b, PoolKind::Average).unwrap(),
        ]
    }),
    ("concatenation with the input", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.relu(&a);
        let b = t.conv(x, 4, 1, 1);
        let j = t.builder.concat(&[a, b, x.clone()], 1).unwrap();
        let u = t.builder.upsample(&j, [2, 1]).unwrap();
        let r = t.builder.transpose(&u, &[0, 1, 3, 2]).unwrap();
        vec![t.dense(&r, 5), r]
    }),
    ("learned slopes", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let slopes = t.numbers(4, 0.3);
        let a = t.builder.prelu(&a, &slopes, &[4, 1, 1]).unwrap();
        vec![t.dense(&a, 5)]
    }),
    ("a border and a learned factor", |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let p = t.builder.pad(&a, [1, 0, 2, 1], -1.5).unwrap();
        let a = t.pool(&p, PoolKind::Max, 1);
        let b = t.conv(&a, 4, 1, 1);
        let factor = 1.0 + t.uniform() * 0.5;
        let s = t.builder.sum(&[a, b], &[1.0, factor]).unwrap();
        vec![t.dense(&s, 5)]
    }),
    ("large offsets", |t, x| {
        // Many large values of one sign, from which as much is subtracted again: biases above 30 bits.
        let weight = t.numbers(96, 0.1);
        let window = Window::POINT;
        let a = t
            .builder
            .conv(x, weight, Some(vec![2.0; 32]), 32, 1, window);
        let a = t.relu(&a.unwrap());
        let n = a.len();
        let size = 1.0 + 0.5 * t.uniform();
        let weight: Vec<f32> = (0..n).map(|_| size + 0.02 * t.uniform()).collect();
        let offset = -2.0 * weight.iter().sum::<f32>();
        let flat = t.builder.reshape(&a, &[1, n]).unwrap();
        vec![
            t.builder
                .dense(&flat, &weight, Some(vec![offset]), 1)
                .unwrap(),
        ]
    }),
];

fn graph(family: Family, mut t: Trainer) -> Graph {
    let transform = InputTransform {
        scale: 1.0 / 255.0,
        mean: vec![0.4],
        std: vec![0.5],
    };
    let x = t.builder.input(&SHAPE, InputLayout::Chw, &transform);
    let outputs = family(&mut t, &x.unwrap());
    let named = outputs.into_iter().enumerate();
    let named = named.map(|(i, v)| (format!("a secret output {i}"), v));
    t.builder.finish(named.collect()).unwrap()
}

/// An import says which numbers of the file everybody will see: those that no kind of layer implies.
#[test]
fn numbers_of_the_model_file_are_named() {
    let samples = samples();
    let named = |family: Family| -> Vec<&'static str> {
        let learned = integers(&graph(family, Trainer::new(1)), &samples).learned;
        learned.iter().map(|l| l.what).collect()
    };
    let of = |name: &str| named(FAMILIES.iter().find(|f| f.0 == name).unwrap().1);
    assert_eq!(of("learned slopes"), ["slopes"]);
    assert_eq!(
        of("a border and a learned factor"),
        ["the value of a border", "factors of a sum"]
    );
    assert!(of("residual sums").is_empty());
    let usual: Family = |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.activation(
            &a,
            Activation::Clip {
                low: 0.0,
                high: 6.0,
            },
        );
        let a = t.conv(&a, 4, 1, 1);
        let a = t.activation(
            &a,
            Activation::HardSigmoid {
                alpha: 0.2,
                beta: 0.5,
            },
        );
        vec![t.dense(&a, 5)]
    };
    assert!(named(usual).is_empty());
    let own: Family = |t, x| {
        let a = t.conv(x, 4, 1, 3);
        let a = t.activation(
            &a,
            Activation::Clip {
                low: 0.0,
                high: 2.5,
            },
        );
        let a = t.conv(&a, 4, 1, 1);
        let a = t.activation(
            &a,
            Activation::HardSigmoid {
                alpha: 0.3,
                beta: 0.5,
            },
        );
        let a = t.conv(&a, 4, 1, 1);
        let squares = Activation::Polynomial {
            square: 0.1,
            linear: 1.0,
            constant: 0.0,
        };
        let a = t.activation(&a, squares);
        vec![t.dense(&a, 5)]
    };
    let expected = [
        "bounds of a clip",
        "constants of a hard sigmoid",
        "coefficients of a polynomial",
    ];
    assert_eq!(named(own), expected);
}

fn samples() -> Vec<Sample> {
    let mut r = Random(3);
    let mut one = |_| Sample {
        values: (0..108).map(|_| r.below(256) as i32).collect(),
        label: None,
    };
    (0..8).map(&mut one).collect()
}

fn integers(graph: &Graph, samples: &[Sample]) -> Quantized {
    let spec = graph.input_spec(None);
    let mut q = quantize(graph, &spec, samples, &QuantizeOptions::default()).unwrap();
    q.publish_units().unwrap();
    q
}

/// Every leaf of a JSON value: its path and its text.
fn leaves(path: &str, value: &Json, found: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(fields) => {
            for (key, v) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(&format!("{path}{dot}{key}"), v, found);
            }
        }
        Json::Array(items) => {
            // The length is a property of its own.
            found.insert(format!("{path}[]"), items.len().to_string());
            for (i, v) in items.iter().enumerate() {
                leaves(&format!("{path}[{i}]"), v, found);
            }
        }
        leaf => {
            found.insert(path.to_owned(), leaf.to_string());
        }
    }
}

fn fields(network: &Network) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    leaves("", &serde_json::to_value(network).unwrap(), &mut found);
    found
}

/// `layers[3].op` becomes `layers[].op`.
fn without_indices(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

/// The rows of the table: field, and whether it may change with the weights.
fn table() -> BTreeMap<String, bool> {
    let rows = TABLE.lines().skip_while(|l| !l.starts_with("| field |"));
    let rows = rows.skip(2).take_while(|l| l.starts_with('|'));
    let parsed: BTreeMap<String, bool> = rows
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let changes = match cells[2] {
                "yes" => true,
                "no" => false,
                other => panic!("'{other}' in '{row}' is neither yes nor no"),
            };
            let names = cells[1].split(", ").map(move |f| {
                let name = f.strip_prefix('`').and_then(|f| f.strip_suffix('`'));
                (name.expect(row).to_owned(), changes)
            });
            names.collect::<Vec<_>>()
        })
        .collect();
    assert!(parsed.len() > 20, "the table was not found");
    parsed
}

/// The row that a field belongs to: the longest that names it or something it is part of.
fn row<'t>(table: &'t BTreeMap<String, bool>, field: &str) -> &'t str {
    let names = table.keys().filter(|name| {
        field
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    let row = names.max_by_key(|name| name.len());
    row.unwrap_or_else(|| panic!("the table does not name '{field}'"))
}

/// Which rows change over re-trainings of a family, and in how many of them, compared with the first.
fn changes(
    family: Family,
    table: &BTreeMap<String, bool>,
    seen: &mut BTreeSet<String>,
) -> BTreeMap<String, u64> {
    let samples = samples();
    let all: Vec<BTreeMap<String, String>> = (0..RETRAININGS)
        .map(|training| fields(&integers(&graph(family, Trainer::new(training)), &samples).network))
        .collect();
    let mut changed = BTreeMap::new();
    let first = &all[0];
    for other in &all {
        let paths: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
        let mut rows = BTreeSet::new();
        for path in paths {
            let row = row(table, &without_indices(path));
            seen.insert(row.to_owned());
            if first.get(path) != other.get(path) {
                rows.insert(row.to_owned());
            }
        }
        for row in rows {
            *changed.entry(row).or_default() += 1;
        }
    }
    changed
}

#[test]
fn the_table_names_what_changes_with_the_weights() {
    let table = table();
    let (mut seen, mut changed) = (BTreeSet::new(), BTreeSet::new());
    for (name, family) in FAMILIES {
        let rows = changes(family, &table, &mut seen);
        println!("{name}: of {RETRAININGS} re-trainings differ");
        for (row, count) in rows {
            println!("  {count:>4} in {row}");
            changed.insert(row);
        }
    }
    let named = |may: bool| -> BTreeSet<String> {
        let rows = table.iter().filter(|(_, changes)| **changes == may);
        rows.map(|(row, _)| row.clone()).collect()
    };
    let wrong: Vec<_> = changed.difference(&named(true)).cloned().collect();
    assert!(
        wrong.is_empty(),
        "the table says that {wrong:?} never change"
    );
    let never: Vec<_> = named(true).difference(&changed).cloned().collect();
    assert!(never.is_empty(), "the table says that {never:?} may change");
    let absent: Vec<_> = table.keys().filter(|row| !seen.contains(*row)).collect();
    assert!(absent.is_empty(), "no architecture has {absent:?}");
}

/// With the widths of the search fixed, what is left is the same for nearly all weights, but for numbers of the
/// model file that are public as they are: the search itself is what tells most.
#[test]
fn a_little_more_training_leaves_nearly_all_as_it_was() {
    let samples = samples();
    let (mut same, mut all) = (0, 0);
    for (name, family) in FAMILIES {
        if name.contains("learned") {
            continue;
        }
        let first = integers(&graph(family, Trainer::new(7)), &samples);
        let options = QuantizeOptions {
            activation_bits: Some(first.activation_bits),
            shift: Some(first.network.shift),
        };
        for tuning in 0..RETRAININGS / 4 {
            let other = graph(family, Trainer::tuned(7, tuning));
            let spec = other.input_spec(None);
            let mut q = quantize(&other, &spec, &samples, &options).unwrap();
            q.publish_units().unwrap();
            assert_ne!(q.weights, first.weights, "{name}: nothing was trained");
            all += 1;
            same += usize::from(q.network == first.network);
        }
    }
    println!("{same} of {all} architectures are the same");
    assert!(same * 20 >= all * 19, "only {same} of {all} are the same");
}

/// A guess of one weight that is wrong by a thousandth is not told apart from the truth.
#[test]
fn one_weight_of_many_does_not_show() {
    let samples = samples();
    let bytes = |change: Option<usize>| {
        let mut t = Trainer::new(11);
        let transform = InputTransform::default();
        let x = t
            .builder
            .input(&SHAPE, InputLayout::Chw, &transform)
            .unwrap();
        let grey = t.conv(&x, 1, 1, 1);
        let mut weight = t.numbers(36, 0.5);
        if let Some(i) = change {
            weight[i] *= 1.001;
        }
        let window = Window {
            kernel: [3, 3],
            ..Window::POINT
        };
        let a = t.builder.conv(&grey, weight, None, 4, 1, window).unwrap();
        let a = t.relu(&a);
        // Behind it everything that makes a scale count: averages, a sum, a table, a bound, a border.
        let a = t.conv(&a, 4, 1, 3);
        let a = t.relu(&a);
        let b = t.conv(&a, 4, 1, 3);
        let b = t.builder.sum(&[a, b], &[1.0, 1.0]).unwrap();
        // Not flat anywhere, so that many of its values show what the scales are.
        let b = t.activation(&b, Activation::HardSwish);
        let b = t.conv(&b, 4, 1, 3);
        let bounds = Activation::Clip {
            low: -0.5,
            high: 2.0,
        };
        let b = t.activation(&b, bounds);
        let b = t.pool(&b, PoolKind::Average, 1);
        let b = t.builder.pad(&b, [1, 0, 0, 1], 0.25).unwrap();
        let y = t.dense(&b, 5);
        let g = t.builder.finish(vec![("y".into(), y)]).unwrap();
        let q = integers(&g, &samples);
        let scales: Vec<f64> = q.annotations.layers.iter().map(|l| l.scale).collect();
        (postcard::to_allocvec(&q.network).unwrap(), scales)
    };
    let (truth, scales) = bytes(None);
    let mut moved = 0;
    for i in 0..36 {
        let (guess, own) = bytes(Some(i));
        assert!(guess == truth, "weight {i} shows in the architecture");
        moved += usize::from(own != scales);
    }
    // The owner's scales are another matter: they did show it.
    assert!(moved > 0, "no scale depends on the weights");
}

#[test]
fn nothing_of_the_owners_notes_is_in_the_architecture() {
    let samples = samples();
    for (name, family) in FAMILIES {
        let q = integers(&graph(family, Trainer::new(5)), &samples);
        let bytes = postcard::to_allocvec(&q.network).unwrap();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        for note in &q.annotations.layers {
            assert!(
                note.name.len() < 3 || !holds(note.name.as_bytes()),
                "{name}"
            );
            // A power of two has six bytes of zeros, as other numbers have.
            if pleat_model::annotations::exponent(note.scale).is_none() {
                assert!(!holds(&note.scale.to_le_bytes()), "{name}: {}", note.scale);
                assert!(!holds(&(note.scale as f32).to_le_bytes()), "{name}");
            }
        }
        for output in &q.annotations.outputs {
            assert!(output.name.starts_with("a secret output") && !holds(output.name.as_bytes()));
        }
        for s in &q.statistics {
            for end in [s.min, s.max, s.low, s.high] {
                assert!(
                    end.fract() == 0.0 || !holds(&end.to_le_bytes()),
                    "{name}: {end}"
                );
            }
        }
    }
}
