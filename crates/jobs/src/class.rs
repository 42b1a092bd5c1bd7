//! Which size class a model is proved in.

use anyhow::{Result, bail};
use pleat_argument::program::Kind;
use pleat_folding::Form;
use pleat_model::network::Network;

use crate::args::ClassArgs;
use crate::estimate::estimate;
use crate::failure::OutOfMemory;

/// Classes that are tried: rows of a chunk, as powers of two.
const CLASSES: [u32; 5] = [13, 15, 17, 19, 21];
/// Memory a proof may take if nothing is said: enough for all classes but the largest.
fn memory_limit(form: Form) -> u64 {
    match form {
        Form::Spartan => 3_000_000_000,
        Form::MicroSpartan => 6_000_000_000,
    }
}

/// The class that is named, or the fastest one for so many samples that stays within the memory.
///
/// A model id belongs to a class: whoever proves with another one proves about another id.
pub(crate) fn choose(network: &Network, args: &ClassArgs, samples: u64) -> Result<u32> {
    if let Some(bits) = args.size_class {
        return Ok(bits);
    }
    let form = args.form.into();
    let limit = args.memory.unwrap_or(memory_limit(form));
    let (mut best, mut reason, mut least) = (None, None, u64::MAX);
    for bits in CLASSES {
        match estimate(network, Kind::Outputs, false, bits, samples) {
            Ok(cost) => {
                let cost = cost.in_form(form);
                least = least.min(cost.memory_bytes);
                let seconds = cost.prove_seconds + cost.setup_seconds + cost.compress_seconds;
                if cost.memory_bytes <= limit && best.is_none_or(|(s, _)| seconds < s) {
                    best = Some((seconds, bits));
                }
            }
            Err(e) => reason = Some(e),
        }
    }
    match (best, reason) {
        (Some((_, bits)), _) => Ok(bits),
        (None, _) if least < u64::MAX => Err(OutOfMemory(format!(
            "a proof of this network takes at least {:.2} GB of memory, the limit is {:.2}; give a larger --memory",
            least as f64 / 1e9,
            limit as f64 / 1e9
        ))
        .into()),
        (None, Some(e)) => Err(e),
        (None, None) => bail!("no size class fits this network"),
    }
}
