//! The text font, in three weights of one variable file, the icons, and the emoji.

use std::sync::Arc;

use egui::{
    FontData, FontDefinitions, FontFamily, FontId, FontTweak, epaint::text::VariationCoords,
};
use lucide_icons::{Icon, LUCIDE_FONT_BYTES};

use super::emoji;

/// Inter, cut down to Latin, Greek, Cyrillic and punctuation; `assets/Inter-OFL.txt` is its licence.
const INTER: &[u8] = include_bytes!("../../assets/InterVariable.ttf");

/// Families and the weight of each; regular is egui's own family for text.
const WEIGHTS: [(&str, f32); 2] = [("medium", 500.0), ("semibold", 620.0)];
const ICONS: &str = "icons";

/// Text of weight 400.
pub(crate) fn regular(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Text of weight 500.
pub(crate) fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(WEIGHTS[0].0.into()))
}

/// Text of weight 620.
pub(crate) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(WEIGHTS[1].0.into()))
}

/// The icons.
pub(crate) fn icons(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(ICONS.into()))
}

/// An icon as text in the font of [`icons`].
pub(crate) fn glyph(icon: Icon) -> String {
    icon.unicode().to_string()
}

/// Sets the fonts. Scripts that Inter does not have come from the system.
pub(crate) fn install(context: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    let fallbacks = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let mut add = |family: FontFamily, name: &str, weight: f32| {
        let coords = VariationCoords::new([(b"wght", weight)]);
        let data = FontData::from_static(INTER).tweak(FontTweak { coords, ..FontTweak::default() });
        let name = format!("inter-{name}");
        fonts.font_data.insert(name.clone(), Arc::new(data));
        let chain = std::iter::once(name).chain(fallbacks.iter().cloned()).collect();
        fonts.families.insert(family, chain);
    };
    add(FontFamily::Proportional, "regular", 420.0);
    for (name, weight) in WEIGHTS {
        add(FontFamily::Name(name.into()), name, weight);
    }
    fonts.font_data.insert(ICONS.to_owned(), Arc::new(FontData::from_static(LUCIDE_FONT_BYTES)));
    fonts.families.insert(FontFamily::Name(ICONS.into()), vec![ICONS.to_owned()]);
    context.set_fonts(fonts);
    emoji::install(context);
}
