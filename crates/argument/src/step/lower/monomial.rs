//! Slots from products of parts: positions, bases, windows.
//!
//! A slot has room for a few axes, two windows and one offset between positions and coordinates of the head's point.
//! What does not fit is taken apart: an axis into its indices, a window into its taps.

use super::part::{Lanes, Part, Run, Segment};
use super::{MAX_VIEW_SLOTS, refuse};
use crate::Result;
use crate::Scalar;
use crate::budget::{Budget, Work};
use crate::step::slot::{LANES, Slot};
use crate::step::{AXES, EXPONENT_BITS, Shape};

/// A slot that has not been given a bank yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proto {
    /// All but the places of exponents and the terms.
    pub(super) slot: Slot,
    /// Exponents of its axes, in the order they start.
    pub(super) bases: Vec<u32>,
    /// Exponents of its geometric sum.
    pub(super) sum: Option<[u32; 2]>,
    /// A factor.
    pub(super) factor: Scalar,
    /// Positions of the group's place.
    pub(super) prefix: Option<(u32, u32)>,
}

/// An exponent of the bank.
///
/// # Errors
/// One that is out of range.
pub(super) fn exponent(value: u128) -> Result<u32> {
    match value >> EXPONENT_BITS {
        0 => Ok(value as u32),
        _ => Err(refuse(format!(
            "values are numbered beyond 2^{EXPONENT_BITS}; choose smaller groups"
        ))),
    }
}

/// The slots of a product whose lowest bit is at position `first`.
///
/// # Errors
/// Positions, coordinates or exponents that no slot has.
pub(super) fn slots(
    shape: &Shape,
    first: u32,
    product: Part,
    budget: &mut Budget,
) -> Result<Vec<Proto>> {
    let mut open = vec![product];
    let mut done = vec![];
    while let Some(mut product) = open.pop() {
        product.segments = merge(product.segments);
        match obstacle(shape, first, &product.segments) {
            None => done.push(slot(shape, first, &product)?),
            Some(i) => open.extend(replace(&product, i, budget)?),
        }
        if open.len() + done.len() > MAX_VIEW_SLOTS {
            return Err(refuse(format!(
                "one term falls into more than {MAX_VIEW_SLOTS} monomials"
            )));
        }
    }
    Ok(done)
}

/// Runs that continue each other become one.
fn merge(segments: Vec<Segment>) -> Vec<Segment> {
    let mut merged: Vec<Segment> = vec![];
    for segment in segments.into_iter().filter(|s| bits(s) > 0) {
        if let (Some(Segment::Run(low)), Segment::Run(high)) = (merged.last_mut(), &segment) {
            let point = match (low.point, high.point) {
                (None, None) => true,
                (Some(a), Some(b)) => a + low.bits == b,
                _ => false,
            };
            if low.is_full() && point && low.base << low.bits == high.base {
                low.bound |= high.bound << low.bits;
                low.bits += high.bits;
                continue;
            }
        }
        merged.push(segment);
    }
    merged
}

fn bits(segment: &Segment) -> u32 {
    match segment {
        Segment::Fixed { bits, .. } | Segment::Free { bits } | Segment::Prefix { bits } => *bits,
        Segment::Run(run) => run.bits,
        Segment::Lanes(lanes) => lanes.bits,
    }
}

/// Segments with their first positions.
fn placed(first: u32, segments: &[Segment]) -> impl Iterator<Item = (u32, &Segment)> {
    segments.iter().scan(first, |next, segment| {
        let at = *next;
        *next += bits(segment);
        Some((at, segment))
    })
}

/// Coordinate of a segment's first position minus that position.
fn offset(at: u32, segment: &Segment) -> Option<i64> {
    let point = match segment {
        Segment::Run(run) => run.point,
        Segment::Lanes(lanes) => lanes.point,
        _ => None,
    };
    point.map(|start| i64::from(start) - i64::from(at))
}

/// The offset that most bits agree on.
fn main_offset(first: u32, segments: &[Segment]) -> Option<i64> {
    let offsets = || placed(first, segments).filter_map(|(at, s)| Some((offset(at, s)?, bits(s))));
    let weight = |o: i64| -> u32 { offsets().filter(|x| x.0 == o).map(|x| x.1).sum() };
    offsets().map(|x| x.0).max_by_key(|&o| (weight(o), o))
}

/// The window of each segment with lanes, by segment.
///
/// # Errors
/// The first segment there is no window for.
fn windows(shape: &Shape, first: u32, segments: &[Segment]) -> Result<Vec<Option<usize>>, usize> {
    let mut found = vec![None; segments.len()];
    let mut free = [true; 2];
    let starts = segments.iter().scan(0, |starts, segment| {
        let own = *starts;
        *starts += usize::from(matches!(segment, Segment::Run(_) | Segment::Lanes(_)));
        Some(own)
    });
    let starts: Vec<usize> = starts.collect();
    // Windows with ratios must be those of their axis; others take what is left.
    for ratios in [true, false] {
        for (i, (at, segment)) in placed(first, segments).enumerate() {
            let Segment::Lanes(lanes) = segment else {
                continue;
            };
            if lanes.taps.iter().any(|t| t.rank > 0) != ratios {
                continue;
            }
            let room = (at + lanes.bits) as usize <= shape.lane_positions() && lanes.fits();
            let choice = match ratios {
                true => Some(starts[i]).filter(|&s| s < 2 && free[s]),
                false => free.iter().position(|&f| f),
            };
            match choice.filter(|_| room) {
                Some(window) => {
                    free[window] = false;
                    found[i] = Some(window);
                }
                None => return Err(i),
            }
        }
    }
    Ok(found)
}

