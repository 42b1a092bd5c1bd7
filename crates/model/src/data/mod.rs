//! Data sets: samples and labels, streamed from the formats people have them in.
//!
//! | source | images | labels |
//! |---|---|---|
//! | IDX, plain or gzip | bytes, `[n,h,w]`, `[n,h,w,c]`, `[n,c,h,w]` | a second IDX file |
//! | `.npy` | integers or integral floats, C order | a second file |
//! | `.npz` | `images`, `x`, `x_test`, `data`, `inputs`, or the only array | `labels`, `y`, `y_test` |
//! | folder, or one file | PNG, JPEG | `labels.csv`, sub-folders, or `NN_LABEL` names |
//!
//! What a file is follows from its first bytes, not from its name. Values are
//! taken as stored: scale, mean and deviation belong to the network.
//!
//! Files may be larger than memory: one sample is in memory at a time, and reading
//! goes on where it ended before, so that ranges in ascending order are one pass over
//! the file. Going back starts anew: plain files are sought in, compressed ones and
//! archives are read through. What grows with the data are the labels, read at
//! [`DataSet::open`], four bytes each, and the names of image files.

mod array;
mod folder;
mod idx;
mod images;
mod labels;
mod layout;
mod npy;
mod npz;
mod resize;
mod source;

use std::ops::Range;
use std::path::{Path, PathBuf};

use self::array::{ArrayImages, ArrayReader};
use self::source::Kind;
use crate::graph::Shape;
use crate::network::InputSpec;
use crate::{Error, Result, limits};

/// Samples of one data set: their labels take 256 MiB at most.
pub const MAX_SAMPLES: usize = 1 << 26;

/// One input of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Channels, rows, columns; rows, columns, channels if the format is flat.
    pub values: Vec<i32>,
    /// Its class, if the data set has labels.
    pub label: Option<u32>,
}

/// Samples on disk, with their labels.
#[derive(Debug)]
pub struct DataSet {
    path: PathBuf,
    format: InputSpec,
    images: Images,
    labels: Option<Vec<u32>>,
}

#[derive(Debug)]
enum Images {
    Array(ArrayImages),
    Files(Vec<PathBuf>),
}

impl DataSet {
    /// Opens the data at `path`; `labels` names their file, if it is another one.
    ///
    /// Sizes, shapes and the number of labels are checked here, values when a sample is read.
    pub fn open(path: &Path, labels: Option<&Path>, format: &InputSpec) -> Result<Self> {
        check_format(format)?;
        let (images, names, own_labels) = match source::kind(path)? {
            Kind::Folder => {
                let found = folder::list(path)?;
                // A file of labels given by the caller stands in for those of the folder.
                let own = match labels {
                    None => folder::labels(path, &found)?,
                    Some(_) => None,
                };
                (Images::Files(found.paths), Some(found.names), own)
            }
            Kind::Image => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let own = folder::label_in_name(&name).map(|label| vec![label]);
                let names = Some(vec![name.into_owned()]);
                (Images::Files(vec![path.to_owned()]), names, own)
            }
            Kind::Zip => {
                let archive = npz::open(path)?;
                let images = ArrayImages::new(archive.images()?, format)?;
                // Labels the caller gives stand in for those of the archive.
                let own = match labels {
                    None => archive.labels()?,
                    Some(_) => None,
                };
                let own = own.map(|array| labels::from_array(&array)).transpose()?;
                (Images::Array(images), None, own)
            }
            Kind::Array => {
                let images = ArrayImages::new(array::open(path)?, format)?;
                (Images::Array(images), None, None)
            }
            Kind::Other => {
                return Err(Error::malformed(
                    "data set",
                    format!(
                        "{}: neither IDX (plain or gzip), .npy, .npz, PNG nor JPEG; \
                         give one of these, or a folder of images",
                        path.display()
                    ),
                ));
            }
        };
        let count = match &images {
            Images::Array(array) => array.count(),
            Images::Files(files) => files.len(),
        };
        let labels = match labels {
            Some(file) => Some(labels::read(file)?.assign(file, names.as_deref(), count)?),
            None => own_labels,
        };
        if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != count) {
            return Err(Error::invalid(format!(
                "{}: {} labels for {count} images; give one label per image",
                path.display(),
                labels.len()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            format: format.clone(),
            images,
            labels,
        })
    }

    /// The file or folder of the samples.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match &self.images {
            Images::Array(array) => array.count(),
            Images::Files(files) => files.len(),
        }
    }

    /// Whether there is no sample; [`DataSet::open`] refuses such data.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every sample has a label.
    pub fn has_labels(&self) -> bool {
        self.labels.is_some()
    }

    /// The labels of all samples, or an error that says how to give them.
    pub fn labels(&self) -> Result<&[u32]> {
        self.labels.as_deref().ok_or_else(|| {
            Error::invalid(
                "the data have no labels; give them with --labels (IDX, .npy, .npz or .csv), \
                 or, for a folder, as labels.csv, as sub-folders or in the file names",
            )
        })
    }

    /// The samples of `range`, in order. Those before it are not decoded, and if the last range that was
    /// read ended there, nothing is opened or read again.
    ///
    /// The iterator ends after its first error.
    pub fn samples(&self, range: Range<usize>) -> Result<Samples<'_>> {
        if range.start > range.end || range.end > self.len() {
            return Err(Error::invalid(format!(
                "samples {}..{} wanted, but the data set has {}",
                range.start,
                range.end,
                self.len()
            )));
        }
        Ok(Samples {
            set: self,
            range,
            reader: None,
        })
    }
}

