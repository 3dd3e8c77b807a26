//! Clocks that are off, and the order of messages.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    alone::{Alone, Stranger, events, text},
    network::Network,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR_MS: i64 = 3_600_000;

/// A conversation in turns between people whose clocks are off.
fn talk(skews: [i64; 2], turns: usize) -> (Network, Vec<String>) {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    for (place, skew) in skews.into_iter().enumerate() {
        network.peers[place].skew_ms = skew;
    }
    let mut written = Vec::new();
    for number in 0..turns {
        let (place, to) = [(0, "@bob"), (1, "@alice")][number % 2];
        let text = format!("turn {number}");
        network.say(place, to, &text);
        network.run_for(2 * SECOND);
        written.push(text);
    }
    (network, written)
}

#[test]
fn hours_of_skew_leave_the_order_equal_on_both_sides() {
    for skews in [[5 * HOUR_MS, 0], [0, 5 * HOUR_MS], [-7 * HOUR_MS, 3 * HOUR_MS]] {
        let (mut network, written) = talk(skews, 8);
        let texts = network.texts(0, "@bob");
        assert_eq!(texts.len(), written.len());
        assert_eq!(network.texts(1, "@alice"), texts, "{skews:?}");
    }
}

#[test]
fn minutes_of_skew_keep_every_answer_behind_what_it_answers() {
    for skews in [[0, 4 * 60_000], [4 * 60_000, 0], [-2 * 60_000, 2 * 60_000]] {
        let (mut network, written) = talk(skews, 8);
        assert_eq!(network.texts(0, "@bob"), written, "{skews:?}");
        assert_eq!(network.texts(1, "@alice"), written, "{skews:?}");
    }
}

#[test]
fn a_wall_clock_that_is_set_back_does_not_reorder_own_messages() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "one");
    network.peers[0].skew_ms = -5 * HOUR_MS;
    network.say(0, "@bob", "two");
    network.stop(0);
    network.start(0);
    network.run_for(SECOND);
    network.say(0, "@bob", "three");
    network.run_for(5 * SECOND);
    assert_eq!(network.texts(0, "@bob"), ["one", "two", "three"]);
    assert_eq!(network.texts(1, "@alice"), ["one", "two", "three"]);
}

/// A member whose clock is years ahead must not pull others along, not even over a restart.
#[test]
fn a_clock_from_the_far_future_pulls_nobody_along() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let mallory = Stranger::new(2, "mallory");
    let proof = mallory.group_proof(&secret, &alice);
    let session = alice.greet(mallory.id(), secret.conversation(), proof);
    let log = mallory.log(secret.conversation(), &[]);
    let late =
        mallory.entry_at(&log[0], &text("from the future"), alice.now.unix_ms + 1_000_000_000);
    alice.frame(session, &events([&log[0], &late]));
    for text in ["before the restart", "after the restart"] {
        alice.say("#garden", text);
        alice.restart();
    }
    assert_eq!(
        alice.texts("#garden"),
        ["before the restart", "after the restart", "from the future"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// In whatever order and in whatever portions logs arrive, the order shown is the same.
    #[test]
    fn the_order_of_arrival_does_not_show(
        clocks in prop::collection::vec(prop::collection::vec(0u64..50, 1..6), 1..5),
        order in prop::collection::vec((0usize..5, 1usize..4), 0..40),
    ) {
        let mut expected = None;
        for arrivals in [vec![], order] {
            let mut alice = Alone::new("alice");
            let secret = alice.join("garden");
            let id = secret.conversation();
            let mut logs = Vec::new();
            for (number, clocks) in (10..).zip(&clocks) {
                let author = Stranger::new(number, &format!("author{number}"));
                let mut log = author.log(id, &[]);
                for (sequence, clock) in clocks.iter().enumerate() {
                    let body = text(&format!("{number} {sequence}"));
                    log.push(author.entry_at(log.last().unwrap(), &body, 1_000 + clock));
                }
                logs.push(log);
            }
            let carrier = Stranger::new(2, "carrier");
            let proof = carrier.group_proof(&secret, &alice);
            let session = alice.greet(carrier.id(), id, proof);
            let mut rest = vec![0; logs.len()];
            for (log, portion) in arrivals {
                let log = log % logs.len();
                let until = (rest[log] + portion).min(logs[log].len());
                alice.frame(session, &events(&logs[log][rest[log]..until]));
                rest[log] = until;
            }
            for (log, from) in logs.iter().zip(rest) {
                alice.frame(session, &events(&log[from..]));
            }
            let texts = alice.texts("#garden");
            prop_assert_eq!(texts.len(), clocks.iter().map(Vec::len).sum::<usize>());
            alice.restart();
            prop_assert_eq!(&alice.texts("#garden"), &texts);
            prop_assert_eq!(expected.get_or_insert_with(|| texts.clone()), &texts);
        }
    }
}
