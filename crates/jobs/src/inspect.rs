//! `pleat inspect`.

use anyhow::Result;
use comfy_table::{Table, presets};
use pleat_argument::program::Kind;
use pleat_model::bounds::layers_that_may_refuse;
use pleat_model::bundle::Bundle;
use pleat_model::network::{Activation, LayerOp, LinearMap, Network};
use serde::Serialize;

use crate::args::InspectArgs;
use crate::class::choose;
use crate::console::Console;
use crate::estimate::{Estimate, estimate};
use crate::failure::sentence;
use crate::shard::{self, Part};
use crate::verbs::load_bundle;

/// Widths in bits over a network.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Widths {
    pub(crate) weights: u32,
    pub(crate) biases: u32,
    pub(crate) activations: u32,
    pub(crate) quotients: u32,
}

impl Widths {
    pub(crate) fn of(network: &Network, activations: u32) -> Self {
        let mut w = Self {
            weights: 0,
            biases: 0,
            activations,
            quotients: 0,
        };
        for layer in &network.layers {
            if let LayerOp::Linear {
                map, quotient_bits, ..
            } = &layer.op
            {
                w.quotients = w.quotients.max(*quotient_bits);
                if let LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                } = map
                {
                    w.weights = w.weights.max(*weight_bits);
                    w.biases = w.biases.max(*bias_bits);
                }
            }
        }
        w
    }
}

#[derive(Debug, Serialize)]
struct LayerLine {
    index: usize,
    name: String,
    operation: String,
    shape: String,
    min: i32,
    max: i32,
    scale: f64,
    /// Calibrated real range: smallest, 0.01 %, 99.99 %, largest.
    calibrated: Option<[f32; 4]>,
    weight_bits: Option<u32>,
    quotient_bits: Option<u32>,
    parameters: usize,
    may_refuse: bool,
}

#[derive(Debug, Serialize)]
struct InspectResult {
    source: String,
    layers: Vec<LayerLine>,
    parameters: usize,
    shift: u32,
    widths: Widths,
    /// Per output, the power of two that the architecture publishes as its unit, if it does.
    published_units: Vec<Option<i32>>,
    overflow: String,
    float_accuracy: Option<f64>,
    int_accuracy: Option<f64>,
    /// Whether the prover supports every layer, and why not.
    provable: bool,
    reason: Option<String>,
    /// Exact sizes and an estimate of the cost.
    estimate: Option<Estimate>,
    /// Samples of a data vector: shards begin at multiples of it.
    samples_per_vector: Option<u64>,
    /// The samples divided among shards, if asked for.
    shards: Option<Vec<Part>>,
}

pub(crate) fn run(args: &InspectArgs, console: &Console) -> Result<()> {
    let bundle = load_bundle(&args.bundle)?;
    let mut result = describe(&bundle, args)?;
    if let Some(cost) = &result.estimate {
        let kind = args.statement.into();
        let samples = args.samples as u64;
        let per_vector = shard::per_vector(&bundle.network, kind, cost.row_bits)?;
        result.samples_per_vector = Some(per_vector);
        let plan = args.shards.map(|n| shard::plan(samples, per_vector, n));
        result.shards = plan.transpose()?;
    }
    console.result(&result, || text(&result))
}

/// Whether any input in range can leave a table.
pub(crate) fn overflow(bundle: &Bundle) -> String {
    let layers = layers_that_may_refuse(&bundle.network, &bundle.weights);
    match layers.as_slice() {
        [] => "impossible for every input in range".to_owned(),
        [first, ..] => format!(
            "possible in {} of the layers (first '{}'): such a sample is refused, never wrapped",
            layers.len(),
            bundle.annotations.layers[*first].name
        ),
    }
}

fn describe(bundle: &Bundle, args: &InspectArgs) -> Result<InspectResult> {
    let network = &bundle.network;
    let may_refuse = layers_that_may_refuse(network, &bundle.weights);
    let layers = (0..network.layers.len())
        .map(|i| {
            let (layer, note) = (&network.layers[i], &bundle.annotations.layers[i]);
            let (mut weight_bits, mut quotient_bits) = (None, None);
            if let LayerOp::Linear {
                map,
                quotient_bits: q,
                ..
            } = &layer.op
            {
                quotient_bits = Some(*q);
                if let LinearMap::Conv { weight_bits: w, .. } = map {
                    weight_bits = Some(*w);
                }
            }
            LayerLine {
                index: i,
                name: note.name.clone(),
                operation: operation(&layer.op),
                shape: layer.shape.to_string(),
                min: layer.range.min,
                max: layer.range.max,
                scale: note.scale,
                calibrated: bundle
                    .report
                    .statistics
                    .get(i)
                    .map(|s| [s.min, s.low, s.high, s.max]),
                weight_bits,
                quotient_bits,
                parameters: network.kernel_len(i) + network.bias_len(i),
                may_refuse: may_refuse.contains(&i),
            }
        })
        .collect();
    let accuracy = bundle.report.accuracy;
    let kind: Kind = args.statement.into();
    let cost = choose(network, &args.class, args.samples as u64).and_then(|class| {
        let labelled = kind == Kind::Accuracy;
        let cost = estimate(network, kind, labelled, class, args.samples as u64)?;
        Ok(cost.in_form(args.class.form.into()))
    });
    let (cost, reason) = match cost {
        Ok(cost) => (Some(cost), None),
        Err(e) => (None, Some(sentence(&e))),
    };
    Ok(InspectResult {
        provable: cost.is_some(),
        reason,
        estimate: cost,
        samples_per_vector: None,
        shards: None,
        source: bundle.report.source.clone(),
        layers,
        parameters: network.parameters(),
        shift: network.shift,
        widths: Widths::of(network, bundle.report.activation_bits),
        published_units: network.outputs.iter().map(|o| o.unit).collect(),
        overflow: overflow(bundle),
        float_accuracy: accuracy.and_then(|a| a.float_accuracy()),
        int_accuracy: accuracy.and_then(|a| a.int_accuracy()),
    })
}

