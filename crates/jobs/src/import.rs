//! `pleat import`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pleat_model::accuracy::{self, Accuracy};
use pleat_model::builder::InputTransform;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::{DataSet, Sample, check_label};
use pleat_model::execute::Executor;
use pleat_model::graph::Graph;
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::quantize::{
    LearnedNumbers, QuantizeOptions, Quantized, quantize, synthetic_samples,
};
use serde::Serialize;

use crate::args::{ClassArgs, ImportArgs};
use crate::class::choose;
use crate::console::Console;
use crate::failure::sentence;
use crate::verbs::inspect::Widths;

/// Multiplications spent on calibrating one candidate; bounds the number of samples used.
const CALIBRATION_WORK: usize = 1 << 31;

#[derive(Debug, Serialize)]
pub(crate) struct ImportResult {
    bundle: PathBuf,
    layers: usize,
    parameters: u64,
    activations: usize,
    shift: u32,
    widths: Widths,
    calibration_samples: u64,
    samples: u64,
    float_accuracy: Option<f64>,
    int_accuracy: Option<f64>,
    agreement: Option<f64>,
    output_error: f64,
    worst_layer: String,
    worst_layer_error: f64,
    overflow: String,
    /// Whether the prover supports every layer, and why not.
    provable: bool,
    reason: Option<String>,
}

