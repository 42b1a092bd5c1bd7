//! Layers, by family.

mod activation;
mod affine;
mod conv;
mod merge;
mod pool;
mod shape;

use super::attributes::Attributes;
use super::store::Array;
use crate::builder::{Builder, Value};
use crate::{Error, Result};

/// What a layer is applied with.
pub(super) struct Context<'a> {
    pub(super) builder: &'a mut Builder,
    pub(super) attributes: Attributes<'a>,
    /// The file was written by Keras 1 or 2, where a few defaults differ.
    pub(super) keras_2: bool,
    pub(super) inputs: &'a [Value],
    pub(super) parameters: Parameters<'a>,
}

/// Whether a class has weights in the file.
pub(super) fn has_weights(class: &str) -> bool {
    matches!(
        class,
        "Conv1D"
            | "Conv2D"
            | "Convolution1D"
            | "Convolution2D"
            | "DepthwiseConv1D"
            | "DepthwiseConv2D"
            | "SeparableConv1D"
            | "SeparableConv2D"
            | "Dense"
            | "BatchNormalization"
            | "PReLU"
            | "Normalization"
    )
}

/// Applies a layer to its inputs.
///
/// # Errors
/// [`Error::Unsupported`] naming layer, class and attribute.
pub(super) fn apply(mut cx: Context<'_>) -> Result<Value> {
    let (layer, class) = (cx.attributes.layer, cx.attributes.class);
    let y = dispatch(&mut cx).map_err(|e| e.at_node(layer, class))?;
    cx.parameters.end()?;
    Ok(y)
}

fn dispatch(cx: &mut Context<'_>) -> Result<Value> {
    match cx.attributes.class {
        "Conv1D" | "Convolution1D" => conv::conv(cx, 1),
        "Conv2D" | "Convolution2D" => conv::conv(cx, 2),
        "DepthwiseConv1D" => conv::depthwise(cx, 1),
        "DepthwiseConv2D" => conv::depthwise(cx, 2),
        "SeparableConv1D" => conv::separable(cx, 1),
        "SeparableConv2D" => conv::separable(cx, 2),
        "Dense" => affine::dense(cx),
        "BatchNormalization" => affine::batch_normalization(cx),
        "Normalization" => affine::normalization(cx),
        "Rescaling" => affine::rescaling(cx),
        "ReLU" => activation::relu(cx),
        "LeakyReLU" => activation::leaky_relu(cx),
        "PReLU" => activation::prelu(cx),
        "Softmax" => activation::softmax(cx),
        "Activation" => {
            let x = cx.one()?;
            activation::attribute(cx, x)
        }
        "Lambda" => activation::lambda(cx),
        "MaxPooling1D" | "MaxPool1D" => pool::pool(cx, 1, true),
        "MaxPooling2D" | "MaxPool2D" => pool::pool(cx, 2, true),
        "AveragePooling1D" | "AvgPool1D" => pool::pool(cx, 1, false),
        "AveragePooling2D" | "AvgPool2D" => pool::pool(cx, 2, false),
        "GlobalMaxPooling1D" | "GlobalMaxPool1D" => pool::global(cx, 1, true),
        "GlobalMaxPooling2D" | "GlobalMaxPool2D" => pool::global(cx, 2, true),
        "GlobalAveragePooling1D" | "GlobalAvgPool1D" => pool::global(cx, 1, false),
        "GlobalAveragePooling2D" | "GlobalAvgPool2D" => pool::global(cx, 2, false),
        "Add" => merge::sum(cx, |_| 1.0),
        "Subtract" => merge::subtract(cx),
        "Average" => {
            let share = 1.0 / cx.inputs.len().max(1) as f32;
            merge::sum(cx, |_| share)
        }
        "Multiply" => merge::multiply(cx),
        "Concatenate" => merge::concatenate(cx),
        "Flatten" => shape::flatten(cx),
        "Reshape" => shape::reshape(cx),
        "Permute" => shape::permute(cx),
        "ZeroPadding1D" => shape::zero_padding(cx, 1),
        "ZeroPadding2D" => shape::zero_padding(cx, 2),
        "UpSampling1D" => shape::upsampling(cx, 1),
        "UpSampling2D" => shape::upsampling(cx, 2),
        // Active only in training.
        "Dropout"
        | "SpatialDropout1D"
        | "SpatialDropout2D"
        | "AlphaDropout"
        | "GaussianDropout"
        | "GaussianNoise"
        | "ActivityRegularization"
        | "Identity" => cx.one(),
        class => Err(Error::unsupported(
            cx.attributes.layer,
            class,
            Some("class_name"),
            format!("found the layer class {class}; {}", closest(class)),
        )),
    }
}

