//! Files to send.

use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};

/// Bytes without any pattern, the same for the same seed.
pub fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A PNG image of noise, which cannot be compressed: about three bytes a pixel.
pub fn noise_png(seed: &str, width: u32, height: u32) -> Vec<u8> {
    let pixels = noise(seed, (width * height * 3) as usize);
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
        .expect("memory takes what is written");
    png
}
