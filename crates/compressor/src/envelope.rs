//! The proof file.
//!
//! ```text
//! "PLEATPRF"  magic, 8 bytes
//! 1           version, u16 little endian
//! ...         postcard encoding of Envelope
//! ...         SHA-256 of all bytes before
//! ```
//!
//! Decoding accepts exactly one byte string per content: the digest rejects accidents, and bytes that
//! are not what encoding their content gives are rejected whatever their digest.

use pleat_model::network::Network;
use pleat_step_circuits::Kind;
use pleat_step_circuits::statement::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result, Snark, skeleton};

const MAGIC: &[u8; 8] = b"PLEATPRF";
const VERSION: u16 = 1;
/// Bytes before the encoded envelope.
pub const HEADER_BYTES: usize = 10;
/// Bytes of the digest at the end.
pub const DIGEST_BYTES: usize = 32;
/// Largest proof file accepted.
pub const MAX_BYTES: usize = 1 << 26;
/// Bytes of the largest context.
pub const MAX_CONTEXT_BYTES: usize = 1024;

/// What a proof claims beyond "this model on this data".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// Number of correctly classified samples.
    Accuracy {
        /// Correct samples.
        correct: u64,
    },
    /// Everything the network computes: per sample, per output, its values in CHW order.
    Outputs {
        /// The values.
        outputs: Vec<Vec<Vec<i32>>>,
    },
}

impl Claim {
    /// The kind of statement.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Accuracy { .. } => Kind::Accuracy,
            Self::Outputs { .. } => Kind::Outputs,
        }
    }
}

/// A proof with its public values.
#[derive(Serialize, Deserialize)]
pub struct Envelope {
    /// The architecture; bound by the model id.
    pub network: Network,
    /// Commitment to architecture and weights.
    pub model_id: Bytes,
    /// Commitment to the data, in order, with labels for a statement about accuracy.
    pub data_id: Bytes,
    /// Number of samples.
    pub samples: u64,
    /// The claim.
    pub claim: Claim,
    /// The prover's bytes.
    pub context: Vec<u8>,
    /// Identity of the commitment key.
    pub srs_id: [u8; 32],
    /// The proof.
    pub snark: Snark,
}

impl Envelope {
    /// The bytes of the file.
    ///
    /// # Errors
    /// Content that cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let body = postcard::to_stdvec(self)
            .map_err(|e| Error::Malformed(format!("it cannot be encoded: {e}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(body);
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        Ok(bytes)
    }

    /// Reads a file's bytes: any bytes, no panic, no allocation beyond their length's order.
    ///
    /// # Errors
    /// [`Error::NotAProof`], [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fail = |reason: &str| Err(Error::Malformed(reason.to_owned()));
        if bytes.len() > MAX_BYTES {
            return fail("it is larger than any proof");
        }
        if !bytes.starts_with(MAGIC) {
            return Err(Error::NotAProof);
        }
        if bytes.len() < HEADER_BYTES + DIGEST_BYTES {
            return fail("it ends early");
        }
        let (content, digest) = bytes.split_at(bytes.len() - DIGEST_BYTES);
        let version = u16::from_le_bytes([content[8], content[9]]);
        if version != VERSION {
            return Err(Error::Malformed(format!(
                "version {version}, this program reads version {VERSION}"
            )));
        }
        if Sha256::digest(content)[..] != *digest {
            return fail("its checksum does not match; it was damaged or changed");
        }
        let body = &content[HEADER_BYTES..];
        let (envelope, rest) = postcard::take_from_bytes::<Self>(body)
            .map_err(|e| Error::Malformed(format!("it cannot be decoded: {e}")))?;
        if !rest.is_empty() {
            return fail("it has bytes behind its end");
        }
        // One encoding per content: also excludes overlong numbers.
        if envelope.to_bytes()?.as_slice() != bytes {
            return fail("it is not in canonical form");
        }
        if envelope.context.len() > MAX_CONTEXT_BYTES {
            return fail("its context is longer than 1,024 bytes");
        }
        skeleton::check(&envelope)?;
        // Before anybody indexes it.
        envelope
            .network
            .validate()
            .map_err(|e| Error::Malformed(e.to_string()))?;
        Ok(envelope)
    }
}
