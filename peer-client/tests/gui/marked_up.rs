//! What texts of messages mean: people who are named, and addresses.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use peer_client::core::{
    command::{Answer, Command},
    model::MemberView,
};

use crate::support::{Desk, conversation, listed, message, model, name};

fn desk(text: &str) -> Desk {
    let mut view = listed("#rust", 0, "hi");
    view.members = Arc::new(vec![MemberView { username: name("bob"), online: false }]);
    let mut desk = Desk::over([1100.0, 700.0], model(vec![view]));
    desk.open("#rust", vec![message(1, "#rust", "ada", text)]);
    desk
}

/// Clicks at the beginning of the message's text.
fn click_text(desk: &mut Desk) {
    let bubble = desk.harness.get_by_label_contains("ada: ").rect();
    // Below the author's name, right of the padding.
    let at = bubble.left_top() + egui::vec2(30.0, 38.0);
    desk.harness.hover_at(at);
    desk.run();
    for pressed in [true, false] {
        desk.harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        desk.harness.step();
    }
    desk.run();
}

fn address(desk: &Desk) -> Option<String> {
    desk.harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::OpenUrl(open) => Some(open.url.clone()),
        _ => None,
    })
}

#[test]
fn a_click_on_a_persons_name_begins_a_chat() {
    let mut desk = desk("**@bob** knows");
    click_text(&mut desk);
    let call = desk.call();
    assert_eq!(call.command, Command::Open { conversation: conversation("@bob") });
    call.answer.unwrap().send(Ok(Answer::Done)).unwrap();
    desk.wait_for("About @bob");
}

#[test]
fn an_address_that_pretends_is_asked_about_first() {
    let mut desk = desk("https://paypal.com@evil.example/ now");
    click_text(&mut desk);
    assert!(desk.has("What stands before the @ is not where it leads"));
    assert!(desk.has("https://paypal.com@evil.example/"));
    desk.click("Cancel");
    assert!(!desk.has("Open this address?"));
    assert_eq!(address(&desk), None);
}

#[test]
fn all_kinds_of_markup_are_drawn() {
    let text = "**strong** *slanted* ~~struck~~ `code`\n```rust\nfn main() {}\n```\nend 🐸 **@me**";
    let desk = desk(text);
    assert!(desk.has("ada: **strong**"));
}
