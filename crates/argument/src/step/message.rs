//! What a prover says in one step.

use ff::Field;
use halo2curves::bn256::G1Affine;

use super::Shape;
use super::descriptor::{Descriptor, Task};
use super::transition::ROW_START;
use crate::group::verify::check;
use crate::lookup::{LayerProof, LookupProof};
use crate::program::STEP_VECTORS;
use crate::proof::StepProof;
use crate::{Error, Result, Scalar};

/// What a prover says in one step; zero where the step's descriptor asks for nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The group's salt and seed, in its first step.
    pub begin: [Scalar; 2],
    /// Commitments to the step's vectors.
    pub commitments: Vec<G1Affine>,
    /// Lookups of a chunk.
    pub lookup: LookupProof,
    /// The public part of a chunk's lookups at the GKR point, which lookup slots account for.
    pub forms: Scalar,
    /// The claimed sum: of the head, or the step's part of the linear relation.
    pub part: Scalar,
    /// Round messages by coordinate, lowest first.
    pub rounds: Vec<[Scalar; 3]>,
    /// The columns, or the vectors, at the point.
    pub values: [Scalar; 4],
    /// The running combination's columns, or itself, at the point.
    pub running: [Scalar; 4],
    /// Claims of products.
    pub claims: Vec<[Scalar; 2]>,
    /// Correct samples of the group, in the step that claims them.
    pub count: u64,
}

/// What a group says once.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Its salt.
    pub salt: Scalar,
    /// Its seed.
    pub seed: Scalar,
    /// Its correct samples.
    pub count: u64,
}

impl Message {
    /// A message that says nothing.
    pub fn empty(shape: &Shape) -> Self {
        let layer = |rounds: usize| LayerProof {
            rounds: vec![[Scalar::ZERO; 2]; rounds],
            values: [Scalar::ZERO; 4],
        };
        Self {
            begin: [Scalar::ZERO; 2],
            commitments: vec![],
            lookup: LookupProof {
                root: [Scalar::ZERO; 2],
                layers: (0..=shape.row_bits as usize).map(layer).collect(),
            },
            forms: Scalar::ZERO,
            part: Scalar::ZERO,
            rounds: vec![[Scalar::ZERO; 3]; shape.index_bits()],
            values: [Scalar::ZERO; 4],
            running: [Scalar::ZERO; 4],
            claims: vec![[Scalar::ZERO; 2]; shape.products],
            count: 0,
        }
    }

    /// The message of a proof's step, which must be of the descriptor's task and of its size.
    ///
    /// # Errors
    /// A step of another task or size.
    pub fn new(
        shape: &Shape,
        descriptor: &Descriptor,
        group: &Opening,
        commitments: &[G1Affine],
        proof: &StepProof,
    ) -> Result<Self> {
        let mut message = Self::empty(shape);
        if descriptor.begin {
            message.begin = [group.salt, group.seed];
        }
        if descriptor.claims.close {
            message.count = group.count;
        }
        check(
            commitments.len() == descriptor.vectors.len() && commitments.len() <= STEP_VECTORS,
            "the number of commitments of a step",
        )?;
        message.commitments = commitments.to_vec();
        let mut own_claims: &[[Scalar; 2]] = &[];
        match (descriptor.task, proof) {
            (
                Task::Head,
                StepProof::Head {
                    sum,
                    rounds,
                    claims,
                },
            ) => {
                message.part = *sum;
                message.set_rounds(rounds.iter().map(|[c0, c2]| [*c0, *c2, Scalar::ZERO]), 0)?;
                check(rounds.len() == descriptor.head_bits, "the number of rounds")?;
                own_claims = claims;
            }
            (
                Task::Chunk,
                StepProof::Chunk {
                    part,
                    lookup,
                    forms,
                    rounds,
                    values,
                    running,
                },
            ) => {
                (message.part, message.forms) = (*part, *forms);
                message.lookup = lookup.clone();
                (message.values, message.running) = (*values, *running);
                message.set_rounds(rounds.iter().copied(), ROW_START)?;
                check(
                    rounds.len() == shape.row_bits as usize,
                    "the number of rounds",
                )?;
            }
            (
                Task::Vectors,
                StepProof::Vectors {
                    part,
                    rounds,
                    values,
                    running,
                },
            ) => {
                check(
                    rounds.len() == shape.index_bits() && values.len() == descriptor.vectors.len(),
                    "the number of rounds",
                )?;
                message.part = *part;
                message.running[0] = *running;
                message.values[..values.len()].copy_from_slice(values);
                message.set_rounds(rounds.iter().map(|[c0, c2]| [*c0, *c2, Scalar::ZERO]), 0)?;
            }
            (Task::More, StepProof::More { claims }) => own_claims = claims,
            _ => return Err(Error::rejected("the kind of the step")),
        }
        check(
            own_claims.len() == descriptor.products.len() && own_claims.len() <= shape.products,
            "the number of claims",
        )?;
        message.claims[..own_claims.len()].copy_from_slice(own_claims);
        Ok(message)
    }

    /// Rounds, highest coordinate first, of the coordinates from `lowest` up.
    fn set_rounds(
        &mut self,
        rounds: impl ExactSizeIterator<Item = [Scalar; 3]>,
        lowest: usize,
    ) -> Result<()> {
        let end = lowest + rounds.len();
        check(end <= self.rounds.len(), "the number of rounds")?;
        for (i, round) in rounds.enumerate() {
            self.rounds[end - 1 - i] = round;
        }
        Ok(())
    }
}
