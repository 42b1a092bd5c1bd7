//! A descriptor as variables: its elements, and what is unpacked from them.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::program::STEP_VECTORS;
use pleat_argument::step::descriptor::{
    CLAIM_SLOTS_PER_ELEMENT, Descriptor, EXPONENTS_PER_ELEMENT, KINDS,
};
use pleat_argument::step::{BANK, EXPONENT_BITS, IDENTITY_STEP_BITS, Shape, WEIGHT_BITS};
use pleat_argument::transcript::Domain;

use super::bits::unpack;
use super::number::{Bit, Number};
use super::poseidon::hash;
use crate::Scalar;

/// What happens with claims.
#[derive(Clone, Debug)]
pub(super) struct ClaimFlags {
    pub(super) verify: Bit,
    pub(super) close: Bit,
    pub(super) target: Bit,
    pub(super) replay: Bit,
    pub(super) replayed: Bit,
}

/// A product's slot.
#[derive(Clone, Debug)]
pub(super) struct ProductFlags {
    pub(super) active: Bit,
    pub(super) step: Vec<Bit>,
}

/// One vector of the step.
#[derive(Clone, Debug)]
pub(super) struct VectorFlags {
    /// By number of the kind.
    pub(super) kinds: Vec<Bit>,
    pub(super) name: Number,
}

impl VectorFlags {
    /// Whether there is one: kinds exclude each other.
    pub(super) fn present(&self) -> Bit {
        Bit::of_bound(Number::sum(self.kinds.iter().map(Bit::number)))
    }
}

/// [`Descriptor`], unpacked. All variables are bound by `digest`, or are bits of elements that are.
#[derive(Clone, Debug)]
pub(super) struct DescriptorNumbers {
    pub(super) digest: Number,
    pub(super) begin: Bit,
    pub(super) end: Bit,
    pub(super) head: Bit,
    pub(super) chunk: Bit,
    pub(super) vectors: Bit,
    pub(super) half: Bit,
    pub(super) claims: ClaimFlags,
    pub(super) has_data: Bit,
    pub(super) count_claimed: Bit,
    pub(super) count_claim: Vec<Bit>,
    pub(super) first_identity: Vec<Bit>,
    pub(super) first_claim: Vec<Bit>,
    pub(super) own: Vec<VectorFlags>,
    /// By coordinate: whether the head binds it, whether it holds the group's place.
    pub(super) head_rounds: Vec<Bit>,
    pub(super) prefix: Vec<Bit>,
    pub(super) live: Number,
    pub(super) group_samples: Number,
    pub(super) vector_groups: Number,
    pub(super) prefix_scale: Number,
    /// Exponents of the bank, by bit.
    pub(super) bank: Vec<Vec<Bit>>,
    pub(super) products: Vec<ProductFlags>,
    /// The elements of each lookup slot and of each slot.
    pub(super) lookups: Vec<[Number; 4]>,
    pub(super) slots: Vec<[Number; 4]>,
}

impl DescriptorNumbers {
    /// Allocates and unpacks a descriptor.
    ///
    /// Cost: the hash of its elements, and one constraint per bit and per packed element.
    pub(super) fn alloc<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        shape: &Shape,
        descriptor: &Descriptor,
    ) -> Result<Self, SynthesisError> {
        let mut elements = vec![];
        for element in descriptor.elements(shape) {
            elements.push(Number::alloc(cs, "descriptor", element)?);
        }
        let digest = hash(cs, Domain::Descriptor, &elements)?;
        let mut elements = elements.into_iter();
        let mut next = || elements.next().ok_or(SynthesisError::MalformedVerifyingKey);

        let n = shape.index_bits();
        let flags = 13 + 3 * WEIGHT_BITS as usize + STEP_VECTORS * KINDS.len() + 2 * n;
        let mut bits = unpack(&mut cs.namespace(|| "flags"), &next()?, flags)?.into_iter();
        let mut bit = || bits.next().ok_or(SynthesisError::MalformedVerifyingKey);
        let (begin, end, head, chunk) = (bit()?, bit()?, bit()?, bit()?);
        let (vectors, half) = (bit()?, bit()?);
        let claims = ClaimFlags {
            verify: bit()?,
            close: bit()?,
            target: bit()?,
            replay: bit()?,
            replayed: bit()?,
        };
        let (has_data, count_claimed) = (bit()?, bit()?);
        let mut number = |count: usize| -> Result<Vec<Bit>, SynthesisError> {
            (0..count).map(|_| bit()).collect()
        };
        let weight = WEIGHT_BITS as usize;
        let (count_claim, first_identity, first_claim) =
            (number(weight)?, number(weight)?, number(weight)?);
        let kinds = [number(KINDS.len())?, number(KINDS.len())?];
        let (mut head_rounds, mut prefix) = (vec![], vec![]);
        for _ in 0..n {
            let mut pair = number(2)?.into_iter();
            head_rounds.extend(pair.next());
            prefix.extend(pair.next());
        }
        let names = [next()?, next()?];
        let own = kinds
            .into_iter()
            .zip(names)
            .map(|(kinds, name)| VectorFlags { kinds, name })
            .collect();
        let (live, group_samples, vector_groups, prefix_scale, _meta) =
            (next()?, next()?, next()?, next()?, next()?);

        let mut bank = vec![];
        let width = EXPONENT_BITS as usize;
        while bank.len() < BANK {
            let count = EXPONENTS_PER_ELEMENT.min(BANK - bank.len());
            let bits = unpack(&mut cs.namespace(|| "bank"), &next()?, count * width)?;
            bank.extend(bits.chunks(width).map(<[Bit]>::to_vec));
        }
        let mut products: Vec<ProductFlags> = vec![];
        let width = 1 + IDENTITY_STEP_BITS as usize;
        while products.len() < shape.products {
            let count = CLAIM_SLOTS_PER_ELEMENT.min(shape.products - products.len());
            let bits = unpack(&mut cs.namespace(|| "products"), &next()?, count * width)?;
            products.extend(bits.chunks(width).filter_map(|bits| {
                let (active, step) = bits.split_first()?;
                Some(ProductFlags {
                    active: active.clone(),
                    step: step.to_vec(),
                })
            }));
        }
        let mut slots = |count: usize| -> Result<Vec<[Number; 4]>, SynthesisError> {
            (0..count)
                .map(|_| Ok([next()?, next()?, next()?, next()?]))
                .collect()
        };
        let (lookups, slots) = (slots(shape.lookups)?, slots(shape.slots)?);
        Ok(Self {
            digest,
            begin,
            end,
            head,
            chunk,
            vectors,
            half,
            claims,
            has_data,
            count_claimed,
            count_claim,
            first_identity,
            first_claim,
            own,
            head_rounds,
            prefix,
            live,
            group_samples,
            vector_groups,
            prefix_scale,
            bank,
            products,
            lookups,
            slots,
        })
    }
}
