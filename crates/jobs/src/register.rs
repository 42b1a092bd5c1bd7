//! Proving once that a bundle's weights are what it declares.

use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_argument::model::Model;
use pleat_argument::statement::to_bytes;
use pleat_compressor::Statement;
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::class::{ClassOptions, choose};
use crate::error::Result;
use crate::estimate::estimate_registration;
use crate::load::load_bundle;
use crate::output;
use crate::resources::{peak_rss_bytes, require_room};
use crate::statement::ReadableStatement;
use crate::store::KeyStore;
use crate::watch::Watch;
use crate::workshop::{Content, Folding, Setup, Spent, Workshop, new_secret};

/// What to register.
#[derive(Clone, Debug)]
pub struct RegisterOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// Size class and form; proofs of the model have the same.
    pub class: ClassOptions,
    /// Choose the size class for proofs about this many samples, at least 1: larger classes are faster for more.
    pub samples: u64,
    /// Where the registration goes.
    pub output: PathBuf,
    /// Overwrite an existing registration; go on where memory or disk seem not to suffice.
    pub force: bool,
}

impl Default for RegisterOptions {
    fn default() -> Self {
        Self {
            bundle: PathBuf::new(),
            class: ClassOptions::default(),
            samples: 1,
            output: PathBuf::new(),
            force: false,
        }
    }
}

/// A registration that was made.
#[derive(Clone, Debug, Serialize)]
pub struct RegisterResult {
    /// The file; it is public.
    pub registration: PathBuf,
    /// In hexadecimal.
    pub model_id: String,
    /// What it says.
    pub statement: ReadableStatement,
    /// Keys and circuit.
    pub setup: Setup,
    /// What proving took.
    pub spent: Spent,
    /// Seconds of everything but the setup.
    pub seconds: f64,
    /// Largest resident set of this process so far; none where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// Length of the file.
    pub proof_bytes: usize,
    /// What others should know about the commitment key.
    pub srs_warning: Option<&'static str>,
}

/// Proves that a bundle's weights are what it declares, and writes the registration.
///
/// # Errors
/// A bundle that cannot be read or proved, too little memory or disk, no key that is large enough, a registration that
/// exists or cannot be written.
pub fn register(
    options: &RegisterOptions,
    store: &KeyStore,
    watch: &Watch,
) -> Result<RegisterResult> {
    let (class, output, force) = (&options.class, &options.output, options.force);
    output::check(output, &[&options.bundle], force)?;
    let bundle = load_bundle(&options.bundle)?;
    let row_bits = choose(&bundle.network, class, options.samples)?;
    let cost = estimate_registration(&bundle.network, row_bits)?.in_form(class.form);
    require_room(watch, &cost, output, None, force)?;
    let workshop = Workshop::open(row_bits, class.form, None, store, watch)?;
    let model = workshop.model(&bundle, &options.bundle, watch)?;
    register_model(&workshop, &model, output, force, watch)
}

/// Proves that a model's weights are what its architecture declares, and writes the registration.
pub(crate) fn register_model(
    workshop: &Workshop,
    model: &Model<'_>,
    output: &Path,
    force: bool,
    watch: &Watch,
) -> Result<RegisterResult> {
    let start = Instant::now();
    let (schedule, _) = model.registration_statement()?;
    let secret = workshop.proof_secret(new_secret()?)?;
    let steps = schedule.steps();
    let Folding {
        proved,
        running,
        seconds,
        ..
    } = workshop.fold(steps, None, watch, |scheme, sink| {
        model.fold_registration(&secret, scheme, sink)
    })?;
    let mut spent = Spent::new(&proved.times, &running, seconds);
    let id = to_bytes(&model.id);
    let content = Content {
        statement: Statement::of_model(model.row_bits, id),
        offset: 0,
        correct: 0,
        outputs: vec![],
        network: model.network,
        folded: proved.proof,
    };
    let (envelope, compress_seconds) = workshop.finish(&running, content, watch)?;
    spent.compress_seconds = compress_seconds;
    let bytes = envelope.to_bytes()?;
    write_atomic(output, Access::Public, force, |w| w.write_all(&bytes))?;
    Ok(RegisterResult {
        registration: output.to_owned(),
        model_id: hex::encode(id),
        statement: ReadableStatement::of(&envelope),
        setup: workshop.setup(),
        spent,
        seconds: start.elapsed().as_secs_f64(),
        peak_rss_bytes: peak_rss_bytes(),
        proof_bytes: bytes.len(),
        srs_warning: workshop.warning(),
    })
}
