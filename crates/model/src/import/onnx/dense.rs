//! Matrix products and batch normalisation.

use super::node::Node;
use crate::builder::{Builder, Value};
use crate::{Result, limits};

/// `alpha * A * B + beta * C` with constant B and C.
pub(super) fn gemm(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    if node.flag("transA", false)? {
        return Err(node.error(Some("transA"), "1; supported is 0"));
    }
    let &[1, inputs] = x.dims() else {
        return Err(node.error(
            None,
            format!("an input of dimensions {:?}; supported is [1, n]", x.dims()),
        ));
    };
    let alpha = node.float("alpha", 1.0)?;
    let beta = node.float("beta", 1.0)?;
    let (weight, dims) = node.required(1, "B")?;
    let transposed = node.flag("transB", false)?;
    let (rows, outputs) = match *dims {
        [r, c] if transposed => (c, r),
        [r, c] => (r, c),
        _ => return Err(node.error(Some("B"), format!("dimensions {dims:?}; expected a matrix"))),
    };
    if rows != inputs || outputs == 0 {
        return Err(node.error(
            Some("B"),
            format!("dimensions {dims:?} do not fit an input of {inputs} values"),
        ));
    }
    let mut matrix = Vec::with_capacity(weight.len());
    for i in 0..inputs {
        for o in 0..outputs {
            let at = if transposed {
                o * inputs + i
            } else {
                i * outputs + o
            };
            matrix.push(alpha * weight.get(at).copied().unwrap_or(0.0));
        }
    }
    let bias = match node.weights(2, "C")? {
        None => None,
        Some((c, dims)) => Some(match (c, dims) {
            (&[c], _) => vec![beta * c; outputs],
            (_, [1, n] | [n]) if *n == outputs => c.iter().map(|c| beta * c).collect(),
            _ => {
                return Err(node.error(
                    Some("C"),
                    format!("dimensions {dims:?}; supported is one value per output ({outputs})"),
                ));
            }
        }),
    };
    b.dense(x, &matrix, bias, outputs)
}

/// Product with a constant matrix on the right.
pub(super) fn matmul(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let (weight, dims) = node.required(1, "B")?;
    let (inputs, outputs) = match *dims {
        [ref batch @ .., r, c] if batch.iter().all(|&d| d == 1) && dims.len() <= x.dims().len() => {
            (r, c)
        }
        _ => {
            return Err(node.error(
                Some("B"),
                format!("dimensions {dims:?}; supported is a matrix [inputs, outputs]"),
            ));
        }
    };
    if x.dims().len() < 2 || x.dims().last() != Some(&inputs) || outputs == 0 {
        return Err(node.error(
            Some("B"),
            format!(
                "dimensions {dims:?} do not fit an input of dimensions {:?}",
                x.dims()
            ),
        ));
    }
    b.dense(x, weight, None, outputs)
}

/// BatchNormalization with its stored statistics.
pub(super) fn batch_normalization(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    if node.flag("training_mode", false)? {
        return Err(node.error(Some("training_mode"), "1; supported is 0 (inference)"));
    }
    let channels = match *x.dims() {
        [1, c, ..] if x.dims().len() <= limits::MAX_RANK => c,
        _ => {
            return Err(node.error(None, format!("an input of dimensions {:?}", x.dims())));
        }
    };
    let epsilon = f64::from(node.float("epsilon", 1e-5)?);
    let mut parts = [&[][..]; 4];
    for (i, role) in ["scale", "B", "mean", "var"].into_iter().enumerate() {
        let (values, dims) = node.required(i + 1, role)?;
        if dims != [channels] {
            return Err(node.error(
                Some(role),
                format!("dimensions {dims:?}; expected one value per channel ({channels})"),
            ));
        }
        parts[i] = values;
    }
    let [gamma, beta, mean, variance] = parts;
    let mut scale = Vec::with_capacity(channels);
    let mut shift = Vec::with_capacity(channels);
    for (((&g, &be), &m), &v) in gamma.iter().zip(beta).zip(mean).zip(variance) {
        let under_root = f64::from(v) + epsilon;
        if under_root <= 0.0 {
            return Err(node.error(
                Some("var"),
                format!("a variance of {v} with epsilon {epsilon}"),
            ));
        }
        let s = f64::from(g) / under_root.sqrt();
        scale.push(s as f32);
        shift.push((f64::from(be) - f64::from(m) * s) as f32);
    }
    let mut dims = vec![1; x.dims().len()];
    dims[1] = channels;
    b.affine(x, &scale, &shift, &dims)
}
