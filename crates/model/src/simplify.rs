//! Passes that bring a graph into its smallest equivalent form.
//!
//! All are exact up to the rounding of `f32`: per-channel affine maps (batch normalisation, input
//! scaling) are folded into neighbouring convolutions, a flatten before a dense layer becomes a
//! convolution over the whole image, zero borders become padding, no-ops disappear.

use crate::graph::{Activation, Conv, Graph, NodeId, Op, PoolKind, Window};

/// Applies every pass until nothing changes.
pub(crate) fn simplify(graph: &mut Graph) {
    remove_dead(graph);
    loop {
        let changed = [
            remove_identities,
            fold_into_producer,
            fold_into_consumers,
            compose_rearrangements,
            absorb_flatten,
            absorb_padding,
        ]
        .iter()
        .any(|pass| pass(graph));
        if !changed {
            return;
        }
        remove_dead(graph);
    }
}

fn consumers(graph: &Graph) -> Vec<Vec<NodeId>> {
    let mut list = vec![vec![]; graph.nodes.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        for &j in &node.inputs {
            list[j].push(i);
        }
    }
    list
}

fn is_output(graph: &Graph, node: NodeId) -> bool {
    graph.outputs.iter().any(|o| o.node == node)
}

/// Makes everything that reads `from` read `to`.
fn redirect(graph: &mut Graph, from: NodeId, to: NodeId) {
    for node in &mut graph.nodes {
        for j in &mut node.inputs {
            if *j == from {
                *j = to;
            }
        }
    }
    for output in &mut graph.outputs {
        if output.node == from {
            output.node = to;
        }
    }
}

/// Drops nodes no output depends on; the input stays.
fn remove_dead(graph: &mut Graph) {
    let mut live = vec![false; graph.nodes.len()];
    if let Some(first) = live.first_mut() {
        *first = true;
    }
    for output in &graph.outputs {
        live[output.node] = true;
    }
    for i in (0..graph.nodes.len()).rev() {
        if live[i] {
            for &j in &graph.nodes[i].inputs {
                live[j] = true;
            }
        }
    }
    let mut renamed = vec![0; live.len()];
    let mut next = 0;
    for (i, &l) in live.iter().enumerate() {
        renamed[i] = next;
        next += usize::from(l);
    }
    let mut keep = live.iter();
    graph
        .nodes
        .retain(|_| keep.next().copied().unwrap_or(false));
    for node in &mut graph.nodes {
        for j in &mut node.inputs {
            *j = renamed[*j];
        }
    }
    for output in &mut graph.outputs {
        output.node = renamed[output.node];
    }
}

/// Whether a convolution is `scale[c] * x[c] + shift[c]`.
fn is_affine(conv: &Conv) -> bool {
    conv.window == Window::POINT
        && conv.groups == conv.out_channels
        && conv.weight.len() == conv.out_channels
}

fn remove_identities(graph: &mut Graph) -> bool {
    let mut changed = false;
    for i in 1..graph.nodes.len() {
        let node = &graph.nodes[i];
        let source = node.inputs[0];
        let same_shape = graph.nodes[source].shape == node.shape;
        let identity = match &node.op {
            Op::Conv(c) => {
                is_affine(c)
                    && c.weight.iter().all(|&w| w == 1.0)
                    && c.bias.iter().all(|&b| b == 0.0)
            }
            Op::Activation(Activation::Clip { low, high }) => {
                *low == f32::NEG_INFINITY && *high == f32::INFINITY
            }
            Op::Activation(Activation::Slope(s)) => s.iter().all(|&s| s == 1.0),
            Op::Activation(Activation::Polynomial {
                square,
                linear,
                constant,
            }) => *square == 0.0 && *linear == 1.0 && *constant == 0.0,
            Op::Pool(p) => {
                p.window == Window::POINT
                    && (p.kind != PoolKind::Average || p.divisors.iter().all(|&d| d == 1))
            }
            Op::Sum { factors } => factors == &[1.0],
            Op::Concat => node.inputs.len() == 1,
            Op::Pad { pads, .. } => *pads == [0; 4],
            Op::Upsample { factors } => *factors == [1, 1],
            Op::Rearrange { index } => {
                same_shape && index.iter().enumerate().all(|(i, &s)| i == s as usize)
            }
            _ => false,
        };
        if identity && same_shape {
            redirect(graph, i, source);
            changed = true;
            continue;
        }
        let simpler = match &graph.nodes[i].op {
            Op::Activation(Activation::Clip { low, high })
                if *low == 0.0 && *high == f32::INFINITY =>
            {
                Some(Activation::Relu)
            }
            Op::Activation(Activation::Slope(s)) if s.iter().all(|&s| s == 0.0) => {
                Some(Activation::Relu)
            }
            _ => None,
        };
        if let Some(activation) = simpler {
            graph.nodes[i].op = Op::Activation(activation);
            changed = true;
        }
    }
    changed
}

