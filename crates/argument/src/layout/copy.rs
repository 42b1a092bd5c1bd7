//! Layers that only move values: constant borders, repetition, rearrangement.

use pleat_model::graph::Shape;
use pleat_model::network::LayerOp;

use super::{Compiler, Factors, Home, Piece, Term, power, powers, sum_powers};
use crate::program::{Fill, Lookup, Region};
use crate::view::{Extra, Factor, Target};
use crate::{Error, Result};

/// Uses of one element and boxes of one layer at most: an architecture is untrusted where it is verified.
const MAX_USES: usize = 64;
const MAX_BOXES: usize = 1 << 16;
/// Sources times uses of one layer, and of all layers together, at most.
const MAX_LISTED: usize = 1 << 26;
const MAX_MOVED: usize = 1 << 29;

impl Compiler<'_> {
    /// New rows with copies, compared with their sources by one identity.
    pub(super) fn copy(&mut self, l: usize) -> Result<Vec<Piece>> {
        let network = self.network;
        let layer = &network.layers[l];
        let (shape, input) = (layer.shape, layer.inputs[0]);
        let mut pieces = vec![];
        for region in self.cut(l, 0, false)? {
            let bits = region.bits() + self.group_bits;
            let block = self.block(bits, Lookup::NONE, Fill::Copy(region));
            let home = Home::Rows {
                block,
                column: 2,
                low_bits: 0,
            };
            pieces.push(Piece { home, region });
        }
        self.useful_rows += shape.len() as u64;
        let identity = self.next_identity();
        self.tensors.push(pieces);
        let [row, sample, channel] = self.steps(shape);
        match &layer.op {
            LayerOp::Upsample {
                factors: [down, across],
            } => {
                self.read_dense(l, shape, &Term::identity(identity, 1));
                let repeated = [sum_powers(row, *down), sum_powers(1, *across)];
                for piece in self.tensors[input].clone() {
                    let r = &piece.region;
                    let down = row * *down as u64;
                    let factors = Factors {
                        width: powers(*across as u64, r.width),
                        rows: powers(down, r.rows),
                        channels: powers(channel, r.channels),
                        sample,
                    };
                    let first = channel * r.c0 as u64 + down * r.h0 as u64;
                    let term = Term::identity(identity, -1)
                        .with(repeated)
                        .with([power(first)]);
                    self.read(&piece, &factors, term);
                }
            }
            LayerOp::Pad { pads, value } => {
                self.read_dense(l, shape, &Term::identity(identity, 1));
                let corner = power(row * pads[0] as u64 + pads[1] as u64);
                let shifted = Term::identity(identity, -1).with([corner]);
                let source = self.shape(input);
                for piece in self.tensors[input].clone() {
                    let (factors, first) = self.dense(shape, &piece.region);
                    let term = shifted.clone().with([power(first)]);
                    self.read(&piece, &factors, term);
                }
                let value = i64::from(*value);
                self.constant(l, identity, -value);
                if value != 0 {
                    let inside = Term::identity(identity, value).with([
                        corner,
                        sum_powers(1, source.width),
                        sum_powers(row, source.height),
                        sum_powers(channel, source.channels),
                        self.live(sample),
                    ]);
                    self.publics.push(inside.on(vec![], Target::Entries));
                }
            }
            LayerOp::Rearrange { index } => self.rearrange(l, input, identity, index)?,
            _ => {}
        }
        Ok(self.tensors.pop().unwrap_or_default())
    }

    /// Element i of the result, of sample b, has number `N i + b`. Its sources are grouped into boxes on
    /// which the number is affine.
    ///
    /// # Errors
    /// An index so irregular that the verifier's work would get out of hand.
    fn rearrange(&mut self, l: usize, input: usize, identity: u32, index: &[u32]) -> Result<()> {
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
            self.read(&piece, &factors, term);
        }
        let source = self.shape(input);
        let irregular = |what: &str| {
            Error::Layout(format!(
                "layer {l} rearranges values too irregularly to be proved: {what}"
            ))
        };
        let uses = occurrences(source.len(), index)
            .ok_or_else(|| irregular("values of a large tensor are used too often"))?;
        self.moved += source.len() * uses.len();
        if self.moved > MAX_MOVED {
            return Err(irregular("too many values are looked at"));
        }
        let mut boxes = 0;
        for targets in uses {
            for piece in self.tensors[input].clone() {
                let r = piece.region;
                let whole = [
                    (r.c0, r.c0 + r.channels),
                    (r.h0, r.h0 + r.rows),
                    (0, r.width),
                ];
                for found in affine_boxes(&targets, source, whole) {
                    boxes += 1;
                    self.spend(1)?;
                    if boxes > MAX_BOXES {
                        return Err(irregular("more than 65536 boxes of regular moves"));
                    }
                    let start = [r.c0, r.h0, 0];
                    let axis = |k: usize| Factor::Powers {
                        step: n * found.steps[k],
                        lo: (found.ranges[k].0 - start[k]) as u64,
                        hi: (found.ranges[k].1 - start[k]) as u64,
                    };
                    let factors = Factors {
                        width: axis(2),
                        rows: axis(1),
                        channels: axis(0),
                        sample: 1,
                    };
                    // The number at the piece's own origin; below zero if the box starts later.
                    let skipped: u64 = (0..3)
                        .map(|k| found.steps[k] * (found.ranges[k].0 - start[k]) as u64)
                        .sum();
                    let exponent = n as i64 * (found.first as i64 - skipped as i64);
                    let term = Term::identity(identity, -1).with([Extra::Power { exponent }]);
                    self.read(&piece, &factors, term);
                }
            }
        }
        Ok(())
    }
}

