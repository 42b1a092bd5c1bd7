//! The parts of one axis of a window.
//!
//! Output `h` reads element `t = stride h + dilation i - pad` by tap `i`. Where the stride is a power of two, the low
//! bits of `t` are fixed by the tap and the high ones run with `h`, shifted by a number of the tap's; taps whose
//! shifts follow each other share a window axis.

use std::collections::BTreeMap;

use super::part::{LaneTap, Lanes, Part, Segment, interval, join};
use super::{MAX_VIEW_SLOTS, refuse};
use crate::Result;
use crate::budget::{Budget, Work};
use crate::step::TAP_COORDINATES;
use crate::step::slot::LANES;
use crate::view::{Tap, Taps};

/// Integers of a window at most, so that their products fit.
const MOST: u64 = 1 << 40;

/// A window's integers, wide enough for their products.
struct Geometry {
    bits: u32,
    kernel: i128,
    stride: i128,
    dilation: i128,
    pad: i128,
    length: i128,
    lo: i128,
    hi: i128,
    step: i128,
}

/// The parts of an axis of `2^bits` indices.
///
/// # Errors
/// More of them than a view may have.
pub(super) fn parts(bits: u32, tap: &Tap, budget: &mut Budget) -> Result<Vec<Part>> {
    let g = Geometry::new(bits, tap)?;
    if g.is_empty() {
        return Ok(vec![]);
    }
    if g.is_single() {
        return g.single(&tap.taps, budget);
    }
    if g.stride < 1 || g.dilation < 0 {
        return Err(refuse("a window without a stride".into()));
    }
    let low_bits = tap.stride.trailing_zeros();
    if !tap.stride.is_power_of_two() || low_bits > bits {
        return g.enumerate(&tap.taps, budget);
    }
    if g.dilation == 1 && (2..=g.stride).contains(&g.kernel) && g.pad % g.stride == 0 {
        return Ok(g.disjoint(&tap.taps, low_bits));
    }
    g.residues(&tap.taps, low_bits, budget)
}

/// Whether a window may read any element of an axis: no if it is seen at once that it does not.
pub(super) fn may_read(bits: u32, tap: &Tap) -> bool {
    // What is out of proportion is refused where its parts are asked for.
    let Ok(g) = Geometry::new(bits, tap) else {
        return true;
    };
    let range = match g.is_single() {
        true => g.only(),
        false => g.reach(),
    };
    !g.is_empty() && range.start < range.end
}

/// The weights of taps `range` as parts of `bits` index bits that spell the tap minus `range`'s offset.
fn low_taps(taps: &Taps, bits: u32, range: (u64, u64)) -> Vec<Part> {
    match *taps {
        Taps::Powers { step } => interval(bits, u128::from(step), None, range),
        Taps::Point { start, bits: own } => {
            let common = own.min(bits);
            let mut low = interval(common, 0, Some(start), range);
            for part in &mut low {
                part.compare(start + common, own - common, 0);
            }
            join(&low, &[Part::fixed(bits - common, 0)])
        }
    }
}

impl Geometry {
    /// # Errors
    /// Integers so large that products might overflow.
    fn new(bits: u32, tap: &Tap) -> Result<Self> {
        let numbers = [
            tap.kernel,
            tap.stride,
            tap.dilation,
            tap.pad.unsigned_abs(),
            tap.lo,
            tap.hi,
            tap.step,
        ];
        let weight = match tap.taps {
            Taps::Powers { step } => step,
            Taps::Point { .. } => 0,
        };
        if numbers.into_iter().any(|n| n > MOST) || weight > MOST {
            return Err(refuse("a window out of all proportion".into()));
        }
        Ok(Self {
            bits,
            kernel: i128::from(tap.kernel),
            stride: i128::from(tap.stride),
            dilation: i128::from(tap.dilation),
            pad: i128::from(tap.pad),
            length: i128::from(tap.length.min(1 << bits)),
            lo: i128::from(tap.lo),
            hi: i128::from(tap.hi),
            step: i128::from(tap.step),
        })
    }

    /// Whether there is nothing to read, or nothing that reads.
    fn is_empty(&self) -> bool {
        self.lo >= self.hi || self.length == 0 || self.kernel == 0
    }

    /// Whether there is one output, which reads neighbours.
    fn is_single(&self) -> bool {
        self.hi - self.lo == 1 && self.dilation == 1
    }

