//! The public description of everything one group proves: vectors, blocks, views, heads.
//!
//! A program is compiled from an architecture ([`crate::layout`]), by prover and verifier alike; its
//! digest is part of every statement. It contains no secret and depends on no sample.

use serde::{Deserialize, Serialize};

use crate::view::{Axis, Extra, Factor, Tap, Taps, Target, View};

/// Vectors of one vectors step at most.
pub const STEP_VECTORS: usize = 2;
/// Columns of a chunk, as a power of two.
pub const COLUMN_BITS: u32 = 2;

/// Number that names the range `[0, 2^bits)` in lookups.
pub const fn range_tag(bits: u32) -> u64 {
    1 + bits as u64
}

/// First number of activation tables.
pub const FIRST_TABLE_TAG: u64 = 64;

/// What a vector holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VectorKind {
    /// A chunk of rows: private, blinded, new in every group.
    Trace,
    /// Parameters: private, blinded, the same in every group.
    Weights,
    /// Activation tables: public.
    Tables,
    /// Samples and labels.
    Data,
    /// Revealed outputs: public.
    Outputs,
}

/// What the rows of a block look up: public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// Table of `(q, y)`.
    pub tag: u64,
    /// Lowest bit and number of bits of the row index that are added to the tag: per-channel tables.
    pub channel: (u32, u32),
    /// Whether `y` is bound by the table.
    pub value: bool,
    /// Bits of `rem`.
    pub range: u32,
    /// For table entries: the first entry. They are looked up, not looking up.
    pub entries: Option<i64>,
}

impl Lookup {
    /// Rows that hold nothing: q = 0, rem = 0, y and e unbound.
    pub const NONE: Self = Self {
        tag: range_tag(0),
        channel: (0, 0),
        value: false,
        range: 0,
        entries: None,
    };
}

/// What the prover writes into a block; derived from the architecture, not part of the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Nothing.
    Zero,
    /// Values of a requantised layer.
    Requantised(Region),
    /// Copies of a layer's values.
    Copy(Region),
    /// Window elements of max pooling: taps `[rows, columns)` of the window below the region's axes.
    Window {
        /// Output region.
        region: Region,
        /// First tap row, tap column, bits of both.
        taps: [TapAxis; 2],
    },
    /// Classes of top-1 from a first class on.
    Top1 {
        /// The layer with the scores.
        layer: usize,
        /// First class.
        first: usize,
        /// Classes here.
        classes: usize,
        /// Bits of the class axis.
        bits: u32,
    },
    /// Entries of an activation table: layer, channel, first quotient, number.
    Activation {
        /// A layer with the activation.
        layer: usize,
        /// A channel with the activation.
        channel: usize,
        /// First quotient.
        first: i64,
    },
    /// Entries of a range.
    Range,
    /// A kernel, `[out][in slot][tap row][tap column]`.
    Kernel {
        /// Layer.
        layer: usize,
        /// First input channel and how many.
        inputs: (usize, usize),
        /// First output channel (or output of a group) and how many.
        outputs: (usize, usize),
        /// Outputs belong to the group of their input channel.
        grouped: bool,
        /// Bits of tap column, tap row, input channel.
        bits: [u32; 3],
    },
    /// A limb of biases.
    Bias {
        /// Layer.
        layer: usize,
        /// Which limb.
        limb: u32,
        /// First output channel and how many.
        outputs: (usize, usize),
    },
    /// Two entries a row of a vector's block, each plus an offset: registration of weights.
    Pairs {
        /// Vector among those of its kind.
        vector: usize,
        /// First entry.
        start: u64,
        /// Added to each value.
        offset: i64,
        /// Whether there is only one entry.
        single: bool,
    },
    /// Values of the input, minus its smallest: registration of data.
    Input(Region),
    /// Label bits: registration of data.
    Label {
        /// Bits of the class axis.
        bits: u32,
    },
    /// Values of an output.
    Output(Region),
}

/// One axis of window taps: `first..first + count`, `bits` index bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapAxis {
    /// First tap.
    pub first: usize,
    /// Taps.
    pub count: usize,
    /// Index bits.
    pub bits: u32,
}

