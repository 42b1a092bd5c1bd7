//! The order of the values of one sample: as stored, or with the channels moved.
//!
//! An array does not say which axis is which. Where two readings fit and differ,
//! the array is refused: a wrong guess would only show as a poor accuracy.

use crate::network::InputSpec;

/// What has to be done to the stored values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    AsStored,
    /// Channels are the last axis, of this length, and become the first.
    ChannelsToFront(usize),
    /// Channels are the first axis, of this length, and become the last.
    ChannelsToBack(usize),
}

impl Order {
    pub(super) fn apply(self, values: Vec<i32>) -> Vec<i32> {
        match self {
            Self::AsStored => values,
            Self::ChannelsToFront(channels) => transposed(&values, channels),
            Self::ChannelsToBack(channels) => transposed(&values, values.len() / channels.max(1)),
        }
    }
}

/// Of a matrix with `columns` columns, row-major.
fn transposed(values: &[i32], columns: usize) -> Vec<i32> {
    (0..columns)
        .flat_map(|column| values.iter().skip(column).step_by(columns.max(1)).copied())
        .collect()
}

/// How samples of the dimensions `item` become samples of `format`.
pub(super) fn order(item: &[usize], format: &InputSpec) -> Result<Order, String> {
    let shape = format.shape;
    let values = item.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if values != Some(shape.len()) {
        return Err(mismatch(item, format));
    }
    if format.flat {
        return flat(item, format);
    }
    let (c, h, w) = (shape.channels, shape.height, shape.width);
    // The two readings of what is stored; a signal [c, 1, length] has no axis of rows.
    let first = item == [c, h, w] || (h == 1 && item == [c, w]);
    let last = item == [h, w, c] || (h == 1 && item == [w, c]);
    let without_channels = c == 1 && item == [h, w];
    let vector = item.len() == 1 && (c == 1 || shape.plane() == 1);
    if without_channels || vector || (first && last && (c == 1 || shape.plane() == 1)) {
        return Ok(Order::AsStored);
    }
    match (first, last) {
        (true, false) => Ok(Order::AsStored),
        (false, true) => Ok(Order::ChannelsToFront(c)),
        (true, true) => Err(ambiguous(item, format)),
        (false, false) => Err(mismatch(item, format)),
    }
}

/// A vector takes the image as rows, columns, channels, whatever its size.
fn flat(item: &[usize], format: &InputSpec) -> Result<Order, String> {
    let colours = |n: usize| n == 3 || n == 4;
    match *item {
        // Without channels there is one order only.
        [_] | [_, _] | [1, _, _] => Ok(Order::AsStored),
        [a, _, 1] if !colours(a) => Ok(Order::AsStored),
        [a, _, c] if colours(c) && !colours(a) => Ok(Order::AsStored),
        [a, _, c] if colours(a) && c != 1 && !colours(c) => Ok(Order::ChannelsToBack(a)),
        [_, _, _] => Err(ambiguous(item, format)),
        _ => Err(mismatch(item, format)),
    }
}

fn mismatch(item: &[usize], format: &InputSpec) -> String {
    let shape = format.shape;
    let wanted = if format.flat {
        format!("{} values, flat", shape.len())
    } else {
        format!(
            "{} channels of {} rows and {} columns",
            shape.channels, shape.height, shape.width
        )
    };
    format!(
        "samples have the shape {item:?}, but the network wants {wanted}; \
         arrays are never resized, give samples of that size"
    )
}

fn ambiguous(item: &[usize], format: &InputSpec) -> String {
    format!(
        "samples have the shape {item:?}: nothing tells whether channels are the first or the \
         last axis of the {} the network wants; give {}image files",
        format.shape,
        if format.flat {
            "rows of values [n, values] or "
        } else {
            ""
        },
    )
}
