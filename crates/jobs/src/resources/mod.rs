//! What this process uses, what there is, and whether it suffices.

mod cgroup;
mod disk;
mod memory;

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Error, Result};
use indicatif::DecimalBytes;

pub(crate) use self::memory::{peak_rss_bytes, resident_bytes};
use crate::console::Console;
use crate::estimate::Estimate;
use crate::failure::OutOfMemory;
use crate::output::folder_of;

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
    console: &Console,
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
        console.note(&format!("warning, ignored because of --force: {lack}"));
    }
    Ok(())
}

fn no_memory(need: u64, what: &str, advice: &str) -> Option<Error> {
    let free = memory::free().filter(|free| free.bytes < need)?;
    let sentence = format!(
        "{what} needs about {} of memory, {} are free {}; {advice}",
        DecimalBytes(need),
        DecimalBytes(free.bytes),
        free.place
    );
    Some(OutOfMemory(sentence).into())
}

fn no_disk(need: u64, for_what: &str, name: &str, file: &Path) -> Option<Error> {
    let folder = folder_of(file);
    let free = disk::free(folder).filter(|&free| free < need)?;
    let sentence = format!(
        "{name} {}: it needs about {} of disk {for_what}, {} are free in {}; \
         free some space, choose another folder, {TRY_ANYWAY}",
        file.display(),
        DecimalBytes(need),
        DecimalBytes(free),
        folder.display()
    );
    Some(std::io::Error::new(ErrorKind::StorageFull, sentence).into())
}
