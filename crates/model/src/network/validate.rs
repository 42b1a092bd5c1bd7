//! The invariants of an architecture and of its weights, checked wherever they are read.

use super::{
    Activation, Layer, LayerOp, LinearMap, MAX_BIAS_BITS, MAX_QUOTIENT_BITS, MAX_SHIFT, MAX_UNIT,
    MAX_WEIGHT_BITS, Network, ValueRange, Weights, rounding_shift, signed_range,
};
use crate::graph::{Shape, Window};
use crate::{Error, Result, limits};

impl Network {
    /// Checks every invariant of the architecture.
    ///
    /// Afterwards: indices are in range and topological, shapes follow from the operations, windows
    /// fit, widths are within the limits of this module, tables have their length, ranges are what
    /// the operation can produce, and no `i64` accumulator can overflow.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the layer.
    pub fn validate(&self) -> Result<()> {
        self.check()
            .map_err(|reason| Error::malformed("network", reason))
    }

    fn check(&self) -> Result<(), String> {
        let input = &self.input;
        let fail = |what: &str| Err(what.to_owned());
        if self.layers.is_empty() || self.layers.len() > limits::MAX_NODES {
            return fail("no layer, or too many");
        }
        if self.outputs.is_empty() || self.outputs.len() > 1024 {
            return fail("no output, or too many");
        }
        if self.shift > MAX_SHIFT {
            return fail("the shift is too large");
        }
        // Not `plane()`: the shape is checked with layer 0 only, and its product may overflow.
        if input.flat && (input.shape.height != 1 || input.shape.width != 1) {
            return fail("a flat input that is no vector");
        }
        let resizable = |[h, w]: [usize; 2]| {
            let values = limits::values(&[input.shape.channels, h, w]);
            h <= 1 << 14 && w <= 1 << 14 && values.is_some_and(|n| n > 0)
        };
        if input.resize.is_some_and(|size| !resizable(size)) {
            return fail("the size images are resized to is zero or too large");
        }
        let mut total = 0usize;
        let mut parameters = 0usize;
        let mut operations = 0usize;
        for (i, layer) in self.layers.iter().enumerate() {
            let s = layer.shape;
            let values = limits::values(&[s.channels, s.height, s.width]).unwrap_or(0);
            if values == 0 {
                return Err(format!(
                    "{}: an empty or too large tensor",
                    self.layer_name(i)
                ));
            }
            total += values;
            if total > limits::MAX_TOTAL_VALUES {
                return fail("too many values");
            }
            if layer.inputs.iter().any(|&j| j >= i) {
                return Err(format!("{} reads a later layer", self.layer_name(i)));
            }
            self.check_layer(i)
                .map_err(|e| format!("{}: {e}", self.layer_name(i)))?;
            parameters = parameters
                .checked_add(self.kernel_len(i) + self.bias_len(i))
                .filter(|&n| n <= limits::MAX_PARAMETERS)
                .ok_or("too many parameters")?;
            // Windows may be far larger than the tensors they slide over.
            operations = self
                .operations(i)
                .and_then(|n| operations.checked_add(n))
                .filter(|&n| n <= limits::MAX_OPERATIONS)
                .ok_or_else(|| format!("{}: too many operations", self.layer_name(i)))?;
        }
        for (k, output) in self.outputs.iter().enumerate() {
            if output.layer >= self.layers.len() {
                return Err(format!("{} names no layer", self.output_name(k)));
            }
            if let Some(unit) = output.unit.filter(|u| u.unsigned_abs() > MAX_UNIT) {
                return Err(format!("{} has the unit 2^{unit}", self.output_name(k)));
            }
        }
        Ok(())
    }

    /// Steps the executor takes for layer `i`; `None` if they cannot be counted.
    fn operations(&self, i: usize) -> Option<usize> {
        let layer = &self.layers[i];
        let area = |w: &Window| w.kernel[0].checked_mul(w.kernel[1]);
        let each = match &layer.op {
            LayerOp::Linear { map, .. } => match map {
                LinearMap::Conv {
                    out_channels,
                    window,
                    ..
                } => area(window)?.max(self.kernel_len(i) / out_channels),
                LinearMap::AveragePool { window, .. } => area(window)?,
                LinearMap::Sum { multipliers } => multipliers.len(),
            },
            LayerOp::MaxPool { window } => area(window)?,
            _ => 1,
        };
        layer.shape.len().checked_mul(each)
    }

