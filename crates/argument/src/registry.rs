//! Checking whole statements: which ids are trusted, and what a proof claims about them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use halo2curves::bn256::G1Affine;
use pleat_model::network::Network;

use crate::commitment::Key;
use crate::data::{DataCommitter, DataSecrecy, Samples};
use crate::group;
use crate::group::folded::Expected;
use crate::group::verify::{Outcome, Public, check, verify};
use crate::layout::{self, WeightLayout};
use crate::model::registration;
use crate::opening::OpeningKey;
use crate::program::{Kind, Program, VectorKind};
use crate::proof::{Folded, Proof};
use crate::statement::{Statement, Visibility, chain, data_id, model_id, to_bytes};
use crate::step::schedule::Schedule;
use crate::witness::{output_vectors, table_vectors};
use crate::{Error, Result, Scalar};

/// A statement about a model and data, as a verifier states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Outputs or accuracy.
    pub kind: Kind,
    /// Size class: rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Samples of a group, as a power of two.
    pub group_bits: u32,
    /// Whether the data have labels.
    pub labelled: bool,
    /// Number of samples.
    pub samples: u64,
    /// Hash of the caller's bytes.
    pub context: Scalar,
    /// The model id.
    pub model: Scalar,
    /// The data id.
    pub data: Scalar,
    /// Who can see the data.
    pub visibility: Visibility,
}

/// The ids a verifier has checked itself, models with the layout of their weights: proofs about others are refused.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    models: BTreeMap<[u8; 32], WeightLayout>,
    data: BTreeSet<[u8; 32]>,
}

/// Whether a key has points enough for vectors of `2^bits` entries, which a verifier commits to itself.
fn fits(key: &Key, bits: u32) -> Result<()> {
    match bits <= key.power() {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "vectors of 2^{bits} entries need a key of as many points, this one has 2^{}",
            key.power()
        ))),
    }
}

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

/// A statement with everything public that a proof of it is checked against.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The program.
    pub program: Program,
    /// Its steps.
    pub schedule: Schedule,
    /// The statement.
    pub statement: Statement,
    /// Commitments to the activation tables.
    pub tables: Vec<G1Affine>,
}

impl Verification {
    /// The registration of a model, whose id must be that of these commitments to its weights.
    ///
    /// # Errors
    /// Another id; a network that cannot be laid out.
    pub fn model(
        key: &Key,
        network: &Network,
        row_bits: u32,
        id: Scalar,
        weights: &[G1Affine],
    ) -> Result<Self> {
        network.validate()?;
        let own = model_id(network, row_bits, &key.id(), weights)?;
        check(own == id, "the model id")?;
        let program = layout::register_model(network, row_bits)?;
        let schedule = Schedule::new(&program, 0)?;
        let statement = registration(&program, &schedule, id, Scalar::zero(), 0, key);
        Ok(Self {
            program,
            schedule,
            statement,
            tables: vec![],
        })
    }

    /// The registration of private data, whose id must be that of these commitments.
    ///
    /// # Errors
    /// Another id; data that do not fit the network.
    #[allow(clippy::too_many_arguments)] // each names a part of the statement
    pub fn data(
        key: &Key,
        network: &Network,
        row_bits: u32,
        labelled: bool,
        samples: u64,
        id: Scalar,
        data: &[G1Affine],
    ) -> Result<Self> {
        network.validate()?;
        let program = layout::register_data(network, labelled, row_bits)?;
        let own = own_data_id(key, network, &program, samples, Visibility::Private, data)?;
        check(own == id, "the data id")?;
        let schedule = Schedule::new(&program, samples)?;
        let statement = registration(&program, &schedule, Scalar::zero(), id, samples, key);
        Ok(Self {
            program,
            schedule,
            statement,
            tables: vec![],
        })
    }

    /// A claim about a registered model, whose weights lie as `registered` says, and about data whose id must be
    /// that of these commitments.
    ///
    /// # Errors
    /// Another id; a program that reads weights elsewhere than their registration.
    fn claim(
        key: &Key,
        network: &Network,
        claim: &Claim,
        program: Program,
        registered: &WeightLayout,
        data: &[G1Affine],
    ) -> Result<Self> {
        check(
            WeightLayout::of(&program) == *registered,
            "weights laid out differently from their registration",
        )?;
        let (samples, visibility) = (claim.samples, claim.visibility);
        let own = own_data_id(key, network, &program, samples, visibility, data)?;
        check(own == claim.data, "the data id")?;
        let commit = |values: Vec<i32>| key.commit_integers(&values, &Scalar::zero());
        let tables: Vec<G1Affine> = table_vectors(&program, network).map(commit).collect();
        let schedule = Schedule::new(&program, samples)?;
        let statement = Statement {
            kind: claim.kind,
            model: claim.model,
            data: claim.data,
            samples: claim.samples,
            context: claim.context,
            program: schedule.digest(),
            tables: chain(&tables),
            key: key.id(),
        };
        Ok(Self {
            program,
            schedule,
            statement,
            tables,
        })
    }

