//! Files that are wrong: the error says what, where, and what to do.

use pleat_model::Error;
use pleat_model::data::check_label;
use pleat_model::network::{InputSpec, ValueRange};

use crate::support::*;

#[test]
fn damaged_arrays() {
    let folder = Folder::new();
    let f = format(1, 2, 2);
    let good = idx(&[3, 2, 2], &[1; 12]);
    let archive = npz(&[("x", &npy("|u1", &[3, 2, 2], &[1; 12]))], false);
    let zeros = npy("|u1", &[999, 2, 2], &[0; 3996]);
    let deflated = npz(&[("x", &zeros)], true);
    let mut flipped = archive.clone();
    let at = flipped.windows(4).rposition(|w| w == [1; 4]).unwrap();
    flipped[at] = 2;
    let mut wrong_crc = gz(&good);
    let crc = wrong_crc.len() - 8;
    wrong_crc[crc] ^= 1;
    let cases: [(&str, Vec<u8>, &[&str]); 20] = [
        ("empty", vec![], &["empty"]),
        (
            "noise",
            b"hello, world".to_vec(),
            &["noise", "neither IDX", "PNG"],
        ),
        ("two", vec![0, 0], &["two", "truncated"]),
        (
            "cut",
            good[..20].to_vec(),
            &["cut", "truncated: 20 bytes", "means 28"],
        ),
        (
            "long",
            [&good[..], &[1]].concat(),
            &["long", "too long: 29"],
        ),
        ("header", good[..9].to_vec(), &["header", "truncated"]),
        (
            "floats",
            vec![0, 0, 0x0d, 1, 0, 0, 0, 0],
            &["0x0d", "unsigned bytes"],
        ),
        ("rank", vec![0, 0, 8, 0, 0, 0, 0, 0], &["rank 0"]),
        ("none", idx(&[0, 2, 2], &[]), &["none", "empty"]),
        ("list", idx(&[4], &[1; 4]), &["list", "labels?"]),
        (
            "size",
            idx(&[3, 4, 1], &[1; 12]),
            &["size", "[4, 1]", "2 rows and 2 columns"],
        ),
        (
            "huge",
            idx(&[u32::MAX; 8], &[1; 12]),
            &["huge", "impossible shape"],
        ),
        (
            "gz",
            gz(&good)[..20].to_vec(),
            &["gzip", "truncated or damaged"],
        ),
        ("crc", wrong_crc, &["crc", "gzip", "damaged"]),
        (
            "short.gz",
            gz(&good[..27]),
            &["short.gz", "sample 2", "truncated"],
        ),
        (
            "long.gz",
            gz(&[&good[..], &[1]].concat()),
            &["long.gz", "goes on"],
        ),
        (
            "many.gz",
            gz(&idx(&[u32::MAX, 2, 2], &[1; 12])),
            &["at most", "split"],
        ),
        (
            "cut.npz",
            archive[..archive.len() - 9].to_vec(),
            &["cut.npz", "npz"],
        ),
        ("flip.npz", flipped, &["flip.npz", "'x.npy'", "checksum"]),
        ("other.npz", npz(&[], false), &["other.npz", "no array"]),
    ];
    for (name, bytes, parts) in cases {
        refused(read(&folder.put(name, bytes), None, &f), parts);
    }
    // The end of a range that stops before the damage is no error.
    let set = open(&folder.put("a.gz", gz(&good[..27])), None, &f).unwrap();
    assert_eq!(set.samples(0..2).unwrap().filter(Result::is_ok).count(), 2);
    // After an error there is nothing more.
    assert_eq!(set.samples(0..3).unwrap().count(), 3);
    refused(set.samples(2..4).map(|_| ()), &["2..4", "has 3"]);
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = set.samples(2..1);
    refused(reversed.map(|_| ()), &["2..1"]);
    assert_eq!(set.samples(3..3).unwrap().count(), 0);
    // A member cut inside its data, with the directory intact, is hard to make; a wrong stream is not.
    let mut broken = deflated;
    let start = 30 + "x.npy".len();
    broken[start..start + 4].fill(0xff);
    refused(
        read(&folder.put("b.npz", broken), None, &f),
        &["b.npz", "'x.npy'", "damaged"],
    );
    let missing = read(&folder.path().join("absent"), None, &f);
    assert!(matches!(&missing, Err(Error::Io(_))));
    refused(missing, &["absent"]);
}

