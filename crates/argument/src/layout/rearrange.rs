//! Rearrangement: a list of sources, which falls into boxes on which the move is affine.
//!
//! The list is as long as the architecture's file, the tensor it picks from may be far longer. So only what is picked
//! is looked at, and what that costs follows from the length of the list.

use pleat_model::graph::Shape;

use super::{Compiler, Factors, Piece, Term, power, powers};
use crate::budget::Work;
use crate::program::Region;
use crate::view::{Extra, Factor};
use crate::{Error, Result};

/// Uses of one element at most.
const MAX_USES: u32 = 64;

/// One element of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Move {
    /// How many elements before it have the same source.
    nth: u32,
    /// Index of the piece its source is in.
    piece: u32,
    /// Channel, row, column of the source.
    source: [u32; 3],
    /// Its place in the result.
    target: u32,
}

impl Compiler<'_> {
    /// Element i of the result, of sample b, has number `N i + b`. Its sources are grouped into boxes on
    /// which the number is affine.
    ///
    /// # Errors
    /// An element that is used too often; more work than a verifier does.
    pub(super) fn rearrange(
        &mut self,
        l: usize,
        input: usize,
        identity: u32,
        index: &[u32],
    ) -> Result<()> {
        let n = self.samples();
        let numbering = |shape: Shape, r: &Region| {
            let (row, plane) = (n * shape.width as u64, n * shape.plane() as u64);
            let factors = Factors {
                width: powers(n, r.width),
                rows: powers(row, r.rows),
                channels: powers(plane, r.channels),
                sample: 1,
            };
            (factors, plane * r.c0 as u64 + row * r.h0 as u64)
        };
        let shape = self.shape(l);
        for piece in self.tensors[l].clone() {
            let (factors, first) = numbering(shape, &piece.region);
            let term = Term::identity(identity, 1).with([power(first)]);
            self.read(&piece, &factors, term)?;
        }
        let sources = self.tensors[input].clone();
        self.budget.spend(Work::Move, index.len())?;
        let moves = moves(self.shape(input), &sources, index).ok_or_else(|| {
            Error::Layout(format!(
                "layer {l}: a rearrangement that uses one value more than {MAX_USES} times"
            ))
        })?;
        for own in moves.chunk_by(|a, b| (a.nth, a.piece) == (b.nth, b.piece)) {
            let piece = sources[own[0].piece as usize];
            let r = &piece.region;
            let start = [r.c0, r.h0, 0].map(|x| x as u32);
            let ends = [r.c0 + r.channels, r.h0 + r.rows, r.width].map(|x| x as u32);
            let whole = [0, 1, 2].map(|k| (start[k], ends[k]));
            let mut open = vec![(whole, own.to_vec())];
            while let Some((ranges, inside)) = open.pop() {
                let Some(found) = affine(ranges, &inside) else {
                    self.budget.spend(Work::Move, inside.len())?;
                    let halves = halves(ranges, inside);
                    open.extend(halves.into_iter().filter(|half| !half.1.is_empty()));
                    continue;
                };
                let axis = |k: usize| Factor::Powers {
                    step: n * found.steps[k],
                    lo: u64::from(ranges[k].0 - start[k]),
                    hi: u64::from(ranges[k].1 - start[k]),
                };
                let factors = Factors {
                    width: axis(2),
                    rows: axis(1),
                    channels: axis(0),
                    sample: 1,
                };
                // The number at the piece's own origin; below zero if the box starts later.
                let skipped: u64 = (0..3)
                    .map(|k| found.steps[k] * u64::from(ranges[k].0 - start[k]))
                    .sum();
                let exponent = n as i64 * (i64::from(found.first) - skipped as i64);
                let term = Term::identity(identity, -1).with([Extra::Power { exponent }]);
                self.read(&piece, &factors, term)?;
            }
        }
        Ok(())
    }
}

