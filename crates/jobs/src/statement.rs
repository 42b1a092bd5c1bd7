//! One file per verb.

pub(crate) mod combine;
pub(crate) mod demo;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod prove;
pub(crate) mod register;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod srs;
pub(crate) mod verify;

use std::path::Path;

use anyhow::{Context, Result, bail};
use pleat_argument::program::Kind;
use pleat_compressor::envelope::MAX_BYTES;
use pleat_compressor::{Combined, Envelope, Statement as Claimed, combined};
use pleat_model::bundle::Bundle;
use pleat_model::data::DataSet;
use pleat_model::files::read_at_most;
use pleat_model::network::Network;
use serde::Serialize;

use crate::args::DataArgs;
use crate::selection::Selection;

/// The public part of a proof, as people and programs read it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Statement {
    kind: &'static str,
    pub(crate) model_id: String,
    data_id: Option<String>,
    samples: u64,
    pub(crate) context: String,
    correct: Option<u64>,
    accuracy: Option<f64>,
    /// Per sample, per output, its integers.
    outputs: Option<Vec<Vec<Vec<i32>>>>,
}

impl Statement {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let outputs = || envelope.outputs.clone();
        Self::new(&envelope.statement, envelope.correct, outputs)
    }

    /// Of all parts together.
    pub(crate) fn of_all(combined: &Combined) -> Self {
        let outputs = || combined.outputs();
        Self::new(combined.statement(), combined.correct(), outputs)
    }

    fn new(s: &Claimed, correct: u64, outputs: impl FnOnce() -> Vec<Vec<Vec<i32>>>) -> Self {
        let accuracy = s.kind == Kind::Accuracy;
        Self {
            kind: match s.kind {
                Kind::Outputs => "outputs",
                Kind::Accuracy => "accuracy",
                Kind::RegisteredModel => "registered model",
                Kind::RegisteredData => "registered data",
            },
            model_id: hex::encode(s.model),
            data_id: (s.kind != Kind::RegisteredModel).then(|| hex::encode(s.data)),
            samples: s.samples,
            context: hex::encode(&s.context),
            correct: accuracy.then_some(correct),
            accuracy: accuracy.then(|| correct as f64 / s.samples.max(1) as f64),
            outputs: (s.kind == Kind::Outputs).then(outputs),
        }
    }

    /// What it says, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let claim = match (self.correct, self.accuracy, &self.outputs) {
            (Some(k), Some(a), _) => format!(
                "claim       {k} of {} correct ({:.2} %)",
                self.samples,
                a * 100.0
            ),
            (_, _, Some(_)) => format!(
                "claim       the outputs of {} samples (--json prints them)",
                self.samples
            ),
            _ => "claim       the weights are integers of the declared widths".to_owned(),
        };
        let mut lines = vec![claim, format!("model id    {}", self.model_id)];
        if let Some(id) = &self.data_id {
            lines.push(format!("data id     {id}"));
        }
        if !self.context.is_empty() {
            lines.push(format!("context     {}", self.context));
        }
        lines
    }
}

/// Reads a bundle, with its path in every error.
pub(crate) fn load_bundle(path: &Path) -> Result<Bundle> {
    Bundle::load(path).with_context(|| format!("bundle {}", path.display()))
}

/// Reads a proof or a registration, with what it is and its path in every error.
pub(crate) fn load_envelope(what: &str, path: &Path) -> Result<Envelope> {
    let read = || -> Result<Envelope> { Ok(Envelope::from_bytes(&read_proof(path)?)?) };
    read().with_context(|| format!("{what} {}", path.display()))
}

/// Reads a proof, a registration, or the proofs in a combined one: at least one, and no registration among several.
pub(crate) fn load_proofs(path: &Path) -> Result<Vec<Envelope>> {
    let read = || parse_proofs(&read_proof(path)?);
    read().with_context(|| format!("proof {}", path.display()))
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
        Err(size) => bail!("{size} bytes or more are no proof; the largest has {MAX_BYTES}"),
    }
}

/// Opens the data a command names.
pub(crate) fn open_data(
    network: &Network,
    args: &DataArgs,
) -> Result<(DataSet, std::ops::Range<usize>)> {
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

/// The part of some data that a statement of a kind is about.
pub(crate) fn select(
    data: DataSet,
    range: std::ops::Range<usize>,
    kind: Kind,
    path: &Path,
) -> Result<Selection> {
    if kind == Kind::Accuracy && !data.has_labels() {
        bail!(
            "data {}: a statement about accuracy needs labels; give --labels FILE, or --statement outputs",
            path.display()
        );
    }
    Ok(Selection::new(data, range, kind == Kind::Accuracy))
}
