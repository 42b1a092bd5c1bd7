//! From a trained model to an integer bundle.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use pleat_model::accuracy::{self, Accuracy};
use pleat_model::builder::InputTransform;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::{DataSet, Sample, check_label};
use pleat_model::execute::Executor;
use pleat_model::graph::{Graph, InputLayout, Op};
use pleat_model::import::{ImportOptions as ReadOptions, read_model};
use pleat_model::quantize::{
    LearnedNumbers, QuantizeOptions, Quantized, quantize, synthetic_samples,
};
use pleat_model::{Error as ModelError, Result as ModelResult};
use serde::Serialize;

use crate::class::{ClassOptions, choose};
use crate::error::{Error, Locate, Result};
use crate::network::{Widths, overflow};
use crate::output;
use crate::watch::Watch;

/// Multiplications spent on calibrating one candidate; bounds the number of samples used.
const CALIBRATION_WORK: usize = 1 << 31;
/// Rows and columns of an image.
const SIDES: RangeInclusive<usize> = 1..=1 << 14;

/// What to import, and how stored pixels `v` enter the network: as `(v * input_scale - mean) / std`.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The model file: ONNX, Keras .h5 or .keras.
    pub model: PathBuf,
    /// Data to calibrate with (and to report accuracy on, with labels).
    pub calib: Option<PathBuf>,
    /// Labels of the calibration data, if they are another file.
    pub labels: Option<PathBuf>,
    /// Samples of the data to use for the accuracy report; all without it.
    pub limit: Option<usize>,
    /// Factor of the stored pixels, not 0.
    pub input_scale: f32,
    /// Subtracted after scaling: one number, or one per channel.
    pub mean: Vec<f32>,
    /// Divided by at the end, not 0: one number, or one per channel.
    pub std: Vec<f32>,
    /// Axis order of the model's input, if the guess from its dimensions is wrong.
    pub layout: Option<InputLayout>,
    /// Rows and columns of the input, for models that leave them open.
    pub size: Option<[usize; 2]>,
    /// Resize images of a folder to these rows and columns before the centre is cropped to the input's size.
    pub resize: Option<[usize; 2]>,
    /// Width of the activations in bits; searched without it.
    pub activation_bits: Option<u32>,
    /// Shift of the requantisation in bits; searched without it.
    pub shift: Option<u32>,
    /// Show in every proof which power of two the real value of one unit of each output is.
    pub publish_unit: bool,
    /// Where the bundle goes; without it the model's name with .pleat, in the working folder.
    pub output: Option<PathBuf>,
    /// Overwrite an existing bundle.
    pub force: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            model: PathBuf::new(),
            calib: None,
            labels: None,
            limit: None,
            input_scale: 1.0,
            mean: vec![0.0],
            std: vec![1.0],
            layout: None,
            size: None,
            resize: None,
            activation_bits: None,
            shift: None,
            publish_unit: false,
            output: None,
            force: false,
        }
    }
}

