//! The flags of a slot.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_argument::step::slot::{FACTORS, LANES, SHIFT_BITS};
use pleat_argument::step::{
    AXES, BANK, EXPONENT_BITS, LANE_POSITIONS, TAP_COORDINATES, WEIGHT_BITS,
};

use super::super::bits::unpack;
use super::super::{Bit, Number};
use crate::Scalar;

/// One bit of the index, as [`pleat_argument::step::slot::Position`].
pub(super) struct Position {
    pub(super) bound: Bit,
    pub(super) point: Bit,
    pub(super) start: Bit,
    pub(super) fixed: Bit,
    pub(super) end: Bit,
    pub(super) lanes: Option<Lanes>,
}

/// What a position with three lanes has besides.
pub(super) struct Lanes {
    pub(super) bounds: [Bit; LANES - 1],
    pub(super) capture: [Bit; 2],
}

/// The taps of an axis, as [`pleat_argument::step::slot::Window`].
pub(super) struct Window {
    pub(super) used: Bit,
    pub(super) mask: Vec<Bit>,
    pub(super) taps: [Vec<Bit>; LANES],
    /// Added, subtracted.
    pub(super) signs: [[Vec<Bit>; 2]; LANES],
}

/// All words of a slot.
pub(super) struct Words {
    pub(super) positions: Vec<Position>,
    pub(super) bases: [Vec<Bit>; AXES],
    pub(super) sum: [Vec<Bit>; 2],
    pub(super) exponent: Vec<Bit>,
    pub(super) negative: Bit,
    pub(super) identity: Vec<Bit>,
    pub(super) claim: Vec<Bit>,
    pub(super) shift: Vec<Bit>,
    /// Whether a coordinate is compared, and with one.
    pub(super) at: Vec<[Bit; 2]>,
    pub(super) windows: [Window; 2],
    pub(super) prefix: Bit,
    /// Per term its element and factors.
    pub(super) terms: [(Number, Vec<Bit>); 2],
}

/// Bits in the order they were packed in.
struct Reader(std::vec::IntoIter<Bit>);

impl Reader {
    fn flag(&mut self) -> Result<Bit, SynthesisError> {
        self.0.next().ok_or(SynthesisError::AssignmentMissing)
    }

    fn number(&mut self, bits: usize) -> Result<Vec<Bit>, SynthesisError> {
        (0..bits).map(|_| self.flag()).collect()
    }

    fn window(&mut self) -> Result<Window, SynthesisError> {
        let used = self.flag()?;
        let mask = self.number(TAP_COORDINATES)?;
        let mut taps = [const { vec![] }; LANES];
        for tap in &mut taps {
            *tap = self.number(TAP_COORDINATES)?;
        }
        let mut signs = [const { [const { vec![] }; 2] }; LANES];
        for sign in signs.iter_mut().flatten() {
            *sign = self.number(LANES)?;
        }
        Ok(Window {
            used,
            mask,
            taps,
            signs,
        })
    }
}

/// Bits of the word of positions.
const fn position_bits(positions: usize) -> usize {
    let lanes = if positions < LANE_POSITIONS {
        positions
    } else {
        LANE_POSITIONS
    };
    5 * positions + (LANES + 1) * lanes
}

/// Bits of the other word.
const fn other_bits(positions: usize) -> usize {
    let window = 1 + TAP_COORDINATES * (LANES + 1) + 2 * LANES * LANES;
    let powers = EXPONENT_BITS as usize + 1 + 2 * WEIGHT_BITS as usize;
    let places = (AXES + 2) * BANK.ilog2() as usize;
    places + powers + SHIFT_BITS as usize + 2 * positions + 2 * window + 1 + 2 * FACTORS
}

impl Words {
    /// Unpacks, in exactly the order of [`pleat_argument::step::slot::Slot::elements`].
    ///
    /// Cost: the bits of both words plus two.
    pub(super) fn unpack<CS: ConstraintSystem<Scalar>>(
        cs: &mut CS,
        [positions, others, first, second]: &[Number; 4],
        count: usize,
    ) -> Result<Self, SynthesisError> {
        let mut bits = Reader(unpack(cs, positions, position_bits(count))?.into_iter());
        let positions = (0..count)
            .map(|b| {
                Ok(Position {
                    bound: bits.flag()?,
                    point: bits.flag()?,
                    start: bits.flag()?,
                    fixed: bits.flag()?,
                    end: bits.flag()?,
                    lanes: match b < LANE_POSITIONS {
                        true => Some(Lanes {
                            bounds: [bits.flag()?, bits.flag()?],
                            capture: [bits.flag()?, bits.flag()?],
                        }),
                        false => None,
                    },
                })
            })
            .collect::<Result<_, SynthesisError>>()?;

        let mut bits = Reader(unpack(cs, others, other_bits(count))?.into_iter());
        let place = BANK.ilog2() as usize;
        let mut bases = [const { vec![] }; AXES];
        for base in &mut bases {
            *base = bits.number(place)?;
        }
        let sum = [bits.number(place)?, bits.number(place)?];
        let exponent = bits.number(EXPONENT_BITS as usize)?;
        let negative = bits.flag()?;
        let identity = bits.number(WEIGHT_BITS as usize)?;
        let claim = bits.number(WEIGHT_BITS as usize)?;
        let shift = bits.number(SHIFT_BITS as usize)?;
        let at = (0..count)
            .map(|_| Ok([bits.flag()?, bits.flag()?]))
            .collect::<Result<_, SynthesisError>>()?;
        let windows = [bits.window()?, bits.window()?];
        let prefix = bits.flag()?;
        let terms = [
            (first.clone(), bits.number(FACTORS)?),
            (second.clone(), bits.number(FACTORS)?),
        ];
        Ok(Self {
            positions,
            bases,
            sum,
            exponent,
            negative,
            identity,
            claim,
            shift,
            at,
            windows,
            prefix,
            terms,
        })
    }
}
