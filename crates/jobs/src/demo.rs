//! `pleat demo`: everything once, on the bundled model and digits.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use pleat_argument::program::Kind;
use pleat_argument::srs;
use pleat_folding::Form;
use serde::Serialize;

use crate::args::{ClassArgs, Cli, Command, DataArgs, DemoArgs, VerifyArgs};
use crate::class::choose;
use crate::console::Console;
use crate::estimate::estimate;
use crate::resources::require_room;
use crate::scratch::Scratch;
use crate::verbs::{import, open_data, prove, register, select, verify};
use crate::workshop::Workshop;

const MODEL: &[u8] = include_bytes!("../../../../examples/lenet5/lenet5.onnx");
const IMAGES: &[u8] = include_bytes!("../../../../examples/lenet5/digits-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../../../../examples/lenet5/digits-labels-idx1-ubyte.gz");

#[derive(Debug, Serialize)]
struct DemoResult {
    register: register::RegisterResult,
    prove: prove::ProveResult,
    verify: verify::VerifyResult,
    seconds: f64,
}

pub(crate) fn run(args: &DemoArgs, cache: &Path, console: &Console) -> Result<()> {
    let start = Instant::now();
    let scratch = Scratch::new()?;
    // The parts a user would have as files.
    let put = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let path = scratch.path().join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    let model = put("lenet5.onnx", MODEL)?;
    let images = put("digits-images-idx3-ubyte.gz", IMAGES)?;
    let labels = put("digits-labels-idx1-ubyte.gz", LABELS)?;
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| scratch.path().to_owned());
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let bundle_path = folder.join("lenet5.pleat");
    let proof = folder.join("digits.proof");
    let registration = folder.join("lenet5.registration");
    for path in [&bundle_path, &registration, &proof] {
        crate::output::check(path, &[], args.force)?;
    }

    console.note("1. import: a LeNet-5 trained on MNIST becomes an integer network");
    let command = Cli::parse_example(&[
        "pleat",
        "import",
        &model.to_string_lossy(),
        "--input-scale",
        "1/255",
        "--calib",
        &images.to_string_lossy(),
        "--labels",
        &labels.to_string_lossy(),
    ])?;
    let Command::Import(import_args) = &command.command else {
        anyhow::bail!("the demonstration's import command did not parse");
    };
    let (bundle, _) = import::make_bundle(import_args, console)?;
    bundle.save(&bundle_path, args.force)?;

    let class = choose(&bundle.network, &ClassArgs::default(), 1)?;
    let estimated = estimate(
        &bundle.network,
        Kind::Accuracy,
        true,
        class,
        args.samples as u64,
    )?;
    require_room(console, &estimated, &proof, None, args.force)?;
    let power = estimated.power;
    let keys = super::srs::folder(cache);
    if matches!(
        srs::find(&keys, power),
        Err(pleat_argument::Error::MissingSrs { .. })
    ) {
        console.note(&format!(
            "2. key: none in {} is large enough, making one of 2^{power} points (good enough for a demonstration)",
            keys.display()
        ));
        crate::output::prepare_folder(&keys)?;
        srs::create_local(&keys, power, false)?;
    } else {
        console.note("2. key: one is there already");
    }

    console.note("3. register: the weights are integers of the declared widths, and stay secret");
    let workshop = Workshop::open(class, Form::Spartan, None, cache, console)?;
    let model = workshop.model(&bundle, &bundle_path, console)?;
    let registered = register::register(&workshop, &model, &registration, args.force, console)?;

    console.note(&format!(
        "4. prove: {} real digits; the weights stay secret",
        args.samples
    ));
    let data = DataArgs {
        data: images.clone(),
        labels: Some(labels.clone()),
        limit: Some(args.samples),
        offset: 0,
    };
    let (data_set, range) = open_data(&bundle.network, &data)?;
    let samples = select(data_set, range, Kind::Accuracy, &images)?;
    let task = prove::Task {
        model: &model,
        kind: Kind::Accuracy,
        context: &[],
        output: &proof,
        checkpoints: None,
        force: args.force,
    };
    let proved = prove::prove(&workshop, &task, &samples, console)?;
    drop(workshop);

    console.note("5. verify: with registration, proof, digits and key alone");
    let model_id = hex::decode(&proved.statement.model_id)?
        .try_into()
        .map_err(|_| anyhow::anyhow!("a model id of another length"))?;
    let verified = verify::verify(
        &VerifyArgs {
            proof,
            registration: Some(registration),
            model_id: Some(model_id),
            data: Some(images),
            labels: Some(labels),
            offset: None,
            context: None,
        },
        cache,
        console,
    )?;
    let result = DemoResult {
        register: registered,
        prove: proved,
        verify: verified,
        seconds: start.elapsed().as_secs_f64(),
    };
    console.result(&result, || {
        let place = match &args.output {
            Some(folder) => format!("files       {}", folder.display()),
            None => "files       temporary; --output DIR keeps them".to_owned(),
        };
        format!(
            "{}\n{}\n{}\n{place}\ntotal       {:.0} s",
            register::text(&result.register),
            prove::text(&result.prove),
            verify::text(&result.verify),
            result.seconds
        )
    })
}
