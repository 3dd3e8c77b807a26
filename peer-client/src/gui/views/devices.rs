//! The user's devices: which there are, a code for a further one, and removing one.

use egui::{
    CornerRadius, Frame, Label, Margin, Rect, RichText, ScrollArea, Sense, Ui, Vec2,
    text::LayoutJob, vec2,
};
use lucide_icons::Icon;
use wire::id::DeviceId;

use super::{
    dialogs::{buttons, heading},
    parts,
};
use crate::{
    core::{command::Command, model::DeviceView},
    gui::{
        fonts,
        pages::{Code, Devices, Dialog, NewDevice, Revocation},
        state::{Purpose, UiState, Wish},
        theme::{self, radius, size, space},
        widgets::{button, centred, field},
    },
};

/// Height of a device, in points.
const ROW: f32 = 60.0;
/// Seconds after which devices are asked for again while they are in view.
const AGAIN: f64 = 3.0;
/// Height of a text to be copied before it scrolls, in points.
const TEXT: f32 = 76.0;
/// Widest picture of a code, in points.
const PICTURE: f32 = 280.0;

/// The end of a device's id, by which people tell devices apart.
pub(crate) fn short(device: &DeviceId) -> String {
    let id = device.peer_id().to_string();
    let start = id.len().saturating_sub(6);
    format!("…{}", id.get(start..).unwrap_or_default())
}

/// Asks for the devices, again and again while they are in view.
fn poll(ui: &Ui, devices: &mut Devices, out: &mut Vec<Wish>) {
    let now = ui.input(|input| input.time);
    let due = devices.asked.map_or(now, |asked| asked + AGAIN);
    if now >= due {
        devices.asked = Some(now);
        out.push(Wish { command: Command::Devices, purpose: Purpose::Devices });
    }
    ui.ctx().request_repaint_after_secs((due - now).max(AGAIN) as f32);
}

/// Draws the devices, and tells whether the user leaves.
pub(crate) fn devices_ui(
    ui: &mut Ui,
    devices: &mut Devices,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> bool {
    poll(ui, devices, out);
    if parts::page_heading(ui, "Your devices") {
        state.dialog = Some(Dialog::Settings);
    }
    parts::words(ui, "They share your account, conversations and what you have read");
    ui.add_space(space::S);
    match &devices.list {
        None => parts::words(ui, "Looking…"),
        Some(Err(error)) => field::fault(ui, error),
        Some(Ok(list)) => {
            for (number, device) in list.iter().enumerate() {
                if device_ui(ui, number + 1, device) {
                    let (device, error, busy) = (device.device, None, false);
                    state.dialog = Some(Dialog::Revoke(Revocation { device, error, busy }));
                }
            }
        }
    }
    ui.add_space(space::S);
    let width = ui.available_width();
    if button::text(ui, "Add a device", button::Kind::Primary, Some(width)).clicked() {
        let before = devices.count();
        state.dialog = Some(Dialog::NewDevice(NewDevice { before, ..NewDevice::default() }));
    }
    false
}

/// Draws a device, and tells whether it is to be removed.
fn device_ui(ui: &mut Ui, number: usize, device: &DeviceView) -> bool {
    let palette = theme::palette(ui);
    let (row, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let sign = Rect::from_center_size(row.left_center() + vec2(20.0, 0.0), Vec2::splat(40.0));
    ui.painter().circle_filled(sign.center(), 20.0, palette.field);
    let icon = if device.here { Icon::MonitorCheck } else { Icon::MonitorSmartphone };
    centred(ui.painter(), sign, &fonts::glyph(icon), fonts::icons(19.0), palette.text_weak);
    if device.online {
        crate::gui::widgets::avatar::paint_online(ui.painter(), sign, palette.online, palette.card);
    }
    let title = if device.here { "This device".to_owned() } else { format!("Device {number}") };
    let online = if device.online { "online" } else { "offline" };
    let words = format!("{online} · id {}", short(&device.device));
    let right = if device.here { row.right() } else { row.right() - 92.0 };
    let lines = [(&*title, fonts::medium(size::BODY)), (&*words, fonts::regular(size::SMALL))];
    parts::two_lines(ui, row, (sign.right() + space::M, right), lines);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{title}, {words}"))
    });
    response.on_hover_text(device.device.peer_id().to_string());
    if device.here {
        return false;
    }
    let place = Rect::from_min_max(egui::pos2(right, row.top()), row.max);
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(
        egui::UiBuilder::new().max_rect(place).layout(layout).id_salt(device.device.as_bytes()),
    );
    button::small(&mut child, "Remove…", button::Kind::Danger).clicked()
}

