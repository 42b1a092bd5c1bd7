//! Convolutions.

use super::{Context, activation};
use crate::builder::Value;
use crate::graph::Window;
use crate::{Error, Result};

/// Padding before and after so that there are `ceil(len / stride)` outputs; the odd one is after.
pub(super) fn same(
    len: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> Option<(usize, usize)> {
    let outputs = len.div_ceil(stride.max(1));
    let span = kernel
        .checked_sub(1)?
        .checked_mul(dilation)?
        .checked_add(1)?;
    let total = (outputs.checked_sub(1)?)
        .checked_mul(stride)?
        .checked_add(span)?
        .saturating_sub(len);
    Some((total / 2, total - total / 2))
}

/// The window of the layer on `[1, channels, rows, columns]`.
fn window(cx: &Context<'_>, image: &Value, spatial: usize) -> Result<Window> {
    let a = &cx.attributes;
    let kernel = a.pair("kernel_size", spatial, None)?;
    let stride = a.pair("strides", spatial, Some([1, 1]))?;
    let dilation = a.pair("dilation_rate", spatial, Some([1, 1]))?;
    let mut pads = [0; 4];
    match a.text("padding", "valid")? {
        "valid" => {}
        "same" => {
            for axis in 0..2 {
                let len = image.dims()[axis + 2];
                (pads[axis], pads[axis + 2]) =
                    same(len, kernel[axis], stride[axis], dilation[axis])
                        .ok_or_else(|| a.refuse("kernel_size", "a smaller window"))?;
            }
        }
        "causal" if spatial == 1 => {
            pads[1] = dilation[1]
                .checked_mul(kernel[1] - 1)
                .ok_or_else(|| a.refuse("dilation_rate", "a smaller dilation"))?;
        }
        _ => {
            return Err(a.refuse(
                "padding",
                if spatial == 1 {
                    "valid, same or causal"
                } else {
                    "valid or same"
                },
            ));
        }
    }
    Ok(Window {
        kernel,
        stride,
        dilation,
        pads,
    })
}

/// `[taps, inputs, outputs]` to `[outputs, inputs, taps]`.
fn reorder(weight: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let taps = weight.len() / (inputs * outputs).max(1);
    let mut out = Vec::with_capacity(weight.len());
    for o in 0..outputs {
        for i in 0..inputs {
            for t in 0..taps {
                out.push(weight[(t * inputs + i) * outputs + o]);
            }
        }
    }
    out
}

/// Kernel dimensions as the file has them.
fn dims(spatial: usize, kernel: [usize; 2], rest: [usize; 2]) -> Vec<usize> {
    let mut dims = kernel[2 - spatial..].to_vec();
    dims.extend(rest);
    dims
}

fn bias(cx: &mut Context<'_>, outputs: usize) -> Result<Option<Vec<f32>>> {
    if cx.attributes.flag("use_bias", true)? {
        cx.parameters.take("bias", &[outputs]).map(Some)
    } else {
        Ok(None)
    }
}

/// Conv1D and Conv2D.
pub(super) fn conv(cx: &mut Context<'_>, spatial: usize) -> Result<Value> {
    let x = cx.one()?;
    let last = cx.attributes.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let inputs = image.dims()[1];
    let outputs = cx.attributes.count("filters", 0)?;
    let groups = cx.attributes.count("groups", 1)?;
    if inputs % groups != 0 || outputs % groups != 0 || outputs == 0 {
        return Err(cx.attributes.refuse(
            "groups",
            &format!("a divisor of {inputs} input channels and {outputs} filters"),
        ));
    }
    let window = window(cx, &image, spatial)?;
    let per_group = inputs / groups;
    let weight = cx.parameters.take(
        "kernel",
        &dims(spatial, window.kernel, [per_group, outputs]),
    )?;
    let bias = bias(cx, outputs)?;
    let weight = reorder(&weight, per_group, outputs);
    let y = cx
        .builder
        .conv(&image, weight, bias, outputs, groups, window)?;
    let y = cx.undo_image(&y, spatial, last)?;
    activation::attribute(cx, y)
}

/// Output channel `input * multiplier + m` is filter `m` of channel `input`.
fn depthwise_step(
    cx: &mut Context<'_>,
    image: &Value,
    spatial: usize,
    with_bias: bool,
) -> Result<Value> {
    let inputs = image.dims()[1];
    let multiplier = cx.attributes.count("depth_multiplier", 1)?;
    let outputs = inputs
        .checked_mul(multiplier)
        .ok_or_else(|| cx.attributes.refuse("depth_multiplier", "a smaller number"))?;
    let window = window(cx, image, spatial)?;
    let weight = cx.parameters.take(
        "depthwise_kernel",
        &dims(spatial, window.kernel, [inputs, multiplier]),
    )?;
    let bias = if with_bias { bias(cx, outputs)? } else { None };
    // [taps, inputs, multiplier] to [inputs * multiplier, 1, taps]
    let weight = reorder(&weight, 1, outputs);
    cx.builder
        .conv(image, weight, bias, outputs, inputs, window)
}

/// DepthwiseConv1D and DepthwiseConv2D.
pub(super) fn depthwise(cx: &mut Context<'_>, spatial: usize) -> Result<Value> {
    let x = cx.one()?;
    let last = cx.attributes.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let y = depthwise_step(cx, &image, spatial, true)?;
    let y = cx.undo_image(&y, spatial, last)?;
    activation::attribute(cx, y)
}

/// SeparableConv1D and SeparableConv2D: depthwise, then 1x1 with the bias.
pub(super) fn separable(cx: &mut Context<'_>, spatial: usize) -> Result<Value> {
    let x = cx.one()?;
    let last = cx.attributes.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let outputs = cx.attributes.count("filters", 0)?;
    if outputs == 0 {
        return Err(cx.attributes.refuse("filters", "a positive integer"));
    }
    let y = depthwise_step(cx, &image, spatial, false)?;
    let inputs = y.dims()[1];
    let weight = cx.parameters.take(
        "pointwise_kernel",
        &dims(spatial, [1, 1], [inputs, outputs]),
    )?;
    let bias = bias(cx, outputs)?;
    let weight = reorder(&weight, inputs, outputs);
    if weight.is_empty() {
        return Err(Error::invalid("an empty kernel"));
    }
    let y = cx
        .builder
        .conv(&y, weight, bias, outputs, 1, Window::POINT)?;
    let y = cx.undo_image(&y, spatial, last)?;
    activation::attribute(cx, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_one_after() {
        assert_eq!(same(28, 3, 2, 1), Some((0, 1)));
        assert_eq!(same(28, 3, 1, 1), Some((1, 1)));
        assert_eq!(same(7, 3, 2, 1), Some((1, 1)));
        assert_eq!(same(5, 2, 1, 1), Some((0, 1)));
        assert_eq!(same(10, 3, 1, 2), Some((2, 2)));
        assert_eq!(same(28, 1, 2, 1), Some((0, 0)));
        assert_eq!(same(usize::MAX, usize::MAX, 1, 2), None);
    }

    #[test]
    fn depthwise_channels_are_input_major() {
        // One tap, two inputs, multiplier two: [in0 m0, in0 m1, in1 m0, in1 m1].
        assert_eq!(reorder(&[1., 2., 3., 4.], 1, 4), [1., 2., 3., 4.]);
        // Two taps of one input, two outputs.
        assert_eq!(reorder(&[1., 2., 3., 4.], 1, 2), [1., 3., 2., 4.]);
        // One tap, two inputs, two outputs: transposed.
        assert_eq!(reorder(&[1., 2., 3., 4.], 2, 2), [1., 3., 2., 4.]);
    }
}
