//! What passes on replication streams: frames that come, entries that are pushed.

use std::{mem, ops::Range, sync::Arc, time::Duration};

use rand::RngExt as _;
use wire::{
    bounded::Bounded,
    event::{CheckedEvent, CheckedEvents, Event},
    id::{ConversationId, DeviceId},
    limits::{EVENT_BYTES_PER_FRAME, EVENTS_PER_FRAME},
    sync::{ByeReason, SyncFrame},
};

use super::{
    effect::Effect,
    input::{SessionId, SyncInput},
    machine::Machine,
    model::{Path, Road},
    pending::Pending,
    repair::is_large,
    storage::StoreOp,
    streams::Session,
};

/// How long gossip is given before a group's new entries are pushed on streams too.
const GOSSIP_FIRST: Range<Duration> = Duration::from_millis(1400)..Duration::from_millis(1600);
/// The same in a large group, where a push brings hardly ever anything new: there the sides of a stream tell
/// each other what they have, and this is for those who do not.
const GOSSIP_FIRST_LARGE: Range<Duration> = Duration::from_secs(40)..Duration::from_mins(1);
/// How soon streams of a large group are told of new entries; what comes meanwhile is told with them.
const TELL: Range<Duration> = Duration::from_secs(10)..Duration::from_secs(20);
/// How long gossip is given before whoever told what it has gets what it lacks.
const LACKING: Duration = Duration::from_secs(2);

/// How often one stream may ask for entries again.
const ASKS_MAX: u32 = 64;
/// Entries that one such question gets.
const ASK_ENTRIES_MAX: u64 = EVENTS_PER_FRAME as u64;

impl Machine {
    pub(super) fn on_sync(&mut self, input: SyncInput) {
        match input {
            SyncInput::Accepted { session, device } => self.on_accepted(session, device),
            SyncInput::Opened { session } => {
                if let Some(state) = self.sessions.get_mut(&session) {
                    state.open = true;
                    self.say_hello(session);
                }
            }
            SyncInput::Frame { session, frame } => self.on_frame(session, *frame),
            SyncInput::Events { session, checked } => self.on_events(session, checked),
            SyncInput::Written { session } => {
                let Some(state) = self.sessions.get_mut(&session) else { return };
                let (own, conversation) =
                    (state.in_flight.pop_front().flatten(), state.conversation);
                let device = state.device;
                if let (Some(next), Some(conversation)) = (own, conversation) {
                    let path = self.path_to(&device);
                    self.note_sent(conversation, (next, None), path);
                }
                self.pump(session);
            }
            SyncInput::Closed { session } => self.forget_session(session),
        }
    }

    fn on_frame(&mut self, session: SessionId, frame: SyncFrame) {
        let Some(state) = self.sessions.get(&session) else { return };
        let device = state.device;
        match (frame, state.conversation.filter(|_| state.greeted)) {
            (SyncFrame::Hello { conversation, proof, have }, None) => {
                self.on_hello(session, conversation, &proof, &have);
            }
            (SyncFrame::Receipt(receipt), Some(conversation)) => match receipt.open() {
                Ok(receipt) if receipt.device == device && receipt.conversation == conversation => {
                    self.on_receipt(&receipt);
                    self.pump_soon(session, conversation);
                }
                _ => self.say_bye(session, ByeReason::Protocol, "a receipt was not valid"),
            },
            (SyncFrame::Typing, Some(conversation)) => {
                if let Some(account) = self.people.owner_of(&device) {
                    self.on_typing(conversation, account);
                }
            }
            (SyncFrame::Ask { device: log, from, to }, Some(_)) => {
                self.on_ask(session, (log, from, to));
            }
            (SyncFrame::Bye { .. }, _) => self.close_session(session),
            _ => self.say_bye(session, ByeReason::Protocol, "a frame came out of place"),
        }
    }

