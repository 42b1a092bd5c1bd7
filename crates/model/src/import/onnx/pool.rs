//! Max and average pooling.

use super::conv::{sliding, spatial, without_rows};
use super::node::Node;
use crate::Result;
use crate::builder::{Builder, PoolParams, Value};
use crate::graph::PoolKind;

/// MaxPool and AveragePool of one or two spatial axes.
pub(super) fn pool(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let (axes, size) = spatial(node, x)?;
    if !node.has("kernel_shape") {
        return Err(node.error(Some("kernel_shape"), "it is missing"));
    }
    let kernel = node.sizes("kernel_shape", axes, 1, 1)?;
    let s = sliding(node, &kernel, axes, size)?;
    let ceil_mode = node.flag("ceil_mode", false)?;
    if ceil_mode && node.string("auto_pad", "NOTSET")? == "VALID" {
        return Err(node.error(
            Some("ceil_mode"),
            "1 together with auto_pad VALID, which runtimes read differently; supported is explicit pads with ceil_mode",
        ));
    }
    if s.same && s.window.dilation != [1, 1] {
        return Err(node.error(
            Some("dilations"),
            format!(
                "{:?} together with auto_pad, which runtimes read differently; supported is explicit pads with dilations",
                s.window.dilation
            ),
        ));
    }
    let params = PoolParams {
        kind: if node.op() == "MaxPool" {
            PoolKind::Max
        } else {
            PoolKind::Average
        },
        window: s.window,
        ceil_mode: ceil_mode && !s.same,
        count_include_pad: node.flag("count_include_pad", false)?,
    };
    let [h, w] = size;
    let channels = x.dims().get(1).copied().unwrap_or(0);
    let image = b.reshape(x, &[1, channels, h, w])?;
    let y = b.pool(&image, &params)?;
    without_rows(b, y, axes)
}
