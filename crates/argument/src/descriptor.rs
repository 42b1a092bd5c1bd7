//! Programs as words: what their digests hash.

use crate::Scalar;
use crate::program::Block;
use crate::transcript::{Domain, hash};
use crate::view::{Axis, Extra, Factor, Taps, Target, View};

/// Three words of 64 bits an element.
pub(crate) fn pack_words(words: &[u64]) -> Vec<Scalar> {
    words
        .chunks(3)
        .map(|w| {
            Scalar::from_raw([
                w[0],
                w.get(1).copied().unwrap_or(0),
                w.get(2).copied().unwrap_or(0),
                0,
            ])
        })
        .collect()
}

/// The hash of words, their number first.
pub(crate) fn words_digest(words: &[u64]) -> Scalar {
    let mut elements = vec![Scalar::from(words.len() as u64)];
    elements.extend(pack_words(words));
    hash(Domain::Descriptor, &elements)
}

/// Appends a block.
pub(crate) fn block_words(block: &Block, words: &mut Vec<u64>) {
    let lookup = &block.lookup;
    words.extend([
        block.offset,
        u64::from(block.bits),
        lookup.tag,
        u64::from(lookup.channel.0) << 32 | u64::from(lookup.channel.1),
        u64::from(lookup.value),
        u64::from(lookup.range),
        u64::from(lookup.entries.is_some()),
        lookup.entries.unwrap_or(0) as u64,
        block.views.len() as u64,
    ]);
    for view in &block.views {
        view_words(view, words);
    }
}

/// Appends a view.
pub(crate) fn view_words(view: &View, words: &mut Vec<u64>) {
    let (target, columns) = match view.target {
        Target::Columns(c) => (0, c),
        Target::SelectedValue => (1, [0; 4]),
        Target::SelectedExtra => (2, [0; 4]),
        Target::Entries => (3, [0; 4]),
    };
    words.extend([
        u64::from(view.identity) << 32 | u64::from(view.claim),
        view.factor as u64,
        u64::from(view.head) << 32 | target,
        (view.extras.len() << 32 | view.axes.len()) as u64,
    ]);
    words.extend(columns.map(|c| c as u64));
    for extra in &view.extras {
        match *extra {
            Extra::Sum(axis) => {
                words.push(0);
                axis_words(&axis, words);
            }
            Extra::At { start, bits, value } => {
                words.extend([1, u64::from(start) << 32 | u64::from(bits), value]);
            }
            Extra::Power { exponent } => words.extend([2, exponent as u64]),
            Extra::Vanish { exponent } => words.extend([3, exponent]),
        }
    }
    for axis in &view.axes {
        axis_words(axis, words);
    }
}

fn axis_words(axis: &Axis, words: &mut Vec<u64>) {
    let bits = u64::from(axis.bits) << 8;
    match axis.factor {
        Factor::Fixed { value } => words.extend([bits, value]),
        Factor::Powers { step, lo, hi } => words.extend([bits | 1, step, lo, hi]),
        Factor::Live { step } => words.extend([bits | 2, step]),
        Factor::Prefix => words.push(bits | 3),
        Factor::Point {
            start,
            step,
            shift,
            lo,
            hi,
        } => words.extend([
            bits | 4,
            u64::from(start) << 32 | u64::from(shift),
            step,
            lo,
            hi,
        ]),
        Factor::Tap {
            taps,
            kernel,
            stride,
            dilation,
            pad,
            length,
            lo,
            hi,
            step,
        } => {
            let (kind, weight) = match taps {
                Taps::Point { start, bits } => (5, u64::from(start) << 32 | u64::from(bits)),
                Taps::Powers { step } => (6, step),
            };
            words.extend([
                bits | kind,
                weight,
                kernel,
                stride,
                dilation,
                pad as u64,
                length,
                lo,
                hi,
                step,
            ]);
        }
    }
}
