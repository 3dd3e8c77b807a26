//! The recovery phrase, backups, and conversations to read elsewhere.

use std::{fs, path::Path};

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use peer_client::{
    backup,
    core::command::{Answer, Command},
    node::files::Files,
};

use crate::support::{Desk, listed, message, model};

const WIDE: [f32; 2] = [1100.0, 900.0];
/// BIP-39's words of the seed that is nothing but zeros.
const LAST_WORD: &str = "art";

fn desk() -> Desk {
    let desk = Desk::at_home(WIDE, model(vec![listed("@bob", 0, "hi")]));
    for key in ["account.key", "device.key"] {
        fs::write(desk.folder().join(key), [0; 32]).unwrap();
    }
    desk
}

fn enabled(desk: &Desk, label: &str) -> bool {
    !desk.harness.get_by_label(label).accesskit_node().is_disabled()
}

#[test]
fn the_recovery_phrase_is_shown_once_it_is_wanted_and_copied_on_demand() {
    let mut desk = desk();
    desk.click("Settings");
    desk.click("Recovery phrase");
    assert!(desk.has("Whoever has these words has your account"));
    assert!(!desk.has("abandon"));
    desk.click("Show the words");
    desk.wait_for(&format!("{}{LAST_WORD}", "abandon ".repeat(23)));
    assert!(desk.has("Write them on paper in this order"));
    desk.click("Copy");
    assert!(desk.has("The words are on the clipboard"));
    desk.click("I wrote them down");
    assert!(!desk.has("abandon"));
    desk.fill("Word 6", "abandon");
    desk.fill("Word 19", "ability");
    desk.click("Check");
    assert!(desk.has("The paper should say another word here"));
    desk.fill("Word 19", " Abandon ");
    desk.click("Check");
    assert!(desk.has("Your account can be brought back with these words"));
}

#[test]
fn the_list_reminds_of_the_phrase_until_it_is_written_down() {
    let mut desk = desk();
    assert!(desk.has("Write down your recovery phrase"));
    desk.click("Later");
    assert!(!desk.has("Write down your recovery phrase"));
    let mut desk = desk.restarted(WIDE);
    desk.click("Show the phrase…");
    desk.click("Show the words");
    desk.wait_for("I wrote them down");
    desk.click("I wrote them down");
    desk.fill("Word 6", "abandon");
    desk.fill("Word 19", "abandon");
    desk.click("Check");
    let desk = desk.restarted(WIDE);
    assert!(!desk.has("Write down your recovery phrase"));
}

#[test]
fn a_device_without_the_key_says_who_has_it() {
    let mut desk = desk();
    fs::write(desk.folder().join("account.key"), [0; 3]).unwrap();
    desk.click("Settings");
    desk.click("Recovery phrase");
    desk.click("Show the words");
    desk.wait_for("is not a key; restore it from a copy");
}

#[test]
fn a_backup_wants_its_passphrase_twice_and_can_be_opened() {
    let mut desk = desk();
    let file = desk.folder().join("all.age");
    desk.click("Settings");
    desk.click("Backup");
    desk.fill("File", file.to_str().unwrap());
    desk.fill("Passphrase", "short");
    desk.click("Write the backup");
    assert!(desk.has("Take at least 8 characters"));
    assert!(enabled(&desk, "Write the backup"));
    desk.fill("Passphrase", "a frog in a bog");
    desk.fill("The same again", "a toad in a road");
    desk.click("Write the backup");
    assert!(desk.has("These are two different ones"));
    assert!(!file.exists());
    desk.fill("The same again", "a frog in a bog");
    desk.click("Write the backup");
    desk.wait_for(&format!("Everything is in {}", file.display()));
    let other = tempfile::tempdir().unwrap();
    let files = Files::open(other.path()).unwrap();
    assert!(backup::read(&files, &file, "a toad in a road", true).is_err());
    backup::read(&files, &file, "a frog in a bog", true).unwrap();
    assert_eq!(fs::read(other.path().join("account.key")).unwrap(), [0; 32]);
}

#[test]
fn why_a_backup_cannot_be_written_is_told_at_its_place() {
    let mut desk = desk();
    desk.click("Settings");
    desk.click("Backup");
    desk.fill("File", " ");
    desk.fill("Passphrase", "a frog in a bog");
    desk.fill("The same again", "a frog in a bog");
    desk.click("Write the backup");
    assert!(desk.has("Say where to write"));
    desk.fill("File", "/nowhere/at/all.age");
    desk.click("Write the backup");
    desk.wait_for("Cannot write /nowhere/at/all.age");
    assert!(enabled(&desk, "Write the backup"));
}

/// The lines of an exported conversation.
fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("messages.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_conversation_is_exported_page_by_page() {
    let mut desk = desk();
    let folder = desk.folder().join("bob");
    desk.open("@bob", vec![message(2, "@bob", "bob", "second")]);
    desk.click("About @bob");
    desk.click("Export conversation");
    desk.fill("Folder", folder.to_str().unwrap());
    desk.click("Export");
    for page in [&[2][..], &[1], &[]] {
        desk.wait_for_call();
        let call = desk.call();
        let Command::History { before, .. } = call.command else { panic!("{:?}", call.command) };
        assert_eq!(before.is_none(), page == [2]);
        let messages = page.iter().map(|number| message(*number, "@bob", "bob", "words"));
        call.answer.unwrap().send(Ok(Answer::Messages(messages.collect()))).unwrap();
    }
    desk.wait_for(&format!("2 messages are in {}", folder.display()));
    let lines = lines(&folder);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(&"01".repeat(32)) && lines[1].contains(&"02".repeat(32)));
}
