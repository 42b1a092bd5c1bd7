//! Pedersen commitments over the powers of tau: to small integers fast, to field elements as nova does.
//!
//! `C = sum v_i tau^i G + blind h`. The generator `h` is hashed to the curve from a fixed label:
//! nobody knows its logarithm, so a uniform blind hides the values perfectly. What is opened later is
//! the commitment without its blinding term, see [`crate::opening`].

use std::path::Path;

use ff::{Field, FromUniformBytes, PrimeField};
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::{Curve, Group};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use nova_snark::provider::hyperkzg::{CommitmentEngine, CommitmentKey};
use nova_snark::provider::msm::{msm, msm_small_with_max_num_bits};
use nova_snark::provider::traits::DlogGroup;
use nova_snark::traits::commitment::CommitmentEngineTrait;
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use sha2::Sha512;

use crate::quiet::quietly;
use crate::srs::{self, SrsFile};
use crate::{Engine, Error, Result, Scalar};

/// The blinding generator is hashed from it.
const LABEL: &[u8] = b"pleat argument";

/// Widths in bits up to which magnitudes share one bucket pass, narrowest first. Up to 12 bits the
/// buckets fit into a core's cache, and columns of different width in one pass cost one reduction of
/// the buckets instead of several. The last class holds whatever an `i32` can be.
const CLASSES: [u32; 3] = [12, 16, 32];

/// Values whose points are gathered at once: bounds the copies (64 bytes a value and core) and still
/// makes the reduction of 2^12 buckets small beside the additions.
const PIECE: usize = 1 << 19;

/// A commitment key of `2^power` points.
pub struct Key {
    ck: CommitmentKey<Engine>,
    power: u32,
    srs: SrsFile,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("power", &self.power)
            .field("srs", &self.srs)
            .finish_non_exhaustive()
    }
}

/// nova-snark's key of the first `n` points of a file, `n >= 2`.
pub(crate) fn read_key(file: &SrsFile, n: usize) -> Result<CommitmentKey<Engine>> {
    let (g1, [_, tau_h]) = srs::read(file, n)?;
    let h = <G1 as DlogGroup>::from_label(LABEL, 1)
        .first()
        .copied()
        .ok_or_else(|| Error::Invalid("no blinding generator was derived".into()))?;
    Ok(quietly(|| CommitmentKey::new(g1, h, tau_h))?)
}

/// A key's identity as transcripts absorb it: the first 31 bytes of [`SrsFile::id`], which fit into a
/// field element whatever they are.
pub fn scalar_id(id: &[u8; 32]) -> Scalar {
    let mut repr = [0; 32];
    repr[..31].copy_from_slice(&id[..31]);
    Option::from(Scalar::from_repr(repr.into())).unwrap_or(Scalar::ZERO)
}

impl Key {
    /// Reads the first `2^power` points of the smallest sufficient key in a folder.
    ///
    /// # Errors
    /// [`Error::Invalid`] for power 0; a missing, too small or defective key.
    pub fn load(dir: &Path, power: u32) -> Result<Self> {
        Self::read(srs::find(dir, power)?, power)
    }

    /// Reads the first `2^power` points of a key file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for power 0; a file that is too small, defective, or has changed.
    pub fn read(srs: SrsFile, power: u32) -> Result<Self> {
        if power == 0 {
            return Err(Error::Invalid(
                "a commitment key of one point; two are the least".into(),
            ));
        }
        let ck = read_key(&srs, 1 << power)?;
        Ok(Self { ck, power, srs })
    }

    /// Commits to at most `2^power` values.
    pub fn power(&self) -> u32 {
        self.power
    }

    /// The file it was read from: origin and full identity.
    pub fn srs(&self) -> &SrsFile {
        &self.srs
    }

    /// Identifies the secret in transcripts: the same for all sizes of one ceremony. The blinding
    /// generator is a constant.
    pub fn id(&self) -> Scalar {
        scalar_id(&self.srs.id)
    }

    /// The generator of the blinding term.
    pub fn h(&self) -> &G1Affine {
        self.ck.h()
    }

    pub(crate) fn nova(&self) -> &CommitmentKey<Engine> {
        &self.ck
    }

