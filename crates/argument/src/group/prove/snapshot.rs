//! Where a prover is between two groups, so that another process can go on from there.

use halo2curves::bn256::G1Affine;
use serde::{Deserialize, Serialize};

use super::{Prover, Setting, Times};
use crate::claims::Combination;
use crate::proof::GroupProof;
use crate::step::state::State;
use crate::{Error, Result, Scalar};

/// Everything a prover knows besides its setting and its secret. It is **secret** itself: the combination
/// is unmasked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
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
        let bits = state.running.point.len() as u32;
        Self {
            state,
            combination: Combination::new(bits),
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
            state: self.state.clone(),
            combination: self.combination.clone(),
            data: self.data.clone(),
            groups: self.groups.clone(),
            multipliers: self.multipliers.clone(),
            times: self.times,
        }
    }

    /// A prover that goes on from a snapshot of the same statement. `secret` must be the one the proof was
    /// begun with.
    ///
    /// # Errors
    /// A snapshot of another statement.
    pub fn resume(setting: Setting<'a>, secret: [u8; 32], snapshot: Snapshot) -> Result<Self> {
        let mut prover = Self::new(setting, secret);
        let (own, fresh) = (&snapshot.state, &prover.state);
        let groups = setting.schedule.groups();
        let fits = own.constants == fresh.constants
            && own.is_idle(&setting.schedule.shape)
            && own.running.point.len() == fresh.running.point.len()
            && own.group < groups
            && own.samples <= setting.statement.samples
            && snapshot.groups.len() as u64 == own.group
            && snapshot.combination.len() == prover.combination.len();
        if !fits {
            return Err(Error::Invalid(
                "the checkpoint is of another statement; begin the proof again".into(),
            ));
        }
        prover.state = snapshot.state;
        prover.combination = snapshot.combination;
        prover.data = snapshot.data;
        prover.groups = snapshot.groups;
        prover.multipliers = snapshot.multipliers;
        prover.times = snapshot.times;
        Ok(prover)
    }
}
