//! Writers for the formats, independent of the readers under test.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use pleat_model::Result;
use pleat_model::data::{DataSet, Sample};
use pleat_model::graph::Shape;
use pleat_model::network::{InputSpec, ValueRange};
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A temporary folder to write files in.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, making its folders.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn format(c: usize, h: usize, w: usize) -> InputSpec {
    InputSpec {
        shape: Shape::new(c, h, w),
        flat: false,
        range: ValueRange { min: 0, max: 255 },
        resize: None,
    }
}

pub(crate) fn flat(n: usize) -> InputSpec {
    InputSpec {
        flat: true,
        ..format(n, 1, 1)
    }
}

pub(crate) fn resized(format: InputSpec, rows: usize, columns: usize) -> InputSpec {
    InputSpec {
        resize: Some([rows, columns]),
        ..format
    }
}

pub(crate) fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    for dim in dims {
        bytes.extend(dim.to_be_bytes());
    }
    bytes.extend(data);
    bytes
}

/// As `numpy.save` writes it, version 1.0.
pub(crate) fn npy(descr: &str, dims: &[usize], data: &[u8]) -> Vec<u8> {
    let shape: String = dims.iter().map(|d| format!("{d}, ")).collect();
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

pub(crate) fn npz(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let method = if deflated {
        zip::CompressionMethod::Deflated
    } else {
        zip::CompressionMethod::Stored
    };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// PNG of rows, columns, channels.
pub(crate) fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let color = match data.len() / (width * height) as usize {
        1 => image::ExtendedColorType::L8,
        2 => image::ExtendedColorType::La8,
        3 => image::ExtendedColorType::Rgb8,
        _ => image::ExtendedColorType::Rgba8,
    };
    encoded(width, height, data, color)
}

pub(crate) fn encoded(
    width: u32,
    height: u32,
    data: &[u8],
    color: image::ExtendedColorType,
) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        data,
        width,
        height,
        color,
        image::ImageFormat::Png,
    )
    .unwrap();
    bytes.into_inner()
}

pub(crate) fn open(path: &Path, labels: Option<&Path>, format: &InputSpec) -> Result<DataSet> {
    DataSet::open(path, labels, format)
}

/// All samples, or the first error.
pub(crate) fn read(path: &Path, labels: Option<&Path>, format: &InputSpec) -> Result<Vec<Sample>> {
    let set = open(path, labels, format)?;
    let samples: Vec<Sample> = set.samples(0..set.len())?.collect::<Result<_>>()?;
    assert_eq!(samples.len(), set.len());
    Ok(samples)
}

pub(crate) fn values(path: &Path, format: &InputSpec) -> Vec<Vec<i32>> {
    let samples = read(path, None, format).unwrap();
    samples.into_iter().map(|sample| sample.values).collect()
}

pub(crate) fn labels(samples: &[Sample]) -> Vec<u32> {
    samples.iter().map(|sample| sample.label.unwrap()).collect()
}

/// Asserts that `result` is an error whose text has all `parts`.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T>, parts: &[&str]) {
    let Err(error) = result else {
        panic!("accepted, although it should say {parts:?}");
    };
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
}
