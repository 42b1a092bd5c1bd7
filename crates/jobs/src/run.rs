//! Integer outputs, without a proof.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_model::Result as ModelResult;
use pleat_model::bundle::Bundle;
use pleat_model::data::{DataSet, Sample, check_label};
use pleat_model::network::Network;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Locate, Result};
use crate::load::{DataOptions, load_bundle, open_data};
use crate::watch::Watch;

/// Samples computed at once, and their values, so that large images do not take much memory.
const BATCH: usize = 512;
const BATCH_VALUES: usize = 1 << 23;

/// What to compute, and on what.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// The samples.
    pub data: DataOptions,
}

/// The outputs on some samples.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// How many samples.
    pub samples: usize,
    /// Index of the first one in the data.
    pub offset: usize,
    /// Names of the outputs, in the order of `outputs`.
    pub output_names: Vec<String>,
    /// Real value of one unit of each output.
    pub output_scales: Vec<f64>,
    /// Per sample, per output, its integers.
    pub outputs: Vec<Vec<Vec<i32>>>,
    /// Per sample, the index of the largest value of the first output.
    pub predictions: Vec<usize>,
    /// Per sample, its label, if the data have labels.
    pub labels: Option<Vec<u32>>,
    /// Predictions that are the label.
    pub correct: Option<usize>,
    /// Their share of the samples.
    pub accuracy: Option<f64>,
    /// Seconds of everything.
    pub seconds: f64,
}

/// Computes the outputs of a bundle on samples.
///
/// # Errors
/// A bundle or data that cannot be read, samples that the network refuses, labels that name no class.
pub fn run(options: &RunOptions, watch: &Watch) -> Result<RunResult> {
    let start = Instant::now();
    let bundle = load_bundle(&options.bundle)?;
    let network = &bundle.network;
    let (data, range) = open_data(network, &options.data)?;
    let offset = range.start;
    let mut result = RunResult {
        samples: range.len(),
        offset,
        output_names: bundle
            .annotations
            .outputs
            .iter()
            .map(|o| o.name.clone())
            .collect(),
        output_scales: (0..network.outputs.len())
            .map(|k| bundle.annotations.unit(network, k))
            .collect(),
        outputs: Vec::with_capacity(range.len()),
        predictions: Vec::with_capacity(range.len()),
        labels: data.has_labels().then(Vec::new),
        correct: None,
        accuracy: None,
        seconds: 0.0,
    };
    let path = &options.data.path;
    compute(&bundle, &data, path, range, watch, |sample, outputs| {
        result.predictions.push(Network::top1(&outputs[0]));
        result.outputs.push(outputs);
        if let (Some(labels), Some(label)) = (&mut result.labels, sample.label) {
            labels.push(label);
        }
    })?;
    if let Some(labels) = &result.labels {
        let correct = labels
            .iter()
            .zip(&result.predictions)
            .filter(|&(&l, &p)| l as usize == p)
            .count();
        result.correct = Some(correct);
        result.accuracy = Some(correct as f64 / result.samples as f64);
    }
    result.seconds = start.elapsed().as_secs_f64();
    Ok(result)
}

/// Computes the outputs of a range of samples; `each` gets them in order.
///
/// # Errors
/// Samples that cannot be read or that the network refuses, labels that name no class.
pub(crate) fn compute(
    bundle: &Bundle,
    data: &DataSet,
    path: &Path,
    range: Range<usize>,
    watch: &Watch,
    mut each: impl FnMut(&Sample, Vec<Vec<i32>>),
) -> Result<()> {
    let network = &bundle.network;
    let classes = network.classes();
    let executor = bundle.executor();
    let phase = watch.phase("samples", range.len() as u64, 0);
    let place = || format!("data {}", path.display());
    let start = range.start;
    let mut first = start;
    let mut samples = data.samples(range).at(place)?;
    let batch_size = (BATCH_VALUES / network.input.shape.len().max(1)).clamp(1, BATCH);
    loop {
        watch.go_on()?;
        let batch = samples
            .by_ref()
            .take(batch_size)
            .collect::<ModelResult<Vec<Sample>>>()
            .at(place)?;
        if batch.is_empty() {
            break;
        }
        let outputs = batch
            .par_iter()
            .enumerate()
            .map(|(i, s)| {
                if let Some(label) = s.label {
                    check_label(label, classes, first + i)?;
                }
                executor.run(&s.values, first + i)
            })
            .collect::<ModelResult<Vec<_>>>()
            .at(place)?;
        for (sample, outputs) in batch.iter().zip(outputs) {
            each(sample, outputs);
        }
        first += batch.len();
        phase.set((first - start) as u64);
    }
    phase.done();
    Ok(())
}
