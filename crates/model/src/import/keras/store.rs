//! Weights in HDF5 files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hdf5_reader::group::Group;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::datatype::{
    Datatype, StringEncoding, StringPadding, StringSize, VarLenKind,
};
use hdf5_reader::{Dataset, Hdf5File, OpenOptions};

use crate::{Error, Result, limits};

const FORMAT: &str = "Keras model";
/// Deflate cannot expand a byte to more than 1032; a larger claim is a lie.
const MAX_EXPANSION: usize = 1032;
/// Weights of one layer; a nested model in a `.h5` file keeps all of its weights in one group.
const MAX_ARRAYS: usize = 1 << 14;

/// One weight of a layer.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// Last part of its path in a `.h5` file, for example "kernel"; empty in an archive.
    pub(super) name: String,
    /// Dimensions in the file.
    pub(super) dims: Vec<usize>,
    /// Row-major.
    pub(super) values: Vec<f32>,
}

/// A layer's address in a weight store.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Its name.
    pub(super) name: String,
    /// Its class in snake case.
    pub(super) class: String,
    /// How many layers of its class stand before it in its model.
    pub(super) rank: usize,
}

/// Where the weights of a model's layers are.
pub(super) trait Weights {
    /// The weights of the last layer of `path`; the others are the nested models around it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they are missing or cannot be read.
    fn read(&self, path: &[Slot]) -> Result<Vec<Array>>;
}

pub(super) fn malformed(reason: impl std::fmt::Display) -> Error {
    Error::malformed(FORMAT, reason.to_string())
}

/// The HDF5 reader returns errors for damaged files and survived fuzzing; should a hostile file
/// still find a panic in it, that file is refused instead of the process ended.
fn contained<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(malformed("the HDF5 structure is damaged")))
}

/// An HDF5 file with weights.
pub(super) struct Store {
    file: Hdf5File,
    bytes: usize,
    /// `.h5`: one group per layer, named like it. Otherwise the layout of `model.weights.h5`.
    legacy: bool,
}

impl Store {
    /// Opens a file; `legacy` is the layout of `.h5` models.
    pub(super) fn open(bytes: Vec<u8>, legacy: bool) -> Result<Self> {
        let size = bytes.len();
        let largest = Self::largest(size);
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(0)
            .with_max_chunk_bytes(largest)
            .with_max_read_bytes(largest)
            .with_max_object_header_bytes(1 << 20);
        let file =
            contained(|| Hdf5File::from_vec_with_options(bytes, options).map_err(malformed))?;
        // The last bytes of a file may belong to nothing that is read.
        let end = file.superblock().eof_address;
        if end > size as u64 {
            return Err(Error::malformed(
                "HDF5 file",
                format!("it is truncated: {size} bytes of {end}"),
            ));
        }
        Ok(Self {
            file,
            bytes: size,
            legacy,
        })
    }

    /// Bytes the largest dataset of a file of `size` bytes can have.
    fn largest(size: usize) -> usize {
        size.saturating_mul(MAX_EXPANSION)
            .min(limits::MAX_TENSOR_VALUES * 8)
    }

    /// A text attribute of the root group, if it exists.
    pub(super) fn root_text(&self, name: &str) -> Result<Option<String>> {
        contained(|| {
            let root = self.file.root_group().map_err(malformed)?;
            Ok(self.texts(&root, name)?.and_then(|t| t.into_iter().next()))
        })
    }

