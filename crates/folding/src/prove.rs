//! Proving samples one by one.

use nova_snark::traits::circuit::StepCircuit;
use pleat_model::network::Weights;
use pleat_step_circuits::statement::{State, context_hash, model_id};
use pleat_step_circuits::{Kind, Step};

use crate::{Error, Params, Recursive, Result};

/// The proof of the samples so far: private, not small.
#[derive(Clone, Debug)]
pub struct RunningProof {
    /// Nova's proof.
    pub recursive: Recursive,
    /// The state before the first sample.
    pub initial: State,
    /// The state after the last.
    pub state: State,
    /// Per sample, per output, its values; empty for a statement about accuracy.
    pub outputs: Vec<Vec<Vec<i32>>>,
    /// Correct samples; 0 for a statement about outputs.
    pub correct: u64,
    /// The caller's bytes.
    pub context: Vec<u8>,
}

/// Proves samples of one model.
#[derive(Debug)]
pub struct Prover<'p> {
    params: &'p Params,
    step: Step,
    weights: Weights,
    initial: State,
    context: Vec<u8>,
    running: Option<RunningProof>,
}

impl<'p> Prover<'p> {
    /// A prover that has proved nothing.
    ///
    /// # Errors
    /// Weights that are not the network's.
    pub fn new(
        params: &'p Params,
        weights: &Weights,
        salt: &[u8; 32],
        context: &[u8],
    ) -> Result<Self> {
        let step = params.step().with_model(weights, salt)?;
        let id = model_id(step.network(), weights, salt)?;
        let initial = step.statement().initial(id, context_hash(context));
        Ok(Self {
            params,
            step,
            weights: weights.clone(),
            initial,
            context: context.to_vec(),
            running: None,
        })
    }

    /// Proves one more sample and returns the network's outputs on it. After an error the samples
    /// before remain proved.
    ///
    /// # Errors
    /// A sample or label that does not fit the network or drives it out of its tables.
    pub fn prove_sample(&mut self, input: &[i32], label: Option<u32>) -> Result<Vec<Vec<i32>>> {
        let network = self.step.network();
        let state = self.running.as_ref().map_or(self.initial, |r| r.state);
        let trace = network.trace(&self.weights, input, state.count as usize)?;
        let outputs: Vec<Vec<i32>> = network
            .outputs
            .iter()
            .map(|o| trace.values[o.layer].clone())
            .collect();
        let statement = self.step.statement();
        let next = statement.next(&state, input, label, &outputs)?;
        let circuit = self.step.with_sample(input, label);
        debug_assert_eq!(circuit.arity(), next.to_vec().len());
        let nova = self.params.nova();
        match &mut self.running {
            Some(running) => running.recursive.prove_step(nova, &circuit)?,
            None => {
                // The constructor executes the first step; the first call of `prove_step` only counts it.
                let mut recursive = Recursive::new(nova, &circuit, &self.initial.to_vec())?;
                recursive.prove_step(nova, &circuit)?;
                self.running = Some(RunningProof {
                    recursive,
                    initial: self.initial,
                    state: self.initial,
                    outputs: vec![],
                    correct: 0,
                    context: self.context.clone(),
                });
            }
        }
        let Some(running) = &mut self.running else {
            return Err(Error::NoSample);
        };
        if running.recursive.outputs() != next.to_vec()
            || running.recursive.num_steps() as u64 != next.count
        {
            return Err(Error::Disagreement { step: state.count });
        }
        match statement.kind() {
            Kind::Accuracy => running.correct += u64::from(next.result != state.result),
            Kind::Outputs => running.outputs.push(outputs.clone()),
        }
        running.state = next;
        Ok(outputs)
    }

    /// The proof so far, `None` before the first sample.
    pub fn running(&self) -> Option<&RunningProof> {
        self.running.as_ref()
    }

    /// The proof of all samples.
    ///
    /// # Errors
    /// [`Error::NoSample`] if there was none.
    pub fn finish(self) -> Result<RunningProof> {
        self.running.ok_or(Error::NoSample)
    }
}
