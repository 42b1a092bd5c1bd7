//! Openings: what is true is accepted, nothing else is, and nothing panics.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Group;
use nova_snark::provider::hyperkzg::{Commitment, EvaluationArgument as HyperKzg};
use nova_snark::provider::mercury::EvaluationArgument as Mercury;
use pleat_argument::commitment::Key;
use pleat_argument::opening::{MIN_VARIABLES, Opening, OpeningKey, Scheme, open, verify};
use pleat_argument::{Engine, Error, Scalar, srs};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const SCHEMES: [Scheme; 2] = [Scheme::HyperKzg, Scheme::Mercury];
const POWER: u32 = 11;

static KEYS: LazyLock<(Key, OpeningKey)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let file = srs::create_local(dir.path(), POWER, false).unwrap();
    let key = Key::load(dir.path(), POWER).unwrap();
    (key, OpeningKey::load(&file).unwrap())
});

/// The value at a point, entry `b` of the point for bit `b` of the index.
fn evaluate(values: &[Scalar], point: &[Scalar]) -> Scalar {
    let term = |(i, v): (usize, &Scalar)| {
        point
            .iter()
            .enumerate()
            .fold(*v, |t, (b, r)| match i >> b & 1 {
                1 => t * r,
                _ => t * (Scalar::ONE - r),
            })
    };
    values.iter().enumerate().map(term).sum()
}

struct Claim {
    values: Vec<Scalar>,
    commitment: G1Affine,
    point: Vec<Scalar>,
    value: Scalar,
    context: Vec<Scalar>,
}

impl Claim {
    fn of(values: Vec<Scalar>, point: Vec<Scalar>) -> Self {
        Self {
            commitment: KEYS.0.commit(&values, &Scalar::ZERO),
            value: evaluate(&values, &point),
            context: vec![Scalar::from(5), Scalar::from(6)],
            values,
            point,
        }
    }

    fn random(n: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut some = |n: usize| (0..n).map(|_| Scalar::random(&mut rng)).collect();
        let values = some(1 << n);
        Self::of(values, some(n))
    }

    fn open(&self, scheme: Scheme) -> Result<Opening, Error> {
        open(
            scheme,
            &KEYS.0,
            &self.values,
            &self.commitment,
            &self.point,
            &self.value,
            &self.context,
        )
    }

    fn verify(&self, opening: &Opening) -> Result<(), Error> {
        verify(
            &KEYS.1,
            opening,
            &self.commitment,
            &self.point,
            &self.value,
            &self.context,
        )
    }

    fn refuses(&self, opening: &Opening, what: &str) {
        let result = self.verify(opening);
        assert!(matches!(result, Err(Error::Rejected { .. })), "{what}");
    }
}

fn bytes(opening: &Opening) -> Vec<u8> {
    postcard::to_allocvec(opening).unwrap()
}

