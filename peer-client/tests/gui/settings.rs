//! Settings: the look, the contact link, blocked people; and downloads that are stopped.

use std::{collections::BTreeMap, sync::Arc};

use egui_kittest::kittest::Queryable as _;
use peer_client::core::{
    command::{Command, Failure},
    model::{AttachmentView, Body, Model, Transfer},
};
use wire::{
    id::BlobHash,
    invite::{Invitation, Invite},
};

use crate::support::{Desk, conversation, event, listed, message, model, name};

const WIDE: [f32; 2] = [1100.0, 900.0];

#[test]
fn the_look_is_chosen_and_kept() {
    let mut desk = Desk::at_home(WIDE, model(vec![listed("@bob", 0, "hi")]));
    desk.click("Settings");
    desk.click("Dark");
    assert!(desk.harness.ctx.global_style().visuals.dark_mode);
    let kept = std::fs::read_to_string(desk.folder().join("window.json")).unwrap();
    assert!(kept.contains("dark"), "{kept}");
    desk.click("Light");
    assert!(!desk.harness.ctx.global_style().visuals.dark_mode);
}

#[test]
fn the_contact_link_names_the_server_and_the_user() {
    let mut desk = Desk::at_home(WIDE, model(vec![listed("@bob", 0, "hi")]));
    desk.click("Settings");
    desk.click("Contact link");
    assert!(desk.has("The link as a picture"));
    let shown = desk.harness.get_by_label_contains("natterjack:");
    let link = egui_kittest::kittest::NodeT::accesskit_node(&shown).value().unwrap();
    let invite = Invite::from_link(&link).unwrap();
    assert_eq!(invite.to, Invitation::Person(name("me")));
    assert_eq!(invite.addresses.len(), 1);
    desk.click("Close");
    // Whoever gets it can begin with it.
    desk.click("New conversation");
    desk.click("New chat…");
    let for_bob = Invite { to: Invitation::Person(name("bob")), ..invite };
    desk.fill("Name", &for_bob.to_link());
    desk.click("Start chat");
    assert_eq!(desk.command(), Command::Open { conversation: conversation("@bob") });
}

#[test]
fn blocked_people_are_listed_and_unblocked() {
    let mut view = listed("@bob", 0, "hi");
    view.blocked = true;
    let mut desk = Desk::over(WIDE, model(vec![view.clone(), listed("@ada", 0, "hi")]));
    desk.click("Settings");
    desk.click("Blocked people");
    desk.click("Unblock");
    desk.asks_only(&Command::Block { peer: name("bob"), on: false });
    view.blocked = false;
    desk.publish(model(vec![view]));
    assert!(desk.has("Nobody is blocked"));
    desk.click("Back");
    desk.click("About Natterjack");
    assert!(desk.has("Emoji: Twemoji"));
}

fn with_transfer(desk: &Desk, transfer: Option<Transfer>) -> Model {
    let transfers = transfer.map(|it| (BlobHash::new([7; BlobHash::LENGTH]), it));
    Model { transfers: Arc::new(BTreeMap::from_iter(transfers)), ..desk.model.clone() }
}

#[test]
fn a_download_is_stopped_and_begun_again() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "hi")]));
    let mut file = message(1, "@bob", "bob", "");
    file.body = Body::Attachment(Arc::new(AttachmentView {
        blob: BlobHash::new([7; BlobHash::LENGTH]),
        name: "plan.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        size: 2_000_000,
        caption: None,
        preview: None,
        dimensions: None,
        file: None,
    }));
    desk.open("@bob", vec![file]);
    desk.click("Download plan.pdf");
    let fetch = desk.call();
    assert_eq!(fetch.command, Command::Fetch { message: event(1), save_to: None });
    let running = Transfer::Running { done: 500_000, total: 2_000_000 };
    desk.publish(with_transfer(&desk, Some(running)));
    desk.click("Stop getting plan.pdf");
    assert_eq!(desk.command(), Command::CancelFetch { message: event(1) });
    // What the user did is no news.
    let cancelled = Failure::new("cancelled", "It was cancelled");
    fetch.answer.unwrap().send(Err(cancelled)).unwrap();
    desk.publish(with_transfer(&desk, None));
    desk.wait_for("Download plan.pdf");
    assert!(!desk.has("It was cancelled"));
}
