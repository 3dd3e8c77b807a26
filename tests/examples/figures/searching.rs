//! Searching a long history as one types, and opening it.

use std::time::{Duration, Instant};

use e2e::{event, peer::Peer, server::Server};
use serde_json::{Value, json};

use crate::sending::send_texts;

/// Words of which texts are made: a common one stands in a tenth of all texts, a rare one in a few.
fn word(number: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va",
    ];
    let mut rest = number;
    let mut word = String::new();
    for _ in 0..4 {
        word.push_str(SYLLABLES[rest % 16]);
        rest /= 16;
    }
    word
}

/// A text of eight words, the first ones common and the last ones rare.
fn text(number: usize) -> String {
    let scattered = number.wrapping_mul(2_654_435_761) >> 7;
    let words = [10, 30, 100, 300, 1000, 3000, 10_000, 60_000].map(|of| word(scattered % of));
    words.join(" ")
}

fn ask(peer: &mut Peer, command: &Value) -> Duration {
    let (began, mark) = (Instant::now(), peer.mark());
    let id = peer.tell(command.clone());
    let answer = peer.wait_after(mark, "an answer", |line| line["reply"] == id);
    assert_eq!(answer["ok"], true, "{answer}");
    began.elapsed()
}

pub(crate) fn measure() {
    let count = crate::number("MESSAGES", 100_000);
    let server = Server::start();
    let mut anna = Peer::start(&server, "anna");
    anna.must(json!({"do": "join", "group": "#long"}));
    let per_second = send_texts(&mut anna, "#long", count, text);
    println!("{count} messages written, {per_second:.0}/s");
    let mut took = Vec::new();
    for round in 0..100 {
        let (common, rare) = (word(round % 10), word(round * 577 % 60_000));
        // As one types: each further letter is a search.
        for length in 1..=rare.len() {
            took.push(ask(&mut anna, &json!({"do": "search", "text": rare[..length]})));
        }
        took.push(ask(&mut anna, &json!({"do": "search", "text": common})));
        took.push(ask(&mut anna, &json!({"do": "search", "text": format!("{common} {rare}")})));
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "{} searches in {count} messages: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        took.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    anna.quit();
    let began = Instant::now();
    anna.start_again();
    anna.wait_for("the start", |line| event::is(line, "started"));
    let page = ask(&mut anna, &json!({"do": "history", "of": "#long", "limit": 100}));
    println!(
        "start with {count} messages: {:.0} ms until the newest page is there, of which {:.1} ms for the page",
        began.elapsed().as_secs_f64() * 1000.0,
        page.as_secs_f64() * 1000.0
    );
}
