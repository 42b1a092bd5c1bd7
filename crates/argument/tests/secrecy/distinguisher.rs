//! The game: a file about one of two candidates, and a guess from each of its numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use pleat_argument::Scalar;
use pleat_argument::multilinear::evaluate;
use pleat_argument::opening::{Scheme, open};
use pleat_argument::program::Kind;
use pleat_argument::randomness::ProofSecret;
use pleat_model::bundle::Bundle;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::guess::{How, combination, published, scores};
use crate::subject::{Defective, Draws, INDEX_BITS, KEY, Made, Mask, SAMPLES, Subject, candidate};

/// Games of a row: 40, or as many as `PLEAT_GAMES` says.
static GAMES: LazyLock<u64> = LazyLock::new(|| match std::env::var("PLEAT_GAMES") {
    Ok(games) => games.parse().expect("PLEAT_GAMES is a number"),
    Err(_) => 40,
});

/// Whether a coin may win so often: within five standard deviations of half of the games.
fn is_chance(wins: u64) -> bool {
    let half = *GAMES as f64 / 2.0;
    (wins as f64 - half).abs() <= 5.0 * (half / 2.0).sqrt()
}

/// Whether a defect is seen: in 95 of 100 games.
fn is_seen(wins: u64) -> bool {
    wins * 20 >= *GAMES * 19
}

const KINDS: [Kind; 3] = [Kind::RegisteredModel, Kind::Outputs, Kind::Accuracy];

/// Rows that are public on purpose, with the column of `docs/secrecy.md` that says so.
const PUBLIC: [&str; 2] = ["count", "groups[].outputs[]"];

/// Every row in every game: one scheme a kind.
fn scheme(kind: Kind) -> Scheme {
    match kind {
        Kind::Outputs => Scheme::HyperKzg,
        _ => Scheme::Mercury,
    }
}

fn secret(game: u64, label: u64) -> [u8; 32] {
    StdRng::seed_from_u64(game << 8 | label).r#gen()
}

/// Wins by row and function.
type Wins = BTreeMap<(String, How), u64>;

/// Plays all games of a prover.
fn play(kind: Kind, ways: &[How], prove: impl Fn(&Subject, &Bundle, u64) -> Made + Sync) -> Wins {
    let subject = Subject::new(kind, &SAMPLES);
    let games: Vec<Wins> = (0..*GAMES)
        .into_par_iter()
        .map(|game| {
            let mut rng = StdRng::seed_from_u64(game);
            let pair = [candidate(2 * game + 2), candidate(2 * game + 3)];
            let truth = rng.gen_range(0..2);
            let made = prove(&subject, &pair[truth], game);
            let [first, second] = pair.map(|candidate| scores(&subject, &made, &candidate, ways));
            let won = first.into_iter().map(|(key, first)| {
                let second = second[&key];
                let guess = match first.cmp(&second) {
                    std::cmp::Ordering::Greater => 0,
                    std::cmp::Ordering::Less => 1,
                    std::cmp::Ordering::Equal => rng.gen_range(0..2),
                };
                (key, u64::from(guess == truth))
            });
            won.collect()
        })
        .collect();
    let mut wins = Wins::new();
    for game in games {
        for (key, won) in game {
            *wins.entry(key).or_default() += won;
        }
    }
    wins
}

fn honest(subject: &Subject, candidate: &Bundle, game: u64) -> Made {
    let draws = Draws::Secret(ProofSecret::native(secret(game, 0)));
    subject.prove(
        candidate,
        subject.model_weights(candidate),
        draws,
        scheme(subject.program.kind),
    )
}

fn all(game: u64) -> Defective {
    Defective {
        seed: game + 1,
        mask: Mask::Uniform,
        blinds: true,
        salt: true,
    }
}

/// Rows, of some functions, in which a defect is seen; in all others it is not.
fn seen(wins: &Wins) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for ((row, how), wins) in wins {
        if PUBLIC.contains(&row.as_str()) {
            continue;
        }
        println!("{row}, {how:?}: {wins} of {} games won", *GAMES);
        let chance = is_chance(*wins);
        assert!(
            chance || is_seen(*wins),
            "{row}, {how:?}: {wins} of {}",
            *GAMES
        );
        if !chance {
            seen.insert(row.clone());
        }
    }
    seen
}

#[test]
fn no_number_tells_the_candidates_apart() {
    for kind in KINDS {
        let wins = play(kind, &How::ALL, honest);
        assert_eq!(seen(&wins), BTreeSet::new(), "{kind:?}");
        // What is public on purpose does tell, or the functions would be wrong.
        if kind == Kind::Outputs {
            let outputs = &wins[&("groups[].outputs[]".to_owned(), How::Replayed)];
            assert!(is_seen(*outputs), "{outputs}");
        }
    }
}

fn contains(rows: &BTreeSet<String>, some: &[&str]) {
    for row in some {
        assert!(rows.contains(*row), "{row}: {rows:?}");
    }
}