/// A box of a layer's tensor, laid out `[sample][channel][row][column]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The layer.
    pub layer: usize,
    /// First channel.
    pub c0: usize,
    /// Channels.
    pub channels: usize,
    /// Index bits of the channel.
    pub c_bits: u32,
    /// First row.
    pub h0: usize,
    /// Rows.
    pub rows: usize,
    /// Index bits of the row.
    pub h_bits: u32,
    /// Columns.
    pub width: usize,
    /// Index bits of the column.
    pub w_bits: u32,
}

impl Region {
    /// Index bits of one sample.
    pub fn bits(&self) -> u32 {
        self.c_bits + self.h_bits + self.w_bits
    }

    /// Calls `f(index in the block, index in the tensor)` for every element of one sample.
    pub fn each(&self, height: usize, mut f: impl FnMut(usize, usize)) {
        for c in 0..self.channels {
            for h in 0..self.rows {
                let target = (c << self.h_bits | h) << self.w_bits;
                let source = ((self.c0 + c) * height + self.h0 + h) * self.width;
                for w in 0..self.width {
                    f(target + w, source + w);
                }
            }
        }
    }
}

/// An aligned range of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// First index (row, for chunks); a multiple of its size.
    pub offset: u64,
    /// Size, as a power of two.
    pub bits: u32,
    /// Lookups, for chunks.
    pub lookup: Lookup,
    /// Its terms.
    pub views: Vec<View>,
    /// What is in it.
    pub fill: Fill,
}

/// One committed vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// What it holds.
    pub kind: VectorKind,
    /// Number among its kind.
    pub slot: usize,
    /// Entries, as a power of two; for chunks rows are `2^(bits - 2)`.
    pub bits: u32,
    /// Its blocks, by offset. Those of a chunk cover all rows.
    pub blocks: Vec<Block>,
}

/// One product of a channel sum-check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its identity: exponent of zeta.
    pub identity: u32,
    /// Bits of its channel index.
    pub bits: u32,
    /// Exponent of delta of its claim X~; that of U~ is the next.
    pub claim: u32,
    /// The layer.
    pub layer: usize,
    /// Runs of input channels: first, number, slot.
    pub runs: Vec<(usize, usize, usize)>,
    /// Input channels that take part: first, end.
    pub inputs: (usize, usize),
    /// Output channels that take part: first, end.
    pub outputs: (usize, usize),
    /// Inputs and outputs of a group, if an output belongs to the group of its input channel.
    pub grouped: Option<(usize, usize)>,
    /// Bits of tap column and tap row.
    pub tap_bits: [u32; 2],
}

/// One channel sum-check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Variables.
    pub bits: u32,
    /// Its products.
    pub products: Vec<Product>,
}

/// How samples are laid out in data vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataLayout {
    /// Entries of one sample, as a power of two.
    pub record_bits: u32,
    /// Entries of a vector, as a power of two.
    pub vector_bits: u32,
    /// First entry of the label bits and their bits, if samples are labelled.
    pub label: Option<(u64, u32)>,
}

impl DataLayout {
    /// Samples of a vector, as a power of two.
    pub fn samples_bits(&self) -> u32 {
        self.vector_bits - self.record_bits
    }
}

/// What is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// What the network computes on every sample.
    Outputs,
    /// How many samples the network classifies as labelled.
    Accuracy,
    /// Weights are integers of the declared widths.
    RegisteredModel,
    /// Inputs are integers in range, labels one bit of a sample's classes.
    RegisteredData,
}

/// Everything one group proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is proved.
    pub kind: Kind,
    /// Rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Samples of a group, as a power of two.
    pub group_bits: u32,
    /// Layout of the data, if any are read.
    pub data: Option<DataLayout>,
    /// Vectors in the order of the group's chain: trace, weights, tables, data, outputs.
    pub vectors: Vec<Vector>,
    /// The channel sum-check.
    pub head: Head,
    /// Terms without a vector, times one; their sum is moved to the other side.
    pub publics: Vec<View>,
    /// Exponent of delta of the number of correct samples, if it is claimed.
    pub count_claim: Option<u32>,
    /// Values (activations, selectors, weights, ...) that rows hold for the statement's sake, per sample.
    pub useful_rows: u64,
    /// Where its terms come from: the first identity of each part of the network, and what errors call the part.
    pub places: Vec<(u32, String)>,
    /// Units of work it took to lay out, see [`crate::MAX_WORK`].
    pub work: u64,
}