    /// The elements that an only output reads.
    fn only(&self) -> std::ops::Range<i128> {
        let offset = self.pad - self.stride * self.lo;
        (-offset).max(0)..self.length.min(self.kernel - offset)
    }

    /// The taps between the first and the last that can read an element at all.
    fn reach(&self) -> std::ops::Range<i128> {
        let least = self.pad - self.stride * (self.hi - 1);
        let most = self.length - 1 + self.pad - self.stride * self.lo;
        match self.dilation {
            ..=0 => 0..self.kernel,
            d => least.div_euclid(d).max(0)..(most.div_euclid(d) + 1).min(self.kernel),
        }
    }

    /// Taps that can read an element at all.
    ///
    /// # Errors
    /// Too many to be listed.
    fn taps(&self, budget: &mut Budget) -> Result<std::ops::Range<i128>> {
        let range = self.reach();
        let count = (range.end - range.start).max(0);
        if count > MAX_VIEW_SLOTS as i128 {
            return Err(refuse(format!(
                "a window of more than {MAX_VIEW_SLOTS} elements at several positions"
            )));
        }
        budget.spend(Work::Summand, count as usize)?;
        Ok(range)
    }

    /// One output: the index is the tap, but for an offset.
    fn single(&self, taps: &Taps, budget: &mut Budget) -> Result<Vec<Part>> {
        let offset = self.pad - self.stride * self.lo;
        let only = self.only();
        if only.start >= only.end {
            return Ok(vec![]);
        }
        let range = (only.start as u64, only.end as u64);
        let power = self.step * self.lo;
        let mut parts = vec![];
        match *taps {
            Taps::Powers { step } => {
                parts = interval(self.bits, u128::from(step), None, range);
                for part in &mut parts {
                    part.exponent += power + i128::from(step) * offset;
                }
            }
            // Low bits that the offset leaves alone are the point's; the others are listed.
            Taps::Point { start, bits: own } => {
                let low_bits = offset.trailing_zeros().min(self.bits).min(own);
                let blocks = range.0 >> low_bits..((range.1 - 1) >> low_bits) + 1;
                if blocks.end - blocks.start > MAX_VIEW_SLOTS as u64 {
                    return Err(refuse("a window out of line with its input".into()));
                }
                budget.spend(Work::Summand, (blocks.end - blocks.start) as usize)?;
                for block in blocks {
                    let start_of = block << low_bits;
                    let inside = |end: u64| end.saturating_sub(start_of).min(1 << low_bits);
                    let low =
                        interval(low_bits, 0, Some(start), (inside(range.0), inside(range.1)));
                    let mut high = Part::fixed(self.bits - low_bits, block);
                    high.exponent = power;
                    let number = (i128::from(start_of) + offset) as u64;
                    high.compare(start + low_bits, own - low_bits, number >> low_bits);
                    parts.extend(join(&low, &[high]));
                }
            }
        }
        Ok(parts)
    }

    /// Windows side by side: low bits are the tap, high bits the output, but for an offset.
    fn disjoint(&self, taps: &Taps, low_bits: u32) -> Vec<Part> {
        let offset = self.pad / self.stride;
        let (from, to) = ((self.lo - offset).max(0), self.hi - offset);
        if from >= to {
            return vec![];
        }
        let (whole, rest) = (self.length >> low_bits, self.length % self.stride);
        let high = |from: i128, to: i128| {
            let range = (from as u64, to.max(0) as u64);
            let mut high = interval(self.bits - low_bits, self.step as u128, None, range);
            for part in &mut high {
                part.exponent += self.step * offset;
            }
            high
        };
        let low = |count: i128| low_taps(taps, low_bits, (0, count as u64));
        let mut parts = join(&low(self.kernel), &high(from, to.min(whole)));
        if rest > 0 && (from..to).contains(&whole) {
            parts.extend(join(&low(self.kernel.min(rest)), &high(whole, whole + 1)));
        }
        parts
    }

