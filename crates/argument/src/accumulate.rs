//! Sums of products that are reduced once.
//!
//! Sums of products dominate the prover: a product of two elements is 16 limb multiplications, its
//! reduction as many again, and a sum needs only one reduction. The same holds, with 4 limb
//! multiplications, for an element times a small integer. This reads the limbs of halo2curves' elements,
//! which are the Montgomery form `x * 2^256 mod p`; the tests compare all of it with the field's own
//! operations.

use ff::Field;
use halo2curves::bn256::Fr;

use crate::Scalar;

/// The field's modulus, lowest limb first.
const MODULUS: [u64; 4] = [
    0x43e1_f593_f000_0001,
    0x2833_e848_79b9_7091,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
];

/// `-1 / p mod 2^64`, by Newton's iteration: each step doubles the number of correct bits.
const NEGATIVE_INVERSE: u64 = {
    let mut inverse = 1u64;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(MODULUS[0].wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg()
};

/// The field element of a signed integer.
pub fn scalar(value: i64) -> Scalar {
    let magnitude = Scalar::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// The field element of a wider signed integer.
fn wide_scalar(value: i128) -> Scalar {
    let magnitude = value.unsigned_abs();
    let magnitude = Scalar::from_raw([magnitude as u64, (magnitude >> 64) as u64, 0, 0]);
    if value < 0 { -magnitude } else { magnitude }
}

/// The eight limbs of a product.
#[inline(always)]
fn multiply(a: &[u64; 4], b: &[u64; 4]) -> [u64; 8] {
    let mut product = [0; 8];
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            (product[i + j], carry) = a[i].carrying_mul_add(b[j], product[i + j], carry);
        }
        product[i + 4] = carry;
    }
    product
}

/// `value - p` if that is not negative: the canonical form of a value below `2p`. Selected with a
/// mask: which it is is a coin toss, and a branch would be mispredicted half of the time.
#[inline(always)]
fn canonical(value: [u64; 4]) -> Scalar {
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        (difference[i], borrow) = value[i].borrowing_sub(MODULUS[i], borrow);
    }
    let mask = u64::from(borrow).wrapping_neg();
    let mut carry = false;
    for i in 0..4 {
        (difference[i], carry) = difference[i].carrying_add(MODULUS[i] & mask, carry);
    }
    Fr(difference)
}

/// The element whose Montgomery form is `low + 2^256 high` modulo p.
fn reduced(mut low: [u64; 4], high: [u64; 2]) -> Scalar {
    // At most five times: 2^256 is below 6p.
    while low[3] > MODULUS[3] {
        let mut borrow = false;
        for i in 0..4 {
            (low[i], borrow) = low[i].borrowing_sub(MODULUS[i], borrow);
        }
    }
    let low = canonical(low);
    match high {
        [0, 0] => low,
        // An integer's Montgomery form is the integer times 2^256.
        [a, b] => low + Scalar::from_raw([a, b, 0, 0]),
    }
}

/// `a b + c d` with one reduction, limb by limb of `a` and `c`.
///
/// The running value stays below `3p < 2^256`: `(3p + 2^64 3p) / 2^64` after a step, of which the
/// five limbs hold the dividend. The last one is below `2 p^2 / 2^256 + p < 2p`.
#[inline(always)]
pub(crate) fn dot2(a: &Scalar, b: &Scalar, c: &Scalar, d: &Scalar) -> Scalar {
    let mut t = [0; 5];
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            (t[j], carry) = a.0[i].carrying_mul_add(b.0[j], t[j], carry);
        }
        t[4] = carry;
        carry = 0;
        for j in 0..4 {
            (t[j], carry) = c.0[i].carrying_mul_add(d.0[j], t[j], carry);
        }
        t[4] += carry;
        let m = t[0].wrapping_mul(NEGATIVE_INVERSE);
        let (_, mut carry) = m.carrying_mul_add(MODULUS[0], t[0], 0);
        for j in 1..4 {
            (t[j - 1], carry) = m.carrying_mul_add(MODULUS[j], t[j], carry);
        }
        t[3] = t[4] + carry;
    }
    canonical([t[0], t[1], t[2], t[3]])
}

