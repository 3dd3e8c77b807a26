//! An image over the whole window.

use std::{path::PathBuf, sync::Arc};

use egui::{
    Align, Area, Color32, CursorIcon, Id, Key, Layout, Order, Rect, Role, Sense, Ui, UiBuilder,
    Vec2, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;
use wire::id::{BlobHash, EventId};

use crate::{
    core::model::{Body, MessageView},
    gui::{
        fonts, format,
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
    let escaped = context.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
    if !close && !escaped {
        state.lightbox = Some(lightbox);
    }
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
