//! What a file to be sent is: a name fit for others, its media type, and for images the dimensions
//! and a preview. Reading images of others, with the same limits, is in [`picture`].

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom},
    path::Path,
};

use image::{ImageFormat, RgbaImage};
use thiserror::Error;
use wire::limits::BLOB_MAX;

mod file_name;
mod media_type;
pub mod picture;

pub use self::file_name::safe_file_name;

/// Why a file or an image was not read. The text is for a person.
#[derive(Debug, Error)]
pub enum MediaError {
    /// Reading failed.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// More bytes than an attachment may have.
    #[error("the file has {size} bytes; files of at most {} GiB can be sent", BLOB_MAX >> 30)]
    TooLarge {
        /// Its bytes.
        size: u64,
    },
    /// Not an image of a format that is read here.
    #[error("the file is not a PNG, JPEG, WebP or GIF image")]
    NotAnImage,
    /// An image beyond the limits of [`picture`].
    #[error("the image is too large to be shown")]
    ImageTooLarge,
    /// An image that does not follow its format.
    #[error("the image is damaged: {0}")]
    Broken(String),
}

/// What a message says about its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// File name as [`safe_file_name`] leaves it, at most `wire::limits::FILE_NAME_MAX` bytes.
    pub name: String,
    /// Media type, at most `wire::limits::MEDIA_TYPE_MAX` bytes.
    pub media_type: &'static str,
    /// Bytes of the file.
    pub size: u64,
    /// Width and height in pixels as the image is seen, that is after turning it as its metadata
    /// says. Present exactly when there is a preview.
    pub dimensions: Option<(u32, u32)>,
    /// A small JPEG of an image, at most `wire::limits::PREVIEW_MAX` bytes, without metadata.
    pub preview: Option<Vec<u8>>,
}

/// Reads what a message says about a file. Blocks; for an image it takes up to a second.
///
/// An image that is broken or beyond the limits is described as any other file.
pub fn prepare(name: &str, mut content: impl BufRead + Seek) -> Result<Prepared, MediaError> {
    let size = content.seek(SeekFrom::End(0))?;
    if size > BLOB_MAX {
        return Err(MediaError::TooLarge { size });
    }
    content.rewind()?;
    let format = guess_format(&mut content)?;
    content.rewind()?;
    let name = safe_file_name(name);
    let media_type = media_type::of(format, &name);
    let (dimensions, preview) = match preview(content) {
        Ok((dimensions, preview)) => (Some(dimensions), Some(preview)),
        Err(MediaError::Io(error)) => return Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, media_type, "no preview");
            (None, None)
        }
    };
    Ok(Prepared { name, media_type, size, dimensions, preview })
}

/// Reads like [`prepare`] what is in the file at `path`; `name` is the one that others see.
pub fn prepare_file(name: &str, path: &Path) -> Result<Prepared, MediaError> {
    prepare(name, BufReader::new(File::open(path)?))
}

/// Decodes an image of any origin, turned as its metadata says and shrunk so that no side exceeds
/// `max_side` pixels. An animation gives its first frame. Blocks, and may need some hundred MiB of
/// memory, so few should run at once.
pub fn decode_limited(bytes: &[u8], max_side: u32) -> Result<RgbaImage, MediaError> {
    picture::read(io::Cursor::new(bytes), max_side).map(|picture| picture.pixels)
}

/// Decodes like [`decode_limited`] what is in the file at `path`.
pub fn decode_file(path: &Path, max_side: u32) -> Result<RgbaImage, MediaError> {
    picture::read(BufReader::new(File::open(path)?), max_side).map(|picture| picture.pixels)
}

fn preview(content: impl BufRead + Seek) -> Result<((u32, u32), Vec<u8>), MediaError> {
    let picture = picture::read(content, picture::PREVIEW_SIDE)?;
    Ok((picture.dimensions, picture::preview(&picture.pixels)?))
}

fn guess_format(content: &mut impl BufRead) -> io::Result<Option<ImageFormat>> {
    let mut start = Vec::with_capacity(16);
    content.take(16).read_to_end(&mut start)?;
    Ok(image::guess_format(&start).ok().filter(|format| picture::FORMATS.contains(format)))
}

#[cfg(test)]
mod tests;
