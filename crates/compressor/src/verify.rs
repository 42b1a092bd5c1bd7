//! Verification of untrusted proof bytes.

use std::path::Path;

use pleat_folding::srs::{Origin, SrsFile};
use pleat_folding::{Params, Requirements, srs};
use pleat_model::network::Network;
use pleat_step_circuits::statement::{
    Bytes, State, Statement, architecture_digest, context_hash, from_bytes, outputs_digest,
    to_bytes,
};
use pleat_step_circuits::{Kind, Scalar, Step};

use crate::{Claim, Envelope, Error, Result, Snark, VerifierKey};

/// What the caller wants the proof to be about; `None` accepts anything and reports it.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The kind of statement.
    pub kind: Option<Kind>,
    /// The model.
    pub model_id: Option<Bytes>,
    /// The data; its length is [`Self::samples`].
    pub data_id: Option<Bytes>,
    /// Number of samples.
    pub samples: Option<u64>,
    /// The prover's bytes.
    pub context: Option<Vec<u8>>,
}

/// What an accepted proof proves.
///
/// The prover knows weights of the declared widths and a salt that hash, with `network`, to
/// `model_id`, and `samples` inputs within the network's range (with labels, for accuracy) that hash to
/// `data_id`, such that running exactly that integer network on exactly these inputs in this order
/// gives `claim`.
#[derive(Clone, Debug)]
pub struct VerifiedStatement {
    /// The architecture.
    pub network: Network,
    /// The model.
    pub model_id: Bytes,
    /// The data.
    pub data_id: Bytes,
    /// Number of samples.
    pub samples: u64,
    /// Correct samples, or all outputs.
    pub claim: Claim,
    /// The prover's bytes.
    pub context: Vec<u8>,
    /// Where the commitment key came from; see [`Origin::warning`].
    pub srs_origin: Origin,
    /// Identity of the commitment key.
    pub srs_id: [u8; 32],
    /// The size of a step.
    pub requirements: Requirements,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn compare<T: PartialEq>(
    what: &'static str,
    expected: &Option<T>,
    got: &T,
    show: impl Fn(&T) -> String,
) -> Result<()> {
    match expected {
        Some(expected) if expected != got => Err(Error::Unexpected {
            what,
            expected: show(expected),
            got: show(got),
        }),
        _ => Ok(()),
    }
}

fn canonical(what: &str, bytes: &Bytes) -> Result<Scalar> {
    from_bytes(bytes).ok_or_else(|| Error::Malformed(format!("its {what} is no field element")))
}

/// Verifies the bytes of a proof file with the commitment keys in `srs_dir`.
///
/// # Errors
/// [`Error::NotAProof`] if there is none, [`Error::Malformed`] and [`Error::Invalid`] if it is wrong, [`Error::Unexpected`] if it is
/// about something else; others if it could not be decided.
pub fn verify(
    bytes: &[u8],
    srs_dir: &Path,
    expectations: &Expectations,
) -> Result<VerifiedStatement> {
    let envelope = Envelope::from_bytes(bytes)?;
    precheck(&envelope, srs_dir, expectations)?;
    let kind = envelope.claim.kind();
    Verifier::new(&envelope.network, kind, srs_dir)?.verify(envelope, expectations)
}

/// Everything about a proof that can be refused before its circuit is built. Accepting means nothing:
/// [`Verifier::verify`] decides.
///
/// # Errors
/// As [`verify`].
pub fn precheck(envelope: &Envelope, srs_dir: &Path, expectations: &Expectations) -> Result<()> {
    check_expectations(envelope, expectations)?;
    // The circuit follows from the architecture alone, and the architecture's digest is a constant of
    // the circuit that computes the model id: the prover chooses nothing here.
    let step = Step::new(&envelope.network, envelope.claim.kind())?;
    states(envelope, step.statement())?;
    let power = Requirements::of(&step)?.power;
    match srs::find(srs_dir, power) {
        Ok(key) => check_srs(envelope, &key),
        Err(pleat_argument::Error::MissingSrs { .. }) => Err(Error::MissingKey {
            proof: hex(&envelope.srs_id),
            power,
        }),
        Err(e) => Err(e.into()),
    }
}

/// A verifier of proofs about one architecture and kind of statement; most of the time of
/// verification goes into making one.
pub struct Verifier {
    params: Params,
    key: VerifierKey,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Builds the circuit and its keys.
    ///
    /// # Errors
    /// As [`Params::setup`].
    pub fn new(network: &Network, kind: Kind, srs_dir: &Path) -> Result<Self> {
        let params = Params::setup(network, kind, srs_dir)?;
        let (_, key) = Snark::setup(params.nova()).map_err(|e| Error::Invalid(e.to_string()))?;
        Ok(Self { params, key })
    }

