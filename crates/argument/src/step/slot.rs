//! Slots: monomials of views, in the one form that the step circuit evaluates.
//!
//! A view is a sum of slots. A slot is a product over the bits ("positions") of an index: each position is
//! *fixed* (the equality polynomial with one bit), belongs to an *axis* (a run of positions that a
//! truncated power sum ranges over), or takes no part. Axes are evaluated from the lowest position up by
//!
//! ```text
//! weight of bit 0:  zero = (1 - x)(1 - r)      weight of bit 1:  one = x r power      (r only where `point`)
//! full' = full (zero + one)                    all continuations of the bits so far
//! cut'  = cut (bit ? one : zero) + bit full zero   those up to the bound, `bit` the bound's
//! ```
//!
//! from `full = cut = 1`, with `power` squared from position to position. The two *window axes* have three
//! lanes `cut`, each with a bound of its own, and sum up to three taps: tap `i` weighs
//! `eq(r, tap) base^i`, and lane `k` is multiplied by the sum of the taps with their signs.

use ff::Field;

use super::{AXES, BANK, EXPONENT_BITS, Shape, TAP_COORDINATES, WEIGHT_BITS};
use crate::Scalar;

/// Lanes of a window axis, and taps of it.
pub const LANES: usize = 3;

/// One bit of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The bound's bit in each lane; of a fixed position, its bit is that of the first lane.
    pub bound: [bool; LANES],
    /// Weighted by a coordinate of the head's point.
    pub point: bool,
    /// An axis starts: lanes are reset, and the power becomes the next base.
    pub start: bool,
    /// Fixed.
    pub fixed: bool,
    /// An axis ends whose value is its first lane.
    pub end: bool,
    /// The first, the second window axis ends.
    pub capture: [bool; 2],
}

/// The taps of one window axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Whether the slot has this axis.
    pub used: bool,
    /// Coordinates of the head's point that number taps, by bit.
    pub mask: u8,
    /// Number of each tap, in the masked bits.
    pub taps: [u8; LANES],
    /// Per lane, the taps added to and subtracted from its factor, by bit.
    pub signs: [(u8, u8); LANES],
}

/// What a slot's coefficient multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Factor {
    /// `q` of a chunk, or the first vector's value.
    First,
    /// `rem`, or the second vector's value.
    Second,
    /// `y`.
    Third,
    /// `e`.
    Fourth,
    /// `q y`.
    SelectedValue,
    /// `q e`.
    SelectedExtra,
    /// One.
    One,
}

/// The values a slot multiplies, by [`Factor`].
pub const FACTORS: usize = 7;

/// One monomial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// By bit of the index.
    pub positions: Vec<Position>,
    /// Power of xi each started axis begins with, as a place in the bank; the first two are also the
    /// ratios of the taps.
    pub bases: [u8; AXES],
    /// `(bank[0] - 1) / (bank[1] - 1)`: a geometric sum. The same place twice is one.
    pub sum: [u8; 2],
    /// Exponent of xi.
    pub exponent: i64,
    /// Exponent of zeta.
    pub identity: u32,
    /// Exponent of delta.
    pub claim: u32,
    /// Position `b` is weighted by coordinate `b + shift - index_bits` of the head's point.
    pub shift: u8,
    /// Coordinates of the head's point that are compared with a bit.
    pub at: Vec<Option<bool>>,
    /// The window axes.
    pub windows: [Window; 2],
    /// Whether the group's place in the data is compared.
    pub prefix: bool,
    /// Two terms: an element times a factor.
    pub terms: [(Scalar, Factor); 2],
}

/// What slots are evaluated with.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// Base of positions.
    pub xi: Scalar,
    /// Base of identities.
    pub zeta: Scalar,
    /// Base of claims.
    pub delta: Scalar,
    /// Powers of xi.
    pub bank: [Scalar; BANK],
    /// The head's point.
    pub head: &'a [Scalar],
    /// The point of the index.
    pub point: &'a [Scalar],
    /// The equality polynomial of the group's place.
    pub prefix: Scalar,
    /// The values multiplied.
    pub factors: [Scalar; FACTORS],
}

