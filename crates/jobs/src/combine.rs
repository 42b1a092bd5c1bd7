//! One proof of the proofs of all parts of some data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pleat_compressor::{Combined, Envelope, Error as ProofError};
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::error::{Error, Locate, Result};
use crate::load::{DataOptions, load_envelope, load_proofs, open_data, select};
use crate::output;
use crate::shard::spelled;
use crate::store::KeyStore;
use crate::verify::{Case, Compared, VerifyResult, same_class};
use crate::watch::Watch;

/// What to combine, and what the parts are about.
#[derive(Clone, Debug, Default)]
pub struct CombineOptions {
    /// The proofs of the parts, in the order of the data.
    pub proofs: Vec<PathBuf>,
    /// The registration of their model.
    pub registration: PathBuf,
    /// The data they are about together.
    pub data: DataOptions,
    /// Where the combined proof goes.
    pub output: PathBuf,
    /// Overwrite an existing proof.
    pub force: bool,
}

/// A combined proof that was made.
#[derive(Clone, Debug, Serialize)]
pub struct CombineResult {
    /// The file; it is public.
    pub proof: PathBuf,
    /// Its length.
    pub proof_bytes: usize,
    /// What it says; the parts were verified.
    #[serde(flatten)]
    pub verified: VerifyResult,
}

/// Verifies the proofs of all parts of some data, and writes them as one.
///
/// # Errors
/// As [`verify`](fn@crate::verify); proofs that are not exactly the wanted samples in their order, a proof that
/// exists or cannot be written.
pub fn combine(options: &CombineOptions, store: &KeyStore, watch: &Watch) -> Result<CombineResult> {
    let mut inputs: Vec<&Path> = options.proofs.iter().map(PathBuf::as_path).collect();
    inputs.extend([options.registration.as_path(), &options.data.path]);
    inputs.extend(options.data.labels.as_deref());
    output::check(&options.output, &inputs, options.force)?;
    let registered = load_envelope("registration", &options.registration)?;
    let (places, proofs) = load(&options.proofs)?;
    for (place, own) in places.iter().zip(&proofs) {
        let registration = || format!("registration {}", options.registration.display());
        same_class(&registered, own)
            .at(registration)
            .at(|| place.clone())?;
    }
    // The registration's network: the proofs' must be the same, and are checked for it below.
    let (data, range) = open_data(&registered.network, &options.data)?;
    let total = data.len();
    let pieces: Vec<Piece<'_>> = places
        .iter()
        .zip(&proofs)
        .map(|(place, own)| Piece {
            place,
            range: own.offset..own.offset.saturating_add(own.statement.samples),
        })
        .collect();
    cover(&pieces, range.start as u64..range.end as u64)?;
    let proofs = Combined::new(proofs).map_err(|e| match e {
        ProofError::Part { part, source } => Error::from(*source).at(&places[part]),
        other => other.into(),
    })?;
    let samples = select(data, range, proofs.statement().kind, &options.data.path)?;
    let case = Case {
        proofs: &proofs,
        places: &places,
        registration: &options.registration,
        registered: &registered,
        data: &options.data.path,
        samples: &samples,
        total,
    };
    let verified = case.verify(Compared::default(), store, watch)?;
    let bytes = proofs.to_bytes()?;
    write_atomic(&options.output, Access::Public, options.force, |w| {
        w.write_all(&bytes)
    })?;
    Ok(CombineResult {
        proof: options.output.clone(),
        proof_bytes: bytes.len(),
        verified,
    })
}

/// Reads all proofs, those in combined ones too, each with its name in sentences.
fn load(paths: &[PathBuf]) -> Result<(Vec<String>, Vec<Envelope>)> {
    if paths.is_empty() {
        return Err(Error::invalid("no proofs to combine; give at least one"));
    }
    let (mut places, mut proofs) = (vec![], vec![]);
    let mut seen = BTreeMap::new();
    for path in paths {
        let place = format!("proof {}", path.display());
        let own = load_proofs(path)?;
        if let Ok(real) = path.canonicalize()
            && let Some(before) = seen.insert(real, path)
        {
            let what = match before == path {
                true => "given twice".to_owned(),
                false => format!("the file {}", before.display()),
            };
            return Err(Error::Invalid(format!(
                "{place}: it is {what}; give every proof once"
            )));
        }
        let n = own.len();
        for (i, own) in (1..).zip(own) {
            if own.is_registration() {
                return Err(Error::Invalid(format!(
                    "{place}: it is a registration, no proof about data; give it with --registration, and proofs \
                     that `pleat prove` made"
                )));
            }
            places.push(match n {
                1 => place.clone(),
                n => format!("{place}, part {i} of {n}"),
            });
            proofs.push(own);
        }
    }
    Ok((places, proofs))
}

/// A proof and the samples it says it is about.
#[derive(Debug)]
struct Piece<'a> {
    place: &'a str,
    range: Range<u64>,
}