/// Asks whether a device is to be removed.
pub(crate) fn revoke_ui(
    ui: &mut Ui,
    revocation: &mut Revocation,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> bool {
    let words = "It can no longer write as you or read what comes from now on. What it has \
                 already stays on it";
    heading(ui, &format!("Remove device {}?", short(&revocation.device)), words);
    if let Some(error) = &revocation.error {
        field::fault(ui, error);
    }
    let label = if revocation.busy { "Removing…" } else { "Remove" };
    let (on, leave) = buttons(ui, label, button::Kind::Danger);
    if on && !revocation.busy {
        revocation.busy = true;
        revocation.error = None;
        let device = revocation.device;
        let command = Command::Revoke { device };
        out.push(Wish { command, purpose: Purpose::Revoke(device) });
    }
    if leave {
        state.dialog = Some(Dialog::Devices(Devices::default()));
    }
    false
}

/// Draws the code for a further device.
pub(crate) fn new_device_ui(
    ui: &mut Ui,
    new: &mut NewDevice,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> bool {
    if !std::mem::replace(&mut new.asked, true) {
        out.push(Wish { command: Command::AddDevice, purpose: Purpose::NewDevice });
    }
    poll(ui, &mut new.devices, out);
    if parts::page_heading(ui, "Add a device") {
        state.dialog = Some(Dialog::Devices(Devices::default()));
    }
    let now = ui.input(|input| input.time);
    let count = new.devices.count();
    new.before = new.before.or(count);
    match &new.code {
        _ if count > new.before => {
            parts::done(ui, "The new device is here");
            ui.add_space(space::S);
            let width = ui.available_width();
            if button::text(ui, "Done", button::Kind::Primary, Some(width)).clicked() {
                state.dialog = Some(Dialog::Devices(Devices::default()));
            }
        }
        None => parts::words(ui, "Making a code…"),
        Some(Err(error)) => field::fault(ui, error),
        Some(Ok(code)) if code.until <= now => {
            parts::words(ui, "This code is no longer good");
            ui.add_space(space::S);
            let width = ui.available_width();
            if button::text(ui, "Make a new code", button::Kind::Primary, Some(width)).clicked() {
                *new = NewDevice { before: new.before, ..NewDevice::default() };
            }
        }
        Some(Ok(code)) => code_ui(ui, code, now, state),
    }
    false
}

fn code_ui(ui: &mut Ui, code: &Code, now: f64, state: &mut UiState) {
    parts::words(
        ui,
        "Start Natterjack on the other device, choose “I have an account already” and “From \
         another device”, and give it this code. Both need to be on one network",
    );
    ui.add_space(space::XS);
    if let Some(picture) = &code.picture {
        picture_ui(ui, picture, "The code as a picture");
    }
    text_ui(ui, &code.text);
    let minutes = ((code.until - now) / 60.0).ceil() as u64;
    let words = match minutes {
        0 | 1 => "Good for one device, less than a minute more".to_owned(),
        many => format!("Good for one device, {many} minutes more"),
    };
    let palette = theme::palette(ui);
    ui.vertical_centered(|ui| {
        ui.label(RichText::new(words).font(fonts::regular(size::SMALL)).color(palette.text_weak));
    });
    let width = ui.available_width();
    if button::text(ui, "Copy code", button::Kind::Primary, Some(width)).clicked() {
        ui.copy_text(code.text.clone());
        state.tell("The code is on the clipboard", false, now);
    }
}

/// Draws a picture in the middle.
pub(crate) fn picture_ui(ui: &mut Ui, picture: &crate::gui::widgets::qr::Qr, label: &str) {
    ui.vertical_centered(|ui| {
        let width = ui.available_width().min(PICTURE);
        picture.show(ui, width, label);
    });
}

/// Draws a long text that is to be copied.
pub(crate) fn text_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::same(space::M as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ScrollArea::vertical().auto_shrink([false, true]).max_height(TEXT).show(ui, |ui| {
            let font = fonts::regular(size::SMALL);
            let mut job = LayoutJob::simple(text.to_owned(), font, palette.text, 0.0);
            // Beside the scroll bar, and without regard to hyphens.
            job.wrap.max_width = ui.available_width() - space::M;
            job.wrap.break_anywhere = true;
            ui.add(Label::new(job).selectable(true));
        });
    });
}
