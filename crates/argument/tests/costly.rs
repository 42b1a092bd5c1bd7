//! A search for the small architecture that costs a verifier most: hill climbing over random networks of at most
//! 2 kB, by the time that everything takes which a verifier computes of an architecture.
//!
//! Runs for some seconds. `PLEAT_SEARCH_SECONDS` makes it longer, `PLEAT_SEARCH_SEED` starts elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/extravagant.rs"]
mod extravagant;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/verifier.rs"]
mod verifier;

use std::time::{Duration, Instant};

use pleat_argument::program::Kind;
use pleat_argument::statement::architecture_bytes;
use pleat_argument::{MAX_WORK, Result};
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{Activation, LayerOp, LinearMap, Network};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use verifier::verifier;

/// Of one architecture, on all processors together, the least of three runs.
const MOST: Duration = Duration::from_secs(8);
const MEGABYTES: u64 = 200;
const BYTES: usize = 2048;

/// One layer before its shape is known; inputs count back from it.
#[derive(Clone, Debug)]
enum Spec {
    Conv {
        back: usize,
        window: Window,
        out: usize,
        groups: usize,
    },
    Average {
        back: usize,
        window: Window,
    },
    Sum {
        back: Vec<usize>,
    },
    Slopes {
        back: usize,
        slopes: usize,
        bits: u32,
    },
    Max {
        back: usize,
        window: Window,
    },
    Concat {
        back: Vec<usize>,
    },
    Pad {
        back: usize,
        pads: [usize; 4],
    },
    Up {
        back: usize,
        factors: [usize; 2],
    },
    Rearrange {
        back: usize,
        count: usize,
        step: usize,
    },
}

#[derive(Clone, Debug)]
struct Case {
    row_bits: u32,
    group_bits: u32,
    accuracy: bool,
    outputs: usize,
    input: [usize; 3],
    specs: Vec<Spec>,
}

/// Mostly small, sometimes a power of two, or next to one.
fn number(rng: &mut StdRng, most_bits: u32) -> usize {
    match rng.gen_range(0..4) {
        0 => rng.gen_range(1..=4),
        1 => rng.gen_range(1..=20),
        _ => {
            let power = 1usize << rng.gen_range(0..=most_bits);
            (power + rng.gen_range(0..3)).saturating_sub(1).max(1)
        }
    }
}

fn window(rng: &mut StdRng) -> Window {
    let mut pick = |bits, rare: u32, usual: usize| match rng.gen_range(0..rare) {
        0 => number(rng, bits),
        _ => usual,
    };
    Window {
        kernel: [pick(12, 2, 1), pick(12, 2, 3)],
        stride: [pick(21, 2, 1), pick(21, 2, 1)],
        dilation: [pick(12, 4, 1), pick(12, 4, 1)],
        pads: [
            pick(12, 3, 0),
            pick(12, 3, 0),
            pick(12, 4, 0),
            pick(12, 4, 0),
        ],
    }
}

fn spec(rng: &mut StdRng) -> Spec {
    let back = if rng.gen_range(0..3) > 0 {
        1
    } else {
        rng.gen_range(1..8)
    };
    let several = |rng: &mut StdRng| {
        let count = rng.gen_range(1..5);
        (0..count).map(|_| rng.gen_range(1..3)).collect()
    };
    match rng.gen_range(0..9) {
        0 | 1 => Spec::Conv {
            back,
            window: window(rng),
            out: number(rng, 12),
            groups: number(rng, 6),
        },
        2 => Spec::Average {
            back,
            window: window(rng),
        },
        3 => Spec::Sum { back: several(rng) },
        4 => Spec::Slopes {
            back,
            slopes: number(rng, 10),
            bits: rng.gen_range(1..=16),
        },
        5 => Spec::Max {
            back,
            window: window(rng),
        },
        6 => Spec::Concat { back: several(rng) },
        7 if rng.gen_range(0..2) == 0 => Spec::Pad {
            back,
            pads: [0; 4].map(|_: usize| number(rng, 11) - 1),
        },
        7 => Spec::Rearrange {
            back,
            count: number(rng, 9),
            step: number(rng, 12),
        },
        _ => Spec::Up {
            back,
            factors: [number(rng, 13), number(rng, 13)],
        },
    }
}

