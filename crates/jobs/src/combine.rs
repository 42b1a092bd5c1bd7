//! `pleat combine`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use pleat_compressor::{Combined, Envelope, Error as ProofError};
use pleat_model::files::{Access, write_atomic};
use serde::Serialize;

use crate::args::CombineArgs;
use crate::console::Console;
use crate::shard::spelled;
use crate::verbs::verify::{Case, Compared, VerifyResult, same_class};
use crate::verbs::{load_envelope, load_proofs, open_data, select, verify};

#[derive(Debug, Serialize)]
struct CombineResult {
    proof: PathBuf,
    proof_bytes: usize,
    #[serde(flatten)]
    verified: VerifyResult,
}

pub(crate) fn run(args: &CombineArgs, cache: &Path, console: &Console) -> Result<()> {
    let mut inputs: Vec<&Path> = args.proofs.iter().map(PathBuf::as_path).collect();
    inputs.extend([args.registration.as_path(), &args.data.data]);
    inputs.extend(args.data.labels.as_deref());
    crate::output::check(&args.output, &inputs, args.force)?;
    let registered = load_envelope("registration", &args.registration)?;
    let (places, proofs) = load(&args.proofs)?;
    for (place, own) in places.iter().zip(&proofs) {
        let registration = || format!("registration {}", args.registration.display());
        same_class(&registered, own)
            .with_context(registration)
            .with_context(|| place.clone())?;
    }
    // The registration's network: the proofs' must be the same, and are checked for it below.
    let (data, range) = open_data(&registered.network, &args.data)?;
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
        ProofError::Part { part, source } => Error::new(*source).context(places[part].clone()),
        other => other.into(),
    })?;
    let samples = select(data, range, proofs.statement().kind, &args.data.data)?;
    let case = Case {
        proofs: &proofs,
        places: &places,
        registration: &args.registration,
        registered: &registered,
        data: &args.data.data,
        samples: &samples,
        total,
    };
    let verified = case.verify(Compared::default(), cache, console)?;
    let bytes = proofs.to_bytes()?;
    write_atomic(&args.output, Access::Public, args.force, |w| {
        w.write_all(&bytes)
    })?;
    let result = CombineResult {
        proof: args.output.clone(),
        proof_bytes: bytes.len(),
        verified,
    };
    console.result(&result, || {
        format!(
            "combined    {} ({} bytes)\n{}",
            result.proof.display(),
            result.proof_bytes,
            verify::text(&result.verified)
        )
    })
}

/// Reads all proofs, those in combined ones too, each with its name in sentences.
fn load(paths: &[PathBuf]) -> Result<(Vec<String>, Vec<Envelope>)> {
    let (mut places, mut proofs) = (vec![], vec![]);
    let mut seen = BTreeMap::new();
    for path in paths {
        let place = format!("proof {}", path.display());
        let own = load_proofs(path)?;
        if let Ok(real) = path.canonicalize()
            && let Some(before) = seen.insert(real, path)
        {
            match before == path {
                true => bail!("{place}: it is given twice; give every proof once"),
                false => bail!(
                    "{place}: it is the file {}; give every proof once",
                    before.display()
                ),
            }
        }
        let n = own.len();
        for (i, own) in (1..).zip(own) {
            if own.is_registration() {
                bail!(
                    "{place}: it is a registration, no proof about data; give it with --registration, and proofs \
                     that `pleat prove` made"
                );
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
            bail!(
                "{place}: it is about {}, the last one wanted of the data is {}; leave it out or change --limit",
                spelled(start, range.end - start),
                wanted.end.saturating_sub(1)
            );
        }
        let (before, rest) = pieces.split_at(i);
        if start < next {
            match before.iter().find(|p| p.range.contains(&start)) {
                Some(other) => bail!(
                    "{place}: it begins at sample {start}, but {} is about that sample too; \
                     give proofs that do not overlap",
                    other.place
                ),
                None => bail!(
                    "{place}: it begins at sample {start}, before the first one wanted, {}; \
                     leave it out or change --offset",
                    wanted.start
                ),
            }
        }
        if start > next {
            let due = format!("{place}: it begins at sample {start}, but sample {next} is next");
            if let Some(other) = rest.iter().find(|p| p.range.start == next) {
                bail!("{due}; give {} before it", other.place);
            }
            let later = rest.iter().map(|p| p.range.start);
            let until = later.filter(|s| *s > next).min().unwrap_or(start);
            bail!("{due}; {}", missing(next, until));
        }
        next = range.end;
    }
    match pieces.last() {
        Some(last) if next < wanted.end => bail!(
            "{}: it ends before sample {next}, but it is the last; {}",
            last.place,
            missing(next, wanted.end)
        ),
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
