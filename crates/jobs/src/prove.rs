//! `pleat prove`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pleat_argument::data::{DataSecrecy, Samples};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::model::Model;
use pleat_argument::program::Kind;
use pleat_argument::statement::{Visibility, context_hash, to_bytes};
use pleat_compressor::Statement as Claimed;
use pleat_folding::{Keep, Subject};
use pleat_model::bundle::Bundle;
use pleat_model::data::check_label;
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::args::ProveArgs;
use crate::class::choose;
use crate::console::Console;
use crate::estimate::estimate;
use crate::resources::{peak_rss_bytes, require_room};
use crate::resume::{Checkpoints, compare};
use crate::selection::{Selection, Shown};
use crate::shard::spelled;
use crate::verbs::{Statement, load_bundle, load_envelope, open_data, select};
use crate::workshop::{self, Content, Folding, Kept, Setup, Spent, Workshop};

#[derive(Debug, Serialize)]
pub(crate) struct ProveResult {
    pub(crate) proof: PathBuf,
    pub(crate) statement: Statement,
    pub(crate) steps: u64,
    pub(crate) constraints_per_step: usize,
    pub(crate) fold_seconds: f64,
    pub(crate) compress_seconds: f64,
    pub(crate) setup: Setup,
    pub(crate) spent: Spent,
    /// Whether the commitments to the weights were made before, and what making or reading them took.
    pub(crate) weights_cached: bool,
    pub(crate) weights_seconds: f64,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) proof_bytes: usize,
    pub(crate) srs_warning: Option<&'static str>,
}

/// What is proved of a model, and where the proof goes.
pub(crate) struct Task<'a> {
    pub(crate) model: &'a Model<'a>,
    pub(crate) kind: Kind,
    pub(crate) context: &'a [u8],
    pub(crate) output: &'a Path,
    pub(crate) checkpoints: Option<&'a Checkpoints>,
    pub(crate) force: bool,
}

pub(crate) fn run(args: &ProveArgs, cache: &Path, console: &Console) -> Result<()> {
    let mut inputs: Vec<&Path> = vec![&args.bundle, &args.data.data];
    inputs.extend(args.data.labels.as_deref());
    inputs.extend(args.registration.as_deref());
    crate::output::check(&args.output, &inputs, args.force)?;
    inputs.push(&args.output);
    let checkpoints = Checkpoints::of(args, &inputs, console)?;
    let bundle = load_bundle(&args.bundle)?;
    let kind = args.statement.into();
    let (data, mut range) = open_data(&bundle.network, &args.data)?;
    let place = || format!("data {}", args.data.data.display());
    let registration = match &args.registration {
        Some(path) => {
            let own = load_envelope("registration", path)?;
            if !own.is_registration() {
                bail!(
                    "registration {}: it registers no model, it is a proof about data; give the file `pleat register` made",
                    path.display()
                );
            }
            Some((path, own))
        }
        None => None,
    };
    let (class, form) = match &registration {
        Some((_, own)) => (own.statement.row_bits, own.form()),
        None => (
            choose(&bundle.network, &args.class, 1)?,
            args.class.form.into(),
        ),
    };
    if let Some(shard) = args.shard {
        range = shard
            .of(&bundle.network, kind, class, range)
            .with_context(place)?;
        let part = spelled(range.start as u64, range.len() as u64);
        console.note(&format!("shard {shard}: {part}"));
    }
    let samples = select(data, range, kind, &args.data.data)?;
    let (labelled, count) = (samples.labelled(), samples.count());
    let cost = estimate(&bundle.network, kind, labelled, class, count)?.in_form(form);
    require_room(
        console,
        &cost,
        &args.output,
        Some(&checkpoints.path),
        args.force,
    )?;
    // Everything that can be refused is refused before the first expensive step.
    check_samples(&bundle, &samples, console).with_context(place)?;
    let key = registration.as_ref().map(|(_, own)| own.origin.key);
    let workshop = Workshop::open(class, form, key, cache, console)?;
    let model = workshop.model(&bundle, &args.bundle, console)?;
    if let Some((path, own)) = &registration
        && own.statement.model != to_bytes(&model.id)
    {
        bail!(
            "registration {}: it is not of bundle {}; register the bundle first",
            path.display(),
            args.bundle.display()
        );
    }
    let task = Task {
        model: &model,
        kind,
        context: &args.context.0,
        output: &args.output,
        checkpoints: Some(&checkpoints),
        force: args.force,
    };
    let result = prove(&workshop, &task, &samples, console)?;
    console.result(&result, || text(&result))
}

