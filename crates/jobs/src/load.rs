//! Reading what jobs are about: bundles, proofs, data, each with its role and name in every error.

use std::ops::Range;
use std::path::{Path, PathBuf};

use pleat_argument::program::Kind;
use pleat_compressor::envelope::MAX_BYTES;
use pleat_compressor::{Combined, Envelope, combined};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::files::read_at_most;
use pleat_model::network::Network;

use crate::error::{Error, Locate, Result};
use crate::selection::Selection;

/// Data and which part of it.
#[derive(Clone, Debug, Default)]
pub struct DataOptions {
    /// IDX (.gz too), .npy, .npz, or a folder of PNG or JPEG.
    pub path: PathBuf,
    /// Labels, if they are another file.
    pub labels: Option<PathBuf>,
    /// At most this many samples; all without it.
    pub limit: Option<usize>,
    /// Skip this many samples first.
    pub offset: usize,
}

/// Reads a bundle, with its path in every error.
pub(crate) fn load_bundle(path: &Path) -> Result<Bundle> {
    Bundle::load(path).at(|| format!("bundle {}", path.display()))
}

/// Reads a proof or a registration, with what it is and its path in every error.
pub(crate) fn load_envelope(what: &str, path: &Path) -> Result<Envelope> {
    let read = || -> Result<Envelope> { Ok(Envelope::from_bytes(&read_proof(path)?)?) };
    read().at(|| format!("{what} {}", path.display()))
}

/// Reads a proof, a registration, or the proofs in a combined one: at least one, and no registration among several.
pub(crate) fn load_proofs(path: &Path) -> Result<Vec<Envelope>> {
    let read = || parse_proofs(&read_proof(path)?);
    read().at(|| format!("proof {}", path.display()))
}

/// The same of a file's bytes.
pub(crate) fn parse_proofs(bytes: &[u8]) -> Result<Vec<Envelope>> {
    match bytes.starts_with(combined::MAGIC) {
        true => Ok(Combined::from_bytes(bytes)?.into_parts()),
        false => Ok(vec![Envelope::from_bytes(bytes)?]),
    }
}

/// The bytes of a proof file, once: what is opened again may be another.
pub(crate) fn read_proof(path: &Path) -> Result<Vec<u8>> {
    match read_at_most(path, MAX_BYTES)? {
        Ok(bytes) => Ok(bytes),
        Err(size) => Err(Error::Invalid(format!(
            "{size} bytes or more are no proof; the largest has {MAX_BYTES}"
        ))),
    }
}

/// Opens the data a command names.
pub(crate) fn open_data(
    network: &Network,
    options: &DataOptions,
) -> Result<(DataSet, Range<usize>)> {
    let data = DataSet::open(&options.path, options.labels.as_deref(), &network.input)
        .at(|| format!("data {}", options.path.display()))?;
    let end = match options.limit {
        Some(n) => options.offset.saturating_add(n).min(data.len()),
        None => data.len(),
    };
    if options.offset >= end {
        return Err(Error::Invalid(format!(
            "data {}: it has {} samples, so none is left after --offset {}",
            options.path.display(),
            data.len(),
            options.offset
        )));
    }
    Ok((data, options.offset..end))
}

/// The part of some data that a statement of a kind is about.
pub(crate) fn select(
    data: DataSet,
    range: Range<usize>,
    kind: Kind,
    path: &Path,
) -> Result<Selection> {
    if kind == Kind::Accuracy && !data.has_labels() {
        return Err(Error::Invalid(format!(
            "data {}: a statement about accuracy needs labels; give --labels FILE, or --statement outputs",
            path.display()
        )));
    }
    Ok(Selection::new(data, range, kind == Kind::Accuracy))
}
