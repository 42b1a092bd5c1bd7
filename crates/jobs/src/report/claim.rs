//! What a proof file claims, and what its public architecture says.

use pleat_argument::program::Kind;
use pleat_compressor::Combined;
use pleat_model::annotations::{Annotations, exponent};
use pleat_model::graph::Head;
use pleat_model::network::Network;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::text::plain;

/// Two-sided 95 % of a normal distribution, in standard deviations.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// The statement of a proof.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// `accuracy` or `outputs`.
    pub kind: &'static str,
    /// In words.
    pub sentence: String,
    /// In hexadecimal.
    pub model_id: String,
    /// In hexadecimal.
    pub data_id: String,
    /// How many it is about.
    pub samples: u64,
    /// Index of the first sample in the data.
    pub offset: u64,
    /// The prover's bytes in hexadecimal.
    pub context: String,
    /// For accuracy.
    pub correct: Option<u64>,
    /// Their share of the samples.
    pub accuracy: Option<f64>,
    /// Wilson score interval of the accuracy at 95 %.
    pub interval: Option<[f64; 2]>,
}

impl Claim {
    /// Of proofs and their outputs.
    ///
    /// # Errors
    /// What no statement could mean: more correct samples than samples, outputs that are not one list per
    /// sample and output.
    pub(crate) fn of(proofs: &Combined, outputs: &[Vec<Vec<i32>>]) -> Result<Self> {
        let s = proofs.statement();
        let network = proofs.network();
        let refuse = |text: String| Err(Error::NotProved(text));
        let (samples, correct) = (s.samples, proofs.correct());
        if samples == 0 || correct > samples {
            return refuse(format!("it claims {correct} of {samples} samples"));
        }
        let widths = network.outputs.iter();
        let widths: Vec<usize> = widths
            .map(|o| network.layers[o.layer].shape.len())
            .collect();
        let whole = |sample: &Vec<Vec<i32>>| sample.iter().map(Vec::len).eq(widths.iter().copied());
        let accuracy = match s.kind {
            Kind::Accuracy => Some(correct as f64 / samples as f64),
            Kind::Outputs if outputs.len() as u64 != samples => {
                return refuse(format!(
                    "it has outputs of {} samples and is about {samples}",
                    outputs.len()
                ));
            }
            Kind::Outputs if !outputs.iter().all(whole) => {
                return refuse("its outputs are not the network's in number".into());
            }
            // Of registrations there are no statements of this kind.
            Kind::Outputs | Kind::RegisteredModel | Kind::RegisteredData => None,
        };
        let noun = if samples == 1 { "sample" } else { "samples" };
        let sentence = match accuracy {
            Some(_) => format!(
                "A private neural network gives the right class for exactly {} of {} {noun}.",
                thousands(correct),
                thousands(samples)
            ),
            None => format!(
                "On {} {noun}, a private neural network’s outputs are exactly those in the proof.",
                thousands(samples)
            ),
        };
        Ok(Self {
            kind: match accuracy {
                Some(_) => "accuracy",
                None => "outputs",
            },
            sentence,
            model_id: hex::encode(s.model),
            data_id: hex::encode(s.data),
            samples,
            offset: proofs.offset(),
            context: hex::encode(&s.context),
            correct: accuracy.map(|_| correct),
            accuracy,
            interval: accuracy.map(|_| wilson(correct, samples)),
        })
    }
}

/// The Wilson score interval of `correct` of `samples` (at least one) at 95 %.
fn wilson(correct: u64, samples: u64) -> [f64; 2] {
    let (n, square) = (samples as f64, DEVIATIONS * DEVIATIONS);
    let p = correct as f64 / n;
    let scale = 1.0 + square / n;
    let centre = (p + square / (2.0 * n)) / scale;
    let half = (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt() * DEVIATIONS / scale;
    // At the ends the formula meets 0 and 1 but for rounding.
    let low = if correct == 0 { 0.0 } else { centre - half };
    let high = if correct == samples {
        1.0
    } else {
        centre + half
    };
    [low.max(0.0), high.min(1.0)]
}

/// The public part of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Architecture {
    /// Of the integer network.
    pub layers: usize,
    /// Weights and biases; how many is public.
    pub parameters: u64,
    /// Channels, rows, columns.
    pub input: String,
    /// Values of output 0: the classes.
    pub classes: usize,
    /// In the order of the network.
    pub outputs: Vec<OutputFacts>,
    /// Rows of a chunk, as a power of two.
    pub size_class: u32,
    /// The final argument.
    pub form: String,
    /// Identity of the commitment key, in hexadecimal.
    pub key_id: String,
}

/// One output.
#[derive(Clone, Debug, Serialize)]
pub struct OutputFacts {
    /// The public name, or the owner's where the bundle is given.
    pub name: String,
    /// How many.
    pub values: usize,
    /// The real value of one unit is two to this power, where it is published or the bundle is given.
    pub unit: Option<i32>,
    /// What stood behind the values in the model file and is not computed, where the bundle is given.
    pub head: Option<&'static str>,
}

impl OutputFacts {
    fn of(network: &Network, k: usize, notes: Option<&Annotations>) -> Self {
        let output = &network.outputs[k];
        let own = notes.and_then(|n| Some((n.outputs.get(k)?, n.unit(network, k))));
        Self {
            name: own.map_or_else(|| network.output_name(k), |(note, _)| plain(&note.name)),
            values: network.layers[output.layer].shape.len(),
            unit: output
                .unit
                .or_else(|| own.and_then(|(_, scale)| exponent(scale))),
            head: own.and_then(|(note, _)| match note.head {
                Head::Values => None,
                Head::Softmax { .. } => Some("softmax"),
                Head::ArgMax { .. } => Some("argmax"),
            }),
        }
    }
}

impl Architecture {
    /// With the owner's names where the bundle's notes are given.
    pub(crate) fn of(proofs: &Combined, notes: Option<&Annotations>) -> Self {
        let network = proofs.network();
        let outputs = 0..network.outputs.len();
        Self {
            layers: network.layers.len(),
            parameters: network.parameters() as u64,
            input: network.input.shape.to_string(),
            classes: network.classes(),
            outputs: outputs
                .map(|k| OutputFacts::of(network, k, notes))
                .collect(),
            size_class: proofs.statement().row_bits,
            form: proofs.origin().form.to_string(),
            key_id: hex::encode(proofs.origin().key),
        }
    }
}

/// Digits in groups of three.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the closed form of the score test, computed elsewhere to four digits.
    #[test]
    fn intervals_are_wilson_s() {
        for (correct, samples, expected) in [
            (97, 100, [0.9155, 0.9897]),
            (50, 100, [0.4038, 0.5962]),
            (0, 10, [0.0, 0.2775]),
            (10, 10, [0.7225, 1.0]),
            (1, 1, [0.2065, 1.0]),
        ] {
            let found = wilson(correct, samples);
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 5e-5, "{correct} of {samples}: {found:?}");
            }
        }
        assert_eq!(wilson(0, 3)[0], 0.0);
        assert_eq!(wilson(3, 3)[1], 1.0);
        assert!(wilson(u64::MAX - 1, u64::MAX).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn digits_come_in_threes() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (10_000, "10,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }
}
