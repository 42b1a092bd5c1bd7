//! Which classes are taken for which: labels against predictions.

use std::collections::BTreeMap;

use pleat_model::data::check_label;
use serde::Serialize;

use crate::error::Result;

/// Most classes whose matrix is shown as a table.
const TABLE_CLASSES: usize = 50;
/// Most pairs listed instead.
const LISTED_PAIRS: usize = 30;

/// Labels against predictions, and on whose word.
#[derive(Clone, Debug, Serialize)]
pub struct Confusion {
    /// On whose word, in words.
    pub basis: &'static str,
    /// Of output 0.
    pub classes: usize,
    /// How many were counted.
    pub samples: u64,
    /// Predictions that are the label.
    pub correct: u64,
    /// `[label][prediction]`, for few classes.
    pub cells: Option<Vec<Vec<u64>>>,
    /// The most frequent wrong predictions, for many.
    pub pairs: Option<Vec<Pair>>,
    /// Wrong predictions that are not listed.
    pub unlisted: u64,
}

/// One kind of mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The right class.
    pub label: u32,
    /// What the network says.
    pub predicted: usize,
    /// How often.
    pub count: u64,
}

impl Confusion {
    /// Counts; `first` is the index of the first sample in the data, for messages.
    ///
    /// # Errors
    /// A label that names no class.
    pub(crate) fn new(
        basis: &'static str,
        classes: usize,
        labels: &[u32],
        predictions: &[usize],
        first: usize,
    ) -> Result<Self> {
        let mut counts: BTreeMap<(u32, usize), u64> = BTreeMap::new();
        for (i, (&label, &predicted)) in labels.iter().zip(predictions).enumerate() {
            check_label(label, classes, first + i)?;
            *counts.entry((label, predicted)).or_default() += 1;
        }
        let right = |&(label, predicted): &(u32, usize)| label as usize == predicted;
        let total = |wanted: bool| {
            let some = counts.iter().filter(|(pair, _)| right(pair) == wanted);
            some.map(|(_, n)| n).sum::<u64>()
        };
        let (correct, wrong) = (total(true), total(false));
        let mut confusion = Self {
            basis,
            classes,
            samples: correct + wrong,
            correct,
            cells: None,
            pairs: None,
            unlisted: 0,
        };
        if classes <= TABLE_CLASSES {
            let mut cells = vec![vec![0; classes]; classes];
            for ((label, predicted), n) in counts {
                cells[label as usize][predicted] = n;
            }
            confusion.cells = Some(cells);
            return Ok(confusion);
        }
        let mut pairs: Vec<Pair> = (counts.into_iter())
            .filter(|(pair, _)| !right(pair))
            .map(|((label, predicted), count)| Pair {
                label,
                predicted,
                count,
            })
            .collect();
        // Stable: equal counts stay in the order of their classes.
        pairs.sort_by_key(|p| std::cmp::Reverse(p.count));
        pairs.truncate(LISTED_PAIRS);
        confusion.unlisted = wrong - pairs.iter().map(|p| p.count).sum::<u64>();
        confusion.pairs = Some(pairs);
        Ok(confusion)
    }

    /// The table with what only the eye needs.
    pub(super) fn rows(&self) -> Option<Vec<Row>> {
        let cells = self.cells.as_ref()?;
        let peaks = peaks(cells);
        let row = |(label, counts): (usize, &Vec<u64>)| {
            let samples = counts.iter().sum();
            let cell = |(predicted, &count): (usize, &u64)| {
                let right = label == predicted;
                Cell {
                    count,
                    right,
                    // A single mistake is to be seen, too.
                    shade: (count as f64 / peaks[usize::from(right)].max(1) as f64).sqrt(),
                }
            };
            Row {
                cells: counts.iter().enumerate().map(cell).collect(),
                samples,
                right: (samples > 0).then(|| counts[label] as f64 / samples as f64),
            }
        };
        Some(cells.iter().enumerate().map(row).collect())
    }
}

/// A label's predictions.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    pub(super) samples: u64,
    /// Share of the samples.
    pub(super) right: Option<f64>,
}

/// One number of the table.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) count: u64,
    pub(super) right: bool,
    /// From 0 to 1.
    pub(super) shade: f64,
}

/// The largest count off the diagonal, and on it: what shades are relative to.
fn peaks(cells: &[Vec<u64>]) -> [u64; 2] {
    let mut peaks = [0, 0];
    for (label, row) in cells.iter().enumerate() {
        for (predicted, &n) in row.iter().enumerate() {
            let peak = &mut peaks[usize::from(label == predicted)];
            *peak = n.max(*peak);
        }
    }
    peaks
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn few_classes_make_a_table() {
        let labels = [0, 1, 2, 2, 2, 1];
        let predictions = [0, 1, 2, 1, 1, 0];
        let c = Confusion::new("test", 3, &labels, &predictions, 0).unwrap();
        assert_eq!(
            c.cells.as_deref().unwrap(),
            [[1, 0, 0], [1, 1, 0], [0, 2, 1]].map(Vec::from)
        );
        assert_eq!((c.correct, c.samples, c.unlisted), (3, 6, 0));
        let rows = c.rows().unwrap();
        assert_eq!(
            rows.iter().map(|r| r.samples).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(rows[1].right, Some(0.5));
        assert_eq!((rows[2].cells[1].shade, rows[2].cells[2].shade), (1.0, 1.0));
        assert!(rows[1].cells[0].shade > 0.5 && rows[0].cells[1].shade == 0.0);
        assert!(c.pairs.is_none());
    }

    #[test]
    fn many_classes_make_a_list_of_the_most_frequent_mistakes() {
        // Class l is taken for l + 1 as often as l says, below 40; every other sample is right.
        let (mut labels, mut predictions) = (vec![], vec![]);
        for label in 0..40u32 {
            for _ in 0..label {
                labels.push(label);
                predictions.push(label as usize + 1);
            }
        }
        labels.extend([99; 5]);
        predictions.extend([99; 5]);
        let c = Confusion::new("test", 100, &labels, &predictions, 0).unwrap();
        let pairs = c.pairs.as_deref().unwrap();
        assert!(c.cells.is_none());
        assert_eq!(pairs.len(), LISTED_PAIRS);
        assert_eq!(
            pairs[0],
            Pair {
                label: 39,
                predicted: 40,
                count: 39
            }
        );
        let listed: u64 = pairs.iter().map(|p| p.count).sum();
        assert_eq!(c.correct, 5);
        assert_eq!(c.correct + listed + c.unlisted, c.samples);
        assert_eq!(c.unlisted, (1..=9).sum::<u64>());
    }

    #[test]
    fn a_label_without_a_class_is_refused() {
        let error = Confusion::new("test", 3, &[0, 3], &[0, 0], 7).unwrap_err();
        assert!(error.to_string().contains("sample 8: label 3"), "{error}");
    }
}
