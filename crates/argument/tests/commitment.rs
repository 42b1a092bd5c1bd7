//! Commitments to integers against those to field elements, and blinds.
#![allow(clippy::unwrap_used)]

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::{Curve, Group};
use pleat_argument::commitment::{Blinder, Key, combine};
use pleat_argument::{Error, Scalar, srs};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn key(power: u32) -> Key {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), power, false).unwrap();
    Key::load(dir.path(), power).unwrap()
}

fn scalar(v: i32) -> Scalar {
    let magnitude = Scalar::from(u64::from(v.unsigned_abs()));
    if v < 0 { -magnitude } else { magnitude }
}

fn scalars(values: &[i32]) -> Vec<Scalar> {
    values.iter().copied().map(scalar).collect()
}

/// The definition, point by point.
fn naive(key: &Key, values: &[i32]) -> G1 {
    (0..values.len())
        .map(|i| {
            let mut unit = vec![Scalar::ZERO; i + 1];
            unit[i] = Scalar::ONE;
            G1::from(key.commit(&unit, &Scalar::ZERO)) * scalar(values[i])
        })
        .fold(G1::identity(), |a, b| a + b)
}

#[test]
fn integers_and_their_field_elements_have_one_commitment() {
    let key = key(12);
    let mut rng = StdRng::seed_from_u64(3);
    let bounds = [1, 2, 511, 1023, 2048, 4096, 65535, 65536, i32::MAX];
    for n in [0, 1, 2, 3, 17, 255, 1000, 4096] {
        let mut values: Vec<i32> = (0..n)
            .map(|i| match i % 4 {
                3 => 0,
                _ => {
                    let bound = bounds[rng.gen_range(0..bounds.len())];
                    rng.gen_range(-bound..=bound)
                }
            })
            .collect();
        for (slot, special) in values.iter_mut().skip(1).zip([
            i32::MIN,
            i32::MAX,
            -1,
            1,
            4095,
            -4096,
            65535,
            -65536,
            i32::MIN + 1,
        ]) {
            *slot = special;
        }
        let blind = Scalar::random(&mut rng);
        assert_eq!(
            key.commit_integers(&values, &blind),
            key.commit(&scalars(&values), &blind),
            "{n} values"
        );
    }
    assert_eq!(key.commit_integers(&[], &Scalar::ZERO), G1Affine::default());
    assert_eq!(key.commit_integers(&[0; 100], &Scalar::ONE), *key.h());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Against the definition: neither multiplication of nova-snark is trusted here.
    #[test]
    fn a_commitment_is_the_sum_of_its_terms(
        values in proptest::collection::vec(
            prop_oneof![Just(0), -1..=1i32, -2048..2048i32, any::<i32>()], 0..40
        )
    ) {
        let key = key(6);
        let blind = Scalar::from(9);
        let expected = naive(&key, &values) + *key.h() * blind;
        prop_assert_eq!(key.commit_integers(&values, &blind), expected.to_affine());
    }
}

#[test]
fn a_combination_of_commitments_commits_to_the_combination() {
    let key = key(5);
    let mut rng = StdRng::seed_from_u64(4);
    // More terms than nova-snark adds up naively.
    for terms in [0, 1, 5, 40] {
        let mut sums = vec![Scalar::ZERO; 32];
        let mut points = Vec::new();
        for _ in 0..terms {
            let values: Vec<Scalar> = (0..32).map(|_| Scalar::random(&mut rng)).collect();
            let factor = Scalar::random(&mut rng);
            for (sum, v) in sums.iter_mut().zip(&values) {
                *sum += factor * v;
            }
            points.push((key.commit(&values, &Scalar::ZERO), factor));
        }
        let sum = combine(&points).to_affine();
        assert_eq!(sum, key.commit(&sums, &Scalar::ZERO), "{terms} terms");
    }
    let infinity = [(G1Affine::default(), Scalar::from(3)); 20];
    assert!(bool::from(combine(&infinity).is_identity()));
}

#[test]
fn keys_of_one_secret_have_one_identity() {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 6, false).unwrap();
    let (large, small) = (
        Key::load(dir.path(), 6).unwrap(),
        Key::load(dir.path(), 3).unwrap(),
    );
    assert_eq!((large.power(), small.power()), (6, 3));
    assert_eq!(large.id(), small.id());
    assert_eq!(large.h(), small.h());
    assert_eq!(
        large.commit_integers(&[5, -7, 9], &Scalar::ONE),
        small.commit_integers(&[5, -7, 9], &Scalar::ONE)
    );
    assert_ne!(key(3).id(), small.id());
    assert!(matches!(
        Key::load(dir.path(), 7),
        Err(Error::MissingSrs { power: 7, .. })
    ));
    assert!(matches!(Key::load(dir.path(), 0), Err(Error::Invalid(_))));
    assert!(matches!(
        Key::load(dir.path(), 29),
        Err(Error::TooLarge { power: 29 })
    ));
}

#[test]
fn blinds_depend_on_secret_label_and_index() {
    let blinder = Blinder::new([1; 32]);
    let blind = blinder.blind(b"weights", 0);
    assert_eq!(blind, Blinder::new([1; 32]).blind(b"weights", 0));
    // Bytes of one field never pass for another's.
    let others = [
        Blinder::new([2; 32]).blind(b"weights", 0),
        blinder.blind(b"weights", 1),
        blinder.blind(b"weight", 0),
        blinder.blind(b"weights\0", 0),
        blinder.blind(b"", 0),
        Blinder::random().blind(b"weights", 0),
    ];
    for other in others {
        assert_ne!(blind, other);
    }
    assert_ne!(
        Blinder::random().blind(b"", 0),
        Blinder::random().blind(b"", 0)
    );
    assert_eq!(format!("{blinder:?}"), "Blinder { .. }");
}
