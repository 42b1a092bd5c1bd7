//! The head's point, shifted.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};

use super::super::{Bit, Number};
use crate::Scalar;

/// Per position `b` coordinate `b + shift - n` of the `n` coordinates of the head's point; `None` where no
/// shift leads to one.
///
/// A shifter over the point with zeros around it. The two highest bits, which move by 16 and more, select
/// at once: hardly two of the four candidates are coordinates. The others halve the distance one by one.
/// What is zero for every shift costs nothing; which that is depends on `n` alone.
///
/// Shape: six bits, lowest first, else an error; `n` coordinates to `n`.
/// Binds: each step's candidates by the products named after it. Cost: 142 for 21 coordinates.
pub(super) fn coordinates<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    shift: &[Bit],
    head: &[Number],
) -> Result<Vec<Option<Number>>, SynthesisError> {
    let Some((low, [fourth, fifth])) = shift.split_at_checked(4) else {
        return Err(SynthesisError::IncompatibleLengthVector("shift".into()));
    };
    let n = head.len();
    let both = fourth
        .number()
        .product(cs, "highest bits", fifth.number())?;
    let (fourth, fifth) = (fourth.number() - &both, fifth.number() - &both);
    let none = &(&Number::one() - &Number::sum([&fourth, &fifth])) - &both;
    let by_distance = [none, fourth, fifth, both];
    let mut candidates = Vec::with_capacity(n + 15);
    for place in 0..n + 15 {
        let mut parts = vec![];
        for (i, selected) in by_distance.iter().enumerate() {
            let coordinate = (place + 16 * i).checked_sub(n).and_then(|c| head.get(c));
            if let Some(r) = coordinate {
                parts.push(selected.product(cs, "far shift", r)?);
            }
        }
        candidates.push((!parts.is_empty()).then(|| Number::sum(&parts)));
    }
    let zero = Number::zero();
    for (i, bit) in low.iter().enumerate().rev() {
        let distance = 1 << i;
        let mut next = Vec::with_capacity(n + distance - 1);
        for pair in candidates.windows(distance + 1).take(n + distance - 1) {
            next.push(match (&pair[0], &pair[distance]) {
                (None, None) => None,
                (stay, moved) => {
                    let [stay, moved] = [stay, moved].map(|c| c.as_ref().unwrap_or(&zero));
                    Some(bit.select_variable(cs, "near shift", moved, stay)?)
                }
            });
        }
        candidates = next;
    }
    Ok(candidates)
}
