//! `pleat run`.

use pleat_jobs::{Result, RunOptions, RunResult, Watch};

use crate::args::RunArgs;
use crate::console::Console;

pub(crate) fn run(args: &RunArgs, watch: &Watch, console: &Console) -> Result<()> {
    let options = RunOptions {
        bundle: args.bundle.clone(),
        data: (&args.data).into(),
    };
    let result = pleat_jobs::run(&options, watch)?;
    console.result(&result, || text(&result))
}

fn text(r: &RunResult) -> String {
    let mut lines: Vec<String> = r
        .predictions
        .iter()
        .zip(&r.outputs)
        .enumerate()
        .map(|(i, (p, o))| {
            let label = r
                .labels
                .as_ref()
                .map_or(String::new(), |l| format!(" label {}", l[i]));
            let values: Vec<String> = o[0].iter().take(10).map(i32::to_string).collect();
            let more = if o[0].len() > 10 || o.len() > 1 {
                " ..."
            } else {
                ""
            };
            format!(
                "sample {} top-1 {p}{label} outputs {}{more}",
                r.offset + i,
                values.join(" ")
            )
        })
        .collect();
    if let (Some(correct), Some(accuracy)) = (r.correct, r.accuracy) {
        lines.push(format!(
            "accuracy {:.2} % ({correct} of {} correct)",
            accuracy * 100.0,
            r.samples
        ));
    }
    lines.push(format!("{} samples in {:.1} s", r.samples, r.seconds));
    lines.join("\n")
}
