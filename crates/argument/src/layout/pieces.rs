//! Cutting tensors into boxes whose axes are powers of two.

use pleat_model::graph::Shape;

use crate::budget::{Budget, Work};
use crate::program::Region;
use crate::{Error, Result};

/// Bits of an axis of `n` elements.
pub(crate) const fn axis_bits(n: usize) -> u32 {
    n.next_power_of_two().trailing_zeros()
}

/// How a tensor may be cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Rows of a chunk, as a power of two.
    pub(crate) row_bits: u32,
    /// Index bits of window taps.
    pub(crate) tap_bits: u32,
    /// Index bits of samples. They cut rows only: channel runs decide where weights lie, and a model id
    /// must not depend on groups.
    pub(crate) group_bits: u32,
    /// Channels are never padded: each has its own table.
    pub(crate) exact_channels: bool,
    /// Samples may cut channels too: nobody's weights depend on it.
    pub(crate) free_channels: bool,
}

impl Cut {
    /// An axis is cut only if that saves this many rows: fewer pieces mean fewer views.
    fn worthwhile(&self, saved: usize) -> bool {
        let least = 1usize << self.row_bits.saturating_sub(9);
        saved << self.tap_bits >= least
    }
}

/// Aligned binary pieces `(first, length)` of `0..n`, largest first.
pub(crate) fn binary(n: usize) -> Vec<(usize, usize)> {
    let mut pieces = vec![];
    let mut first = 0;
    for bit in (0..usize::BITS).rev() {
        let length = 1usize << bit;
        if n & length != 0 {
            pieces.push((first, length));
            first += length;
        }
    }
    pieces
}

/// `0..n` in at most two pieces: the largest power of two in it, and the rest in one padded piece.
fn two(n: usize) -> Vec<(usize, usize)> {
    let first = 1usize << n.ilog2();
    if n == first || (n - first).next_power_of_two() == first {
        vec![(0, n)]
    } else {
        vec![(0, first), (first, n - first)]
    }
}

/// Cuts pieces longer than `2^bits`.
///
/// # Errors
/// More than a verifier looks at.
fn limit(
    pieces: Vec<(usize, usize)>,
    bits: u32,
    budget: &mut Budget,
) -> Result<Vec<(usize, usize)>> {
    let most = 1usize << bits;
    budget.spend(Work::Piece, pieces.iter().map(|p| p.1.div_ceil(most)).sum())?;
    Ok(pieces
        .into_iter()
        .flat_map(|(first, length)| {
            (0..length.div_ceil(most)).map(move |i| (first + i * most, most.min(length - i * most)))
        })
        .collect())
}