#[test]
fn a_mask_of_zeros_is_seen() {
    for kind in KINDS {
        let wins = play(kind, &[How::Recombined], |subject, candidate, game| {
            let own = Defective {
                mask: Mask::Zero,
                ..all(game)
            };
            let weights = subject.model_weights(candidate);
            subject.prove(candidate, weights, own.boxed(), scheme(kind))
        });
        // Every number that depends on the combination, each element of the opening among them.
        let recombined = wins.keys().filter(|(_, how)| *how == How::Recombined);
        let recombined: BTreeSet<String> = recombined.map(|(row, _)| row.clone()).collect();
        assert!(recombined.len() > 4, "{recombined:?}");
        assert_eq!(seen(&wins), recombined, "{kind:?}");
    }
}

#[test]
fn a_mask_of_sixteen_bits_is_seen() {
    let wins = play(
        Kind::RegisteredModel,
        &[How::Recombined, How::Narrow],
        |subject, candidate, game| {
            let own = Defective {
                mask: Mask::Narrow,
                ..all(game)
            };
            let weights = subject.model_weights(candidate);
            subject.prove(
                candidate,
                weights,
                own.boxed(),
                scheme(subject.program.kind),
            )
        },
    );
    let rows = seen(&wins);
    assert_eq!(rows, BTreeSet::from(["value".to_owned()]));
}

#[test]
fn blinds_of_zero_are_seen() {
    for kind in KINDS {
        let rows = seen(&play(kind, &[How::Replayed], |subject, candidate, game| {
            let own = Defective {
                blinds: false,
                ..all(game)
            };
            let weights = subject.weights(candidate, |_| Scalar::ZERO);
            subject.prove(
                candidate,
                weights,
                own.boxed(),
                scheme(subject.program.kind),
            )
        }));
        contains(&rows, &["groups[].trace[]", "weights[]", "model"]);
    }
}

#[test]
fn a_salt_of_zeros_is_seen() {
    let rows = seen(&play(
        Kind::Accuracy,
        &How::ALL,
        |subject, candidate, game| {
            let unsalted = Bundle {
                salt: [0; 32],
                ..candidate.clone()
            };
            honest(subject, &unsalted, game)
        },
    ));
    assert_eq!(
        rows,
        BTreeSet::from(["model", "weights[]"].map(str::to_owned))
    );
}

/// With a mask the salt of the challenges hides nothing more; without one it is what keeps the multipliers from
/// confirming guesses.
#[test]
fn challenges_without_salt_are_seen_where_nothing_else_hides() {
    let with = |salt| {
        seen(&play(
            Kind::RegisteredModel,
            &[How::Replayed],
            move |subject, candidate, game| {
                let own = Defective {
                    seed: game + 1,
                    mask: Mask::Zero,
                    blinds: false,
                    salt,
                };
                let weights = subject.weights(candidate, |_| Scalar::ZERO);
                subject.prove(
                    candidate,
                    weights,
                    own.boxed(),
                    scheme(subject.program.kind),
                )
            },
        ))
    };
    contains(&with(false), &["multipliers[]", "point[]"]);
    let salted = with(true);
    assert!(!salted.contains("multipliers[]") && !salted.contains("point[]"));
}

/// The mask as an earlier version had it: the claim is published first, then a mask is added to what is opened.
#[test]
fn a_mask_at_the_end_is_seen() {
    for kind in KINDS {
        let rows = seen(&play(
            kind,
            &[How::Recombined],
            |subject, candidate, game| {
                let own = Defective {
                    mask: Mask::Zero,
                    ..all(game)
                };
                let weights = subject.model_weights(candidate);
                let mut made = subject.prove(
                    candidate,
                    weights,
                    own.boxed(),
                    scheme(subject.program.kind),
                );
                let mut rng = StdRng::seed_from_u64(game);
                let mask: Vec<Scalar> = (0..1 << INDEX_BITS)
                    .map(|_| Scalar::random(&mut rng))
                    .collect();
                let sums = combination(subject, candidate, &made.folded.multipliers);
                let masked: Vec<Scalar> = sums.iter().zip(&mask).map(|(f, m)| *f + m).collect();
                let folded = &mut made.folded;
                let commitment = KEY.commit(&masked, &Scalar::ZERO);
                let value = evaluate(&masked, &folded.point);
                let point = folded.point.clone();
                folded.closing.opening = open(
                    scheme(subject.program.kind),
                    &KEY,
                    &masked,
                    &commitment,
                    &point,
                    &value,
                    &[],
                )
                .unwrap();
                folded.closing.blind = Scalar::random(&mut rng);
                made
            },
        ));
        assert_eq!(rows, BTreeSet::from(["value".to_owned()]), "{kind:?}");
    }
}

