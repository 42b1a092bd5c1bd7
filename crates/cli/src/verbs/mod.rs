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

/// Refuses an output that could not be written in the end, before hours of work.
pub(crate) fn check_output(path: &Path, force: bool) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file", path.display());
    }
    if path.exists() && !force {
        bail!(
            "{} exists already; choose another name or give --force",
            path.display()
        );
    }
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".pleat-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
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
