//! Reading data sets: every format, every way it can be wrong.

// Helpers are outside `#[test]` functions, where clippy.toml does not reach.
#![allow(clippy::unwrap_used, clippy::panic)]

mod errors;
mod formats;
mod fuzz;
mod images;
mod shared;
mod streaming;
mod support;