/// All moves, in the order of use, piece and source. `None` if an element has more than [`MAX_USES`].
fn moves(shape: Shape, pieces: &[Piece], index: &[u32]) -> Option<Vec<Move>> {
    // Pieces by first channel, then first row: those of the same first channel have the same channels.
    let mut places: Vec<([usize; 2], u32)> = (pieces.iter().zip(0..))
        .map(|(p, i)| ([p.region.c0, p.region.h0], i))
        .collect();
    places.sort_unstable();
    let last = |place: [usize; 2]| places.partition_point(|p| p.0 <= place).checked_sub(1);
    let mut order: Vec<(u32, u32)> = (index.iter().copied().zip(0..)).collect();
    order.sort_unstable();
    let mut moves = Vec::with_capacity(order.len());
    let mut nth = 0;
    for (i, &(source, target)) in order.iter().enumerate() {
        nth = match i > 0 && order[i - 1].0 == source {
            true => nth + 1,
            false => 0,
        };
        if nth == MAX_USES {
            return None;
        }
        let (line, w) = (source as usize / shape.width, source as usize % shape.width);
        let (c, h) = (line / shape.height, line % shape.height);
        let c0 = places[last([c, usize::MAX])?].0[0];
        let piece = places[last([c0, h])?].1;
        moves.push(Move {
            nth,
            piece,
            source: [c, h, w].map(|x| x as u32),
            target,
        });
    }
    moves.sort_unstable();
    Some(moves)
}

type Ranges = [(u32, u32); 3];

/// Targets of a box of sources: `first + sum steps[k] (x_k - ranges[k].0)`.
struct Affine {
    steps: [u64; 3],
    first: u32,
}

/// The move of a box, if every element of it is moved, by one affine rule with steps of at least zero. `inside` is
/// not empty, and in the order of sources.
fn affine(ranges: Ranges, inside: &[Move]) -> Option<Affine> {
    let lengths = ranges.map(|(from, to)| u64::from(to - from));
    if inside.len() as u64 != lengths.iter().product::<u64>() {
        return None;
    }
    // Places of the elements next to the first one.
    let next = [lengths[1] * lengths[2], lengths[2], 1];
    let first = inside[0].target;
    let mut steps = [0u64; 3];
    for k in 0..3 {
        if lengths[k] > 1 {
            steps[k] = u64::from(inside[next[k] as usize].target.checked_sub(first)?);
        }
    }
    let fits = inside.iter().all(|m| {
        let offset = |k: usize| steps[k] * u64::from(m.source[k] - ranges[k].0);
        u64::from(m.target) == u64::from(first) + (0..3).map(offset).sum::<u64>()
    });
    fits.then_some(Affine { steps, first })
}

