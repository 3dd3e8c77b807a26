//! The emoji picker.

use std::sync::LazyLock;

use egui::{
    CornerRadius, CursorIcon, Id, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role,
    ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2,
};
use emojis::{Emoji, Group, SkinTone};
use lucide_icons::Icon;

use crate::gui::{
    emoji, fonts,
    preferences::Preferences,
    theme::{self, radius, size, space},
    widgets::{button, centred, field},
};

/// Emoji in a row.
const COLUMNS: usize = 9;
/// Side of an emoji's place, in points.
const CELL: f32 = 38.0;
/// Height of the part that scrolls, in points.
const HEIGHT: f32 = 266.0;
/// Width of the picker, in points.
pub(crate) const WIDTH: f32 = COLUMNS as f32 * CELL + space::S;
/// Emoji that were used last are offered up to this many.
const RECENT_MAX: usize = 2 * COLUMNS;

/// Groups with their signs, in their order.
const GROUPS: [(Group, Icon, &str); 9] = [
    (Group::SmileysAndEmotion, Icon::Smile, "Smileys"),
    (Group::PeopleAndBody, Icon::User, "People"),
    (Group::AnimalsAndNature, Icon::Leaf, "Nature"),
    (Group::FoodAndDrink, Icon::Coffee, "Food"),
    (Group::TravelAndPlaces, Icon::Plane, "Travel"),
    (Group::Activities, Icon::Trophy, "Activities"),
    (Group::Objects, Icon::Lightbulb, "Objects"),
    (Group::Symbols, Icon::Heart, "Symbols"),
    (Group::Flags, Icon::Flag, "Flags"),
];

/// Tones of skin with their names.
const TONES: [(SkinTone, &str); 5] = [
    (SkinTone::Light, "Light skin tone"),
    (SkinTone::MediumLight, "Medium-light skin tone"),
    (SkinTone::Medium, "Medium skin tone"),
    (SkinTone::MediumDark, "Medium-dark skin tone"),
    (SkinTone::Dark, "Dark skin tone"),
];

/// All emoji that have a picture.
static ALL: LazyLock<Vec<&'static Emoji>> =
    LazyLock::new(|| emojis::iter().filter(|emoji| emoji::has_picture(emoji.as_str())).collect());

/// Words for which people look, beside the names of Unicode.
const WORDS: [(&str, &str); 24] = [
    ("lol", "😂🤣"),
    ("laugh", "😂🤣😆😄"),
    ("happy", "😀😃😄😊🙂"),
    ("sad", "😢😭😞🙁☹️"),
    ("love", "❤️😍🥰😘💕"),
    ("yes", "👍✅👌"),
    ("no", "👎❌🙅"),
    ("ok", "👌👍🆗"),
    ("thanks", "🙏💐"),
    ("please", "🙏🥺"),
    ("hello", "👋🤗"),
    ("bye", "👋"),
    ("party", "🎉🥳🎊"),
    ("congratulations", "🎉👏🥂"),
    ("think", "🤔💭"),
    ("angry", "😠😡🤬"),
    ("tired", "😴🥱😫"),
    ("sick", "🤒🤢🤮😷"),
    ("cool", "😎🆒"),
    ("work", "💼💻🛠️"),
    ("idea", "💡"),
    ("toad", "🐸"),
    ("time", "⏰⌛🕐"),
    ("money", "💰💶💸"),
];

/// What the picker shows.
#[derive(Debug)]
pub(crate) struct Picker {
    open: bool,
    focus: bool,
    search: String,
    group: Group,
    recent: Vec<&'static Emoji>,
    /// 0 for none, 1 to 5 from light to dark.
    tone: u8,
    /// What was used last, or the tone, is another one than before.
    changed: bool,
}

impl Default for Picker {
    fn default() -> Self {
        let (open, focus, group) = (false, false, Group::SmileysAndEmotion);
        let (search, recent, tone, changed) = (String::new(), Vec::new(), 0, false);
        Self { open, focus, search, group, recent, tone, changed }
    }
}

impl Picker {
    /// Closes it.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// Makes it ready for another search.
    pub(crate) fn restart(&mut self) {
        self.open = false;
        self.focus = true;
        self.search.clear();
    }

    /// Takes over what was kept.
    pub(crate) fn restore(&mut self, preferences: &Preferences) {
        let known = preferences.recent.iter().filter_map(|it| emojis::get(it));
        self.recent = known.take(RECENT_MAX).collect();
        self.tone = preferences.tone.min(TONES.len() as u8);
    }

    /// Keeps what changed.
    pub(crate) fn keep(&mut self, preferences: &mut Preferences) {
        if std::mem::take(&mut self.changed) {
            preferences.recent = self.recent.iter().map(|it| it.as_str().to_owned()).collect();
            preferences.tone = self.tone;
        }
    }

