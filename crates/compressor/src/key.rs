//! Verifying keys.
//!
//! A verifying key decides what proofs prove: take it from one's own setup, or compare its
//! [`VerifyingKey::id`] with one that is trusted. Its file holds, for [`Form::MicroSpartan`], commitments to
//! the circuit's matrices; for [`Form::Spartan`] the digest of the parameters only: the circuit itself, which
//! the verifier reads, is written out again when the file is loaded, and must have this digest.

use std::path::Path;
use std::sync::Arc;

use pleat_argument::quiet::quietly;
use pleat_argument::srs;
use pleat_folding::running::Origin;
use pleat_folding::sealed::{self, Format};
use pleat_folding::{Circuit, Form, Params, Shape, hex};
use pleat_model::files::{Access, write_atomic};
use pleat_step_circuits::circuit::step::Step;
use sha2::{Digest, Sha256};

use crate::snark::Keys;
use crate::{Compressor, Error, Result};

const FORMAT: Format = Format {
    magic: b"PLEATVKY",
    version: 1,
    kind: "verifying key",
    retired: None,
};

/// Longest file that is read.
const MAX_BYTES: u64 = 1 << 26;

/// Checks proofs of one size class, form and commitment key, whatever the model.
pub struct VerifyingKey<C: Circuit = Step> {
    origin: Origin,
    shape: Shape,
    keys: Keys<C>,
}

/// Who has a verifying key, or makes one when it is asked for: most invalid proofs are refused before, and writing out
/// a circuit takes seconds.
pub trait Verifier {
    /// The circuit.
    type Circuit: Circuit;

    /// Size class, form, commitment key and parameters, if they are known before.
    fn origin(&self) -> Option<&Origin>;

    /// The key.
    ///
    /// # Errors
    /// One that cannot be made.
    fn key(&self) -> Result<&VerifyingKey<Self::Circuit>>;
}

impl<C: Circuit> Verifier for VerifyingKey<C> {
    type Circuit = C;

    fn origin(&self) -> Option<&Origin> {
        Some(&self.origin)
    }

    fn key(&self) -> Result<&Self> {
        Ok(self)
    }
}

impl<C: Circuit> std::fmt::Debug for VerifyingKey<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl<C: Circuit> VerifyingKey<C> {
    pub(crate) fn new(params: &Params<C>, keys: Keys<C>) -> Self {
        Self {
            origin: Origin::of(params),
            shape: params.shape(),
            keys,
        }
    }

    pub(crate) fn keys(&self) -> &Keys<C> {
        &self.keys
    }

    /// The size class.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The form of the proofs.
    pub fn form(&self) -> Form {
        self.origin.form
    }

    /// Size class, form, commitment key and parameters.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Identifies the key: SHA-256 of its file's bytes.
    ///
    /// # Errors
    /// A key that cannot be encoded.
    pub fn id(&self) -> Result<[u8; 32]> {
        Ok(Sha256::digest(self.to_bytes()?).into())
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(match &self.keys {
            Keys::Spartan(_) => sealed::encode(&FORMAT, &self.origin)?,
            Keys::Micro(key) => sealed::encode(&FORMAT, &(self.origin, key))?,
        })
    }

    /// Writes the key to a file; it is public.
    ///
    /// # Errors
    /// A file that exists, without `force`; one that cannot be written.
    pub fn save(&self, path: &Path, force: bool) -> Result<()> {
        let bytes = self.to_bytes()?;
        write_atomic(path, Access::Public, force, |w| w.write_all(&bytes))
            .map_err(pleat_folding::Error::from)?;
        Ok(())
    }

    /// Reads a key that [`Self::save`] wrote; `srs_dir` holds the commitment keys, of which it must be one.
    ///
    /// # Errors
    /// A damaged file; a key or circuit other than the one here; a missing commitment key.
    pub fn load(path: &Path, srs_dir: &Path) -> Result<Self> {
        let bytes = sealed::read(&FORMAT, path, MAX_BYTES)?;
        let damaged = FORMAT.damaged(path);
        let body = sealed::open(&FORMAT, &bytes, MAX_BYTES).map_err(&damaged)?;
        let (origin, rest) = sealed::part::<Origin>(body).map_err(&damaged)?;
        let shape = origin.shape().map_err(&damaged)?;
        match origin.form {
            Form::Spartan => {
                sealed::whole::<Origin>(body).map_err(&damaged)?;
                let params = Arc::new(Params::<C>::setup(shape, origin.form, srs_dir)?);
                origin.check(path, &Origin::of(&params))?;
                Ok(Compressor::setup(&params)?.into_verifying_key())
            }
            Form::MicroSpartan => {
                // Its points are in the file; that the key is the ceremony's is what others rely on.
                let here = srs::info(srs_dir)?;
                if !here.iter().any(|file| file.id == origin.key) {
                    let ids: Vec<String> = here.iter().map(|file| hex(&file.id)).collect();
                    return Err(Error::OtherSrs {
                        here: ids.join(", "),
                        key: hex(&origin.key),
                    });
                }
                // Points of G2 are checked by a library that prints.
                let key = quietly(|| sealed::whole(rest)).map_err(&damaged)?;
                Ok(Self {
                    origin,
                    shape,
                    keys: Keys::Micro(Box::new(key)),
                })
            }
        }
    }
}
