//! The page: its figures and its HTML.

use askama::Template;
use pleat_model::network::Network;
use serde::Serialize;

use super::claim::{Architecture, Claim};
use super::confusion::Confusion;
use super::cost::Cost;
use super::filters;
use super::machine::Made;
use super::timing::Timing;
use super::verdict::Verdict;
use crate::error::{Error, Result};

/// Samples and values of a look at the outputs.
const PREVIEW: [usize; 2] = [8, 10];

/// Everything the page says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of the page.
    pub title: String,
    /// Where and when it was made.
    pub made: Made,
    /// In the order they were given.
    pub proofs: Vec<Section>,
}

/// One proof.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Without its folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Of its content, in hexadecimal.
    pub sha256: String,
    /// Proofs in the file: several if it is a combined one.
    pub parts: usize,
    /// What it says.
    pub claim: Claim,
    /// The public part of the network.
    pub architecture: Architecture,
    /// Whether it was verified for the page.
    pub verdict: Verdict,
    /// For statements about outputs.
    pub outputs: Option<Preview>,
    /// Which classes are taken for which, where labels and outputs are known.
    pub confusion: Option<Confusion>,
    /// Where its rows come from.
    pub cost: Cost,
    /// What the prover said it took.
    pub timing: Option<Timing>,
}

/// The first output of the first samples.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The first ones.
    pub samples: Vec<PreviewSample>,
    /// Samples that are not shown.
    pub more_samples: u64,
    /// Values of each that are not shown.
    pub more_values: usize,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewSample {
    /// Index in the data.
    pub index: u64,
    /// Index of the largest value; the lowest wins a tie.
    pub top1: usize,
    /// Of the given data, if they have labels.
    pub label: Option<u32>,
    /// The first ones.
    pub values: Vec<i32>,
}

impl PreviewSample {
    /// Whether the label, if there is one, is the prediction.
    fn right(&self) -> bool {
        self.label.is_none_or(|label| label as usize == self.top1)
    }
}

impl Preview {
    /// Columns that the values take.
    fn columns(&self) -> usize {
        let values = self.samples.first().map_or(0, |s| s.values.len());
        values + usize::from(self.more_values > 0)
    }

    /// Of outputs `[sample][output][value]`, the first of them of sample `offset` of the data.
    pub(crate) fn new(outputs: &[Vec<Vec<i32>>], labels: Option<&[u32]>, offset: u64) -> Self {
        let [samples, values] = PREVIEW;
        let first = |sample: &Vec<Vec<i32>>| sample.first().cloned().unwrap_or_default();
        let shown = outputs.iter().take(samples).map(first).enumerate();
        Self {
            more_samples: outputs.len().saturating_sub(samples) as u64,
            more_values: outputs
                .first()
                .map_or(0, |s| first(s).len().saturating_sub(values)),
            samples: shown
                .map(|(index, own)| PreviewSample {
                    index: offset.saturating_add(index as u64),
                    top1: Network::top1(&own),
                    label: labels.and_then(|l| l.get(index).copied()),
                    values: own.into_iter().take(values).collect(),
                })
                .collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
}

impl Report {
    pub(crate) fn new(made: Made, proofs: Vec<Section>) -> Self {
        let title = match proofs.as_slice() {
            [one] => format!("Proof report: {}", one.file),
            more => format!("Report on {} proofs", more.len()),
        };
        Self {
            title,
            made,
            proofs,
        }
    }

    /// The whole page.
    ///
    /// # Errors
    /// Figures that cannot be written as JSON; there are none.
    pub fn html(&self) -> Result<String> {
        Page { report: self }
            .render()
            .map_err(|e| Error::Invalid(e.to_string()))
    }
}
