//! What is proved, and the digests that name models, data and statements.

use ff::{Field, PrimeField};
use halo2curves::bn256::G1Affine;
use pleat_model::network::Network;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::program::{DataLayout, Kind, Program};
use crate::transcript::{Domain, hash, point_elements};
use crate::{Error, Result, Scalar};

/// Up to 31 bytes, little endian: injective, below `2^248`.
fn from_31_bytes(bytes: &[u8]) -> Scalar {
    let mut repr = [0; 32];
    repr[..bytes.len()].copy_from_slice(bytes);
    Option::from(Scalar::from_repr(repr.into())).unwrap_or(Scalar::ZERO)
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|e| Error::Invalid(format!("the architecture cannot be encoded: {e}")))
}

fn digest_of(label: &[u8], value: &impl Serialize) -> Result<Scalar> {
    let mut hasher = Sha256::new();
    hasher.update(label);
    hasher.update(encoded(value)?);
    Ok(from_31_bytes(&hasher.finalize()[..31]))
}

/// The encoding of an architecture, as proof files hold it.
///
/// # Errors
/// An architecture that cannot be encoded.
pub fn architecture_bytes(network: &Network) -> Result<Vec<u8>> {
    encoded(network)
}

/// SHA-256 of the versioned encoding of an architecture, its first 248 bits as a field element.
///
/// # Errors
/// An architecture that cannot be encoded.
pub fn architecture_digest(network: &Network) -> Result<Scalar> {
    digest_of(b"pleat architecture v3\0", network)
}

/// The hash of the caller's bytes, of any length.
pub fn context_hash(bytes: &[u8]) -> Scalar {
    let mut elements = vec![Scalar::from(bytes.len() as u64)];
    elements.extend(bytes.chunks(31).map(from_31_bytes));
    hash(Domain::Context, &elements)
}

/// One more commitment into a chain of vectors.
pub fn extend_chain(chain: &Scalar, commitment: &G1Affine) -> Scalar {
    let [low, high] = point_elements(commitment);
    hash(Domain::Vectors, &[*chain, low, high])
}

/// The chain over commitments.
pub fn chain(commitments: &[G1Affine]) -> Scalar {
    commitments
        .iter()
        .fold(Scalar::ZERO, |chain, c| extend_chain(&chain, c))
}

/// The model id: architecture (with its widths and ranges), size class, key, and the chain of the hiding
/// commitments to the weights.
///
/// # Errors
/// An architecture that cannot be encoded.
pub fn model_id(
    network: &Network,
    row_bits: u32,
    key: &Scalar,
    weights: &[G1Affine],
) -> Result<Scalar> {
    let elements = [
        architecture_digest(network)?,
        Scalar::from(u64::from(row_bits)),
        *key,
        Scalar::from(weights.len() as u64),
        chain(weights),
    ];
    Ok(hash(Domain::Model, &elements))
}

/// Who can see the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Commitments are not blinded; whoever has the data recomputes them.
    Public,
    /// Commitments are blinded; the id must be registered.
    Private,
}

/// The data id: shape and range of the input, layout, number of samples, visibility, key, and the chain
/// of commitments.
///
/// # Errors
/// An input that cannot be encoded.
pub fn data_id(
    network: &Network,
    layout: &DataLayout,
    samples: u64,
    visibility: Visibility,
    key: &Scalar,
    data: &[G1Affine],
) -> Result<Scalar> {
    let classes = layout.label.map_or(0, |_| network.classes());
    let spec = &network.input;
    let elements = [
        digest_of(
            b"pleat data v1\0",
            &(spec.shape, spec.range, layout, classes),
        )?,
        Scalar::from(samples),
        Scalar::from(u64::from(visibility == Visibility::Private)),
        *key,
        chain(data),
    ];
    Ok(hash(Domain::Data, &elements))
}

/// What is proved, without its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The kind.
    pub kind: Kind,
    /// The model; zero for registrations of data.
    pub model: Scalar,
    /// The data; zero for registrations of models.
    pub data: Scalar,
    /// Number of samples; zero for registrations of models.
    pub samples: u64,
    /// Hash of the caller's bytes.
    pub context: Scalar,
    /// The program's digest.
    pub program: Scalar,
    /// Chain over the activation tables' commitments.
    pub tables: Scalar,
    /// The commitment key.
    pub key: Scalar,
}

impl Statement {
    /// The digest every challenge depends on.
    pub fn digest(&self) -> Scalar {
        hash(
            Domain::Statement,
            &[
                Scalar::from(self.kind as u64),
                self.model,
                self.data,
                Scalar::from(self.samples),
                self.context,
                self.program,
                self.tables,
                self.key,
            ],
        )
    }
}

/// Groups of a statement of `samples` samples.
pub fn groups(program: &Program, samples: u64) -> u64 {
    match program.kind {
        Kind::RegisteredModel => 1,
        _ => samples.div_ceil(program.group_samples()),
    }
}

/// A field element as canonical little-endian bytes.
pub fn to_bytes(x: &Scalar) -> [u8; 32] {
    x.to_repr().into()
}
