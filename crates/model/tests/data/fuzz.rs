//! Arbitrary, mutated and truncated files: an error at worst, and little memory.

use std::path::Path;

use pleat_model::network::InputSpec;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::*;

/// Reads everything; only that it comes back matters.
fn try_all(path: &Path, labels: Option<&Path>) {
    let wanted: [InputSpec; 4] = [
        format(1, 2, 3),
        flat(6),
        format(3, 2, 3),
        resized(format(3, 2, 3), 4, 5),
    ];
    for format in &wanted {
        if let Ok(set) = open(path, labels, format) {
            let middle = set.len() / 2;
            for range in [0..set.len().min(64), middle..middle] {
                let _ = set.samples(range).map(|samples| samples.count());
            }
        }
    }
}

/// Valid files of every format.
fn seeds() -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..24).collect();
    let images = npy("|u1", &[4, 2, 3], &data);
    let doubles: Vec<u8> = data
        .iter()
        .flat_map(|&v| f64::from(v).to_be_bytes())
        .collect();
    let labels = npy("<i4", &[4], &[0; 16]);
    let members: [(&str, &[u8]); 2] = [("images", &images), ("labels", &labels)];
    let noise: Vec<u8> = (0..18u32).map(|i| (i * i * 37 % 251) as u8).collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .encode(&noise, 3, 2, image::ExtendedColorType::Rgb8)
        .unwrap();
    vec![
        idx(&[4, 2, 3], &data),
        gz(&idx(&[4, 2, 3], &data)),
        images.clone(),
        npy(">f8", &[4, 2, 3], &doubles),
        gz(&images),
        npz(&members, false),
        npz(&members, true),
        png(3, 2, &noise),
        png(3, 2, &noise[..6]),
        jpeg,
        b"file,label\na.png,3\nb.png,4\n".to_vec(),
        b"1\n2\n3\n4\n".to_vec(),
    ]
}

const STARTS: [&[u8]; 9] = [
    b"",
    &[0, 0, 8, 3],
    &[0, 0, 8, 1],
    b"\x93NUMPY\x01\x00",
    b"\x93NUMPY\x02\x00",
    &[0x1f, 0x8b, 8, 0],
    b"PK\x03\x04",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
    &[0xff, 0xd8, 0xff, 0xe0],
];

/// Peak of the resident memory of this process, if the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

fn check_peak() {
    if let Some(peak) = peak_bytes() {
        assert!(peak < 1 << 30, "{peak} bytes were resident");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(start in 0..STARTS.len(), rest in vec(any::<u8>(), 0..300)) {
        let folder = Folder::new();
        let path = folder.put("00_1.png", [STARTS[start], &rest].concat());
        try_all(&path, None);
        try_all(&path, Some(&path));
        try_all(folder.path(), None);
        check_peak();
    }

    #[test]
    fn mutated_files(
        seed in 0..12usize,
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        tail in vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(tail);
        let folder = Folder::new();
        let path = folder.put("00_1.png", &bytes);
        try_all(&path, None);
        try_all(&path, Some(&path));
        folder.put("labels.csv", &bytes);
        try_all(folder.path(), None);
        check_peak();
    }
}

#[test]
fn every_prefix_and_every_flipped_byte() {
    let folder = Folder::new();
    for seed in seeds() {
        for at in 0..seed.len() {
            try_all(&folder.put("00_1.png", &seed[..at]), None);
            let mut flipped = seed.clone();
            flipped[at] ^= 0xff;
            let path = folder.put("00_1.png", &flipped);
            try_all(&path, None);
            try_all(&path, Some(&path));
        }
    }
    check_peak();
}

#[test]
fn a_small_file_that_unpacks_to_much() {
    let folder = Folder::new();
    // 200 MB of zeros in 200 kB: only as much is unpacked as is asked for.
    let bomb = gz(&idx(&[33_000_000, 2, 3], &vec![0; 198_000_000]));
    let path = folder.put("bomb.gz", bomb);
    let set = open(&path, None, &format(1, 2, 3)).unwrap();
    assert_eq!(set.samples(5..9).unwrap().count(), 4);
}
