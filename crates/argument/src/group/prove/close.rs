//! The end of a proof: the opening.

use halo2curves::group::Curve;

use super::chunk::Scratch;
use super::{Prover, Setting, Times, commitments, timed};
use crate::group::opening_context;
use crate::opening::{self, OpeningKey, Scheme};
use crate::proof::{Closing, Folded, GroupCommitments, Proof};
use crate::{Error, Result};

impl Prover<'_> {
    /// Opens the combination, and returns the proof.
    ///
    /// # Errors
    /// Groups that are missing, or an opening that cannot be made.
    pub fn finish(mut self, scheme: Scheme) -> Result<(Proof, Times)> {
        let closing = self.close(scheme)?;
        let proof = Proof {
            mask: self.combination.mask,
            weights: commitments(self.setting.weight_vectors),
            data: self.data,
            groups: self.groups,
            closing,
        };
        Ok((proof, self.times))
    }

    /// The same for a proof whose steps were folded.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn finish_folded(mut self, scheme: Scheme) -> Result<(Folded, Times)> {
        let state = self.state.clone();
        let closing = self.close(scheme)?;
        let groups = self.groups.into_iter().map(|g| GroupCommitments {
            trace: g.trace,
            outputs: g.outputs,
        });
        let folded = Folded {
            mask: self.combination.mask,
            weights: commitments(self.setting.weight_vectors),
            data: self.data,
            groups: groups.collect(),
            multipliers: self.multipliers,
            count: state.count,
            point: state.running.point,
            value: state.running.value,
            closing,
        };
        Ok((folded, self.times))
    }

    fn close(&mut self, scheme: Scheme) -> Result<Closing> {
        let Setting {
            key,
            schedule,
            statement,
            ..
        } = self.setting;
        if self.state.group != schedule.groups() || self.state.group == 0 {
            return Err(Error::Invalid(format!(
                "{} of {} groups were proved",
                self.state.group,
                schedule.groups()
            )));
        }
        if !self.state.running.hides() {
            return Err(Error::Invalid(
                "the last challenges are nearly all zero, which would show a value; prove again"
                    .into(),
            ));
        }
        self.scratch = Scratch::default();
        let mut times = self.times;
        let combination = &self.combination;
        let closing = timed(&mut times.open, || {
            let commitment = combination.commitment().to_affine();
            let commitment = OpeningKey::new(key)?.unblind(&commitment, &combination.blind);
            let opening = opening::open(
                scheme,
                key,
                &combination.values,
                &commitment,
                &self.state.running.point,
                &self.state.running.value,
                &opening_context(statement, &self.state),
            )?;
            Ok::<_, Error>(Closing {
                blind: combination.blind,
                opening,
            })
        })?;
        self.times = times;
        Ok(closing)
    }
}
