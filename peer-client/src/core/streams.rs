//! Replication streams as they come and go: which are open, and when more are to be opened.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use wire::{
    id::{ConversationId, DeviceId},
    limits::LOGS_MAX,
    sync::{ByeReason, Have},
};

use super::{effect::Effect, input::SessionId, machine::Machine};

/// Streams that one device may have with this one.
const SESSIONS_PER_DEVICE: usize = 64;
/// Streams that another device of the user may have with this one: all conversations.
const SESSIONS_PER_OWN_DEVICE: usize = 192;
/// Streams in all.
const SESSIONS_MAX: usize = 2048;
/// Frames with events that may be on their way to the connection, per stream.
const FRAMES_IN_FLIGHT: usize = 4;
/// How long the side that did not dial waits for the other to open the streams.
const OPENER_DELAY: Duration = Duration::from_secs(1);
/// How long the other side may take to greet.
const GREET_WITHIN: Duration = Duration::from_secs(30);
/// First pause before a stream is opened again; doubles each time.
const REOPEN_FIRST: Duration = Duration::from_millis(200);
/// Longest pause before a stream is opened again.
const REOPEN_MAX: Duration = Duration::from_secs(30);

/// A replication stream.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "how far a stream came, each apart")]
pub(crate) struct Session {
    pub(super) device: DeviceId,
    /// Known from the start if opened here, else from the other side's greeting.
    pub(super) conversation: Option<ConversationId>,
    pub(super) opened_here: bool,
    /// The stream carries frames.
    pub(super) open: bool,
    /// The other side's greeting was accepted.
    pub(super) greeted: bool,
    /// When it must have been.
    greet_by: Instant,
    /// The next entry of each log that the other side lacks.
    pub(super) theirs: BTreeMap<DeviceId, u64>,
    /// How often the other side has asked for a log again.
    pub(super) asked: u32,
    /// Entries that it asked for and did not get yet: log, first, last.
    pub(super) questions: VecDeque<(DeviceId, u64, u64)>,
    /// Entries are being read for it.
    pub(super) reading: bool,
    /// Frames on their way, each with the own log's next sequence if it carries own entries.
    pub(super) in_flight: VecDeque<Option<u64>>,
    /// When to push what gossip may have brought.
    pub(super) pump_at: Option<Instant>,
}

/// A look at a device's streams that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(super) at: Instant,
    pub(super) failures: u32,
}

impl Session {
    fn new(
        device: DeviceId,
        conversation: Option<ConversationId>,
        opened_here: bool,
        now: Instant,
    ) -> Self {
        Self {
            device,
            conversation,
            opened_here,
            open: !opened_here,
            greeted: false,
            greet_by: now + GREET_WITHIN,
            theirs: BTreeMap::new(),
            asked: 0,
            questions: VecDeque::new(),
            reading: false,
            in_flight: VecDeque::new(),
            pump_at: None,
        }
    }

    /// Notes that the other side has entries of a log.
    pub(super) fn has(&mut self, have: &Have) {
        for held in have {
            let next = held.head.map_or(0, |head| head.sequence.saturating_add(1));
            if let Some(known) = self.place_in(held.device) {
                *known = next.max(*known);
            }
        }
    }

    /// The next entry of a log that the other side lacks; none if it named too many logs.
    pub(super) fn place_in(&mut self, log: DeviceId) -> Option<&mut u64> {
        let has_room = self.theirs.len() < LOGS_MAX || self.theirs.contains_key(&log);
        has_room.then(|| self.theirs.entry(log).or_default())
    }

    /// When something is due that no frame brings about.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let greeting = (!self.greeted).then_some(self.greet_by);
        greeting.into_iter().chain(self.pump_at).min()
    }

    /// Entries are being sent as fast as the stream takes them.
    pub(super) fn is_catching_up(&self) -> bool {
        self.reading || self.in_flight.len() >= FRAMES_IN_FLIGHT - 1
    }

    pub(super) fn may_send(&self) -> bool {
        self.greeted && !self.reading && self.in_flight.len() < FRAMES_IN_FLIGHT
    }
}

impl Machine {
    /// The other side opened a stream.
    pub(super) fn on_accepted(&mut self, session: SessionId, device: DeviceId) {
        let of_device = self.sessions.values().filter(|s| s.device == device).count();
        let too_many =
            of_device >= self.sessions_with(&device) || self.sessions.len() >= SESSIONS_MAX;
        if too_many || self.rests() {
            self.effects.push(Effect::CloseSync { session });
        } else {
            self.sessions.insert(session, Session::new(device, None, false, self.now.instant));
        }
    }

    fn sessions_with(&self, device: &DeviceId) -> usize {
        if self.is_own(device) { SESSIONS_PER_OWN_DEVICE } else { SESSIONS_PER_DEVICE }
    }

    /// The streams of a conversation on which the other side was greeted.
    pub(super) fn greeted_sessions(&self, id: ConversationId) -> Vec<SessionId> {
        let of = |(session, s): (&SessionId, &Session)| {
            (s.conversation == Some(id) && s.greeted).then_some(*session)
        };
        self.sessions.iter().filter_map(of).collect()
    }