    /// The strings of an attribute.
    ///
    /// Decoded here and not by the library: many references to one long string would make
    /// it allocate that string many times.
    fn texts(&self, group: &Group, name: &str) -> Result<Option<Vec<String>>> {
        let header = self
            .file
            .get_or_parse_header(group.address())
            .map_err(malformed)?;
        let mut found = None;
        for message in &header.messages {
            match message {
                HdfMessage::Attribute(a) if a.name == name => found = Some(a),
                HdfMessage::AttributeInfo(info)
                    if !hdf5_reader::io::Cursor::is_undefined_offset(
                        info.fractal_heap_address,
                        group.offset_size(),
                    ) =>
                {
                    return Err(malformed(
                        "a group keeps its attributes in a heap, which Keras does not do",
                    ));
                }
                _ => {}
            }
        }
        let Some(attribute) = found else {
            return Ok(None);
        };
        let raw = &attribute.raw_data;
        let damaged = || malformed(format!("the attribute '{name}' is damaged"));
        let count = usize::try_from(attribute.dataspace.num_elements().map_err(malformed)?)
            .map_err(|_| damaged())?;
        match &attribute.datatype {
            Datatype::String {
                size: StringSize::Fixed(width),
                encoding: StringEncoding::Ascii | StringEncoding::Utf8,
                padding,
            } => {
                let width = *width as usize;
                if width == 0 || count.checked_mul(width).is_none_or(|n| n > raw.len()) {
                    return if count == 0 {
                        Ok(Some(vec![]))
                    } else {
                        Err(damaged())
                    };
                }
                raw.chunks_exact(width)
                    .take(count)
                    .map(|s| text(s, *padding == StringPadding::SpacePad))
                    .collect::<Result<Vec<_>>>()
                    .map(Some)
            }
            Datatype::String {
                size: StringSize::Variable,
                ..
            }
            | Datatype::VarLen {
                kind: VarLenKind::String,
                ..
            } => {
                let width = 8 + usize::from(group.offset_size());
                if count.checked_mul(width).is_none_or(|n| n > raw.len()) {
                    return Err(damaged());
                }
                let mut total = 0usize;
                let mut out = vec![];
                for reference in raw.chunks_exact(width).take(count) {
                    let length = reference[..4]
                        .try_into()
                        .map(u32::from_le_bytes)
                        .map_err(|_| damaged())?;
                    // Distinct strings cannot together be longer than the file.
                    total = total.saturating_add(length as usize).saturating_add(1);
                    if total > self.bytes {
                        return Err(damaged());
                    }
                    if length == 0 {
                        out.push(String::new());
                        continue;
                    }
                    let bytes = group
                        .resolve_vlen_reference_bytes(reference, 1)
                        .map_err(malformed)?;
                    out.push(text(&bytes, false)?);
                }
                Ok(Some(out))
            }
            // h5py stores an empty list of names as an empty array of floats.
            _ if count == 0 => Ok(Some(vec![])),
            other => Err(malformed(format!(
                "the attribute '{name}' has the type {other:?}, expected strings"
            ))),
        }
    }

    /// Reads a dataset of numbers.
    fn array(&self, dataset: &Dataset, name: &str) -> Result<Array> {
        let dims = dataset
            .shape()
            .iter()
            .map(|&d| usize::try_from(d).map_err(|_| malformed("too large a weight")))
            .collect::<Result<Vec<_>>>()?;
        let count = limits::values(&dims)
            .filter(|_| dims.len() <= limits::MAX_RANK)
            .ok_or_else(|| malformed(format!("the weight '{name}' of dimensions {dims:?}")))?;
        let width = dataset.raw_element_size().map_err(malformed)?;
        if width == 0 || width > 8 || count * width > Self::largest(self.bytes) {
            return Err(malformed(format!(
                "the weight '{name}' of dimensions {dims:?} is larger than the file can hold"
            )));
        }
        let raw = dataset.read_native_bytes().map_err(malformed)?;
        if raw.len() != count * width {
            return Err(malformed(format!("the weight '{name}' is cut short")));
        }
        let values = match (dataset.dtype(), width) {
            (Datatype::FloatingPoint { .. }, 4) => numbers(&raw, f32::from_ne_bytes),
            (Datatype::FloatingPoint { .. }, 8) => numbers(&raw, |b| f64::from_ne_bytes(b) as f32),
            // The sample count of a Normalization layer.
            (Datatype::FixedPoint { .. }, 4) => numbers(&raw, |b| i32::from_ne_bytes(b) as f32),
            (Datatype::FixedPoint { .. }, 8) => numbers(&raw, |b| i64::from_ne_bytes(b) as f32),
            (other, _) => {
                return Err(malformed(format!(
                    "the weight '{name}' has the type {other:?}; supported are float32 and float64"
                )));
            }
        };
        Ok(Array {
            name: name.to_owned(),
            dims,
            values,
        })
    }

    /// `.h5`: the attribute `weight_names` of the layer's group lists its datasets in order.
    fn read_legacy(&self, path: &[Slot]) -> Result<Vec<Array>> {
        let [outer, .., layer] = path else {
            return match path {
                [layer] => self.named(&layer.name, |_| true),
                _ => Ok(vec![]),
            };
        };
        // All weights of a nested model are in the group of the outermost one,
        // under names that end in "layer/weight".
        let suffix = format!("/{}/", layer.name);
        self.named(&outer.name, |weight| {
            let (scope, _) = weight.rsplit_once('/').unwrap_or(("", weight));
            format!("/{scope}/").ends_with(&suffix)
        })
    }

