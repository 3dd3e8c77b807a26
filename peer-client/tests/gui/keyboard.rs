//! Without a mouse: the palette, the sheet of keys, and going from one conversation to another.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use peer_client::core::{
    command::Command,
    model::{PeerView, Traffic},
};
use wire::id::DeviceId;

use crate::support::{Desk, conversation, listed, message, model, name};

const WIDE: [f32; 2] = [1100.0, 800.0];
const FIELD: &str = "Go to a person, a group or a command";

fn desk() -> Desk {
    let conversations =
        vec![listed("@bob", 0, "hi"), listed("#rust", 2, "1.95"), listed("@eve", 0, "ho")];
    let mut model = model(conversations);
    model.peers = Arc::new(vec![PeerView {
        username: name("carol"),
        device: DeviceId::new([9; DeviceId::LENGTH]),
        online: true,
        road: None,
        traffic: Traffic::default(),
    }]);
    let mut desk = Desk::over(WIDE, model);
    // Of groups with unread messages the window looks through them for the user's name.
    while desk.port.calls.try_recv().is_ok() {}
    desk
}

fn press(desk: &mut Desk, modifiers: Modifiers, key: Key) {
    desk.harness.key_press_modifiers(modifiers, key);
    desk.run();
}

fn palette(desk: &mut Desk, text: &str) {
    press(desk, Modifiers::COMMAND, Key::K);
    desk.harness.get_by_label(FIELD).type_text(text);
    desk.run();
}

fn opened(desk: &mut Desk) -> String {
    loop {
        if let Command::Open { conversation } = desk.command() {
            return conversation.to_string();
        }
    }
}

#[test]
fn the_palette_goes_to_conversations() {
    let mut desk = desk();
    palette(&mut desk, "rs");
    assert!(desk.has("Go to #rust") && !desk.has("Go to @bob"));
    press(&mut desk, Modifiers::NONE, Key::Enter);
    assert_eq!(opened(&mut desk), "#rust");
    assert!(!desk.has(FIELD));
    // Without a text the newest other conversation comes first.
    palette(&mut desk, "");
    assert!(!desk.has("Go to #rust"));
    press(&mut desk, Modifiers::NONE, Key::ArrowDown);
    press(&mut desk, Modifiers::NONE, Key::Enter);
    assert_eq!(opened(&mut desk), "@eve");
}

#[test]
fn the_palette_begins_with_people_who_were_only_met_in_groups() {
    let mut desk = desk();
    palette(&mut desk, "car");
    desk.click("Write to carol");
    assert_eq!(opened(&mut desk), "@carol");
    desk.wait_for("About @carol");
}

#[test]
fn the_palette_does_what_it_names() {
    let mut desk = desk();
    palette(&mut desk, "dark");
    press(&mut desk, Modifiers::NONE, Key::Enter);
    assert!(desk.harness.ctx.global_style().visuals.dark_mode);
    palette(&mut desk, "devi");
    press(&mut desk, Modifiers::NONE, Key::Enter);
    assert!(desk.has("Your devices"));
    press(&mut desk, Modifiers::NONE, Key::Escape);
    palette(&mut desk, "qqqq");
    assert!(desk.has("Nothing found"));
    press(&mut desk, Modifiers::NONE, Key::Enter);
    assert!(desk.has("Nothing found"));
    press(&mut desk, Modifiers::NONE, Key::Escape);
    assert!(!desk.has("Nothing found"));
}

#[test]
fn a_sheet_tells_of_all_keys() {
    let mut desk = desk();
    desk.harness.event(egui::Event::Text("?".to_owned()));
    desk.run();
    assert!(desk.has("Keyboard shortcuts") && desk.has("Another line"));
    desk.click("Close");
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    // Where one writes, it is a question mark.
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.get_by_label("Message").type_text("?");
    desk.run();
    assert!(!desk.has("Keyboard shortcuts"));
    press(&mut desk, Modifiers::NONE, Key::F1);
    assert!(desk.has("Keyboard shortcuts"));
}

#[test]
fn one_goes_up_and_down_the_list() {
    let mut desk = desk();
    press(&mut desk, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(opened(&mut desk), "@bob");
    press(&mut desk, Modifiers::ALT | Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(opened(&mut desk), "#rust");
    press(&mut desk, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(opened(&mut desk), "@eve");
    press(&mut desk, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(opened(&mut desk), "@bob");
    press(&mut desk, Modifiers::ALT, Key::ArrowUp);
    assert_eq!(opened(&mut desk), "@eve");
    assert_eq!(desk.model.conversations[2].name, conversation("@eve"));
}

#[test]
fn everything_is_made_larger_and_smaller_and_kept_so() {
    let mut desk = Desk::at_home(WIDE, model(vec![listed("@bob", 0, "hi")]));
    press(&mut desk, Modifiers::COMMAND, Key::Plus);
    press(&mut desk, Modifiers::COMMAND, Key::Plus);
    assert!((desk.harness.ctx.zoom_factor() - 1.2).abs() < 0.01);
    let mut desk = desk.restarted(WIDE);
    assert!((desk.harness.ctx.zoom_factor() - 1.2).abs() < 0.01);
    press(&mut desk, Modifiers::COMMAND, Key::Num0);
    assert!((desk.harness.ctx.zoom_factor() - 1.0).abs() < 0.01);
}
