//! The same samples in every format, and the order of their values.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use crate::support::*;

const COUNT: usize = 5;
const LABELS: [u8; COUNT] = [3, 0, 2, 2, 1];

/// Five images, three channels, 5 rows, 6 columns; value of a position.
fn value(n: usize, c: usize, y: usize, x: usize) -> u8 {
    (n * 101 + c * 67 + y * 13 + x * 5 + n * y * x) as u8
}

fn channels_last() -> Vec<u8> {
    let mut data = Vec::new();
    for n in 0..COUNT {
        for (y, x) in (0..5).flat_map(|y| (0..6).map(move |x| (y, x))) {
            data.extend((0..3).map(|c| value(n, c, y, x)));
        }
    }
    data
}

fn channels_first() -> Vec<u8> {
    let mut data = Vec::new();
    for (n, c) in (0..COUNT).flat_map(|n| (0..3).map(move |c| (n, c))) {
        for (y, x) in (0..5).flat_map(|y| (0..6).map(move |x| (y, x))) {
            data.push(value(n, c, y, x));
        }
    }
    data
}

#[test]
fn every_format_gives_the_same_samples() {
    let folder = Folder::new();
    let (last, first) = (channels_last(), channels_first());
    let doubles: Vec<u8> = first
        .iter()
        .flat_map(|&v| f64::from(v).to_le_bytes())
        .collect();
    let images = npy("|u1", &[COUNT, 5, 6, 3], &last);
    let labels_npy = npy("|u1", &[COUNT], &LABELS);
    let label_file = folder.put("labels", idx(&[COUNT as u32], &LABELS));
    let members: [(&str, &[u8]); 2] = [("images", &images), ("labels", &labels_npy)];
    let files = [
        (folder.put("nhwc", idx(&[5, 5, 6, 3], &last)), false),
        (folder.put("nchw", idx(&[5, 3, 5, 6], &first)), false),
        (folder.put("nhwc.gz", gz(&idx(&[5, 5, 6, 3], &last))), false),
        (folder.put("nhwc.npy", &images), false),
        (folder.put("nhwc.npy.gz", gz(&images)), false),
        (
            folder.put("nchw.npy", npy("<f8", &[5, 3, 5, 6], &doubles)),
            false,
        ),
        (folder.put("stored.npz", npz(&members, false)), true),
        (folder.put("deflated.npz", npz(&members, true)), true),
    ];
    let wanted: Vec<Vec<i32>> = first
        .chunks(90)
        .map(|s| s.iter().map(|&v| v.into()).collect())
        .collect();
    let format = format(3, 5, 6);
    for (path, own_labels) in &files {
        let label_file = (!own_labels).then_some(label_file.as_path());
        let set = open(path, label_file, &format).unwrap();
        assert_eq!(set.len(), COUNT);
        assert!(set.has_labels());
        // Every range, so that skipping is tested as well.
        for (start, end) in (0..=COUNT).flat_map(|a| (a..=COUNT).map(move |b| (a, b))) {
            let samples: Vec<_> = set
                .samples(start..end)
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let found: Vec<_> = samples.iter().map(|s| s.values.clone()).collect();
            assert_eq!(
                found,
                wanted[start..end],
                "{} {start}..{end}",
                path.display()
            );
            let wanted_labels: Vec<u32> = LABELS[start..end].iter().map(|&l| l.into()).collect();
            assert_eq!(labels(&samples), wanted_labels);
        }
    }
    for (n, image) in last.chunks(90).enumerate() {
        folder.put(&format!("named/{n:02}_{}.png", LABELS[n]), png(6, 5, image));
    }
    let samples = read(&folder.path().join("named"), None, &format).unwrap();
    assert_eq!(labels(&samples), [3, 0, 2, 2, 1]);
    assert!(samples.iter().map(|s| &s.values).eq(&wanted));
    // Without labels.
    let set = open(&files[0].0, None, &format).unwrap();
    assert!(!set.has_labels());
    refused(set.labels(), &["no labels", "--labels"]);
    // As vectors: the order of the image in memory, whatever the array's.
    let flat_wanted: Vec<Vec<i32>> = last
        .chunks(90)
        .map(|s| s.iter().map(|&v| v.into()).collect())
        .collect();
    for (path, _) in &files {
        assert_eq!(values(path, &flat(90)), flat_wanted, "{}", path.display());
    }
    assert_eq!(values(&folder.path().join("named"), &flat(90)), flat_wanted);
}

