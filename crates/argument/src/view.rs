//! Views: the public coefficient vectors of linear terms, as products over the axes of a block.
//!
//! A view is the same object for prover and verifier: the prover writes it out as a table
//! ([`Factor::table`]), the verifier evaluates its multilinear extension at a point
//! ([`Factor::evaluate`]) in time logarithmic in the axis. `docs/argument.md`, "Views", lists the
//! factors; the two evaluations agree by test on random shapes.

mod tap;

use ff::{Field, PrimeField};
use serde::{Deserialize, Serialize};

use crate::Scalar;
use crate::multilinear::{eq_index, eq_table, scalar};

pub use tap::{Tap, Taps};

/// Everything a view's coefficients depend on that is not part of its description.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Base of position weights.
    pub xi: Scalar,
    /// Base of identity weights.
    pub zeta: Scalar,
    /// Base of claim weights.
    pub delta: Scalar,
    /// Samples in the group.
    pub live: u64,
    /// The group's place in the data vector: index of the first sample divided by the group's size.
    pub prefix: u64,
    /// The point of the channel sum-check, by bit of the channel index.
    pub point: Vec<Scalar>,
}

impl Context {
    /// `xi^exponent`.
    pub fn power(&self, exponent: u64) -> Scalar {
        self.xi.pow_vartime([exponent])
    }
}

/// The coefficient along one axis of `2^bits` indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// 1 at `value`, 0 elsewhere.
    Fixed {
        /// The index.
        value: u64,
    },
    /// `xi^(step i)` for `lo <= i < hi`.
    Powers {
        /// Exponent of one index.
        step: u64,
        /// First index.
        lo: u64,
        /// End of the indices.
        hi: u64,
    },
    /// `xi^(step i)` for the group's samples `i < live`.
    Live {
        /// Exponent of one sample.
        step: u64,
    },
    /// 1 at the group's place, 0 elsewhere.
    Prefix,
    /// `eq(r, i) xi^(step (i >> shift))` for `lo <= i < hi`, with the coordinates of the head's point
    /// from `start`.
    Point {
        /// First coordinate.
        start: u32,
        /// Exponent of one digit.
        step: u64,
        /// Bits below the digit.
        shift: u32,
        /// First index.
        lo: u64,
        /// End of the indices.
        hi: u64,
    },
    /// A window's taps.
    Tap(Tap),
}

/// `sum_{i < bound} prod_b (bit b of i ? weights[b].1 : weights[b].0)`, from the lowest bit upwards:
/// `full` runs over all continuations of the bits so far, `cut` over those below the bound's low bits.
fn below(weights: &[(Scalar, Scalar)], bound: u64) -> Scalar {
    let (mut full, mut cut) = (Scalar::ONE, Scalar::ZERO);
    for (b, (zero, one)) in weights.iter().enumerate() {
        cut = match bound >> b & 1 {
            1 => full * zero + cut * one,
            _ => cut * zero,
        };
        full *= zero + one;
    }
    match bound >> weights.len() {
        0 => cut,
        _ => full,
    }
}

/// The same over `lo <= i < hi`.
fn between(weights: &[(Scalar, Scalar)], lo: u64, hi: u64) -> Scalar {
    match (lo, hi) {
        (lo, hi) if lo >= hi => Scalar::ZERO,
        (0, hi) => below(weights, hi),
        (lo, hi) => below(weights, hi) - below(weights, lo),
    }
}

/// Weights of the bits of `eq(point, i) base^i`.
fn power_weights(point: &[Scalar], base: Scalar) -> Vec<(Scalar, Scalar)> {
    let mut power = base;
    point
        .iter()
        .map(|r| {
            let weights = (Scalar::ONE - r, *r * power);
            power = power.square();
            weights
        })
        .collect()
}

/// Coordinates of the head's point: an axis that names coordinates beyond the point is a defect of
/// the program, which its own check excludes.
fn coordinates(point: &[Scalar], start: u32, bits: u32) -> &[Scalar] {
    point
        .get(start as usize..(start + bits) as usize)
        .unwrap_or_default()
}

/// One axis of a block: its factor and its index bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Index bits.
    pub bits: u32,
    /// The coefficient along the axis.
    pub factor: Factor,
}

impl Axis {
    /// An axis.
    pub const fn new(bits: u32, factor: Factor) -> Self {
        Self { bits, factor }
    }

    /// All coefficients: the definition, in time proportional to the axis (times taps).
    pub fn table(&self, context: &Context) -> Vec<Scalar> {
        let n = 1u64 << self.bits;
        let mut table = vec![Scalar::ZERO; n as usize];
        let mut powers = |step: u64, lo: u64, hi: u64| {
            let (base, mut power) = (context.power(step), context.power(step.wrapping_mul(lo)));
            for i in lo..hi.min(n) {
                table[i as usize] = power;
                power *= base;
            }
        };
        match self.factor {
            Factor::Fixed { value } => {
                if value < n {
                    table[value as usize] = Scalar::ONE;
                }
            }
            Factor::Prefix => {
                if context.prefix < n {
                    table[context.prefix as usize] = Scalar::ONE;
                }
            }
            Factor::Powers { step, lo, hi } => powers(step, lo, hi),
            Factor::Live { step } => powers(step, 0, context.live),
            Factor::Point {
                start,
                step,
                shift,
                lo,
                hi,
            } => {
                let point = &context.point;
                let base = context.power(step);
                let eq = eq_table(coordinates(point, start, self.bits));
                let mut power = Scalar::ONE;
                for i in 0..n.min(hi) {
                    if i > 0 && i % (1 << shift) == 0 {
                        power *= base;
                    }
                    if i >= lo {
                        table[i as usize] = eq.get(i as usize).copied().unwrap_or_default() * power;
                    }
                }
            }
            Factor::Tap(tap) => tap.write(&mut table, context),
        }
        table
    }

