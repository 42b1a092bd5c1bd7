//! Reductions over all rows and columns.

use super::conv::spatial;
use super::node::Node;
use super::spatial::{channels_first, restore};
use crate::Result;
use crate::builder::{Builder, Value};
use crate::graph::PoolKind;

/// GlobalMaxPool and GlobalAveragePool.
pub(super) fn global(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let (axes, _) = spatial(node, x)?;
    let kind = if node.op() == "GlobalMaxPool" {
        PoolKind::Max
    } else {
        PoolKind::Average
    };
    let y = b.global_pool(x, kind)?;
    match y.dims() {
        &[n, c, ..] if axes == 1 => b.reshape(&y, &[n, c, 1]),
        _ => Ok(y),
    }
}

/// ReduceMean, ReduceSum and ReduceMax over exactly the rows and columns.
pub(super) fn reduce(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let rank = x.dims().len();
    let (kind, since) = match node.op() {
        "ReduceMean" => (PoolKind::Average, 18),
        "ReduceMax" => (PoolKind::Max, 18),
        _ => (PoolKind::Sum, 13),
    };
    let given = node.axes(since, 1)?;
    let mut axes: Vec<usize> = given
        .unwrap_or_default()
        .iter()
        .map(|&a| node.axis(a, rank, "axes"))
        .collect::<Result<_>>()?;
    axes.sort_unstable();
    let channels_last = match (rank, axes.as_slice()) {
        (4, [2, 3]) | (3, [2]) => false,
        (4, [1, 2]) | (3, [1]) => true,
        _ => {
            return Err(node.error(
                Some("axes"),
                format!(
                    "{:?} of dimensions {:?}; supported is all rows and columns of an image and nothing else",
                    given.unwrap_or_default(),
                    x.dims()
                ),
            ));
        }
    };
    let image = channels_first(b, x, channels_last)?;
    let y = b.global_pool(&image, kind)?;
    if !node.flag("keepdims", true)? {
        let channels = y.dims().get(1).copied().unwrap_or(0);
        return b.reshape(&y, &[1, channels]);
    }
    let y = if rank == 3 {
        let channels = y.dims().get(1).copied().unwrap_or(0);
        b.reshape(&y, &[1, channels, 1])?
    } else {
        y
    };
    restore(b, &y, channels_last)
}
