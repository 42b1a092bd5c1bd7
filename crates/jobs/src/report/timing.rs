//! Where time and memory went, on the prover's word: the results of `pleat prove --json`.

use std::path::Path;

use pleat_model::files::read_at_most;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use crate::error::{Error, Locate, Result};
use crate::text::file_name;

/// Bytes of the largest result read: one that prints the outputs of a large data set.
const MAX_BYTES: u64 = 1 << 28;

/// What is read of a result.
#[derive(Debug, Deserialize)]
pub(crate) struct ProverResult {
    statement: Proved,
    steps: u64,
    constraints_per_step: u64,
    proof_bytes: u64,
    peak_rss_bytes: Option<u64>,
    setup: SetupPart,
    spent: SpentPart,
    #[serde(skip)]
    file: String,
}

#[derive(Debug, Deserialize)]
struct Proved {
    kind: String,
    model_id: String,
    data_id: Option<String>,
    samples: u64,
    context: String,
    correct: Option<u64>,
    outputs: Option<Vec<Vec<Vec<i32>>>>,
}

#[derive(Debug, Deserialize)]
struct SetupPart {
    seconds: f64,
}

#[derive(Debug, Deserialize)]
struct SpentPart {
    commit_seconds: f64,
    argument_seconds: f64,
    open_seconds: f64,
    fold_seconds: f64,
    prove_seconds: f64,
    compress_seconds: f64,
}

impl ProverResult {
    /// # Errors
    /// A file that is no result of `pleat prove --json`.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let bytes = match read_at_most(path, MAX_BYTES)? {
                Ok(bytes) => bytes,
                Err(size) => {
                    return Err(Error::Invalid(format!(
                        "{size} bytes are no result of `pleat prove --json`"
                    )));
                }
            };
            let mut result: Self = serde_json::from_slice(&bytes).map_err(|e| {
                Error::Invalid(format!(
                    "{e}; give what `pleat prove --json` printed for the proof"
                ))
            })?;
            let s = &result.spent;
            let seconds = [
                result.setup.seconds,
                s.commit_seconds,
                s.argument_seconds,
                s.open_seconds,
                s.fold_seconds,
                s.prove_seconds,
                s.compress_seconds,
            ];
            if !seconds.iter().all(|s| (0.0..1e12).contains(s)) {
                return Err(Error::invalid(
                    "it has times below zero or beyond measure; give what `pleat prove --json` printed",
                ));
            }
            result.file = file_name(path);
            Ok(result)
        };
        read().at(|| format!("run {}", path.display()))
    }

    /// Whether it is about exactly this statement.
    pub(crate) fn is_of(&self, claim: &Claim, proved: &[Vec<Vec<i32>>]) -> bool {
        let s = &self.statement;
        let outputs = match &s.outputs {
            Some(outputs) => outputs == proved,
            None => proved.is_empty(),
        };
        s.kind == claim.kind
            && s.model_id == claim.model_id
            && s.data_id.as_ref() == Some(&claim.data_id)
            && (s.samples, s.correct) == (claim.samples, claim.correct)
            && s.context == claim.context
            && outputs
    }

    pub(crate) fn timing(self) -> Timing {
        let s = &self.spent;
        Timing {
            file: self.file,
            setup_seconds: self.setup.seconds,
            prove_seconds: s.prove_seconds,
            commit_seconds: s.commit_seconds,
            argument_seconds: s.argument_seconds,
            open_seconds: s.open_seconds,
            fold_seconds: s.fold_seconds,
            compress_seconds: s.compress_seconds,
            total_seconds: self.setup.seconds + s.prove_seconds + s.compress_seconds,
            steps: self.steps,
            constraints_per_step: self.constraints_per_step,
            peak_rss_bytes: self.peak_rss_bytes,
            proof_bytes: self.proof_bytes,
        }
    }
}

