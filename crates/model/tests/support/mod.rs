//! What the tests of the importer share.
#![allow(dead_code, reason = "every test crate uses a part")]

pub(crate) mod eval;
pub(crate) mod model;
pub(crate) mod proto;
pub(crate) mod reference;

use pleat_model::graph::Graph;
use pleat_model::import::{ImportOptions, onnx};

/// Shared models and data; `None`, loudly, if this checkout has none.
pub(crate) fn shared(path: &str) -> Option<Vec<u8>> {
    let full = format!("{}/../../../shared/{path}", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read(&full) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            eprintln!("SKIPPED, NOT TESTED: {full}: {e}");
            None
        }
    }
}

/// Imports a hand-made model without options.
pub(crate) fn import(model: &proto::ModelProto) -> Graph {
    let options = ImportOptions::default();
    onnx::read(&model::encode(model), &options).unwrap()
}
