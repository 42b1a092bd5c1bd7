//! Everything that a verifier computes of an architecture: for a registration of it, and for a proof.

use pleat_argument::Result;
use pleat_argument::layout::{data_layout, inference, register_model};
use pleat_argument::program::Kind;
use pleat_argument::step::schedule::Schedule;
use pleat_model::network::Network;

/// Lays out and lowers what `pleat verify` does, as often; the most units of work of one pass.
///
/// # Errors
/// What a verifier refuses.
pub(crate) fn verifier(
    network: &Network,
    kind: Kind,
    row_bits: u32,
    group_bits: u32,
) -> Result<u64> {
    network.validate()?;
    let registration = register_model(network, row_bits)?;
    let steps = Schedule::new(&registration, 0)?;
    let work = registration.work.max(steps.group(0).work);
    drop((registration, steps));
    let labelled = kind == Kind::Accuracy;
    // How large a key it takes.
    drop(inference(network, kind, labelled, row_bits, group_bits)?);
    data_layout(network, labelled, row_bits)?;
    let program = inference(network, kind, labelled, row_bits, group_bits)?;
    // A full group, and a last one that is not.
    let steps = Schedule::new(&program, 2 * program.group_samples() - 1)?;
    Ok(work.max(program.work).max(steps.group(0).work))
}