impl Case {
    fn random(rng: &mut StdRng) -> Self {
        let count = rng.gen_range(1..12);
        let mut case = Self {
            row_bits: rng.gen_range(8..=20),
            group_bits: 0,
            accuracy: rng.gen_range(0..2) == 0,
            outputs: 1,
            input: [1, 1, 1],
            specs: (0..count).map(|_| spec(rng)).collect(),
        };
        // Most cheap tensors are long because of this.
        let factors = [number(rng, 13), number(rng, 13)];
        case.specs.insert(0, Spec::Up { back: 1, factors });
        case
    }

    fn mutated(&self, rng: &mut StdRng) -> Self {
        let mut case = self.clone();
        for _ in 0..rng.gen_range(1..4) {
            let n = case.specs.len();
            let at = rng.gen_range(0..n.max(1));
            match rng.gen_range(0..10) {
                0 => case.row_bits = rng.gen_range(8..=20),
                1 => case.group_bits = rng.gen_range(0..6),
                2 => case.outputs = number(rng, 6),
                3 => case.input[rng.gen_range(0..3)] = number(rng, 5),
                4 => case.specs.insert(at, spec(rng)),
                5 if n > 1 => drop(case.specs.remove(at)),
                // The same layer again, up to many times, beside the first.
                6 if n > 0 => {
                    let mut own = case.specs[at].clone();
                    for _ in 0..number(rng, 5) {
                        match &mut own {
                            Spec::Conv { back, .. }
                            | Spec::Average { back, .. }
                            | Spec::Slopes { back, .. }
                            | Spec::Max { back, .. }
                            | Spec::Pad { back, .. }
                            | Spec::Up { back, .. }
                            | Spec::Rearrange { back, .. } => *back += 1,
                            Spec::Sum { .. } | Spec::Concat { .. } => {}
                        }
                        case.specs.insert(at + 1, own.clone());
                    }
                }
                7 => case.accuracy = !case.accuracy,
                _ if n > 0 => case.specs[at] = spec(rng),
                _ => {}
            }
        }
        case
    }

    /// The network, if there is a valid one of these layers that is small enough.
    fn network(&self) -> Option<Network> {
        let mut shapes = vec![Shape::new(self.input[0], self.input[1], self.input[2])];
        let mut layers: Vec<(LayerOp, Vec<usize>, Shape)> = vec![];
        for spec in &self.specs {
            let before = |back: &usize| shapes.len().saturating_sub(*back);
            let slid = |w: &Window, back: &usize, channels: Option<usize>| {
                let x = shapes[before(back)];
                let [height, width] = w.output(x.height, x.width)?;
                Some(Shape::new(channels.unwrap_or(x.channels), height, width))
            };
            let one = |back: &usize| vec![before(back)];
            let all = |back: &[usize]| back.iter().map(before).collect::<Vec<_>>();
            let (op, inputs, shape) = match spec {
                Spec::Conv {
                    back,
                    window,
                    out,
                    groups,
                } => {
                    let shape = slid(window, back, Some(*out))?;
                    let map = LinearMap::Conv {
                        out_channels: *out,
                        groups: *groups,
                        window: *window,
                        weight_bits: 2,
                        bias_bits: 16,
                    };
                    (extravagant::linear(map), one(back), shape)
                }
                Spec::Average { back, window } => {
                    let shape = slid(window, back, None)?;
                    let map = LinearMap::AveragePool {
                        window: *window,
                        multipliers: vec![1],
                    };
                    (extravagant::linear(map), one(back), shape)
                }
                Spec::Sum { back } => {
                    let map = LinearMap::Sum {
                        multipliers: vec![1; back.len()],
                    };
                    (
                        extravagant::linear(map),
                        all(back),
                        shapes[before(&back[0])],
                    )
                }
                Spec::Slopes { back, slopes, bits } => {
                    let op = LayerOp::Linear {
                        map: LinearMap::Sum {
                            multipliers: vec![1],
                        },
                        shift: 0,
                        quotient_bits: *bits,
                        activation: Activation::Slope {
                            slopes: vec![0; *slopes],
                            shift: 0,
                        },
                    };
                    (op, one(back), shapes[before(back)])
                }
                Spec::Max { back, window } => {
                    let shape = slid(window, back, None)?;
                    (LayerOp::MaxPool { window: *window }, one(back), shape)
                }
                Spec::Concat { back } => {
                    let inputs = all(back);
                    let first = shapes[inputs[0]];
                    let channels = inputs.iter().map(|&i| shapes[i].channels).sum();
                    (
                        LayerOp::Concat,
                        inputs,
                        Shape::new(channels, first.height, first.width),
                    )
                }
                Spec::Pad { back, pads } => {
                    let x = shapes[before(back)];
                    let op = LayerOp::Pad {
                        pads: *pads,
                        value: 1,
                    };
                    let [top, left, bottom, right] = *pads;
                    (
                        op,
                        one(back),
                        Shape::new(x.channels, x.height + top + bottom, x.width + left + right),
                    )
                }
                Spec::Up { back, factors } => {
                    let x = shapes[before(back)];
                    let op = LayerOp::Upsample { factors: *factors };
                    let [down, across] = *factors;
                    (
                        op,
                        one(back),
                        Shape::new(x.channels, x.height * down, x.width * across),
                    )
                }
                Spec::Rearrange { back, count, step } => {
                    let n = shapes[before(back)].len();
                    let index = (0..*count).map(|i| (i * step % n) as u32).collect();
                    (
                        LayerOp::Rearrange { index },
                        one(back),
                        Shape::new(*count, 1, 1),
                    )
                }
            };
            // As many values as a network may have; before products overflow.
            if shape.channels > 1 << 26 || shape.height > 1 << 26 || shape.width > 1 << 26 {
                return None;
            }
            shapes.push(shape);
            layers.push((op, inputs, shape));
            if shape
                .channels
                .checked_mul(shape.height)?
                .checked_mul(shape.width)?
                > 1 << 26
            {
                return None;
            }
        }
        let mut network = extravagant::network(shapes[0], layers);
        network.outputs = vec![network.outputs[0].clone(); self.outputs];
        network.validate().ok()?;
        (architecture_bytes(&network).unwrap().len() <= BYTES).then_some(network)
    }

