//! Groups: all vectors of some samples committed, all their relations proved in steps.
//!
//! [`prove`] and [`verify`] follow the same transcript, whose parts both take from here.

pub mod folded;
pub mod prove;
#[cfg(test)]
mod tests;
pub mod verify;

use ff::Field;
use halo2curves::bn256::G1Affine;

use crate::Scalar;
use crate::multilinear::{eq_index, scalar};
use crate::program::{Program, VectorKind, range_tag};
use crate::statement::{Statement, chain};
use crate::step::descriptor::Name;
use crate::step::schedule::Schedule;
use crate::step::state::{Constants, Inner, State};
use crate::step::transition::{extend_group_chain, first_chain};
use crate::transcript::Domain;
use crate::view::Context;

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

/// What views of a group depend on.
pub(crate) fn context(inner: &Inner, place: &Place, head_bits: usize) -> Context {
    Context {
        xi: inner.xi,
        zeta: inner.zeta,
        delta: inner.delta,
        live: place.live,
        prefix: place.prefix,
        point: inner.head[..head_bits].to_vec(),
    }
}

/// The seed: the chain over everything that is committed before any challenge.
pub(crate) fn seed(
    program: &Program,
    state: &State,
    place: &Place,
    salt: &Scalar,
    commitments: &[G1Affine],
) -> Scalar {
    let first = first_chain(state, place.live, salt);
    program
        .vectors
        .iter()
        .zip(commitments)
        .fold(first, |chain, (vector, commitment)| {
            let name = Name {
                kind: vector.kind,
                slot: vector.slot,
            };
            extend_group_chain(&chain, &name.element(), commitment)
        })
}

/// What never changes while a statement is proved.
pub(crate) fn constants(
    statement: &Statement,
    schedule: &Schedule,
    weights: &[G1Affine],
) -> Constants {
    Constants {
        statement: statement.digest(),
        program: schedule.digest(),
        last_program: schedule.last_digest(),
        weights: chain(weights),
        tables: statement.tables,
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
}

/// The context of the opening: domain, key, final state.
pub(crate) fn opening_context(statement: &Statement, state: &State) -> Vec<Scalar> {
    vec![
        Scalar::from(Domain::Opening as u64),
        statement.key,
        state.digest(),
    ]
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
