//! Where a prover is between two groups, so that another process can go on from there.

use ff::Field;
use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use serde::{Deserialize, Serialize};

use super::{Prover, Setting, Times};
use crate::claims::Combination;
use crate::proof::GroupProof;
use crate::randomness::{Derived, ProofSecret};
use crate::step::state::State;
use crate::{Error, Result, Scalar};

/// Everything a prover knows besides its setting and its secret. It is **secret** itself: with the proof's
/// secret the combination is unmasked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Of the randomness the proof was begun with.
    tag: Scalar,
    state: State,
    combination: Combination,
    data: Vec<G1Affine>,
    groups: Vec<GroupProof>,
    multipliers: Vec<Scalar>,
    times: Times,
}

impl Snapshot {
    /// Before the first group, of a proof that combines nothing: for tests of what carries snapshots.
    #[doc(hidden)]
    pub fn blank(state: State) -> Self {
        let nothing = vec![Scalar::ZERO; 1 << state.running.point.len()];
        Self {
            tag: Scalar::ZERO,
            state,
            combination: Combination::new(nothing, G1Affine::identity(), Scalar::ZERO),
            data: vec![],
            groups: vec![],
            multipliers: vec![],
            times: Times::default(),
        }
    }

    /// The state between the two groups.
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl<'a> Prover<'a> {
    /// Where this prover is; a copy of the combination, `32 * 2^index_bits` bytes, is the large part.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            tag: self.randomness.tag(),
            state: self.state.clone(),
            combination: self.combination.clone(),
            data: self.data.clone(),
            groups: self.groups.clone(),
            multipliers: self.multipliers.clone(),
            times: self.times,
        }
    }

    /// A prover that goes on from a snapshot of the same statement. `secret` must be the one the proof was
    /// begun with: the mask is in the combination already, and is not drawn again.
    ///
    /// # Errors
    /// A snapshot of another statement, or of a proof that was begun with another secret or for another end.
    pub fn resume(setting: Setting<'a>, secret: &ProofSecret, snapshot: Snapshot) -> Result<Self> {
        let Snapshot {
            tag,
            state,
            combination,
            data,
            groups,
            multipliers,
            times,
        } = snapshot;
        let randomness = Derived::new(secret, setting.statement);
        let prover = Self::after(setting, Box::new(randomness), combination);
        let fresh = &prover.state;
        let due = setting.schedule.groups();
        let fits = state.constants == fresh.constants
            && state.is_idle(&setting.schedule.shape)
            && state.running.point.len() == fresh.running.point.len()
            && state.group < due
            && state.samples <= setting.statement.samples
            && groups.len() as u64 == state.group
            && prover.combination.len() == 1 << setting.program.index_bits();
        if !fits {
            return Err(Error::Invalid(
                "the checkpoint is of another statement; begin the proof again".into(),
            ));
        }
        // With other randomness, or for another end, two combinations under one mask would be published.
        if tag != prover.randomness.tag() {
            return Err(Error::Invalid(
                "the checkpoint was begun with another secret, or to end in another form; begin the proof again"
                    .into(),
            ));
        }
        Ok(Self {
            state,
            data,
            groups,
            multipliers,
            times,
            ..prover
        })
    }
}
