//! Layers of several inputs.

use super::Context;
use crate::builder::Value;
use crate::{Error, Result};

/// A sum, each input times its factor.
pub(super) fn sum(cx: &mut Context<'_>, factor: impl Fn(usize) -> f32) -> Result<Value> {
    let factors: Vec<f32> = (0..cx.inputs.len()).map(factor).collect();
    cx.builder.sum(cx.inputs, &factors)
}

/// First minus second.
pub(super) fn subtract(cx: &mut Context<'_>) -> Result<Value> {
    match cx.inputs {
        [_, _] => sum(cx, |i| if i == 0 { 1.0 } else { -1.0 }),
        xs => Err(Error::invalid(format!(
            "has {} inputs, expected two",
            xs.len()
        ))),
    }
}

/// A tensor times itself.
pub(super) fn multiply(cx: &mut Context<'_>) -> Result<Value> {
    match cx.inputs {
        [a, b] => cx.builder.square(a, b),
        xs => Err(Error::invalid(format!(
            "multiplies {} tensors; supported is a tensor times itself",
            xs.len()
        ))),
    }
}

/// Concatenation along an axis.
pub(super) fn concatenate(cx: &mut Context<'_>) -> Result<Value> {
    let rank = cx.inputs.first().map_or(0, |x| x.dims().len());
    let axis = cx.attributes.axis("axis", -1, rank)?;
    cx.builder.concat(cx.inputs, axis)
}
