//! What lies over the window for a moment.

use egui::{
    Align2, Area, CornerRadius, Id, Order, Rect, Role, Sense, Shadow, Stroke, WidgetInfo, vec2,
};
use lucide_icons::Icon;
use wire::name::ConversationName;

use crate::gui::{
    fonts,
    state::UiState,
    theme::{self, radius, size, space},
    widgets::centred,
};

/// Draws the message in passing, if there is one. A click takes it away.
pub(crate) fn toast_ui(context: &egui::Context, state: &mut UiState) {
    let now = context.input(|input| input.time);
    let Some(toast) = state.toast.take_if(|toast| toast.until > now) else {
        state.toast = None;
        return;
    };
    context.request_repaint_after_secs((toast.until - now) as f32);
    let area = Area::new(Id::unique("toast"))
        .order(Order::Tooltip)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -96.0));
    let dismissed = area
        .show(context, |ui| {
            let palette = theme::palette(ui);
            let (fill, ink) = if toast.failure {
                (palette.danger_back, palette.danger)
            } else {
                (palette.card, palette.text)
            };
            let room = (context.content_rect().width() - 120.0).min(460.0);
            let galley =
                ui.painter().layout(toast.text.clone(), fonts::medium(size::BODY), ink, room);
            let wanted = galley.size() + vec2(30.0 + 2.0 * space::L, 2.0 * space::M);
            let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
            let corner = CornerRadius::same(radius::CONTROL + 4);
            let shadow = Shadow { offset: [0, 6], blur: 24, spread: 0, color: palette.shadow };
            ui.painter().add(shadow.as_shape(rect, corner));
            ui.painter().rect(
                rect,
                corner,
                fill,
                Stroke::new(1.0, palette.hairline),
                egui::StrokeKind::Inside,
            );
            let icon = if toast.failure { Icon::CircleAlert } else { Icon::Info };
            let at = Rect::from_center_size(rect.left_center() + vec2(26.0, 0.0), vec2(20.0, 20.0));
            centred(ui.painter(), at, &fonts::glyph(icon), fonts::icons(18.0), ink);
            ui.painter().galley(rect.min + vec2(46.0, space::M), galley, ink);
            response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &toast.text));
            response.clicked()
        })
        .inner;
    if !dismissed {
        state.toast = Some(toast);
    }
}

/// Tells where files go that are held over the window.
pub(crate) fn drop_ui(context: &egui::Context, name: &ConversationName) {
    if context.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let screen = context.content_rect();
    let area = Area::new(Id::unique("drop")).order(Order::Foreground).fixed_pos(screen.min);
    area.interactable(false).show(context, |ui| {
        let palette = theme::palette(ui);
        ui.painter().rect_filled(screen, 0.0, palette.canvas.gamma_multiply(0.9));
        let inner = screen.shrink(space::XL);
        let stroke = Stroke::new(2.0, palette.accent);
        let corner = CornerRadius::same(radius::CARD);
        ui.painter().rect_stroke(inner, corner, stroke, egui::StrokeKind::Inside);
        let up = inner.translate(vec2(0.0, -22.0));
        centred(ui.painter(), up, &fonts::glyph(Icon::Upload), fonts::icons(44.0), palette.accent);
        let down = inner.translate(vec2(0.0, 26.0));
        let words = format!("Drop files here to send them to {name}");
        centred(ui.painter(), down, &words, fonts::semibold(size::TITLE), palette.text);
    });
}
