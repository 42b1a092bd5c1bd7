//! The programs of inference, the layout of samples, and the size of groups.

use pleat_model::network::Network;

use super::pieces::{Cut, axis_bits, cut};
use super::{Compiler, Home, Piece, ROW_BITS};
use crate::budget::Budget;
use crate::program::{COLUMN_BITS, DataLayout, Kind, Program, Region};
use crate::{Error, Result};

/// Data vectors have at least this many entries (as a power of two) where the size class allows: long enough
/// for groups that amortise tables and weights, short enough to cut a data set in shards anywhere.
const DATA_BITS: u32 = 19;
/// Rows of a group of several samples at most: enough to amortise tables and weights, few enough to
/// bound memory (some 30 bytes a row).
const GROUP_ROWS: u64 = 1 << 22;

/// How samples of a network are laid out, and the input's regions in a record with their offsets.
///
/// # Errors
/// A sample that fits no vector of this size class.
pub fn data_layout(
    network: &Network,
    labelled: bool,
    row_bits: u32,
) -> Result<(DataLayout, Vec<(Region, u64)>)> {
    let index_bits = row_bits + COLUMN_BITS;
    // As for a large chunk: the layout does not depend on the class.
    let width_bits = axis_bits(network.input.shape.width);
    let how = Cut {
        row_bits: DATA_BITS.max(width_bits),
        tap_bits: 0,
        group_bits: 0,
        exact_channels: false,
        free_channels: true,
    };
    let mut budget = Budget::default();
    budget.at(Some(&"the input".into()));
    let mut regions = cut(0, network.input.shape, how, &mut budget)?;
    regions.sort_by_key(|r| std::cmp::Reverse(r.bits()));
    let mut records = vec![];
    let mut end = 0u64;
    for region in regions {
        let size = 1u64 << region.bits();
        records.push((region, end));
        end += size;
    }
    let label = labelled.then(|| {
        let bits = axis_bits(network.classes());
        let offset = end.next_multiple_of(1 << bits);
        end = offset + (1 << bits);
        (offset, bits)
    });
    // A registration's rows hold one value of every sample of a vector: at least one image row or all label
    // bits of them fit a chunk.
    let together = width_bits.max(label.map_or(0, |(_, bits)| bits));
    let record_bits = end.next_power_of_two().trailing_zeros();
    let record_bits = record_bits.max(together + COLUMN_BITS);
    if record_bits > index_bits {
        return Err(Error::Layout(format!(
            "one sample takes 2^{record_bits} entries, a vector of this size class has 2^{index_bits}; \
             choose a larger size class"
        )));
    }
    let layout = DataLayout {
        record_bits,
        vector_bits: record_bits.max(DATA_BITS.min(index_bits)),
        label,
    };
    Ok((layout, records))
}

pub(super) fn check_class(row_bits: u32) -> Result<()> {
    if ROW_BITS.contains(&row_bits) {
        return Ok(());
    }
    Err(Error::Layout(format!(
        "a size class of 2^{row_bits} rows; choose one from 2^{} to 2^{}",
        ROW_BITS.start(),
        ROW_BITS.end()
    )))
}

/// The program of inference over a [valid](Network::validate) network.
///
/// `labelled` says whether the data have labels (they are part of a record even where a statement about outputs does
/// not read them); `group_bits` samples a group (as a power of two).
///
/// # Errors
/// Layers, samples or groups that fit no chunk of this size class.
pub fn inference(
    network: &Network,
    kind: Kind,
    labelled: bool,
    row_bits: u32,
    group_bits: u32,
) -> Result<Program> {
    check_class(row_bits)?;
    if kind == Kind::Accuracy && !labelled {
        return Err(Error::Layout(
            "accuracy needs labelled samples; prove outputs instead".into(),
        ));
    }
    let (data, records) = data_layout(network, labelled, row_bits)?;
    if group_bits > data.samples_bits() {
        return Err(Error::Layout(format!(
            "groups of 2^{group_bits} samples, a data vector holds 2^{}",
            data.samples_bits()
        )));
    }
    let mut c = Compiler::new(network, row_bits, group_bits);
    c.tensors.push(
        records
            .iter()
            .map(|&(region, offset)| Piece {
                home: Home::Record { offset },
                region,
            })
            .collect(),
    );
    c.data = Some(data);
    c.layers()?;
    let mut count_claim = None;
    match kind {
        Kind::Accuracy => count_claim = Some(c.top1()?),
        Kind::Outputs => c.reveal()?,
        Kind::RegisteredModel | Kind::RegisteredData => {
            return Err(Error::Layout("a registration is no inference".into()));
        }
    }
    c.activation_tables()?;
    c.range_tables()?;
    c.finish(kind, count_claim)
}

/// The largest group (as a power of two) whose rows stay within bounds and whose samples within one data vector.
///
/// # Errors
/// A network that fits no chunk of this size class even one sample at a time.
pub fn choose_group_bits(
    network: &Network,
    kind: Kind,
    labelled: bool,
    row_bits: u32,
    samples: u64,
) -> Result<u32> {
    let (data, _) = data_layout(network, labelled, row_bits)?;
    let wanted = samples.max(1).next_power_of_two().trailing_zeros();
    let fits = |&bits: &u32| {
        inference(network, kind, labelled, row_bits, bits)
            .is_ok_and(|program| (program.chunks() as u64) << row_bits <= GROUP_ROWS)
    };
    let most = wanted.min(data.samples_bits());
    match (1..=most).rev().find(fits) {
        Some(bits) => Ok(bits),
        None => inference(network, kind, labelled, row_bits, 0).map(|_| 0),
    }
}
