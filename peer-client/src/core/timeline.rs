//! The newest messages of a conversation that a front end shows.

use std::collections::BTreeMap;

use wire::{event::Clock, id::DeviceId};

use super::{conversation::order, storage::MessageRow};

/// Messages that are loaded when a conversation is opened, and for each step back.
pub(crate) const PAGE: u32 = 100;
/// Messages that a window holds at most; beyond that, the oldest are dropped again.
const WINDOW_MAX: usize = 5000;

/// A run of messages that ends with the newest.
#[derive(Debug, Default)]
pub(crate) struct Window {
    rows: BTreeMap<(Clock, DeviceId, u64), MessageRow>,
    /// Older messages are stored.
    pub(crate) more_before: bool,
    /// The first page was asked for and has not come.
    pub(crate) loading: bool,
}

impl Window {
    /// A window whose first page was asked for.
    pub(crate) fn loading() -> Self {
        Self { loading: true, ..Self::default() }
    }

    /// Takes in a page that precedes what is here, or the first one.
    pub(crate) fn prepend(&mut self, rows: Vec<MessageRow>, more: bool) {
        self.rows.extend(rows.into_iter().map(|row| (order(&row), row)));
        self.more_before = more;
        self.loading = false;
    }

    /// Takes in a message unless it is older than the window's beginning.
    pub(crate) fn insert(&mut self, row: MessageRow) {
        let key = order(&row);
        let within = self.rows.first_key_value().is_none_or(|(first, _)| key > *first);
        if within || !self.more_before {
            self.rows.insert(key, row);
        }
        while self.rows.len() > WINDOW_MAX {
            self.rows.pop_first();
            self.more_before = true;
        }
    }

    /// Puts a message that is here in its new form.
    pub(crate) fn replace(&mut self, row: &MessageRow) {
        if let Some(old) = self.rows.get_mut(&order(row)) {
            *old = row.clone();
        }
    }

    /// The messages, oldest first.
    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = &MessageRow> {
        self.rows.values()
    }
}
