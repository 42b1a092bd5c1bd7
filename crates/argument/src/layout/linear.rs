//! Requantised layers: convolutions (products), average pooling and sums (linear identities).

use std::collections::{BTreeMap, BTreeSet};

use pleat_model::graph::Window;
use pleat_model::network::{Activation, LayerOp, LinearMap, rounding_constant};

use super::window::{rectangles, tap};
use super::{Compiler, Factors, Home, Piece, Term, axis_bits, power, powers, sum_powers};
use crate::Result;
use crate::budget::Work;
use crate::program::{COLUMN_BITS, Fill, Lookup, Product};
use crate::view::{Axis, Extra, Factor, Taps, Target};

/// Bits of a bias limb.
pub(crate) const LIMB_BITS: u32 = 15;

/// Limbs of a bias of `bits` bits, and the bits of each.
pub(super) fn limbs(bits: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..bits.div_ceil(LIMB_BITS)).map(move |i| (i, LIMB_BITS.min(bits - i * LIMB_BITS)))
}

/// Input and output channels of one product.
#[derive(Clone, Copy, Debug)]
struct Part {
    inputs: (usize, usize),
    outputs: (usize, usize),
    /// Outputs of a group belong to the group's digit of the channel: `(inputs, outputs)` of a group.
    grouped: Option<(usize, usize)>,
}

/// A run of input channels: first channel, number, bits, slot.
type Run = (usize, usize, u32, usize);

