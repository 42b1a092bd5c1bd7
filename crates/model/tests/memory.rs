//! Reading takes the same memory whatever the size of the data. Alone in its process, whose peak it looks at.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::File;
use std::io::Write;

use pleat_model::data::DataSet;
use pleat_model::graph::Shape;
use pleat_model::network::{InputSpec, ValueRange};

const SIDE: usize = 224;
const COUNT: usize = 8000;
const SAMPLE: usize = SIDE * SIDE;

/// Peak of the resident memory of this process in bytes, if the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn four_hundred_megabytes_are_read_in_a_few() {
    let Some(before) = peak() else {
        eprintln!("SKIPPED: the system does not tell the peak of memory, so nothing was tested");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.npy");
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({COUNT}, {SIDE}, {SIDE}), }}");
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut file = File::create(&path).unwrap();
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    file.write_all(header.as_bytes()).unwrap();
    // Sparse: takes no room on the disk.
    file.set_len((128 + COUNT * SAMPLE) as u64).unwrap();
    let format = InputSpec {
        shape: Shape::new(1, SIDE, SIDE),
        flat: false,
        range: ValueRange { min: 0, max: 255 },
        resize: None,
    };
    let set = DataSet::open(&path, None, &format).unwrap();
    let mut read = 0;
    for start in (0..COUNT).step_by(4) {
        for sample in set.samples(start..start + 4).unwrap() {
            read += sample.unwrap().values.len();
        }
    }
    assert_eq!(read, COUNT * SAMPLE);
    let grown = peak().unwrap() - before;
    assert!(grown < 16 << 20, "{grown} bytes for {read} values");
}
