//! The cache of the weights' commitments: what is stored is found, what is damaged is not believed.
#![allow(clippy::unwrap_used)]

use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use pleat_argument::Scalar;
use pleat_argument::cache::{Lookup, WeightCache};
use sha2::{Digest, Sha256};

fn points(n: u64) -> Vec<G1Affine> {
    (0..n)
        .map(|i| (G1::generator() * Scalar::from(i * i + 1)).to_affine())
        .chain([G1Affine::default()])
        .collect()
}

#[test]
fn what_is_stored_is_found_under_its_tag() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("model.pleat");
    assert_eq!(
        WeightCache::path(&bundle),
        dir.path().join("model.pleat.commitments")
    );
    assert_eq!(WeightCache::load(&bundle, &[0; 32]), Lookup::Missing);
    for tag in 0..10 {
        WeightCache::store(&bundle, &[tag; 32], &points(u64::from(tag))).unwrap();
        // Storing again changes nothing, and makes the first tag the newest.
        WeightCache::store(&bundle, &[0; 32], &points(0)).unwrap();
    }
    for tag in 0..10 {
        let expected = match tag {
            1 | 2 => Lookup::Missing,
            _ => Lookup::Found(points(u64::from(tag))),
        };
        assert_eq!(WeightCache::load(&bundle, &[tag; 32]), expected, "{tag}");
    }
    WeightCache::store(&bundle, &[5; 32], &points(77)).unwrap();
    assert_eq!(
        WeightCache::load(&bundle, &[5; 32]),
        Lookup::Found(points(77))
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let data = std::fs::metadata(WeightCache::path(&bundle)).unwrap();
        assert_eq!(data.permissions().mode() & 0o777, 0o600);
    }
    let nowhere = dir.path().join("no/folder/model");
    assert!(WeightCache::store(&nowhere, &[0; 32], &[]).is_err());
}

#[test]
fn a_damaged_file_is_not_believed_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("model");
    let (path, tag) = (WeightCache::path(&bundle), [3; 32]);
    WeightCache::store(&bundle, &tag, &points(3)).unwrap();
    let good = std::fs::read(&path).unwrap();
    let damaged = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let found = WeightCache::load(&bundle, &tag);
        assert!(matches!(found, Lookup::Damaged(_)), "{what}: {found:?}");
    };
    for i in 0..good.len() {
        let mut bytes = good.clone();
        bytes[i] ^= 1 << (i % 8);
        damaged(&bytes, "flipped");
        damaged(&good[..i], "cut");
    }
    damaged(&[&good[..], &[0]].concat(), "longer");

    // With a right checksum, too: another version, no point of the curve, bytes left over.
    let content = &good[..good.len() - 32];
    let resealed = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = content.to_vec();
        edit(&mut bytes);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    };
    assert_eq!(resealed(&|_| {}), good);
    damaged(&resealed(&|b| b[8] = 2), "version");
    damaged(&resealed(&|b| b.push(0)), "left over");
    damaged(&resealed(&|b| b.truncate(b.len() - 1)), "too short");
    damaged(&resealed(&|b| b[12] = 0xff), "count");
    // Coordinates beyond the field: after the count, the tag and the number of points.
    let first = 12 + 1 + 32 + 1;
    damaged(
        &resealed(&|b| b[first..first + 32].fill(0x3f)),
        "off the field",
    );
    let off_curve = (0..=255u8).any(|x| {
        std::fs::write(&path, resealed(&|b| b[first] = x)).unwrap();
        matches!(WeightCache::load(&bundle, &tag), Lookup::Damaged(_))
    });
    assert!(off_curve, "half of all abscissae are of no point");

    damaged(b"", "empty");
    WeightCache::store(&bundle, &tag, &points(4)).unwrap();
    assert_eq!(WeightCache::load(&bundle, &tag), Lookup::Found(points(4)));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(
        WeightCache::load(&bundle, &tag),
        Lookup::Damaged(_)
    ));
}
