//! The digest of a program: every public word of its descriptors, hashed.
//!
//! Each head, each step and the public terms have a descriptor of their own, so that a verifier of one step
//! absorbs one descriptor. Words have 64 bits; the encoding is injective because every list is preceded by
//! its length and every variant by its number.

use crate::Scalar;
use crate::program::{Block, Program, Step};
use crate::transcript::{Domain, hash};
use crate::view::{Axis, Extra, Factor, Taps, Target, View};

impl Program {
    fn describe(&self) -> Vec<Scalar> {
        let mut digests = vec![];
        for (i, head) in self.heads.iter().enumerate() {
            let mut words = vec![0, i as u64, u64::from(head.bits)];
            for p in &head.products {
                words.extend([u64::from(p.identity), u64::from(p.bits), u64::from(p.claim)]);
            }
            digests.push(words_digest(&words));
        }
        for (i, step) in self.steps().into_iter().enumerate() {
            let kind = match step {
                Step::Chunk(_) => 1,
                Step::Vectors(_) => 2,
            };
            let mut words = vec![kind, i as u64];
            for v in &self.vectors[step.vectors()] {
                words.extend([
                    v.kind as u64,
                    v.slot as u64,
                    u64::from(v.bits),
                    v.blocks.len() as u64,
                ]);
                for block in &v.blocks {
                    block_words(block, &mut words);
                }
            }
            digests.push(words_digest(&words));
        }
        let mut words = vec![3, self.publics.len() as u64];
        for view in &self.publics {
            view_words(view, &mut words);
        }
        digests.push(words_digest(&words));
        digests
    }

    /// Sets the descriptors and the digest.
    pub(crate) fn seal(mut self) -> Self {
        self.descriptors = self.describe();
        let data = self.data.as_ref();
        let mut words = vec![
            self.kind as u64,
            u64::from(self.row_bits),
            u64::from(self.group_bits),
            self.heads.len() as u64,
            self.vectors.len() as u64,
            self.count_claim.map_or(0, u64::from),
            data.map_or(0, |d| u64::from(d.record_bits)),
            data.map_or(0, |d| u64::from(d.vector_bits)),
        ];
        words.extend(
            data.and_then(|d| d.label)
                .map_or([0; 3], |(offset, bits)| [1, offset, u64::from(bits)]),
        );
        let mut elements = pack_words(&words);
        elements.extend_from_slice(&self.descriptors);
        self.digest = hash(Domain::Program, &elements);
        self
    }
}

/// Three words of 64 bits an element.
fn pack_words(words: &[u64]) -> Vec<Scalar> {
    words
        .chunks(3)
        .map(|w| {
            Scalar::from_raw([
                w[0],
                w.get(1).copied().unwrap_or(0),
                w.get(2).copied().unwrap_or(0),
                0,
            ])
        })
        .collect()
}

/// The hash of words, their number first.
pub(crate) fn words_digest(words: &[u64]) -> Scalar {
    let mut elements = vec![Scalar::from(words.len() as u64)];
    elements.extend(pack_words(words));
    hash(Domain::Descriptor, &elements)
}

fn block_words(block: &Block, words: &mut Vec<u64>) {
    let lookup = &block.lookup;
    words.extend([
        block.offset,
        u64::from(block.bits),
        lookup.tag,
        u64::from(lookup.channel.0) << 32 | u64::from(lookup.channel.1),
        u64::from(lookup.value),
        u64::from(lookup.range),
        u64::from(lookup.entries.is_some()),
        lookup.entries.unwrap_or(0) as u64,
        block.views.len() as u64,
    ]);
    for view in &block.views {
        view_words(view, words);
    }
}

fn view_words(view: &View, words: &mut Vec<u64>) {
    let (target, columns) = match view.target {
        Target::Columns(c) => (0, c),
        Target::SelectedValue => (1, [0; 4]),
        Target::SelectedExtra => (2, [0; 4]),
        Target::Entries => (3, [0; 4]),
    };
    words.extend([
        u64::from(view.identity) << 32 | u64::from(view.claim),
        view.factor as u64,
        u64::from(view.head) << 32 | target,
        (view.extras.len() << 32 | view.axes.len()) as u64,
    ]);
    words.extend(columns.map(|c| c as u64));
    for extra in &view.extras {
        match *extra {
            Extra::Sum(axis) => {
                words.push(0);
                axis_words(&axis, words);
            }
            Extra::At { start, bits, value } => {
                words.extend([1, u64::from(start) << 32 | u64::from(bits), value]);
            }
            Extra::Power { exponent } => words.extend([2, exponent as u64]),
            Extra::Vanish { exponent } => words.extend([3, exponent]),
        }
    }
    for axis in &view.axes {
        axis_words(axis, words);
    }
}

fn axis_words(axis: &Axis, words: &mut Vec<u64>) {
    let bits = u64::from(axis.bits) << 8;
    match axis.factor {
        Factor::Fixed { value } => words.extend([bits, value]),
        Factor::Powers { step, lo, hi } => words.extend([bits | 1, step, lo, hi]),
        Factor::Live { step } => words.extend([bits | 2, step]),
        Factor::Prefix => words.push(bits | 3),
        Factor::Point {
            start,
            step,
            shift,
            lo,
            hi,
        } => words.extend([
            bits | 4,
            u64::from(start) << 32 | u64::from(shift),
            step,
            lo,
            hi,
        ]),
        Factor::Tap(tap) => {
            let (kind, weight) = match tap.taps {
                Taps::Point { start, bits } => (5, u64::from(start) << 32 | u64::from(bits)),
                Taps::Powers { step } => (6, step),
            };
            words.extend([
                bits | kind,
                weight,
                tap.kernel,
                tap.stride,
                tap.dilation,
                tap.pad as u64,
                tap.length,
                tap.lo,
                tap.hi,
                tap.step,
            ]);
        }
    }
}
