//! Outputs of the crate's float executor as a model file defines them: softmax and argmax applied.

use pleat_model::graph::{Graph, Head};

/// Values of every output, softmax and argmax applied.
pub(crate) fn outputs(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let tensors = graph.run(input).unwrap();
    graph
        .outputs
        .iter()
        .map(|o| head(&tensors[o.node], o.head))
        .collect()
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
