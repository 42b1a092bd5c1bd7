//! Reading model files.

use std::path::Path;

use crate::builder::InputTransform;
use crate::files::read_at_most;
use crate::graph::{Graph, InputLayout};
use crate::{Error, Result, limits};

pub mod keras;
pub mod onnx;

/// What a model file does not say.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// How stored pixels become the network's input.
    pub transform: InputTransform,
    /// Axis order of the input; guessed from the dimensions if absent (see [`guess_layout`]).
    pub layout: Option<InputLayout>,
    /// Rows and columns of the image, for models whose input size is dynamic.
    pub size: Option<[usize; 2]>,
}

/// Reads a model file: ONNX, Keras `.h5` or Keras `.keras`, recognised by content.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Malformed`] if it is none of the three or
/// damaged, [`Error::Unsupported`] naming node, operator and attribute, [`Error::Invalid`] for
/// options that do not fit the model.
pub fn read_model(path: &Path, options: &ImportOptions) -> Result<Graph> {
    let most = limits::MAX_MODEL_BYTES;
    let bytes = read_at_most(path, most)?.map_err(|size| {
        Error::malformed(
            "model file",
            format!("{size} bytes; at most {most} are read"),
        )
    })?;
    parse_model(bytes, options)
}

/// Reads a model from the bytes of its file; see [`read_model`].
///
/// # Errors
/// As [`read_model`].
pub fn parse_model(bytes: Vec<u8>, options: &ImportOptions) -> Result<Graph> {
    if bytes.is_empty() {
        return Err(Error::malformed("model file", "it is empty"));
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        keras::read_h5(bytes, options)
    } else if bytes.starts_with(b"PK") {
        keras::read_keras(&bytes, options)
    } else {
        onnx::read(&bytes, options)
    }
}

/// The axis order an input of dimensions `dims` (batch first) most likely has.
///
/// Rank 2 is a vector. Of rank 3 and 4 the axis of 1, 3 or 4 values is the channel axis; if both the
/// second and the last are, or neither, `channels_last` decides.
pub fn guess_layout(dims: &[usize], channels_last: bool) -> InputLayout {
    let channel_like = |d: Option<&usize>| matches!(d, Some(1 | 3 | 4));
    if dims.len() < 3 {
        return InputLayout::Flat;
    }
    match (channel_like(dims.get(1)), channel_like(dims.last())) {
        (true, false) => InputLayout::Chw,
        (false, true) => InputLayout::Hwc,
        _ if channels_last => InputLayout::Hwc,
        _ => InputLayout::Chw,
    }
}
