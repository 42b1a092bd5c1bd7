//! Proofs that make one statement, held against everything they are about.

use std::path::Path;
use std::time::Instant;

use pleat_argument::Error as ArgumentError;
use pleat_argument::data::Samples;
use pleat_argument::program::Kind;
use pleat_argument::registry::{Registry, key_bits};
use pleat_argument::srs::Origin;
use pleat_argument::statement::to_bytes;
use pleat_compressor::{Combined, Envelope, Error as ProofError, Verifier};
use pleat_folding::Error as FoldingError;
use pleat_model::Error as ModelError;
use pleat_step_circuits::circuit::step::Step;
use serde::Serialize;

use super::own_keys::Keys;
use crate::error::{Error, Locate, Result};
use crate::selection::{Selection, WatchedSamples};
use crate::shard::ShardSamples;
use crate::statement::ReadableStatement;
use crate::store::KeyStore;
use crate::watch::Watch;

/// A proof that is valid, what it says, and what was compared with it.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyResult {
    /// True: a proof that is not valid is an error.
    pub valid: bool,
    /// What is proved.
    pub statement: ReadableStatement,
    /// The samples of each proof: several in a combined one, none of a registration.
    pub parts: Vec<ShardSamples>,
    /// Of the given data: index of the first sample proved, of the one after the last, and its size.
    pub data_range: Option<[usize; 3]>,
    /// What was compared with what the caller gave.
    #[serde(flatten)]
    pub compared: Compared,
    /// Seconds of writing out the circuit; 0 where it was not needed.
    pub setup_seconds: f64,
    /// Seconds of everything else.
    pub seconds: f64,
    /// Identity of the verifying key, in hexadecimal: the same for all models of a size class.
    pub verifying_key_id: String,
    /// Identity of the commitment key, in hexadecimal.
    pub key_id: String,
    /// Where it came from.
    pub key_origin: Origin,
    /// What others should know about it.
    pub srs_warning: Option<&'static str>,
}

/// Of a context that nobody compared.
pub const UNASKED: &str =
    "the proof is bound to a context, which was not compared with the one you asked for";

impl VerifyResult {
    /// Whether the proof is bound to a context that was not compared with a given one.
    pub fn unasked(&self) -> bool {
        !self.statement.context.is_empty() && !self.compared.context_checked
    }
}

/// What a caller expects of a statement, and has compared with it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Compared {
    /// The model id with a given one.
    pub model_checked: bool,
    /// The context with a given one.
    pub context_checked: bool,
}

impl Keys<'_> {
    /// What is wrong with a proof that was checked with these keys.
    pub(super) fn error(&self, error: ProofError) -> Error {
        match error {
            // The circuit is larger than expected, and no key of this secret is large enough.
            ProofError::Folding(FoldingError::Argument(ArgumentError::MissingSrs {
                power,
                ..
            })) => Error::NoKey {
                id: self.found.srs.id,
                need: power,
            },
            other => senseless(other).into(),
        }
    }

    pub(super) fn result(
        &self,
        statement: ReadableStatement,
        parts: Vec<ShardSamples>,
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
        store: &KeyStore,
        watch: &Watch,
    ) -> Result<VerifyResult> {
        let start = Instant::now();
        let (proofs, places) = (self.proofs, self.places);
        let own_place = || places[0].clone();
        let at_registration = || format!("registration {}", self.registration.display());
        // What costs little comes first, whatever it is about.
        self.registered.precheck::<Step>().at(at_registration)?;
        for (own, place) in proofs.parts().iter().zip(places) {
            own.precheck::<Step>().at(|| place.clone())?;
        }
        let keys = Keys::find(proofs.origin(), store, watch).at(own_place)?;
        let bits = self.key_bits().at(own_place)?;
        let mut registry = Registry::default();
        self.registered
            .register(&mut registry, &keys.load(1)?, &keys)
            .map_err(|e| keys.error(e))
            .at(at_registration)?;
        let key = keys.load(bits)?;
        let parts: Vec<ShardSamples> = (0..)
            .zip(proofs.parts())
            .map(|(index, own)| ShardSamples {
                index,
                offset: own.offset,
                samples: own.statement.samples,
            })
            .collect();
        let lengths: Vec<u64> = parts.iter().map(|p| p.samples).collect();
        let bits = proofs.statement().row_bits;
        let watched = WatchedSamples {
            samples: self.samples,
            watch,
            phase: None,
        };
        let (ids, _) = registry
            .admit_parts(&key, proofs.network(), bits, &watched, &lengths)
            .map_err(|e| watch.reason(e))
            .at(|| format!("data {}", self.data.display()))?;
        for ((id, own), place) in ids.iter().zip(proofs.parts()).zip(places) {
            if to_bytes(id) != own.statement.data {
                let data = self.data.display();
                let other = Error::NotProved(format!("it is about other data than {data}"));
                return Err(other.at(place));
            }
        }
        proofs
            .verify(&registry, &key, &keys)
            .map_err(|e| located(e, places))?;
        let from = self.samples.offset() as usize;
        let range = [from, from + self.samples.count() as usize, self.total];
        let statement = ReadableStatement::of_all(proofs);
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
pub(crate) fn located(error: ProofError, places: &[String]) -> Error {
    let (part, error) = match error {
        ProofError::Part { part, source } => (part, *source),
        other => (0, other),
    };
    let place = places.get(part).cloned().unwrap_or_default();
    Error::from(senseless(error)).at(place)
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
        return Err(Error::invalid(
            "it registers no model; give the file `pleat register` made for the model of the proof",
        ));
    }
    if own.row_bits != wanted.row_bits || registration.form() != proof.form() {
        return Err(Error::Invalid(format!(
            "made for size class 2^{} and form {}, the proof for 2^{} and {}; \
             register the model with the proof's --size-class and --form",
            own.row_bits,
            registration.form(),
            wanted.row_bits,
            proof.form()
        )));
    }
    if registration.origin.key != proof.origin.key {
        return Err(Error::invalid(
            "made with another commitment key than the proof; make both with the same key",
        ));
    }
    if own.model != wanted.model {
        return Err(Error::NotProved(format!(
            "it is about model {}, the proof about {}",
            hex::encode(own.model),
            hex::encode(wanted.model)
        )));
    }
    // The id is a hash of the architecture: one of them lies.
    if registration.network != proof.network {
        return Err(Error::NotProved(
            "it has another architecture than the proof, which names the same model".into(),
        ));
    }
    Ok(())
}
