//! The world around a peer changes: the server is gone for good, the network is another one, the device slept.

use std::time::Duration;

use libp2p::Multiaddr;
use wire::rendezvous::{ClientFrame, Request};

use super::{
    alone::{Alone, Stranger},
    network::{Network, wishes::name},
};
use crate::core::{
    command::{Answer, Command},
    effect::Effect,
    input::{CallId, Input, LinkInput, ServerInput},
    model::ServerTie,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn at(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn contacts_who_start_without_the_server_find_each_other_where_they_were() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "before");
    network.await_texts(1, "@alice", &["before"], 5 * SECOND);
    network.run_for(SECOND);
    network.stop_server();
    network.stop(0);
    network.stop(1);
    network.start(0);
    network.start(1);
    network.say(0, "@bob", "without");
    network.await_texts(1, "@alice", &["before", "without"], MINUTE);
    network.say(1, "@alice", "me too");
    network.await_texts(0, "@bob", &["before", "without", "me too"], 5 * SECOND);
    let shown = network.peers[0].machine.as_ref().unwrap().model().server.clone();
    assert!(
        matches!(&shown, ServerTie::Lost { text } if text.contains("new names"))
            || shown == ServerTie::Connecting,
        "{shown:?}"
    );
    network.start_server();
    network.run_for(2 * MINUTE);
    assert!(network.view(0, "@bob").unwrap().online);
    assert_eq!(network.peers[0].machine.as_ref().unwrap().model().server, ServerTie::Registered);
}

#[test]
fn nobody_who_is_away_is_called_on_once_the_server_is_back() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "before");
    network.await_texts(1, "@alice", &["before"], 5 * SECOND);
    network.stop(1);
    network.stop_server();
    network.run_for(MINUTE);
    network.start_server();
    network.run_for(2 * MINUTE);
    let dials = network.peers[0].dials.len();
    network.run_for(10 * MINUTE);
    assert_eq!(network.peers[0].dials.len(), dials);
}

/// Alice in a network, with a direct connection to a contact.
fn with_contact() -> (Alone, Stranger) {
    let mut alice = Alone::new("alice");
    alice.feed(Input::Addresses(at(&["/ip4/192.168.1.2/udp/7000/quic-v1"])));
    let bob = Stranger::new(2, "bob");
    alice.greet(bob.id(), bob.direct_with(&alice), bob.direct_proof());
    (alice, bob)
}

fn leaves_all(effects: &[Effect], alice: &Alone) -> bool {
    let closes =
        |effect: &Effect| matches!(effect, Effect::CloseLink { link } if *link == alice.last_link);
    effects.iter().any(closes)
        && effects.iter().any(|effect| matches!(effect, Effect::DisconnectServer))
}

#[test]
fn connections_of_a_network_that_is_gone_are_given_up_at_once() {
    let (mut alice, _) = with_contact();
    let both = ["/ip4/192.168.1.2/udp/7000/quic-v1", "/ip4/10.0.0.2/udp/7000/quic-v1"];
    let effects = alice.feed(Input::Addresses(at(&both)));
    assert!(!leaves_all(&effects, &alice), "the first one is still there");
    let effects = alice.feed(Input::Addresses(at(&both[1..])));
    assert!(leaves_all(&effects, &alice), "{effects:?}");
    // That the connection ended comes late, and changes nothing.
    let link = alice.last_link;
    let device = Stranger::new(2, "bob").id();
    let effects = alice.feed(Input::Link(LinkInput::Closed { device, link }));
    assert!(!effects.iter().any(|it| matches!(it, Effect::CloseSync { .. })), "{effects:?}");
}

#[test]
fn a_device_that_slept_connects_anew() {
    let (mut alice, _) = with_contact();
    alice.now.unix_ms += 60_000;
    let effects = alice.feed(Input::Tick);
    assert!(leaves_all(&effects, &alice), "{effects:?}");
    let (mut bob, _) = with_contact();
    let effects = bob.wait(MINUTE);
    assert!(!leaves_all(&effects, &bob), "a minute passed on both clocks: {effects:?}");
}

#[test]
fn an_address_is_kept_from_whom_the_user_says() {
    let mut network = Network::with_people(1, &["alice", "bob", "carol"]);
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    let answer = network.ask(0, Command::RelayOnly { with: name("@bob"), on: true });
    assert_eq!(answer, Ok(Answer::Done));
    network.run_for(SECOND);
    network.stop(0);
    network.start(0);
    network.peers[0].dials.clear();
    network.say(0, "@bob", "unseen");
    network.await_texts(1, "@alice", &["hello", "unseen"], 30 * SECOND);
    assert!(network.view(0, "@bob").unwrap().relay_only, "it outlasts the restart");
    let bob = network.peers[1].device();
    let to_bob: Vec<_> = network.peers[0].dials.iter().filter(|(to, _)| *to == bob).collect();
    assert!(to_bob.iter().all(|(_, addresses)| addresses.is_empty()), "{to_bob:?}");
}

