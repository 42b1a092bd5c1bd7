//! What is carried from step to step. Its digest is all that the folded circuit's input and output show.

use ff::Field;
use halo2curves::bn256::G1Affine;
use serde::{Deserialize, Serialize};

use super::Shape;
use crate::Scalar;
use crate::claims::RunningClaim;
use crate::program::COLUMN_BITS;
use crate::transcript::{Domain, hash};

/// What never changes: the public side of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constants {
    /// Digest of the statement.
    pub statement: Scalar,
    /// Digest of the program of a group.
    pub program: Scalar,
    /// Digest of the last group's program, which may have fewer samples.
    pub last_program: Scalar,
    /// Chain over the commitments to the weights.
    pub weights: Scalar,
    /// Chain over the commitments to the activation tables.
    pub tables: Scalar,
}

/// The state between steps; between groups [`Inner`] is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What never changes.
    pub constants: Constants,
    /// Groups so far.
    pub group: u64,
    /// Samples so far.
    pub samples: u64,
    /// Correct samples so far.
    pub count: u64,
    /// The next group's place in its data vector.
    pub prefix: u64,
    /// Chain over the commitments to the outputs.
    pub outputs: Scalar,
    /// Chain over the commitments to the data.
    pub data: Scalar,
    /// The current data vector's commitment, as a transcript absorbs it.
    pub cursor: [Scalar; 2],
    /// The running claim.
    pub running: RunningClaim,
    /// A group's own.
    pub inner: Inner,
}

/// The state of a group, zero outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inner {
    /// Chain over the descriptors so far.
    pub program: Scalar,
    /// Hides what challenges would tell about the values.
    pub salt: Scalar,
    /// The claimed end of `chain`.
    pub seed: Scalar,
    /// Chain over the commitments of the group so far.
    pub chain: Scalar,
    /// Base of positions.
    pub xi: Scalar,
    /// Base of identities.
    pub zeta: Scalar,
    /// Joins tuples.
    pub eta: Scalar,
    /// The pole of the lookups.
    pub gamma: Scalar,
    /// Base of claims; zero until they are all known.
    pub delta: Scalar,
    /// The point of the channel sum-check.
    pub head: Vec<Scalar>,
    /// The head's transcript.
    pub transcript: Scalar,
    /// Its states before the first claims and before the last.
    pub marks: [Scalar; 2],
    /// What the steps to come must add to the linear relation.
    pub linear: Scalar,
    /// Sum of the lookups.
    pub lookups: Scalar,
    /// Chain over the commitments to weights so far.
    pub weights: Scalar,
    /// Chain over the commitments to activation tables so far.
    pub tables: Scalar,
    /// What is left of the last sum-check.
    pub pending: Pending,
}

/// A sum-check's last claim, less what slots have accounted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Of the sum-check.
    pub claim: Scalar,
    /// Of the public part of the lookups.
    pub forms: Scalar,
    /// The columns, or the vectors, at the point.
    pub values: [Scalar; 4],
    /// The GKR point's row coordinates.
    pub z: Vec<Scalar>,
    /// The GKR point's last coordinate, which chooses one of the two fractions.
    pub selector: Scalar,
    /// The challenge that joined the claims.
    pub lambda: Scalar,
}

impl Inner {
    /// Between groups.
    pub fn idle(shape: &Shape) -> Self {
        let zero = Scalar::ZERO;
        let index_bits = shape.index_bits();
        Self {
            program: zero,
            salt: zero,
            seed: zero,
            chain: zero,
            xi: zero,
            zeta: zero,
            eta: zero,
            gamma: zero,
            delta: zero,
            head: vec![zero; index_bits],
            transcript: zero,
            marks: [zero; 2],
            linear: zero,
            lookups: zero,
            weights: zero,
            tables: zero,
            pending: Pending {
                claim: zero,
                forms: zero,
                values: [zero; 4],
                z: vec![zero; index_bits - COLUMN_BITS as usize],
                selector: zero,
                lambda: zero,
            },
        }
    }

    /// All elements, in the order of the circuit's variables.
    pub fn elements(&self) -> Vec<Scalar> {
        let pending = &self.pending;
        let mut elements = vec![
            self.program,
            self.salt,
            self.seed,
            self.chain,
            self.xi,
            self.zeta,
            self.eta,
            self.gamma,
            self.delta,
        ];
        elements.extend(&self.head);
        elements.push(self.transcript);
        elements.extend(self.marks);
        elements.extend([self.linear, self.lookups, self.weights, self.tables]);
        elements.extend([pending.claim, pending.forms]);
        elements.extend(pending.values);
        elements.extend(&pending.z);
        elements.extend([pending.selector, pending.lambda]);
        elements
    }
}

impl State {
    /// Before the first group, of a proof whose list begins with the commitment to its mask.
    pub fn new(constants: Constants, shape: &Shape, mask: &G1Affine) -> Self {
        Self {
            constants,
            group: 0,
            samples: 0,
            count: 0,
            prefix: 0,
            outputs: Scalar::ZERO,
            data: Scalar::ZERO,
            cursor: [Scalar::ZERO; 2],
            running: RunningClaim::new(shape.index_bits() as u32, mask),
            inner: Inner::idle(shape),
        }
    }

    /// Whether no group is under way.
    pub fn is_idle(&self, shape: &Shape) -> bool {
        self.inner == Inner::idle(shape)
    }

    /// All elements, in the order of the circuit's variables.
    pub fn elements(&self) -> Vec<Scalar> {
        let constants = &self.constants;
        let mut elements = vec![
            constants.statement,
            constants.program,
            constants.last_program,
            constants.weights,
            constants.tables,
            Scalar::from(self.group),
            Scalar::from(self.samples),
            Scalar::from(self.count),
            Scalar::from(self.prefix),
            self.outputs,
            self.data,
            self.cursor[0],
            self.cursor[1],
            self.running.value,
            self.running.list,
        ];
        elements.extend(&self.running.point);
        elements.extend(self.inner.elements());
        elements
    }

    /// The digest of everything in it.
    pub fn digest(&self) -> Scalar {
        hash(Domain::State, &self.elements())
    }
}
