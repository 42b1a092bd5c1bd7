//! Operators that only move or rename values.

use super::node::{Binding, Node, resolve_axis};
use super::tensor::dtype;
use crate::builder::{Builder, Value};
use crate::{Error, Result, limits};

/// Concat of tensors that depend on the input.
pub(super) fn concat(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let parts: Vec<Value> = (0..node.inputs.len())
        .map(|i| node.value(i).cloned())
        .collect::<Result<_>>()?;
    let rank = parts.first().map_or(0, |p| p.dims().len());
    if !node.has("axis") {
        return Err(node.error(Some("axis"), "it is missing"));
    }
    let axis = node.axis(node.int("axis", 1)?, rank, "axis")?;
    match parts.as_slice() {
        [one] => Ok(one.clone()),
        several => b.concat(several, axis),
    }
}

/// Transpose; reverses the axes by default.
pub(super) fn transpose(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let rank = x.dims().len();
    let perm = permutation(node, rank)?;
    b.transpose(x, &perm)
}

/// The `perm` attribute as indices.
pub(super) fn permutation(node: &Node<'_>, rank: usize) -> Result<Vec<usize>> {
    let Some(given) = node.ints("perm")? else {
        return Ok((0..rank).rev().collect());
    };
    let mut seen = vec![false; rank];
    let perm: Option<Vec<usize>> = given
        .iter()
        .map(|&p| {
            let p = usize::try_from(p).ok()?;
            let first = !std::mem::replace(seen.get_mut(p)?, true);
            first.then_some(p)
        })
        .collect();
    perm.filter(|p| p.len() == rank).ok_or_else(|| {
        node.error(
            Some("perm"),
            format!("{} values are no permutation of {rank} axes", given.len()),
        )
    })
}

/// Flatten, Reshape, Squeeze, Unsqueeze.
pub(super) fn reshape(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let dims = new_dims(node, x.dims())?;
    b.reshape(x, &dims)
}

/// Dimensions after Flatten, Reshape, Squeeze or Unsqueeze of a tensor of dimensions `dims`.
pub(super) fn new_dims(node: &Node<'_>, dims: &[usize]) -> Result<Vec<usize>> {
    let rank = dims.len();
    match node.op() {
        "Flatten" => {
            let axis = node.int("axis", 1)?;
            // The axis may also be the rank: everything in the first dimension.
            let axis = match usize::try_from(axis) {
                Ok(a) if a == rank => a,
                _ => node.axis(axis, rank, "axis")?,
            };
            let (left, right) = dims.split_at(axis);
            let product =
                |d: &[usize]| limits::values(d).ok_or_else(|| Error::invalid("too large"));
            Ok(vec![product(left)?, product(right)?])
        }
        "Reshape" => reshaped(node, dims),
        op => {
            let axes = node.axes(13, 1)?;
            if axes.is_some_and(|a| a.len() > limits::MAX_RANK) {
                return Err(node.error(Some("axes"), "too many axes"));
            }
            if op == "Squeeze" {
                squeezed(node, dims, axes)
            } else {
                unsqueezed(node, dims, axes)
            }
        }
    }
}

fn reshaped(node: &Node<'_>, dims: &[usize]) -> Result<Vec<usize>> {
    let shape = node
        .int_input(1, "shape")?
        .ok_or_else(|| node.error(Some("shape"), "it is missing"))?;
    let wrong = || {
        node.error(
            Some("shape"),
            format!(
                "{:?} does not fit dimensions {dims:?}",
                &shape[..shape.len().min(limits::MAX_RANK)]
            ),
        )
    };
    if shape.len() > limits::MAX_RANK {
        return Err(wrong());
    }
    let zero_copies = !node.flag("allowzero", false)?;
    let mut open = None;
    let mut out = Vec::with_capacity(shape.len());
    for (i, &d) in shape.iter().enumerate() {
        out.push(match d {
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            0 if zero_copies => *dims.get(i).ok_or_else(wrong)?,
            d => usize::try_from(d).map_err(|_| wrong())?,
        });
    }
    let total = limits::values(dims).ok_or_else(wrong)?;
    let rest = limits::values(&out).ok_or_else(wrong)?;
    if let Some(i) = open {
        out[i] = total.checked_div(rest).ok_or_else(wrong)?;
    }
    if limits::values(&out) != Some(total) {
        return Err(wrong());
    }
    Ok(out)
}

fn squeezed(node: &Node<'_>, dims: &[usize], axes: Option<&[i64]>) -> Result<Vec<usize>> {
    let mut drop: Vec<bool> = dims.iter().map(|&d| axes.is_none() && d == 1).collect();
    for &axis in axes.unwrap_or_default() {
        let at = node.axis(axis, dims.len(), "axes")?;
        if dims[at] != 1 {
            return Err(node.error(
                Some("axes"),
                format!("{axis} of dimensions {dims:?} is not 1"),
            ));
        }
        drop[at] = true;
    }
    Ok(dims
        .iter()
        .zip(drop)
        .filter(|(_, drop)| !drop)
        .map(|(&d, _)| d)
        .collect())
}

fn unsqueezed(node: &Node<'_>, dims: &[usize], axes: Option<&[i64]>) -> Result<Vec<usize>> {
    let axes = axes.ok_or_else(|| node.error(Some("axes"), "it is missing"))?;
    let rank = dims.len() + axes.len();
    if rank > limits::MAX_RANK {
        return Err(node.error(
            Some("axes"),
            format!("{rank} axes; at most {} are read", limits::MAX_RANK),
        ));
    }
    let mut new = vec![false; rank];
    for &axis in axes {
        match resolve_axis(axis, rank).and_then(|a| new.get_mut(a)) {
            Some(slot) if !*slot => *slot = true,
            _ => return Err(node.error(Some("axes"), format!("{axes:?} for dimensions {dims:?}"))),
        }
    }
    let mut old = dims.iter();
    Ok(new
        .into_iter()
        .map(|new| {
            if new {
                1
            } else {
                old.next().copied().unwrap_or(1)
            }
        })
        .collect())
}

/// Identity, Dropout and Cast between float types.
pub(super) fn pass_through(node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    match node.op() {
        "Cast" => {
            let to = node.int("to", 0)?;
            if !i32::try_from(to).is_ok_and(dtype::is_float) {
                return Err(node.error(
                    Some("to"),
                    format!("element type {to}; supported are the float types"),
                ));
            }
        }
        "Dropout" => {
            if let Some(Binding::Value(_)) = node.input(2) {
                return Err(node.error(Some("training_mode"), "it is not constant"));
            }
            if node
                .scalar_input(2, "training_mode")?
                .is_some_and(|t| t != 0.0)
            {
                return Err(node.error(Some("training_mode"), "1; supported is 0 (inference)"));
            }
        }
        _ => {}
    }
    Ok(x.clone())
}
