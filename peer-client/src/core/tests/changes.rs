//! Reactions, edits, erasures: equal on all devices, and only by those who may.

use std::time::Duration;

use super::network::{Network, wishes::name};
use crate::core::{
    command::{Answer, Command},
    model::{Body, MessageView},
    notice::{Change, Notice},
};

const SECOND: Duration = Duration::from_secs(1);

fn code(result: Result<Answer, crate::core::command::Failure>) -> &'static str {
    result.unwrap_err().code
}

fn group(names: &[&str]) -> Network {
    let mut network = Network::with_people(1, names);
    for place in 0..names.len() {
        network.join(place, "garden");
    }
    network.run_for(2 * SECOND);
    network
}

fn only(network: &mut Network, place: usize, of: &str) -> MessageView {
    let history = network.history(place, of);
    assert_eq!(history.len(), 1, "{history:#?}");
    history.into_iter().next().unwrap()
}

fn reactions(view: &MessageView) -> Vec<(String, Vec<String>)> {
    let names = |by: &[wire::name::Username]| by.iter().map(ToString::to_string).collect();
    view.reactions.iter().map(|it| (it.emoji.clone(), names(&it.by))).collect()
}

#[test]
fn reactions_are_the_same_everywhere_and_can_be_taken_back() {
    let mut network = group(&["alice", "bob", "carol"]);
    let message = network.say(0, "#garden", "look");
    network.await_texts(1, "#garden", &["look"], 5 * SECOND);
    network.await_texts(2, "#garden", &["look"], 5 * SECOND);
    let react = |emoji: &str, on| Command::React { message, emoji: emoji.to_owned(), on };
    for (place, emoji) in [(1, "🐸"), (2, "🐸"), (2, "❤️")] {
        assert_eq!(network.ask(place, react(emoji, true)), Ok(Answer::Message(message)));
        network.run_for(SECOND);
    }
    network.run_for(5 * SECOND);
    for place in 0..3 {
        let both = vec!["bob".to_owned(), "carol".to_owned()];
        let expected = [("🐸".to_owned(), both), ("❤️".to_owned(), vec!["carol".to_owned()])];
        assert_eq!(reactions(&only(&mut network, place, "#garden")), expected, "{place}");
    }
    assert!(network.ask(2, react("🐸", false)).is_ok());
    network.run_for(5 * SECOND);
    assert_eq!(reactions(&only(&mut network, 0, "#garden"))[0].1, ["bob"]);
    let told = network.peers[0].notices.iter().filter(|it| matches!(it, Notice::Changed { .. }));
    assert_eq!(told.count(), 4);
    assert_eq!(code(network.ask(1, react("hello", true))), "bad_emoji");
}

#[test]
fn an_edit_reaches_who_was_offline_and_the_newest_counts() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    let message = network.say(0, "@bob", "goodbye");
    network.await_texts(1, "@alice", &["goodbye"], 5 * SECOND);
    network.stop(1);
    for text in ["hello", "hello!"] {
        let edit = Command::Edit { message, text: text.to_owned() };
        assert_eq!(network.ask(0, edit), Ok(Answer::Message(message)));
    }
    network.start(1);
    network.await_texts(1, "@alice", &["hello!"], 60 * SECOND);
    assert!(only(&mut network, 1, "@alice").edited);
    assert_eq!(network.texts(0, "@bob"), ["hello!"]);
    let edit = |text: &str| Command::Edit { message, text: text.to_owned() };
    assert_eq!(code(network.ask(1, edit("not mine"))), "not_yours");
    assert_eq!(code(network.ask(0, edit(""))), "empty");
}

#[test]
fn an_erasure_is_final_and_leaves_a_mark() {
    let mut network = group(&["alice", "bob"]);
    let message = network.say(0, "#garden", "a secret");
    network.await_texts(1, "#garden", &["a secret"], 5 * SECOND);
    assert_eq!(code(network.ask(1, Command::Erase { message })), "not_yours");
    assert_eq!(network.ask(0, Command::Erase { message }), Ok(Answer::Message(message)));
    network.run_for(5 * SECOND);
    for place in 0..2 {
        assert_eq!(only(&mut network, place, "#garden").body, Body::Erased);
        let search = Command::Search { text: "secret".to_owned(), within: None, limit: 9 };
        assert_eq!(network.ask(place, search), Ok(Answer::Messages(vec![])));
    }
    let edit = Command::Edit { message, text: "back".to_owned() };
    assert_eq!(code(network.ask(0, edit)), "erased");
    let erased = |notice: &Notice| matches!(notice, Notice::Changed { change: Change::Erasure, by, .. } if by.as_str() == "alice");
    assert_eq!(network.peers[1].notices.iter().filter(|it| erased(it)).count(), 1);
}