impl Compiler<'_> {
    /// One requantised layer: its rows and its identity.
    pub(super) fn linear(&mut self, l: usize) -> Result<Vec<Piece>> {
        let network = self.network;
        let layer = &network.layers[l];
        let LayerOp::Linear {
            map,
            shift,
            activation,
            ..
        } = &layer.op
        else {
            return Ok(vec![]);
        };
        let per_channel =
            matches!(activation, Activation::Slope { slopes, .. } if slopes.len() > 1);
        let tag = self.activation_tag(l)?;
        let mut pieces = vec![];
        for region in self.cut(l, 0, per_channel)? {
            let lookup = Lookup {
                tag: tag + if per_channel { region.c0 as u64 } else { 0 },
                channel: match per_channel {
                    true => (region.w_bits + region.h_bits, region.c_bits),
                    false => (0, 0),
                },
                value: true,
                range: *shift,
                entries: None,
            };
            let bits = region.bits() + self.group_bits;
            let block = self.block(bits, lookup, Fill::Requantised(region))?;
            let home = Home::Rows {
                block,
                column: 2,
                low_bits: 0,
            };
            pieces.push(Piece { home, region });
        }
        self.useful_rows += layer.shape.len() as u64;
        let half = rounding_constant(*shift);
        match map {
            LinearMap::Conv { window, .. } => {
                for part in self.parts(l, map)? {
                    self.product(l, window, part, &pieces)?;
                }
            }
            LinearMap::AveragePool {
                window,
                multipliers,
            } => {
                let id = self.next_identity();
                self.accumulators(&pieces, id, (0, layer.shape.channels))?;
                self.average(l, id, window, multipliers)?;
                self.constant(l, id, -half)?;
            }
            LinearMap::Sum { multipliers } => {
                let id = self.next_identity();
                self.accumulators(&pieces, id, (0, layer.shape.channels))?;
                for (&input, &m) in layer.inputs.iter().zip(multipliers) {
                    let term = Term::identity(id, -i64::from(m));
                    self.read_dense(input, layer.shape, &term)?;
                }
                self.constant(l, id, -half)?;
            }
        }
        Ok(pieces)
    }

    /// `factor` times the sum of all weights of the layer's numbering.
    pub(super) fn constant(&mut self, l: usize, identity: u32, factor: i64) -> Result<()> {
        if factor == 0 {
            return Ok(());
        }
        let extras = self.total(self.shape(l));
        self.public(Term::identity(identity, factor).with(extras))
    }

    /// The accumulators `2^s q + rem` of a layer's channels `from..to`, numbered.
    fn accumulators(
        &mut self,
        pieces: &[Piece],
        identity: u32,
        (from, to): (usize, usize),
    ) -> Result<()> {
        self.budget.spend(Work::Look, pieces.len())?;
        for piece in pieces {
            let (Home::Rows { block, .. }, region) = (piece.home, &piece.region) else {
                continue;
            };
            let l = region.layer;
            let LayerOp::Linear { shift, .. } = self.network.layers[l].op else {
                continue;
            };
            let (mut factors, exponent) = self.dense(self.shape(l), region);
            let (lo, hi) = overlap((region.c0, region.channels), (from, to));
            if lo >= hi {
                continue;
            }
            if let Factor::Powers { step, .. } = factors.channels {
                factors.channels = Factor::Powers { step, lo, hi };
            }
            let axes = self.axes(region, &factors);
            let term = Term::identity(identity, 1).with([power(exponent)]);
            self.view(block, term.on(axes, Target::Columns([1 << shift, 1, 0, 0])))?;
        }
        Ok(())
    }

    /// The distinct channel runs of a tensor with slots: aligned ranges of the channel index.
    fn runs(&self, input: usize) -> (Vec<Run>, u32) {
        let run = |p: &Piece| (p.region.c0, p.region.channels, p.region.c_bits, 0);
        let distinct: BTreeSet<Run> = self.tensors[input].iter().map(run).collect();
        let mut runs: Vec<Run> = distinct.into_iter().collect();
        runs.sort_by_key(|r| (std::cmp::Reverse(r.2), r.0));
        let mut end = 0;
        for run in &mut runs {
            run.3 = end;
            end += 1 << run.2;
        }
        (runs, axis_bits(end))
    }

    /// The products a convolution is made of: one, unless its groups do not fit the bits of channels.
    ///
    /// # Errors
    /// More products than a program may have.
    fn parts(&mut self, l: usize, map: &LinearMap) -> Result<Vec<Part>> {
        let LinearMap::Conv {
            out_channels,
            groups,
            ..
        } = map
        else {
            return Ok(vec![]);
        };
        let input = self.network.layers[l].inputs[0];
        let channels = self.shape(input).channels;
        let (of_input, of_output) = (channels / groups, out_channels / groups);
        let whole = Part {
            inputs: (0, channels),
            outputs: (0, *out_channels),
            grouped: None,
        };
        if *groups == 1 {
            return Ok(vec![whole]);
        }
        let fits = |r: &Run| r.0.is_multiple_of(of_input) || r.0 % of_input + r.1 <= of_input;
        if of_input.is_power_of_two() && self.runs(input).0.iter().all(fits) {
            return Ok(vec![Part {
                grouped: Some((of_input, of_output)),
                ..whole
            }]);
        }
        // Each of them looks at every piece, and keeps the runs.
        let kept = groups.saturating_mul(self.tensors[input].len());
        self.budget.spend(Work::Piece, kept)?;
        Ok((0..*groups)
            .map(|g| Part {
                inputs: (g * of_input, (g + 1) * of_input),
                outputs: (g * of_output, (g + 1) * of_output),
                grouped: None,
            })
            .collect())
    }

    fn product(&mut self, l: usize, window: &Window, part: Part, pieces: &[Piece]) -> Result<()> {
        let network = self.network;
        let (identity, number) = (self.next_identity(), self.products.len() as u32);
        let input = network.layers[l].inputs[0];
        let (runs, slot_bits) = self.runs(input);
        let by_channel: BTreeMap<usize, Run> = runs.iter().map(|r| (r.0, *r)).collect();
        let tap_bits = [axis_bits(window.kernel[1]), axis_bits(window.kernel[0])];
        let first_slot = tap_bits[0] + tap_bits[1];
        let claim = 2 * number + 1;
        // The factors of a run: its channels on the slot's low bits, its place on the high ones.
        let place = |run: &Run, step: u64, shift: u32| {
            let (lo, hi) = overlap((run.0, run.1), part.inputs);
            let low = Factor::Point {
                start: first_slot,
                step,
                shift,
                lo,
                hi,
            };
            let high = Extra::At {
                start: first_slot + run.2,
                bits: slot_bits - run.2,
                value: (run.3 >> run.2) as u64,
            };
            (lo < hi).then_some((low, high))
        };
        self.accumulators(pieces, identity, part.outputs)?;
        self.biases(l, identity, part.outputs)?;
        let out = self.shape(l);
        let [row, sample, channel] = self.steps(out);
        for piece in self.tensors[input].clone() {
            let region = &piece.region;
            let run = by_channel.get(&region.c0);
            let Some((channels, high)) = run.and_then(|run| place(run, 0, 0)) else {
                continue;
            };
            let point = |axis: usize| Taps::Point {
                start: [tap_bits[0], 0][axis],
                bits: tap_bits[1 - axis],
            };
            let factors = Factors {
                width: tap(window, 1, point(1), 0, region.width, (0, out.width), 1),
                rows: tap(
                    window,
                    0,
                    point(0),
                    region.h0,
                    region.rows,
                    (0, out.height),
                    row,
                ),
                channels,
                sample,
            };
            let term = Term {
                claim,
                ..Term::identity(0, 1)
            };
            self.read(&piece, &factors, term.with([high]))?;
        }
        let output_runs = match part.grouped {
            Some((_, of_output)) => (0, of_output),
            None => part.outputs,
        };
        for run in &runs {
            let (step, shift, digit) = match part.grouped {
                None => (0, 0, 0),
                // All channels of the run are of one group, or whole groups.
                Some((of_input, of_output)) => {
                    let digit = (run.0 / of_input * of_output) as u64 * channel;
                    match run.0 % of_input == 0 && run.1 > of_input {
                        true => (channel * of_output as u64, of_input.trailing_zeros(), digit),
                        false => (0, 0, digit),
                    }
                }
            };
            let Some((channels, high)) = place(run, step, shift) else {
                continue;
            };
            let room = (self.row_bits + COLUMN_BITS)
                .checked_sub(first_slot + run.2)
                .ok_or_else(|| {
                    crate::Error::Layout(format!(
                        "layer {l}: the kernel of one output channel fits no vector of this size class; \
                         choose a larger one"
                    ))
                })?;
            for (first, count) in output_pieces(output_runs, room) {
                let axes = vec![
                    Axis::new(tap_bits[0], point_range(0, window.kernel[1])),
                    Axis::new(tap_bits[1], point_range(tap_bits[0], window.kernel[0])),
                    Axis::new(run.2, channels),
                    Axis::new(axis_bits(count), powers(channel, count)),
                ];
                let term = Term {
                    claim: claim + 1,
                    ..Term::identity(0, 1)
                };
                let term = term.with([high, power(channel * first as u64 + digit)]);
                let (lo, hi) = overlap((run.0, run.1), part.inputs);
                let fill = Fill::Kernel {
                    layer: l,
                    inputs: (run.0, run.1),
                    outputs: (first, count),
                    grouped: part.grouped.is_some(),
                    bits: [tap_bits[0], tap_bits[1], run.2],
                };
                let block = self.entries(fill, term.on(axes, Target::Entries))?;
                self.weights.push(block);
                debug_assert!(lo < hi);
            }
        }
        self.products.push(Product {
            identity,
            bits: first_slot + slot_bits,
            claim,
            layer: l,
            runs: runs.iter().map(|r| (r.0, r.1, r.3)).collect(),
            inputs: part.inputs,
            outputs: part.outputs,
            grouped: part.grouped,
            tap_bits,
        });
        Ok(())
    }

    /// The biases of some output channels, to be subtracted from the accumulators: each is the sum of its
    /// limbs minus `2^(bits - 1)`, at every position.
    fn biases(&mut self, l: usize, identity: u32, (from, to): (usize, usize)) -> Result<()> {
        let LayerOp::Linear {
            map: LinearMap::Conv { bias_bits, .. },
            ..
        } = self.network.layers[l].op
        else {
            return Ok(());
        };
        let shape = self.shape(l);
        let [row, sample, channel] = self.steps(shape);
        let positions = [
            sum_powers(1, shape.width),
            sum_powers(row, shape.height),
            self.live(sample),
        ];
        for (limb, _) in limbs(bias_bits) {
            for (first, count) in output_pieces((from, to), self.row_bits) {
                let axes = vec![Axis::new(axis_bits(count), powers(channel, count))];
                let term = Term::identity(identity, -(1 << (limb * LIMB_BITS)))
                    .with(positions)
                    .with([power(channel * first as u64)]);
                let fill = Fill::Bias {
                    layer: l,
                    limb,
                    outputs: (first, count),
                };
                let block = self.entries(fill, term.on(axes, Target::Entries))?;
                self.weights.push(block);
            }
        }
        let offset = Term::identity(identity, 1 << (bias_bits - 1))
            .with(positions)
            .with([sum_powers(channel, to - from), power(channel * from as u64)]);
        self.public(offset)
    }

    /// Minus the window sums, each times its multiplier: one term per rectangle of equal multipliers.
    fn average(
        &mut self,
        l: usize,
        identity: u32,
        window: &Window,
        multipliers: &[i32],
    ) -> Result<()> {
        let (shape, input) = (self.shape(l), self.network.layers[l].inputs[0]);
        let [row, sample, channel] = self.steps(shape);
        let ones = Taps::Powers { step: 0 };
        let found = rectangles(multipliers, shape.height, shape.width);
        for (rows, columns, multiplier) in found {
            for piece in self.tensors[input].clone() {
                let r = &piece.region;
                let factors = Factors {
                    width: tap(window, 1, ones, 0, r.width, columns, 1),
                    rows: tap(window, 0, ones, r.h0, r.rows, rows, row),
                    channels: powers(channel, r.channels),
                    sample,
                };
                let term = Term::identity(identity, -i64::from(multiplier))
                    .with([power(channel * r.c0 as u64)]);
                self.read(&piece, &factors, term)?;
            }
        }
        Ok(())
    }
}

