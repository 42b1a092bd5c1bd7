//! One node of the file with its inputs resolved: what the operator files work on.

use std::rc::Rc;

use super::proto::{AttributeProto, NodeProto};
use super::tensor::{Constant, Data};
use crate::builder::Value;
use crate::{Error, Result, limits};

/// What a tensor name stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// Known at import.
    Constant(Rc<Constant>),
    /// Depends on the sample.
    Value(Value),
}

/// Numbers of `AttributeProto.AttributeType`, for files that say it.
const FLOAT: i32 = 1;
const INT: i32 = 2;
const STRING: i32 = 3;
const TENSOR: i32 = 4;
const FLOATS: i32 = 6;
const INTS: i32 = 7;

/// A node being imported.
pub(super) struct Node<'a> {
    pub(super) proto: &'a NodeProto,
    /// Name in the file, or operator and index.
    pub(super) name: String,
    pub(super) inputs: Vec<Option<Binding>>,
    pub(super) opset: i64,
}

impl Node<'_> {
    pub(super) fn op(&self) -> &str {
        &self.proto.op_type
    }

    /// An error of this node; `attribute` names the attribute or input at fault.
    pub(super) fn error(&self, attribute: Option<&str>, reason: impl Into<String>) -> Error {
        Error::unsupported(&self.name, self.op(), attribute, reason)
    }

    fn attribute(&self, name: &str, kind: i32, what: &str) -> Result<Option<&AttributeProto>> {
        match self.proto.attribute.iter().find(|a| a.name == name) {
            Some(a) if a.kind != 0 && a.kind != kind => {
                Err(self.error(Some(name), format!("expected {what}")))
            }
            found => Ok(found),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.proto.attribute.iter().any(|a| a.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self
            .attribute(name, INT, "an integer")?
            .map_or(default, |a| a.i))
    }

    /// A 0 or 1 attribute.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self.int(name, default.into())? != 0)
    }

    /// A finite number.
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32> {
        let v = self
            .attribute(name, FLOAT, "a number")?
            .map_or(default, |a| a.f);
        if v.is_finite() {
            Ok(v)
        } else {
            Err(self.error(Some(name), format!("{v}; expected a finite number")))
        }
    }

    /// A number that may be infinite.
    pub(super) fn bound(&self, name: &str) -> Result<Option<f32>> {
        Ok(self.attribute(name, FLOAT, "a number")?.map(|a| a.f))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&[f32]>> {
        Ok(self
            .attribute(name, FLOATS, "a list of numbers")?
            .map(|a| a.floats.as_slice()))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>> {
        Ok(self
            .attribute(name, INTS, "a list of integers")?
            .map(|a| a.ints.as_slice()))
    }

    pub(super) fn string(&self, name: &str, default: &str) -> Result<String> {
        Ok(self
            .attribute(name, STRING, "a string")?
            .map_or(default.to_owned(), |a| {
                String::from_utf8_lossy(&a.s).into_owned()
            }))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<Constant>> {
        match self.attribute(name, TENSOR, "a tensor")? {
            None => Ok(None),
            Some(a) => {
                let proto =
                    a.t.as_ref()
                        .ok_or_else(|| self.error(Some(name), "expected a tensor"))?;
                Constant::read(proto, &self.name).map(Some)
            }
        }
    }

    /// Input `i`, `None` if it is omitted.
    pub(super) fn input(&self, i: usize) -> Option<&Binding> {
        self.inputs.get(i).and_then(Option::as_ref)
    }

    /// Input `i`, which must depend on the sample.
    pub(super) fn value(&self, i: usize) -> Result<&Value> {
        match self.input(i) {
            Some(Binding::Value(v)) => Ok(v),
            Some(Binding::Constant(_)) => Err(self.error(
                None,
                format!(
                    "input {i} ('{}') is a constant; supported is a tensor that depends on the model's input",
                    self.input_name(i)
                ),
            )),
            None => Err(self.error(None, format!("input {i} is missing"))),
        }
    }

    /// Name of input `i` in the file.
    pub(super) fn input_name(&self, i: usize) -> &str {
        self.proto.input.get(i).map_or("", String::as_str)
    }

    /// Input `i` if it is given; it must be constant. `role` is its name in the operator's specification.
    pub(super) fn constant(&self, i: usize, role: &str) -> Result<Option<&Rc<Constant>>> {
        match self.input(i) {
            None => Ok(None),
            Some(Binding::Constant(c)) => Ok(Some(c)),
            Some(Binding::Value(_)) => Err(self.error(
                Some(role),
                format!(
                    "'{}' depends on the model's input; supported is a constant",
                    self.input_name(i)
                ),
            )),
        }
    }

    /// Input `i` as finite floats with their dimensions, if given.
    pub(super) fn weights(&self, i: usize, role: &str) -> Result<Option<(&[f32], &[usize])>> {
        let Some(c) = self.constant(i, role)? else {
            return Ok(None);
        };
        let Data::Float(values) = &c.data else {
            return Err(self.error(
                Some(role),
                format!(
                    "'{}' holds integers; supported are float weights",
                    self.input_name(i)
                ),
            ));
        };
        if let Some((at, v)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(self.error(
                Some(role),
                format!(
                    "value {at} of '{}' is {v}; all parameters must be finite numbers",
                    self.input_name(i)
                ),
            ));
        }
        Ok(Some((values, &c.dims)))
    }

    /// As [`Self::weights`], for an input that must be given.
    pub(super) fn required(&self, i: usize, role: &str) -> Result<(&[f32], &[usize])> {
        self.weights(i, role)?
            .ok_or_else(|| self.error(Some(role), "it is missing"))
    }

    /// Input `i` as integers, if given.
    pub(super) fn int_input(&self, i: usize, role: &str) -> Result<Option<&[i64]>> {
        match self.constant(i, role)?.map(|c| &c.data) {
            None => Ok(None),
            Some(Data::Int(v)) => Ok(Some(v)),
            Some(Data::Float(_)) => Err(self.error(Some(role), "expected integers")),
        }
    }

    /// One number given as an input.
    pub(super) fn scalar_input(&self, i: usize, role: &str) -> Result<Option<f32>> {
        let Some(c) = self.constant(i, role)? else {
            return Ok(None);
        };
        match &c.data {
            Data::Float(v) if v.len() == 1 => Ok(v.first().copied()),
            Data::Int(v) if v.len() == 1 => Ok(v.first().map(|&v| v as f32)),
            _ => Err(self.error(
                Some(role),
                format!("dimensions {:?}; expected one number", c.dims),
            )),
        }
    }

    /// `axes` as a list in the attribute, or from opset `since` on in input `i`.
    pub(super) fn axes(&self, since: i64, i: usize) -> Result<Option<&[i64]>> {
        if self.opset < since {
            self.ints("axes")
        } else {
            self.int_input(i, "axes")
        }
    }

    /// `axis` counted from the end if negative, checked against `rank`.
    pub(super) fn axis(&self, axis: i64, rank: usize, name: &str) -> Result<usize> {
        resolve_axis(axis, rank)
            .ok_or_else(|| self.error(Some(name), format!("{axis}; the tensor has {rank} axes")))
    }

    /// A list of `n` sizes of at least `min`; `default` if the attribute is absent.
    pub(super) fn sizes(
        &self,
        name: &str,
        n: usize,
        min: i64,
        default: usize,
    ) -> Result<Vec<usize>> {
        let Some(list) = self.ints(name)? else {
            return Ok(vec![default; n]);
        };
        if list.len() != n {
            return Err(self.error(
                Some(name),
                format!("{} values {list:?}; expected {n}", list.len()),
            ));
        }
        list.iter()
            .map(|&v| {
                usize::try_from(v)
                    .ok()
                    .filter(|&u| v >= min && u <= limits::MAX_TENSOR_VALUES)
                    .ok_or_else(|| {
                        self.error(
                            Some(name),
                            format!(
                                "{list:?}; expected values of {min} to {}",
                                limits::MAX_TENSOR_VALUES
                            ),
                        )
                    })
            })
            .collect()
    }
}

/// An axis counted from the end if negative.
pub(super) fn resolve_axis(axis: i64, rank: usize) -> Option<usize> {
    let rank_i = i64::try_from(rank).ok()?;
    let at = if axis < 0 {
        axis.checked_add(rank_i)?
    } else {
        axis
    };
    usize::try_from(at).ok().filter(|&a| a < rank)
}
