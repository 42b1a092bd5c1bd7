//! The part of a data set that a statement is about.

use std::ops::Range;

use pleat_argument::data::Samples;
use pleat_model::data::{DataSet, Sample};

/// Consecutive samples, with labels only where the statement needs them.
#[derive(Debug)]
pub(crate) struct Selection {
    data: DataSet,
    range: Range<usize>,
    labelled: bool,
}

impl Selection {
    pub(crate) fn new(data: DataSet, range: Range<usize>, labelled: bool) -> Self {
        Self {
            data,
            range,
            labelled,
        }
    }

    /// Index of the first sample in the data.
    pub(crate) fn offset(&self) -> u64 {
        self.range.start as u64
    }
}

impl Samples for Selection {
    fn count(&self) -> u64 {
        self.range.len() as u64
    }

    fn labelled(&self) -> bool {
        self.labelled
    }

    fn read(&self, range: Range<u64>) -> pleat_argument::Result<Vec<Sample>> {
        let start = self.range.start;
        let own = start + range.start as usize..start + range.end as usize;
        let mut samples = self
            .data
            .samples(own)?
            .collect::<pleat_model::Result<Vec<_>>>()?;
        if !self.labelled {
            samples.iter_mut().for_each(|s| s.label = None);
        }
        Ok(samples)
    }
}