/// `eq(r, i)` for `i < count`, with the coordinates from `start`.
const fn point_range(start: u32, count: usize) -> Factor {
    Factor::Point {
        start,
        step: 0,
        shift: 0,
        lo: 0,
        hi: count as u64,
    }
}

/// The part of `from..to` inside a run that starts at `first`, relative to it.
fn overlap((first, count): (usize, usize), (from, to): (usize, usize)) -> (u64, u64) {
    let lo = from.max(first) - first;
    let hi = to.min(first + count).saturating_sub(first);
    (lo as u64, hi as u64)
}

/// Output channels `from..to` in at most two powers of two, none above `2^room`: first, number.
fn output_pieces((from, to): (usize, usize), room: u32) -> impl Iterator<Item = (usize, usize)> {
    let count = to - from;
    let first = 1usize << count.max(1).ilog2();
    let most = 1usize << room;
    let runs = [(0, first.min(count)), (first, count - first.min(count))];
    runs.into_iter().flat_map(move |(start, length)| {
        let piece = move |i| (from + start + i * most, most.min(length - i * most));
        (0..length.div_ceil(most)).map(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_pieces_are_powers_of_two_or_the_rest() {
        let pieces = |outputs, room| output_pieces(outputs, room).collect::<Vec<_>>();
        assert_eq!(pieces((0, 144), 20), [(0, 128), (128, 16)]);
        assert_eq!(pieces((3, 4), 0), [(3, 1)]);
        assert_eq!(pieces((0, 8), 2), [(0, 4), (4, 4)]);
    }
}
