//! A member passes on a log and leaves payloads out that nobody erased.

use wire::{
    conversation::GroupSecret,
    event::{CheckedEvent, Payload},
    sync::SyncFrame,
};

use super::alone::{Alone, Stranger, closes, events, frames};
use crate::core::{effect::Effect, input::SessionId, notice::Notice};

/// Alice in a group, with what Carol wrote there as Mallory passes it on: without the second of three texts.
struct Scene {
    alice: Alone,
    secret: GroupSecret,
    carol: Stranger,
    log: Vec<CheckedEvent>,
}

/// The log's place of the text that is left out.
const PLACE: usize = 2;

fn without_payload(event: &CheckedEvent) -> CheckedEvent {
    let mut event = event.event.clone();
    event.payload = None;
    event.check().unwrap()
}

fn asks(effects: Vec<Effect>, session: SessionId) -> Vec<(u64, u64)> {
    let ask = |frame| match frame {
        SyncFrame::Ask { from, to, .. } => Some((from, to)),
        _ => None,
    };
    frames(effects, session).into_iter().filter_map(ask).collect()
}

impl Scene {
    fn new() -> Self {
        let mut alice = Alone::new("alice");
        let secret = alice.join("garden");
        let carol = Stranger::new(3, "carol");
        let log = carol.log(secret.conversation(), &["one", "two", "three"]);
        let mut scene = Self { alice, secret, carol, log };
        let (session, _) = scene.greet(2, "mallory");
        let mut told = scene.log.clone();
        told[PLACE] = without_payload(&told[PLACE]);
        scene.alice.frame(session, &events(&told));
        assert_eq!(scene.alice.texts("#garden"), ["one", "three"]);
        scene
    }

    fn greet(&mut self, number: u16, name: &str) -> (SessionId, Vec<Effect>) {
        let member = Stranger::new(number, name);
        let proof = member.group_proof(&self.secret, &self.alice);
        self.alice.try_greet(member.id(), self.secret.conversation(), proof)
    }

    fn told(&self) -> usize {
        let is_message = |notice: &&Notice| matches!(notice, Notice::Arrived { .. });
        self.alice.notices.iter().filter(is_message).count()
    }
}

#[test]
fn what_was_left_out_is_asked_of_others_and_comes() {
    let mut scene = Scene::new();
    let before = scene.told();
    let (session, effects) = scene.greet(4, "dave");
    assert_eq!(asks(effects, session), [(2, 2)]);
    let effects = scene.alice.frame(session, &events(&scene.log[PLACE..=PLACE]));
    assert!(!closes(&effects, session));
    assert_eq!(scene.alice.texts("#garden"), ["one", "two", "three"]);
    assert_eq!(scene.told(), before + 1);
    scene.alice.frame(session, &events(&scene.log[PLACE..=PLACE]));
    assert_eq!(scene.told(), before + 1, "it is told once");
    let (session, effects) = scene.greet(5, "eve");
    assert_eq!(asks(effects, session), [], "it is here");
}

#[test]
fn whoever_is_connected_already_is_asked_at_once() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    let (mallory, dave) = (Stranger::new(2, "mallory"), Stranger::new(4, "dave"));
    let log = Stranger::new(3, "carol").log(id, &["one"]);
    let to_dave = alice.greet(dave.id(), id, dave.group_proof(&secret, &alice));
    let to_mallory = alice.greet(mallory.id(), id, mallory.group_proof(&secret, &alice));
    let told = [log[0].clone(), without_payload(&log[1])];
    let effects = alice.frame(to_mallory, &events(&told));
    assert_eq!(asks(effects, to_dave), [(1, 1)]);
}

#[test]
fn it_is_asked_for_after_a_restart_too() {
    let mut scene = Scene::new();
    scene.alice.restart();
    let (session, effects) = scene.greet(4, "dave");
    assert_eq!(asks(effects, session), [(2, 2)]);
    scene.alice.frame(session, &events(&scene.log[PLACE..=PLACE]));
    assert_eq!(scene.alice.texts("#garden"), ["one", "two", "three"]);
}

#[test]
fn what_was_erased_is_neither_asked_for_nor_taken() {
    let mut scene = Scene::new();
    let erase = Payload::Erase { event: scene.log[PLACE].id };
    let erase = scene.carol.entry(scene.log.last().unwrap(), &erase);
    let (session, _) = scene.greet(4, "dave");
    scene.alice.frame(session, &events([&erase]));
    for restart in [false, true] {
        if restart {
            scene.alice.restart();
        }
        let (session, effects) = scene.greet(5, "eve");
        assert_eq!(asks(effects, session), []);
        scene.alice.frame(session, &events(&scene.log[PLACE..=PLACE]));
        let bodies = scene.alice.history("#garden");
        assert!(!format!("{bodies:?}").contains("two"), "{bodies:?}");
    }
}

#[test]
fn somebody_elses_erasure_changes_nothing() {
    let mut scene = Scene::new();
    let frank = Stranger::new(6, "frank");
    let mut log = frank.log(scene.secret.conversation(), &["hello"]);
    let erase = Payload::Erase { event: scene.log[PLACE].id };
    log.push(frank.entry(log.last().unwrap(), &erase));
    let proof = frank.group_proof(&scene.secret, &scene.alice);
    let session = scene.alice.greet(frank.id(), scene.secret.conversation(), proof);
    scene.alice.frame(session, &events(&log));
    let (session, effects) = scene.greet(4, "dave");
    assert_eq!(asks(effects, session), [(2, 2)]);
    scene.alice.frame(session, &events(&scene.log[PLACE..=PLACE]));
    assert!(scene.alice.texts("#garden").contains(&"two".to_owned()));
}

#[test]
fn another_payload_is_no_payload_of_the_entry() {
    let mut scene = Scene::new();
    let (session, _) = scene.greet(4, "dave");
    let mut forged = scene.log[PLACE].event.clone();
    forged.payload.clone_from(&scene.log[PLACE + 1].event.payload);
    let frame = SyncFrame::Events(wire::bounded::Bounded::truncated([forged]));
    let effects = scene.alice.frame(session, &frame);
    assert!(closes(&effects, session));
    assert_eq!(scene.alice.texts("#garden"), ["one", "three"]);
}

#[test]
fn entries_in_a_row_are_one_question_and_all_are_asked_for_in_turn() {
    let mut alice = Alone::new("alice");
    let secret = alice.join("garden");
    let id = secret.conversation();
    let carol = Stranger::new(3, "carol");
    let texts: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let log = carol.log(id, &texts);
    // Every other one up to the 30th, and then three in a row.
    let left_out =
        |place: usize| place > 0 && (place.is_multiple_of(2) && place < 30 || place > 37);
    let told: Vec<_> = log
        .iter()
        .enumerate()
        .map(|(place, event)| if left_out(place) { without_payload(event) } else { event.clone() })
        .collect();
    let mallory = Stranger::new(2, "mallory");
    let session = alice.greet(mallory.id(), id, mallory.group_proof(&secret, &alice));
    alice.frame(session, &events(&told));
    let mut asked = Vec::new();
    for number in 10..13 {
        let member = Stranger::new(number, "member");
        let proof = member.group_proof(&secret, &alice);
        let (session, effects) = alice.try_greet(member.id(), id, proof);
        let questions = asks(effects, session);
        assert!(questions.len() <= 8, "{questions:?}");
        asked.extend(questions);
    }
    assert!(asked.contains(&(38, 40)), "{asked:?}");
    for place in (2..30).step_by(2) {
        assert!(asked.contains(&(place, place)), "{place}: {asked:?}");
    }
}
