//! Maxima of windows, top-1, and revealed outputs.

use pleat_model::graph::{Shape, Window};

use super::pieces::binary;
use super::window::tap;
use super::{Compiler, Factors, Home, Piece, Term, axis_bits, power, powers, sum_powers};
use crate::Result;
use crate::budget::Work;
use crate::program::{Fill, Lookup, TapAxis, range_tag};
use crate::view::{Axis, Extra, Factor, Taps, Target, View};

const Q: Target = Target::Columns([1, 0, 0, 0]);
const REM_AND_Y: Target = Target::Columns([0, 1, 1, 0]);
const Y: Target = Target::Columns([0, 0, 1, 0]);
const E: Target = Target::Columns([0, 0, 0, 1]);

/// Rows of selectors whose remainders are below `2^range`.
fn selectors(range: u32) -> Lookup {
    Lookup {
        tag: range_tag(1),
        channel: (0, 0),
        value: false,
        range,
        entries: None,
    }
}

/// Bits of the difference of two values of a layer.
fn difference_bits(range: pleat_model::network::ValueRange) -> u32 {
    let span = i64::from(range.max) - i64::from(range.min);
    64 - span.unsigned_abs().leading_zeros()
}

/// The views of a maximum over elements: `element` is their axes beside the positions.
struct Maximum {
    copy: u32,
    one_hot: u32,
    remainder: u32,
    /// Exponent of one element's number, and elements.
    step: u64,
    count: u64,
}