/// As files are read: nothing may be left over.
fn decode(bytes: &[u8]) -> Option<Opening> {
    let (opening, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(opening)
}

#[test]
fn every_supported_size_opens_and_every_lie_about_it_is_refused() {
    for scheme in SCHEMES {
        for n in MIN_VARIABLES..=POWER as usize {
            let mut claim = Claim::random(n, n as u64);
            let opening = claim.open(scheme).unwrap();
            assert_eq!(opening.scheme(), scheme);
            claim.verify(&opening).unwrap();
            let back = decode(&bytes(&opening)).unwrap();
            claim.verify(&back).unwrap();

            claim.value += Scalar::ONE;
            claim.refuses(&opening, "value");
            // Nor does an opening made for the wrong value verify, if one is made at all.
            if let Ok(made) = claim.open(scheme) {
                claim.refuses(&made, "made for the value");
            }
            claim.value -= Scalar::ONE;

            for i in 0..n {
                claim.point[i] += Scalar::ONE;
                claim.refuses(&opening, "point");
                claim.point[i] -= Scalar::ONE;
            }
            claim.point.swap(0, n - 1);
            claim.refuses(&opening, "order of the point");
            claim.point.swap(0, n - 1);
            claim.point.push(Scalar::ZERO);
            claim.refuses(&opening, "length of the point");
            claim.point.pop();

            for context in [vec![], vec![Scalar::from(5)], vec![Scalar::from(6); 2]] {
                let right = std::mem::replace(&mut claim.context, context);
                claim.refuses(&opening, "context");
                claim.context = right;
            }

            let right = claim.commitment;
            for wrong in [-right, G1Affine::default(), *KEYS.0.h()] {
                claim.commitment = wrong;
                claim.refuses(&opening, "commitment");
            }
            claim.commitment = right;
            claim.verify(&opening).unwrap();

            let mut other = bytes(&opening);
            other[0] ^= 1;
            if let Some(other) = decode(&other) {
                claim.refuses(&other, "scheme");
            }
        }
    }
}

#[test]
fn a_blinded_commitment_opens_once_its_blind_is_taken_away() {
    let mut claim = Claim::random(4, 40);
    let blind = Scalar::from(77);
    let blinded = KEYS.0.commit(&claim.values, &blind);
    assert_eq!(KEYS.1.unblind(&blinded, &blind), claim.commitment);
    assert_eq!(KEYS.1.id(), KEYS.0.id());
    for scheme in SCHEMES {
        let opening = claim.open(scheme).unwrap();
        let bare = std::mem::replace(&mut claim.commitment, blinded);
        claim.refuses(&opening, "blinded");
        claim.commitment = bare;
    }
}

#[test]
fn another_key_refuses() {
    let dir = tempfile::tempdir().unwrap();
    srs::create_local(dir.path(), 4, false).unwrap();
    let other = OpeningKey::new(&Key::load(dir.path(), 4).unwrap()).unwrap();
    let claim = Claim::random(4, 41);
    for scheme in SCHEMES {
        let opening = claim.open(scheme).unwrap();
        let (c, p, v) = (&claim.commitment, &claim.point, &claim.value);
        assert!(verify(&other, &opening, c, p, v, &claim.context).is_err());
    }
}

#[test]
fn other_sizes_are_refused_in_a_sentence() {
    for scheme in SCHEMES {
        let opening = Claim::random(4, 42).open(scheme).unwrap();
        let mut claims: Vec<_> = (0..MIN_VARIABLES).map(|n| Claim::random(n, 43)).collect();
        for claim in &claims {
            claim.refuses(&opening, "short");
        }
        let mut uneven = Claim::random(4, 44);
        uneven.values.pop();
        claims.push(uneven);
        let mut large = Claim::random(4, 45);
        large.point = vec![Scalar::ONE; 40];
        large.refuses(&opening, "long");
        large.values = vec![Scalar::ONE; 2 << POWER];
        large.point.truncate(POWER as usize + 1);
        claims.push(large);
        for claim in &claims {
            assert!(matches!(claim.open(scheme), Err(Error::Invalid(_))));
        }
    }
}

/// Sparse vectors at corners of the cube: opened correctly, or refused without a panic.
#[test]
fn degenerate_vectors_do_not_panic() {
    for n in MIN_VARIABLES..=5 {
        let zero = Claim::of(vec![Scalar::ZERO; 1 << n], vec![Scalar::from(3); n]);
        let opening = zero.open(Scheme::HyperKzg).unwrap();
        zero.verify(&opening).unwrap();
        assert!(matches!(zero.open(Scheme::Mercury), Err(Error::Invalid(_))));
        for scheme in SCHEMES {
            for corner in [0, 1, (1 << n) - 1] {
                for hot in [0, 1, 2, (1 << n) - 1] {
                    let mut values = vec![Scalar::ZERO; 1 << n];
                    values[hot] = Scalar::ONE;
                    let bit = |b| Scalar::from((corner >> b & 1) as u64);
                    let claim = Claim::of(values, (0..n).map(bit).collect());
                    match claim.open(scheme) {
                        Ok(opening) => claim.verify(&opening).unwrap(),
                        Err(e) => assert!(
                            scheme == Scheme::Mercury && matches!(e, Error::Invalid(_)),
                            "{e}"
                        ),
                    }
                }
            }
        }
    }
}

/// Fields of every unsuitable kind: infinity, zero, too few, too many.
#[test]
fn misshapen_openings_are_refused() {
    let infinity = Commitment::<Engine>::new(G1::identity());
    let point = Commitment::<Engine>::new(G1::generator());
    let claim = Claim::random(5, 46);
    for p in [infinity, point] {
        for s in [Scalar::ZERO, Scalar::ONE] {
            for (com, v) in [(0, 0), (0, 5), (4, 5), (4, 4), (5, 5), (5, 6), (100, 100)] {
                let argument = HyperKzg::new(vec![p; com], [p; 3], vec![[s; 3]; v]);
                claim.refuses(&Opening::HyperKzg(Box::new(argument)), "HyperKZG");
            }
            let argument = Mercury::new(p, p, p, p, p, p, p, p, s, s, s, s, s, s);
            claim.refuses(&Opening::Mercury(Box::new(argument)), "Mercury");
        }
    }
}

fn of_shape(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Rejected {
                check: "shape of the opening",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_point_with_too_few_or_too_many_entries() {
    for scheme in SCHEMES {
        let opening = Claim::random(4, 50).open(scheme).unwrap();
        for n in 0..MIN_VARIABLES {
            of_shape(Claim::random(n, 51).verify(&opening));
        }
        let mut long = Claim::random(4, 52);
        long.point = vec![Scalar::ONE; 40];
        of_shape(long.verify(&opening));
    }
}

#[test]
fn an_opening_of_another_length() {
    let point = Commitment::<Engine>::new(G1::generator());
    let claim = Claim::random(5, 53);
    for (com, v) in [(3, 5), (5, 5), (4, 4), (4, 6)] {
        let argument = HyperKzg::new(vec![point; com], [point; 3], vec![[Scalar::ONE; 3]; v]);
        of_shape(claim.verify(&Opening::HyperKzg(Box::new(argument))));
    }
}

#[test]
fn an_opening_of_another_value() {
    for scheme in SCHEMES {
        let mut claim = Claim::random(4, 54);
        let opening = claim.open(scheme).unwrap();
        claim.value += Scalar::ONE;
        let error = claim.verify(&opening).unwrap_err();
        let what = "opening of the commitment";
        assert!(
            matches!(error, Error::Rejected { check, .. } if check == what),
            "{error}"
        );
    }
}

/// No bit of an encoding is without meaning: nobody can change a proof file and keep the proof.
#[test]
fn openings_have_one_encoding() {
    for scheme in SCHEMES {
        let good = bytes(&Claim::random(4, 49).open(scheme).unwrap());
        for bit in 0..8 * good.len() {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Some(opening) = decode(&changed) {
                assert_eq!(bytes(&opening), changed, "{scheme:?}, bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn mutated_openings_are_refused(
        mercury: bool,
        edits in proptest::collection::vec((any::<usize>(), 1..=255u8), 1..4),
        cut in proptest::option::of(any::<usize>()),
    ) {
        static GOOD: LazyLock<(Claim, [Vec<u8>; 2])> = LazyLock::new(|| {
            let claim = Claim::random(4, 47);
            let good = SCHEMES.map(|scheme| bytes(&claim.open(scheme).unwrap()));
            (claim, good)
        });
        let (claim, good) = &*GOOD;
        let good = &good[usize::from(mercury)];
        let mut changed = good.clone();
        for (at, flip) in edits {
            let at = at % changed.len();
            changed[at] ^= flip;
        }
        if let Some(cut) = cut {
            changed.truncate(cut % changed.len());
        }
        if let Some(opening) = decode(&changed) {
            // Edits may cancel.
            prop_assert!(changed == *good || claim.verify(&opening).is_err());
        }
    }

    #[test]
    fn random_bytes_are_refused(
        scheme in 0..2u8,
        noise in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        let mut noise = noise;
        noise.insert(0, scheme);
        if let Some(opening) = decode(&noise) {
            prop_assert!(Claim::random(3, 48).verify(&opening).is_err());
        }
    }
}
