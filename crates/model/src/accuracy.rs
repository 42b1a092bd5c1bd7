//! Float against integer decisions over a stream of samples.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Sample;
use crate::execute::Executor;
use crate::graph::Graph;
use crate::network::Network;
use crate::{Error, Result};

/// Samples held in memory at once.
const BATCH: usize = 256;

/// Counts over a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Samples compared.
    pub samples: u64,
    /// Of these, with a label.
    pub labelled: u64,
    /// Labelled samples the float network gets right.
    pub float_correct: u64,
    /// Labelled samples the integer network gets right.
    pub int_correct: u64,
    /// Samples on which both decide the same.
    pub agree: u64,
    /// Samples the integer network refuses, because a quotient leaves its table.
    pub refused: u64,
}

impl Accuracy {
    /// Share of labelled samples the float network gets right.
    pub fn float_accuracy(&self) -> Option<f64> {
        (self.labelled > 0).then(|| self.float_correct as f64 / self.labelled as f64)
    }

    /// Share of labelled samples the integer network gets right.
    pub fn int_accuracy(&self) -> Option<f64> {
        (self.labelled > 0).then(|| self.int_correct as f64 / self.labelled as f64)
    }

    fn add(self, o: Self) -> Self {
        Self {
            samples: self.samples + o.samples,
            labelled: self.labelled + o.labelled,
            float_correct: self.float_correct + o.float_correct,
            int_correct: self.int_correct + o.int_correct,
            agree: self.agree + o.agree,
            refused: self.refused + o.refused,
        }
    }
}

/// Runs both networks over `samples`; `progress` hears the number done so far.
///
/// # Errors
/// The first error of the stream, or a sample that does not fit the network.
pub fn compare(
    graph: &Graph,
    executor: &Executor<'_>,
    samples: impl Iterator<Item = Result<Sample>>,
    mut progress: impl FnMut(u64),
) -> Result<Accuracy> {
    let mut total = Accuracy::default();
    let mut samples = samples.peekable();
    while samples.peek().is_some() {
        let batch = samples.by_ref().take(BATCH).collect::<Result<Vec<_>>>()?;
        let first = total.samples as usize;
        let counts = batch
            .par_iter()
            .enumerate()
            .map(|(i, s)| one(graph, executor, s, first + i))
            .try_reduce(Accuracy::default, |a, b| Ok(a.add(b)))?;
        total = total.add(counts);
        progress(total.samples);
    }
    Ok(total)
}

fn one(graph: &Graph, executor: &Executor<'_>, sample: &Sample, index: usize) -> Result<Accuracy> {
    let input: Vec<f32> = sample.values.iter().map(|&v| v as f32).collect();
    let tensors = graph.run(&input)?;
    let float = Network::top1(&tensors[graph.outputs[0].node]);
    let int = match executor.run(&sample.values, index) {
        Ok(outputs) => Some(Network::top1(&outputs[0])),
        Err(Error::OutOfTable { .. }) => None,
        Err(e) => return Err(e),
    };
    let right = |p: usize| u64::from(sample.label.is_some_and(|l| l as usize == p));
    Ok(Accuracy {
        samples: 1,
        labelled: u64::from(sample.label.is_some()),
        float_correct: right(float),
        int_correct: int.map_or(0, right),
        agree: u64::from(int == Some(float)),
        refused: u64::from(int.is_none()),
    })
}
