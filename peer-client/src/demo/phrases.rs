//! What companions say.

use wire::name::Username;

use crate::core::model::{Body, MessageView, Path};

/// What a companion says when nothing fits better, after a word on the road, one after the other.
const ABOUT: [&str; 4] = [
    "The mark under your message tells when my device has stored it 💾",
    "Try a picture: drop one here or paste it 🖼️",
    "If I were offline, your message would wait on your device until I return ⏳",
    "The little server only introduced us. It keeps no message 🤝",
];

/// Whether it is this companion's turn to answer in a group: the named one's, else any one's.
pub(super) fn is_my_turn(me: &Username, message: &MessageView) -> bool {
    let text = match &message.body {
        Body::Text(text) => text.to_lowercase(),
        Body::Attachment(file) => file.caption.clone().unwrap_or_default().to_lowercase(),
        Body::Erased | Body::Unsupported => return false,
    };
    let named = super::COMPANIONS.iter().find(|name| text.contains(*name));
    let by_turns = || super::COMPANIONS.get(usize::from(message.id.as_bytes()[0] & 1));
    named.or_else(by_turns).is_some_and(|name| *name == me.as_str())
}

/// The answer to a text that came by `path`. `answered` tells how many answers went before.
pub(super) fn answer(text: &str, path: Option<Path>, answered: usize) -> String {
    let lower = text.to_lowercase();
    let greets = ["hello", "hi ", "hi!", "hey", "good morning", "good evening"];
    if lower == "hi" || greets.iter().any(|greeting| lower.starts_with(greeting)) {
        return "Hello! Nice to see you here 👋".to_owned();
    }
    if lower.contains("thank") {
        return "You are welcome 😊".to_owned();
    }
    let about = match (answered % (ABOUT.len() + 1)).checked_sub(1) {
        Some(number) => ABOUT[number],
        None => about_road(path),
    };
    if lower.contains('?') { format!("Good question 🤔 {about}") } else { about.to_owned() }
}

fn about_road(path: Option<Path>) -> &'static str {
    match path {
        Some(Path::Direct(_)) => {
            "That came straight from your device to mine, no server between 🐸"
        }
        Some(Path::Relayed(_)) => "That came through the server's circuit, which cannot read it 🔒",
        Some(Path::Group) => "That came through the group's topic, sealed for its members 🐸",
        Some(Path::Synced) | None => "I caught up with that from the group's other members 🐸",
    }
}

/// Tells that a file arrived whole.
pub(super) fn got_file(name: &str, bytes: u64) -> String {
    format!("I have {name} whole, all {bytes} bytes of it 👍")
}

#[cfg(test)]
mod tests {
    use super::{Path, answer};

    #[test]
    fn answers_fit_what_was_said() {
        let answer = |text, answered| answer(text, Some(Path::Direct(None)), answered);
        assert!(answer("Hello there", 0).starts_with("Hello!"));
        assert!(answer("thanks", 0).contains("welcome"));
        assert!(answer("how does it work?", 0).starts_with("Good question"));
        assert_ne!(answer("one", 0), answer("two", 1), "answers vary");
        assert_eq!(answer("a", 0), answer("a", 5), "and start again");
    }

    #[test]
    fn a_companion_does_not_claim_a_road_that_was_not_taken() {
        assert!(answer("so", Some(Path::Direct(None)), 0).contains("straight"));
        for other in [Path::Relayed(None), Path::Group, Path::Synced] {
            assert!(!answer("so", Some(other), 0).contains("straight"), "{other:?}");
        }
    }
}
