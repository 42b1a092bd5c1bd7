//! Random small valid networks with weights and samples.

use pleat_model::data::Sample;
use pleat_model::graph::{Shape, Window};
use pleat_model::network::{
    Activation, InputSpec, Layer, LayerOp, LayerWeights, LinearMap, Network, NetworkOutput,
    ValueRange, Weights, signed_bits, signed_range,
};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::random::index;

/// A network, and samples it does not refuse, with labels.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) network: Network,
    pub(crate) weights: Weights,
    pub(crate) samples: Vec<Sample>,
}

const MAX_VALUES: usize = 700;

/// Every kind of layer that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Conv,
    Dense,
    Depthwise,
    Grouped,
    Average,
    AveragePositions,
    Sum,
    MaxPool,
    MaxPoolPadded,
    Concat,
    Pad,
    Upsample,
    Rearrange,
}

pub(crate) const KINDS: [Kind; 13] = [
    Kind::Conv,
    Kind::Dense,
    Kind::Depthwise,
    Kind::Grouped,
    Kind::Average,
    Kind::AveragePositions,
    Kind::Sum,
    Kind::MaxPool,
    Kind::MaxPoolPadded,
    Kind::Concat,
    Kind::Pad,
    Kind::Upsample,
    Kind::Rearrange,
];

pub(crate) struct Generator<'a> {
    pub(crate) rng: &'a mut StdRng,
    network: Network,
    weights: Weights,
    inputs: Vec<Vec<i32>>,
}

fn range(min: i32, max: i32) -> ValueRange {
    ValueRange { min, max }
}

impl<'a> Generator<'a> {
    /// A network of the input alone, and `samples` samples.
    pub(crate) fn new(
        rng: &'a mut StdRng,
        shape: Shape,
        values: ValueRange,
        samples: usize,
    ) -> Self {
        let mut input = |_| {
            (0..shape.len())
                .map(|_| rng.gen_range(values.min..=values.max))
                .collect()
        };
        let inputs = (0..samples).map(&mut input).collect();
        let shift = rng.gen_range(0..7);
        Self {
            rng,
            network: Network {
                input: InputSpec {
                    shape,
                    flat: shape.plane() == 1,
                    range: values,
                    resize: None,
                },
                shift,
                layers: vec![Layer {
                    op: LayerOp::Input,
                    inputs: vec![],
                    shape,
                    range: values,
                }],
                outputs: vec![],
            },
            weights: Weights {
                layers: vec![LayerWeights::default()],
            },
            inputs,
        }
    }

    pub(crate) fn shape(&self, layer: usize) -> Shape {
        self.network.layers[layer].shape
    }

    /// Any of its layers.
    pub(crate) fn any(&mut self) -> usize {
        self.rng.gen_range(0..self.network.layers.len())
    }

    pub(crate) fn layers(&self) -> usize {
        self.network.layers.len()
    }

    /// The smallest range that contains those of some layers.
    pub(crate) fn hull(&self, layers: &[usize]) -> ValueRange {
        let ranges = layers.iter().map(|&l| self.network.layers[l].range);
        ranges.reduce(ValueRange::hull).unwrap()
    }

    fn outputs(&mut self, layers: &[usize]) {
        self.network.outputs = layers
            .iter()
            .map(|&layer| NetworkOutput { layer, unit: None })
            .collect();
    }

    /// Adds a layer if the network stays valid; a linear layer's quotient is as wide as the samples need.
    pub(crate) fn push(
        &mut self,
        op: LayerOp,
        inputs: Vec<usize>,
        shape: Shape,
        range: ValueRange,
    ) -> Option<usize> {
        if shape.len() > MAX_VALUES {
            return None;
        }
        let l = self.layers();
        let mut weights = LayerWeights::default();
        if let LayerOp::Linear {
            map:
                LinearMap::Conv {
                    out_channels,
                    groups,
                    window,
                    weight_bits,
                    bias_bits,
                },
            ..
        } = &op
        {
            let channels = self.shape(inputs[0]).channels / groups;
            let mut of = |bits: u32, n: usize| -> Vec<i64> {
                let (low, high) = signed_range(bits);
                (0..n)
                    .map(|_| match self.rng.gen_range(0..8) {
                        0 => low,
                        1 => high,
                        _ => self.rng.gen_range(low..=high),
                    })
                    .collect()
            };
            let kernel = out_channels * channels * window.kernel[0] * window.kernel[1];
            weights.kernel = of(*weight_bits, kernel).iter().map(|&w| w as i32).collect();
            weights.bias = of((*bias_bits).min(10), *out_channels);
        }
        self.network.layers.push(Layer {
            op,
            inputs,
            shape,
            range,
        });
        self.weights.layers.push(weights);
        self.outputs(&[l]);
        let fits = self.fit(l);
        if !fits {
            self.network.layers.pop();
            self.weights.layers.pop();
        }
        fits.then_some(l)
    }

