//! Encodings: what is no proof is refused by whoever reads it, and nothing panics.

use pleat_argument::proof::Proof;
use proptest::prelude::*;

use crate::claims::{ACCURACY, Case, OUTPUTS, REGISTERED_DATA, REGISTERED_MODEL};
use crate::fixture::rejected;

fn same(a: &Proof, b: &Proof) -> bool {
    a.to_bytes().unwrap() == b.to_bytes().unwrap()
}

/// No panic, and nothing accepted but the proof itself.
fn never_accepted(case: &Case, bytes: &[u8]) {
    if let Ok(proof) = Proof::from_bytes(bytes) {
        assert!(!same(&proof, &case.proof), "two encodings of one proof");
        rejected(case.check(&proof), "changed bytes");
    }
}

#[test]
fn an_encoding_is_read_back() {
    for case in [&*ACCURACY, &*OUTPUTS, &*REGISTERED_MODEL, &*REGISTERED_DATA] {
        let bytes = case.proof.to_bytes().unwrap();
        let proof = Proof::from_bytes(&bytes).unwrap();
        case.check(&proof).unwrap();
        assert_eq!(proof.to_bytes().unwrap(), bytes);
    }
}

/// A proof whose first length, that of the weights after the mask, takes more bytes than needed.
fn longer_length(proof: &Proof) -> Vec<u8> {
    let bytes = proof.to_bytes().unwrap();
    let at = 12 + postcard::to_stdvec(&proof.mask).unwrap().len();
    assert_eq!(usize::from(bytes[at]), proof.weights.len());
    let mut longer = bytes[..at].to_vec();
    longer.extend([bytes[at] | 0x80, 0]);
    longer.extend(&bytes[at + 1..]);
    longer
}

#[test]
fn other_magic_versions_lengths() {
    let bytes = REGISTERED_MODEL.proof.to_bytes().unwrap();
    for i in 0..12 {
        let mut other = bytes.clone();
        other[i] ^= 1;
        assert!(Proof::from_bytes(&other).is_err());
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(Proof::from_bytes(&longer).is_err());
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(Proof::from_bytes(&bytes[..length]).is_err());
    }
    // A length that no memory holds, and one written in more bytes than needed.
    let mut huge = bytes[..12].to_vec();
    huge.extend([0xff; 9]);
    huge.extend([1]);
    assert!(Proof::from_bytes(&huge).is_err());
    assert!(Proof::from_bytes(&longer_length(&REGISTERED_MODEL.proof)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Proof::from_bytes(&bytes).is_err());
        let start = &REGISTERED_MODEL.proof.to_bytes().unwrap()[..12];
        never_accepted(&REGISTERED_MODEL, &[start, &bytes].concat());
    }

    #[test]
    fn changed_bytes(
        data in any::<bool>(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 1..=255u8), 1..3),
    ) {
        let case = if data { &*REGISTERED_DATA } else { &*REGISTERED_MODEL };
        let before = case.proof.to_bytes().unwrap();
        let mut bytes = before.clone();
        for (place, by) in edits {
            let i = 12 + place.index(bytes.len() - 12);
            bytes[i] ^= by;
        }
        if bytes != before {
            never_accepted(case, &bytes);
        }
    }

    #[test]
    fn moved_bytes(
        from in any::<proptest::sample::Index>(),
        to in any::<proptest::sample::Index>(),
        length in 0..200usize,
        cut in any::<bool>(),
    ) {
        let case = &*REGISTERED_MODEL;
        let before = case.proof.to_bytes().unwrap();
        let from = 12 + from.index(before.len() - 12);
        let to = 12 + to.index(before.len() - 12);
        let mut bytes = before.clone();
        let part = before[from..before.len().min(from + length)].to_vec();
        match cut {
            true => drop(bytes.drain(from..from + part.len())),
            false => drop(bytes.splice(to..before.len().min(to + part.len()), part)),
        }
        if bytes != before {
            never_accepted(case, &bytes);
        }
    }
}

fn invalid(bytes: &[u8], what: &str) {
    let error = Proof::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(error, format!("these bytes are no proof: {what}"));
}

#[test]
fn more_bytes_than_are_read() {
    invalid(&vec![0; (1 << 30) + 1], "they are too many");
}

#[test]
fn another_beginning() {
    let mut bytes = REGISTERED_MODEL.proof.to_bytes().unwrap();
    bytes[7] ^= 1;
    invalid(&bytes, "they begin differently");
}

#[test]
fn another_version() {
    let mut bytes = REGISTERED_MODEL.proof.to_bytes().unwrap();
    bytes[8] ^= 1;
    invalid(&bytes, "they are of another version");
}

#[test]
fn something_behind_the_proof() {
    let mut bytes = REGISTERED_MODEL.proof.to_bytes().unwrap();
    bytes.push(0);
    invalid(&bytes, "something follows it");
}

/// The number of weight vectors in two bytes, where one is enough.
#[test]
fn an_unusual_encoding() {
    let longer = longer_length(&REGISTERED_MODEL.proof);
    invalid(&longer, "they encode it in an unusual way");
}

#[test]
fn a_point_off_the_curve_is_not_written() {
    let mut proof = REGISTERED_MODEL.proof.clone();
    proof.mask.y += halo2curves::bn256::Fq::from(1);
    let error = proof.to_bytes().unwrap_err().to_string();
    assert_eq!(error, "a proof with a point off the curve");
}
