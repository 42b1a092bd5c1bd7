//! The slots of a view.

use super::monomial::{self, Proto, exponent};
use super::part::{Part, Segment, axis, interval, is_nothing, products};
use super::refuse;
use crate::budget::{Budget, Work};
use crate::multilinear::scalar;
use crate::step::slot::Factor;
use crate::step::{Shape, WEIGHT_BITS};
use crate::view::{self, Axis, Extra, Target, View};
use crate::{Result, Scalar};

/// Where a view's axes lie in the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Position of the lowest index bit.
    pub(super) first: u32,
    /// Bits above the block and what they are; no bits for public terms, which fix none.
    pub(super) above: (u32, u64),
    /// What entries are.
    pub(super) entries: Factor,
}

/// A geometric sum: exponent of one index, and indices.
type Geometric = (u128, u128);

/// What the extras of a view come to.
#[derive(Default)]
struct Scale {
    factors: Vec<Vec<Part>>,
    geometric: Vec<Geometric>,
    axes: Vec<Axis>,
}

impl Scale {
    /// `None` if it is zero.
    fn new(extras: &[Extra], live: u64) -> Option<Self> {
        let mut scale = Self::default();
        for extra in extras {
            match *extra {
                Extra::Power { exponent } => scale.push(Part::power(exponent.into())),
                Extra::Vanish { exponent } => {
                    let mut minus = Part::power(exponent.into());
                    minus.factor = -minus.factor;
                    scale.factors.push(vec![Part::of(vec![]), minus]);
                }
                Extra::At { start, bits, value } => {
                    let mut part = Part::of(vec![]);
                    part.compare(start, bits, value);
                    scale.push(part);
                }
                Extra::Sum(axis) => {
                    let (step, lo, hi) = match axis.factor {
                        view::Factor::Powers { step, lo, hi } => (step, lo, hi),
                        view::Factor::Live { step } => (step, 0, live),
                        _ => {
                            scale.axes.push(axis);
                            continue;
                        }
                    };
                    let count = hi.min(1 << axis.bits).checked_sub(lo).filter(|&n| n > 0)?;
                    let mut part = Part::power(i128::from(step) * i128::from(lo));
                    match step {
                        0 => part.factor = Scalar::from(count),
                        _ if count == 1 => {}
                        _ => scale.geometric.push((step.into(), count.into())),
                    }
                    scale.push(part);
                }
            }
        }
        scale.join();
        Some(scale)
    }

    fn push(&mut self, part: Part) {
        self.factors.push(vec![part]);
    }

    /// Sums that continue each other become one; the longest comes first.
    fn join(&mut self) {
        let sums = &mut self.geometric;
        'again: loop {
            for i in 0..sums.len() {
                let (step, count) = sums[i];
                let next = sums
                    .iter()
                    .position(|s| Some(s.0) == step.checked_mul(count));
                if let Some(j) = next.filter(|&j| j != i)
                    && let Some(count) = count.checked_mul(sums[j].1)
                {
                    sums[i].1 = count;
                    sums.remove(j);
                    continue 'again;
                }
            }
            break;
        }
        sums.sort_by_key(|s| std::cmp::Reverse(s.1));
    }
}

/// A part's sum over its indices: scalars.
///
/// # Errors
/// Too many of them.
fn total(part: &Part, budget: &mut Budget) -> Result<Vec<Part>> {
    let mut factors = vec![];
    for segment in &part.segments {
        factors.push(match segment {
            Segment::Fixed { .. } | Segment::Prefix { .. } => continue,
            Segment::Free { bits } => {
                let mut scalar = Part::of(vec![]);
                scalar.factor = Scalar::from(1 << bits);
                vec![scalar]
            }
            Segment::Run(run) if run.base == 0 && run.point.is_none() => {
                let mut scalar = Part::of(vec![]);
                scalar.factor = Scalar::from(run.bound + 1);
                vec![scalar]
            }
            Segment::Run(run) if run.base == 0 && run.is_full() => continue,
            Segment::Run(run) => {
                let mut parts = monomial::indices(run, budget)?;
                parts.iter_mut().for_each(|p| p.segments.clear());
                parts
            }
            Segment::Lanes(lanes) => {
                let mut all = vec![];
                for part in lanes.split() {
                    all.extend(total(&part, budget)?);
                }
                all
            }
        });
    }
    let mut own = part.clone();
    own.segments.clear();
    factors.push(vec![own]);
    products(&factors, budget)
}

