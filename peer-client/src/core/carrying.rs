//! Who brings a group's messages to this member: others, or the server by copies of its own. Pure.
//!
//! The server sends copies from joining on. It is told to stop once enough members pass messages on to
//! this one, and to begin again as soon as they do not, or when messages were missed: members
//! who are only connected among themselves hear each other and nobody else.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::input::Now;

/// Members who pass messages on, from which on the server need not send copies.
pub(crate) const ENOUGH: usize = 2;
/// How long they must have been so many.
const SETTLED: Duration = Duration::from_secs(3);
/// Messages that only replication brought, one after the other, from which on the members are not enough.
const MISSED_MAX: u32 = 3;
/// How much older than the server's last copy a message's clock may be without counting.
const SKEW_MS: u64 = 2_000;
/// How long copies are wanted after messages were missed for the first time; doubles each time.
const DOUBT_FIRST: Duration = Duration::from_mins(10);
/// The longest of these times.
const DOUBT_MAX: Duration = Duration::from_hours(24);
/// How long the server is left alone after it refused.
const QUIET: Duration = Duration::from_secs(5);

/// How one group's messages come here.
#[derive(Debug, Default)]
pub(crate) struct Carrying {
    /// The server counts this peer as a member.
    joined: bool,
    /// Members that pass messages on.
    members: usize,
    /// When they will have been enough for long enough.
    settled_at: Option<Instant>,
    /// When the server was told to send no more copies, in milliseconds since 1970.
    without_since: Option<u64>,
    missed: u32,
    doubts: u32,
    /// Until when copies are wanted whatever members there are.
    doubted_until: Option<Instant>,
    /// When the server may be told again, after it refused.
    quiet_until: Option<Instant>,
}

impl Carrying {
    /// The server counts this peer as a member from now on, and sends copies.
    pub(crate) fn joined(&mut self) {
        self.joined = true;
        self.settled_at = None;
        self.without_since = None;
        self.missed = 0;
    }

    /// The server is gone.
    pub(crate) fn server_lost(&mut self) {
        self.joined = false;
    }

    /// The server refused to send copies now.
    pub(crate) fn refused(&mut self, now: Instant, now_ms: u64) {
        self.without_since.get_or_insert(now_ms);
        self.quiet_until = Some(now + QUIET);
    }

    /// So many members pass messages on.
    pub(crate) fn meshed(&mut self, members: usize) {
        self.members = members;
    }

    /// How many members pass messages on.
    pub(crate) fn members(&self) -> usize {
        self.members
    }

    /// A message was heard before replication brought it.
    pub(crate) fn heard(&mut self) {
        self.missed = self.missed.saturating_sub(1);
    }

    /// Replication brought a message, written at `clock_ms`, that nobody had passed on. It says nothing if
    /// the message was written before the copies ended, or is older or younger than `ages`.
    pub(crate) fn missed(&mut self, clock_ms: u64, ages: Range<u64>, now: Now) {
        let Some(since) = self.without_since else { return };
        if clock_ms < since + SKEW_MS || !ages.contains(&now.unix_ms.saturating_sub(clock_ms)) {
            return;
        }
        self.missed += 1;
        if self.missed >= MISSED_MAX {
            let time = DOUBT_FIRST.saturating_mul(1 << self.doubts.min(8)).min(DOUBT_MAX);
            self.doubts += 1;
            self.missed = 0;
            self.doubted_until = Some(now.instant + time);
        }
    }