    /// Of several streams for one conversation and device, the one that the smaller device
    /// opened stays; of its own several, the newest, since it has lost the others.
    pub(super) fn drop_duplicates(&mut self, session: SessionId) {
        let Some(state) = self.sessions.get(&session) else { return };
        let (device, conversation) = (state.device, state.conversation);
        let stays_here = self.me.device < device;
        let mut same: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.device == device && s.conversation == conversation && s.greeted)
            .map(|(id, s)| (s.opened_here != stays_here, Reverse(*id)))
            .collect();
        same.sort_unstable();
        for (_, Reverse(superfluous)) in same.into_iter().skip(1) {
            self.say_bye(superfluous, ByeReason::Duplicate, "another stream stays");
        }
    }

    pub(super) fn close_session(&mut self, session: SessionId) {
        self.effects.push(Effect::CloseSync { session });
        self.forget_session(session);
    }

    /// A connection to a device is gone, and maybe streams with it, which they do not tell while nothing is
    /// written. New ones begin with what each side has.
    pub(super) fn renew_sessions(&mut self, device: DeviceId) {
        let of = |(id, s): (&SessionId, &Session)| (s.device == device).then_some(*id);
        for session in self.sessions.iter().filter_map(of).collect::<Vec<_>>() {
            self.close_session(session);
        }
        if self.paths.is_linked(&device) {
            self.on_linked(device);
        }
    }

    pub(super) fn close_sessions_of(&mut self, conversation: ConversationId) {
        let of =
            |(id, s): (&SessionId, &Session)| (s.conversation == Some(conversation)).then_some(*id);
        for session in self.sessions.iter().filter_map(of).collect::<Vec<_>>() {
            self.close_session(session);
        }
    }

    pub(super) fn forget_session(&mut self, session: SessionId) {
        let Some(state) = self.sessions.remove(&session) else { return };
        if self.paths.is_linked(&state.device) {
            let failures = self.checks.get(&state.device).map_or(0, |check| check.failures);
            let pause = REOPEN_FIRST.saturating_mul(1 << failures.min(8)).min(REOPEN_MAX);
            let pause = if state.opened_here { pause } else { pause + OPENER_DELAY };
            let check = Check { at: self.now.instant + pause, failures: failures + 1 };
            self.checks.insert(state.device, check);
        }
    }

    /// A device became reachable: the side that dialled opens the streams.
    pub(super) fn on_linked(&mut self, device: DeviceId) {
        let pause = if self.paths.dialled(&device) { Duration::ZERO } else { OPENER_DELAY };
        self.checks.insert(device, Check { at: self.now.instant + pause, failures: 0 });
    }

    pub(super) fn tick_replication(&mut self) {
        let now = self.now.instant;
        let due: Vec<_> = self
            .checks
            .iter()
            .filter(|(_, check)| check.at <= now)
            .map(|(device, _)| *device)
            .collect();
        for device in due {
            // The number of failures stays until a greeting succeeds.
            if let Some(check) = self.checks.get_mut(&device) {
                check.at = now + REOPEN_MAX;
            }
            if !self.paths.is_linked(&device) {
                self.checks.remove(&device);
                continue;
            }
            let missing = self.conversations_with(&device);
            if missing.iter().all(|id| self.has_session(*id, &device)) {
                self.checks.remove(&device);
            }
            for conversation in missing {
                self.ensure_session(conversation, device);
            }
        }
        let silent =
            |(id, s): (&SessionId, &Session)| (!s.greeted && s.greet_by <= now).then_some(*id);
        for session in self.sessions.iter().filter_map(silent).collect::<Vec<_>>() {
            self.close_session(session);
        }
        let ready =
            |(id, s): (&SessionId, &Session)| s.pump_at.is_some_and(|at| at <= now).then_some(*id);
        for session in self.sessions.iter().filter_map(ready).collect::<Vec<_>>() {
            if let Some(state) = self.sessions.get_mut(&session) {
                state.pump_at = None;
            }
            self.pump(session);
        }
    }

    pub(super) fn has_session(&self, conversation: ConversationId, device: &DeviceId) -> bool {
        self.sessions.values().any(|s| s.conversation == Some(conversation) && s.device == *device)
    }

    /// Opens a stream if there is a connection and no stream yet.
    pub(super) fn ensure_session(&mut self, conversation: ConversationId, device: DeviceId) {
        let of_device = self.sessions.values().filter(|s| s.device == device).count();
        let unwanted = self
            .conversations
            .get(&conversation)
            .is_some_and(|conversation| self.is_with_blocked(&conversation.row.kind));
        if device == self.me.device
            || unwanted
            || self.rests()
            || !self.paths.is_linked(&device)
            || self.has_session(conversation, &device)
            || of_device >= self.sessions_with(&device)
        {
            return;
        }
        let now = self.now.instant;
        let session = SessionId(self.number() << 1);
        self.sessions.insert(session, Session::new(device, Some(conversation), true, now));
        self.effects.push(Effect::OpenSync { session, device });
    }
}
