//! `pleat prove`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pleat_compressor::{Claim, compress};
use pleat_folding::{Params, Prover};
use pleat_model::bundle::Bundle;
use pleat_model::data::check_label;
use pleat_model::files::{Access, write_atomic};
use pleat_step_circuits::Kind;
use serde::Serialize;

use crate::args::{DataArgs, ProveArgs, StatementKind};
use crate::console::Console;
use crate::resources::peak_rss_bytes;
use crate::verbs::{Statement, check_output, load_bundle, open_data};

#[derive(Debug, Serialize)]
pub(crate) struct ProveResult {
    pub(crate) proof: PathBuf,
    pub(crate) statement: Statement,
    pub(crate) steps: u64,
    pub(crate) constraints_per_step: usize,
    pub(crate) setup_seconds: f64,
    pub(crate) fold_seconds: f64,
    pub(crate) compress_seconds: f64,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) proof_bytes: usize,
    pub(crate) srs_warning: Option<&'static str>,
}

pub(crate) fn run(args: &ProveArgs, cache: &Path, console: &Console) -> Result<()> {
    check_output(&args.output, args.force)?;
    let bundle = load_bundle(&args.bundle)?;
    let kind = match args.statement {
        StatementKind::Accuracy => Kind::Accuracy,
        StatementKind::Outputs => Kind::Outputs,
    };
    let result = prove(
        &bundle,
        &args.data,
        kind,
        &args.context.0,
        &args.output,
        args.force,
        cache,
        console,
    )?;
    console.result(&result, || text(&result))
}

/// Proves the samples of `data` and writes the proof.
#[allow(
    clippy::too_many_arguments,
    reason = "the demonstration calls it with the same parts"
)]
pub(crate) fn prove(
    bundle: &Bundle,
    data: &DataArgs,
    kind: Kind,
    context: &[u8],
    output: &Path,
    force: bool,
    cache: &Path,
    console: &Console,
) -> Result<ProveResult> {
    let (data_set, range) = open_data(&bundle.network, data)?;
    if kind == Kind::Accuracy && !data_set.has_labels() {
        bail!(
            "data {}: a statement about accuracy needs labels; give --labels FILE, or --statement outputs",
            data.data.display()
        );
    }
    // Everything that can be refused is refused before the first expensive step.
    let classes = bundle.network.classes();
    if kind == Kind::Accuracy {
        for (i, &label) in data_set
            .labels()?
            .iter()
            .enumerate()
            .take(range.end)
            .skip(range.start)
        {
            check_label(label, classes, i)
                .with_context(|| format!("data {}", data.data.display()))?;
        }
    }
    let start = Instant::now();
    console.note("building the circuit and reading the commitment key");
    let params = Params::setup(&bundle.network, kind, &super::srs::folder(cache))?;
    let requirements = params.requirements();
    if let Some(warning) = params.srs().origin.warning() {
        console.note(&format!("warning: {warning}"));
    }
    let setup_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut prover = Prover::new(&params, &bundle.weights, &bundle.salt, context)?;
    let progress = console.progress("proving samples", range.len());
    for (done, sample) in data_set.samples(range.clone())?.enumerate() {
        let sample = sample.with_context(|| format!("data {}", data.data.display()))?;
        let label = match kind {
            Kind::Accuracy => sample.label,
            Kind::Outputs => None,
        };
        prover.prove_sample(&sample.values, label)?;
        progress.set(done + 1);
    }
    progress.done();
    let running = prover.finish()?;
    let fold_seconds = start.elapsed().as_secs_f64();
    console.note("compressing");
    let start = Instant::now();
    let envelope = compress(&params, &running)?;
    let bytes = envelope.to_bytes()?;
    let compress_seconds = start.elapsed().as_secs_f64();
    write_atomic(output, Access::Public, force, |w| w.write_all(&bytes))?;
    Ok(ProveResult {
        proof: output.to_owned(),
        statement: Statement::of(
            &envelope.model_id,
            &envelope.data_id,
            envelope.samples,
            &envelope.context,
            &envelope.claim,
        ),
        steps: envelope.samples,
        constraints_per_step: requirements.constraints,
        setup_seconds,
        fold_seconds,
        compress_seconds,
        peak_rss_bytes: peak_rss_bytes(),
        proof_bytes: bytes.len(),
        srs_warning: params.srs().origin.warning(),
    })
}

impl Statement {
    pub(crate) fn of(
        model_id: &[u8],
        data_id: &[u8],
        samples: u64,
        context: &[u8],
        claim: &Claim,
    ) -> Self {
        let (correct, accuracy, outputs) = match claim {
            Claim::Accuracy { correct } => {
                (Some(*correct), Some(*correct as f64 / samples as f64), None)
            }
            Claim::Outputs { outputs } => (None, None, Some(outputs.clone())),
        };
        Self {
            kind: claim.kind().to_string(),
            model_id: hex::encode(model_id),
            data_id: hex::encode(data_id),
            samples,
            context: hex::encode(context),
            correct,
            accuracy,
            outputs,
        }
    }

    /// What it says, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let claim = match (self.correct, self.accuracy) {
            (Some(k), Some(a)) => format!(
                "claim       {k} of {} correct ({:.2} %)",
                self.samples,
                a * 100.0
            ),
            _ => format!(
                "claim       the outputs of {} samples (--json prints them)",
                self.samples
            ),
        };
        let mut lines = vec![
            claim,
            format!("model id    {}", self.model_id),
            format!("data id     {}", self.data_id),
        ];
        if !self.context.is_empty() {
            lines.push(format!("context     {}", self.context));
        }
        lines
    }
}

pub(crate) fn text(r: &ProveResult) -> String {
    let mut lines = vec![format!(
        "proof       {} ({} bytes)",
        r.proof.display(),
        r.proof_bytes
    )];
    lines.extend(r.statement.lines());
    lines.push(format!(
        "work        {} steps of {} constraints: setup {:.1} s, folding {:.1} s, compression {:.1} s",
        r.steps, r.constraints_per_step, r.setup_seconds, r.fold_seconds, r.compress_seconds
    ));
    if let Some(bytes) = r.peak_rss_bytes {
        lines.push(format!("memory      {:.2} GB at most", bytes as f64 / 1e9));
    }
    lines.join("\n")
}
