//! What the public architecture may depend on: signs follow from the graph alone, never from what calibration
//! saw, and scales on which public numbers depend are marked, to become powers of two.

use super::plan::{Plan, Source};
use super::scales::needs_table;
use crate::graph::{Activation, Op};
use crate::network::ValueRange;

/// Whether values can be negative, as far as the graph says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Never negative.
    Unsigned,
    /// Possibly negative.
    Signed,
}

/// Signs of all layers of `plan`, whose input has values in `input`.
pub(super) fn signs(plan: &Plan, input: ValueRange) -> Vec<Sign> {
    let mut signs: Vec<Sign> = vec![];
    for (i, layer) in plan.layers.iter().enumerate() {
        let below = layer.inputs.iter().all(|&j| signs[j] == Sign::Unsigned);
        let linear = match layer.source {
            Source::Input => input.min >= 0,
            Source::Copy => match plan.node(i).op {
                Op::Pad { value, .. } => below && value >= 0.0,
                _ => below,
            },
            Source::Linear { .. } => match plan.linear(i) {
                Some(Op::Sum { factors }) => below && factors.iter().all(|&f| f >= 0.0),
                Some(Op::Pool(_)) => below,
                _ => false,
            },
            Source::Activation(_) => below,
        };
        let unsigned = match plan.activation(i) {
            None => linear,
            Some(f) => is_nonnegative(f, linear),
        };
        signs.push(match unsigned {
            true => Sign::Unsigned,
            false => Sign::Signed,
        });
    }
    signs
}

/// Whether `f` has no negative value on all numbers, or on those above zero if `above`.
fn is_nonnegative(f: &Activation, above: bool) -> bool {
    match f {
        Activation::Relu | Activation::Sigmoid | Activation::HardSigmoid { .. } => true,
        Activation::Clip { low, high } => *high >= 0.0 && (*low >= 0.0 || above),
        Activation::Slope(_) | Activation::Tanh | Activation::HardSwish => above,
        Activation::Polynomial {
            square,
            linear,
            constant,
        } => {
            let (a, b, c) = (f64::from(*square), f64::from(*linear), f64::from(*constant));
            let all = match a > 0.0 {
                true => 4.0 * a * c >= b * b,
                false => a == 0.0 && b == 0.0 && c >= 0.0,
            };
            all || above && a >= 0.0 && b >= 0.0 && c >= 0.0
        }
    }
}

/// Groups whose scale is a factor of a public number: an output's unit, a multiplier, a table, the bound of a
/// clamp, a border's value.
pub(super) fn public_groups(plan: &Plan) -> Vec<bool> {
    let mut public = vec![false; plan.layers.len()];
    let mut mark = |i: usize| public[plan.layers[i].group] = true;
    for &output in &plan.outputs {
        mark(output);
    }
    for (i, layer) in plan.layers.iter().enumerate() {
        let through = match layer.source {
            Source::Input => false,
            Source::Copy => {
                if matches!(plan.node(i).op, Op::Pad { value, .. } if value != 0.0) {
                    mark(i);
                }
                false
            }
            Source::Activation(_) => true,
            Source::Linear { .. } => match plan.linear(i) {
                Some(Op::Sum { .. }) => true,
                Some(Op::Pool(_)) => !follows_its_source(plan, i),
                _ => false,
            },
        };
        if through {
            layer.inputs.iter().for_each(|&j| mark(j));
            mark(i);
        }
        if needs_table(plan.activation(i)) || has_inner_bound(plan, i) {
            mark(i);
        }
    }
    // An average's scale is its source's times a public number.
    for i in (0..plan.layers.len()).rev() {
        if matches!(plan.linear(i), Some(Op::Pool(_))) && public[plan.layers[i].group] {
            for &j in &plan.layers[i].inputs {
                public[plan.layers[j].group] = true;
            }
        }
    }
    public
}

/// Whether an average or sum over windows takes its scale from its source: nothing else has a say in it.
pub(super) fn follows_its_source(plan: &Plan, i: usize) -> bool {
    plan.activation(i).is_none() && !plan.is_output(i) && plan.group(i).count() == 1
}

/// Whether layer `i` clamps at a value that its scale turns into a number of its own. ReLU6 and the like do not
/// as long as all tensors of the group end at the same bound: the scale is at most the bound divided by the
/// largest integer, and the clamp is at the largest integer.
fn has_inner_bound(plan: &Plan, i: usize) -> bool {
    matches!(plan.activation(i), Some(Activation::Clip { .. })) && common_bound(plan, i).is_none()
}

/// The upper bound at which all tensors of layer `i`'s group are clamped, zero being the lower one.
pub(super) fn common_bound(plan: &Plan, i: usize) -> Option<f32> {
    let mut common = None;
    for l in plan.group(i) {
        match (plan.layers[l].source, plan.activation(l)) {
            (Source::Copy, _) => {}
            (_, Some(&Activation::Clip { low, high })) if low == 0.0 && high.is_finite() => {
                if high <= 0.0 || common.is_some_and(|c| c != high) {
                    return None;
                }
                common = Some(high);
            }
            _ => return None,
        }
    }
    common
}
