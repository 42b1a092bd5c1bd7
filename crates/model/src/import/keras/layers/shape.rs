//! Layers that move or repeat values.

use serde_json::Value as Json;

use super::Context;
use crate::Result;
use crate::builder::Value;
use crate::limits;

/// All values in channels-last order, whatever the input's order.
pub(super) fn flatten(cx: &mut Context<'_>) -> Result<Value> {
    let mut x = cx.one()?;
    let rank = x.dims().len();
    if !cx.attributes.channels_last()? && rank > 2 {
        let perm: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
        x = cx.builder.transpose(&x, &perm)?;
    }
    cx.builder.reshape(&x, &[1, x.len()])
}

/// Other dimensions, one of which may be -1.
pub(super) fn reshape(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let closest = format!(
        "dimensions whose product is {}, one of them possibly -1",
        x.len()
    );
    let refuse = || a.refuse("target_shape", &closest);
    let target = a
        .get("target_shape")
        .and_then(Json::as_array)
        .filter(|t| t.len() < limits::MAX_RANK)
        .ok_or_else(refuse)?;
    let mut dims = vec![1usize];
    let mut open = None;
    for (i, v) in target.iter().enumerate() {
        match v.as_i64() {
            Some(-1) if open.is_none() => {
                open = Some(i + 1);
                dims.push(1);
            }
            Some(n) if n > 0 => dims.push(usize::try_from(n).map_err(|_| refuse())?),
            _ => return Err(refuse()),
        }
    }
    let known = limits::values(&dims)
        .filter(|&k| k > 0)
        .ok_or_else(refuse)?;
    if let Some(i) = open {
        dims[i] = x.len() / known;
    }
    if limits::values(&dims) != Some(x.len()) {
        return Err(refuse());
    }
    cx.builder.reshape(&x, &dims)
}

/// Axes in another order, counted from 1.
pub(super) fn permute(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let rank = x.dims().len();
    let perm: Option<Vec<usize>> = a.get("dims").and_then(Json::as_array).and_then(|dims| {
        dims.iter()
            .map(|v| {
                v.as_u64()
                    .map(|n| n as usize)
                    .filter(|&n| n > 0 && n < rank)
            })
            .collect()
    });
    let perm = perm.filter(|p| p.len() + 1 == rank).ok_or_else(|| {
        a.refuse(
            "dims",
            &format!("the numbers 1 to {} in some order", rank.saturating_sub(1)),
        )
    })?;
    let perm: Vec<usize> = std::iter::once(0).chain(perm).collect();
    cx.builder.transpose(&x, &perm)
}

/// Zeros around rows and columns.
pub(super) fn zero_padding(cx: &mut Context<'_>, spatial: usize) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let number = |v: &Json| {
        v.as_u64()
            .filter(|&n| n <= limits::MAX_TENSOR_VALUES as u64)
            .map(|n| n as usize)
    };
    let both = |v: &Json| match v {
        Json::Array(p) if p.len() == 2 => Some([number(&p[0])?, number(&p[1])?]),
        v => number(v).map(|n| [n, n]),
    };
    let pads = match (spatial, a.get("padding")) {
        (_, None) => Some([[1; 2]; 2]),
        (1, Some(v)) => both(v).map(|columns| [[0; 2], columns]),
        (_, Some(Json::Array(p))) if p.len() == 2 => {
            both(&p[0]).zip(both(&p[1])).map(|(r, c)| [r, c])
        }
        (_, Some(v)) => number(v).map(|n| [[n; 2]; 2]),
    };
    let [rows, columns] =
        pads.ok_or_else(|| a.refuse("padding", "numbers that are not negative"))?;
    let rows = if spatial == 1 { [0; 2] } else { rows };
    let last = a.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let y = cx
        .builder
        .pad(&image, [rows[0], columns[0], rows[1], columns[1]], 0.0)?;
    cx.undo_image(&y, spatial, last)
}

/// Every value repeated.
pub(super) fn upsampling(cx: &mut Context<'_>, spatial: usize) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    if a.text("interpolation", "nearest")? != "nearest" {
        return Err(a.refuse("interpolation", "nearest"));
    }
    let default = if spatial == 1 { [1, 2] } else { [2, 2] };
    let factors = a.pair("size", spatial, Some(default))?;
    let last = a.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let y = cx.builder.upsample(&image, factors)?;
    cx.undo_image(&y, spatial, last)
}