    /// The commitment to some integers.
    ///
    /// # Panics
    /// More than `2^power` values: an index out of range.
    pub fn commit_integers(&self, values: &[i32], blind: &Scalar) -> G1Affine {
        let bases = &self.ck.ck()[..values.len()];
        let piece = values
            .len()
            .div_ceil(rayon::current_num_threads())
            .clamp(1, PIECE);
        let sum = values
            .par_chunks(piece)
            .zip(bases.par_chunks(piece))
            .map(|(values, bases)| sum_integers(values, bases))
            .reduce(G1::identity, |a, b| a + b);
        (sum + self.ck.h() * blind).to_affine()
    }

    /// The commitment to some field elements.
    ///
    /// # Panics
    /// More than `2^power` values, in nova-snark.
    pub fn commit(&self, values: &[Scalar], blind: &Scalar) -> G1Affine {
        CommitmentEngine::<Engine>::commit(&self.ck, values, blind)
            .into_inner()
            .to_affine()
    }
}

/// `sum values[i] bases[i]`: one scan sorts the nonzero values into classes of width, a negative one
/// becomes its magnitude with the point negated, so each class is one multiplication of unsigned
/// integers.
fn sum_integers(values: &[i32], bases: &[G1Affine]) -> G1 {
    let mut classes: [(Vec<u32>, Vec<G1Affine>, u32); 3] = Default::default();
    // The first class is the rule; a vector that is all zeros needs nothing.
    let nonzero = values.iter().filter(|&&v| v != 0).count();
    classes[0].0.reserve_exact(nonzero);
    classes[0].1.reserve_exact(nonzero);
    for (&value, base) in values.iter().zip(bases) {
        if value == 0 {
            continue;
        }
        let magnitude = value.unsigned_abs();
        let class = CLASSES
            .iter()
            .filter(|&&width| magnitude >> (width - 1) > 1)
            .count();
        let (magnitudes, points, all) = &mut classes[class];
        magnitudes.push(magnitude);
        points.push(if value < 0 { -base } else { *base });
        *all |= magnitude;
    }
    classes
        .par_iter()
        .filter(|(magnitudes, ..)| !magnitudes.is_empty())
        .map(|(magnitudes, points, all)| {
            let bits = u32::BITS - all.leading_zeros();
            msm_small_with_max_num_bits(magnitudes, points, bits as usize)
        })
        .reduce(G1::identity, |a, b| a + b)
}

/// `sum scalar_i point_i`.
pub fn combine(points: &[(G1Affine, Scalar)]) -> G1 {
    let (points, scalars): (Vec<_>, Vec<_>) = points.iter().copied().unzip();
    msm(&scalars, &points)
}

/// Blinds derived from a secret: whoever keeps 32 bytes can compute every blind again.
///
/// A blind is HMAC-SHA512 of a fixed prefix, the label with its length, and an index, reduced from 64
/// bytes: a pseudo-random function with a bias below `2^-250`, so blinds of different (label, index)
/// look independent and uniform to whoever does not have the secret.
#[derive(Clone)]
pub struct Blinder {
    mac: Hmac<Sha512>,
}

/// Without the secret: whatever is printed may end in a log.
impl std::fmt::Debug for Blinder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blinder").finish_non_exhaustive()
    }
}

impl Blinder {
    /// The blinds of a secret, which must be used for nothing else.
    pub fn new(secret: [u8; 32]) -> Self {
        // HMAC pads a short key with zeros to the hash's block of 128 bytes.
        let mut block = [0; 128];
        block[..32].copy_from_slice(&secret);
        Self {
            mac: <Hmac<Sha512> as KeyInit>::new(&block.into()),
        }
    }

    /// The blinds of a secret from the operating system that nobody keeps.
    pub fn random() -> Self {
        let mut secret = [0; 32];
        OsRng.fill_bytes(&mut secret);
        Self::new(secret)
    }

    /// The blind of a label and an index: use each for one commitment only.
    pub fn blind(&self, label: &[u8], index: u64) -> Scalar {
        let mut mac = self.mac.clone();
        mac.update(b"pleat blind v1\0");
        mac.update(&(label.len() as u64).to_le_bytes());
        mac.update(label);
        mac.update(&index.to_le_bytes());
        Scalar::from_uniform_bytes(&mac.finalize().into_bytes().into())
    }
}
