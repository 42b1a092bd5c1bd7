//! What several results say to people, a line each.

use pleat_jobs::{ReadableStatement, Setup, Spent};

/// What a proof says.
pub(crate) fn statement(s: &ReadableStatement) -> Vec<String> {
    let claim = match (s.correct, s.accuracy, &s.outputs) {
        (Some(k), Some(a), _) => format!(
            "claim       {k} of {} correct ({:.2} %)",
            s.samples,
            a * 100.0
        ),
        (_, _, Some(_)) => format!(
            "claim       the outputs of {} samples (--json prints them)",
            s.samples
        ),
        _ => "claim       the weights are integers of the declared widths".to_owned(),
    };
    let mut lines = vec![claim, format!("model id    {}", s.model_id)];
    if let Some(id) = &s.data_id {
        lines.push(format!("data id     {id}"));
    }
    if !s.context.is_empty() {
        lines.push(format!("context     {}", s.context));
    }
    lines
}

/// What making a proof took.
pub(crate) fn work(spent: &Spent, setup: &Setup, peak_rss_bytes: Option<u64>) -> Vec<String> {
    let mut lines = vec![format!(
        "work        {} steps of {} constraints: setup {:.1} s, proving {:.1} s (folding {:.1} s of it), compression {:.1} s",
        spent.steps,
        setup.constraints,
        setup.seconds,
        spent.prove_seconds,
        spent.fold_seconds,
        spent.compress_seconds
    )];
    if let Some(bytes) = peak_rss_bytes {
        lines.push(format!("memory      {:.2} GB at most", bytes as f64 / 1e9));
    }
    lines
}
