//! Lookup slots: the public side of the lookups of one aligned range of rows.

use ff::{Field, PrimeField};

use super::Shape;
use super::slot::Bits;
use crate::Scalar;
use crate::multilinear::scalar;
use crate::program::{COLUMN_BITS, Lookup, range_tag};

/// One range of rows with equal lookups: a block, or several blocks side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupSlot {
    /// The rows' high bits, by bit of the row; `None` below the range.
    pub fixed: Vec<Option<bool>>,
    /// What they look up.
    pub lookup: Lookup,
}

/// What lookup slots are evaluated with.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// Joins tuples.
    pub eta: Scalar,
    /// The GKR point's row coordinates.
    pub z: &'a [Scalar],
    /// The rows' point.
    pub x: &'a [Scalar],
    /// What multiplies entries, tags and range tags in the forms at `z`.
    pub forms: [Scalar; 3],
    /// What multiplies, at `x`, rows that look up, rows whose `y` is bound, and table entries.
    pub kinds: [Scalar; 3],
}

impl LookupSlot {
    /// Contributions to the forms at `z` and to the columns' coefficients at `x`.
    pub fn evaluate(&self, setting: &Setting<'_>) -> [Scalar; 2] {
        let (mut at_z, mut at_both) = (Scalar::ONE, Scalar::ONE);
        let (mut low, mut channel, mut weight) = (Scalar::ZERO, Scalar::ZERO, Scalar::ONE);
        let (first, count) = self.lookup.channel;
        let in_channel = first..first + count;
        for (b, ((fixed, z), x)) in self.fixed.iter().zip(setting.z).zip(setting.x).enumerate() {
            let eq = |bit: bool, c: &Scalar| match bit {
                true => *c,
                false => Scalar::ONE - c,
            };
            match fixed {
                Some(bit) => {
                    at_z *= eq(*bit, z);
                    at_both *= eq(*bit, z) * eq(*bit, x);
                }
                None => {
                    at_both *= *z * x + (Scalar::ONE - z) * (Scalar::ONE - x);
                    low += weight * z;
                }
            }
            if in_channel.contains(&(b as u32)) {
                channel += weight * z;
            }
            weight = weight.double();
        }
        let mut tag = Scalar::from(self.lookup.tag) + channel * self.channel_scale();
        if let Some(entry) = self.lookup.entries {
            tag += setting.eta * (scalar(entry) + low);
        }
        let [entries, tags, ranges] = setting.forms;
        let [looking, bound, entry] = setting.kinds;
        let mut form = tags * tag + ranges * Scalar::from(range_tag(self.lookup.range));
        let mut kind = match self.lookup.entries {
            None => looking,
            Some(_) => {
                form += entries;
                entry
            }
        };
        if self.lookup.value {
            kind += bound;
        }
        [at_z * form, at_both * kind]
    }

    /// Brings the channel's bits down: `2^-first`.
    fn channel_scale(&self) -> Scalar {
        Scalar::TWO_INV.pow_vartime([u64::from(self.lookup.channel.0)])
    }

    /// The words of a slot, or of none: flags and range; tag; the channel's scale; first entry.
    pub fn elements(slot: Option<&Self>, shape: &Shape) -> Vec<Scalar> {
        let rows = shape.index_bits() - COLUMN_BITS as usize;
        let mut bits = Bits::default();
        let Some(slot) = slot else {
            return vec![Scalar::ZERO; 4];
        };
        let (first, count) = slot.lookup.channel;
        let in_channel = first..first + count;
        for b in 0..rows {
            let fixed = slot.fixed.get(b).copied().flatten();
            bits.flag(fixed.is_some());
            bits.flag(fixed == Some(true));
            bits.flag(in_channel.contains(&(b as u32)));
        }
        bits.flag(true);
        bits.flag(slot.lookup.value);
        bits.flag(slot.lookup.entries.is_some());
        bits.number(range_tag(slot.lookup.range), RANGE_TAG_BITS);
        vec![
            bits.element(),
            Scalar::from(slot.lookup.tag),
            slot.channel_scale(),
            scalar(slot.lookup.entries.unwrap_or(0)),
        ]
    }
}

/// Bits of a range's tag.
pub const RANGE_TAG_BITS: u32 = 7;
