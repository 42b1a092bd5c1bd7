//! The messages of `onnx.proto` as far as they are read; every other field is skipped.
//!
//! Subgraphs are left out on purpose: no supported operator has one, and the
//! messages that remain cannot nest, so no file can drive the decoder deep.

use prost::Message;

use crate::{Error, Result};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<AttributeProto>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, tag = "2")]
    pub(super) f: f32,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(super) t: Option<TensorProto>,
    #[prost(float, repeated, tag = "7")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) ints: Vec<i64>,
    /// `AttributeProto.AttributeType`; 0 in files older than the field.
    #[prost(int32, tag = "20")]
    pub(super) kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(super) int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub(super) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(super) raw_data: Option<Vec<u8>>,
    #[prost(double, repeated, tag = "10")]
    pub(super) double_data: Vec<f64>,
    #[prost(uint64, repeated, tag = "11")]
    pub(super) uint64_data: Vec<u64>,
    /// 1: the data lie in another file.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub(super) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    /// Absent if the dimension is unknown or has a name.
    #[prost(int64, optional, tag = "1")]
    pub(super) dim_value: Option<i64>,
}

/// Decodes a model.
///
/// An empty message takes two bytes in the file and some hundred in memory, so
/// the fields are counted before anything is allocated.
pub(super) fn decode(bytes: &[u8]) -> Result<ModelProto> {
    let mut left = MAX_FIELDS;
    count(bytes, MODEL, &mut left)?;
    ModelProto::decode(bytes).map_err(|e| malformed(e.to_string()))
}

pub(super) fn malformed(reason: impl Into<String>) -> Error {
    Error::malformed("ONNX model", reason)
}

/// Length-delimited fields of all messages together.
const MAX_FIELDS: usize = 1 << 20;

/// The messages a message holds: tag and layout of each.
#[derive(Clone, Copy)]
struct Layout(&'static [(u64, Layout)]);
const LEAF: Layout = Layout(&[]);
const ATTRIBUTE: Layout = Layout(&[(5, LEAF)]);
const SHAPE: Layout = Layout(&[(1, LEAF)]);
const TYPE: Layout = Layout(&[(1, Layout(&[(2, SHAPE)]))]);
const VALUE_INFO: Layout = Layout(&[(2, TYPE)]);
const NODE: Layout = Layout(&[(5, ATTRIBUTE)]);
const GRAPH: Layout = Layout(&[(1, NODE), (5, LEAF), (11, VALUE_INFO), (12, VALUE_INFO)]);
const MODEL: Layout = Layout(&[(7, GRAPH), (8, LEAF)]);

/// Counts the length-delimited fields of a message down from `left`. The depth is that of `layout`.
fn count(mut bytes: &[u8], layout: Layout, left: &mut usize) -> Result<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let skip = match key & 7 {
            0 => varint(&mut bytes).map(|_| 0)?,
            1 => 8,
            2 => varint(&mut bytes)?,
            5 => 4,
            wire => return Err(malformed(format!("a field of wire type {wire}"))),
        };
        let (field, rest) = usize::try_from(skip)
            .ok()
            .and_then(|n| bytes.split_at_checked(n))
            .ok_or_else(|| malformed("a field reaches beyond the end of its message"))?;
        bytes = rest;
        if key & 7 == 2 {
            *left = left.checked_sub(1).ok_or_else(|| {
                malformed(format!(
                    "more than {MAX_FIELDS} fields; networks of that size are not supported"
                ))
            })?;
            if let Some((_, inner)) = layout.0.iter().find(|(tag, _)| *tag == key >> 3) {
                count(field, *inner, left)?;
            }
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    prost::encoding::decode_varint(bytes).map_err(|e| malformed(e.to_string()))
}
