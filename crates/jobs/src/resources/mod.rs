//! What this process uses, what there is, and whether it suffices.

mod cgroup;
mod disk;
mod memory;

use std::path::Path;

pub(crate) use self::memory::peak_rss_bytes;
pub use self::memory::resident_bytes;
use crate::error::{Error, Result};
use crate::estimate::Estimate;
use crate::output::folder_of;
use crate::watch::Watch;

/// How many threads computing takes from now on, before anything was computed; all cores without it.
///
/// # Errors
/// It was said before, or something was computed already.
pub fn use_threads(threads: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global()
        .map_err(|e| Error::Invalid(e.to_string()))
}

const TRY_ANYWAY: &str = "or give --force to try it all the same";

/// Refuses what would be killed later for want of memory.
pub(crate) fn require_memory(bytes: u64, what: &str) -> Result<()> {
    let advice = "close other programs or use a larger machine";
    no_memory(bytes, what, advice).map_or(Ok(()), Err)
}

/// Refuses a proof that needs more memory than there is, or more disk for itself and its checkpoints than
/// the folders of `output` and of `checkpoint` have; with `force` that is only remarked.
///
/// # Errors
/// Not enough memory or disk; the sentence says how much is needed and free, and what to do.
pub(crate) fn require_room(
    watch: &Watch,
    cost: &Estimate,
    output: &Path,
    checkpoint: Option<&Path>,
    force: bool,
) -> Result<()> {
    let what = format!("a proof in size class 2^{}", cost.row_bits);
    let advice = format!(
        "choose a smaller class with --memory or --size-class when registering, close other programs, {TRY_ANYWAY}"
    );
    let memory = no_memory(cost.memory_bytes, &what, &advice);
    // A checkpoint stays until the next one is whole.
    let (proof, checkpoints) = (cost.proof_bytes, 2 * cost.checkpoint_bytes);
    let elsewhere = checkpoint.filter(|path| folder_of(path) != folder_of(output));
    let disk = match elsewhere {
        None => no_disk(
            proof + checkpoints,
            "with its checkpoints",
            "output",
            output,
        ),
        Some(path) => no_disk(proof, "for the proof", "output", output)
            .or_else(|| no_disk(checkpoints, "for two of them", "checkpoint", path)),
    };
    for lack in [memory, disk].into_iter().flatten() {
        if !force {
            return Err(lack);
        }
        watch.note(format!("warning, ignored because of --force: {lack}"));
    }
    Ok(())
}

fn no_memory(need: u64, what: &str, advice: &str) -> Option<Error> {
    let free = memory::free().filter(|free| free.bytes < need)?;
    let sentence = format!(
        "{what} needs about {} of memory, {} are free {}; {advice}",
        amount(need),
        amount(free.bytes),
        free.place
    );
    Some(Error::OutOfMemory(sentence))
}

fn no_disk(need: u64, for_what: &str, name: &str, file: &Path) -> Option<Error> {
    let folder = folder_of(file);
    let free = disk::free(folder).filter(|&free| free < need)?;
    let sentence = format!(
        "{name} {}: it needs about {} of disk {for_what}, {} are free in {}; \
         free some space, choose another folder, {TRY_ANYWAY}",
        file.display(),
        amount(need),
        amount(free),
        folder.display()
    );
    Some(Error::OutOfDisk(sentence))
}

/// Bytes in the unit that leaves one to three digits before the point.
fn amount(bytes: u64) -> String {
    let mut number = bytes as f64;
    let mut unit = None;
    for prefix in ["k", "M", "G", "T", "P", "E"] {
        if number < 1e3 {
            break;
        }
        number /= 1e3;
        unit = Some(prefix);
    }
    match unit {
        None => format!("{number} B"),
        Some(prefix) => format!("{number:.2} {prefix}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units_of_a_thousand() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (1_500_000, "1.50 MB"),
            (999_999_999, "1000.00 MB"),
            (3_000_000_000, "3.00 GB"),
            (u64::MAX, "18.45 EB"),
        ] {
            assert_eq!(amount(bytes), text);
        }
    }
}