/// The regions of a layer's tensor, channels outermost: a grid of channel runs and row runs.
///
/// Every region with its samples and taps fits a chunk.
///
/// # Errors
/// Rows too wide for a chunk; more regions than a verifier looks at.
pub(crate) fn cut(
    layer: usize,
    shape: Shape,
    how: Cut,
    budget: &mut Budget,
) -> Result<Vec<Region>> {
    let Shape {
        channels,
        height,
        width,
    } = shape;
    let w_bits = axis_bits(width);
    let too_wide = |channels: u32| {
        Error::Layout(format!(
            "layer {layer}: one row of {width} values in 2^{channels} channels, each with 2^{} window elements, for \
             2^{} samples at once needs more than the 2^{} rows of a chunk; choose a larger size class{}",
            how.tap_bits,
            how.group_bits,
            how.row_bits,
            match how.group_bits {
                0 => "",
                _ => " or smaller groups",
            }
        ))
    };
    let room = how
        .row_bits
        .checked_sub(how.tap_bits + w_bits)
        .ok_or_else(|| too_wide(0))?;
    let mut channel_runs = if how.exact_channels {
        binary(channels)
    } else {
        vec![(0, channels)]
    };
    let padded = channels.next_power_of_two();
    if !how.exact_channels {
        let pair = two(channels);
        let used: usize = pair.iter().map(|p| p.1.next_power_of_two()).sum();
        if how.worthwhile((padded - used) * height * width) {
            channel_runs = pair;
        }
    }
    let mut row_runs = vec![(0, height)];
    if how.worthwhile((height.next_power_of_two() - height) * channels * width) {
        row_runs = binary(height);
    }
    // Channels give way first, then rows.
    let row_runs = limit(row_runs, room, budget)?;
    let rows = row_runs.iter().map(|r| axis_bits(r.1)).max().unwrap_or(0);
    let mut channel_runs = limit(channel_runs, room - rows, budget)?;
    if how.free_channels {
        let room = room
            .checked_sub(how.group_bits)
            .ok_or_else(|| too_wide(0))?;
        channel_runs = limit(channel_runs, room, budget)?;
    }
    let widest = channel_runs.iter().map(|r| axis_bits(r.1)).max();
    let widest = widest.unwrap_or(0);
    let room = room
        .checked_sub(how.group_bits + widest)
        .ok_or_else(|| too_wide(widest))?;
    let row_runs = limit(row_runs, room, budget)?;
    let count = channel_runs.len().saturating_mul(row_runs.len());
    budget.spend(Work::Piece, count)?;
    Ok(channel_runs
        .iter()
        .flat_map(|&(c0, channels)| {
            row_runs.iter().map(move |&(h0, rows)| Region {
                layer,
                c0,
                channels,
                c_bits: axis_bits(channels),
                h0,
                rows,
                h_bits: axis_bits(rows),
                width,
                w_bits,
            })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element in exactly one region, every region within a chunk, starts aligned for rows.
    #[test]
    fn small_shapes_are_covered_exactly_once() {
        for row_bits in [6, 9, 12] {
            for (tap_bits, group_bits, free_channels) in
                [(0, 0, false), (2, 0, false), (0, 2, false), (0, 2, true)]
            {
                for exact_channels in [false, true] {
                    for channels in 1..20 {
                        for height in 1..12 {
                            for width in [1, 2, 3, 7, 8, 9] {
                                let shape = Shape::new(channels, height, width);
                                let how = Cut {
                                    row_bits,
                                    tap_bits,
                                    group_bits,
                                    exact_channels,
                                    free_channels,
                                };
                                let Ok(regions) = cut(0, shape, how, &mut Budget::default()) else {
                                    // Samples do not cut channels unless they may.
                                    let many = group_bits > 0 && !free_channels;
                                    assert!(row_bits == 6 || many, "{shape} fits a larger chunk");
                                    continue;
                                };
                                let mut seen = vec![0; shape.len()];
                                for r in &regions {
                                    assert!(r.bits() + tap_bits + group_bits <= row_bits);
                                    let mut places = std::collections::HashSet::new();
                                    r.each(height, |target, source| {
                                        assert!(target < 1 << r.bits() && places.insert(target));
                                        seen[source] += 1;
                                    });
                                    assert!(!exact_channels || r.channels.is_power_of_two());
                                }
                                assert!(seen.iter().all(|&n| n == 1), "{shape}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_channels_of_efficientnet_waste_little() {
        let how = Cut {
            row_bits: 19,
            tap_bits: 0,
            group_bits: 0,
            exact_channels: false,
            free_channels: false,
        };
        let rows = |c, h, w| -> usize {
            cut(0, Shape::new(c, h, w), how, &mut Budget::default())
                .unwrap()
                .iter()
                .map(|r| 1 << r.bits())
                .sum()
        };
        assert_eq!(rows(144, 56, 56), 144 * 56 * 64);
        assert_eq!(rows(96, 112, 112), 96 * 112 * 128);
        assert_eq!(rows(1280, 7, 7), 1280 * 7 * 8);
        assert_eq!(rows(112, 14, 14), 128 * 14 * 16);
    }

    #[test]
    fn rows_wider_than_a_chunk_are_refused() {
        let how = Cut {
            row_bits: 4,
            tap_bits: 2,
            group_bits: 0,
            exact_channels: false,
            free_channels: false,
        };
        assert!(cut(3, Shape::new(1, 1, 5), how, &mut Budget::default()).is_err());
    }
}