/// conv, then affine: one conv.
fn fold_into_producer(graph: &mut Graph) -> bool {
    let users = consumers(graph);
    for i in 1..graph.nodes.len() {
        let source = graph.nodes[i].inputs[0];
        if users[source].len() != 1 || is_output(graph, source) {
            continue;
        }
        let Op::Conv(affine) = &graph.nodes[i].op else {
            continue;
        };
        if !is_affine(affine) {
            continue;
        }
        let affine = affine.clone();
        let Op::Conv(conv) = &mut graph.nodes[source].op else {
            continue;
        };
        let taps = conv.weight.len() / conv.out_channels;
        for (o, row) in conv.weight.chunks_mut(taps).enumerate() {
            row.iter_mut().for_each(|w| *w *= affine.weight[o]);
            conv.bias[o] = conv.bias[o] * affine.weight[o] + affine.bias[o];
        }
        redirect(graph, i, source);
        return true;
    }
    false
}

/// affine, then convs: the convs alone. With padding only if the affine map keeps zero at zero,
/// because padding is zero after the map, not before it.
fn fold_into_consumers(graph: &mut Graph) -> bool {
    let users = consumers(graph);
    for i in 1..graph.nodes.len() {
        let Op::Conv(affine) = &graph.nodes[i].op else {
            continue;
        };
        if !is_affine(affine) || is_output(graph, i) || users[i].is_empty() {
            continue;
        }
        let keeps_zero = affine.bias.iter().all(|&b| b == 0.0);
        let foldable = users[i].iter().all(|&u| match &graph.nodes[u].op {
            Op::Conv(c) => keeps_zero || c.window.pads == [0; 4],
            _ => false,
        });
        if !foldable {
            continue;
        }
        let affine = affine.clone();
        let source = graph.nodes[i].inputs[0];
        for &u in &users[i] {
            let Op::Conv(conv) = &mut graph.nodes[u].op else {
                continue;
            };
            let area = conv.window.kernel[0] * conv.window.kernel[1];
            let channels = affine.out_channels / conv.groups;
            let per_group = conv.out_channels / conv.groups;
            for o in 0..conv.out_channels {
                let mut shift = 0.0f64;
                for c in 0..channels {
                    let from = (o / per_group) * channels + c;
                    for w in
                        &mut conv.weight[(o * channels + c) * area..(o * channels + c + 1) * area]
                    {
                        shift += f64::from(*w) * f64::from(affine.bias[from]);
                        *w *= affine.weight[from];
                    }
                }
                conv.bias[o] += shift as f32;
            }
        }
        redirect(graph, i, source);
        return true;
    }
    false
}

