//! Operators on rows and columns that models apply in either axis order: Pad, Upsample, Resize.

use super::node::Node;
use super::tensor::Data;
use crate::builder::{Builder, Value};
use crate::{Result, limits};

/// `x` with the channels behind the batch axis.
pub(super) fn channels_first(b: &Builder, x: &Value, channels_last: bool) -> Result<Value> {
    match (channels_last, x.dims().len()) {
        (true, 4) => b.transpose(x, &[0, 3, 1, 2]),
        (true, 3) => b.transpose(x, &[0, 2, 1]),
        _ => Ok(x.clone()),
    }
}

/// Undoes [`channels_first`].
pub(super) fn restore(b: &Builder, y: &Value, channels_last: bool) -> Result<Value> {
    match (channels_last, y.dims().len()) {
        (true, 4) => b.transpose(y, &[0, 2, 3, 1]),
        (true, 3) => b.transpose(y, &[0, 2, 1]),
        _ => Ok(y.clone()),
    }
}

/// Which axes are rows and columns, given those that change: `(channels last, [rows, columns])`;
/// of a 1-D signal both are its only axis.
fn image_axes(rank: usize, changed: &[usize]) -> Option<(bool, [usize; 2])> {
    let within = |axes: &[usize]| changed.iter().all(|a| axes.contains(a));
    match rank {
        4 if within(&[2, 3]) => Some((false, [2, 3])),
        4 if within(&[1, 2]) => Some((true, [1, 2])),
        3 if within(&[2]) => Some((false, [2, 2])),
        3 if within(&[1]) => Some((true, [1, 1])),
        _ => None,
    }
}

/// Pad with a constant, rows and columns only.
pub(super) fn pad(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let rank = x.dims().len();
    let mode = node.string("mode", "constant")?;
    if mode != "constant" {
        return Err(node.error(Some("mode"), format!("'{mode}'; supported is 'constant'")));
    }
    let (given, value) = if node.opset < 11 {
        (node.ints("pads")?, node.float("value", 0.0)?)
    } else {
        let value = node.scalar_input(2, "constant_value")?.unwrap_or(0.0);
        (node.int_input(1, "pads")?, value)
    };
    if !value.is_finite() {
        return Err(node.error(
            Some("constant_value"),
            format!("{value}; expected a finite number"),
        ));
    }
    let given = given.ok_or_else(|| node.error(Some("pads"), "it is missing"))?;
    let axes: Vec<usize> = match node.int_input(3, "axes")? {
        Some(axes) if axes.len() <= rank => axes
            .iter()
            .map(|&a| node.axis(a, rank, "axes"))
            .collect::<Result<_>>()?,
        Some(_) => return Err(node.error(Some("axes"), "more axes than the tensor has")),
        None => (0..rank).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(node.error(
            Some("pads"),
            format!("{given:?}; expected two values per axis"),
        ));
    }
    let mut pads = [[0usize; 2]; limits::MAX_RANK];
    for (i, &axis) in axes.iter().enumerate() {
        for (side, &v) in [&given[i], &given[i + axes.len()]].into_iter().enumerate() {
            pads[axis][side] = usize::try_from(v)
                .ok()
                .filter(|&v| v <= limits::MAX_TENSOR_VALUES)
                .ok_or_else(|| {
                    node.error(
                        Some("pads"),
                        format!("{given:?}; supported are values of 0 and above"),
                    )
                })?;
        }
    }
    let changed: Vec<usize> = (0..rank).filter(|&a| pads[a] != [0, 0]).collect();
    if changed.is_empty() {
        return Ok(x.clone());
    }
    let (last, [rows, columns]) = image_axes(rank, &changed).ok_or_else(|| {
        node.error(
            Some("pads"),
            format!("{given:?}; supported is padding of rows and columns"),
        )
    })?;
    let top = if rank == 4 { pads[rows] } else { [0, 0] };
    let side = pads[columns];
    let image = channels_first(b, x, last)?;
    let y = b.pad(&image, [top[0], side[0], top[1], side[1]], value)?;
    finish(b, y, rank, last)
}

/// Drops the row axis a 1-D signal was given and restores the axis order.
fn finish(b: &Builder, y: Value, rank: usize, channels_last: bool) -> Result<Value> {
    let y = match *y.dims() {
        [n, c, 1, l] if rank == 3 => b.reshape(&y, &[n, c, l])?,
        _ => y,
    };
    restore(b, &y, channels_last)
}

