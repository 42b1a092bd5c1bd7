//! Samples: where they come from, how they are committed to, how private ones are registered.

use std::ops::Range;

use halo2curves::bn256::G1Affine;
use pleat_model::data::{DataSet, Sample};
use pleat_model::network::{Network, Trace, Weights};
use sha2::{Digest, Sha256};

use crate::commitment::{Blinder, Key};
use crate::evaluation::registration;
use crate::group::prove::{Committed, Prover, Setting, Sink};
use crate::layout::{self, data_layout};
use crate::opening::Scheme;
use crate::program::{DataLayout, Region};
use crate::proof::{Folded, Proof};
use crate::statement::{Visibility, data_id};
use crate::step::schedule::Schedule;
use crate::witness::{Executed, data_vector};
use crate::{Error, Result, Scalar};

/// Where samples come from; read more than once, in order.
pub trait Samples: Sync {
    /// How many there are.
    fn count(&self) -> u64;
    /// Whether every sample has a label.
    fn labelled(&self) -> bool;
    /// Some of them, in order.
    ///
    /// # Errors
    /// A range beyond the end, or samples that cannot be read.
    fn read(&self, range: Range<u64>) -> Result<Vec<Sample>>;
}

impl Samples for [Sample] {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn labelled(&self) -> bool {
        self.first().is_some_and(|s| s.label.is_some())
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Sample>> {
        self.get(range.start as usize..range.end as usize)
            .map(<[Sample]>::to_vec)
            .ok_or_else(|| Error::Invalid(format!("samples {range:?} of {}", self.len())))
    }
}

impl Samples for DataSet {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn labelled(&self) -> bool {
        self.has_labels()
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Sample>> {
        let samples = self.samples(range.start as usize..range.end as usize)?;
        Ok(samples.collect::<pleat_model::Result<_>>()?)
    }
}

/// Commits to samples, a data vector at a time.
#[derive(Debug)]
pub(crate) struct DataCommitter<'a> {
    pub(crate) key: &'a Key,
    pub(crate) layout: &'a DataLayout,
    pub(crate) records: &'a [(Region, u64)],
    pub(crate) network: &'a Network,
    pub(crate) blinder: Blinder,
    pub(crate) visibility: Visibility,
}

impl DataCommitter<'_> {
    /// The samples of each data vector.
    pub(crate) fn ranges(&self, samples: u64) -> Vec<Range<u64>> {
        let bits = self.layout.samples_bits();
        (0..samples.div_ceil(1 << bits))
            .map(|i| i << bits..samples.min((i + 1) << bits))
            .collect()
    }

    /// One data vector; its commitment is computed unless it is known.
    pub(crate) fn vector(
        &self,
        index: usize,
        samples: &[Sample],
        known: Option<G1Affine>,
    ) -> Result<Committed> {
        let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
        let values = data_vector(self.layout, self.records, self.network, inputs)?;
        let blind = match self.visibility {
            Visibility::Public => Scalar::zero(),
            Visibility::Private => self.blinder.blind(b"data", index as u64),
        };
        Ok(match known {
            Some(commitment) => Committed {
                values,
                commitment,
                blind,
            },
            None => Committed::new(self.key, values, blind),
        })
    }

    /// The commitments to all samples.
    pub(crate) fn commitments(&self, samples: &(impl Samples + ?Sized)) -> Result<Vec<G1Affine>> {
        self.ranges(samples.count())
            .into_iter()
            .enumerate()
            .map(|(i, range)| Ok(self.vector(i, &samples.read(range)?, None)?.commitment))
            .collect()
    }

    /// The data id.
    pub(crate) fn id(&self, samples: u64, points: &[G1Affine]) -> Result<Scalar> {
        let key = self.key.id();
        data_id(
            self.network,
            self.layout,
            samples,
            self.visibility,
            &key,
            points,
        )
    }
}

/// Proves that private data are in range and labels are one bit of a sample's classes; `secret` is the one of
/// the evaluation whose data id is registered.
///
/// # Errors
/// As [`Evaluation::prove`].
pub fn register_data(
    key: &Key,
    network: &Network,
    row_bits: u32,
    samples: &(impl Samples + ?Sized),
    secret: [u8; 32],
    own: [u8; 32],
    scheme: Scheme,
) -> Result<(Scalar, Proof)> {
    prove_data(
        key,
        network,
        row_bits,
        samples,
        secret,
        own,
        None,
        |prover| Ok(prover.finish(scheme)?.0),
    )
}

/// The same with every step handed to `sink`.
///
/// # Errors
/// As [`register_data`], and what `sink` says.
#[allow(clippy::too_many_arguments)] // those of `register_data` and a sink
pub fn fold_data(
    key: &Key,
    network: &Network,
    row_bits: u32,
    samples: &(impl Samples + ?Sized),
    secret: [u8; 32],
    own: [u8; 32],
    scheme: Scheme,
    sink: Sink<'_>,
) -> Result<(Scalar, Folded)> {
    prove_data(
        key,
        network,
        row_bits,
        samples,
        secret,
        own,
        Some(sink),
        |prover| Ok(prover.finish_folded(scheme)?.0),
    )
}

#[allow(clippy::too_many_arguments)]
fn prove_data<T>(
    key: &Key,
    network: &Network,
    row_bits: u32,
    samples: &(impl Samples + ?Sized),
    secret: [u8; 32],
    own: [u8; 32],
    sink: Option<Sink<'_>>,
    finish: impl FnOnce(Prover<'_>) -> Result<T>,
) -> Result<(Scalar, T)> {
    let program = layout::register_data(network, samples.labelled(), row_bits)?;
    let (layout, records) = data_layout(network, samples.labelled(), row_bits)?;
    let committer = DataCommitter {
        key,
        layout: &layout,
        records: &records,
        network,
        blinder: Blinder::new(data_secret(&secret)),
        visibility: Visibility::Private,
    };
    let points = committer.commitments(samples)?;
    let id = committer.id(samples.count(), &points)?;
    let schedule = Schedule::new(&program, samples.count())?;
    let statement = registration(
        &program,
        &schedule,
        Scalar::zero(),
        id,
        samples.count(),
        key,
    );
    let weights = Weights::default();
    let setting = Setting {
        key,
        program: &program,
        schedule: &schedule,
        statement: &statement,
        network,
        weights: &weights,
        weight_vectors: &[],
        table_vectors: &[],
    };
    let mut prover = Prover::new(setting, own);
    if let Some(sink) = sink {
        prover = prover.into(sink);
    }
    for (i, range) in committer.ranges(samples.count()).into_iter().enumerate() {
        let inputs = samples.read(range)?;
        let vector = committer.vector(i, &inputs, Some(points[i]))?;
        let executed: Vec<Executed> = inputs
            .into_iter()
            .map(|sample| Executed {
                trace: Trace {
                    values: vec![sample.values],
                    accumulators: vec![],
                },
                label: sample.label,
            })
            .collect();
        prover.group(&executed, Some(&vector))?;
    }
    Ok((id, finish(prover)?))
}

pub(crate) fn data_secret(secret: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"pleat data blinds v1\0")
        .chain_update(secret)
        .finalize()
        .into()
}