    /// Time on all processors together, so that it does not count what else goes on.
    fn measure(&self, network: &Network) -> (Duration, Result<u64>) {
        let (begin, start) = (measure::processor("self"), Instant::now());
        let kind = if self.accuracy {
            Kind::Accuracy
        } else {
            Kind::Outputs
        };
        let work = verifier(network, kind, self.row_bits, self.group_bits);
        let wall = start.elapsed();
        let time = match (begin, measure::processor("self")) {
            (Some(begin), Some(end)) => end.saturating_sub(begin),
            _ => wall,
        };
        (time, work)
    }
}

fn variable(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |v| v.parse().unwrap())
}

#[test]
fn no_small_architecture_costs_a_verifier_much() {
    let length = Duration::from_secs(variable("PLEAT_SEARCH_SECONDS", 8));
    let seed = variable("PLEAT_SEARCH_SEED", 1);
    let mut rng = StdRng::seed_from_u64(seed);
    let begin = Instant::now();
    let (mut tried, mut provable, mut climbs) = (0, 0, 0);
    let mut worst = Duration::ZERO;
    // A busy machine gets to few of them in its time.
    while begin.elapsed() < length || tried < 10 {
        climbs += 1;
        let mut best: Option<(Duration, Case)> = None;
        let mut since = 0;
        while since < 60 && (begin.elapsed() < length || tried < 10) {
            let case = match &best {
                Some((_, case)) => case.mutated(&mut rng),
                None => Case::random(&mut rng),
            };
            since += 1;
            let Some(network) = case.network() else {
                continue;
            };
            tried += 1;
            let (mut time, outcome) = case.measure(&network);
            for _ in 0..2 {
                if time > MOST {
                    time = time.min(case.measure(&network).0);
                }
            }
            if let Ok(work) = &outcome {
                provable += 1;
                assert!(*work <= MAX_WORK);
            }
            if best.as_ref().is_none_or(|(most, _)| time > *most) {
                let peak = measure::peak("self").unwrap_or_default();
                if time > worst {
                    worst = time;
                    let bytes = architecture_bytes(&network).unwrap().len();
                    let said =
                        outcome.map_or_else(|e| e.to_string(), |work| format!("{work} units"));
                    println!("{time:?}, {bytes} bytes, {peak} kB: {said}\n    {case:?}");
                }
                assert!(time < MOST, "{time:?} for {case:?}");
                assert!(peak < MEGABYTES * 1000, "{peak} kB for {case:?}");
                best = Some((time, case));
                since = 0;
            }
        }
    }
    println!(
        "{tried} networks, {provable} provable, in {climbs} climbs from seed {seed}; the longest took {worst:?}"
    );
    assert!(
        provable > 0,
        "none of {tried} networks was looked at as a whole"
    );
}
