//! From the float graph to integers, after training.
//!
//! Every tensor gets one scale (the real value of one unit), chosen from what calibration data
//! produce; a power of two where a number of the public architecture depends on it. All requantised layers share one shift `s`: a convolution from scale `Sx` to scale `Sq`
//! has the integer weights `round(w * Sx * 2^s / Sq)`, so per-channel factors (batch normalisation)
//! are absorbed in the weights and a larger shift means finer weights. The activation width and
//! the shift are searched: the narrowest that keep the network's decisions.

mod calibrate;
mod emit;
mod plan;
mod public;
mod scales;

use rayon::prelude::*;

pub use calibrate::{Statistics, TensorStatistics, synthetic_samples};

use crate::annotations::{Annotations, exponent};
use crate::data::Sample;
use crate::execute::Executor;
use crate::graph::Graph;
use crate::network::{InputSpec, Network, Weights};
use crate::{Error, Result};

/// Widest activations, in bits.
pub const MAX_ACTIVATION_BITS: u32 = 14;

/// What the user fixes; the rest is searched.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuantizeOptions {
    /// Activation width, 4 to 14 bits.
    pub activation_bits: Option<u32>,
    /// Shift, 2 to 16.
    pub shift: Option<u32>,
}

/// How well integers follow floats on the calibration samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Fidelity {
    /// Share of samples with the same top-1.
    pub agreement: f64,
    /// Root mean square error of the outputs, relative to their standard deviation.
    pub output_error: f64,
    /// The layer with the largest root mean square error relative to its largest value.
    pub worst_layer: String,
    /// That error.
    pub worst_layer_error: f64,
}

/// Numbers of the model file that the public architecture shows, because they are part of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedNumbers {
    /// Name of the layer in the model file.
    pub layer: String,
    /// `slopes`, `factors of a sum`, `coefficients of a polynomial`, `bounds of a clip`, `constants of a hard sigmoid`,
    /// `the value of a border`.
    pub what: &'static str,
}

/// The result of quantisation.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Public architecture.
    pub network: Network,
    /// Secret parameters.
    pub weights: Weights,
    /// The owner's names and scales; secret.
    pub annotations: Annotations,
    /// Layers with numbers of the model file that the architecture shows.
    pub learned: Vec<LearnedNumbers>,
    /// What calibration saw, per layer of the network.
    pub statistics: Vec<TensorStatistics>,
    /// On the calibration samples.
    pub fidelity: Fidelity,
    /// Chosen activation width.
    pub activation_bits: u32,
}

impl Quantized {
    /// Publishes the real value of one unit of every output in the architecture.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a unit that is no power of two within the limits; calibrated networks have none.
    pub fn publish_units(&mut self) -> Result<()> {
        for k in 0..self.network.outputs.len() {
            let scale = self.annotations.unit(&self.network, k);
            let unit = exponent(scale).ok_or_else(|| {
                Error::invalid(format!(
                    "the unit {scale:e} of output '{}' is too large or too small to publish",
                    self.annotations.outputs[k].name
                ))
            })?;
            self.network.outputs[k].unit = Some(unit);
        }
        Ok(())
    }
}

/// Outputs whose error is above this share of their standard deviation are not accepted.
const MAX_OUTPUT_ERROR: f64 = 0.04;
/// Share of samples whose top-1 may change; rounded up, so that one near-tie in a small calibration
/// set does not widen the whole network.
const MAX_DISAGREEMENT: f64 = 0.005;

impl Fidelity {
    /// Whether the goal of the search is met: outputs within 4 % of their deviation, top-1 changed for
    /// at most 0.5 % of the `samples` calibrated with.
    pub fn accepted(&self, samples: usize) -> bool {
        let n = samples as f64;
        let changed = ((1.0 - self.agreement) * n).round();
        self.output_error <= MAX_OUTPUT_ERROR && changed <= (MAX_DISAGREEMENT * n).ceil()
    }
}