/// A bundle that was made, and how close its integers are to the model's floats.
#[derive(Clone, Debug, Serialize)]
pub struct ImportResult {
    /// The file; it is secret.
    pub bundle: PathBuf,
    /// Layers of the network.
    pub layers: usize,
    /// Parameters of the model file.
    pub parameters: u64,
    /// Activations a sample.
    pub activations: usize,
    /// Shift of the requantisation in bits.
    pub shift: u32,
    /// Widths of all layers.
    pub widths: Widths,
    /// Samples it was calibrated with; 0 if they were made up.
    pub calibration_samples: u64,
    /// Samples the two networks were compared on.
    pub samples: u64,
    /// Share of the labels that the float network gets right.
    pub float_accuracy: Option<f64>,
    /// Share of the labels that the integer network gets right.
    pub int_accuracy: Option<f64>,
    /// Share of the samples on which both decide the same.
    pub agreement: Option<f64>,
    /// Of the outputs' standard deviation.
    pub output_error: f64,
    /// The layer that is furthest off.
    pub worst_layer: String,
    /// By how much, of its largest value.
    pub worst_layer_error: f64,
    /// Whether any input in range can leave a table, in words.
    pub overflow: String,
    /// Whether the prover supports every layer.
    pub provable: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Turns a model into a bundle and writes it.
///
/// # Errors
/// A model or data that cannot be read or do not fit, a bundle that exists or cannot be written.
pub fn import(options: &ImportOptions, watch: &Watch) -> Result<ImportResult> {
    let output = options.output.clone().unwrap_or_else(|| {
        // Not `with_extension`, which would make 'v1.pleat' of 'v1.2.onnx'.
        let mut name = options.model.file_stem().unwrap_or_default().to_owned();
        name.push(".pleat");
        name.into()
    });
    let inputs: Vec<&Path> = [
        Some(&options.model),
        options.calib.as_ref(),
        options.labels.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(PathBuf::as_path)
    .collect();
    output::check(&output, &inputs, options.force)?;
    let (bundle, activations) = make_bundle(options, watch)?;
    bundle.save(&output, options.force)?;
    Ok(summary(&bundle, output, activations))
}

/// Everything but writing the file; also the activations a sample.
pub(crate) fn make_bundle(options: &ImportOptions, watch: &Watch) -> Result<(Bundle, usize)> {
    check_options(options)?;
    let transform = InputTransform {
        scale: options.input_scale,
        mean: options.mean.clone(),
        std: options.std.clone(),
    };
    let read = ReadOptions {
        transform: transform.clone(),
        layout: options.layout,
        size: options.size,
    };
    if transform == InputTransform::default() {
        watch.note(
            "note: pixels enter the network as stored, 0..255; one trained on x/255 needs --input-scale 1/255",
        );
    }
    let graph =
        read_model(&options.model, &read).at(|| format!("model {}", options.model.display()))?;
    let spec = graph.input_spec(options.resize);
    let data = match &options.calib {
        Some(path) => {
            Some(DataSet::open(path, options.labels.as_deref(), &spec).at(|| place(options))?)
        }
        None => {
            watch.note(
                "note: no --calib DATA: activation ranges are guessed from made-up images; \
                 accuracy may suffer and is not reported",
            );
            None
        }
    };
    let wanted = calibration_size(&graph);
    let samples = match &data {
        Some(data) => spread(data, wanted).at(|| place(options))?,
        None => synthetic_samples(&spec, wanted.min(64)),
    };
    watch.go_on()?;
    let phase = watch.phase("calibrating", 1, 0);
    let mut quantized = quantize(
        &graph,
        &spec,
        &samples,
        &QuantizeOptions {
            activation_bits: options.activation_bits,
            shift: options.shift,
        },
    )
    .at(|| format!("model {}", options.model.display()))?;
    phase.set(1);
    phase.done();
    if !quantized.fidelity.accepted(samples.len()) {
        watch.note(format!(
            "warning: the integers miss the goal (output error at most 4 %, top-1 changed for at most 0.5 % of the \
             samples): output error {:.1} %, top-1 changed for {:.1} %; try more or better --calib data, or other widths",
            quantized.fidelity.output_error * 100.0,
            (1.0 - quantized.fidelity.agreement) * 100.0
        ));
    }
    if options.publish_unit {
        quantized
            .publish_units()
            .at(|| format!("model {}", options.model.display()))?;
    }
    if let Some(text) = shown(&quantized.learned) {
        watch.note(text);
    }
    let accuracy = match &data {
        Some(data) => Some(report(&graph, &quantized, data, options, watch).at(|| place(options))?),
        None => None,
    };
    let mut salt = [0u8; 32];
    getrandom::fill(&mut salt)
        .map_err(|e| Error::Invalid(format!("no randomness for the model id's salt: {e}")))?;
    let activations = graph_activations(&graph);
    let bundle = Bundle {
        salt,
        report: ImportReport {
            source: options
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

/// Refuses numbers that no image could be read with, and what would not be looked at.
fn check_options(options: &ImportOptions) -> Result<()> {
    if options.calib.is_none() && (options.labels.is_some() || options.limit.is_some()) {
        return Err(Error::invalid(
            "labels and a limit are of calibration data; give these, too",
        ));
    }
    let divisors = options.std.iter().chain([&options.input_scale]);
    let zero = divisors.clone().find(|n| **n == 0.0);
    let mut numbers = divisors.chain(&options.mean);
    if let Some(number) = zero.or_else(|| numbers.find(|n| !n.is_finite())) {
        return Err(Error::Invalid(format!(
            "'{number}' as scale, mean or deviation of the input; give finite numbers, a mean alone may be 0"
        )));
    }
    let sides = [options.size, options.resize].into_iter().flatten();
    match sides.flatten().find(|n| !SIDES.contains(n)) {
        None => Ok(()),
        Some(n) => Err(Error::Invalid(format!(
            "{n} rows or columns of an image; give {} to {}",
            SIDES.start(),
            SIDES.end()
        ))),
    }
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
fn place(options: &ImportOptions) -> String {
    let path = options.calib.as_deref().unwrap_or(Path::new(""));
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
        return Ok(data.samples(0..n)?.collect::<ModelResult<Vec<_>>>()?);
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
    options: &ImportOptions,
    watch: &Watch,
) -> Result<Accuracy> {
    let n = options.limit.unwrap_or(data.len()).min(data.len());
    let classes = quantized.network.classes();
    let phase = watch.phase("comparing with the float network", n as u64, 0);
    let samples = data.samples(0..n)?.enumerate().map(|(i, s)| {
        if watch.stop().is_asked() {
            return Err(ModelError::invalid("stopped"));
        }
        let s = s?;
        if let Some(label) = s.label {
            check_label(label, classes, i)?;
        }
        Ok(s)
    });
    let executor =
        Executor::new(&quantized.network, &quantized.weights).named(&quantized.annotations);
    let accuracy = accuracy::compare(graph, &executor, samples, |done| phase.set(done))
        .map_err(|e| watch.reason(e))?;
    phase.done();
    Ok(accuracy)
}

fn graph_activations(graph: &Graph) -> usize {
    graph
        .nodes
        .iter()
        .filter(|n| matches!(n.op, Op::Activation(_)))
        .map(|n| n.shape.len())
        .sum()
}

fn summary(bundle: &Bundle, output: PathBuf, activations: usize) -> ImportResult {
    let report = &bundle.report;
    let accuracy = report.accuracy.unwrap_or_default();
    let reason = choose(&bundle.network, &ClassOptions::default(), 1)
        .err()
        .map(|e| e.sentence());
    ImportResult {
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
        overflow: overflow(bundle),
    }
}
