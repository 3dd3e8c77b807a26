//! Files and images within a message.

use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, CursorIcon, Galley, Painter, Pos2, Rect, Response, Role, Sense,
    Stroke, TextureHandle, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;

use super::centred;
use crate::{
    core::model::{AttachmentView, Transfer},
    gui::{
        fonts, format,
        images::{ImageKey, ImageSource, Images, Picture, fit},
        state::Scene,
        text,
        theme::{Palette, radius, size},
    },
};

/// Tallest image in a conversation, in points.
const PICTURE_HEIGHT: f32 = 360.0;
/// Smallest image in a conversation, in points.
const PICTURE_MIN: Vec2 = vec2(150.0, 72.0);
/// Side of a file's sign, in points.
const TILE: f32 = 42.0;
/// Height of a file's line, in points.
pub(crate) const FILE_HEIGHT: f32 = TILE + 4.0;

/// What is wanted of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Get it here.
    Fetch,
    /// Get it no more.
    Cancel,
    /// Show it large.
    Enlarge,
    /// Save it elsewhere.
    Save,
}

/// A file's line, laid out.
pub(crate) struct FileLine {
    name: Arc<Galley>,
    state: Arc<Galley>,
    /// Its width, in points.
    pub(crate) width: f32,
    /// The width of its lower part, in points.
    pub(crate) state_width: f32,
}

/// The size at which an attachment is shown as an image; none if it is no image.
pub(crate) fn picture_size(file: &AttachmentView, width: f32) -> Option<Vec2> {
    let shown = file.preview.is_some() || file.file.is_some();
    if !file.media_type.starts_with("image/") || !shown {
        return None;
    }
    let (wide, high) = file.dimensions.unwrap_or((320, 240));
    let natural = vec2(wide.max(1) as f32, high.max(1) as f32);
    let within = vec2(width, PICTURE_HEIGHT);
    Some(fit(natural, within).max(PICTURE_MIN.min(within)).round())
}

/// Lays a file's line out.
pub(crate) fn file_line(ui: &Ui, scene: &Scene<'_>, file: &AttachmentView, width: f32) -> FileLine {
    let room = width - TILE - 12.0;
    let name =
        text::one_line(ui, &file.name, room, fonts::medium(size::BODY), Color32::PLACEHOLDER);
    let state = text::one_line(
        ui,
        &state_words(scene, file),
        room,
        fonts::regular(size::SMALL - 0.5),
        Color32::PLACEHOLDER,
    );
    let state_width = TILE + 12.0 + state.size().x;
    let width = state_width.max(TILE + 12.0 + name.size().x.max(120.0));
    FileLine { name, state, width, state_width }
}

