//! Several devices of one account.

use std::time::Duration;

use wire::{id::MembershipProof, name::GroupName, pairing::PairingReply};

use super::{
    Person, device_key,
    network::{Network, wishes::name},
};
use crate::core::{
    command::{Answer, Command},
    model::{DeviceView, ServerTie},
    storage::StoreOp,
};

const MINUTE: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(20);

fn devices(network: &mut Network, place: usize) -> Vec<DeviceView> {
    match network.ask(place, Command::Devices) {
        Ok(Answer::Devices(devices)) => devices,
        other => panic!("{other:?}"),
    }
}

fn tie(network: &Network, place: usize) -> ServerTie {
    network.peers[place].machine.as_ref().unwrap().model().server.clone()
}

fn conversations(network: &Network, place: usize) -> Vec<String> {
    let model = network.peers[place].machine.as_ref().unwrap().model();
    let listed = model.conversations.iter();
    let mut names: Vec<_> = listed.map(|it| it.name.to_string()).collect();
    names.sort();
    names
}

fn unread(network: &Network, place: usize, of: &str) -> u32 {
    let model = network.peers[place].machine.as_ref().unwrap().model();
    model.conversations.iter().find(|it| it.name == name(of)).unwrap().unread
}

#[test]
fn a_code_is_good_for_three_tries() {
    let mut network = Network::with_people(1, &["alice"]);
    let code = network.code(0);
    let wrong = MembershipProof::new([7; 32]);
    for _ in 0..2 {
        assert_eq!(network.knock(0, 11, wrong), PairingReply::Refused);
    }
    // The proof of one device is none of another.
    let right = code.secret.proof(&device_key(11).id(), &code.device);
    assert_eq!(network.knock(0, 12, right), PairingReply::Refused);
    assert_eq!(network.knock(0, 11, right), PairingReply::Refused);
    assert_eq!(devices(&mut network, 0).len(), 1);
}

#[test]
fn a_code_is_good_once_and_for_ten_minutes() {
    let mut network = Network::with_people(1, &["alice"]);
    let code = network.code(0);
    let proof = code.secret.proof(&device_key(11).id(), &code.device);
    network.run_for(9 * MINUTE);
    assert!(matches!(network.knock(0, 11, proof), PairingReply::Added(_)));
    assert_eq!(network.knock(0, 11, proof), PairingReply::Refused);
    let code = network.code(0);
    network.run_for(11 * MINUTE);
    let proof = code.secret.proof(&device_key(12).id(), &code.device);
    assert_eq!(network.knock(0, 12, proof), PairingReply::Refused);
    assert_eq!(devices(&mut network, 0).len(), 2);
}

#[test]
fn without_the_server_no_device_is_added() {
    let mut network = Network::with_people(1, &["alice"]);
    let code = network.code(0);
    network.stop_server();
    network.run_for(MINUTE);
    let proof = code.secret.proof(&device_key(11).id(), &code.device);
    assert_eq!(network.knock(0, 11, proof), PairingReply::Unavailable);
    assert_eq!(network.ask(0, Command::AddDevice).unwrap_err().code, "not_connected");
    network.start_server();
    network.run_for(MINUTE);
    // Nothing was added, so the code is as good as before.
    assert!(matches!(network.knock(0, 11, proof), PairingReply::Added(_)));
}

#[test]
fn devices_that_were_apart_agree_on_where_the_user_is() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.join(0, "garden");
    network.join(0, "pond");
    network.say(0, "@bob", "hello");
    let laptop = network.add_device(0, 11);
    let all = ["#garden", "#pond", "@bob"];
    network.run_until("memberships", SOON, |it| conversations(it, laptop) == all);
    // The own conversation is nothing for the user.
    assert_eq!(conversations(&network, 0), all);

    network.stop(laptop);
    let group = GroupName::new("pond").unwrap();
    assert_eq!(network.ask(0, Command::Leave { group }), Ok(Answer::Done));
    network.join(0, "reeds");
    network.run_for(MINUTE);
    network.stop(0);
    network.start(laptop);
    network.run_for(SOON);
    network.join(laptop, "marsh");
    network.start(0);
    let all = ["#garden", "#marsh", "#reeds", "@bob"];
    let agree = |it: &mut Network| [0, laptop].iter().all(|place| conversations(it, *place) == all);
    network.run_until("memberships", SOON, agree);
    for place in [0, laptop] {
        network.stop(place);
        network.start(place);
    }
    network.run_for(MINUTE);
    assert!(agree(&mut network));
}

