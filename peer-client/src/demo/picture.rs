//! The picture that the demo sends.

use std::path::Path;

use image::{Rgb, RgbImage};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 800;

/// Paints a pond in the evening and saves it as PNG, about a megabyte.
pub(super) fn paint(path: &Path) -> anyhow::Result<()> {
    Ok(RgbImage::from_fn(WIDTH, HEIGHT, colour_at).save(path)?)
}

fn colour_at(x: u32, y: u32) -> Rgb<u8> {
    let (across, down) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
    let sun = 1.0 - ((across - 0.7).hypot((down - 0.35) * 0.67) * 5.0).clamp(0.0, 1.0);
    let [red, green, blue] = if down < 0.55 {
        [0.95 - 0.5 * (1.0 - down), 0.5 + 0.2 * sun, 0.55 - 0.3 * sun]
    } else {
        let wave = (down.mul_add(140.0, (across * 9.0).sin() * 2.0)).sin() * 0.06;
        [0.12 + wave + 0.3 * sun, 0.33 + wave, 0.38 + wave]
    };
    // Grain, so that the file is not packed to nothing: an integer hash of the place.
    let mut grain = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
    grain ^= grain >> 15;
    let grain = (grain.wrapping_mul(0x2C1B_3C6D) >> 29) as f32 / 255.0;
    let byte = |part: f32| ((part + 0.2 * sun + grain).clamp(0.0, 1.0) * 255.0) as u8;
    Rgb([byte(red), byte(green), byte(blue)])
}