/// Refuses pieces that are not exactly the wanted samples in their order, and says what to give instead.
fn cover(pieces: &[Piece<'_>], wanted: Range<u64>) -> Result<()> {
    let mut next = wanted.start;
    let missing = |next: u64, until: u64| {
        let samples = until - next;
        let part = spelled(next, samples);
        format!("no proof given is about {part}: make it with --offset {next} --limit {samples}")
    };
    for (i, Piece { place, range }) in pieces.iter().enumerate() {
        let start = range.start;
        if range.end > wanted.end {
            return Err(Error::Invalid(format!(
                "{place}: it is about {}, the last one wanted of the data is {}; leave it out or change --limit",
                spelled(start, range.end - start),
                wanted.end.saturating_sub(1)
            )));
        }
        let (before, rest) = pieces.split_at(i);
        if start < next {
            let sentence = match before.iter().find(|p| p.range.contains(&start)) {
                Some(other) => format!(
                    "but {} is about that sample too; give proofs that do not overlap",
                    other.place
                ),
                None => format!(
                    "before the first one wanted, {}; leave it out or change --offset",
                    wanted.start
                ),
            };
            return Err(Error::Invalid(format!(
                "{place}: it begins at sample {start}, {sentence}"
            )));
        }
        if start > next {
            let due = format!("{place}: it begins at sample {start}, but sample {next} is next");
            if let Some(other) = rest.iter().find(|p| p.range.start == next) {
                return Err(Error::Invalid(format!(
                    "{due}; give {} before it",
                    other.place
                )));
            }
            let later = rest.iter().map(|p| p.range.start);
            let until = later.filter(|s| *s > next).min().unwrap_or(start);
            return Err(Error::Invalid(format!("{due}; {}", missing(next, until))));
        }
        next = range.end;
    }
    match pieces.last() {
        Some(last) if next < wanted.end => Err(Error::Invalid(format!(
            "{}: it ends before sample {next}, but it is the last; {}",
            last.place,
            missing(next, wanted.end)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covered(ranges: &[Range<u64>], wanted: Range<u64>) -> Result<(), String> {
        let places: Vec<String> = (0..ranges.len()).map(|i| format!("p{i}")).collect();
        let pieces = places.iter().zip(ranges);
        let pieces: Vec<Piece<'_>> = pieces
            .map(|(place, range)| Piece {
                place,
                range: range.clone(),
            })
            .collect();
        cover(&pieces, wanted).map_err(|e| e.to_string())
    }

    #[test]
    fn what_does_not_cover_is_named() {
        for (ranges, wanted, says) in [
            (
                &[0..4, 8..12, 4..8][..],
                0..12,
                "p1: it begins at sample 8, but sample 4 is next; give p2 before it",
            ),
            (
                &[4..8, 0..4],
                0..8,
                "p0: it begins at sample 4, but sample 0 is next; give p1 before it",
            ),
            (
                &[4..8, 8..12],
                0..12,
                "p0: it begins at sample 4, but sample 0 is next; no proof given is about samples 0 to 3: make it with --offset 0 --limit 4",
            ),
            (
                &[0..4, 8..12],
                0..12,
                "p1: it begins at sample 8, but sample 4 is next; no proof given is about samples 4 to 7: make it with --offset 4 --limit 4",
            ),
            (&[0..4, 12..16, 8..12], 0..16, "samples 4 to 7"),
            (
                &[0..4, 4..5],
                0..6,
                "p1: it ends before sample 5, but it is the last; no proof given is about sample 5: make it with --offset 5 --limit 1",
            ),
            (
                &[0..4, 4..8, 0..4],
                0..8,
                "p2: it begins at sample 0, but p0 is about that sample too",
            ),
            (
                &[0..4, 2..8],
                0..8,
                "p1: it begins at sample 2, but p0 is about that sample too",
            ),
            (
                &[0..4, 4..8],
                4..8,
                "p0: it begins at sample 0, before the first one wanted, 4",
            ),
            (
                &[0..4, 4..8],
                0..6,
                "p1: it is about samples 4 to 7, the last one wanted of the data is 5",
            ),
            (
                &[0..4, 8..12],
                0..4,
                "p1: it is about samples 8 to 11, the last one wanted of the data is 3",
            ),
        ] {
            let error = covered(ranges, wanted).unwrap_err();
            assert!(error.contains(says), "{ranges:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn only_all_samples_in_order_cover(
            sizes in prop::collection::vec(1u64..5, 1..6),
            first in 0u64..10,
            changes in prop::collection::vec((0usize..4, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
        ) {
            let mut next = first;
            let mut ranges = vec![];
            for size in sizes {
                ranges.push(next..next + size);
                next += size;
            }
            let wanted = first..next;
            for (change, a, b) in changes {
                if ranges.is_empty() {
                    break;
                }
                let (a, b) = (a.index(ranges.len()), b.index(ranges.len()));
                match change {
                    0 => ranges.swap(a, b),
                    1 => drop(ranges.remove(a)),
                    2 => ranges.insert(b, ranges[a].clone()),
                    _ => ranges[a].end += 1,
                }
            }
            // The command line has at least one.
            if !ranges.is_empty() {
                let samples = ranges.iter().cloned().flatten();
                prop_assert_eq!(covered(&ranges, wanted.clone()).is_ok(), samples.eq(wanted));
            }
        }
    }
}
