//! The page of `pleat report`.
//!
//! [`Report`] holds every figure of the page. The template shows them, the page embeds them as JSON and
//! `--json` prints them, so that there is one truth. All text that comes from files goes through [`plain`] and
//! the template's escaping.

pub(crate) mod claim;
pub(crate) mod confusion;
pub(crate) mod cost;
mod filters;
pub(crate) mod machine;
pub(crate) mod timing;
pub(crate) mod verdict;

use std::path::Path;

use anyhow::Result;
use askama::Template;
use pleat_model::network::Network;
use serde::Serialize;

use self::claim::{Architecture, Claim};
use self::confusion::Confusion;
use self::cost::Cost;
use self::machine::Made;
use self::timing::Timing;
use self::verdict::Verdict;
use crate::console::printable;

/// Characters of a name that are shown.
const NAME_CHARACTERS: usize = 80;
/// Samples and values of a look at the outputs.
const PREVIEW: [usize; 2] = [8, 10];

/// Everything the page says.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) made: Made,
    pub(crate) proofs: Vec<Section>,
}

/// One proof.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    /// Without its folder.
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Proofs in the file: several if it is a combined one.
    pub(crate) parts: usize,
    pub(crate) claim: Claim,
    pub(crate) architecture: Architecture,
    pub(crate) verdict: Verdict,
    /// For statements about outputs.
    pub(crate) outputs: Option<Preview>,
    pub(crate) confusion: Option<Confusion>,
    pub(crate) cost: Cost,
    pub(crate) timing: Option<Timing>,
}

/// The first output of the first samples.
#[derive(Debug, Serialize)]
pub(crate) struct Preview {
    pub(crate) samples: Vec<PreviewSample>,
    /// Samples, and values of each, that are not shown.
    pub(crate) more_samples: u64,
    pub(crate) more_values: usize,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewSample {
    /// Index in the data.
    pub(crate) index: u64,
    /// Index of the largest value; the lowest wins a tie.
    pub(crate) top1: usize,
    pub(crate) label: Option<u32>,
    pub(crate) values: Vec<i32>,
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
    pub(crate) fn html(&self) -> Result<String> {
        Ok(Page { report: self }.render()?)
    }
}

/// A name from a file or a path: without marks that would reorder or hide the text around it, and not so long
/// that nothing else is seen.
pub(crate) fn plain(name: &str) -> String {
    let mut short: String = name.chars().take(NAME_CHARACTERS).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    printable(&short, false)
}

/// The name of a file without its folder, which is nobody's business but the maker's.
pub(crate) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    plain(&name.to_string_lossy())
}
