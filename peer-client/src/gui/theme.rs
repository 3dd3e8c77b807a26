//! The look: every colour, distance, radius and size of type. Nothing else names one.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, Margin, Shadow, Stroke, Style, TextStyle, Theme, Ui, Visuals, vec2,
};

use super::fonts;

/// Distances between things, in points.
pub(crate) mod space {
    /// Between parts of one thing.
    pub(crate) const XS: f32 = 4.0;
    /// Between things that belong together.
    pub(crate) const S: f32 = 8.0;
    /// Around the content of a control.
    pub(crate) const M: f32 = 12.0;
    /// Around the content of a panel.
    pub(crate) const L: f32 = 16.0;
    /// Between groups.
    pub(crate) const XL: f32 = 24.0;
}

/// Rounding of corners, in points.
pub(crate) mod radius {
    /// Small marks, quotes.
    pub(crate) const SMALL: u8 = 6;
    /// Buttons, rows.
    pub(crate) const CONTROL: u8 = 10;
    /// Bubbles.
    pub(crate) const BUBBLE: u8 = 16;
    /// A bubble's corner that touches the next one of its group.
    pub(crate) const JOINED: u8 = 5;
    /// Dialogs and pop-ups.
    pub(crate) const CARD: u8 = 16;
    /// Round ends.
    pub(crate) const PILL: u8 = 255;
}

/// Sizes of type, in points.
pub(crate) mod size {
    /// Times, states.
    pub(crate) const META: f32 = 11.5;
    /// Secondary lines.
    pub(crate) const SMALL: f32 = 13.0;
    /// Messages and controls.
    pub(crate) const BODY: f32 = 14.5;
    /// Names at the top of a view.
    pub(crate) const TITLE: f32 = 16.0;
    /// The title of a dialog.
    pub(crate) const HEADING: f32 = 20.0;
    /// The title of the first page.
    pub(crate) const DISPLAY: f32 = 28.0;
    /// Icons in buttons.
    pub(crate) const ICON: f32 = 20.0;
    /// Messages of nothing but a few emoji.
    pub(crate) const JUMBO: f32 = 44.0;
}

/// Seconds that things take to move or to fade.
pub(crate) const MOTION: f32 = 0.12;
/// Below this width the window shows one column.
pub(crate) const NARROW: f32 = 560.0;
/// From this width on there is room for three columns.
pub(crate) const WIDE: f32 = 1200.0;
/// Width of the list of conversations beside a conversation.
pub(crate) const SIDEBAR: f32 = 328.0;
/// Height of the bars at the top.
pub(crate) const BAR: f32 = 60.0;
/// Widest line of a bubble.
pub(crate) const BUBBLE_MAX: f32 = 520.0;

/// The colours of one of the two looks.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) dark: bool,
    /// Behind the messages.
    pub(crate) canvas: Color32,
    /// The list of conversations, bars.
    pub(crate) panel: Color32,
    /// Dialogs and pop-ups.
    pub(crate) card: Color32,
    /// Text fields.
    pub(crate) field: Color32,
    pub(crate) hover: Color32,
    pub(crate) pressed: Color32,
    pub(crate) selected: Color32,
    pub(crate) hairline: Color32,
    pub(crate) text: Color32,
    pub(crate) text_weak: Color32,
    pub(crate) text_faint: Color32,
    pub(crate) accent: Color32,
    pub(crate) accent_hover: Color32,
    pub(crate) on_accent: Color32,
    pub(crate) bubble_own: Color32,
    pub(crate) bubble_own_meta: Color32,
    pub(crate) bubble_other: Color32,
    pub(crate) bubble_other_meta: Color32,
    /// What a quote or file lies on within a bubble.
    pub(crate) inset: Color32,
    pub(crate) link: Color32,
    pub(crate) read: Color32,
    pub(crate) online: Color32,
    pub(crate) warning: Color32,
    pub(crate) warning_back: Color32,
    pub(crate) danger: Color32,
    pub(crate) danger_back: Color32,
    /// Behind the day between messages.
    pub(crate) pill: Color32,
    pub(crate) shadow: Color32,
    pub(crate) selection: Color32,
    /// Behind words that were sought.
    pub(crate) found: Color32,
    /// Names of people in groups.
    pub(crate) names: [Color32; 8],
}

