//! A plain f32 evaluator of the canonical graph, for comparing importers.
//!
//! Written from the documentation of `graph.rs` alone and as simple as possible.

use pleat_model::graph::{Graph, Op, PoolKind};

/// Outputs of one sample, each in the row-major order of its `dims`. `input` is CHW.
pub(crate) fn evaluate(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let mut values: Vec<Vec<f32>> = vec![];
    for node in &graph.nodes {
        let shape = node.shape;
        let x = |i: usize| &values[node.inputs[i]];
        let from = |i: usize| graph.nodes[node.inputs[i]].shape;
        let mut out = vec![0f32; shape.len()];
        match &node.op {
            Op::Input => {
                assert_eq!(input.len(), shape.len());
                out.copy_from_slice(input);
            }
            Op::Conv(conv) => {
                let (x, s) = (x(0), from(0));
                let w = &conv.window;
                let per_in = s.channels / conv.groups;
                let per_out = conv.out_channels / conv.groups;
                for oc in 0..shape.channels {
                    let group = oc / per_out;
                    for oy in 0..shape.height {
                        for ox in 0..shape.width {
                            let mut acc = conv.bias[oc];
                            for ky in 0..w.kernel[0] {
                                for kx in 0..w.kernel[1] {
                                    let Some((y, xx)) =
                                        w.source((oy, ox), (ky, kx), (s.height, s.width))
                                    else {
                                        continue;
                                    };
                                    for i in 0..per_in {
                                        let ic = group * per_in + i;
                                        let weight = conv.weight[((oc * per_in + i) * w.kernel[0]
                                            + ky)
                                            * w.kernel[1]
                                            + kx];
                                        acc += weight * x[(ic * s.height + y) * s.width + xx];
                                    }
                                }
                            }
                            out[(oc * shape.height + oy) * shape.width + ox] = acc;
                        }
                    }
                }
            }
            Op::Activation(a) => {
                for (i, o) in out.iter_mut().enumerate() {
                    *o = a.eval(x(0)[i], i / shape.plane());
                }
            }
            Op::Pool(pool) => {
                let (x, s) = (x(0), from(0));
                let w = &pool.window;
                for c in 0..shape.channels {
                    for oy in 0..shape.height {
                        for ox in 0..shape.width {
                            let taps = (0..w.kernel[0])
                                .flat_map(|ky| (0..w.kernel[1]).map(move |kx| (ky, kx)))
                                .filter_map(|k| w.source((oy, ox), k, (s.height, s.width)))
                                .map(|(y, xx)| x[(c * s.height + y) * s.width + xx]);
                            let at = oy * shape.width + ox;
                            out[c * shape.plane() + at] = match pool.kind {
                                PoolKind::Max => taps.fold(f32::NEG_INFINITY, f32::max),
                                PoolKind::Sum => taps.sum(),
                                PoolKind::Average => taps.sum::<f32>() / pool.divisors[at] as f32,
                            };
                        }
                    }
                }
            }
            Op::Sum { factors } => {
                for (i, factor) in factors.iter().enumerate() {
                    for (o, v) in out.iter_mut().zip(x(i)) {
                        *o += factor * v;
                    }
                }
            }
            Op::Concat => out = (0..node.inputs.len()).flat_map(|i| x(i).clone()).collect(),
            Op::Pad { pads, value } => {
                let s = from(0);
                out.fill(*value);
                for c in 0..s.channels {
                    for y in 0..s.height {
                        for xx in 0..s.width {
                            out[(c * shape.height + y + pads[0]) * shape.width + xx + pads[1]] =
                                x(0)[(c * s.height + y) * s.width + xx];
                        }
                    }
                }
            }
            Op::Upsample { factors } => {
                let s = from(0);
                for c in 0..shape.channels {
                    for y in 0..shape.height {
                        for xx in 0..shape.width {
                            out[(c * shape.height + y) * shape.width + xx] =
                                x(0)[(c * s.height + y / factors[0]) * s.width + xx / factors[1]];
                        }
                    }
                }
            }
            Op::Rearrange { index } => {
                for (o, &i) in out.iter_mut().zip(index) {
                    *o = x(0)[i as usize];
                }
            }
        }
        assert_eq!(out.len(), shape.len(), "{}", node.name);
        values.push(out);
    }
    graph
        .outputs
        .iter()
        .map(|o| values[o.node].clone())
        .collect()
}
