//! Registration: weights are integers of the declared widths, data are in range.

use pleat_model::network::{LayerOp, LinearMap, Network};

use super::inference::check_class;
use super::linear::limbs;
use super::pieces::{Cut, cut};
use super::{Compiler, Home, Piece, Term, data_layout, power, powers};
use crate::budget::Work;
use crate::program::{
    Block, COLUMN_BITS, FIRST_TABLE_TAG, Fill, Kind, Lookup, Program, VectorKind, range_tag,
};
use crate::view::{Axis, Factor, Target};
use crate::{Error, Result};

/// The weights' blocks exactly as [`super::inference`] lays them out.
fn weight_blocks(network: &Network, row_bits: u32) -> Result<Vec<crate::program::Vector>> {
    let inference = super::inference(network, Kind::Outputs, false, row_bits, 0)?;
    Ok(inference
        .vectors
        .into_iter()
        .filter(|v| v.kind == VectorKind::Weights)
        .collect())
}

/// The program that registers a model: every weight and limb, padding included, is in its width.
///
/// Two entries a row: entry 2i plus an offset in q, entry 2i + 1 plus the offset in rem.
///
/// # Errors
/// As [`super::inference`].
pub fn register_model(network: &Network, row_bits: u32) -> Result<Program> {
    check_class(row_bits)?;
    let mut c = Compiler::new(network, row_bits, 0);
    let index_bits = row_bits + COLUMN_BITS;
    let mut blocks: Vec<Block> = vec![];
    for vector in weight_blocks(network, row_bits)? {
        for mut block in vector.blocks {
            let (layer, width, offset) = width(network, &block.fill)?;
            c.at(format!("the weights of layer {layer}"));
            c.useful_rows += 1 << block.bits.saturating_sub(1);
            block.views.clear();
            let ids = [c.next_identity(), c.next_identity()];
            // Pieces that fit a chunk.
            let piece_bits = block.bits.min(row_bits + 1);
            for piece in 0..1u64 << (block.bits - piece_bits) {
                let single = piece_bits == 0;
                let row_count = piece_bits.saturating_sub(1);
                let lookup = Lookup {
                    tag: range_tag(width),
                    channel: (0, 0),
                    value: false,
                    range: width,
                    entries: None,
                };
                let start = piece << piece_bits;
                let fill = Fill::Pairs {
                    vector: vector.slot,
                    start: block.offset + start,
                    offset,
                    single,
                };
                let rows = c.block(row_count, lookup, fill)?;
                for (parity, id) in ids.into_iter().enumerate().take(2 - usize::from(single)) {
                    let number = Axis::new(row_count, powers(1, 1 << row_count));
                    let first = power(start / 2);
                    let mut columns = [0; 4];
                    columns[parity] = 1;
                    let copy = Term::identity(id, 1).with([first]);
                    let view = copy.on(vec![number], Target::Columns(columns));
                    c.view(rows, view)?;
                    let mut axes = vec![number];
                    if !single {
                        let value = parity as u64;
                        axes.insert(0, Axis::new(1, Factor::Fixed { value }));
                    }
                    if block.bits > piece_bits {
                        let bits = block.bits - piece_bits;
                        axes.push(Axis::new(bits, Factor::Fixed { value: piece }));
                    }
                    let own = Term::identity(id, -1).with([first]);
                    c.budget.spend(Work::Term, 1)?;
                    block.views.push(own.on(axes, Target::Entries));
                    let sum = crate::view::Extra::Sum(number);
                    let constant = Term::identity(id, -offset).with([first, sum]);
                    c.public(constant)?;
                }
            }
            blocks.push(block);
        }
    }
    debug_assert!(blocks.iter().all(|b| b.bits <= index_bits));
    c.weights = blocks;
    c.range_tables()?;
    c.finish(Kind::RegisteredModel, None)
}

/// Whether two programs of one network lay out its weights alike: what makes a registration of one hold
/// for the other. True for all programs of a network and size class; checked nevertheless wherever a
/// registered model is used.
pub fn same_weights(a: &Program, b: &Program) -> bool {
    WeightLayout::of(a) == WeightLayout::of(b)
}

/// Where a program has which weights: vector, its bits, offset, bits and content of each block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightLayout(Vec<(usize, u32, u64, u32, Fill)>);

impl WeightLayout {
    /// Of a program.
    pub fn of(program: &Program) -> Self {
        let blocks = program.of_kind(VectorKind::Weights).flat_map(|v| {
            let own = v.blocks.iter();
            own.map(|b| (v.slot, v.bits, b.offset, b.bits, b.fill.clone()))
        });
        Self(blocks.collect())
    }
}