impl Slot {
    /// A slot that adds nothing.
    pub fn empty(shape: &Shape) -> Self {
        Self {
            positions: vec![Position::default(); shape.index_bits()],
            bases: [0; AXES],
            sum: [1; 2],
            exponent: 0,
            identity: 0,
            claim: 0,
            shift: 0,
            at: vec![None; shape.index_bits()],
            windows: [Window::default(); 2],
            prefix: false,
            terms: [(Scalar::ZERO, Factor::One); 2],
        }
    }

    /// Its value: terms, powers, axes.
    pub fn evaluate(&self, setting: &Setting<'_>) -> Scalar {
        let terms: Scalar = self
            .terms
            .iter()
            .map(|(coefficient, factor)| *coefficient * setting.factors[*factor as usize])
            .sum();
        terms * self.scale(setting) * self.axes(setting)
    }

    fn scale(&self, setting: &Setting<'_>) -> Scalar {
        let power = setting.xi.pow_vartime([self.exponent.unsigned_abs()]);
        let power = match self.exponent {
            0.. => power,
            _ => power.invert().unwrap_or(Scalar::ZERO),
        };
        let [numerator, denominator] = self.sum.map(|i| setting.bank[i as usize] - Scalar::ONE);
        let mut scale = power
            * setting.zeta.pow_vartime([u64::from(self.identity)])
            * setting.delta.pow_vartime([u64::from(self.claim)])
            * numerator
            * denominator.invert().unwrap_or(Scalar::ZERO);
        for (bit, r) in self.at.iter().zip(setting.head) {
            scale *= match bit {
                None => Scalar::ONE,
                Some(false) => Scalar::ONE - r,
                Some(true) => *r,
            };
        }
        if self.prefix {
            scale *= setting.prefix;
        }
        scale
    }

    fn axes(&self, setting: &Setting<'_>) -> Scalar {
        let n = self.positions.len();
        let mut product = Scalar::ONE;
        let mut captured = [[Scalar::ZERO; LANES]; 2];
        let mut bases = self.bases.iter().map(|i| setting.bank[*i as usize]);
        let (mut power, mut full, mut cut) = (Scalar::ONE, Scalar::ONE, [Scalar::ONE; LANES]);
        for (b, (position, x)) in self.positions.iter().zip(setting.point).enumerate() {
            if position.start {
                (full, cut) = (Scalar::ONE, [Scalar::ONE; LANES]);
                power = bases.next().unwrap_or(Scalar::ONE);
            }
            let coordinate = (b + self.shift as usize).checked_sub(n);
            let r = coordinate.and_then(|c| setting.head.get(c));
            let r = r.copied().unwrap_or(Scalar::ZERO);
            let (mut zero, mut one) = (Scalar::ONE - x, *x * power);
            if position.point {
                zero *= Scalar::ONE - r;
                one *= r;
            }
            for (cut, bound) in cut.iter_mut().zip(position.bound) {
                *cut = match bound {
                    true => *cut * one + full * zero,
                    false => *cut * zero,
                };
            }
            full *= zero + one;
            if position.fixed {
                product *= match position.bound[0] {
                    true => *x,
                    false => Scalar::ONE - x,
                };
            }
            if position.end {
                product *= cut[0];
            }
            for (captured, capture) in captured.iter_mut().zip(position.capture) {
                if capture {
                    for (sum, cut) in captured.iter_mut().zip(cut) {
                        *sum += cut;
                    }
                }
            }
            power = power.square();
        }
        for (a, (window, lanes)) in self.windows.iter().zip(captured).enumerate() {
            if window.used {
                let ratio = setting.bank[self.bases[a] as usize];
                let weights = window.weights(setting.head, ratio);
                let lane = |k: usize| {
                    let (plus, minus) = window.signs[k];
                    let sum: Scalar = (0..LANES)
                        .map(|i| match (plus >> i & 1, minus >> i & 1) {
                            (1, 0) => weights[i],
                            (0, 1) => -weights[i],
                            _ => Scalar::ZERO,
                        })
                        .sum();
                    sum * lanes[k]
                };
                product *= (0..LANES).map(lane).sum::<Scalar>();
            }
        }
        product
    }