    /// Every element with the tap and the output that read it.
    fn enumerate(&self, taps: &Taps, budget: &mut Budget) -> Result<Vec<Part>> {
        let mut parts = vec![];
        for i in self.taps(budget)? {
            let before = self.dilation * i - self.pad;
            let first =
                (-before).div_euclid(self.stride) + i128::from(before.rem_euclid(self.stride) != 0);
            for h in self.lo.max(first).. {
                let t = self.stride * h + before;
                if h >= self.hi || t >= self.length {
                    break;
                }
                budget.spend(Work::Summand, 1)?;
                let mut part = Part::fixed(self.bits, t as u64);
                part.exponent = self.step * h;
                self.weigh(&mut part, taps, i);
                parts.push(part);
            }
            if parts.len() > MAX_VIEW_SLOTS {
                return Err(refuse(format!(
                    "a window with a stride of {} over a long axis",
                    self.stride
                )));
            }
        }
        Ok(parts)
    }

    /// The weight of a tap.
    fn weigh(&self, part: &mut Part, taps: &Taps, i: i128) {
        match *taps {
            Taps::Powers { step } => part.exponent += i128::from(step) * i,
            Taps::Point { start, bits } => part.compare(start, bits, i as u64),
        }
    }

    /// Low bits fixed by the tap, high bits running with the output.
    fn residues(&self, taps: &Taps, low_bits: u32, budget: &mut Budget) -> Result<Vec<Part>> {
        let mut by_residue: BTreeMap<u64, Vec<Shifted>> = BTreeMap::new();
        for i in self.taps(budget)? {
            let residue = (self.dilation * i - self.pad).rem_euclid(self.stride);
            let shift = (residue + self.pad - self.dilation * i) / self.stride;
            let count = (self.length - residue + self.stride - 1).div_euclid(self.stride);
            let (from, to) = ((self.lo - shift).max(0), (self.hi - shift).min(count));
            if from < to {
                let weight = match *taps {
                    Taps::Powers { step } => i128::from(step) * i,
                    Taps::Point { .. } => 0,
                };
                by_residue.entry(residue as u64).or_default().push(Shifted {
                    number: i,
                    exponent: self.step * shift + weight,
                    range: (from as u64, to as u64),
                });
            }
        }
        let bits = self.bits - low_bits;
        let mut parts = vec![];
        for (residue, mut shifted) in by_residue {
            shifted.sort_by_key(|s| (s.exponent, s.number));
            let low = [Part::fixed(low_bits, residue)];
            let mut rest = &shifted[..];
            while let [first, ..] = rest {
                let (part, used) = self.group(rest, taps, bits);
                if used > 1 {
                    parts.extend(join(&low, &[part]));
                } else {
                    let mut high = interval(bits, self.step as u128, None, first.range);
                    for part in &mut high {
                        part.exponent += first.exponent;
                        if let Taps::Point { start, bits } = *taps {
                            part.compare(start, bits, first.number as u64);
                        }
                    }
                    parts.extend(join(&low, &high));
                }
                rest = &rest[used..];
            }
        }
        Ok(parts)
    }

    /// The most of the first taps that share a window axis, and their number.
    fn group(&self, shifted: &[Shifted], taps: &Taps, bits: u32) -> (Part, usize) {
        let first = &shifted[0];
        let numbers = match *taps {
            Taps::Point { start, bits } => (start, bits),
            Taps::Powers { .. } => (0, 0),
        };
        let mut lanes = Lanes {
            bits,
            base: self.step as u128,
            point: None,
            numbers,
            taps: vec![],
        };
        let nameable = numbers.0 + numbers.1 <= TAP_COORDINATES as u32 && bits > 0;
        for tap in shifted.iter().take(if nameable { LANES } else { 1 }) {
            let distance = tap.exponent - first.exponent;
            let rank = match self.step {
                0 if distance == 0 => lanes.taps.len() as i128,
                0 => break,
                step if distance % step == 0 => distance / step,
                _ => break,
            };
            let taken = lanes.taps.iter().any(|t| t.rank as i128 == rank);
            if taken || rank >= LANES as i128 {
                break;
            }
            lanes.taps.push(LaneTap {
                rank: rank as usize,
                number: if numbers.1 > 0 { tap.number as u64 } else { 0 },
                range: tap.range,
            });
            if !lanes.fits() {
                lanes.taps.pop();
                break;
            }
        }
        let used = lanes.taps.len().max(1);
        let mut part = Part::of(vec![Segment::Lanes(lanes)]);
        part.exponent = first.exponent;
        (part, used)
    }
}

/// A tap of one residue: high bits `range`, weighted by `xi^exponent` besides the axis's powers.
struct Shifted {
    number: i128,
    exponent: i128,
    range: (u64, u64),
}
