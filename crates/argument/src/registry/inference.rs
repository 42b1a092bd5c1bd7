//! What a verifier computes of a network itself, before it looks at a proof.

use std::sync::Arc;

use halo2curves::bn256::G1Affine;
use pleat_model::network::Network;

use super::Claim;
use crate::budget::MAX_WORK;
use crate::commitment::Key;
use crate::layout;
use crate::program::{Kind, Program, VectorKind};
use crate::statement::extend_chain;
use crate::step::schedule::Schedule;
use crate::witness::{output_vectors, table_vectors};
use crate::{Error, Result, Scalar};

/// Bits of the longest vector that a verifier of a claim commits to itself, and needs a key for: of activation tables,
/// public data and outputs.
///
/// # Errors
/// A network that cannot be laid out.
pub fn key_bits(network: &Network, claim: &Claim) -> Result<u32> {
    network.validate()?;
    Ok(own_bits(&program_of(network, claim)?))
}

fn own_bits(program: &Program) -> u32 {
    let own = [VectorKind::Tables, VectorKind::Data, VectorKind::Outputs];
    let own = own.into_iter().flat_map(|kind| program.of_kind(kind));
    own.map(|v| v.bits).max().unwrap_or(0)
}

/// Whether a key has points enough for vectors of `2^bits` entries, which a verifier commits to itself.
pub(super) fn fits(key: &Key, bits: u32) -> Result<()> {
    match bits <= key.power() {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "vectors of 2^{bits} entries need a key of as many points, this one has 2^{}",
            key.power()
        ))),
    }
}

pub(super) fn program_of(network: &Network, claim: &Claim) -> Result<Program> {
    layout::inference(
        network,
        claim.kind,
        claim.labelled,
        claim.row_bits,
        claim.group_bits,
    )
}

/// A network's program for claims of one kind and size of groups, the steps of a full group, and commitments to the
/// activation tables.
#[derive(Clone, Debug)]
pub(super) struct Inference {
    pub(super) program: Arc<Program>,
    pub(super) full: Schedule,
    pub(super) tables: Vec<G1Affine>,
}

impl Inference {
    pub(super) fn new(key: &Key, network: &Network, program: Program) -> Result<Self> {
        fits(key, own_bits(&program))?;
        let full = Schedule::new(&program, program.group_samples())?;
        let commit = |values: Vec<i32>| key.commit_integers(&values, &Scalar::zero());
        Ok(Self {
            full,
            tables: table_vectors(&program, network).map(commit).collect(),
            program: Arc::new(program),
        })
    }

    /// Units of work it took, of laying out and lowering together: at most twice [`MAX_WORK`].
    fn work(&self) -> u64 {
        self.program.work + self.full.group(0).work
    }
}

/// What an [`Inference`] depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    key: Scalar,
    network: Network,
    kind: Kind,
    labelled: bool,
    row_bits: u32,
    group_bits: u32,
}

/// The inferences of the claims of one verification: computed once for claims that follow each other and share
/// network, kind and size of groups, of which the last is kept.
#[derive(Clone, Debug, Default)]
pub struct Inferences {
    last: Option<(Subject, Inference)>,
    /// Units of work of all that were computed.
    pub(super) spent: u64,
}

impl Inferences {
    /// The inference of a claim. The network must be a valid one.
    ///
    /// # Errors
    /// A network that cannot be laid out, or not with this key. Another inference after ones that took more than twice
    /// [`MAX_WORK`] units together: a file of many proofs would take a verifier any time.
    pub(super) fn of(&mut self, key: &Key, network: &Network, claim: &Claim) -> Result<&Inference> {
        let subject = Subject {
            key: key.id(),
            network: network.clone(),
            kind: claim.kind,
            labelled: claim.labelled,
            row_bits: claim.row_bits,
            group_bits: claim.group_bits,
        };
        let kept = self.last.take_if(|(own, _)| *own == subject);
        let inference = match kept {
            Some((_, inference)) => inference,
            None => {
                // Gone before the next one is computed.
                self.last = None;
                if self.spent > 2 * MAX_WORK {
                    return Err(Error::Layout(format!(
                        "proofs with groups of too many sizes: laying them out takes more work than a verifier does, at \
                         most {} units in all; prove parts of about as many samples each",
                        2 * MAX_WORK
                    )));
                }
                let inference = Inference::new(key, network, program_of(network, claim)?)?;
                self.spent += inference.work();
                inference
            }
        };
        Ok(&self.last.insert((subject, inference)).1)
    }

    /// The chain over the commitments to some outputs, `[sample][output][value]`: equals
    /// [`Outcome::outputs`](crate::group::verify::Outcome::outputs) exactly if those are the proved ones.
    ///
    /// # Errors
    /// Outputs of a wrong shape, or a claim that is none about outputs; a network that cannot be laid out.
    pub fn outputs_chain(
        &mut self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        outputs: &[Vec<Vec<i32>>],
    ) -> Result<Scalar> {
        let of_shape = |sample: &Vec<Vec<i32>>| {
            sample.len() == network.outputs.len()
                && sample
                    .iter()
                    .zip(&network.outputs)
                    .all(|(values, o)| values.len() == network.layers[o.layer].shape.len())
        };
        if claim.kind != Kind::Outputs
            || outputs.len() as u64 != claim.samples
            || !outputs.iter().all(of_shape)
        {
            return Err(Error::Invalid(
                "outputs whose number or shape is not that of the claim".into(),
            ));
        }
        // The values of a layer are taken from the first output that names it: further ones are the same.
        let place = |layer: usize| network.outputs.iter().position(|o| o.layer == layer);
        let repeated = |sample: &Vec<Vec<i32>>| {
            let mut values = sample.iter().zip(&network.outputs);
            values.all(|(values, o)| place(o.layer).is_some_and(|first| sample[first] == *values))
        };
        if !outputs.iter().all(repeated) {
            return Err(Error::Invalid(
                "two outputs of one layer whose values differ".into(),
            ));
        }
        let program = &self.of(key, network, claim)?.program;
        // Groups do not straddle data vectors.
        let per_vector = program
            .data
            .as_ref()
            .map_or(1, |d| 1usize << d.samples_bits());
        let group = program.group_samples() as usize;
        let mut digest = Scalar::zero();
        for samples in outputs.chunks(per_vector).flat_map(|v| v.chunks(group)) {
            let vectors = output_vectors(program, network, samples.len(), |b, layer| {
                place(layer).map_or(&[][..], |i| samples[b][i].as_slice())
            });
            for vector in vectors {
                let commitment = key.commit_integers(&vector, &Scalar::zero());
                digest = extend_chain(&digest, &commitment);
            }
        }
        Ok(digest)
    }
}

/// [`Inferences::outputs_chain`] of one claim alone.
///
/// # Errors
/// As there.
pub fn outputs_chain(
    key: &Key,
    network: &Network,
    claim: &Claim,
    outputs: &[Vec<Vec<i32>>],
) -> Result<Scalar> {
    Inferences::default().outputs_chain(key, network, claim, outputs)
}
