//! The float network: what calibration observes and the accuracy report compares with.

use rayon::prelude::*;

use crate::graph::{Conv, Graph, Op, Pool, PoolKind, Shape};
use crate::network::InputSpec;
use crate::{Error, Result};

/// Multiplications above which one convolution is computed in parallel.
const PARALLEL_WORK: usize = 1 << 20;

impl Graph {
    /// Every tensor of one sample; `input` holds the stored values in CHW order.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an input of another length.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let shape = self.nodes[0].shape;
        if input.len() != shape.len() {
            return Err(Error::invalid(format!(
                "an input of {} values, the network takes {} ({shape})",
                input.len(),
                shape.len()
            )));
        }
        let mut tensors: Vec<Vec<f32>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let read = |k: usize| {
                (
                    tensors[node.inputs[k]].as_slice(),
                    self.nodes[node.inputs[k]].shape,
                )
            };
            let value = match &node.op {
                Op::Input => input.to_vec(),
                Op::Conv(conv) => run_conv(conv, read(0).0, read(0).1, node.shape),
                Op::Activation(a) => {
                    let plane = node.shape.plane();
                    read(0)
                        .0
                        .iter()
                        .enumerate()
                        .map(|(i, &x)| a.eval(x, i / plane))
                        .collect()
                }
                Op::Pool(pool) => run_pool(pool, read(0).0, read(0).1, node.shape),
                Op::Sum { factors } => {
                    let mut sum = vec![0.0; node.shape.len()];
                    for (k, f) in factors.iter().enumerate() {
                        for (s, x) in sum.iter_mut().zip(read(k).0) {
                            *s += f * x;
                        }
                    }
                    sum
                }
                Op::Concat => (0..node.inputs.len())
                    .flat_map(|k| read(k).0.iter().copied())
                    .collect(),
                Op::Pad { pads, value } => {
                    let (x, s) = read(0);
                    let mut padded = vec![*value; node.shape.len()];
                    for c in 0..s.channels {
                        for y in 0..s.height {
                            let from = (c * s.height + y) * s.width;
                            let to =
                                (c * node.shape.height + y + pads[0]) * node.shape.width + pads[1];
                            padded[to..to + s.width].copy_from_slice(&x[from..from + s.width]);
                        }
                    }
                    padded
                }
                Op::Upsample { factors } => {
                    let (x, s) = read(0);
                    let mut up = Vec::with_capacity(node.shape.len());
                    for c in 0..node.shape.channels {
                        for y in 0..node.shape.height {
                            for z in 0..node.shape.width {
                                up.push(
                                    x[(c * s.height + y / factors[0]) * s.width + z / factors[1]],
                                );
                            }
                        }
                    }
                    up
                }
                Op::Rearrange { index } => index.iter().map(|&i| read(0).0[i as usize]).collect(),
            };
            tensors.push(value);
        }
        Ok(tensors)
    }

    /// Shape and order of the stored samples, for images of 0..=255.
    pub fn input_spec(&self, resize: Option<[usize; 2]>) -> InputSpec {
        InputSpec {
            shape: self.nodes[0].shape,
            flat: self.input_layout == crate::graph::InputLayout::Flat,
            range: crate::network::ValueRange { min: 0, max: 255 },
            resize,
        }
    }
}

fn run_conv(conv: &Conv, x: &[f32], shape: Shape, out: Shape) -> Vec<f32> {
    let channels = shape.channels / conv.groups;
    let [kh, kw] = conv.window.kernel;
    let taps = channels * kh * kw;
    let per_group = out.channels / conv.groups;
    let plane = out.plane();
    let mut result = vec![0.0; out.len()];
    for g in 0..conv.groups {
        let x = &x[g * channels * shape.plane()..(g + 1) * channels * shape.plane()];
        // One row per tap: the inputs it meets at every output position.
        let mut rows = vec![0.0f32; taps * plane];
        for (t, row) in rows.chunks_exact_mut(plane).enumerate() {
            let (c, ky, kx) = (t / (kh * kw), t / kw % kh, t % kw);
            for oy in 0..out.height {
                for ox in 0..out.width {
                    if let Some((y, z)) =
                        conv.window
                            .source((oy, ox), (ky, kx), (shape.height, shape.width))
                    {
                        row[oy * out.width + ox] = x[(c * shape.height + y) * shape.width + z];
                    }
                }
            }
        }
        let channel = |o: usize, target: &mut [f32]| {
            let o = g * per_group + o;
            target.fill(conv.bias[o]);
            for (w, row) in conv.weight[o * taps..(o + 1) * taps]
                .iter()
                .zip(rows.chunks_exact(plane))
            {
                for (a, x) in target.iter_mut().zip(row) {
                    *a += w * x;
                }
            }
        };
        let target = &mut result[g * per_group * plane..(g + 1) * per_group * plane];
        if taps * plane * per_group >= PARALLEL_WORK {
            target
                .par_chunks_mut(plane)
                .enumerate()
                .for_each(|(o, t)| channel(o, t));
        } else {
            target
                .chunks_mut(plane)
                .enumerate()
                .for_each(|(o, t)| channel(o, t));
        }
    }
    result
}

fn run_pool(pool: &Pool, x: &[f32], shape: Shape, out: Shape) -> Vec<f32> {
    let [kh, kw] = pool.window.kernel;
    let mut result = Vec::with_capacity(out.len());
    for c in 0..out.channels {
        for oy in 0..out.height {
            for ox in 0..out.width {
                let mut max = f32::NEG_INFINITY;
                let mut sum = 0.0;
                for ky in 0..kh {
                    for kx in 0..kw {
                        if let Some((y, z)) =
                            pool.window
                                .source((oy, ox), (ky, kx), (shape.height, shape.width))
                        {
                            let v = x[(c * shape.height + y) * shape.width + z];
                            max = max.max(v);
                            sum += v;
                        }
                    }
                }
                result.push(match pool.kind {
                    PoolKind::Max => max,
                    PoolKind::Sum => sum,
                    PoolKind::Average => sum / pool.divisors[oy * out.width + ox] as f32,
                });
            }
        }
    }
    result
}
