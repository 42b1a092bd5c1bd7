//! `pleat verify`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pleat_argument::Error as ArgumentError;
use pleat_argument::data::Samples;
use pleat_argument::program::Kind;
use pleat_argument::registry::{Registry, key_bits};
use pleat_argument::srs::Origin;
use pleat_argument::statement::to_bytes;
use pleat_compressor::{Combined, Envelope, Error as ProofError, Statement as Claimed, Verifier};
use pleat_folding::Error as FoldingError;
use pleat_model::Error as ModelError;
use pleat_model::data::DataSet;
use pleat_step_circuits::circuit::step::Step;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::console::Console;
use crate::failure::{NoKey, NotProved};
use crate::selection::Selection;
use crate::shard::{Part, spelled};
use crate::verbs::{Statement, load_envelope, load_proofs};
use crate::verifier::Keys;

#[derive(Debug, Serialize)]
pub(crate) struct VerifyResult {
    pub(crate) valid: bool,
    pub(crate) statement: Statement,
    /// The samples of each proof: several in a combined one, none of a registration.
    pub(crate) parts: Vec<Part>,
    /// Of the given data: index of the first sample proved, of the one after the last, and its size.
    pub(crate) data_range: Option<[usize; 3]>,
    /// What was compared with the command line.
    #[serde(flatten)]
    pub(crate) compared: Compared,
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

/// Of a context that nobody compared.
pub(crate) const UNASKED: &str =
    "the proof is bound to a context, which was not compared with the one you asked for";

impl VerifyResult {
    /// Whether the proof is bound to a context that was not compared with a given one.
    pub(crate) fn unasked(&self) -> bool {
        !self.statement.context.is_empty() && !self.compared.context_checked
    }
}

/// What a caller expects of a statement, and has compared with it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Compared {
    /// The model id with a given one.
    pub(crate) model_checked: bool,
    /// The context with a given one.
    pub(crate) context_checked: bool,
}

impl Compared {
    fn with(args: &VerifyArgs) -> Self {
        Self {
            model_checked: args.model_id.is_some(),
            context_checked: args.context.is_some(),
        }
    }
}

