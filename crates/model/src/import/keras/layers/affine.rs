//! Dense layers and normalisations.

use serde_json::Value as Json;

use super::super::attributes::{Attributes, positive_axis};
use super::{Context, activation};
use crate::builder::Value;
use crate::{Error, Result};

/// Dense on the last axis.
pub(super) fn dense(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let units = cx.attributes.count("units", 0)?;
    let inputs = x.dims().last().copied().unwrap_or(0);
    if units == 0 {
        return Err(cx.attributes.refuse("units", "a positive integer"));
    }
    let weight = cx.parameters.take("kernel", &[inputs, units])?;
    let bias = if cx.attributes.flag("use_bias", true)? {
        Some(cx.parameters.take("bias", &[units])?)
    } else {
        None
    };
    let y = cx.builder.dense(&x, &weight, bias, units)?;
    activation::attribute(cx, y)
}

/// `dims` with everything but the kept axes 1, batch left out.
fn broadcast(dims: &[usize], keep: &[usize]) -> Vec<usize> {
    (1..dims.len())
        .map(|i| if keep.contains(&i) { dims[i] } else { 1 })
        .collect()
}

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.
pub(super) fn batch_normalization(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let axis = a.axis("axis", -1, x.dims().len())?;
    let channels = x.dims()[axis];
    let epsilon = a.number("epsilon", Some(1e-3))?.unwrap_or(1e-3);
    let mut optional = |key: &str, flag: &str, default: f32| -> Result<Vec<f32>> {
        if a.flag(flag, true)? {
            cx.parameters.take(key, &[channels])
        } else {
            Ok(vec![default; channels])
        }
    };
    let gamma = optional("gamma", "scale", 1.0)?;
    let beta = optional("beta", "center", 0.0)?;
    let mean = cx.parameters.take("moving_mean", &[channels])?;
    let variance = cx.parameters.take("moving_variance", &[channels])?;
    let mut scale = vec![];
    let mut shift = vec![];
    for i in 0..channels {
        let deviation = (f64::from(variance[i]) + epsilon).sqrt();
        if deviation.is_nan() || deviation <= 0.0 {
            return Err(Error::unsupported(
                a.layer,
                a.class,
                Some("moving_variance"),
                format!(
                    "found the variance {} of channel {i}; it must be positive",
                    variance[i]
                ),
            ));
        }
        let s = f64::from(gamma[i]) / deviation;
        scale.push(s as f32);
        shift.push((f64::from(beta[i]) - s * f64::from(mean[i])) as f32);
    }
    let dims = broadcast(x.dims(), &[axis]);
    cx.builder.affine(&x, &scale, &shift, &dims)
}

/// A number or a (nested) list of numbers, flattened.
fn numbers(a: &Attributes<'_>, key: &str) -> Result<Option<Vec<f64>>> {
    let Some(value) = a.get(key) else {
        return Ok(None);
    };
    let mut out = vec![];
    // Iterative: the file decides the nesting.
    let mut open = vec![value];
    while let Some(v) = open.pop() {
        match v {
            Json::Array(items) => open.extend(items.iter().rev()),
            v => out.push(
                v.as_f64()
                    .filter(|n| (*n as f32).is_finite())
                    .ok_or_else(|| a.refuse(key, "finite numbers"))?,
            ),
        }
    }
    Ok(Some(out))
}

/// `(x - mean) / max(sqrt(variance), 1e-7)`; mean and variance from the configuration or the weights.
pub(super) fn normalization(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    if a.flag("invert", false)? {
        return Err(a.refuse("invert", "false"));
    }
    let rank = x.dims().len();
    let axes: Option<Vec<usize>> = match a.get("axis") {
        None if a.config.get("axis").is_some() => Some(vec![]),
        None => positive_axis(-1, rank).map(|i| vec![i]),
        Some(Json::Array(items)) => items
            .iter()
            .map(|v| v.as_i64().and_then(|i| positive_axis(i, rank)))
            .collect(),
        Some(v) => v
            .as_i64()
            .and_then(|i| positive_axis(i, rank))
            .map(|i| vec![i]),
    };
    let mut axes = axes.ok_or_else(|| a.refuse("axis", "axes other than the batch"))?;
    axes.sort_unstable();
    let kept: Vec<usize> = axes.iter().map(|&i| x.dims()[i]).collect();
    let count: usize = kept.iter().product();
    let (mean, variance) = match (numbers(&a, "mean")?, numbers(&a, "variance")?) {
        (Some(mean), Some(variance)) => (mean, variance),
        _ => {
            let wide = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<_>>();
            let mean = wide(cx.parameters.take("mean", &kept)?);
            let variance = wide(cx.parameters.take("variance", &kept)?);
            cx.parameters.any("count")?;
            (mean, variance)
        }
    };
    let fill = |v: Vec<f64>, key: &str| match v.len() {
        1 => Ok(vec![v[0]; count]),
        n if n == count => Ok(v),
        _ => Err(a.refuse(key, &format!("{count} numbers"))),
    };
    let (mean, variance) = (fill(mean, "mean")?, fill(variance, "variance")?);
    let scale: Vec<f64> = variance.iter().map(|v| 1.0 / v.sqrt().max(1e-7)).collect();
    let shift: Vec<f32> = mean
        .iter()
        .zip(&scale)
        .map(|(m, s)| (-m * s) as f32)
        .collect();
    let scale: Vec<f32> = scale.into_iter().map(|s| s as f32).collect();
    let dims = broadcast(x.dims(), &axes);
    cx.builder.affine(&x, &scale, &shift, &dims)
}

/// `scale * x + offset`.
pub(super) fn rescaling(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let scale = numbers(&a, "scale")?.ok_or_else(|| a.refuse("scale", "a number"))?;
    let offset = numbers(&a, "offset")?.unwrap_or_else(|| vec![0.0]);
    // Lists apply to the last axis.
    let n = scale.len().max(offset.len());
    let fill = |v: &[f64], key: &str| match v.len() {
        1 => Ok(vec![v[0] as f32; n]),
        m if m == n && n > 0 => Ok(v.iter().map(|&f| f as f32).collect::<Vec<_>>()),
        _ => Err(a.refuse(key, "one number, or one per channel")),
    };
    let (scale, offset) = (fill(&scale, "scale")?, fill(&offset, "offset")?);
    cx.builder.affine(&x, &scale, &offset, &[n])
}
