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
