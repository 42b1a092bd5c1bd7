//! Convolution, and the sliding-window attributes it shares with pooling.

use super::node::Node;
use crate::Result;
use crate::builder::{Builder, Value};
use crate::graph::Window;

/// A window of one or two spatial axes, with what the attributes left open filled in.
pub(super) struct Sliding {
    pub(super) window: Window,
    /// Whether `auto_pad` is SAME_UPPER or SAME_LOWER: the output size is then fixed by the stride.
    pub(super) same: bool,
}

/// Rows and columns of `[1, c, h, w]`, or 1 and the length of `[1, c, l]`.
pub(super) fn spatial(node: &Node<'_>, x: &Value) -> Result<(usize, [usize; 2])> {
    match *x.dims() {
        [1, _, h, w] => Ok((2, [h, w])),
        [1, _, l] => Ok((1, [1, l])),
        _ => Err(node.error(
            None,
            format!(
                "an input of dimensions {:?}; supported are [1, channels, rows, columns] and [1, channels, length]",
                x.dims()
            ),
        )),
    }
}

/// `values` per spatial axis as rows and columns; one axis becomes the columns.
fn pair(values: &[usize], rows: usize) -> [usize; 2] {
    match *values {
        [h, w] => [h, w],
        [w] => [rows, w],
        _ => [rows, 1],
    }
}

/// Reads strides, dilations, pads and auto_pad for a kernel on an input of `size` with `axes` spatial axes.
pub(super) fn sliding(
    node: &Node<'_>,
    kernel: &[usize],
    axes: usize,
    size: [usize; 2],
) -> Result<Sliding> {
    let strides = node.sizes("strides", axes, 1, 1)?;
    let dilations = node.sizes("dilations", axes, 1, 1)?;
    let explicit = node.sizes("pads", 2 * axes, 0, 0)?;
    let mut window = Window {
        kernel: pair(kernel, 1),
        stride: pair(&strides, 1),
        dilation: pair(&dilations, 1),
        pads: match *explicit {
            [t, l, b, r] => [t, l, b, r],
            [l, r] => [0, l, 0, r],
            _ => [0; 4],
        },
    };
    let auto_pad = node.string("auto_pad", "NOTSET")?;
    let lower = match auto_pad.as_str() {
        "NOTSET" | "" => None,
        _ if explicit.iter().any(|&p| p != 0) => {
            return Err(node.error(
                Some("auto_pad"),
                format!("{auto_pad} together with pads {explicit:?}; supported is one of the two"),
            ));
        }
        "VALID" => None,
        "SAME_UPPER" => Some(false),
        "SAME_LOWER" => Some(true),
        other => {
            return Err(node.error(
                Some("auto_pad"),
                format!("'{other}'; supported are NOTSET, VALID, SAME_UPPER and SAME_LOWER"),
            ));
        }
    };
    if let Some(lower) = lower {
        for (axis, &len) in size.iter().enumerate() {
            let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
            let [begin, end] = same_pads(len, kernel, stride, window.dilation[axis], lower)
                .ok_or_else(|| {
                    node.error(
                        Some("auto_pad"),
                        format!(
                            "{auto_pad} with kernel {kernel} and stride {stride} on {} values skips values at the border, \
                             which runtimes do differently; supported are explicit pads",
                            len
                        ),
                    )
                })?;
            window.pads[axis] = begin;
            window.pads[axis + 2] = end;
        }
    }
    Ok(Sliding {
        window,
        same: lower.is_some(),
    })
}

/// Padding that makes the output `ceil(len / stride)` long; an odd one goes to the end, or to the start if `lower`.
///
/// The formula of the specification turns negative if the windows leave values over. One value is
/// left out at the end by everybody; of two, some runtimes leave out one on each side.
fn same_pads(
    len: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    lower: bool,
) -> Option<[usize; 2]> {
    let span = kernel
        .checked_sub(1)?
        .checked_mul(dilation)?
        .checked_add(1)?;
    let steps = len.div_ceil(stride).checked_sub(1)?;
    let reach = steps.checked_mul(stride)?.checked_add(span)?;
    if reach.checked_add(1)? < len {
        return None;
    }
    let total = reach.saturating_sub(len);
    let (less, more) = (total / 2, total - total / 2);
    Some(if lower { [more, less] } else { [less, more] })
}

/// Conv of one or two spatial axes.
pub(super) fn conv(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let (axes, size) = spatial(node, x)?;
    let (weight, dims) = node.required(1, "W")?;
    let [out, per_group, kernel @ ..] = dims else {
        return Err(node.error(Some("W"), format!("dimensions {dims:?}")));
    };
    if kernel.len() != axes || kernel.contains(&0) {
        return Err(node.error(
            Some("W"),
            format!(
                "dimensions {dims:?} do not fit an input of dimensions {:?}",
                x.dims()
            ),
        ));
    }
    if let Some(given) = node.ints("kernel_shape")?
        && !given
            .iter()
            .map(|&k| usize::try_from(k).ok())
            .eq(kernel.iter().map(|&k| Some(k)))
    {
        return Err(node.error(
            Some("kernel_shape"),
            format!("{given:?}, but the weights have the kernel {kernel:?}"),
        ));
    }
    let group = usize::try_from(node.int("group", 1)?)
        .ok()
        .filter(|&g| g > 0)
        .ok_or_else(|| node.error(Some("group"), "expected a positive number"))?;
    let channels = x.dims().get(1).copied().unwrap_or(0);
    if per_group.checked_mul(group) != Some(channels) || !out.is_multiple_of(group) {
        return Err(node.error(
            Some("group"),
            format!("{group} groups and weights of dimensions {dims:?} do not fit {channels} input channels"),
        ));
    }
    let window = sliding(node, kernel, axes, size)?.window;
    let bias = node.weights(2, "B")?.map(|(v, _)| v.to_vec());
    if bias.as_ref().is_some_and(|v| v.len() != *out) {
        return Err(node.error(Some("B"), format!("expected {out} values")));
    }
    let [h, w] = size;
    let image = b.reshape(x, &[1, channels, h, w])?;
    let y = b.conv(&image, weight.to_vec(), bias, *out, group, window)?;
    without_rows(b, y, axes)
}

/// Back to `[1, c, l]` if there was one spatial axis.
pub(super) fn without_rows(b: &Builder, y: Value, axes: usize) -> Result<Value> {
    match *y.dims() {
        [n, c, 1, l] if axes == 1 => b.reshape(&y, &[n, c, l]),
        _ => Ok(y),
    }
}