/// The difference of what two proofs about one model open, whose masks must not cancel.
fn difference(parts: &[(Subject, Made)], candidate: &Bundle) -> bool {
    let [(first, a), (second, b)] = parts else {
        panic!("two parts")
    };
    let opened = |subject: &Subject, made: &Made| {
        let rows = published(subject, made);
        let point: G1Affine = serde_json::from_str(&rows["opened"][0]).unwrap();
        G1::from(point)
    };
    let sums =
        |subject: &Subject, made: &Made| combination(subject, candidate, &made.folded.multipliers);
    let values: Vec<Scalar> = (sums(first, a).iter())
        .zip(sums(second, b))
        .map(|(x, y)| *x - y)
        .collect();
    (opened(first, a) - opened(second, b)).to_affine() == KEY.commit(&values, &Scalar::ZERO)
}

/// Wins over two shards of one data set, made by `draws`.
fn shards(draws: impl Fn(u64, u64) -> Draws + Sync) -> u64 {
    let games = (0..*GAMES).into_par_iter().map(|game| {
        let mut rng = StdRng::seed_from_u64(game);
        let pair = [candidate(2 * game + 2), candidate(2 * game + 3)];
        let truth = rng.gen_range(0..2);
        let parts: Vec<(Subject, Made)> = (0..2)
            .map(|shard| {
                let subject = Subject::new(Kind::Accuracy, &SAMPLES[shard..=shard]);
                let weights = subject.model_weights(&pair[truth]);
                let made = subject.prove(
                    &pair[truth],
                    weights,
                    draws(game, shard as u64),
                    scheme(subject.program.kind),
                );
                (subject, made)
            })
            .collect();
        let guess = match pair.map(|candidate| difference(&parts, &candidate)) {
            [true, false] => 0,
            [false, true] => 1,
            _ => rng.gen_range(0..2),
        };
        u64::from(guess == truth)
    });
    games.sum()
}

#[test]
fn two_shards_share_no_mask() {
    // Each with a secret of its own, as the command line draws them.
    let own = shards(|game, shard| Draws::Secret(ProofSecret::native(secret(game, shard))));
    assert!(is_chance(own), "{own}");
    // One secret by mistake: the statement is part of what the mask is drawn from.
    let shared = shards(|game, _| Draws::Secret(ProofSecret::native(secret(game, 0))));
    assert!(is_chance(shared), "{shared}");
    // Randomness of the secret alone.
    let seen = shards(|game, _| all(game).boxed());
    assert!(is_seen(seen), "{seen}");
}

/// A resumed proof is the file that the proof would have been without the interruption, so nothing can be subtracted.
#[test]
fn a_resumed_proof_publishes_the_same() {
    let subject = Subject::new(Kind::Accuracy, &SAMPLES);
    let own = candidate(1);
    for game in 0..2 {
        let prove = |from| {
            let draws = Draws::Secret(ProofSecret::native(secret(game, 0)));
            let weights = subject.model_weights(&own);
            subject.prove_from(&own, weights, draws, scheme(subject.program.kind), from)
        };
        let (whole, snapshots) = prove(None);
        assert_eq!(snapshots.len(), 2);
        let whole = serde_json::to_value(&whole.folded).unwrap();
        for snapshot in snapshots {
            let (again, _) = prove(Some(snapshot));
            assert_eq!(serde_json::to_value(&again.folded).unwrap(), whole);
        }
    }
}

/// Two proofs of one statement share what the statement names, and nothing else.
#[test]
fn proofs_of_one_statement_share_nothing() {
    let own = candidate(1);
    for kind in KINDS {
        let subject = Subject::new(kind, &SAMPLES);
        let rows = |game| published(&subject, &honest(&subject, &own, game));
        for game in [0, 1] {
            let (a, b) = (rows(game), rows(game + 2));
            let flat = |rows: &crate::guess::Rows| -> BTreeSet<String> {
                let named = [
                    "weights[]",
                    "data[]",
                    "groups[].outputs[]",
                    "model",
                    "count",
                ];
                let own = rows
                    .iter()
                    .filter(|(row, _)| !named.contains(&row.as_str()));
                own.flat_map(|(_, numbers)| numbers.clone()).collect()
            };
            let (x, y) = (flat(&a), flat(&b));
            assert!(x.is_disjoint(&y), "{kind:?}: {:?}", x.intersection(&y));
            for named in [
                "weights[]",
                "data[]",
                "groups[].outputs[]",
                "model",
                "count",
            ] {
                assert_eq!(a.get(named), b.get(named), "{kind:?} {named}");
            }
        }
    }
}

/// A file imported twice has two salts: its registrations share no commitment and no number.
#[test]
fn registrations_of_two_imports_share_nothing() {
    let subject = Subject::new(Kind::RegisteredModel, &[]);
    let mut all = BTreeSet::new();
    let mut count = 0;
    for import in 0..2u8 {
        let own = Bundle {
            salt: [import; 32],
            ..candidate(1)
        };
        let made = honest(&subject, &own, u64::from(import) * 2);
        let mut rows = published(&subject, &made);
        rows.remove("count");
        let numbers: BTreeSet<String> = rows.into_values().flatten().collect();
        count += numbers.len();
        all.extend(numbers);
    }
    assert_eq!(all.len(), count);
}