/// A sum of products of two elements, not reduced: room for `2^64` of them and more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide([u64; 9]);

impl Wide {
    pub(crate) const ZERO: Self = Self([0; 9]);

    #[inline(always)]
    pub(crate) fn add(&mut self, a: &Scalar, b: &Scalar) {
        let product = multiply(&a.0, &b.0);
        let mut carry = false;
        for i in 0..8 {
            (self.0[i], carry) = self.0[i].carrying_add(product[i], carry);
        }
        self.0[8] += u64::from(carry);
    }

    /// The limbs hold the sum times `2^512`: four steps of Montgomery's reduction.
    pub(crate) fn value(&self) -> Scalar {
        let mut t = self.0;
        let mut top = false;
        for i in 0..4 {
            let m = t[i].wrapping_mul(NEGATIVE_INVERSE);
            let mut carry = 0;
            for j in 0..4 {
                (t[i + j], carry) = m.carrying_mul_add(MODULUS[j], t[i + j], carry);
            }
            (t[i + 4], top) = t[i + 4].carrying_add(carry, top);
        }
        t[8] += u64::from(top);
        reduced([t[4], t[5], t[6], t[7]], [t[8], 0])
    }
}

/// A sum of elements times signed integers, not reduced.
///
/// A negative integer is read as the unsigned `n + 2^64`; the elements it multiplied are added up
/// aside and taken off at the end, so that there is no branch on the sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrow {
    sum: [u64; 6],
    negative: [u64; 5],
    /// What came with integers of more than 64 bits.
    rest: Scalar,
}

impl Narrow {
    pub(crate) const ZERO: Self = Self {
        sum: [0; 6],
        negative: [0; 5],
        rest: Scalar::ZERO,
    };

    #[inline(always)]
    pub(crate) fn add(&mut self, a: &Scalar, n: i64) {
        let (magnitude, mask) = (n as u64, (n >> 63) as u64);
        let mut high = 0;
        let mut carry = false;
        for i in 0..4 {
            (self.sum[i], high) = a.0[i].carrying_mul_add(magnitude, self.sum[i], high);
            (self.negative[i], carry) = self.negative[i].carrying_add(a.0[i] & mask, carry);
        }
        self.negative[4] += u64::from(carry);
        let (sum, carry) = self.sum[4].overflowing_add(high);
        self.sum[4] = sum;
        self.sum[5] += u64::from(carry);
    }

    /// The same for products and differences of 32-bit integers, which rarely need more than 64 bits.
    #[inline(always)]
    pub(crate) fn add_wide(&mut self, a: &Scalar, n: i128) {
        let low = n as i64;
        if i128::from(low) == n {
            self.add(a, low);
        } else {
            self.rest += a * wide_scalar(n);
        }
    }

    /// The limbs hold the sum times `2^256`.
    pub(crate) fn value(&self) -> Scalar {
        let [a, b, c, d, e, f] = self.sum;
        let sum = reduced([a, b, c, d], [e, f]);
        let [a, b, c, d, e] = self.negative;
        let negative = reduced([0, a, b, c], [d, e]);
        sum - negative + self.rest
    }
}

/// A sum of products of integers.
pub(crate) fn integer_sum(value: i128) -> Scalar {
    wide_scalar(value)
}

/// `x a + y b` for fixed elements `x`, `y` and integers `a`, `b`, in 13 limb multiplications: with `x 2^64`
/// and `y 2^64` for factors the sum has five limbs, and a single step of Montgomery's reduction takes the
/// lowest off. A negative integer takes the negated factor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntegerPair {
    low: [Scalar; 2],
    high: [Scalar; 2],
}

impl IntegerPair {
    pub(crate) fn new(x: Scalar, y: Scalar) -> Self {
        let radix = Scalar::from_raw([0, 1, 0, 0]);
        let (low, high) = (x * radix, y * radix);
        Self {
            low: [low, -low],
            high: [high, -high],
        }
    }

