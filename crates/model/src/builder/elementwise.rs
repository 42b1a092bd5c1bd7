//! Activations and sums.

use super::{Builder, Value, finite};
use crate::graph::{Activation, Op, Shape};
use crate::{Error, Result, limits};

impl Builder {
    /// A scalar function on every value. For [`Activation::Slope`] with several slopes use [`Self::prelu`].
    pub fn activation(&mut self, x: &Value, activation: Activation) -> Result<Value> {
        self.plain(x)?;
        let shape = self.shape_of(x);
        let node = self.push(Op::Activation(activation), vec![x.node], shape)?;
        Ok(Value { node, ..x.clone() })
    }

    /// PReLU; `slopes` of dimensions `slope_dims` broadcast against `x`.
    pub fn prelu(&mut self, x: &Value, slopes: &[f32], slope_dims: &[usize]) -> Result<Value> {
        self.plain(x)?;
        finite(slopes, "slope")?;
        if limits::values(slope_dims) != Some(slopes.len()) {
            return Err(Error::invalid(format!(
                "{} slopes for dimensions {slope_dims:?}",
                slopes.len()
            )));
        }
        let rank = x.dims.len();
        let mut padded = vec![1; rank.saturating_sub(slope_dims.len())];
        padded.extend_from_slice(slope_dims);
        if padded.len() != rank || padded.iter().zip(&x.dims).any(|(&c, &d)| c != 1 && c != d) {
            return Err(Error::invalid(format!(
                "slopes of dimensions {slope_dims:?} do not broadcast to {:?}",
                x.dims
            )));
        }
        let varying: Vec<usize> = (0..rank).filter(|&i| padded[i] != 1).collect();
        match varying.as_slice() {
            [] => self.activation(
                x,
                Activation::Slope(vec![slopes.first().copied().unwrap_or(0.0)]),
            ),
            [axis] => {
                let (moved, back) = self.channel_first(x, *axis)?;
                let (node, shape) = self.image(&moved)?;
                let node = self.push(
                    Op::Activation(Activation::Slope(slopes.to_vec())),
                    vec![node],
                    shape,
                )?;
                let y = Self::row_major(node, moved.dims.clone());
                self.undo_channel_first(&y, &x.dims, &back)
            }
            _ if padded == x.dims => {
                let flat = self.reshape(x, &[1, x.len()])?;
                let (node, shape) = self.image(&flat)?;
                let node = self.push(
                    Op::Activation(Activation::Slope(slopes.to_vec())),
                    vec![node],
                    shape,
                )?;
                self.reshape(&Self::row_major(node, flat.dims.clone()), &x.dims)
            }
            _ => Err(Error::invalid(format!(
                "slopes of dimensions {slope_dims:?}; supported are one slope, one per channel, or one per value"
            ))),
        }
    }

    /// `sum_i factors[i] * xs[i]`, all of the same dimensions.
    pub fn sum(&mut self, xs: &[Value], factors: &[f32]) -> Result<Value> {
        let first = xs
            .first()
            .ok_or_else(|| Error::invalid("a sum of nothing"))?;
        if factors.len() != xs.len() {
            return Err(Error::invalid("one factor per summand"));
        }
        finite(factors, "factor")?;
        for x in xs {
            self.plain(x)?;
            if x.dims != first.dims {
                return Err(Error::invalid(format!(
                    "adds tensors of dimensions {:?} and {:?}; both must be the same",
                    first.dims, x.dims
                )));
            }
        }
        if let Some(v) = self.fuse_polynomial(xs, factors)? {
            return Ok(v);
        }
        let same = xs
            .iter()
            .all(|x| x.order == first.order && self.shape_of(x) == self.shape_of(first));
        let (nodes, shape) = if same {
            (xs.iter().map(|x| x.node).collect(), self.shape_of(first))
        } else {
            let shape = match *first.dims.as_slice() {
                [1, c, h, w] => Shape::new(c, h, w),
                _ => Shape::new(first.len(), 1, 1),
            };
            let nodes = xs
                .iter()
                .map(|x| self.materialize(x, shape))
                .collect::<Result<Vec<_>>>()?;
            (nodes, shape)
        };
        let node = self.push(
            Op::Sum {
                factors: factors.to_vec(),
            },
            nodes,
            shape,
        )?;
        Ok(if same {
            Value {
                node,
                ..first.clone()
            }
        } else {
            Self::row_major(node, first.dims.clone())
        })
    }

    /// `x*x + n*x` written as layers: a sum of polynomials of one tensor is one polynomial.
    pub(super) fn fuse_polynomial(
        &mut self,
        xs: &[Value],
        factors: &[f32],
    ) -> Result<Option<Value>> {
        // (source node, [constant, linear, square])
        let read = |v: &Value| match &self.nodes[v.node].op {
            Op::Activation(Activation::Polynomial {
                square,
                linear,
                constant,
            }) => (self.nodes[v.node].inputs[0], [*constant, *linear, *square]),
            _ => (v.node, [0.0, 1.0, 0.0]),
        };
        let [a, b] = xs else { return Ok(None) };
        if a.order != b.order {
            return Ok(None);
        }
        let ((na, pa), (nb, pb)) = (read(a), read(b));
        if na != nb || (pa[2] == 0.0 && pb[2] == 0.0) {
            return Ok(None);
        }
        let p: Vec<f32> = (0..3)
            .map(|i| factors[0] * pa[i] + factors[1] * pb[i])
            .collect();
        let source = Value {
            node: na,
            ..a.clone()
        };
        self.activation(
            &source,
            Activation::Polynomial {
                square: p[2],
                linear: p[1],
                constant: p[0],
            },
        )
        .map(Some)
    }

    /// Elementwise product; only of a tensor with itself.
    pub fn square(&mut self, a: &Value, b: &Value) -> Result<Value> {
        if !a.same_tensor(b) {
            return Err(Error::invalid(
                "multiplies two different tensors; supported are x*x and products with a constant",
            ));
        }
        self.activation(
            a,
            Activation::Polynomial {
                square: 1.0,
                linear: 0.0,
                constant: 0.0,
            },
        )
    }
}
