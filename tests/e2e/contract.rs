//! The headless front end as programs drive it.

use e2e::{event, peer::Peer, server::Server};
use serde_json::{Value, json};

#[test]
fn a_line_that_is_no_command_is_answered_and_forgiven() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let long = format!(r#"{{"do":"send","to":"@bob","text":"{}"}}"#, "a".repeat(4 << 20));
    let lines: [&[u8]; 8] = [
        b"this is not JSON",
        b"[]",
        b"{}",
        br#"{"do":7}"#,
        br#"{"do":"fly"}"#,
        br#"{"do":"send","to":"bob","text":"neither @ nor #"}"#,
        b"\xff\xfe{\"do\":\"contacts\"}",
        long.as_bytes(),
    ];
    for line in lines {
        let mark = anna.mark();
        anna.write_line(line);
        let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
        let answer = anna.wait_after(mark, &format!("the answer to {shown}"), |line| {
            line.get("ok") == Some(&Value::Bool(false))
        });
        assert!(!event::text(&answer, "text").is_empty(), "{answer}");
        assert!(!event::text(&answer, "code").is_empty(), "{answer}");
    }
    anna.must(json!({"do": "contacts"}));
}

#[test]
fn an_answer_repeats_the_id_of_its_command() {
    let server = Server::start();
    let anna = Peer::start(&server, "anna");
    let mut anna = anna;
    for id in [json!("word"), json!({"any": ["value", 1.5]}), json!(null), json!(7)] {
        let mark = anna.mark();
        anna.write_line(json!({"do": "contacts", "id": id}).to_string().as_bytes());
        let answer = anna.wait_after(mark, "the answer", |line| line.get("ok").is_some());
        assert_eq!(answer["reply"], id, "{answer}");
        let mark = anna.mark();
        anna.write_line(json!({"do": "fly", "id": id}).to_string().as_bytes());
        let answer = anna.wait_after(mark, "the answer", |line| line.get("ok").is_some());
        assert_eq!(answer["reply"], id, "{answer}");
        assert_eq!(answer["ok"], false, "{answer}");
    }
}

#[test]
fn commands_about_what_is_not_there_are_refused() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let id = "00".repeat(32);
    for (command, code) in [
        (json!({"do": "react", "message": id, "emoji": "👍", "on": true}), "not_found"),
        (json!({"do": "edit", "message": id, "text": "better"}), "not_found"),
        (json!({"do": "erase", "message": id}), "not_found"),
        (json!({"do": "search", "text": "needle", "in": "#rust"}), "not_joined"),
        (json!({"do": "accept", "peer": "@bob"}), "no_conversation"),
        (json!({"do": "block", "peer": "@bob", "on": true}), "not_found"),
    ] {
        assert_eq!(anna.refusal(command.clone()), code, "{command}");
    }
    let answer = anna.must(json!({"do": "search", "text": "needle"}));
    assert!(event::list(&answer, "messages").is_empty(), "{answer}");
}

#[test]
fn quit_and_the_end_of_input_end_it_well() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    anna.quit();
    let mut bob = Peer::start(&server, "bob");
    bob.close_input();
    let status = bob.wait();
    assert!(status.success(), "{status} after the end of input");
}

#[test]
fn commands_before_the_end_of_input_are_still_done() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let commands: Vec<_> =
        (0..20).map(|n| anna.tell(json!({"do": "join", "group": format!("#group {n}")}))).collect();
    anna.close_input();
    for command in commands {
        assert_eq!(anna.reply(command)["ok"], true);
    }
    assert!(anna.wait().success());
}

#[test]
fn signals_end_it_well_and_nothing_is_lost() {
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    let _bob = Peer::start(&server, "bob");
    for (signal, text) in [("TERM", "before SIGTERM"), ("INT", "before SIGINT")] {
        anna.say("@bob", text);
        anna.process().signal(signal);
        let status = anna.wait();
        assert!(status.success(), "{status} after SIG{signal}");
        anna.restart();
        let history = anna.history("@bob");
        assert_eq!(event::text(history.last().unwrap(), "text"), text);
    }
}
