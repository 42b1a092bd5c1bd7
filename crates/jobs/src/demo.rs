//! Everything once, on the bundled model and digits.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Instant;

use pleat_argument::program::Kind;
use pleat_argument::statement::to_bytes;
use pleat_folding::Form;
use serde::Serialize;

use crate::class::{ClassOptions, choose};
use crate::error::{Error, Locate, Result};
use crate::estimate::estimate;
use crate::import::{ImportOptions, make_bundle};
use crate::load::{DataOptions, open_data, select};
use crate::output;
use crate::prove::{ProveResult, Task, prove_samples};
use crate::register::{RegisterResult, register_model};
use crate::resources::require_room;
use crate::scratch::Scratch;
use crate::store::KeyStore;
use crate::verify::{VerifyOptions, VerifyResult, verify};
use crate::watch::Watch;
use crate::workshop::Workshop;

const MODEL: &[u8] = include_bytes!("../../../examples/lenet5/lenet5.onnx");
const IMAGES: &[u8] = include_bytes!("../../../examples/lenet5/digits-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../../../examples/lenet5/digits-labels-idx1-ubyte.gz");
/// Digits that are bundled.
const DIGITS: RangeInclusive<usize> = 1..=128;

/// What to demonstrate.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Digits to prove, 1 to 128.
    pub samples: usize,
    /// Keep the bundle, the registration and the proof in this folder.
    pub output: Option<PathBuf>,
    /// Overwrite files of these names there.
    pub force: bool,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            samples: 8,
            output: None,
            force: false,
        }
    }
}

/// What the jobs of a demonstration gave.
#[derive(Clone, Debug, Serialize)]
pub struct DemoResult {
    /// The registration.
    pub register: RegisterResult,
    /// The proof.
    pub prove: ProveResult,
    /// Its verification.
    pub verify: VerifyResult,
    /// Seconds of everything.
    pub seconds: f64,
}

/// Imports, registers, proves and verifies the bundled LeNet-5 on bundled MNIST digits; makes a key if there is none.
///
/// # Errors
/// Too little memory or disk, files that exist or cannot be written, a folder of keys that cannot be written.
pub fn demo(options: &DemoOptions, store: &KeyStore, watch: &Watch) -> Result<DemoResult> {
    if !DIGITS.contains(&options.samples) {
        return Err(Error::Invalid(format!(
            "{} digits; give {} to {}",
            options.samples,
            DIGITS.start(),
            DIGITS.end()
        )));
    }
    let start = Instant::now();
    let scratch = Scratch::new()?;
    // The parts a user would have as files.
    let put = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let path = scratch.path().join(name);
        std::fs::write(&path, bytes).at(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    let model = put("lenet5.onnx", MODEL)?;
    let images = put("digits-images-idx3-ubyte.gz", IMAGES)?;
    let labels = put("digits-labels-idx1-ubyte.gz", LABELS)?;
    let folder = options
        .output
        .clone()
        .unwrap_or_else(|| scratch.path().to_owned());
    std::fs::create_dir_all(&folder)
        .at(|| format!("cannot make the folder {}", folder.display()))?;
    let bundle_path = folder.join("lenet5.pleat");
    let proof = folder.join("digits.proof");
    let registration = folder.join("lenet5.registration");
    for path in [&bundle_path, &registration, &proof] {
        output::check(path, &[], options.force)?;
    }

    watch.note("1. import: a LeNet-5 trained on MNIST becomes an integer network");
    let import = ImportOptions {
        model,
        input_scale: 1.0 / 255.0,
        calib: Some(images.clone()),
        labels: Some(labels.clone()),
        ..ImportOptions::default()
    };
    let (bundle, _) = make_bundle(&import, watch)?;
    bundle.save(&bundle_path, options.force)?;

    let class = choose(&bundle.network, &ClassOptions::default(), 1)?;
    let estimated = estimate(
        &bundle.network,
        Kind::Accuracy,
        true,
        class,
        options.samples as u64,
    )?;
    require_room(watch, &estimated, &proof, None, options.force)?;
    let power = estimated.power;
    if store.lacks(power) {
        watch.note(format!(
            "2. key: none in {} is large enough, making one of 2^{power} points (good enough for a demonstration)",
            store.folder().display()
        ));
        store.create_file(power, false)?;
    } else {
        watch.note("2. key: one is there already");
    }

    watch.note("3. register: the weights are integers of the declared widths, and stay secret");
    let workshop = Workshop::open(class, Form::Spartan, None, store, watch)?;
    let model = workshop.model(&bundle, &bundle_path, watch)?;
    let registered = register_model(&workshop, &model, &registration, options.force, watch)?;

    watch.note(format!(
        "4. prove: {} real digits; the weights stay secret",
        options.samples
    ));
    let data = DataOptions {
        path: images.clone(),
        labels: Some(labels.clone()),
        limit: Some(options.samples),
        offset: 0,
    };
    let (data_set, range) = open_data(&bundle.network, &data)?;
    let samples = select(data_set, range, Kind::Accuracy, &images)?;
    let task = Task {
        model: &model,
        kind: Kind::Accuracy,
        context: &[],
        output: &proof,
        checkpoints: None,
        force: options.force,
    };
    let proved = prove_samples(&workshop, &task, &samples, watch)?;
    let model_id = to_bytes(&model.id);
    drop(workshop);

    watch.note("5. verify: with registration, proof, digits and key alone");
    let verified = verify(
        &VerifyOptions {
            proof,
            registration: Some(registration),
            model_id: Some(model_id),
            data: Some(images),
            labels: Some(labels),
            ..VerifyOptions::default()
        },
        store,
        watch,
    )?;
    Ok(DemoResult {
        register: registered,
        prove: proved,
        verify: verified,
        seconds: start.elapsed().as_secs_f64(),
    })
}