const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

static LIGHT: Palette = Palette {
    dark: false,
    canvas: hex(0x00EE_F2F0),
    panel: hex(0x00FF_FFFF),
    card: hex(0x00FF_FFFF),
    field: hex(0x00F0_F4F2),
    hover: hex(0x00F2_F6F4),
    pressed: hex(0x00E6_EDEA),
    selected: hex(0x00DD_F1EA),
    hairline: hex(0x00E2_E8E5),
    text: hex(0x0016_1F1C),
    text_weak: hex(0x005F_6C67),
    text_faint: hex(0x0090_9C97),
    accent: hex(0x000B_8567),
    accent_hover: hex(0x0009_7259),
    on_accent: hex(0x00FF_FFFF),
    bubble_own: hex(0x00CF_F1E3),
    bubble_own_meta: hex(0x0046_7F6C),
    bubble_other: hex(0x00FF_FFFF),
    bubble_other_meta: hex(0x007C_8984),
    inset: Color32::from_rgba_premultiplied(0, 14, 10, 16),
    link: hex(0x0005_6DB3),
    read: hex(0x000A_84D6),
    online: hex(0x0019_B46F),
    warning: hex(0x008A_5A00),
    warning_back: hex(0x00FF_F3D6),
    danger: hex(0x00C4_3030),
    danger_back: hex(0x00FD_E9E7),
    pill: hex(0x00DC_E5E1),
    shadow: Color32::from_rgba_premultiplied(0, 0, 0, 36),
    selection: Color32::from_rgba_premultiplied(8, 84, 66, 90),
    found: hex(0x00FF_E08A),
    names: [
        hex(0x00C2_4D2C),
        hex(0x0090_6A00),
        hex(0x0033_802F),
        hex(0x0008_7F8C),
        hex(0x0021_6BC4),
        hex(0x0064_52C8),
        hex(0x00A0_42A8),
        hex(0x00C1_3A6B),
    ],
};

static DARK: Palette = Palette {
    dark: true,
    canvas: hex(0x000E_1312),
    panel: hex(0x0016_1C1A),
    card: hex(0x001E_2523),
    field: hex(0x002A_3430),
    hover: hex(0x0027_302D),
    pressed: hex(0x0035_413C),
    selected: hex(0x001C_3A31),
    hairline: hex(0x0025_2D2A),
    text: hex(0x00E9_EFEC),
    text_weak: hex(0x0097_A49E),
    text_faint: hex(0x006C_7873),
    accent: hex(0x0025_B18B),
    accent_hover: hex(0x0031_C29A),
    on_accent: hex(0x0005_1A14),
    bubble_own: hex(0x0013_4B3C),
    bubble_own_meta: hex(0x0086_B9A8),
    bubble_other: hex(0x001D_2422),
    bubble_other_meta: hex(0x0082_8F89),
    inset: Color32::from_rgba_premultiplied(14, 16, 15, 18),
    link: hex(0x006C_BBF5),
    read: hex(0x0066_C6FF),
    online: hex(0x002F_CB85),
    warning: hex(0x00F2_C14E),
    warning_back: hex(0x0033_2A14),
    danger: hex(0x00FF_7B72),
    danger_back: hex(0x0038_1D1C),
    pill: hex(0x001F_2724),
    shadow: Color32::from_rgba_premultiplied(0, 0, 0, 110),
    selection: Color32::from_rgba_premultiplied(28, 110, 88, 130),
    found: hex(0x0078_5C14),
    names: [
        hex(0x00F0_8A6B),
        hex(0x00E0_B44C),
        hex(0x007F_CB78),
        hex(0x004F_C7D0),
        hex(0x006C_AEFA),
        hex(0x00A5_97FA),
        hex(0x00DB_8CE0),
        hex(0x00F2_87AE),
    ],
};

/// Both ends of the colour of a person's or group's round picture, from top to bottom.
pub(crate) const AVATARS: [(Color32, Color32); 8] = [
    (hex(0x00F2_8B62), hex(0x00D8_5A3A)),
    (hex(0x00E3_B23C), hex(0x00BD_8712)),
    (hex(0x0066_BF6A), hex(0x0033_8E44)),
    (hex(0x003F_BFC4), hex(0x0013_8A99)),
    (hex(0x005A_A5F2), hex(0x002B_72CF)),
    (hex(0x008E_82F0), hex(0x0060_50CC)),
    (hex(0x00CF_78D6), hex(0x009A_45A8)),
    (hex(0x00EE_7AA0), hex(0x00C9_446F)),
];