/// A box cut in the middle of its longest axis, with the moves inside either half in order.
fn halves(ranges: Ranges, inside: Vec<Move>) -> [(Ranges, Vec<Move>); 2] {
    let length = |k: &usize| ranges[*k].1 - ranges[*k].0;
    let k = (0..3).max_by_key(length).unwrap_or(0);
    let middle = ranges[k].0 + length(&k).div_ceil(2);
    let (mut low, mut high) = (ranges, ranges);
    (low[k].1, high[k].0) = (middle, middle);
    let (below, above) = inside.into_iter().partition(|m| m.source[k] < middle);
    [(low, below), (high, above)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Home;
    use super::*;

    /// A tensor in one piece.
    fn one(shape: Shape) -> [Piece; 1] {
        let region = Region {
            layer: 0,
            c0: 0,
            channels: shape.channels,
            c_bits: 0,
            h0: 0,
            rows: shape.height,
            h_bits: 0,
            width: shape.width,
            w_bits: 0,
        };
        let home = Home::Record { offset: 0 };
        [Piece { home, region }]
    }

    /// The boxes that an index falls into, by use.
    fn boxes(shape: Shape, index: &[u32]) -> Vec<(Ranges, Affine)> {
        let whole = [shape.channels, shape.height, shape.width].map(|n| (0, n as u32));
        let mut found = vec![];
        let moves = moves(shape, &one(shape), index).unwrap();
        for own in moves.chunk_by(|a, b| a.nth == b.nth) {
            let mut open = vec![(whole, own.to_vec())];
            while let Some((ranges, inside)) = open.pop() {
                match affine(ranges, &inside) {
                    Some(affine) => found.push((ranges, affine)),
                    None => {
                        let halves = halves(ranges, inside);
                        open.extend(halves.into_iter().filter(|half| !half.1.is_empty()));
                    }
                }
            }
        }
        found
    }

    fn check(shape: Shape, index: &[u32]) -> usize {
        let mut rebuilt = vec![None; index.len()];
        let found = boxes(shape, index);
        for (r, affine) in &found {
            for c in r[0].0..r[0].1 {
                for h in r[1].0..r[1].1 {
                    for w in r[2].0..r[2].1 {
                        let x = [c, h, w];
                        let offset = |k: usize| affine.steps[k] as u32 * (x[k] - r[k].0);
                        let target = affine.first + (0..3).map(offset).sum::<u32>();
                        let source = (c * shape.height as u32 + h) * shape.width as u32 + w;
                        assert_eq!(rebuilt[target as usize].replace(source), None);
                    }
                }
            }
        }
        assert_eq!(rebuilt, index.iter().map(|&i| Some(i)).collect::<Vec<_>>());
        found.len()
    }

    #[test]
    fn boxes_rebuild_any_index() {
        let shape = Shape::new(4, 3, 5);
        let transposed: Vec<u32> = (0..60)
            .map(|i| {
                let (h, w, c) = (i / 20, i / 4 % 5, i % 4);
                (c * 3 + h) * 5 + w
            })
            .collect();
        assert_eq!(check(shape, &transposed), 1, "a transposition is one box");
        check(shape, &(0..60).rev().collect::<Vec<u32>>());
        check(shape, &[7, 7, 7, 0, 59, 58]);
        let odd: Vec<u32> = (0..60).map(|i| i * 17 % 60).collect();
        check(shape, &odd);
    }

    #[test]
    fn an_element_is_used_only_so_often() {
        let shape = Shape::new(1, 1, 60);
        let most = [3; MAX_USES as usize];
        assert_eq!(check(shape, &most), most.len());
        assert!(moves(shape, &one(shape), &[3; MAX_USES as usize + 1]).is_none());
    }

    /// What is picked costs, not what it is picked from.
    #[test]
    fn one_element_of_many_is_one_box() {
        let shape = Shape::new(1, 8176, 8176);
        assert_eq!(check(shape, &[0]), 1);
        assert_eq!(check(shape, &[66_846_975, 4]), 2);
    }

    /// Moves are found in the piece that holds their source, in whatever order pieces are.
    #[test]
    fn sources_are_looked_for_in_their_piece() {
        let region = |c0, channels, h0, rows| Region {
            layer: 0,
            c0,
            channels,
            c_bits: 2,
            h0,
            rows,
            h_bits: 2,
            width: 5,
            w_bits: 3,
        };
        let home = Home::Record { offset: 0 };
        let regions = [
            region(3, 1, 2, 1),
            region(0, 3, 0, 2),
            region(3, 1, 0, 2),
            region(0, 3, 2, 1),
        ];
        let pieces = regions.map(|region| Piece { home, region });
        let index: Vec<u32> = (0..60).collect();
        let found = moves(Shape::new(4, 3, 5), &pieces, &index).unwrap();
        assert_eq!(found.len(), 60);
        for m in found {
            let r = &regions[m.piece as usize];
            let [c, h, _] = m.source.map(|x| x as usize);
            assert!((r.c0..r.c0 + r.channels).contains(&c) && (r.h0..r.h0 + r.rows).contains(&h));
        }
    }
}
