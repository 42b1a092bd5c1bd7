//! Evaluation of operators that pick elements of constants.

use super::fold::{as_dims, as_i64, input, too_large};
use super::node::Node;
use super::shape::permutation;
use super::tensor::{Constant, Data};
use crate::{Result, limits};

pub(super) fn pick(x: &Constant, dims: Vec<usize>, index: &[usize]) -> Result<Constant> {
    Constant::new(dims, x.data.pick(index).ok_or_else(too_large)?)
}

pub(super) fn gather(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let indices = input(node, 1)?;
    let axis = node.axis(node.int("axis", 0)?, x.dims.len(), "axis")?;
    let list = node.int_input(1, "indices")?.unwrap_or_default();
    let chosen: Vec<usize> = list
        .iter()
        .map(|&i| node.axis(i, x.dims[axis], "indices"))
        .collect::<Result<_>>()?;
    let mut dims = x.dims[..axis].to_vec();
    dims.extend(&indices.dims);
    dims.extend(&x.dims[axis + 1..]);
    let inner: usize = x.dims[axis + 1..].iter().product();
    let outer: usize = x.dims[..axis].iter().product();
    let n = limits::values(&dims).ok_or_else(too_large)?;
    let mut index = Vec::with_capacity(n);
    for o in 0..outer {
        for &c in &chosen {
            let start = (o * x.dims[axis] + c) * inner;
            index.extend(start..start + inner);
        }
    }
    pick(x, dims, &index)
}

pub(super) fn concat(node: &Node<'_>) -> Result<Constant> {
    let parts: Vec<&Constant> = (0..node.inputs.len())
        .map(|i| input(node, i))
        .collect::<Result<_>>()?;
    let first = *parts
        .first()
        .ok_or_else(|| node.error(None, "input 0 is missing"))?;
    let axis = node.axis(node.int("axis", 0)?, first.dims.len(), "axis")?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for part in &parts {
        let fits = part.dims.len() == dims.len()
            && (0..dims.len()).all(|i| i == axis || part.dims[i] == first.dims[i])
            && std::mem::discriminant(&part.data) == std::mem::discriminant(&first.data);
        if !fits {
            return Err(node.error(
                None,
                format!("concatenates {:?} and {:?}", first.dims, part.dims),
            ));
        }
        dims[axis] = dims[axis]
            .checked_add(part.dims[axis])
            .ok_or_else(too_large)?;
    }
    limits::values(&dims).ok_or_else(too_large)?;
    let outer: usize = dims[..axis].iter().product();
    let inner: usize = dims[axis + 1..].iter().product();
    let mut data = match first.data {
        Data::Float(_) => Data::Float(vec![]),
        Data::Int(_) => Data::Int(vec![]),
    };
    for o in 0..outer {
        for part in &parts {
            let run = part.dims[axis] * inner;
            match (&mut data, &part.data) {
                (Data::Float(to), Data::Float(from)) => {
                    to.extend_from_slice(from.get(o * run..(o + 1) * run).unwrap_or_default());
                }
                (Data::Int(to), Data::Int(from)) => {
                    to.extend_from_slice(from.get(o * run..(o + 1) * run).unwrap_or_default());
                }
                _ => {}
            }
        }
    }
    Constant::new(dims, data)
}

pub(super) fn slice(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let rank = x.dims.len();
    let by_input = node.opset >= 10;
    let list = |name: &str, i: usize| {
        if by_input {
            node.int_input(i, name)
        } else {
            node.ints(name)
        }
    };
    let missing = |name: &str| node.error(Some(name), "it is missing");
    let starts = list("starts", 1)?.ok_or_else(|| missing("starts"))?;
    let ends = list("ends", 2)?.ok_or_else(|| missing("ends"))?;
    let axes = list("axes", 3)?;
    let steps = if by_input {
        node.int_input(4, "steps")?
    } else {
        None
    };
    let n = starts.len();
    if n > rank
        || ends.len() != n
        || axes.is_some_and(|a| a.len() != n)
        || steps.is_some_and(|s| s.len() != n)
    {
        return Err(node.error(
            Some("starts"),
            "starts, ends, axes and steps differ in length",
        ));
    }
    // Chosen positions along every axis.
    let mut chosen: Vec<Vec<usize>> = x.dims.iter().map(|&d| (0..d).collect()).collect();
    for i in 0..n {
        let axis = match axes {
            Some(a) => node.axis(a[i], rank, "axes")?,
            None => i,
        };
        let len = as_i64(x.dims[axis])?;
        let step = steps.map_or(1, |s| s[i]);
        if step == 0 {
            return Err(node.error(Some("steps"), "0"));
        }
        let absolute = |v: i64| if v < 0 { v.saturating_add(len) } else { v };
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let mut at = absolute(starts[i]).clamp(if step > 0 { 0 } else { -1 }, high);
        let end = absolute(ends[i]).clamp(low, high);
        let mut list = vec![];
        while (step > 0 && at < end) || (step < 0 && at > end) {
            list.push(usize::try_from(at).map_err(|_| too_large())?);
            at = at.saturating_add(step);
        }
        chosen[axis] = list;
    }
    let dims: Vec<usize> = chosen.iter().map(Vec::len).collect();
    let index = walk(&dims, |counter| {
        counter
            .iter()
            .zip(&chosen)
            .zip(&x.dims)
            .fold(0, |at, ((&c, chosen), &d)| at * d + chosen[c])
    })?;
    pick(x, dims, &index)
}

/// `f` of every position of a tensor of dimensions `dims`, in row-major order.
fn walk(dims: &[usize], f: impl Fn(&[usize]) -> usize) -> Result<Vec<usize>> {
    let n = limits::values(dims).ok_or_else(too_large)?;
    let mut counter = vec![0; dims.len()];
    let mut out = Vec::with_capacity(n);
    for _ in 0..n {
        out.push(f(&counter));
        for axis in (0..dims.len()).rev() {
            counter[axis] += 1;
            if counter[axis] < dims[axis] {
                break;
            }
            counter[axis] = 0;
        }
    }
    Ok(out)
}

pub(super) fn transpose(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let perm = permutation(node, x.dims.len())?;
    let dims: Vec<usize> = perm.iter().map(|&p| x.dims[p]).collect();
    let mut strides = vec![1; x.dims.len()];
    for i in (0..strides.len().saturating_sub(1)).rev() {
        strides[i] = strides[i + 1] * x.dims[i + 1];
    }
    let index = walk(&dims, |c| {
        c.iter().zip(&perm).map(|(&c, &p)| c * strides[p]).sum()
    })?;
    pick(x, dims, &index)
}

/// The dimensions both broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |d: &[usize], i: usize| (i + d.len()).checked_sub(rank).map_or(1, |j| d[j]);
    let dims: Option<Vec<usize>> = (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect();
    dims.filter(|d| limits::values(d).is_some())
}

/// Position in a tensor of dimensions `from` that each position of `to` reads.
pub(super) fn broadcast_index(from: &[usize], to: &[usize]) -> Result<Vec<usize>> {
    let skip = to.len().saturating_sub(from.len());
    walk(to, |c| {
        c[skip..]
            .iter()
            .zip(from)
            .fold(0, |at, (&c, &d)| at * d + if d == 1 { 0 } else { c })
    })
}

pub(super) fn expand(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let shape = as_dims(node.int_input(1, "shape")?.unwrap_or_default())?;
    let dims = broadcast(&x.dims, &shape).ok_or_else(too_large)?;
    let index = broadcast_index(&x.dims, &dims)?;
    pick(x, dims, &index)
}