    /// The other side wants entries again. A stream takes that so often, and each time gives so many.
    fn on_ask(&mut self, session: SessionId, (log, from, to): (DeviceId, u64, u64)) {
        let Some(state) = self.sessions.get_mut(&session).filter(|it| it.asked < ASKS_MAX) else {
            return;
        };
        state.asked += 1;
        state.questions.push_back((log, from, to.min(from.saturating_add(ASK_ENTRIES_MAX - 1))));
        self.pump(session);
    }

    /// Reads what the other side asked for. Tells whether there is such a thing.
    fn answer_question(&mut self, session: SessionId) -> bool {
        let Some(state) = self.sessions.get_mut(&session) else { return false };
        let Some(conversation) = state.conversation.and_then(|id| self.conversations.get(&id))
        else {
            return false;
        };
        while let Some((log, from, to)) = state.questions.pop_front() {
            let next = conversation.durable_next(&log);
            if from < next && from <= to {
                state.reading = true;
                let conversation = conversation.row.id;
                let ticket = self.ticket_for(Pending::Again { session });
                self.store(StoreOp::Log { ticket, conversation, log, from, to: to.min(next - 1) });
                return true;
            }
        }
        false
    }

    fn on_events(&mut self, session: SessionId, checked: CheckedEvents) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        let device = state.device;
        let Some(conversation) = state.conversation.filter(|_| state.greeted) else {
            self.say_bye(session, ByeReason::Protocol, "events came before a greeting");
            return;
        };
        // What comes from there is not sent back there.
        for event in &checked.events {
            if let Some(known) = state.place_in(event.header.author) {
                *known = (*known).max(event.header.sequence.saturating_add(1));
            }
        }
        let direct = self.path_to(&device);
        let taken = self.take_events(conversation, checked, |author, group| {
            if *author == device && !group { direct } else { Path::Synced }
        });
        if taken.is_err() {
            self.say_bye(session, ByeReason::Protocol, "an event was not valid");
        }
    }

    pub(super) fn send(&mut self, session: SessionId, frame: SyncFrame, own_next: Option<u64>) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.in_flight.push_back(own_next);
            self.effects.push(Effect::SendSync { session, frame });
        }
    }

    pub(super) fn say_bye(&mut self, session: SessionId, reason: ByeReason, text: &str) {
        self.send(session, SyncFrame::Bye { reason, text: text.to_owned() }, None);
        self.close_session(session);
    }

    /// Sends the next entries that the other side lacks, reading them first.
    pub(super) fn pump(&mut self, session: SessionId) {
        if !self.sessions.get(&session).is_some_and(Session::may_send)
            || self.answer_question(session)
        {
            return;
        }
        let Some(state) = self.sessions.get(&session).filter(|state| state.pump_at.is_none())
        else {
            return;
        };
        let Some(conversation) = state.conversation.and_then(|id| self.conversations.get(&id))
        else {
            return;
        };
        // Each begins with its own log, so that several who send the same history share it out.
        let own = self.me.device;
        let logs = conversation.logs.range(own..).chain(conversation.logs.range(..own));
        let lacking = logs.map(|(log, _)| log).find_map(|log| {
            let theirs = state.theirs.get(log).copied().unwrap_or(0);
            let mine = conversation.durable_next(log);
            (mine > theirs).then(|| (*log, theirs, mine - 1))
        });
        let Some((log, from, to)) = lacking else { return };
        let conversation = conversation.row.id;
        let ticket = self.ticket_for(Pending::Log { session, log, from });
        if let Some(state) = self.sessions.get_mut(&session) {
            state.reading = true;
        }
        self.store(StoreOp::Log { ticket, conversation, log, from, to });
    }

    pub(super) fn on_log(
        &mut self,
        session: SessionId,
        log: DeviceId,
        from: u64,
        events: Vec<Event>,
    ) {
        let own = self.me.device;
        let Some(state) = self.sessions.get_mut(&session) else { return };
        state.reading = false;
        if events.is_empty() {
            // The store lost what its index names; the other side gets it from someone else.
            state.theirs.insert(log, u64::MAX);
        } else {
            let known = state.theirs.entry(log).or_default();
            *known = (*known).max(from + events.len() as u64);
            let mut next = from;
            for frame in into_frames(events) {
                next += frame.len() as u64;
                self.send(session, SyncFrame::Events(frame), (log == own).then_some(next));
            }
        }
        self.pump(session);
    }

    /// Entries became durable: streams that are up to date get them at once, others in turn.
    pub(super) fn push_new(&mut self, id: ConversationId, events: &[Arc<CheckedEvent>]) {
        let Some(conversation) = self.conversations.get(&id) else { return };
        let gossiped = conversation.is_group() && conversation.group.ready;
        let is_large = is_large(conversation);
        let first = if is_large { GOSSIP_FIRST_LARGE } else { GOSSIP_FIRST };
        let pause = self.rng.random_range(first);
        if gossiped && is_large {
            self.tell_later(id, events);
        }
        for session in self.greeted_sessions(id) {
            if gossiped {
                // Whoever is getting older entries goes on getting them.
                if let Some(state) =
                    self.sessions.get_mut(&session).filter(|state| !state.is_catching_up())
                {
                    state.pump_at.get_or_insert(self.now.instant + pause);
                }
            } else {
                self.push_at_once(session, events);
                self.pump(session);
            }
        }
    }

    /// Streams are to be told of new entries.
    fn tell_later(&mut self, id: ConversationId, events: &[Arc<CheckedEvent>]) {
        let at = self.now.instant + self.rng.random_range(TELL);
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        for event in events {
            let log = event.header.author;
            conversation.group.untold.insert(log);
            conversation.group.note_grown(log);
        }
        conversation.group.tell_at.get_or_insert(at);
    }

    /// Whoever told what it has gets what it lacks, if gossip does not bring that first.
    fn pump_soon(&mut self, session: SessionId, id: ConversationId) {
        let at = self.now.instant + LACKING;
        let is_large = self.conversations.get(&id).is_some_and(|it| it.is_group() && is_large(it));
        if let Some(state) = self.sessions.get_mut(&session).filter(|_| is_large) {
            state.pump_at = state.pump_at.map(|planned| planned.min(at));
        }
    }

    fn push_at_once(&mut self, session: SessionId, events: &[Arc<CheckedEvent>]) {
        let own = self.me.device;
        let Some(state) = self.sessions.get_mut(&session).filter(|state| state.may_send()) else {
            return;
        };
        let (mut frame, mut bytes, mut own_next) = (Vec::new(), 0, None);
        for event in events {
            let (author, sequence) = (event.header.author, event.header.sequence);
            let next = state.theirs.entry(author).or_default();
            bytes += event.event.size();
            if author == state.device
                || *next != sequence
                || frame.len() == EVENTS_PER_FRAME
                || bytes > EVENT_BYTES_PER_FRAME
            {
                continue;
            }
            *next = sequence + 1;
            if author == own {
                own_next = Some(sequence + 1);
            }
            frame.push(event.event.clone());
        }
        if !frame.is_empty() {
            self.send(session, SyncFrame::Events(Bounded::truncated(frame)), own_next);
        }
    }

    /// The road to a device, as messages record it.
    pub(super) fn path_to(&self, device: &DeviceId) -> Path {
        self.paths.road(device).map_or(Path::Direct(None), Road::path)
    }
}

/// Entries in frames that are as full as they may be.
pub(super) fn into_frames(events: Vec<Event>) -> Vec<Bounded<Event, EVENTS_PER_FRAME>> {
    let (mut frames, mut frame, mut bytes) = (Vec::new(), Vec::new(), 0);
    for event in events {
        let size = event.size();
        if frame.len() == EVENTS_PER_FRAME || (bytes + size > EVENT_BYTES_PER_FRAME && bytes > 0) {
            frames.push(Bounded::truncated(mem::take(&mut frame)));
            bytes = 0;
        }
        bytes += size;
        frame.push(event);
    }
    if !frame.is_empty() {
        frames.push(Bounded::truncated(frame));
    }
    frames
}
