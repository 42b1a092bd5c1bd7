//! Where the rows of a proof come from: exactly, from the program that prover and verifier compile.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use pleat_argument::layout::inference;
use pleat_argument::program::{COLUMN_BITS, Fill, Program, VectorKind};
use pleat_argument::statement::groups;
use pleat_compressor::Combined;
use pleat_model::annotations::Annotations;
use pleat_model::network::Network;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::network::operation;
use crate::text::plain;

/// Layers with bars of their own.
const BARS: usize = 40;

/// Rows of all groups, by what they are for.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Groups of all parts.
    pub groups: u64,
    /// Samples of the largest group.
    pub group_samples: u64,
    /// Chunks of all groups.
    pub chunks: u64,
    /// Their rows.
    pub rows: u64,
    /// In the order of the network, then the rest; their rows add up to all rows.
    pub parts: Vec<RowUse>,
    /// What is committed to besides the rows.
    pub beside: Vec<Beside>,
}

/// What some rows are for.
#[derive(Clone, Debug, Serialize)]
pub struct RowUse {
    /// `layer`, `top-1`, `tables`, `padding`.
    pub part: &'static str,
    /// Which layer.
    pub layer: Option<usize>,
    /// The layer's, or what they are for.
    pub name: String,
    /// What the layer does, in a few words.
    pub operation: String,
    /// How many.
    pub rows: u64,
    /// Of all rows.
    pub share: f64,
}

/// Vectors that are no rows.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// What they hold.
    pub what: &'static str,
    /// How many.
    pub vectors: u64,
    /// Of all of them.
    pub entries: u64,
}

/// Whose rows a block holds, in the order they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Layer(usize),
    Top1,
    Tables,
    Padding,
}

fn owner(fill: &Fill) -> Owner {
    match fill {
        Fill::Requantised(region) | Fill::Copy(region) | Fill::Window { region, .. } => {
            Owner::Layer(region.layer)
        }
        Fill::Top1 { .. } => Owner::Top1,
        Fill::Activation { .. } | Fill::Range => Owner::Tables,
        // The others are no rows of an inference.
        Fill::Zero
        | Fill::Kernel { .. }
        | Fill::Bias { .. }
        | Fill::Pairs { .. }
        | Fill::Input(_)
        | Fill::Label { .. }
        | Fill::Output(_) => Owner::Padding,
    }
}

/// Sums over proofs of parts.
#[derive(Default)]
struct Tally {
    groups: u64,
    chunks: u64,
    data: u64,
    outputs: u64,
    owned: BTreeMap<Owner, u64>,
}

impl Tally {
    /// `None` if the numbers leave 64 bits.
    fn add(&mut self, program: &Program, samples: u64) -> Option<()> {
        let groups = groups(program, samples);
        let chunks = groups.checked_mul(program.chunks() as u64)?;
        self.groups = self.groups.checked_add(groups)?;
        self.chunks = self.chunks.checked_add(chunks)?;
        // All entries of all chunks.
        self.chunks
            .checked_mul(1 << (program.row_bits + COLUMN_BITS))?;
        for chunk in program.of_kind(VectorKind::Trace) {
            for block in &chunk.blocks {
                *self.owned.entry(owner(&block.fill)).or_default() += groups << block.bits;
            }
        }
        if let Some(data) = &program.data {
            self.data += samples.div_ceil(1 << data.samples_bits());
        }
        let outputs = program.of_kind(VectorKind::Outputs).count() as u64;
        self.outputs = self.outputs.checked_add(groups.checked_mul(outputs)?)?;
        Some(())
    }
}