/// Proves a statement about some samples and writes the proof.
pub(crate) fn prove(
    workshop: &Workshop,
    task: &Task<'_>,
    samples: &Selection,
    console: &Console,
) -> Result<ProveResult> {
    let model = task.model;
    let evaluation = Evaluation::new(model, task.kind, samples, DataSecrecy::Public, None)?;
    let steps = evaluation.schedule(samples.count())?.steps();
    let checkpoint = match task.checkpoints {
        Some(checkpoints) => checkpoints.load(&workshop.params)?,
        None => None,
    };
    let secret = match &checkpoint {
        Some(checkpoint) => checkpoint.secret,
        None => workshop::new_secret()?,
    };
    let context = context_hash(task.context);
    let prepared = {
        let progress = console.progress("committing to samples", samples.count() as usize);
        let shown = Shown {
            samples,
            progress: &progress,
        };
        let secret = workshop.proof_secret(secret)?;
        let prepared = evaluation.prepare(&shown, context, &secret)?;
        progress.done();
        prepared
    };
    let statement = prepared.statement();
    let subject = Subject {
        kind: task.kind,
        group_bits: evaluation.program().group_bits,
        samples: statement.samples,
        model: to_bytes(&statement.model),
        data: to_bytes(&statement.data),
        context: to_bytes(&statement.context),
    };
    let (mut snapshot, mut from) = (None, None);
    if let (Some(checkpoints), Some(checkpoint)) = (task.checkpoints, checkpoint) {
        compare(&checkpoints.path, &checkpoint.subject, &subject)?;
        console.note(&format!(
            "going on after {} of {steps} steps",
            checkpoint.running.steps
        ));
        snapshot = Some(checkpoint.snapshot);
        from = Some((checkpoint.running, checkpoint.ahead));
    }
    let kept = task.checkpoints.map(|checkpoints| Kept {
        keep: Keep {
            path: checkpoints.path.clone(),
            every: checkpoints.every,
            subject,
            secret,
            steps,
            replace: checkpoints.replace,
        },
        from,
    });
    let Folding {
        proved,
        running,
        seconds,
        written,
    } = workshop.fold(steps, kept, console, |scheme, sink| {
        evaluation.fold(prepared, samples, scheme, sink, snapshot)
    })?;
    let mut spent = Spent::new(&proved.times, &running, seconds);
    let content = Content {
        statement: Claimed {
            kind: task.kind,
            row_bits: model.row_bits,
            group_bits: evaluation.program().group_bits,
            labelled: samples.labelled(),
            samples: samples.count(),
            context: task.context.to_vec(),
            model: to_bytes(&proved.statement.model),
            data: to_bytes(&proved.statement.data),
            visibility: Visibility::Public,
        },
        offset: samples.offset(),
        correct: proved.count,
        outputs: proved.outputs,
        network: model.network,
        folded: proved.proof,
    };
    let (envelope, compress_seconds) = workshop.finish(&running, content, console)?;
    spent.compress_seconds = compress_seconds;
    let bytes = envelope.to_bytes()?;
    write_atomic(task.output, Access::Public, task.force, |w| {
        w.write_all(&bytes)
    })?;
    if let Some(checkpoints) = task.checkpoints {
        checkpoints.remove(written, console);
    }
    let setup = workshop.setup();
    Ok(ProveResult {
        proof: task.output.to_owned(),
        statement: Statement::of(&envelope),
        steps: spent.steps,
        constraints_per_step: setup.constraints,
        fold_seconds: spent.fold_seconds,
        compress_seconds,
        setup,
        spent,
        weights_cached: model.cached,
        weights_seconds: model.seconds,
        peak_rss_bytes: peak_rss_bytes(),
        proof_bytes: bytes.len(),
        srs_warning: workshop.warning(),
    })
}

/// Computes every sample once: unreadable ones, wrong labels and values that leave a table are found
/// in a thousandth of the time the proof takes.
pub(crate) fn check_samples(bundle: &Bundle, samples: &Selection, console: &Console) -> Result<()> {
    let progress = console.progress("checking samples", samples.count() as usize);
    let executor = bundle.executor();
    let classes = bundle.network.classes();
    for index in 0..samples.count() {
        // As the user counts them.
        let number = (samples.offset() + index) as usize;
        for sample in samples.read(index..index + 1)? {
            if let Some(label) = sample.label {
                check_label(label, classes, number)?;
            }
            executor.run(&sample.values, number)?;
        }
        progress.set(index as usize + 1);
    }
    progress.done();
    Ok(())
}

pub(crate) fn text(r: &ProveResult) -> String {
    let mut lines = vec![format!(
        "proof       {} ({} bytes)",
        r.proof.display(),
        r.proof_bytes
    )];
    lines.extend(r.statement.lines());
    lines.push(r.spent.line(&r.setup));
    if let Some(bytes) = r.peak_rss_bytes {
        lines.push(format!("memory      {:.2} GB at most", bytes as f64 / 1e9));
    }
    lines.join("\n")
}
