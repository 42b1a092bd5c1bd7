//! What is random about random networks.

use pleat_model::graph::Shape;
use pleat_model::network::ValueRange;
use rand::Rng;
use rand::rngs::StdRng;

use super::generate::{Case, Generator, KINDS, Kind};

/// Sources of a rearrangement: orders importers make, and random ones.
pub(super) fn index(rng: &mut StdRng, s: Shape) -> (Vec<u32>, Shape) {
    let n = s.len();
    let at = |c: usize, h: usize, w: usize| ((c * s.height + h) * s.width + w) as u32;
    let flat = Shape::new(n, 1, 1);
    match rng.gen_range(0..6) {
        // Channels last, as one vector.
        0 => {
            let index = (0..n).map(|i| {
                let (p, c) = (i / s.channels, i % s.channels);
                at(c, p / s.width, p % s.width)
            });
            (index.collect(), flat)
        }
        1 => ((0..n as u32).rev().collect(), s),
        2 => {
            let half = Shape::new(s.channels, s.height.div_ceil(2), s.width);
            let index = (0..half.len())
                .map(|i| {
                    let (c, p) = (i / half.plane(), i % half.plane());
                    at(c, 2 * (p / s.width), p % s.width)
                })
                .collect();
            (index, half)
        }
        3 => (
            (0..2 * n).map(|i| (i % n) as u32).collect(),
            Shape::new(2 * n, 1, 1),
        ),
        4 => {
            let index = (0..n).map(|_| rng.gen_range(0..n as u32)).collect();
            (index, s)
        }
        // Rows and columns exchanged.
        _ => {
            let shape = Shape::new(s.channels, s.width, s.height);
            let index = (0..n)
                .map(|i| {
                    let (c, p) = (i / s.plane(), i % s.plane());
                    at(c, p % s.height, p / s.height)
                })
                .collect();
            (index, shape)
        }
    }
}

/// A network of a few random layers that begins with the kinds `first`.
pub(crate) fn random(rng: &mut StdRng, first: &[Kind], samples: usize) -> Case {
    let shape = match rng.gen_range(0..4) {
        0 => Shape::new(rng.gen_range(1..40), 1, 1),
        1 => Shape::new(rng.gen_range(1..4), 1, rng.gen_range(2..20)),
        _ => Shape::new(
            rng.gen_range(1..7),
            rng.gen_range(2..10),
            rng.gen_range(2..10),
        ),
    };
    let ranges = [
        (0, 9),
        (-3, 100),
        (0, 255),
        (-128, 127),
        (0, 1),
        (5, 5),
        (-7, -2),
    ];
    let (min, max) = ranges[rng.gen_range(0..ranges.len())];
    let layers = rng.gen_range(1..6);
    let mut g = Generator::new(rng, shape, ValueRange { min, max }, samples);
    let mut last = 0;
    for i in 0..first.len() + layers {
        for _ in 0..10 {
            let kind = match first.get(i) {
                Some(kind) => *kind,
                None => KINDS[g.rng.gen_range(0..KINDS.len())],
            };
            // Mostly the layer before, sometimes another.
            let input = match g.rng.gen_range(0..5) {
                0 => g.any(),
                _ => last,
            };
            if let Some(l) = g.add(kind, input) {
                last = l;
                break;
            }
        }
    }
    let mut outputs = vec![last];
    for _ in 0..g.rng.gen_range(0..3) {
        outputs.push(g.any());
    }
    g.finish(&outputs)
}
