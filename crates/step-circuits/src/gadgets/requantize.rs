//! Division by a power of two.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::bits::{alloc_bits, recompose};
use super::{Cell, Lin, ONE, enforce_equal};
use crate::Scalar;

/// A quotient by its bits.
#[derive(Clone, Debug)]
pub struct Quotient {
    /// Bits of `q + 2^(bits.len() - 1)`, lowest first; the last is 1 if `q >= 0`.
    pub bits: Vec<Cell>,
}

impl Quotient {
    /// `q` as a combination of its bits.
    pub fn lin(&self) -> Lin {
        recompose(&self.bits).offset(-(1 << (self.bits.len() - 1)))
    }
}

/// `q = floor(acc / 2^shift)`; the rounding constant is part of `acc`.
///
/// Shape: one accumulator to one quotient; `shift <= 16` and `1 <= quotient_bits <= 16` fixed.
/// Requires: `|acc| < 2^62` as an integer (from the widths of weights and values).
/// Enforces: `acc = 2^shift * q + rem`, `0 <= rem < 2^shift`, `-2^(Q-1) <= q < 2^(Q-1)`.
/// A quotient that does not fit makes the step unsatisfiable, it is never wrapped.
/// Cost: `shift + quotient_bits`, variables one fewer; without a shift `quotient_bits + 1` and
/// `quotient_bits`. `acc` is copied twice if there is a shift.
/// Soundness: the lowest bit of the remainder is no variable but what the equation leaves for it, and
/// enforced to be boolean like all others. So `acc` equals an integer below `2^33` in magnitude; both
/// differ by less than `2^63 < p`, hence agree as integers, and Euclidean division is unique.
/// Source: the rounding rule of `pleat_model::network`; native twin `acc >> shift`.
pub fn requantize<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    acc: &Lin,
    shift: u32,
    quotient_bits: u32,
) -> Result<Quotient, SynthesisError> {
    let remainder = alloc_bits(cs, acc.value >> 1, shift.saturating_sub(1))?;
    let q = acc.value >> shift;
    let bits = alloc_bits(cs, q.wrapping_add(1 << (quotient_bits - 1)), quotient_bits)?;
    let quotient = Quotient { bits };
    if shift == 0 {
        enforce_equal(cs, "requantise", acc, &quotient.lin());
        return Ok(quotient);
    }
    let lowest = acc
        .clone()
        .plus(&recompose(&remainder), -2)
        .plus(&quotient.lin(), -(1 << shift));
    cs.enforce(
        || "requantise",
        |lc| lowest.into_lc(lc),
        |lc| lowest.into_lc(lc) - ONE,
        |lc| lc,
    );
    Ok(quotient)
}