/// Iterator over the samples of a range; see [`DataSet::samples`].
pub struct Samples<'a> {
    set: &'a DataSet,
    range: Range<usize>,
    /// For arrays, from the first sample to the first error.
    reader: Option<ArrayReader>,
}

impl Samples<'_> {
    fn read(&mut self, index: usize) -> Result<Sample> {
        let format = &self.set.format;
        let values = match &self.set.images {
            Images::Array(array) => {
                let mut reader = match self.reader.take() {
                    Some(reader) => reader,
                    None => array.reader_at(index)?,
                };
                let values = array.read(&mut reader, format)?;
                self.reader = Some(reader);
                values
            }
            Images::Files(files) => {
                let path = files
                    .get(index)
                    .ok_or_else(|| Error::invalid(format!("there is no sample {index}")))?;
                images::read(path, format)?
            }
        };
        let outside = values
            .iter()
            .position(|v| !(format.range.min..=format.range.max).contains(v));
        if let Some(at) = outside {
            return Err(outside_range(index, at, values[at].into(), format));
        }
        let label = self.set.labels.as_ref().and_then(|l| l.get(index).copied());
        Ok(Sample { values, label })
    }
}

/// The next range may begin where this one ended.
impl Drop for Samples<'_> {
    fn drop(&mut self) {
        if let (Images::Array(array), Some(reader)) = (&self.set.images, self.reader.take()) {
            array.park(reader);
        }
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.range.next()?;
        let sample = self.read(index);
        if sample.is_err() {
            self.range = index..index;
        }
        Some(sample)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An error ends the iteration early.
        (0, Some(self.range.len()))
    }
}

/// Refuses a label that is none of `classes` classes.
pub fn check_label(label: u32, classes: usize, sample: usize) -> Result<()> {
    if usize::try_from(label).is_ok_and(|label| label < classes) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "sample {sample}: label {label}, but the network has {classes} classes (0..={}); \
         labels count from 0",
        classes.saturating_sub(1)
    )))
}

fn outside_range(sample: usize, at: usize, value: i128, format: &InputSpec) -> Error {
    Error::invalid(format!(
        "sample {sample}: value {value} at position {at} is outside {}..={}, the range the \
         network was imported for; pixels are read as stored, scaling is recorded at import",
        format.range.min, format.range.max
    ))
}

fn check_format(format: &InputSpec) -> Result<()> {
    let Shape {
        channels,
        height,
        width,
    } = format.shape;
    let fits = |dims: &[usize]| limits::values(dims).is_some_and(|n| n > 0);
    if !fits(&[channels, height, width]) {
        return Err(Error::invalid(format!(
            "input of {channels}x{height}x{width} values: empty or too large"
        )));
    }
    if format.flat && (height, width) != (1, 1) {
        return Err(Error::invalid(format!(
            "a flat input has the shape [n, 1, 1], not {}",
            format.shape
        )));
    }
    if format.range.min > format.range.max {
        return Err(Error::invalid(format!(
            "no value lies in {}..={}",
            format.range.min, format.range.max
        )));
    }
    images::check_resize(format)
}
