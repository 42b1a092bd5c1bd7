//! ONNX's own operator tests as the repository keeps them.

use std::io::Read;

use flate2::read::GzDecoder;
use half::{bf16, f16};
use prost::Message;

use super::support::proto::{ModelProto, TensorProto, data_type};

/// `cases.pb.gz`, as `make.py` writes it.
#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(message, repeated, tag = "1")]
    cases: Vec<StoredCase>,
    /// Every operator of the standard.
    #[prost(string, repeated, tag = "2")]
    operators: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredCase {
    /// The release of ONNX that the case is from.
    #[prost(string, tag = "1")]
    release: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, optional, tag = "3")]
    model: Option<ModelProto>,
    /// Files of the inputs, then of the outputs: tensors, or what the model says.
    #[prost(bytes = "vec", repeated, tag = "4")]
    inputs: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    outputs: Vec<Vec<u8>>,
    /// The files were too large to keep.
    #[prost(bool, tag = "6")]
    bare: bool,
}

pub(crate) struct Suite {
    pub(crate) cases: Vec<Case>,
    /// Every operator of the standard.
    pub(crate) operators: Vec<String>,
}

/// A model of one or a few nodes, inputs for it, and what it must give.
pub(crate) struct Case {
    /// Name of the test, and its release if that is not the newest.
    pub(crate) name: String,
    pub(crate) model: ModelProto,
    /// Empty if there are no data, or an input that is no tensor.
    pub(crate) inputs: Vec<Array>,
    pub(crate) outputs: Vec<Array>,
}

impl Case {
    pub(crate) fn operators(&self) -> impl Iterator<Item = &str> {
        let nodes = &self.model.graph.as_ref().unwrap().node;
        nodes.iter().map(|n| n.op_type.as_str())
    }
}

/// A tensor of a case.
#[derive(Clone)]
pub(crate) struct Array {
    /// As an initialiser with the name that the model has for it.
    pub(crate) proto: TensorProto,
    pub(crate) dims: Vec<usize>,
    /// `None` for strings and numbers of 4 and 8 bits.
    pub(crate) values: Option<Vec<f32>>,
}