    fn named(&self, layer: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Array>> {
        let missing = |e| malformed(format!("no weights for the layer '{layer}': {e}"));
        let group = self
            .file
            .group(&format!("model_weights/{layer}"))
            .map_err(missing)?;
        let mut names = vec![];
        match self.texts(&group, "weight_names")? {
            Some(n) => names = n,
            // Lists above 64 KiB are split.
            None => {
                for i in 0.. {
                    match self.texts(&group, &format!("weight_names{i}"))? {
                        Some(n) => names.extend(n),
                        None => break,
                    }
                }
            }
        }
        if names.len() > MAX_ARRAYS {
            return Err(malformed(format!(
                "the layer '{layer}' has {} weights",
                names.len()
            )));
        }
        let mut arrays = vec![];
        for name in names.iter().filter(|n| wanted(n)) {
            let (scope, last) = name.rsplit_once('/').unwrap_or(("", name));
            let mut at = group.clone();
            for part in scope.split('/').filter(|p| !p.is_empty()) {
                at = at.group(part).map_err(missing)?;
            }
            let dataset = at.dataset(last).map_err(missing)?;
            let short = last.split(':').next().unwrap_or(last);
            arrays.push(self.array(&dataset, short)?);
        }
        Ok(arrays)
    }

    /// `model.weights.h5`: groups named after the class and its rank, `vars/0`, `vars/1`, ... inside.
    fn read_ranked(&self, path: &[Slot]) -> Result<Vec<Array>> {
        let mut group = self.file.root_group().map_err(malformed)?;
        let mut name = String::new();
        for slot in path {
            name.clone_from(&slot.name);
            let missing = || malformed(format!("no weights for the layer '{name}'"));
            // Keras 2.12 walks another attribute of the model, one that lists layers with weights
            // twice; the rank counts then only groups that exist.
            if let Ok(old) = group.group("_layer_checkpoint_dependencies") {
                let (names, _) = old.member_names().map_err(malformed)?;
                let mut ranked: Vec<(usize, String)> = names
                    .into_iter()
                    .filter_map(|n| {
                        let rest = n.strip_prefix(&slot.class)?;
                        let rank = match rest.strip_prefix('_') {
                            None if rest.is_empty() => 0,
                            None => return None,
                            Some(digits) => digits.parse().ok()?,
                        };
                        Some((rank, n))
                    })
                    .collect();
                ranked.sort();
                let (_, found) = ranked.get(slot.rank).ok_or_else(missing)?;
                group = old.group(found).map_err(malformed)?;
            } else {
                let found = match slot.rank {
                    0 => slot.class.clone(),
                    rank => format!("{}_{rank}", slot.class),
                };
                group = group
                    .group("layers")
                    .and_then(|g| g.group(&found))
                    .map_err(|_| missing())?;
            }
        }
        let vars = group
            .group("vars")
            .map_err(|_| malformed(format!("no weights for the layer '{name}'")))?;
        // Newer versions note the layer's name: then the order need not be trusted.
        if let Some(noted) = self.texts(&vars, "name")?
            && noted.first().is_some_and(|n| *n != name)
        {
            return Err(malformed(format!(
                "the weights of the layer '{name}' are labelled '{}'",
                noted.join(", ")
            )));
        }
        let (_, members) = vars.member_names().map_err(malformed)?;
        if members.len() > MAX_ARRAYS {
            return Err(malformed(format!(
                "the layer '{name}' has {} weights",
                members.len()
            )));
        }
        (0..members.len())
            .map(|i| {
                let dataset = vars.dataset(&i.to_string()).map_err(malformed)?;
                let mut array = self.array(&dataset, &i.to_string())?;
                array.name.clear();
                Ok(array)
            })
            .collect()
    }
}

impl Weights for Store {
    fn read(&self, path: &[Slot]) -> Result<Vec<Array>> {
        contained(|| {
            if self.legacy {
                self.read_legacy(path)
            } else {
                self.read_ranked(path)
            }
        })
    }
}

fn numbers<const N: usize>(raw: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    raw.chunks_exact(N)
        .filter_map(|c| c.try_into().ok())
        .map(convert)
        .collect()
}

/// A string up to its first zero byte.
fn text(bytes: &[u8], spaces: bool) -> Result<String> {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let s =
        std::str::from_utf8(&bytes[..end]).map_err(|_| malformed("a text that is not UTF-8"))?;
    Ok(if spaces { s.trim_end() } else { s }.to_owned())
}