/// Per source element its targets, as lists of at most one target each: element k of every list is the
/// k-th use. `None` if an element has more than [`MAX_USES`], or the lists were too long.
fn occurrences(sources: usize, index: &[u32]) -> Option<Vec<Vec<Option<usize>>>> {
    let mut lists: Vec<Vec<Option<usize>>> = vec![];
    let mut used = vec![0; sources];
    for (target, &source) in index.iter().enumerate() {
        let source = source as usize;
        let use_number = used[source];
        if use_number == MAX_USES {
            return None;
        }
        used[source] += 1;
        if use_number == lists.len() {
            if sources * (lists.len() + 1) > MAX_LISTED {
                return None;
            }
            lists.push(vec![None; sources]);
        }
        lists[use_number][source] = Some(target);
    }
    Some(lists)
}

type Ranges = [(usize, usize); 3];

/// A box of source elements whose targets are `first + sum steps[k] (x_k - ranges[k].0)`.
struct AffineBox {
    ranges: Ranges,
    steps: [u64; 3],
    first: usize,
}

/// Cuts a box until the targets in each part are affine with steps of at least zero, or there are none.
fn affine_boxes(targets: &[Option<usize>], shape: Shape, whole: Ranges) -> Vec<AffineBox> {
    let at = |x: [usize; 3]| targets[(x[0] * shape.height + x[1]) * shape.width + x[2]];
    let elements = |r: Ranges| {
        (r[0].0..r[0].1).flat_map(move |c| {
            (r[1].0..r[1].1).flat_map(move |h| (r[2].0..r[2].1).map(move |w| [c, h, w]))
        })
    };
    let mut found = vec![];
    let mut open = vec![whole];
    while let Some(ranges) = open.pop() {
        let start = [ranges[0].0, ranges[1].0, ranges[2].0];
        let length = |k: usize| ranges[k].1 - ranges[k].0;
        let affine = || {
            let first = at(start)?;
            let mut steps = [0u64; 3];
            for k in 0..3 {
                if length(k) > 1 {
                    let mut next = start;
                    next[k] += 1;
                    steps[k] = at(next)?.checked_sub(first)? as u64;
                }
            }
            let fits = elements(ranges).all(|x| {
                let number: u64 = (0..3).map(|k| steps[k] * (x[k] - start[k]) as u64).sum();
                at(x) == Some(first + number as usize)
            });
            fits.then_some(AffineBox {
                ranges,
                steps,
                first,
            })
        };
        if let Some(done) = affine() {
            found.push(done);
        } else if elements(ranges).any(|x| at(x).is_some()) {
            // A single element with a target is affine, so some axis is longer than one.
            let k = (0..3).max_by_key(|&k| length(k)).unwrap_or(0);
            let middle = ranges[k].0 + length(k).div_ceil(2);
            let (mut a, mut b) = (ranges, ranges);
            (a[k].1, b[k].0) = (middle, middle);
            open.extend([a, b]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: Shape, index: &[u32]) -> usize {
        let mut rebuilt = vec![None; index.len()];
        let mut boxes = 0;
        for targets in occurrences(shape.len(), index).unwrap() {
            let whole = [(0, shape.channels), (0, shape.height), (0, shape.width)];
            for b in affine_boxes(&targets, shape, whole) {
                boxes += 1;
                for c in b.ranges[0].0..b.ranges[0].1 {
                    for h in b.ranges[1].0..b.ranges[1].1 {
                        for w in b.ranges[2].0..b.ranges[2].1 {
                            let x = [c, h, w];
                            let target = b.first
                                + (0..3)
                                    .map(|k| b.steps[k] as usize * (x[k] - b.ranges[k].0))
                                    .sum::<usize>();
                            let source = (c * shape.height + h) * shape.width + w;
                            assert_eq!(rebuilt[target].replace(source as u32), None);
                        }
                    }
                }
            }
        }
        assert_eq!(rebuilt, index.iter().map(|&i| Some(i)).collect::<Vec<_>>());
        boxes
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
        assert!(occurrences(60, &[3; MAX_USES + 1]).is_none());
        let odd: Vec<u32> = (0..60).map(|i| i * 17 % 60).collect();
        check(shape, &odd);
    }
}