impl Array {
    /// The tensor in `file`; `declared` is the element type that the model gives it.
    fn read(file: &[u8], name: &str, declared: i32) -> Self {
        let mut proto = TensorProto::decode(file).unwrap();
        // ONNX keeps the bits of a bfloat16 as integers.
        if declared == data_type::BFLOAT16 && proto.data_type == data_type::UINT16 {
            proto.data_type = declared;
        }
        assert_eq!(proto.data_type, declared, "{name}");
        name.clone_into(&mut proto.name);
        let dims: Vec<usize> = proto.dims.iter().map(|&d| d as usize).collect();
        let values = values(&proto);
        if let Some(values) = &values {
            assert_eq!(values.len(), dims.iter().product::<usize>(), "{name}");
        }
        Self {
            proto,
            dims,
            values,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Part `at` of `parts` equal ones along the first axis, which has that many.
    pub(crate) fn sample(&self, at: usize, parts: usize) -> Self {
        let raw = &self.proto.raw_data;
        assert!(self.dims[0] == parts && self.proto.int32_data.is_empty());
        let bytes = raw.len() / parts;
        let mut proto = self.proto.clone();
        proto.dims[0] = 1;
        proto.raw_data = raw[at * bytes..][..bytes].to_vec();
        let size = self.len() / parts;
        Self {
            proto,
            dims: [&[1], &self.dims[1..]].concat(),
            values: self
                .values
                .as_ref()
                .map(|v| v[at * size..][..size].to_vec()),
        }
    }

    /// Whether a model's input may be of this type.
    pub(crate) fn is_float(&self) -> bool {
        use data_type::{BFLOAT16, DOUBLE, FLOAT, FLOAT16};
        matches!(self.proto.data_type, FLOAT | FLOAT16 | DOUBLE | BFLOAT16)
    }

    /// Relative and absolute difference at which ONNX's runner takes two values for the same
    /// (`onnx/backend/test/loader`, `runner`); none between integers, whose sizes a shape may be.
    pub(crate) fn tolerance(&self) -> (f32, f32) {
        match self.proto.data_type {
            data_type::BFLOAT16 => (1.0 / 64.0, 1e-7),
            _ if self.is_float() => (1e-3, 1e-7),
            _ => (0.0, 0.0),
        }
    }
}

fn values(proto: &TensorProto) -> Option<Vec<f32>> {
    fn each<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (values, rest) = raw.as_chunks::<N>();
        assert!(rest.is_empty());
        values.iter().map(|&b| read(b)).collect()
    }
    let raw = proto.raw_data.as_slice();
    let from_fields = raw.is_empty();
    let fields = |read: fn(i32) -> f32| proto.int32_data.iter().map(|&v| read(v)).collect();
    Some(match proto.data_type {
        data_type::FLOAT if from_fields => proto.float_data.clone(),
        data_type::FLOAT16 if from_fields => fields(|v| f16::from_bits(v as u16).to_f32()),
        data_type::BFLOAT16 if from_fields => fields(|v| bf16::from_bits(v as u16).to_f32()),
        data_type::UINT8 | data_type::INT8 if from_fields => fields(|v| v as f32),
        data_type::FLOAT => each(raw, f32::from_le_bytes),
        data_type::DOUBLE => each(raw, |b| f64::from_le_bytes(b) as f32),
        data_type::FLOAT16 => each(raw, |b| f16::from_le_bytes(b).to_f32()),
        data_type::BFLOAT16 => each(raw, |b| bf16::from_le_bytes(b).to_f32()),
        data_type::UINT8 | data_type::BOOL => each(raw, |b| u8::from_le_bytes(b).into()),
        data_type::INT8 => each(raw, |b| i8::from_le_bytes(b).into()),
        data_type::UINT16 => each(raw, |b| u16::from_le_bytes(b).into()),
        data_type::INT16 => each(raw, |b| i16::from_le_bytes(b).into()),
        data_type::INT32 => each(raw, |b| i32::from_le_bytes(b) as f32),
        data_type::UINT32 => each(raw, |b| u32::from_le_bytes(b) as f32),
        data_type::INT64 => each(raw, |b| i64::from_le_bytes(b) as f32),
        data_type::UINT64 => each(raw, |b| u64::from_le_bytes(b) as f32),
        _ => return None,
    })
}

/// The suite of the repository.
pub(crate) fn read() -> Suite {
    let packed = include_bytes!("cases.pb.gz");
    let mut bytes = vec![];
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut bytes)
        .unwrap();
    let stored = Stored::decode(bytes.as_slice()).unwrap();
    let newest = stored.cases[0].release.clone();
    Suite {
        cases: stored.cases.into_iter().map(|c| case(c, &newest)).collect(),
        operators: stored.operators,
    }
}

fn case(stored: StoredCase, newest: &str) -> Case {
    let name = if stored.release == newest {
        stored.name
    } else {
        format!("{} of {}", stored.name, stored.release)
    };
    let model = stored.model.unwrap();
    let graph = model.graph.as_ref().unwrap();
    let types = |infos: &[super::support::proto::ValueInfoProto]| {
        infos
            .iter()
            .map(|i| {
                let tensor = i.r#type.as_ref()?.tensor_type.as_ref()?;
                Some((i.name.clone(), tensor.elem_type))
            })
            .collect::<Option<Vec<_>>>()
    };
    let arrays = |types: Vec<(String, i32)>, files: &[Vec<u8>]| {
        assert_eq!(types.len(), files.len(), "{name}");
        let each = types.iter().zip(files);
        each.map(|((name, kind), file)| Array::read(file, name, *kind))
            .collect()
    };
    let (inputs, outputs) = match (types(&graph.input), types(&graph.output)) {
        (Some(inputs), Some(outputs)) if !stored.bare => (
            arrays(inputs, &stored.inputs),
            arrays(outputs, &stored.outputs),
        ),
        _ => (vec![], vec![]),
    };
    Case {
        name,
        model,
        inputs,
        outputs,
    }
}