    fn use_emoji(&mut self, emoji: &'static Emoji) {
        self.recent.retain(|other| *other != emoji);
        self.recent.insert(0, emoji);
        self.recent.truncate(RECENT_MAX);
        self.changed = true;
    }
}

/// Draws the picker above its button, and gives the emoji that was chosen.
pub(crate) fn picker_ui(anchor: &Response, picker: &mut Picker) -> Option<&'static str> {
    if anchor.clicked() {
        picker.open = !picker.open;
        picker.focus = picker.open;
        picker.search.clear();
    }
    if !picker.open {
        return None;
    }
    let mut open = true;
    let chosen = Popup::from_response(anchor)
        .align(RectAlign::TOP_END)
        .gap(space::M)
        .width(WIDTH)
        .open_bool(&mut open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| content_ui(ui, picker))
        .and_then(|shown| shown.inner);
    // The click on the button itself was handled above.
    picker.open = open || anchor.clicked() && picker.open;
    chosen
}

/// Draws what is in the picker, and gives the emoji that was chosen.
pub(crate) fn content_ui(ui: &mut Ui, picker: &mut Picker) -> Option<&'static str> {
    let chosen = all_ui(ui, picker)?;
    picker.use_emoji(chosen);
    Some(chosen.as_str())
}

fn all_ui(ui: &mut Ui, picker: &mut Picker) -> Option<&'static Emoji> {
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing = vec2(0.0, space::XS);
    let id = Id::unique("emoji-search");
    let search = field::search(ui, id, &mut picker.search, "Search emoji");
    if std::mem::take(&mut picker.focus) {
        search.request_focus();
    }
    let found = search_emoji(&picker.search);
    if search.has_focus() || search.lost_focus() {
        let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
        if enter && let Some(first) = found.as_ref().and_then(|found| found.first()) {
            return Some(toned(first, picker.tone));
        }
    }
    let (title, shown) = match found {
        Some(found) if found.is_empty() => ("Nothing found", found),
        Some(found) => {
            ("Found", found.into_iter().map(|emoji| toned(emoji, picker.tone)).collect())
        }
        None => {
            groups_ui(ui, picker);
            if picker.group == Group::PeopleAndBody {
                tones_ui(ui, picker);
            }
            let group = picker.group;
            let title =
                GROUPS.iter().find(|(other, ..)| *other == group).map_or("", |(.., name)| name);
            let of_group = ALL.iter().copied().filter(|emoji| emoji.group() == group);
            (title, of_group.map(|emoji| toned(emoji, picker.tone)).collect())
        }
    };
    let recent = if picker.search.trim().is_empty() { picker.recent.clone() } else { Vec::new() };
    let mut chosen = None;
    ScrollArea::vertical()
        .id_salt(title)
        .max_height(HEIGHT)
        .min_scrolled_height(HEIGHT)
        .auto_shrink(false)
        .show(ui, |ui| {
            if !recent.is_empty() {
                chosen = section_ui(ui, "Used last", &recent);
            }
            chosen = section_ui(ui, title, &shown).or(chosen);
        });
    chosen
}

fn groups_ui(ui: &mut Ui, picker: &mut Picker) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        for (group, icon, name) in GROUPS {
            let (rect, response) = ui.allocate_exact_size(vec2(CELL, 34.0), Sense::click());
            let current = picker.group == group;
            let ink = if current { palette.accent } else { palette.text_weak };
            if response.hovered() {
                let corner = CornerRadius::same(radius::CONTROL - 2);
                ui.painter().rect_filled(rect, corner, palette.hover);
            }
            centred(ui.painter(), rect, &fonts::glyph(icon), fonts::icons(18.0), ink);
            if current {
                let mut line = rect.shrink2(vec2(8.0, 0.0));
                line.set_top(rect.bottom() - 2.5);
                ui.painter().rect_filled(line, CornerRadius::same(2), palette.accent);
            }
            response.widget_info(|| WidgetInfo::selected(Role::Tab, true, current, name));
            if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name).clicked() {
                picker.group = group;
            }
        }
    });
}

