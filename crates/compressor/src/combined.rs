//! Proofs of consecutive parts of some data, as one statement about all of them.
//!
//! The data id is a hash over the commitments to *data vectors*, each of so many samples. Parts that begin
//! where a data vector does have the vectors that one proof of everything would have, in the same order: the
//! whole's id follows from the parts' commitments, its correct samples are their sum.
//!
//! What a [verified](Combined::verify) whole rests on, value by value:
//!
//! | value | bound by |
//! | --- | --- |
//! | model, context, kind, size class, labels, visibility | every part's own proof; they are compared |
//! | the weights: the same in all parts | the model id, a hash of the commitments to them |
//! | a part's samples: as many as it says, those in its commitments | its proof; all parts but the last fill their data vectors, so that no commitment hides a gap |
//! | a part's place, and that no sample is missing, counted twice or foreign | the whole's data id, which the verifier has computed from its own data in their order: its commitments are the parts' commitments in the parts' order |
//! | correct samples, outputs | the parts' proofs, each about exactly the samples above |
//! | offsets | nothing: they say where to look, and contradicting ones are refused early |
//!
//! So an offset that lies is harmless: a part moved elsewhere changes the order of the commitments and with
//! it the id, unless the data there are the same, and then the statement is true. The sizes of groups may differ:
//! they cut a proof into steps, and neither ids nor results depend on them.

use pleat_argument::commitment::{Key, scalar_id};
use pleat_argument::layout::data_layout;
use pleat_argument::registry::{Inferences, Registry};
use pleat_argument::statement::{architecture_digest, data_id, to_bytes};
use pleat_folding::hex;
use pleat_folding::running::Origin;
use pleat_folding::sealed::{self, Damage, Format};
use pleat_model::network::Network;

use crate::envelope::{MAX_BYTES, TOLD, describe, element};
use crate::{Envelope, Error, Result, Statement, Verifier};

/// The first bytes of a file.
pub const MAGIC: &[u8; 8] = b"PLEATCMB";

const FORMAT: Format = Format {
    magic: MAGIC,
    version: 2,
    kind: "combined proof",
    retired: Some((1, TOLD)),
};

/// Why proofs are not parts of one statement; the sentence follows a part's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// A part of another statement than the first one's.
    #[error(
        "its {what} is {own}, that of the first part {first}; combine parts of one statement only"
    )]
    Other {
        /// What differs.
        what: &'static str,
        /// The part's.
        own: String,
        /// The first part's.
        first: String,
    },
    /// A part that does not begin where the one before it ends.
    #[error("it begins at sample {begins}, but sample {next} is next")]
    Place {
        /// Its first sample.
        begins: u64,
        /// The one that is due.
        next: u64,
    },
    /// A part before the last that ends inside a data vector.
    #[error(
        "its {samples} samples do not fill data vectors of {per_vector}, as all parts but the last must; \
         prove the parts with --shard"
    )]
    Ragged {
        /// Its samples.
        samples: u64,
        /// Samples of a data vector.
        per_vector: u64,
    },
}

/// Proofs that make one statement, in the order of their samples. One proof alone is one, too.
#[derive(Clone, Debug)]
pub struct Combined {
    parts: Vec<Envelope>,
    statement: Statement,
    correct: u64,
}

fn at(part: usize) -> impl FnOnce(Error) -> Error {
    move |source| Error::Part {
        part,
        source: Box::new(source),
    }
}

