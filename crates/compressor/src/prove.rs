//! Compression.

use std::sync::Arc;

use nova_snark::errors::NovaError;
use pleat_folding::{Circuit, Form, Params, RunningProof};
use pleat_step_circuits::circuit::step::Step;

use crate::snark::{Compressed, Keys, Micro, ProverKey, Snark, Spartan};
use crate::{Error, Result, VerifyingKey};

enum ProverKeys<C: Circuit> {
    Spartan(Box<ProverKey<C, Spartan>>),
    Micro(Box<ProverKey<C, Micro>>),
}

/// Compresses running proofs of one size class, in the form of its parameters.
pub struct Compressor<C: Circuit = Step> {
    params: Arc<Params<C>>,
    keys: ProverKeys<C>,
    verifying: VerifyingKey<C>,
}

impl<C: Circuit> std::fmt::Debug for Compressor<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor")
            .field("verifying", &self.verifying)
            .finish_non_exhaustive()
    }
}

impl<C: Circuit> Compressor<C> {
    /// Makes prover and verifying key.
    ///
    /// # Errors
    /// Defects only.
    pub fn setup(params: &Arc<Params<C>>) -> Result<Self> {
        let form = params.form();
        let fail = failure(form);
        let nova = params.nova();
        let (keys, verifier) = match form {
            Form::Spartan => {
                let (own, other) = Compressed::<C, Spartan>::setup(nova).map_err(fail)?;
                (
                    ProverKeys::Spartan(Box::new(own)),
                    Keys::Spartan(Box::new(other)),
                )
            }
            Form::MicroSpartan => {
                let (own, other) = Compressed::<C, Micro>::setup(nova).map_err(fail)?;
                (
                    ProverKeys::Micro(Box::new(own)),
                    Keys::Micro(Box::new(other)),
                )
            }
        };
        Ok(Self {
            params: params.clone(),
            keys,
            verifying: VerifyingKey::new(params, verifier),
        })
    }

    /// What checks the proofs.
    pub fn verifying_key(&self) -> &VerifyingKey<C> {
        &self.verifying
    }

    /// The same, without the prover's key.
    pub fn into_verifying_key(self) -> VerifyingKey<C> {
        self.verifying
    }

    /// Compresses a running proof and verifies the result once: a step whose constraints do not hold is
    /// noticed here.
    ///
    /// # Errors
    /// A running proof of other parameters, or of a step that does not satisfy its circuit.
    pub fn compress(&self, running: &RunningProof<C>) -> Result<Vec<u8>> {
        let fail = failure(self.params.form());
        let (nova, proof) = (self.params.nova(), &running.recursive);
        let snark = match &self.keys {
            ProverKeys::Spartan(key) => {
                Snark::spartan(Compressed::prove(nova, key, proof).map_err(fail)?)
            }
            ProverKeys::Micro(key) => {
                Snark::micro(Compressed::prove(nova, key, proof).map_err(fail)?)
            }
        };
        let bytes = snark.to_bytes()?;
        self.verifying
            .check(&bytes, running.steps, running.initial, running.last)
            .map_err(|e| Error::Compression {
                form: self.params.form(),
                reason: e.to_string(),
            })?;
        Ok(bytes)
    }
}

fn failure(form: Form) -> impl Fn(NovaError) -> Error + Copy {
    move |e| Error::Compression {
        form,
        reason: e.to_string(),
    }
}