    /// Verifies a decoded proof.
    ///
    /// # Errors
    /// As [`verify`], and [`Error::Unexpected`] for another architecture or kind of statement than
    /// this verifier's.
    pub fn verify(
        &self,
        envelope: Envelope,
        expectations: &Expectations,
    ) -> Result<VerifiedStatement> {
        let statement = self.params.step().statement();
        check_expectations(&envelope, expectations)?;
        check_srs(&envelope, self.params.srs())?;
        let kind = envelope.claim.kind();
        compare(
            "kind of statement",
            &Some(statement.kind()),
            &kind,
            Kind::to_string,
        )?;
        // By digest: floats compare otherwise than they are encoded.
        if architecture_digest(&envelope.network)? != statement.architecture() {
            return Err(Error::Invalid("it is about another architecture".into()));
        }
        let (initial, last) = states(&envelope, statement)?;
        let verified = envelope
            .snark
            .verify(&self.key, envelope.samples as usize, &initial.to_vec())
            .map_err(|e| Error::Invalid(e.to_string()))?;
        if verified != last.to_vec() {
            return Err(Error::Invalid(
                "it proves another result, data set or number of samples than it claims".into(),
            ));
        }
        Ok(VerifiedStatement {
            model_id: envelope.model_id,
            data_id: envelope.data_id,
            samples: envelope.samples,
            claim: envelope.claim,
            context: envelope.context,
            network: envelope.network,
            srs_origin: self.params.srs().origin.clone(),
            srs_id: self.params.srs().id,
            requirements: *self.params.requirements(),
        })
    }
}

fn check_expectations(envelope: &Envelope, expected: &Expectations) -> Result<()> {
    compare(
        "kind of statement",
        &expected.kind,
        &envelope.claim.kind(),
        Kind::to_string,
    )?;
    compare("model", &expected.model_id, &envelope.model_id, |b| hex(b))?;
    compare("data set", &expected.data_id, &envelope.data_id, |b| hex(b))?;
    compare(
        "number of samples",
        &expected.samples,
        &envelope.samples,
        u64::to_string,
    )?;
    compare("context", &expected.context, &envelope.context, |b| hex(b))
}

fn check_srs(envelope: &Envelope, key: &SrsFile) -> Result<()> {
    if key.id == envelope.srs_id {
        return Ok(());
    }
    Err(Error::OtherSrs {
        proof: hex(&envelope.srs_id),
        here: hex(&key.id),
    })
}

/// The states the claim says the proof begins and ends with.
fn states(envelope: &Envelope, statement: &Statement) -> Result<(State, State)> {
    let count = envelope.samples;
    if count == 0 || usize::try_from(count).is_err() {
        return Err(Error::Invalid(format!("it claims {count} samples")));
    }
    let result = match &envelope.claim {
        Claim::Accuracy { correct } => {
            if *correct > count {
                return Err(Error::Invalid(format!(
                    "it claims {correct} of {count} samples correct"
                )));
            }
            Scalar::from(*correct)
        }
        Claim::Outputs { outputs } => {
            if outputs.len() as u64 != count {
                return Err(Error::Invalid(format!(
                    "it has outputs of {} samples and claims {count}",
                    outputs.len()
                )));
            }
            outputs_digest(statement.network(), outputs)
                .map_err(|e| Error::Invalid(e.to_string()))?
        }
    };
    let model_id = canonical("model id", &envelope.model_id)?;
    let initial = statement.initial(model_id, context_hash(&envelope.context));
    let last = State {
        data_chain: canonical("data id", &envelope.data_id)?,
        count,
        result,
        ..initial
    };
    debug_assert_eq!(to_bytes(&last.data_chain), envelope.data_id);
    Ok((initial, last))
}
