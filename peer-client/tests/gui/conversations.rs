//! The list, the messages, and what is told about them.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use peer_client::core::{
    command::{Answer, Command, Failure},
    model::{Delivery, Path, Quote, Road, Stage, Transport},
};

use crate::support::{Desk, conversation, listed, message, model, name};

const WIDE: [f32; 2] = [1100.0, 700.0];

#[test]
fn the_list_shows_unread_and_last_lines() {
    let mut view = listed("@bob", 3, "See you at six");
    view.online = true;
    let desk = Desk::over(WIDE, model(vec![view, listed("#rust", 0, "1.95 is out")]));
    assert!(desk.has("@bob, 3 unread, online, See you at six"));
    assert!(desk.has("#rust, 1.95 is out"));
    assert!(!desk.has("#rust, 0 unread"));
}

#[test]
fn the_list_is_narrowed_by_name() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "a"), listed("#rust", 0, "b")]));
    desk.harness.get_by_label("Search chats and messages").click();
    desk.run();
    desk.harness.get_by_label("Search chats and messages").type_text("RU");
    desk.run();
    assert!(desk.has("#rust, "));
    assert!(!desk.has("@bob, "));
}

#[test]
fn state_and_road_are_told() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "hi")]));
    let mut relayed = message(2, "@bob", "me", "hello");
    relayed.path = Some(Path::Relayed(None));
    relayed.delivery = Some(Delivery { stage: Stage::Read, stored_by: 1, read_by: 1, of: 1 });
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi"), relayed]);
    assert!(desk.has("bob: hi"));
    assert!(desk.has("Came directly, from device to device"));
    assert!(desk.has("You: hello"));
    assert!(desk.has("Read\nWent through the server's relay"));
}

#[test]
fn text_of_any_script_is_shown() {
    let words = ["שלום (עולם) ב-12:45 ליד Café Nero ".repeat(9), "مرحبا بالعالم".to_owned()];
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, &words[0])]));
    let messages = vec![
        message(1, "@bob", "bob", &words[0]),
        message(2, "@bob", "me", &words[1]),
        message(3, "@bob", "bob", "日本語 नमस्ते 👩🏽‍💻🇪🇺"),
    ];
    desk.open("@bob", messages);
    assert!(desk.has("bob: שלום"));
    assert!(desk.has("You: مرحبا"));
}

#[test]
fn the_bar_tells_who_is_there_and_how() {
    let mut view = listed("@bob", 0, "hi");
    let mut desk = Desk::over(WIDE, model(vec![view.clone()]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    assert!(desk.has("offline"));
    view.online = true;
    let road = Road { relayed: true, transport: Transport::Tcp, punched: false, rtt_ms: Some(40) };
    view.road = Some(road);
    let mut next = desk.model.clone();
    next.conversations = Arc::new(vec![view.clone()]);
    desk.publish(next.clone());
    assert!(desk.has("online · relayed over TCP, 40 ms"));
    view.typing = vec![name("bob")];
    next.conversations = Arc::new(vec![view]);
    desk.publish(next);
    assert!(desk.has("bob is typing…"));
}

#[test]
fn what_is_seen_is_told_once() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 1, "hi")]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    assert!(desk.has("Unread messages"));
    assert_eq!(desk.command(), Command::Read { of: conversation("@bob") });
    desk.run();
    desk.asks_nothing();
}

#[test]
fn messages_of_others_have_their_names_in_groups() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 0, "hi")]));
    let mut answer = message(2, "#rust", "me", "to you");
    answer.reply_to = Some(Quote {
        id: message(1, "#rust", "ada", "").id,
        excerpt: Some((name("ada"), "hi".into())),
    });
    desk.open("#rust", vec![message(1, "#rust", "ada", "hi"), answer]);
    assert!(desk.has("ada: hi"));
    desk.click("Go to the quoted message");
    assert!(!desk.has("further back"));
}

#[test]
fn a_narrow_window_has_one_column_and_a_way_back() {
    let mut desk = Desk::over([420.0, 700.0], model(vec![listed("@bob", 0, "hi")]));
    assert!(desk.has("Search chats and messages"));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    assert!(!desk.has("Search chats and messages"));
    assert!(desk.has("bob: hi"));
    desk.click("Back");
    assert_eq!(desk.command(), Command::Close { conversation: conversation("@bob") });
    assert!(desk.has("Search chats and messages"));
}

#[test]
fn a_new_chat_is_looked_up_and_a_failure_told() {
    let mut desk = Desk::over(WIDE, model(Vec::new()));
    desk.click("New conversation");
    desk.click("New chat…");
    desk.harness.get_by_label("Name").type_text("@carol");
    desk.run();
    desk.click("Start chat");
    let carol = conversation("@carol");
    let call = desk.call();
    assert_eq!(call.command, Command::Open { conversation: carol.clone() });
    let text = "Nobody is registered as @carol; check the spelling";
    call.answer.unwrap().send(Err(Failure::new("not_found", text))).unwrap();
    desk.wait_for(text);
    desk.click("Start chat");
    let call = desk.call();
    call.answer.unwrap().send(Ok(Answer::Done)).unwrap();
    desk.wait_for("About @carol");
    assert!(!desk.has("Start chat"));
}

#[test]
fn groups_are_joined_and_left() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 0, "hi")]));
    desk.click("New conversation");
    desk.click("Join group…");
    desk.harness.get_by_label("Group").type_text("#Go");
    desk.run();
    desk.click("Join");
    let Command::Join { group, invite } = desk.command() else { panic!("no join") };
    assert_eq!((group.as_str(), invite), ("go", None));
    desk.wait_for("About #go");
    desk.command();
    desk.open_again("#rust");
    desk.click("Conversation menu");
    desk.click("Leave group…");
    desk.click("Leave");
    let Command::Leave { group } = desk.command() else { panic!("no leaving") };
    assert_eq!(group.as_str(), "rust");
}

#[test]
fn history_is_scrolled_through_and_older_messages_asked_for() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "hi")]));
    let text = "A message long enough for two lines or three, so that heights differ. ".repeat(4);
    let messages: Vec<_> = (1..=120)
        .map(|number| {
            let from = if number % 3 == 0 { "me" } else { "bob" };
            let text = if number % 4 == 0 { &text } else { "short" };
            message(number, "@bob", from, text)
        })
        .collect();
    desk.open("@bob", messages);
    assert!(!desk.has("Jump to the newest message"));
    let middle = egui::pos2(700.0, 350.0);
    desk.harness.hover_at(middle);
    for _ in 0..400 {
        desk.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, 120.0),
            modifiers: egui::Modifiers::NONE,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
        desk.harness.step();
    }
    desk.run();
    assert!(desk.has("Jump to the newest message"));
    assert!(desk.has("Today"), "the beginning is not reached");
    let mut next = desk.model.clone();
    let mut timelines = (*next.timelines).clone();
    for timeline in timelines.values_mut() {
        Arc::make_mut(timeline).more_before = true;
    }
    next.timelines = Arc::new(timelines);
    desk.publish(next);
    assert_eq!(desk.command(), Command::Older { conversation: conversation("@bob") });
    desk.asks_nothing();
    desk.click("Jump to the newest message");
    assert!(!desk.has("Jump to the newest message"));
}
