//! `pleat register`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pleat_argument::model::Model;
use pleat_argument::statement::to_bytes;
use pleat_compressor::Statement as Claimed;
use pleat_folding::Form;
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::args::RegisterArgs;
use crate::class::choose;
use crate::console::Console;
use crate::estimate::estimate_registration;
use crate::resources::{peak_rss_bytes, require_room};
use crate::verbs::{Statement, load_bundle};
use crate::workshop::{self, Content, Folding, Setup, Spent, Workshop};

#[derive(Debug, Serialize)]
pub(crate) struct RegisterResult {
    pub(crate) registration: PathBuf,
    pub(crate) model_id: String,
    pub(crate) statement: Statement,
    pub(crate) setup: Setup,
    pub(crate) spent: Spent,
    pub(crate) seconds: f64,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) proof_bytes: usize,
    pub(crate) srs_warning: Option<&'static str>,
}

pub(crate) fn run(args: &RegisterArgs, cache: &Path, console: &Console) -> Result<()> {
    crate::output::check(&args.output, &[&args.bundle], args.force)?;
    let bundle = load_bundle(&args.bundle)?;
    let class = choose(&bundle.network, &args.class, args.samples as u64)?;
    let cost = estimate_registration(&bundle.network, class)?.in_form(args.class.form.into());
    require_room(console, &cost, &args.output, None, args.force)?;
    let workshop = Workshop::open(class, args.class.form.into(), None, cache, console)?;
    let model = workshop.model(&bundle, &args.bundle, console)?;
    let result = register(&workshop, &model, &args.output, args.force, console)?;
    console.result(&result, || text(&result))
}

/// Proves that a model's weights are what its architecture declares, and writes the registration.
pub(crate) fn register(
    workshop: &Workshop,
    model: &Model<'_>,
    output: &Path,
    force: bool,
    console: &Console,
) -> Result<RegisterResult> {
    let start = std::time::Instant::now();
    let (schedule, _) = model.registration_statement()?;
    let secret = workshop.proof_secret(workshop::new_secret()?)?;
    let steps = schedule.steps();
    let Folding {
        proved,
        running,
        seconds,
        ..
    } = workshop.fold(steps, None, console, |scheme, sink| {
        model.fold_registration(&secret, scheme, sink)
    })?;
    let mut spent = Spent::new(&proved.times, &running, seconds);
    let id = to_bytes(&model.id);
    let content = Content {
        statement: Claimed::of_model(model.row_bits, id),
        offset: 0,
        correct: 0,
        outputs: vec![],
        network: model.network,
        folded: proved.proof,
    };
    let (envelope, compress_seconds) = workshop.finish(&running, content, console)?;
    spent.compress_seconds = compress_seconds;
    let bytes = envelope.to_bytes()?;
    write_atomic(output, Access::Public, force, |w| w.write_all(&bytes))?;
    Ok(RegisterResult {
        registration: output.to_owned(),
        model_id: hex::encode(id),
        statement: Statement::of(&envelope),
        setup: workshop.setup(),
        spent,
        seconds: start.elapsed().as_secs_f64(),
        peak_rss_bytes: peak_rss_bytes(),
        proof_bytes: bytes.len(),
        srs_warning: workshop.warning(),
    })
}

pub(crate) fn text(r: &RegisterResult) -> String {
    let mut lines = vec![format!(
        "registered  {} ({} bytes)",
        r.registration.display(),
        r.proof_bytes
    )];
    lines.extend(r.statement.lines());
    lines.push(r.spent.line(&r.setup));
    if let Some(bytes) = r.peak_rss_bytes {
        lines.push(format!("memory      {:.2} GB at most", bytes as f64 / 1e9));
    }
    lines.join("\n")
}

impl From<crate::args::FormKind> for Form {
    fn from(form: crate::args::FormKind) -> Self {
        match form {
            crate::args::FormKind::Spartan => Self::Spartan,
            crate::args::FormKind::Micro => Self::MicroSpartan,
        }
    }
}
