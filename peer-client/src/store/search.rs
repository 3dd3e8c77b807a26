//! The index of all texts, by `FTS5`. Its rows are named by the arrival of their message.

use rusqlite::{Connection, params};
use wire::id::ConversationId;

use super::{StoreError, read};
use crate::core::{input::Ticket, storage::StoreReply};

/// Words of a query that are looked for; further ones are left out.
const WORDS_MAX: usize = 16;

/// Of more messages than this, those that arrived last are looked at. They are not always the newest, since
/// history comes after what is new.
const CANDIDATES: u32 = 1000;

/// Adds a message's text.
pub(super) fn insert(
    database: &Connection,
    arrival: i64,
    text: &str,
    conversation: &ConversationId,
) -> Result<(), StoreError> {
    database
        .prepare_cached("INSERT INTO search(rowid, text, place) VALUES (?1, ?2, ?3)")?
        .execute(params![arrival, text, conversation.to_string()])?;
    Ok(())
}

/// A message has another text now.
pub(super) fn replace(database: &Connection, arrival: i64, text: &str) -> Result<(), StoreError> {
    database
        .prepare_cached("UPDATE search SET text = ?2 WHERE rowid = ?1")?
        .execute(params![arrival, text])?;
    Ok(())
}

/// A message has no text any more.
pub(super) fn remove(database: &Connection, arrival: i64) -> Result<(), StoreError> {
    database.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([arrival])?;
    Ok(())
}

/// The newest messages with all words of a text, oldest first.
pub(super) fn find(
    database: &Connection,
    ticket: Ticket,
    (text, conversation): (&str, Option<&ConversationId>),
    limit: u32,
) -> Result<StoreReply, StoreError> {
    let Some(query) = query(text, conversation) else {
        return Ok(StoreReply::Messages { ticket, rows: Vec::new(), more: false });
    };
    let sql = format!(
        "{} WHERE e.arrival IN (SELECT n.arrival FROM events n
             WHERE n.message = 1 AND n.arrival IN (
                 SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT ?3)
             ORDER BY n.clock_ms DESC, n.clock_counter DESC, n.author DESC LIMIT ?2)
         ORDER BY e.clock_ms DESC, e.clock_counter DESC, e.author DESC",
        read::MESSAGE
    );
    let mut rows = read::messages(database, &sql, params![query, limit + 1, CANDIDATES])?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.reverse();
    Ok(StoreReply::Messages { ticket, rows, more })
}

/// The query for what a person typed: all words, the last one perhaps only begun, in one
/// conversation if one is given. None if there is no word.
fn query(text: &str, conversation: Option<&ConversationId>) -> Option<String> {
    // Quoted, nothing that is typed has a meaning to the index but as words.
    let words = text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
    let words: Vec<_> =
        words.take(WORDS_MAX).map(|word| format!("\"{}\"", word.replace('"', ""))).collect();
    if words.is_empty() {
        return None;
    }
    let words = format!("text : ({}*)", words.join(" "));
    Some(match conversation {
        Some(conversation) => format!("{words} AND place : \"{conversation}\""),
        None => words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_words() {
        let query = |text| query(text, None);
        assert_eq!(query("hello wor").as_deref(), Some("text : (\"hello\" \"wor\"*)"));
        assert_eq!(query("a\" OR b*").as_deref(), Some("text : (\"a\" \"OR\" \"b*\"*)"));
        assert_eq!(query("  "), None);
        assert_eq!(query("-- ☕"), None);
    }
}
