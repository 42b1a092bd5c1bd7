//! The whole step against its native twin: honest steps, every witness cell, forged records, attacks.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

mod agreement;
mod attacks;
mod cells;
#[path = "../../../argument/tests/soundness/fixture.rs"]
mod fixture;
#[path = "../../../argument/tests/soundness/networks.rs"]
mod networks;
mod rejections;
mod steps;
#[path = "../../../argument/tests/support/mod.rs"]
mod support;