    fn check_layer(&self, i: usize) -> Result<(), String> {
        let layer = &self.layers[i];
        let inputs: Vec<&Layer> = layer.inputs.iter().map(|&j| &self.layers[j]).collect();
        let r = layer.range;
        let limit = 1 << (MAX_QUOTIENT_BITS - 1);
        // Unsigned 16-bit values are allowed; anything wider fits no table.
        if r.min > r.max || r.min < -limit || r.max >= 2 * limit {
            return Err(format!("impossible range {}..={}", r.min, r.max));
        }
        let arity = |n: usize| {
            if inputs.len() == n {
                Ok(())
            } else {
                Err(format!("{} inputs, expected {n}", inputs.len()))
            }
        };
        let same_range = |x: &Layer| {
            if x.range == r {
                Ok(())
            } else {
                Err("a range that differs from its input's".to_owned())
            }
        };
        let windowed = |w: &Window, channels: usize, x: &Layer| {
            let out = w
                .output(x.shape.height, x.shape.width)
                .ok_or("a window that does not fit")?;
            if layer.shape == Shape::new(channels, out[0], out[1]) {
                Ok(())
            } else {
                Err("a shape that does not follow from its window".to_owned())
            }
        };
        // Largest absolute value of an input, at most 2^16.
        let magnitude = |x: &Layer| x.range.min.unsigned_abs().max(x.range.max.unsigned_abs());
        let accumulates = |reach: Option<i64>| match reach {
            Some(n) if n <= limits::MAX_ACCUMULATOR => Ok(()),
            _ => Err("multipliers that overflow the accumulator".to_owned()),
        };
        match &layer.op {
            LayerOp::Input => {
                arity(0)?;
                if i != 0 || layer.shape != self.input.shape || layer.range != self.input.range {
                    return Err("an input that is not the network's".into());
                }
            }
            _ if i == 0 => return Err("the first layer is not the input".into()),
            LayerOp::Linear {
                map,
                shift,
                quotient_bits,
                activation,
            } => {
                if *shift != 0 && *shift != self.shift {
                    return Err(format!("shift {shift}, expected 0 or {}", self.shift));
                }
                if *quotient_bits == 0 || *quotient_bits > MAX_QUOTIENT_BITS {
                    return Err(format!("a quotient of {quotient_bits} bits"));
                }
                match map {
                    LinearMap::Conv {
                        out_channels,
                        groups,
                        window,
                        weight_bits,
                        bias_bits,
                    } => {
                        arity(1)?;
                        let channels = inputs[0].shape.channels;
                        if *groups == 0
                            || !channels.is_multiple_of(*groups)
                            || out_channels % groups != 0
                        {
                            return Err("groups that do not divide the channels".into());
                        }
                        windowed(window, *out_channels, inputs[0])?;
                        if *weight_bits == 0
                            || *weight_bits > MAX_WEIGHT_BITS
                            || *bias_bits == 0
                            || *bias_bits > MAX_BIAS_BITS
                        {
                            return Err("weights or biases too wide".into());
                        }
                        let kernel = limits::values(&[*out_channels, channels / groups])
                            .and_then(|n| n.checked_mul(window.kernel[0]))
                            .and_then(|n| n.checked_mul(window.kernel[1]))
                            .filter(|&n| n <= limits::MAX_PARAMETERS);
                        if kernel.is_none() {
                            return Err("too many weights".into());
                        }
                    }
                    LinearMap::AveragePool {
                        window,
                        multipliers,
                    } => {
                        arity(1)?;
                        windowed(window, inputs[0].shape.channels, inputs[0])?;
                        if multipliers.len() != 1 && multipliers.len() != layer.shape.plane() {
                            return Err(
                                "a number of multipliers that fits neither 1 nor the positions"
                                    .into(),
                            );
                        }
                        let largest = multipliers.iter().map(|m| m.unsigned_abs()).max();
                        let reach = window.kernel[0]
                            .checked_mul(window.kernel[1])
                            .and_then(|n| i64::try_from(n).ok())
                            .and_then(|n| n.checked_mul(i64::from(magnitude(inputs[0]))))
                            .and_then(|n| n.checked_mul(i64::from(largest.unwrap_or(0))));
                        accumulates(reach)?;
                    }
                    LinearMap::Sum { multipliers } => {
                        arity(multipliers.len())?;
                        if inputs.is_empty() || inputs.iter().any(|x| x.shape != layer.shape) {
                            return Err("a sum of different shapes".into());
                        }
                        let reach = multipliers.iter().zip(&inputs).try_fold(0i64, |n, (m, x)| {
                            n.checked_add(i64::from(m.unsigned_abs()) * i64::from(magnitude(x)))
                        });
                        accumulates(reach)?;
                    }
                }
                match activation {
                    Activation::Clamp => {}
                    Activation::Slope { slopes, shift } => {
                        if *shift > 16
                            || slopes.iter().any(|s| s.unsigned_abs() > 1 << 20)
                            || (slopes.len() != 1 && slopes.len() != layer.shape.channels)
                        {
                            return Err("impossible slopes".into());
                        }
                        let q = 1i64 << (quotient_bits - 1);
                        let wraps = |s: &i32| {
                            rounding_shift(i64::from(s.unsigned_abs()) * q, *shift)
                                > i64::from(i32::MAX)
                        };
                        if slopes.iter().any(wraps) {
                            return Err("slopes that overflow".into());
                        }
                    }
                    Activation::Table { values } => {
                        if values.len() != 1 << quotient_bits {
                            return Err(format!("a table of {} rows", values.len()));
                        }
                    }
                }
            }
            LayerOp::MaxPool { window } => {
                arity(1)?;
                same_range(inputs[0])?;
                windowed(window, inputs[0].shape.channels, inputs[0])?;
                let span = |a: usize| (window.kernel[a] - 1) * window.dilation[a] + 1;
                if (0..4).any(|p| window.pads[p] > 0 && window.pads[p] >= span(p % 2)) {
                    return Err("a window that lies in the padding".into());
                }
                // With dilation a window may step over its whole input.
                let [height, width] = [inputs[0].shape.height, inputs[0].shape.width];
                if !window.covers(0, layer.shape.height, height)
                    || !window.covers(1, layer.shape.width, width)
                {
                    return Err("a window that covers no element".into());
                }
            }
            LayerOp::Concat => {
                let first = inputs.first().ok_or("a concatenation of nothing")?;
                let mut hull = first.range;
                let mut channels = 0usize;
                for x in &inputs {
                    hull = hull.hull(x.range);
                    channels += x.shape.channels;
                    if x.shape.height != layer.shape.height || x.shape.width != layer.shape.width {
                        return Err("a concatenation of different sizes".into());
                    }
                }
                if channels != layer.shape.channels || hull != r {
                    return Err("a shape or range that does not follow from its inputs".into());
                }
            }
            LayerOp::Pad { pads, value } => {
                arity(1)?;
                let grown =
                    |n: usize, a: usize, b: usize| n.checked_add(a).and_then(|n| n.checked_add(b));
                let x = inputs[0].shape;
                let border = ValueRange {
                    min: *value,
                    max: *value,
                };
                if x.channels != layer.shape.channels
                    || grown(x.height, pads[0], pads[2]) != Some(layer.shape.height)
                    || grown(x.width, pads[1], pads[3]) != Some(layer.shape.width)
                    || inputs[0].range.hull(border) != r
                {
                    return Err("impossible padding".into());
                }
            }
            LayerOp::Upsample { factors } => {
                arity(1)?;
                same_range(inputs[0])?;
                let x = inputs[0].shape;
                if x.channels != layer.shape.channels
                    || x.height.checked_mul(factors[0]) != Some(layer.shape.height)
                    || x.width.checked_mul(factors[1]) != Some(layer.shape.width)
                {
                    return Err("impossible factors".into());
                }
            }
            LayerOp::Rearrange { index } => {
                arity(1)?;
                same_range(inputs[0])?;
                let n = inputs[0].shape.len();
                if index.len() != layer.shape.len() || index.iter().any(|&s| s as usize >= n) {
                    return Err("an index outside its input".into());
                }
            }
        }
        Ok(())
    }

