//! The compiler: from an architecture to the program of a group.
//!
//! Tensors become lists of pieces, layers become identities between views on them. What each identity
//! says is in `docs/argument.md`; this module and its children only spell it out in views.
//!
//! Numbering: element `(c, sample, h, w)` of a tensor has number `((c N + sample) H + h) W + w` and
//! weight `xi^number`, N samples a group.

mod copy;
mod inference;
pub(crate) mod linear;
mod pack;
mod pieces;
mod rearrange;
mod register;
mod select;
mod tables;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use pleat_model::graph::Shape;
use pleat_model::network::{LayerOp, Network};

pub use inference::{choose_group_bits, data_layout, inference};
pub(crate) use linear::LIMB_BITS;
pub use register::{WeightLayout, register_data, register_model, same_weights};

use crate::budget::{Budget, Work};
use crate::program::{
    Block, DataLayout, FIRST_TABLE_TAG, Fill, Head, Kind, Lookup, Product, Program, Region,
    VectorKind, range_tag,
};
use crate::view::{Axis, Extra, Factor, Target, View};
use crate::{Error, Result};
use pieces::{Cut, axis_bits, cut};

/// Smallest and largest size class: rows of a chunk, as a power of two.
pub const ROW_BITS: std::ops::RangeInclusive<u32> = 8..=24;

/// Where a piece of a tensor is committed.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// In a column of a trace block, whose lowest index bits are zero.
    Rows {
        block: usize,
        column: usize,
        low_bits: u32,
    },
    /// In every record of the data vector.
    Record { offset: u64 },
}

/// A box of a tensor and where it is.
#[derive(Clone, Copy, Debug)]
struct Piece {
    home: Home,
    region: Region,
}

/// A term without its axes.
#[derive(Clone, Debug, Default)]
struct Term {
    identity: u32,
    claim: u32,
    factor: i64,
    extras: Vec<Extra>,
}

impl Term {
    fn identity(identity: u32, factor: i64) -> Self {
        Self {
            identity,
            factor,
            ..Self::default()
        }
    }

    fn with(mut self, extras: impl IntoIterator<Item = Extra>) -> Self {
        self.extras.extend(extras);
        self
    }

    fn on(self, axes: Vec<Axis>, target: Target) -> View {
        View {
            identity: self.identity,
            claim: self.claim,
            factor: self.factor,
            extras: self.extras,
            axes,
            target,
        }
    }
}

/// `sum_{i < count} xi^(step i)` as a factor.
fn sum_powers(step: u64, count: usize) -> Extra {
    Extra::Sum(Axis::new(axis_bits(count), powers(step, count)))
}

/// `xi^(step i)` for `i < count`.
const fn powers(step: u64, count: usize) -> Factor {
    Factor::Powers {
        step,
        lo: 0,
        hi: count as u64,
    }
}

fn power(exponent: u64) -> Extra {
    Extra::Power {
        exponent: exponent as i64,
    }
}

/// Factors of a region: columns, rows, channels, exponent of a sample.
#[derive(Clone, Copy, Debug)]
struct Factors {
    width: Factor,
    rows: Factor,
    channels: Factor,
    sample: u64,
}

struct Compiler<'a> {
    network: &'a Network,
    row_bits: u32,
    group_bits: u32,
    data: Option<DataLayout>,
    trace: Vec<Block>,
    weights: Vec<Block>,
    tables: Vec<Block>,
    outputs: Vec<Block>,
    data_views: Vec<View>,
    tensors: Vec<Vec<Piece>>,
    identities: u32,
    products: Vec<Product>,
    publics: Vec<View>,
    ranges: BTreeSet<u32>,
    /// Encoded activation to its first tag and the layer that has it.
    activations: BTreeMap<Vec<u8>, (u64, usize)>,
    next_tag: u64,
    useful_rows: u64,
    budget: Budget,
    /// First identity of each layer that has any, and what errors call it.
    places: Vec<(u32, String)>,
}

impl<'a> Compiler<'a> {
    fn new(network: &'a Network, row_bits: u32, group_bits: u32) -> Self {
        Self {
            network,
            row_bits,
            group_bits,
            data: None,
            trace: vec![],
            weights: vec![],
            tables: vec![],
            outputs: vec![],
            data_views: vec![],
            tensors: vec![],
            identities: 0,
            products: vec![],
            publics: vec![],
            // Padding rows look up the range of nothing.
            ranges: BTreeSet::from([0]),
            activations: BTreeMap::new(),
            next_tag: crate::program::FIRST_TABLE_TAG,
            useful_rows: 0,
            budget: Budget::default(),
            places: vec![],
        }
    }

