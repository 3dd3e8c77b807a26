//! Writing: text, emoji, answers, and what comes back when sending fails.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::command::{Command, Draft, Failure};

use crate::support::{Desk, conversation, event, listed, message, model};

fn desk() -> Desk {
    let mut desk = Desk::over([1100.0, 700.0], model(vec![listed("@bob", 0, "hi")]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    desk
}

fn write(desk: &mut Desk, text: &str) {
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.get_by_label("Message").type_text(text);
    desk.run();
}

fn written(desk: &Desk) -> String {
    desk.harness.get_by_label("Message").accesskit_node().value().unwrap_or_default()
}

fn sent(desk: &mut Desk) -> Draft {
    match desk.command() {
        Command::Send { to, draft } => {
            assert_eq!(to, conversation("@bob"));
            draft
        }
        other => panic!("{other:?} is not a message"),
    }
}

#[test]
fn enter_sends_and_shift_enter_begins_a_line() {
    let mut desk = desk();
    write(&mut desk, "one");
    desk.harness.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    desk.run();
    write(&mut desk, "two");
    desk.asks_nothing_but_typing();
    desk.harness.key_press(Key::Enter);
    desk.run();
    let draft = sent(&mut desk);
    assert_eq!(draft, Draft { text: "one\ntwo".to_owned(), ..Draft::default() });
    assert_eq!(written(&desk), "");
    desk.harness.key_press(Key::Enter);
    desk.run();
    desk.asks_nothing();
}

#[test]
fn what_was_not_sent_comes_back() {
    let mut desk = desk();
    write(&mut desk, "important");
    desk.harness.key_press(Key::Enter);
    desk.run();
    let call = desk.call();
    call.answer.unwrap().send(Err(Failure::new("storage", "The disk is full"))).unwrap();
    desk.wait_for("Not sent: The disk is full");
    assert_eq!(written(&desk), "important");
}

#[test]
fn an_answer_names_its_message() {
    let mut desk = desk();
    desk.harness.get_by_label_contains("bob: hi").click_secondary();
    desk.run();
    desk.click("Reply");
    write(&mut desk, "hello");
    desk.harness.key_press(Key::Enter);
    desk.run();
    assert_eq!(sent(&mut desk).reply_to, Some(event(1)));
    write(&mut desk, "again");
    desk.click("Send");
    assert_eq!(sent(&mut desk).reply_to, None);
}

#[test]
fn the_picker_finds_emoji_and_inserts_them() {
    let mut desk = desk();
    write(&mut desk, "a");
    desk.click("Emoji");
    desk.harness.get_by_label("Search emoji").type_text("crab");
    desk.run();
    desk.click("crab");
    assert_eq!(written(&desk), "a🦀");
    desk.harness.get_by_label("Search emoji").focus();
    desk.run();
    desk.harness.get_by_label("Search emoji").type_text("qqq");
    desk.run();
    assert!(desk.has("Nothing found"));
}

#[test]
fn backspace_takes_a_whole_emoji() {
    let mut desk = desk();
    write(&mut desk, "a👨‍👩‍👧‍👦");
    desk.harness.key_press(Key::Backspace);
    desk.run();
    assert_eq!(written(&desk), "a");
}

#[test]
fn what_is_written_stays_with_its_conversation() {
    let conversations = vec![listed("@bob", 0, "hi"), listed("@eve", 0, "ho")];
    let mut desk = Desk::over([1100.0, 700.0], model(conversations));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    write(&mut desk, "for bob");
    desk.open_again("@eve");
    assert_eq!(written(&desk), "");
    desk.open_again("@bob");
    assert_eq!(written(&desk), "for bob");
}
