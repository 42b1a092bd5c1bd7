//! Pooling, concatenation, borders, upsampling.

use super::{Builder, PoolParams, Value, finite};
use crate::graph::{Op, Pool, PoolKind, Shape, Window};
use crate::{Error, Result, limits};

impl Builder {
    /// Pooling of `[1, c, h, w]`.
    pub fn pool(&mut self, x: &Value, params: &PoolParams) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        let mut window = params.window;
        let counted = window.pads;
        let misfit = || {
            Error::invalid(format!(
                "a pooling window of {:?} with strides {:?} and pads {:?} does not fit an input of {}x{}",
                params.window.kernel,
                params.window.stride,
                params.window.pads,
                shape.height,
                shape.width
            ))
        };
        if window.pads.iter().any(|&p| p >= 1 << 20)
            || (0..2).any(|i| window.pads[i] > 0 && window.pads[i] >= span(&window, i))
            || (0..2).any(|i| window.pads[i + 2] > 0 && window.pads[i + 2] >= span(&window, i))
        {
            // A window that lies wholly in the padding would have no element.
            return Err(Error::invalid(format!(
                "pads {:?} reach or exceed the window {:?}",
                window.pads, window.kernel
            )));
        }
        if params.ceil_mode {
            for (axis, len) in [(0, shape.height), (1, shape.width)] {
                let padded = len + window.pads[axis] + window.pads[axis + 2];
                let free = padded.checked_sub(span(&window, axis)).ok_or_else(misfit)?;
                let stride = window.stride[axis].max(1);
                let mut steps = free.div_ceil(stride);
                // A last window that starts beyond the input and its leading padding is dropped (ONNX, PyTorch).
                if steps * stride >= len + window.pads[axis] {
                    steps -= 1;
                }
                window.pads[axis + 2] += (steps * stride).saturating_sub(free);
            }
        }
        let [oh, ow] = window
            .output(shape.height, shape.width)
            .ok_or_else(misfit)?;
        limits::values(&[shape.channels, oh, ow]).ok_or_else(misfit)?;
        let mut divisors = vec![];
        if params.kind == PoolKind::Average {
            for oy in 0..oh {
                for ox in 0..ow {
                    // Taps k with low <= o * stride + k * dilation < high, without a loop: windows may be huge.
                    let count = |axis: usize, o: usize, len: usize| {
                        let (low, high) = if params.count_include_pad {
                            (0, len + counted[axis] + counted[axis + 2])
                        } else {
                            (window.pads[axis], window.pads[axis] + len)
                        };
                        let start = o * window.stride[axis];
                        let taps = |to: usize| {
                            to.saturating_sub(start)
                                .div_ceil(window.dilation[axis])
                                .min(window.kernel[axis])
                        };
                        (taps(high) - taps(low)) as u32
                    };
                    let n = count(0, oy, shape.height)
                        .checked_mul(count(1, ox, shape.width))
                        .filter(|&n| n > 0)
                        .ok_or_else(misfit)?;
                    divisors.push(n);
                }
            }
        }
        let node = self.push(
            Op::Pool(Pool {
                kind: params.kind,
                window,
                divisors,
            }),
            vec![node],
            Shape::new(shape.channels, oh, ow),
        )?;
        Ok(Self::row_major(node, vec![1, shape.channels, oh, ow]))
    }

    /// Pooling over all rows and columns: `[1, c, h, w]` to `[1, c, 1, 1]`.
    pub fn global_pool(&mut self, x: &Value, kind: PoolKind) -> Result<Value> {
        let (_, shape) = self.image(x)?;
        let params = PoolParams {
            kind,
            window: Window {
                kernel: [shape.height, shape.width],
                ..Window::POINT
            },
            ceil_mode: false,
            count_include_pad: false,
        };
        self.pool(x, &params)
    }

    /// Concatenation along `axis`.
    pub fn concat(&mut self, xs: &[Value], axis: usize) -> Result<Value> {
        let first = xs
            .first()
            .ok_or_else(|| Error::invalid("a concatenation of nothing"))?;
        let rank = first.dims.len();
        if axis == 0 || axis >= rank {
            return Err(Error::invalid(format!(
                "concatenates along axis {axis} of {rank}; supported are 1 to {}",
                rank.saturating_sub(1)
            )));
        }
        let mut parts = vec![];
        let mut total = 0usize;
        let mut perm: Vec<usize> = vec![0, axis];
        perm.extend((1..rank).filter(|&i| i != axis));
        for x in xs {
            self.plain(x)?;
            if x.dims.len() != rank || (0..rank).any(|i| i != axis && x.dims[i] != first.dims[i]) {
                return Err(Error::invalid(format!(
                    "concatenates dimensions {:?} and {:?} along axis {axis}",
                    first.dims, x.dims
                )));
            }
            total = total
                .checked_add(x.dims[axis])
                .ok_or_else(|| Error::invalid("too large a concatenation"))?;
            let moved = self.transpose(x, &perm)?;
            let (h, w) = match moved.dims[2..] {
                [] => (1, 1),
                [l] => (1, l),
                [h, w] => (h, w),
                _ => (moved.dims[2..].iter().product(), 1),
            };
            let shape = Shape::new(x.dims[axis], h, w);
            parts.push((self.materialize(&moved, shape)?, shape));
        }
        let shape = Shape::new(total, parts[0].1.height, parts[0].1.width);
        let node = self.push(Op::Concat, parts.iter().map(|p| p.0).collect(), shape)?;
        let mut dims: Vec<usize> = perm.iter().map(|&p| first.dims[p]).collect();
        dims[1] = total;
        let mut inverse = vec![0; rank];
        for (i, &p) in perm.iter().enumerate() {
            inverse[p] = i;
        }
        self.transpose(&Self::row_major(node, dims), &inverse)
    }

    /// Adds a border of `value` to rows and columns of `[1, c, h, w]`: top, left, bottom, right.
    pub fn pad(&mut self, x: &Value, pads: [usize; 4], value: f32) -> Result<Value> {
        if pads == [0; 4] {
            return Ok(x.clone());
        }
        finite(&[value], "padding value")?;
        let (node, shape) = self.image(x)?;
        let add = |n: usize, a: usize, b: usize| {
            n.checked_add(a)
                .and_then(|n| n.checked_add(b))
                .ok_or_else(|| Error::invalid(format!("pads {pads:?} are too large")))
        };
        let out = Shape::new(
            shape.channels,
            add(shape.height, pads[0], pads[2])?,
            add(shape.width, pads[1], pads[3])?,
        );
        let node = self.push(Op::Pad { pads, value }, vec![node], out)?;
        Ok(Self::row_major(
            node,
            vec![1, out.channels, out.height, out.width],
        ))
    }

    /// Nearest-neighbour upsampling of `[1, c, h, w]` by whole factors.
    pub fn upsample(&mut self, x: &Value, factors: [usize; 2]) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        let times = |n: usize, f: usize| {
            n.checked_mul(f)
                .filter(|&m| m > 0)
                .ok_or_else(|| Error::invalid(format!("upsampling factors {factors:?}")))
        };
        let out = Shape::new(
            shape.channels,
            times(shape.height, factors[0])?,
            times(shape.width, factors[1])?,
        );
        let node = self.push(Op::Upsample { factors }, vec![node], out)?;
        Ok(Self::row_major(
            node,
            vec![1, out.channels, out.height, out.width],
        ))
    }
}

fn span(window: &Window, axis: usize) -> usize {
    window.kernel[axis]
        .saturating_sub(1)
        .saturating_mul(window.dilation[axis])
        .saturating_add(1)
}
