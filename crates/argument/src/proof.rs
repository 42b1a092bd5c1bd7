//! What a native proof consists of. Every field is listed in the tamper manifest of the tests.

use halo2curves::bn256::G1Affine;
use serde::{Deserialize, Serialize};

use crate::Scalar;
use crate::lookup::LookupProof;
use crate::opening::Opening;

/// A native proof: transcripts of all groups, and the opening of the running claim.
///
/// It is not zero knowledge (`docs/argument.md`, "Zero knowledge").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// Commitments to the weights.
    pub weights: Vec<G1Affine>,
    /// Commitments to the data.
    pub data: Vec<G1Affine>,
    /// One per group.
    pub groups: Vec<GroupProof>,
    /// Commitment to the mask.
    pub mask: G1Affine,
    /// The mask at the running point.
    pub mask_value: Scalar,
    /// Blinder of the combination of all commitments.
    pub blind: Scalar,
    /// Opening of the combination at the running point.
    pub opening: Opening,
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
    /// Channel sum-checks.
    pub heads: Vec<HeadProof>,
    /// Correct samples, if claimed.
    pub count: u64,
    /// One per step.
    pub steps: Vec<StepProof>,
}

/// A channel sum-check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadProof {
    /// The claimed sum.
    pub sum: Scalar,
    /// Round messages.
    pub rounds: Vec<[Scalar; 2]>,
    /// Per product: X~ and U~ at the point.
    pub claims: Vec<[Scalar; 2]>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepProof {
    /// A chunk.
    Chunk {
        /// Its part of the linear relation.
        part: Scalar,
        /// Its lookups.
        lookup: LookupProof,
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
