//! Proves a model on some samples with the native prover, verifies, compares with the executor, and prints
//! where the time went. `--help` says how to call it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pleat_argument::commitment::Key;
use pleat_argument::data::DataSecrecy;
use pleat_argument::evaluation::{Evaluation, Proved};
use pleat_argument::model::Model;
use pleat_argument::opening::Scheme;
use pleat_argument::program::{Kind, VectorKind};
use pleat_argument::proof::Proof;
use pleat_argument::randomness::ProofSecret;
use pleat_argument::registry::{Claim, Registry, outputs_chain};
use pleat_argument::statement::{Visibility, context_hash};
use pleat_argument::{Error, srs};
use pleat_model::builder::InputTransform;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::{DataSet, Sample};
use pleat_model::execute::Executor;
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::network::Network;
use pleat_model::quantize::{QuantizeOptions, quantize};
use rand::RngCore;

const USAGE: &str = "\
Proves a model on some samples, verifies, and prints where the time went.

cargo run --release -p pleat-argument --example argument -- MODEL DATA [LABELS] [options]

  MODEL            a bundle of `pleat import` (.pleat), or a model file (.onnx, .h5, .keras) quantised here on DATA
  DATA, LABELS     as for `pleat run`; with labels accuracy is proved, without them the outputs
  --samples N      the first N samples (1)
  --rows BITS      size class: chunks of 2^BITS rows (15 below 2^20 values a sample, else 19)
  --keys DIR       commitment keys (./keys); a missing one is made there, for tests only
  --scale S --mean M --std D   preprocessing of a model file (1, 0, 1): (S x - M) / D
  --hyperkzg       open with HyperKZG instead of Mercury

Example, from the folder of this crate:
  cargo run --release --example argument -- ../../examples/lenet5/lenet5.onnx \\
    ../../examples/lenet5/digits-images-idx3-ubyte.gz ../../examples/lenet5/digits-labels-idx1-ubyte.gz \\
    --scale 0.003921569 --samples 8 --keys /tmp/keys
";

#[derive(Debug)]
struct Options {
    files: Vec<PathBuf>,
    samples: usize,
    rows: Option<u32>,
    keys: PathBuf,
    transform: [f32; 3],
    scheme: Scheme,
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T> {
    text.parse()
        .ok()
        .with_context(|| format!("{option} {text}: a number is wanted"))
}

fn options() -> Result<Options> {
    let mut options = Options {
        files: vec![],
        samples: 1,
        rows: None,
        keys: "keys".into(),
        transform: [1.0, 0.0, 1.0],
        scheme: Scheme::Mercury,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .with_context(|| format!("{arg} needs a value; --help lists the options"))
        };
        match arg.as_str() {
            "--samples" => options.samples = number(&arg, &value()?)?,
            "--rows" => options.rows = Some(number(&arg, &value()?)?),
            "--keys" => options.keys = value()?.into(),
            "--scale" => options.transform[0] = number(&arg, &value()?)?,
            "--mean" => options.transform[1] = number(&arg, &value()?)?,
            "--std" => options.transform[2] = number(&arg, &value()?)?,
            "--hyperkzg" => options.scheme = Scheme::HyperKzg,
            "--help" | "-h" => {
                print!("{USAGE}");
                std::process::exit(0);
            }
            other if other.starts_with('-') => bail!("unknown option {other}; --help lists them"),
            _ => options.files.push(arg.into()),
        }
    }
    if !(2..=3).contains(&options.files.len()) {
        bail!("give MODEL DATA [LABELS]; --help says more");
    }
    Ok(options)
}

