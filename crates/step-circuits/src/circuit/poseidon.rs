//! Poseidon hashes and the transcript, twins of [`pleat_argument::transcript`].

use std::sync::LazyLock;

use ff::PrimeField;
use nova_snark::frontend::gadgets::poseidon::{IOPattern, Sponge, SpongeOp, SpongeTrait, Strength};
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::transcript::Domain;
use typenum::{U3, U5, U24};

use super::Number;
use super::permutation::{Element, Permutation};
use crate::Scalar;

macro_rules! permutation {
    ($rate:ty) => {
        LazyLock::new(|| {
            let constants = Sponge::<Scalar, $rate>::api_constants(Strength::Standard);
            Permutation::new(&constants)
        })
    };
}

static NARROW: LazyLock<Option<Permutation>> = permutation!(U3);
static MIDDLE: LazyLock<Option<Permutation>> = permutation!(U5);
static WIDE: LazyLock<Option<Permutation>> = permutation!(U24);

/// The hash of some elements.
///
/// Shape: any number of elements, fixed by the circuit as is the domain, to one variable.
/// Requires: nothing. Short combinations are better: the first elements are written three times each.
/// Enforces: the result is the native hash of the elements. Every variable is an input or a power of an
/// input of an S-box, bound by the S-box that it belongs to or by those one round before.
/// Cost: 264, 312, 777 a permutation of rate 3, 5, 24, less 3 for the capacity and for each element that
/// the first permutation does not take. The digest costs nothing more.
/// Native twin: [`pleat_argument::transcript::hash`].
/// Source: Poseidon (eprint 2019/458); sponge, constants and rounds of nova-snark (neptune).
pub fn hash<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    domain: Domain,
    elements: &[Number],
) -> Result<Number, SynthesisError> {
    let permutation = match elements.len() {
        0..=3 => &NARROW,
        4..=5 => &MIDDLE,
        _ => &WIDE,
    };
    let permutation = (permutation.as_ref()).ok_or(SynthesisError::AssignmentMissing)?;
    let length = elements.len() as u32;
    let tag = IOPattern(vec![SpongeOp::Absorb(length), SpongeOp::Squeeze(1)]);
    let tag = Scalar::from_u128(tag.value(domain as u32));

    let rate = permutation.width() - 1;
    let first = elements.get(..rate).unwrap_or(elements);
    let mut state = vec![Element::Constant(tag)];
    state.extend(first.iter().cloned().map(Element::Number));
    state.resize(rate + 1, Element::Constant(Scalar::from(0)));
    let mut digest = permutation.permute(cs, &state)?;
    for block in elements[first.len()..].chunks(rate) {
        for (element, absorbed) in digest[1..].iter_mut().zip(block) {
            *element = &*element + absorbed;
        }
        let state: Vec<_> = digest.into_iter().map(Element::Number).collect();
        digest = permutation.permute(cs, &state)?;
    }
    digest
        .into_iter()
        .nth(1)
        .ok_or(SynthesisError::AssignmentMissing)
}

/// A transcript in the circuit.
///
/// Native twin: [`pleat_argument::transcript::Transcript`]. Cost: that of [`hash`] with one element more
/// for a message.
#[derive(Clone, Debug)]
pub struct Transcript {
    state: Number,
}

impl Transcript {
    /// Starts with everything the first challenge must depend on.
    pub fn new<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        domain: Domain,
        elements: &[Number],
    ) -> Result<Self, SynthesisError> {
        let state = hash(cs, domain, elements)?;
        Ok(Self { state })
    }

    /// Goes on from a state.
    pub fn resume(state: Number) -> Self {
        Self { state }
    }

    /// The state: the challenge after the last message.
    pub fn state(&self) -> &Number {
        &self.state
    }

    /// Absorbs a message and returns the challenge that follows it.
    pub fn message<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        elements: &[Number],
    ) -> Result<Number, SynthesisError> {
        let mut input = Vec::with_capacity(elements.len() + 1);
        input.push(self.state.clone());
        input.extend_from_slice(elements);
        self.state = hash(cs, Domain::Message, &input)?;
        Ok(self.state.clone())
    }
}
