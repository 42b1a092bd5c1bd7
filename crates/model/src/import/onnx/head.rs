//! Softmax and argmax: allowed at the end, not proved.

use super::node::Node;
use crate::Result;
use crate::builder::{Builder, Value};

/// Softmax, or LogSoftmax, which has the same logits.
pub(super) fn softmax(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let dims = x.dims();
    if node.opset >= 13 {
        let axis = node.axis(node.int("axis", -1)?, dims.len(), "axis")?;
        return b.softmax(x, axis);
    }
    // Older sets normalise over all axes from `axis` on together.
    let axis = node.axis(node.int("axis", 1)?, dims.len(), "axis")?;
    let long: Vec<usize> = (axis..dims.len()).filter(|&a| dims[a] != 1).collect();
    match *long {
        [] => b.softmax(x, axis),
        [only] => b.softmax(x, only),
        _ => Err(node.error(
            Some("axis"),
            format!(
                "{axis} of dimensions {dims:?}, which before opset 13 normalises all axes from there on together; \
                 supported is one axis"
            ),
        )),
    }
}

/// ArgMax with the first of equal values.
pub(super) fn argmax(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    if node.flag("select_last_index", false)? {
        return Err(node.error(Some("select_last_index"), "1; supported is 0"));
    }
    let axis = node.axis(node.int("axis", 0)?, x.dims().len(), "axis")?;
    b.argmax(x, axis)
}
