//! Constraints, one file per idea.
//!
//! Every gadget's comment gives its shape, what it requires of its inputs, what it enforces, its cost
//! in constraints and why the constraints suffice. Values are small integers throughout: a [`Cell`]
//! is a variable of the circuit with its integer value, a [`Lin`] an integer combination of variables.
//!
//! Gadgets never fail on a witness that does not fit: they then assign bits that leave a constraint
//! unsatisfied. The native executor refuses such samples first, with a message.

pub mod argmax;
pub mod bits;
pub mod clamp;
pub mod dot;
pub mod hash;
pub mod max;
pub mod requantize;

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

use crate::Scalar;

/// The variable that is always 1.
pub const ONE: Variable = Variable(Index::Input(0));

/// An integer as a field element.
pub fn scalar(value: i64) -> Scalar {
    let magnitude = Scalar::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// `2^exponent` in the field.
pub fn power_of_two(exponent: u32) -> Scalar {
    Scalar::from(2).pow_vartime([u64::from(exponent)])
}

/// A variable, or a constant of the circuit, and its integer value.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The variable, [`ONE`] for a constant.
    pub variable: Variable,
    /// 1, or the constant.
    pub coefficient: i64,
    /// The value in the witness.
    pub value: i64,
}

impl Cell {
    /// A constant of the circuit: costs nothing.
    pub const fn constant(value: i64) -> Self {
        Self {
            variable: ONE,
            coefficient: value,
            value,
        }
    }

    /// Whether this is a constant of the circuit.
    pub fn is_constant(&self) -> bool {
        self.variable == ONE
    }

    /// `lc + factor * self`.
    pub fn times(&self, lc: LinearCombination<Scalar>, factor: i64) -> LinearCombination<Scalar> {
        lc + (scalar(factor) * scalar(self.coefficient), self.variable)
    }

    /// `lc + self`.
    pub fn plus(&self, lc: LinearCombination<Scalar>) -> LinearCombination<Scalar> {
        lc + (scalar(self.coefficient), self.variable)
    }
}

/// An integer combination of variables with its value.
#[derive(Clone, Debug, Default)]
pub struct Lin {
    terms: Vec<(Variable, i64)>,
    /// The value in the witness.
    pub value: i64,
}

impl From<Cell> for Lin {
    fn from(cell: Cell) -> Self {
        let mut lin = Self::default();
        lin.add(cell, 1);
        lin
    }
}

impl Lin {
    /// A constant.
    pub fn constant(value: i64) -> Self {
        Cell::constant(value).into()
    }

    /// `self += factor * cell`.
    pub fn add(&mut self, cell: Cell, factor: i64) {
        self.terms
            .push((cell.variable, cell.coefficient.wrapping_mul(factor)));
        self.value = self.value.wrapping_add(cell.value.wrapping_mul(factor));
    }

    /// `self + factor * other`.
    #[must_use]
    pub fn plus(mut self, other: &Self, factor: i64) -> Self {
        self.terms
            .extend(other.terms.iter().map(|&(v, c)| (v, c * factor)));
        self.value += other.value * factor;
        self
    }

    /// `self + constant`.
    #[must_use]
    pub fn offset(mut self, constant: i64) -> Self {
        self.add(Cell::constant(constant), 1);
        self
    }

    /// `lc + self`.
    ///
    /// Terms are added in the order of their variables, because nova-snark inserts them into a sorted
    /// list: any other order takes quadratic time.
    pub fn into_lc(&self, lc: LinearCombination<Scalar>) -> LinearCombination<Scalar> {
        let position = |&(variable, _): &(Variable, i64)| match variable.0 {
            Index::Input(i) => (false, i),
            Index::Aux(i) => (true, i),
        };
        let add = |lc, &(variable, c): &(Variable, i64)| match c {
            1 => lc + variable,
            _ => lc + (scalar(c), variable),
        };
        if self.terms.is_sorted_by_key(position) {
            return self.terms.iter().fold(lc, add);
        }
        let mut terms = self.terms.clone();
        terms.sort_by_key(position);
        terms.iter().fold(lc, add)
    }
}

/// A fresh variable. *The caller binds it.*
pub(crate) fn alloc_unbound<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    name: &'static str,
    value: i64,
) -> Result<Cell, SynthesisError> {
    let variable = cs.alloc(|| name, || Ok(scalar(value)))?;
    Ok(Cell {
        variable,
        coefficient: 1,
        value,
    })
}

/// `a = b`. Cost: 1.
pub fn enforce_equal<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    name: &'static str,
    a: &Lin,
    b: &Lin,
) {
    cs.enforce(
        || name,
        |lc| a.into_lc(lc),
        |lc| lc + ONE,
        |lc| b.into_lc(lc),
    );
}

/// A variable equal to a combination. Cost: 1, variables: 1.
///
/// Bounds the size of the constraints that use it.
pub fn materialize<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    name: &'static str,
    x: &Lin,
) -> Result<Cell, SynthesisError> {
    let cell = alloc_unbound(cs, name, x.value)?;
    enforce_equal(cs, name, x, &cell.into());
    Ok(cell)
}

/// A variable equal to a product. Cost: 1, variables: 1.
pub fn product<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    name: &'static str,
    a: &Lin,
    b: &Lin,
) -> Result<Cell, SynthesisError> {
    let cell = alloc_unbound(cs, name, a.value.wrapping_mul(b.value))?;
    cs.enforce(
        || name,
        |lc| a.into_lc(lc),
        |lc| b.into_lc(lc),
        |lc| cell.plus(lc),
    );
    Ok(cell)
}
