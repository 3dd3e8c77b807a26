//! Which connections are made and kept, and what a user who hides addresses gives away.

use std::time::Duration;

use wire::rendezvous::Request;

use super::{
    Person,
    alone::{Alone, Stranger, closes},
    network::Network,
};
use crate::core::{
    effect::Effect,
    input::{Input, LinkInput},
    notice::Notice,
};

const SECOND: Duration = Duration::from_secs(1);

/// Alice and Bob, who hides his addresses.
fn with_hidden_bob() -> Network {
    let mut network = Network::new(1);
    network.add(Person::new(1, "alice"));
    network.add(Person { relay_only: true, ..Person::new(2, "bob") });
    network.run_for(2 * SECOND);
    network
}

#[test]
fn contacts_who_can_reach_each_other_talk_directly() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    assert!(!network.view(0, "@bob").unwrap().road.unwrap().relayed);
    assert_eq!(network.history(1, "@alice")[0].path.unwrap().as_str(), "direct");
}

#[test]
fn contacts_who_cannot_are_relayed() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.direct = false;
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    assert!(network.view(0, "@bob").unwrap().road.unwrap().relayed);
    assert_eq!(network.history(1, "@alice")[0].path.unwrap().as_str(), "relayed");
}

#[test]
fn at_rest_two_contacts_keep_one_connection_and_one_stream() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    network.say(1, "@alice", "hello");
    network.run_for(60 * SECOND);
    assert_eq!(network.links_between(0, 1).len(), 1);
    for place in 0..2 {
        assert_eq!(network.peers[place].machine.as_ref().unwrap().sessions.len(), 1);
    }
}

#[test]
fn who_hides_addresses_never_dials_one_nor_is_dialled_at_one() {
    let mut network = with_hidden_bob();
    network.say(0, "@bob", "hello");
    network.say(1, "@alice", "hello");
    network.join(0, "garden");
    network.join(1, "garden");
    network.say(1, "#garden", "hello all");
    network.run_for(60 * SECOND);
    for link in network.links_between(0, 1) {
        network.break_link(link);
    }
    network.run_for(60 * SECOND);
    let (alice, bob) = (network.peers[0].device(), network.peers[1].device());
    assert!(network.peers[1].dials.iter().all(|(_, addresses)| addresses.is_empty()));
    let to_bob: Vec<_> = network.peers[0].dials.iter().filter(|(to, _)| *to == bob).collect();
    assert!(to_bob.iter().all(|(_, addresses)| addresses.is_empty()), "{to_bob:?}");
    assert!(network.peers[1].dials.iter().any(|(to, _)| *to == alice));
    assert!(network.view(1, "@alice").unwrap().road.unwrap().relayed);
    assert_eq!(network.texts(0, "@bob").len(), 2);
}

/// How many addresses a peer announces.
fn announced(alone: &mut Alone) -> Vec<usize> {
    let addresses = vec!["/ip4/127.0.0.1/udp/4001/quic-v1".parse().unwrap()];
    alone.feed(Input::Addresses(addresses));
    let announced = |request| match request {
        Request::Announce { addresses } => Some(addresses.len()),
        _ => None,
    };
    alone.register().into_iter().filter_map(announced).collect()
}

#[test]
fn only_who_does_not_hide_announces_addresses() {
    let mut alice = Alone::new("alice");
    assert_eq!(announced(&mut alice), [1]);
    let mut hidden = Alone::of(Person { relay_only: true, ..Person::new(1, "bob") });
    assert_eq!(announced(&mut hidden), [0]);
}

#[test]
fn the_road_to_a_stranger_is_told_once_it_is_known_who_it_is() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    alice.link(bob.id());
    let told = |alone: &Alone| -> Vec<String> {
        let peer = |notice: &Notice| match notice {
            Notice::Path { peer, road: Some(_) } => Some(peer.to_string()),
            _ => None,
        };
        alone.notices.iter().filter_map(peer).collect()
    };
    assert!(told(&alice).is_empty());
    let id = bob.direct_with(&alice);
    alice.try_greet(bob.id(), id, bob.direct_proof());
    assert_eq!(told(&alice), ["bob"]);
    alice.wait(SECOND);
    assert_eq!(told(&alice), ["bob"]);
}

#[test]
fn streams_begin_anew_when_one_of_two_connections_closes() {
    let mut alice = Alone::new("alice");
    let bob = Stranger::new(2, "bob");
    let session = alice.greet(bob.id(), bob.direct_with(&alice), bob.direct_proof());
    let first = alice.last_link;
    alice.link(bob.id());
    let effects = alice.feed(Input::Link(LinkInput::Closed { device: bob.id(), link: first }));
    assert!(closes(&effects, session), "it may have been on the first, and would not say");
    let effects = alice.wait(SECOND);
    let opens =
        |effect: &Effect| matches!(effect, Effect::OpenSync { device, .. } if *device == bob.id());
    assert!(effects.iter().any(opens), "{effects:?}");
}

#[test]
fn of_two_streams_that_one_side_opened_the_newer_one_stays() {
    let mut alice = Alone::new("alice");
    for number in [2, 3, 4, 5] {
        let stranger = Stranger::new(number, "bob");
        let (id, proof) = (stranger.direct_with(&alice), stranger.direct_proof());
        let old = alice.greet(stranger.id(), id, proof.clone());
        let (new, effects) = alice.try_greet(stranger.id(), id, proof);
        assert!(closes(&effects, old), "it has lost the old one");
        assert!(!closes(&effects, new), "{effects:?}");
    }
}
