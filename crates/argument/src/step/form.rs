//! The form of slots that the circuit evaluates as the native verifier does.

use super::slot::{LANES, Slot, Window};
use super::{AXES, LANE_POSITIONS};

/// The first rule a slot breaks, if any. All slots of a compiler must keep them:
///
/// 1. Axes are runs of positions: each starts, then ends once, and has no other start in between. They are
///    at most as many as there are bases.
/// 2. An axis ends in one of three ways: by `end`, or as the first or second window axis. A slot has each
///    window axis at most once, and only if it says that it uses it.
/// 3. Fixed positions are outside axes, weighted ones inside.
/// 4. In an axis that ends by `end`, the further lanes' bounds are all ones.
/// 5. Positions without lanes have neither further bounds nor captures.
/// 6. Taps lie within the mask.
/// 7. A slot that sums divides by no power with exponent zero: place 0 of the bank.
pub fn broken_rule(slot: &Slot) -> Option<&'static str> {
    let mut open: Option<usize> = None;
    let (mut axes, mut captured) = (0, [false; 2]);
    for (b, p) in slot.positions.iter().enumerate() {
        if p.start {
            if open.is_some() {
                return Some("an axis starts inside another");
            }
            open = Some(b);
            axes += 1;
        }
        if p.fixed && open.is_some() || p.point && open.is_none() {
            return Some("fixed positions are outside axes, weighted ones inside");
        }
        let further = p.bound[1..].iter().chain(&p.capture);
        if b >= LANE_POSITIONS && further.into_iter().any(|flag| *flag) {
            return Some("a position without lanes has no flags of theirs");
        }
        let ends = [p.end, p.capture[0], p.capture[1]];
        match (ends.iter().filter(|end| **end).count(), open) {
            (0, _) => continue,
            (1, Some(first)) => {
                let last = slot.positions.len().min(b + 1).min(LANE_POSITIONS);
                let axis = slot.positions.get(first..last).unwrap_or_default();
                if p.end && axis.iter().any(|p| p.bound[1..] != [true; LANES - 1]) {
                    return Some("an axis without a window has ones in the further lanes");
                }
            }
            _ => return Some("an axis ends once"),
        }
        open = None;
        for (a, captured) in captured
            .iter_mut()
            .enumerate()
            .filter(|(a, _)| p.capture[*a])
        {
            if *captured || !slot.windows[a].used {
                return Some("a window axis in use is captured once");
            }
            *captured = true;
        }
    }
    if open.is_some() || axes > AXES {
        return Some("axes end, and there are not more of them than bases");
    }
    let outside = |w: &Window| w.taps.iter().any(|t| t & !w.mask != 0);
    if slot.windows.iter().any(outside) {
        return Some("taps lie within the mask");
    }
    (slot.sum[1] == 0).then_some("a sum does not divide by zero")
}