    /// When [`Carrying::tick`] wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let doubt = self.doubted_until.filter(|_| self.joined && self.members >= ENOUGH);
        self.settled_at.into_iter().chain(doubt).chain(self.quiet_until).min()
    }

    /// What the server is to be told now: whether it sends copies.
    pub(crate) fn tick(&mut self, now: Instant, now_ms: u64) -> Option<bool> {
        self.doubted_until.take_if(|until| *until <= now);
        self.quiet_until.take_if(|until| *until <= now);
        if self.quiet_until.is_some() {
            return None;
        }
        let has_enough = self.members >= ENOUGH && self.doubted_until.is_none();
        if !self.joined || !has_enough {
            self.settled_at = None;
            let wanted = self.joined && self.without_since.take().is_some();
            return wanted.then_some(true);
        }
        if self.without_since.is_some() {
            return None;
        }
        let settled_at = *self.settled_at.get_or_insert(now + SETTLED);
        if settled_at > now {
            return None;
        }
        self.settled_at = None;
        self.without_since = Some(now_ms);
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::beginning;

    const SECOND: Duration = Duration::from_secs(1);
    const AGES: Range<u64> = 1_000..60_000;

    fn at(instant: Instant, unix_ms: u64) -> Now {
        Now { instant, unix_ms }
    }

    /// A member that is carried by others, and the time.
    fn carried() -> (Carrying, Instant) {
        let now = beginning();
        let mut carrying = Carrying::default();
        carrying.joined();
        carrying.meshed(ENOUGH);
        assert_eq!(carrying.tick(now, 0), None);
        assert_eq!(carrying.next_deadline(), Some(now + SETTLED));
        assert_eq!(carrying.tick(now + SETTLED, 0), Some(false));
        assert_eq!(carrying.tick(now + SETTLED, 0), None, "told once");
        (carrying, now + SETTLED)
    }

    #[test]
    fn copies_end_once_enough_members_have_been_there_for_a_while() {
        let now = beginning();
        let mut carrying = Carrying::default();
        carrying.joined();
        carrying.meshed(ENOUGH - 1);
        assert_eq!((carrying.tick(now, 0), carrying.next_deadline()), (None, None));
        carrying.meshed(ENOUGH);
        carrying.tick(now, 0);
        carrying.meshed(ENOUGH - 1);
        assert_eq!(carrying.tick(now + SECOND, 0), None);
        carrying.meshed(ENOUGH);
        assert_eq!(carrying.tick(now + 2 * SECOND, 0), None);
        assert_eq!(carrying.tick(now + SETTLED + SECOND, 0), None, "it began again");
        assert_eq!(carrying.tick(now + SETTLED + 2 * SECOND, 0), Some(false));
    }

    #[test]
    fn copies_are_wanted_at_once_when_members_vanish() {
        let (mut carrying, now) = carried();
        carrying.meshed(ENOUGH - 1);
        assert_eq!(carrying.tick(now, 0), Some(true));
        assert_eq!(carrying.tick(now, 0), None, "told once");
    }

    #[test]
    fn a_server_that_refuses_is_asked_again_later() {
        let (mut carrying, now) = carried();
        carrying.meshed(0);
        assert_eq!(carrying.tick(now, 0), Some(true));
        carrying.refused(now, 0);
        assert_eq!(carrying.tick(now, 0), None);
        let later = carrying.next_deadline().unwrap();
        assert_eq!(carrying.tick(later, 0), Some(true));
    }

    #[test]
    fn nothing_is_told_without_a_server_and_joining_begins_with_copies() {
        let (mut carrying, now) = carried();
        carrying.server_lost();
        carrying.meshed(0);
        assert_eq!(carrying.tick(now, 0), None);
        carrying.meshed(ENOUGH);
        assert_eq!(carrying.tick(now + 2 * SETTLED, 0), None);
        carrying.joined();
        carrying.tick(now + 2 * SETTLED, 0);
        assert_eq!(carrying.tick(now + 3 * SETTLED, 0), Some(false));
    }

    #[test]
    fn whoever_hears_only_some_wants_copies_for_longer_each_time() {
        let (mut carrying, mut now) = carried();
        for doubt in [DOUBT_FIRST, 2 * DOUBT_FIRST, 4 * DOUBT_FIRST] {
            for _ in 0..MISSED_MAX {
                assert_eq!(carrying.tick(now, 10_000), None);
                carrying.missed(9_000, AGES, at(now, 10_000));
            }
            assert_eq!(carrying.tick(now, 10_000), Some(true));
            assert_eq!(carrying.tick(now + doubt / 2, 10_000), None);
            assert_eq!(carrying.next_deadline(), Some(now + doubt));
            now += doubt;
            assert_eq!(carrying.tick(now, 0), None);
            now += SETTLED;
            assert_eq!(carrying.tick(now, 0), Some(false));
        }
    }

    #[test]
    fn messages_that_are_old_new_or_single_raise_no_doubt() {
        let (mut carrying, now) = carried();
        for _ in 0..10 {
            carrying.missed(SKEW_MS - 1, AGES, at(now, 3_000));
            carrying.missed(10_000, AGES, at(now, 10_000 + AGES.end));
            carrying.missed(10_000, AGES, at(now, 9_999 + AGES.start));
            carrying.missed(9_000, AGES, at(now, 10_000));
            carrying.heard();
        }
        assert_eq!(carrying.tick(now, 10_000), None);
    }
}
