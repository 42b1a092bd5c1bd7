//! Random networks, and the check of every identity of their programs.
#![allow(dead_code)] // every test file uses its own part

pub(crate) mod generate;
pub(crate) mod identities;
pub(crate) mod random;

use std::sync::OnceLock;

use pleat_argument::commitment::Key;
use pleat_argument::srs;
use pleat_model::annotations::Annotations;
use pleat_model::bundle::{Bundle, ImportReport};
use pleat_model::network::{Network, Weights};

/// One key of a test binary.
pub(crate) fn key(power: u32) -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        srs::create_local(dir.path(), power, false).unwrap();
        Key::load(dir.path(), power).unwrap()
    });
    assert_eq!(key.power(), power, "one size of key a test binary");
    key
}

pub(crate) fn bundle(network: Network, weights: Weights) -> Bundle {
    Bundle {
        annotations: Annotations::plain(&network),
        network,
        weights,
        salt: [7; 32],
        report: ImportReport {
            source: "test".into(),
            parameters: 0,
            input_scale: 1.0,
            mean: vec![],
            std: vec![],
            calibration_samples: 0,
            activation_bits: 0,
            output_error: 0.0,
            worst_layer: String::new(),
            worst_layer_error: 0.0,
            accuracy: None,
            statistics: vec![],
        },
    }
}