pub(crate) fn run(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<()> {
    let result = verify(args, cache, console)?;
    console.result(&result, || text(&result))
}

pub(crate) fn verify(args: &VerifyArgs, cache: &Path, console: &Console) -> Result<VerifyResult> {
    let parts = load_proofs(&args.proof)?;
    let name = format!("proof {}", args.proof.display());
    let place = || name.clone();
    if let [own] = parts.as_slice()
        && own.is_registration()
    {
        expect(args, &own.statement).with_context(place)?;
        // Everybody has the registration: in the place of a proof it would pass for one.
        if args.registration.is_some() || args.data.is_some() {
            return Err(NotProved(
                "it is a registration, no proof about data; to check it alone, leave --registration and --data out"
                    .into(),
            ))
            .with_context(place);
        }
        return registration(own, place, Compared::with(args), cache, console);
    }
    let places = places(&name, parts.len());
    let proofs = Combined::new(parts).map_err(|e| located(e, &places))?;
    verify_proofs(args, &proofs, cache, console)
}

/// What the parts of a file are called in sentences.
fn places(name: &str, parts: usize) -> Vec<String> {
    match parts {
        1 => vec![name.to_owned()],
        n => (1..=n)
            .map(|i| format!("{name}, part {i} of {n}"))
            .collect(),
    }
}

/// The same for proofs that were read before from the file that `args` name.
pub(crate) fn verify_proofs(
    args: &VerifyArgs,
    proofs: &Combined,
    cache: &Path,
    console: &Console,
) -> Result<VerifyResult> {
    let name = format!("proof {}", args.proof.display());
    let place = || name.clone();
    let places = places(&name, proofs.parts().len());
    expect(args, proofs.statement()).with_context(place)?;
    let Some(registration) = &args.registration else {
        bail!(
            "{name}: a proof counts only for a registered model; give --registration FILE, \
             which the model's owner makes with `pleat register`"
        );
    };
    let registered = load_envelope("registration", registration)?;
    let at_registration = || format!("registration {}", registration.display());
    same_class(&registered, &proofs.parts()[0]).with_context(at_registration)?;
    let Some(data) = &args.data else {
        bail!(
            "{name}: labels and values of public data are checked by the verifier; give --data DATA{}",
            match proofs.statement().labelled {
                true => " --labels LABELS",
                false => "",
            }
        );
    };
    if let Some(offset) = args.offset.filter(|k| *k != proofs.offset()) {
        return Err(NotProved(format!(
            "it says it is about the data after {} samples, not after --offset {offset}",
            proofs.offset()
        )))
        .with_context(place);
    }
    let (samples, total) = given_data(args, data, proofs)?;
    let case = Case {
        proofs,
        places: &places,
        registration,
        registered: &registered,
        data,
        samples: &samples,
        total,
    };
    case.verify(Compared::with(args), cache, console)
}

/// Checks a registration alone.
fn registration(
    own: &Envelope,
    place: impl Fn() -> String,
    compared: Compared,
    cache: &Path,
    console: &Console,
) -> Result<VerifyResult> {
    let start = Instant::now();
    own.precheck::<Step>().with_context(&place)?;
    let keys = Keys::find(&own.origin, cache, console).with_context(&place)?;
    own.register(&mut Registry::default(), &keys.load(1)?, &keys)
        .map_err(|e| keys.error(e))
        .with_context(place)?;
    keys.result(Statement::of(own), vec![], None, compared, start)
}

impl Keys<'_> {
    /// What is wrong with a proof that was checked with these keys.
    fn error(&self, error: ProofError) -> anyhow::Error {
        match error {
            // The circuit is larger than expected, and no key of this secret is large enough.
            ProofError::Folding(FoldingError::Argument(ArgumentError::MissingSrs {
                power,
                ..
            })) => NoKey {
                id: self.found.srs.id,
                need: power,
            }
            .into(),
            other => senseless(other).into(),
        }
    }

    fn result(
        &self,
        statement: Statement,
        parts: Vec<Part>,
        data_range: Option<[usize; 3]>,
        compared: Compared,
        start: Instant,
    ) -> Result<VerifyResult> {
        let srs = &self.found.srs;
        let id = self.key()?.id()?;
        let setup_seconds = self.seconds();
        Ok(VerifyResult {
            valid: true,
            statement,
            parts,
            data_range,
            compared,
            setup_seconds,
            seconds: start.elapsed().as_secs_f64() - setup_seconds,
            verifying_key_id: hex::encode(id),
            key_id: hex::encode(srs.id),
            srs_warning: srs.origin.warning(),
            key_origin: srs.origin.clone(),
        })
    }
}

/// Proofs that make one statement, and everything they are held against.
pub(crate) struct Case<'a> {
    pub(crate) proofs: &'a Combined,
    /// What each part is called in sentences.
    pub(crate) places: &'a [String],
    pub(crate) registration: &'a Path,
    pub(crate) registered: &'a Envelope,
    pub(crate) data: &'a Path,
    /// The samples they must be about.
    pub(crate) samples: &'a Selection,
    /// Number of samples they were taken from.
    pub(crate) total: usize,
}

