//! One file per verb.

pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod shell;

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::network::Network;

use crate::args::DataArgs;

/// Reads a bundle, with its path in every error.
pub(crate) fn load_bundle(path: &Path) -> Result<Bundle> {
    Bundle::load(path).with_context(|| format!("bundle {}", path.display()))
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