/// Draws an image, and tells what is wanted of it.
pub(crate) fn picture_ui(
    ui: &Ui,
    rect: Rect,
    scene: &Scene<'_>,
    file: &AttachmentView,
    (images, palette): (&mut Images, &Palette),
) -> Option<Use> {
    let response = ui.interact(rect, ui.scope_id().with("picture"), Sense::click());
    let corner = CornerRadius::same(radius::BUBBLE - 4);
    let painter = ui.painter();
    painter.rect_filled(rect, corner, palette.inset);
    if let Some(texture) = texture(file, images) {
        paint_cover(painter, rect, &texture, corner);
    }
    let action = action(scene, file, Use::Enlarge);
    if file.file.is_none() {
        paint_transfer(painter, rect, scene, file);
    }
    let label = match action {
        Use::Enlarge | Use::Save => format!("Enlarge image {}", file.name),
        Use::Fetch => format!("Download image {}", file.name),
        Use::Cancel => format!("Stop getting image {}", file.name),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    clicked(response).then_some(action)
}

/// Draws a file's line, and tells what is wanted of it.
pub(crate) fn file_ui(
    ui: &Ui,
    rect: Rect,
    scene: &Scene<'_>,
    (file, line): (&AttachmentView, &FileLine),
    palette: &Palette,
) -> Option<Use> {
    let response = ui.interact(rect, ui.scope_id().with("file"), Sense::click());
    let painter = ui.painter();
    let square = Rect::from_min_size(rect.min + vec2(0.0, 2.0), Vec2::splat(TILE));
    let ground = if response.hovered() { palette.accent_hover } else { palette.accent };
    painter.rect_filled(square, CornerRadius::same(radius::CONTROL + 2), ground);
    let transfer = scene.model.transfers.get(&file.blob);
    let icon = match (&file.file, transfer) {
        (Some(_), _) => Icon::FileText,
        (None, transfer) => transfer_icon(transfer),
    };
    centred(painter, square, &fonts::glyph(icon), fonts::icons(20.0), palette.on_accent);
    let left = square.right() + 12.0;
    let name = pos2(left, square.top() + 2.0);
    painter.galley(name, Arc::clone(&line.name), palette.text);
    let state = pos2(left, square.bottom() - line.state.size().y - 2.0);
    painter.galley(state, Arc::clone(&line.state), palette.text_weak);
    if let (None, Some(Transfer::Running { done, total })) = (&file.file, transfer) {
        paint_progress(painter, square.center(), 16.0, (*done, *total), palette.on_accent);
    }
    let action = action(scene, file, Use::Save);
    let label = match action {
        Use::Save | Use::Enlarge => format!("Save {}", file.name),
        Use::Fetch => format!("Download {}", file.name),
        Use::Cancel => format!("Stop getting {}", file.name),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    clicked(response.on_hover_text(label.clone())).then_some(action)
}

/// What a click does: `here` once the whole file is here.
fn action(scene: &Scene<'_>, file: &AttachmentView, here: Use) -> Use {
    match (&file.file, scene.model.transfers.get(&file.blob)) {
        (Some(_), _) => here,
        (None, Some(Transfer::Running { .. })) => Use::Cancel,
        (None, Some(Transfer::Failed { .. }) | None) => Use::Fetch,
    }
}

fn transfer_icon(transfer: Option<&Transfer>) -> Icon {
    match transfer {
        Some(Transfer::Running { .. }) => Icon::X,
        Some(Transfer::Failed { .. }) => Icon::RotateCw,
        None => Icon::ArrowDown,
    }
}

/// The best texture of an image that is there.
fn texture(file: &AttachmentView, images: &mut Images) -> Option<TextureHandle> {
    if let Some(path) = &file.file
        && let Picture::Ready(texture) =
            images.get(ImageKey::Inline(file.blob), || ImageSource::File(path.clone()))
    {
        return Some(texture);
    }
    let preview = file.preview.as_ref()?;
    let source = || ImageSource::Bytes(Arc::clone(preview));
    match images.get(ImageKey::Preview(file.blob), source) {
        Picture::Ready(texture) => Some(texture),
        Picture::Coming | Picture::Broken => None,
    }
}

/// Draws the middle of an image so that it fills a rectangle.
pub(crate) fn paint_cover(
    painter: &Painter,
    rect: Rect,
    texture: &TextureHandle,
    corner: CornerRadius,
) {
    let image = texture.size_vec2();
    let scale = (rect.width() / image.x).max(rect.height() / image.y);
    let seen = vec2(rect.width() / (image.x * scale), rect.height() / (image.y * scale));
    let uv = Rect::from_center_size(pos2(0.5, 0.5), seen);
    let shape = egui::epaint::RectShape::filled(rect, corner, Color32::WHITE);
    painter.add(shape.with_texture(texture.id(), uv));
}

fn paint_transfer(painter: &Painter, rect: Rect, scene: &Scene<'_>, file: &AttachmentView) {
    let (dim, ink) = (Color32::from_black_alpha(140), Color32::WHITE);
    let transfer = scene.model.transfers.get(&file.blob);
    let icon = transfer_icon(transfer);
    painter.circle_filled(rect.center(), 26.0, dim);
    if let Some(Transfer::Running { done, total }) = transfer {
        paint_progress(painter, rect.center(), 21.0, (*done, *total), ink);
    }
    centred(painter, rect, &fonts::glyph(icon), fonts::icons(22.0), ink);
    let words = state_words(scene, file);
    let galley = painter.layout_no_wrap(words, fonts::medium(size::META), ink);
    let pill = Align2::LEFT_TOP
        .anchor_size(rect.left_top() + vec2(8.0, 8.0), galley.size() + vec2(14.0, 6.0));
    painter.rect_filled(pill, CornerRadius::same(radius::PILL), dim);
    painter.galley(pill.center() - galley.size() / 2.0, galley, ink);
}

/// Draws how much of something is done, as a part of a ring.
fn paint_progress(
    painter: &Painter,
    centre: Pos2,
    radius: f32,
    (done, total): (u64, u64),
    colour: Color32,
) {
    painter.circle_stroke(centre, radius, Stroke::new(2.5, colour.gamma_multiply(0.25)));
    let part = (done as f32 / total.max(1) as f32).clamp(0.0, 1.0);
    let steps = (part * 48.0).ceil() as usize;
    if steps > 0 {
        let angle =
            |step: usize| (step as f32 / steps as f32 * part - 0.25) * std::f32::consts::TAU;
        let arc = (0..=steps).map(|step| centre + radius * Vec2::angled(angle(step))).collect();
        painter.line(arc, Stroke::new(2.5, colour));
    }
}

fn state_words(scene: &Scene<'_>, file: &AttachmentView) -> String {
    let size = format::bytes(file.size);
    match (&file.file, scene.model.transfers.get(&file.blob)) {
        (Some(_), _) | (None, None) => size,
        (None, Some(Transfer::Running { done: 0, .. })) => format!("Waiting for a source · {size}"),
        (None, Some(Transfer::Running { done, .. })) => {
            format!("{} of {size}", format::bytes(*done))
        }
        (None, Some(Transfer::Failed { text })) => text.clone(),
    }
}

fn clicked(response: Response) -> bool {
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}
