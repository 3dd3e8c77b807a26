//! Looking for messages, everywhere and within a conversation.

use std::{collections::BTreeMap, sync::Arc};

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::core::{
    command::{Answer, Command},
    model::{Body, MessageView, Timeline},
    notice::{Change, Notice},
};

use crate::support::{Desk, conversation, listed, message, model, name};

const EVERYWHERE: &str = "Search chats and messages";
const HERE: &str = "Search in this conversation";

fn desk() -> Desk {
    let conversations = vec![listed("@bob", 0, "hi"), listed("#rust", 0, "1.95 is out")];
    Desk::over([1100.0, 700.0], model(conversations))
}

fn write(desk: &mut Desk, field: &str, text: &str) {
    desk.harness.get_by_label(field).focus();
    desk.harness.step();
    desk.harness.get_by_label(field).type_text(text);
    desk.run();
}

/// Answers the next command, which has to be this search.
#[track_caller]
fn answer(desk: &mut Desk, text: &str, within: Option<&str>, found: Vec<MessageView>) {
    let call = desk.call();
    let Command::Search { text: sought, within: place, .. } = call.command else {
        panic!("{:?} is no search", call.command)
    };
    assert_eq!((sought.as_str(), place), (text, within.map(conversation)));
    call.answer.unwrap().send(Ok(Answer::Messages(found))).unwrap();
}

/// Publishes these messages as what is loaded of a conversation.
fn load(desk: &mut Desk, name: &str, messages: &[MessageView], more_before: bool) {
    let messages = messages.iter().cloned().map(Arc::new).collect();
    let timeline = Timeline { messages, more_before };
    let mut model = desk.model.clone();
    model.timelines = Arc::new(BTreeMap::from([(conversation(name), Arc::new(timeline))]));
    desk.publish(model);
}

#[test]
fn messages_are_sought_once_typing_pauses_and_shown_newest_first() {
    let mut desk = desk();
    write(&mut desk, EVERYWHERE, "r");
    desk.asks_nothing();
    write(&mut desk, EVERYWHERE, "us");
    let found =
        vec![message(1, "#rust", "ada", "the rust book"), message(2, "@bob", "me", "no rust here")];
    answer(&mut desk, "rus", None, found);
    desk.wait_for("Messages (2)");
    assert!(desk.has("#rust, 1.95 is out") && !desk.has("@bob, hi"));
    let upper = desk.harness.get_by_label("Found in @bob, You: no rust here").rect();
    let lower = desk.harness.get_by_label("Found in #rust, ada: the rust book").rect();
    assert!(upper.bottom() <= lower.top());
    desk.asks_nothing();
}

#[test]
fn an_answer_to_what_is_no_longer_typed_is_left_out() {
    let mut desk = desk();
    write(&mut desk, EVERYWHERE, "old");
    let late = desk.call();
    write(&mut desk, EVERYWHERE, "er");
    late.answer
        .unwrap()
        .send(Ok(Answer::Messages(vec![message(1, "@bob", "bob", "old")])))
        .unwrap();
    answer(&mut desk, "older", None, Vec::new());
    desk.wait_for("Nothing found");
    assert!(!desk.has("Found in"));
}

#[test]
fn a_found_message_is_shown_even_if_older_ones_have_to_be_loaded() {
    let mut desk = desk();
    let messages: Vec<MessageView> =
        (1..=90).map(|number| message(number, "@bob", "bob", &format!("no. {number}"))).collect();
    write(&mut desk, EVERYWHERE, "no");
    answer(&mut desk, "no", None, vec![messages[4].clone()]);
    desk.wait_for("Found in @bob");
    desk.click("Found in @bob, bob: no. 5");
    assert_eq!(desk.command(), Command::Open { conversation: conversation("@bob") });
    let older = Command::Older { conversation: conversation("@bob") };
    load(&mut desk, "@bob", &messages[60..], true);
    assert_eq!(desk.command(), older);
    desk.asks_nothing();
    load(&mut desk, "@bob", &messages[30..], true);
    assert_eq!(desk.command(), older);
    load(&mut desk, "@bob", &messages, false);
    assert!(desk.has("bob: no. 5\n"));
    assert!(!desk.has("bob: no. 90\n"));
    desk.asks_nothing();
}

#[test]
fn a_message_that_is_gone_is_told() {
    let mut desk = desk();
    write(&mut desk, EVERYWHERE, "gone");
    answer(&mut desk, "gone", None, vec![message(7, "@bob", "bob", "gone")]);
    desk.wait_for("Found in @bob");
    desk.click("Found in @bob, bob: gone");
    desk.command();
    load(&mut desk, "@bob", &[message(1, "@bob", "bob", "hi")], false);
    assert!(desk.has("too far back, or not here any more"));
}

#[test]
fn within_a_conversation_one_goes_from_one_message_to_the_next() {
    let mut desk = desk();
    let messages: Vec<MessageView> =
        (1..=90).map(|number| message(number, "@bob", "bob", &format!("no. {number}"))).collect();
    desk.open("@bob", messages.clone());
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    desk.run();
    desk.harness.get_by_label(HERE).type_text("no");
    desk.run();
    let found = vec![messages[9].clone(), messages[49].clone()];
    answer(&mut desk, "no", Some("@bob"), found);
    desk.wait_for("1 of 2");
    desk.run();
    assert!(desk.has("bob: no. 50\n") && !desk.has("bob: no. 90\n"));
    desk.harness.key_press(Key::Enter);
    desk.run();
    assert!(desk.has("2 of 2") && desk.has("bob: no. 10\n") && !desk.has("bob: no. 50\n"));
    desk.click("Next newer");
    assert!(desk.has("1 of 2") && desk.has("bob: no. 50\n"));
    desk.click("Close the search");
    assert!(!desk.has("1 of 2"));
    let message = desk.harness.get_by_label("Message");
    assert!(message.accesskit_node().is_focused());
}

#[test]
fn what_was_found_is_sought_again_when_messages_change() {
    let mut desk = desk();
    let mut found = message(1, "@bob", "bob", "secret");
    write(&mut desk, EVERYWHERE, "sec");
    answer(&mut desk, "sec", None, vec![found.clone()]);
    desk.wait_for("Found in @bob, bob: secret");
    found.body = Body::Erased;
    let (message, by) = (Box::new(found), name("bob"));
    let notice = Notice::Changed { message, by, change: Change::Erasure };
    desk.port.notices.send(notice).unwrap();
    desk.wait_for_call();
    answer(&mut desk, "sec", None, Vec::new());
    desk.wait_for("Nothing found");
    desk.click("Clear");
    assert!(desk.has("@bob, hi") && !desk.has("Nothing found"));
}
