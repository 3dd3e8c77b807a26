//! What users wish, and what they see.

use std::time::Duration;

use wire::{
    id::EventId,
    name::{ConversationName, GroupName},
};

use super::{Network, Place};
use crate::core::{
    command::{Answer, Command, Draft, Failure},
    input::{CallId, Input},
    model::{Body, Completeness, ConversationView, MessageView, Stage},
};

/// How long a command may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

pub(in crate::core::tests) fn name(text: &str) -> ConversationName {
    text.parse().unwrap()
}

impl Network {
    /// Hands over a command without waiting for the answer.
    pub(in crate::core::tests) fn submit(&mut self, place: Place, command: Command) -> CallId {
        let id = CallId(self.number());
        self.feed(place, Input::Call { id, command });
        id
    }

    /// Hands over a command and waits for the answer.
    #[track_caller]
    pub(in crate::core::tests) fn ask(
        &mut self,
        place: Place,
        command: Command,
    ) -> Result<Answer, Failure> {
        let what = format!("an answer to {command:?}");
        let id = self.submit(place, command);
        self.run_until(&what, ANSWER_WITHIN, |it| it.peers[place].answers.contains_key(&id));
        self.peers[place].answers.remove(&id).unwrap()
    }

    /// Writes a message and waits until it is durable here.
    #[track_caller]
    pub(in crate::core::tests) fn say(&mut self, place: Place, to: &str, text: &str) -> EventId {
        let draft = Draft { text: text.to_owned(), ..Draft::default() };
        match self.ask(place, Command::Send { to: name(to), draft }) {
            Ok(Answer::Message(id)) => id,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[track_caller]
    pub(in crate::core::tests) fn join(&mut self, place: Place, group: &str) {
        let group = GroupName::new(group).unwrap();
        let answer = self.ask(place, Command::Join { group, invite: None });
        assert_eq!(answer, Ok(Answer::Done));
    }

    /// A conversation's messages as a peer has stored them, in the order shown.
    #[track_caller]
    pub(in crate::core::tests) fn history(&mut self, place: Place, of: &str) -> Vec<MessageView> {
        let command = Command::History { of: name(of), limit: 1000, before: None };
        match self.ask(place, command) {
            Ok(Answer::Messages(messages)) => messages,
            Err(Failure { code: "no_conversation", .. }) => vec![],
            other => panic!("{of}: {other:?}"),
        }
    }

    /// The same as text.
    #[track_caller]
    pub(in crate::core::tests) fn texts(&mut self, place: Place, of: &str) -> Vec<String> {
        let text = |message: MessageView| match message.body {
            Body::Text(text) => text,
            other => panic!("{other:?}"),
        };
        self.history(place, of).into_iter().map(text).collect()
    }

    /// How far an own message came.
    #[track_caller]
    pub(in crate::core::tests) fn stage(&mut self, place: Place, of: &str, id: EventId) -> Stage {
        let history = self.history(place, of);
        let message = history.iter().find(|message| message.id == id).unwrap();
        message.delivery.unwrap().stage
    }

    /// A conversation as a peer's front end sees it.
    pub(in crate::core::tests) fn view(&self, place: Place, of: &str) -> Option<ConversationView> {
        let model = self.peers[place].machine.as_ref()?.model();
        model.conversations.iter().find(|it| it.name == name(of)).cloned()
    }

    pub(in crate::core::tests) fn complete(&self, place: Place, of: &str) -> Completeness {
        self.view(place, of).map(|view| view.complete).unwrap_or_default()
    }

    /// Waits until a peer has so many messages of a conversation.
    #[track_caller]
    pub(in crate::core::tests) fn await_texts(
        &mut self,
        place: Place,
        of: &str,
        texts: &[&str],
        within: Duration,
    ) {
        let what = format!("{texts:?} at peer {place}");
        let until = self.now + within;
        while self.texts(place, of) != texts {
            assert!(self.now < until, "{what}: it has {:?}", self.texts(place, of));
            self.run_for(Duration::from_millis(100));
        }
    }
}
