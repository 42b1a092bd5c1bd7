//! What a native proof consists of. Every field is listed in the tamper manifest of the tests.

use halo2curves::CurveAffine;
use halo2curves::bn256::G1Affine;
use serde::{Deserialize, Serialize};

use crate::lookup::LookupProof;
use crate::opening::Opening;
use crate::{Error, Result, Scalar};

const MAGIC: &[u8; 8] = b"PLEATARG";
const VERSION: u32 = 2;
/// Longest encoding that is read: a group of the largest classes takes a few megabytes.
pub const MAX_PROOF_BYTES: usize = 1 << 30;

/// A native proof: transcripts of all groups, and the opening of the running claim.
///
/// It is not zero knowledge (`docs/argument.md`, "Zero knowledge").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// Commitment to the mask, the first term of the combination that is opened.
    pub mask: G1Affine,
    /// Commitments to the weights.
    pub weights: Vec<G1Affine>,
    /// Commitments to the data.
    pub data: Vec<G1Affine>,
    /// One per group.
    pub groups: Vec<GroupProof>,
    /// The opening.
    pub closing: Closing,
}

impl Proof {
    /// The versioned encoding: a magic number, the version, and the postcard encoding.
    ///
    /// # Errors
    /// A proof that cannot be encoded: with a point that is not on the curve.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if !self.points().all(|p| bool::from(p.is_on_curve())) {
            return Err(Error::Invalid("a proof with a point off the curve".into()));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        postcard::to_extend(self, bytes)
            .map_err(|e| Error::Invalid(format!("the proof cannot be encoded: {e}")))
    }

    /// All commitments.
    pub(crate) fn points(&self) -> impl Iterator<Item = &G1Affine> {
        let groups = self
            .groups
            .iter()
            .flat_map(|g| g.trace.iter().chain(&g.outputs));
        let own = self.weights.iter().chain(&self.data).chain([&self.mask]);
        own.chain(groups)
    }

    /// Reads what [`Self::to_bytes`] writes and nothing else: one proof has one encoding. Points are on the
    /// curve and field elements reduced.
    ///
    /// # Errors
    /// [`Error::Invalid`] for bytes that are no proof of this version, are too many, or are not what encoding
    /// the proof again gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let invalid = |what: &str| Error::Invalid(format!("these bytes are no proof: {what}"));
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(invalid("they are too many"));
        }
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| invalid("they begin differently"))?;
        let rest = rest
            .strip_prefix(&VERSION.to_le_bytes())
            .ok_or_else(|| invalid("they are of another version"))?;
        let (proof, rest): (Self, _) =
            postcard::take_from_bytes(rest).map_err(|e| invalid(&e.to_string()))?;
        if !rest.is_empty() {
            return Err(invalid("something follows it"));
        }
        if proof.to_bytes()? != bytes {
            return Err(invalid("they encode it in an unusual way"));
        }
        Ok(proof)
    }
}

/// What ends a proof: the opening of the masked combination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Closing {
    /// Blinder of the combination of all commitments.
    pub blind: Scalar,
    /// Opening of the combination at the running point.
    pub opening: Opening,
}

/// The commitments of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCommitments {
    /// To the chunks.
    pub trace: Vec<G1Affine>,
    /// To the outputs.
    pub outputs: Vec<G1Affine>,
}

/// What remains public of a proof whose steps were folded: the terms of the combination that is opened, and
/// the end of the state. Together with a proof of the fold it says what a native proof says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Folded {
    /// Commitment to the mask, the first term of the combination that is opened, with coefficient one.
    pub mask: G1Affine,
    /// Commitments to the weights.
    pub weights: Vec<G1Affine>,
    /// Commitments to the data.
    pub data: Vec<G1Affine>,
    /// One per group.
    pub groups: Vec<GroupCommitments>,
    /// Multipliers of all vectors of all groups, in the order of the steps.
    pub multipliers: Vec<Scalar>,
    /// Correct samples.
    pub count: u64,
    /// The running point.
    pub point: Vec<Scalar>,
    /// The running value.
    pub value: Scalar,
    /// The opening.
    pub closing: Closing,
}

impl Folded {
    /// All commitments.
    pub(crate) fn points(&self) -> impl Iterator<Item = &G1Affine> {
        let groups = self
            .groups
            .iter()
            .flat_map(|g| g.trace.iter().chain(&g.outputs));
        let own = self.weights.iter().chain(&self.data);
        own.chain([&self.mask]).chain(groups)
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupProof {
    /// Hides what challenges would tell about the values.
    pub salt: Scalar,
    /// Commitments to the chunks.
    pub trace: Vec<G1Affine>,
    /// Commitments to the outputs.
    pub outputs: Vec<G1Affine>,
    /// Correct samples, if claimed.
    pub count: u64,
    /// One per step.
    pub steps: Vec<StepProof>,
}

/// One step.
#[allow(clippy::large_enum_variant)] // most steps are chunks
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepProof {
    /// The channel sum-check.
    Head {
        /// The claimed sum.
        sum: Scalar,
        /// Round messages.
        rounds: Vec<[Scalar; 2]>,
        /// X~ and U~ at the point, of the first products.
        claims: Vec<[Scalar; 2]>,
    },
    /// Slots that did not fit the step before, claims of further products, or claims once more.
    More {
        /// X~ and U~ at the head's point.
        claims: Vec<[Scalar; 2]>,
    },
    /// A chunk.
    Chunk {
        /// Its part of the linear relation.
        part: Scalar,
        /// Its lookups.
        lookup: LookupProof,
        /// The public part of its lookups at the GKR point.
        forms: Scalar,
        /// Round messages.
        rounds: Vec<[Scalar; 3]>,
        /// The columns at the point.
        values: [Scalar; 4],
        /// The running combination's columns at the point.
        running: [Scalar; 4],
    },
    /// Other vectors.
    Vectors {
        /// Their part of the linear relation.
        part: Scalar,
        /// Round messages.
        rounds: Vec<[Scalar; 2]>,
        /// The vectors at the point.
        values: Vec<Scalar>,
        /// The running combination at the point.
        running: Scalar,
    },
}
