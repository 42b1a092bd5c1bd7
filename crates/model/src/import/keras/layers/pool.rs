//! Pooling.

use super::Context;
use super::conv::same;
use crate::Result;
use crate::builder::{PoolParams, Value};
use crate::graph::{PoolKind, Window};

fn kind(max: bool) -> PoolKind {
    if max {
        PoolKind::Max
    } else {
        PoolKind::Average
    }
}

/// Max and average pooling; an average does not count padding.
pub(super) fn pool(cx: &mut Context<'_>, spatial: usize, max: bool) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let last = a.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let default = if spatial == 1 { [1, 2] } else { [2, 2] };
    let kernel = a.pair("pool_size", spatial, Some(default))?;
    let stride = a.pair("strides", spatial, Some(kernel))?;
    let mut pads = [0; 4];
    match a.text("padding", "valid")? {
        "valid" => {}
        "same" => {
            for axis in 0..2 {
                let len = image.dims()[axis + 2];
                (pads[axis], pads[axis + 2]) = same(len, kernel[axis], stride[axis], 1)
                    .ok_or_else(|| a.refuse("pool_size", "a smaller window"))?;
            }
        }
        _ => return Err(a.refuse("padding", "valid or same")),
    }
    let params = PoolParams {
        kind: kind(max),
        window: Window {
            kernel,
            stride,
            dilation: [1, 1],
            pads,
        },
        ceil_mode: false,
        count_include_pad: false,
    };
    let y = cx.builder.pool(&image, &params)?;
    cx.undo_image(&y, spatial, last)
}

/// Pooling over all positions.
pub(super) fn global(cx: &mut Context<'_>, spatial: usize, max: bool) -> Result<Value> {
    let x = cx.one()?;
    let last = cx.attributes.channels_last()?;
    let image = cx.to_image(&x, spatial, last)?;
    let y = cx.builder.global_pool(&image, kind(max))?;
    if cx.attributes.flag("keepdims", false)? {
        cx.undo_image(&y, spatial, last)
    } else {
        let channels = y.dims()[1];
        cx.builder.reshape(&y, &[1, channels])
    }
}
