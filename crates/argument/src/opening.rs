//! Openings: a committed vector's multilinear extension has some value at a point.
//!
//! Two schemes over the same key, both nova-snark's: HyperKZG (an opening of `4 n + 2` points
//! and field elements for `2^n` values) and Mercury (eight points and six field elements, whatever `n`).
//!
//! **Points.** Entry `b` of a point belongs to bit `b` of an index, lowest first; nova-snark orders
//! them the other way round.
//!
//! **Sizes.** A point has at least [`MIN_VARIABLES`] entries and at most the key's power; a vector has
//! exactly `2^n` values for a point of `n`. Mercury pads an odd `n` by a variable, which costs its
//! prover time and memory, not the key points.
//!
//! **Blinds.** The commitment is the bare `sum v_i tau^i G`: who opens a blinded commitment reveals
//! the blind, and both sides take `blind h` away ([`OpeningKey::unblind`]). An opening says more about
//! the values than their evaluation: to be zero-knowledge, the opened vector must be masked.
//!
//! **Degree.** Neither scheme bounds the committed vector's length by itself: of values beyond `2^n`, if
//! the prover committed to such, Mercury takes no notice, and HyperKZG accepts them only if their own
//! extensions vanish at the point. Either way the value is that of the first `2^n`, and a commitment
//! opens to one vector of them; a caller that adds commitments of different lengths must see to the rest.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ff::Field;
use halo2curves::bn256::{G1, G1Affine};
use halo2curves::group::Curve;
use nova_snark::errors::NovaError;
use nova_snark::provider::hyperkzg::{self, Commitment, CommitmentKey};
use nova_snark::provider::mercury;
use nova_snark::traits::evaluation::EvaluationEngineTrait;
use nova_snark::traits::{Engine as NovaEngine, TranscriptEngineTrait};
use serde::{Deserialize, Serialize};

use crate::commitment::{Key, read_key, scalar_id};
use crate::srs::{MAX_POWER, SrsFile};
use crate::{Engine, Error, Result, Scalar};

/// The fewest variables of an opened vector: Mercury needs two, and one rule serves both schemes.
pub const MIN_VARIABLES: usize = 2;

type HyperKzg = hyperkzg::EvaluationEngine<Engine>;
type Mercury = mercury::EvaluationEngine<Engine>;
type Keccak = <Engine as NovaEngine>::TE;

/// How a commitment is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// Gemini over KZG: larger openings, a simpler argument.
    HyperKzg,
    /// Openings of constant size.
    Mercury,
}

/// A proof of one evaluation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Opening {
    /// Of [`Scheme::HyperKzg`].
    HyperKzg(Box<hyperkzg::EvaluationArgument<Engine>>),
    /// Of [`Scheme::Mercury`].
    Mercury(Box<mercury::EvaluationArgument<Engine>>),
}

impl Opening {
    /// Which it is.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::HyperKzg(_) => Scheme::HyperKzg,
            Self::Mercury(_) => Scheme::Mercury,
        }
    }
}

/// What a verifier needs of a key: three group elements, for vectors of any length.
#[derive(Clone, Debug)]
pub struct OpeningKey {
    vk: hyperkzg::VerifierKey<Engine>,
    h: G1Affine,
    id: Scalar,
}

impl OpeningKey {
    /// The verifier's part of a key.
    ///
    /// # Errors
    /// None that nova-snark documents.
    pub fn new(key: &Key) -> Result<Self> {
        Self::of(key.nova(), key.id())
    }

    /// The verifier's part of a key file, of which only the first points are read.
    ///
    /// # Errors
    /// A file that is none or has changed.
    pub fn load(file: &SrsFile) -> Result<Self> {
        Self::of(&read_key(file, 2)?, scalar_id(&file.id))
    }

    fn of(ck: &CommitmentKey<Engine>, id: Scalar) -> Result<Self> {
        let (_, vk) = HyperKzg::setup(ck)?;
        let h = *ck.h();
        Ok(Self { vk, h, id })
    }

    /// Identifies the secret, as [`Key::id`].
    pub fn id(&self) -> Scalar {
        self.id
    }

    /// A commitment without its blinding term: what is opened.
    pub fn unblind(&self, commitment: &G1Affine, blind: &Scalar) -> G1Affine {
        (G1::from(*commitment) - self.h * blind).to_affine()
    }
}

