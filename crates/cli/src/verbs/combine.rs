//! `pleat combine`.

use pleat_jobs::{CombineOptions, KeyStore, Result, Watch};

use super::verify;
use crate::args::CombineArgs;
use crate::console::Console;

pub(crate) fn run(
    args: &CombineArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = CombineOptions {
        proofs: args.proofs.clone(),
        registration: args.registration.clone(),
        data: (&args.data).into(),
        output: args.output.clone(),
        force: args.force,
    };
    let result = pleat_jobs::combine(&options, keys, watch)?;
    console.result(&result, || {
        format!(
            "combined    {} ({} bytes)\n{}",
            result.proof.display(),
            result.proof_bytes,
            verify::text(&result.verified)
        )
    })
}
