//! A naive float executor of the graph: loops as in the definitions, nothing shared with the crate's own.

use pleat_model::graph::{Graph, Head, Op, PoolKind, Window};

/// Values of every output, softmax and argmax applied.
pub(crate) fn outputs(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let mut tensors: Vec<Vec<f32>> = vec![];
    for node in &graph.nodes {
        let of = |i: usize| (&tensors[node.inputs[i]], graph.nodes[node.inputs[i]].shape);
        let s = node.shape;
        let mut out = vec![0.0f32; s.len()];
        match &node.op {
            Op::Input => out.copy_from_slice(input),
            Op::Conv(c) => {
                let (x, xs) = of(0);
                let (ci, co) = (xs.channels / c.groups, c.out_channels / c.groups);
                let [kh, kw] = c.window.kernel;
                for o in 0..c.out_channels {
                    for p in 0..s.plane() {
                        let mut acc = f64::from(c.bias[o]);
                        for (k, (y, z)) in
                            taps(&c.window, (p / s.width, p % s.width), xs.height, xs.width)
                        {
                            for i in 0..ci {
                                let channel = o / co * ci + i;
                                let w = c.weight[(o * ci + i) * kh * kw + k];
                                acc += f64::from(w)
                                    * f64::from(x[(channel * xs.height + y) * xs.width + z]);
                            }
                        }
                        out[o * s.plane() + p] = acc as f32;
                    }
                }
            }
            Op::Activation(a) => {
                let (x, _) = of(0);
                for (i, v) in x.iter().enumerate() {
                    out[i] = a.eval(*v, i / s.plane());
                }
            }
            Op::Pool(pool) => {
                let (x, xs) = of(0);
                for c in 0..s.channels {
                    for p in 0..s.plane() {
                        let at = (p / s.width, p % s.width);
                        let seen = taps(&pool.window, at, xs.height, xs.width)
                            .into_iter()
                            .map(|(_, (y, z))| x[(c * xs.height + y) * xs.width + z]);
                        out[c * s.plane() + p] = match pool.kind {
                            PoolKind::Max => seen.fold(f32::NEG_INFINITY, f32::max),
                            PoolKind::Sum => seen.sum(),
                            PoolKind::Average => seen.sum::<f32>() / pool.divisors[p] as f32,
                        };
                    }
                }
            }
            Op::Sum { factors } => {
                for (i, f) in factors.iter().enumerate() {
                    for (o, v) in out.iter_mut().zip(of(i).0) {
                        *o += f * v;
                    }
                }
            }
            Op::Concat => {
                out = (0..node.inputs.len())
                    .flat_map(|i| of(i).0.clone())
                    .collect();
            }
            Op::Pad { pads, value } => {
                let (x, xs) = of(0);
                out.fill(*value);
                for (i, v) in x.iter().enumerate() {
                    let (c, y, z) = (i / xs.plane(), i / xs.width % xs.height, i % xs.width);
                    out[(c * s.height + y + pads[0]) * s.width + z + pads[1]] = *v;
                }
            }
            Op::Upsample { factors } => {
                let (x, xs) = of(0);
                for (i, o) in out.iter_mut().enumerate() {
                    let (c, y, z) = (i / s.plane(), i / s.width % s.height, i % s.width);
                    *o = x[(c * xs.height + y / factors[0]) * xs.width + z / factors[1]];
                }
            }
            Op::Rearrange { index } => {
                out = index.iter().map(|&i| of(0).0[i as usize]).collect();
            }
        }
        assert_eq!(out.len(), s.len(), "{}", node.name);
        tensors.push(out);
    }
    graph
        .outputs
        .iter()
        .map(|o| head(&tensors[o.node], o.head))
        .collect()
}

/// Tap number and source position of every tap that lies inside.
fn taps(
    w: &Window,
    at: (usize, usize),
    height: usize,
    width: usize,
) -> Vec<(usize, (usize, usize))> {
    let [kh, kw] = w.kernel;
    let mut out = vec![];
    for ky in 0..kh {
        for kx in 0..kw {
            let y = (at.0 * w.stride[0] + ky * w.dilation[0]) as isize - w.pads[0] as isize;
            let x = (at.1 * w.stride[1] + kx * w.dilation[1]) as isize - w.pads[1] as isize;
            if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                out.push((ky * kw + kx, (y as usize, x as usize)));
            }
        }
    }
    out
}

fn head(values: &[f32], head: Head) -> Vec<f32> {
    let (classes, stride, argmax) = match head {
        Head::Values => return values.to_vec(),
        Head::Softmax { classes, stride } => (classes, stride, false),
        Head::ArgMax { classes, stride } => (classes, stride, true),
    };
    let mut out = vec![0.0; values.len()];
    let mut best = vec![];
    for block in 0..values.len() / (classes * stride) {
        for s in 0..stride {
            let at = |c: usize| (block * classes + c) * stride + s;
            let largest = (0..classes)
                .map(|c| values[at(c)])
                .fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = (0..classes).map(|c| (values[at(c)] - largest).exp()).sum();
            for c in 0..classes {
                out[at(c)] = (values[at(c)] - largest).exp() / total;
            }
            best.push(
                (0..classes)
                    .position(|c| values[at(c)] == largest)
                    .unwrap_or(0) as f32,
            );
        }
    }
    if argmax { best } else { out }
}
