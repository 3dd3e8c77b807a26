//! What is told of new messages while the window is not looked at.

use std::{collections::BTreeMap, fmt};

use wire::name::ConversationName;

use super::preferences::Notify;
use crate::core::model::{ConversationView, Model};

/// Something to be told outside of the window.
pub struct Announcement {
    /// Where it happened; what was told of the same before is replaced.
    pub conversation: ConversationName,
    /// Who writes, and perhaps where.
    pub title: String,
    /// What, unless the user wants that hidden.
    pub text: String,
    /// Called when the user wants to see it.
    pub open: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Announcement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Announcement")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

/// Tells of something outside of the window. Must not wait.
pub type Announcer = Box<dyn Fn(Announcement) + Send>;

/// Compares what is unread with what was unread before.
#[derive(Debug, Default)]
pub(crate) struct Announcing {
    /// None until the conversations are known: what was unread before the start is no news.
    seen: Option<BTreeMap<ConversationName, u32>>,
}

impl Announcing {
    /// The conversations with new messages of which the user wants to hear. `looked_at` is the one that
    /// the user sees.
    pub(crate) fn poll<'model>(
        &mut self,
        model: &'model Model,
        looked_at: Option<&ConversationName>,
    ) -> Vec<&'model ConversationView> {
        if model.me.is_none() {
            return Vec::new();
        }
        let known = self.seen.is_some();
        let seen = self.seen.get_or_insert_default();
        let mut news = Vec::new();
        for conversation in model.conversations.iter() {
            let before = seen.get(&conversation.name).copied().unwrap_or_default();
            if before == conversation.unread {
                continue;
            }
            seen.insert(conversation.name.clone(), conversation.unread);
            let wanted = !conversation.muted && !conversation.blocked;
            let by_others = conversation.last.as_ref().is_some_and(|last| !last.own);
            let seen_now = looked_at == Some(&conversation.name);
            if known && conversation.unread > before && wanted && by_others && !seen_now {
                news.push(conversation);
            }
        }
        news
    }
}

/// The words that tell of a conversation's newest message; none if the user wants to hear nothing.
pub(crate) fn words(conversation: &ConversationView, notify: Notify) -> Option<(String, String)> {
    let last = conversation.last.as_ref()?;
    let title = match &conversation.name {
        ConversationName::Direct(_) => last.from.to_string(),
        ConversationName::Group(group) => format!("{} in #{group}", last.from),
    };
    match notify {
        Notify::Text => Some((title, last.text.clone())),
        Notify::Name => Some((title, "New message".to_owned())),
        Notify::Off => None,
    }
}

/// The window's title, which tells how much is unread.
pub(crate) fn title(model: &Model) -> String {
    let heard = model.conversations.iter().filter(|it| !it.muted && !it.blocked);
    match heard.map(|it| u64::from(it.unread)).sum::<u64>() {
        0 => "Natterjack".to_owned(),
        unread => format!("({unread}) Natterjack"),
    }
}
