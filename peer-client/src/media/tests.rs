use std::io::Cursor;

use image::{
    DynamicImage, GenericImageView as _, ImageEncoder as _, Rgb, RgbImage, Rgba,
    codecs::webp::WebPEncoder,
};
use wire::limits::PREVIEW_MAX;

use super::*;

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) }
    })
    .into()
}

fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8])
    })
    .into()
}

fn prepared(name: &str, bytes: &[u8]) -> Prepared {
    prepare(name, Cursor::new(bytes)).unwrap()
}

#[track_caller]
fn assert_plain_file(bytes: &[u8], media_type: &str) {
    let prepared = prepared("photo.bin", bytes);
    assert_eq!(prepared.size, bytes.len() as u64);
    assert_eq!(prepared.media_type, media_type);
    assert_eq!((prepared.dimensions, prepared.preview), (None, None));
}

/// Puts an Exif block with this orientation behind a JPEG's first marker.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// A PNG of two bytes of pixels whose header claims the given size.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = !header.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    let small = encoded(&two_halves(2, 1), ImageFormat::Png);
    [&small[..12], &header, &crc.to_be_bytes(), &small[33..]].concat()
}

/// Overwrites the size in a JPEG's frame header.
fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = encoded(&two_halves(16, 16), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

#[test]
fn every_format_gets_its_type_size_and_a_small_preview() {
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        let bytes = encoded(&two_halves(900, 600), format);
        let prepared = prepared("dir/no extension", &bytes);
        assert_eq!(prepared.name, "no extension");
        assert_eq!(prepared.media_type, media_type);
        assert_eq!(prepared.dimensions, Some((900, 600)), "{format:?}");
        let preview = decode_limited(&prepared.preview.unwrap(), 1000).unwrap();
        assert_eq!(preview.dimensions(), (320, 213), "{format:?}");
        let [red, _, blue, _] = preview.get_pixel(20, 100).0;
        assert!(red > 150 && blue < 60, "{format:?}: left is red {red} blue {blue}");
    }
}

#[test]
fn small_image_is_not_enlarged() {
    let prepared = prepared("dot.png", &encoded(&two_halves(2, 1), ImageFormat::Png));
    let preview = decode_limited(&prepared.preview.unwrap(), 320).unwrap();
    assert_eq!(preview.dimensions(), (2, 1));
}

#[test]
fn preview_of_noise_fits() {
    let prepared = prepared("noise.png", &encoded(&noise(700, 700), ImageFormat::Png));
    let preview = prepared.preview.unwrap();
    assert!(preview.len() <= PREVIEW_MAX, "{} bytes", preview.len());
    assert_eq!(image::guess_format(&preview).unwrap(), ImageFormat::Jpeg);
}

#[test]
fn preview_shrinks_when_no_quality_fits() {
    let pixels = noise(600, 600).into_rgba8();
    let preview = picture::preview(&pixels).unwrap();
    assert!(preview.len() <= PREVIEW_MAX, "{} bytes", preview.len());
    let side = decode_limited(&preview, 1000).unwrap().width();
    assert!((100..600).contains(&side), "{side} pixels");
}

#[test]
fn extreme_proportions_keep_a_pixel() {
    let prepared = prepared("line.png", &encoded(&two_halves(16_000, 1), ImageFormat::Png));
    assert_eq!(prepared.dimensions, Some((16_000, 1)));
    let preview = decode_limited(&prepared.preview.unwrap(), 320).unwrap();
    assert_eq!(preview.dimensions(), (320, 1));
}

#[test]
fn transparency_becomes_white() {
    let clear = DynamicImage::from(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])));
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .write_image(clear.as_bytes(), 8, 8, clear.color().into())
        .unwrap();
    for bytes in [encoded(&clear, ImageFormat::Png), webp] {
        let preview = prepared("clear", &bytes).preview.unwrap();
        let pixel = decode_limited(&preview, 320).unwrap().get_pixel(4, 4).0;
        assert!(pixel.iter().all(|channel| *channel > 250), "{pixel:?}");
    }
}