/// Quantises `graph` for samples of `spec`, calibrated on `samples`.
///
/// # Errors
/// [`Error::Invalid`] if there is no sample, if a parameter is not finite or too large for integers
/// of the supported widths, or if the options leave no possible network.
pub fn quantize(
    graph: &Graph,
    spec: &InputSpec,
    samples: &[Sample],
    options: &QuantizeOptions,
) -> Result<Quantized> {
    if samples.is_empty() {
        return Err(Error::invalid("calibration needs at least one sample"));
    }
    let widths = match options.activation_bits {
        Some(b) if !(4..=MAX_ACTIVATION_BITS).contains(&b) => {
            return Err(Error::invalid(format!(
                "{b} activation bits; 4 to {MAX_ACTIVATION_BITS} are possible"
            )));
        }
        Some(b) => vec![b],
        None => vec![8, 9, 10, 12, 14],
    };
    let shifts: Vec<u32> = match options.shift {
        Some(s) if !(2..=crate::network::MAX_SHIFT).contains(&s) => {
            return Err(Error::invalid(format!(
                "a shift of {s}; 2 to {} are possible",
                crate::network::MAX_SHIFT
            )));
        }
        Some(s) => vec![s],
        None => (5..=14).rev().collect(),
    };
    let plan = plan::Plan::new(graph, spec.range)?;
    let reference = calibrate::observe(&plan.graph, samples)?;
    let mut best: Option<Quantized> = None;
    let better = |a: &Quantized, b: &Option<Quantized>| {
        b.as_ref()
            .is_none_or(|b| a.fidelity.output_error < b.fidelity.output_error)
    };
    let mut last_error = None;
    for bits in widths {
        // Wide shifts first: as long as they are accepted, narrower ones are tried.
        let mut accepted: Option<Quantized> = None;
        for &shift in &shifts {
            let candidate = match emit::emit(&plan, spec, &reference.statistics, bits, shift) {
                Ok(emitted) => measure(&plan, emitted, &reference, samples, bits)?,
                // Weights too wide for this shift: a smaller one may do.
                Err(e) => {
                    last_error = Some(e);
                    continue;
                }
            };
            if candidate.fidelity.accepted(samples.len()) {
                accepted = Some(candidate);
            } else {
                if better(&candidate, &best) {
                    best = Some(candidate);
                }
                break;
            }
        }
        if let Some(accepted) = accepted {
            return Ok(accepted);
        }
    }
    if let Some(q) = &best
        && q.fidelity.output_error.is_infinite()
    {
        return Err(Error::invalid(format!(
            "no integer network of the supported widths runs on all calibration samples: \
             the quotients of layer '{}' leave every table; check --input-scale, --mean and --std",
            q.fidelity.worst_layer
        )));
    }
    best.ok_or_else(|| {
        last_error
            .unwrap_or_else(|| Error::invalid("no network of the supported widths fits this model"))
    })
}

/// Runs the integer network on the calibration samples and compares.
fn measure(
    plan: &plan::Plan,
    (network, weights, annotations): emit::Emitted,
    reference: &calibrate::Reference,
    samples: &[Sample],
    activation_bits: u32,
) -> Result<Quantized> {
    let (agreement, output_error) = {
        let executor = Executor::new(&network, &weights);
        let outputs = samples
            .par_iter()
            .enumerate()
            .map(|(i, s)| executor.run(&s.values, i))
            .collect::<Result<Vec<_>>>();
        match outputs {
            Ok(outputs) => reference.compare(&network, &annotations, &outputs),
            // A quotient outside its table: as bad as can be.
            Err(Error::OutOfTable { .. }) => (0.0, f64::INFINITY),
            Err(e) => return Err(e),
        }
    };
    let (worst_layer, worst_layer_error) =
        calibrate::worst_layer(plan, &network, &weights, &annotations, samples)?;
    let statistics = plan
        .layers
        .iter()
        .map(|l| reference.statistics.tensors[l.node].clone())
        .collect();
    Ok(Quantized {
        network,
        weights,
        annotations,
        learned: plan.learned_numbers(),
        statistics,
        fidelity: Fidelity {
            agreement,
            output_error,
            worst_layer,
            worst_layer_error,
        },
        activation_bits,
    })
}
