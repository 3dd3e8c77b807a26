//! How the server is tried, and what happens when it is lost.

use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::core::tests::beginning;

fn connect() -> TieAction {
    TieAction::Connect(Vec::new())
}

fn address(port: u16) -> Vec<Multiaddr> {
    vec![format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()]
}

#[test]
fn groups_of_addresses_are_tried_one_after_the_other_until_one_answers() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.try_in_order(vec![address(1), address(2), address(3)]);
    assert_eq!(tie.tick(now), Some(TieAction::Connect(address(1))));
    assert_eq!(tie.tick(now), None);
    let later = tie.next_deadline().unwrap();
    assert_eq!(later, now + head_start(&address(2)));
    assert_eq!(tie.tick(later), Some(TieAction::Connect(address(2))));
    tie.opened();
    assert_eq!(tie.next_deadline(), Some(now + REGISTER_WITHIN));
    assert_eq!(tie.tick(later + head_start(&address(3))), None);
}

#[test]
fn the_next_group_is_tried_at_once_when_the_one_before_fails() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.try_in_order(vec![address(1), address(2)]);
    tie.tick(now);
    assert!(tie.tries_more(now));
    assert_eq!(tie.tick(now), Some(TieAction::Connect(address(2))));
    assert!(!tie.tries_more(now), "there is no third");
}

#[test]
fn without_own_addresses_all_of_the_server_are_tried() {
    let now = beginning();
    let mut tie = Tie::new(now, &address(1));
    assert_eq!(tie.tick(now), Some(TieAction::Connect(address(1))));
}

#[test]
fn another_network_ends_the_pause() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.tick(now);
    tie.lost("gone".to_owned(), now, &mut StdRng::seed_from_u64(1));
    assert_eq!(tie.tick(now), None);
    tie.network_changed(now);
    assert_eq!(tie.tick(now), Some(connect()));
}

#[test]
fn pauses_grow_and_are_spread() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut now = beginning();
    let mut tie = Tie::new(now, &[]);
    for full in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
        assert_eq!(tie.tick(now), Some(connect()));
        tie.lost("gone".to_owned(), now, &mut rng);
        let next = tie.next_deadline().unwrap();
        let pause = (next - now).as_millis();
        assert!((full / 2..=full).contains(&pause), "{pause} ms of {full}");
        now = next;
    }
}

#[test]
fn a_refusal_ends_the_attempts() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.tick(now);
    tie.refused("name_taken", "taken".to_owned());
    tie.lost("closed".to_owned(), now, &mut StdRng::seed_from_u64(1));
    assert_eq!(tie.next_deadline(), None);
    assert!(matches!(tie.shown, ServerTie::Refused { code: "name_taken", .. }));
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.tick(now);
    assert_eq!(tie.tick(now + REGISTER_WITHIN), Some(TieAction::Disconnect));
}

#[test]
fn a_server_that_answers_no_more_is_left() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    tie.tick(now);
    tie.registered();
    assert_eq!((tie.tick(now), tie.next_deadline()), (None, None));
    let tag = TopicTag::new([7; 16]);
    let first = tie.ask(Request::Join { tag }, Purpose::Join(tag)).unwrap();
    tie.ask(Request::Join { tag }, Purpose::Join(tag)).unwrap();
    assert_eq!(tie.tick(now), None);
    let later = now + ANSWER_WITHIN / 2;
    tie.answered(first.id);
    assert_eq!(tie.tick(later), None);
    assert_eq!(tie.tick(now + ANSWER_WITHIN), None, "one was answered meanwhile");
    assert_eq!(tie.tick(later + ANSWER_WITHIN), Some(TieAction::Disconnect));
}

#[test]
fn what_waited_is_given_back_when_the_tie_breaks() {
    let now = beginning();
    let mut tie = Tie::new(now, &[]);
    let tag = TopicTag::new([7; 16]);
    let frame = tie.ask(Request::Join { tag }, Purpose::Join(tag)).unwrap();
    assert_eq!(frame.id, 0);
    let waited = tie.lost("gone".to_owned(), now, &mut StdRng::seed_from_u64(1));
    assert_eq!(waited, [Purpose::Join(tag)]);
    assert_eq!(tie.answered(0), None);
}
