//! Axis orders: bookkeeping until an operation needs an order its input does not have.

use std::sync::Arc;

use super::{Builder, Value};
use crate::graph::{Head, NodeId, Op, Shape};
use crate::{Error, Result, limits};

impl Builder {
    /// Reorders the axes: axis `i` of the result is axis `perm[i]` of `x`.
    pub fn transpose(&self, x: &Value, perm: &[usize]) -> Result<Value> {
        self.plain(x)?;
        let rank = x.dims.len();
        let mut seen = vec![false; rank];
        for &p in perm {
            if p >= rank || std::mem::replace(&mut seen[p], true) {
                return Err(Error::invalid(format!(
                    "{perm:?} is no permutation of {rank} axes"
                )));
            }
        }
        if perm.len() != rank {
            return Err(Error::invalid(format!(
                "{perm:?} is no permutation of {rank} axes"
            )));
        }
        if perm.first().is_some_and(|&p| p != 0) && x.dims.first() != Some(&1) {
            return Err(Error::invalid("the batch axis is moved"));
        }
        let dims: Vec<usize> = perm.iter().map(|&p| x.dims[p]).collect();
        let mut strides = vec![1usize; rank];
        for i in (0..rank.saturating_sub(1)).rev() {
            strides[i] = strides[i + 1] * x.dims[i + 1];
        }
        let strides: Vec<usize> = perm.iter().map(|&p| strides[p]).collect();
        let n = x.len();
        let mut order = Vec::with_capacity(n);
        let mut counter = vec![0usize; rank];
        let mut at = 0usize;
        for _ in 0..n {
            order.push(match &x.order {
                Some(o) => o[at],
                None => at as u32,
            });
            for axis in (0..rank).rev() {
                counter[axis] += 1;
                at += strides[axis];
                if counter[axis] < dims[axis] {
                    break;
                }
                at -= strides[axis] * dims[axis];
                counter[axis] = 0;
            }
        }
        Ok(Value {
            node: x.node,
            dims,
            order: identity_free(order),
            head: Head::Values,
        })
    }

    /// Gives the elements, in row-major order, other dimensions (also squeeze, unsqueeze, flatten).
    pub fn reshape(&self, x: &Value, dims: &[usize]) -> Result<Value> {
        self.plain(x)?;
        if dims.len() > limits::MAX_RANK || limits::values(dims) != Some(x.len()) {
            return Err(Error::invalid(format!(
                "cannot reshape {:?} to {dims:?}: the number of values differs",
                x.dims
            )));
        }
        Ok(Value {
            dims: dims.to_vec(),
            ..x.clone()
        })
    }

    /// The node whose CHW tensor is exactly `x` in row-major order with shape `shape`.
    pub(super) fn materialize(&mut self, x: &Value, shape: Shape) -> Result<NodeId> {
        self.plain(x)?;
        if x.order.is_none() && self.shape_of(x) == shape {
            return Ok(x.node);
        }
        if x.len() != shape.len() {
            return Err(Error::invalid(format!(
                "dimensions {:?} with more than one sample; the first axis must be the batch of one",
                x.dims
            )));
        }
        let index: Vec<u32> = match &x.order {
            Some(o) => o.to_vec(),
            None => (0..x.len() as u32).collect(),
        };
        self.push(Op::Rearrange { index }, vec![x.node], shape)
    }

    /// `x` as channels, rows, columns: accepts `[1, c, h, w]`, `[1, c, l]`, `[1, n]`.
    pub(super) fn image(&mut self, x: &Value) -> Result<(NodeId, Shape)> {
        let shape = match *x.dims.as_slice() {
            [1, c, h, w] => Shape::new(c, h, w),
            [1, c, l] => Shape::new(c, 1, l),
            [1, n] => Shape::new(n, 1, 1),
            _ => {
                return Err(Error::invalid(format!(
                    "expected an input of dimensions [1, channels, rows, columns], got {:?}",
                    x.dims
                )));
            }
        };
        Ok((self.materialize(x, shape)?, shape))
    }

    /// `x` as `[1, dims[axis], rest, 1]` and the permutation that was applied.
    pub(super) fn channel_first(&mut self, x: &Value, axis: usize) -> Result<(Value, Vec<usize>)> {
        let rank = x.dims.len();
        let (moved, perm) = if x.dims[..axis].iter().all(|&d| d == 1) {
            (x.clone(), (0..rank).collect())
        } else {
            if x.dims[0] != 1 {
                return Err(Error::invalid(format!(
                    "expected a batch of one first in {:?}",
                    x.dims
                )));
            }
            // The batch stays in front, or the way back would move it.
            let mut perm = vec![0, axis];
            perm.extend((1..rank).filter(|&i| i != axis));
            (self.transpose(x, &perm)?, perm)
        };
        let channels = x.dims[axis];
        let rest = x.len() / channels.max(1);
        // Keep the rows and columns of the canonical tensor where they are: no copy then.
        let shape = self.shape_of(&moved);
        let dims = if moved.order.is_none() && shape.channels == channels {
            [1, channels, shape.height, shape.width]
        } else {
            [1, channels, rest, 1]
        };
        Ok((self.reshape(&moved, &dims)?, perm))
    }

    pub(super) fn undo_channel_first(
        &mut self,
        y: &Value,
        dims: &[usize],
        perm: &[usize],
    ) -> Result<Value> {
        let moved: Vec<usize> = perm.iter().map(|&p| dims[p]).collect();
        let y = self.reshape(y, &moved)?;
        let mut inverse = vec![0; perm.len()];
        for (i, &p) in perm.iter().enumerate() {
            inverse[p] = i;
        }
        self.transpose(&y, &inverse)
    }
}

/// `None` if the order is the identity.
fn identity_free(order: Vec<u32>) -> Option<Arc<[u32]>> {
    if order.iter().enumerate().all(|(i, &o)| i == o as usize) {
        None
    } else {
        Some(order.into())
    }
}
