//! Words that become emoji and people while they are written.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::model::MemberView;

use crate::support::{Desk, listed, message, model, name};

fn desk() -> Desk {
    let mut view = listed("#rust", 0, "hi");
    let member = |text: &str| MemberView { username: name(text), online: false };
    view.members = Arc::new(["bob", "ada", "adam"].map(member).to_vec());
    let mut desk = Desk::over([1100.0, 700.0], model(vec![view]));
    desk.open("#rust", vec![message(1, "#rust", "ada", "hi")]);
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk
}

fn write(desk: &mut Desk, text: &str) {
    desk.harness.get_by_label("Message").type_text(text);
    desk.run();
}

fn press(desk: &mut Desk, key: Key) {
    desk.harness.key_press_modifiers(Modifiers::NONE, key);
    desk.run();
}

fn written(desk: &Desk) -> String {
    desk.harness.get_by_label("Message").accesskit_node().value().unwrap_or_default()
}

#[test]
fn members_are_named_by_a_few_letters() {
    let mut desk = desk();
    write(&mut desk, "ask @a");
    assert!(desk.harness.query_by_label("adam").is_some());
    press(&mut desk, Key::ArrowDown);
    press(&mut desk, Key::Enter);
    assert_eq!(written(&desk), "ask @adam ");
    desk.asks_nothing_but_typing();
    write(&mut desk, "or @b");
    press(&mut desk, Key::Tab);
    assert_eq!(written(&desk), "ask @adam or @bob ");
    // The keyboard stays where it was.
    write(&mut desk, "!");
    assert_eq!(written(&desk), "ask @adam or @bob !");
}

#[test]
fn emoji_are_written_by_their_names() {
    let mut desk = desk();
    write(&mut desk, "a :cra");
    desk.click(":crab:");
    assert_eq!(written(&desk), "a 🦀");
    write(&mut desk, " :tada:");
    assert_eq!(written(&desk), "a 🦀 🎉");
}

#[test]
fn what_is_not_wanted_stays_away() {
    let mut desk = desk();
    write(&mut desk, "@a");
    press(&mut desk, Key::Escape);
    assert!(desk.harness.query_by_label("adam").is_none());
    write(&mut desk, "d");
    assert!(desk.harness.query_by_label("adam").is_none());
    assert_eq!(written(&desk), "@ad");
    press(&mut desk, Key::Enter);
    assert_eq!(written(&desk), "");
}