#[test]
fn orientation_of_the_camera_is_applied() {
    let jpeg = encoded(&two_halves(400, 200), ImageFormat::Jpeg);
    // (orientation, dimensions as seen, corner that shows the stored image's left half)
    for (orientation, dimensions, (x, y)) in [
        (1, (400, 200), (10, 100)),
        (3, (400, 200), (310, 100)),
        (6, (200, 400), (80, 10)),
        (8, (200, 400), (80, 310)),
    ] {
        let prepared = prepared("photo.jpg", &with_orientation(&jpeg, orientation));
        assert_eq!(prepared.dimensions, Some(dimensions), "orientation {orientation}");
        let preview = decode_limited(&prepared.preview.unwrap(), 320).unwrap();
        assert_eq!(
            preview.width() > preview.height(),
            dimensions.0 > dimensions.1,
            "orientation {orientation}"
        );
        let [red, _, blue, _] = preview.get_pixel(x.min(preview.width() - 1), y).0;
        assert!(red > 150 && blue < 60, "orientation {orientation}: red {red} blue {blue}");
    }
}

#[test]
fn broken_images_are_plain_files() {
    let whole = encoded(&noise(64, 64), ImageFormat::Png);
    assert_plain_file(&whole[..whole.len() / 2], "image/png");
    assert_plain_file(&whole[..20], "image/png");
    assert_plain_file(b"\x89PNG\r\n\x1a\n", "image/png");
    assert_plain_file(b"GIF89a", "image/gif");
    assert_plain_file(b"RIFF\xff\xff\xff\xffWEBPVP8 \0\0\0\0", "image/webp");
    assert_plain_file(b"\xff\xd8\xff\xe0", "image/jpeg");
    assert_plain_file(b"hello", "application/octet-stream");
    assert_plain_file(b"", "application/octet-stream");
}

#[test]
fn huge_images_are_refused_by_their_header_and_sent_as_plain_files() {
    for bytes in [
        png_claiming(16_385, 1),
        png_claiming(1, 16_385),
        png_claiming(7_100, 7_100),
        png_claiming(u32::MAX >> 1, u32::MAX >> 1),
        jpeg_claiming(60_000, 60_000),
        jpeg_claiming(16_000, 16_000),
    ] {
        let error = decode_limited(&bytes, 320).unwrap_err();
        assert!(matches!(error, MediaError::ImageTooLarge), "{error:?}");
        assert!(prepared("bomb", &bytes).preview.is_none());
    }
}

#[test]
fn image_smaller_than_its_header_claims_is_refused() {
    let error = decode_limited(&png_claiming(7_000, 7_000), 320).unwrap_err();
    assert!(matches!(error, MediaError::Broken(_)), "{error:?}");
}

#[test]
fn formats_of_no_known_decoder_are_no_images() {
    let error = decode_limited(b"BM\0\0\0\0\0\0\0\0\x36\0\0\0", 320).unwrap_err();
    assert!(matches!(error, MediaError::NotAnImage), "{error:?}");
    let prepared = prepared("scan.bmp", b"BM\0\0\0\0\0\0\0\0\x36\0\0\0");
    assert_eq!(prepared.media_type, "image/bmp");
}

#[test]
fn damaged_bytes_never_panic() {
    let image = two_halves(40, 30);
    for format in picture::FORMATS {
        let whole = encoded(&image, format);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x5a;
            if let Ok(pixels) = decode_limited(&damaged, 64) {
                assert!(pixels.width() <= 64 && pixels.height() <= 64);
            }
        }
    }
}

#[test]
fn decoding_keeps_pixels_when_small_enough() {
    let pixels = decode_limited(&encoded(&two_halves(40, 30), ImageFormat::Png), 40).unwrap();
    assert_eq!(pixels.dimensions(), (40, 30));
    assert_eq!(DynamicImage::from(pixels).get_pixel(39, 0).0, [0, 0, 200, 255]);
}

#[test]
fn files_are_read_from_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stored");
    std::fs::write(&path, b"some text").unwrap();
    let prepared = prepare_file("notes.md", &path).unwrap();
    assert_eq!((prepared.size, prepared.media_type), (9, "text/markdown"));
    assert!(matches!(decode_file(&path, 9), Err(MediaError::NotAnImage)));
    std::fs::write(&path, encoded(&two_halves(40, 30), ImageFormat::Gif)).unwrap();
    assert_eq!(decode_file(&path, 20).unwrap().dimensions(), (20, 15));
    let none = directory.path().join("none");
    assert!(matches!(prepare_file("x", &none), Err(MediaError::Io(_))));
    assert!(matches!(decode_file(&none, 9), Err(MediaError::Io(_))));
}