fn load(options: &Options) -> Result<(Bundle, DataSet)> {
    let (model, labels) = (&options.files[0], options.files.get(2));
    let open = |spec: &_| DataSet::open(&options.files[1], labels.map(PathBuf::as_path), spec);
    if model.extension().is_some_and(|e| e == "pleat") {
        let bundle = Bundle::load(model).with_context(|| model.display().to_string())?;
        let data = open(&bundle.network.input)?;
        return Ok((bundle, data));
    }
    let [scale, mean, std] = options.transform;
    let graph = read_model(
        model,
        &ImportOptions {
            transform: InputTransform {
                scale,
                mean: vec![mean],
                std: vec![std],
            },
            ..ImportOptions::default()
        },
    )
    .with_context(|| model.display().to_string())?;
    let spec = graph.input_spec(None);
    let data = open(&spec)?;
    let calibration: Vec<Sample> = data
        .samples(0..data.len().min(64))?
        .collect::<pleat_model::Result<_>>()?;
    let quantized = quantize(&graph, &spec, &calibration, &QuantizeOptions::default())?;
    let mut salt = [0; 32];
    rand::thread_rng().fill_bytes(&mut salt);
    let bundle = Bundle {
        network: quantized.network,
        weights: quantized.weights,
        annotations: quantized.annotations,
        salt,
        report: ImportReport {
            source: model.display().to_string(),
            parameters: 0,
            input_scale: scale,
            mean: vec![mean],
            std: vec![std],
            calibration_samples: calibration.len() as u64,
            activation_bits: 0,
            output_error: 0.0,
            worst_layer: String::new(),
            worst_layer_error: 0.0,
            accuracy: None,
            statistics: vec![],
        },
    };
    Ok((bundle, data))
}

fn key(dir: &Path, power: u32) -> Result<Key> {
    if let Err(Error::MissingSrs { .. }) = srs::find(dir, power) {
        eprintln!(
            "making a key of 2^{power} points in {} (for tests only)",
            dir.display()
        );
        srs::create_local(dir, power, false)?;
    }
    Ok(Key::load(dir, power)?)
}

fn secret() -> ProofSecret {
    let mut secret = [0; 32];
    rand::thread_rng().fill_bytes(&mut secret);
    ProofSecret::native(secret)
}

/// Peak resident memory in MB, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn main() -> Result<()> {
    let options = options()?;
    let (bundle, data) = load(&options)?;
    let network = &bundle.network;
    let values: usize = network.layers.iter().map(|l| l.shape.len()).sum();
    let count = options.samples.min(data.len());
    let large = values >= 1 << 20;
    let rows = options.rows.unwrap_or(if large { 19 } else { 15 });
    let key = key(&options.keys, rows + 2)?;
    let samples: Vec<Sample> = data
        .samples(0..count)?
        .collect::<pleat_model::Result<_>>()?;
    let samples = samples.as_slice();
    let kind = match data.has_labels() {
        true => Kind::Accuracy,
        false => Kind::Outputs,
    };

    let start = Instant::now();
    let path = &options.files[0];
    let bundle_path = path
        .extension()
        .is_some_and(|e| e == "pleat")
        .then_some(path.as_path());
    let model = Model::new(&key, &bundle, rows, bundle_path)?;
    let weights = start.elapsed().as_secs_f64();
    if let Some(problem) = &model.cache_problem {
        eprintln!("the cached commitments to the weights were not used: {problem}");
    }
    let evaluation = Evaluation::new(&model, kind, samples, DataSecrecy::Public, None)?;
    let program = evaluation.program();
    let parameters = network.parameters();
    println!(
        "model        {}, {values} values, {parameters} parameters",
        options.files[0].display()
    );
    println!(
        "layout       {} rows a chunk, {} samples a group, {} chunks, {} weight, {} table, {} data, {} output vectors",
        1u64 << rows,
        program.group_samples(),
        program.chunks(),
        program.of_kind(VectorKind::Weights).count(),
        program.of_kind(VectorKind::Tables).count(),
        program.of_kind(VectorKind::Data).count(),
        program.of_kind(VectorKind::Outputs).count(),
    );
    let views: Vec<usize> = program
        .vectors
        .iter()
        .map(|v| v.blocks.iter().map(|b| b.views.len()).sum())
        .collect();
    println!(
        "rows         {} useful of {}: utilisation {:.1} %; {} views, at most {} in a vector; {} steps a group",
        program.useful_rows,
        (program.chunks() as u64) << rows,
        100.0 * program.utilisation(),
        views.iter().sum::<usize>(),
        views.iter().max().unwrap_or(&0),
        evaluation
            .schedule(samples.len() as u64)?
            .group(0)
            .descriptors
            .len(),
    );

    let start = Instant::now();
    let context = context_hash(b"example");
    let proved = evaluation.prove(samples, context, &secret(), options.scheme)?;
    let total = start.elapsed().as_secs_f64();
    let groups = proved.proof.groups.len();
    let cached = if model.cached { "cached" } else { "committed" };
    println!("weights      {weights:.2} s, {cached}");
    print_times(
        &proved,
        total,
        (groups * program.chunks()) << rows,
        parameters * groups,
    );

    let mut registry = Registry::default();
    let start = Instant::now();
    let (registration, _) = model.register(&secret(), options.scheme)?;
    println!("register     {:.2} s", start.elapsed().as_secs_f64());
    registry.register_model(&key, network, rows, model.id, &registration)?;
    registry.admit_data(&key, network, rows, samples)?;
    let claim = Claim {
        kind,
        row_bits: rows,
        group_bits: program.group_bits,
        labelled: data.has_labels(),
        samples: count as u64,
        context,
        model: model.id,
        data: proved.statement.data,
        visibility: Visibility::Public,
    };
    let start = Instant::now();
    let outcome = registry.verify_claim(&key, network, &claim, &proved.proof)?;
    println!("verify       {:.2} s", start.elapsed().as_secs_f64());
    compare(
        &key,
        network,
        &bundle,
        &claim,
        samples,
        &proved,
        outcome.count,
        outcome.outputs,
    )?;
    if let Some(peak) = peak_memory() {
        println!("memory       {peak:.0} MB at most");
    }
    Ok(())
}