    /// Narrows the quotient of a linear layer to what the samples need.
    fn fit(&mut self, l: usize) -> bool {
        if self.network.validate().is_err() {
            return false;
        }
        let mut traces = vec![];
        for input in &self.inputs {
            match self.network.trace(&self.weights, input, 0) {
                Ok(trace) => traces.push(trace),
                Err(_) => return false,
            }
        }
        let wider = self.rng.gen_range(0..2);
        let classes: Vec<i16> = (0..1 << 12)
            .map(|_| self.rng.gen_range(-200..200))
            .collect();
        if let LayerOp::Linear {
            shift,
            quotient_bits,
            activation,
            ..
        } = &mut self.network.layers[l].op
        {
            let quotients = traces.iter().flat_map(|t| &t.accumulators[l]);
            let bits = quotients
                .map(|a| signed_bits(a >> *shift))
                .max()
                .unwrap_or(1);
            *quotient_bits = bits + wider;
            if *quotient_bits > 12 {
                return false;
            }
            if let Activation::Table { values } = activation {
                *values = classes[..1 << *quotient_bits].to_vec();
            }
        }
        true
    }

    fn window(&mut self, most: usize, pads: usize) -> Window {
        let rng = &mut self.rng;
        let mut two = |from: usize, to: usize| [rng.gen_range(from..=to), rng.gen_range(from..=to)];
        let (a, b) = (two(0, pads), two(0, pads));
        Window {
            kernel: two(1, most),
            stride: two(1, 3),
            dilation: two(1, 2),
            pads: [a[0], a[1], b[0], b[1]],
        }
    }

    fn activation(&mut self, channels: usize) -> (Activation, ValueRange) {
        let rng = &mut self.rng;
        let shift = rng.gen_range(0..5);
        let mut slopes = |n: usize| Activation::Slope {
            slopes: (0..n).map(|_| rng.gen_range(-20..20)).collect(),
            shift,
        };
        let activation = match slopes(1) {
            one if shift == 1 => one,
            _ if shift == 2 => slopes(channels),
            // Its values follow with the width.
            _ if shift == 3 => Activation::Table {
                values: vec![0; 1 << 16],
            },
            _ => Activation::Clamp,
        };
        let ranges = [
            (0, 15),
            (-8, 7),
            (-20, 11),
            (0, 9),
            (-1, 0),
            (-100, 100),
            (3, 9),
            (-9, -2),
        ];
        let (min, max) = ranges[self.rng.gen_range(0..ranges.len())];
        (activation, range(min, max))
    }

    pub(crate) fn linear(
        &mut self,
        map: LinearMap,
        inputs: Vec<usize>,
        shape: Shape,
    ) -> Option<usize> {
        let (activation, range) = self.activation(shape.channels);
        let shift = match self.rng.gen_range(0..4) {
            0 => 0,
            _ => self.network.shift,
        };
        for shift in [shift, self.network.shift] {
            let op = LayerOp::Linear {
                map: map.clone(),
                shift,
                quotient_bits: 16,
                activation: activation.clone(),
            };
            if let Some(l) = self.push(op, inputs.clone(), shape, range) {
                return Some(l);
            }
        }
        None
    }

    pub(crate) fn conv(
        &mut self,
        input: usize,
        out_channels: usize,
        groups: usize,
        window: Window,
    ) -> Option<usize> {
        let s = self.shape(input);
        let [h, w] = window.output(s.height, s.width)?;
        let map = LinearMap::Conv {
            out_channels,
            groups,
            window,
            weight_bits: self.rng.gen_range(1..5),
            bias_bits: *[5, 10, 15, 16, 31, 40].choose(self.rng)?,
        };
        self.linear(map, vec![input], Shape::new(out_channels, h, w))
    }

    /// Channels that are several of another layer's outputs, so that awkward counts come together.
    pub(crate) fn point(&mut self, input: usize, out_channels: usize) -> Option<usize> {
        self.conv(input, out_channels, 1, Window::POINT)
    }

