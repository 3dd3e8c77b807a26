//! In which conversations the user is named in what was not read yet.

use std::collections::BTreeMap;

use wire::name::{ConversationName, Username};

use super::{
    mentions,
    state::{Purpose, Wish},
    views::message_menu,
};
use crate::core::{
    command::Command,
    model::{ConversationView, MessageView, Model},
};

/// Unread messages that are looked through at most.
const LIMIT: u32 = 100;

/// Where the user is named.
#[derive(Debug, Default)]
pub(crate) struct Mentioned {
    me: Option<Username>,
    /// How many unread messages were looked through, and whether the user is named in them.
    conversations: BTreeMap<ConversationName, (u32, bool)>,
}

impl Mentioned {
    /// Whether the user is named in what was not read of a conversation.
    pub(crate) fn is_mentioned(&self, conversation: &ConversationView) -> bool {
        let known = self.conversations.get(&conversation.name);
        conversation.unread > 0 && known.is_some_and(|(_, mentioned)| *mentioned)
    }

    /// Asks for the unread messages of groups that have new ones.
    pub(crate) fn poll(&mut self, model: &Model, out: &mut Vec<Wish>) {
        self.me = model.me.as_ref().map(|me| me.username.clone());
        for conversation in model.conversations.iter() {
            let ConversationView { name, unread, .. } = conversation;
            if *unread == 0 {
                self.conversations.remove(name);
                continue;
            }
            let known = self.conversations.get(name).copied();
            let is_group = matches!(name, ConversationName::Group(_));
            if !is_group || known.is_some_and(|(looked, _)| looked == *unread) {
                continue;
            }
            self.conversations.insert(name.clone(), (*unread, known.is_some_and(|it| it.1)));
            let command =
                Command::History { of: name.clone(), limit: (*unread).min(LIMIT), before: None };
            out.push(Wish { command, purpose: Purpose::Mentions(name.clone()) });
        }
    }

    /// Takes the newest messages of a conversation.
    pub(crate) fn take(&mut self, conversation: ConversationName, messages: &[MessageView]) {
        let Some(me) = &self.me else { return };
        let known = |name: &Username| (name == me).then_some(true);
        let names_me = |message: &MessageView| {
            let text = message_menu::text_of(message);
            !message.own && text.is_some_and(|text| !mentions::find(text, known).is_empty())
        };
        let mentioned = messages.iter().any(names_me);
        self.conversations.entry(conversation).and_modify(|it| it.1 = mentioned);
    }
}
