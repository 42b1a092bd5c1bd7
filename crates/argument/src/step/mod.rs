//! Steps: what one application of the step circuit does, said natively.
//!
//! A group's program is *lowered* to descriptors of one fixed [`Shape`], so that a single circuit proves
//! every chunk of every model: a descriptor is data, hashed into the chain of the program. [`transition`]
//! carries a [`state::State`] over one step; the step circuit is its twin, gadget by gadget.
//!
//! | module | does |
//! | --- | --- |
//! | [`slot`], [`form`] | one monomial of a view: a product over the bits of an index; the form all slots have |
//! | [`lookup`] | the public side of one range of rows' lookups |
//! | [`descriptor`] | a step's public words and their digest |
//! | [`lower`], [`schedule`] | programs to descriptors, for all groups of a statement |
//! | [`message`] | what a prover says in one step |
//! | [`state`] | what is carried from step to step |
//! | [`transition`] | one step |
//!
//! `docs/argument.md`, "Steps", is the specification.

pub mod descriptor;
pub mod form;
pub mod lookup;
pub mod lower;
pub mod message;
pub mod schedule;
pub mod slot;
pub mod state;
pub mod transition;

use crate::program::COLUMN_BITS;

/// The fixed size of a step: depends on the size class alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of a chunk, as a power of two.
    pub row_bits: u32,
    /// Slots for monomials of views.
    pub slots: usize,
    /// Slots for lookups.
    pub lookups: usize,
    /// Products whose claims one step absorbs.
    pub products: usize,
}

/// Powers of xi that a step computes for its slots.
pub const BANK: usize = 16;
/// Bits of an exponent of xi.
pub const EXPONENT_BITS: u32 = 26;
/// Bits of an exponent of zeta (an identity) and of delta (a claim).
pub const WEIGHT_BITS: u32 = 14;
/// Positions that have three lanes: those of the axes of a window.
pub const LANE_POSITIONS: usize = 16;
/// Most axes of one slot.
pub const AXES: usize = 6;
/// Coordinates of the head's point that number the taps of windows.
pub const TAP_COORDINATES: usize = 6;
/// Bits of the difference of identities of consecutive products.
pub const IDENTITY_STEP_BITS: u32 = 6;

impl Shape {
    /// The shape of a size class.
    pub const fn new(row_bits: u32) -> Self {
        Self {
            row_bits,
            slots: 32,
            lookups: 12,
            products: 64,
        }
    }

    /// Variables of the longest vector; also the coordinates of the head's point.
    pub const fn index_bits(&self) -> usize {
        (self.row_bits + COLUMN_BITS) as usize
    }

    /// Positions with three lanes.
    pub const fn lane_positions(&self) -> usize {
        if self.index_bits() < LANE_POSITIONS {
            self.index_bits()
        } else {
            LANE_POSITIONS
        }
    }
}
