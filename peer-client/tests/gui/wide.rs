//! Three columns, and what the list tells of what goes on.

use std::{collections::BTreeMap, sync::Arc};

use peer_client::core::model::{Completeness, Transfer};
use wire::id::BlobHash;

use crate::support::{Desk, listed, message, model};

#[test]
fn where_there_is_room_a_third_column_tells_of_the_conversation() {
    let mut desk = Desk::over([1400.0, 800.0], model(vec![listed("@bob", 0, "hi")]));
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
    assert!(!desk.has("Export conversation"));
    desk.click("About @bob");
    assert!(desk.has("Export conversation") && desk.has("Message"));
    desk.click("About @bob");
    assert!(!desk.has("Export conversation"));
    desk.click("About @bob");
    desk.harness.set_size(egui::vec2(900.0, 800.0));
    desk.run();
    assert!(!desk.has("Export conversation"));
    desk.click("About @bob");
    assert!(desk.has("Export conversation"));
}

#[test]
fn the_list_tells_what_waits_and_what_comes() {
    let mut bob = listed("@bob", 0, "hi");
    bob.waiting = 2;
    let mut rust = listed("#rust", 0, "hi");
    rust.waiting = 1;
    rust.complete = Completeness { have: 75, missing: 25 };
    let mut busy = model(vec![bob, rust, listed("@eve", 0, "ho")]);
    let transfer = Transfer::Running { done: 1, total: 4 };
    let hash = BlobHash::new([7; BlobHash::LENGTH]);
    busy.transfers = Arc::new(BTreeMap::from([(hash, transfer)]));
    let mut desk = Desk::over([1100.0, 800.0], busy);
    assert!(desk.has("3 messages wait for @bob, #rust"));
    assert!(desk.has("Catching up: 25 to come, 75 %"));
    assert!(desk.has("1 file coming, 25 %"));
    desk.publish(model(vec![listed("@bob", 0, "hi")]));
    assert!(!desk.has("messages wait") && !desk.has("Catching up") && !desk.has("coming"));
}