pub(crate) fn run(args: &ImportArgs, console: &Console) -> Result<()> {
    let output = args.output.clone().unwrap_or_else(|| {
        // Not `with_extension`, which would make 'v1.pleat' of 'v1.2.onnx'.
        let mut name = args.model.file_stem().unwrap_or_default().to_owned();
        name.push(".pleat");
        name.into()
    });
    let inputs: Vec<&Path> = [Some(&args.model), args.calib.as_ref(), args.labels.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    crate::output::check(&output, &inputs, args.force)?;
    let (bundle, activations) = make_bundle(args, console)?;
    bundle.save(&output, args.force)?;
    let result = summary(&bundle, output, activations)?;
    console.result(&result, || text(&result))
}

/// Everything but writing the file.
pub(crate) fn make_bundle(args: &ImportArgs, console: &Console) -> Result<(Bundle, usize)> {
    let transform = InputTransform {
        scale: args.input_scale,
        mean: args.mean.clone(),
        std: args.std.clone(),
    };
    let options = ImportOptions {
        transform: transform.clone(),
        layout: args.layout.map(Into::into),
        size: args.size,
    };
    if transform == InputTransform::default() {
        console.note(
            "note: pixels enter the network as stored, 0..255; one trained on x/255 needs --input-scale 1/255",
        );
    }
    let graph = read_model(&args.model, &options)
        .with_context(|| format!("model {}", args.model.display()))?;
    let spec = graph.input_spec(args.resize);
    let data = match &args.calib {
        Some(path) => {
            Some(DataSet::open(path, args.labels.as_deref(), &spec).with_context(|| place(args))?)
        }
        None => {
            console.note(
                "note: no --calib DATA: activation ranges are guessed from made-up images; \
                 accuracy may suffer and is not reported",
            );
            None
        }
    };
    let wanted = calibration_size(&graph);
    let samples = match &data {
        Some(data) => spread(data, wanted).with_context(|| place(args))?,
        None => synthetic_samples(&spec, wanted.min(64)),
    };
    let progress = console.progress("calibrating", 1);
    let mut quantized = quantize(
        &graph,
        &spec,
        &samples,
        &QuantizeOptions {
            activation_bits: args.activation_bits,
            shift: args.shift,
        },
    )
    .with_context(|| format!("model {}", args.model.display()))?;
    progress.set(1);
    progress.done();
    if !quantized.fidelity.accepted(samples.len()) {
        console.note(&format!(
            "warning: the integers miss the goal (output error at most 4 %, top-1 changed for at most 0.5 % of the \
             samples): output error {:.1} %, top-1 changed for {:.1} %; try more or better --calib data, or other widths",
            quantized.fidelity.output_error * 100.0,
            (1.0 - quantized.fidelity.agreement) * 100.0
        ));
    }
    if args.publish_unit {
        quantized
            .publish_units()
            .with_context(|| format!("model {}", args.model.display()))?;
    }
    if let Some(text) = shown(&quantized.learned) {
        console.note(&text);
    }
    let accuracy = match &data {
        Some(data) => {
            Some(report(&graph, &quantized, data, args, console).with_context(|| place(args))?)
        }
        None => None,
    };
    let mut salt = [0u8; 32];
    getrandom::fill(&mut salt)
        .map_err(|e| anyhow::anyhow!("no randomness for the model id's salt: {e}"))?;
    let activations = graph_activations(&graph);
    let bundle = Bundle {
        salt,
        report: ImportReport {
            source: args
                .model
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            parameters: graph.parameters as u64,
            input_scale: transform.scale,
            mean: transform.mean,
            std: transform.std,
            calibration_samples: if data.is_some() {
                samples.len() as u64
            } else {
                0
            },
            activation_bits: quantized.activation_bits,
            output_error: quantized.fidelity.output_error,
            worst_layer: quantized.fidelity.worst_layer,
            worst_layer_error: quantized.fidelity.worst_layer_error,
            accuracy,
            statistics: quantized.statistics,
        },
        network: quantized.network,
        weights: quantized.weights,
        annotations: quantized.annotations,
    };
    Ok((bundle, activations))
}

/// What of the model file's own numbers every proof will show.
fn shown(learned: &[LearnedNumbers]) -> Option<String> {
    let list: Vec<String> = learned
        .iter()
        .map(|l| format!("{} '{}'", l.what, l.layer))
        .collect();
    (!list.is_empty()).then(|| {
        format!(
            "note: these numbers of the model file are part of the program and public in every proof: {}",
            list.join(", ")
        )
    })
}

/// Where calibration data come from, for errors.
fn place(args: &ImportArgs) -> String {
    let path = args.calib.as_deref().unwrap_or(Path::new(""));
    format!("data {}", path.display())
}

/// Samples to calibrate with: as many as the work allows, 16 to 1,024.
fn calibration_size(graph: &Graph) -> usize {
    let work: usize = graph.multiplications().max(1);
    (CALIBRATION_WORK / work).clamp(16, 1024)
}

/// `count` samples spread evenly over the data set.
fn spread(data: &DataSet, count: usize) -> Result<Vec<Sample>> {
    let n = data.len();
    if n <= count {
        return Ok(data
            .samples(0..n)?
            .collect::<pleat_model::Result<Vec<_>>>()?);
    }
    // Evenly spaced blocks: each is one seek, and sorted data sets still show every class.
    let blocks = count.min(32);
    let per_block = count / blocks;
    let mut samples = Vec::with_capacity(count);
    for b in 0..blocks {
        let start = b * n / blocks;
        for sample in data.samples(start..(start + per_block).min(n))? {
            samples.push(sample?);
        }
    }
    Ok(samples)
}

fn report(
    graph: &Graph,
    quantized: &Quantized,
    data: &DataSet,
    args: &ImportArgs,
    console: &Console,
) -> Result<Accuracy> {
    let n = args.limit.unwrap_or(data.len()).min(data.len());
    let classes = quantized.network.classes();
    let progress = console.progress("comparing with the float network", n);
    let samples = data.samples(0..n)?.enumerate().map(|(i, s)| {
        let s = s?;
        if let Some(label) = s.label {
            check_label(label, classes, i)?;
        }
        Ok(s)
    });
    let executor =
        Executor::new(&quantized.network, &quantized.weights).named(&quantized.annotations);
    let accuracy = accuracy::compare(graph, &executor, samples, |done| {
        progress.set(done as usize)
    })?;
    progress.done();
    Ok(accuracy)
}

fn graph_activations(graph: &Graph) -> usize {
    use pleat_model::graph::Op;
    graph
        .nodes
        .iter()
        .filter(|n| matches!(n.op, Op::Activation(_)))
        .map(|n| n.shape.len())
        .sum()
}

fn summary(bundle: &Bundle, output: PathBuf, activations: usize) -> Result<ImportResult> {
    let report = &bundle.report;
    let accuracy = report.accuracy.unwrap_or_default();
    let reason = choose(&bundle.network, &ClassArgs::default(), 1)
        .err()
        .map(|e| sentence(&e));
    Ok(ImportResult {
        provable: reason.is_none(),
        reason,
        bundle: output,
        layers: bundle.network.layers.len(),
        parameters: report.parameters,
        activations,
        shift: bundle.network.shift,
        widths: Widths::of(&bundle.network, report.activation_bits),
        calibration_samples: report.calibration_samples,
        samples: accuracy.samples,
        float_accuracy: accuracy.float_accuracy(),
        int_accuracy: accuracy.int_accuracy(),
        agreement: (accuracy.samples > 0).then(|| accuracy.agree as f64 / accuracy.samples as f64),
        output_error: report.output_error,
        worst_layer: report.worst_layer.clone(),
        worst_layer_error: report.worst_layer_error,
        overflow: crate::verbs::inspect::overflow(bundle),
    })
}

fn text(r: &ImportResult) -> String {
    let percent = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{:.2} %", v * 100.0));
    let mut lines = vec![
        format!(
            "bundle          {} (secret: it holds the weights)",
            r.bundle.display()
        ),
        format!(
            "network         {} layers, {} parameters, {} activations per sample",
            r.layers, r.parameters, r.activations
        ),
        format!(
            "integers        weights up to {} bits, activations {} bits, shift {}",
            r.widths.weights, r.widths.activations, r.shift
        ),
        format!("overflow        {}", r.overflow),
        format!(
            "output error    {:.2} % of the outputs' deviation; worst layer '{}' {:.2} % of its largest value",
            r.output_error * 100.0,
            r.worst_layer,
            r.worst_layer_error * 100.0
        ),
    ];
    if r.samples > 0 {
        lines.push(format!(
            "accuracy        float {}, integer {}, same decision {} ({} samples)",
            percent(r.float_accuracy),
            percent(r.int_accuracy),
            percent(r.agreement),
            r.samples
        ));
    }
    if let Some(reason) = &r.reason {
        lines.push(format!("proof           not possible: {reason}"));
    }
    lines.join("\n")
}
