//! `pleat run`: integer outputs without a proof.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use pleat_model::bundle::Bundle;
use pleat_model::data::{DataSet, Sample, check_label};
use pleat_model::network::Network;
use rayon::prelude::*;
use serde::Serialize;

use crate::args::RunArgs;
use crate::console::Console;
use crate::verbs::{load_bundle, open_data};

/// Samples computed at once, and their values, so that large images do not take much memory.
const BATCH: usize = 512;
const BATCH_VALUES: usize = 1 << 23;

#[derive(Debug, Serialize)]
struct RunResult {
    samples: usize,
    offset: usize,
    /// Names of the outputs, in the order of `outputs`.
    output_names: Vec<String>,
    /// Real value of one unit of each output.
    output_scales: Vec<f64>,
    /// Per sample, per output, its integers.
    outputs: Vec<Vec<Vec<i32>>>,
    /// Per sample, the index of the largest value of the first output.
    predictions: Vec<usize>,
    labels: Option<Vec<u32>>,
    correct: Option<usize>,
    accuracy: Option<f64>,
    seconds: f64,
}

pub(crate) fn run(args: &RunArgs, console: &Console) -> Result<()> {
    let start = std::time::Instant::now();
    let bundle = load_bundle(&args.bundle)?;
    let network = &bundle.network;
    let (data, range) = open_data(network, &args.data)?;
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
    let path = &args.data.data;
    compute(&bundle, &data, path, range, console, |sample, outputs| {
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
    console.result(&result, || text(&result))
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
    console: &Console,
    mut each: impl FnMut(&Sample, Vec<Vec<i32>>),
) -> Result<()> {
    let network = &bundle.network;
    let classes = network.classes();
    let executor = bundle.executor();
    let progress = console.progress("samples", range.len());
    let place = || format!("data {}", path.display());
    let start = range.start;
    let mut first = start;
    let mut samples = data.samples(range).with_context(place)?;
    let batch_size = (BATCH_VALUES / network.input.shape.len().max(1)).clamp(1, BATCH);
    loop {
        let batch = samples
            .by_ref()
            .take(batch_size)
            .collect::<pleat_model::Result<Vec<Sample>>>()
            .with_context(place)?;
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
            .collect::<pleat_model::Result<Vec<_>>>()
            .with_context(place)?;
        for (sample, outputs) in batch.iter().zip(outputs) {
            each(sample, outputs);
        }
        first += batch.len();
        progress.set(first - start);
    }
    progress.done();
    Ok(())
}

fn text(r: &RunResult) -> String {
    let mut lines: Vec<String> = r
        .predictions
        .iter()
        .zip(&r.outputs)
        .enumerate()
        .map(|(i, (p, o))| {
            let label = r
                .labels
                .as_ref()
                .map_or(String::new(), |l| format!(" label {}", l[i]));
            let values: Vec<String> = o[0].iter().take(10).map(i32::to_string).collect();
            let more = if o[0].len() > 10 || o.len() > 1 {
                " ..."
            } else {
                ""
            };
            format!(
                "sample {} top-1 {p}{label} outputs {}{more}",
                r.offset + i,
                values.join(" ")
            )
        })
        .collect();
    if let (Some(correct), Some(accuracy)) = (r.correct, r.accuracy) {
        lines.push(format!(
            "accuracy {:.2} % ({correct} of {} correct)",
            accuracy * 100.0,
            r.samples
        ));
    }
    lines.push(format!("{} samples in {:.1} s", r.samples, r.seconds));
    lines.join("\n")
}
