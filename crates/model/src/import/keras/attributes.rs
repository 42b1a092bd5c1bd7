//! The attributes of a layer's configuration.

use serde_json::Value as Json;

use super::config::brief;
use crate::{Error, Result, limits};

/// The attributes of a layer, with errors that name layer, class and attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    pub(super) layer: &'a str,
    pub(super) class: &'a str,
    pub(super) config: &'a Json,
}

impl<'a> Attributes<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Json> {
        self.config.get(key).filter(|v| !v.is_null())
    }

    /// An [`Error::Unsupported`] about one attribute.
    pub(super) fn refuse(&self, key: &str, closest: &str) -> Error {
        let found = match self.get(key) {
            Some(v) => brief(v),
            None => "nothing".to_owned(),
        };
        Error::unsupported(
            self.layer,
            self.class,
            Some(key),
            format!("found {found}; the closest supported form is {closest}"),
        )
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(v) => v.as_bool().ok_or_else(|| self.refuse(key, "true or false")),
        }
    }

    pub(super) fn text(&self, key: &str, default: &'a str) -> Result<&'a str> {
        match self.get(key) {
            None => Ok(default),
            Some(v) => v.as_str().ok_or_else(|| self.refuse(key, "a text")),
        }
    }

    /// A number; older versions wrap NumPy numbers in an object.
    pub(super) fn number(&self, key: &str, default: Option<f64>) -> Result<Option<f64>> {
        let Some(v) = self.get(key) else {
            return Ok(default);
        };
        let number = v.as_f64().or_else(|| {
            let inner = v.get("value").or_else(|| v["config"].get("value"))?;
            inner.as_f64()
        });
        match number {
            Some(n) if (n as f32).is_finite() => Ok(Some(n)),
            _ => Err(self.refuse(key, "a finite number")),
        }
    }

    pub(super) fn count(&self, key: &str, default: usize) -> Result<usize> {
        match self.get(key) {
            None => Ok(default),
            Some(v) => small(v).ok_or_else(|| self.refuse(key, "a positive integer")),
        }
    }

    /// Rows and columns: a number for both, or a list; of a 1-D layer one number, for columns.
    pub(super) fn pair(
        &self,
        key: &str,
        spatial: usize,
        default: Option<[usize; 2]>,
    ) -> Result<[usize; 2]> {
        let closest = if spatial == 1 {
            "one positive integer"
        } else {
            "two positive integers"
        };
        let refuse = || self.refuse(key, closest);
        let Some(v) = self.get(key) else {
            return default.ok_or_else(refuse);
        };
        let items: Vec<usize> = match v {
            Json::Array(items) => items.iter().map(small).collect::<Option<_>>(),
            v => small(v).map(|n| vec![n; spatial]),
        }
        .ok_or_else(refuse)?;
        match (spatial, items.as_slice()) {
            (1, &[n]) => Ok([1, n]),
            (2, &[a, b]) => Ok([a, b]),
            _ => Err(refuse()),
        }
    }

    /// One axis, counted from the front; a list of one is accepted.
    pub(super) fn axis(&self, key: &str, default: i64, rank: usize) -> Result<usize> {
        let axis = match self.get(key) {
            None => Some(default),
            Some(Json::Array(items)) if items.len() == 1 => items[0].as_i64(),
            Some(v) => v.as_i64(),
        };
        axis.and_then(|a| positive_axis(a, rank)).ok_or_else(|| {
            self.refuse(
                key,
                &format!("one axis from 1 to {}", rank.saturating_sub(1)),
            )
        })
    }

    /// Whether channels are the last axis.
    pub(super) fn channels_last(&self) -> Result<bool> {
        match self.text("data_format", "channels_last")? {
            "channels_last" => Ok(true),
            "channels_first" => Ok(false),
            _ => Err(self.refuse("data_format", "channels_last or channels_first")),
        }
    }
}

/// An axis other than the batch; negative ones count from the end.
pub(super) fn positive_axis(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 {
        axis.checked_add(rank)?
    } else {
        axis
    };
    (1..rank).contains(&axis).then_some(axis as usize)
}

/// A positive integer that cannot overflow the arithmetic of windows.
fn small(v: &Json) -> Option<usize> {
    v.as_u64()
        .filter(|&n| n > 0 && n <= limits::MAX_TENSOR_VALUES as u64)
        .map(|n| n as usize)
}
