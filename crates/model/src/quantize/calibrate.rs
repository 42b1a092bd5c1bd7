//! What the float network does on the calibration samples.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::annotations::Annotations;
use crate::data::Sample;
use crate::execute::Executor;
use crate::graph::Graph;
use crate::network::{InputSpec, Network, Weights};
use crate::{Error, Result};

const BINS: usize = 4096;
/// Share of values outside the reported percentiles, on each side.
const TAIL: f64 = 1e-4;
/// Samples on which every layer is compared.
const LAYER_SAMPLES: usize = 8;

/// Range of one tensor over the calibration samples, as real values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorStatistics {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// 0.01 % of the values are below.
    pub low: f32,
    /// 0.01 % of the values are above.
    pub high: f32,
}

/// Statistics of every tensor of the graph.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// One per node.
    pub tensors: Vec<TensorStatistics>,
}

/// Statistics and the float outputs.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) statistics: Statistics,
    /// Per sample, per output.
    outputs: Vec<Vec<Vec<f32>>>,
}

/// Runs the float network on every sample.
pub(super) fn observe(graph: &Graph, samples: &[Sample]) -> Result<Reference> {
    let n = graph.nodes.len();
    let run = |s: &Sample| {
        let input: Vec<f32> = s.values.iter().map(|&v| v as f32).collect();
        graph.run(&input)
    };
    // First pass: ranges and outputs.
    let passes = samples
        .par_iter()
        .map(|s| {
            let tensors = run(s)?;
            let ranges: Vec<(f32, f32)> = tensors
                .iter()
                .map(|t| {
                    t.iter()
                        .fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)))
                })
                .collect();
            if tensors.iter().flatten().any(|v| !v.is_finite()) {
                return Err(Error::invalid(
                    "the float network produces infinite or undefined values on the calibration data",
                ));
            }
            let outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|o| tensors[o.node].clone()).collect();
            Ok((ranges, outputs))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); n];
    for (r, _) in &passes {
        for (total, one) in ranges.iter_mut().zip(r) {
            *total = (total.0.min(one.0), total.1.max(one.1));
        }
    }
    // Second pass: histograms, on a share of the samples that bounds the work.
    let histograms = samples
        .par_iter()
        .take(64)
        .map(|s| {
            let tensors = run(s)?;
            Ok::<_, Error>(
                tensors
                    .iter()
                    .zip(&ranges)
                    .map(|(t, &(lo, hi))| {
                        let mut bins = vec![0u64; BINS];
                        let width = (hi - lo).max(f32::MIN_POSITIVE) / BINS as f32;
                        for v in t {
                            bins[(((v - lo) / width) as usize).min(BINS - 1)] += 1;
                        }
                        bins
                    })
                    .collect::<Vec<Vec<u64>>>(),
            )
        })
        .try_reduce(
            || vec![vec![0u64; BINS]; n],
            |mut a, b| {
                for (x, y) in a.iter_mut().zip(&b) {
                    for (x, y) in x.iter_mut().zip(y) {
                        *x += y;
                    }
                }
                Ok(a)
            },
        )?;
    let tensors = ranges
        .iter()
        .zip(&histograms)
        .map(|(&(min, max), bins)| {
            let total: u64 = bins.iter().sum();
            let tail = (total as f64 * TAIL) as u64;
            let width = (max - min) / BINS as f32;
            let reach = |bins: &mut dyn Iterator<Item = &u64>| {
                let mut seen = 0;
                bins.take_while(|&&b| {
                    seen += b;
                    seen <= tail
                })
                .count() as f32
            };
            TensorStatistics {
                min,
                max,
                low: min + width * reach(&mut bins.iter()),
                high: max - width * reach(&mut bins.iter().rev()),
            }
        })
        .collect();
    Ok(Reference {
        statistics: Statistics { tensors },
        outputs: passes.into_iter().map(|(_, o)| o).collect(),
    })
}