#[test]
fn a_late_joiner_sees_the_mark_and_never_the_words() {
    let mut network = group(&["alice", "bob"]);
    let message = network.say(0, "#garden", "a secret");
    network.say(0, "#garden", "no secret");
    assert!(network.ask(0, Command::Erase { message }).is_ok());
    network.run_for(5 * SECOND);
    let carol = network.add(super::Person::new(7, "carol"));
    network.run_for(SECOND);
    network.join(carol, "garden");
    network.run_for(10 * SECOND);
    let bodies: Vec<_> = network.history(carol, "#garden").into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, [Body::Erased, Body::Text("no secret".to_owned())]);
    assert_eq!(network.complete(carol, "#garden").missing, 0);
}

#[test]
fn nothing_is_heard_of_a_blocked_person_until_unblocked() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "before");
    network.await_texts(1, "@alice", &["before"], 5 * SECOND);
    let block = |on| Command::Block { peer: wire::name::Username::new("alice").unwrap(), on };
    assert_eq!(network.ask(1, block(true)), Ok(Answer::Done));
    network.run_for(SECOND);
    let id = network.say(0, "@bob", "can you hear me?");
    network.run_for(60 * SECOND);
    assert_eq!(network.texts(1, "@alice"), ["before"]);
    assert!(network.peers[0].stages(id).is_empty(), "{:?}", network.peers[0].stages(id));
    assert!(network.view(1, "@alice").unwrap().blocked);
    network.stop(1);
    network.start(1);
    network.run_for(60 * SECOND);
    assert_eq!(network.texts(1, "@alice"), ["before"], "also after a restart");
    assert_eq!(network.ask(1, block(false)), Ok(Answer::Done));
    network.await_texts(1, "@alice", &["before", "can you hear me?"], 120 * SECOND);
}

#[test]
fn a_stranger_is_accepted_without_an_answer() {
    let mut network = Network::with_people(1, &["alice", "bob"]);
    network.say(0, "@bob", "hello");
    network.await_texts(1, "@alice", &["hello"], 5 * SECOND);
    assert!(network.view(1, "@alice").unwrap().request);
    let accept = Command::Accept { peer: wire::name::Username::new("alice").unwrap() };
    assert_eq!(network.ask(1, accept), Ok(Answer::Done));
    assert!(!network.view(1, "@alice").unwrap().request);
    let mute = Command::Mute { conversation: name("@alice"), on: true };
    assert_eq!(network.ask(1, mute), Ok(Answer::Done));
    network.stop(1);
    network.start(1);
    let view = network.view(1, "@alice").unwrap();
    assert!(!view.request && view.muted);
}

#[test]
fn a_private_group_is_entered_by_its_invitation_alone() {
    let mut network = Network::with_people(1, &["alice", "bob", "carol"]);
    let group = wire::name::GroupName::new("board").unwrap();
    let created = network.ask(0, Command::Create { group: group.clone() });
    let Ok(Answer::Invitation(link)) = created else { panic!("{created:?}") };
    let same = network.ask(0, Command::Invite { group: group.clone() });
    assert_eq!(same, Ok(Answer::Invitation(link.clone())));
    let join = |invite| Command::Join { group: group.clone(), invite };
    assert_eq!(network.ask(1, join(Some(link))), Ok(Answer::Done));
    assert_eq!(network.ask(2, join(None)), Ok(Answer::Done));
    network.run_for(2 * SECOND);
    network.say(0, "#board", "among us");
    network.await_texts(1, "#board", &["among us"], 5 * SECOND);
    network.run_for(30 * SECOND);
    assert_eq!(network.texts(2, "#board"), [""; 0], "another group of that name");
    assert_eq!(code(network.ask(0, Command::Create { group })), "name_in_use");
}
