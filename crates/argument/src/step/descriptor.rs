//! Descriptors: the public words of one step.

use ff::Field;

use super::lookup::LookupSlot;
use super::slot::{Bits, Slot};
use super::{BANK, EXPONENT_BITS, IDENTITY_STEP_BITS, Shape, WEIGHT_BITS};
use crate::Scalar;
use crate::program::{STEP_VECTORS, VectorKind};
use crate::transcript::{Domain, hash};

/// What a step does besides its slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// The rounds of the channel sum-check.
    Head,
    /// A chunk.
    Chunk,
    /// Up to two other vectors.
    Vectors,
    /// Slots that did not fit the step before.
    #[default]
    More,
}

/// What a step does with the claims of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// They belong to the channel sum-check's last claim.
    pub verify: bool,
    /// They are the last: the count is absorbed after them, delta follows.
    pub close: bool,
    /// They are added to the linear relation.
    pub target: bool,
    /// The transcript goes back to before the first claims.
    pub replay: bool,
    /// The transcript must have come back to before the last claims.
    pub replayed: bool,
}

/// A product whose claims a step absorbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimSlot {
    /// Its identity minus that of the product before; zero for the first, whose identity the descriptor names.
    pub step: u32,
}

/// A vector of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its kind.
    pub kind: VectorKind,
    /// Its number among its kind.
    pub slot: usize,
}

impl Name {
    /// The element a chain absorbs.
    pub fn element(&self) -> Scalar {
        Scalar::from((self.kind as u64) << 32 | self.slot as u64)
    }
}

/// All kinds of vectors, by number.
pub const KINDS: [VectorKind; 5] = [
    VectorKind::Trace,
    VectorKind::Weights,
    VectorKind::Tables,
    VectorKind::Data,
    VectorKind::Outputs,
];

/// Everything public about one step; by default one that does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// The first step of a group.
    pub begin: bool,
    /// The last step of a group.
    pub end: bool,
    /// Its task.
    pub task: Task,
    /// Slots are summed over all indices: evaluated at one half instead of the point.
    pub half: bool,
    /// What happens with claims.
    pub claims: Claims,
    /// The products whose claims are absorbed.
    pub products: Vec<ClaimSlot>,
    /// Identity of the first of them.
    pub first_identity: u32,
    /// Exponent of delta of the first of their claims.
    pub first_claim: u32,
    /// Exponent of delta of the number of correct samples, if it is claimed.
    pub count_claim: Option<u32>,
    /// Variables of the channel sum-check.
    pub head_bits: usize,
    /// The vectors of the step.
    pub vectors: Vec<Name>,
    /// Positions that hold the group's place in a data vector: the first, how many.
    pub prefix: Option<(u32, u32)>,
    /// Whether groups take samples.
    pub has_data: bool,
    /// Samples of this group.
    pub live: u64,
    /// Samples of every group but the last.
    pub group_samples: u64,
    /// Groups of one data vector.
    pub vector_groups: u64,
    /// Digest of what else a program says about itself.
    pub meta: Scalar,
    /// Exponents of xi; the first two are 0 and 1.
    pub bank: [u32; BANK],
    /// Lookups.
    pub lookups: Vec<LookupSlot>,
    /// Monomials.
    pub slots: Vec<Slot>,
}

/// Bits of one product in its element.
pub const CLAIM_SLOT_BITS: usize = IDENTITY_STEP_BITS as usize + 1;
/// Products of one element.
pub const CLAIM_SLOTS_PER_ELEMENT: usize = 252 / CLAIM_SLOT_BITS;
/// Exponents of one element.
pub const EXPONENTS_PER_ELEMENT: usize = 252 / EXPONENT_BITS as usize;

impl Descriptor {
    /// Whether the variable of a coordinate is bound by a round of this step. Rounds bind the highest first.
    pub fn round(&self, shape: &Shape, coordinate: usize) -> bool {
        match self.task {
            Task::Head => coordinate < self.head_bits,
            Task::Chunk => coordinate >= crate::program::COLUMN_BITS as usize,
            Task::Vectors => coordinate < shape.index_bits(),
            Task::More => false,
        }
    }

    /// All words, in the order the circuit unpacks them.
    pub fn elements(&self, shape: &Shape) -> Vec<Scalar> {
        let mut bits = Bits::default();
        for flag in [
            self.begin,
            self.end,
            self.task == Task::Head,
            self.task == Task::Chunk,
            self.task == Task::Vectors,
            self.half,
            self.claims.verify,
            self.claims.close,
            self.claims.target,
            self.claims.replay,
            self.claims.replayed,
            self.has_data,
            self.count_claim.is_some(),
        ] {
            bits.flag(flag);
        }
        bits.number(u64::from(self.count_claim.unwrap_or(0)), WEIGHT_BITS);
        bits.number(u64::from(self.first_identity), WEIGHT_BITS);
        bits.number(u64::from(self.first_claim), WEIGHT_BITS);
        for i in 0..STEP_VECTORS {
            for kind in KINDS {
                bits.flag(self.vectors.get(i).is_some_and(|v| v.kind == kind));
            }
        }
        let (first, count) = self.prefix.unwrap_or((0, 0));
        for b in 0..shape.index_bits() as u32 {
            bits.flag(self.task == Task::Head && (b as usize) < self.head_bits);
            bits.flag((first..first + count).contains(&b));
        }
        let name = |i: usize| self.vectors.get(i).map_or(Scalar::ZERO, Name::element);
        let mut elements = vec![
            bits.element(),
            name(0),
            name(1),
            Scalar::from(self.live),
            Scalar::from(self.group_samples),
            Scalar::from(self.vector_groups),
            Scalar::from(1u64 << first),
            self.meta,
        ];
        for exponents in self.bank.chunks(EXPONENTS_PER_ELEMENT) {
            let mut bits = Bits::default();
            for exponent in exponents {
                bits.number(u64::from(*exponent), EXPONENT_BITS);
            }
            elements.push(bits.element());
        }
        let products: Vec<usize> = (0..shape.products).collect();
        for products in products.chunks(CLAIM_SLOTS_PER_ELEMENT) {
            let mut bits = Bits::default();
            for i in products {
                let product = self.products.get(*i);
                bits.flag(product.is_some());
                bits.number(product.map_or(0, |p| u64::from(p.step)), IDENTITY_STEP_BITS);
            }
            elements.push(bits.element());
        }
        for i in 0..shape.lookups {
            elements.extend(LookupSlot::elements(self.lookups.get(i), shape));
        }
        let empty = Slot::empty(shape);
        for i in 0..shape.slots {
            elements.extend(self.slots.get(i).unwrap_or(&empty).elements(shape));
        }
        elements
    }

    /// The digest of all words.
    pub fn digest(&self, shape: &Shape) -> Scalar {
        hash(Domain::Descriptor, &self.elements(shape))
    }
}

/// The chain of a program's descriptors, one more of them.
pub fn extend_program(chain: &Scalar, descriptor: &Scalar) -> Scalar {
    hash(Domain::Program, &[*chain, *descriptor])
}
