//! What companions say.

use wire::name::Username;

use crate::core::model::{Body, MessageView};

/// What a companion says when nothing fits better, one after the other.
const ABOUT: [&str; 5] = [
    "That came straight from your device to mine, no server in between 🐸",
    "Look under your message: it tells when my device has stored it 💾",
    "Try a picture: drop one here or paste it 🖼️",
    "If I were offline, your message would wait on your device until I return ⏳",
    "The little server only introduced us. It keeps no message 🤝",
];

/// Whether it is this companion's turn to answer in a group: the named one's, else any one's.
pub(super) fn is_my_turn(me: &Username, message: &MessageView) -> bool {
    let text = match &message.body {
        Body::Text(text) => text.to_lowercase(),
        Body::Attachment(file) => file.caption.clone().unwrap_or_default().to_lowercase(),
        Body::Unsupported => return false,
    };
    let named = super::COMPANIONS.iter().find(|name| text.contains(*name));
    let by_turns = || super::COMPANIONS.get(usize::from(message.id.as_bytes()[0] & 1));
    named.or_else(by_turns).is_some_and(|name| *name == me.as_str())
}

/// The answer to a text. `answered` tells how many answers went before.
pub(super) fn answer(text: &str, answered: usize) -> String {
    let lower = text.to_lowercase();
    let greets = ["hello", "hi ", "hi!", "hey", "good morning", "good evening"];
    if lower == "hi" || greets.iter().any(|greeting| lower.starts_with(greeting)) {
        return "Hello! Nice to see you here 👋".to_owned();
    }
    if lower.contains("thank") {
        return "You are welcome 😊".to_owned();
    }
    let about = ABOUT[answered % ABOUT.len()];
    if lower.contains('?') { format!("Good question 🤔 {about}") } else { about.to_owned() }
}

/// Tells that a file arrived whole.
pub(super) fn got_file(name: &str, bytes: u64) -> String {
    format!("I have {name} whole, all {bytes} bytes of it 👍")
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answers_fit_what_was_said() {
        assert!(answer("Hello there", 0).starts_with("Hello!"));
        assert!(answer("thanks", 0).contains("welcome"));
        assert!(answer("how does it work?", 0).starts_with("Good question"));
        assert_ne!(answer("one", 0), answer("two", 1), "answers vary");
        assert_eq!(answer("a", 0), answer("a", 5), "and start again");
    }
}
