//! Folding steps one by one.

use std::sync::Arc;
use std::time::Instant;

use pleat_argument::group::folded::Expected;
use pleat_argument::group::prove::StepRecord;
use pleat_step_circuits::circuit::step::Step;

use crate::{Circuit, Error, Params, Recursive, Result, RunningProof, Scalar};

/// Folds the steps of one statement, in order.
#[derive(Debug)]
pub struct Folder<C: Circuit = Step> {
    params: Arc<Params<C>>,
    running: Option<RunningProof<C>>,
}

impl<C: Circuit> Folder<C> {
    /// A folder that has folded nothing.
    pub fn new(params: Arc<Params<C>>) -> Self {
        Self {
            params,
            running: None,
        }
    }

    /// A folder that goes on where a proof made with the same parameters ended.
    pub fn resume(params: Arc<Params<C>>, running: RunningProof<C>) -> Self {
        Self {
            params,
            running: Some(running),
        }
    }

    /// Folds one more step. After an error the steps before remain folded.
    ///
    /// # Errors
    /// [`Error::Disagreement`] if the step before did not lead to this one's state, as it was proved.
    pub fn push(&mut self, record: StepRecord) -> Result<()> {
        let start = Instant::now();
        let state = record.state.digest();
        let circuit = C::step(self.params.shape(), record);
        let nova = self.params.nova();
        let running = match &mut self.running {
            Some(running) => {
                if running.last != state {
                    let step = running.steps.saturating_sub(1);
                    return Err(Error::Disagreement { step });
                }
                running.recursive.prove_step(nova, &circuit)?;
                running
            }
            None => {
                // The constructor executes the first step, whatever circuit the first `prove_step` is given:
                // that call only counts it.
                let mut recursive = Recursive::new(nova, &circuit, &[state])?;
                recursive.prove_step(nova, &circuit)?;
                self.running.insert(RunningProof {
                    recursive,
                    initial: state,
                    last: state,
                    steps: 0,
                    seconds: 0.0,
                })
            }
        };
        running.steps += 1;
        running.last = match running.recursive.outputs() {
            [last] => *last,
            _ => return Err(Error::Invalid("the circuit has not one output".into())),
        };
        running.seconds += start.elapsed().as_secs_f64();
        Ok(())
    }

    /// The proof so far, `None` before the first step.
    pub fn running(&self) -> Option<&RunningProof<C>> {
        self.running.as_ref()
    }

    /// The proof of all steps, of which the last must lead to the state of this digest.
    ///
    /// # Errors
    /// [`Error::NoStep`]; [`Error::Disagreement`] about the last step.
    pub fn finish(self, expected_last: Scalar) -> Result<RunningProof<C>> {
        let running = self.into_running()?;
        match running.last == expected_last {
            true => Ok(running),
            false => Err(Error::Disagreement {
                step: running.steps.saturating_sub(1),
            }),
        }
    }

    /// The proof of all steps, compared with everything that must be proved.
    ///
    /// # Errors
    /// [`Error::NoStep`], and what [`RunningProof::check`] says.
    pub fn finish_as(self, expected: &Expected) -> Result<RunningProof<C>> {
        let running = self.into_running()?;
        running.check(expected)?;
        Ok(running)
    }

    pub(crate) fn into_running(self) -> Result<RunningProof<C>> {
        self.running.ok_or(Error::NoStep)
    }
}