/// One step of a group, by indices into [`Program::vectors`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A chunk.
    Chunk(usize),
    /// Up to [`STEP_VECTORS`] other vectors.
    Vectors(std::ops::Range<usize>),
}

impl Step {
    /// Its vectors.
    pub fn vectors(&self) -> std::ops::Range<usize> {
        match self {
            Self::Chunk(i) => *i..*i + 1,
            Self::Vectors(range) => range.clone(),
        }
    }
}

impl Program {
    /// Variables of the longest vector.
    pub fn index_bits(&self) -> u32 {
        self.row_bits + COLUMN_BITS
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.of_kind(VectorKind::Trace).count()
    }

    /// Vectors of a kind.
    pub fn of_kind(&self, kind: VectorKind) -> impl Iterator<Item = &Vector> {
        self.vectors.iter().filter(move |v| v.kind == kind)
    }

    /// The steps after the heads.
    pub fn steps(&self) -> Vec<Step> {
        let chunks = self.chunks();
        let mut steps: Vec<Step> = (0..chunks).map(Step::Chunk).collect();
        let mut next = chunks;
        while next < self.vectors.len() {
            let end = (next + STEP_VECTORS).min(self.vectors.len());
            steps.push(Step::Vectors(next..end));
            next = end;
        }
        steps
    }

    /// Samples of a group.
    pub fn group_samples(&self) -> u64 {
        1 << self.group_bits
    }

    /// What errors call the part of the network that a term belongs to.
    pub(crate) fn place(&self, view: &View) -> Option<&String> {
        let identity = match view.claim.checked_sub(1) {
            None => view.identity,
            // Claims 2l + 1 and 2l + 2 are those of product l.
            Some(claim) => self.head.products.get(claim as usize / 2)?.identity,
        };
        let after = self.places.partition_point(|(first, _)| *first <= identity);
        let (_, place) = self.places.get(after.checked_sub(1)?)?;
        Some(place)
    }

    /// Values the statement needs, divided by the rows of the chunks.
    pub fn utilisation(&self) -> f64 {
        let rows = (self.chunks() as u64) << self.row_bits;
        self.useful_rows as f64 / rows as f64
    }

    /// Whether every axis stays inside its block, its vector and the head: what evaluation relies on.
    /// True for whatever the compiler makes; asserted there.
    pub(crate) fn is_consistent(&self) -> bool {
        let inside = |view: &View, block_bits: u32| {
            let coordinates = self.head.bits;
            let axis_ok = |a: &Axis| match a.factor {
                Factor::Point { start, .. } => start + a.bits <= coordinates,
                Factor::Tap(Tap {
                    taps: Taps::Point { start, bits },
                    kernel,
                    ..
                }) => start + bits <= coordinates && kernel <= 1 << bits,
                _ => true,
            };
            view.bits() == block_bits
                && view.axes.iter().all(axis_ok)
                && view.extras.iter().all(|e| match e {
                    Extra::Sum(axis) => axis_ok(axis),
                    Extra::At { start, bits, value } => {
                        start + bits <= coordinates && value >> bits == 0
                    }
                    _ => true,
                })
        };
        self.publics.iter().all(|v| inside(v, 0))
            && self.vectors.iter().all(|v| {
                let size = match v.kind {
                    VectorKind::Trace => v.bits.checked_sub(COLUMN_BITS),
                    _ => Some(v.bits),
                };
                let mut end = 0;
                size.is_some_and(|size| {
                    v.blocks.iter().all(|b| {
                        let gap = v.kind == VectorKind::Trace && b.offset != end;
                        let aligned = !gap && b.offset >= end && b.offset % (1 << b.bits) == 0;
                        end = b.offset + (1 << b.bits);
                        aligned
                            && end <= 1 << size
                            && b.views.iter().all(|view| {
                                inside(view, b.bits)
                                    && (view.target == Target::Entries)
                                        == (v.kind != VectorKind::Trace)
                            })
                    }) && (v.kind != VectorKind::Trace || end == 1 << size)
                })
            })
    }
}
