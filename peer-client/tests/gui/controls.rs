//! Every control has a name for those who hear the window instead of seeing it.

use std::sync::Arc;

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::{
    command::{Answer, Command},
    model::{DeviceView, MemberView, Reaction},
};

use crate::support::{Desk, Launches, listed, message, model, name};

/// Controls of the window that have no name, with their places.
fn nameless(desk: &Desk) -> Vec<String> {
    let is_control = |role| {
        matches!(
            role,
            Role::Button
                | Role::CheckBox
                | Role::ComboBox
                | Role::Link
                | Role::ListItem
                | Role::MenuItem
                | Role::MultilineTextInput
                | Role::PasswordInput
                | Role::RadioButton
                | Role::SearchInput
                | Role::Slider
                | Role::SpinButton
                | Role::Switch
                | Role::Tab
                | Role::TextInput
        )
    };
    let root = desk.harness.root();
    let all: Vec<_> = root.children_recursive().collect();
    let controls: Vec<_> =
        all.into_iter().filter(|node| is_control(node.accesskit_node().role())).collect();
    assert!(controls.len() > 1, "no controls are seen");
    controls
        .into_iter()
        .filter(|node| node.accesskit_node().label().is_none_or(|it| it.trim().is_empty()))
        .map(|node| format!("{:?} at {:?}", node.accesskit_node().role(), node.rect()))
        .collect()
}

#[track_caller]
fn all_have_names(desk: &Desk) {
    assert_eq!(nameless(desk), Vec::<String>::new());
}

fn desk() -> Desk {
    let mut group = listed("#rust", 0, "hi");
    let member = |text: &str| MemberView { username: name(text), online: true };
    group.members = Arc::new(["ada", "bob"].map(member).to_vec());
    let mut desk = Desk::at_home([1100.0, 900.0], model(vec![group, listed("@bob", 1, "ho")]));
    let mut text = message(1, "#rust", "ada", "hello @me, see https://a.example `x`");
    let emoji = "👍".to_owned();
    text.reactions = vec![Reaction { emoji, by: vec![name("ada")], own: false }];
    desk.open("#rust", vec![text, message(2, "#rust", "me", "yes")]);
    desk
}

#[test]
fn the_first_page_has_names() {
    let launches = Launches::new();
    let mut desk = Desk::first_page(&launches);
    desk.run();
    all_have_names(&desk);
}

#[test]
fn conversations_and_what_lies_over_them_have_names() {
    let mut desk = desk();
    all_have_names(&desk);
    for (opened, closed) in [
        ("Emoji", None),
        ("New conversation", None),
        ("Conversation menu", None),
        ("About #rust", Some("Close")),
        ("Search in this conversation (Ctrl+F)", Some("Close the search")),
    ] {
        desk.click(opened);
        all_have_names(&desk);
        if let Some(closed) = closed {
            desk.click(closed);
        } else {
            desk.harness.key_press(egui::Key::Escape);
            desk.run();
        }
    }
    desk.harness.get_by_label_contains("You: yes").click_secondary();
    desk.run();
    all_have_names(&desk);
    desk.harness.key_press(egui::Key::Escape);
    desk.run();
    for key in [egui::Key::K, egui::Key::N] {
        desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, key);
        desk.run();
        all_have_names(&desk);
        desk.harness.key_press(egui::Key::Escape);
        desk.run();
    }
}

#[test]
fn all_settings_have_names() {
    let mut desk = desk();
    for page in [
        "Behaviour",
        "Contact link",
        "Recovery phrase",
        "Backup",
        "Blocked people",
        "About Natterjack",
    ] {
        desk.click("Settings");
        all_have_names(&desk);
        desk.click(page);
        all_have_names(&desk);
        desk.harness.key_press(egui::Key::Escape);
        desk.run();
    }
    desk.asks_nothing_but_typing();
    desk.click("Settings");
    desk.click("Devices");
    let device = wire::key::DeviceKey::from_seed([1; 32]).id();
    let view = DeviceView { device, here: true, online: true };
    desk.answer(&Command::Devices, Ok(Answer::Devices(vec![view])));
    desk.wait_for("This device");
    all_have_names(&desk);
}
