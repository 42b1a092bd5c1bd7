//! Constants of the model file: initialisers, `Constant` nodes and what is folded from them.

use super::proto::{TensorProto, malformed};
use crate::{Error, Result, limits};

/// Element types of `TensorProto.DataType` that are read.
pub(super) mod dtype {
    pub(crate) const FLOAT: i32 = 1;
    pub(crate) const UINT8: i32 = 2;
    pub(crate) const INT8: i32 = 3;
    pub(crate) const UINT16: i32 = 4;
    pub(crate) const INT16: i32 = 5;
    pub(crate) const INT32: i32 = 6;
    pub(crate) const INT64: i32 = 7;
    pub(crate) const BOOL: i32 = 9;
    pub(crate) const FLOAT16: i32 = 10;
    pub(crate) const DOUBLE: i32 = 11;
    pub(crate) const UINT32: i32 = 12;
    pub(crate) const UINT64: i32 = 13;
    pub(crate) const BFLOAT16: i32 = 16;

    /// Whether values of the type become `f32`.
    pub(crate) fn is_float(kind: i32) -> bool {
        matches!(kind, FLOAT | FLOAT16 | DOUBLE | BFLOAT16)
    }

    /// Smallest and largest value of an integer type as far as `i64` holds them.
    pub(crate) fn int_range(kind: i32) -> Option<(i64, i64)> {
        Some(match kind {
            UINT8 => (0, u8::MAX.into()),
            INT8 => (i8::MIN.into(), i8::MAX.into()),
            UINT16 => (0, u16::MAX.into()),
            INT16 => (i16::MIN.into(), i16::MAX.into()),
            INT32 => (i32::MIN.into(), i32::MAX.into()),
            INT64 => (i64::MIN, i64::MAX),
            BOOL => (0, 1),
            UINT32 => (0, u32::MAX.into()),
            UINT64 => (0, i64::MAX),
            _ => return None,
        })
    }
}

/// Values of a constant; truth values are 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Float(Vec<f32>),
    Int(Vec<i64>),
}

impl Data {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Int(v) => v.len(),
        }
    }

    /// The elements at `index`, `None` if one does not exist.
    pub(super) fn pick(&self, index: &[usize]) -> Option<Self> {
        Some(match self {
            Self::Float(v) => Self::Float(
                index
                    .iter()
                    .map(|&i| v.get(i).copied())
                    .collect::<Option<_>>()?,
            ),
            Self::Int(v) => Self::Int(
                index
                    .iter()
                    .map(|&i| v.get(i).copied())
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

/// A constant tensor; the product of `dims` is the number of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) data: Data,
}

impl Constant {
    /// A constant whose dimensions are checked against its values.
    pub(super) fn new(dims: Vec<usize>, data: Data) -> Result<Self> {
        if dims.len() > limits::MAX_RANK || limits::values(&dims) != Some(data.len()) {
            return Err(Error::invalid(format!(
                "{} values in a constant of dimensions {dims:?}",
                data.len()
            )));
        }
        Ok(Self { dims, data })
    }

    /// A vector of integers, for example a shape.
    pub(super) fn ints(values: Vec<i64>) -> Self {
        Self {
            dims: vec![values.len()],
            data: Data::Int(values),
        }
    }

    /// Reads a tensor of the file.
    pub(super) fn read(proto: &TensorProto, name: &str) -> Result<Self> {
        let wrong = |what: String| malformed(format!("tensor '{name}': {what}"));
        if proto.data_location == 1 {
            return Err(Error::invalid(format!(
                "tensor '{name}' keeps its data in another file (external data); save the model as one file"
            )));
        }
        let dims: Vec<usize> = proto
            .dims
            .iter()
            .map(|&d| usize::try_from(d).ok())
            .collect::<Option<_>>()
            .filter(|d: &Vec<usize>| d.len() <= limits::MAX_RANK)
            .ok_or_else(|| wrong(format!("dimensions {:?}", proto.dims)))?;
        let expected = limits::values(&dims)
            .ok_or_else(|| wrong(format!("dimensions {dims:?} are too large")))?;
        let data = match &proto.raw_data {
            Some(raw) if !raw.is_empty() => from_raw(proto.data_type, raw),
            _ => from_fields(proto),
        }
        .ok_or_else(|| {
            wrong(format!(
                "element type {} with this kind of data is not supported; convert the weights to float32",
                proto.data_type
            ))
        })?;
        if data.len() != expected {
            return Err(wrong(format!(
                "{} values where dimensions {dims:?} ask for {expected}",
                data.len()
            )));
        }
        Ok(Self { dims, data })
    }
}

/// Little-endian values; a tail shorter than a value makes the count wrong, so it is not dropped silently.
fn from_raw(kind: i32, raw: &[u8]) -> Option<Data> {
    fn each<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let (values, rest) = raw.as_chunks::<N>();
        rest.is_empty()
            .then(|| values.iter().map(|&b| read(b)).collect())
    }
    let half = |b| half::f16::from_le_bytes(b).to_f32();
    Some(match kind {
        dtype::FLOAT => Data::Float(each(raw, f32::from_le_bytes)?),
        dtype::DOUBLE => Data::Float(each(raw, |b| f64::from_le_bytes(b) as f32)?),
        dtype::FLOAT16 => Data::Float(each(raw, half)?),
        dtype::BFLOAT16 => Data::Float(each(raw, |b| half::bf16::from_le_bytes(b).to_f32())?),
        dtype::UINT8 | dtype::BOOL => Data::Int(each(raw, |[b]| b.into())?),
        dtype::INT8 => Data::Int(each(raw, |b| i8::from_le_bytes(b).into())?),
        dtype::UINT16 => Data::Int(each(raw, |b| u16::from_le_bytes(b).into())?),
        dtype::INT16 => Data::Int(each(raw, |b| i16::from_le_bytes(b).into())?),
        dtype::INT32 => Data::Int(each(raw, |b| i32::from_le_bytes(b).into())?),
        dtype::UINT32 => Data::Int(each(raw, |b| u32::from_le_bytes(b).into())?),
        dtype::INT64 => Data::Int(each(raw, i64::from_le_bytes)?),
        dtype::UINT64 => Data::Int(
            each(raw, |b| i64::try_from(u64::from_le_bytes(b)).ok())?
                .into_iter()
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}

/// Values in the typed fields; small types share `int32_data`.
fn from_fields(proto: &TensorProto) -> Option<Data> {
    let bits = |read: fn(u16) -> f32| {
        proto
            .int32_data
            .iter()
            .map(|&b| u16::try_from(b).ok().map(read))
            .collect::<Option<Vec<f32>>>()
    };
    Some(match proto.data_type {
        dtype::FLOAT => Data::Float(proto.float_data.clone()),
        dtype::DOUBLE => Data::Float(proto.double_data.iter().map(|&v| v as f32).collect()),
        dtype::FLOAT16 => Data::Float(bits(|b| half::f16::from_bits(b).to_f32())?),
        dtype::BFLOAT16 => Data::Float(bits(|b| half::bf16::from_bits(b).to_f32())?),
        dtype::INT64 => Data::Int(proto.int64_data.clone()),
        dtype::UINT32 | dtype::UINT64 => Data::Int(
            proto
                .uint64_data
                .iter()
                .map(|&v| i64::try_from(v).ok())
                .collect::<Option<_>>()?,
        ),
        kind if dtype::int_range(kind).is_some() => {
            Data::Int(proto.int32_data.iter().map(|&v| v.into()).collect())
        }
        _ => return None,
    })
}