/// The emoji in a tone, if it has one.
fn toned(emoji: &'static Emoji, tone: u8) -> &'static Emoji {
    let tone = usize::from(tone).checked_sub(1).and_then(|index| TONES.get(index));
    let toned = tone.and_then(|(tone, _)| emoji.with_skin_tone(*tone));
    toned.filter(|emoji| emoji::has_picture(emoji.as_str())).unwrap_or(emoji)
}

/// Draws a hand in each tone; the chosen one is that of all people.
fn tones_ui(ui: &mut Ui, picker: &mut Picker) {
    let palette = theme::palette(ui);
    let Some(hand) = emojis::get("✋") else { return };
    ui.horizontal(|ui| {
        for tone in 0..=TONES.len() as u8 {
            let (rect, response) = ui.allocate_exact_size(vec2(CELL, 34.0), Sense::click());
            let current = picker.tone == tone;
            if current || response.hovered() {
                let fill = if current { palette.selected } else { palette.hover };
                let corner = CornerRadius::same(radius::CONTROL - 2);
                ui.painter().rect_filled(rect, corner, fill);
            }
            let emoji = toned(hand, tone).as_str();
            centred(ui.painter(), rect, emoji, fonts::regular(18.0), palette.text);
            let index = usize::from(tone).checked_sub(1);
            let name = index.and_then(|at| TONES.get(at)).map_or("No skin tone", |it| it.1);
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, current, name));
            if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name).clicked() {
                picker.tone = tone;
                picker.changed = true;
            }
        }
    });
}

/// Draws some emoji below a heading; those out of view cost nothing.
fn section_ui(ui: &mut Ui, title: &str, emoji: &[&'static Emoji]) -> Option<&'static Emoji> {
    let palette = theme::palette(ui);
    let heading =
        egui::RichText::new(title).font(fonts::semibold(size::META)).color(palette.text_faint);
    ui.horizontal(|ui| {
        ui.add_space(space::XS);
        ui.label(heading);
    });
    let mut chosen = None;
    for row in emoji.chunks(COLUMNS) {
        let (rect, _) = ui.allocate_exact_size(vec2(COLUMNS as f32 * CELL, CELL), Sense::hover());
        if !ui.is_rect_visible(rect) {
            continue;
        }
        for (column, emoji) in row.iter().enumerate() {
            let min = rect.min + vec2(column as f32 * CELL, 0.0);
            let cell = Rect::from_min_size(min, Vec2::splat(CELL));
            if emoji_ui(ui, cell, title, emoji) {
                chosen = Some(*emoji);
            }
        }
    }
    chosen
}

fn emoji_ui(ui: &Ui, rect: Rect, section: &str, emoji: &Emoji) -> bool {
    let palette = theme::palette(ui);
    let response = ui.interact(rect, ui.scope_id().with((section, emoji.as_str())), Sense::click());
    if response.hovered() {
        let corner = CornerRadius::same(radius::CONTROL - 2);
        ui.painter().rect_filled(rect.shrink(1.0), corner, palette.pressed);
    }
    button::focus_ring(ui, rect.shrink(2.0), &response, radius::SMALL);
    centred(ui.painter(), rect, emoji.as_str(), fonts::regular(24.0), palette.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, emoji.name()));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(emoji.name()).clicked()
}

/// Emoji that a search means, the best first; none if nothing is sought.
pub(crate) fn search_emoji(search: &str) -> Option<Vec<&'static Emoji>> {
    let needle = search.trim().trim_matches(':').to_lowercase();
    if needle.is_empty() {
        return None;
    }
    let mut found: Vec<(u8, usize)> = ALL
        .iter()
        .enumerate()
        .filter_map(|(index, emoji)| rank(emoji, &needle).map(|rank| (rank, index)))
        .collect();
    found.sort_unstable();
    Some(found.into_iter().filter_map(|(_, index)| ALL.get(index).copied()).collect())
}

/// How well an emoji fits to what is sought, the smaller the better.
fn rank(emoji: &Emoji, needle: &str) -> Option<u8> {
    let name = emoji.name();
    let mut codes = emoji.shortcodes();
    let starts = |text: &str| text.split([' ', '_', '-']).any(|word| word.starts_with(needle));
    let meant =
        |(word, emojis): &(&str, &str)| word.starts_with(needle) && emojis.contains(emoji.as_str());
    if name == needle || emoji.shortcodes().any(|code| code == needle) || emoji.as_str() == needle {
        Some(0)
    } else if WORDS.iter().any(meant) {
        Some(1)
    } else if starts(name) || emoji.shortcodes().any(starts) {
        Some(2)
    } else if name.contains(needle) || codes.any(|code| code.contains(needle)) {
        Some(3)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(search: &str) -> &'static str {
        search_emoji(search).unwrap()[0].as_str()
    }

    #[test]
    fn emoji_are_found_by_name_code_and_meaning() {
        assert_eq!(first("crab"), "🦀");
        assert_eq!(first(":+1:"), "👍");
        assert_eq!(first("toad"), "🐸");
        assert_eq!(first("Red Heart"), "❤️");
        assert!(search_emoji("laugh").unwrap().iter().any(|emoji| emoji.as_str() == "😂"));
        assert!(search_emoji("qqqq").unwrap().is_empty());
        assert!(search_emoji("  ").is_none());
    }

    #[test]
    fn the_words_name_emoji_that_exist() {
        for (word, emojis) in WORDS {
            assert!(ALL.iter().any(|emoji| emojis.contains(emoji.as_str())), "{word}");
        }
    }
}
