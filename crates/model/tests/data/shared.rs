//! Real data, with values computed by NumPy and Pillow from the same files.
//!
//! The files are not part of the repository, except the digits of the example.

use std::path::{Path, PathBuf};

use crate::support::*;

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is absent, so nothing was tested",
        path.display()
    );
    None
}

fn weighted_sum(values: &[i32]) -> i64 {
    values.iter().zip(0..).map(|(&v, i)| i64::from(v) * i).sum()
}

fn check_digits(images: &Path, labels_file: &Path, count: usize) -> Vec<pleat_model::data::Sample> {
    let samples = read(images, Some(labels_file), &format(1, 28, 28)).unwrap();
    assert_eq!(samples.len(), count);
    assert_eq!(labels(&samples[..10]), [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    let first = &samples[0].values;
    assert_eq!(first.iter().sum::<i32>(), 18_454);
    // Sensitive to the order of the pixels.
    assert_eq!(weighted_sum(first), 7_696_882);
    assert_eq!(first[7 * 28 + 6..7 * 28 + 12], [84, 185, 159, 151, 60, 36]);
    samples
}

#[test]
fn digits_of_the_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lenet5");
    check_digits(
        &folder.join("digits-images-idx3-ubyte.gz"),
        &folder.join("digits-labels-idx1-ubyte.gz"),
        128,
    );
}

#[test]
fn mnist() {
    let Some(folder) = shared("mnist") else {
        return;
    };
    let images = folder.join("t10k-images-idx3-ubyte.gz");
    let label_file = folder.join("t10k-labels-idx1-ubyte.gz");
    let samples = check_digits(&images, &label_file, 10_000);
    let sum = |s: &pleat_model::data::Sample| i64::from(s.values.iter().sum::<i32>());
    assert_eq!(sum(&samples[9999]), 41_833);
    assert_eq!(samples.iter().map(sum).sum::<i64>(), 264_923_200);
    assert_eq!(labels(&samples).iter().sum::<u32>(), 44_434);
    // The last one alone, and as a vector.
    let set = open(&images, Some(&label_file), &flat(784)).unwrap();
    let last = set.samples(9999..10_000).unwrap().next().unwrap().unwrap();
    assert_eq!(last, samples[9999]);
}

#[test]
fn digits() {
    let Some(path) = shared("digits/digits.npz") else {
        return;
    };
    let samples = read(&path, None, &format(1, 8, 8)).unwrap();
    assert_eq!(samples.len(), 1797);
    assert_eq!(labels(&samples[..10]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(samples[0].values[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    assert_eq!(samples[0].values[16..24], [0, 3, 15, 2, 0, 11, 8, 0]);
    let sum: i32 = samples.iter().flat_map(|s| &s.values).sum();
    assert_eq!(sum, 561_718);
    assert_eq!(labels(&samples).iter().sum::<u32>(), 8_070);
}

#[test]
fn imagenet() {
    let Some(folder) = shared("imagenet20") else {
        return;
    };
    let wanted = resized(format(3, 224, 224), 256, 256);
    let samples = read(&folder, None, &wanted).unwrap();
    assert_eq!(
        labels(&samples),
        [
            243, 559, 438, 990, 949, 853, 609, 609, 915, 455, 541, 630, 741, 471, 129, 99, 251, 22,
            317, 305
        ]
    );
    // Pillow 13, `convert("RGB")`, bicubic, centre: pixels of the first image ...
    let pixels = [
        ([0, 0, 0], 203),
        ([1, 0, 0], 181),
        ([2, 0, 0], 142),
        ([0, 100, 50], 21),
        ([1, 200, 3], 174),
        ([2, 111, 222], 60),
        ([0, 223, 223], 60),
    ];
    for ([c, y, x], value) in pixels {
        let found = samples[0].values[(c * 224 + y) * 224 + x];
        assert!(
            (found - value).abs() <= 2,
            "{c} {y} {x}: {found}, not {value}"
        );
    }
    // ... and means of the channels of an image that is not square.
    let means = [128.986, 96.636, 90.003];
    for (plane, wanted) in samples[10].values.chunks(224 * 224).zip(means) {
        let mean = plane.iter().map(|&v| f64::from(v)).sum::<f64>() / (224.0 * 224.0);
        assert!((mean - wanted).abs() < 0.5, "mean {mean}, not {wanted}");
    }
    refused(
        read(&folder, None, &format(3, 224, 224)),
        &["imagenet_00_243.jpg", "512x512", "224x224", "--resize"],
    );
}
