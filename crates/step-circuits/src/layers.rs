//! A network's layers as constraints, in the network's order.
//!
//! Every tensor element is a variable (or a constant of the circuit) whose value is enforced to lie in
//! its layer's range: pixels by their bits, outputs of linear layers by [`clamp`](mod@clamp) or
//! because no accumulator can leave the range, all other layers because they only copy, or choose
//! among, values whose ranges theirs contains. By induction every accumulator obeys the bound computed here from
//! ranges and widths, which is what the gadgets require.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_model::graph::Shape;
use pleat_model::network::{
    Activation, LayerOp, LinearMap, Network, ValueRange, Weights, rounding_constant, signed_range,
};

use crate::gadgets::bits::enforce_unsigned;
use crate::gadgets::dot::{Convolution, Method, convolution};
use crate::gadgets::hash::Digit;
use crate::gadgets::max::{max, width_of};
use crate::gadgets::requantize::requantize;
use crate::gadgets::{Cell, Lin, alloc_unbound, clamp::clamp, materialize};
use crate::{Error, Result, Scalar};

/// Products of one sample above which a network is refused before anything is built.
pub const MAX_PRODUCTS: u128 = 1 << 26;
/// Values of all tensors of one sample above which a network is refused: each costs a few hundred
/// bytes while the circuit is built.
pub const MAX_VALUES: u128 = 1 << 23;
/// Bits of the largest accumulator: field and integer arithmetic agree with a wide margin.
pub const MAX_ACCUMULATOR_BITS: u32 = 62;

/// A network with what the circuit decides about each layer.
#[derive(Clone, Debug)]
pub struct Plan {
    network: Network,
    layers: Vec<LayerPlan>,
}

#[derive(Clone, Debug)]
struct LayerPlan {
    /// The accumulator is the value: no shift, and no accumulator leaves the range.
    exact: bool,
    convolution: Option<(Convolution, Method)>,
}

