//! A data folder that does not keep what it is given: told once, and not tried at every opportunity.

use std::time::{Duration, Instant};

use super::{command::Failure, machine::Machine, notice::Notice, storage::StoreOp};

/// How long no streams are carried after something could not be kept. Others would send it again at
/// once.
const REST: Duration = Duration::from_secs(30);

/// What the store could not do last, until it writes something again.
#[derive(Debug)]
pub(crate) struct Trouble {
    text: String,
    until: Instant,
}

impl Machine {
    /// The store could not do something. Told unless it was before.
    pub(super) fn note_trouble(&mut self, failure: &Failure, is_write: bool) {
        let text = &failure.text;
        if self.trouble.as_ref().is_none_or(|trouble| trouble.text != *text) {
            self.notice(Notice::Error { code: failure.code, text: text.clone() });
        }
        let rest = if is_write { REST } else { Duration::ZERO };
        let until = self.trouble.as_ref().map_or(self.now.instant, |trouble| trouble.until);
        let until = until.max(self.now.instant + rest);
        self.trouble = Some(Trouble { text: text.clone(), until });
    }

    /// The store wrote something. Whom this device met meanwhile may not have been kept.
    pub(super) fn end_trouble(&mut self) {
        if self.trouble.take().is_some() {
            for row in self.people.rows() {
                self.store(StoreOp::SaveAccount(row));
            }
        }
    }

    /// Whether entries of others could not be kept lately.
    pub(super) fn rests(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| self.now.instant < trouble.until)
    }
}
