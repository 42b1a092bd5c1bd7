//! Arrays of numbers: what IDX, npy and npz have in common once their headers are read.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::layout::{self, Order};
use super::source::{Bytes, NPY_MAGIC, Source};
use super::{MAX_SAMPLES, idx, npy};
use crate::network::InputSpec;
use crate::{Error, Result};

/// How one number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: ElementKind,
    /// Bytes: 1, 2, 4 or 8; 4 or 8 for floats.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementKind {
    Unsigned,
    Signed,
    Float,
}

impl Element {
    pub(super) const BYTE: Self = Self {
        kind: ElementKind::Unsigned,
        size: 1,
        big_endian: false,
    };

    /// The number in `bytes`, or the float that is no whole number.
    fn number(self, bytes: &[u8]) -> Result<i128, f64> {
        let mut word = [0; 8];
        let slots = word.iter_mut();
        if self.big_endian {
            slots.zip(bytes.iter().rev()).for_each(|(s, b)| *s = *b);
        } else {
            slots.zip(bytes).for_each(|(s, b)| *s = *b);
        }
        let raw = u64::from_le_bytes(word);
        match self.kind {
            ElementKind::Unsigned => Ok(raw.into()),
            ElementKind::Signed => {
                let unused = 64 - 8 * self.size.clamp(1, 8) as u32;
                Ok((((raw << unused) as i64) >> unused).into())
            }
            ElementKind::Float => {
                let value = if self.size == 4 {
                    f64::from(f32::from_bits(raw as u32))
                } else {
                    f64::from_bits(raw)
                };
                // Infinities and NaN have the fraction NaN. The cast saturates.
                if value.fract() == 0.0 {
                    Ok(value as i128)
                } else {
                    Err(value)
                }
            }
        }
    }
}

/// What the header of an array says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) format: &'static str,
    pub(super) element: Element,
    pub(super) dims: Vec<usize>,
    /// Bytes before the first number.
    pub(super) len: u64,
}

/// An array whose header was read.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) source: Source,
    pub(super) header: Header,
}

/// Opens an IDX or npy file, plain or gzip.
pub(super) fn open(path: &Path) -> Result<Array> {
    Array::new(Source::file(path)?)
}

impl Array {
    /// Reads the header and compares the length it implies with that of the source.
    pub(super) fn new(source: Source) -> Result<Self> {
        let mut bytes = source.open_at(0)?;
        let mut magic = [0; 4];
        bytes
            .read_exact(&mut magic)
            .map_err(|error| source.read_error(error, None))?;
        let header = if magic[..2] == [0, 0] {
            idx::header(&source, magic, &mut bytes)?
        } else if NPY_MAGIC.starts_with(&magic) {
            npy::header(&source, magic, &mut bytes)?
        } else {
            return Err(Error::malformed(
                "data file",
                format!("{source}: begins with {magic:02x?}, neither IDX nor npy"),
            ));
        };
        let numbers = header
            .dims
            .iter()
            .try_fold(header.element.size as u64, |n, &d| n.checked_mul(d as u64))
            .and_then(|n| n.checked_add(header.len));
        let Some(wanted) = numbers else {
            return Err(Error::malformed(
                header.format,
                format!("{source}: impossible shape {:?}", header.dims),
            ));
        };
        if let Some(found) = source.len().filter(|&found| found != wanted) {
            let how = if found < wanted {
                "truncated"
            } else {
                "too long"
            };
            return Err(Error::malformed(
                header.format,
                format!(
                    "{source}: {how}: {found} bytes, but its header (shape {:?}) means {wanted}; \
                     copy or download it again",
                    header.dims
                ),
            ));
        }
        Ok(Self { source, header })
    }

    /// Reads the numbers of a list one by one; `each` gets index and number.
    pub(super) fn for_each_number(
        &self,
        mut each: impl FnMut(usize, Result<i128, f64>) -> Result<()>,
    ) -> Result<()> {
        let mut bytes = self.source.open_at(self.header.len)?;
        let mut word = [0; 8];
        let count = self.header.dims.iter().product();
        for index in 0..count {
            let number = &mut word[..self.header.element.size];
            bytes
                .read_exact(number)
                .map_err(|error| self.source.read_error(error, Some(index)))?;
            each(index, self.header.element.number(number))?;
        }
        self.check_end(&mut bytes)
    }

