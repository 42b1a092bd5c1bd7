//! Elementwise arithmetic: sums of tensors, and maps `scale * x + shift` by constants.

use super::activation::clip;
use super::node::{Binding, Node};
use super::tensor::{Constant, Data};
use crate::Result;
use crate::builder::{Builder, Value};

/// Add, Sub, Mul, Div, Sum, Neg, Pow, Max, Min.
pub(super) fn arithmetic(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    match node.op() {
        "Neg" => b.affine(node.value(0)?, &[-1.0], &[0.0], &[]),
        "Pow" => power(b, node),
        "Max" | "Min" => bound(b, node),
        "Sum" => sum(b, node),
        op => binary(b, node, op),
    }
}

fn binary(b: &mut Builder, node: &Node<'_>, op: &str) -> Result<Value> {
    match (node.input(0), node.input(1)) {
        (Some(Binding::Value(x)), Some(Binding::Value(y))) => match op {
            "Add" => b.sum(&[x.clone(), y.clone()], &[1.0, 1.0]),
            "Sub" => b.sum(&[x.clone(), y.clone()], &[1.0, -1.0]),
            "Mul" => b.square(x, y),
            _ => Err(node.error(
                None,
                "divides by a tensor; supported is division by a constant",
            )),
        },
        (Some(Binding::Value(x)), Some(Binding::Constant(_))) => {
            let (c, dims) = node.required(1, "B")?;
            by_constant(b, node, x, (c, dims), op, false)
        }
        (Some(Binding::Constant(_)), Some(Binding::Value(x))) => {
            let (c, dims) = node.required(0, "A")?;
            by_constant(b, node, x, (c, dims), op, true)
        }
        _ => Err(node.error(None, "expected two inputs")),
    }
}

/// `x op c`, or `c op x` if `constant_first`.
fn by_constant(
    b: &mut Builder,
    node: &Node<'_>,
    x: &Value,
    (c, dims): (&[f32], &[usize]),
    op: &str,
    constant_first: bool,
) -> Result<Value> {
    let n = c.len();
    let (scale, shift) = match (op, constant_first) {
        ("Add", _) => (vec![1.0; n], c.to_vec()),
        ("Sub", false) => (vec![1.0; n], c.iter().map(|c| -c).collect()),
        ("Sub", true) => (vec![-1.0; n], c.to_vec()),
        ("Mul", _) => (c.to_vec(), vec![0.0; n]),
        ("Div", false) => {
            let inverse: Vec<f32> = c.iter().map(|c| 1.0 / c).collect();
            if inverse.iter().any(|v| !v.is_finite()) {
                return Err(node.error(Some("B"), "divides by zero"));
            }
            (inverse, vec![0.0; n])
        }
        _ => {
            return Err(node.error(
                None,
                "divides a constant by a tensor; supported is division by a constant",
            ));
        }
    };
    affine(b, x, &scale, &shift, dims)
}

/// As [`Builder::affine`], also for constants with more axes than `x`.
fn affine(
    b: &mut Builder,
    x: &Value,
    scale: &[f32],
    shift: &[f32],
    dims: &[usize],
) -> Result<Value> {
    let extra = dims.len().saturating_sub(x.dims().len());
    if extra == 0 {
        return b.affine(x, scale, shift, dims);
    }
    let mut padded = vec![1; extra];
    padded.extend_from_slice(x.dims());
    let x = b.reshape(x, &padded)?;
    b.affine(&x, scale, shift, dims)
}

fn sum(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let values: Vec<Value> = node
        .inputs
        .iter()
        .filter_map(|i| match i {
            Some(Binding::Value(v)) => Some(v.clone()),
            _ => None,
        })
        .collect();
    let mut total = match values.as_slice() {
        // Constants only: says so.
        [] => node.value(0)?.clone(),
        [one] => one.clone(),
        several => b.sum(several, &vec![1.0; several.len()])?,
    };
    for (i, input) in node.inputs.iter().enumerate() {
        if let Some(Binding::Constant(_)) = input {
            let (c, dims) = node.required(i, "data_0")?;
            total = affine(b, &total, &vec![1.0; c.len()], c, dims)?;
        }
    }
    Ok(total)
}

fn power(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let exponent = node
        .scalar_input(1, "Y")?
        .ok_or_else(|| node.error(Some("Y"), "it is missing"))?;
    if exponent == 2.0 {
        b.square(x, x)
    } else if exponent == 1.0 {
        Ok(x.clone())
    } else {
        Err(node.error(
            Some("Y"),
            format!("an exponent of {exponent}; supported are 1 and 2"),
        ))
    }
}

/// Max and Min of a tensor and numbers: a clip.
fn bound(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let mut x = None;
    let mut limit: Option<f32> = None;
    let max = node.op() == "Max";
    for input in node.inputs.iter().flatten() {
        match input {
            Binding::Value(v) if x.is_none() => x = Some(v),
            Binding::Constant(c) if number(c).is_some() => {
                let c = number(c).unwrap_or_default();
                limit = Some(match limit {
                    Some(l) if max => l.max(c),
                    Some(l) => l.min(c),
                    None => c,
                });
            }
            _ => {
                return Err(node.error(
                    None,
                    "compares tensors; supported is one tensor with one number",
                ));
            }
        }
    }
    let x = x.ok_or_else(|| node.error(None, "expected a tensor"))?;
    if max {
        clip(b, node, x, limit, None)
    } else {
        clip(b, node, x, None, limit)
    }
}

/// The value of a constant of one element that does not add axes of its own.
fn number(c: &Constant) -> Option<f32> {
    match &c.data {
        Data::Float(v) if v.len() == 1 && c.dims.len() <= 1 => v.first().copied(),
        _ => None,
    }
}