/// What to use instead of a class that is not supported.
fn closest(class: &str) -> &'static str {
    match class {
        "Conv2DTranspose" | "Conv1DTranspose" => {
            "the closest supported form is UpSampling2D followed by Conv2D"
        }
        "ELU" | "GELU" | "Softplus" | "ThresholdedReLU" => {
            "the closest supported forms are ReLU, LeakyReLU and PReLU"
        }
        "LayerNormalization" | "GroupNormalization" | "UnitNormalization" => {
            "the closest supported form is BatchNormalization"
        }
        "Maximum" | "Minimum" | "Dot" => {
            "the closest supported forms are Add, Subtract, Average and Concatenate"
        }
        "LSTM" | "GRU" | "SimpleRNN" | "Bidirectional" | "TimeDistributed" | "Embedding"
        | "MultiHeadAttention" | "Attention" => {
            "the closest supported forms are Conv1D and Dense layers"
        }
        "Conv3D" | "MaxPooling3D" | "AveragePooling3D" => {
            "the closest supported forms are the 1-D and 2-D layers"
        }
        "TFOpLambda" | "SlicingOpLambda" | "TensorFlowOpLayer" => {
            "the closest supported form is the operation as a Keras layer (Add, Multiply, Rescaling, Reshape, ...)"
        }
        _ => {
            "supported are convolutions, Dense, BatchNormalization, pooling, activations, Add, Concatenate, Flatten, Reshape, Permute, padding, upsampling, Rescaling and quadratic Lambda layers"
        }
    }
}

impl Context<'_> {
    /// The only input.
    pub(super) fn one(&self) -> Result<Value> {
        match self.inputs {
            [x] => Ok(x.clone()),
            xs => Err(Error::invalid(format!(
                "has {} inputs, expected one",
                xs.len()
            ))),
        }
    }

    /// `x` as `[1, channels, rows, columns]`.
    pub(super) fn to_image(&self, x: &Value, spatial: usize, last: bool) -> Result<Value> {
        if x.dims().len() != spatial + 2 {
            return Err(Error::invalid(format!(
                "expected {} axes with the batch, got the dimensions {:?}",
                spatial + 2,
                x.dims()
            )));
        }
        match (spatial, last) {
            (1, _) => {
                let x = if last {
                    self.builder.transpose(x, &[0, 2, 1])?
                } else {
                    x.clone()
                };
                let d = x.dims().to_vec();
                self.builder.reshape(&x, &[1, d[1], 1, d[2]])
            }
            (_, true) => self.builder.transpose(x, &[0, 3, 1, 2]),
            (_, false) => Ok(x.clone()),
        }
    }

    /// The inverse of [`Self::to_image`].
    pub(super) fn undo_image(&self, y: &Value, spatial: usize, last: bool) -> Result<Value> {
        match (spatial, last) {
            (1, _) => {
                let d = y.dims().to_vec();
                let y = self.builder.reshape(y, &[1, d[1], d[3]])?;
                if last {
                    self.builder.transpose(&y, &[0, 2, 1])
                } else {
                    Ok(y)
                }
            }
            (_, true) => self.builder.transpose(y, &[0, 2, 3, 1]),
            (_, false) => Ok(y.clone()),
        }
    }
}

/// The weights of a layer, taken one by one.
pub(super) struct Parameters<'a> {
    layer: &'a str,
    class: &'a str,
    arrays: std::vec::IntoIter<Array>,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(layer: &'a str, class: &'a str, arrays: Vec<Array>) -> Self {
        Self {
            layer,
            class,
            arrays: arrays.into_iter(),
        }
    }

    fn next(&mut self, what: &str) -> Result<Array> {
        let array = self.arrays.next().ok_or_else(|| {
            self.refuse(what, "found no such weight in the file; the closest supported form is a file saved with its weights".into())
        })?;
        // `.h5` files name the weights. Keras calls a depthwise kernel both ways.
        const KNOWN: [&str; 9] = [
            "kernel",
            "depthwise_kernel",
            "pointwise_kernel",
            "bias",
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance",
            "alpha",
        ];
        let name = array.name.as_str();
        let alias = what == "depthwise_kernel" && name == "kernel";
        if KNOWN.contains(&name) && name != what && !alias {
            return Err(self.refuse(what, format!("found the weight '{name}' in its place; the closest supported form is Keras's own order")));
        }
        if let Some(i) = array.values.iter().position(|v| !v.is_finite()) {
            return Err(self.refuse(
                what,
                format!(
                    "found {} at position {i}; all parameters must be finite numbers",
                    array.values[i]
                ),
            ));
        }
        Ok(array)
    }

    /// The next weight, which must have these dimensions.
    pub(super) fn take(&mut self, what: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let array = self.next(what)?;
        if array.dims != dims {
            return Err(self.refuse(
                what,
                format!(
                    "found a weight of dimensions {:?}; expected {dims:?}",
                    array.dims
                ),
            ));
        }
        Ok(array.values)
    }

    /// The next weight, of any dimensions.
    pub(super) fn any(&mut self, what: &str) -> Result<Array> {
        self.next(what)
    }

    fn refuse(&self, what: &str, reason: String) -> Error {
        Error::unsupported(self.layer, self.class, Some(what), reason)
    }

    fn end(self) -> Result<()> {
        match self.arrays.len() {
            0 => Ok(()),
            n => Err(self.refuse(
                "weights",
                format!("found {n} weights more than the configuration asks for; expected none"),
            )),
        }
    }
}
