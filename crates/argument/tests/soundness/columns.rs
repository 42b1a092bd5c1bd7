//! Every kind of committed cell is changed by a prover that is honest otherwise and counts again.
//!
//! [`status`] is the manifest: which cells nothing depends on, by design. They are *all* changed in one proof
//! that must be accepted, so the list is exact; of the others some of each kind are changed one at a time.

use std::collections::{BTreeMap, HashMap};

use pleat_argument::program::{Block, Fill, Kind, Program, Region, VectorKind, range_tag};
use pleat_argument::witness::count_lookups;
use rayon::prelude::*;

use crate::fixture::{BUNDLE, Forger, KINDS, rejected};

const COLUMNS: [&str; 4] = ["q", "rem", "y", "e"];

/// What holds a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Status {
    /// No other value is accepted.
    Bound,
    /// Read by nobody, but looked up: any other value of its table is accepted.
    Counted,
    /// Read by nobody, but looked up together with the other of q and y: both may change.
    Tied,
    /// Read by nobody.
    Free,
}

/// Where a row is.
struct Row {
    /// Of a live sample, and of a real element.
    live: bool,
    /// The first tap of a window, whose e holds the maximum.
    first_tap: bool,
}

fn row(program: &Program, fill: &Fill, mut index: usize, live: usize) -> Row {
    let mut axis = |bits: u32, count: usize| {
        let digit = index & ((1 << bits) - 1);
        index >>= bits;
        (digit < count, digit)
    };
    let region = |r: &Region, axis: &mut dyn FnMut(u32, usize) -> (bool, usize)| {
        let inside = [
            (r.w_bits, r.width),
            (r.h_bits, r.rows),
            (r.c_bits, r.channels),
        ]
        .map(|(bits, count)| axis(bits, count).0);
        inside == [true; 3] && axis(program.group_bits, live).0
    };
    let mut first_tap = false;
    let live = match fill {
        Fill::Requantised(r) | Fill::Copy(r) | Fill::Input(r) => region(r, &mut axis),
        Fill::Window {
            region: r,
            taps: [rows, columns],
        } => {
            let (a, j) = axis(columns.bits, columns.count);
            let (b, i) = axis(rows.bits, rows.count);
            first_tap = rows.first + columns.first + i + j == 0;
            region(r, &mut axis) && a && b
        }
        Fill::Top1 { classes, bits, .. } => {
            let inside = axis(*bits, *classes).0;
            axis(program.group_bits, live).0 && inside
        }
        Fill::Label { bits } => {
            let inside = axis(*bits, BUNDLE.network.classes()).0;
            axis(program.group_bits, live).0 && inside
        }
        Fill::Activation { .. } | Fill::Range | Fill::Pairs { .. } => true,
        Fill::Zero => false,
        Fill::Kernel { .. } | Fill::Bias { .. } | Fill::Output(_) => {
            unreachable!("not in chunks")
        }
    };
    Row { live, first_tap }
}

/// The manifest of chunks: columns q, rem, y, e.
fn status(fill: &Fill, row: &Row) -> [Status; 4] {
    use Status::{Bound, Counted, Free, Tied};
    let live = row.live;
    match fill {
        // Of no value: a quotient of the table and its value, some remainder. e has no meaning.
        Fill::Requantised(_) if live => [Bound, Bound, Bound, Free],
        Fill::Requantised(_) => [Tied, Counted, Tied, Free],
        // Ranges of nothing hold q and rem at zero.
        Fill::Copy(_) if live => [Bound, Bound, Bound, Free],
        Fill::Copy(_) | Fill::Zero => [Bound, Bound, Free, Free],
        Fill::Window { .. } if live && row.first_tap => [Bound; 4],
        Fill::Window { .. } if live => [Bound, Bound, Bound, Free],
        Fill::Top1 { .. } if live => [Bound; 4],
        // Selectors that select nothing.
        Fill::Window { .. } | Fill::Top1 { .. } => [Counted, Counted, Free, Free],
        // Their entries are public; e is how often they are looked up.
        Fill::Activation { .. } => [Free, Bound, Bound, Bound],
        Fill::Range => [Free, Bound, Free, Bound],
        // Without a second entry there is none to copy.
        Fill::Pairs { single: true, .. } => [Bound, Counted, Free, Free],
        Fill::Pairs { single: false, .. } => [Bound, Bound, Free, Free],
        Fill::Input(_) | Fill::Label { .. } if live => [Bound, Bound, Free, Free],
        Fill::Input(_) | Fill::Label { .. } => [Counted, Bound, Free, Free],
        Fill::Kernel { .. } | Fill::Bias { .. } | Fill::Output(_) => {
            unreachable!("not in chunks")
        }
    }
}

