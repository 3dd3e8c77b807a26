//! Nobody is taken for somebody else.

use wire::{
    account::{AccountRecord, DeviceCertificate, Introduction},
    bounded::Bounded,
    id::DeviceId,
    name::Username,
    rendezvous::{Response, ServerFrame, Whereabouts},
    signed::Signed,
    sync::Proof,
};

use super::{
    alone::{Alone, Stranger, closes, events},
    network::Network,
};
use crate::core::{
    command::{Command, Draft},
    effect::Effect,
    input::{Input, ServerInput},
};

fn names(alice: &Alone) -> Vec<String> {
    alice.machine.model().conversations.iter().map(|it| it.name.to_string()).collect()
}

#[test]
fn who_claims_a_contacts_name_gets_another_one() {
    let mut alice = Alone::new("alice");
    let (bob, impostor) = (Stranger::new(2, "bob"), Stranger::new(3, "bob"));
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    alice.greet(bob.id(), id, bob.direct_proof());
    let id = impostor.direct_with(&alice);
    let session = alice.greet(impostor.id(), id, impostor.direct_proof());
    alice.frame(session, &events(&impostor.log(id, &["it is me, bob"])));
    let names = names(&alice);
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"@bob".to_owned()));
    assert_eq!(alice.texts("@bob"), [""; 0]);
    let other = names.iter().find(|name| *name != "@bob").unwrap();
    assert!(other.starts_with("@unverified-"), "{other}");
}

/// Answers the lookup that a command waits for.
fn found(alice: &mut Alone, effects: Vec<Effect>, person: &Stranger) -> Vec<Effect> {
    let mut all = Vec::new();
    for effect in effects {
        if let Effect::SendServer(frame) = effect {
            let found = Whereabouts { record: person.record.clone(), devices: Bounded::default() };
            let result = Ok(Response::Found(found));
            let response = ServerFrame::Response { id: frame.id, result };
            all.extend(alice.feed(Input::Server(ServerInput::Frame(response))));
        }
    }
    all
}

#[test]
fn an_impostor_who_came_first_does_not_get_what_is_meant_for_the_name() {
    let mut alice = Alone::new("alice");
    alice.register();
    let (bob, impostor) = (Stranger::new(2, "bob"), Stranger::new(3, "bob"));
    alice.link(impostor.id());
    let id = impostor.direct_with(&alice);
    let (session, effects) = alice.try_greet(impostor.id(), id, impostor.direct_proof());
    assert!(!closes(&effects, session));
    // The server is asked who has the name, and says that it is somebody else.
    found(&mut alice, effects, &bob);
    assert!(names(&alice)[0].starts_with("@unverified-"), "{:?}", names(&alice));
    let draft = Draft { text: "for bob".to_owned(), ..Draft::default() };
    let call = crate::core::input::CallId(alice.number());
    let command = Command::Send { to: "@bob".parse().unwrap(), draft };
    let effects = alice.feed(Input::Call { id: call, command });
    found(&mut alice, effects, &bob);
    assert_eq!(alice.texts("@bob"), ["for bob"]);
    let with_impostor = &alice.machine.conversations[&id];
    assert!(with_impostor.last.is_none());
}

#[test]
fn a_server_that_changes_its_mind_does_not_give_away_a_contacts_name() {
    let mut alice = Alone::new("alice");
    alice.register();
    let (bob, impostor) = (Stranger::new(2, "bob"), Stranger::new(3, "bob"));
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    alice.greet(bob.id(), id, bob.direct_proof());
    alice.link(impostor.id());
    let id = impostor.direct_with(&alice);
    let (_, effects) = alice.try_greet(impostor.id(), id, impostor.direct_proof());
    found(&mut alice, effects, &impostor);
    let bobs = alice.machine.people.account_of(&Username::new("bob").unwrap());
    assert_eq!(bobs, Some(bob.account.id()));
    assert!(names(&alice).iter().any(|name| name.starts_with("@unverified-")));
    assert_eq!(alice.errors(), ["identity_changed"]);
    alice.restart();
    let bobs = alice.machine.people.account_of(&Username::new("bob").unwrap());
    assert_eq!(bobs, Some(bob.account.id()));
}

#[test]
fn a_name_that_the_server_did_not_confirm_is_not_written_to() {
    let mut alice = Alone::new("alice");
    let impostor = Stranger::new(3, "bob");
    let id = impostor.direct_with(&alice);
    alice.greet(impostor.id(), id, impostor.direct_proof());
    let draft = Draft { text: "for bob".to_owned(), ..Draft::default() };
    let answer = alice.ask(Command::Send { to: "@bob".parse().unwrap(), draft });
    assert_eq!(answer, None, "it waits for the server");
    assert!(alice.machine.conversations[&id].last.is_none());
}

