//! Samples: where they come from, how they are committed to, how private ones are registered.

use std::ops::Range;

use halo2curves::bn256::G1Affine;
use pleat_model::data::{DataSet, Sample};
use pleat_model::network::{Network, Trace, Weights};
use sha2::{Digest, Sha256};

use crate::commitment::{Blinder, Key};
use crate::group::prove::{Committed, Prover, Setting, Sink};
use crate::layout::{self, data_layout};
use crate::model::registration;
use crate::opening::Scheme;
use crate::program::{DataLayout, Region};
use crate::proof::{Folded, Proof};
use crate::randomness::ProofSecret;
use crate::statement::{Visibility, data_id, to_bytes};
use crate::step::schedule::Schedule;
use crate::witness::{Executed, data_vector};
use crate::{Error, Result, Scalar};

/// Where samples come from.
///
/// They are read more than once, each time in ascending adjacent ranges, and have to stay the same: a proof
/// ends with [`Error::Changed`] if they do not.
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

    /// What errors call some of them, in the plural.
    fn name(&self, range: Range<u64>) -> String {
        format!("samples {} to {}", range.start, range.end.saturating_sub(1))
    }
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

    fn name(&self, range: Range<u64>) -> String {
        let (path, last) = (self.path().display(), range.end.saturating_sub(1));
        format!("data {path}: samples {} to {last}", range.start)
    }
}

/// What is kept of a data vector from committing to it until it is proved.
#[derive(Clone, Copy)]
pub(crate) struct Pinned {
    commitment: G1Affine,
    /// SHA-256 of its entries, by which it is known again; committing again would cost more.
    digest: [u8; 32],
}

/// Who can see some data, and what their commitments are blinded with.
#[derive(Clone, Copy)]
pub enum DataSecrecy {
    /// Everybody: whoever has the data recomputes the commitments.
    Public,
    /// Their owner: 32 random bytes that belong to the data. All proofs about the same data use the same,
    /// so that they are about one data id, and nothing else is derived from them.
    Private([u8; 32]),
}

/// Without the secret: whatever is printed may end in a log.
impl std::fmt::Debug for DataSecrecy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.visibility())
    }
}

impl DataSecrecy {
    /// As statements name it.
    pub fn visibility(&self) -> Visibility {
        match self {
            Self::Public => Visibility::Public,
            Self::Private(_) => Visibility::Private,
        }
    }
}

/// Commits to samples, a data vector at a time.
#[derive(Debug)]
pub(crate) struct DataCommitter<'a> {
    pub(crate) key: &'a Key,
    pub(crate) layout: &'a DataLayout,
    pub(crate) records: &'a [(Region, u64)],
    pub(crate) network: &'a Network,
    pub(crate) secrecy: DataSecrecy,
}

impl DataCommitter<'_> {
    /// The samples of each data vector.
    pub(crate) fn ranges(&self, samples: u64) -> impl Iterator<Item = Range<u64>> + use<> {
        let bits = self.layout.samples_bits();
        (0..samples.div_ceil(1 << bits)).map(move |i| i << bits..samples.min((i + 1) << bits))
    }

    /// Commits to all samples, a data vector at a time.
    pub(crate) fn commitments(&self, samples: &(impl Samples + ?Sized)) -> Result<Vec<Pinned>> {
        self.ranges(samples.count())
            .map(|range| {
                let values = self.values(&samples.read(range.clone())?)?;
                let digest = digest(&values);
                let blind = self.blind(&range, &digest);
                let commitment = Committed::new(self.key, values, blind).commitment;
                Ok(Pinned { commitment, digest })
            })
            .collect()
    }

    /// Reads the samples of a data vector again, and makes it of them.
    ///
    /// # Errors
    /// [`Error::Changed`] if it is not the one that was committed to; what [`Samples::read`] says.
    pub(crate) fn again(
        &self,
        samples: &(impl Samples + ?Sized),
        range: Range<u64>,
        pinned: &Pinned,
    ) -> Result<(Vec<Sample>, Committed)> {
        let inputs = samples.read(range.clone())?;
        let values = self.values(&inputs)?;
        if digest(&values) != pinned.digest {
            return Err(Error::Changed(samples.name(range)));
        }
        let vector = Committed {
            values,
            commitment: pinned.commitment,
            blind: self.blind(&range, &pinned.digest),
        };
        Ok((inputs, vector))
    }

    fn values(&self, samples: &[Sample]) -> Result<Vec<i32>> {
        let inputs = samples.iter().map(|s| (s.values.as_slice(), s.label));
        data_vector(self.layout, self.records, self.network, inputs)
    }

    /// Depends on entries and key, too: the same secret may serve other data (parts of some data, each counted from
    /// zero) and other keys, and one blind in two commitments would show their difference without it.
    fn blind(&self, range: &Range<u64>, digest: &[u8; 32]) -> Scalar {
        let index = range.start >> self.layout.samples_bits();
        match self.secrecy {
            DataSecrecy::Public => Scalar::zero(),
            DataSecrecy::Private(secret) => {
                let label = [b"data".as_slice(), &to_bytes(&self.key.id()), digest].concat();
                Blinder::new(secret).blind(&label, index)
            }
        }
    }

    /// The data id.
    pub(crate) fn id(&self, samples: u64, vectors: &[Pinned]) -> Result<Scalar> {
        let key = self.key.id();
        let points: Vec<G1Affine> = vectors.iter().map(|v| v.commitment).collect();
        data_id(
            self.network,
            self.layout,
            samples,
            self.secrecy.visibility(),
            &key,
            &points,
        )
    }
}

fn digest(values: &[i32]) -> [u8; 32] {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Sha256::digest(bytes).into()
}

/// Proves that private data are in range and labels are one bit of a sample's classes; `secret` is the data's,
/// `own` the proof's.
///
/// # Errors
/// As [`Evaluation::prove`].
pub fn register_data(
    key: &Key,
    network: &Network,
    row_bits: u32,
    samples: &(impl Samples + ?Sized),
    secret: [u8; 32],
    own: &ProofSecret,
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
    own: &ProofSecret,
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
    own: &ProofSecret,
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
        secrecy: DataSecrecy::Private(secret),
    };
    let vectors = committer.commitments(samples)?;
    let id = committer.id(samples.count(), &vectors)?;
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
    for (range, pinned) in committer.ranges(samples.count()).zip(&vectors) {
        let (inputs, vector) = committer.again(samples, range, pinned)?;
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
