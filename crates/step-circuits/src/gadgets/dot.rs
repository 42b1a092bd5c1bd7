//! Convolutions: sums of products of secret weights and secret values.

use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use pleat_model::graph::{Shape, Window};

use super::{Cell, Lin, materialize, product};
use crate::Scalar;

/// The geometry of a convolution. A dense layer is one on a 1x1 plane.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// Shape of what it reads.
    pub input: Shape,
    /// Shape of what it produces.
    pub output: Shape,
    /// Groups.
    pub groups: usize,
    /// The sliding window.
    pub window: Window,
}

/// How the products are formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One constraint per product.
    Plain,
    /// One constraint per two products, plus sums shared between outputs.
    Winograd,
}

impl Convolution {
    /// Taps of one filter: input channels of a group times the kernel's area.
    pub fn taps(&self) -> usize {
        self.input.channels / self.groups * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Per tap, the element of the input read at an output position, `None` in the padding.
    fn sources(&self, group: usize, at: (usize, usize)) -> Vec<Option<usize>> {
        let channels = self.input.channels / self.groups;
        let [rows, columns] = self.window.kernel;
        let mut sources = Vec::with_capacity(self.taps());
        for c in group * channels..(group + 1) * channels {
            for ky in 0..rows {
                for kx in 0..columns {
                    let size = (self.input.height, self.input.width);
                    sources.push(
                        self.window
                            .source(at, (ky, kx), size)
                            .map(|(y, x)| (c * self.input.height + y) * self.input.width + x),
                    );
                }
            }
        }
        sources
    }

    /// Constraints of both methods on an input without constants; exact.
    pub fn cost(&self, method: Method) -> usize {
        let filters = self.output.channels / self.groups;
        let winograd = method == Method::Winograd;
        let mut cost = 0;
        for y in 0..self.output.height {
            for x in 0..self.output.width {
                let sources = self.sources(0, (y, x));
                let taken = sources.iter().flatten().count();
                let pairs = full_pairs(&sources, |s| s.is_some()).len();
                cost += match winograd {
                    true => filters * (taken - pairs) + pairs + usize::from(pairs > 0),
                    false => filters * taken,
                };
            }
        }
        if winograd {
            cost += filters * (self.taps() / 2 + 1);
        }
        cost * self.groups
    }

    /// The cheaper method.
    pub fn method(&self) -> Method {
        if self.cost(Method::Winograd) < self.cost(Method::Plain) {
            Method::Winograd
        } else {
            Method::Plain
        }
    }
}

/// First taps of the pairs `(2i, 2i + 1)` of which both are there.
fn full_pairs<T>(taps: &[T], present: impl Fn(&T) -> bool) -> Vec<usize> {
    (0..taps.len() / 2)
        .map(|i| 2 * i)
        .filter(|&i| present(&taps[i]) && present(&taps[i + 1]))
        .collect()
}

/// `acc[o, p] = bias[o] + sum over taps of kernel[o, t] * x[source(p, t)]`, padding is zero.
///
/// Shape: CHW input, `[out, in / groups, rows, columns]` kernel, CHW accumulators as combinations.
/// Requires: nothing; the identities hold in the field. The caller bounds `|acc| < 2^62`.
/// Enforces: every accumulator is a linear combination of variables each bound to a product.
/// Cost: [`Convolution::cost`] for an input without constants; constants multiply for free.
/// *Plain*: a product per tap inside the image and output.
/// *Winograd*: for every pair of taps
/// `x1*y1 + x2*y2 = (x1 + y2) (x2 + y1) - x1*x2 - y1*y2`, one constraint per pair and output, where
/// the sum of the `x1*x2` is shared by all filters of a position and group and the sum of the `y1*y2`
/// by all positions of a filter. A pair with a tap in the padding is multiplied plainly and its
/// `y1*y2` given back.
/// Soundness: each product and each shared sum has its own constraint, so they are functions of `x`
/// and `y`, and the identity is one of polynomials.
/// Source: S. Winograd, A new algorithm for inner product, IEEE Trans. Computers C-17 (1968).
/// Native twin: `pleat_model::execute`.
pub fn convolution<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    geometry: &Convolution,
    method: Method,
    input: &[Cell],
    kernel: &[Cell],
    bias: &[Cell],
) -> Result<Vec<Lin>, SynthesisError> {
    let taps = geometry.taps();
    let filters = geometry.output.channels / geometry.groups;
    let plane = geometry.output.plane();
    let winograd = method == Method::Winograd;
    let mut accumulators = vec![Lin::default(); geometry.output.len()];
    for group in 0..geometry.groups {
        let channels = group * filters..(group + 1) * filters;
        // Per filter: the products of its pairs and their sum.
        let mut filter_pairs = vec![];
        if winograd {
            for o in channels.clone() {
                let weights = &kernel[o * taps..(o + 1) * taps];
                let pairs = weights
                    .chunks_exact(2)
                    .map(|y| product(cs, "filter pair", &y[0].into(), &y[1].into()))
                    .collect::<Result<Vec<_>, _>>()?;
                let sum = materialize(cs, "filter pairs", &sum_of(&pairs))?;
                filter_pairs.push((pairs, sum));
            }
        }
        for y in 0..geometry.output.height {
            for x in 0..geometry.output.width {
                let sources = geometry.sources(group, (y, x));
                let values: Vec<Option<Cell>> =
                    sources.iter().map(|s| s.map(|s| input[s])).collect();
                let pairs = match winograd {
                    true => full_pairs(&values, |v| v.is_some_and(|v| !v.is_constant())),
                    false => vec![],
                };
                let pair_at = |i: usize| values[i].zip(values[i + 1]);
                let mut shared = None;
                if !pairs.is_empty() {
                    let products = pairs
                        .iter()
                        .filter_map(|&i| pair_at(i))
                        .map(|(a, b)| product(cs, "value pair", &a.into(), &b.into()))
                        .collect::<Result<Vec<_>, _>>()?;
                    shared = Some(materialize(cs, "value pairs", &sum_of(&products))?);
                }
                for (f, o) in channels.clone().enumerate() {
                    let weights = &kernel[o * taps..(o + 1) * taps];
                    let mut acc = Lin::from(bias[o]);
                    if let Some(shared) = shared {
                        let (products, sum) = &filter_pairs[f];
                        acc.add(*sum, -1);
                        let mut used = pairs.iter().peekable();
                        for (i, &p) in products.iter().enumerate() {
                            if used.next_if(|&&first| first == 2 * i).is_none() {
                                acc.add(p, 1);
                            }
                        }
                        acc.add(shared, -1);
                    }
                    let mut used = pairs.iter().peekable();
                    let mut t = 0;
                    while t < taps {
                        let first = used.next_if(|&&first| first == t).copied();
                        if let Some((a, b)) = first.and_then(pair_at) {
                            let left = Lin::from(a).plus(&weights[t + 1].into(), 1);
                            let right = Lin::from(b).plus(&weights[t].into(), 1);
                            acc.add(product(cs, "two products", &left, &right)?, 1);
                            t += 2;
                            continue;
                        }
                        if let Some(value) = values[t] {
                            if value.is_constant() {
                                acc.add(weights[t], value.value);
                            } else {
                                acc.add(
                                    product(cs, "product", &value.into(), &weights[t].into())?,
                                    1,
                                );
                            }
                        }
                        t += 1;
                    }
                    accumulators[o * plane + y * geometry.output.width + x] = acc;
                }
            }
        }
    }
    Ok(accumulators)
}

fn sum_of(cells: &[Cell]) -> Lin {
    let mut sum = Lin::default();
    cells.iter().for_each(|&c| sum.add(c, 1));
    sum
}
