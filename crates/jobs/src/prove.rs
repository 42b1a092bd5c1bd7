//! Proving outputs or accuracy of a bundle on data; the weights stay secret.

use std::path::{Path, PathBuf};

use pleat_argument::data::{DataSecrecy, Samples};
use pleat_argument::evaluation::Evaluation;
use pleat_argument::model::Model;
use pleat_argument::program::Kind;
use pleat_argument::statement::{Visibility, context_hash, to_bytes};
use pleat_compressor::Statement;
use pleat_compressor::envelope::MAX_CONTEXT_BYTES;
use pleat_folding::{Keep, Subject};
use pleat_model::bundle::Bundle;
use pleat_model::data::check_label;
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::checkpoints::{CheckpointOptions, Checkpoints, compare};
use crate::class::{ClassOptions, choose};
use crate::error::{Error, Locate, Result};
use crate::estimate::estimate;
use crate::load::{DataOptions, load_bundle, load_envelope, open_data, select};
use crate::output;
use crate::resources::{peak_rss_bytes, require_room};
use crate::selection::{Selection, WatchedSamples};
use crate::shard::{Shard, spelled};
use crate::statement::{ReadableStatement, StatementKind};
use crate::store::KeyStore;
use crate::watch::Watch;
use crate::workshop::{Content, Folding, Kept, Setup, Spent, Workshop, new_secret};

/// What to prove, of what, and where the proof goes.
#[derive(Clone, Debug, Default)]
pub struct ProveOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// The samples. They are public through the data id, and not in the proof.
    pub data: DataOptions,
    /// Prove one of N equal parts of them.
    pub shard: Option<Shard>,
    /// What to prove.
    pub statement: StatementKind,
    /// Bytes the proof is bound to (an address, a bounty, a deadline), at most 1,024.
    pub context: Vec<u8>,
    /// The model's registration: the proof takes size class, form and key from it, whatever `class` says.
    pub registration: Option<PathBuf>,
    /// Size class and form without a registration.
    pub class: ClassOptions,
    /// Where the proof goes.
    pub output: PathBuf,
    /// What is kept of the proof until it is finished.
    pub checkpoints: CheckpointOptions,
    /// Overwrite an existing proof, begin again although there is a checkpoint, and try although memory or disk seem too
    /// small.
    pub force: bool,
}

