//! Reading images of any origin with limits, and making previews of them.
//!
//! The limits are checked on the header, before pixels are allocated.

use std::{
    io::{BufRead, Seek, SeekFrom},
    panic::{self, AssertUnwindSafe},
};

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    RgbaImage, codecs::jpeg::JpegEncoder, imageops, metadata::Orientation,
};
use wire::limits::PREVIEW_MAX;

use super::MediaError;

/// Formats that are read.
pub const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif];
/// Largest encoded image that is read, in bytes: a JPEG is held in memory as a whole.
pub const ENCODED_MAX: u64 = 64 * 1024 * 1024;
/// Longest side of an image that is read, in pixels.
pub const SIDE_MAX: u32 = 16_384;
/// Pixels of an image that is read.
pub const PIXELS_MAX: u64 = 50_000_000;
/// What decoding one image may allocate, in bytes.
pub const DECODE_MEMORY: u64 = 256 * 1024 * 1024;

/// Longest side of a preview, in pixels.
pub(super) const PREVIEW_SIDE: u32 = 320;
/// Qualities of a preview's JPEG, tried in order before the preview is made smaller.
const PREVIEW_QUALITIES: [u8; 4] = [80, 65, 50, 35];

/// An image as it is seen.
pub(super) struct Picture {
    /// Its pixels, perhaps shrunk.
    pub(super) pixels: RgbaImage,
    /// Width and height before shrinking.
    pub(super) dimensions: (u32, u32),
}

/// Reads an image, turns it as its metadata says and shrinks it so that no side exceeds `max_side`
/// pixels.
pub(super) fn read(mut content: impl BufRead + Seek, max_side: u32) -> Result<Picture, MediaError> {
    let size = content.seek(SeekFrom::End(0))?;
    content.rewind()?;
    let reader = ImageReader::new(content).with_guessed_format()?;
    if !reader.format().is_some_and(|format| FORMATS.contains(&format)) {
        return Err(MediaError::NotAnImage);
    }
    if size > ENCODED_MAX {
        return Err(MediaError::ImageTooLarge);
    }
    // A hostile image must not end the thread that shows images.
    panic::catch_unwind(AssertUnwindSafe(|| decode(reader, max_side)))
        .unwrap_or_else(|_panic| Err(MediaError::Broken("its decoder failed".to_owned())))
}

/// Encodes a preview as JPEG, on white where the image is transparent, in as good a quality and
/// as large as fits into `wire::limits::PREVIEW_MAX`.
pub(super) fn preview(pixels: &RgbaImage) -> Result<Vec<u8>, MediaError> {
    let mut flat = on_white(pixels);
    loop {
        for quality in PREVIEW_QUALITIES {
            let mut encoded = Vec::with_capacity(PREVIEW_MAX);
            JpegEncoder::new_with_quality(&mut encoded, quality).encode_image(&flat)?;
            if encoded.len() <= PREVIEW_MAX {
                return Ok(encoded);
            }
        }
        let (width, height) = flat.dimensions();
        // Ends: an image of one pixel fits.
        flat = imageops::thumbnail(&flat, (width * 3 / 4).max(1), (height * 3 / 4).max(1));
    }
}

fn decode(
    mut reader: ImageReader<impl BufRead + Seek>,
    max_side: u32,
) -> Result<Picture, MediaError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODE_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > SIDE_MAX || pixels > PIXELS_MAX || decoder.total_bytes() > DECODE_MEMORY
    {
        return Err(MediaError::ImageTooLarge);
    }
    if pixels == 0 {
        return Err(MediaError::Broken("it has no pixels".to_owned()));
    }
    let orientation = decoder.orientation()?;
    let image = DynamicImage::from_decoder(decoder)?;
    // Shrinking comes first, so that turning needs little memory.
    let image = if width.max(height) > max_side {
        image.thumbnail(max_side.max(1), max_side.max(1))
    } else {
        image
    };
    let mut image = DynamicImage::ImageRgba8(image.into_rgba8());
    image.apply_orientation(orientation);
    let dimensions = if is_sideways(orientation) { (height, width) } else { (width, height) };
    Ok(Picture { pixels: image.into_rgba8(), dimensions })
}

fn is_sideways(orientation: Orientation) -> bool {
    match orientation {
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
    }
}

fn on_white(pixels: &RgbaImage) -> RgbImage {
    let blend = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u16::from(colour), u16::from(alpha));
        ((colour * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, alpha] = pixels.get_pixel(x, y).0;
        Rgb([blend(red, alpha), blend(green, alpha), blend(blue, alpha)])
    })
}

impl From<ImageError> for MediaError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::ImageTooLarge,
            ImageError::Unsupported(_) => Self::NotAnImage,
            // A cut file ends early, which is a fault of the file and not of the disk.
            other => Self::Broken(other.to_string()),
        }
    }
}
