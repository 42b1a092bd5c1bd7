//! A model's commitments: the same bundle has the same id, and its commitments are made once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use pleat_argument::cache::WeightCache;
use pleat_argument::commitment::Key;
use pleat_argument::model::Model;
use pleat_argument::srs;
use pleat_model::builder::InputTransform;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::data::DataSet;
use pleat_model::import::{ImportOptions, read_model};
use pleat_model::quantize::{QuantizeOptions, quantize};

const ROWS: u32 = 12;

fn lenet() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lenet5");
    let options = ImportOptions {
        transform: InputTransform {
            scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
        },
        ..ImportOptions::default()
    };
    let graph = read_model(&folder.join("lenet5.onnx"), &options).unwrap();
    let spec = graph.input_spec(None);
    let data = DataSet::open(&folder.join("digits-images-idx3-ubyte.gz"), None, &spec).unwrap();
    let samples: Vec<_> = data.samples(0..16).unwrap().map(Result::unwrap).collect();
    let quantized = quantize(&graph, &spec, &samples, &QuantizeOptions::default()).unwrap();
    Bundle {
        network: quantized.network,
        weights: quantized.weights,
        annotations: quantized.annotations,
        salt: [7; 32],
        report: ImportReport {
            source: "lenet5.onnx".into(),
            parameters: 0,
            input_scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
            calibration_samples: 16,
            activation_bits: 8,
            output_error: 0.0,
            worst_layer: String::new(),
            worst_layer_error: 0.0,
            accuracy: None,
            statistics: vec![],
        },
    }
}

#[test]
fn a_model_is_committed_to_once_and_its_id_depends_on_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    srs::create_local(folder.path(), ROWS + 2, false).unwrap();
    let key = Key::load(folder.path(), ROWS + 2).unwrap();
    let bundle = lenet();
    let path = folder.path().join("lenet5.pleat");

    let first = Model::new(&key, &bundle, ROWS, Some(&path)).unwrap();
    assert!(!first.cached && first.cache_problem.is_none());
    let second = Model::new(&key, &bundle, ROWS, Some(&path)).unwrap();
    assert!(second.cached, "the second time nothing is committed to");
    assert_eq!(first.id, second.id);
    let fresh = Model::new(&key, &bundle, ROWS, None).unwrap();
    assert_eq!(first.id, fresh.id, "the id does not depend on the cache");

    // Another weight, salt, or class: another id, and none of the cached commitments.
    let mut changed = bundle.clone();
    changed.weights.layers[1].kernel[3] ^= 1;
    let mut salted = bundle.clone();
    salted.salt[0] ^= 1;
    for other in [&changed, &salted] {
        let model = Model::new(&key, other, ROWS, Some(&path)).unwrap();
        assert!(!model.cached);
        assert_ne!(model.id, first.id);
        for (a, b) in model.vectors.iter().zip(&first.vectors) {
            assert_ne!(a.blind, b.blind, "a blind serves one vector only");
        }
    }
    let smaller = Model::new(&key, &bundle, ROWS - 1, Some(&path)).unwrap();
    assert!(!smaller.cached && smaller.id != first.id);
    assert!(Model::new(&key, &bundle, ROWS, Some(&path)).unwrap().cached);

    // A damaged cache is ignored, named, and made anew.
    let cache = WeightCache::path(&path);
    let mut bytes = std::fs::read(&cache).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&cache, bytes).unwrap();
    let model = Model::new(&key, &bundle, ROWS, Some(&path)).unwrap();
    assert!(!model.cached && model.cache_problem.is_some());
    assert_eq!(model.id, first.id);
    assert!(Model::new(&key, &bundle, ROWS, Some(&path)).unwrap().cached);
}

#[test]
fn a_key_that_is_too_small_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    srs::create_local(folder.path(), ROWS, false).unwrap();
    let key = Key::load(folder.path(), ROWS).unwrap();
    let error = Model::new(&key, &lenet(), ROWS, None).unwrap_err();
    assert!(error.to_string().contains("needs a key of 2^14 points"));
}
