//! Elementwise non-linear functions.

use super::node::Node;
use crate::Result;
use crate::builder::{Builder, Value};
use crate::graph::Activation;

/// Relu, Clip, LeakyRelu, PRelu, Sigmoid, Tanh, HardSigmoid, HardSwish.
pub(super) fn activation(b: &mut Builder, node: &Node<'_>) -> Result<Value> {
    let x = node.value(0)?;
    let activation = match node.op() {
        "Relu" => Activation::Relu,
        "LeakyRelu" => Activation::Slope(vec![node.float("alpha", 0.01)?]),
        "Sigmoid" => Activation::Sigmoid,
        "Tanh" => Activation::Tanh,
        "HardSigmoid" => Activation::HardSigmoid {
            alpha: node.float("alpha", 0.2)?,
            beta: node.float("beta", 0.5)?,
        },
        "HardSwish" => Activation::HardSwish,
        "PRelu" => {
            let (slopes, dims) = node.required(1, "slope")?;
            return b.prelu(x, slopes, dims);
        }
        _ => {
            let (low, high) = if node.opset < 11 {
                (node.bound("min")?, node.bound("max")?)
            } else {
                (node.scalar_input(1, "min")?, node.scalar_input(2, "max")?)
            };
            return clip(b, node, x, low, high);
        }
    };
    b.activation(x, activation)
}

/// `min(max(x, low), high)`; an absent bound is infinite.
pub(super) fn clip(
    b: &mut Builder,
    node: &Node<'_>,
    x: &Value,
    low: Option<f32>,
    high: Option<f32>,
) -> Result<Value> {
    // The largest finite numbers are the defaults of the attributes: no bound.
    let low = match low {
        Some(v) if v > f32::MIN || v.is_nan() => v,
        _ => f32::NEG_INFINITY,
    };
    let high = match high {
        Some(v) if v < f32::MAX || v.is_nan() => v,
        _ => f32::INFINITY,
    };
    if low.is_nan() || low == f32::INFINITY {
        return Err(node.error(Some("min"), format!("{low}; expected a number")));
    }
    if high.is_nan() || high == f32::NEG_INFINITY {
        return Err(node.error(Some("max"), format!("{high}; expected a number")));
    }
    match (low, high) {
        (f32::NEG_INFINITY, f32::INFINITY) => Ok(x.clone()),
        (0.0, f32::INFINITY) => b.activation(x, Activation::Relu),
        _ => b.activation(x, Activation::Clip { low, high }),
    }
}