    /// The multilinear extension of the coefficients at `point` (`bits` entries).
    ///
    /// Logarithmic in the axis, times the number of taps; a window whose stride is no power of two
    /// costs the length of the axis.
    pub fn evaluate(&self, point: &[Scalar], context: &Context) -> Scalar {
        debug_assert_eq!(point.len(), self.bits as usize);
        let powers = |step: u64, lo: u64, hi: u64| {
            between(&power_weights(point, context.power(step)), lo, hi)
        };
        match self.factor {
            Factor::Fixed { value } => match value >> self.bits {
                0 => eq_index(point, value),
                _ => Scalar::ZERO,
            },
            Factor::Prefix => match context.prefix >> self.bits {
                0 => eq_index(point, context.prefix),
                _ => Scalar::ZERO,
            },
            Factor::Powers { step, lo, hi } => powers(step, lo, hi),
            Factor::Live { step } => powers(step, 0, context.live),
            Factor::Point {
                start,
                step,
                shift,
                lo,
                hi,
            } => {
                let r = &context.point;
                let r = coordinates(r, start, self.bits);
                let mut power = context.power(step);
                let weights: Vec<_> = std::iter::zip(point, r)
                    .enumerate()
                    .map(|(b, (x, r))| {
                        let mut one = *x * r;
                        if b >= shift as usize {
                            one *= power;
                            power = power.square();
                        }
                        ((Scalar::ONE - x) * (Scalar::ONE - r), one)
                    })
                    .collect();
                between(&weights, lo, hi)
            }
            Factor::Tap(tap) => tap.evaluate(point, context),
        }
    }

    /// The sum of all coefficients: the closed form at one half, times the length.
    pub fn sum(&self, context: &Context) -> Scalar {
        let half = vec![Scalar::TWO_INV; self.bits as usize];
        self.evaluate(&half, context) * Scalar::from(1u64 << self.bits)
    }
}

/// A scalar of a view that belongs to no axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extra {
    /// The sum of an axis.
    Sum(Axis),
    /// `eq(r, value)` on coordinates of the head's point.
    At {
        /// First coordinate.
        start: u32,
        /// Coordinates.
        bits: u32,
        /// The index.
        value: u64,
    },
    /// `xi^exponent`.
    Power {
        /// The exponent, of any sign.
        exponent: i64,
    },
    /// `1 - xi^exponent`.
    Vanish {
        /// The exponent.
        exponent: u64,
    },
}

/// What a view's coefficients multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The four columns of a chunk, each times an integer.
    Columns([i64; 4]),
    /// `q y` of each row.
    SelectedValue,
    /// `q e` of each row.
    SelectedExtra,
    /// The entries of a vector.
    Entries,
}

/// One linear (or selected) term of the group's relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Exponent of zeta: the identity.
    pub identity: u32,
    /// Exponent of delta: 0 for identities, else the claim.
    pub claim: u32,
    /// Integer factor.
    pub factor: i64,
    /// Further factors.
    pub extras: Vec<Extra>,
    /// Axes of the block, lowest bits first; their bits add up to the block's.
    pub axes: Vec<Axis>,
    /// What it multiplies.
    pub target: Target,
}

impl View {
    /// The factor common to all coefficients.
    pub fn scale(&self, context: &Context) -> Scalar {
        let mut scale = scalar(self.factor)
            * context.zeta.pow_vartime([u64::from(self.identity)])
            * context.delta.pow_vartime([u64::from(self.claim)]);
        for extra in &self.extras {
            scale *= match *extra {
                Extra::Sum(axis) => axis.sum(context),
                Extra::At { start, bits, value } => {
                    let point = &context.point;
                    eq_index(coordinates(point, start, bits), value)
                }
                Extra::Power { exponent } => {
                    let power = context.power(exponent.unsigned_abs());
                    match exponent {
                        0.. => power,
                        _ => power.invert().unwrap_or(Scalar::ZERO),
                    }
                }
                Extra::Vanish { exponent } => Scalar::ONE - context.power(exponent),
            };
        }
        scale
    }

    /// Bits of its axes.
    pub fn bits(&self) -> u32 {
        self.axes.iter().map(|a| a.bits).sum()
    }

    /// The multilinear extension of its coefficients at a point of the block, scale included.
    pub fn evaluate(&self, point: &[Scalar], context: &Context) -> Scalar {
        let mut value = self.scale(context);
        let mut rest = point;
        for axis in &self.axes {
            let (own, others) = rest.split_at((axis.bits as usize).min(rest.len()));
            value *= axis.evaluate(own, context);
            rest = others;
        }
        value
    }

    /// The coefficients as an outer product: a low table of at least 2^6 (where the axes allow) and
    /// a high one with the scale; coefficient `i * low.len() + j` is `high[i] * low[j]`.
    pub fn halves(&self, context: &Context) -> (Vec<Scalar>, Vec<Scalar>) {
        const LOW_BITS: u32 = 6;
        let mut low = vec![Scalar::ONE];
        let mut high = vec![self.scale(context)];
        let mut bits = 0;
        for axis in &self.axes {
            let table = axis.table(context);
            let side = if bits < LOW_BITS { &mut low } else { &mut high };
            bits += axis.bits;
            *side = table
                .iter()
                .flat_map(|t| side.iter().map(move |s| *t * s))
                .collect();
        }
        (low, high)
    }
}
