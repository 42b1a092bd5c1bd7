//! The rows that are looked up: activations and ranges.

use super::{Compiler, Term, power, powers};
use crate::budget::Work;
use crate::program::{Fill, Lookup, range_tag};
use crate::view::{Axis, Target};
use crate::{Error, Result};

use pleat_model::network::{Activation, LayerOp};

/// The first entries of pieces of `0..count`, aligned to their size: `(first, bits)`, none above `2^most`.
pub(super) fn entry_pieces(count: u64, most: u32) -> Vec<(u64, u32)> {
    let mut pieces = vec![];
    let mut first = 0;
    while first < count {
        let bits = (count - first).ilog2().min(most);
        pieces.push((first, bits));
        first += 1 << bits;
    }
    pieces
}

impl Compiler<'_> {
    /// The tag of a layer's activation, the same for equal activations; of channel 0 if there is one table
    /// per channel.
    pub(super) fn activation_tag(&mut self, l: usize) -> Result<u64> {
        let layer = &self.network.layers[l];
        let LayerOp::Linear {
            quotient_bits,
            activation,
            ..
        } = &layer.op
        else {
            return Ok(range_tag(0));
        };
        let tables = match activation {
            Activation::Slope { slopes, .. } => slopes.len(),
            _ => 1,
        };
        let key = postcard::to_stdvec(&(quotient_bits, activation, layer.range)).map_err(|e| {
            Error::Layout(format!("layer {l}: its activation cannot be encoded: {e}"))
        })?;
        let next = self.next_tag;
        let (tag, _) = *self.activations.entry(key).or_insert((next, l));
        if tag == next {
            self.next_tag += tables as u64;
        }
        Ok(tag)
    }

    /// Rows with all entries of all activations, their values equal to the public tables'.
    ///
    /// # Errors
    /// More entries than a verifier would commit to.
    pub(super) fn activation_tables(&mut self) -> Result<()> {
        let activations: Vec<(u64, usize)> = self.activations.values().copied().collect();
        for (tag, layer) in activations {
            let LayerOp::Linear {
                quotient_bits,
                activation,
                ..
            } = &self.network.layers[layer].op
            else {
                continue;
            };
            let channels = match activation {
                Activation::Slope { slopes, .. } => slopes.len(),
                _ => 1,
            };
            let smallest = -(1i64 << (quotient_bits - 1));
            self.at(format!("the activation of layer {layer}"));
            // Magnitudes of up to 12 bits are committed to in one pass over small buckets.
            let range = self.network.layers[layer].range;
            let largest = range.min.unsigned_abs().max(range.max.unsigned_abs());
            let passes = 1 + usize::from(largest >= 1 << 12);
            let entries = channels.saturating_mul(1 << quotient_bits);
            self.budget
                .spend(Work::Committed, entries.saturating_mul(passes))?;
            for channel in 0..channels {
                let identity = self.next_identity();
                for (first, bits) in entry_pieces(1 << quotient_bits, self.row_bits) {
                    let entry = smallest + first as i64;
                    let lookup = Lookup {
                        tag: tag + channel as u64,
                        channel: (0, 0),
                        value: true,
                        range: 0,
                        entries: Some(entry),
                    };
                    let fill = Fill::Activation {
                        layer,
                        channel,
                        first: entry,
                    };
                    let axes = || vec![Axis::new(bits, powers(1, 1 << bits))];
                    let term = |factor| Term::identity(identity, factor).with([power(first)]);
                    let block = self.block(bits, lookup, fill.clone())?;
                    self.view(block, term(1).on(axes(), Target::Columns([0, 0, 1, 0])))?;
                    let block = self.entries(fill, term(-1).on(axes(), Target::Entries))?;
                    self.tables.push(block);
                }
            }
        }
        Ok(())
    }

    /// Rows with the entries of every range in use.
    pub(super) fn range_tables(&mut self) -> Result<()> {
        self.at("the tables of ranges".into());
        let ranges = self.ranges.clone();
        ranges
            .into_iter()
            .try_for_each(|range| self.range_table(range_tag(range), 1 << range))
    }

    /// Rows with the entries `0..count` of a range.
    pub(super) fn range_table(&mut self, tag: u64, count: u64) -> Result<()> {
        for (first, bits) in entry_pieces(count, self.row_bits) {
            let lookup = Lookup {
                tag,
                channel: (0, 0),
                value: false,
                range: 0,
                entries: Some(first as i64),
            };
            self.block(bits, lookup, Fill::Range)?;
        }
        Ok(())
    }
}
