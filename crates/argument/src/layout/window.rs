//! Sliding windows along the axes of pieces.

use pleat_model::graph::Window;
use pleat_model::network::{LayerOp, LinearMap};

use crate::program::COLUMN_BITS;
use crate::view::{Factor, Tap, Taps};
use crate::{Error, Result};

/// Refuses windows whose positions would not fit the integers of a factor, and those with more taps than a
/// vector has entries: far beyond every tensor, but a valid network may ask for them.
pub(super) fn check(layer: usize, op: &LayerOp, row_bits: u32) -> Result<()> {
    let (LayerOp::Linear {
        map: LinearMap::Conv { window, .. } | LinearMap::AveragePool { window, .. },
        ..
    }
    | LayerOp::MaxPool { window }) = op
    else {
        return Ok(());
    };
    let most = 1usize << (row_bits + COLUMN_BITS);
    if window.kernel.iter().any(|&k| k > most) {
        return Err(Error::Layout(format!(
            "layer {layer}: a window of {}x{} elements, a vector of this size class has {most}; \
             choose a larger size class",
            window.kernel[0], window.kernel[1]
        )));
    }
    let steps = window.stride.iter().chain(&window.dilation);
    if steps.chain(&window.pads).any(|&n| n > 1 << 30) {
        return Err(Error::Layout(format!(
            "layer {layer}: a window with steps or padding above 2^30"
        )));
    }
    Ok(())
}

/// One axis of a window over a piece that starts at `first` and has `length` elements.
pub(super) fn tap(
    window: &Window,
    axis: usize,
    taps: Taps,
    first: usize,
    length: usize,
    outputs: (usize, usize),
    step: u64,
) -> Factor {
    Factor::Tap(Tap {
        taps,
        kernel: window.kernel[axis] as u64,
        stride: window.stride[axis] as u64,
        dilation: window.dilation[axis] as u64,
        pad: (window.pads[axis] + first) as i64,
        length: length as u64,
        lo: outputs.0 as u64,
        hi: outputs.1 as u64,
        step,
    })
}

pub(super) type Rectangle = ((usize, usize), (usize, usize), i32);

/// Rectangles `(rows, columns)` of output positions with one multiplier each.
pub(super) fn rectangles(multipliers: &[i32], height: usize, width: usize) -> Vec<Rectangle> {
    if let [one] = multipliers {
        return vec![((0, height), (0, width), *one)];
    }
    let runs = |n: usize, same: &dyn Fn(usize, usize) -> bool| {
        let mut runs = vec![];
        let mut start = 0;
        for i in 1..=n {
            if i == n || !same(start, i) {
                runs.push((start, i));
                start = i;
            }
        }
        runs
    };
    let line = |h: usize| &multipliers[h * width..(h + 1) * width];
    let mut found = vec![];
    for rows in runs(height, &|a, b| line(a) == line(b)) {
        let values = line(rows.0);
        for columns in runs(width, &|a, b| values[a] == values[b]) {
            found.push((rows, columns, values[columns.0]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_cover_every_position_once_with_its_multiplier() {
        let (height, width) = (4, 5);
        let grid: Vec<i32> = (0..20)
            .map(|i| match (i / 5, i % 5) {
                (0 | 3, 0 | 4) => 4,
                (0 | 3, _) | (_, 0 | 4) => 6,
                _ => 9,
            })
            .collect();
        let mut seen = vec![None; 20];
        for (rows, columns, m) in rectangles(&grid, height, width) {
            for h in rows.0..rows.1 {
                for w in columns.0..columns.1 {
                    assert_eq!(seen[h * width + w].replace(m), None);
                }
            }
        }
        assert_eq!(seen, grid.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn windows_out_of_proportion_are_refused() {
        let pool = |kernel, pads| LayerOp::MaxPool {
            window: Window {
                kernel: [kernel, 1],
                pads: [pads, 0, 0, 0],
                ..Window::POINT
            },
        };
        assert!(check(0, &pool(3, 1), 8).is_ok());
        assert!(check(0, &pool(1025, 1), 8).is_err());
        assert!(check(0, &pool(3, usize::MAX), 8).is_err());
    }
}