impl Case<'_> {
    /// Checks that the proofs are valid, about the registered model and about exactly these samples.
    pub(crate) fn verify(
        &self,
        compared: Compared,
        cache: &Path,
        console: &Console,
    ) -> Result<VerifyResult> {
        let start = Instant::now();
        let (proofs, places) = (self.proofs, self.places);
        let own_place = || places[0].clone();
        let at_registration = || format!("registration {}", self.registration.display());
        // What costs little comes first, whatever it is about.
        self.registered
            .precheck::<Step>()
            .with_context(at_registration)?;
        for (own, place) in proofs.parts().iter().zip(places) {
            own.precheck::<Step>().with_context(|| place.clone())?;
        }
        let keys = Keys::find(proofs.origin(), cache, console).with_context(own_place)?;
        let bits = self.key_bits().with_context(own_place)?;
        let mut registry = Registry::default();
        self.registered
            .register(&mut registry, &keys.load(1)?, &keys)
            .map_err(|e| keys.error(e))
            .with_context(at_registration)?;
        let key = keys.load(bits)?;
        let parts: Vec<Part> = (0..)
            .zip(proofs.parts())
            .map(|(index, own)| Part {
                index,
                offset: own.offset,
                samples: own.statement.samples,
            })
            .collect();
        let lengths: Vec<u64> = parts.iter().map(|p| p.samples).collect();
        let bits = proofs.statement().row_bits;
        let (ids, _) = registry
            .admit_parts(&key, proofs.network(), bits, self.samples, &lengths)
            .with_context(|| format!("data {}", self.data.display()))?;
        for ((id, own), place) in ids.iter().zip(proofs.parts()).zip(places) {
            if to_bytes(id) != own.statement.data {
                let data = self.data.display();
                let other = NotProved(format!("it is about other data than {data}"));
                return Err(other).with_context(|| place.clone());
            }
        }
        proofs
            .verify(&registry, &key, &keys)
            .map_err(|e| located(e, places))?;
        let from = self.samples.offset() as usize;
        let range = [from, from + self.samples.count() as usize, self.total];
        let statement = Statement::of_all(proofs);
        keys.result(statement, parts, Some(range), compared, start)
    }

    /// Points that the verifier needs of the commitment key, as a power of two. The statement of all parts has the
    /// largest of their groups, and so the longest vectors.
    fn key_bits(&self) -> Result<u32> {
        let claim = self.proofs.statement().claim()?;
        key_bits(self.proofs.network(), &claim).map_err(|e| senseless(e.into()).into())
    }
}

/// The error of one of several proofs, by the name of its file.
pub(crate) fn located(error: ProofError, places: &[String]) -> anyhow::Error {
    let (part, error) = match error {
        ProofError::Part { part, source } => (part, *source),
        other => (0, other),
    };
    let place = places.get(part).cloned().unwrap_or_default();
    anyhow::Error::new(senseless(error)).context(place)
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
        ProofError::Misfit(e) => ProofError::Invalid(e.to_string()),
        other => other,
    }
}

/// Refuses a file that registers nothing the proof could be about, before the work.
pub(crate) fn same_class(registration: &Envelope, proof: &Envelope) -> Result<()> {
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
    // The id is a hash of the architecture: one of them lies.
    if registration.network != proof.network {
        return Err(NotProved(
            "it has another architecture than the proof, which names the same model".into(),
        )
        .into());
    }
    Ok(())
}

/// Compares what the caller expects with what the proof says about itself.
fn expect(args: &VerifyArgs, statement: &Claimed) -> Result<()> {
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

/// The samples the proofs say they are about, and how many the data have.
fn given_data(args: &VerifyArgs, path: &Path, proofs: &Combined) -> Result<(Selection, usize)> {
    let place = || format!("data {}", path.display());
    let data =
        DataSet::open(path, args.labels.as_deref(), &proofs.network().input).with_context(place)?;
    let statement = proofs.statement();
    if statement.labelled && !data.has_labels() {
        bail!(
            "{}: the proof is about labelled data; give --labels FILE",
            place()
        );
    }
    let (offset, samples) = (proofs.offset(), statement.samples);
    let total = data.len();
    if offset + samples > total as u64 {
        return Err(NotProved(format!(
            "the proof is about {}, these are {total} samples",
            spelled(offset, samples)
        )))
        .with_context(place);
    }
    let range = offset as usize..(offset + samples) as usize;
    Ok((Selection::new(data, range, statement.labelled), total))
}

pub(crate) fn text(r: &VerifyResult) -> String {
    let mut lines = vec!["VALID".to_owned()];
    lines.extend(r.statement.lines());
    lines.push(match r.compared.model_checked {
        true => "checked     the model id is the one you gave".into(),
        false => "not checked the model id: `pleat verify --model-id HEX` compares it".into(),
    });
    if r.parts.len() > 1 {
        lines.push(format!("parts       {} proofs", r.parts.len()));
    }
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
    if r.unasked() {
        lines.push(format!(
            "warning     {UNASKED}: `pleat verify --context HEX` compares it"
        ));
    } else if r.compared.context_checked {
        lines.push("checked     the context is the one you gave".into());
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
