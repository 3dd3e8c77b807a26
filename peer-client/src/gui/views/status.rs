//! What goes on in the background, in one quiet line below the list.

use egui::{Frame, Margin, Panel, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use lucide_icons::Icon;

use crate::{
    core::model::{Model, Transfer},
    gui::{
        fonts, text,
        theme::{self, size, space},
        widgets::{centred, galley_centred},
    },
};

/// Height of the line, in points.
const LINE: f32 = 28.0;
/// People who are named at most.
const NAMED: usize = 2;

/// Draws the line, if anything goes on.
pub(crate) fn status_ui(ui: &mut Ui, model: &Model) {
    let all = [catching_up(model), waiting(model), coming(model)];
    let lines: Vec<(Icon, String)> = all.into_iter().flatten().collect();
    if lines.is_empty() {
        return;
    }
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.panel).inner_margin(Margin {
        left: 16,
        right: 12,
        top: 4,
        bottom: 6,
    });
    Panel::bottom("status").frame(frame).show_separator_line(true).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (icon, words) in lines {
            let room = vec2(ui.available_width(), LINE);
            let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
            let sign = rect.with_max_x(rect.left() + 18.0);
            let glyph = fonts::glyph(icon);
            centred(ui.painter(), sign, &glyph, fonts::icons(14.0), palette.text_weak);
            let left = sign.right() + space::S;
            let font = fonts::regular(size::SMALL);
            let line = text::one_line(ui, &words, rect.right() - left, font, palette.text_weak);
            galley_centred(ui.painter(), pos2(left, rect.center().y), line);
            response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &words));
            response.on_hover_text(words);
        }
    });
}

/// How much is missing that others have.
fn catching_up(model: &Model) -> Option<(Icon, String)> {
    let of = model.conversations.iter().map(|it| it.complete).filter(|it| it.missing > 0);
    let (have, missing) =
        of.fold((0, 0), |(have, missing), it| (have + it.have, missing + it.missing));
    let percent = have.saturating_mul(100) / (have + missing).max(1);
    (missing > 0).then(|| (Icon::RefreshCw, format!("Catching up: {missing} to come, {percent} %")))
}

/// What waits on this device, and for whom.
fn waiting(model: &Model) -> Option<(Icon, String)> {
    let waiting: Vec<_> = model.conversations.iter().filter(|it| it.waiting > 0).collect();
    let count: u32 = waiting.iter().map(|it| it.waiting).sum();
    let mut names: Vec<String> = waiting.iter().take(NAMED).map(|it| it.name.to_string()).collect();
    if waiting.len() > NAMED {
        names.push(format!("{} more", waiting.len() - NAMED));
    }
    let messages = if count == 1 { "message waits" } else { "messages wait" };
    (count > 0).then(|| (Icon::Clock, format!("{count} {messages} for {}", names.join(", "))))
}

/// How many files are on their way.
fn coming(model: &Model) -> Option<(Icon, String)> {
    let running = model.transfers.values().filter_map(|it| match it {
        Transfer::Running { done, total } => Some((*done, *total)),
        Transfer::Failed { .. } => None,
    });
    let (count, done, total) = running.fold((0_usize, 0_u64, 0_u64), |(count, done, total), it| {
        (count + 1, done.saturating_add(it.0), total.saturating_add(it.1))
    });
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let files = if count == 1 { "file" } else { "files" };
    (count > 0).then(|| (Icon::Download, format!("{count} {files} coming, {percent} %")))
}