/// An axis's sum: by positions of its own if there is room, with the length as a factor; else written out.
///
/// # Errors
/// Too many summands.
fn summed(parts: Vec<Part>, bits: u32, room: &mut u32, budget: &mut Budget) -> Result<Vec<Part>> {
    let mut parts = parts;
    let is_place = |s: &Segment| matches!(s, Segment::Prefix { .. });
    let free = parts.iter().all(|p| !p.segments.iter().any(is_place));
    if let Some(rest) = room.checked_sub(bits).filter(|_| free) {
        *room = rest;
        let length = Scalar::from(1 << bits);
        parts.iter_mut().for_each(|p| p.factor *= length);
        return Ok(parts);
    }
    let mut all = vec![];
    for part in &parts {
        all.extend(total(part, budget)?);
    }
    Ok(all)
}

/// The slots of a view, without banks.
///
/// # Errors
/// A view that does not fit the circuit's slots.
pub(super) fn lower(
    view: &View,
    shape: &Shape,
    place: &Place,
    live: u64,
    budget: &mut Budget,
) -> Result<Vec<Proto>> {
    budget.spend(Work::Term, 1)?;
    let weights = view.identity.max(view.claim);
    if weights >> WEIGHT_BITS != 0 {
        return Err(refuse(format!(
            "more than 2^{WEIGHT_BITS} identities or claims"
        )));
    }
    let Some(scale) = Scale::new(&view.extras, live).filter(|_| view.factor != 0) else {
        return Ok(vec![]);
    };
    // Of public terms only the scale counts.
    let public = place.entries == Factor::One;
    let mut factors = vec![];
    if !public {
        // Pieces that a window does not reach are common: they cost nothing.
        if view.axes.iter().any(is_nothing) {
            return Ok(vec![]);
        }
        for own in &view.axes {
            factors.push(axis(own, live, budget)?);
        }
        factors.push(vec![Part::fixed(place.above.0, place.above.1)]);
    }
    // Public terms are evaluated at one half, where positions are free for sums.
    let mut room = match public {
        true => shape.index_bits() as u32,
        false => 0,
    };
    for own in &scale.axes {
        let parts = axis(own, live, budget)?;
        factors.push(summed(parts, own.bits, &mut room, budget)?);
    }
    let mut geometric = scale.geometric.iter();
    let sum = match geometric.next() {
        None => None,
        Some(&(step, count)) => Some([exponent(step.saturating_mul(count))?, exponent(step)?]),
    };
    for &(step, count) in geometric {
        let count = u64::from(exponent(count)?);
        let bits = count.next_power_of_two().trailing_zeros();
        factors.push(summed(
            interval(bits, step, None, (0, count)),
            bits,
            &mut room,
            budget,
        )?);
    }
    factors.extend(scale.factors);
    let integer = scalar(view.factor) * scalar(if public { -1 } else { 1 });
    let terms = terms(view.target, place);
    let mut slots = vec![];
    for product in products(&factors, budget)? {
        for mut proto in monomial::slots(shape, place.first, product, budget)? {
            budget.spend(Work::Monomial, terms.len().div_ceil(2))?;
            proto.sum = sum;
            proto.slot.identity = view.identity;
            proto.slot.claim = view.claim;
            proto.factor *= integer;
            slots.extend(terms.chunks(2).map(|terms| {
                let mut proto = proto.clone();
                for (own, &(coefficient, factor)) in proto.slot.terms.iter_mut().zip(terms) {
                    *own = (proto.factor * scalar(coefficient), factor);
                }
                proto
            }));
        }
    }
    Ok(slots)
}

/// What a target's slots multiply, two terms each.
fn terms(target: Target, place: &Place) -> Vec<(i64, Factor)> {
    const COLUMNS: [Factor; 4] = [Factor::First, Factor::Second, Factor::Third, Factor::Fourth];
    match target {
        Target::Columns(columns) => std::iter::zip(columns, COLUMNS)
            .filter(|(coefficient, _)| *coefficient != 0)
            .collect(),
        Target::SelectedValue => vec![(1, Factor::SelectedValue)],
        Target::SelectedExtra => vec![(1, Factor::SelectedExtra)],
        Target::Entries => vec![(1, place.entries)],
    }
}
