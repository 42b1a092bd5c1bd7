//! ONNX.
use crate::graph::Graph;
use crate::import::ImportOptions;
use crate::{Error, Result};

/// Reads an ONNX model.
///
/// # Errors
/// As [`super::read_model`].
pub fn read(_bytes: &[u8], _options: &ImportOptions) -> Result<Graph> {
    Err(Error::invalid("ONNX is not read yet"))
}
