//! Parts: what one axis of a view becomes. An axis is a sum of parts, a view a sum of products of them.

use super::{MAX_VIEW_SLOTS, refuse};
use crate::budget::{Budget, Work};
use crate::step::slot::LANES;
use crate::view::{Axis, Factor};
use crate::{Result, Scalar};

use ff::Field;

/// A run of index bits that are treated alike, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Equal to a number.
    Fixed {
        /// Index bits.
        bits: u32,
        /// The number.
        value: u64,
    },
    /// Anything, with weight one.
    Free {
        /// Index bits.
        bits: u32,
    },
    /// The group's place in the data vector.
    Prefix {
        /// Index bits.
        bits: u32,
    },
    /// Powers of one base up to a bound.
    Run(Run),
    /// The same with several bounds, and taps.
    Lanes(Lanes),
}

/// `xi^(base i)` for `i <= bound`, perhaps times `eq(r, i)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Index bits.
    pub(super) bits: u32,
    /// Exponent of one index.
    pub(super) base: u128,
    /// The last index.
    pub(super) bound: u64,
    /// First coordinate of the head's point.
    pub(super) point: Option<u32>,
}

impl Run {
    /// Whether it covers all indices.
    pub(super) fn is_full(&self) -> bool {
        self.bound == (1 << self.bits) - 1
    }
}

/// One tap of [`Lanes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneTap {
    /// Multiple of the base that it is weighted by.
    pub(super) rank: usize,
    /// Its number.
    pub(super) number: u64,
    /// First index and end of the indices.
    pub(super) range: (u64, u64),
}

/// A sum over taps of `eq(r, tap) xi^(base rank) xi^(base i)` for the indices of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    /// Index bits.
    pub(super) bits: u32,
    /// Exponent of one index and of one rank.
    pub(super) base: u128,
    /// First coordinate of the head's point, where indices are weighted by it.
    pub(super) point: Option<u32>,
    /// First coordinate that numbers taps, and how many do.
    pub(super) numbers: (u32, u32),
    /// The taps, by rank.
    pub(super) taps: Vec<LaneTap>,
}

impl Lanes {
    /// The distinct bounds: last indices of what is added or taken away.
    pub(super) fn bounds(&self) -> Vec<u64> {
        let mut bounds = vec![];
        for tap in &self.taps {
            let (from, to) = tap.range;
            for end in [to, from] {
                if let Some(bound) = end.checked_sub(1)
                    && !bounds.contains(&bound)
                {
                    bounds.push(bound);
                }
            }
        }
        bounds
    }

    /// Whether a window axis has room for it.
    pub(super) fn fits(&self) -> bool {
        self.bounds().len() <= LANES && self.taps.iter().all(|t| t.rank < LANES)
    }

    /// The same without lanes: one part per tap and bound.
    pub(super) fn split(&self) -> Vec<Part> {
        let mut parts = vec![];
        for tap in &self.taps {
            let (from, to) = tap.range;
            for (end, factor) in [(to, Scalar::ONE), (from, -Scalar::ONE)] {
                let Some(bound) = end.checked_sub(1) else {
                    continue;
                };
                let run = Segment::Run(Run {
                    bits: self.bits,
                    base: self.base,
                    bound,
                    point: self.point,
                });
                let mut part = Part::of(vec![run]);
                part.factor = factor;
                part.exponent = self.base as i128 * tap.rank as i128;
                part.compare(self.numbers.0, self.numbers.1, tap.number);
                parts.push(part);
            }
        }
        parts
    }
}

/// One summand of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The axis's index bits.
    pub(super) segments: Vec<Segment>,
    /// A factor.
    pub(super) factor: Scalar,
    /// A power of xi.
    pub(super) exponent: i128,
    /// Coordinates of the head's point that are compared with a bit.
    pub(super) at: Vec<(u32, bool)>,
}

impl Part {
    /// Segments alone.
    pub(super) fn of(segments: Vec<Segment>) -> Self {
        Self {
            segments,
            factor: Scalar::ONE,
            exponent: 0,
            at: vec![],
        }
    }

    /// A power of xi alone.
    pub(super) fn power(exponent: i128) -> Self {
        Self {
            exponent,
            ..Self::of(vec![])
        }
    }

    /// One index.
    pub(super) fn fixed(bits: u32, value: u64) -> Self {
        Self::of(vec![Segment::Fixed { bits, value }])
    }

    /// Compares coordinates with a number.
    pub(super) fn compare(&mut self, start: u32, bits: u32, value: u64) {
        let coordinates =
            (0..bits).map(|b| (start + b, value.checked_shr(b).unwrap_or(0) & 1 == 1));
        self.at.extend(coordinates);
    }

    /// The product with a part of higher bits.
    pub(super) fn times(mut self, high: &Self) -> Self {
        self.segments.extend_from_slice(&high.segments);
        self.factor *= high.factor;
        self.exponent += high.exponent;
        self.at.extend_from_slice(&high.at);
        self
    }
}

