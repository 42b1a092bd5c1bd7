//! Evaluation of operators on constants: the shape computations exporters leave in the file.

use super::node::{Binding, Node};
use super::shape::{new_dims, permutation};
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

fn input<'n>(node: &'n Node<'_>, i: usize) -> Result<&'n Constant> {
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

fn too_large() -> Error {
    Error::invalid("a constant that is too large or a size that is out of range")
}

fn as_i64(n: usize) -> Result<i64> {
    i64::try_from(n).map_err(|_| too_large())
}

/// Sizes given as integers.
fn as_dims(values: &[i64]) -> Result<Vec<usize>> {
    let dims: Option<Vec<usize>> = values.iter().map(|&d| usize::try_from(d).ok()).collect();
    dims.filter(|d| d.len() <= limits::MAX_RANK && limits::values(d).is_some())
        .ok_or_else(too_large)
}

fn pick(x: &Constant, dims: Vec<usize>, index: &[usize]) -> Result<Constant> {
    Constant::new(dims, x.data.pick(index).ok_or_else(too_large)?)
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

fn gather(node: &Node<'_>) -> Result<Constant> {
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

fn concat(node: &Node<'_>) -> Result<Constant> {
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

fn slice(node: &Node<'_>) -> Result<Constant> {
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

fn transpose(node: &Node<'_>) -> Result<Constant> {
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
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
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
fn broadcast_index(from: &[usize], to: &[usize]) -> Result<Vec<usize>> {
    let skip = to.len().saturating_sub(from.len());
    walk(to, |c| {
        c[skip..]
            .iter()
            .zip(from)
            .fold(0, |at, (&c, &d)| at * d + if d == 1 { 0 } else { c })
    })
}

fn expand(node: &Node<'_>) -> Result<Constant> {
    let x = input(node, 0)?;
    let shape = as_dims(node.int_input(1, "shape")?.unwrap_or_default())?;
    let dims = broadcast(&x.dims, &shape).ok_or_else(too_large)?;
    let index = broadcast_index(&x.dims, &dims)?;
    pick(x, dims, &index)
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
