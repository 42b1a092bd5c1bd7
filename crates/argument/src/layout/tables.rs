//! The rows that are looked up: activations and ranges.

use super::{Compiler, Term, power, powers};
use crate::program::{Block, Fill, Lookup, range_tag};
use crate::view::{Axis, Target};
use crate::{Error, Result};

use pleat_model::network::{Activation, LayerOp};

/// Entries of all activation tables together at most.
const MAX_TABLE_ENTRIES: u64 = 1 << 24;

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
        let mut entries = 0;
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
            entries += (channels as u64) << quotient_bits;
            if entries > MAX_TABLE_ENTRIES {
                return Err(Error::Layout(format!(
                    "layer {layer}: with its activation tables the network has more than {MAX_TABLE_ENTRIES} entries; \
                     import it with fewer activation bits"
                )));
            }
            for channel in 0..channels {
                let identity = self.next_identity();
                for (first, bits) in entry_pieces(1 << quotient_bits, self.row_bits) {
                    self.spend(1)?;
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
                    let block = self.block(bits, lookup, fill.clone());
                    let view = term(1).on(axes(), Target::Columns([0, 0, 1, 0]));
                    self.trace[block].views.push(view);
                    self.tables.push(Block {
                        offset: 0,
                        bits,
                        lookup: Lookup::NONE,
                        views: vec![term(-1).on(axes(), Target::Entries)],
                        fill,
                    });
                }
            }
        }
        Ok(())
    }

    /// Rows with the entries of every range in use.
    pub(super) fn range_tables(&mut self) {
        for range in self.ranges.clone() {
            self.entries(range_tag(range), 1 << range);
        }
    }

    /// Rows with the entries `0..count` of a range.
    pub(super) fn entries(&mut self, tag: u64, count: u64) {
        for (first, bits) in entry_pieces(count, self.row_bits) {
            let lookup = Lookup {
                tag,
                channel: (0, 0),
                value: false,
                range: 0,
                entries: Some(first as i64),
            };
            self.block(bits, lookup, Fill::Range);
        }
    }
}