/// All products of one summand of each.
///
/// # Errors
/// More than a view may have.
pub(super) fn products(factors: &[Vec<Part>], budget: &mut Budget) -> Result<Vec<Part>> {
    let count = factors
        .iter()
        .try_fold(1usize, |n, parts| n.checked_mul(parts.len()));
    if count.is_none_or(|n| n > MAX_VIEW_SLOTS) {
        return Err(refuse(format!(
            "one term falls into more than {MAX_VIEW_SLOTS} monomials"
        )));
    }
    budget.spend(Work::Summand, count.unwrap_or(0))?;
    let mut all = vec![Part::of(vec![])];
    for parts in factors {
        all = all
            .iter()
            .flat_map(|low| parts.iter().map(|high| low.clone().times(high)))
            .collect();
    }
    Ok(all)
}

/// `xi^(base i)` for `from <= i < to`, perhaps times `eq(r, i)`: nothing or one part.
pub(super) fn interval(
    bits: u32,
    base: u128,
    point: Option<u32>,
    (from, to): (u64, u64),
) -> Vec<Part> {
    let to = to.min(1 << bits);
    let Some(length) = to.checked_sub(from).filter(|&n| n > 0) else {
        return vec![];
    };
    let run = |bits, bound| {
        let run = Run {
            bits,
            base,
            bound,
            point,
        };
        match run.is_full() && base == 0 && point.is_none() {
            true => Segment::Free { bits },
            false => Segment::Run(run),
        }
    };
    // Aligned powers of two, single indices among them, have fixed high bits.
    let low = length.trailing_zeros();
    if length.is_power_of_two() && from % length == 0 {
        let mut part = Part::of(vec![run(low, length - 1)]);
        let (high, value) = (bits - low, from >> low);
        part.segments.push(Segment::Fixed { bits: high, value });
        part.exponent = base as i128 * i128::from(from);
        if let Some(start) = point {
            part.compare(start + low, high, value);
        }
        return vec![part];
    }
    if from == 0 {
        return vec![Part::of(vec![run(bits, to - 1)])];
    }
    vec![Part::of(vec![Segment::Lanes(Lanes {
        bits,
        base,
        point,
        numbers: (0, 0),
        taps: vec![LaneTap {
            rank: 0,
            number: 0,
            range: (from, to),
        }],
    })])]
}

/// Whether an axis has no parts, as far as that can be seen without listing them.
pub(super) fn is_nothing(axis: &Axis) -> bool {
    match axis.factor {
        Factor::Tap(ref tap) => !super::tap::may_read(axis.bits, tap),
        _ => false,
    }
}

/// The parts of an axis.
///
/// # Errors
/// More of them than a view may have.
pub(super) fn axis(axis: &Axis, live: u64, budget: &mut Budget) -> Result<Vec<Part>> {
    let bits = axis.bits;
    Ok(match axis.factor {
        Factor::Fixed { value } if value >> bits == 0 => vec![Part::fixed(bits, value)],
        Factor::Fixed { .. } => vec![],
        Factor::Powers { step, lo, hi } => interval(bits, u128::from(step), None, (lo, hi)),
        Factor::Live { step } => interval(bits, u128::from(step), None, (0, live)),
        Factor::Prefix => vec![Part::of(vec![Segment::Prefix { bits }])],
        Factor::Point {
            start,
            step,
            shift,
            lo,
            hi,
        } => digits(bits, start, u128::from(step), shift.min(bits), (lo, hi)),
        Factor::Tap(ref tap) => super::tap::parts(bits, tap, budget)?,
    })
}

/// `eq(r, i) xi^(step (i >> shift))` for `lo <= i < hi`.
fn digits(bits: u32, start: u32, step: u128, shift: u32, (lo, hi): (u64, u64)) -> Vec<Part> {
    let hi = hi.min(1 << bits);
    if shift == 0 || step == 0 || shift == bits {
        let step = if shift == bits { 0 } else { step };
        return interval(bits, step, Some(start), (lo, hi));
    }
    if lo >= hi {
        return vec![];
    }
    // Whole digits, and what is before and after them.
    let digit = |digit: u64, range| -> Vec<Part> {
        let low = interval(shift, 0, Some(start), range);
        let high = interval(bits - shift, step, Some(start + shift), (digit, digit + 1));
        join(&low, &high)
    };
    let size = 1u64 << shift;
    let (first, last) = (lo >> shift, hi >> shift);
    if first == last {
        return digit(first, (lo % size, hi % size));
    }
    let whole = lo.div_ceil(size);
    let mut parts = match lo % size {
        0 => vec![],
        rest => digit(first, (rest, size)),
    };
    let low = interval(shift, 0, Some(start), (0, size));
    let high = interval(bits - shift, step, Some(start + shift), (whole, last));
    parts.extend(join(&low, &high));
    parts.extend(digit(last, (0, hi % size)));
    parts
}

/// Products of few low and high parts.
pub(super) fn join(low: &[Part], high: &[Part]) -> Vec<Part> {
    let all = low.iter();
    all.flat_map(|l| high.iter().map(|h| l.clone().times(h)))
        .collect()
}
