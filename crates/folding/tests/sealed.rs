//! Checks of files' bytes, one test each and named for it: nothing else would refuse these.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pleat_folding::sealed::{Damage, Format, encode, open, whole};
use sha2::{Digest, Sha256};

const FORMAT: Format = Format {
    magic: b"SOMEFILE",
    version: 3,
    kind: "file",
    retired: Some((1, "it tells too much; make it again")),
};
const LIMIT: u64 = 1000;

/// A file of some numbers with a change, its checksum right.
fn changed(edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = encode(&FORMAT, &vec![1u32, 2, 3]).unwrap();
    bytes.truncate(bytes.len() - 32);
    edit(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    bytes
}

#[test]
fn an_honest_file() {
    let bytes = changed(|_| ());
    let body = open(&FORMAT, &bytes, LIMIT).unwrap();
    assert_eq!(whole::<Vec<u32>>(body).unwrap(), [1, 2, 3]);
}

#[test]
fn more_bytes_than_are_read() {
    let bytes = changed(|_| ());
    let limit = bytes.len() as u64 - 1;
    let bytes = bytes.len() as u64;
    let opened = open(&FORMAT, &changed(|_| ()), limit).map(<[u8]>::to_vec);
    assert_eq!(opened, Err(Damage::TooLong { bytes, limit }));
}

#[test]
fn another_kind_of_file() {
    let bytes = changed(|b| b[7] ^= 1);
    assert_eq!(open(&FORMAT, &bytes, LIMIT), Err(Damage::Magic));
}

/// Too short for a version and a checksum.
#[test]
fn a_file_that_ends_early() {
    let bytes = &changed(|_| ())[..43];
    assert_eq!(open(&FORMAT, bytes, LIMIT), Err(Damage::Short(43)));
}

#[test]
fn another_version() {
    let bytes = changed(|b| b[8] = 4);
    let other = Damage::Version { found: 4, read: 3 };
    assert_eq!(open(&FORMAT, &bytes, LIMIT), Err(other));
}

#[test]
fn a_version_that_is_not_used_any_more() {
    for found in [0, 1] {
        let why = "it tells too much; make it again";
        let opened = open(&FORMAT, &changed(|b| b[8] = found), LIMIT).map(<[u8]>::to_vec);
        let found = u32::from(found);
        assert_eq!(opened, Err(Damage::Retired { found, why }));
    }
    let bytes = changed(|b| b[8] = 2);
    let other = Damage::Version { found: 2, read: 3 };
    assert_eq!(open(&FORMAT, &bytes, LIMIT), Err(other));
}

#[test]
fn another_checksum() {
    let mut bytes = changed(|_| ());
    bytes[13] ^= 1;
    assert_eq!(open(&FORMAT, &bytes, LIMIT), Err(Damage::Checksum));
}

fn content(body: &[u8], what: &str) {
    assert_eq!(whole::<Vec<u32>>(body), Err(Damage::Content(what.into())));
}

#[test]
fn something_behind_the_content() {
    content(&[1, 2, 0], "something follows it");
}

/// A number in two bytes, where one is enough.
#[test]
fn an_unusual_encoding() {
    content(&[1, 0x82, 0], "it is encoded in an unusual way");
}
