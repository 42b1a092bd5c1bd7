//! The proof file: a statement, everything public about its proof, and the proof of the fold.
//!
//! One format serves statements about outputs and accuracy and the registrations of models and data
//! ([`Kind`]). Decoding accepts exactly one byte string per content: bytes that are not what encoding their
//! content gives are rejected whatever their checksum.

use pleat_argument::commitment::Key;
use pleat_argument::group::folded::Expected;
use pleat_argument::group::verify::Outcome;
use pleat_argument::program::Kind;
use pleat_argument::proof::Folded;
use pleat_argument::registry::{Claim, Inferences, Registry};
use pleat_argument::statement::{Visibility, context_hash};
use pleat_folding::running::Origin;
use pleat_folding::sealed::{self, Damage, Format};
use pleat_folding::{Circuit, Form, Scalar, hex};
use pleat_model::network::Network;
use serde::{Deserialize, Serialize};

use crate::verify::verify;
use crate::{Error, Result, Snark, Verifier};

/// Versions whose published values told about what they should hide.
pub(crate) const TOLD: &str = "such a file tells about the weights and private data it was made with, so do not pass it \
     on; import the model again, register it and prove again";

const FORMAT: Format = Format {
    magic: b"PLEATPRF",
    version: 4,
    kind: "proof",
    retired: Some((3, TOLD)),
};

/// Largest proof file accepted.
pub const MAX_BYTES: u64 = 1 << 30;
/// Bytes of the largest context.
pub const MAX_CONTEXT_BYTES: usize = 1024;

/// What is claimed, as a proof file says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Outputs, accuracy, or a registration.
    pub kind: Kind,
    /// Size class: rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Samples of a group, as a power of two; 0 for registrations.
    pub group_bits: u32,
    /// Whether the data have labels; no for registrations of models.
    pub labelled: bool,
    /// Number of samples; 0 for registrations of models.
    pub samples: u64,
    /// The prover's bytes; none for registrations.
    pub context: Vec<u8>,
    /// The model id; zeros for registrations of data.
    pub model: [u8; 32],
    /// The data id; zeros for registrations of models.
    pub data: [u8; 32],
    /// Who can see the data; private for registrations.
    pub visibility: Visibility,
}

impl Statement {
    /// The registration of a model.
    pub fn of_model(row_bits: u32, model: [u8; 32]) -> Self {
        Self {
            kind: Kind::RegisteredModel,
            row_bits,
            group_bits: 0,
            labelled: false,
            samples: 0,
            context: vec![],
            model,
            data: [0; 32],
            visibility: Visibility::Private,
        }
    }

    /// The registration of private data.
    pub fn of_data(row_bits: u32, labelled: bool, samples: u64, data: [u8; 32]) -> Self {
        Self {
            kind: Kind::RegisteredData,
            labelled,
            samples,
            model: [0; 32],
            data,
            ..Self::of_model(row_bits, [0; 32])
        }
    }

    /// The claim as the argument's registry checks it.
    ///
    /// # Errors
    /// [`Error::OtherKind`] for registrations, [`Error::Malformed`] for ids that are no field elements.
    pub fn claim(&self) -> Result<Claim> {
        if self.is_registration() {
            return Err(Error::OtherKind {
                found: describe(self.kind),
                wanted: "a proof about outputs or accuracy",
            });
        }
        Ok(Claim {
            kind: self.kind,
            row_bits: self.row_bits,
            group_bits: self.group_bits,
            labelled: self.labelled,
            samples: self.samples,
            context: context_hash(&self.context),
            model: element("model id", &self.model)?,
            data: element("data id", &self.data)?,
            visibility: self.visibility,
        })
    }

    fn is_registration(&self) -> bool {
        matches!(self.kind, Kind::RegisteredModel | Kind::RegisteredData)
    }

    /// Fields that mean nothing for a kind have one value, so that a statement has one form.
    fn check(&self) -> Result<(), Damage> {
        let plain = match self.kind {
            Kind::RegisteredModel => Self::of_model(self.row_bits, self.model),
            Kind::RegisteredData => {
                Self::of_data(self.row_bits, self.labelled, self.samples, self.data)
            }
            Kind::Outputs | Kind::Accuracy => self.clone(),
        };
        if plain != *self {
            return Err(Damage::Content("a registration says too much".into()));
        }
        if self.context.len() > MAX_CONTEXT_BYTES {
            let reason = "its context is longer than 1,024 bytes";
            return Err(Damage::Content(reason.into()));
        }
        Ok(())
    }
}

pub(crate) fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Outputs => "a proof about outputs",
        Kind::Accuracy => "a proof about accuracy",
        Kind::RegisteredModel => "the registration of a model",
        Kind::RegisteredData => "the registration of data",
    }
}

