//! PNG and JPEG files.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::layout::Order;
use super::resize;
use super::source::io_error;
use crate::network::InputSpec;
use crate::{Error, Result, limits};

/// Bytes of an image file; also what its decoder may allocate.
const MAX_BYTES: u64 = 1 << 28;
/// Rows or columns of an image.
const MAX_SIDE: u32 = 1 << 14;

/// The pixels of the image `path`, as `format` wants them.
pub(super) fn read(path: &Path, format: &InputSpec) -> Result<Vec<i32>> {
    let unreadable = |reason: String| {
        Error::malformed(
            "PNG or JPEG image",
            format!("{}: {reason}; replace or remove it", path.display()),
        )
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| io_error(path, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!("longer than {MAX_BYTES} bytes")));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| io_error(path, error))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(unreadable("neither PNG nor JPEG".into()));
    }
    let mut allowed = Limits::default();
    allowed.max_image_width = Some(MAX_SIDE);
    allowed.max_image_height = Some(MAX_SIDE);
    allowed.max_alloc = Some(MAX_BYTES);
    reader.limits(allowed);
    let decoder = reader
        .into_decoder()
        .map_err(|error| unreadable(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    // Before a pixel is decoded.
    let plan = Plan::new([height as usize, width as usize], format)
        .map_err(|reason| Error::invalid(format!("{}: {reason}", path.display())))?;
    let image =
        DynamicImage::from_decoder(decoder).map_err(|error| unreadable(error.to_string()))?;
    let image = with_channels(image, plan.channels)
        .ok_or_else(|| unreadable("more than 8 bits per channel, but values are 0..255".into()))?;
    plan.apply(image, format)
}

/// What has to be done to an image of some size.
struct Plan {
    channels: usize,
    resize: Option<[usize; 2]>,
    /// Rows and columns of the sample, at the centre of the image.
    crop: [usize; 2],
}

impl Plan {
    fn new(size: [usize; 2], format: &InputSpec) -> Result<Self, String> {
        let shape = format.shape;
        let [rows, columns] = format.resize.unwrap_or(size);
        let (channels, crop) = if format.flat {
            let pixels = limits::values(&[rows, columns]).filter(|&n| n > 0);
            let channels = pixels
                .filter(|&n| shape.len().is_multiple_of(n))
                .map(|n| shape.len() / n);
            (channels.unwrap_or(0), [rows, columns])
        } else {
            (shape.channels, [shape.height, shape.width])
        };
        let fits = match format.resize {
            // Compared with the crop when the format was checked.
            Some(_) => true,
            None => crop == size,
        };
        if !fits || ![1, 3, 4].contains(&channels) {
            return Err(wrong_size(size, format));
        }
        // The resampler keeps columns of the result by rows of the source, up to four bytes each.
        if format.resize.is_some() && limits::values(&[size[0], columns, 4]).is_none() {
            return Err(format!(
                "{}x{} pixels are too many to resize",
                size[1], size[0]
            ));
        }
        Ok(Self {
            channels,
            resize: format.resize.filter(|&resize| resize != size),
            crop,
        })
    }

    fn apply(&self, image: DynamicImage, format: &InputSpec) -> Result<Vec<i32>> {
        let size = [image.height() as usize, image.width() as usize];
        let [rows, columns] = self.resize.unwrap_or(size);
        let pixels = match self.resize {
            Some(resize) => resize::bicubic(image.as_bytes(), size, resize, self.channels),
            None => image.into_bytes(),
        };
        let [height, width] = self.crop;
        let (top, left) = (
            rows.saturating_sub(height) / 2,
            columns.saturating_sub(width) / 2,
        );
        let values: Vec<i32> = pixels
            .chunks_exact(columns.max(1) * self.channels)
            .skip(top)
            .take(height)
            .flat_map(|row| {
                row.iter()
                    .skip(left * self.channels)
                    .take(width * self.channels)
            })
            .map(|&value| value.into())
            .collect();
        if values.len() != format.shape.len() {
            return Err(Error::invalid(wrong_size([rows, columns], format)));
        }
        Ok(if format.flat {
            values
        } else {
            Order::ChannelsToFront(self.channels).apply(values)
        })
    }
}

/// The image as grey, RGB or RGBA; `None` if it has more than 8 bits per channel.
///
/// An alpha channel that is not wanted is dropped, grey is copied to all colours.
fn with_channels(image: DynamicImage, channels: usize) -> Option<DynamicImage> {
    let eight_bits = matches!(
        image,
        DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLumaA8(_)
            | DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgba8(_)
    );
    eight_bits.then(|| match (channels, &image) {
        (1, DynamicImage::ImageLuma8(_)) => image,
        (1, _) => DynamicImage::ImageLuma8(grey(&image)),
        (3, _) => DynamicImage::ImageRgb8(image.into_rgb8()),
        _ => DynamicImage::ImageRgba8(image.into_rgba8()),
    })
}

/// Luma with the weights of ITU-R BT.601, rounded as Pillow does.
///
/// `image` has the weights of BT.709; networks are trained on what Pillow, OpenCV
/// and TensorFlow give, which is BT.601.
fn grey(image: &DynamicImage) -> GrayImage {
    let rgb = image.to_rgb8();
    GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [r, g, b] = rgb.get_pixel(x, y).0.map(u32::from);
        // The weights add up to 2^16, so the result is at most 255.
        image::Luma([((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8])
    })
}

fn wrong_size([rows, columns]: [usize; 2], format: &InputSpec) -> String {
    let shape = format.shape;
    let found = format!("the image has {columns}x{rows} pixels (width x height)");
    match format.resize {
        _ if !format.flat && ![1, 3, 4].contains(&shape.channels) => format!(
            "the network wants {} channels, but images have 1, 3 or 4; give .npy",
            shape.channels
        ),
        _ if format.flat => format!(
            "{found}, but the network wants {} values (pixels times 1, 3 or 4 channels); \
             resize the image, or import with --resize and pleat does",
            shape.len()
        ),
        _ => format!(
            "{found}, but the network wants {}x{}; \
             resize the image, or import with --resize and pleat does",
            shape.width, shape.height
        ),
    }
}

/// Refuses sizes that no image could be resized to, or that are smaller than the network's.
pub(super) fn check_resize(format: &InputSpec) -> Result<()> {
    let Some([rows, columns]) = format.resize else {
        return Ok(());
    };
    let shape = format.shape;
    let largest = MAX_SIDE as usize;
    let possible = (1..=largest).contains(&rows)
        && (1..=largest).contains(&columns)
        && limits::values(&[rows, columns, 4]).is_some();
    let covers = || {
        if format.flat {
            [1, 3, 4].iter().any(|c| c * rows * columns == shape.len())
        } else {
            rows >= shape.height && columns >= shape.width
        }
    };
    if possible && covers() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "images cannot be resized to {rows} rows and {columns} columns for an input of {shape}; \
         give sizes of at least the network's, whose centre is then cut out \
         (for a flat input: rows * columns * 1, 3 or 4 channels = {})",
        shape.len()
    )))
}
