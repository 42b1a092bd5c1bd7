//! The part of a data set that a statement is about.

use std::ops::Range;

use pleat_argument::Error as ArgumentError;
use pleat_argument::Result as ArgumentResult;
use pleat_argument::data::Samples;
use pleat_model::data::{DataSet, Sample};

use crate::watch::{Phase, Watch};

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

/// Samples whose reading is told, and ends when it is asked to: with an error that [`Watch::reason`] explains.
pub(crate) struct WatchedSamples<'a> {
    pub(crate) samples: &'a Selection,
    pub(crate) watch: &'a Watch,
    pub(crate) phase: Option<&'a Phase<'a>>,
}

impl Samples for WatchedSamples<'_> {
    fn count(&self) -> u64 {
        self.samples.count()
    }

    fn labelled(&self) -> bool {
        self.samples.labelled()
    }

    fn read(&self, range: Range<u64>) -> ArgumentResult<Vec<Sample>> {
        if self.watch.stop().is_asked() {
            return Err(ArgumentError::Invalid("stopped".into()));
        }
        let read = self.samples.read(range.clone())?;
        if let Some(phase) = self.phase {
            phase.set(range.end);
        }
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

    fn read(&self, range: Range<u64>) -> ArgumentResult<Vec<Sample>> {
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
