//! Evaluation of operators on constants: the shape computations exporters leave in the file.

use super::node::{Binding, Node};
use super::select::{broadcast, broadcast_index, concat, expand, gather, pick, slice, transpose};
use super::shape::new_dims;
use super::tensor::{Constant, Data, dtype};
use crate::{Error, Result, limits};

/// The node's value, or `None` if the operator is not one of those evaluated here.
///
/// All inputs are constant, except that of Shape and Size.
pub(super) fn fold(node: &Node<'_>) -> Result<Option<Constant>> {
    Ok(Some(match node.op() {
        "Constant" => constant(node)?,
        "Shape" => shape(node)?,
        "Size" => {
            let n: usize = input_dims(node)?.iter().product();
            Constant::new(vec![], Data::Int(vec![as_i64(n)?]))?
        }
        "Identity" => input(node, 0)?.clone(),
        "Cast" => cast(node)?,
        "Gather" => gather(node)?,
        "Concat" => concat(node)?,
        "Slice" => slice(node)?,
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => {
            let x = input(node, 0)?;
            Constant::new(new_dims(node, &x.dims)?, x.data.clone())?
        }
        "Transpose" => transpose(node)?,
        "Expand" => expand(node)?,
        "ConstantOfShape" => constant_of_shape(node)?,
        "Range" => range(node)?,
        "ReduceProd" => reduce_prod(node)?,
        "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow" => binary(node)?,
        "Sqrt" | "Neg" | "Floor" | "Ceil" | "Reciprocal" => unary(node)?,
        _ => return Ok(None),
    }))
}

pub(super) fn input<'n>(node: &'n Node<'_>, i: usize) -> Result<&'n Constant> {
    match node.input(i) {
        Some(Binding::Constant(c)) => Ok(c),
        _ => Err(node.error(None, format!("input {i} is missing"))),
    }
}

fn input_dims<'n>(node: &'n Node<'_>) -> Result<&'n [usize]> {
    match node.input(0) {
        Some(Binding::Constant(c)) => Ok(&c.dims),
        Some(Binding::Value(v)) => Ok(v.dims()),
        None => Err(node.error(None, "input 0 is missing")),
    }
}

pub(super) fn too_large() -> Error {
    Error::invalid("a constant that is too large or a size that is out of range")
}

pub(super) fn as_i64(n: usize) -> Result<i64> {
    i64::try_from(n).map_err(|_| too_large())
}

/// Sizes given as integers.
pub(super) fn as_dims(values: &[i64]) -> Result<Vec<usize>> {
    let dims: Option<Vec<usize>> = values.iter().map(|&d| usize::try_from(d).ok()).collect();
    dims.filter(|d| d.len() <= limits::MAX_RANK && limits::values(d).is_some())
        .ok_or_else(too_large)
}

fn constant(node: &Node<'_>) -> Result<Constant> {
    if let Some(c) = node.tensor("value")? {
        return Ok(c);
    }
    if let Some(v) = node.bound("value_float")? {
        return Constant::new(vec![], Data::Float(vec![v]));
    }
    if node.has("value_int") {
        return Constant::new(vec![], Data::Int(vec![node.int("value_int", 0)?]));
    }
    if let Some(v) = node.floats("value_floats")? {
        return Constant::new(vec![v.len()], Data::Float(v.to_vec()));
    }
    match node.ints("value_ints")? {
        Some(v) => Ok(Constant::ints(v.to_vec())),
        None => Err(node.error(
            Some("value"),
            "supported are dense tensors, numbers and lists of numbers",
        )),
    }
}

fn shape(node: &Node<'_>) -> Result<Constant> {
    let dims = input_dims(node)?;
    let rank = as_i64(dims.len())?;
    let at = |v: i64| {
        let v = if v < 0 { v.saturating_add(rank) } else { v };
        v.clamp(0, rank) as usize
    };
    let start = at(node.int("start", 0)?);
    let end = at(node.int("end", rank)?);
    let part = dims.get(start..end).unwrap_or_default();
    part.iter()
        .map(|&d| as_i64(d))
        .collect::<Result<_>>()
        .map(Constant::ints)
}

fn cast(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let to = node.int("to", 0)?;
    let unsupported = |what: String| node.error(Some("to"), what);
    let to = i32::try_from(to).map_err(|_| unsupported(format!("element type {to}")))?;
    let data = match (&x.data, dtype::int_range(to)) {
        (Data::Float(v), None) if dtype::is_float(to) => Data::Float(v.clone()),
        (Data::Int(v), None) if dtype::is_float(to) => {
            Data::Float(v.iter().map(|&v| v as f32).collect())
        }
        (Data::Int(v), Some(_)) if to == dtype::BOOL => {
            Data::Int(v.iter().map(|&v| (v != 0).into()).collect())
        }
        (Data::Float(v), Some(_)) if to == dtype::BOOL => {
            Data::Int(v.iter().map(|&v| (v != 0.0).into()).collect())
        }
        (source, Some((min, max))) => {
            let values: Vec<i64> = match source {
                Data::Int(v) => v.clone(),
                // Out of the range of i64 saturates; the range check below refuses it or it is the bound itself.
                Data::Float(v) if v.iter().all(|v| v.is_finite()) => {
                    v.iter().map(|&v| v as i64).collect()
                }
                Data::Float(_) => return Err(unsupported("a value that is no number".to_owned())),
            };
            if let Some(v) = values.iter().find(|v| !(min..=max).contains(v)) {
                return Err(unsupported(format!("{v} does not fit element type {to}")));
            }
            Data::Int(values)
        }
        _ => {
            return Err(unsupported(format!(
                "element type {to}; supported are numbers and truth values"
            )));
        }
    };
    Constant::new(x.dims.clone(), data)
}

