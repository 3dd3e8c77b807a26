//! A timeline as rows: messages joined into groups by author, with days and the unread line
//! between them. Pure.

use std::sync::Arc;

use wire::id::EventId;

use super::{format::day_of, zone::Zone};
use crate::core::model::MessageView;

/// Messages of one author with longer pauses between them are not joined.
const PAUSE_MS: i64 = 10 * 60 * 1000;

/// A row of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A day begins: days since 1970.
    Day(i64),
    /// What follows was not read.
    Unread,
    /// A message.
    Message {
        /// What is shown.
        message: Arc<MessageView>,
        /// Where it stands among those of its author.
        place: Place,
    },
}

/// Where a message stands within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// It begins the group.
    pub(crate) first: bool,
    /// It ends the group.
    pub(crate) last: bool,
}

/// What stays the same about a row when others come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowKey {
    /// See [`Row::Day`]; the message that follows, since clocks of others may jump back and forth.
    Day(EventId),
    /// See [`Row::Unread`].
    Unread,
    /// See [`Row::Message`].
    Message(EventId),
}

/// The rows of some messages, oldest first. The unread line comes before `unread_from`.
pub(crate) fn rows(
    messages: &[Arc<MessageView>],
    unread_from: Option<EventId>,
    zone: &Zone,
) -> Vec<(RowKey, Row)> {
    let mut rows: Vec<(RowKey, Row)> = Vec::with_capacity(messages.len() + messages.len() / 8 + 2);
    let mut before: Option<&MessageView> = None;
    for message in messages {
        let local = zone.local(message.at_ms);
        let new_day = before.is_none_or(|other| day_of(zone.local(other.at_ms)) != day_of(local));
        let unread = unread_from == Some(message.id);
        if new_day {
            rows.push((RowKey::Day(message.id), Row::Day(day_of(local))));
        }
        if unread {
            rows.push((RowKey::Unread, Row::Unread));
        }
        let joined = !new_day && !unread && before.is_some_and(|other| joins(other, message));
        if joined && let Some((_, Row::Message { place, .. })) = rows.last_mut() {
            place.last = false;
        }
        let place = Place { first: !joined, last: true };
        rows.push((
            RowKey::Message(message.id),
            Row::Message { message: Arc::clone(message), place },
        ));
        before = Some(message);
    }
    rows
}

/// The first of the newest `unread` messages of others.
pub(crate) fn first_unread(messages: &[Arc<MessageView>], unread: u32) -> Option<EventId> {
    let count = usize::try_from(unread).unwrap_or(usize::MAX).checked_sub(1)?;
    let others = || messages.iter().rev().filter(|message| !message.own);
    others().nth(count).or_else(|| others().next_back()).map(|message| message.id)
}

fn joins(before: &MessageView, after: &MessageView) -> bool {
    before.own == after.own
        && before.from == after.from
        && after.at_ms.abs_diff(before.at_ms) < PAUSE_MS as u64
}

#[cfg(test)]
mod tests {
    use wire::name::{ConversationName, Username};

    use super::*;
    use crate::core::model::Body;

    const HOUR: u64 = 3_600_000;

    fn message(id: u8, from: &str, at_ms: u64) -> Arc<MessageView> {
        let from = Username::new(from).unwrap();
        Arc::new(MessageView {
            id: EventId::new([id; EventId::LENGTH]),
            conversation: ConversationName::Direct(Username::new("bob").unwrap()),
            own: from.as_str() == "me",
            from,
            at_ms,
            body: Body::Text("x".to_owned()),
            reply_to: None,
            path: None,
            delivery: None,
            request: false,
            edited: false,
            reactions: Vec::new(),
        })
    }

    /// Rows as words: `day`, `unread`, or the message's number with `<` if it begins and `>` if it
    /// ends its group.
    fn shown(messages: &[Arc<MessageView>], unread: u32) -> String {
        let words: Vec<String> = rows(messages, first_unread(messages, unread), &Zone::default())
            .into_iter()
            .map(|(_, row)| match row {
                Row::Day(_) => "day".to_owned(),
                Row::Unread => "unread".to_owned(),
                Row::Message { message, place } => format!(
                    "{}{}{}",
                    if place.first { "<" } else { "" },
                    message.id.as_bytes()[0],
                    if place.last { ">" } else { "" }
                ),
            })
            .collect();
        words.join(" ")
    }

    #[test]
    fn messages_of_one_author_are_joined() {
        let messages =
            [message(1, "bob", 0), message(2, "bob", 1), message(3, "bob", 2), message(4, "me", 3)];
        assert_eq!(shown(&messages, 0), "day <1 2 3> <4>");
    }

    #[test]
    fn a_pause_and_a_day_part_them() {
        let messages = [
            message(1, "bob", 0),
            message(2, "bob", HOUR),
            message(3, "bob", 24 * HOUR - 1),
            message(4, "bob", 24 * HOUR),
        ];
        assert_eq!(shown(&messages, 0), "day <1> <2> <3> day <4>");
    }

    #[test]
    fn the_unread_line_counts_others_only() {
        let messages = [message(1, "bob", 0), message(2, "me", 1), message(3, "bob", 2)];
        assert_eq!(shown(&messages, 1), "day <1> <2> unread <3>");
        assert_eq!(shown(&messages, 2), "day unread <1> <2> <3>");
        assert_eq!(shown(&messages, 9), "day unread <1> <2> <3>");
        assert_eq!(shown(&[message(1, "me", 0)], 3), "day <1>");
        assert_eq!(shown(&[], 3), "");
    }
}
