//! The small line of a message: when, by which road, how far.

use std::sync::Arc;

use egui::{Color32, Galley, Rect, Ui, pos2};
use lucide_icons::Icon;

use crate::{
    core::model::{Body, MessageView, Path, Stage},
    gui::{
        fonts, format,
        state::Scene,
        theme::{Palette, size},
    },
};

/// Side of an icon, in points.
const ICON: f32 = 13.5;
/// Between its parts, in points.
const GAP: f32 = 4.0;
/// Height of the line, in points.
pub(crate) const HEIGHT: f32 = 16.0;

/// The line, laid out.
pub(crate) struct Meta {
    time: Arc<Galley>,
    road: Option<Icon>,
    stage: Option<Stage>,
    /// Its width, in points.
    pub(crate) width: f32,
}

/// Lays the line out.
pub(crate) fn layout(ui: &Ui, scene: &Scene<'_>, message: &MessageView) -> Meta {
    let time = format::time(scene.zone.local(message.at_ms));
    let text = if is_edited(message) { format!("edited {time}") } else { time };
    let font = fonts::regular(size::META);
    let time = ui.painter().layout_no_wrap(text, font, Color32::PLACEHOLDER);
    let road = message.path.map(road_icon);
    let stage = message.delivery.map(|delivery| delivery.stage);
    let icons = usize::from(road.is_some()) + usize::from(stage.is_some());
    let width = time.size().x + icons as f32 * (ICON + GAP);
    Meta { time, road, stage, width }
}

/// Draws the line so that it ends at the right of a rectangle.
pub(crate) fn paint(ui: &Ui, rect: Rect, meta: &Meta, (colour, read): (Color32, Color32)) {
    let centre = rect.center().y;
    let mut right = rect.right();
    let icon = |icon: Icon, colour: Color32, right: &mut f32| {
        let at = Rect::from_center_size(pos2(*right - ICON / 2.0, centre), egui::Vec2::splat(ICON));
        super::centred(ui.painter(), at, &fonts::glyph(icon), fonts::icons(ICON), colour);
        *right -= ICON + GAP;
    };
    if let Some(stage) = meta.stage {
        let colour = if stage == Stage::Read { read } else { colour };
        icon(stage_icon(stage), colour, &mut right);
    }
    let time = pos2(right - meta.time.size().x, centre - meta.time.size().y / 2.0);
    ui.painter().galley(time, Arc::clone(&meta.time), colour);
    right -= meta.time.size().x + GAP;
    if let Some(road) = meta.road {
        icon(road, colour, &mut right);
    }
}

/// What the line says, in words.
pub(crate) fn words(scene: &Scene<'_>, message: &MessageView) -> String {
    let mut words = vec![format::full(scene.zone.local(message.at_ms))];
    if let Some(delivery) = message.delivery {
        words.push(format::delivery(delivery));
    }
    if let Some(path) = message.path {
        let verb = if message.own { "Went" } else { "Came" };
        words.push(format!("{verb} {}", format::path(path)));
    }
    if is_edited(message) {
        words.push("Edited".to_owned());
    }
    words.join("\n")
}

fn is_edited(message: &MessageView) -> bool {
    message.edited && message.body != Body::Erased
}

/// The sign of a stage.
pub(crate) fn stage_icon(stage: Stage) -> Icon {
    match stage {
        Stage::Waiting => Icon::Clock,
        Stage::Sent => Icon::Check,
        Stage::Stored | Stage::Read => Icon::CheckCheck,
    }
}

/// The colour of a stage in a list.
pub(crate) fn stage_colour(stage: Stage, palette: &Palette) -> Color32 {
    if stage == Stage::Read { palette.read } else { palette.text_faint }
}

/// The sign of a road.
pub(crate) fn road_icon(path: Path) -> Icon {
    match path {
        Path::Direct(_) => Icon::Zap,
        Path::Relayed(_) => Icon::Server,
        Path::Group => Icon::Users,
        Path::Synced => Icon::RefreshCw,
    }
}
