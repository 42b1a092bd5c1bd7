//! Activation functions, as layers, as attributes and as Lambda layers.

use serde_json::Value as Json;

use super::super::attributes::Attributes;
use super::super::config::brief;
use super::super::lambda;
use super::{Context, Parameters};
use crate::builder::Value;
use crate::graph::Activation;
use crate::{Error, Result};

const SUPPORTED: &str = "one of linear, relu, relu6, leaky_relu, sigmoid, tanh, hard_sigmoid, hard_tanh, hard_swish and (at the end) softmax";

/// Applies what the attribute `activation` says; absent means linear.
pub(super) fn attribute(cx: &mut Context<'_>, x: Value) -> Result<Value> {
    let a = cx.attributes;
    let name = match a.get("activation") {
        None => return Ok(x),
        Some(Json::String(name)) => name.as_str(),
        Some(object) => match (&object["config"], object["class_name"].as_str()) {
            // Keras 3: {"class_name": "function", "config": "relu"}
            (Json::String(name), _) => name.as_str(),
            // A layer as the activation of another one.
            (config @ Json::Object(_), Some(class @ ("ReLU" | "LeakyReLU" | "Softmax"))) => {
                let mut inner = Context {
                    builder: &mut *cx.builder,
                    attributes: Attributes { class, config, ..a },
                    keras_2: cx.keras_2,
                    inputs: std::slice::from_ref(&x),
                    parameters: Parameters::new(a.layer, class, vec![]),
                };
                return match class {
                    "ReLU" => relu(&mut inner),
                    "LeakyReLU" => leaky_relu(&mut inner),
                    _ => softmax(&mut inner),
                };
            }
            _ => return Err(a.refuse("activation", SUPPORTED)),
        },
    };
    let function = match name {
        "linear" => return Ok(x),
        "softmax" => {
            let axis = x.dims().len().saturating_sub(1);
            return cx.builder.softmax(&x, axis);
        }
        "relu" => Activation::Relu,
        "relu6" => Activation::Clip {
            low: 0.0,
            high: 6.0,
        },
        "hard_tanh" => Activation::Clip {
            low: -1.0,
            high: 1.0,
        },
        // The default of the function, not that of the LeakyReLU layer.
        "leaky_relu" => Activation::Slope(vec![0.2]),
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        // Keras 3 changed the function and kept its name.
        "hard_sigmoid" if cx.keras_2 => Activation::HardSigmoid {
            alpha: 0.2,
            beta: 0.5,
        },
        "hard_sigmoid" => Activation::HardSigmoid {
            alpha: 1.0 / 6.0,
            beta: 0.5,
        },
        "hard_swish" | "hard_silu" => Activation::HardSwish,
        _ => return Err(a.refuse("activation", SUPPORTED)),
    };
    cx.builder.activation(&x, function)
}

/// The ReLU layer.
pub(super) fn relu(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    if a.number("threshold", Some(0.0))? != Some(0.0) {
        return Err(a.refuse("threshold", "0"));
    }
    let slope = a.number("negative_slope", Some(0.0))?.unwrap_or(0.0);
    let function = match (a.number("max_value", None)?, slope) {
        (None, 0.0) => Activation::Relu,
        (None, slope) => Activation::Slope(vec![slope as f32]),
        (Some(high), 0.0) if high >= 0.0 => Activation::Clip {
            low: 0.0,
            high: high as f32,
        },
        (Some(_), 0.0) => return Err(a.refuse("max_value", "a number that is not negative")),
        _ => return Err(a.refuse("negative_slope", "0 together with a max_value")),
    };
    cx.builder.activation(&x, function)
}

/// The LeakyReLU layer: `alpha` in Keras 2, `negative_slope` in Keras 3.
pub(super) fn leaky_relu(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let slope = match a.number("negative_slope", None)? {
        Some(slope) => Some(slope),
        None => a.number("alpha", Some(0.3))?,
    };
    let slope = slope.unwrap_or(0.3) as f32;
    cx.builder.activation(&x, Activation::Slope(vec![slope]))
}

/// PReLU; the slopes have the dimensions of the input, 1 along shared axes.
pub(super) fn prelu(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    let mut dims = x.dims()[1..].to_vec();
    match a.get("shared_axes") {
        None => {}
        Some(Json::Array(axes)) => {
            for axis in axes {
                let slot = axis
                    .as_u64()
                    .and_then(|i| usize::try_from(i).ok()?.checked_sub(1))
                    .and_then(|i| dims.get_mut(i))
                    .ok_or_else(|| a.refuse("shared_axes", "a list of axes from 1 on"))?;
                *slot = 1;
            }
        }
        Some(_) => return Err(a.refuse("shared_axes", "a list of axes from 1 on")),
    }
    let slopes = cx.parameters.take("alpha", &dims)?;
    cx.builder.prelu(&x, &slopes, &dims)
}

/// The Softmax layer.
pub(super) fn softmax(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let axis = cx.attributes.axis("axis", -1, x.dims().len())?;
    cx.builder.softmax(&x, axis)
}

/// A Lambda layer whose function is a polynomial of degree two.
pub(super) fn lambda(cx: &mut Context<'_>) -> Result<Value> {
    let x = cx.one()?;
    let a = cx.attributes;
    if let Some(arguments) = a.get("arguments")
        && arguments.as_object().is_none_or(|o| !o.is_empty())
    {
        return Err(a.refuse("arguments", "a function of the input alone"));
    }
    let function = a.get("function").unwrap_or(&Json::Null);
    let [constant, linear, square] = lambda::recognise(function).map_err(|reason| {
        Error::unsupported(
            a.layer,
            a.class,
            Some("function"),
            format!(
                "found {reason} in {}; the closest supported form is a quadratic polynomial of the input such as lambda x: x**2 + x",
                brief(function)
            ),
        )
    })?;
    let (constant, linear, square) = (constant as f32, linear as f32, square as f32);
    match (constant, linear, square) {
        (0.0, 1.0, 0.0) => Ok(x),
        (_, _, 0.0) => cx.builder.affine(&x, &[linear], &[constant], &[1]),
        _ => cx.builder.activation(
            &x,
            Activation::Polynomial {
                square,
                linear,
                constant,
            },
        ),
    }
}
