//! The positions of a slot.
//!
//! Natively a lane is `cut`, next to `full`, both reset where an axis starts. Here a lane is the quotient
//! `c = cut / full`, and all `full` are factors of one product, which saves their resets and selections:
//!
//! ```text
//! zero + one                                 multiplies the product
//! ratio = zero / (zero + one)
//! c'    = bit ? 1 - (1 - c)(1 - ratio) : c ratio
//! end                                        multiplies the product by c and sets c to one
//! ```
//!
//! Outside axes `one` is zero, so `ratio` is one and a lane that is one stays so. A fixed position is one
//! outside axes whose `zero` is its equality. Lanes are therefore one wherever an axis starts, provided
//! that every axis resets all three: those of a window are reset where they are captured, and in other
//! axes the further lanes have all bits set, which keeps them at one.
//!
//! Whether a position is inside an axis is the number of starts so far less the number of ends before it.

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::slot::LANES;

use super::super::{Bit, Number};
use super::words::{Lanes, Position};
use crate::Scalar;

/// Where the evaluation of the axes stands.
pub(super) struct Axes {
    /// The product so far.
    pub(super) product: Number,
    /// Lanes of the window axes, zero until captured.
    pub(super) captured: [[Number; LANES]; 2],
    /// Bases of the axes not yet started.
    bases: Vec<Number>,
    /// Starts less ends.
    inside: Number,
    /// The axis's power at the last position.
    power: Option<Number>,
    lanes: [Number; LANES],
}

impl Axes {
    /// Before the lowest position, with the number that the axes multiply.
    pub(super) fn new(product: Number, bases: &[Number]) -> Self {
        Self {
            product,
            captured: std::array::from_fn(|_| std::array::from_fn(|_| Number::zero())),
            bases: bases.to_vec(),
            inside: Number::zero(),
            power: None,
            lanes: std::array::from_fn(|_| Number::one()),
        }
    }

    /// All positions.
    ///
    /// Cost: 14 a position, 10 more with three lanes, 5 for the bases; less what the lowest and the highest
    /// do not need: 540 for 21 positions.
    pub(super) fn evaluate<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        positions: &[Position],
        point: &[Number],
        coordinates: &[Option<Number>],
    ) -> Result<(), SynthesisError> {
        let zipped = positions.iter().zip(point).zip(coordinates);
        for (b, ((position, x), r)) in zipped.enumerate() {
            let later = positions.len() - b - 1;
            self.start(cs, &position.start, later)?;
            let [zero, one] = self.weights(cs, position, x, r.as_ref())?;
            self.advance(cs, position, &zero, &one, b == 0)?;
            self.end(cs, &position.end)?;
            if let Some(lanes) = &position.lanes {
                self.capture(cs, lanes)?;
            }
        }
        Ok(())
    }

    /// The power at the next position: the square of the last, or the next base. The bases move up; at
    /// most one is needed for each later position. Cost: 2, and up to 5 for the bases.
    fn start<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        start: &Bit,
        later: usize,
    ) -> Result<(), SynthesisError> {
        let square = match &self.power {
            None => Number::one(),
            Some(power) => power.product(cs, "squared power", power)?,
        };
        if let Some(base) = self.bases.first() {
            self.power = Some(start.select_variable(cs, "power", base, &square)?);
        }
        for i in 1..self.bases.len().min(later + 1) {
            let (base, next) = (&self.bases[i - 1], &self.bases[i]);
            self.bases[i - 1] = start.select_variable(cs, "base", next, base)?;
        }
        self.inside = &self.inside + start.number();
        Ok(())
    }

    /// The weights of bit 0 and bit 1. Cost: 5, and 1 for the head's coordinate.
    fn weights<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        position: &Position,
        x: &Number,
        r: Option<&Number>,
    ) -> Result<[Number; 2], SynthesisError> {
        let one = Number::one();
        let weight = match r {
            Some(r) => position.point.number().product(cs, "weight", r)?,
            None => Number::zero(),
        };
        // Inside `1 - low` is 1 - x; at a fixed position it is x or 1 - x, by the bit; else 1.
        let (fixed, bit) = (position.fixed.number(), position.bound.number());
        let fixed_one = fixed.product(cs, "fixed one", bit)?;
        let sign = &(&self.inside + fixed) - &fixed_one.double();
        let low = sign.product_plus(cs, "low", x, &fixed_one)?;
        let zero = (&one - &low).product(cs, "zero", &(&one - &weight))?;
        // Inside x, or x times the coordinate; else zero.
        let high = &(&self.inside - position.point.number()) + &weight;
        let high = x.product(cs, "high", &high)?;
        let power = self.power.as_ref().unwrap_or(&one);
        let one = high.product(cs, "one", power)?;
        Ok([zero, one])
    }

    /// The lanes and the product. Cost: 2, and 2 for each lane.
    fn advance<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        position: &Position,
        zero: &Number,
        one: &Number,
        lowest: bool,
    ) -> Result<(), SynthesisError> {
        let both = zero + one;
        let inverse = both.value().invert().unwrap_or(Scalar::ZERO);
        let ratio = Number::alloc(cs, "ratio", zero.value() * inverse)?;
        ratio.enforce_product(cs, "ratio", &both, zero);
        self.product = self.product.product(cs, "axes", &both)?;
        let further = position.lanes.iter().flat_map(|lanes| &lanes.bounds);
        let bounds = std::iter::once(&position.bound).chain(further);
        for (lane, bound) in self.lanes.iter_mut().zip(bounds) {
            let below = match lowest {
                // The lane is the constant one.
                true => ratio.clone(),
                false => lane.product(cs, "lane below", &ratio)?,
            };
            let above = &(&*lane + &ratio) - &below.double();
            *lane = (bound.number()).product_plus(cs, "lane", &above, &below)?;
        }
        Ok(())
    }

    /// An axis of one lane may end. Cost: 2.
    fn end<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        end: &Bit,
    ) -> Result<(), SynthesisError> {
        let one = Number::one();
        let missing = (end.number()).product(cs, "end", &(&one - &self.lanes[0]))?;
        self.product = self.product.product(cs, "times lane", &(&one - &missing))?;
        self.lanes[0] = &self.lanes[0] + &missing;
        self.inside = &self.inside - end.number();
        Ok(())
    }

    /// A window axis may end. Cost: 6.
    fn capture<CS: ConstraintSystem<Scalar>>(
        &mut self,
        cs: &mut CS,
        lanes: &Lanes,
    ) -> Result<(), SynthesisError> {
        let mut missing: [Number; LANES] = std::array::from_fn(|_| Number::zero());
        for (captured, capture) in self.captured.iter_mut().zip(&lanes.capture) {
            for ((sum, lane), missing) in captured.iter_mut().zip(&self.lanes).zip(&mut missing) {
                let taken = capture.number().product(cs, "captured", lane)?;
                *sum = &*sum + &taken;
                *missing = &*missing + &(capture.number() - &taken);
            }
            self.inside = &self.inside - capture.number();
        }
        for (lane, missing) in self.lanes.iter_mut().zip(&missing) {
            *lane = &*lane + missing;
        }
        Ok(())
    }
}
