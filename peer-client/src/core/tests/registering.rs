//! The tie to the server: registering, being refused, losing it and finding it again.

use std::time::Duration;

use super::{Person, network::Network};
use crate::{
    core::{model::ServerTie, notice::Notice},
    store::in_memory::InMemory,
};

const MINUTE: Duration = Duration::from_mins(1);

fn ties(network: &Network, place: usize) -> Vec<ServerTie> {
    let tie = |notice: &Notice| match notice {
        Notice::Server(tie) => Some(tie.clone()),
        _ => None,
    };
    network.peers[place].notices.iter().filter_map(tie).collect()
}

fn shown(network: &Network, place: usize) -> ServerTie {
    network.peers[place].machine.as_ref().unwrap().model().server.clone()
}

/// The pauses between attempts to reach the server.
fn pauses(network: &Network, place: usize) -> Vec<Duration> {
    network.peers[place].attempts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_new_peer_registers_once_and_stays() {
    let mut network = Network::new(1);
    let alice = network.add(Person::new(1, "alice"));
    network.run_for(10 * MINUTE);
    assert_eq!(shown(&network, alice), ServerTie::Registered);
    assert_eq!(network.peers[alice].attempts.len(), 1);
    assert_eq!(ties(&network, alice), [ServerTie::Registered]);
}

#[test]
fn a_taken_name_is_refused_and_not_tried_again() {
    let mut network = Network::with_people(1, &["alice"]);
    let other = network.add(Person::new(9, "alice"));
    network.run_for(10 * MINUTE);
    assert!(
        matches!(shown(&network, other), ServerTie::Refused { code: "name_taken", .. }),
        "{:?}",
        shown(&network, other)
    );
    assert_eq!(network.peers[other].attempts.len(), 1);
    assert_eq!(shown(&network, 0), ServerTie::Registered);
}

#[test]
fn attempts_grow_apart_up_to_a_bound_and_peers_spread() {
    let mut network = Network::new(1);
    network.stop_server();
    let (alice, bob) = (network.add(Person::new(1, "alice")), network.add(Person::new(2, "bob")));
    network.run_for(10 * MINUTE);
    for place in [alice, bob] {
        let pauses = pauses(&network, place);
        assert!(pauses.len() >= 10, "{pauses:?}");
        let slack = network.latency;
        for (number, pause) in pauses.iter().enumerate() {
            let full = Duration::from_millis(500 << number.min(10)).min(Duration::from_secs(30));
            assert!((full / 2..=full + slack).contains(pause), "{number}: {pause:?} of {full:?}");
        }
    }
    assert_ne!(pauses(&network, alice), pauses(&network, bob));
    network.start_server();
    network.run_for(MINUTE);
    assert_eq!(shown(&network, alice), ServerTie::Registered);
    assert_eq!(shown(&network, bob), ServerTie::Registered);
}

#[test]
fn a_server_that_hangs_is_given_up_and_tried_again() {
    let mut network = Network::new(1);
    network.server.hangs = true;
    let alice = network.add(Person::new(1, "alice"));
    network.run_for(2 * MINUTE);
    let pauses = pauses(&network, alice);
    assert!(pauses.len() >= 3, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_secs(15)), "{pauses:?}");
    network.server.hangs = false;
    network.run_for(MINUTE);
    assert_eq!(shown(&network, alice), ServerTie::Registered);
}

#[test]
fn a_server_that_comes_back_has_its_peers_and_their_groups_again() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.join(0, "garden");
    network.join(1, "garden");
    network.stop_server();
    network.run_for(MINUTE);
    assert!(matches!(shown(&network, 0), ServerTie::Lost { .. } | ServerTie::Connecting));
    network.start_server();
    network.run_for(MINUTE);
    assert_eq!(shown(&network, 0), ServerTie::Registered);
    network.say(0, "#garden", "still here?");
    network.await_texts(1, "#garden", &["still here?"], Duration::from_secs(2));
    assert_eq!(network.history(1, "#garden")[0].path.unwrap().as_str(), "group");
}

#[test]
fn a_restarted_peer_is_the_same_one_to_the_server() {
    let mut network = Network::with_people(1, &["alice"]);
    network.stop(0);
    network.run_for(MINUTE);
    network.start(0);
    network.run_for(MINUTE);
    assert_eq!(shown(&network, 0), ServerTie::Registered);
}

#[test]
fn a_peer_that_lost_its_database_keeps_its_name() {
    let mut network = Network::with_people(1, &["alice"]);
    network.stop(0);
    network.peers[0].store = InMemory::new();
    network.run_for(MINUTE);
    network.start(0);
    network.run_for(MINUTE);
    assert_eq!(shown(&network, 0), ServerTie::Registered);
}
