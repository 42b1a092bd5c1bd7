//! How much of a verifier's work the networks in use take: layout alone, without weights or proofs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use pleat_argument::MAX_WORK;
use pleat_argument::layout::{choose_group_bits, data_layout, inference, register_model};
use pleat_argument::program::{Kind, Program};
use pleat_argument::step::schedule::Schedule;
use pleat_model::builder::InputTransform;
use pleat_model::graph::InputLayout;
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::quantize::{QuantizeOptions, quantize, synthetic_samples};

/// No network in use comes near the limit of a verifier's work: a quarter of it at most, in classes from the smallest that
/// is used to the largest, whole groups and single samples. Only the face detectors, whose learned slopes are a table
/// for each channel, come near it; they are not refused.
#[test]
fn every_model_is_far_from_the_limit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    if !folder.exists() {
        eprintln!("SKIPPED, NOT TESTED: {} is absent", folder.display());
        return;
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let extension = path.extension().unwrap_or_default();
            ["onnx", "h5", "keras"].iter().any(|e| extension == *e)
        })
        .collect();
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut options = ImportOptions {
            transform: InputTransform {
                scale: 1.0 / 255.0,
                ..InputTransform::default()
            },
            ..ImportOptions::default()
        };
        // The face detectors take images of any size.
        let detector = name.starts_with("mtcnn");
        if detector {
            options.layout = Some(InputLayout::Whc);
            options.size = Some([24, 24]);
        }
        let graph = read_model(&path, &options).unwrap();
        let spec = graph.input_spec(None);
        // Of the face detectors as many as an import without data makes: noise makes their tables long.
        let samples = synthetic_samples(&spec, if detector { 16 } else { 2 });
        let network = quantize(&graph, &spec, &samples, &QuantizeOptions::default())
            .unwrap()
            .network;
        for row_bits in [15, 17, 19] {
            // Images of EfficientNet's size fit no data vector of the smallest class.
            if row_bits == 15 && data_layout(&network, true, row_bits).is_err() {
                println!("{name}: a sample fits no vector in 2^{row_bits}");
                continue;
            }
            let start = Instant::now();
            let mut most = 0;
            let mut count = |program: &Program, samples: u64| {
                let steps = Schedule::new(program, samples).unwrap();
                most = most.max(program.work).max(steps.group(0).work);
                steps.group(0).descriptors.len()
            };
            let registration = register_model(&network, row_bits).unwrap();
            let registered = count(&registration, 0);
            let group_bits =
                choose_group_bits(&network, Kind::Accuracy, true, row_bits, 10_000).unwrap();
            let mut steps = vec![registered];
            for (kind, bits) in [
                (Kind::Accuracy, group_bits),
                (Kind::Accuracy, 0),
                (Kind::Outputs, group_bits),
            ] {
                let program = inference(&network, kind, kind == Kind::Accuracy, row_bits, bits);
                steps.push(count(&program.unwrap(), 1 << bits));
            }
            println!(
                "{name} in 2^{row_bits}: {most} of {MAX_WORK} units, {steps:?} steps, groups of 2^{group_bits}, {:.2} s",
                start.elapsed().as_secs_f64()
            );
            let share = if detector { 4 } else { 1 };
            assert!(
                most <= MAX_WORK / 4 * share,
                "{name}: {most} of {MAX_WORK} units"
            );
        }
    }
}