/// What a run of the prover took, as it said.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// The file that said so, without its folder.
    pub file: String,
    /// Keys and circuit.
    pub setup_seconds: f64,
    /// From the first row to the last fold; the next three on one thread, folding on another beside it.
    pub prove_seconds: f64,
    /// Committing to rows.
    pub commit_seconds: f64,
    /// Sum-checks and lookups.
    pub argument_seconds: f64,
    /// Opening.
    pub open_seconds: f64,
    /// Folding.
    pub fold_seconds: f64,
    /// Compression.
    pub compress_seconds: f64,
    /// Setup, proving and compression.
    pub total_seconds: f64,
    /// Steps folded.
    pub steps: u64,
    /// Folding included.
    pub constraints_per_step: u64,
    /// Largest resident set, where the system said it.
    pub peak_rss_bytes: Option<u64>,
    /// Length of the proof file.
    pub proof_bytes: u64,
}

/// A line of the chart: parts one after the other on a common axis.
#[derive(Debug, PartialEq)]
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) parts: Vec<Span>,
}

/// Begin and length as shares of the axis.
#[derive(Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) part: &'static str,
    pub(crate) begin: f64,
    pub(crate) length: f64,
}

impl Timing {
    /// The chart. Threads begin with the proving; within it their work is summed up, not in the order it was done.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let lanes = [
            (
                "elapsed",
                0.0,
                vec![
                    ("setup", self.setup_seconds),
                    ("proving", self.prove_seconds),
                    ("compression", self.compress_seconds),
                ],
            ),
            (
                "prover",
                self.setup_seconds,
                vec![
                    ("committing", self.commit_seconds),
                    ("arguing", self.argument_seconds),
                    ("opening", self.open_seconds),
                ],
            ),
            (
                "folder",
                self.setup_seconds,
                vec![("folding", self.fold_seconds)],
            ),
        ];
        let end = |(_, begin, parts): &(_, f64, Vec<(_, f64)>)| {
            begin + parts.iter().map(|(_, s)| s).sum::<f64>()
        };
        // A run that went on from a checkpoint may have folded for longer than it took.
        let axis = lanes.iter().map(end).fold(f64::MIN_POSITIVE, f64::max);
        let lane = |(name, mut begin, parts): (&'static str, f64, Vec<(&'static str, f64)>)| Lane {
            name,
            parts: parts
                .into_iter()
                .map(|(part, seconds)| {
                    let span = Span {
                        part,
                        begin: begin / axis,
                        length: seconds / axis,
                    };
                    begin += seconds;
                    span
                })
                .collect(),
        };
        lanes.into_iter().map(lane).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_end_within_the_axis() {
        let mut timing = Timing {
            file: "r.json".into(),
            setup_seconds: 2.0,
            prove_seconds: 6.0,
            commit_seconds: 1.0,
            argument_seconds: 2.0,
            open_seconds: 1.0,
            fold_seconds: 5.5,
            compress_seconds: 4.0,
            total_seconds: 12.0,
            steps: 9,
            constraints_per_step: 1,
            peak_rss_bytes: None,
            proof_bytes: 1,
        };
        let end = |lane: &Lane| lane.parts.last().map(|p| p.begin + p.length);
        let lanes = timing.lanes();
        assert_eq!(end(&lanes[0]), Some(1.0));
        assert_eq!(end(&lanes[1]), Some(0.5));
        assert_eq!(end(&lanes[2]), Some(7.5 / 12.0));
        timing.fold_seconds = 100.0;
        assert!(timing.lanes().iter().all(|l| end(l) <= Some(1.0)));
        timing.fold_seconds = 0.0;
        (
            timing.setup_seconds,
            timing.prove_seconds,
            timing.compress_seconds,
        ) = (0.0, 0.0, 0.0);
        (
            timing.commit_seconds,
            timing.argument_seconds,
            timing.open_seconds,
        ) = (0.0, 0.0, 0.0);
        let shares = |l: &Lane| l.parts.iter().all(|p| p.begin == 0.0 && p.length == 0.0);
        assert!(timing.lanes().iter().all(shares));
    }
}
