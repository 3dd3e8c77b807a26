//! An image over the whole window.

use std::{path::PathBuf, sync::Arc};

use egui::{
    Align, Align2, Area, Color32, CursorIcon, Id, Key, Layout, Order, Rect, Role, Sense, Ui,
    UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::id::{BlobHash, EventId};

use crate::{
    core::model::{Body, MessageView},
    gui::{
        composer, fonts, format,
        images::{ImageKey, ImageSource, Picture, fit},
        state::{Errand, Scene, UiState},
        text,
        theme::{size, space},
        widgets::{button, centred},
    },
};

/// Height of the bar at the top, in points.
const BAR: f32 = 60.0;
/// Most that an image is enlarged.
const ZOOM_MAX: f32 = 8.0;
/// By how much one press of a key enlarges.
const ZOOM_STEP: f32 = 1.25;

/// The image that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Lightbox {
    message: EventId,
    blob: BlobHash,
    file: PathBuf,
    preview: Option<Arc<[u8]>>,
    name: String,
    from: String,
    at_ms: u64,
    zoom: f32,
    offset: Vec2,
}

impl Lightbox {
    /// For the image in a message; none unless it is here.
    pub(crate) fn of(message: &MessageView) -> Option<Self> {
        let Body::Attachment(file) = &message.body else { return None };
        Some(Self {
            message: message.id,
            blob: file.blob,
            file: file.file.clone()?,
            preview: file.preview.clone(),
            name: file.name.clone(),
            from: if message.own { "You".to_owned() } else { message.from.to_string() },
            at_ms: message.at_ms,
            zoom: 1.0,
            offset: Vec2::ZERO,
        })
    }
}

/// Draws the image, if one is shown.
pub(crate) fn lightbox_ui(context: &egui::Context, scene: &Scene<'_>, state: &mut UiState) {
    let Some(mut lightbox) = state.lightbox.take() else { return };
    // Keys are for the image.
    context.memory_mut(|memory| memory.surrender_focus(composer::text_id()));
    let screen = context.content_rect();
    let area = Area::new(Id::unique("lightbox")).order(Order::Foreground).fixed_pos(screen.min);
    let close = area
        .fade_in(false)
        .show(context, |ui| {
            ui.set_min_size(screen.size());
            ui.painter().rect_filled(screen, 0.0, Color32::from_black_alpha(232));
            let closed = image_ui(ui, screen, &mut lightbox, state);
            bar_ui(ui, screen, scene, &lightbox, state) || closed
        })
        .inner;
    let pressed = |key| context.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key));
    if close || pressed(Key::Escape) {
        state.focus_composer = true;
        return;
    }
    if pressed(Key::Plus) || pressed(Key::Equals) {
        lightbox.zoom = (lightbox.zoom * ZOOM_STEP).min(ZOOM_MAX);
    } else if pressed(Key::Minus) {
        lightbox.zoom = (lightbox.zoom / ZOOM_STEP).max(1.0);
    } else if pressed(Key::Num0) {
        lightbox.zoom = 1.0;
    }
    let [before, after] = neighbours(&lightbox, state);
    let (left, right) = sides_ui(context, screen, (before.is_some(), after.is_some()));
    let next = if left || pressed(Key::ArrowLeft) {
        before
    } else if right || pressed(Key::ArrowRight) {
        after
    } else {
        None
    };
    state.lightbox = Some(next.unwrap_or(lightbox));
}

/// The images before and after the one that is shown, as far as they are here.
fn neighbours(lightbox: &Lightbox, state: &UiState) -> [Option<Lightbox>; 2] {
    let messages = state.chat.timeline.as_ref().map_or(&[][..], |timeline| &timeline.messages);
    let Some(index) = messages.iter().position(|message| message.id == lightbox.message) else {
        return [None, None];
    };
    let image = |message: &Arc<MessageView>| {
        let Body::Attachment(file) = &message.body else { return None };
        let is_image = file.media_type.starts_with("image/");
        if is_image { Lightbox::of(message) } else { None }
    };
    [messages[..index].iter().rev().find_map(image), messages[index + 1..].iter().find_map(image)]
}

/// Draws the buttons at both sides, and tells which of them was clicked.
fn sides_ui(context: &egui::Context, screen: Rect, (before, after): (bool, bool)) -> (bool, bool) {
    let side = |shown: bool, align: Align2, icon: Icon, name: &str| {
        let area = Area::new(Id::unique(name)).order(Order::Tooltip).pivot(align);
        let at = align.pos_in_rect(&screen.shrink(space::M));
        shown
            && area
                .fixed_pos(at)
                .fade_in(false)
                .show(context, |ui| {
                    let (back, _) =
                        ui.allocate_exact_size(Vec2::splat(button::SIDE), Sense::hover());
                    ui.painter().circle_filled(
                        back.center(),
                        button::SIDE / 2.0,
                        Color32::from_black_alpha(110),
                    );
                    let mut child = ui.new_child(UiBuilder::new().max_rect(back));
                    bar_button(&mut child, icon, name)
                })
                .inner
    };
    let left = side(before, Align2::LEFT_CENTER, Icon::ChevronLeft, "Image before");
    (left, side(after, Align2::RIGHT_CENTER, Icon::ChevronRight, "Next image"))
}

