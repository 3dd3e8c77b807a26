//! A conversation through the server's relay, and what the server keeps of it: nothing.

use e2e::{event, peer::Peer, samples, server::Server, traces};
use serde_json::json;

#[test]
fn the_server_keeps_nothing_of_what_it_relays() {
    const MARKER: &str = "heliotrope-marmalade-4711";
    let server = Server::start();
    let start = |name| Peer::start_with(&server, name, &["--relay-only"]);
    let [mut anna, mut bob] = ["anna", "bob"].map(start);

    let id = anna.say("@bob", MARKER);
    let told = bob.wait_for("the message", event::message(MARKER));
    assert_eq!(event::text(&told, "path"), "relayed");
    anna.wait_for("`stored` by bob", event::status(&id, "stored", "bob"));
    anna.wait_for("the relayed road", event::path("bob", "relayed"));

    let image = samples::noise_png("relayed", 200, 150);
    let file = anna.write_file("relayed.png", &image);
    anna.must(json!({"do": "send", "to": "@bob", "file": file, "text": MARKER}));
    let told = bob.wait_for("the image", event::attachment);
    let copy = bob.folder().join("copy.png");
    bob.must(json!({"do": "fetch", "message": told["message"], "save_to": copy}));
    assert!(bob.read_file("copy.png") == image, "the image is another one");

    for peer in [&mut anna, &mut bob] {
        peer.must(json!({"do": "join", "group": "#sealed"}));
    }
    anna.say("#sealed", &format!("{MARKER} for the group"));
    bob.wait_for("the group's message", event::message(&format!("{MARKER} for the group")));

    for (what, needle) in [("text", MARKER.as_bytes()), ("image", &image[20_000..20_064])] {
        assert_no_trace(&server, what, needle);
    }
    for peer in [&anna, &bob] {
        let direct = peer.count(|line| event::text(line, "path") == "direct");
        assert_eq!(direct, 0, "{} has a direct road", peer.username());
    }
}

#[track_caller]
fn assert_no_trace(server: &Server, what: &str, needle: &[u8]) {
    let pid = server.process().pid();
    let none = Vec::<std::path::PathBuf>::new();
    assert_eq!(traces::in_folder(server.home(), needle), none, "{what} in the server's folder");
    assert_eq!(traces::in_files_of(pid, needle), none, "{what} in the server's open files");
    assert!(!traces::contains(server.said().as_bytes(), needle), "{what} in the server's log");
    assert!(!traces::in_memory_of(pid, needle), "{what} in the server's memory");
}

/// If the search found nothing anywhere, finding nothing would mean nothing.
#[test]
fn what_the_server_does_know_is_found() {
    let server = Server::start();
    let _anna = Peer::start(&server, "anna-the-findable");
    let pid = server.process().pid();
    let name = b"anna-the-findable";
    assert!(!traces::in_folder(&server.data_dir(), name).is_empty(), "not in its folder");
    assert!(!traces::in_files_of(pid, name).is_empty(), "not in its open files");
    assert!(traces::in_memory_of(pid, name), "not in its memory");
}