#[test]
fn how_the_server_sees_a_device_is_told_to_others() {
    let (mut alice, _) = with_contact();
    alice.register();
    let announced = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::SendServer(ClientFrame {
                request: Request::Announce { addresses }, ..
            }) => {
                Some(addresses.iter().map(|it| it.as_multiaddr().to_string()).collect::<Vec<_>>())
            }
            _ => None,
        })
    };
    let own = "/ip4/192.168.1.2/udp/7000/quic-v1";
    let seen = |alice: &mut Alone, server: &str, address: &str| {
        let (at, address) = (server.parse().unwrap(), address.parse().unwrap());
        announced(&alice.feed(Input::Server(ServerInput::Seen { at, address })))
    };
    let (server, other) = ("/ip4/203.0.113.1/udp/4001/quic-v1", "/ip4/203.0.113.1/udp/443/quic-v1");
    let outside = "/ip4/198.51.100.7/udp/5000/quic-v1";
    let told = seen(&mut alice, server, outside);
    assert_eq!(told, Some(vec![outside.to_owned(), own.to_owned()]));
    assert_eq!(seen(&mut alice, other, outside), None, "nothing new");
    let told = seen(&mut alice, other, "/ip4/198.51.100.7/udp/5001/quic-v1");
    assert_eq!(told, Some(vec![own.to_owned()]), "the router shows another port to each");
}

#[test]
fn a_tie_that_does_not_show_how_others_see_a_device_has_the_server_asked_once() {
    const QUIC4: &str = "/ip4/203.0.113.1/udp/4001/quic-v1";
    const QUIC6: &str = "/ip6/2001:db8::1/udp/4001/quic-v1";
    let seen = |at: &str, address: &str| {
        let (at, address) = (at.parse().unwrap(), address.parse().unwrap());
        Input::Server(ServerInput::Seen { at, address })
    };
    let probes = |effects: &[Effect]| {
        let probe = |effect: &Effect| match effect {
            Effect::ProbeServer { addresses } => Some(addresses.clone()),
            _ => None,
        };
        effects.iter().find_map(probe)
    };
    let alice = || {
        let mut alice = Alone::new("alice");
        alice.machine.server_addresses = at(&["/ip4/203.0.113.1/tcp/443", QUIC6, QUIC4]);
        let own = ["/ip4/192.168.1.2/udp/7000/quic-v1", "/ip6/2001:db8::2/udp/7000/quic-v1"];
        alice.feed(Input::Addresses(at(&own)));
        alice
    };
    let over_ipv6 = seen(QUIC6, "/ip6/2001:db8::2/udp/7000/quic-v1");
    let over_tcp = seen("/ip4/203.0.113.1/tcp/443", "/ip4/198.51.100.7/tcp/5000");
    for tie in [over_ipv6, over_tcp] {
        let mut alice = alice();
        let effects = alice.feed(tie);
        assert_eq!(probes(&effects), Some(at(&[QUIC4])), "{effects:?}");
        let again = alice.feed(seen(QUIC6, "/ip6/2001:db8::2/udp/7000/quic-v1"));
        assert_eq!(probes(&again), None, "it is being asked");
        let silent = ServerInput::Silent { at: QUIC4.parse().unwrap(), text: String::new() };
        alice.feed(Input::Server(silent));
        let again = alice.feed(seen(QUIC6, "/ip6/2001:db8::2/udp/7000/quic-v1"));
        assert_eq!(probes(&again), None, "it does not answer");
    }
    let effects = alice().feed(seen(QUIC4, "/ip4/198.51.100.7/udp/5000/quic-v1"));
    assert_eq!(probes(&effects), None, "the tie shows it");
}

#[test]
fn while_an_address_is_kept_from_somebody_the_server_is_not_told_it() {
    let (mut alice, bob) = with_contact();
    alice.register();
    let announced = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::SendServer(ClientFrame {
                request: Request::Announce { addresses }, ..
            }) => Some(addresses.len()),
            _ => None,
        })
    };
    let relay_only = |on| Command::RelayOnly { with: name("@bob"), on };
    let effects = alice.feed(Input::Call { id: CallId(1), command: relay_only(true) });
    assert_eq!(announced(&effects), Some(0), "{effects:?}");
    let hides = |effect: &Effect| matches!(effect, Effect::HideFrom { devices } if devices.contains(&bob.id()));
    assert!(effects.iter().any(hides), "{effects:?}");
    assert!(
        effects
            .iter()
            .any(|it| matches!(it, Effect::CloseLink { link } if *link == alice.last_link)),
        "a direct connection is closed: {effects:?}"
    );
    let effects = alice.feed(Input::Call { id: CallId(3), command: relay_only(false) });
    assert_eq!(announced(&effects), Some(1), "{effects:?}");
}