/// Upsample and Resize by repetition.
pub(super) fn resize(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let rank = x.dims().len();
    let mode = node.string("mode", "nearest")?;
    if mode != "nearest" {
        return Err(node.error(Some("mode"), format!("'{mode}'; supported is 'nearest'")));
    }
    if node.has("axes") {
        return Err(node.error(
            Some("axes"),
            "supported are scales or sizes of all axes, without 'axes'",
        ));
    }
    let factors = whole_factors(node, x.dims())?;
    let changed: Vec<usize> = (0..rank).filter(|&a| factors[a] != 1).collect();
    if changed.is_empty() {
        return Ok(x.clone());
    }
    let (coordinates, rounding) = if node.opset < 11 {
        ("asymmetric".to_owned(), "floor".to_owned())
    } else {
        (
            node.string("coordinate_transformation_mode", "half_pixel")?,
            node.string("nearest_mode", "round_prefer_floor")?,
        )
    };
    for &axis in &changed {
        if !repeats(&coordinates, &rounding, x.dims()[axis], factors[axis]) {
            return Err(node.error(
                Some("coordinate_transformation_mode"),
                format!(
                    "'{coordinates}' with nearest_mode '{rounding}' does not repeat every value {} times; \
                     supported is for example 'asymmetric' with 'floor'",
                    factors[axis]
                ),
            ));
        }
    }
    let (last, [rows, columns]) = image_axes(rank, &changed).ok_or_else(|| {
        node.error(
            Some("scales"),
            format!("{factors:?}; supported is enlarging rows and columns"),
        )
    })?;
    let down = if rank == 4 { factors[rows] } else { 1 };
    let image = channels_first(b, x, last)?;
    let y = b.upsample(&image, [down, factors[columns]])?;
    finish(b, y, rank, last)
}

/// The whole number every axis is enlarged by.
fn whole_factors(node: &Node<'_>, dims: &[usize]) -> Result<Vec<usize>> {
    let scales = if node.op() == "Resize" && node.opset >= 11 {
        2
    } else {
        1
    };
    let wrong = |name: &str, found: String| {
        node.error(
            Some(name),
            format!("{found} for dimensions {dims:?}; supported are whole factors of 1 and above"),
        )
    };
    let scales = node.constant(scales, "scales")?;
    if let Some(c) = scales.filter(|c| c.data.len() > 0) {
        let Data::Float(scales) = &c.data else {
            return Err(wrong("scales", "integers".to_owned()));
        };
        let whole = |s: f32| (1.0..=65536.0).contains(&s) && s.fract() == 0.0;
        if scales.len() != dims.len() || !scales.iter().all(|&s| whole(s)) {
            return Err(wrong(
                "scales",
                format!("{} values", scales.len()) + &preview(scales),
            ));
        }
        return Ok(scales.iter().map(|&s| s as usize).collect());
    }
    let sizes = node
        .int_input(3, "sizes")?
        .ok_or_else(|| wrong("scales", "neither scales nor sizes".to_owned()))?;
    if sizes.len() != dims.len() {
        return Err(wrong("sizes", format!("{} values", sizes.len())));
    }
    sizes
        .iter()
        .zip(dims)
        .map(|(&s, &d)| {
            usize::try_from(s)
                .ok()
                .filter(|&s| d > 0 && s > 0 && s % d == 0 && s / d <= 65536)
                .map(|s| s / d)
                .ok_or_else(|| wrong("sizes", format!("{sizes:?}")))
        })
        .collect()
}

fn preview(values: &[f32]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(f32::to_string).collect();
    format!(" ({})", shown.join(", "))
}

/// Whether the rules pick input `i / factor` for every output `i`.
fn repeats(coordinates: &str, rounding: &str, len: usize, factor: usize) -> bool {
    let out = match len.checked_mul(factor) {
        Some(n) if n <= limits::MAX_TENSOR_VALUES => n,
        _ => return false,
    };
    let f = factor as f64;
    (0..out).all(|i| {
        let x = i as f64;
        let at = match coordinates {
            "asymmetric" => x / f,
            "half_pixel" | "half_pixel_symmetric" => (x + 0.5) / f - 0.5,
            "pytorch_half_pixel" if out > 1 => (x + 0.5) / f - 0.5,
            "pytorch_half_pixel" => 0.0,
            "tf_half_pixel_for_nn" => (x + 0.5) / f,
            _ => return false,
        };
        let at = match rounding {
            "floor" => at.floor(),
            "ceil" => at.ceil(),
            "round_prefer_floor" => (at - 0.5).ceil(),
            "round_prefer_ceil" => (at + 0.5).floor(),
            _ => return false,
        };
        at.clamp(0.0, (len.saturating_sub(1)) as f64) as usize == i / factor
    })
}
