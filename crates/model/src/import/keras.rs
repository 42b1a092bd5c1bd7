//! Keras.
use crate::graph::Graph;
use crate::import::ImportOptions;
use crate::{Error, Result};

/// Reads a Keras `.h5` model.
///
/// # Errors
/// As [`super::read_model`].
pub fn read_h5(_bytes: Vec<u8>, _options: &ImportOptions) -> Result<Graph> {
    Err(Error::invalid("Keras is not read yet"))
}

/// Reads a Keras `.keras` archive.
///
/// # Errors
/// As [`super::read_model`].
pub fn read_keras(_bytes: &[u8], _options: &ImportOptions) -> Result<Graph> {
    Err(Error::invalid("Keras is not read yet"))
}
