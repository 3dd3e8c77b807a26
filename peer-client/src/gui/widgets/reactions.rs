//! Reactions to a message: one chip for each emoji, in rows that hang on the bubble's lower edge.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, CursorIcon, Galley, Pos2, Rect, Role, Sense, Stroke, Ui, Vec2,
    WidgetInfo, vec2,
};
use wire::name::Username;

use crate::{
    core::model::Reaction,
    gui::{
        fonts, text,
        theme::{self, radius, size},
    },
};

/// Height of a chip, in points.
const HEIGHT: f32 = 26.0;
/// Between chips, in points.
const GAP: f32 = 4.0;
/// How far the chips reach into the bubble, in points.
const OVERLAP: f32 = 5.0;
/// Widest emoji that is shown whole, in points; people may send other things.
const EMOJI_MAX: f32 = 96.0;
/// Kinds of reactions that are shown; others may send any number.
const SHOWN_MAX: usize = 16;
/// People who are named when a chip is pointed at.
const NAMED_MAX: usize = 12;

/// The chips, laid out.
pub(crate) struct Chips {
    all: Vec<Chip>,
    size: Vec2,
    /// What they add to the height of a message, in points.
    pub(crate) below: f32,
}

struct Chip {
    /// Its place, from the left upper corner of all.
    place: Rect,
    emoji: Arc<Galley>,
    count: Arc<Galley>,
}

/// Lays chips out in rows of at most `width` points.
pub(crate) fn layout(ui: &Ui, reactions: &[Reaction], width: f32) -> Chips {
    let (mut all, mut at, mut size) = (Vec::new(), Vec2::ZERO, Vec2::ZERO);
    for reaction in reactions.iter().take(SHOWN_MAX) {
        let font = fonts::regular(size::BODY + 1.0);
        let emoji = text::one_line(ui, &reaction.emoji, EMOJI_MAX, font, Color32::PLACEHOLDER);
        let count = ui.painter().layout_no_wrap(
            reaction.by.len().to_string(),
            fonts::semibold(size::META),
            Color32::PLACEHOLDER,
        );
        let wide = emoji.size().x + count.size().x + 20.0;
        if at.x > 0.0 && at.x + wide > width {
            at = vec2(0.0, at.y + HEIGHT + GAP);
        }
        let place = Rect::from_min_size(at.to_pos2(), vec2(wide, HEIGHT));
        size = size.max(place.max.to_vec2());
        at.x += wide + GAP;
        all.push(Chip { place, emoji, count });
    }
    let below = if all.is_empty() { 0.0 } else { size.y - OVERLAP + 2.0 };
    Chips { all, size, below }
}

impl Chips {
    /// Draws the chips below a bubble, and tells which emoji was clicked.
    pub(crate) fn show<'a>(
        &self,
        ui: &Ui,
        bubble: Rect,
        (own, me): (bool, Option<&Username>),
        reactions: &'a [Reaction],
    ) -> Option<&'a Reaction> {
        let inset = 10.0_f32.min((bubble.width() - self.size.x).max(0.0));
        let left = if own && self.size.x + inset > bubble.width() {
            bubble.right() - self.size.x
        } else {
            bubble.left() + inset
        };
        let origin = Pos2::new(left, bubble.bottom() - OVERLAP);
        let mut clicked = None;
        for (chip, reaction) in self.all.iter().zip(reactions) {
            if chip_ui(ui, chip, origin, reaction, me) {
                clicked = Some(reaction);
            }
        }
        clicked
    }
}

fn chip_ui(ui: &Ui, chip: &Chip, origin: Pos2, reaction: &Reaction, me: Option<&Username>) -> bool {
    let palette = theme::palette(ui);
    let rect = chip.place.translate(origin.to_vec2());
    let id = ui.scope_id().with(("reaction", reaction.emoji.as_str()));
    let response = ui.interact(rect, id, Sense::click());
    let (fill, stroke, ink) = if reaction.own {
        (palette.selected, palette.accent, palette.accent)
    } else {
        (palette.card, palette.hairline, palette.text_weak)
    };
    let fill = if response.hovered() { fill.lerp_to_gamma(palette.accent, 0.12) } else { fill };
    let corner = CornerRadius::same(radius::PILL);
    // Cut out of the bubble that they hang on.
    ui.painter().rect_filled(rect.expand(2.0), corner, palette.canvas);
    let stroke = Stroke::new(1.0, stroke);
    ui.painter().rect(rect, corner, fill, stroke, egui::StrokeKind::Inside);
    let middle = rect.left_center();
    let emoji = middle + vec2(8.0, -chip.emoji.size().y / 2.0);
    ui.painter().galley(emoji, Arc::clone(&chip.emoji), palette.text);
    let count = middle + vec2(12.0 + chip.emoji.size().x, -chip.count.size().y / 2.0);
    ui.painter().galley(count, Arc::clone(&chip.count), ink);
    super::button::focus_ring(ui, rect, &response, radius::PILL);
    let people = people(reaction, me);
    response.widget_info(|| {
        let label = format!("Reaction {}: {people}", reaction.emoji);
        WidgetInfo::selected(Role::Button, true, reaction.own, label)
    });
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(people).clicked()
}

/// Who reacted, the user first.
fn people(reaction: &Reaction, me: Option<&Username>) -> String {
    let mut others: Vec<&str> =
        reaction.by.iter().filter(|name| Some(*name) != me).map(Username::as_str).collect();
    if reaction.own {
        others.insert(0, "You");
    }
    let left_out = others.len().saturating_sub(NAMED_MAX);
    others.truncate(NAMED_MAX);
    let last = if left_out > 0 { None } else { others.pop() };
    match (others.as_slice(), last) {
        ([], last) => last.unwrap_or_default().to_owned(),
        (some, Some(last)) => format!("{} and {last}", some.join(", ")),
        (some, None) => format!("{} and {left_out} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str], own: bool) -> String {
        let by = names.iter().map(|name| Username::new(name).unwrap()).collect();
        let reaction = Reaction { emoji: "🐸".to_owned(), by, own };
        people(&reaction, Some(&Username::new("me").unwrap()))
    }

    #[test]
    fn people_are_named_the_user_first() {
        assert_eq!(told(&["ada"], false), "ada");
        assert_eq!(told(&["me"], true), "You");
        assert_eq!(told(&["ada", "me"], true), "You and ada");
        assert_eq!(told(&["ada", "bob", "me"], true), "You, ada and bob");
        let many: Vec<String> = (10..40).map(|number| format!("name{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(told(&many, false).ends_with("name21 and 18 more"));
    }
}
