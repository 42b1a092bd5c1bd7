//! A model with commitments to its weights, and what its registration states.

use std::path::Path;

use halo2curves::bn256::G1Affine;
use pleat_model::bundle::Bundle;
use pleat_model::network::{Network, Weights};
use sha2::{Digest, Sha256};

use crate::cache::{Lookup, WeightCache};
use crate::commitment::{Blinder, Key};
use crate::group::prove::{Committed, Setting};
use crate::layout;
use crate::program::Program;
use crate::statement::{Statement, chain, model_id};
use crate::step::schedule::Schedule;
use crate::witness::weight_vectors;
use crate::{Error, Result, Scalar};

/// A model with commitments to its weights.
#[derive(Debug)]
pub struct Model<'a> {
    /// The commitment key.
    pub key: &'a Key,
    /// The architecture.
    pub network: &'a Network,
    /// The parameters.
    pub weights: &'a Weights,
    /// The program that registers it.
    pub registration: Program,
    /// The size class: rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// The weights' vectors.
    pub vectors: Vec<Committed>,
    /// The model id.
    pub id: Scalar,
    /// Whether the commitments came from the cache.
    pub cached: bool,
    /// Seconds of making or reading the commitments.
    pub seconds: f64,
    /// Why the cache was not used although there was one, or could not be written.
    pub cache_problem: Option<String>,
}

impl<'a> Model<'a> {
    /// Commits to a bundle's weights. With the bundle's path, the commitments are cached beside it.
    ///
    /// Blinds are derived from the bundle's salt, the weights, the key and the class: the same model always
    /// has the same id, and no blind serves two vectors.
    ///
    /// # Errors
    /// An invalid bundle, a network that does not fit the class, a key that is too small.
    pub fn new(
        key: &'a Key,
        bundle: &'a Bundle,
        row_bits: u32,
        path: Option<&Path>,
    ) -> Result<Self> {
        let start = std::time::Instant::now();
        let (network, weights) = (&bundle.network, &bundle.weights);
        network.validate()?;
        let program = layout::register_model(network, row_bits)?;
        if key.power() < program.index_bits() {
            return Err(Error::Invalid(format!(
                "a size class of 2^{row_bits} rows needs a key of 2^{} points, this one has 2^{}",
                program.index_bits(),
                key.power()
            )));
        }
        let values = weight_vectors(&program, network, weights)?;
        let secret = weight_secret(key, bundle, row_bits, &values);
        let blinder = Blinder::new(secret);
        let tag: [u8; 32] = Sha256::new()
            .chain_update(b"pleat weight cache v1\0")
            .chain_update(secret)
            .finalize()
            .into();
        let found = path.map_or(Lookup::Missing, |path| WeightCache::load(path, &tag));
        let (cache, mut cache_problem) = match found {
            Lookup::Found(points) if points.len() == values.len() => (Some(points), None),
            Lookup::Found(_) => (None, Some("it is of another layout".into())),
            Lookup::Missing => (None, None),
            Lookup::Damaged(reason) => (None, Some(reason)),
        };
        let cached = cache.is_some();
        let vectors: Vec<Committed> = values
            .into_iter()
            .enumerate()
            .map(|(i, values)| {
                let blind = blinder.blind(b"weights", i as u64);
                match &cache {
                    Some(points) => Committed {
                        values,
                        commitment: points[i],
                        blind,
                    },
                    None => Committed::new(key, values, blind),
                }
            })
            .collect();
        let points: Vec<G1Affine> = vectors.iter().map(|v| v.commitment).collect();
        if let (Some(path), false) = (path, cached) {
            // It only saves time: a bundle may lie where nobody can write.
            if let Err(e) = WeightCache::store(path, &tag, &points) {
                cache_problem = Some(e.to_string());
            }
        }
        let id = model_id(network, row_bits, &key.id(), &points)?;
        Ok(Self {
            key,
            network,
            weights,
            registration: program,
            row_bits,
            vectors,
            id,
            cached,
            seconds: start.elapsed().as_secs_f64(),
            cache_problem,
        })
    }

    /// Steps and statement of the model's registration.
    ///
    /// # Errors
    /// A network that steps cannot express.
    pub fn registration_statement(&self) -> Result<(Schedule, Statement)> {
        let schedule = Schedule::new(&self.registration, 0)?;
        let none = Scalar::zero();
        let statement = registration(&self.registration, &schedule, self.id, none, 0, self.key);
        Ok((schedule, statement))
    }

    pub(crate) fn setting<'b>(
        &'b self,
        schedule: &'b Schedule,
        statement: &'b Statement,
    ) -> Setting<'b> {
        Setting {
            key: self.key,
            program: &self.registration,
            schedule,
            statement,
            network: self.network,
            weights: self.weights,
            weight_vectors: &self.vectors,
            table_vectors: &[],
        }
    }
}

fn weight_secret(key: &Key, bundle: &Bundle, row_bits: u32, values: &[Vec<i32>]) -> [u8; 32] {
    let mut hasher = Sha256::new()
        .chain_update(b"pleat weight blinds v1\0")
        .chain_update(bundle.salt)
        .chain_update(key.srs().id)
        .chain_update(row_bits.to_le_bytes());
    for vector in values {
        hasher.update((vector.len() as u64).to_le_bytes());
        for value in vector {
            hasher.update(value.to_le_bytes());
        }
    }
    hasher.finalize().into()
}

/// The statement of a registration.
pub(crate) fn registration(
    program: &Program,
    schedule: &Schedule,
    model: Scalar,
    data: Scalar,
    samples: u64,
    key: &Key,
) -> Statement {
    Statement {
        kind: program.kind,
        model,
        data,
        samples,
        context: Scalar::zero(),
        program: schedule.digest(),
        tables: chain(&[]),
        key: key.id(),
    }
}