#[test]
fn what_one_device_has_read_is_read_on_the_other() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(1, "@alice", "one");
    network.await_texts(0, "@bob", &["one"], SOON);
    network.say(0, "@bob", "two");
    let read = Command::Read { of: name("@bob") };
    assert_eq!(network.ask(0, read.clone()), Ok(Answer::Done));
    let laptop = network.add_device(0, 11);
    network.await_texts(laptop, "@bob", &["one", "two"], SOON);
    network.run_for(SOON);
    assert_eq!(unread(&network, laptop, "@bob"), 0);
    network.say(1, "@alice", "three");
    network.await_texts(laptop, "@bob", &["one", "two", "three"], SOON);
    assert_eq!(unread(&network, laptop, "@bob"), 1);
    network.await_texts(0, "@bob", &["one", "two", "three"], SOON);
    assert_eq!(network.ask(0, read), Ok(Answer::Done));
    network.run_until("reading", SOON, |it| unread(it, laptop, "@bob") == 0);
    network.stop(laptop);
    network.start(laptop);
    assert_eq!(unread(&network, laptop, "@bob"), 0);
}

#[test]
fn a_device_that_was_away_learns_of_others_from_the_server() {
    let mut network = Network::with_people(1, &["alice"]);
    let laptop = network.add_device(0, 11);
    network.run_for(SOON);
    network.stop(laptop);
    let tablet = network.add_device(0, 12);
    network.run_for(SOON);
    network.stop(0);
    network.stop(tablet);
    network.start(laptop);
    network.run_for(SOON);
    assert_eq!(tie(&network, laptop), ServerTie::Registered);
    assert_eq!(devices(&mut network, laptop).len(), 3);
}

#[test]
fn a_removed_device_is_told_so_whenever_it_comes() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    let laptop = network.add_device(0, 11);
    network.run_for(SOON);
    network.say(laptop, "@bob", "me too");
    network.await_texts(1, "@alice", &["hello", "me too"], SOON);
    network.stop(laptop);
    let device = device_key(11).id();
    assert_eq!(network.ask(0, Command::Revoke { device }), Ok(Answer::Done));
    network.run_for(SOON);
    for _ in 0..2 {
        network.start(laptop);
        network.run_for(MINUTE);
        assert!(matches!(tie(&network, laptop), ServerTie::Refused { code: "revoked", .. }));
        network.say(laptop, "@bob", "let me in");
        network.run_for(MINUTE);
        network.stop(laptop);
    }
    network.await_texts(1, "@alice", &["hello", "me too"], SOON);
    network.await_texts(0, "@bob", &["hello", "me too"], SOON);
}

/// As after the import of a backup: the account's key, its record of then, and another device key.
#[test]
fn a_new_device_with_the_key_and_an_old_record_joins() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "in the backup");
    network.run_for(SOON);
    let copied = Person { number: 12, ..network.peers[0].person.clone() };
    let record = network.peers[0].store.snapshot(copied.account()).record.unwrap();
    // Since the backup there is one device more.
    network.add_device(0, 11);
    network.run_for(SOON);
    // The program ends between signing a record of its own and registering it.
    network.stop_server();
    let copy = network.add_with(copied, |store| {
        store.execute(&StoreOp::SaveRecord { record, registered: true });
    });
    network.run_for(SOON);
    network.stop(copy);
    network.start_server();
    network.start(copy);
    network.run_for(MINUTE);
    assert_eq!(tie(&network, copy), ServerTie::Registered);
    assert_eq!(devices(&mut network, 0).len(), 3);
    network.await_texts(copy, "@bob", &["in the backup"], SOON);
    network.stop(copy);
    network.start(copy);
    network.run_for(SOON);
    assert_eq!(tie(&network, copy), ServerTie::Registered);
}
