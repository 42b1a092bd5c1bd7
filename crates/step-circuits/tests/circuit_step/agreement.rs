//! Honest steps satisfy the circuit, which says the same next state; the circuit's size.

use pleat_argument::layout::inference;
use pleat_argument::program::Kind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::fixture::{Forger, KINDS, ROW_BITS};
use crate::steps::{ACCURACY, BLANK, PRODUCTS, blank, circuit, native, ready};
use crate::support::bundle;
use crate::support::generate::KINDS as LAYERS;
use crate::support::random::random;
use pleat_argument::group::prove::StepRecord;

fn agree(records: &[StepRecord], name: &str) {
    records.par_iter().enumerate().for_each(|(i, record)| {
        let next = circuit(record);
        assert_eq!(next, Ok(native(record).unwrap()), "{name}: step {i}");
        if let Some(after) = records.get(i + 1) {
            assert_eq!(next, Ok(after.state.digest()), "{name}: step {i}");
        }
    });
}

#[test]
fn steps_of_every_statement_agree_with_their_native_twin() {
    ready();
    agree(&ACCURACY, "accuracy");
    agree(&PRODUCTS, "many products");
    for kind in KINDS {
        let records = Forger::new(kind).fold().1;
        // Of each kind of step some.
        let mut seen = std::collections::BTreeMap::new();
        let records: Vec<_> = (records.into_iter())
            .filter(|r| {
                let d = &r.descriptor;
                let key = (d.task as u8, d.half, d.end, d.begin, d.vectors.len());
                let count = seen.entry(key).or_insert(0);
                *count += 1;
                *count <= 2
            })
            .collect();
        for record in records.chunks(1) {
            agree(record, &format!("{kind:?}"));
        }
    }
}

#[test]
fn steps_of_random_networks_agree_with_their_native_twin() {
    ready();
    let proved: usize = (0..LAYERS.len() as u64)
        .into_par_iter()
        .map(|seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let case = random(&mut rng, &[LAYERS[seed as usize]], 3);
            let kind = [Kind::Outputs, Kind::Accuracy][rng.gen_range(0..2)];
            let bundle = bundle(case.network, case.weights);
            let Ok(program) = inference(&bundle.network, kind, true, ROW_BITS, 1) else {
                return 0;
            };
            if program.chunks() > 12 {
                return 0;
            }
            agree(
                &Forger::of(&bundle, program, &case.samples).fold().1,
                &format!("{seed}"),
            );
            1
        })
        .sum();
    assert!(proved > 5, "{proved}");
}

/// Of the largest class; without a name, the chain of the program and the comparisons of digests.
const PARTS: [(&str, (usize, usize)); 10] = [
    ("", (264, 2936)),
    ("begin", (1304, 14569)),
    ("chains", (1779, 19881)),
    ("claims", (6381, 88232)),
    ("descriptor", (7189, 110_309)),
    ("end", (81, 440)),
    ("next", (3882, 66434)),
    ("slots", (50764, 286_656)),
    ("state", (3882, 66425)),
    ("task", (66965, 750_624)),
];

/// Constraints, non-zero coefficients. A step has at most 150,000 and 4,000,000 in the largest class.
#[test]
fn the_shape_of_a_step_is_pinned() {
    ready();
    let sizes: Vec<_> = [15, 19]
        .into_par_iter()
        .map(|row_bits| {
            let cs = blank(row_bits);
            if row_bits == 19 {
                assert_eq!(cs.parts().into_iter().collect::<Vec<_>>(), PARTS);
            }
            (row_bits, cs.constraints(), cs.nonzeros())
        })
        .collect();
    assert_eq!(sizes, [(15, 114_913, 1_105_494), (19, 142_491, 1_406_506)]);
    assert!(BLANK.constraints() < sizes[0].1);
}
