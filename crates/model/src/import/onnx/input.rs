//! Dimensions and axis order of the model's input.

use super::proto::{ValueInfoProto, malformed};
use super::tensor::dtype;
use crate::graph::InputLayout;
use crate::import::{ImportOptions, guess_layout};
use crate::{Error, Result, limits};

/// The input's dimensions with a batch of one and the open sizes filled in.
pub(super) fn resolve(
    info: &ValueInfoProto,
    options: &ImportOptions,
) -> Result<(Vec<usize>, InputLayout)> {
    let name = &info.name;
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|t| t.tensor_type.as_ref())
        .ok_or_else(|| malformed(format!("input '{name}' is no tensor")))?;
    if !dtype::is_float(tensor.elem_type) {
        return Err(Error::invalid(format!(
            "input '{name}' has element type {}; supported are float tensors",
            tensor.elem_type
        )));
    }
    let shape = tensor.shape.as_ref().ok_or_else(|| {
        Error::invalid(format!(
            "input '{name}' has no shape; export the model with one"
        ))
    })?;
    if shape.dim.len() > limits::MAX_RANK {
        return Err(Error::invalid(format!(
            "input '{name}' has {} axes; supported are 2 to 4",
            shape.dim.len()
        )));
    }
    // Zero and negative sizes are how some exporters write "unknown".
    let known: Vec<Option<usize>> = shape
        .dim
        .iter()
        .map(|d| {
            d.dim_value
                .and_then(|v| usize::try_from(v).ok())
                .filter(|&v| v > 0)
        })
        .collect();
    let shown = known
        .iter()
        .map(|d| d.map_or("?".to_owned(), |d| d.to_string()))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(Some(batch)) = known.first()
        && *batch != 1
    {
        return Err(Error::invalid(format!(
            "input '{name}' has the dimensions [{shown}] with a fixed batch of {batch}; supported is a batch of 1 or a dynamic batch"
        )));
    }
    let mut dims: Vec<usize> = known.iter().map(|d| d.unwrap_or(0)).collect();
    if let Some(batch) = dims.first_mut() {
        *batch = 1;
    }
    let layout = options.layout.unwrap_or_else(|| guess_layout(&dims, false));
    if let Some(size) = options.size {
        for (axis, wanted) in image_axes(layout, dims.len()).into_iter().zip(size) {
            let Some(dim) = axis.and_then(|a| dims.get_mut(a)) else {
                continue;
            };
            if *dim != 0 && *dim != wanted {
                return Err(Error::invalid(format!(
                    "input '{name}' has the fixed dimensions [{shown}]; the given size {size:?} does not fit"
                )));
            }
            *dim = wanted;
        }
    }
    if dims.contains(&0) {
        return Err(Error::invalid(format!(
            "input '{name}' has the dimensions [{shown}]; give the size (rows and columns) of the image, \
             and the layout if it is not {layout:?} (channels must be fixed)"
        )));
    }
    Ok((dims, layout))
}

/// The axes of rows and columns.
fn image_axes(layout: InputLayout, rank: usize) -> [Option<usize>; 2] {
    match (layout, rank) {
        (InputLayout::Chw, 4) => [Some(2), Some(3)],
        (InputLayout::Cwh, 4) => [Some(3), Some(2)],
        (InputLayout::Hwc, 4) => [Some(1), Some(2)],
        (InputLayout::Whc, 4) => [Some(2), Some(1)],
        (InputLayout::Chw, 3) => [None, Some(2)],
        (InputLayout::Hwc, 3) => [None, Some(1)],
        _ => [None, None],
    }
}
