//! `pleat verify`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pleat_argument::Error as ArgumentError;
use pleat_argument::program::Kind;
use pleat_argument::registry::Registry;
use pleat_argument::srs::Origin;
use pleat_argument::statement::to_bytes;
use pleat_compressor::{Compressor, Envelope, Error as ProofError};
use pleat_model::Error as ModelError;
use pleat_model::data::DataSet;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::console::Console;
use crate::failure::NotProved;
use crate::verbs::{Statement, load_envelope, select};
use crate::workshop::Workshop;

#[derive(Debug, Serialize)]
pub(crate) struct VerifyResult {
    pub(crate) valid: bool,
    pub(crate) statement: Statement,
    /// Of the given data: index of the first sample proved, of the one after the last, and its size.
    pub(crate) data_range: Option<[usize; 3]>,
    /// Whether the model id was compared with a given one.
    pub(crate) model_checked: bool,
    pub(crate) setup_seconds: f64,
    pub(crate) seconds: f64,
    /// Identity of the verifying key: the same for all models of a size class.
    pub(crate) verifying_key_id: String,
    /// Identity of the commitment key.
    pub(crate) key_id: String,
    /// Where it came from.
    pub(crate) key_origin: Origin,
    pub(crate) srs_warning: Option<&'static str>,
}

