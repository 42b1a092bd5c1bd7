//! Dividing samples among proofs that can be combined: every one but the last fills its data vectors.

use std::fmt::{self, Display};
use std::ops::Range;
use std::str::FromStr;

use pleat_argument::layout::data_layout;
use pleat_argument::program::Kind;
use pleat_model::network::Network;
use serde::Serialize;

use crate::error::{Error, Result};

/// One of several shards, written `I/N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let numbers = s.split_once('/');
        let numbers = numbers.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            Some((_, of @ 1..)) => Err(format!(
                "of {of} shards the first is 0/{of}, the last {}/{of}",
                of - 1
            )),
            _ => Err("write it as I/N: 0/4 is the first of four shards, 3/4 the last".into()),
        }
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl Shard {
    /// This shard's part of the samples.
    pub(crate) fn of(
        self,
        network: &Network,
        kind: Kind,
        row_bits: u32,
        samples: Range<usize>,
    ) -> Result<Range<usize>> {
        let per_vector = per_vector(network, kind, row_bits)?;
        let parts = plan(samples.len() as u64, per_vector, self.of)?;
        let part = parts[self.index as usize];
        let start = samples.start + part.offset as usize;
        Ok(start..start + part.samples as usize)
    }
}

/// The samples of one of several proofs, or of one of several shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShardSamples {
    /// Which proof or shard, from 0 on.
    pub index: u64,
    /// Index of its first sample in the data.
    pub offset: u64,
    /// How many follow each other from there.
    pub samples: u64,
}

impl ShardSamples {
    /// As people read it.
    pub fn spelled(&self) -> String {
        spelled(self.offset, self.samples)
    }
}

/// Consecutive samples as people read them.
pub(crate) fn spelled(offset: u64, samples: u64) -> String {
    match samples {
        0 => "no samples".to_owned(),
        1 => format!("sample {offset}"),
        n => format!("samples {offset} to {}", offset.saturating_add(n - 1)),
    }
}

/// Samples of a data vector of statements of a kind.
pub(crate) fn per_vector(network: &Network, kind: Kind, row_bits: u32) -> Result<u64> {
    let (layout, _) = data_layout(network, kind == Kind::Accuracy, row_bits)?;
    Ok(1 << layout.samples_bits())
}

/// Divides samples among shards, in order: whole data vectors each, but that the last vector may be short. The first
/// shards have one vector more than the others where the vectors cannot be divided evenly.
///
/// # Errors
/// Fewer vectors than shards, or no shards.
pub(crate) fn plan(samples: u64, per_vector: u64, shards: u64) -> Result<Vec<ShardSamples>> {
    let vectors = samples.div_ceil(per_vector);
    if !(1..=vectors).contains(&shards) {
        return Err(Error::Invalid(format!(
            "{samples} samples fill {vectors} data vectors of {per_vector}, too few for {shards} shards; \
             divide them into at most {vectors}"
        )));
    }
    let first_vector = |index: u64| index * (vectors / shards) + index.min(vectors % shards);
    let start = |index: u64| samples.min(first_vector(index).saturating_mul(per_vector));
    let part = |index: u64| ShardSamples {
        index,
        offset: start(index),
        samples: start(index + 1) - start(index),
    };
    Ok((0..shards).map(part).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shards_are_all_samples_in_order(
            samples in 1u64..100_000,
            bits in 0u32..14,
            shards in 1u64..200,
        ) {
            let per_vector = 1 << bits;
            let vectors = samples.div_ceil(per_vector);
            let Ok(plan) = plan(samples, per_vector, shards) else {
                prop_assert!(shards > vectors);
                return Ok(());
            };
            prop_assert!(shards <= vectors);
            prop_assert_eq!(plan.len() as u64, shards);
            let mut next = 0;
            for (index, part) in plan.iter().enumerate() {
                prop_assert_eq!(part.index, index as u64);
                prop_assert_eq!(part.offset, next);
                prop_assert_eq!(part.offset % per_vector, 0);
                prop_assert!(part.samples > 0);
                next += part.samples;
            }
            prop_assert_eq!(next, samples);
            let sizes: Vec<u64> = plan.iter().map(|p| p.samples.div_ceil(per_vector)).collect();
            prop_assert!(sizes.is_sorted_by(|a, b| a >= b));
            prop_assert!(sizes[0] - sizes[sizes.len() - 1] <= 1);
        }
    }

    #[test]
    fn shards_are_written_as_a_fraction() {
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, of: 4 }));
        assert_eq!(Shard { index: 3, of: 4 }.to_string(), "3/4");
        for (text, says) in [
            ("4/4", "the last 3/4"),
            ("0/0", "as I/N"),
            ("1", "as I/N"),
            ("1/2/3", "as I/N"),
            ("-1/2", "as I/N"),
            ("0/99999999999999999999", "as I/N"),
        ] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn empty_shards_are_refused() {
        let error = plan(500, 256, 3).unwrap_err().to_string();
        assert!(
            error.contains("500 samples fill 2 data vectors of 256"),
            "{error}"
        );
        assert!(plan(500, 256, 0).is_err());
        assert!(plan(0, 256, 1).is_err());
    }
}