impl Plan {
    /// Decides how each layer is proved.
    ///
    /// # Errors
    /// A network that is invalid, has a layer without gadget, or is too large for a step.
    pub fn new(network: &Network) -> Result<Self> {
        network.validate()?;
        let input = network.input.range;
        if input.min != 0 || (i64::from(input.max) + 1).count_ones() != 1 || input.max == 0 {
            return Err(Error::Invalid(format!(
                "the prover takes inputs of a whole number of bits, 0..=2^k-1; this network's are {}..={}",
                input.min, input.max
            )));
        }
        let needed = products(network);
        if needed > MAX_PRODUCTS {
            return Err(Error::TooLarge {
                needed,
                limit: MAX_PRODUCTS,
            });
        }
        let values: u128 = network.layers.iter().map(|l| l.shape.len() as u128).sum();
        if values > MAX_VALUES {
            return Err(Error::Invalid(format!(
                "the network has {values} values per sample, one step can hold {MAX_VALUES}"
            )));
        }
        let layers = (0..network.layers.len())
            .map(|i| plan_layer(network, i))
            .collect::<Result<_>>()?;
        Ok(Self {
            network: network.clone(),
            layers,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// An upper bound of the work per sample, cheap to compute on untrusted architectures.
fn products(network: &Network) -> u128 {
    let mut total = 0u128;
    for (i, layer) in network.layers.iter().enumerate() {
        let values = layer.shape.len() as u128;
        let area = |kernel: [usize; 2]| kernel[0] as u128 * kernel[1] as u128;
        total += values
            * match &layer.op {
                LayerOp::Linear { map, .. } => match map {
                    LinearMap::Conv { groups, window, .. } => {
                        let x = network.layers[layer.inputs[0]].shape.channels;
                        area(window.kernel) * (x / groups) as u128
                    }
                    LinearMap::AveragePool { window, .. } => area(window.kernel),
                    LinearMap::Sum { multipliers } => multipliers.len() as u128,
                },
                LayerOp::MaxPool { window } => area(window.kernel),
                _ => 1,
            };
        total += (network.kernel_len(i) + network.bias_len(i)) as u128;
    }
    // Many outputs may name one tensor; each is packed.
    for output in &network.outputs {
        total += network.layers[output.layer].shape.len() as u128;
    }
    total
}

fn plan_layer(network: &Network, index: usize) -> Result<LayerPlan> {
    let layer = &network.layers[index];
    let mut plan = LayerPlan {
        exact: false,
        convolution: None,
    };
    let LayerOp::Linear {
        map,
        shift,
        quotient_bits,
        activation,
    } = &layer.op
    else {
        return Ok(plan);
    };
    let what = match activation {
        Activation::Clamp => None,
        Activation::Slope { .. } => Some("an activation with a slope (leaky ReLU, PReLU)"),
        Activation::Table { .. } => Some("an activation by table (sigmoid, tanh, polynomial)"),
    };
    if let Some(what) = what {
        return Err(Error::Unsupported {
            index,
            name: layer.name.clone(),
            what: what.to_owned(),
        });
    }
    let (low, high) = accumulator_bounds(network, index);
    let magnitude = low.unsigned_abs().max(high.unsigned_abs());
    let bits = u128::BITS - magnitude.leading_zeros();
    if bits > MAX_ACCUMULATOR_BITS {
        return Err(Error::TooWide {
            index,
            name: layer.name.clone(),
            bits,
        });
    }
    let (q_low, q_high) = signed_range(*quotient_bits);
    plan.exact = *shift == 0
        && low >= i128::from(q_low.max(layer.range.min.into()))
        && high <= i128::from(q_high.min(layer.range.max.into()));
    if let LinearMap::Conv { groups, window, .. } = map {
        let geometry = Convolution {
            input: network.layers[layer.inputs[0]].shape,
            output: layer.shape,
            groups: *groups,
            window: *window,
        };
        let method = geometry.method();
        plan.convolution = Some((geometry, method));
    }
    Ok(plan)
}

/// Smallest and largest accumulator over all weights of the declared widths and all inputs in range.
fn accumulator_bounds(network: &Network, index: usize) -> (i128, i128) {
    let layer = &network.layers[index];
    let range = |k: usize| network.layers[layer.inputs[k]].range;
    let scaled = |m: i32, r: ValueRange| {
        let (a, b) = (
            i128::from(m) * i128::from(r.min),
            i128::from(m) * i128::from(r.max),
        );
        (a.min(b), a.max(b))
    };
    let LayerOp::Linear { map, shift, .. } = &layer.op else {
        return (0, 0);
    };
    let half = i128::from(rounding_constant(*shift));
    match map {
        LinearMap::Conv {
            groups,
            window,
            weight_bits,
            bias_bits,
            ..
        } => {
            let x = network.layers[layer.inputs[0]].shape.channels;
            let taps = (x / groups) as i128 * (window.kernel[0] * window.kernel[1]) as i128;
            let r = range(0);
            let largest = i128::from(r.min.unsigned_abs().max(r.max.unsigned_abs()));
            let bound = taps * largest * (1 << (weight_bits - 1)) + (1 << (bias_bits - 1));
            (-bound, bound)
        }
        LinearMap::AveragePool {
            window,
            multipliers,
        } => {
            let n = (window.kernel[0] * window.kernel[1]) as i128;
            let r = range(0);
            // A tap in the padding adds nothing.
            let r = ValueRange {
                min: r.min.min(0),
                max: r.max.max(0),
            };
            let mut bounds = (0, 0);
            for &m in multipliers {
                let (a, b) = scaled(m, r);
                bounds = (bounds.0.min(n * a), bounds.1.max(n * b));
            }
            (bounds.0 + half, bounds.1 + half)
        }
        LinearMap::Sum { multipliers } => {
            let mut bounds = (half, half);
            for (k, &m) in multipliers.iter().enumerate() {
                let (a, b) = scaled(m, range(k));
                bounds = (bounds.0 + a, bounds.1 + b);
            }
            bounds
        }
    }
}

/// The weights of one layer as variables.
#[derive(Clone, Debug, Default)]
pub struct WeightCells {
    kernel: Vec<Cell>,
    bias: Vec<Cell>,
}

/// Weights and biases as range-checked variables, and the digits they are hashed as.
///
/// Enforces: every weight and bias is a signed integer of its declared width.
/// Cost: `width` per weight and bias.
pub fn allocate_weights<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    network: &Network,
    weights: &Weights,
) -> Result<(Vec<WeightCells>, Vec<Digit>), SynthesisError> {
    let mut digits = Vec::with_capacity(network.parameters());
    let mut cells = Vec::with_capacity(network.layers.len());
    for (layer, secret) in network.layers.iter().zip(&weights.layers) {
        let LayerOp::Linear {
            map:
                LinearMap::Conv {
                    weight_bits,
                    bias_bits,
                    ..
                },
            ..
        } = &layer.op
        else {
            cells.push(WeightCells::default());
            continue;
        };
        let mut cs = cs.namespace(|| format!("weights of {}", layer.name));
        let mut signed = |value: i64, bits: u32| {
            let cell = alloc_unbound(&mut cs, "weight", value)?;
            let min = signed_range(bits).0;
            enforce_unsigned(&mut cs, &Lin::from(cell).offset(-min), bits)?;
            digits.push(Digit { cell, min, bits });
            Ok::<_, SynthesisError>(cell)
        };
        cells.push(WeightCells {
            kernel: secret
                .kernel
                .iter()
                .map(|&w| signed(w.into(), *weight_bits))
                .collect::<Result<_, _>>()?,
            bias: secret
                .bias
                .iter()
                .map(|&b| signed(b, *bias_bits))
                .collect::<Result<_, _>>()?,
        });
    }
    Ok((cells, digits))
}

/// All tensors of the network on one input.
///
/// Requires: the input in its range, weights in their widths.
/// Enforces: every element of every tensor is what `Network::trace` computes.
pub fn synthesize<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    plan: &Plan,
    input: Vec<Cell>,
    weights: &[WeightCells],
) -> Result<Vec<Vec<Cell>>, SynthesisError> {
    let network = &plan.network;
    let mut tensors: Vec<Vec<Cell>> = Vec::with_capacity(network.layers.len());
    let mut input = Some(input);
    for (i, layer) in network.layers.iter().enumerate() {
        let mut cs = cs.namespace(|| format!("layer {i} {}", layer.name));
        let read = |k: usize| -> (&[Cell], Shape) {
            let j = layer.inputs[k];
            (&tensors[j], network.layers[j].shape)
        };
        let out = layer.shape;
        let tensor = match &layer.op {
            LayerOp::Input => input.take().ok_or(SynthesisError::AssignmentMissing)?,
            LayerOp::Linear {
                map,
                shift,
                quotient_bits,
                ..
            } => {
                let half = rounding_constant(*shift);
                let accumulators = match map {
                    LinearMap::Conv { .. } => {
                        let Some((geometry, method)) = &plan.layers[i].convolution else {
                            return Err(SynthesisError::AssignmentMissing);
                        };
                        let WeightCells { kernel, bias } = &weights[i];
                        convolution(&mut cs, geometry, *method, read(0).0, kernel, bias)?
                    }
                    LinearMap::AveragePool {
                        window,
                        multipliers,
                    } => windows(read(0), out, window)
                        .enumerate()
                        .map(|(at, taps)| {
                            let m = multipliers[match multipliers.len() {
                                1 => 0,
                                _ => at % out.plane(),
                            }];
                            let mut acc = Lin::constant(half);
                            taps.iter().for_each(|&x| acc.add(x, m.into()));
                            acc
                        })
                        .collect(),
                    LinearMap::Sum { multipliers } => (0..out.len())
                        .map(|at| {
                            let mut acc = Lin::constant(half);
                            for (k, &m) in multipliers.iter().enumerate() {
                                acc.add(read(k).0[at], m.into());
                            }
                            acc
                        })
                        .collect(),
                };
                accumulators
                    .iter()
                    .map(|acc| {
                        if plan.layers[i].exact {
                            return materialize(&mut cs, "accumulator", acc);
                        }
                        let q = requantize(&mut cs, acc, *shift, *quotient_bits)?;
                        clamp(&mut cs, &q, layer.range)
                    })
                    .collect::<Result<_, _>>()?
            }
            LayerOp::MaxPool { window } => {
                let span = i64::from(layer.range.max) - i64::from(layer.range.min);
                windows(read(0), out, window)
                    .map(|taps| {
                        let mut taps = taps.into_iter();
                        let first = taps.next().ok_or(SynthesisError::AssignmentMissing)?;
                        taps.try_fold(first, |a, b| match a.is_constant() && b.is_constant() {
                            true => Ok(Cell::constant(a.value.max(b.value))),
                            false => {
                                max(&mut cs, &a.into(), &b.into(), width_of(span.unsigned_abs()))
                            }
                        })
                    })
                    .collect::<Result<_, _>>()?
            }
            LayerOp::Concat => (0..layer.inputs.len())
                .flat_map(|k| read(k).0.iter().copied())
                .collect(),
            LayerOp::Pad { pads, value } => {
                let (x, shape) = read(0);
                positions(out)
                    .map(|(c, y, z)| {
                        let inside = y
                            .checked_sub(pads[0])
                            .zip(z.checked_sub(pads[1]))
                            .filter(|&(y, z)| y < shape.height && z < shape.width);
                        match inside {
                            Some((y, z)) => x[(c * shape.height + y) * shape.width + z],
                            None => Cell::constant((*value).into()),
                        }
                    })
                    .collect()
            }
            LayerOp::Upsample { factors } => {
                let (x, shape) = read(0);
                positions(out)
                    .map(|(c, y, z)| {
                        x[(c * shape.height + y / factors[0]) * shape.width + z / factors[1]]
                    })
                    .collect()
            }
            LayerOp::Rearrange { index } => {
                let x = read(0).0;
                index.iter().map(|&s| x[s as usize]).collect()
            }
        };
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn positions(shape: Shape) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..shape.channels).flat_map(move |c| {
        (0..shape.height).flat_map(move |y| (0..shape.width).map(move |x| (c, y, x)))
    })
}

/// Per output position in CHW order, the elements its window covers; the padding is left out.
fn windows<'a>(
    (x, shape): (&'a [Cell], Shape),
    out: Shape,
    window: &'a pleat_model::graph::Window,
) -> impl Iterator<Item = Vec<Cell>> + 'a {
    let [rows, columns] = window.kernel;
    positions(out).map(move |(c, oy, ox)| {
        let taps = (0..rows).flat_map(|ky| (0..columns).map(move |kx| (ky, kx)));
        taps.filter_map(|tap| window.source((oy, ox), tap, (shape.height, shape.width)))
            .map(|(y, z)| x[(c * shape.height + y) * shape.width + z])
            .collect()
    })
}
