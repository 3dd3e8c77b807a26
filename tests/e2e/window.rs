//! The real window on a screen without hardware.

use std::{
    env,
    io::{self, Write as _},
};

use e2e::{
    event,
    peer::Peer,
    process::{Process, command, program},
    record::{Deadline, PATIENCE},
    screen::{Colours, Screen},
    server::Server,
};
use serde_json::json;

/// Set to leave this test out where the system lacks what it needs; `tests/run.sh` does.
const LEFT_OUT: &str = "NATTERJACK_TEST_NO_WINDOW";

#[test]
fn the_window_opens_registers_and_draws() {
    if env::var_os(LEFT_OUT).is_some() {
        // Past the test runner, which shows nothing of what a passing test prints.
        writeln!(io::stderr(), "left out: the window test ({LEFT_OUT} is set)").unwrap();
        return;
    }
    let server = Server::start();
    let mut bob = Peer::start(&server, "bob");
    let screen = Screen::start();
    let home = tempfile::tempdir().unwrap();
    let mut window = command(program("peer-client"), home.path());
    window.args(["--data-dir", "data", "--username", "carol"]);
    for address in server.addresses() {
        window.args(["--rendezvous", address]);
    }
    let (window, _input, _output) = Process::spawn("the window", screen.show(&mut window));

    let id = greet_once_she_is_known(&mut bob, "@carol", (&screen, &window));
    bob.wait_for("`stored` by carol", event::status(&id, "stored", "carol"));
    let deadline = Deadline::after(PATIENCE);
    loop {
        let colours = Colours::of(&screen.picture("window"));
        if colours.different >= 200 && colours.largest_share < 0.9 {
            break;
        }
        assert!(!deadline.left().is_zero(), "{colours:?}; the log:\n{}", window.log_tail());
    }
}

/// Writes to someone who is about to register; until then, the server knows no such name. A picture
/// is taken at each turn, so that a failure leaves one behind.
fn greet_once_she_is_known(
    bob: &mut Peer,
    name: &str,
    (screen, window): (&Screen, &Process),
) -> String {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let answer = bob.ask(json!({"do": "send", "to": name, "text": "welcome 🐸"}));
        if answer["ok"] == true {
            return event::text(&answer, "message").to_owned();
        }
        assert_eq!(event::text(&answer, "code"), "not_found", "{answer}");
        assert!(!deadline.left().is_zero(), "never registered; its log:\n{}", window.log_tail());
        screen.picture("window");
    }
}
