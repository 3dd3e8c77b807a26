//! Who has a message, device by device.

use std::time::Duration;

use super::{
    device_key,
    network::{Network, wishes::name},
};
use crate::core::{
    command::{Answer, Command},
    model::{PersonDelivery, Stage},
};

const SOON: Duration = Duration::from_secs(20);

fn delivery(
    network: &mut Network,
    place: usize,
    message: wire::id::EventId,
) -> Vec<PersonDelivery> {
    match network.ask(place, Command::Delivery { message }) {
        Ok(Answer::Delivery(people)) => people,
        other => panic!("{other:?}"),
    }
}

fn stages(people: &[PersonDelivery]) -> Vec<(&str, Stage, Vec<Stage>)> {
    let stages = |person: &PersonDelivery| person.devices.iter().map(|it| it.stage).collect();
    people.iter().map(|it| (it.username.as_str(), it.stage, stages(it))).collect()
}

#[test]
fn each_device_of_the_other_is_told_apart() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let laptop = network.add_device(1, 11);
    network.run_for(SOON);
    network.say(0, "@bob", "first");
    network.await_texts(laptop, "@alice", &["first"], SOON);
    network.stop(laptop);
    let id = network.say(0, "@bob", "second");
    network.await_texts(1, "@alice", &["first", "second"], SOON);
    network.run_for(SOON);
    let read = network.ask(1, Command::Read { of: name("@alice") });
    assert!(read.is_ok(), "{read:?}");
    network.run_for(SOON);
    let people = delivery(&mut network, 0, id);
    assert_eq!(people.len(), 1);
    assert_eq!((people[0].username.as_str(), people[0].own), ("bob", false));
    let stage_of = |device| people[0].devices.iter().find(|it| it.device == device).unwrap().stage;
    assert_eq!(people[0].devices.len(), 2);
    assert_eq!(stage_of(network.peers[1].device()), Stage::Read);
    assert_eq!(stage_of(device_key(11).id()), Stage::Waiting);
    assert_eq!(people[0].stage, Stage::Read);
}

#[test]
fn in_a_group_every_member_is_listed_and_last_the_own_devices() {
    let mut network = Network::with_people(1, &["alice", "bob", "carol"]);
    network.add_device(0, 11);
    for place in 0..3 {
        network.join(place, "garden");
    }
    network.run_for(SOON);
    network.say(2, "#garden", "hi");
    network.await_texts(0, "#garden", &["hi"], SOON);
    network.stop(2);
    network.run_for(SOON);
    let id = network.say(0, "#garden", "hello");
    network.run_for(Duration::from_mins(2));
    let people = delivery(&mut network, 0, id);
    let (stored, waiting) = (Stage::Stored, Stage::Waiting);
    assert_eq!(
        stages(&people),
        [
            ("bob", stored, vec![stored]),
            ("carol", waiting, vec![waiting]),
            ("alice", stored, vec![stored]),
        ]
    );
    assert!(people[2].own && !people[0].own);
}

#[test]
fn of_others_messages_nothing_is_known() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let id = network.say(1, "@alice", "hello");
    network.await_texts(0, "@bob", &["hello"], SOON);
    let refused = network.ask(0, Command::Delivery { message: id }).unwrap_err();
    assert_eq!(refused.code, "not_own");
}
