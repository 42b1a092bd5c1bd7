//! Placing blocks in vectors: by decreasing size, so that every block is aligned.

use crate::program::{Block, COLUMN_BITS, Fill, Lookup, Vector, VectorKind};

fn place(blocks: &mut [Block]) -> u64 {
    blocks.sort_by_key(|b| std::cmp::Reverse(b.bits));
    let mut end = 0;
    for block in blocks {
        block.offset = end;
        end += 1 << block.bits;
    }
    end
}

fn split(blocks: Vec<Block>, bits: u32) -> Vec<Vec<Block>> {
    let mut parts: Vec<Vec<Block>> = vec![];
    for mut block in blocks {
        let part = (block.offset >> bits) as usize;
        block.offset &= (1 << bits) - 1;
        if parts.len() <= part {
            parts.resize_with(part + 1, Vec::new);
        }
        parts[part].push(block);
    }
    parts
}

/// Chunks of `2^row_bits` rows, the last filled up with padding blocks.
pub(super) fn chunks(mut blocks: Vec<Block>, row_bits: u32) -> Vec<Vector> {
    let mut end = place(&mut blocks);
    while !end.is_multiple_of(1 << row_bits) {
        let bits = end.trailing_zeros();
        blocks.push(Block {
            offset: end,
            bits,
            lookup: Lookup::NONE,
            views: vec![],
            fill: Fill::Zero,
        });
        end += 1 << bits;
    }
    split(blocks, row_bits)
        .into_iter()
        .enumerate()
        .map(|(slot, blocks)| Vector {
            kind: VectorKind::Trace,
            slot,
            bits: row_bits + COLUMN_BITS,
            blocks,
        })
        .collect()
}

/// Vectors of at most `2^index_bits` entries, the last as short as its blocks allow.
pub(super) fn vectors(kind: VectorKind, mut blocks: Vec<Block>, index_bits: u32) -> Vec<Vector> {
    place(&mut blocks);
    split(blocks, index_bits)
        .into_iter()
        .enumerate()
        .map(|(slot, blocks)| {
            let used: u64 = blocks.iter().map(|b| 1 << b.bits).sum();
            Vector {
                kind,
                slot,
                bits: used.next_power_of_two().trailing_zeros(),
                blocks,
            }
        })
        .collect()
}