impl Reference {
    /// Share of samples with the same top-1 of output 0, and the largest relative root mean square
    /// error over the outputs.
    pub(super) fn compare(
        &self,
        network: &Network,
        annotations: &Annotations,
        outputs: &[Vec<Vec<i32>>],
    ) -> (f64, f64) {
        let same = self
            .outputs
            .iter()
            .zip(outputs)
            .filter(|(float, int)| Network::top1(&float[0]) == Network::top1(&int[0]))
            .count();
        let mut worst = 0.0f64;
        for k in 0..network.outputs.len() {
            let scale = annotations.unit(network, k);
            let (mut n, mut sum, mut squares, mut error) = (0.0, 0.0, 0.0, 0.0);
            for (float, int) in self.outputs.iter().zip(outputs) {
                for (&f, &i) in float[k].iter().zip(&int[k]) {
                    let f = f64::from(f);
                    n += 1.0;
                    sum += f;
                    squares += f * f;
                    error += (f - f64::from(i) * scale).powi(2);
                }
            }
            let variance = squares / n - (sum / n).powi(2);
            if error > 0.0 {
                worst = worst.max((error / n / variance.max(f64::MIN_POSITIVE)).sqrt());
            }
        }
        (same as f64 / outputs.len() as f64, worst)
    }
}

/// Name and error of the layer that deviates most, relative to its largest value.
pub(super) fn worst_layer(
    plan: &Plan,
    network: &Network,
    weights: &Weights,
    annotations: &Annotations,
    samples: &[Sample],
) -> Result<(String, f64)> {
    let executor = Executor::new(network, weights);
    let mut errors = vec![(0.0f64, 0.0f64); network.layers.len()];
    for (i, s) in samples.iter().take(LAYER_SAMPLES).enumerate() {
        let trace = match executor.trace(&s.values, i) {
            Ok(t) => t,
            Err(Error::OutOfTable { layer, .. }) => {
                return Ok((annotations.layers[layer].name.clone(), f64::INFINITY));
            }
            Err(e) => return Err(e),
        };
        let input: Vec<f32> = s.values.iter().map(|&v| v as f32).collect();
        let tensors = plan.graph.run(&input)?;
        for (l, values) in trace.values.iter().enumerate() {
            let scale = annotations.layers[l].scale;
            let (mut error, mut largest) = (0.0, 0.0f64);
            for (&f, &v) in tensors[plan.layers[l].node].iter().zip(values) {
                error += (f64::from(f) - f64::from(v) * scale).powi(2);
                largest = largest.max(f64::from(f).abs());
            }
            errors[l].0 += error / values.len() as f64;
            errors[l].1 = errors[l].1.max(largest);
        }
    }
    let n = samples.len().min(LAYER_SAMPLES) as f64;
    let relative = |&(e, m): &(f64, f64)| if m > 0.0 { (e / n).sqrt() / m } else { 0.0 };
    let mut worst = 0;
    for l in 0..errors.len() {
        if relative(&errors[l]) > relative(&errors[worst]) {
            worst = l;
        }
    }
    Ok((
        annotations.layers[worst].name.clone(),
        relative(&errors[worst]),
    ))
}

/// Samples made up from noise and gradients, for an import without calibration data.
pub fn synthetic_samples(spec: &InputSpec, count: usize) -> Vec<Sample> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let (min, max) = (f64::from(spec.range.min), f64::from(spec.range.max));
    (0..count)
        .map(|_| {
            let (level, slope, noise) = (next(), next() - 0.5, next());
            let n = spec.shape.plane().max(2) as f64;
            let values = (0..spec.shape.len())
                .map(|i| {
                    let at = (i % spec.shape.plane()) as f64 / n - 0.5;
                    let v = level + slope * at + noise * (next() - 0.5);
                    (min + v.clamp(0.0, 1.0) * (max - min)).round() as i32
                })
                .collect();
            Sample {
                values,
                label: None,
            }
        })
        .collect()
}
