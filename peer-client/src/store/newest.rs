//! The newest messages of a conversation for someone who lacks most of it.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use wire::{
    event::Event,
    id::{ConversationId, DeviceId},
};

use super::{StoreError, read::log_entries};

/// Messages that are looked for.
const NEWEST: u32 = 48;
/// Entries that go out at most.
const ENTRIES: usize = 192;
/// Bytes after which no further log is begun.
const BYTES: usize = 512 * 1024;

/// The newest messages with whatever follows them in their logs, after the first entry of each of these
/// logs, without which nobody knows whose they are.
pub(super) fn newest(
    database: &Connection,
    conversation: &ConversationId,
) -> Result<Vec<Event>, StoreError> {
    let (mut first, mut newest, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (log, (from, head)) in tails(database, conversation)? {
        if from > 0 {
            first.extend(log_entries(database, conversation, &log, 0..=0)?);
        }
        // Where more followed a message than fits, the newest of that.
        let from = from.max(head.saturating_sub(u64::from(NEWEST)));
        let events = log_entries(database, conversation, &log, from..=head)?;
        bytes += events.iter().map(Event::size).sum::<usize>();
        newest.extend(events);
        if bytes > BYTES || first.len() + newest.len() > ENTRIES {
            break;
        }
    }
    first.append(&mut newest);
    first.truncate(ENTRIES);
    Ok(first)
}

/// A log, with the sequence of the first of its newest messages and that of its last entry.
type Tail = (DeviceId, (u64, u64));

/// For each log with one of the newest messages, the first of those and the log's last entry. A log that
/// has the newest of all comes first.
fn tails(database: &Connection, conversation: &ConversationId) -> Result<Vec<Tail>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT e.author, e.sequence, l.sequence FROM events e
         JOIN logs l ON l.conversation = e.conversation AND l.device = e.author
         WHERE e.conversation = ?1 AND e.message = 1 AND e.sequence <= l.sequence
         ORDER BY e.clock_ms DESC, e.clock_counter DESC, e.author DESC, e.sequence DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![conversation.as_bytes(), NEWEST])?;
    let (mut order, mut tails) = (Vec::new(), BTreeMap::new());
    while let Some(row) = rows.next()? {
        let (log, sequence, head) = (DeviceId::new(row.get(0)?), row.get(1)?, row.get(2)?);
        let tail: &mut (u64, u64) = tails.entry(log).or_insert_with(|| {
            order.push(log);
            (sequence, head)
        });
        tail.0 = tail.0.min(sequence);
    }
    Ok(order.into_iter().filter_map(|log| Some((log, *tails.get(&log)?))).collect())
}