    /// Checks that `weights` are those of this [valid](Self::validate) network: every length, every width.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the layer.
    pub fn validate_weights(&self, weights: &Weights) -> Result<()> {
        let fail = |i: usize, what: &str| {
            Err(Error::malformed(
                "bundle",
                format!("{}: {what}", self.layer_name(i)),
            ))
        };
        if weights.layers.len() != self.layers.len() {
            return Err(Error::malformed(
                "bundle",
                "weights of another number of layers",
            ));
        }
        for (i, w) in weights.layers.iter().enumerate() {
            if w.kernel.len() != self.kernel_len(i) || w.bias.len() != self.bias_len(i) {
                return fail(i, "a wrong number of weights");
            }
            if let LayerOp::Linear {
                map:
                    LinearMap::Conv {
                        weight_bits,
                        bias_bits,
                        ..
                    },
                ..
            } = &self.layers[i].op
            {
                let (low, high) = signed_range(*weight_bits);
                if w.kernel
                    .iter()
                    .any(|&v| i64::from(v) < low || i64::from(v) > high)
                {
                    return fail(i, "a weight wider than declared");
                }
                let (low, high) = signed_range(*bias_bits);
                if w.bias.iter().any(|&v| v < low || v > high) {
                    return fail(i, "a bias wider than declared");
                }
            }
        }
        Ok(())
    }
}