#[test]
fn order_of_values_by_hand() {
    let folder = Folder::new();
    // 2 rows, 3 columns, 2 channels: the value is row, column, channel in decimal.
    let last = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121];
    let planes = [0, 10, 20, 100, 110, 120, 1, 11, 21, 101, 111, 121];
    let as_i32 = |v: [u8; 12]| v.map(i32::from).to_vec();
    let nhwc = folder.put("a", npy("|u1", &[1, 2, 3, 2], &last));
    let nchw = folder.put("b", npy("|u1", &[1, 2, 2, 3], &planes));
    assert_eq!(values(&nhwc, &format(2, 2, 3)), [as_i32(planes)]);
    assert_eq!(values(&nchw, &format(2, 2, 3)), [as_i32(planes)]);
    // A flat input of images without a usual number of channels is not guessed at.
    refused(read(&nhwc, None, &flat(12)), &["first or the last axis"]);
    let rows = folder.put("c", npy("|u1", &[1, 12], &last));
    assert_eq!(values(&rows, &flat(12)), [as_i32(last)]);
    // A row of values has no channels.
    refused(
        read(&rows, None, &format(2, 2, 3)),
        &["[12]", "2 channels of 2 rows"],
    );
    assert_eq!(values(&rows, &format(1, 3, 4)), [as_i32(last)]);
    assert_eq!(values(&rows, &format(12, 1, 1)), [as_i32(last)]);
    // One channel: with or without an axis for it.
    for dims in [&[1, 3, 4][..], &[1, 3, 4, 1], &[1, 1, 3, 4]] {
        let path = folder.put("d", npy("|u1", dims, &last));
        assert_eq!(values(&path, &format(1, 3, 4)), [as_i32(last)], "{dims:?}");
        if dims.last() == Some(&1) {
            // Three rows, or three channels of one column each?
            refused(read(&path, None, &flat(12)), &["[3, 4, 1]", "[n, values]"]);
        } else {
            assert_eq!(values(&path, &flat(12)), [as_i32(last)], "{dims:?}");
        }
    }
    // Transposed images have another shape.
    let path = folder.put("d", npy("|u1", &[1, 4, 3], &last));
    refused(
        read(&path, None, &format(1, 3, 4)),
        &["[4, 3]", "3 rows and 4 columns"],
    );
    // A signal: [n, channels, length] or [n, length, channels].
    let path = folder.put("e", npy("|u1", &[1, 6, 2], &last));
    assert_eq!(values(&path, &format(6, 1, 2)), [as_i32(last)]);
    let turned = [0, 10, 20, 100, 110, 120, 1, 11, 21, 101, 111, 121];
    assert_eq!(values(&path, &format(2, 1, 6)), [as_i32(turned)]);
    // Both readings fit and differ.
    let path = folder.put("f", idx(&[1, 3, 3, 3], &[7; 27]));
    refused(
        read(&path, None, &format(3, 3, 3)),
        &["[3, 3, 3]", "first or the last"],
    );
}

