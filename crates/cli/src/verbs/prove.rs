//! `pleat prove`.

use std::time::Duration;

use pleat_jobs::{CheckpointOptions, KeyStore, ProveOptions, ProveResult, Result, Watch};

use crate::args::ProveArgs;
use crate::console::Console;
use crate::lines;

pub(crate) fn run(
    args: &ProveArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = ProveOptions {
        bundle: args.bundle.clone(),
        data: (&args.data).into(),
        shard: args.shard,
        statement: args.statement.into(),
        context: args.context.0.clone(),
        registration: args.registration.clone(),
        class: (&args.class).into(),
        output: args.output.clone(),
        checkpoints: CheckpointOptions {
            path: args.checkpoint.clone(),
            every: Duration::from_secs(args.checkpoint_every),
            resume: args.resume,
        },
        force: args.force,
    };
    let result = pleat_jobs::prove(&options, keys, watch)?;
    console.result(&result, || text(&result))
}

pub(crate) fn text(r: &ProveResult) -> String {
    let mut lines = vec![format!(
        "proof       {} ({} bytes)",
        r.proof.display(),
        r.proof_bytes
    )];
    lines.extend(lines::statement(&r.statement));
    lines.extend(lines::work(&r.spent, &r.setup, r.peak_rss_bytes));
    lines.join("\n")
}