fn name(fill: &Fill) -> String {
    let text = format!("{fill:?}");
    let end = text.find(['(', ' ', '{']).unwrap_or(text.len());
    text[..end].to_owned()
}

/// Entries of tables: tag and entry to chunk and row.
type Places = HashMap<(u64, i64), (usize, usize)>;

fn places(program: &Program) -> Places {
    let mut places = Places::new();
    for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
        for block in &vector.blocks {
            if let Some(first) = block.lookup.entries {
                for i in 0..1i64 << block.bits {
                    let row = block.offset as usize + i as usize;
                    places.insert((block.lookup.tag, first + i), (chunk, row));
                }
            }
        }
    }
    places
}

/// Counts again as far as possible: what is in no table is not counted.
pub(crate) fn recount(program: &Program, chunks: &mut [Vec<i32>]) {
    let places = places(program);
    let mut counts: HashMap<(usize, usize), i32> = places.values().map(|p| (*p, 0)).collect();
    for (vector, columns) in program.of_kind(VectorKind::Trace).zip(&*chunks) {
        for block in &vector.blocks {
            let lookup = &block.lookup;
            for i in 0..1usize << block.bits {
                let row = &columns[(block.offset as usize + i) * 4..][..4];
                let channel = i >> lookup.channel.0 & ((1 << lookup.channel.1) - 1);
                let mut keys = vec![(range_tag(lookup.range), i64::from(row[1]))];
                if lookup.entries.is_none() {
                    keys.push((lookup.tag + channel as u64, i64::from(row[0])));
                }
                for place in keys.iter().filter_map(|key| places.get(key)) {
                    *counts.get_mut(place).unwrap() += 1;
                }
            }
        }
    }
    for ((chunk, row), count) in counts {
        chunks[chunk][row * 4 + 3] = count;
    }
}

#[test]
fn counting_again_changes_nothing_honest() {
    for kind in KINDS {
        let forger = Forger::new(kind);
        for group in &forger.groups {
            let (mut mine, mut theirs) = (group.chunks.clone(), group.chunks.clone());
            recount(&forger.program, &mut mine);
            count_lookups(&forger.program, &mut theirs).unwrap();
            assert!(mine == theirs && theirs == group.chunks);
        }
    }
}

/// A cell of a chunk.
#[derive(Clone, Copy, Debug)]
struct Cell {
    group: usize,
    chunk: usize,
    row: usize,
    column: usize,
}

fn cells(forger: &Forger, mut f: impl FnMut(Cell, &Block, usize, Status, bool)) {
    let program = &forger.program;
    for (group, content) in forger.groups.iter().enumerate() {
        for (chunk, vector) in program.of_kind(VectorKind::Trace).enumerate() {
            for block in &vector.blocks {
                for i in 0..1usize << block.bits {
                    let place = row(program, &block.fill, i, content.executed.len());
                    for (column, status) in status(&block.fill, &place).into_iter().enumerate() {
                        let row = block.offset as usize + i;
                        let cell = Cell {
                            group,
                            chunk,
                            row,
                            column,
                        };
                        f(cell, block, i, status, place.live);
                    }
                }
            }
        }
    }
}

/// A row of the table a row looks up whose value differs from the row's.
fn other_entry(forger: &Forger, places: &Places, cell: Cell, block: &Block, i: usize) -> [i32; 2] {
    let lookup = &block.lookup;
    let tag = lookup.tag + (i >> lookup.channel.0 & ((1 << lookup.channel.1) - 1)) as u64;
    let chunks = &forger.groups[cell.group].chunks;
    let own = chunks[cell.chunk][cell.row * 4 + 2];
    let mut entries: Vec<_> = places.iter().filter(|(key, _)| key.0 == tag).collect();
    entries.sort();
    entries
        .into_iter()
        .map(|(key, &(chunk, row))| [key.1 as i32, chunks[chunk][row * 4 + 2]])
        .find(|[_, y]| *y != own)
        .unwrap()
}

