//! `pleat report`.

use std::path::Path;

use pleat_jobs::{KeyStore, ReportOptions, ReportResult, Result, Watch};

use crate::args::ReportArgs;
use crate::console::Console;

pub(crate) fn run(
    args: &ReportArgs,
    keys: &KeyStore,
    watch: &Watch,
    console: &Console,
) -> Result<()> {
    let options = ReportOptions {
        proofs: args.proofs.clone(),
        registration: args.registration.clone(),
        model_id: args.model_id,
        data: args.data.clone(),
        labels: args.labels.clone(),
        bundle: args.bundle.clone(),
        runs: args.runs.clone(),
        output: Some(args.output.clone()),
        force: args.force,
    };
    let result = pleat_jobs::report(&options, keys, watch)?;
    console.result(&result.report, || text(&args.output, &result))
}

fn text(output: &Path, result: &ReportResult) -> String {
    let mut lines = vec![format!(
        "page        {} ({} bytes)",
        output.display(),
        result.html.len()
    )];
    for section in &result.report.proofs {
        let verdict = match section.verdict.verified {
            true => "VALID",
            false => "not verified",
        };
        lines.push(format!(
            "{verdict:11} {}: {}",
            section.file, section.claim.sentence
        ));
    }
    lines.join("\n")
}