/// Layer of a weight block, bits of its entries and what is added to make them unsigned.
fn width(network: &Network, fill: &Fill) -> Result<(usize, u32, i64)> {
    let of = |layer: usize| match &network.layers[layer].op {
        LayerOp::Linear {
            map:
                LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                },
            ..
        } => Ok((*weight_bits, *bias_bits)),
        _ => Err(Error::Layout("weights of a layer that has none".into())),
    };
    match fill {
        Fill::Kernel { layer, .. } => {
            let (bits, _) = of(*layer)?;
            Ok((*layer, bits, 1 << (bits - 1)))
        }
        Fill::Bias { layer, limb, .. } => {
            let (_, bits) = of(*layer)?;
            let width = limbs(bits).find(|l| l.0 == *limb).map_or(0, |l| l.1);
            Ok((*layer, width, 0))
        }
        _ => Err(Error::Layout("a weight block without weights".into())),
    }
}

/// The program that registers data of a network's input, one data vector a group.
///
/// # Errors
/// As [`super::data_layout`].
pub fn register_data(network: &Network, labelled: bool, row_bits: u32) -> Result<Program> {
    check_class(row_bits)?;
    let (data, records) = data_layout(network, labelled, row_bits)?;
    let mut c = Compiler::new(network, row_bits, data.samples_bits());
    let shape = network.input.shape;
    let range = network.input.range;
    let span = (i64::from(range.max) - i64::from(range.min)).unsigned_abs() + 1;
    // A range of a power of two is a range; another has a table of its own.
    let (tag, entries) = match span.is_power_of_two() {
        true => (range_tag(span.ilog2()), None),
        false => (FIRST_TABLE_TAG, Some(span)),
    };
    let label = data.label;
    c.data = Some(data);
    c.tensors.push(
        records
            .iter()
            .map(|&(region, offset)| Piece {
                home: Home::Record { offset },
                region,
            })
            .collect(),
    );
    let lookup = Lookup {
        tag,
        channel: (0, 0),
        value: false,
        range: 0,
        entries: None,
    };
    c.at("the input".into());
    let input = c.next_identity();
    let how = Cut {
        row_bits,
        tap_bits: 0,
        group_bits: c.group_bits,
        exact_channels: false,
        free_channels: true,
    };
    for region in cut(0, shape, how, &mut c.budget)? {
        let bits = region.bits() + c.group_bits;
        let block = c.block(bits, lookup, Fill::Input(region))?;
        let home = Home::Rows {
            block,
            column: 0,
            low_bits: 0,
        };
        let (factors, first) = c.dense(shape, &region);
        let term = Term::identity(input, 1).with([power(first)]);
        c.read(&Piece { home, region }, &factors, term)?;
    }
    c.useful_rows += shape.len() as u64;
    c.read_dense(0, shape, &Term::identity(input, -1))?;
    c.constant(0, input, i64::from(range.min))?;
    if let Some((offset, bits)) = label {
        c.at("the labels".into());
        let (copy, one) = (c.next_identity(), c.next_identity());
        let classes = network.classes();
        let samples = c.samples();
        let room = row_bits.saturating_sub(c.group_bits);
        if bits > room {
            return Err(Error::Layout(format!(
                "{classes} classes of 2^{} samples fit no chunk of this size class; choose a larger one",
                c.group_bits
            )));
        }
        let lookup = Lookup {
            tag: range_tag(1),
            ..lookup
        };
        let block = c.block(bits + c.group_bits, lookup, Fill::Label { bits })?;
        let live = Axis::new(c.group_bits, Factor::Live { step: 1 });
        let axis = |step| Axis::new(bits, powers(step, classes));
        let q = Target::Columns([1, 0, 0, 0]);
        for (identity, step) in [(copy, samples), (one, 0)] {
            let view = Term::identity(identity, 1).on(vec![axis(step), live], q);
            c.view(block, view)?;
        }
        let own = Term::identity(copy, -1);
        c.read_record(vec![axis(samples)], bits, offset, Some(live), own)?;
        let minus_one = Term::identity(one, -1).with([c.live(1)]);
        c.public(minus_one)?;
        c.useful_rows += classes as u64;
    }
    if let Some(count) = entries {
        c.range_table(tag, count)?;
    }
    c.range_tables()?;
    c.finish(Kind::RegisteredData, None)
}
