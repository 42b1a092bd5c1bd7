//! One file per verb.

pub(crate) mod demo;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod prove;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod srs;
pub(crate) mod verify;

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::network::Network;
use pleat_step_circuits::statement::{model_id, to_bytes};
use serde::Serialize;

use crate::args::DataArgs;

/// The public part of a proof, as people and programs read it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Statement {
    kind: String,
    pub(crate) model_id: String,
    data_id: String,
    samples: u64,
    context: String,
    correct: Option<u64>,
    accuracy: Option<f64>,
    /// Per sample, per output, its integers.
    outputs: Option<Vec<Vec<Vec<i32>>>>,
}

/// Reads a bundle, with its path in every error.
pub(crate) fn load_bundle(path: &Path) -> Result<Bundle> {
    Bundle::load(path).with_context(|| format!("bundle {}", path.display()))
}

/// The public id of a bundle's model.
pub(crate) fn model_id_hex(bundle: &Bundle) -> Result<String> {
    let id = model_id(&bundle.network, &bundle.weights, &bundle.salt)?;
    Ok(hex::encode(to_bytes(&id)))
}

/// Opens the data a command names and the range of it that is meant.
pub(crate) fn open_data(network: &Network, args: &DataArgs) -> Result<(DataSet, Range<usize>)> {
    let data = DataSet::open(&args.data, args.labels.as_deref(), &network.input)
        .with_context(|| format!("data {}", args.data.display()))?;
    let end = match args.limit {
        Some(n) => args.offset.saturating_add(n).min(data.len()),
        None => data.len(),
    };
    if args.offset >= end {
        bail!(
            "data {}: it has {} samples, so none is left after --offset {}",
            args.data.display(),
            data.len(),
            args.offset
        );
    }
    Ok((data, args.offset..end))
}