/// The first segment that must be taken apart, if any.
fn obstacle(shape: &Shape, first: u32, segments: &[Segment]) -> Option<usize> {
    let main = main_offset(first, segments);
    let astray = placed(first, segments).position(|(at, s)| {
        let own = offset(at, s);
        own.is_some() && own != main
    });
    let runs = segments
        .iter()
        .enumerate()
        .filter(|(_, s)| matches!(s, Segment::Run(_) | Segment::Lanes(_)));
    let crowded = || {
        let many = runs.clone().count() > AXES;
        let short = runs.clone().min_by_key(|(_, s)| bits(s)).map(|(i, _)| i);
        short.filter(|_| many)
    };
    astray
        .or_else(crowded)
        .or_else(|| windows(shape, first, segments).err())
}

/// The product with one segment taken apart.
///
/// # Errors
/// An axis that is too long for that.
fn replace(product: &Part, i: usize, budget: &mut Budget) -> Result<Vec<Part>> {
    let parts = match &product.segments[i] {
        Segment::Run(run) => indices(run, budget)?,
        Segment::Lanes(lanes) => lanes.split(),
        _ => vec![],
    };
    budget.spend(Work::Summand, parts.len())?;
    Ok(parts
        .into_iter()
        .map(|part| {
            let mut whole = product.clone();
            whole.segments.splice(i..=i, part.segments);
            whole.factor *= part.factor;
            whole.exponent += part.exponent;
            whole.at.extend(part.at);
            whole
        })
        .collect())
}

/// A run, index by index.
///
/// # Errors
/// One that is too long for that.
pub(super) fn indices(run: &Run, budget: &mut Budget) -> Result<Vec<Part>> {
    if run.bound >= MAX_VIEW_SLOTS as u64 {
        return Err(refuse("an axis out of line with the others".into()));
    }
    budget.spend(Work::Summand, run.bound as usize + 1)?;
    let index = |i: u64| {
        let mut part = Part::fixed(run.bits, i);
        part.exponent = run.base as i128 * i128::from(i);
        if let Some(start) = run.point {
            part.compare(start, run.bits, i);
        }
        part
    };
    Ok((0..=run.bound).map(index).collect())
}

/// The slot of a product that fits one.
fn slot(shape: &Shape, first: u32, product: &Part) -> Result<Proto> {
    let mut slot = Slot::empty(shape);
    let beyond = || refuse("a term beyond its vector or its channel sum-check".into());
    let segments = &product.segments;
    let windows = windows(shape, first, segments).map_err(|_| beyond())?;
    let (mut bases, mut prefix) = (vec![], None);
    for ((at, segment), window) in placed(first, segments).zip(&windows) {
        let count = bits(segment);
        let positions = slot.positions.get_mut(at as usize..(at + count) as usize);
        let positions = positions.ok_or_else(beyond)?;
        match segment {
            Segment::Fixed { value, .. } => {
                for (b, p) in positions.iter_mut().enumerate() {
                    p.fixed = true;
                    p.bound[0] = value >> b & 1 == 1;
                }
            }
            Segment::Free { .. } => {}
            Segment::Prefix { .. } => {
                if prefix.replace((at, count)).is_some() {
                    return Err(refuse("a term with two places in the data".into()));
                }
                slot.prefix = true;
            }
            Segment::Run(run) => {
                bases.push(exponent(run.base)?);
                for (b, p) in positions.iter_mut().enumerate() {
                    p.start = b == 0;
                    p.end = b + 1 == count as usize;
                    p.point = run.point.is_some();
                    // The circuit wants the lanes that are not read at one.
                    p.bound = [(at as usize + b) < shape.lane_positions(); LANES];
                    p.bound[0] = run.bound >> b & 1 == 1;
                }
            }
            Segment::Lanes(lanes) => {
                let window = window.ok_or_else(beyond)?;
                bases.push(exponent(lanes.base)?);
                let bounds = lanes.bounds();
                for (b, p) in positions.iter_mut().enumerate() {
                    p.start = b == 0;
                    p.capture[window] = b + 1 == count as usize;
                    p.point = lanes.point.is_some();
                    for (bit, bound) in p.bound.iter_mut().zip(&bounds) {
                        *bit = bound >> b & 1 == 1;
                    }
                }
                fill_window(&mut slot, window, lanes, &bounds);
            }
        }
    }
    if let Some(offset) = main_offset(first, segments) {
        let shift = offset + shape.index_bits() as i64;
        slot.shift = u8::try_from(shift).map_err(|_| beyond())?;
    }
    for &(coordinate, bit) in &product.at {
        let own = slot.at.get_mut(coordinate as usize).ok_or_else(beyond)?;
        if own.replace(bit).is_some() {
            return Err(refuse("a term that compares a coordinate twice".into()));
        }
    }
    slot.exponent = i64::from(exponent(product.exponent.unsigned_abs())?);
    if product.exponent < 0 {
        slot.exponent = -slot.exponent;
    }
    Ok(Proto {
        slot,
        bases,
        sum: None,
        factor: product.factor,
        prefix,
    })
}

fn fill_window(slot: &mut Slot, window: usize, lanes: &Lanes, bounds: &[u64]) {
    let window = &mut slot.windows[window];
    let (start, count) = lanes.numbers;
    window.used = true;
    if count > 0 {
        window.mask = (((1u32 << count) - 1) << start) as u8;
    }
    for tap in &lanes.taps {
        if count > 0 {
            window.taps[tap.rank] = (tap.number << start) as u8;
        }
        for (k, bound) in bounds.iter().enumerate().take(LANES) {
            let sign = |end: u64| u8::from(end.checked_sub(1) == Some(*bound)) << tap.rank;
            window.signs[k].0 |= sign(tap.range.1);
            window.signs[k].1 |= sign(tap.range.0);
        }
    }
}