pub(crate) fn run(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<()> {
    let result = verify(args, cache, console)?;
    console.result(&result, || text(&result))
}

pub(crate) fn verify(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<VerifyResult> {
    let envelope = load_envelope("proof", &args.proof)?;
    let place = || format!("proof {}", args.proof.display());
    expect(args, &envelope).with_context(place)?;
    let registered = matches!(
        envelope.statement.kind,
        Kind::RegisteredModel | Kind::RegisteredData
    );
    let registration = match (&args.registration, registered) {
        (_, true) => None,
        (Some(path), false) => Some((path, load_envelope("registration", path)?)),
        (None, false) => bail!(
            "{}: a proof counts only for a registered model; give --registration FILE, \
             which the model's owner makes with `pleat register`",
            place()
        ),
    };
    if let Some((path, own)) = &registration {
        same_class(own, &envelope).with_context(|| format!("registration {}", path.display()))?;
    }
    let data = match (&args.data, registered) {
        (_, true) => None,
        (Some(path), false) => Some((path, given_data(args, path, &envelope)?)),
        (None, false) => bail!(
            "{}: labels and values of public data are checked by the verifier; give --data DATA{}",
            place(),
            match envelope.statement.labelled {
                true => " --labels LABELS",
                false => "",
            }
        ),
    };

    let start = Instant::now();
    let bits = envelope.statement.row_bits;
    let form = envelope.form();
    let workshop = Workshop::open(bits, form, Some(envelope.origin.key), cache, console)
        .with_context(place)?;
    let verifying = Compressor::setup(&workshop.params)?.into_verifying_key();
    let setup_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut registry = Registry::default();
    let key = &workshop.key;
    let mut data_range = None;
    if registered {
        envelope
            .register(&mut registry, key, &verifying)
            .map_err(senseless)
            .with_context(place)?;
    }
    if let Some((path, own)) = &registration {
        let place = || format!("registration {}", path.display());
        own.register(&mut registry, key, &verifying)
            .map_err(senseless)
            .with_context(place)?;
    }
    if let Some((path, (samples, range))) = data {
        let id = registry
            .admit_data(key, &envelope.network, bits, &samples)
            .with_context(|| format!("data {}", path.display()))?;
        if to_bytes(&id) != envelope.statement.data {
            return Err(NotProved(format!(
                "it is about other data than {}",
                path.display()
            )))
            .with_context(place);
        }
        data_range = Some(range);
        envelope
            .verify(&registry, key, &verifying)
            .map_err(senseless)
            .with_context(place)?;
    }
    Ok(VerifyResult {
        valid: true,
        statement: Statement::of(&envelope),
        data_range,
        model_checked: args.model_id.is_some(),
        setup_seconds,
        seconds: start.elapsed().as_secs_f64(),
        verifying_key_id: hex::encode(verifying.id()?),
        key_id: hex::encode(key.srs().id),
        srs_warning: workshop.warning(),
        key_origin: key.srs().origin.clone(),
    })
}

/// A claim that cannot be laid out was never proved: the file says what its maker wanted.
fn senseless(error: ProofError) -> ProofError {
    match error {
        ProofError::Argument(e @ (ArgumentError::Layout(_) | ArgumentError::Invalid(_))) => {
            ProofError::Invalid(e.to_string())
        }
        ProofError::Argument(ArgumentError::Model(e @ ModelError::Invalid(_))) => {
            ProofError::Invalid(e.to_string())
        }
        other => other,
    }
}

/// Refuses a file that registers nothing the proof could be about, before the work.
fn same_class(registration: &Envelope, proof: &Envelope) -> Result<()> {
    let (own, wanted) = (&registration.statement, &proof.statement);
    if own.kind != Kind::RegisteredModel {
        bail!(
            "it registers no model; give the file `pleat register` made for the model of the proof"
        );
    }
    if own.row_bits != wanted.row_bits || registration.form() != proof.form() {
        bail!(
            "made for size class 2^{} and form {}, the proof for 2^{} and {}; \
             register the model with the proof's --size-class and --form",
            own.row_bits,
            registration.form(),
            wanted.row_bits,
            proof.form()
        );
    }
    if registration.origin.key != proof.origin.key {
        bail!("made with another commitment key than the proof; make both with the same key");
    }
    if own.model != wanted.model {
        return Err(NotProved(format!(
            "it is about model {}, the proof about {}",
            hex::encode(own.model),
            hex::encode(wanted.model)
        ))
        .into());
    }
    Ok(())
}

/// Compares what the caller expects with what the proof says about itself.
fn expect(args: &VerifyArgs, envelope: &Envelope) -> Result<()> {
    let statement = &envelope.statement;
    if let Some(id) = args.model_id.filter(|id| *id != statement.model) {
        return Err(NotProved(format!(
            "it is about model {}, not {}",
            hex::encode(statement.model),
            hex::encode(id)
        ))
        .into());
    }
    if let Some(context) = args.context.as_ref().filter(|c| c.0 != statement.context) {
        return Err(NotProved(format!(
            "it is bound to context '{}', not '{}'",
            hex::encode(&statement.context),
            hex::encode(&context.0)
        ))
        .into());
    }
    Ok(())
}

/// The samples the proof says it is about, of the data the caller gave.
fn given_data(
    args: &VerifyArgs,
    path: &Path,
    envelope: &Envelope,
) -> Result<(crate::selection::Selection, [usize; 3])> {
    let place = || format!("data {}", path.display());
    let data =
        DataSet::open(path, args.labels.as_deref(), &envelope.network.input).with_context(place)?;
    if envelope.statement.labelled && !data.has_labels() {
        bail!(
            "{}: the proof is about labelled data; give --labels FILE",
            place()
        );
    }
    let samples = usize::try_from(envelope.statement.samples).unwrap_or(usize::MAX);
    let end = args.offset.saturating_add(samples);
    if end > data.len() {
        return Err(NotProved(format!(
            "it is about {samples} samples, these are {} after --offset {}",
            data.len().saturating_sub(args.offset),
            args.offset
        )))
        .with_context(place);
    }
    let range = [args.offset, end, data.len()];
    let kind = match envelope.statement.labelled {
        true => Kind::Accuracy,
        false => Kind::Outputs,
    };
    Ok((select(data, args.offset..end, kind, path)?, range))
}

pub(crate) fn text(r: &VerifyResult) -> String {
    let mut lines = vec!["VALID".to_owned()];
    lines.extend(r.statement.lines());
    lines.push(match r.model_checked {
        true => "checked     the model id is the one you gave".into(),
        false => "not checked the model id: give --model-id HEX to compare".into(),
    });
    if let Some([from, to, n]) = r.data_range {
        lines.push("checked     the model is registered".into());
        lines.push(format!(
            "checked     the data are samples {from} to {} of the {n} you gave",
            to - 1
        ));
    }
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
        "time        {:.1} s to write out the circuit, {:.2} s to verify",
        r.setup_seconds, r.seconds
    ));
    lines.join("\n")
}