    /// What a proof of it is checked against.
    pub fn public(&self) -> Public<'_> {
        Public {
            program: &self.program,
            schedule: &self.schedule,
            statement: &self.statement,
            tables: &self.tables,
        }
    }

    fn native(&self, key: &Key, proof: &Proof) -> Result<Outcome> {
        verify(&OpeningKey::new(key)?, &self.public(), proof)
    }

    fn folded(
        self,
        key: &Key,
        folded: &Folded,
        attest: impl FnOnce(&Expected) -> Result<()>,
    ) -> Result<Outcome> {
        let expected = group::folded::verify(&OpeningKey::new(key)?, &self.public(), folded)?;
        // Attesting writes out a circuit, which needs the memory.
        drop(self);
        attest(&expected)?;
        Ok(expected.outcome)
    }
}

impl Registry {
    /// Checks the registration of a model and remembers its id.
    ///
    /// # Errors
    /// A proof that is not valid for this id.
    pub fn register_model(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        id: Scalar,
        proof: &Proof,
    ) -> Result<()> {
        let model = Verification::model(key, network, row_bits, id, &proof.weights)?;
        let weights = WeightLayout::of(&model.program);
        model.native(key, proof)?;
        self.models.insert(to_bytes(&id), weights);
        Ok(())
    }

    /// The same for a folded registration; `attest` checks the proof of the fold.
    ///
    /// # Errors
    /// A proof that is not valid for this id; what `attest` says.
    pub fn register_folded_model(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        id: Scalar,
        folded: &Folded,
        attest: impl FnOnce(&Expected) -> Result<()>,
    ) -> Result<()> {
        let model = Verification::model(key, network, row_bits, id, &folded.weights)?;
        let weights = WeightLayout::of(&model.program);
        model.folded(key, folded, attest)?;
        self.models.insert(to_bytes(&id), weights);
        Ok(())
    }

    /// Checks the registration of private data and remembers its id.
    ///
    /// # Errors
    /// A proof that is not valid for this id.
    #[allow(clippy::too_many_arguments)] // each names a part of the statement
    pub fn register_data(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        labelled: bool,
        samples: u64,
        id: Scalar,
        proof: &Proof,
    ) -> Result<()> {
        let data = &proof.data;
        Verification::data(key, network, row_bits, labelled, samples, id, data)?
            .native(key, proof)?;
        self.data.insert(to_bytes(&id));
        Ok(())
    }

    /// The same for a folded registration; `attest` checks the proof of the fold.
    ///
    /// # Errors
    /// A proof that is not valid for this id; what `attest` says.
    #[allow(clippy::too_many_arguments)] // each names a part of the statement
    pub fn register_folded_data(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        labelled: bool,
        samples: u64,
        id: Scalar,
        folded: &Folded,
        attest: impl FnOnce(&Expected) -> Result<()>,
    ) -> Result<()> {
        let data = &folded.data;
        Verification::data(key, network, row_bits, labelled, samples, id, data)?
            .folded(key, folded, attest)?;
        self.data.insert(to_bytes(&id));
        Ok(())
    }

    /// Checks public data themselves (every value in range, every label a class), remembers and returns
    /// their id.
    ///
    /// # Errors
    /// Data that do not fit the network.
    pub fn admit_data(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        samples: &(impl Samples + ?Sized),
    ) -> Result<Scalar> {
        let all = [samples.count()];
        Ok(self.admit_parts(key, network, row_bits, samples, &all)?.1)
    }

