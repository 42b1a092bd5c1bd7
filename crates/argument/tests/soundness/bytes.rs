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
    assert!(bytes[12] < 0x80);
    let mut overlong = bytes[..12].to_vec();
    overlong.extend([bytes[12] | 0x80, 0]);
    overlong.extend(&bytes[13..]);
    assert!(Proof::from_bytes(&overlong).is_err());
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
