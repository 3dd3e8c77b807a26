//! The first page: what is asked, what is wrong, what comes back.

use egui_kittest::kittest::Queryable as _;
use peer_client::{
    core::{
        command::Failure,
        model::{Model, ServerTie},
    },
    gui::{Account, Secret},
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

#[test]
fn an_account_is_brought_by_its_phrase_a_code_or_a_backup() {
    for (way, verb, fields, account) in [
        (
            "With the recovery phrase",
            "Recover",
            &[("Your name", "alice"), ("Recovery phrase", "abandon ability")][..],
            Account::Phrase {
                username: name("alice"),
                words: Secret::new("abandon ability"),
                revoke_others: true,
            },
        ),
        (
            "From another device",
            "Link this device",
            &[("Code of the other device", "natterjack-device:x")],
            Account::Code(Secret::new("natterjack-device:x")),
        ),
        (
            "From a backup",
            "Restore",
            &[("Backup file", "/tmp/all.age"), ("Passphrase of the backup", "a frog")],
            Account::Backup {
                file: "/tmp/all.age".into(),
                passphrase: Secret::new("a frog"),
                same_device: false,
            },
        ),
    ] {
        let launches = Launches::new();
        let told = "nobody is registered as @alice at this server; check the name";
        launches.end_with(Err(Failure::new("start", told)));
        let mut desk = Desk::first_page(&launches);
        desk.run();
        desk.click("I have an account already");
        desk.click(way);
        desk.click(verb);
        assert!(launches.asked.lock().unwrap().is_empty());
        desk.fill("Server address", SERVER);
        for (label, text) in fields {
            desk.fill(label, text);
        }
        if way == "With the recovery phrase" {
            desk.click("Remove all other devices, as after a theft");
        }
        desk.click(verb);
        // One line, and what was entered is still there.
        desk.wait_for("Nobody is registered as @alice at this server; check the name");
        assert_eq!(launches.asked.lock().unwrap()[0].account, account);
        assert!(desk.has(verb));
        desk.click("Back");
        desk.click("Back");
        assert!(desk.has("Connect"));
    }
}

#[test]
fn once_the_account_is_here_only_its_connection_is_tried_again() {
    let launches = Launches::new();
    let (handle, port) = handle::channel();
    launches.end_with(Ok(handle));
    let mut desk = Desk::first_page(&launches);
    desk.port = port;
    desk.run();
    desk.click("I have an account already");
    desk.click("From another device");
    desk.fill("Server address", SERVER);
    desk.fill("Code of the other device", "natterjack-device:x");
    desk.click("Link this device");
    let lost = ServerTie::Lost { text: "The server does not answer".to_owned() };
    desk.publish(Model { server: lost, ..model(Vec::new()) });
    desk.wait_for("The server does not answer");
    let (handle, _port) = handle::channel();
    launches.end_with(Ok(handle));
    desk.click("Connect");
    desk.wait_for("Connecting…");
    let asked = launches.asked.lock().unwrap().clone();
    assert_eq!(asked[1].account, Account::Here(name("me")));
    assert_eq!(asked[1].rendezvous, asked[0].rendezvous);
}