pub(crate) fn element(what: &str, bytes: &[u8; 32]) -> Result<Scalar> {
    let element = Option::from(<Scalar as ff::PrimeField>::from_repr((*bytes).into()));
    element
        .ok_or_else(|| Error::Malformed(Damage::Content(format!("its {what} is no field element"))))
}

/// A proof with its public values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Size class, form, commitment key and parameters of the proof.
    pub origin: Origin,
    /// What is claimed.
    pub statement: Statement,
    /// Index of the first sample in the data its maker took them from; 0 for registrations. Nothing attests
    /// it: it says which of a verifier's data to compare, and the data id says whether they are the same.
    pub offset: u64,
    /// Correct samples, for accuracy; otherwise 0.
    pub correct: u64,
    /// All outputs, for statements about outputs: `[sample][output][value]`; otherwise empty.
    pub outputs: Vec<Vec<Vec<i32>>>,
    /// The architecture; bound by the model id.
    pub network: Network,
    /// Commitments, multipliers and opening.
    pub folded: Folded,
    /// The proof of the fold.
    pub snark: Vec<u8>,
}

impl Envelope {
    /// The bytes of the file.
    ///
    /// # Errors
    /// Content that cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(sealed::encode(&FORMAT, self)?)
    }

    /// Reads a file's bytes: any bytes, no panic, no allocation beyond their length's order.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(Error::Malformed)
    }

    fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let body = sealed::open(&FORMAT, bytes, MAX_BYTES)?;
        let envelope: Self = sealed::whole(body)?;
        envelope.check()?;
        Ok(envelope)
    }

    /// Whether its parts can belong together, before anybody indexes one by another.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        self.statement.check()?;
        let content = |what: &str| Err(Damage::Content(what.into()));
        if self.origin.shape()?.row_bits != self.statement.row_bits {
            return content("it names two size classes");
        }
        if self.statement.kind != Kind::Outputs && !self.outputs.is_empty() {
            return content("it shows outputs it claims nothing about");
        }
        if self.statement.kind != Kind::Accuracy && self.correct != 0 {
            return content("it counts correct samples it claims nothing about");
        }
        if self.is_registration() && self.offset != 0 {
            return content("a registration takes no part of any data");
        }
        if self.offset.checked_add(self.statement.samples).is_none() {
            return content("it is about more samples than can be counted");
        }
        let valid = self.network.validate();
        valid.map_err(|e| Damage::Content(e.to_string()))
    }

    /// Whether the numbers of groups, outputs and multipliers are possible, as far as the statement alone says.
    fn check_lengths(&self) -> Result<(), Damage> {
        let (statement, folded) = (&self.statement, &self.folded);
        let content = |what: &str| Err(Damage::Content(what.into()));
        let groups = match statement.kind {
            Kind::RegisteredModel => Some(1),
            // One data vector each.
            Kind::RegisteredData => Some(folded.data.len() as u64),
            Kind::Outputs | Kind::Accuracy => {
                let size = 1u64.checked_shl(statement.group_bits);
                // No prover makes an only group that is not half full; a verifier commits to outputs at full length.
                let most = statement.samples.checked_next_power_of_two();
                let size = size.filter(|size| most.is_none_or(|most| *size <= most));
                size.map(|size| statement.samples.div_ceil(size))
            }
        };
        if groups != Some(folded.groups.len() as u64) {
            return content("its number of groups is not that of its samples");
        }
        if statement.kind == Kind::Outputs && self.outputs.len() as u64 != statement.samples {
            return content("it shows the outputs of another number of samples");
        }
        // Each group has the weights again, and a data vector where there are data.
        let data = usize::from(statement.kind != Kind::RegisteredModel);
        let each = folded.weights.len() + data;
        let vectors = (folded.groups.iter())
            .map(|group| group.trace.len() + group.outputs.len() + each)
            .try_fold(0usize, usize::checked_add);
        // Commitments to activation tables are not in the file.
        if vectors.is_none_or(|vectors| vectors > folded.multipliers.len()) {
            return content("it has fewer multipliers than commitments");
        }
        if folded.point.len() != self.origin.shape()?.index_bits() {
            return content("its running point has another number of coordinates");
        }
        Ok(())
    }

    /// Whether it registers a model or data.
    pub fn is_registration(&self) -> bool {
        self.statement.is_registration()
    }

    /// The form of the proof.
    pub fn form(&self) -> Form {
        self.origin.form
    }

    /// What of the prover's side a verifying key must share.
    fn suits(&self, key: &Key, other: &Origin) -> Result<()> {
        let own = &self.origin;
        let differs = |what, proof: String, key: String| Error::OtherKey { what, proof, key };
        let class = |o: &Origin| format!("2^{}", o.class[0]);
        if own.class != other.class {
            return Err(differs("size class", class(own), class(other)));
        }
        if own.form != other.form {
            let (proof, key) = (own.form.to_string(), other.form.to_string());
            return Err(differs("form", proof, key));
        }
        if own.key != other.key {
            return Err(differs("commitment key", hex(&own.key), hex(&other.key)));
        }
        if own.parameters != other.parameters {
            let (proof, key) = (hex(&own.parameters), hex(&other.parameters));
            return Err(differs("parameters", proof, key));
        }
        match key.srs().id == other.key {
            true => Ok(()),
            false => Err(Error::OtherSrs {
                here: hex(&key.srs().id),
                key: hex(&other.key),
            }),
        }
    }

    /// Checks everything: the statement against the registry's ids, commitments and opening, the proof of
    /// the fold, and the claimed result. The claim, and whose ids these are, is for the caller to read. The verifying key
    /// is asked for when all else but the result is checked.
    ///
    /// # Errors
    /// A proof that is not valid; ids that are not registered; other keys.
    pub fn verify(
        &self,
        registry: &Registry,
        key: &Key,
        verifying: &impl Verifier,
    ) -> Result<Outcome> {
        self.verify_next(registry, key, verifying, &mut Inferences::default())
    }

    /// The same for one of several proofs, which may share inferences.
    pub(crate) fn verify_next(
        &self,
        registry: &Registry,
        key: &Key,
        verifying: &impl Verifier,
        inferences: &mut Inferences,
    ) -> Result<Outcome> {
        let claim = self.statement.claim()?;
        let (network, folded) = (&self.network, &self.folded);
        let outcome = self.attested(key, verifying, |attest| {
            registry.verify_folded_claim(key, network, &claim, inferences, folded, attest)
        })?;
        if claim.kind == Kind::Accuracy && outcome.count != self.correct {
            return Err(Error::Invalid(format!(
                "it claims {} correct samples and proves {}",
                self.correct, outcome.count
            )));
        }
        if claim.kind == Kind::Outputs
            && inferences.outputs_chain(key, network, &claim, &self.outputs)? != outcome.outputs
        {
            return Err(Error::Invalid("it proves other outputs".into()));
        }
        Ok(outcome)
    }

    /// Checks the registration of a model or of private data, and enters its id into the registry.
    ///
    /// # Errors
    /// A proof that is not valid, or is no registration; other keys.
    pub fn register(
        &self,
        registry: &mut Registry,
        key: &Key,
        verifying: &impl Verifier,
    ) -> Result<()> {
        let Statement {
            row_bits,
            labelled,
            samples,
            ..
        } = self.statement;
        let (network, folded) = (&self.network, &self.folded);
        match self.statement.kind {
            Kind::RegisteredModel => {
                let id = element("model id", &self.statement.model)?;
                self.attested(key, verifying, |attest| {
                    registry.register_folded_model(key, network, row_bits, id, folded, attest)
                })
            }
            Kind::RegisteredData => {
                let id = element("data id", &self.statement.data)?;
                self.attested(key, verifying, |attest| {
                    registry.register_folded_data(
                        key, network, row_bits, labelled, samples, id, folded, attest,
                    )
                })
            }
            Kind::Outputs | Kind::Accuracy => Err(Error::OtherKind {
                found: describe(self.statement.kind),
                wanted: "a registration",
            }),
        }
    }

    /// Runs a check of the argument's registry, which asks for the check of the fold; what the latter
    /// refuses is kept, as the registry only passes on sentences.
    fn attested<T>(
        &self,
        key: &Key,
        verifying: &impl Verifier,
        check: impl FnOnce(
            &mut dyn FnMut(&Expected) -> pleat_argument::Result<()>,
        ) -> pleat_argument::Result<T>,
    ) -> Result<T> {
        if let Some(origin) = verifying.origin() {
            self.suits(key, origin)?;
        }
        self.check_lengths().map_err(Error::Malformed)?;
        let mut refused = None;
        let against = |expected: &Expected| {
            let verifying = verifying.key()?;
            self.suits(key, verifying.origin())?;
            verify(verifying, &self.snark, expected)
        };
        let mut attest = |expected: &Expected| {
            against(expected).map_err(|e| {
                let sentence = e.to_string();
                refused = Some(e);
                pleat_argument::Error::Invalid(sentence)
            })
        };
        let checked = check(&mut attest);
        checked.map_err(|e| refused.unwrap_or(Error::Argument(e)))
    }

    /// Whether numbers of commitments are those of the statement and the proof of the fold is one in form, before
    /// anything is computed.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn precheck<C: Circuit>(&self) -> Result<()> {
        self.check_lengths().map_err(Error::Malformed)?;
        Snark::<C>::from_bytes(self.origin.form, &self.snark).map_err(Error::Malformed)?;
        Ok(())
    }
}