    /// Adds a layer of a kind that reads `input`.
    pub(crate) fn add(&mut self, kind: Kind, input: usize) -> Option<usize> {
        let s = self.shape(input);
        let values = self.network.layers[input].range;
        match kind {
            Kind::Conv => {
                let (channels, window) = (self.rng.gen_range(1..12), self.window(4, 2));
                self.conv(input, channels, 1, window)
            }
            Kind::Dense => {
                let window = Window {
                    kernel: [s.height, s.width],
                    ..Window::POINT
                };
                let classes = self.rng.gen_range(1..14);
                self.conv(input, classes, 1, window)
            }
            Kind::Depthwise => {
                let (times, window) = (self.rng.gen_range(1..=2), self.window(3, 1));
                self.conv(input, s.channels * times, s.channels, window)
            }
            Kind::Grouped => {
                let mut divisors: Vec<usize> = (2..=s.channels)
                    .filter(|g| s.channels.is_multiple_of(*g))
                    .collect();
                divisors.shuffle(self.rng);
                let (groups, window) = (*divisors.first()?, self.window(3, 1));
                let each = self.rng.gen_range(1..4);
                self.conv(input, groups * each, groups, window)
            }
            Kind::Average | Kind::AveragePositions => {
                let window = self.window(3, 1);
                let [h, w] = window.output(s.height, s.width)?;
                let multipliers = match kind {
                    Kind::Average => vec![self.rng.gen_range(-5..9)],
                    // As for windows that leave the padding out: few different values.
                    _ => (0..h * w)
                        .map(|i| {
                            let edge = i / w == 0 || i % w == 0 || (i / w + 1) == h;
                            if edge { 6 } else { 4 + (i as i32 * 7 / 23) % 2 }
                        })
                        .collect(),
                };
                let map = LinearMap::AveragePool {
                    window,
                    multipliers,
                };
                self.linear(map, vec![input], Shape::new(s.channels, h, w))
            }
            Kind::Sum => {
                let mut inputs = vec![input];
                inputs.extend((0..self.layers()).filter(|&l| self.shape(l) == s));
                if inputs.len() < 3 {
                    inputs.extend(self.point(input, s.channels));
                }
                inputs.truncate(self.rng.gen_range(1..=4));
                let multipliers = inputs.iter().map(|_| self.rng.gen_range(-7..9)).collect();
                self.linear(LinearMap::Sum { multipliers }, inputs, s)
            }
            Kind::MaxPool | Kind::MaxPoolPadded => {
                let window = match (kind, self.rng.gen_range(0..3)) {
                    (Kind::MaxPool, 0) => self.window(4, 0),
                    (Kind::MaxPool, _) => Window {
                        kernel: [2, 2],
                        stride: [2, 2],
                        ..Window::POINT
                    },
                    (_, 0) => self.window(3, 2),
                    (_, 1) => Window {
                        kernel: [3, 3],
                        stride: [2, 2],
                        pads: [0, 0, 1, 1],
                        ..Window::POINT
                    },
                    _ => Window {
                        kernel: [3, 3],
                        stride: [2, 2],
                        dilation: [1, 2],
                        pads: [1; 4],
                    },
                };
                let [h, w] = window.output(s.height, s.width)?;
                let shape = Shape::new(s.channels, h, w);
                self.push(LayerOp::MaxPool { window }, vec![input], shape, values)
            }
            Kind::Concat => {
                let same = |l: &usize| {
                    let other = self.shape(*l);
                    (other.height, other.width) == (s.height, s.width)
                };
                let mut inputs: Vec<usize> = (0..self.layers()).filter(same).collect();
                inputs.shuffle(self.rng);
                inputs.truncate(2);
                inputs.push(input);
                for channels in [3, 5] {
                    inputs.extend(self.point(input, channels));
                }
                let channels = inputs.iter().map(|&l| self.shape(l).channels).sum();
                let hull = self.hull(&inputs);
                let shape = Shape::new(channels, s.height, s.width);
                self.push(LayerOp::Concat, inputs, shape, hull)
            }
            Kind::Pad => {
                let pads: [usize; 4] = std::array::from_fn(|_| self.rng.gen_range(0..3));
                let value = self.rng.gen_range(-5..6);
                let shape = Shape::new(
                    s.channels,
                    s.height + pads[0] + pads[2],
                    s.width + pads[1] + pads[3],
                );
                let hull = values.hull(range(value, value));
                self.push(LayerOp::Pad { pads, value }, vec![input], shape, hull)
            }
            Kind::Upsample => {
                let factors = [self.rng.gen_range(1..=3), self.rng.gen_range(1..=3)];
                let shape = Shape::new(s.channels, s.height * factors[0], s.width * factors[1]);
                self.push(LayerOp::Upsample { factors }, vec![input], shape, values)
            }
            Kind::Rearrange => {
                let (index, shape) = index(self.rng, s);
                self.push(LayerOp::Rearrange { index }, vec![input], shape, values)
            }
        }
    }

    /// Ends with some outputs; labels are the network's own decisions about half of the time.
    pub(crate) fn finish(mut self, outputs: &[usize]) -> Case {
        self.outputs(outputs);
        self.network.validate().unwrap();
        self.network.validate_weights(&self.weights).unwrap();
        let classes = self.network.classes();
        let mut samples = vec![];
        for values in self.inputs {
            let trace = self.network.trace(&self.weights, &values, 0).unwrap();
            let best = Network::top1(&trace.values[outputs[0]]);
            let label = match self.rng.gen_range(0..2) {
                0 => best,
                _ => self.rng.gen_range(0..classes),
            };
            samples.push(Sample {
                values,
                label: Some(label as u32),
            });
        }
        Case {
            network: self.network,
            weights: self.weights,
            samples,
        }
    }
}
