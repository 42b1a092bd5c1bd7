//! Imports the model of `examples/lenet5`, registers it, proves how many of some digits it gets right, and verifies the
//! proof as somebody else would.
//!
//! ```sh
//! cargo run --release -p pleat-jobs --example prove_and_verify
//! ```
//!
//! Half a minute on two cores, with less than 1 GB of memory. Everything it makes, the commitment key included, is in a
//! temporary folder and gone at the end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pleat_jobs::{
    ClassOptions, DataOptions, Event, ImportOptions, KeyStore, ProveOptions, RegisterOptions,
    Result, VerifyOptions, Watch, import, prove, register, verify,
};

/// Small, so that key and circuit are made quickly.
const SIZE_CLASS: u32 = 13;
/// Points of the key it needs, as a power of two: `pleat inspect` says so.
const POWER: u32 = 17;
const DIGITS: usize = 4;

fn main() -> ExitCode {
    let done = tempfile::tempdir()
        .map_err(Into::into)
        .and_then(|folder| tour(folder.path()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}", e.sentence());
            ExitCode::FAILURE
        }
    }
}

fn tour(folder: &Path) -> Result<()> {
    // Of what the jobs tell, the remarks.
    let watch = Watch::new(|event: Event| {
        if let Event::Note(text) = event {
            println!("  {text}");
        }
    });
    let keys = KeyStore::in_cache(folder);
    println!("a key of our own: good for a test, it convinces nobody else");
    keys.create(POWER, false)?;

    println!("the owner imports the model");
    let imported = import(
        &ImportOptions {
            model: example("lenet5.onnx"),
            input_scale: 1.0 / 255.0,
            calib: Some(example("digits-images-idx3-ubyte.gz")),
            labels: Some(example("digits-labels-idx1-ubyte.gz")),
            output: Some(folder.join("lenet5.pleat")),
            ..ImportOptions::default()
        },
        &watch,
    )?;
    println!(
        "  {} parameters; accuracy of the integers {:?}",
        imported.parameters, imported.int_accuracy
    );

    println!("registers it");
    let registered = register(
        &RegisterOptions {
            bundle: imported.bundle.clone(),
            class: ClassOptions {
                size_class: Some(SIZE_CLASS),
                ..ClassOptions::default()
            },
            output: folder.join("lenet5.registration"),
            ..RegisterOptions::default()
        },
        &keys,
        &watch,
    )?;

    println!("and proves");
    let proved = prove(
        &ProveOptions {
            bundle: imported.bundle,
            data: DataOptions {
                path: example("digits-images-idx3-ubyte.gz"),
                labels: Some(example("digits-labels-idx1-ubyte.gz")),
                limit: Some(DIGITS),
                ..DataOptions::default()
            },
            // Size class, form and key are the registration's.
            registration: Some(registered.registration.clone()),
            output: folder.join("digits.proof"),
            ..ProveOptions::default()
        },
        &keys,
        &watch,
    )?;
    println!(
        "  {} bytes after {} steps",
        proved.proof_bytes, proved.steps
    );

    println!("anybody verifies: with the proof, the registration, the data, and no weights");
    let verified = verify(
        &VerifyOptions {
            proof: proved.proof,
            registration: Some(registered.registration),
            data: Some(example("digits-images-idx3-ubyte.gz")),
            labels: Some(example("digits-labels-idx1-ubyte.gz")),
            ..VerifyOptions::default()
        },
        &keys,
        &watch,
    )?;
    let said = verified.statement;
    println!(
        "  valid: {:?} of {} correct, model {}",
        said.correct, said.samples, said.model_id
    );
    Ok(())
}

/// A file of the example.
fn example(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/lenet5"
    ))
    .join(name)
}