#[test]
fn values_that_do_not_fit() {
    let folder = Folder::new();
    let narrow = InputSpec {
        range: ValueRange { min: 0, max: 16 },
        ..format(1, 1, 3)
    };
    let path = folder.put("a", idx(&[2, 1, 3], &[0, 16, 3, 4, 5, 17]));
    let set = open(&path, None, &narrow).unwrap();
    let mut samples = set.samples(0..2).unwrap();
    assert_eq!(samples.next().unwrap().unwrap().values, [0, 16, 3]);
    refused(
        samples.next().unwrap(),
        &["sample 1", "value 17", "position 2", "0..=16"],
    );
    assert!(samples.next().is_none());
    let f = format(1, 1, 1);
    let number =
        |descr: &str, bytes: &[u8]| read(&folder.put("b", npy(descr, &[1, 1], bytes)), None, &f);
    let hints = ["sample 0", "no whole number", "--input-scale at import"];
    refused(number("<f4", &0.5f32.to_le_bytes()), &hints);
    refused(number("<f8", &f64::NAN.to_le_bytes()), &hints);
    refused(number("<f8", &f64::INFINITY.to_le_bytes()), &hints);
    refused(number("<f8", &1e300f64.to_le_bytes()), &["outside 0..=255"]);
    refused(
        number("<i8", &i64::MIN.to_le_bytes()),
        &["-9223372036854775808"],
    );
    refused(
        number("<u8", &u64::MAX.to_le_bytes()),
        &["18446744073709551615"],
    );
    refused(number("|i1", &[0xff]), &["value -1"]);
    refused(number("<f2", &[0, 0]), &["'<f2'"]);
}

#[test]
fn labels_that_do_not_fit() {
    let folder = Folder::new();
    let f = format(1, 1, 1);
    let images = folder.put("images", idx(&[3, 1, 1], &[1, 2, 3]));
    let with = |name: &str, bytes: Vec<u8>| {
        let path = folder.put(name, bytes);
        read(&images, Some(&path), &f)
    };
    assert_eq!(
        labels(&with("good", gz(&idx(&[3], &[4, 0, 255]))).unwrap()),
        [4, 0, 255]
    );
    assert_eq!(
        labels(&with("good", npy("<f8", &[3, 1], &[0; 24])).unwrap()),
        [0, 0, 0]
    );
    refused(
        with("few", idx(&[2], &[1, 2])),
        &["few", "2 labels for 3 images"],
    );
    refused(
        with("many", idx(&[4], &[1; 4])),
        &["many", "4 labels for 3 images"],
    );
    refused(with("hot", idx(&[3, 10], &[0; 30])), &["hot", "argmax"]);
    refused(with("cut", idx(&[3], &[0; 2])), &["cut", "truncated"]);
    refused(
        with("cut.gz", gz(&idx(&[3], &[0; 2]))),
        &["cut.gz", "sample 2"],
    );
    refused(
        with("lie.gz", gz(&idx(&[u32::MAX], &[0; 2]))),
        &["lie.gz", "at most"],
    );
    refused(
        with("neg", npy("|i1", &[3], &[0, 0xff, 0])),
        &["neg", "sample 1", "-1"],
    );
    refused(
        with("big", npy("<u4", &[3], &[0xff; 12])),
        &["big", "4294967295"],
    );
    refused(
        with("half", npy("<f4", &[3], &[1; 12])),
        &["half", "no whole number"],
    );
    refused(
        with("named", b"a.png,1\nb.png,2\nc.png,3".to_vec()),
        &["named", "one array"],
    );
    refused(with("picture", png(1, 1, &[1])), &["picture", "labels are"]);
    refused(read(&images, Some(folder.path()), &f), &["labels are"]);
    assert!(check_label(9, 10, 0).is_ok());
    refused(check_label(10, 10, 7), &["sample 7", "label 10", "0..=9"]);
    refused(check_label(0, 0, 7), &["0 classes"]);
}

#[test]
fn damaged_images() {
    let folder = Folder::new();
    let f = format(1, 8, 8);
    let noise: Vec<u8> = (0..64u32).map(|i| (i * i * 37 % 251) as u8).collect();
    let good = png(8, 8, &noise);
    refused(
        read(&folder.put("a/1.png", &good[..60]), None, &f),
        &["1.png", "replace"],
    );
    refused(
        {
            folder.put("b/1.png", "text");
            read(&folder.path().join("b"), None, &f)
        },
        &["1.png", "neither PNG nor JPEG"],
    );
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    refused(read(&folder.put("c.png", damaged), None, &f), &["c.png"]);
    // A header that claims 2^31 - 1 rows, checksum and all, is refused before it is decoded.
    let mut large = good.clone();
    large[16..20].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&large[12..29]);
    large[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    refused(read(&folder.put("d.png", large), None, &f), &["d.png"]);
}

#[test]
fn formats_that_make_no_sense() {
    let folder = Folder::new();
    let path = folder.put("a", idx(&[1, 1, 1], &[1]));
    refused(read(&path, None, &format(0, 1, 1)), &["empty or too large"]);
    refused(read(&path, None, &format(usize::MAX, 2, 2)), &["too large"]);
    let not_flat = InputSpec {
        flat: true,
        ..format(1, 2, 2)
    };
    refused(read(&path, None, &not_flat), &["[n, 1, 1]"]);
    let nothing = InputSpec {
        range: ValueRange { min: 1, max: 0 },
        ..format(1, 1, 1)
    };
    refused(read(&path, None, &nothing), &["1..=0"]);
}