/// nova-snark leaves it to its caller to bind key, commitment, point and value; lengths go before what
/// they count.
fn transcript(
    scheme: Scheme,
    id: Scalar,
    commitment: &Commitment<Engine>,
    point: &[Scalar],
    value: &Scalar,
    context: &[Scalar],
) -> Keccak {
    let mut transcript = Keccak::new(b"pleat opening");
    let scheme = match scheme {
        Scheme::HyperKzg => 1,
        Scheme::Mercury => 2,
    };
    transcript.absorb(
        b"head",
        &[
            Scalar::from(scheme),
            id,
            Scalar::from(context.len() as u64),
            Scalar::from(point.len() as u64),
        ]
        .as_slice(),
    );
    transcript.absorb(b"context", &context);
    transcript.absorb(b"commitment", commitment);
    transcript.absorb(b"point", &point);
    transcript.absorb(b"value", value);
    transcript
}

fn reversed(point: &[Scalar]) -> Vec<Scalar> {
    point.iter().rev().copied().collect()
}

/// What is left of nova-snark's assertions once shapes are checked: debug builds assert in Mercury's
/// verifier what its last pairing decides anyway, and a challenge of zero has no inverse.
fn guarded<T>(f: impl FnOnce() -> Result<T, NovaError>) -> Option<Result<T, NovaError>> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

/// Proves that the vector in a bare commitment has a value at a point.
///
/// Commitment and value are believed; an opening of wrong ones does not verify.
///
/// # Errors
/// [`Error::Invalid`] for sizes outside the rule above, and for the few vectors Mercury's prover
/// cannot treat (all zeros, a single value opened at a corner of the cube), which no masked vector is.
pub fn open(
    scheme: Scheme,
    key: &Key,
    values: &[Scalar],
    commitment: &G1Affine,
    point: &[Scalar],
    value: &Scalar,
    context: &[Scalar],
) -> Result<Opening> {
    let n = point.len();
    if !(MIN_VARIABLES..=key.power() as usize).contains(&n) || values.len() != 1 << n {
        return Err(Error::Invalid(format!(
            "{} values cannot be opened at a point of {n} entries by a key of 2^{} points; \
             2^n values, n from {MIN_VARIABLES} on, can",
            values.len(),
            key.power()
        )));
    }
    let degenerate = || {
        Error::Invalid(match scheme {
            Scheme::Mercury => {
                "Mercury cannot open a vector as sparse as this; open it by HyperKZG".into()
            }
            Scheme::HyperKzg => "the opening failed; this is a defect, please report it".into(),
        })
    };
    if scheme == Scheme::Mercury && values.iter().all(|v| bool::from(v.is_zero())) {
        return Err(degenerate());
    }
    let commitment = Commitment::new(G1::from(*commitment));
    let mut transcript = transcript(scheme, key.id(), &commitment, point, value, context);
    let (point, ck) = (reversed(point), key.nova());
    let (pk, _) = HyperKzg::setup(ck)?;
    let opening = guarded(|| match scheme {
        Scheme::HyperKzg => {
            HyperKzg::prove(ck, &pk, &mut transcript, &commitment, values, &point, value)
                .map(|argument| Opening::HyperKzg(Box::new(argument)))
        }
        Scheme::Mercury => {
            Mercury::prove(ck, &pk, &mut transcript, &commitment, values, &point, value)
                .map(|argument| Opening::Mercury(Box::new(argument)))
        }
    });
    Ok(opening.ok_or_else(degenerate)??)
}

/// Checks an opening, by whichever scheme it is of.
///
/// # Errors
/// [`Error::Rejected`]; nothing else, whatever the opening is.
pub fn verify(
    key: &OpeningKey,
    opening: &Opening,
    commitment: &G1Affine,
    point: &[Scalar],
    value: &Scalar,
    context: &[Scalar],
) -> Result<()> {
    let n = point.len();
    let fits = (MIN_VARIABLES..=MAX_POWER as usize).contains(&n)
        && match opening {
            Opening::HyperKzg(argument) => argument.com().len() == n - 1 && argument.v().len() == n,
            // Its fields are single elements.
            Opening::Mercury(_) => true,
        };
    if !fits {
        return Err(Error::rejected("shape of the opening"));
    }
    let commitment = Commitment::new(G1::from(*commitment));
    let scheme = opening.scheme();
    let mut transcript = transcript(scheme, key.id, &commitment, point, value, context);
    let (point, vk) = (reversed(point), &key.vk);
    let verified = guarded(|| match opening {
        Opening::HyperKzg(argument) => {
            HyperKzg::verify(vk, &mut transcript, &commitment, &point, value, argument)
        }
        Opening::Mercury(argument) => {
            Mercury::verify(vk, &mut transcript, &commitment, &point, value, argument)
        }
    });
    match verified {
        Some(Ok(())) => Ok(()),
        _ => Err(Error::rejected("opening of the commitment")),
    }
}