/// The palette of the look that is on.
pub(crate) fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// Which of eight colours stands for a name, always the same one.
pub(crate) fn colour_of(name: &str) -> usize {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    ((hash >> 8) % 8) as usize
}

/// Sets both looks and the fonts.
pub(crate) fn install(context: &egui::Context) {
    fonts::install(context);
    context.set_style_of(Theme::Light, Arc::new(style(&LIGHT)));
    context.set_style_of(Theme::Dark, Arc::new(style(&DARK)));
}

fn style(palette: &Palette) -> Style {
    let theme = if palette.dark { Theme::Dark } else { Theme::Light };
    let mut style = theme.default_style();
    style.text_styles = [
        (TextStyle::Small, fonts::regular(size::META)),
        (TextStyle::Body, fonts::regular(size::BODY)),
        (TextStyle::Button, fonts::medium(size::BODY)),
        (TextStyle::Heading, fonts::semibold(size::HEADING)),
        (TextStyle::Monospace, egui::FontId::monospace(size::SMALL)),
    ]
    .into();
    style.spacing.item_spacing = vec2(space::S, space::S);
    style.spacing.button_padding = vec2(space::M, space::S);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.menu_spacing = 1.0;
    style.spacing.window_margin = Margin::same(space::XL as i8);
    style.spacing.interact_size.y = 36.0;
    style.spacing.tooltip_width = 320.0;
    let scroll = &mut style.spacing.scroll;
    scroll.floating = true;
    scroll.bar_width = 8.0;
    scroll.floating_width = 4.0;
    scroll.bar_inner_margin = 2.0;
    scroll.bar_outer_margin = 2.0;
    scroll.foreground_color = false;
    scroll.dormant_handle_opacity = 0.35;
    // Offsets set from outside may lie beyond the last frame's end, which must not spring back.
    scroll.kinetic.rubber_band = false;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = MOTION;
    style.visuals = visuals(palette);
    style
}

fn visuals(palette: &Palette) -> Visuals {
    let mut visuals = if palette.dark { Visuals::dark() } else { Visuals::light() };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.text_weak);
    visuals.hyperlink_color = palette.link;
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.hairline);
    visuals.window_corner_radius = CornerRadius::same(radius::CARD);
    visuals.menu_corner_radius = CornerRadius::same(radius::CONTROL + 2);
    visuals.extreme_bg_color = palette.field;
    visuals.text_edit_bg_color = Some(palette.field);
    visuals.faint_bg_color = palette.hover;
    visuals.error_fg_color = palette.danger;
    visuals.warn_fg_color = palette.warning;
    visuals.selection.bg_fill = palette.selection;
    visuals.selection.stroke = Stroke::new(1.5, palette.accent);
    visuals.text_cursor.stroke = Stroke::new(2.0, palette.accent);
    visuals.text_cursor.blink = false;
    let shadow = Shadow { offset: [0, 8], blur: 28, spread: 0, color: palette.shadow };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.button_frame = false;
    let looks = [
        (&mut visuals.widgets.noninteractive, palette.panel, palette.text),
        (&mut visuals.widgets.inactive, palette.field, palette.text),
        (&mut visuals.widgets.hovered, palette.hover, palette.text),
        (&mut visuals.widgets.active, palette.pressed, palette.text),
        (&mut visuals.widgets.open, palette.hover, palette.text),
    ];
    for (look, fill, text) in looks {
        look.corner_radius = CornerRadius::same(radius::CONTROL);
        look.bg_fill = fill;
        look.weak_bg_fill = fill;
        look.bg_stroke = Stroke::NONE;
        look.fg_stroke = Stroke::new(1.0, text);
        look.expansion = 0.0;
    }
    visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.hairline);
    // Handles of scroll bars are drawn in the colour of a widget's back.
    visuals.widgets.inactive.bg_fill = palette.text_faint;
    visuals.widgets.hovered.bg_fill = palette.text_weak;
    visuals.widgets.active.bg_fill = palette.text_weak;
    visuals
}
