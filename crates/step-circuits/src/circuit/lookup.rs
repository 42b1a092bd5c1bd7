//! Lookup slots in the circuit.

use ff::Field;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::lookup::RANGE_TAG_BITS;

use super::Number;
use super::bits::{sum_of_bits, unpack};
use crate::Scalar;

/// What lookup slots are evaluated with; one serves all slots of a step.
#[derive(Clone, Debug)]
pub struct Setting {
    z: Vec<Number>,
    x: Vec<Number>,
    forms: [Number; 3],
    kinds: [Number; 3],
    /// `z x + (1 - z)(1 - x)`, by bit of the row.
    equal: Vec<Number>,
    /// `eta` times the second form.
    weighted: Number,
}

impl Setting {
    /// The fields of [`pleat_argument::step::lookup::Setting`]: `eta`; row coordinates of the GKR point and
    /// the rows' point, as many, else an error; forms; kinds.
    ///
    /// Binds: products of coordinates, `eta` times the second form. Cost: rows + 1.
    pub fn new<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        eta: &Number,
        z: &[Number],
        x: &[Number],
        forms: [Number; 3],
        kinds: [Number; 3],
    ) -> Result<Self, SynthesisError> {
        if z.len() != x.len() {
            return Err(SynthesisError::IncompatibleLengthVector("rows".into()));
        }
        let equal = (z.iter().zip(x))
            .map(|(z, x)| {
                let rest = &(&Number::one() - z) - x;
                z.double().product_plus(cs, "equality", x, &rest)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            z: z.to_vec(),
            x: x.to_vec(),
            weighted: eta.product(cs, "weighted form", &forms[1])?,
            forms,
            kinds,
            equal,
        })
    }
}

/// Contributions of a lookup slot to the forms at `z` and to the columns' coefficients at `x`.
///
/// Shape: the four elements of [`pleat_argument::step::lookup::LookupSlot::elements`] to two numbers.
/// Requires: well-formed elements, which the program's digest gives: a row's second flag only with its first.
/// Enforces: flags are the first element's bits; the result is the native one, zero for no slot.
/// Binds: flags by the element; all else by products.
/// Cost: `10 rows + 20`: 210 for 19 rows, flags (`3 rows + 11`) included.
/// Native twin: [`pleat_argument::step::lookup::LookupSlot::evaluate`].
pub fn evaluate<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    elements: &[Number; 4],
    setting: &Setting,
) -> Result<[Number; 2], SynthesisError> {
    let [flags, tag, scale, entry] = elements;
    let rows = setting.z.len();
    let flags = unpack(cs, flags, 3 * rows + 3 + RANGE_TAG_BITS as usize)?;
    let (by_row, flags) = flags.split_at(3 * rows);
    let (flags, range) = flags.split_at(3);
    let [active, value, is_table] = flags else {
        return Err(SynthesisError::AssignmentMissing);
    };

    let one = Number::one();
    // At z: what fixed bits give. Behind: what they give at x, free ones at both.
    let (mut at_z, mut behind): (_, Option<Number>) = (active.number().clone(), None);
    let (mut low, mut channel) = (vec![], vec![]);
    let mut weight = Scalar::ONE;
    let coordinates = setting.z.iter().zip(&setting.x).zip(&setting.equal);
    for (flags, ((z, x), equal)) in by_row.chunks(3).zip(coordinates) {
        let [fixed, bit, in_channel] = [0, 1, 2].map(|i| flags[i].number());
        // One of: 0 for a free bit, 1 for a fixed zero, -1 for a fixed one.
        let sign = fixed - &bit.double();
        let fixed_z = fixed.product(cs, "fixed coordinate", z)?;
        let signed_z = sign.product(cs, "sign at z", z)?;
        let signed_x = sign.product(cs, "sign at x", x)?;
        let rest = &one - bit;
        at_z = at_z.product(cs, "at z", &(&rest - &signed_z))?;
        let free = (&one - fixed).product(cs, "free", &(equal - &one))?;
        let factor = &(&rest - &signed_x) + &free;
        behind = Some(match behind {
            None => factor,
            Some(behind) => behind.product(cs, "behind", &factor)?,
        });
        low.push((z - &fixed_z).scale(weight));
        channel.push(in_channel.product(cs, "channel", z)?.scale(weight));
        weight = weight.double();
    }

    let [entries, tags, ranges] = &setting.forms;
    let [looking, bound, table] = &setting.kinds;
    let channel = Number::sum(&channel);
    let tag = channel.product_plus(cs, "tag", scale, tag)?;
    let entry = entry + &Number::sum(&low);
    let row = (setting.weighted).product_plus(cs, "entry", &entry, entries)?;
    let row = is_table.number().product(cs, "table row", &row)?;
    let range = sum_of_bits(range).product_plus(cs, "range", ranges, &row)?;
    let form = tags.product_plus(cs, "form", &tag, &range)?;
    let kind = is_table.select(cs, "kind", table, looking)?;
    let kind = value.number().product_plus(cs, "bound", bound, &kind)?;
    let at_both = at_z.product(cs, "at both", &behind.unwrap_or(one))?;
    Ok([
        at_z.product(cs, "forms", &form)?,
        at_both.product(cs, "coefficients", &kind)?,
    ])
}