    /// The same for data that consecutive proofs are about, of so many samples each: remembers and returns
    /// the id of every part, and the id of all of them. Samples are read and committed to once.
    ///
    /// # Errors
    /// As [`Self::admit_data`]; parts that are not all of the samples, or begin inside a data vector.
    pub fn admit_parts(
        &mut self,
        key: &Key,
        network: &Network,
        row_bits: u32,
        samples: &(impl Samples + ?Sized),
        parts: &[u64],
    ) -> Result<(Vec<Scalar>, Scalar)> {
        network.validate()?;
        let (layout, records) = layout::data_layout(network, samples.labelled(), row_bits)?;
        fits(key, layout.vector_bits)?;
        let committer = DataCommitter {
            key,
            layout: &layout,
            records: &records,
            network,
            secrecy: DataSecrecy::Public,
        };
        let per_vector = 1u64 << layout.samples_bits();
        let mut start = Some(0u64);
        for part in parts {
            start = start.filter(|start| start % per_vector == 0);
            start = start.and_then(|start| start.checked_add(*part));
        }
        if start != Some(samples.count()) {
            return Err(Error::Invalid(format!(
                "parts that are not all {} samples, or begin inside one of their data vectors of {per_vector}",
                samples.count()
            )));
        }
        let points = committer.commitments(samples)?;
        let mut rest = points.as_slice();
        let ids = parts.iter().map(|part| {
            let (own, others) = rest.split_at(part.div_ceil(per_vector) as usize);
            rest = others;
            committer.id(*part, own)
        });
        let ids = ids.collect::<Result<Vec<_>>>()?;
        let whole = committer.id(samples.count(), &points)?;
        self.data.extend(ids.iter().chain([&whole]).map(to_bytes));
        Ok((ids, whole))
    }

    /// Whether an id is one of data that were checked here.
    ///
    /// # Errors
    /// [`Error::Rejected`] if it is not.
    pub fn check_data(&self, id: &Scalar) -> Result<()> {
        check(
            self.data.contains(&to_bytes(id)),
            "data that are not registered",
        )
    }

    /// Checks a proof of a claim about registered ids.
    ///
    /// The outcome of a statement about outputs is compared with claimed ones by [`outputs_chain`].
    ///
    /// # Errors
    /// Ids that are not registered; a proof that is not valid.
    pub fn verify_claim(
        &self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        proof: &Proof,
    ) -> Result<Outcome> {
        self.claim(key, network, claim, &proof.weights, &proof.data)?
            .native(key, proof)
    }

    /// The same for a folded proof; `attest` checks the proof of the fold.
    ///
    /// # Errors
    /// As [`Self::verify_claim`], and what `attest` says.
    pub fn verify_folded_claim(
        &self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        folded: &Folded,
        attest: impl FnOnce(&Expected) -> Result<()>,
    ) -> Result<Outcome> {
        self.claim(key, network, claim, &folded.weights, &folded.data)?
            .folded(key, folded, attest)
    }

    fn claim(
        &self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        weights: &[G1Affine],
        data: &[G1Affine],
    ) -> Result<Verification> {
        network.validate()?;
        let registered = (self.models.get(&to_bytes(&claim.model)))
            .ok_or(Error::rejected("a model that is not registered"))?;
        self.check_data(&claim.data)?;
        let model = model_id(network, claim.row_bits, &key.id(), weights)?;
        check(model == claim.model, "the model id")?;
        let program = program_of(network, claim)?;
        fits(key, own_bits(&program))?;
        Verification::claim(key, network, claim, program, registered, data)
    }
}

fn own_data_id(
    key: &Key,
    network: &Network,
    program: &Program,
    samples: u64,
    visibility: Visibility,
    points: &[G1Affine],
) -> Result<Scalar> {
    let layout = program.data.as_ref();
    let layout = layout.ok_or(Error::rejected("a program without data"))?;
    data_id(network, layout, samples, visibility, &key.id(), points)
}

fn program_of(network: &Network, claim: &Claim) -> Result<Program> {
    layout::inference(
        network,
        claim.kind,
        claim.labelled,
        claim.row_bits,
        claim.group_bits,
    )
}

/// The chain over the commitments to some outputs, `[sample][output][value]`: equals
/// [`Outcome::outputs`] exactly if those are the proved ones.
///
/// # Errors
/// Outputs of a wrong shape, or a claim that is none about outputs.
pub fn outputs_chain(
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
    let program = program_of(network, claim)?;
    fits(key, own_bits(&program))?;
    // Groups do not straddle data vectors.
    let per_vector = program
        .data
        .as_ref()
        .map_or(1, |d| 1usize << d.samples_bits());
    let group = program.group_samples() as usize;
    let mut digest = Scalar::zero();
    for samples in outputs.chunks(per_vector).flat_map(|v| v.chunks(group)) {
        let vectors = output_vectors(&program, network, samples.len(), |b, layer| {
            place(layer).map_or(&[][..], |i| samples[b][i].as_slice())
        });
        for vector in vectors {
            let commitment = key.commit_integers(&vector, &Scalar::zero());
            digest = crate::statement::extend_chain(&digest, &commitment);
        }
    }
    Ok(digest)
}
