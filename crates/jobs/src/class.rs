//! Which size class a model is proved in.

use std::ops::RangeInclusive;

use pleat_argument::program::Kind;
use pleat_folding::Form;
use pleat_model::network::Network;

use crate::error::{Error, Result};
use crate::estimate::estimate;

/// What keys and parameters a proof is made with.
#[derive(Clone, Copy, Debug)]
pub struct ClassOptions {
    /// The fastest size class is chosen whose proofs take at most this much memory, in bytes; without it 3 GB, for
    /// MicroSpartan 6 GB.
    pub memory: Option<u64>,
    /// Rows of a chunk, as a power of two; chosen if it is not given.
    pub size_class: Option<u32>,
    /// The final argument.
    pub form: Form,
}

impl Default for ClassOptions {
    fn default() -> Self {
        Self {
            memory: None,
            size_class: None,
            form: Form::Spartan,
        }
    }
}

/// Classes that are tried: rows of a chunk, as powers of two.
const CLASSES: [u32; 5] = [13, 15, 17, 19, 21];
/// Classes that may be named.
const NAMED: RangeInclusive<u32> = 8..=24;
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
pub(crate) fn choose(network: &Network, options: &ClassOptions, samples: u64) -> Result<u32> {
    if samples == 0 {
        return Err(Error::invalid(
            "a size class for no samples: give at least one",
        ));
    }
    match options.size_class {
        Some(bits) if NAMED.contains(&bits) => return Ok(bits),
        Some(bits) => {
            return Err(Error::Invalid(format!(
                "size class {bits}: choose one from {} to {}",
                NAMED.start(),
                NAMED.end()
            )));
        }
        None => {}
    }
    let form = options.form;
    let limit = options.memory.unwrap_or(memory_limit(form));
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
        (None, _) if least < u64::MAX => Err(Error::OutOfMemory(format!(
            "a proof of this network takes at least {:.2} GB of memory, the limit is {:.2}; give a larger --memory",
            least as f64 / 1e9,
            limit as f64 / 1e9
        ))),
        (None, Some(e)) => Err(e),
        (None, None) => Err(Error::invalid("no size class fits this network")),
    }
}
