//! Groups: all vectors of some samples committed, all their relations proved in steps.
//!
//! [`prove`] and [`verify`] follow the same transcript, whose parts both take from here.

pub mod prove;
#[cfg(test)]
mod tests;
pub mod verify;

use ff::Field;
use halo2curves::bn256::G1Affine;

use crate::Scalar;
use crate::claims::RunningClaim;
use crate::multilinear::{eq, eq_index, scalar};
use crate::program::{Program, VectorKind, range_tag};
use crate::statement::Statement;
use crate::transcript::{Domain, Transcript, hash, point_elements};
use crate::view::Context;

/// What is carried from group to group; all of it is public at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Digest of the statement.
    pub statement: Scalar,
    /// Groups so far.
    pub group: u64,
    /// Samples so far.
    pub samples: u64,
    /// Correct samples so far.
    pub count: u64,
    /// Chain over the commitments to the outputs.
    pub outputs: Scalar,
    /// Chain over the commitments to the data.
    pub data: Scalar,
    /// The running claim.
    pub running: RunningClaim,
}

impl State {
    /// Before the first group.
    pub fn new(statement: &Statement, index_bits: u32) -> Self {
        Self {
            statement: statement.digest(),
            group: 0,
            samples: 0,
            count: 0,
            outputs: Scalar::ZERO,
            data: Scalar::ZERO,
            running: RunningClaim::new(index_bits),
        }
    }

    /// The digest of everything in it.
    pub fn digest(&self) -> Scalar {
        let mut elements = vec![
            self.statement,
            Scalar::from(self.group),
            Scalar::from(self.samples),
            Scalar::from(self.count),
            self.outputs,
            self.data,
            self.running.list,
            self.running.value,
        ];
        elements.extend_from_slice(&self.running.point);
        hash(Domain::State, &elements)
    }
}

/// A group's place in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the data vector.
    pub vector: usize,
    /// The group's place in it.
    pub prefix: u64,
    /// Samples of the group.
    pub live: u64,
}

impl Place {
    /// The place of the group that starts after `done` of `samples` samples.
    pub fn new(program: &Program, done: u64, samples: u64) -> Self {
        let group = program.group_samples();
        match &program.data {
            Some(data) => {
                let vector = done >> data.samples_bits();
                Self {
                    vector: vector as usize,
                    prefix: (done - (vector << data.samples_bits())) / group,
                    live: group.min(samples - done),
                }
            }
            // A registration of a model: one group without samples.
            None => Self {
                vector: 0,
                prefix: 0,
                live: 1,
            },
        }
    }
}

/// The seed: everything committed before any challenge.
pub(crate) fn seed(
    program: &Program,
    statement: &Statement,
    state: &State,
    place: &Place,
    salt: &Scalar,
    commitments: &[G1Affine],
) -> Scalar {
    let mut chain = hash(
        Domain::Group,
        &[
            statement.key,
            state.statement,
            program.digest,
            Scalar::from(state.group),
            Scalar::from(state.samples),
            Scalar::from(place.live),
            state.digest(),
            *salt,
        ],
    );
    for (vector, commitment) in program.vectors.iter().zip(commitments) {
        let [low, high] = point_elements(commitment);
        let name = (vector.kind as u64) << 32 | vector.slot as u64;
        chain = hash(Domain::Chain, &[chain, Scalar::from(name), low, high]);
    }
    chain
}

/// The challenges of a group.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    pub(crate) seed: Scalar,
    pub(crate) salt: Scalar,
    pub(crate) eta: Scalar,
    pub(crate) gamma: Scalar,
    /// Without points and delta until the heads are done.
    pub(crate) context: Context,
}

impl Challenges {
    pub(crate) fn new(seed: Scalar, salt: Scalar, place: &Place) -> Self {
        let derive = |label: u64| hash(Domain::Derived, &[seed, Scalar::from(label)]);
        Self {
            seed,
            salt,
            eta: derive(3),
            gamma: derive(4),
            context: Context {
                xi: derive(1),
                zeta: derive(2),
                delta: Scalar::ZERO,
                live: place.live,
                prefix: place.prefix,
                points: vec![],
            },
        }
    }

    /// Start of the heads' transcript.
    pub(crate) fn heads(&self) -> Transcript {
        Transcript::new(Domain::Head, &[self.seed, self.salt])
    }