impl Cost {
    /// # Errors
    /// A statement that cannot be laid out, so that nobody can have proved it.
    ///
    /// Layers have the owner's names where the bundle's notes are given.
    pub(crate) fn of(proofs: &Combined, notes: Option<&Annotations>) -> Result<Self> {
        let s = proofs.statement();
        let network = proofs.network();
        let mut programs = BTreeMap::new();
        let mut tally = Tally::default();
        for own in proofs.parts() {
            let own = &own.statement;
            let program = match programs.entry(own.group_bits) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let bits = own.group_bits;
                    let program = inference(network, s.kind, s.labelled, s.row_bits, bits);
                    new.insert(program.map_err(|e| Error::NotProved(e.to_string()))?)
                }
            };
            tally.add(program, own.samples).ok_or_else(|| {
                Error::NotProved(format!("it is about {} samples, more than fit", s.samples))
            })?;
        }
        // The largest groups say how many samples a group has.
        match programs.get(&s.group_bits) {
            Some(program) => Ok(Self::new(network, notes, program, tally)),
            None => Err(Error::NotProved("it has no groups".into())),
        }
    }

    fn new(
        network: &Network,
        notes: Option<&Annotations>,
        program: &Program,
        tally: Tally,
    ) -> Self {
        let rows = tally.chunks << program.row_bits;
        let parts = tally.owned.iter().map(|(owner, own)| {
            let (part, layer, name, operation) = match *owner {
                Owner::Layer(l) => {
                    let layer = &network.layers[l];
                    let does = format!("{} to {}", operation(&layer.op), layer.shape);
                    let note = notes.and_then(|n| n.layers.get(l));
                    let name = note.map_or_else(|| network.layer_name(l), |n| plain(&n.name));
                    ("layer", Some(l), name, does)
                }
                Owner::Top1 => ("top-1", None, "top-1".into(), "compared with labels".into()),
                Owner::Tables => (
                    "tables",
                    None,
                    "lookup tables".into(),
                    "ranges and activations".into(),
                ),
                Owner::Padding => (
                    "padding",
                    None,
                    "padding".into(),
                    "the last chunk of every group filled up".into(),
                ),
            };
            RowUse {
                part,
                layer,
                name,
                operation,
                rows: *own,
                share: *own as f64 / rows as f64,
            }
        });
        Self {
            row_bits: program.row_bits,
            groups: tally.groups,
            group_samples: program.group_samples(),
            chunks: tally.chunks,
            rows,
            parts: parts.collect(),
            beside: beside(program, &tally),
        }
    }

    /// The bars: of many layers the costliest, in the order of the network.
    pub(super) fn shown(&self) -> Shown<'_> {
        let mut layers: Vec<usize> = (0..self.parts.len())
            .filter(|&index| self.parts[index].layer.is_some())
            .collect();
        // Stable: of equal ones the first.
        layers.sort_by_key(|&index| std::cmp::Reverse(self.parts[index].rows));
        let small: BTreeSet<usize> = layers.into_iter().skip(BARS).collect();
        let most = self.parts.iter().map(|p| p.rows).max().unwrap_or(1).max(1);
        let other_rows = small.iter().map(|&index| self.parts[index].rows).sum();
        let bars = self.parts.iter().enumerate();
        let bars = bars.filter(|(index, _)| !small.contains(index));
        Shown {
            bars: bars
                .map(|(index, part)| Bar {
                    index,
                    part,
                    length: part.rows as f64 / most as f64,
                })
                .collect(),
            others: small.len(),
            other_rows,
            other_share: other_rows as f64 / self.rows.max(1) as f64,
        }
    }
}

/// What the page shows of the parts.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) bars: Vec<Bar<'a>>,
    /// Layers without a bar, and their rows.
    pub(super) others: usize,
    pub(super) other_rows: u64,
    pub(super) other_share: f64,
}

/// One bar.
#[derive(Debug)]
pub(super) struct Bar<'a> {
    /// Index of the part.
    pub(super) index: usize,
    pub(super) part: &'a RowUse,
    /// Of the longest.
    pub(super) length: f64,
}

/// Weights and tables are committed to once; outputs in every group; data once a vector of samples.
fn beside(program: &Program, tally: &Tally) -> Vec<Beside> {
    let once = |kind| {
        let bits = program.of_kind(kind).map(|v| v.bits);
        bits.fold((0, 0), |(vectors, entries), bits| {
            (vectors + 1, entries + (1u64 << bits))
        })
    };
    let every = |vectors: u64, kind| {
        let bits = program.of_kind(kind).map(|v| v.bits).max();
        (vectors, vectors << bits.unwrap_or(0))
    };
    [
        (
            "rows, four entries each",
            every(tally.chunks, VectorKind::Trace),
        ),
        ("weights, secret", once(VectorKind::Weights)),
        ("activation tables, public", once(VectorKind::Tables)),
        ("data and labels", every(tally.data, VectorKind::Data)),
        ("outputs, public", every(tally.outputs, VectorKind::Outputs)),
    ]
    .into_iter()
    .filter(|(_, (vectors, _))| *vectors > 0)
    .map(|(what, (vectors, entries))| Beside {
        what,
        vectors,
        entries,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(layers: impl Iterator<Item = u64>) -> Cost {
        let part = |part, layer, rows| RowUse {
            part,
            layer,
            name: String::new(),
            operation: String::new(),
            rows,
            share: 0.0,
        };
        let layers = layers.enumerate().map(|(l, n)| part("layer", Some(l), n));
        let parts: Vec<RowUse> = layers.chain([part("padding", None, 1)]).collect();
        Cost {
            row_bits: 13,
            groups: 1,
            group_samples: 1,
            chunks: 1,
            rows: parts.iter().map(|p| p.rows).sum(),
            parts,
            beside: vec![],
        }
    }

    #[test]
    fn bars_and_the_rest_are_all_rows() {
        for layers in [1, BARS, BARS + 1, 3 * BARS] {
            // Sizes that repeat, in no order.
            let cost = of((0..layers as u64).map(|l| 1 + l * 7 % 50));
            let shown = cost.shown();
            let bars: u64 = shown.bars.iter().map(|b| b.part.rows).sum();
            assert_eq!(bars + shown.other_rows, cost.rows, "{layers} layers");
            assert_eq!(shown.bars.len() + shown.others, layers + 1);
            assert_eq!(shown.others > 0, layers > BARS);
            assert_eq!(shown.bars.len(), layers.min(BARS) + 1);
            assert!(shown.bars.iter().is_sorted_by_key(|b| b.index));
            let layer = |p: &&RowUse| p.layer.is_some();
            let least = shown.bars.iter().map(|b| b.part).filter(layer);
            let least = least.map(|p| p.rows).min();
            let above = cost.parts.iter().filter(layer);
            let above = above.filter(|p| Some(p.rows) > least).count();
            assert!(above < BARS, "a costlier layer has no bar");
        }
    }
}