impl Compiler<'_> {
    fn maximum(&mut self, step: u64, count: usize) -> Maximum {
        Maximum {
            copy: self.next_identity(),
            one_hot: self.next_identity(),
            remainder: self.next_identity(),
            step,
            count: count as u64,
        }
    }

    /// The views of a block of elements. `numbered` are its axes with the elements' numbers, `plain` those
    /// without, `exponent` the number of its first element, `base` the exponent of its first position.
    fn elements(
        &mut self,
        block: usize,
        m: &Maximum,
        numbered: &[Axis],
        plain: &[Axis],
        exponent: u64,
        base: u64,
    ) -> Result<()> {
        let vanish = Extra::Vanish { exponent: m.step };
        let first = [power(exponent + base)];
        let position = [power(base)];
        let view = |identity, factor, extras: &[Extra], axes: &[Axis], target| -> View {
            Term::identity(identity, factor)
                .with(extras.iter().copied())
                .on(axes.to_vec(), target)
        };
        let views = [
            view(m.copy, 1, &first, numbered, Y),
            view(m.one_hot, 1, &position, plain, Q),
            view(m.remainder, 1, &[first[0], vanish], numbered, REM_AND_Y),
            view(m.remainder, -1, &first, numbered, Q),
            view(m.remainder, 1, &[power(base + m.step * m.count)], plain, Q),
        ];
        views
            .into_iter()
            .try_for_each(|view| self.view(block, view))
    }

    /// The constants of a maximum's identities; `positions` is the sum of all positions' weights.
    fn maximum_constants(&mut self, m: &Maximum, positions: &[Extra]) -> Result<()> {
        let positions = || positions.iter().copied();
        let last = Extra::Vanish {
            exponent: m.step * m.count,
        };
        let one_hot = Term::identity(m.one_hot, -1).with(positions());
        let before = Term::identity(m.remainder, 1)
            .with(positions())
            .with([last]);
        self.public(one_hot)?;
        self.public(before)
    }

    /// Max pooling: one row per window element, the maximum in column e of the first taps.
    pub(super) fn max_pool(&mut self, l: usize, window: &Window) -> Result<Vec<Piece>> {
        let network = self.network;
        let (shape, input) = (self.shape(l), network.layers[l].inputs[0]);
        let range = network.layers[l].range;
        let windows = shape.len() as u64 * self.samples();
        let taps = window.kernel[0] * window.kernel[1];
        let tap_steps = [windows * window.kernel[1] as u64, windows];
        let m = self.maximum(windows, taps);
        let product = self.next_identity();
        let lookup = selectors(difference_bits(range));
        let tap_bits = axis_bits(window.kernel[0]) + axis_bits(window.kernel[1]);
        let ones = |t: &TapAxis| powers(0, t.count);
        let mut pieces = vec![];
        for region in self.cut(l, tap_bits, false)? {
            let (dense, base) = self.dense(shape, &region);
            let positions = self.axes(&region, &dense);
            for rows in self.tap_pieces(window.kernel[0], &region) {
                for columns in self.tap_pieces(window.kernel[1], &region) {
                    let axes = |numbered: bool| -> Vec<Axis> {
                        let factor = |t: &TapAxis, axis: usize| match numbered {
                            true => powers(tap_steps[axis], t.count),
                            false => ones(t),
                        };
                        let taps = [
                            Axis::new(columns.bits, factor(&columns, 1)),
                            Axis::new(rows.bits, factor(&rows, 0)),
                        ];
                        taps.into_iter().chain(positions.iter().copied()).collect()
                    };
                    let (numbered, plain) = (axes(true), axes(false));
                    let low_bits = rows.bits + columns.bits;
                    let bits = low_bits + region.bits() + self.group_bits;
                    let fill = Fill::Window {
                        region,
                        taps: [rows, columns],
                    };
                    let block = self.block(bits, lookup, fill)?;
                    let exponent =
                        tap_steps[0] * rows.first as u64 + tap_steps[1] * columns.first as u64;
                    self.elements(block, &m, &numbered, &plain, exponent, base)?;
                    let selected = Term::identity(product, 1).with([power(base)]);
                    self.view(block, selected.on(plain.clone(), Target::SelectedValue))?;
                    if rows.first == 0 && columns.first == 0 {
                        let home = Home::Rows {
                            block,
                            column: 3,
                            low_bits,
                        };
                        pieces.push(Piece { home, region });
                    }
                }
            }
        }
        let last = Extra::Vanish {
            exponent: m.step * m.count,
        };
        for piece in pieces.clone() {
            let (factors, base) = self.dense(shape, &piece.region);
            let product = Term::identity(product, -1).with([power(base)]);
            let remainder = Term::identity(m.remainder, -1).with([power(base), last]);
            self.read(&piece, &factors, product)?;
            self.read(&piece, &factors, remainder)?;
        }
        self.maximum_constants(&m, &self.total(shape))?;
        self.gather(l, input, window, shape, m.copy, tap_steps)?;
        self.useful_rows += (shape.len() * taps) as u64;
        Ok(pieces)
    }

    /// Taps of one axis: padded to a power of two where the region is small, else in binary pieces.
    fn tap_pieces(&self, kernel: usize, region: &crate::program::Region) -> Vec<TapAxis> {
        let wasted = kernel.next_power_of_two() - kernel;
        let worth = 1u64 << self.row_bits.saturating_sub(8);
        let pieces = match (wasted as u64) << (region.bits() + self.group_bits) >= worth {
            true => binary(kernel),
            false => vec![(0, kernel)],
        };
        pieces
            .into_iter()
            .map(|(first, count)| TapAxis {
                first,
                count,
                bits: axis_bits(count),
            })
            .collect()
    }

    /// Minus the elements the windows read, numbered; elements in the padding are the smallest value.
    fn gather(
        &mut self,
        l: usize,
        input: usize,
        window: &Window,
        shape: Shape,
        identity: u32,
        tap_steps: [u64; 2],
    ) -> Result<()> {
        let [row, sample, channel] = self.steps(shape);
        let along = |axis: usize, first: usize, length: usize| {
            let (outputs, step) = [(shape.height, row), (shape.width, 1)][axis];
            let taps = Taps::Powers {
                step: tap_steps[axis],
            };
            tap(window, axis, taps, first, length, (0, outputs), step)
        };
        for piece in self.tensors[input].clone() {
            let r = &piece.region;
            let factors = Factors {
                width: along(1, 0, r.width),
                rows: along(0, r.h0, r.rows),
                channels: powers(channel, r.channels),
                sample,
            };
            let term = Term::identity(identity, -1).with([power(channel * r.c0 as u64)]);
            self.read(&piece, &factors, term)?;
        }
        let source = self.shape(input);
        let outside = |axis: usize, outputs: usize, length: usize| {
            let last = (outputs - 1) * window.stride[axis]
                + (window.kernel[axis] - 1) * window.dilation[axis];
            window.pads[axis] > 0 || last >= length + window.pads[axis]
        };
        if !outside(0, shape.height, source.height) && !outside(1, shape.width, source.width) {
            return Ok(());
        }
        let smallest = i64::from(self.network.layers[l].range.min);
        let all = [
            sum_powers(tap_steps[0], window.kernel[0]),
            sum_powers(tap_steps[1], window.kernel[1]),
        ];
        let inside = |axis: usize, length: usize| {
            Extra::Sum(Axis::new(axis_bits(length), along(axis, 0, length)))
        };
        let inside = [
            inside(0, source.height),
            inside(1, source.width),
            sum_powers(channel, shape.channels),
            self.live(sample),
        ];
        let all = Term::identity(identity, -smallest)
            .with(all)
            .with(self.total(shape));
        let inside = Term::identity(identity, smallest).with(inside);
        self.public(all)?;
        self.public(inside)
    }

    /// Top-1 over output 0 and the number of samples whose label it is; returns the claim's exponent.
    pub(super) fn top1(&mut self) -> Result<u32> {
        self.at("top-1".into());
        let scores = self.network.outputs[0].layer;
        let shape = self.shape(scores);
        let classes = shape.len();
        let samples = self.samples();
        let claim = 2 * self.products.len() as u32 + 1;
        let m = self.maximum(samples, classes);
        let label = self.next_identity();
        let lookup = selectors(difference_bits(self.network.layers[scores].range));
        let room = self.row_bits.saturating_sub(self.group_bits);
        let most = classes.min(1 << room);
        let live = |step| Factor::Live { step };
        for first in (0..classes).step_by(most) {
            let count = most.min(classes - first);
            let bits = axis_bits(count);
            let axes = |step, sample| {
                vec![
                    Axis::new(bits, powers(step, count)),
                    Axis::new(self.group_bits, live(sample)),
                ]
            };
            let (numbered, plain, counted) = (axes(samples, 1), axes(0, 1), axes(0, 0));
            let fill = Fill::Top1 {
                layer: scores,
                first,
                classes: count,
                bits,
            };
            let block = self.block(bits + self.group_bits, lookup, fill)?;
            let exponent = samples * first as u64;
            self.elements(block, &m, &numbered, &plain, exponent, 0)?;
            let last = Extra::Vanish {
                exponent: samples * classes as u64,
            };
            let count_term = Term {
                claim,
                ..Term::identity(0, 1)
            };
            let selected = Term::identity(m.remainder, -1).with([last]);
            let labels = Term::identity(label, 1).with([power(exponent)]);
            self.view(block, selected.on(plain, Target::SelectedValue))?;
            self.view(block, labels.on(numbered, E))?;
            self.view(block, count_term.on(counted, Target::SelectedExtra))?;
        }
        self.maximum_constants(&m, &[self.live(1)])?;
        // Scores in the order of their values: class t of sample b has number N t + b.
        for piece in self.tensors[scores].clone() {
            let r = &piece.region;
            let plane = samples * shape.plane() as u64;
            let row = samples * shape.width as u64;
            let factors = Factors {
                width: powers(samples, r.width),
                rows: powers(row, r.rows),
                channels: powers(plane, r.channels),
                sample: 1,
            };
            let exponent = plane * r.c0 as u64 + row * r.h0 as u64;
            let term = Term::identity(m.copy, -1).with([power(exponent)]);
            self.read(&piece, &factors, term)?;
        }
        if let Some((offset, bits)) = self.data.as_ref().and_then(|d| d.label) {
            let axes = vec![Axis::new(bits, powers(samples, classes))];
            let live = Some(Axis::new(self.group_bits, live(1)));
            self.read_record(axes, bits, offset, live, Term::identity(label, -1))?;
        }
        self.useful_rows += classes as u64;
        Ok(claim)
    }

    /// Every output equals the public vector's.
    pub(super) fn reveal(&mut self) -> Result<()> {
        for (i, output) in self.network.outputs.iter().enumerate() {
            self.at(format!("output {i}"));
            let identity = self.next_identity();
            let shape = self.shape(output.layer);
            self.read_dense(output.layer, shape, &Term::identity(identity, 1))?;
            for piece in self.tensors[output.layer].clone() {
                let mut region = piece.region;
                region.layer = output.layer;
                let (factors, exponent) = self.dense(shape, &region);
                let axes = self.axes(&region, &factors);
                let term = Term::identity(identity, -1).with([power(exponent)]);
                let view = term.on(axes, Target::Entries);
                self.budget.spend(Work::Entry, 1 << view.bits())?;
                let block = self.entries(Fill::Output(region), view)?;
                self.outputs.push(block);
            }
        }
        Ok(())
    }
}