    /// What is laid out from here on, as errors call it.
    fn at(&mut self, place: String) {
        match self.places.last_mut() {
            Some(last) if last.1 == place => {}
            Some(last) if last.0 == self.identities => last.1.clone_from(&place),
            _ => self.places.push((self.identities, place.clone())),
        }
        self.budget.at(Some(&place));
    }

    fn samples(&self) -> u64 {
        1 << self.group_bits
    }

    fn next_identity(&mut self) -> u32 {
        self.identities += 1;
        self.identities - 1
    }

    fn shape(&self, layer: usize) -> Shape {
        self.network.layers[layer].shape
    }

    fn cut(&mut self, layer: usize, tap_bits: u32, exact_channels: bool) -> Result<Vec<Region>> {
        let how = Cut {
            row_bits: self.row_bits,
            tap_bits,
            group_bits: self.group_bits,
            exact_channels,
            free_channels: false,
        };
        cut(layer, self.shape(layer), how, &mut self.budget)
    }

    /// A new trace block.
    fn block(&mut self, bits: u32, lookup: Lookup, fill: Fill) -> Result<usize> {
        self.budget.spend(Work::Block, 1)?;
        self.ranges.insert(lookup.range);
        if lookup.entries.is_none() && lookup.tag < FIRST_TABLE_TAG {
            self.ranges.insert((lookup.tag - range_tag(0)) as u32);
        }
        self.trace.push(Block {
            offset: 0,
            bits,
            lookup,
            views: vec![],
            fill,
        });
        Ok(self.trace.len() - 1)
    }

    /// A term on a trace block.
    fn view(&mut self, block: usize, view: View) -> Result<()> {
        self.budget.spend(Work::Term, 1)?;
        self.trace[block].views.push(view);
        Ok(())
    }

    /// A term without a vector.
    fn public(&mut self, term: Term) -> Result<()> {
        self.budget.spend(Work::Term, 1)?;
        self.publics.push(term.on(vec![], Target::Entries));
        Ok(())
    }

    /// A block of a vector of entries, with its term.
    fn entries(&mut self, fill: Fill, view: View) -> Result<Block> {
        self.budget.spend(Work::Block, 1)?;
        self.budget.spend(Work::Term, 1)?;
        Ok(Block {
            offset: 0,
            bits: view.bits(),
            lookup: Lookup::NONE,
            views: vec![view],
            fill,
        })
    }

    /// Exponents of a tensor's numbering: row, sample, channel.
    fn steps(&self, shape: Shape) -> [u64; 3] {
        let (width, plane) = (shape.width as u64, shape.plane() as u64);
        [width, plane, plane * self.samples()]
    }

    /// The numbering of a tensor on one of its regions, and the exponent of the region's first element.
    fn dense(&self, shape: Shape, region: &Region) -> (Factors, u64) {
        let [row, sample, channel] = self.steps(shape);
        let factors = Factors {
            width: powers(1, region.width),
            rows: powers(row, region.rows),
            channels: powers(channel, region.channels),
            sample,
        };
        (factors, channel * region.c0 as u64 + row * region.h0 as u64)
    }

    /// The sum of all weights of a tensor's numbering, over live samples.
    fn total(&self, shape: Shape) -> [Extra; 4] {
        let [row, sample, channel] = self.steps(shape);
        [
            sum_powers(1, shape.width),
            sum_powers(row, shape.height),
            sum_powers(channel, shape.channels),
            self.live(sample),
        ]
    }

    fn live(&self, step: u64) -> Extra {
        Extra::Sum(Axis::new(self.group_bits, Factor::Live { step }))
    }

    /// Axes of a region.
    fn axes(&self, region: &Region, f: &Factors) -> Vec<Axis> {
        vec![
            Axis::new(region.w_bits, f.width),
            Axis::new(region.h_bits, f.rows),
            Axis::new(region.c_bits, f.channels),
            Axis::new(self.group_bits, Factor::Live { step: f.sample }),
        ]
    }

    /// A term on the values of a piece.
    fn read(&mut self, piece: &Piece, factors: &Factors, term: Term) -> Result<()> {
        let mut axes = self.axes(&piece.region, factors);
        match piece.home {
            Home::Rows {
                block,
                column,
                low_bits,
            } => {
                if low_bits > 0 {
                    axes.insert(0, Axis::new(low_bits, Factor::Fixed { value: 0 }));
                }
                let mut columns = [0; 4];
                columns[column] = 1;
                self.view(block, term.on(axes, Target::Columns(columns)))
            }
            Home::Record { offset } => {
                let live = axes.pop();
                self.read_record(axes, piece.region.bits(), offset, live, term)
            }
        }
    }

