//! A server as its operator runs it: who may take a name, bans, and the proof that it keeps nothing.

use e2e::{event, peer::Peer, server::Server};

/// What a command of the server's program printed; it must have worked.
#[track_caller]
fn output(server: &Server, arguments: &[&str]) -> String {
    let output = server.command(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn link(server: &Server, arguments: &[&str]) -> String {
    let printed = output(server, &[&["invite"], arguments].concat());
    let link = printed.lines().find_map(|line| line.strip_prefix("invitation "));
    link.unwrap_or_else(|| panic!("no link in {printed}")).to_owned()
}

#[test]
fn a_link_lets_so_many_people_in_and_they_come_back_without_it() {
    let mut server = Server::start_with("[admission]\nmode = \"invite\"\n");
    let code = |peer: &Peer| {
        let refused = peer.wait_for("a refusal", event::rendezvous("refused"));
        event::text(&refused, "code").to_owned()
    };
    let uninvited = Peer::spawn(&server, "uninvited", &[]);
    assert_eq!(code(&uninvited), "not_admitted");

    let link = link(&server, &["--uses", "2"]);
    let mut anna = Peer::start_with(&server, "anna", &["--invite", &link]);
    server.kill();
    server.restart();
    let _bob = Peer::start_with(&server, "bob", &["--invite", &link]);
    let late = Peer::spawn(&server, "late", &["--invite", &link]);
    assert_eq!(code(&late), "not_admitted", "the link is used up");
    anna.quit();
    anna.restart();
}

#[test]
fn in_a_rush_peers_work_for_their_names_by_themselves() {
    let config = "[admission]\nfree_names = 1\n[connections]\ntrust_loopback = false\n";
    let server = Server::start_with(config);
    let _anna = Peer::start(&server, "anna");
    let status = output(&server, &["status"]);
    assert!(status.contains("now.puzzle_bits 16\n"), "{status}");
    let _bob = Peer::start(&server, "bob");
    let status = output(&server, &["status"]);
    assert!(status.contains("since_start.refused.puzzle 1\n"), "{status}");
    assert!(status.contains("since_start.new_names 2\n"), "{status}");
}

#[test]
fn a_banned_name_is_put_out_and_comes_back_when_the_ban_is_lifted() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let said = output(&server, &["admin", "ban", "@anna", "--reason", "spam"]);
    let account = said.trim().strip_prefix("banned ").unwrap().to_owned();
    anna.wait_for("a refusal", event::rendezvous("refused"));
    assert!(output(&server, &["admin", "bans"]).contains(&account));
    output(&server, &["admin", "unban", &account]);
    anna.quit();
    anna.restart();
    let unknown = server.command(&["admin", "ban", "@nobody"]);
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert_eq!(told, "rendezvous-server: nobody has the name @nobody\n");
}

#[test]
fn the_proof_finds_nothing_and_finds_what_is_there() {
    let server = Server::start();
    for _ in 0..2 {
        let report = output(&server, &["prove", "--memory"]);
        assert!(report.contains("nothing was kept, as far as this can see"), "{report}");
        assert!(report.contains("the text was not found, the image was not found"), "{report}");
        assert!(report.contains("which the server keeps, was found in"), "{report}");
    }
    let status = output(&server, &["status"]);
    assert!(status.contains("kept.names 2\n"), "proving again takes no new names: {status}");
    assert!(status.contains("since_start.circuits 2\n"), "{status}");
}

#[test]
fn a_server_is_set_up_checked_backed_up_and_moved() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command =
            e2e::process::command(e2e::process::program("rendezvous-server"), folder.path());
        let output = command.args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let external = ["--external-address", "/ip4/203.0.113.7/tcp/4001"];
    let (code, told) = run(&[&["init", "--data-dir", "node"][..], &external].concat());
    assert_eq!(code, Some(0), "{told}");
    let address = told.lines().find_map(|line| line.strip_prefix("address ")).unwrap().to_owned();
    assert!(address.starts_with("/ip4/203.0.113.7/tcp/4001/p2p/12D3"), "{told}");
    assert!(told.contains("\ninvitation natterjack:") && told.contains('█'), "{told}");
    let config = std::fs::read_to_string(folder.path().join("node/server.toml")).unwrap();
    assert!(config.contains("\"/ip4/203.0.113.7/tcp/4001\",\n"), "{config}");
    let (code, told) = run(&["init", "--data-dir", "node"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("stays as it is") && told.contains(&address), "{told}");

    let listen = ["--listen", "/ip4/127.0.0.1/tcp/0"];
    let (code, told) = run(&[&["check", "--data-dir", "node"][..], &listen].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("ok    0 registered names"), "{told}");
    let (code, told) = run(&["backup", "--data-dir", "node", "node.backup"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["restore", "--data-dir", "moved", "node.backup"]);
    assert_eq!(code, Some(0), "{told}");
    let (_, moved) = run(&[&["address", "--data-dir", "moved"][..], &external].concat());
    assert_eq!(moved.trim(), address);
    std::fs::write(folder.path().join("node/names.sqlite"), "damaged").unwrap();
    let (code, told) = run(&[&["check", "--data-dir", "node"][..], &listen].concat());
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("FAIL  the name store"), "{told}");
}