/// What all parts of a statement share, as people read it: one text, one value.
type Shared = [(&'static str, String); 9];

/// What a proof shares with the other parts, if it can be one.
fn shared(envelope: &Envelope) -> Result<Shared> {
    envelope.check().map_err(Error::Malformed)?;
    // Refuses registrations.
    envelope.statement.claim()?;
    if envelope.statement.samples == 0 {
        return Err(Error::Invalid("it is about no samples".into()));
    }
    let Statement {
        kind,
        // Says the same as the class of the origin.
        row_bits: _,
        // How the prover cut its work.
        group_bits: _,
        labelled,
        samples: _,
        context,
        model,
        data: _,
        visibility,
    } = &envelope.statement;
    let Origin {
        class: [row_bits, ..],
        form,
        key,
        parameters,
    } = &envelope.origin;
    let architecture = architecture_digest(&envelope.network)?;
    let labels = if *labelled { "part of it" } else { "none" };
    Ok([
        ("kind", describe(*kind).to_owned()),
        ("model id", hex(model)),
        ("architecture", hex(&to_bytes(&architecture))),
        ("context", format!("'{}'", hex(context))),
        ("size class", format!("2^{row_bits}")),
        (
            "final argument",
            format!("{form}, parameters {}", hex(parameters)),
        ),
        ("commitment key", hex(key)),
        ("kind of labels", labels.to_owned()),
        ("kind of data", format!("{visibility:?}").to_lowercase()),
    ])
}

impl Combined {
    /// Puts parts together, after all checks that need neither data nor keys: they claim the same about the same
    /// model, follow each other, and all but the last fill their data vectors. Their proofs are not checked.
    ///
    /// # Errors
    /// [`Error::Part`] with the first part that does not fit and why ([`Misfit`], or [`Error::OtherKind`] for a
    /// registration); no parts.
    pub fn new(parts: Vec<Envelope>) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Err(Error::Invalid("it has no parts".into()));
        };
        let wanted = shared(first).map_err(at(0))?;
        for (part, own) in parts.iter().enumerate().skip(1) {
            let own = shared(own).map_err(at(part))?;
            let mut pairs = own.into_iter().zip(wanted.clone());
            if let Some(((what, own), (_, first))) = pairs.find(|(own, first)| own != first) {
                return Err(at(part)(Misfit::Other { what, own, first }.into()));
            }
        }
        let Statement {
            labelled,
            row_bits,
            visibility,
            ..
        } = first.statement;
        let (layout, _) = data_layout(&first.network, labelled, row_bits)?;
        let per_vector = 1u64 << layout.samples_bits();
        let mut next = first.offset;
        let (mut correct, mut group_bits) = (Some(0u64), 0);
        for (part, own) in parts.iter().enumerate() {
            let samples = own.statement.samples;
            let begins = own.offset;
            if begins != next {
                return Err(at(part)(Misfit::Place { begins, next }.into()));
            }
            if part + 1 < parts.len() && samples % per_vector != 0 {
                let misfit = Misfit::Ragged {
                    samples,
                    per_vector,
                };
                return Err(at(part)(misfit.into()));
            }
            // Each part's end was checked, and is where the next one begins.
            next = begins.saturating_add(samples);
            correct = correct.and_then(|sum| sum.checked_add(own.correct));
            group_bits = group_bits.max(own.statement.group_bits);
        }
        let correct = correct.ok_or_else(|| {
            Error::Invalid("its parts claim more correct samples than can be counted".into())
        })?;
        let samples = next - first.offset;
        let data: Vec<_> = parts.iter().map(|p| p.folded.data.as_slice()).collect();
        let key = scalar_id(&first.origin.key);
        let data = data_id(
            &first.network,
            &layout,
            samples,
            visibility,
            &key,
            &data.concat(),
        )?;
        Ok(Self {
            statement: Statement {
                samples,
                group_bits,
                data: to_bytes(&data),
                ..first.statement.clone()
            },
            correct,
            parts,
        })
    }

    /// The proofs, at least one.
    pub fn parts(&self) -> &[Envelope] {
        &self.parts
    }

    /// The proofs, each for itself.
    pub fn into_parts(self) -> Vec<Envelope> {
        self.parts
    }

    /// What is claimed of all samples: what one proof of them would claim, but that its groups may have
    /// another size than the largest of the parts, which stands here.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Index of the first sample; a hint, as [`Envelope::offset`].
    pub fn offset(&self) -> u64 {
        self.parts[0].offset
    }

    /// Correct samples, for accuracy; otherwise 0.
    pub fn correct(&self) -> u64 {
        self.correct
    }

    /// All outputs, for statements about outputs: `[sample][output][value]`; otherwise empty.
    pub fn outputs(&self) -> Vec<Vec<Vec<i32>>> {
        let parts: Vec<_> = self.parts.iter().map(|p| p.outputs.as_slice()).collect();
        parts.concat()
    }

    /// The architecture; bound by the model id.
    pub fn network(&self) -> &Network {
        &self.parts[0].network
    }

    /// Size class, form, commitment key and parameters of all parts.
    pub fn origin(&self) -> &Origin {
        &self.parts[0].origin
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Content that cannot be encoded, or is longer than what is read.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = sealed::encode(&FORMAT, &self.parts)?;
        match bytes.len() as u64 {
            0..=MAX_BYTES => Ok(bytes),
            n => Err(Error::Invalid(format!(
                "its parts have {n} bytes together, at most {MAX_BYTES} are read"
            ))),
        }
    }

    /// Reads a file's bytes: any bytes, no panic, no allocation beyond their length's order. The checks of
    /// [`Self::new`] hold for what is read.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let parts = sealed::open(&FORMAT, bytes, MAX_BYTES).and_then(sealed::whole);
        let content = |e: Error| Error::Malformed(Damage::Content(e.to_string()));
        Self::new(parts.map_err(Error::Malformed)?).map_err(content)
    }

    /// Checks everything: every part as [`Envelope::verify`] does, and that the whole's data are registered: ids of
    /// parts and whole together come from [`Registry::admit_parts`]. The claim, and whose ids these are, is
    /// for the caller to read.
    ///
    /// # Errors
    /// [`Error::Part`] with a part whose proof is not valid, whose ids are not registered, that is for another
    /// key, or whose groups have one size too many ([`Inferences`]); [`Error::Argument`] for parts of registered data that are not registered as a whole.
    pub fn verify(&self, registry: &Registry, key: &Key, verifying: &impl Verifier) -> Result<()> {
        // First, because it costs nothing.
        registry.check_data(&element("data id", &self.statement.data)?)?;
        // Parts with groups of one size follow the first of them: what they share is computed once.
        let size = |own: &Envelope| own.statement.group_bits;
        let first = |own: &Envelope| self.parts.iter().position(|p| size(p) == size(own));
        let mut parts: Vec<(usize, &Envelope)> = self.parts.iter().enumerate().collect();
        parts.sort_by_key(|(_, own)| first(own));
        let mut inferences = Inferences::default();
        for (part, own) in parts {
            own.verify_next(registry, key, verifying, &mut inferences)
                .map_err(at(part))?;
        }
        Ok(())
    }
}