/// A proof that was made.
#[derive(Clone, Debug, Serialize)]
pub struct ProveResult {
    /// The file; it is public.
    pub proof: PathBuf,
    /// What it says.
    pub statement: ReadableStatement,
    /// Steps folded.
    pub steps: u64,
    /// Constraints of a step, folding included.
    pub constraints_per_step: usize,
    /// Seconds the folding thread worked.
    pub fold_seconds: f64,
    /// Seconds of compression.
    pub compress_seconds: f64,
    /// Keys and circuit.
    pub setup: Setup,
    /// What proving took.
    pub spent: Spent,
    /// Whether the commitments to the weights were made before.
    pub weights_cached: bool,
    /// What making or reading them took.
    pub weights_seconds: f64,
    /// Largest resident set of this process so far; none where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// Length of the file.
    pub proof_bytes: usize,
    /// What others should know about the commitment key.
    pub srs_warning: Option<&'static str>,
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

/// Proves a statement about a bundle and data, and writes the proof.
///
/// Asked to stop while it folds, it writes a checkpoint and ends with an error of class
/// [`Interrupted`](crate::Class::Interrupted); the same options with [`CheckpointOptions::resume`] go on.
///
/// # Errors
/// A bundle, data or registration that cannot be read, do not fit or belong to each other; samples that the network
/// refuses; too little memory or disk; no key that is large enough; a proof or a checkpoint that exists or cannot be
/// written; an interruption. Everything that can be refused is refused before the first expensive step.
pub fn prove(options: &ProveOptions, store: &KeyStore, watch: &Watch) -> Result<ProveResult> {
    let bytes = options.context.len();
    if bytes > MAX_CONTEXT_BYTES {
        return Err(Error::Invalid(format!(
            "a context of {bytes} bytes; give at most {MAX_CONTEXT_BYTES}"
        )));
    }
    let mut inputs: Vec<&Path> = vec![&options.bundle, &options.data.path];
    inputs.extend(options.data.labels.as_deref());
    inputs.extend(options.registration.as_deref());
    output::check(&options.output, &inputs, options.force)?;
    inputs.push(&options.output);
    let (keep, force) = (&options.checkpoints, options.force);
    let checkpoints = Checkpoints::of(keep, &options.output, force, &inputs, watch)?;
    let bundle = load_bundle(&options.bundle)?;
    let kind = options.statement.kind();
    let (data, mut range) = open_data(&bundle.network, &options.data)?;
    let place = || format!("data {}", options.data.path.display());
    let registration = match &options.registration {
        Some(path) => {
            let own = load_envelope("registration", path)?;
            if !own.is_registration() {
                return Err(Error::Invalid(format!(
                    "registration {}: it registers no model, it is a proof about data; give the file `pleat register` made",
                    path.display()
                )));
            }
            Some((path, own))
        }
        None => None,
    };
    let (class, form) = match &registration {
        Some((_, own)) => (own.statement.row_bits, own.form()),
        None => (
            choose(&bundle.network, &options.class, 1)?,
            options.class.form,
        ),
    };
    if let Some(shard) = options.shard {
        range = shard.of(&bundle.network, kind, class, range).at(place)?;
        let part = spelled(range.start as u64, range.len() as u64);
        watch.note(format!("shard {shard}: {part}"));
    }
    let samples = select(data, range, kind, &options.data.path)?;
    let (labelled, count) = (samples.labelled(), samples.count());
    let cost = estimate(&bundle.network, kind, labelled, class, count)?.in_form(form);
    require_room(
        watch,
        &cost,
        &options.output,
        Some(&checkpoints.path),
        options.force,
    )?;
    // Everything that can be refused is refused before the first expensive step.
    check_samples(&bundle, &samples, watch).at(place)?;
    let key = registration.as_ref().map(|(_, own)| own.origin.key);
    let workshop = Workshop::open(class, form, key, store, watch)?;
    let model = workshop.model(&bundle, &options.bundle, watch)?;
    if let Some((path, own)) = &registration
        && own.statement.model != to_bytes(&model.id)
    {
        return Err(Error::Invalid(format!(
            "registration {}: it is not of bundle {}; register the bundle first",
            path.display(),
            options.bundle.display()
        )));
    }
    let task = Task {
        model: &model,
        kind,
        context: &options.context,
        output: &options.output,
        checkpoints: Some(&checkpoints),
        force: options.force,
    };
    prove_samples(&workshop, &task, &samples, watch)
}

/// Proves a statement about some samples and writes the proof.
pub(crate) fn prove_samples(
    workshop: &Workshop,
    task: &Task<'_>,
    samples: &Selection,
    watch: &Watch,
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
        None => new_secret()?,
    };
    let context = context_hash(task.context);
    let prepared = {
        let phase = watch.phase("committing to samples", samples.count(), 0);
        let watched = WatchedSamples {
            samples,
            watch,
            phase: Some(&phase),
        };
        let secret = workshop.proof_secret(secret)?;
        let prepared =
            (evaluation.prepare(&watched, context, &secret)).map_err(|e| watch.reason(e))?;
        phase.done();
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
        watch.note(format!(
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
    } = workshop.fold(steps, kept, watch, |scheme, sink| {
        evaluation.fold(prepared, samples, scheme, sink, snapshot)
    })?;
    let mut spent = Spent::new(&proved.times, &running, seconds);
    let content = Content {
        statement: Statement {
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
    let (envelope, compress_seconds) = workshop.finish(&running, content, watch)?;
    spent.compress_seconds = compress_seconds;
    let bytes = envelope.to_bytes()?;
    write_atomic(task.output, Access::Public, task.force, |w| {
        w.write_all(&bytes)
    })?;
    if let Some(checkpoints) = task.checkpoints {
        checkpoints.remove(written, watch);
    }
    let setup = workshop.setup();
    Ok(ProveResult {
        proof: task.output.to_owned(),
        statement: ReadableStatement::of(&envelope),
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
fn check_samples(bundle: &Bundle, samples: &Selection, watch: &Watch) -> Result<()> {
    let phase = watch.phase("checking samples", samples.count(), 0);
    let executor = bundle.executor();
    let classes = bundle.network.classes();
    for index in 0..samples.count() {
        watch.go_on()?;
        // As the user counts them.
        let number = (samples.offset() + index) as usize;
        for sample in samples.read(index..index + 1)? {
            if let Some(label) = sample.label {
                check_label(label, classes, number)?;
            }
            executor.run(&sample.values, number)?;
        }
        phase.set(index + 1);
    }
    phase.done();
    Ok(())
}