fn compose_rearrangements(graph: &mut Graph) -> bool {
    let mut changed = false;
    for i in 1..graph.nodes.len() {
        let source = graph.nodes[i].inputs[0];
        let (Op::Rearrange { index: outer }, Op::Rearrange { index: inner }) =
            (&graph.nodes[i].op, &graph.nodes[source].op)
        else {
            continue;
        };
        let index = outer.iter().map(|&o| inner[o as usize]).collect();
        graph.nodes[i].op = Op::Rearrange { index };
        graph.nodes[i].inputs = graph.nodes[source].inputs.clone();
        changed = true;
    }
    changed
}

/// A rearrangement to a vector, read only by dense layers: they become convolutions over the whole
/// source, with the weights in its order.
fn absorb_flatten(graph: &mut Graph) -> bool {
    let users = consumers(graph);
    for i in 1..graph.nodes.len() {
        let Op::Rearrange { index } = &graph.nodes[i].op else {
            continue;
        };
        let n = graph.nodes[i].shape.channels;
        let source = graph.nodes[i].inputs[0];
        let from = graph.nodes[source].shape;
        let all_dense = users[i].iter().all(|&u| match &graph.nodes[u].op {
            Op::Conv(c) => c.window == Window::POINT && c.groups == 1,
            _ => false,
        });
        if graph.nodes[i].shape.plane() != 1 || is_output(graph, i) || !all_dense || from.len() != n
        {
            continue;
        }
        let index = index.clone();
        for &u in &users[i] {
            let Op::Conv(conv) = &mut graph.nodes[u].op else {
                continue;
            };
            let mut weight = vec![0.0; conv.weight.len()];
            for (old, new) in conv.weight.chunks_exact(n).zip(weight.chunks_exact_mut(n)) {
                for (w, &at) in old.iter().zip(&index) {
                    new[at as usize] += w;
                }
            }
            conv.weight = weight;
            conv.window.kernel = [from.height, from.width];
        }
        redirect(graph, i, source);
        return true;
    }
    false
}

