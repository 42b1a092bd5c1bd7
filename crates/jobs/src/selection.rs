//! The part of a data set that a statement is about.

use std::ops::Range;

use pleat_argument::data::Samples;
use pleat_model::data::{DataSet, Sample};

use crate::console::Progress;

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

    /// In the numbers of the whole data set.
    fn own(&self, range: Range<u64>) -> Range<u64> {
        let start = self.range.start as u64;
        start + range.start..start + range.end
    }
}

/// Samples whose reading is shown.
pub(crate) struct Shown<'a> {
    pub(crate) samples: &'a Selection,
    pub(crate) progress: &'a Progress,
}

impl Samples for Shown<'_> {
    fn count(&self) -> u64 {
        self.samples.count()
    }

    fn labelled(&self) -> bool {
        self.samples.labelled()
    }

    fn read(&self, range: Range<u64>) -> pleat_argument::Result<Vec<Sample>> {
        let read = self.samples.read(range.clone())?;
        self.progress.set(range.end as usize);
        Ok(read)
    }

    fn name(&self, range: Range<u64>) -> String {
        self.samples.name(range)
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
        let mut samples = self.data.read(self.own(range))?;
        if !self.labelled {
            samples.iter_mut().for_each(|s| s.label = None);
        }
        Ok(samples)
    }

    fn name(&self, range: Range<u64>) -> String {
        self.data.name(self.own(range))
    }
}