/// Draws the image and takes in zooming and moving. Tells whether the user wants to leave.
fn image_ui(ui: &Ui, screen: Rect, lightbox: &mut Lightbox, state: &mut UiState) -> bool {
    let response = ui.interact(screen, Id::unique("lightbox-image"), Sense::click_and_drag());
    let label = format!("Image {}", lightbox.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    let file = lightbox.file.clone();
    let full = state.images.get(ImageKey::Full(lightbox.blob), || ImageSource::File(file));
    let texture = match (full, &lightbox.preview) {
        (Picture::Ready(texture), _) => Some(texture),
        (Picture::Coming, Some(preview)) => {
            let source = || ImageSource::Bytes(Arc::clone(preview));
            match state.images.get(ImageKey::Preview(lightbox.blob), source) {
                Picture::Ready(texture) => Some(texture),
                Picture::Coming | Picture::Broken => None,
            }
        }
        (Picture::Coming, None) => None,
        (Picture::Broken, _) => {
            let font = fonts::regular(size::BODY);
            centred(ui.painter(), screen, "This image cannot be shown", font, Color32::WHITE);
            None
        }
    };
    let Some(texture) = texture else { return response.clicked() };
    let room = Rect::from_min_max(screen.min + vec2(24.0, BAR), screen.max - vec2(24.0, 24.0));
    let fitted = fit(texture.size_vec2(), room.size());
    let scroll = ui.input(|input| input.smooth_scroll_delta().y / 240.0 + input.zoom_delta() - 1.0);
    lightbox.zoom = (lightbox.zoom * (1.0 + scroll)).clamp(1.0, ZOOM_MAX);
    if response.double_clicked() {
        lightbox.zoom = if lightbox.zoom > 1.0 { 1.0 } else { 2.5 };
    }
    lightbox.offset += response.drag_delta();
    let spare = ((fitted * lightbox.zoom - room.size()) / 2.0).max(Vec2::ZERO);
    lightbox.offset = lightbox.offset.clamp(-spare, spare);
    let rect = Rect::from_center_size(room.center() + lightbox.offset, fitted * lightbox.zoom);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(texture.id(), rect, uv, Color32::WHITE);
    let outside = response.interact_pointer_pos().is_some_and(|pointer| !rect.contains(pointer));
    response.clicked() && outside
}

/// Draws what the image is and what can be done. Tells whether the user wants to leave.
fn bar_ui(
    ui: &mut Ui,
    screen: Rect,
    scene: &Scene<'_>,
    lightbox: &Lightbox,
    state: &mut UiState,
) -> bool {
    let bar = Rect::from_min_size(screen.min, vec2(screen.width(), BAR));
    ui.painter().rect_filled(bar, 0.0, Color32::from_black_alpha(120));
    let room = bar.width() - 3.0 * button::SIDE - space::XL;
    let font = fonts::semibold(size::BODY);
    let title = text::one_line(ui, &lightbox.name, room, font, Color32::WHITE);
    let left = bar.left() + space::L;
    ui.painter().galley(pos2(left, bar.top() + 11.0), title, Color32::WHITE);
    let when = format::full(scene.zone.local(lightbox.at_ms));
    let words = format!("{}, {when}", lightbox.from);
    let grey = Color32::from_gray(180);
    let words = text::one_line(ui, &words, room, fonts::regular(size::SMALL), grey);
    ui.painter().galley(pos2(left, bar.top() + 31.0), words, grey);
    let layout = Layout::right_to_left(Align::Center);
    let inner = bar.shrink2(vec2(space::M, 0.0));
    let mut child = ui.new_child(UiBuilder::new().max_rect(inner).layout(layout));
    let close = bar_button(&mut child, Icon::X, "Close image");
    if bar_button(&mut child, Icon::Download, "Save image as…") {
        let name = crate::media::safe_file_name(&lightbox.name);
        state.errands.push(Errand::SaveAs(lightbox.message, name));
    }
    close
}

fn bar_button(ui: &mut Ui, icon: Icon, name: &str) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(button::SIDE), Sense::click());
    if response.hovered() {
        ui.painter().circle_filled(
            rect.center(),
            button::SIDE / 2.0,
            Color32::from_white_alpha(30),
        );
    }
    centred(ui.painter(), rect, &fonts::glyph(icon), fonts::icons(size::ICON), Color32::WHITE);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name).clicked()
}
