//! The slots of lowered programs say what the views say, vector by vector.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
#[path = "../support/mod.rs"]
mod support;
mod views;

use check::check;
use pleat_argument::layout;
use pleat_argument::program::Kind;
use pleat_argument::step::Shape;
use pleat_argument::step::lower::{digest, lower};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use support::generate::KINDS;
use support::random::random;

#[test]
fn programs_of_random_networks() {
    let steps: usize = (0..120u64)
        .into_par_iter()
        .map(|seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let n = KINDS.len();
            let first = [KINDS[seed as usize % n], KINDS[seed as usize / n % n]];
            let case = random(&mut rng, &first, 5);
            let (row_bits, group_bits) = (rng.gen_range(8..=12), rng.gen_range(0..=2));
            let kind = *[Kind::Accuracy, Kind::Outputs].choose(&mut rng).unwrap();
            let program = match layout::inference(&case.network, kind, true, row_bits, group_bits) {
                Ok(program) => program,
                Err(_) => return 0,
            };
            let mut shape = Shape::new(row_bits);
            if seed % 3 == 0 {
                (shape.slots, shape.lookups, shape.products) = (9, 3, 2);
            }
            let live = rng.gen_range(1..=1 << group_bits);
            check(&mut rng, &program, &shape, live).unwrap()
        })
        .sum();
    assert!(steps > 600, "{steps}");
}

#[test]
fn registrations_of_random_networks() {
    (0..20u64).into_par_iter().for_each(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let n = KINDS.len();
        let case = random(&mut rng, &[KINDS[seed as usize % n]], 3);
        let row_bits = rng.gen_range(8..=12);
        let shape = Shape::new(row_bits);
        let programs = [
            layout::register_model(&case.network, row_bits),
            layout::register_data(&case.network, seed % 2 == 0, row_bits),
        ];
        for program in programs.into_iter().flatten() {
            let live = rng.gen_range(1..=program.group_samples());
            check(&mut rng, &program, &shape, live).unwrap();
        }
    });
}

/// Digests differ where descriptors do.
#[test]
fn a_digest_depends_on_live_samples() {
    let mut rng = StdRng::seed_from_u64(1);
    let case = random(&mut rng, &[KINDS[0]], 2);
    let program = layout::inference(&case.network, Kind::Outputs, true, 12, 2).unwrap();
    let shape = Shape::new(12);
    let of = |live| digest(&lower(&program, &shape, live).unwrap(), &shape);
    assert_eq!(of(4), of(4));
    assert_ne!(of(4), of(3));
    assert!(lower(&program, &shape, 5).is_err());
    assert!(lower(&program, &Shape::new(11), 4).is_err());
}