/// A record may list any device; only the device itself can confirm that.
#[test]
fn a_record_that_lists_a_contacts_device_does_not_make_it_ones_own() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    let id = bob.direct_with(&alice);
    let session = alice.greet(bob.id(), id, bob.direct_proof());
    alice.frame(session, &events(&bob.log(id, &["hello"])));
    let keys = Stranger::new(3, "mallory");
    let claimed = [bob.id(), alice.device()];
    let mallory = Stranger::with(keys.account, keys.device, "mallory", &claimed);
    let id = mallory.direct_with(&alice);
    alice.greet(mallory.id(), id, mallory.direct_proof());
    let people = &alice.machine.people;
    assert_eq!(people.owner_of(&bob.id()), Some(bob.account.id()));
    assert_eq!(people.owner_of(&alice.device()), Some(alice.person.account()));
    alice.restart();
    let people = &alice.machine.people;
    assert_eq!(people.owner_of(&bob.id()), Some(bob.account.id()));
    assert_eq!(people.owner_of(&alice.device()), Some(alice.person.account()));
}

#[test]
fn a_claim_that_came_first_yields_to_the_device_itself() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    let keys = Stranger::new(3, "mallory");
    let mallory = Stranger::with(keys.account, keys.device, "mallory", &[bob.id()]);
    let id = mallory.direct_with(&alice);
    alice.greet(mallory.id(), id, mallory.direct_proof());
    let id = bob.direct_with(&alice);
    alice.greet(bob.id(), id, bob.direct_proof());
    assert_eq!(alice.machine.people.owner_of(&bob.id()), Some(bob.account.id()));
}

#[test]
fn a_contact_cannot_take_another_name_by_a_further_record() {
    let mut alice = Alone::new("alice");
    let (bob, carol) = (Stranger::new(2, "bob"), Stranger::new(3, "carol"));
    alice.trust(&bob);
    alice.trust(&carol);
    let id = carol.direct_with(&alice);
    alice.greet(carol.id(), id, carol.direct_proof());
    let record = AccountRecord {
        username: Username::new("carol").unwrap(),
        sequence: 1,
        previous: Some(bob.record.hash()),
        ..bob.record.open().unwrap()
    };
    let record = Signed::by_account(&record, &bob.account);
    let introduction = Introduction { record, ..bob.introduction.clone() };
    let id = bob.direct_with(&alice);
    alice.link(bob.id());
    alice.try_greet(bob.id(), id, Proof::Direct(Box::new(introduction)));
    let people = &alice.machine.people;
    assert_eq!(people.account_of(&Username::new("carol").unwrap()), Some(carol.account.id()));
    assert_ne!(people.name_of(&bob.account.id()).as_str(), "carol");
}

fn refused(proof: Proof, device: DeviceId, of: &Stranger) -> bool {
    let mut alice = Alone::new("alice");
    let id = of.direct_with(&alice);
    alice.link(device);
    let (session, effects) = alice.try_greet(device, id, proof);
    closes(&effects, session) && alice.machine.conversations.is_empty()
}

#[test]
fn an_introduction_counts_only_from_the_device_that_it_introduces() {
    let (bob, mallory) = (Stranger::new(2, "bob"), Stranger::new(3, "mallory"));
    assert!(refused(bob.direct_proof(), mallory.id(), &bob), "another's introduction");
    assert!(refused(mallory.direct_proof(), mallory.id(), &bob), "another's conversation");
    let certificate =
        DeviceCertificate { account: bob.account.id(), device: mallory.id(), issued_at: 0 };
    let certificate = Signed::by_account(&certificate, &mallory.account);
    let forged = Introduction { record: bob.record.clone(), certificate };
    assert!(refused(Proof::Direct(Box::new(forged)), mallory.id(), &bob), "a forged certificate");
}

#[test]
fn a_device_that_the_newest_record_leaves_out_speaks_no_longer() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.trust(&bob);
    let record = AccountRecord {
        devices: [DeviceId::new([5; 32])].to_vec().try_into().unwrap(),
        sequence: 1,
        previous: Some(bob.record.hash()),
        ..bob.record.open().unwrap()
    };
    let newer = Stranger { record: Signed::by_account(&record, &bob.account), ..bob.clone() };
    alice.trust(&newer);
    alice.link(bob.id());
    let id = bob.direct_with(&alice);
    let (session, effects) = alice.try_greet(bob.id(), id, bob.direct_proof());
    assert!(closes(&effects, session));
}

#[test]
fn a_proof_of_membership_counts_only_between_its_two_devices() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let (bob, mallory) = (Stranger::new(2, "bob"), Stranger::new(3, "mallory"));
    alice.link(mallory.id());
    let id = secret.conversation();
    let stolen = bob.group_proof(&secret, &alice);
    let (session, effects) = alice.try_greet(mallory.id(), id, stolen);
    assert!(closes(&effects, session));
    let direct = mallory.direct_proof();
    let (session, effects) = alice.try_greet(mallory.id(), id, direct);
    assert!(closes(&effects, session));
}

#[test]
fn two_people_with_one_name_are_told_apart_by_the_server() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let impostor = network.add(super::Person::new(9, "bob"));
    network.run_for(std::time::Duration::from_secs(2));
    network.say(0, "@bob", "which of you?");
    network.run_for(std::time::Duration::from_secs(30));
    assert_eq!(network.texts(1, "@alice"), ["which of you?"]);
    assert!(network.view(impostor, "@alice").is_none());
}
