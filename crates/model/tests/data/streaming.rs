//! Reading goes on where it ended: one pass over the file, and the same samples in whatever order.

use std::path::PathBuf;

use pleat_model::data::{DataSet, Sample};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::*;

const COUNT: usize = 3000;
const SIDE: usize = 32;
/// What readers hold in advance, the count of samples aside.
const BUFFERS: u64 = 1 << 18;

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(len)
    .collect()
}

/// The same samples, of `side` rows and columns, in every packing an array can have.
fn packings(folder: &Folder, count: usize, side: usize) -> Vec<PathBuf> {
    let data = noise(count * side * side);
    let plain = idx(&[count as u32, side as u32, side as u32], &data);
    let array = npy("|u1", &[count, side, side], &data);
    vec![
        folder.put("plain.idx", &plain),
        folder.put("gzip.idx.gz", gz(&plain)),
        folder.put("plain.npy", &array),
        folder.put("gzip.npy.gz", gz(&array)),
        folder.put("stored.npz", npz(&[("x", &array)], false)),
        folder.put("deflated.npz", npz(&[("x", &array)], true)),
    ]
}

/// Bytes this thread has read from files so far; `None` where the system does not count.
fn bytes_read() -> Option<u64> {
    let counts = std::fs::read_to_string("/proc/thread-self/io").ok()?;
    let line = counts.lines().find_map(|l| l.strip_prefix("rchar: "))?;
    line.parse().ok()
}

/// Bytes read while `read` runs.
fn counted(read: impl FnOnce()) -> Option<u64> {
    let before = bytes_read();
    read();
    let found = before
        .zip(bytes_read())
        .map(|(before, after)| after - before);
    if found.is_none() {
        eprintln!("SKIPPED: the system does not count bytes, so nothing was tested");
    }
    found
}

fn get(set: &DataSet, range: std::ops::Range<usize>) -> Vec<Sample> {
    let wanted = range.len();
    let samples: Vec<_> = set.samples(range).unwrap().map(Result::unwrap).collect();
    assert_eq!(samples.len(), wanted);
    samples
}

#[test]
fn adjacent_ranges_are_one_pass_over_the_file() {
    let folder = Folder::new();
    for path in packings(&folder, COUNT, SIDE) {
        let set = open(&path, None, &format(1, SIDE, SIDE)).unwrap();
        let len = std::fs::metadata(&path).unwrap().len();
        // Twice: the second pass starts anew.
        for _ in 0..2 {
            let read = counted(|| {
                for start in (0..COUNT).step_by(7) {
                    get(&set, start..(start + 7).min(COUNT));
                    get(&set, (start + 7).min(COUNT)..(start + 7).min(COUNT));
                }
            });
            let Some(read) = read else { return };
            let all = len - BUFFERS..len + BUFFERS;
            assert!(all.contains(&read), "{read} of {len}: {}", path.display());
        }
    }
}

#[test]
fn jumps_read_no_more_than_they_must() {
    let folder = Folder::new();
    let last = COUNT - 10;
    for path in packings(&folder, COUNT, SIDE) {
        let set = open(&path, None, &format(1, SIDE, SIDE)).unwrap();
        let len = std::fs::metadata(&path).unwrap().len();
        let ahead = counted(|| {
            for start in (0..=last).step_by(10) {
                get(&set, start..start + 1);
            }
        });
        let back = counted(|| {
            get(&set, 0..1);
            get(&set, last..last + 1);
            get(&set, 1..2);
        });
        let (Some(ahead), Some(back)) = (ahead, back) else {
            return;
        };
        let name = path.display();
        if name.to_string().contains("plain") {
            // A seek each: the buffers only.
            assert!(back < BUFFERS, "{back}: {name}");
        } else {
            assert!(ahead < len + BUFFERS, "{ahead} of {len}: {name}");
            assert!(back < len + BUFFERS, "{back} of {len}: {name}");
        }
    }
}

