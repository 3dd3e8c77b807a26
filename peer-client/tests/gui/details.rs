//! How far a message came, and how complete a conversation is.

use std::sync::Arc;

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use peer_client::core::{
    command::{Answer, Command, Failure},
    model::{
        Completeness, Delivery, DeviceDelivery, MemberView, MessageView, PersonDelivery, Stage,
        Timeline,
    },
};
use wire::{id::DeviceId, key::DeviceKey};

use crate::support::{Desk, conversation, event, listed, message, model, name};

const WIDE: [f32; 2] = [1100.0, 800.0];

fn device(number: u8) -> DeviceId {
    DeviceKey::from_seed([number; 32]).id()
}

fn person(username: &str, own: bool, devices: &[(u8, Stage)]) -> PersonDelivery {
    let devices: Vec<_> = devices
        .iter()
        .map(|(number, stage)| DeviceDelivery { device: device(*number), stage: *stage })
        .collect();
    let stage = devices.iter().map(|it| it.stage).max().unwrap();
    PersonDelivery { username: name(username), own, stage, devices }
}

fn sent(stage: Stage, stored_by: u32, read_by: u32) -> MessageView {
    let mut sent = message(1, "#rust", "me", "look");
    sent.delivery = Some(Delivery { stage, stored_by, read_by, of: 2 });
    sent
}

fn menu(desk: &mut Desk, of: &str) {
    desk.harness.get_by_label_contains(of).click_secondary();
    desk.run();
}

#[test]
fn an_own_message_tells_its_stages_people_and_devices() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 0, "hi")]));
    desk.open("#rust", vec![sent(Stage::Stored, 1, 0)]);
    menu(&mut desk, "You: look");
    desk.click("Details");
    let asked = Command::Delivery { message: event(1) };
    let people = vec![
        person("ada", false, &[(2, Stage::Stored), (3, Stage::Waiting)]),
        person("bob", false, &[(4, Stage::Waiting)]),
        person("me", true, &[(5, Stage::Stored)]),
    ];
    desk.answer(&asked, Ok(Answer::Delivery(people)));
    desk.wait_for("ada: Stored");
    assert!(desk.has("Stored, by 1 of 2"));
    assert!(desk.has("Read, by 0 of 2: not yet"));
    assert!(desk.has("bob: Not confirmed yet"));
    assert!(desk.has("You, elsewhere: Stored"));
    let id = device(3).peer_id().to_string();
    assert!(desk.has(&format!("Device …{}: not confirmed yet", &id[id.len() - 6..])));
    assert!(desk.has("Went: Directly, from device to device"));
    // It is asked again once the message came further.
    desk.asks_nothing();
    let mut next = desk.model.clone();
    let messages = vec![Arc::new(sent(Stage::Read, 2, 1))];
    let timeline = Arc::new(Timeline { messages, more_before: false });
    next.timelines = Arc::new([(conversation("#rust"), timeline)].into());
    desk.publish(next);
    assert!(desk.has("Read, by 1 of 2"));
    let people = vec![person("ada", false, &[(2, Stage::Read)])];
    desk.answer(&asked, Ok(Answer::Delivery(people)));
    desk.wait_for("ada: Read");
    desk.click("Close");
    assert!(!desk.has("Message details"));
}

#[test]
fn a_refusal_is_one_line_and_of_others_nothing_is_asked() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 0, "hi")]));
    desk.open("#rust", vec![sent(Stage::Waiting, 0, 0), message(2, "#rust", "ada", "fine")]);
    menu(&mut desk, "You: look");
    desk.click("Details");
    assert!(desk.has("Kept on this device") && desk.has("Sent: not yet"));
    let text = "The program is shutting down";
    let asked = Command::Delivery { message: event(1) };
    desk.answer(&asked, Err(Failure::new("stopped", text)));
    desk.wait_for(text);
    desk.click("Close");
    menu(&mut desk, "ada: fine");
    desk.click("Details");
    assert!(desk.has("By: ada") && desk.has("Came: Directly"));
    desk.asks_nothing();
}

#[test]
fn the_menu_of_a_message_opens_by_the_keyboard() {
    let mut desk = Desk::over(WIDE, model(vec![listed("#rust", 0, "hi")]));
    desk.open("#rust", vec![message(1, "#rust", "ada", "hi")]);
    desk.harness.get_by_label_contains("ada: hi").focus();
    desk.run();
    desk.harness.key_press(Key::Enter);
    desk.run();
    assert!(desk.has("Copy text"));
    desk.harness.key_press(Key::Escape);
    desk.run();
    assert!(!desk.has("Copy text"));
}

#[test]
fn a_group_tells_how_complete_it_is() {
    let mut view = listed("#rust", 0, "hi");
    view.members = Arc::new(vec![MemberView { username: name("ada"), online: true }]);
    view.complete = Completeness { have: 30, missing: 10 };
    let mut desk = Desk::over(WIDE, model(vec![view.clone()]));
    desk.open("#rust", vec![message(1, "#rust", "ada", "hi")]);
    assert!(desk.has("1 other member, 1 online · 10 messages missing"));
    assert!(desk.has("Catching up: 30 of 40 entries are here"));
    view.complete = Completeness { have: 40, missing: 0 };
    let mut next = desk.model.clone();
    next.conversations = Arc::new(vec![view]);
    desk.publish(next);
    assert!(desk.has("1 other member, 1 online · complete"));
    assert!(!desk.has("Catching up"));
    desk.click("About #rust");
    assert!(desk.has("History: Complete, 40 entries"));
    assert!(desk.has("Members (2)"));
}