/// What a layer does, in a few words.
pub(crate) fn operation(op: &LayerOp) -> String {
    let window = |w: &pleat_model::graph::Window| {
        format!("{}x{} /{}", w.kernel[0], w.kernel[1], w.stride[0])
    };
    match op {
        LayerOp::Input => "input".into(),
        LayerOp::Linear {
            map, activation, ..
        } => {
            let map = match map {
                LinearMap::Conv {
                    groups, window: w, ..
                } if *groups > 1 => format!("conv {} groups {groups}", window(w)),
                LinearMap::Conv { window: w, .. } => format!("conv {}", window(w)),
                LinearMap::AveragePool { window: w, .. } => format!("average {}", window(w)),
                LinearMap::Sum { multipliers } => format!("sum of {}", multipliers.len()),
            };
            match activation {
                Activation::Clamp => map,
                Activation::Slope { .. } => format!("{map}, slope"),
                Activation::Table { .. } => format!("{map}, table"),
            }
        }
        LayerOp::MaxPool { window: w } => format!("max {}", window(w)),
        LayerOp::Concat => "concat".into(),
        LayerOp::Pad { .. } => "pad".into(),
        LayerOp::Upsample { .. } => "upsample".into(),
        LayerOp::Rearrange { .. } => "rearrange".into(),
    }
}

/// Which units of outputs a proof shows.
fn units(published: &[Option<i32>]) -> String {
    let list: Vec<String> = published
        .iter()
        .enumerate()
        .filter_map(|(k, unit)| unit.map(|u| format!("2^{u} of output {k}")))
        .collect();
    match list.as_slice() {
        [] => "of the outputs: not in proofs (import --publish-unit)".to_owned(),
        _ => format!("in every proof: {}", list.join(", ")),
    }
}

fn text(r: &InspectResult) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "",
        "layer",
        "operation",
        "shape",
        "values",
        "unit",
        "weight bits",
        "quotient bits",
        "parameters",
    ]);
    for l in &r.layers {
        let bits = |b: Option<u32>| b.map_or(String::new(), |b| b.to_string());
        table.add_row([
            l.index.to_string(),
            l.name.clone(),
            l.operation.clone(),
            l.shape.clone(),
            format!(
                "{}..={}{}",
                l.min,
                l.max,
                if l.may_refuse { " !" } else { "" }
            ),
            format!("{:.3e}", l.scale),
            bits(l.weight_bits),
            bits(l.quotient_bits),
            l.parameters.to_string(),
        ]);
    }
    let mut lines = vec![
        format!("model        {}", r.source),
        table.to_string(),
        format!(
            "integers     {} parameters, weights up to {} bits, activations {} bits, shift {}",
            r.parameters, r.widths.weights, r.widths.activations, r.shift
        ),
        format!("overflow     {}", r.overflow),
        format!("units        {}", units(&r.published_units)),
    ];
    if let (Some(f), Some(i)) = (r.float_accuracy, r.int_accuracy) {
        lines.push(format!(
            "accuracy     float {:.2} %, integer {:.2} %",
            f * 100.0,
            i * 100.0
        ));
    }
    if let Some(reason) = &r.reason {
        lines.push(format!("proof        not possible: {reason}"));
    }
    if let Some(e) = &r.estimate {
        lines.push(format!(
            "size         {} sample(s) in {} group(s): {} chunks of 2^{} rows, {:.1} % of them used, {} steps",
            e.samples,
            e.groups,
            e.chunks,
            e.row_bits,
            100.0 * e.utilisation,
            e.steps
        ));
        lines.push(format!(
            "key          2^{power} points: pleat srs new --power {power}, or a ceremony's file",
            power = e.power
        ));
        lines.push(format!(
            "estimate     on two idle cores: setup {:.1} s, proving {:.1} s, compression {:.1} s",
            e.setup_seconds, e.prove_seconds, e.compress_seconds
        ));
        lines.push(format!(
            "             {:.2} GB of memory, {:.2} GB of disk (key and proof), proof about {} bytes",
            e.memory_bytes as f64 / 1e9,
            e.disk_bytes as f64 / 1e9,
            e.proof_bytes
        ));
    }
    for (index, part) in r.shards.iter().flatten().enumerate() {
        lines.push(format!("shard {index:<6} {}", part.spelled()));
    }
    lines.join("\n")
}