    /// Start of a step's transcript.
    pub(crate) fn step(
        &self,
        program: &Program,
        index: usize,
        running: &RunningClaim,
        commitments: &[G1Affine],
    ) -> Transcript {
        let mut elements = vec![
            self.seed,
            self.salt,
            self.context.delta,
            Scalar::from(index as u64),
            program.step_descriptor(index),
            running.list,
            running.value,
        ];
        elements.extend_from_slice(&running.point);
        for commitment in commitments {
            elements.extend(point_elements(commitment));
        }
        Transcript::new(Domain::Step, &elements)
    }

    /// What the linear parts of all steps must add up to, but for the heads' sums.
    pub(crate) fn target(&self, program: &Program, claims: &[[Scalar; 2]], count: u64) -> Scalar {
        let delta = self.context.delta;
        let (mut target, mut power) = (Scalar::ZERO, Scalar::ONE);
        for claim in claims.iter().flatten() {
            power *= delta;
            target += power * claim;
        }
        if let Some(exponent) = program.count_claim {
            target += delta.pow_vartime([u64::from(exponent)]) * Scalar::from(count);
        }
        let publics: Scalar = program.publics.iter().map(|v| v.scale(&self.context)).sum();
        target - publics
    }
}

/// The public side of a chunk's lookups at the GKR point: constants and, at a point of the rows, the
/// coefficients of the columns.
pub(crate) struct LookupForms {
    /// `sum tag + eta * entry` over blocks, at z.
    pub(crate) tags: Scalar,
    /// `sum tag'`, at z.
    pub(crate) ranges: Scalar,
    /// Weight of table entries, at z.
    pub(crate) entries: Scalar,
}

impl LookupForms {
    /// At the GKR point's row coordinates.
    pub(crate) fn new(program: &Program, vector: usize, z: &[Scalar], eta: &Scalar) -> Self {
        let mut forms = Self {
            tags: Scalar::ZERO,
            ranges: Scalar::ZERO,
            entries: Scalar::ZERO,
        };
        for block in &program.vectors[vector].blocks {
            let lookup = &block.lookup;
            let (low, high) = z.split_at(block.bits as usize);
            let weight = eq_index(high, block.offset >> block.bits);
            // The multilinear extension of the number its bits spell.
            let number = |bits: &[Scalar]| -> Scalar {
                bits.iter()
                    .rev()
                    .fold(Scalar::ZERO, |sum, bit| sum.double() + bit)
            };
            let (first, count) = (lookup.channel.0 as usize, lookup.channel.1 as usize);
            let mut tag = Scalar::from(lookup.tag) + number(&low[first..first + count]);
            if let Some(entry) = lookup.entries {
                tag += *eta * (scalar(entry) + number(low));
                forms.entries += weight;
            }
            forms.tags += weight * tag;
            forms.ranges += weight * Scalar::from(range_tag(lookup.range));
        }
        forms
    }

    /// `sum over rows of a kind of eq(z, row) eq(x, row)`: rows that look up, rows whose y is bound, table
    /// entries, all rows.
    pub(crate) fn kinds(
        program: &Program,
        vector: usize,
        z: &[Scalar],
        x: &[Scalar],
    ) -> [Scalar; 4] {
        let mut kinds = [Scalar::ZERO; 4];
        kinds[3] = eq(z, x);
        for block in &program.vectors[vector].blocks {
            let index = block.offset >> block.bits;
            let ((z_low, z_high), (x_low, x_high)) = (
                z.split_at(block.bits as usize),
                x.split_at(block.bits as usize),
            );
            let weight = eq_index(z_high, index) * eq_index(x_high, index) * eq(z_low, x_low);
            match block.lookup.entries {
                None => kinds[0] += weight,
                Some(_) => kinds[2] += weight,
            }
            if block.lookup.value {
                kinds[1] += weight;
            }
        }
        kinds
    }
}

/// The context of the opening: domain, key, final state.
pub(crate) fn opening_context(statement: &Statement, state: &State) -> Vec<Scalar> {
    vec![
        Scalar::from(Domain::Mask as u64),
        statement.key,
        state.digest(),
    ]
}

/// The mask's transcript, and its multiplier once commitment and value are absorbed.
pub(crate) fn mask_challenge(state: &State, mask: &G1Affine, value: &Scalar) -> Scalar {
    let [low, high] = point_elements(mask);
    let mut transcript = Transcript::new(Domain::Mask, &[state.digest(), low, high]);
    transcript.message(&[*value])
}

/// Positions of a kind among a program's vectors.
pub(crate) fn positions(program: &Program, kind: VectorKind) -> std::ops::Range<usize> {
    let start = program
        .vectors
        .iter()
        .position(|v| v.kind == kind)
        .unwrap_or(program.vectors.len());
    start..start + program.of_kind(kind).count()
}
