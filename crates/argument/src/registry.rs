//! Checking whole statements: which ids are trusted, and what a proof claims about them.

mod inference;
#[cfg(test)]
mod tests;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use halo2curves::bn256::G1Affine;
use pleat_model::network::Network;

use self::inference::fits;
pub use self::inference::{Inferences, key_bits, outputs_chain};
pub use self::verification::Verification;
use crate::commitment::Key;
use crate::data::{DataCommitter, DataSecrecy, Samples};
use crate::group::folded::Expected;
use crate::group::verify::{Outcome, check};
use crate::layout::{self, WeightLayout};
use crate::program::Kind;
use crate::proof::{Folded, Proof};
use crate::statement::{Visibility, model_id, to_bytes};
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
        let (weights, data) = (&proof.weights, &proof.data);
        let mut inferences = Inferences::default();
        self.claim(key, network, claim, &mut inferences, weights, data)?
            .native(key, proof)
    }

    /// The same for a folded proof, one of several that may share inferences; `attest` checks the proof of the fold.
    ///
    /// # Errors
    /// As [`Self::verify_claim`], and what `attest` says.
    pub fn verify_folded_claim(
        &self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        inferences: &mut Inferences,
        folded: &Folded,
        attest: impl FnOnce(&Expected) -> Result<()>,
    ) -> Result<Outcome> {
        let (weights, data) = (&folded.weights, &folded.data);
        self.claim(key, network, claim, inferences, weights, data)?
            .folded(key, folded, attest)
    }

    fn claim(
        &self,
        key: &Key,
        network: &Network,
        claim: &Claim,
        inferences: &mut Inferences,
        weights: &[G1Affine],
        data: &[G1Affine],
    ) -> Result<Verification> {
        network.validate()?;
        let registered = (self.models.get(&to_bytes(&claim.model)))
            .ok_or(Error::rejected("a model that is not registered"))?;
        self.check_data(&claim.data)?;
        let model = model_id(network, claim.row_bits, &key.id(), weights)?;
        check(model == claim.model, "the model id")?;
        let inference = inferences.of(key, network, claim)?;
        Verification::claim(key, network, claim, inference, registered, data)
    }
}
