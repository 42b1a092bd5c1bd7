//! Slots in the circuit.
//!
//! | module | does |
//! | --- | --- |
//! | `words` | the descriptor's elements to flags |
//! | `scale` | terms, powers, geometric sum, compared coordinates, prefix |
//! | `shifted` | the head's point, shifted to the positions |
//! | `axes` | positions |
//! | `window` | taps |
//! | [form](pleat_argument::step::form) | which slots are evaluated as natively |
//!
//! A slot's elements are public data bound by the program's digest, so their flags are not checked
//! against each other: the gadget requires the [form](pleat_argument::step::form) that a compiler gives them, and uses it.

mod axes;
mod scale;
mod shifted;
mod window;
mod words;

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::slot::FACTORS;
use pleat_argument::step::{BANK, EXPONENT_BITS, WEIGHT_BITS};

use super::Number;
use super::bits::select_one_of;
use crate::Scalar;
use words::Words;

/// What slots are evaluated with; one serves all slots of a step. The fields of
/// [`pleat_argument::step::slot::Setting`], with squares in place of bases, and without the factor that is one.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Squares of the base of positions, as many as an exponent has bits, by [`super::bits::squares`].
    pub xi: Vec<Number>,
    /// Squares of the base of identities, as many as a weight has bits.
    pub zeta: Vec<Number>,
    /// Squares of the base of claims, as many.
    pub delta: Vec<Number>,
    /// Powers of xi.
    pub bank: [Number; BANK],
    /// The head's point.
    pub head: Vec<Number>,
    /// The point of the index, as long.
    pub point: Vec<Number>,
    /// The equality polynomial of the group's place.
    pub prefix: Number,
    /// The values multiplied.
    pub factors: [Number; FACTORS - 1],
}

impl Setting {
    /// Refuses a setting whose lengths do not fit: nothing may be left out silently.
    fn check(&self) -> Result<(), SynthesisError> {
        let weight = WEIGHT_BITS as usize;
        let fits = self.xi.len() == EXPONENT_BITS as usize
            && [self.zeta.len(), self.delta.len()] == [weight; 2]
            && self.head.len() == self.point.len();
        match fits {
            true => Ok(()),
            false => Err(SynthesisError::IncompatibleLengthVector("setting".into())),
        }
    }
}

/// The value of a slot.
///
/// Shape: the four elements of [`pleat_argument::step::slot::Slot::elements`] to one number; an error if
/// the setting's lengths do not fit.
/// Requires: elements of a slot in the [form](pleat_argument::step::form) of a compiler; a point that is no corner of the cube.
/// Enforces: flags are the bits of the first two elements; the result is the native one.
/// Two quotients are witnesses: `ratio` with `ratio (zero + one) = zero` at each position, and `sum` with
/// `sum (bank[b] - 1) = bank[a] - 1`. A divisor is zero with negligible probability, as coordinates and
/// xi are hashes; if it is, the quotient is free (where the native `sum` is zero), or there is none.
/// Binds: flags by the elements; all else by the products named after them.
/// Cost: 1477 for 21 positions (1337 for 17): 407 to unpack, 90 for the bases, 200 for `scale`, 142 for the
/// shifted point, 540 for the axes, 98 for the windows.
/// Native twin: [`pleat_argument::step::slot::Slot::evaluate`].
pub fn evaluate<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    elements: &[Number; 4],
    setting: &Setting,
) -> Result<Number, SynthesisError> {
    setting.check()?;
    let words = Words::unpack(cs, elements, setting.point.len())?;
    let bases = (words.bases.iter())
        .map(|place| select_one_of(cs, place, &setting.bank))
        .collect::<Result<Vec<_>, _>>()?;
    let scale = scale::evaluate(cs, &words, setting)?;
    let coordinates = shifted::coordinates(cs, &words.shift, &setting.head)?;
    let mut axes = axes::Axes::new(scale, &bases);
    axes.evaluate(cs, &words.positions, &setting.point, &coordinates)?;
    let mut product = axes.product;
    for ((window, lanes), ratio) in words.windows.iter().zip(&axes.captured).zip(&bases) {
        product = window::multiply(cs, window, &product, lanes, ratio, &setting.head)?;
    }
    Ok(product)
}