fn everything_free(kind: Kind) {
    let mut forger = Forger::new(kind);
    let places = places(&forger.program);
    let mut edits = vec![];
    cells(&forger, |cell, block, i, status, _| {
        let old = forger.groups[cell.group].chunks[cell.chunk][cell.row * 4 + cell.column];
        let range = match cell.column {
            0 => block.lookup.tag,
            _ => range_tag(block.lookup.range),
        };
        match status {
            Status::Bound => {}
            Status::Free => edits.push((cell, 1000 - old)),
            // The largest and smallest entries of the table.
            Status::Counted => {
                let entries = places.keys().filter(|key| key.0 == range).map(|key| key.1);
                let last = entries.max().unwrap() as i32;
                edits.push((cell, if old == last { 0 } else { last }));
            }
            Status::Tied => {
                let [q, y] = other_entry(&forger, &places, cell, block, i);
                edits.push((cell, [q, 0, y][cell.column]));
            }
        }
    });
    println!("{kind:?}: {} cells are free", edits.len());
    for (cell, value) in edits {
        forger.groups[cell.group].chunks[cell.chunk][cell.row * 4 + cell.column] = value;
    }
    for group in &mut forger.groups {
        recount(&forger.program, &mut group.chunks);
    }
    forger.outcome().unwrap();
}

/// Changes of some cells of each kind, one proof each.
fn everything_bound(kind: Kind) {
    let forger = Forger::new(kind);
    let places = places(&forger.program);
    let mut kinds: BTreeMap<_, Vec<(Cell, i32, String)>> = BTreeMap::new();
    cells(&forger, |cell, block, i, status, live| {
        let old = forger.groups[cell.group].chunks[cell.chunk][cell.row * 4 + cell.column];
        let (tag, range) = (block.lookup.tag, block.lookup.range);
        let mut values = match (status, cell.column) {
            (Status::Free, _) => vec![],
            // Out of the table, not just different.
            (Status::Counted, 0) => {
                let entries = places.keys().filter(|key| key.0 == tag).map(|key| key.1);
                vec![-1, entries.max().unwrap() as i32 + 1]
            }
            (Status::Counted, _) => vec![-1, 1 << range],
            (Status::Tied, 0) => vec![other_entry(&forger, &places, cell, block, i)[0]],
            (Status::Tied, _) => vec![old + 1],
            (Status::Bound, _) => vec![old + 1, old - 1, 1 - old],
        };
        values.retain(|v| *v != old);
        let what = format!(
            "{} {} {status:?} live {live}",
            name(&block.fill),
            COLUMNS[cell.column]
        );
        let key = (name(&block.fill), cell.column, status, live, range);
        let list = kinds.entry(key).or_default();
        list.extend(values.into_iter().map(|v| (cell, v, what.clone())));
    });
    let mut work = vec![];
    for list in kinds.values() {
        // The first, the last and one between, by different changes.
        let n = list.len();
        let mut indices = vec![0, n / 2 + 1, n.saturating_sub(1)];
        indices.retain(|i| *i < n);
        indices.dedup();
        work.extend(indices.into_iter().map(|i| &list[i]));
    }
    println!("{kind:?}: {} of {} kinds", work.len(), kinds.len());
    work.into_par_iter().for_each(|(cell, value, what)| {
        let mut forger = Forger::new(kind);
        let group = &mut forger.groups[cell.group];
        let index = cell.row * 4 + cell.column;
        group.chunks[cell.chunk][index] = *value;
        if !(cell.column == 3 && what.contains("Range e") || what.contains("Activation e")) {
            recount(&forger.program, &mut group.chunks);
            group.chunks[cell.chunk][index] = *value;
        }
        rejected(
            forger.outcome(),
            &format!("{kind:?} {what} {cell:?} = {value}"),
        );
    });
}

#[test]
fn free_cells_are_free() {
    KINDS.into_par_iter().for_each(everything_free);
}

#[test]
fn bound_cells_of_accuracy() {
    everything_bound(Kind::Accuracy);
}

#[test]
fn bound_cells_of_outputs() {
    everything_bound(Kind::Outputs);
}

#[test]
fn bound_cells_of_registrations() {
    everything_bound(Kind::RegisteredModel);
    everything_bound(Kind::RegisteredData);
}

#[test]
fn every_kind_of_fill_occurs() {
    let mut found: Vec<String> = vec![];
    for kind in KINDS {
        let program = Forger::new(kind).program;
        let fills = program.vectors.iter().flat_map(|v| &v.blocks);
        found.extend(fills.map(|b| name(&b.fill)));
    }
    found.sort();
    found.dedup();
    let all = [
        "Activation",
        "Bias",
        "Copy",
        "Input",
        "Kernel",
        "Label",
        "Output",
        "Pairs",
        "Range",
        "Requantised",
        "Top1",
        "Window",
        "Zero",
    ];
    assert_eq!(found, all);
}
