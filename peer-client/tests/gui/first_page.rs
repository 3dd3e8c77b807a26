//! The first page: what is asked, what is wrong, what comes back.

use egui_kittest::kittest::Queryable as _;
use peer_client::{
    core::{
        command::Failure,
        model::{Model, ServerTie},
    },
    gui::Account,
    handle,
};

use crate::support::{Desk, Launches, SERVER, listed, model, name};

fn fill(desk: &mut Desk, label: &str, text: &str) {
    desk.harness.get_by_label(label).click();
    desk.run();
    desk.harness.get_by_label(label).type_text(text);
    desk.run();
}

#[test]
fn faults_are_told_at_their_fields() {
    let launches = Launches::new();
    let mut desk = Desk::first_page(&launches);
    desk.run();
    desk.click("Connect");
    assert!(desk.has("Enter the address"));
    assert!(desk.has("Choose a name"));
    fill(&mut desk, "Server address", "example.org");
    fill(&mut desk, "Your name", "!!");
    desk.click("Connect");
    assert!(desk.has("“example.org” is not an address"));
    assert!(desk.has("A username begins with a letter or a digit"));
    assert!(launches.asked.lock().unwrap().is_empty());
}

#[test]
fn a_failed_start_is_told_and_can_be_tried_again() {
    let launches = Launches::new();
    launches.end_with(Err(Failure::new("storage", "The data folder is used by another program")));
    let mut desk = Desk::first_page(&launches);
    desk.run();
    fill(&mut desk, "Server address", SERVER);
    fill(&mut desk, "Your name", "Alice");
    desk.click("Connect");
    desk.wait_for("The data folder is used by another program");
    let asked = launches.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].account, Account::Here(name("alice")));
    assert_eq!(asked[0].rendezvous[0].to_string(), SERVER);
    assert!(desk.harness.query_by_label("Connect").is_some());
}

#[test]
fn a_taken_name_leads_back_to_the_form() {
    let launches = Launches::new();
    let (handle, port) = handle::channel();
    launches.end_with(Ok(handle));
    let mut desk = Desk::first_page(&launches);
    desk.port = port;
    desk.run();
    fill(&mut desk, "Server address", SERVER);
    fill(&mut desk, "Your name", "alice");
    desk.click("Connect");
    let text = "The name alice is taken; choose another one".to_owned();
    let refused = ServerTie::Refused { code: "name_taken", text };
    desk.publish(Model { server: refused, ..model(Vec::new()) });
    desk.wait_for("The name alice is taken");

    let (handle, port) = handle::channel();
    launches.end_with(Ok(handle));
    desk.port = port;
    fill(&mut desk, "Your name", "2");
    desk.click("Connect");
    desk.publish(model(vec![listed("@bob", 0, "hi")]));
    desk.wait_for("@bob");
    let asked = launches.asked.lock().unwrap().clone();
    assert_eq!(asked[1].account, Account::Here(name("alice2")));
}

#[test]
fn a_server_that_does_not_answer_is_told_on_the_form() {
    let launches = Launches::new();
    let (handle, port) = handle::channel();
    launches.end_with(Ok(handle));
    let mut desk = Desk::first_page(&launches);
    desk.port = port;
    desk.run();
    fill(&mut desk, "Server address", SERVER);
    fill(&mut desk, "Your name", "alice");
    desk.click("Connect");
    let lost = ServerTie::Lost { text: "The server does not answer".to_owned() };
    desk.publish(Model { server: lost.clone(), ..model(Vec::new()) });
    desk.wait_for("The server does not answer");
    assert!(desk.harness.query_by_label("Connect").is_some());
    // Whoever has conversations can read them without a server.
    desk.publish(Model { server: lost, ..model(vec![listed("@bob", 0, "hi")]) });
    desk.wait_for("@bob");
    assert!(desk.has("The server does not answer"));
}

#[test]
fn waiting_can_be_given_up() {
    let launches = Launches::new();
    let (handle, port) = handle::channel();
    launches.end_with(Ok(handle));
    let mut desk = Desk::first_page(&launches);
    desk.port = port;
    desk.run();
    fill(&mut desk, "Server address", SERVER);
    fill(&mut desk, "Your name", "alice");
    desk.click("Connect");
    assert!(desk.has("Connecting…"));
    desk.click("Cancel");
    assert!(desk.harness.query_by_label("Connect").is_some());
    // What the given-up node says later changes nothing.
    desk.publish(model(vec![listed("@bob", 0, "hi")]));
    assert!(!desk.has("@bob"));
}
