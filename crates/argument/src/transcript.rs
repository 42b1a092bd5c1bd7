//! The Fiat-Shamir transcript: a chain of Poseidon hashes, one field element of state.
//!
//! ```text
//! state_0     = H(start;  tag, elements)               start of a transcript
//! state_{i+1} = H(message; state_i, elements)          a message
//! ```
//!
//! The state after a message *is* the challenge that follows it: a full field element, never
//! truncated. Whatever is hashed later continues from it, so every challenge depends on all that came
//! before. Three sponges, chosen by the number of elements: rate 3 for up to 3 (264 constraints a
//! permutation), rate 5 for up to 5, rate 24 (777 constraints) for long absorptions. nova-snark's sponge puts a tag of the number of
//! elements absorbed and squeezed and of the [`Domain`] into the capacity, so hashes of different
//! length or meaning never share a state.
//!
//! Source: Poseidon (eprint 2019/458), Fiat-Shamir in the random oracle model; implementation
//! nova-snark (neptune). The circuit twin follows the same calls element by element.

use std::sync::LazyLock;

use ff::{Field, PrimeField};
use halo2curves::bn256::G1Affine;
use halo2curves::group::prime::PrimeCurveAffine;
use nova_snark::frontend::gadgets::poseidon::{
    IOPattern, PoseidonConstants, Simplex, Sponge, SpongeAPI, SpongeOp, SpongeTrait, Strength,
};
use typenum::{U3, U5, U24};

use crate::Scalar;

/// What is hashed; part of every hash's initial state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// A message of a transcript.
    Message = 0x706c_1001,
    /// Start of a group's chain.
    Group = 0x706c_1101,
    /// One commitment into a group's chain.
    Chain = 0x706c_1102,
    /// A challenge derived from the seed.
    Derived = 0x706c_1103,
    /// Start of a head's transcript.
    Head = 0x706c_1201,
    /// Start of a step's transcript.
    Step = 0x706c_1202,
    /// Context of the final opening.
    Opening = 0x706c_1203,
    /// One (commitment, multiplier) into the list chain.
    List = 0x706c_1301,
    /// One commitment into the chain of a model's weights, of data, of outputs.
    Vectors = 0x706c_1302,
    /// One step's descriptor.
    Descriptor = 0x706c_1401,
    /// A program: digest of all descriptors.
    Program = 0x706c_1402,
    /// A model id.
    Model = 0x706c_1501,
    /// A data id.
    Data = 0x706c_1502,
    /// A statement.
    Statement = 0x706c_1503,
    /// The caller's context bytes.
    Context = 0x706c_1504,
    /// A final state.
    State = 0x706c_1505,
}

static NARROW: LazyLock<PoseidonConstants<Scalar, U3>> =
    LazyLock::new(|| Sponge::<Scalar, U3>::api_constants(Strength::Standard));
static MIDDLE: LazyLock<PoseidonConstants<Scalar, U5>> =
    LazyLock::new(|| Sponge::<Scalar, U5>::api_constants(Strength::Standard));
static WIDE: LazyLock<PoseidonConstants<Scalar, U24>> =
    LazyLock::new(|| Sponge::<Scalar, U24>::api_constants(Strength::Standard));

macro_rules! sponge_hash {
    ($constants:expr, $domain:expr, $elements:expr) => {{
        let elements: &[Scalar] = $elements;
        let length = elements.len() as u32;
        let mut sponge = Sponge::new_with_constants(&*$constants, Simplex);
        let pattern = IOPattern(vec![SpongeOp::Absorb(length), SpongeOp::Squeeze(1)]);
        sponge.start(pattern, Some($domain as u32), &mut ());
        SpongeAPI::absorb(&mut sponge, length, elements, &mut ());
        let digest = SpongeAPI::squeeze(&mut sponge, 1, &mut ());
        // A squeeze of one element gives one.
        digest.first().copied().unwrap_or(Scalar::ZERO)
    }};
}

/// The hash of some field elements, by the cheapest sponge that absorbs them at once.
pub fn hash(domain: Domain, elements: &[Scalar]) -> Scalar {
    match elements.len() {
        0..=3 => sponge_hash!(NARROW, domain, elements),
        4..=5 => sponge_hash!(MIDDLE, domain, elements),
        _ => sponge_hash!(WIDE, domain, elements),
    }
}

/// A transcript, for prover and verifier alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    state: Scalar,
}

impl Transcript {
    /// Starts with everything the first challenge must depend on.
    pub fn new(domain: Domain, elements: &[Scalar]) -> Self {
        Self {
            state: hash(domain, elements),
        }
    }

    /// Goes on from a state.
    pub fn resume(state: Scalar) -> Self {
        Self { state }
    }

    /// The state: the challenge after the last message.
    pub fn state(&self) -> Scalar {
        self.state
    }

    /// Absorbs a message and returns the challenge that follows it.
    pub fn message(&mut self, elements: &[Scalar]) -> Scalar {
        let mut input = Vec::with_capacity(elements.len() + 1);
        input.push(self.state);
        input.extend_from_slice(elements);
        self.state = hash(Domain::Message, &input);
        self.state
    }
}

/// The two elements a commitment is absorbed as: the low 128 bits of `x`; the high 126 bits of `x`
/// plus `2^127` if `y` is odd. The point at infinity is `(0, 2^126)`.
///
/// Injective on curve points: `x` and the parity of `y` determine the point, and no point of BN254
/// has a high half with bit 126 set.
pub fn point_elements(point: &G1Affine) -> [Scalar; 2] {
    if bool::from(point.is_identity()) {
        return [Scalar::ZERO, Scalar::from_u128(1 << 126)];
    }
    let (x, y) = (point.x.to_repr(), point.y.to_repr());
    let (x, y): (&[u8], &[u8]) = (x.as_ref(), y.as_ref());
    let half = |bytes: &[u8]| {
        let mut le = [0; 16];
        le.copy_from_slice(bytes);
        u128::from_le_bytes(le)
    };
    let parity = u128::from(y[0] & 1) << 127;
    [
        Scalar::from_u128(half(&x[..16])),
        Scalar::from_u128(half(&x[16..]) | parity),
    ]
}

/// The low 128 bits of a challenge as a nonzero multiplier; `None` for zero, which rejects.
pub fn multiplier(challenge: &Scalar) -> Option<Scalar> {
    let repr = challenge.to_repr();
    let bytes: &[u8] = repr.as_ref();
    let mut low = [0; 16];
    low.copy_from_slice(&bytes[..16]);
    match u128::from_le_bytes(low) {
        0 => None,
        low => Some(Scalar::from_u128(low)),
    }
}
