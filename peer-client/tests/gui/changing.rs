//! Reactions, edits and erasure.

use egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::{
    command::{Command, Failure},
    model::{Body, MessageView, Reaction},
};

use crate::support::{Desk, event, listed, message, model, name};

fn desk(messages: Vec<MessageView>) -> Desk {
    let mut desk = Desk::over([1100.0, 700.0], model(vec![listed("#rust", 0, "hi")]));
    desk.open("#rust", messages);
    desk
}

fn reacted(emoji: &str, by: &[&str]) -> Reaction {
    let own = by.contains(&"me");
    Reaction { emoji: emoji.to_owned(), by: by.iter().map(|text| name(text)).collect(), own }
}

fn written(desk: &Desk) -> String {
    desk.harness.get_by_label("Message").accesskit_node().value().unwrap_or_default()
}

fn menu(desk: &mut Desk, of: &str) {
    desk.harness.get_by_label_contains(of).click_secondary();
    desk.run();
}

#[test]
fn reactions_are_shown_and_a_click_turns_the_own_one() {
    let mut first = message(1, "#rust", "ada", "look");
    first.reactions = vec![reacted("🐸", &["ada", "me"]), reacted("❤️", &["bob"])];
    let mut desk = desk(vec![first]);
    assert!(desk.has("Reaction 🐸: You and ada"));
    desk.click("Reaction ❤️: bob");
    let react = |emoji: &str, on| Command::React { message: event(1), emoji: emoji.into(), on };
    assert_eq!(desk.command(), react("❤️", true));
    desk.click("Reaction 🐸: You and ada");
    assert_eq!(desk.command(), react("🐸", false));
}

#[test]
fn the_menu_offers_a_few_emoji_and_all_others() {
    let mut desk = desk(vec![message(1, "#rust", "ada", "look")]);
    menu(&mut desk, "ada: look");
    desk.click("thumbs up");
    let react = |emoji: &str| Command::React { message: event(1), emoji: emoji.into(), on: true };
    assert_eq!(desk.command(), react("👍"));
    menu(&mut desk, "ada: look");
    desk.click("More emoji");
    desk.harness.get_by_label("Search emoji").type_text("crab");
    desk.run();
    desk.click("crab");
    assert_eq!(desk.command(), react("🦀"));
    assert!(!desk.has("Search emoji"));
    assert_eq!(written(&desk), "");
}

#[test]
fn a_message_that_is_pointed_at_has_a_button_to_react() {
    let mut desk = desk(vec![message(1, "#rust", "ada", "look")]);
    assert!(!desk.has("React to this message"));
    desk.harness.get_by_label_contains("ada: look").hover();
    desk.run();
    desk.click("React to this message");
    desk.click("red heart");
    let react = Command::React { message: event(1), emoji: "❤️".to_owned(), on: true };
    assert_eq!(desk.command(), react);
    assert!(!desk.has("red heart"));
}

#[test]
fn an_own_message_is_edited_where_messages_are_written() {
    let mut desk = desk(vec![message(1, "#rust", "ada", "hi"), message(2, "#rust", "me", "good")]);
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.get_by_label("Message").type_text("draft");
    desk.run();
    menu(&mut desk, "You: good");
    desk.click("Edit");
    assert!(desk.has("Do not edit"));
    assert_eq!(written(&desk), "good");
    desk.harness.get_by_label("Message").type_text("!");
    desk.run();
    desk.harness.key_press(Key::Enter);
    desk.run();
    desk.asks_only(&Command::Edit { message: event(2), text: "good!".to_owned() });
    assert_eq!(written(&desk), "draft");
    menu(&mut desk, "ada: hi");
    assert!(desk.has("Reply") && !desk.has("Edit") && !desk.has("Erase…"));
}

#[test]
fn the_arrow_upwards_edits_the_last_own_message_and_escape_leaves_it() {
    let mut desk = desk(vec![message(1, "#rust", "me", "one"), message(2, "#rust", "ada", "two")]);
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.key_press(Key::ArrowUp);
    desk.run();
    assert_eq!(written(&desk), "one");
    desk.harness.key_press(Key::Escape);
    desk.run();
    assert_eq!(written(&desk), "");
    assert!(!desk.has("Do not edit"));
    // The same text again is no change.
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.key_press(Key::ArrowUp);
    desk.run();
    desk.click("Save");
    desk.asks_nothing_but_typing();
    assert!(!desk.has("Do not edit"));
}

#[test]
fn an_edit_that_fails_comes_back() {
    let mut desk = desk(vec![message(1, "#rust", "me", "one")]);
    menu(&mut desk, "You: one");
    desk.click("Edit");
    desk.harness.get_by_label("Message").type_text("!");
    desk.run();
    desk.click("Save");
    let call = desk.call();
    call.answer.unwrap().send(Err(Failure::new("erased", "This message was erased"))).unwrap();
    desk.wait_for("Not changed: This message was erased");
    assert_eq!(written(&desk), "one!");
    assert!(desk.has("Do not edit"));
}

#[test]
fn erasing_asks_first_and_an_erased_message_says_so() {
    let mut gone = message(1, "#rust", "ada", "");
    gone.body = Body::Erased;
    let mut edited = message(2, "#rust", "me", "mine");
    edited.edited = true;
    let mut desk = desk(vec![gone, edited]);
    assert!(desk.has("ada: erased message"));
    assert!(desk.has("Went directly, from device to device\nEdited"));
    menu(&mut desk, "ada: erased message");
    assert!(!desk.has("Reply"));
    menu(&mut desk, "You: mine");
    desk.click("Erase…");
    desk.click("Cancel");
    desk.asks_nothing();
    menu(&mut desk, "You: mine");
    desk.click("Erase…");
    desk.click("Erase");
    assert_eq!(desk.command(), Command::Erase { message: event(2) });
}
