//! Private groups and their invitations.

use egui_kittest::kittest::Queryable as _;
use peer_client::core::command::{Answer, Command, Failure};

use crate::support::{Desk, conversation, listed, message, model};

const LINK: &str = "natterjack:an-invitation";

#[test]
fn a_private_group_is_made_and_its_link_shown() {
    let mut desk = Desk::over([1100.0, 700.0], model(Vec::new()));
    desk.click("New conversation");
    desk.click("New private group…");
    desk.harness.get_by_label("Name").type_text("#Club");
    desk.run();
    desk.click("Create");
    let call = desk.call();
    let Command::Create { group } = call.command else { panic!("nothing is made") };
    assert_eq!(group.as_str(), "club");
    let taken = "You are in a group called #club already";
    call.answer.unwrap().send(Err(Failure::new("name_in_use", taken))).unwrap();
    desk.wait_for(taken);
    desk.click("Create");
    let call = desk.call();
    call.answer.unwrap().send(Ok(Answer::Invitation(LINK.to_owned()))).unwrap();
    desk.wait_for("Invite to #club");
    assert_eq!(desk.command(), Command::Open { conversation: conversation("#club") });
    assert!(desk.has(LINK));
    desk.harness.get_by_label("Copy link").click();
    desk.harness.step();
    desk.harness.step();
    assert!(desk.has("The link is on the clipboard"));
    assert!(!desk.has("Invite to #club"));
}

#[test]
fn others_are_invited_from_a_groups_menu() {
    let mut desk = Desk::over([1100.0, 700.0], model(vec![listed("#rust", 0, "hi")]));
    desk.open("#rust", vec![message(1, "#rust", "ada", "hi")]);
    desk.click("Conversation menu");
    desk.click("Invite…");
    let call = desk.call();
    let Command::Invite { group } = call.command else { panic!("nobody is invited") };
    assert_eq!(group.as_str(), "rust");
    call.answer.unwrap().send(Ok(Answer::Invitation(LINK.to_owned()))).unwrap();
    desk.wait_for("Invite to #rust");
    assert!(desk.has(LINK));
    desk.click("Close");
    assert!(!desk.has("Invite to #rust"));
}
