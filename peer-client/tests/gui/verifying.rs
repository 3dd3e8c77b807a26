//! Making sure that a person is who they seem to be.

use peer_client::core::verification;
use wire::id::AccountId;

use crate::support::{Desk, account, listed, message, model};

const WIDE: [f32; 2] = [1100.0, 900.0];

fn open(desk: &mut Desk) {
    desk.open("@bob", vec![message(1, "@bob", "bob", "hi")]);
}

#[test]
fn a_person_is_verified_by_a_number_and_the_mark_is_kept() {
    let mut desk = Desk::at_home(WIDE, model(vec![listed("@bob", 0, "hi")]));
    open(&mut desk);
    desk.click("About @bob");
    desk.click("Verify");
    let me = AccountId::new([1; AccountId::LENGTH]);
    let number = verification::number(&account("bob"), &me).join(" ");
    assert!(desk.has(&number), "{number}");
    assert!(desk.has("The number as a picture"));
    assert!(!desk.has("Verified"));
    desk.click("It is the same");
    assert!(desk.has("Verified"));
    let mut desk = desk.restarted(WIDE);
    open(&mut desk);
    assert!(desk.has("Verified"));
    desk.click("About @bob");
    desk.click("Verify");
    desk.click("No longer verified");
    assert!(!desk.has("Verified"));
}

#[test]
fn another_key_under_a_verified_name_is_warned_of() {
    let mut desk = Desk::over(WIDE, model(vec![listed("@bob", 0, "hi")]));
    open(&mut desk);
    desk.click("About @bob");
    desk.click("Verify");
    desk.click("It is the same");
    assert!(!desk.has("the key is another one") && desk.has("Verified"));
    let mut view = listed("@bob", 0, "hi");
    view.account = Some(account("mallory"));
    let mut next = desk.model.clone();
    next.conversations = std::sync::Arc::new(vec![view]);
    desk.publish(next);
    assert!(desk.has("the key is another one") && !desk.has("Verified"));
    desk.click("Compare…");
    assert!(desk.has("Verify bob"));
    desk.click("It is the same");
    assert!(!desk.has("the key is another one"));
}
