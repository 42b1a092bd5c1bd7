//! The state as variables, in the order of its native elements.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::Shape;
use pleat_argument::step::state::State;
use pleat_argument::transcript::Domain;

use super::number::{Bit, Number};
use super::poseidon::hash;
use crate::Scalar;

/// [`State`], a number each.
#[derive(Clone, Debug)]
pub(super) struct StateNumbers {
    /// Statement, program, last program, weights, tables.
    pub(super) constants: [Number; 5],
    /// Groups, samples, correct samples so far, and the group's place.
    pub(super) group: Number,
    pub(super) samples: Number,
    pub(super) count: Number,
    pub(super) prefix: Number,
    /// Chains over outputs and data, and the current data vector.
    pub(super) outputs: Number,
    pub(super) data: Number,
    pub(super) cursor: [Number; 2],
    /// The running claim.
    pub(super) value: Number,
    pub(super) list: Number,
    pub(super) point: Vec<Number>,
    /// The group's own.
    pub(super) inner: InnerNumbers,
}

/// [`pleat_argument::step::state::Inner`], a number each.
#[derive(Clone, Debug)]
pub(super) struct InnerNumbers {
    pub(super) program: Number,
    pub(super) salt: Number,
    pub(super) seed: Number,
    pub(super) chain: Number,
    pub(super) xi: Number,
    pub(super) zeta: Number,
    pub(super) eta: Number,
    pub(super) gamma: Number,
    pub(super) delta: Number,
    pub(super) head: Vec<Number>,
    pub(super) transcript: Number,
    pub(super) marks: [Number; 2],
    pub(super) linear: Number,
    pub(super) lookups: Number,
    pub(super) weights: Number,
    pub(super) tables: Number,
    pub(super) claim: Number,
    pub(super) forms: Number,
    pub(super) values: [Number; 4],
    pub(super) z: Vec<Number>,
    pub(super) selector: Number,
    pub(super) lambda: Number,
}

impl StateNumbers {
    /// Allocates a state: variables bound by its digest, which the caller compares with the step's input.
    pub(super) fn alloc<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        shape: &Shape,
        state: &State,
    ) -> Result<Self, SynthesisError> {
        let mut numbers = vec![];
        for element in state.elements() {
            numbers.push(Number::alloc(cs, "state", element)?);
        }
        Self::from_elements(shape, numbers).ok_or(SynthesisError::MalformedVerifyingKey)
    }

    fn from_elements(shape: &Shape, elements: Vec<Number>) -> Option<Self> {
        let n = shape.index_bits();
        let mut rest = elements.into_iter();
        let state = Self {
            constants: array(&mut rest)?,
            group: rest.next()?,
            samples: rest.next()?,
            count: rest.next()?,
            prefix: rest.next()?,
            outputs: rest.next()?,
            data: rest.next()?,
            cursor: array(&mut rest)?,
            value: rest.next()?,
            list: rest.next()?,
            point: rest.by_ref().take(n).collect(),
            inner: InnerNumbers::take(shape, &mut rest)?,
        };
        rest.next().is_none().then_some(state)
    }

    /// All elements, in the order of [`State::elements`].
    pub(super) fn elements(&self) -> Vec<Number> {
        let mut elements = self.constants.to_vec();
        elements.extend([&self.group, &self.samples, &self.count, &self.prefix].map(Clone::clone));
        elements.extend([&self.outputs, &self.data].map(Clone::clone));
        elements.extend_from_slice(&self.cursor);
        elements.extend([&self.value, &self.list].map(Clone::clone));
        elements.extend_from_slice(&self.point);
        elements.extend(self.inner.each().into_iter().cloned());
        elements
    }

    /// The digest. Cost: one hash.
    pub(super) fn digest<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
    ) -> Result<Number, SynthesisError> {
        hash(cs, Domain::State, &self.elements())
    }
}

impl InnerNumbers {
    /// The next elements, in the order of [`Self::each`].
    fn take(shape: &Shape, rest: &mut impl Iterator<Item = Number>) -> Option<Self> {
        let n = shape.index_bits();
        Some(InnerNumbers {
            program: rest.next()?,
            salt: rest.next()?,
            seed: rest.next()?,
            chain: rest.next()?,
            xi: rest.next()?,
            zeta: rest.next()?,
            eta: rest.next()?,
            gamma: rest.next()?,
            delta: rest.next()?,
            head: rest.by_ref().take(n).collect(),
            transcript: rest.next()?,
            marks: array(rest)?,
            linear: rest.next()?,
            lookups: rest.next()?,
            weights: rest.next()?,
            tables: rest.next()?,
            claim: rest.next()?,
            forms: rest.next()?,
            values: array(rest)?,
            z: rest.by_ref().take(shape.row_bits as usize).collect(),
            selector: rest.next()?,
            lambda: rest.next()?,
        })
    }

    fn each(&self) -> Vec<&Number> {
        let mut each = vec![
            &self.program,
            &self.salt,
            &self.seed,
            &self.chain,
            &self.xi,
            &self.zeta,
            &self.eta,
            &self.gamma,
            &self.delta,
        ];
        each.extend(&self.head);
        each.push(&self.transcript);
        each.extend(&self.marks);
        each.extend([&self.linear, &self.lookups, &self.weights, &self.tables]);
        each.extend([&self.claim, &self.forms]);
        each.extend(&self.values);
        each.extend(&self.z);
        each.extend([&self.selector, &self.lambda]);
        each
    }

    /// Zero if `end`, else unchanged. Cost: 1 an element.
    pub(super) fn cleared<CS: ConstraintSystem<Scalar>>(
        self,
        cs: &mut CS,
        shape: &Shape,
        end: &Bit,
    ) -> Result<Self, SynthesisError> {
        let keep = end.not();
        let mut cleared = vec![];
        for element in self.each() {
            cleared.push(keep.number().product(cs, "kept", element)?);
        }
        Self::take(shape, &mut cleared.into_iter()).ok_or(SynthesisError::MalformedVerifyingKey)
    }
}

fn array<const N: usize>(rest: &mut impl Iterator<Item = Number>) -> Option<[Number; N]> {
    let numbers: Vec<Number> = rest.by_ref().take(N).collect();
    numbers.try_into().ok()
}
