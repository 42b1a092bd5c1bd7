//! What the owner knows of a network beyond its public architecture: names, scales, dimensions and heads
//! of the model file. Secret: scales are functions of weights and calibration data, and names are nobody
//! else's business. They are in the [bundle](crate::bundle) and in no proof.

use serde::{Deserialize, Serialize};

use crate::graph::Head;
use crate::network::{MAX_UNIT, Network, NetworkOutput};
use crate::{Error, Result, limits};

/// What the owner knows of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNote {
    /// Name in the model file.
    pub name: String,
    /// Real value of one unit: for people and reports, never used in integer arithmetic.
    pub scale: f64,
}

/// What the owner knows of an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputNote {
    /// Name in the model file.
    pub name: String,
    /// Dimensions in the model file, batch of one first.
    pub dims: Vec<usize>,
    /// What stood behind the values in the model file.
    pub head: Head,
}

/// The owner's notes on a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Annotations {
    /// One per layer.
    pub layers: Vec<LayerNote>,
    /// One per output.
    pub outputs: Vec<OutputNote>,
}

impl Annotations {
    /// Notes on a network without a model file: its public names, units as published or one, values as they are.
    pub fn plain(network: &Network) -> Self {
        let mut layers: Vec<LayerNote> = (0..network.layers.len())
            .map(|i| LayerNote {
                name: network.layer_name(i),
                scale: 1.0,
            })
            .collect();
        for output in &network.outputs {
            if let Some(unit) = output.unit {
                layers[output.layer].scale = 2f64.powi(unit);
            }
        }
        let output = |(k, o): (usize, &NetworkOutput)| OutputNote {
            name: network.output_name(k),
            dims: vec![1, network.layers[o.layer].shape.len()],
            head: Head::Values,
        };
        Self {
            layers,
            outputs: network.outputs.iter().enumerate().map(output).collect(),
        }
    }

    /// Checks that these are notes on this [valid](Network::validate) network.
    ///
    /// # Errors
    /// [`Error::Malformed`]: another number of layers or outputs, a scale that is none, dimensions or a head
    /// that do not fit their tensor, a published unit that is not the output's scale.
    pub fn validate(&self, network: &Network) -> Result<()> {
        self.check(network)
            .map_err(|reason| Error::malformed("bundle", reason))
    }

    fn check(&self, network: &Network) -> Result<(), String> {
        if self.layers.len() != network.layers.len() || self.outputs.len() != network.outputs.len()
        {
            return Err("notes on another number of layers or outputs".into());
        }
        for (i, note) in self.layers.iter().enumerate() {
            if !(note.scale.is_finite() && note.scale > 0.0) {
                let name = network.layer_name(i);
                return Err(format!("{name} '{}': the scale {}", note.name, note.scale));
            }
        }
        for (k, (note, output)) in self.outputs.iter().zip(&network.outputs).enumerate() {
            let fail = |what: &str| {
                let name = network.output_name(k);
                Err(format!("{name} '{}' has {what}", note.name))
            };
            let values = network.layers[output.layer].shape.len();
            if note.dims.len() > limits::MAX_RANK || limits::values(&note.dims) != Some(values) {
                return fail("dimensions that do not fit its tensor");
            }
            if let Head::Softmax { classes, stride } | Head::ArgMax { classes, stride } = note.head
            {
                let group = classes.checked_mul(stride).unwrap_or(0);
                if group == 0 || !values.is_multiple_of(group) {
                    return fail("a head that does not fit its tensor");
                }
            }
            if output.unit.is_some() && output.unit != exponent(self.unit(network, k)) {
                return fail("a published unit that is not its scale");
            }
        }
        Ok(())
    }

    /// Real value of one unit of output `k` of `network`.
    pub fn unit(&self, network: &Network, k: usize) -> f64 {
        self.layers[network.outputs[k].layer].scale
    }
}

/// The exponent of `scale`, if it is a power of two that can be [published](crate::network::NetworkOutput::unit).
///
/// ```
/// use pleat_model::annotations::exponent;
/// assert_eq!(exponent(0.125), Some(-3));
/// assert_eq!(exponent(0.13), None);
/// ```
pub fn exponent(scale: f64) -> Option<i32> {
    let nearest = scale.log2().round();
    if !nearest.is_finite() || nearest.abs() > f64::from(MAX_UNIT) {
        return None;
    }
    let exponent = nearest as i32;
    (2f64.powi(exponent) == scale).then_some(exponent)
}
