//! The end of a proof: mask and opening.

use ff::Field;
use halo2curves::group::Curve;
use rand_core::OsRng;
use rayon::prelude::*;

use super::chunk::Scratch;
use super::{Prover, Setting, Times, commitments, timed};
use crate::commitment::combine;
use crate::group::{mask_challenge, opening_context};
use crate::multilinear::evaluate;
use crate::opening::{self, OpeningKey, Scheme};
use crate::proof::{Closing, Folded, GroupCommitments, Proof};
use crate::transcript::multiplier;
use crate::{Error, Result, Scalar};

impl Prover<'_> {
    /// Adds the mask, opens the combination, and returns the proof.
    ///
    /// # Errors
    /// Groups that are missing, or an opening that cannot be made.
    pub fn finish(mut self, scheme: Scheme) -> Result<(Proof, Times)> {
        let closing = self.close(scheme)?;
        let proof = Proof {
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
            program,
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
        self.scratch = Scratch::default();
        let mut times = self.times;
        let size = 1usize << program.index_bits();
        let closing = timed(&mut times.open, || {
            let values: Vec<Scalar> = (0..size)
                .into_par_iter()
                .map_init(|| OsRng, |rng, _| Scalar::random(rng))
                .collect();
            let blind = Scalar::random(OsRng);
            let mask = key.commit(&values, &blind);
            let mask_value = evaluate(&values, &self.state.running.point);
            let challenge = mask_challenge(&self.state, &mask, &mask_value);
            let mu = multiplier(&challenge)
                .ok_or(Error::Invalid("a multiplier of zero; prove again".into()))?;
            self.state.running.value += mu * mask_value;
            self.state.running.absorb(&mask, &mu);
            let combination = &mut self.combination;
            combination
                .values
                .par_iter_mut()
                .zip(values)
                .for_each(|(f, m)| *f += mu * m);
            combination.blind += mu * blind;
            combination.terms.push((mask, mu));
            let commitment = combine(&combination.terms).to_affine();
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
                mask,
                mask_value,
                blind: combination.blind,
                opening,
            })
        })?;
        self.times = times;
        Ok(closing)
    }
}
