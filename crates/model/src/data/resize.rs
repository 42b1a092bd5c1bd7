//! Bicubic resizing, bit for bit as Pillow does it.
//!
//! Networks are trained on images resized by Pillow or alike. The resampler of the
//! `image` crate has the same filter but rounds only once, which differs by up to
//! 15 grey levels next to hard edges; so the fixed-point passes are written out here.

/// Fraction bits of a weight.
const PRECISION: u32 = 22;
/// Half the width of the filter, in pixels of the smaller scale.
const SUPPORT: f64 = 2.0;

/// The source pixels of one pixel of the result, along one axis.
struct Taps {
    first: usize,
    weights: Vec<i64>,
}

/// Resizes `pixels` (rows, columns, channels) from `from` to `to` rows and columns.
///
/// Columns first, then rows, each pass rounded and clipped to a byte. Every channel
/// is treated alike, so colours under a transparent alpha count in full.
pub(super) fn bicubic(pixels: &[u8], from: [usize; 2], to: [usize; 2], channels: usize) -> Vec<u8> {
    let mut wide = Vec::new();
    let mut current = pixels;
    if from[1] != to[1] {
        let taps = taps(from[1], to[1]);
        wide.reserve_exact(from[0] * to[1] * channels);
        for row in pixels.chunks_exact((from[1] * channels).max(1)) {
            for tap in &taps {
                let channel = |c| {
                    row.iter()
                        .skip(tap.first * channels + c)
                        .step_by(channels.max(1))
                };
                wide.extend((0..channels).map(|c| weighted(tap, channel(c))));
            }
        }
        current = &wide;
    }
    if from[0] == to[0] {
        return current.to_vec();
    }
    let stride = to[1] * channels;
    let mut result = Vec::with_capacity(to[0] * stride);
    for tap in taps(from[0], to[0]) {
        let column = |i| {
            current
                .iter()
                .skip(tap.first * stride + i)
                .step_by(stride.max(1))
        };
        result.extend((0..stride).map(|i| weighted(&tap, column(i))));
    }
    result
}

fn weighted<'a>(tap: &Taps, pixels: impl Iterator<Item = &'a u8>) -> u8 {
    let sum: i64 = tap
        .weights
        .iter()
        .zip(pixels)
        .map(|(w, &p)| w * i64::from(p))
        .sum();
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

/// The taps of every pixel of an axis that goes from `from` to `to` pixels.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    // When shrinking, the filter widens to cover all source pixels.
    let widened = scale.max(1.0);
    let (support, narrowed) = (SUPPORT * widened, 1.0 / widened);
    (0..to)
        .map(|at| {
            let centre = (at as f64 + 0.5) * scale;
            // Casts of negative numbers give zero.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weights: Vec<f64> = (first..end)
                .map(|x| cubic((x as f64 - centre + 0.5) * narrowed))
                .collect();
            let total: f64 = weights.iter().sum();
            let fixed = |w: f64| (w / total * f64::from(1 << PRECISION)).round() as i64;
            Taps {
                first,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// The cubic convolution filter with a = -1/2 (Catmull-Rom).
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
