//! Statements with everything public that proofs of them are checked against.

use std::sync::Arc;

use halo2curves::bn256::G1Affine;
use pleat_model::network::Network;

use super::Claim;
use super::inference::Inference;
use crate::commitment::Key;
use crate::group;
use crate::group::folded::Expected;
use crate::group::verify::{Outcome, Public, check, verify};
use crate::layout::{self, WeightLayout};
use crate::model::registration;
use crate::opening::OpeningKey;
use crate::program::Program;
use crate::proof::{Folded, Proof};
use crate::statement::{Statement, Visibility, chain, data_id, model_id};
use crate::step::schedule::Schedule;
use crate::{Error, Result, Scalar};

/// A statement with everything public that a proof of it is checked against.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The program.
    pub program: Arc<Program>,
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
            program: Arc::new(program),
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
            program: Arc::new(program),
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
    pub(super) fn claim(
        key: &Key,
        network: &Network,
        claim: &Claim,
        inference: &Inference,
        registered: &WeightLayout,
        data: &[G1Affine],
    ) -> Result<Self> {
        let program = &inference.program;
        check(
            WeightLayout::of(program) == *registered,
            "weights laid out differently from their registration",
        )?;
        let (samples, visibility) = (claim.samples, claim.visibility);
        let own = own_data_id(key, network, program, samples, visibility, data)?;
        check(own == claim.data, "the data id")?;
        let schedule = inference.full.with_samples(program, samples)?;
        let statement = Statement {
            kind: claim.kind,
            model: claim.model,
            data: claim.data,
            samples: claim.samples,
            context: claim.context,
            program: schedule.digest(),
            tables: chain(&inference.tables),
            key: key.id(),
        };
        Ok(Self {
            program: inference.program.clone(),
            schedule,
            statement,
            tables: inference.tables.clone(),
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

    pub(super) fn native(&self, key: &Key, proof: &Proof) -> Result<Outcome> {
        verify(&OpeningKey::new(key)?, &self.public(), proof)
    }

    pub(super) fn folded(
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

pub(super) fn own_data_id(
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