    /// After the last number: nothing may follow, and reading the end makes the
    /// decompressor compare its checksum.
    fn check_end(&self, bytes: &mut Bytes) -> Result<()> {
        match bytes.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::malformed(
                self.header.format,
                format!(
                    "{}: goes on after the last value of its shape {:?}",
                    self.source, self.header.dims
                ),
            )),
            Err(error) => Err(self.source.read_error(error, None)),
        }
    }
}

/// An array of samples.
#[derive(Debug)]
pub(super) struct ArrayImages {
    array: Array,
    count: usize,
    /// Bytes of one sample.
    record: usize,
    order: Order,
    /// Where the last reading ended, for the next one to go on from.
    parked: Mutex<Option<ArrayReader>>,
}

/// A place in an array: the sample that is read next.
pub(super) struct ArrayReader {
    bytes: Bytes,
    index: usize,
}

impl fmt::Debug for ArrayReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayReader")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl ArrayImages {
    /// Checks that every row of `array` is one sample of `format`.
    pub(super) fn new(array: Array, format: &InputSpec) -> Result<Self> {
        let Header { dims, element, .. } = &array.header;
        let Some((&count, item)) = dims.split_first().filter(|(_, item)| !item.is_empty()) else {
            return Err(Error::invalid(format!(
                "{}: shape {dims:?} is a list of numbers (labels?), not of images; \
                 give an array whose first axis counts the samples",
                array.source
            )));
        };
        if count == 0 {
            return Err(Error::invalid(format!(
                "{}: the data set is empty (shape {dims:?})",
                array.source
            )));
        }
        if count > MAX_SAMPLES {
            return Err(Error::invalid(format!(
                "{}: {count} samples; at most {MAX_SAMPLES} are read, split the file",
                array.source
            )));
        }
        let order = layout::order(item, format)
            .map_err(|reason| Error::invalid(format!("{}: {reason}", array.source)))?;
        // `order` has compared the number of values with that of the network, which is bounded.
        let record = format.shape.len() * element.size;
        Ok(Self {
            count,
            record,
            order,
            array,
            parked: Mutex::new(None),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A reader whose next sample is `first`: the parked one, if it can get there without starting anew.
    pub(super) fn reader_at(&self, first: usize) -> Result<ArrayReader> {
        let source = &self.array.source;
        // Going back is starting anew; so is going forward where that only means to seek.
        let reusable = |reader: &mut ArrayReader| {
            reader.index == first || (reader.index < first && !source.seekable())
        };
        // Cannot overflow: the length of all samples was computed when the array was opened.
        let bytes_of = |samples: usize| samples as u64 * self.record as u64;
        let bytes = match self.lock().take_if(reusable) {
            Some(mut reader) => {
                source.skip(&mut reader.bytes, bytes_of(first - reader.index))?;
                reader.bytes
            }
            None => source.open_at(self.array.header.len + bytes_of(first))?,
        };
        Ok(ArrayReader {
            bytes,
            index: first,
        })
    }

    /// Keeps a reader for whoever reads on from its place.
    pub(super) fn park(&self, reader: ArrayReader) {
        // Behind the last sample nobody reads on: its file is closed.
        if reader.index < self.count {
            *self.lock() = Some(reader);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ArrayReader>> {
        // The reader is taken or put in one move, so a panic elsewhere leaves nothing half done.
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next sample; a reader that failed is of no further use.
    pub(super) fn read(&self, reader: &mut ArrayReader, format: &InputSpec) -> Result<Vec<i32>> {
        let array = &self.array;
        let sample = reader.index;
        let mut record = vec![0; self.record];
        reader
            .bytes
            .read_exact(&mut record)
            .map_err(|error| array.source.read_error(error, Some(sample)))?;
        reader.index += 1;
        if reader.index == self.count {
            array.check_end(&mut reader.bytes)?;
        }
        let element = array.header.element;
        let mut values = Vec::with_capacity(format.shape.len());
        for (at, bytes) in record.chunks_exact(element.size).enumerate() {
            let number = element.number(bytes).map_err(|value| {
                Error::invalid(format!(
                    "{}: sample {sample}: {value} at position {at} is no whole number; pixels are \
                     read as stored, 0..255: convert once, for values 0..1 as \
                     `np.rint(x * 255).astype('uint8')`, and give --input-scale at import",
                    array.source
                ))
            })?;
            values.push(
                i32::try_from(number)
                    .map_err(|_| super::outside_range(sample, at, number, format))?,
            );
        }
        Ok(self.order.apply(values))
    }
}
