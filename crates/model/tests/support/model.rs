//! Small ONNX models written with the oracle's protobuf types, and the oracle itself.

use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::*;
use tract_onnx::prelude::*;

pub(crate) fn node(
    op: &str,
    inputs: &[&str],
    output: &str,
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        input: inputs.iter().map(|s| s.to_string()).collect(),
        output: vec![output.into()],
        attribute,
        ..Default::default()
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    let mut a = AttributeProto {
        name: name.into(),
        ..Default::default()
    };
    a.r#type = kind;
    a
}
pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        f,
        ..attribute(name, 1)
    }
}
pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        i,
        ..attribute(name, 2)
    }
}
pub(crate) fn string(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        s: s.as_bytes().to_vec(),
        ..attribute(name, 3)
    }
}
pub(crate) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: ints.to_vec(),
        ..attribute(name, 7)
    }
}

pub(crate) fn floats(name: &str, dims: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        float_data: values,
        ..Default::default()
    }
}
/// Weights that look random.
pub(crate) fn noise(name: &str, dims: &[i64]) -> TensorProto {
    let n = dims.iter().product::<i64>() as usize;
    floats(name, dims, random(n, name.len() as u64 + n as u64))
}
pub(crate) fn longs(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: 7,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}
pub(crate) fn scalar(name: &str, value: f32) -> TensorProto {
    floats(name, &[], vec![value])
}

fn info(name: &str, dims: Option<&[i64]>) -> ValueInfoProto {
    let dim = |&d: &i64| Dimension {
        value: Some(match d {
            -1 => dimension::Value::DimParam("N".into()),
            d => dimension::Value::DimValue(d),
        }),
        ..Default::default()
    };
    let shape = dims.map(|dims| TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    });
    let tensor = type_proto::Tensor {
        elem_type: 1,
        shape,
    };
    let r#type = TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..Default::default()
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(r#type),
        ..Default::default()
    }
}

/// A model with input `x` and output `y`; a dimension of -1 is dynamic.
pub(crate) fn model(
    opset: i64,
    input: &[i64],
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
) -> ModelProto {
    ModelProto {
        ir_version: 7,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: opset,
        }],
        graph: Some(GraphProto {
            name: "g".into(),
            node,
            initializer,
            input: vec![info("x", Some(input))],
            output: vec![info("y", None)],
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn encode(model: &ModelProto) -> Vec<u8> {
    prost::Message::encode_to_vec(model)
}

/// Numbers in -1..1, the same for the same seed.
pub(crate) fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// The oracle: every output on every input, in the model's own axis order.
pub(crate) fn tract(
    bytes: &[u8],
    dims: &[usize],
    inputs: &[Vec<f32>],
) -> TractResult<Vec<Vec<Vec<f32>>>> {
    let plan = tract_onnx::onnx()
        .model_for_read(&mut &*bytes)?
        .with_input_fact(0, f32::fact(dims).into())?
        .into_optimized()?
        .into_runnable()?;
    inputs
        .iter()
        .map(|x| {
            let x = Tensor::from_shape(dims, x)?;
            let out = plan.run(tvec!(x.into()))?;
            out.iter()
                .map(|o| {
                    let o = o.cast_to::<f32>()?;
                    Ok(o.to_plain_array_view::<f32>()?.iter().copied().collect())
                })
                .collect()
        })
        .collect()
}