    /// A term on the data vector: `axes` cover `bits` index bits of a record from `offset`.
    fn read_record(
        &mut self,
        mut axes: Vec<Axis>,
        bits: u32,
        offset: u64,
        live: Option<Axis>,
        term: Term,
    ) -> Result<()> {
        self.budget.spend(Work::Term, 1)?;
        // A program without data layout has no piece in a record.
        let Some(data) = &self.data else {
            return Ok(());
        };
        axes.push(Axis::new(
            data.record_bits - bits,
            Factor::Fixed {
                value: offset >> bits,
            },
        ));
        axes.extend(live);
        axes.push(Axis::new(
            data.samples_bits() - self.group_bits,
            Factor::Prefix,
        ));
        self.data_views.push(term.on(axes, Target::Entries));
        Ok(())
    }

    /// All values of a layer's tensor, numbered as in `shape`, times `factor`.
    fn read_dense(&mut self, layer: usize, shape: Shape, term: &Term) -> Result<()> {
        for piece in self.tensors[layer].clone() {
            let (factors, exponent) = self.dense(shape, &piece.region);
            self.read(&piece, &factors, term.clone().with([power(exponent)]))?;
        }
        Ok(())
    }

    fn layers(&mut self) -> Result<()> {
        for l in 0..self.network.layers.len() {
            let network = self.network;
            let layer = &network.layers[l];
            self.at(format!("layer {l} ({})", layer.op.name()));
            window::check(l, &layer.op, self.row_bits)?;
            for &input in &layer.inputs {
                self.budget.spend(Work::Look, self.tensors[input].len())?;
            }
            let pieces = match &layer.op {
                LayerOp::Input => self.tensors.pop().unwrap_or_default(),
                LayerOp::Linear { .. } => self.linear(l)?,
                LayerOp::MaxPool { window } => self.max_pool(l, window)?,
                LayerOp::Concat => {
                    let mut first = 0;
                    let mut pieces = vec![];
                    for &i in &layer.inputs {
                        self.budget.spend(Work::Piece, self.tensors[i].len())?;
                        pieces.extend(self.tensors[i].iter().map(|p| {
                            let mut p = *p;
                            p.region.c0 += first;
                            p
                        }));
                        first += self.shape(i).channels;
                    }
                    pieces
                }
                LayerOp::Pad { .. } | LayerOp::Upsample { .. } | LayerOp::Rearrange { .. } => {
                    self.copy(l)?
                }
            };
            self.tensors.push(pieces);
        }
        Ok(())
    }

    /// Joins the products in one head and completes the views that use its point.
    fn head(&mut self) -> Head {
        let head = Head {
            bits: self.products.iter().map(|p| p.bits).max().unwrap_or(0),
            products: std::mem::take(&mut self.products),
        };
        let complete = |view: &mut View| {
            // Claims 2l + 1 and 2l + 2 are those of product l.
            let Some(l) = view.claim.checked_sub(1).map(|c| c as usize / 2) else {
                return;
            };
            let Some(product) = head.products.get(l) else {
                return;
            };
            if head.bits > product.bits {
                view.extras.push(Extra::At {
                    start: product.bits,
                    bits: head.bits - product.bits,
                    value: 0,
                });
            }
        };
        let blocks = self.trace.iter_mut().chain(&mut self.weights);
        blocks.flat_map(|b| &mut b.views).for_each(complete);
        self.data_views.iter_mut().for_each(complete);
        head
    }

    fn finish(mut self, kind: Kind, count_claim: Option<u32>) -> Result<Program> {
        let head = self.head();
        let index_bits = self.row_bits + crate::program::COLUMN_BITS;
        let mut vectors = pack::chunks(std::mem::take(&mut self.trace), self.row_bits);
        vectors.extend(pack::vectors(
            VectorKind::Weights,
            std::mem::take(&mut self.weights),
            index_bits,
        ));
        vectors.extend(pack::vectors(
            VectorKind::Tables,
            std::mem::take(&mut self.tables),
            index_bits,
        ));
        if let Some(data) = &self.data {
            vectors.push(crate::program::Vector {
                kind: VectorKind::Data,
                slot: 0,
                bits: data.vector_bits,
                blocks: vec![Block {
                    offset: 0,
                    bits: data.vector_bits,
                    lookup: Lookup::NONE,
                    views: std::mem::take(&mut self.data_views),
                    fill: Fill::Zero,
                }],
            });
        }
        vectors.extend(pack::vectors(
            VectorKind::Outputs,
            std::mem::take(&mut self.outputs),
            index_bits,
        ));
        let program = Program {
            kind,
            row_bits: self.row_bits,
            group_bits: self.group_bits,
            data: self.data,
            vectors,
            head,
            publics: self.publics,
            count_claim,
            useful_rows: self.useful_rows << self.group_bits,
            places: self.places,
            work: self.budget.spent(),
        };
        if !program.is_consistent() {
            return Err(Error::Layout(
                "the network's layout contradicts itself; this is a defect, please report it"
                    .into(),
            ));
        }
        Ok(program)
    }
}
