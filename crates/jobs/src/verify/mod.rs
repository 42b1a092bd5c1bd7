//! Checking a proof.

mod case;
mod own_keys;

use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_argument::registry::Registry;
use pleat_compressor::{Combined, Envelope, Statement};
use pleat_model::data::DataSet;
use pleat_step_circuits::circuit::step::Step;

pub(crate) use self::case::{Case, located, same_class};
pub use self::case::{Compared, UNASKED, VerifyResult};
use self::own_keys::Keys;
use crate::error::{Error, Locate, Result};
use crate::load::{load_envelope, load_proofs, parse_proofs};
use crate::selection::Selection;
use crate::shard::spelled;
use crate::statement::ReadableStatement;
use crate::store::KeyStore;
use crate::watch::Watch;

/// What to check, and what it is held against.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// The proof, combined or not, or a registration.
    pub proof: PathBuf,
    /// The registration of the proof's model; needed, unless the file is one itself.
    pub registration: Option<PathBuf>,
    /// The model id it must be about.
    pub model_id: Option<[u8; 32]>,
    /// The data it must be about; needed, unless the file is a registration.
    pub data: Option<PathBuf>,
    /// Labels of the data, if they are another file.
    pub labels: Option<PathBuf>,
    /// The proof is about the data after this many samples; without it as the proof says.
    pub offset: Option<u64>,
    /// The context it must be bound to.
    pub context: Option<Vec<u8>>,
}

impl VerifyOptions {
    /// What of a statement the caller has compared.
    fn compared(&self) -> Compared {
        Compared {
            model_checked: self.model_id.is_some(),
            context_checked: self.context.is_some(),
        }
    }
}

/// Checks a proof, or a registration alone.
///
/// # Errors
/// Of class [`InvalidProof`](crate::Class::InvalidProof): not a valid proof of what was asked for. Of another
/// class it could not be decided: no proof file at all, no key or another key than the proof's, data that cannot be
/// read, nothing given to hold it against.
pub fn verify(options: &VerifyOptions, store: &KeyStore, watch: &Watch) -> Result<VerifyResult> {
    verify_parts(load_proofs(&options.proof)?, options, store, watch)
}

/// The same of the bytes of a proof file; [`VerifyOptions::proof`] is what sentences call it.
///
/// # Errors
/// As [`verify`].
pub fn verify_bytes(
    bytes: &[u8],
    options: &VerifyOptions,
    store: &KeyStore,
    watch: &Watch,
) -> Result<VerifyResult> {
    let parts = parse_proofs(bytes).at(|| format!("proof {}", options.proof.display()))?;
    verify_parts(parts, options, store, watch)
}

fn verify_parts(
    parts: Vec<Envelope>,
    options: &VerifyOptions,
    store: &KeyStore,
    watch: &Watch,
) -> Result<VerifyResult> {
    let name = format!("proof {}", options.proof.display());
    let place = || name.clone();
    if let [own] = parts.as_slice()
        && own.is_registration()
    {
        expect(options, &own.statement).at(place)?;
        // Everybody has the registration: in the place of a proof it would pass for one.
        if options.registration.is_some() || options.data.is_some() {
            return Err(Error::NotProved(
                "it is a registration, no proof about data; to check it alone, leave --registration and --data out"
                    .into(),
            ).at(place()));
        }
        return registration(own, place, options.compared(), store, watch);
    }
    let places = places(&name, parts.len());
    let proofs = Combined::new(parts).map_err(|e| located(e, &places))?;
    verify_proofs(options, &proofs, store, watch)
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

/// The same for proofs that were read before from the file that `options` name.
pub(crate) fn verify_proofs(
    options: &VerifyOptions,
    proofs: &Combined,
    store: &KeyStore,
    watch: &Watch,
) -> Result<VerifyResult> {
    let name = format!("proof {}", options.proof.display());
    let place = || name.clone();
    let places = places(&name, proofs.parts().len());
    expect(options, proofs.statement()).at(place)?;
    let Some(registration) = &options.registration else {
        return Err(Error::Invalid(format!(
            "{name}: a proof counts only for a registered model; give --registration FILE, \
             which the model's owner makes with `pleat register`"
        )));
    };
    let registered = load_envelope("registration", registration)?;
    let at_registration = || format!("registration {}", registration.display());
    same_class(&registered, &proofs.parts()[0]).at(at_registration)?;
    let Some(data) = &options.data else {
        return Err(Error::Invalid(format!(
            "{name}: labels and values of public data are checked by the verifier; give --data DATA{}",
            match proofs.statement().labelled {
                true => " --labels LABELS",
                false => "",
            }
        )));
    };
    if let Some(offset) = options.offset.filter(|k| *k != proofs.offset()) {
        return Err(Error::NotProved(format!(
            "it says it is about the data after {} samples, not after --offset {offset}",
            proofs.offset()
        ))
        .at(place()));
    }
    let (samples, total) = given_data(options, data, proofs)?;
    let case = Case {
        proofs,
        places: &places,
        registration,
        registered: &registered,
        data,
        samples: &samples,
        total,
    };
    case.verify(options.compared(), store, watch)
}

/// Checks a registration alone.
fn registration(
    own: &Envelope,
    place: impl Fn() -> String,
    compared: Compared,
    store: &KeyStore,
    watch: &Watch,
) -> Result<VerifyResult> {
    let start = Instant::now();
    own.precheck::<Step>().at(&place)?;
    let keys = Keys::find(&own.origin, store, watch).at(&place)?;
    own.register(&mut Registry::default(), &keys.load(1)?, &keys)
        .map_err(|e| keys.error(e))
        .at(place)?;
    keys.result(ReadableStatement::of(own), vec![], None, compared, start)
}

/// Compares what the caller expects with what the proof says about itself.
fn expect(options: &VerifyOptions, statement: &Statement) -> Result<()> {
    if let Some(id) = options.model_id.filter(|id| *id != statement.model) {
        return Err(Error::NotProved(format!(
            "it is about model {}, not {}",
            hex::encode(statement.model),
            hex::encode(id)
        )));
    }
    if let Some(context) = options
        .context
        .as_ref()
        .filter(|c| **c != statement.context)
    {
        return Err(Error::NotProved(format!(
            "it is bound to context '{}', not '{}'",
            hex::encode(&statement.context),
            hex::encode(context)
        )));
    }
    Ok(())
}

/// The samples the proofs say they are about, and how many the data have.
fn given_data(
    options: &VerifyOptions,
    path: &Path,
    proofs: &Combined,
) -> Result<(Selection, usize)> {
    let place = || format!("data {}", path.display());
    let data = DataSet::open(path, options.labels.as_deref(), &proofs.network().input).at(place)?;
    let statement = proofs.statement();
    if statement.labelled && !data.has_labels() {
        return Err(Error::Invalid(format!(
            "{}: the proof is about labelled data; give --labels FILE",
            place()
        )));
    }
    let (offset, samples) = (proofs.offset(), statement.samples);
    let total = data.len();
    if offset + samples > total as u64 {
        return Err(Error::NotProved(format!(
            "the proof is about {}, these are {total} samples",
            spelled(offset, samples)
        ))
        .at(place()));
    }
    let range = offset as usize..(offset + samples) as usize;
    Ok((Selection::new(data, range, statement.labelled), total))
}