#[test]
fn types_of_numbers() {
    let folder = Folder::new();
    let numbers = [0i32, 1, 127, -5, 100, -128];
    let wide = pleat_model::network::InputSpec {
        range: pleat_model::network::ValueRange {
            min: -128,
            max: 255,
        },
        ..format(1, 2, 3)
    };
    let check = |descr: &str, bytes: Vec<u8>| {
        let path = folder.put("x", npy(descr, &[1, 2, 3], &bytes));
        assert_eq!(values(&path, &wide), [numbers], "{descr}");
    };
    check(
        "|i1",
        numbers
            .iter()
            .flat_map(|&v| (v as i8).to_le_bytes())
            .collect(),
    );
    check(
        "<i2",
        numbers
            .iter()
            .flat_map(|&v| (v as i16).to_le_bytes())
            .collect(),
    );
    check(
        ">i2",
        numbers
            .iter()
            .flat_map(|&v| (v as i16).to_be_bytes())
            .collect(),
    );
    check(
        "<i4",
        numbers.iter().flat_map(|&v| v.to_le_bytes()).collect(),
    );
    check(
        "<i8",
        numbers
            .iter()
            .flat_map(|&v| i64::from(v).to_le_bytes())
            .collect(),
    );
    check(
        ">i8",
        numbers
            .iter()
            .flat_map(|&v| i64::from(v).to_be_bytes())
            .collect(),
    );
    check(
        "<f4",
        numbers
            .iter()
            .flat_map(|&v| (v as f32).to_le_bytes())
            .collect(),
    );
    check(
        ">f4",
        numbers
            .iter()
            .flat_map(|&v| (v as f32).to_be_bytes())
            .collect(),
    );
    check(
        "<f8",
        numbers
            .iter()
            .flat_map(|&v| f64::from(v).to_le_bytes())
            .collect(),
    );
    let unsigned = [0u16, 1, 255, 3, 4, 200];
    let bytes: Vec<u8> = unsigned.iter().flat_map(|v| v.to_be_bytes()).collect();
    let path = folder.put("x", npy(">u2", &[1, 2, 3], &bytes));
    assert_eq!(values(&path, &format(1, 2, 3)), [unsigned.map(i32::from)]);
}

#[test]
fn keys_of_archives() {
    let folder = Folder::new();
    let image = |v: u8| npy("|u1", &[2, 1, 2], &[v; 4]);
    let list = npy("<i8", &[2], &[9i64, 8].map(i64::to_le_bytes).concat());
    let f = format(1, 1, 2);
    // Training data beside the test data, as in Keras's mnist.npz.
    let members: [(&str, &[u8]); 4] = [
        ("x_train", &image(1)),
        ("y_train", &npy("|u1", &[2], &[0, 0])),
        ("x_test", &image(2)),
        ("y_test", &list),
    ];
    let samples = read(&folder.put("a", npz(&members, true)), None, &f).unwrap();
    assert_eq!(samples[1].values, [2, 2]);
    assert_eq!(labels(&samples), [9, 8]);
    // The only array that is no list; other members are ignored.
    let members: [(&str, &[u8]); 2] = [("faces", &image(3)), ("ids", &list)];
    let one = folder.put("b", npz(&members, false));
    assert_eq!(values(&one, &f), [[3, 3], [3, 3]]);
    // Labels from an archive with another key.
    assert_eq!(labels(&read(&one, Some(&one), &f).unwrap()), [9, 8]);
    let members: [(&str, &[u8]); 2] = [("p", &image(3)), ("q", &image(4))];
    refused(
        read(&folder.put("c", npz(&members, false)), None, &f),
        &["'p', 'q'", "x_test"],
    );
}

#[test]
fn files_larger_than_memory() {
    let folder = Folder::new();
    let (count, size) = (20_000_000, 784);
    let header = npy("|u1", &[count, 28, 28], &[]);
    let path = folder.put("large.npy", &header);
    // Sparse: takes no room on the disk.
    let mut file = File::options().write(true).open(&path).unwrap();
    file.set_len((header.len() + count * size) as u64).unwrap();
    file.seek(SeekFrom::End(-784)).unwrap();
    file.write_all(&[7; 784]).unwrap();
    let set = open(&path, None, &format(1, 28, 28)).unwrap();
    assert_eq!(set.len(), count);
    let samples: Vec<_> = set
        .samples(count - 2..count)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(samples[0].values, [0; 784]);
    assert_eq!(samples[1].values, [7; 784]);
}
