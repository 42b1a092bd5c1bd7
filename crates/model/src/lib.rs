//! From a trained network file to integers.
//!
//! ```text
//! model.onnx / .h5 / .keras
//!    | import         one file per operator family, no Python
//!    v
//! Graph (float)       canonical: CHW tensors, explicit padding, BatchNorm folded
//!    | quantize       calibrated scales, one common shift, widths
//!    v
//! Network + Weights   integers; the public architecture and the secret parameters
//!    | execute        the specification every prover is compared with
//!    v
//! integer outputs
//! ```
//!
//! The crate knows no cryptography. Everything it reads (model files, data
//! files, bundles) is untrusted: errors are returned, nothing panics, and no
//! allocation is larger than what the file's own size or the limits in
//! [`limits`] justify.
#![forbid(unsafe_code)]

pub mod accuracy;
pub mod annotations;
pub mod bounds;
pub mod builder;
pub mod bundle;
pub mod data;
pub mod error;
pub mod execute;
pub mod files;
pub mod float;
pub mod graph;
pub mod import;
pub mod limits;
pub mod network;
pub mod quantize;
mod simplify;

pub use error::{Error, Result};
