//! Labels: one class index per sample, from IDX, npy, npz or text.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

use super::array::{self, Array};
use super::source::{self, Kind, io_error};
use super::{MAX_SAMPLES, npz};
use crate::{Error, Result, limits};

/// Bytes of a text file of labels; a line without end would otherwise be read whole.
const MAX_TEXT: u64 = 1 << 28;
const LABEL_HEADERS: [&str; 4] = ["label", "labels", "class", "target"];

/// What a file of labels says.
#[derive(Debug)]
pub(super) enum Labels {
    /// One per sample, in order.
    Listed(Vec<u32>),
    /// One per file name.
    Named(HashMap<String, u32>),
}

/// Reads the file of labels `path`.
pub(super) fn read(path: &Path) -> Result<Labels> {
    match source::kind(path)? {
        Kind::Array => from_array(&array::open(path)?).map(Labels::Listed),
        Kind::Zip => from_array(&npz::open(path)?.labels_or_only()?).map(Labels::Listed),
        Kind::Other => text(path),
        Kind::Folder | Kind::Image => Err(Error::invalid(format!(
            "{}: labels are an IDX, .npy, .npz or .csv file",
            path.display()
        ))),
    }
}

/// The labels in a list of numbers.
pub(super) fn from_array(array: &Array) -> Result<Vec<u32>> {
    let source = &array.source;
    let count = match *array.header.dims {
        [count] | [count, 1] => count,
        ref dims => {
            return Err(Error::invalid(format!(
                "{source}: shape {dims:?}, but labels are a list of class indices; \
                 one-hot labels need an argmax"
            )));
        }
    };
    if count > MAX_SAMPLES {
        return Err(Error::invalid(format!(
            "{source}: {count} labels; at most {MAX_SAMPLES} are read"
        )));
    }
    // Grows with the data: the count is only a claim while the file may be truncated.
    let mut labels = Vec::new();
    array.for_each_number(|index, number| {
        let label = match number {
            Ok(number) => checked(number),
            Err(value) => Err(format!("{value} is no whole number")),
        };
        labels.push(label.map_err(|e| Error::invalid(format!("{source}: sample {index}: {e}")))?);
        Ok(())
    })?;
    Ok(labels)
}

fn checked(label: i128) -> Result<u32, String> {
    // No network has more classes than values.
    match u32::try_from(label) {
        Ok(label) if (label as usize) < limits::MAX_TENSOR_VALUES => Ok(label),
        _ => Err(format!(
            "{label} is no class index (0..{})",
            limits::MAX_TENSOR_VALUES
        )),
    }
}

/// A class index in text.
pub(super) fn parsed(label: &str) -> Result<u32, String> {
    label
        .parse::<i128>()
        .map_err(|_| format!("'{label}' is no class index"))
        .and_then(checked)
}

/// Lines of `label` or `file,label`, with or without a header.
fn text(path: &Path) -> Result<Labels> {
    let at = |line: u64, reason: String| {
        Error::malformed(
            "file of labels",
            format!(
                "{}: line {line}: {reason}; give one label, or file,label, per line",
                path.display()
            ),
        )
    };
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(file.take(MAX_TEXT));
    let (mut listed, mut named) = (Vec::new(), HashMap::new());
    // The column of the label, and the number of columns; fixed by the first line.
    let mut columns: Option<(usize, usize)> = None;
    for (index, record) in reader.records().enumerate() {
        let guessed_line = index as u64 + 1;
        let record = record.map_err(|error| at(guessed_line, error.to_string()))?;
        let line = record.position().map_or(guessed_line, csv::Position::line);
        let (column, width) = match columns {
            Some(columns) => columns,
            None => {
                let header = header_column(&record);
                let found = *columns.insert((
                    header.unwrap_or(record.len().saturating_sub(1)),
                    record.len(),
                ));
                if header.is_some() {
                    continue;
                }
                found
            }
        };
        if record.len() != width || width > 2 {
            return Err(at(line, format!("{} columns", record.len())));
        }
        let label = parsed(&record[column]).map_err(|reason| at(line, reason))?;
        if width == 1 {
            listed.push(label);
        } else {
            let file = record[1 - column].to_owned();
            if named.insert(file, label).is_some() {
                return Err(at(line, format!("'{}' again", &record[1 - column])));
            }
        }
    }
    if reader.get_ref().limit() == 0 {
        return Err(at(0, format!("longer than {MAX_TEXT} bytes")));
    }
    match (listed.is_empty(), named.is_empty()) {
        (false, _) => Ok(Labels::Listed(listed)),
        (_, false) => Ok(Labels::Named(named)),
        _ => Err(Error::invalid(format!(
            "{}: no label in it",
            path.display()
        ))),
    }
}

/// The column named as one of labels, if `record` is a header.
fn header_column(record: &StringRecord) -> Option<usize> {
    record
        .iter()
        .position(|field| LABEL_HEADERS.contains(&field.to_ascii_lowercase().as_str()))
}

impl Labels {
    /// One label per sample; `names` are those of the image files, in order.
    pub(super) fn assign(
        self,
        path: &Path,
        names: Option<&[String]>,
        count: usize,
    ) -> Result<Vec<u32>> {
        let path = path.display();
        let differs = |found: usize| {
            Error::invalid(format!(
                "{path}: {found} labels for {count} images; give one label per image"
            ))
        };
        match (self, names) {
            (Self::Listed(labels), _) if labels.len() == count => Ok(labels),
            (Self::Listed(labels), _) => Err(differs(labels.len())),
            (Self::Named(_), None) => Err(Error::invalid(format!(
                "{path}: labels by file name, but the images are one array; \
                 give one label per line, in the order of the images"
            ))),
            (Self::Named(named), Some(names)) => {
                let labels: Vec<u32> = names
                    .iter()
                    .map(|name| {
                        named.get(name).copied().ok_or_else(|| {
                            Error::invalid(format!("{path}: no label for image '{name}'; add it"))
                        })
                    })
                    .collect::<Result<_>>()?;
                // Every image has one, so more labels are those of files that are not there.
                if named.len() > names.len() {
                    return Err(differs(named.len()));
                }
                Ok(labels)
            }
        }
    }
}
