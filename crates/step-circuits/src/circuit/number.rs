//! Numbers: linear combinations of variables together with their value.
//!
//! Additions are free; a product, a selection or an equality is one constraint, whose name says what it binds.
//! A witness generator needs values only, so there the combinations are left out.

use std::ops::{Add, Mul, Neg, Sub};

use ff::Field;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

use crate::Scalar;

/// The variable that is one.
const ONE: Variable = Variable(Index::Input(0));

/// A linear combination of variables plus a constant, and its value.
///
/// The constant is kept apart from the terms, so that a witness generator's numbers own no memory. What
/// is allocated must therefore never depend on the terms: they are empty there.
#[derive(Clone, Debug, Default)]
pub struct Number {
    value: Scalar,
    constant: Scalar,
    terms: Vec<(Variable, Scalar)>,
}

/// A number that a constraint holds to 0 or 1.
#[derive(Clone, Debug)]
pub struct Bit(Number);

impl Bit {
    /// Allocates a bit: `bit (bit - 1) = 0`. Cost: 1.
    pub fn alloc<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        name: &'static str,
        value: bool,
    ) -> Result<Self, SynthesisError> {
        let bit = Number::alloc(cs, name, Scalar::from(u64::from(value)))?;
        let other = &bit - &Number::one();
        bit.enforce_product(cs, "bit", &other, &Number::zero());
        Ok(Self(bit))
    }

    /// The number.
    pub fn number(&self) -> &Number {
        &self.0
    }

    /// Whether it is one.
    pub fn is_set(&self) -> bool {
        self.0.value == Scalar::ONE
    }

    /// The other bit; free.
    pub fn not(&self) -> Self {
        Self(&Number::one() - &self.0)
    }

    /// The bit of a number that the caller's constraints hold to 0 or 1, a sum of exclusive bits for one.
    pub fn of_bound(number: Number) -> Self {
        Self(number)
    }

    /// `one` if the bit is set, else `zero`. Cost: 1.
    pub fn select<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        one: &Number,
        zero: &Number,
    ) -> Result<Number, SynthesisError> {
        let difference = self.0.product(cs, name, &(one - zero))?;
        Ok(zero + &difference)
    }

    /// The same as one variable, so that a chain of selections does not grow: `bit (one - zero) =
    /// selected - zero`. Cost: 1.
    pub fn select_variable<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        one: &Number,
        zero: &Number,
    ) -> Result<Number, SynthesisError> {
        self.0.product_plus(cs, name, &(one - zero), zero)
    }
}

impl Number {
    /// Zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// One.
    pub fn one() -> Self {
        Self::constant(Scalar::ONE)
    }

    /// A constant of the circuit.
    pub fn constant(value: Scalar) -> Self {
        Self {
            value,
            constant: value,
            terms: vec![],
        }
    }

    /// A variable bound by nothing: the caller names what binds it.
    pub fn alloc<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        name: &'static str,
        value: Scalar,
    ) -> Result<Self, SynthesisError> {
        let variable = cs.alloc(|| name, || Ok(value))?;
        let terms = match cs.is_witness_generator() {
            true => vec![],
            false => vec![(variable, Scalar::ONE)],
        };
        Ok(Self {
            value,
            constant: Scalar::ZERO,
            terms,
        })
    }

    /// A variable of the frontend.
    pub fn of(variable: &AllocatedNum<Scalar>) -> Self {
        Self {
            value: variable.get_value().unwrap_or_default(),
            constant: Scalar::ZERO,
            terms: vec![(variable.get_variable(), Scalar::ONE)],
        }
    }

    /// The value.
    pub fn value(&self) -> Scalar {
        self.value
    }

    /// The linear combination.
    pub fn lc(&self) -> LinearCombination<Scalar> {
        let constant = match self.constant == Scalar::ZERO {
            true => LinearCombination::zero(),
            false => LinearCombination::from_coeff(ONE, self.constant),
        };
        self.terms
            .iter()
            .filter(|(_, factor)| *factor != Scalar::ZERO)
            .fold(constant, |lc, (variable, factor)| lc + (*factor, *variable))
    }

    /// `factor` times the number; free.
    pub fn scale(&self, factor: Scalar) -> Self {
        Self {
            value: self.value * factor,
            constant: self.constant * factor,
            terms: self.terms.iter().map(|(v, c)| (*v, *c * factor)).collect(),
        }
    }

    /// Twice the number; free.
    pub fn double(&self) -> Self {
        self.scale(Scalar::from(2))
    }

    /// The sum of some numbers; free.
    pub fn sum<'a>(numbers: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::zero();
        for number in numbers {
            sum.value += number.value;
            sum.constant += number.constant;
            sum.terms.extend_from_slice(&number.terms);
        }
        sum
    }

    /// The product. Cost: 1.
    pub fn product<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        other: &Self,
    ) -> Result<Self, SynthesisError> {
        let product = Self::alloc(cs, name, self.value * other.value)?;
        self.enforce_product(cs, name, other, &product);
        Ok(product)
    }

    /// `self * other + rest` as one variable: `self * other = result - rest`. Cost: 1.
    pub fn product_plus<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        other: &Self,
        rest: &Self,
    ) -> Result<Self, SynthesisError> {
        let result = Self::alloc(cs, name, self.value * other.value + rest.value)?;
        if !cs.is_witness_generator() {
            self.enforce_product(cs, name, other, &(&result - rest));
        }
        Ok(result)
    }

    /// A variable equal to the number, so that long combinations are not repeated. Cost: 1.
    pub fn settled<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
    ) -> Result<Self, SynthesisError> {
        self.product(cs, name, &Self::one())
    }

    /// Enforces `self * other = product`. Cost: 1.
    pub fn enforce_product<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        other: &Self,
        product: &Self,
    ) {
        cs.enforce(|| name, |_| self.lc(), |_| other.lc(), |_| product.lc());
    }

    /// Enforces equality. Cost: 1.
    pub fn enforce_equal<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
        other: &Self,
    ) {
        self.enforce_product(cs, name, &Self::one(), other);
    }

    /// The inverse, `self * inverse = 1`: unsatisfiable for zero. Cost: 1.
    pub fn inverse<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        name: &'static str,
    ) -> Result<Self, SynthesisError> {
        let inverse = Self::alloc(cs, name, self.value.invert().unwrap_or(Scalar::ZERO))?;
        self.enforce_product(cs, name, &inverse, &Self::one());
        Ok(inverse)
    }
}

impl Add for &Number {
    type Output = Number;

    fn add(self, other: Self) -> Number {
        Number::sum([self, other])
    }
}

impl Neg for &Number {
    type Output = Number;

    fn neg(self) -> Number {
        self.scale(-Scalar::ONE)
    }
}

impl Sub for &Number {
    type Output = Number;

    fn sub(self, other: Self) -> Number {
        self + &-other
    }
}

impl Mul<&Number> for Scalar {
    type Output = Number;

    fn mul(self, number: &Number) -> Number {
        number.scale(self)
    }
}
