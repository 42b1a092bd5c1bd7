//! `pleat verify`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use pleat_compressor::envelope::MAX_BYTES;
use pleat_compressor::{Envelope, Error, Expectations, Verifier, precheck};
use pleat_folding::srs::Origin;
use pleat_model::data::DataSet;
use pleat_step_circuits::Kind;
use pleat_step_circuits::statement::{Bytes, data_id, to_bytes};
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::console::Console;
use crate::verbs::Statement;

#[derive(Debug, Serialize)]
pub(crate) struct VerifyResult {
    pub(crate) valid: bool,
    pub(crate) statement: Statement,
    /// Whether the data id was recomputed from given data.
    pub(crate) data_checked: bool,
    /// Of the given data: index of the first sample proved, of the one after the last, and its size.
    pub(crate) data_range: Option<[usize; 3]>,
    /// Whether the model id was compared with a given one.
    pub(crate) model_checked: bool,
    pub(crate) setup_seconds: f64,
    pub(crate) seconds: f64,
    /// Identity of the commitment key.
    pub(crate) key_id: String,
    /// Where it came from.
    pub(crate) key_origin: Origin,
    pub(crate) srs_warning: Option<&'static str>,
}

pub(crate) fn run(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<()> {
    let result =
        verify(args, cache, console).with_context(|| format!("proof {}", args.proof.display()))?;
    console.result(&result, || text(&result))
}

pub(crate) fn verify(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<VerifyResult> {
    let size = std::fs::metadata(&args.proof)?.len();
    if size > MAX_BYTES as u64 {
        anyhow::bail!("{size} bytes are no proof; the largest has {MAX_BYTES}");
    }
    let envelope = Envelope::from_bytes(&std::fs::read(&args.proof)?)?;
    let kind = envelope.claim.kind();
    let given = given_data_id(args, &envelope)?;
    let expectations = Expectations {
        kind: None,
        model_id: args.model_id,
        data_id: given.map(|(id, _)| id),
        samples: None,
        context: args.context.as_ref().map(|c| c.0.clone()),
    };
    let keys = super::srs::folder(cache);
    precheck(&envelope, &keys, &expectations)?;
    let start = Instant::now();
    console.note("building the circuit of the proof's architecture");
    // Whatever the proof says about itself is compared with the key that its architecture leads to.
    let verifier = Verifier::new(&envelope.network, kind, &keys)?;
    let setup_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let verified = verifier.verify(envelope, &expectations)?;
    Ok(VerifyResult {
        valid: true,
        statement: Statement::of(
            &verified.model_id,
            &verified.data_id,
            verified.samples,
            &verified.context,
            &verified.claim,
        ),
        data_checked: given.is_some(),
        data_range: given.map(|(_, range)| range),
        model_checked: expectations.model_id.is_some(),
        setup_seconds,
        seconds: start.elapsed().as_secs_f64(),
        key_id: hex::encode(verified.srs_id),
        srs_warning: verified.srs_origin.warning(),
        key_origin: verified.srs_origin,
    })
}

/// The id of the data the caller gave, in the form the proof's kind of statement uses.
fn given_data_id(args: &VerifyArgs, envelope: &Envelope) -> Result<Option<(Bytes, [usize; 3])>> {
    let Some(path) = &args.data else {
        return Ok(None);
    };
    let labelled = envelope.claim.kind() == Kind::Accuracy;
    let place = || format!("data {}", path.display());
    let data =
        DataSet::open(path, args.labels.as_deref(), &envelope.network.input).with_context(place)?;
    if labelled && !data.has_labels() {
        anyhow::bail!(
            "{}: the proof is about accuracy, so checking its data needs the labels; give --labels FILE",
            place()
        );
    }
    let samples = usize::try_from(envelope.samples).unwrap_or(usize::MAX);
    let end = args.offset.saturating_add(samples);
    if end > data.len() {
        return Err(Error::Unexpected {
            what: "number of samples",
            expected: format!("at most {}", data.len().saturating_sub(args.offset)),
            got: samples.to_string(),
        })
        .with_context(place);
    }
    let samples = data
        .samples(args.offset..end)?
        .collect::<pleat_model::Result<Vec<_>>>()
        .with_context(place)?;
    let id = data_id(
        &envelope.network,
        labelled,
        samples
            .iter()
            .map(|s| (s.values.as_slice(), s.label.filter(|_| labelled))),
    )?;
    Ok(Some((to_bytes(&id), [args.offset, end, data.len()])))
}

pub(crate) fn text(r: &VerifyResult) -> String {
    let mut lines = vec!["VALID".to_owned()];
    lines.extend(r.statement.lines());
    let checked = |yes: bool, what: &str, hint: &str| {
        if yes {
            format!("checked     {what} is the one you gave")
        } else {
            format!("not checked {what}: give {hint} to compare")
        }
    };
    lines.push(checked(r.model_checked, "the model id", "--model-id HEX"));
    lines.push(match r.data_range {
        Some([from, to, n]) => {
            format!(
                "checked     the data are samples {from} to {} of the {n} you gave",
                to - 1
            )
        }
        None => checked(false, "the data", "--data DATA --labels LABELS"),
    });
    lines.push(format!("key         {}", r.key_id));
    if let Origin::Imported { file, sha256 } = &r.key_origin {
        lines.push(format!(
            "            imported from {file}, SHA-256 {sha256}: compare with the ceremony's published one"
        ));
    }
    if let Some(warning) = r.srs_warning {
        lines.push(format!("warning     {warning}"));
    }
    lines.push(format!(
        "time        {:.1} s to build the circuit, {:.2} s to verify",
        r.setup_seconds, r.seconds
    ));
    lines.join("\n")
}