fn constant_of_shape(node: &Node<'_>) -> Result<Constant> {
    let dims = as_dims(node.int_input(0, "input")?.unwrap_or_default())?;
    let n = limits::values(&dims).ok_or_else(too_large)?;
    let data = match node.tensor("value")?.map(|c| c.data) {
        None => Data::Float(vec![0.0; n]),
        Some(Data::Float(v)) => Data::Float(vec![*v.first().ok_or_else(too_large)?; n]),
        Some(Data::Int(v)) => Data::Int(vec![*v.first().ok_or_else(too_large)?; n]),
    };
    Constant::new(dims, data)
}

fn range(node: &Node<'_>) -> Result<Constant> {
    let one = |i: usize, role: &str| match node.int_input(i, role)? {
        Some(&[v]) => Ok(v),
        _ => Err(node.error(Some(role), "expected one integer")),
    };
    let (start, limit, step) = (one(0, "start")?, one(1, "limit")?, one(2, "delta")?);
    if step == 0 {
        return Err(node.error(Some("delta"), "0"));
    }
    let (distance, step_size) = if step > 0 {
        (i128::from(limit) - i128::from(start), i128::from(step))
    } else {
        (i128::from(start) - i128::from(limit), -i128::from(step))
    };
    let n = ((distance.max(0) + step_size - 1) / step_size) as u128;
    if n > limits::MAX_TENSOR_VALUES as u128 {
        return Err(too_large());
    }
    let values = (0..n as i64)
        .map(|i| start.checked_add(i.checked_mul(step)?))
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(too_large)?;
    Ok(Constant::ints(values))
}

/// Product of a vector, as flattening code multiplies sizes.
fn reduce_prod(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let Data::Int(v) = &x.data else {
        return Err(node.error(None, "a product of floats; supported are integers"));
    };
    let axes = node.axes(18, 1)?;
    if x.dims.len() != 1 || axes.is_some_and(|a| !a.iter().all(|&a| a == 0 || a == -1)) {
        return Err(node.error(Some("axes"), "supported is the product of a vector"));
    }
    let product = v
        .iter()
        .try_fold(1i64, |p, &v| p.checked_mul(v))
        .ok_or_else(too_large)?;
    let dims = if node.flag("keepdims", true)? {
        vec![1]
    } else {
        vec![]
    };
    Constant::new(dims, Data::Int(vec![product]))
}

fn binary(node: &Node<'_>) -> Result<Constant> {
    if node.inputs.len() != 2 {
        return Err(node.error(None, "supported are two constants"));
    }
    let (a, b) = (input(node, 0)?, input(node, 1)?);
    let dims = broadcast(&a.dims, &b.dims).ok_or_else(|| {
        node.error(
            None,
            format!("{:?} and {:?} do not broadcast", a.dims, b.dims),
        )
    })?;
    let left = pick(a, dims.clone(), &broadcast_index(&a.dims, &dims)?)?;
    let right = pick(b, dims.clone(), &broadcast_index(&b.dims, &dims)?)?;
    let op = node.op();
    let data = match (left.data, right.data) {
        (Data::Float(l), Data::Float(r)) => Data::Float(
            l.into_iter()
                .zip(r)
                .map(|(l, r)| match op {
                    "Add" => l + r,
                    "Sub" => l - r,
                    "Mul" => l * r,
                    "Div" => l / r,
                    "Max" => l.max(r),
                    "Min" => l.min(r),
                    _ => l.powf(r),
                })
                .collect(),
        ),
        (Data::Int(l), Data::Int(r)) => Data::Int(
            l.into_iter()
                .zip(r)
                .map(|(l, r)| match op {
                    "Add" => l.checked_add(r),
                    "Sub" => l.checked_sub(r),
                    "Mul" => l.checked_mul(r),
                    "Div" => l.checked_div(r),
                    "Max" => Some(l.max(r)),
                    "Min" => Some(l.min(r)),
                    _ => l.checked_pow(u32::try_from(r).ok()?),
                })
                .collect::<Option<_>>()
                .ok_or_else(|| node.error(None, "integers overflow or are divided by zero"))?,
        ),
        _ => return Err(node.error(None, "mixes integers and floats")),
    };
    Constant::new(dims, data)
}

fn unary(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let data = match (&x.data, node.op()) {
        (Data::Int(v), "Neg") => Data::Int(
            v.iter()
                .map(|v| v.checked_neg())
                .collect::<Option<_>>()
                .ok_or_else(too_large)?,
        ),
        (Data::Int(_), _) => return Err(node.error(None, "supported on integers is Neg")),
        (Data::Float(v), op) => Data::Float(
            v.iter()
                .map(|&v| match op {
                    "Sqrt" => v.sqrt(),
                    "Neg" => -v,
                    "Floor" => v.floor(),
                    "Ceil" => v.ceil(),
                    _ => 1.0 / v,
                })
                .collect(),
        ),
    };
    Constant::new(x.dims.clone(), data)
}