    /// `(1 - r) a + r b`.
    pub(crate) fn fold(r: Scalar) -> Self {
        Self::new(Scalar::ONE - r, r)
    }

    #[inline(always)]
    pub(crate) fn of(&self, a: i32, b: i32) -> Scalar {
        let low = &self.low[usize::from(a < 0)].0;
        let high = &self.high[usize::from(b < 0)].0;
        let (a, b) = (u64::from(a.unsigned_abs()), u64::from(b.unsigned_abs()));
        let mut t = [0; 5];
        let (mut carry_a, mut carry_b) = (0, 0);
        for i in 0..4 {
            (t[i], carry_a) = low[i].carrying_mul(a, carry_a);
            (t[i], carry_b) = high[i].carrying_mul_add(b, t[i], carry_b);
        }
        // Both factors are below 2^254 and both integers below 2^32, so that no limb overflows here,
        // and the result, below (2^287 + 2^64 p) / 2^64 < 2p, needs one subtraction at most.
        t[4] = carry_a + carry_b;
        let m = t[0].wrapping_mul(NEGATIVE_INVERSE);
        let mut carry = 0;
        for i in 0..4 {
            (t[i], carry) = m.carrying_mul_add(MODULUS[i], t[i], carry);
        }
        t[4] += carry;
        canonical([t[1], t[2], t[3], t[4]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    /// The element `2^-256`: its Montgomery form is one.
    const INVERSE_RADIX: Scalar = Fr([1, 0, 0, 0]);

    fn rng() -> StdRng {
        StdRng::seed_from_u64(7)
    }

    fn scalars(n: usize, rng: &mut StdRng) -> Vec<Scalar> {
        (0..n).map(|_| Scalar::random(&mut *rng)).collect()
    }

    #[test]
    fn constants() {
        let minus_one = (-Scalar::ONE) * INVERSE_RADIX;
        // The Montgomery form of -2^-256 is p - 1.
        let mut limbs = minus_one.0;
        limbs[0] += 1;
        assert_eq!(limbs, MODULUS);
        assert_eq!(MODULUS[0].wrapping_mul(NEGATIVE_INVERSE), u64::MAX);
    }

    #[test]
    fn integers() {
        assert_eq!(scalar(-3) + Scalar::from(3), Scalar::ZERO);
        assert_eq!(scalar(i64::MIN), -Scalar::from(1 << 63));
        assert_eq!(wide_scalar(-(1 << 70)), -Scalar::from(1 << 35).square());
    }

    #[test]
    fn unreduced_sums() {
        let mut rng = rng();
        let extremes = [-Scalar::ONE, -INVERSE_RADIX, Scalar::ZERO, Scalar::ONE];
        let mut elements = extremes.to_vec();
        elements.extend(scalars(60, &mut rng));
        let integers = [i64::MIN, i64::MAX, -1, 0, 1, 1 << 40];
        let (mut wide, mut expected) = (Wide::ZERO, Scalar::ZERO);
        let (mut narrow, mut narrow_expected) = (Narrow::ZERO, Scalar::ZERO);
        for a in &elements {
            for b in &elements {
                wide.add(a, b);
                expected += a * b;
                assert_eq!(dot2(a, b, b, b), a * b + b.square());
            }
            for n in integers {
                narrow.add(a, n);
                narrow.add_wide(a, i128::from(n) * 6);
                narrow_expected += a * scalar(n) * Scalar::from(7);
            }
        }
        assert_eq!(wide.value(), expected);
        assert_eq!(narrow.value(), narrow_expected);
        for r in &elements {
            let join = IntegerPair::fold(*r);
            for a in [i32::MIN, i32::MAX, -1, 0, 1] {
                for b in [i32::MIN, i32::MAX, -1, 0, 1] {
                    let (x, y) = (scalar(i64::from(a)), scalar(i64::from(b)));
                    assert_eq!(join.of(a, b), x + r * (y - x));
                }
            }
        }
    }
}