    /// The two packed words of a slot; the elements of its terms follow them.
    pub fn elements(&self, shape: &Shape) -> Vec<Scalar> {
        let mut positions = Bits::default();
        for (b, p) in self.positions.iter().enumerate() {
            positions.flag(p.bound[0]);
            positions.flag(p.point);
            positions.flag(p.start);
            positions.flag(p.fixed);
            positions.flag(p.end);
            if b < shape.lane_positions() {
                for flag in [p.bound[1], p.bound[2], p.capture[0], p.capture[1]] {
                    positions.flag(flag);
                }
            }
        }
        let mut rest = Bits::default();
        for place in self.bases.iter().chain(&self.sum) {
            rest.number(u64::from(*place), BANK.ilog2());
        }
        rest.number(self.exponent.unsigned_abs(), EXPONENT_BITS);
        rest.flag(self.exponent < 0);
        rest.number(u64::from(self.identity), WEIGHT_BITS);
        rest.number(u64::from(self.claim), WEIGHT_BITS);
        rest.number(u64::from(self.shift), SHIFT_BITS);
        for bit in &self.at {
            rest.flag(bit.is_some());
            rest.flag(*bit == Some(true));
        }
        for window in &self.windows {
            rest.flag(window.used);
            rest.number(u64::from(window.mask), TAP_COORDINATES as u32);
            for tap in window.taps {
                rest.number(u64::from(tap), TAP_COORDINATES as u32);
            }
            for (plus, minus) in window.signs {
                rest.number(u64::from(plus), LANES as u32);
                rest.number(u64::from(minus), LANES as u32);
            }
        }
        rest.flag(self.prefix);
        for (_, factor) in self.terms {
            for i in 0..FACTORS {
                rest.flag(i == factor as usize);
            }
        }
        let [(a, _), (b, _)] = self.terms;
        vec![positions.element(), rest.element(), a, b]
    }
}

/// Bits of a shift.
pub const SHIFT_BITS: u32 = 6;

impl Window {
    /// The weight of each tap: `eq(head, tap) ratio^i`.
    fn weights(&self, head: &[Scalar], ratio: Scalar) -> [Scalar; LANES] {
        let mut power = Scalar::ONE;
        self.taps.map(|tap| {
            let mut weight = power;
            for (j, r) in head.iter().take(TAP_COORDINATES).enumerate() {
                if self.mask >> j & 1 == 1 {
                    weight *= match tap >> j & 1 {
                        1 => *r,
                        _ => Scalar::ONE - r,
                    };
                }
            }
            power *= ratio;
            weight
        })
    }
}

/// Bits of one element, lowest first: at most 252, so that they are the element's only decomposition.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    limbs: [u64; 4],
    used: usize,
}

impl Bits {
    /// One bit.
    pub fn flag(&mut self, bit: bool) {
        debug_assert!(self.used < 252);
        self.limbs[self.used / 64] |= u64::from(bit) << (self.used % 64);
        self.used += 1;
    }

    /// The low `bits` bits of a number.
    pub fn number(&mut self, value: u64, bits: u32) {
        debug_assert!(bits == 64 || value >> bits == 0);
        (0..bits).for_each(|b| self.flag(value >> b & 1 == 1));
    }

    /// The element.
    pub fn element(&self) -> Scalar {
        Scalar::from_raw(self.limbs)
    }
}
