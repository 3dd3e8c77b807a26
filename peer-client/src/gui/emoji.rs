//! Emoji in colour, wherever there is text: each cluster is drawn from its Twemoji picture.
//!
//! Twemoji's graphics are by Twitter and other contributors, under CC-BY 4.0.

use egui::{
    Color32, ColorImage, FontPriority, GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest,
    RasterizedGlyph, vec2,
};
use resvg::{tiny_skia, usvg};
use twemoji_assets::svg::SvgTwemojiAsset;
use unicode_segmentation::UnicodeSegmentation as _;

/// Emoji alone in a message are drawn large up to this many.
const JUMBO_MAX: usize = 3;
/// Asks for the picture in colour.
const PICTURE: char = '\u{fe0f}';

/// Side of the picture, its distance from the top of the line and its margin, relative to the
/// size of type.
const SIDE: f32 = 1.17;
const RISE: f32 = 0.94;
const MARGIN: f32 = 0.05;

/// Draws emoji in colour from now on.
pub(crate) fn install(context: &egui::Context) {
    let rasterizer = GlyphRasterizer::new("natterjack::emoji", raster);
    context.add_glyph_rasterizer(rasterizer.with_priority(FontPriority::Highest));
}

/// Whether there is a picture of an emoji.
pub(crate) fn has_picture(emoji: &str) -> bool {
    picture(emoji).is_some()
}

/// Whether a text is nothing but a few emoji, which are shown large.
pub(crate) fn is_jumbo(text: &str) -> bool {
    let text = text.trim();
    let mut count = 0;
    for cluster in text.graphemes(true) {
        count += 1;
        if count > JUMBO_MAX || !egui::has_emoji_presentation(cluster) || picture(cluster).is_none()
        {
            return false;
        }
    }
    count > 0
}

fn picture(cluster: &str) -> Option<&'static SvgTwemojiAsset> {
    SvgTwemojiAsset::from_emoji(cluster)
        .or_else(|| {
            let plain: String = cluster.chars().filter(|character| *character != PICTURE).collect();
            SvgTwemojiAsset::from_emoji(&plain)
        })
        .or_else(|| {
            emojis::get(cluster).and_then(|emoji| SvgTwemojiAsset::from_emoji(emoji.as_str()))
        })
}

fn raster(request: &GlyphRasterizerRequest<'_>) -> Option<RasterizedGlyph> {
    if !egui::has_emoji_presentation(request.cluster) {
        return None;
    }
    let svg: &str = picture(request.cluster)?;
    let side = (request.font_size_px * SIDE).round().max(1.0);
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).ok()?;
    let mut pixmap = tiny_skia::Pixmap::new(side as u32, side as u32)?;
    let scale = side / tree.size().width().max(tree.size().height());
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let pixels = pixmap
        .pixels()
        .iter()
        .map(|pixel| {
            Color32::from_rgba_premultiplied(
                pixel.red(),
                pixel.green(),
                pixel.blue(),
                pixel.alpha(),
            )
        })
        .collect();
    let margin = request.font_size_px * MARGIN;
    Some(RasterizedGlyph {
        bitmap: GlyphBitmap {
            image: ColorImage::new([side as usize, side as usize], pixels),
            offset_px: vec2(margin, -request.font_size_px * RISE),
            is_color: true,
        },
        advance_px: side + 2.0 * margin,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_emoji_are_jumbo_and_text_is_not() {
        for text in ["👍", "❤️", " 🎉🎉 ", "👨‍👩‍👧‍👦🇩🇪👍🏿", "1️⃣"]
        {
            assert!(is_jumbo(text), "{text}");
        }
        for text in ["", " ", "1", "ok", "👍 ok", "👍👍👍👍", "#"] {
            assert!(!is_jumbo(text), "{text}");
        }
    }

    #[test]
    fn families_flags_and_tones_have_pictures() {
        for emoji in ["😀", "❤", "👩🏽‍💻", "🏳️‍🌈", "🇪🇺", "#️⃣"] {
            assert!(has_picture(emoji), "{emoji}");
        }
        assert!(!has_picture("x"));
    }
}