fn print_times(proved: &Proved<Proof>, total: f64, rows: usize, weights: usize) {
    let t = &proved.times;
    println!("prove        {total:.2} s");
    for (name, seconds) in [
        ("execute", proved.execution),
        ("data", proved.data),
        ("fill", t.fill),
        ("commit", t.commit),
        ("heads", t.heads),
        ("lookup", t.lookup),
        ("linear", t.linear),
        ("merge", t.merge),
        ("  vectors", t.vectors),
        ("open", t.open),
    ] {
        println!("  {name:<10} {seconds:.2} s");
    }
    // Weights, tables and data have a budget of their own.
    let rows_only = t.commit + t.fill + t.heads + t.lookup + t.linear + t.merge - t.vectors;
    println!(
        "  {:.2} us a row, {:.2} times committing; {:.2} us a weight and group",
        1e6 * rows_only / rows as f64,
        rows_only / t.commit,
        1e6 * t.vectors / weights as f64
    );
}

#[allow(clippy::too_many_arguments)] // one call, every argument a part of the comparison
fn compare(
    key: &Key,
    network: &Network,
    bundle: &Bundle,
    claim: &Claim,
    samples: &[Sample],
    proved: &Proved<Proof>,
    count: u64,
    outputs: pleat_argument::Scalar,
) -> Result<()> {
    let executor = Executor::new(network, &bundle.weights);
    let mut expected = vec![];
    for (i, sample) in samples.iter().enumerate() {
        expected.push(executor.run(&sample.values, i)?);
    }
    if claim.kind == Kind::Accuracy {
        let right = expected
            .iter()
            .zip(samples)
            .filter(|(o, s)| s.label == Some(Network::top1(&o[0]) as u32))
            .count();
        println!(
            "accuracy     {count} of {} proved, {right} executed",
            samples.len()
        );
        anyhow::ensure!(
            count == right as u64 && proved.count == count,
            "the counts differ"
        );
    } else {
        anyhow::ensure!(
            outputs_chain(key, network, claim, &expected)? == outputs,
            "the outputs differ"
        );
        println!("outputs      equal the executor's");
    }
    Ok(())
}
