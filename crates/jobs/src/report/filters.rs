//! Numbers as people read them.
//!
//! The unit follows the number after a space, so that a program can read both.
#![allow(unreachable_pub, reason = "what the attribute makes of a filter")]

use askama::{Result, Values, filter_fn};

use super::claim;

/// A number, through however many references a template puts before it.
pub(super) trait Number<N> {
    fn number(&self) -> N;
}

impl Number<u64> for u64 {
    fn number(&self) -> u64 {
        *self
    }
}

impl Number<f64> for f64 {
    fn number(&self) -> f64 {
        *self
    }
}

impl<N, T: Number<N>> Number<N> for &T {
    fn number(&self) -> N {
        (*self).number()
    }
}

/// Digits in groups of three.
#[filter_fn]
pub(super) fn thousands<T: Number<u64>>(n: T, _: &dyn Values) -> Result<String> {
    Ok(claim::thousands(n.number()))
}

/// A share as a percentage with two digits after the point.
#[filter_fn]
pub(super) fn percent<T: Number<f64>>(share: T, _: &dyn Values) -> Result<String> {
    Ok(format!("{:.2} %", share.number() * 100.0))
}

/// Seconds, to three figures or whole ones.
#[filter_fn]
pub(super) fn seconds<T: Number<f64>>(seconds: T, _: &dyn Values) -> Result<String> {
    let s = seconds.number();
    Ok(match s {
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{} s", claim::thousands(s.round() as u64)),
    })
}

/// Bytes, to three figures.
#[filter_fn]
pub(super) fn bytes<T: Number<u64>>(bytes: T, _: &dyn Values) -> Result<String> {
    let n = bytes.number();
    Ok(match n {
        0..1_000_000 => format!("{} bytes", claim::thousands(n)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    })
}

/// A share as a length of a style sheet.
#[filter_fn]
pub(super) fn css<T: Number<f64>>(share: T, _: &dyn Values) -> Result<String> {
    Ok(format!(
        "{:.3}%",
        (share.number() * 100.0).clamp(0.0, 100.0)
    ))
}
