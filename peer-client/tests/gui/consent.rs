//! Requests of strangers, blocked people, muted conversations.

use egui_kittest::kittest::Queryable as _;
use peer_client::core::{command::Command, model::ConversationView};

use crate::support::{Desk, conversation, listed, message, model, name};

fn desk(view: ConversationView) -> Desk {
    let mut desk = Desk::over([1100.0, 700.0], model(vec![view]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    desk
}

fn block(on: bool) -> Command {
    Command::Block { peer: name("bob"), on }
}

#[test]
fn a_stranger_is_accepted_or_blocked() {
    let mut view = listed("@bob", 0, "hi");
    view.request = true;
    let mut desk = desk(view);
    assert!(desk.has("bob is not in your contacts"));
    desk.click("Accept");
    desk.asks_only(&Command::Accept { peer: name("bob") });
    desk.click("Block");
    desk.asks_only(&block(true));
    let next = model(vec![listed("@bob", 0, "hi")]);
    desk.publish(next);
    assert!(!desk.has("is not in your contacts"));
}

#[test]
fn to_somebody_blocked_nothing_is_written() {
    let mut view = listed("@bob", 0, "hi");
    view.blocked = true;
    let mut desk = desk(view);
    assert!(desk.has("You have blocked bob"));
    assert!(desk.has("@bob, blocked"));
    assert!(desk.harness.query_by_label("Message").is_none());
    desk.harness.get_by_label_contains("bob: hi").click_secondary();
    desk.run();
    assert!(desk.has("Copy text") && !desk.has("thumbs up"));
    desk.click("Unblock");
    desk.asks_only(&block(false));
}

#[test]
fn a_conversation_is_muted_and_a_person_blocked_in_its_menu() {
    let mut desk = desk(listed("@bob", 0, "hi"));
    desk.click("Conversation menu");
    desk.click("Mute");
    desk.asks_only(&Command::Mute { conversation: conversation("@bob"), on: true });
    desk.click("Conversation menu");
    desk.click("Block");
    desk.asks_only(&block(true));
}

#[test]
fn the_list_has_a_menu_too_and_shows_what_is_muted() {
    let mut view = listed("#rust", 3, "hi");
    view.muted = true;
    let mut desk = Desk::over([1100.0, 700.0], model(vec![view]));
    // In groups the window looks for the user's name.
    assert!(matches!(desk.command(), Command::History { .. }));
    desk.harness.get_by_label_contains("#rust, 3 unread, muted").click_secondary();
    desk.run();
    assert!(!desk.has("Block"));
    desk.click("Unmute");
    desk.asks_only(&Command::Mute { conversation: conversation("#rust"), on: false });
}
