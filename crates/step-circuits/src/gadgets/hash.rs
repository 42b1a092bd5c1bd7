//! Poseidon over BN254's scalars, and the packing of small integers into field elements.
//!
//! The sponge is nova-snark's: width 25, rate 24, its standard round numbers. Its capacity starts
//! with a tag of the number of elements absorbed and squeezed and of the [`Domain`], so inputs of
//! different length or meaning never share a state.

use std::sync::LazyLock;

use ff::Field;
use nova_snark::frontend::gadgets::poseidon::{
    Elt, IOPattern, PoseidonConstants, Simplex, Sponge, SpongeAPI, SpongeCircuit, SpongeOp,
    SpongeTrait, Strength,
};
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use typenum::U24;

use super::{Cell, ONE, power_of_two, scalar};
use crate::Scalar;

/// What a hash is used for; part of every hash's initial state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// Architecture digest, salt, packed weights.
    Model = 0x706c_0101,
    /// Start of a chain of samples without labels.
    Data = 0x706c_0201,
    /// Start of a chain of samples with labels.
    LabelledData = 0x706c_0202,
    /// One sample without label.
    Sample = 0x706c_0211,
    /// One sample with its label.
    LabelledSample = 0x706c_0212,
    /// Start of a chain of outputs.
    Outputs = 0x706c_0301,
    /// The outputs of one sample.
    Output = 0x706c_0311,
    /// The caller's context bytes.
    Context = 0x706c_0401,
}

/// Bits packed into one field element; the field has 253 whole bits.
pub const PACKED_BITS: u32 = 250;

static CONSTANTS: LazyLock<PoseidonConstants<Scalar, U24>> =
    LazyLock::new(|| Sponge::<Scalar, U24>::api_constants(Strength::Standard));

fn pattern(length: usize) -> IOPattern {
    IOPattern(vec![SpongeOp::Absorb(length as u32), SpongeOp::Squeeze(1)])
}

/// The hash of some field elements.
pub fn hash(domain: Domain, elements: &[Scalar]) -> Scalar {
    let mut sponge = Sponge::new_with_constants(&*CONSTANTS, Simplex);
    let accumulator = &mut ();
    sponge.start(pattern(elements.len()), Some(domain as u32), accumulator);
    SpongeAPI::absorb(&mut sponge, elements.len() as u32, elements, accumulator);
    let digest = SpongeAPI::squeeze(&mut sponge, 1, accumulator);
    digest.first().copied().unwrap_or(Scalar::ZERO)
}

/// The same hash of variables.
///
/// Shape: `n >= 1` elements to one variable, `n` and the domain fixed by the circuit.
/// Requires: nothing. Enforces: the result equals [`hash()`] of the elements.
/// Cost: 777 per started 24 elements, plus 1 to name the digest ([`hash_cost`]).
/// Soundness: each S-box is three multiplications, each with its constraint; all else is linear.
/// Source: Poseidon (eprint 2019/458), implementation in nova-snark (neptune).
pub fn hash_circuit<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    domain: Domain,
    elements: &[Elt<Scalar>],
) -> Result<AllocatedNum<Scalar>, SynthesisError> {
    let mut ns = cs.namespace(|| "poseidon");
    let digest = {
        let mut sponge = SpongeCircuit::new_with_constants(&*CONSTANTS, Simplex);
        let accumulator = &mut ns;
        sponge.start(pattern(elements.len()), Some(domain as u32), accumulator);
        SpongeAPI::absorb(&mut sponge, elements.len() as u32, elements, accumulator);
        SpongeAPI::squeeze(&mut sponge, 1, accumulator)
    };
    match digest.first() {
        Some(digest) => digest.ensure_allocated(&mut ns.namespace(|| "digest")),
        None => Err(SynthesisError::AssignmentMissing),
    }
}

/// Constraints of a hash of `n` elements.
pub const fn hash_cost(n: usize) -> usize {
    PERMUTATION_COST * n.div_ceil(24) + 1
}

/// Constraints of one permutation: 8 full rounds of 25 S-boxes and 59 partial rounds of one.
pub const PERMUTATION_COST: usize = 3 * (8 * 25 + 59);

/// An integer of known range to be packed: `cell - min` has `bits` bits.
#[derive(Clone, Copy, Debug)]
pub struct Digit {
    /// The value.
    pub cell: Cell,
    /// Smallest value.
    pub min: i64,
    /// Width of `value - min`.
    pub bits: u32,
}

/// Packs integers into field elements: in order, each above its predecessors, as many per element as
/// fit [`PACKED_BITS`].
///
/// Shape: digits to elements, the layout fixed by the circuit.
/// Requires: `0 <= value - min < 2^bits` for every digit, enforced elsewhere.
/// Enforces: each element is the sum of its digits times powers of two. Injective, because the sum is
/// below `2^250 < p` and its digits are ranges of its bits.
/// Cost: 1 per element, variables 1 per element.
/// Native twin: [`Packer`].
pub fn pack<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    digits: &[Digit],
) -> Result<Vec<Elt<Scalar>>, SynthesisError> {
    let mut packed = vec![];
    let mut start = 0;
    while start < digits.len() {
        let mut end = start;
        let mut packer = Packer::default();
        let mut terms: Vec<(Scalar, Digit)> = vec![];
        while end < digits.len() && packer.fits(digits[end].bits) {
            let digit = digits[end];
            terms.push((power_of_two(packer.used), digit));
            packer.push(digit.cell.value.wrapping_sub(digit.min) as u64, digit.bits);
            end += 1;
        }
        let element = AllocatedNum::alloc(cs.namespace(|| "packed"), || Ok(packer.value()))?;
        cs.enforce(
            || "packing",
            |lc| {
                terms.iter().fold(lc, |lc, (weight, digit)| {
                    lc + (
                        *weight * scalar(digit.cell.coefficient),
                        digit.cell.variable,
                    ) + (-*weight * scalar(digit.min), ONE)
                })
            },
            |lc| lc + ONE,
            |lc| lc + element.get_variable(),
        );
        packed.push(Elt::Allocated(element));
        start = end;
    }
    Ok(packed)
}

/// The native twin of [`pack`].
#[derive(Clone, Debug, Default)]
pub struct Packer {
    elements: Vec<Scalar>,
    limbs: [u64; 4],
    used: u32,
}

impl Packer {
    fn fits(&self, bits: u32) -> bool {
        self.used + bits <= PACKED_BITS
    }

    fn value(&self) -> Scalar {
        Scalar::from_raw(self.limbs)
    }

    /// Appends a digit below `2^bits`; higher bits are dropped.
    pub fn push(&mut self, digit: u64, bits: u32) {
        if !self.fits(bits) {
            self.elements.push(self.value());
            (self.limbs, self.used) = ([0; 4], 0);
        }
        let digit = digit & (u64::MAX >> (64 - bits.clamp(1, 64)));
        if bits > 0 {
            let (limb, shift) = ((self.used / 64) as usize, self.used % 64);
            self.limbs[limb] |= digit << shift;
            if shift + bits > 64 {
                self.limbs[limb + 1] |= digit >> (64 - shift);
            }
        }
        self.used += bits;
    }

    /// The elements.
    pub fn finish(mut self) -> Vec<Scalar> {
        if self.used > 0 {
            self.elements.push(self.value());
        }
        self.elements
    }
}