fn absorb_padding(graph: &mut Graph) -> bool {
    let users = consumers(graph);
    for i in 1..graph.nodes.len() {
        let Op::Pad { pads, value } = graph.nodes[i].op else {
            continue;
        };
        let all_convs = users[i]
            .iter()
            .all(|&u| matches!(graph.nodes[u].op, Op::Conv(_)));
        if value != 0.0 || is_output(graph, i) || !all_convs {
            continue;
        }
        for &u in &users[i] {
            if let Op::Conv(conv) = &mut graph.nodes[u].op {
                for (total, p) in conv.window.pads.iter_mut().zip(pads) {
                    *total += p;
                }
            }
        }
        let source = graph.nodes[i].inputs[0];
        redirect(graph, i, source);
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Builder, InputTransform, PoolParams};
    use crate::graph::InputLayout;

    /// Runs the same construction with and without simplification and compares the outputs.
    fn agrees(build: impl Fn(&mut Builder) -> crate::builder::Value, input: &[f32]) -> Graph {
        let mut b = Builder::new();
        let v = build(&mut b);
        let simple = b.finish(vec![("y".into(), v)]).unwrap();
        let mut b = Builder::new();
        let v = build(&mut b);
        let plain = b.finish_unsimplified(vec![("y".into(), v)]).unwrap();
        assert!(
            simple.nodes.len() < plain.nodes.len(),
            "nothing was simplified"
        );
        let (a, b) = (simple.run(input).unwrap(), plain.run(input).unwrap());
        for (x, y) in a[simple.outputs[0].node]
            .iter()
            .zip(&b[plain.outputs[0].node])
        {
            assert!((x - y).abs() < 1e-4, "{x} {y}");
        }
        simple
    }

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        let mut s = seed;
        (0..n)
            .map(|_| {
                s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (s >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    fn transform(mean: f32) -> InputTransform {
        InputTransform {
            scale: 1.0 / 255.0,
            mean: vec![mean, 0.1, 0.3],
            std: vec![0.5, 0.25, 2.0],
        }
    }

    fn conv(
        b: &mut Builder,
        x: &crate::builder::Value,
        out: usize,
        groups: usize,
        window: Window,
    ) -> crate::builder::Value {
        let inputs = x.dims()[1];
        let n = out * inputs / groups * window.kernel[0] * window.kernel[1];
        b.conv(x, numbers(n, 1), Some(numbers(out, 2)), out, groups, window)
            .unwrap()
    }

    #[test]
    fn batch_norm_and_scaling_disappear() {
        let w = Window {
            kernel: [3, 3],
            ..Window::POINT
        };
        let g = agrees(
            |b| {
                let x = b
                    .input(&[1, 3, 6, 5], InputLayout::Chw, &transform(0.2))
                    .unwrap();
                let y = conv(b, &x, 6, 3, w);
                let y = b
                    .affine(&y, &numbers(6, 3), &numbers(6, 4), &[6, 1, 1])
                    .unwrap();
                b.activation(&y, Activation::Relu).unwrap()
            },
            &numbers(90, 5),
        );
        assert_eq!(g.nodes.len(), 3);
    }

    #[test]
    fn a_mean_before_padding_stays() {
        let w = Window {
            kernel: [3, 3],
            pads: [1, 1, 1, 1],
            ..Window::POINT
        };
        let g = agrees(
            |b| {
                let x = b
                    .input(&[1, 3, 6, 5], InputLayout::Chw, &transform(0.2))
                    .unwrap();
                let y = conv(b, &x, 4, 1, w);
                b.affine(&y, &numbers(4, 3), &numbers(4, 4), &[4, 1, 1])
                    .unwrap()
            },
            &numbers(90, 5),
        );
        assert_eq!(g.nodes.len(), 3, "input, normalisation, convolution");
    }

    #[test]
    fn flatten_becomes_a_window_over_the_image() {
        let g = agrees(
            |b| {
                let x = b
                    .input(&[1, 4, 6, 3], InputLayout::Hwc, &InputTransform::default())
                    .unwrap();
                let x = b.activation(&x, Activation::Relu).unwrap();
                let x = b.reshape(&x, &[1, 72]).unwrap();
                b.dense(&x, &numbers(72 * 5, 6), None, 5).unwrap()
            },
            &numbers(72, 5),
        );
        assert_eq!(g.nodes.len(), 3);
    }

    #[test]
    fn zero_borders_become_padding() {
        let w = Window {
            kernel: [3, 3],
            stride: [2, 2],
            ..Window::POINT
        };
        let g = agrees(
            |b| {
                let x = b
                    .input(&[1, 3, 6, 5], InputLayout::Chw, &InputTransform::default())
                    .unwrap();
                let x = b.pad(&x, [0, 1, 2, 1], 0.0).unwrap();
                let x = b.reshape(&x, &[1, 3, 8, 7]).unwrap();
                conv(b, &x, 4, 1, w)
            },
            &numbers(90, 5),
        );
        assert_eq!(g.nodes.len(), 2);
    }

    #[test]
    fn transposes_that_cancel_leave_nothing() {
        let g = agrees(
            |b| {
                let x = b
                    .input(&[1, 3, 4, 4], InputLayout::Chw, &InputTransform::default())
                    .unwrap();
                let t = b.transpose(&x, &[0, 2, 3, 1]).unwrap();
                let t = b.transpose(&t, &[0, 3, 1, 2]).unwrap();
                let y = b
                    .pool(
                        &t,
                        &PoolParams {
                            kind: PoolKind::Max,
                            window: Window::POINT,
                            ceil_mode: false,
                            count_include_pad: false,
                        },
                    )
                    .unwrap();
                let y = b.concat(&[y], 1).unwrap();
                b.activation(
                    &y,
                    Activation::Clip {
                        low: 0.0,
                        high: f32::INFINITY,
                    },
                )
                .unwrap()
            },
            &numbers(48, 5),
        );
        assert_eq!(g.nodes.len(), 2);
        assert_eq!(g.nodes[1].op, Op::Activation(Activation::Relu));
    }
}
