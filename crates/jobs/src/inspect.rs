//! A bundle's layers, scales and bounds, and what proving it will cost.

use std::path::PathBuf;

use pleat_argument::program::Kind;
use pleat_model::bounds::layers_that_may_refuse;
use pleat_model::bundle::Bundle;
use pleat_model::network::{LayerOp, LinearMap};
use serde::Serialize;

use crate::class::{ClassOptions, choose};
use crate::error::Result;
use crate::estimate::{Estimate, estimate};
use crate::load::load_bundle;
use crate::network::{Widths, operation, overflow};
use crate::shard::{self, ShardSamples};
use crate::statement::StatementKind;

/// What to look at, and what a proof would be about.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// Samples of the proof, at least 1.
    pub samples: u64,
    /// Its size class and form.
    pub class: ClassOptions,
    /// What it would say.
    pub statement: StatementKind,
    /// Which samples each of so many shards would prove.
    pub shards: Option<u64>,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            bundle: PathBuf::new(),
            samples: 1,
            class: ClassOptions::default(),
            statement: StatementKind::default(),
            shards: None,
        }
    }
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerFacts {
    /// In the order of the network.
    pub index: usize,
    /// The owner's name.
    pub name: String,
    /// What it does, in a few words.
    pub operation: String,
    /// Channels, rows, columns.
    pub shape: String,
    /// Smallest value it may have.
    pub min: i32,
    /// Largest value it may have.
    pub max: i32,
    /// Real value of one unit.
    pub scale: f64,
    /// Calibrated real range: smallest, 0.01 %, 99.99 %, largest.
    pub calibrated: Option<[f32; 4]>,
    /// Width of its weights in bits, if it has any.
    pub weight_bits: Option<u32>,
    /// Width of its quotients in bits, if it has any.
    pub quotient_bits: Option<u32>,
    /// Weights and biases.
    pub parameters: usize,
    /// Whether some input leaves its table, and is refused.
    pub may_refuse: bool,
}

/// A bundle, and the cost of proving it.
#[derive(Clone, Debug, Serialize)]
pub struct InspectResult {
    /// Name of the model file.
    pub source: String,
    /// In the order of the network.
    pub layers: Vec<LayerFacts>,
    /// Weights and biases of all layers.
    pub parameters: usize,
    /// Shift of the requantisation in bits.
    pub shift: u32,
    /// Widths of all layers.
    pub widths: Widths,
    /// Per output, the power of two that the architecture publishes as its unit, if it does.
    pub published_units: Vec<Option<i32>>,
    /// Whether any input in range can leave a table, in words.
    pub overflow: String,
    /// Of the float network, where labels were given to the import.
    pub float_accuracy: Option<f64>,
    /// Of the integer network.
    pub int_accuracy: Option<f64>,
    /// Whether the prover supports every layer.
    pub provable: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Exact sizes and an estimate of the cost.
    pub estimate: Option<Estimate>,
    /// Samples of a data vector: shards begin at multiples of it.
    pub samples_per_vector: Option<u64>,
    /// The samples divided among shards, if asked for.
    pub shards: Option<Vec<ShardSamples>>,
}

/// Describes a bundle; nothing is proved.
///
/// # Errors
/// A bundle that cannot be read, more shards than data vectors. A network that cannot be proved is none:
/// [`InspectResult::reason`] says why.
pub fn inspect(options: &InspectOptions) -> Result<InspectResult> {
    let bundle = load_bundle(&options.bundle)?;
    let mut result = describe(&bundle, options)?;
    if let Some(cost) = &result.estimate {
        let kind = options.statement.kind();
        let per_vector = shard::per_vector(&bundle.network, kind, cost.row_bits)?;
        result.samples_per_vector = Some(per_vector);
        let plan = (options.shards).map(|n| shard::plan(options.samples, per_vector, n));
        result.shards = plan.transpose()?;
    }
    Ok(result)
}

fn describe(bundle: &Bundle, options: &InspectOptions) -> Result<InspectResult> {
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
            LayerFacts {
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
    let kind: Kind = options.statement.kind();
    let cost = choose(network, &options.class, options.samples).and_then(|class| {
        let labelled = kind == Kind::Accuracy;
        let cost = estimate(network, kind, labelled, class, options.samples)?;
        Ok(cost.in_form(options.class.form))
    });
    let (cost, reason) = match cost {
        Ok(cost) => (Some(cost), None),
        Err(e) => (None, Some(e.sentence())),
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