#[test]
fn damage_is_found_by_the_range_it_lies_in() {
    let folder = Folder::new();
    let f = format(1, 2, 2);
    let good = idx(&[4, 2, 2], &[1; 16]);
    // Cut in sample 2, three times: a reader that failed is not used again.
    let set = open(&folder.put("cut.gz", gz(&good[..26])), None, &f).unwrap();
    for _ in 0..3 {
        get(&set, 0..2);
        refused(
            set.samples(2..3).unwrap().collect::<Result<Vec<_>, _>>(),
            &["sample 2", "truncated"],
        );
        refused(
            set.samples(3..4).unwrap().collect::<Result<Vec<_>, _>>(),
            &["truncated"],
        );
    }
    // What only the end shows is seen by whoever reads the last sample, in however many ranges.
    let mut flipped = npz(&[("x", &npy("|u1", &[4, 2, 2], &[1; 16]))], false);
    let at = flipped.windows(16).position(|w| w == [1; 16]).unwrap();
    flipped[at] = 2;
    let longer = gz(&[&good[..], &[1]].concat());
    for (name, bytes, part) in [
        ("flip.npz", flipped, "checksum"),
        ("long.gz", longer, "goes on"),
    ] {
        let set = open(&folder.put(name, bytes), None, &f).unwrap();
        for index in 0..3 {
            get(&set, index..index + 1);
        }
        refused(set.samples(3..4).unwrap().next().unwrap(), &[part]);
    }
}

#[test]
fn threads_share_a_data_set() {
    let folder = Folder::new();
    for path in packings(&folder, 200, 4) {
        let set = open(&path, None, &format(1, 4, 4)).unwrap();
        let all = get(&set, 0..200);
        std::thread::scope(|scope| {
            for step in [1, 2, 3, 50] {
                let (set, all) = (&set, &all);
                scope.spawn(move || {
                    for start in (0..200).step_by(step) {
                        let end = (start + step).min(200);
                        assert_eq!(get(set, start..end), all[start..end]);
                    }
                });
            }
        });
    }
}

#[test]
fn a_replaced_file_is_read_from_the_next_pass_on() {
    let folder = Folder::new();
    let f = format(1, 1, 1);
    let path = folder.put("a", idx(&[4, 1, 1], &[1, 2, 3, 4]));
    let set = open(&path, None, &f).unwrap();
    assert_eq!(set.path(), path);
    get(&set, 0..2);
    std::fs::rename(folder.put("b", idx(&[4, 1, 1], &[5, 6, 7, 8])), &path).unwrap();
    // One pass is of one file.
    assert_eq!(get(&set, 2..4)[0].values, [3]);
    assert_eq!(get(&set, 0..4)[3].values, [8]);
    // Shorter than when it was opened.
    folder.put("a", idx(&[4, 1, 1], &[5, 6]));
    refused(
        set.samples(0..4).unwrap().collect::<Result<Vec<_>, _>>(),
        &["sample 2", "truncated"],
    );
}

proptest! {
    #[test]
    fn any_ranges_give_what_a_fresh_data_set_gives(
        ranges in vec((0usize..=30, 0usize..=30, 0usize..=30), 1..20),
        packing in 0usize..6,
    ) {
        let folder = Folder::new();
        let path = packings(&folder, 30, 2).swap_remove(packing);
        let fresh = || open(&path, None, &format(1, 2, 2)).unwrap();
        let set = fresh();
        let mut other = None;
        for (a, b, taken) in ranges {
            let range = a.min(b)..a.max(b);
            let wanted: Vec<_> = get(&fresh(), range.clone());
            // Not all of the range may be wanted.
            let mut samples = set.samples(range).unwrap();
            let found: Vec<_> = samples.by_ref().take(taken).map(Result::unwrap).collect();
            prop_assert_eq!(&found[..], &wanted[..taken.min(wanted.len())]);
            // The one of the last range is dropped after that of this one was begun.
            other.replace(samples);
        }
    }
}
