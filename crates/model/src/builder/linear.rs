//! Operations with weights.

use super::{Builder, Value, finite};
use crate::graph::{Conv, Op, Shape, Window};
use crate::{Error, Result, limits};

impl Builder {
    /// Convolution of `[1, c, h, w]`; for 1-D reshape to height 1 first.
    ///
    /// `weight` is `[out, in / groups, kernel rows, kernel columns]`.
    ///
    /// # Errors
    /// Shapes that do not fit, weights that are not finite.
    pub fn conv(
        &mut self,
        x: &Value,
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        out_channels: usize,
        groups: usize,
        window: Window,
    ) -> Result<Value> {
        let (node, shape) = self.image(x)?;
        if groups == 0
            || out_channels == 0
            || shape.channels % groups != 0
            || !out_channels.is_multiple_of(groups)
        {
            return Err(Error::invalid(format!(
                "{groups} groups do not divide {} input and {out_channels} output channels",
                shape.channels
            )));
        }
        let [kh, kw] = window.kernel;
        let expected = limits::values(&[out_channels, shape.channels / groups, kh, kw]);
        if expected != Some(weight.len()) {
            return Err(Error::invalid(format!(
                "{} weights, expected {out_channels} x {} x {kh} x {kw}",
                weight.len(),
                shape.channels / groups
            )));
        }
        let bias = bias.unwrap_or_else(|| vec![0.0; out_channels]);
        if bias.len() != out_channels {
            return Err(Error::invalid(format!(
                "{} bias values for {out_channels} output channels",
                bias.len()
            )));
        }
        finite(&weight, "weight")?;
        finite(&bias, "bias")?;
        let [oh, ow] = window.output(shape.height, shape.width).ok_or_else(|| {
            Error::invalid(format!(
                "a kernel of {kh}x{kw} with strides {:?}, dilations {:?} and pads {:?} does not fit an input of {}x{}",
                window.stride, window.dilation, window.pads, shape.height, shape.width
            ))
        })?;
        let node = self.push(
            Op::Conv(Conv {
                out_channels,
                groups,
                window,
                weight,
                bias,
            }),
            vec![node],
            Shape::new(out_channels, oh, ow),
        )?;
        Ok(Self::row_major(node, vec![1, out_channels, oh, ow]))
    }

    /// Matrix product over the last axis: `weight` is `[inputs, outputs]` row-major.
    ///
    /// Ranks above 2 apply the same matrix at every position.
    pub fn dense(
        &mut self,
        x: &Value,
        weight: &[f32],
        bias: Option<Vec<f32>>,
        outputs: usize,
    ) -> Result<Value> {
        let rank = x.dims.len();
        let inputs = match rank {
            2..=4 => x.dims[rank - 1],
            _ => {
                return Err(Error::invalid(format!(
                    "a dense layer on dimensions {:?}; 2 to 4 axes are supported",
                    x.dims
                )));
            }
        };
        if inputs.checked_mul(outputs) != Some(weight.len()) {
            return Err(Error::invalid(format!(
                "a weight matrix of {} values, expected {inputs} x {outputs}",
                weight.len()
            )));
        }
        let mut by_output = vec![0.0; weight.len()];
        for i in 0..inputs {
            for o in 0..outputs {
                by_output[o * inputs + i] = weight[i * outputs + o];
            }
        }
        let to_channels: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        let from_channels: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
        let x = self.transpose(x, &to_channels)?;
        let spatial = x.dims[2..].to_vec();
        let x4 = match spatial.as_slice() {
            [] => self.reshape(&x, &[1, inputs, 1, 1])?,
            [l] => self.reshape(&x, &[1, inputs, 1, *l])?,
            _ => x,
        };
        let y = self.conv(&x4, by_output, bias, outputs, 1, Window::POINT)?;
        let mut dims = vec![1, outputs];
        dims.extend(spatial);
        let y = self.reshape(&y, &dims)?;
        self.transpose(&y, &from_channels)
    }

    /// `scale[c] * x + shift[c]` with `c` the canonical channel of an NCHW value.
    pub(super) fn channel_affine(
        &mut self,
        x: &Value,
        scale: Vec<f32>,
        shift: Vec<f32>,
    ) -> Result<Value> {
        let channels = scale.len();
        let dims = x.dims.clone();
        let y = self.conv(x, scale, Some(shift), channels, channels, Window::POINT)?;
        self.reshape(&y, &dims)
    }

    /// `scale * x + shift`, both broadcast against `x` by the usual rules (aligned at the last axis);
    /// `coefficient_dims` are the dimensions of both. Batch normalisation and Mul/Add by constants.
    pub fn affine(
        &mut self,
        x: &Value,
        scale: &[f32],
        shift: &[f32],
        coefficient_dims: &[usize],
    ) -> Result<Value> {
        self.plain(x)?;
        let n = limits::values(coefficient_dims);
        if n != Some(scale.len()) || n != Some(shift.len()) {
            return Err(Error::invalid(format!(
                "{} scales and {} shifts for dimensions {coefficient_dims:?}",
                scale.len(),
                shift.len()
            )));
        }
        let rank = x.dims.len();
        let mut padded = vec![1; rank.saturating_sub(coefficient_dims.len())];
        padded.extend_from_slice(coefficient_dims);
        if padded.len() != rank || padded.iter().zip(&x.dims).any(|(&c, &d)| c != 1 && c != d) {
            return Err(Error::invalid(format!(
                "a constant of dimensions {coefficient_dims:?} does not broadcast to {:?}",
                x.dims
            )));
        }
        let varying: Vec<usize> = (0..rank).filter(|&i| padded[i] != 1).collect();
        match varying.as_slice() {
            // One constant for all: the order of the elements does not matter.
            [] => {
                let shape = self.shape_of(x);
                let dims = vec![1, shape.channels, shape.height, shape.width];
                let spread = |v: &[f32]| vec![v.first().copied().unwrap_or(0.0); shape.channels];
                let plain = Self::row_major(x.node, dims);
                let y = self.channel_affine(&plain, spread(scale), spread(shift))?;
                Ok(Value {
                    node: y.node,
                    ..x.clone()
                })
            }
            // One constant per element of one axis: a depthwise 1x1 convolution.
            [axis] => {
                let axis = *axis;
                let (moved, back) = self.channel_first(x, axis)?;
                let y = self.channel_affine(&moved, scale.to_vec(), shift.to_vec())?;
                self.undo_channel_first(&y, &x.dims, &back)
            }
            // Anything else: one constant per element.
            _ => {
                let flat = self.reshape(x, &[1, x.len()])?;
                let mut full = Vec::with_capacity(x.len());
                let mut counter = vec![0usize; rank];
                for _ in 0..x.len() {
                    let at = (0..rank).fold(0, |at, i| {
                        at * padded[i] + if padded[i] == 1 { 0 } else { counter[i] }
                    });
                    full.push(at);
                    for axis in (0..rank).rev() {
                        counter[axis] += 1;
                        if counter[axis] < x.dims[axis] {
                            break;
                        }
                        counter[axis] = 0;
                    }
                }
                let scale = full.iter().map(|&i| scale[i]).collect();
                let shift = full.iter().map(|&i| shift[i]).collect();
                let y = self.channel_affine(&flat, scale, shift)?;
                self.reshape(&y, &x.dims)
            }
        }
    }
}
