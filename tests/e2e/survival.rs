//! A group whose server is gone, and then half of its members.

use std::collections::BTreeSet;

use e2e::{
    event::{self, text},
    peer::Peer,
    server::Server,
};
use serde_json::json;

const NAMES: [&str; 8] = ["anna", "bob", "carol", "dave", "emma", "fred", "gina", "hugo"];

/// Each says something that all others hear.
fn talk(peers: &mut [Peer], round: &str) {
    for speaker in 0..peers.len() {
        let body = format!("{round}: {} is here", peers[speaker].username());
        peers[speaker].say("#crew", &body);
        for listener in peers.iter().filter(|peer| peer.username() != peers[speaker].username()) {
            let told = listener.wait_for(&format!("`{body}`"), event::message(&body));
            assert_eq!(text(&told, "from"), peers[speaker].username());
        }
    }
}

#[test]
fn a_group_works_on_without_its_server_and_half_of_its_members() {
    let mut server = Server::start();
    let mut peers: Vec<_> = NAMES.iter().map(|name| Peer::start(&server, name)).collect();
    for peer in &mut peers {
        peer.must(json!({"do": "join", "group": "#crew"}));
    }
    talk(&mut peers, "with the server");
    for peer in &peers {
        // Members are sought a little after they are known; until then the server sends copies.
        let mut direct = BTreeSet::new();
        peer.wait_for("three direct connections", |line| {
            if event::is(line, "path") {
                let person = text(line, "peer").to_owned();
                match text(line, "path") {
                    "direct" => direct.insert(person),
                    _ => direct.remove(&person),
                };
            }
            direct.len() >= 3
        });
    }

    server.kill();
    for peer in &peers {
        peer.wait_for("the loss of the server", event::rendezvous("lost"));
    }
    talk(&mut peers, "without the server");

    for mut peer in peers.split_off(NAMES.len() / 2) {
        peer.kill();
    }
    talk(&mut peers, "half of them");
    for peer in &mut peers {
        let messages = peer.history("#crew");
        assert_eq!(messages.len(), 2 * NAMES.len() + NAMES.len() / 2, "{}", peer.username());
        let members = peer.must(json!({"do": "members", "of": "#crew"}));
        assert_eq!(members["complete"]["missing"], 0, "{members}");
    }
}
