//! Compression.

use pleat_folding::{Params, RunningProof};
use pleat_step_circuits::Kind;
use pleat_step_circuits::statement::to_bytes;

use crate::{Claim, Envelope, Error, Result, Snark};

/// Compresses a running proof; the result has been verified once.
///
/// # Errors
/// A running proof of other parameters, or a defect of the argument.
pub fn compress(params: &Params, running: &RunningProof) -> Result<Envelope> {
    let invalid = |e: nova_snark::errors::NovaError| Error::Invalid(e.to_string());
    let nova = params.nova();
    let (prover_key, verifier_key) = Snark::setup(nova).map_err(invalid)?;
    let snark = Snark::prove(nova, &prover_key, &running.recursive).map_err(invalid)?;
    let state = &running.state;
    let last = snark
        .verify(
            &verifier_key,
            state.count as usize,
            &running.initial.to_vec(),
        )
        .map_err(invalid)?;
    if last != state.to_vec() {
        return Err(Error::Invalid("its final state is another".into()));
    }
    Ok(Envelope {
        network: params.step().network().clone(),
        model_id: to_bytes(&state.model_id),
        data_id: to_bytes(&state.data_chain),
        samples: state.count,
        claim: match params.step().statement().kind() {
            Kind::Accuracy => Claim::Accuracy {
                correct: running.correct,
            },
            Kind::Outputs => Claim::Outputs {
                outputs: running.outputs.clone(),
            },
        },
        context: running.context.clone(),
        srs_id: params.srs().id,
        snark,
    })
}
