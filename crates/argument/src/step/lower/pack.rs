//! Slots and lookups into steps.

use std::collections::VecDeque;

use super::monomial::Proto;
use crate::program::{Block, COLUMN_BITS};
use crate::step::lookup::LookupSlot;
use crate::step::slot::Slot;
use crate::step::{BANK, Shape};

/// Slots looked through for one that needs few new exponents.
const AHEAD: usize = 256;

/// Powers of xi of one step: the first two are 0 and 1.
#[derive(Clone, Debug)]
pub(super) struct Bank(Vec<u32>);

impl Bank {
    pub(super) fn new() -> Self {
        Self(vec![0, 1])
    }

    /// The exponents that a slot would add. Asked for many slots of which one is taken: allocates nothing.
    fn missing<'a>(&'a self, proto: &'a Proto) -> impl Iterator<Item = u32> + 'a {
        let exponents = || proto.bases.iter().chain(proto.sum.iter().flatten());
        let new = move |i: usize, e: &u32| {
            !self.0.contains(e) && !exponents().take(i).any(|before| before == e)
        };
        let numbered = exponents().enumerate();
        numbered.filter(move |(i, e)| new(*i, e)).map(|(_, e)| *e)
    }

    fn place(&self, exponent: u32) -> u8 {
        let place = self.0.iter().position(|e| *e == exponent);
        place.unwrap_or(0) as u8
    }

    /// The slot with its exponents' places.
    fn take(&mut self, proto: Proto) -> Slot {
        let missing: Vec<u32> = self.missing(&proto).collect();
        self.0.extend(missing);
        let mut slot = proto.slot;
        for (place, exponent) in slot.bases.iter_mut().zip(&proto.bases) {
            *place = self.place(*exponent);
        }
        if let Some(sum) = proto.sum {
            slot.sum = sum.map(|e| self.place(e));
        }
        slot
    }

    /// All places, unused ones zero.
    pub(super) fn exponents(&self) -> [u32; BANK] {
        let mut exponents = [0; BANK];
        for (place, e) in exponents.iter_mut().zip(&self.0) {
            *place = *e;
        }
        exponents
    }
}

/// As many slots as one step has room for: each time the first of those that need the fewest new exponents.
pub(super) fn fill(shape: &Shape, open: &mut VecDeque<Proto>) -> (Bank, Vec<Slot>) {
    let mut bank = Bank::new();
    let mut slots = vec![];
    while slots.len() < shape.slots {
        let missing = |i: &usize| bank.missing(&open[*i]).count();
        let mut best: Option<(usize, usize)> = None;
        for i in 0..open.len().min(AHEAD) {
            let count = missing(&i);
            if best.is_none_or(|b| count < b.0) {
                best = Some((count, i));
            }
            if count == 0 {
                break;
            }
        }
        let Some((count, i)) = best else { break };
        if bank.0.len() + count > BANK {
            break;
        }
        if let Some(proto) = open.remove(i) {
            slots.push(bank.take(proto));
        }
    }
    (bank, slots)
}

/// The lookups of a chunk: blocks side by side that look up the same are one range, or a few aligned ones.
pub(super) fn lookups(row_bits: u32, blocks: &[Block]) -> Vec<LookupSlot> {
    let mut slots = vec![];
    let mut add = |start: u64, bits: u32, lookup| {
        let fixed = (0..row_bits).map(|b| (b >= bits).then_some(start >> b & 1 == 1));
        slots.push(LookupSlot {
            fixed: fixed.collect(),
            lookup,
        });
    };
    let mut rest = blocks;
    while let [first, ..] = rest {
        let mut lookup = first.lookup;
        if lookup.channel.1 == 0 {
            lookup.channel = (0, 0);
        }
        let plain = |b: &Block| b.lookup.entries.is_none() && b.lookup.channel.1 == 0;
        let same = |b: &Block| {
            let mut own = b.lookup;
            own.channel = (0, 0);
            plain(b) && own == lookup
        };
        let count = match plain(first) {
            true => rest.iter().take_while(|b| same(b)).count(),
            false => 1,
        };
        let (own, others) = rest.split_at(count);
        rest = others;
        let Some(last) = own.last() else { break };
        let (mut start, end) = (first.offset, last.offset + (1 << last.bits));
        if count == 1 {
            add(start, first.bits, lookup);
            continue;
        }
        while start < end {
            let aligned = start.trailing_zeros().min(row_bits);
            let bits = aligned.min((end - start).ilog2());
            add(start, bits, lookup);
            start += 1 << bits;
        }
    }
    slots
}

/// Positions of a chunk's columns take no part in slots.
pub(super) const ROWS: u32 = COLUMN_BITS;
