//! `pleat register`.

use pleat_jobs::{KeyStore, RegisterOptions, RegisterResult, Result, Watch};

use crate::args::RegisterArgs;
use crate::console::Console;
use crate::lines;

pub(crate) fn run(
    args: &RegisterArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = RegisterOptions {
        bundle: args.bundle.clone(),
        class: (&args.class).into(),
        samples: args.samples as u64,
        output: args.output.clone(),
        force: args.force,
    };
    let result = pleat_jobs::register(&options, keys, watch)?;
    console.result(&result, || text(&result))
}

pub(crate) fn text(r: &RegisterResult) -> String {
    let mut lines = vec![format!(
        "registered  {} ({} bytes)",
        r.registration.display(),
        r.proof_bytes
    )];
    lines.extend(lines::statement(&r.statement));
    lines.extend(lines::work(&r.spent, &r.setup, r.peak_rss_bytes));
    lines.join("\n")
}
