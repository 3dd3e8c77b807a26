//! Replication streams: who opens them, what is pushed, what is taken in.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use wire::{
    bounded::Bounded,
    event::{CheckedEvent, Event, Payload},
    id::{AccountId, ConversationId, DeviceId},
    limits::{CLOCK_AHEAD_MAX, EVENT_BYTES_PER_FRAME, EVENTS_PER_FRAME},
    sync::{ByeReason, Have, Proof, SyncFrame},
};

use super::{
    conversation::{Conversation, Place},
    input::{Effect, SessionId, SyncInput},
    machine::{Machine, Pending},
    model::Path,
    people::Source,
    storage::{Kind, StoreOp},
};

/// Streams that one device may have with this one.
const SESSIONS_PER_DEVICE: usize = 64;
/// Streams in all.
const SESSIONS_MAX: usize = 2048;
/// Frames with events that may be on their way to the connection, per stream.
const FRAMES_IN_FLIGHT: usize = 4;
/// How long gossip is given before a group's new entries are pushed on streams too.
const GOSSIP_FIRST: Duration = Duration::from_millis(1500);
/// How long the side that did not dial waits for the other to open the streams.
const OPENER_DELAY: Duration = Duration::from_secs(1);
/// First pause before a stream is opened again; doubles each time.
const REOPEN_FIRST: Duration = Duration::from_millis(200);
/// Longest pause before a stream is opened again.
const REOPEN_MAX: Duration = Duration::from_secs(30);

/// A replication stream.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) device: DeviceId,
    /// Known from the start if opened here, else from the other side's greeting.
    pub(super) conversation: Option<ConversationId>,
    opened_here: bool,
    /// The stream carries frames.
    open: bool,
    /// The other side's greeting was accepted.
    pub(super) greeted: bool,
    /// The next entry of each log that the other side lacks.
    theirs: BTreeMap<DeviceId, u64>,
    /// Entries are being read for it.
    reading: bool,
    /// Frames on their way, each with the own log's next sequence if it carries own entries.
    in_flight: VecDeque<Option<u64>>,
    /// When to push what gossip may have brought.
    pub(super) pump_at: Option<Instant>,
}

/// A look at a device's streams that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(super) at: Instant,
    failures: u32,
}

/// What a batch of events did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Entries before some of them are missing.
    pub(super) gap: bool,
}

impl Session {
    fn new(device: DeviceId, conversation: Option<ConversationId>, opened_here: bool) -> Self {
        Self {
            device,
            conversation,
            opened_here,
            open: !opened_here,
            greeted: false,
            theirs: BTreeMap::new(),
            reading: false,
            in_flight: VecDeque::new(),
            pump_at: None,
        }
    }

    /// Notes that the other side has entries of a log.
    pub(super) fn has(&mut self, have: &Have) {
        for held in have {
            let next = held.head.map_or(0, |head| head.sequence.saturating_add(1));
            let known = self.theirs.entry(held.device).or_default();
            *known = next.max(*known);
        }
    }

    fn may_send(&self) -> bool {
        self.greeted && !self.reading && self.in_flight.len() < FRAMES_IN_FLIGHT
    }
}

impl Machine {
    pub(super) fn on_sync(&mut self, input: SyncInput) {
        match input {
            SyncInput::Accepted { session, device } => {
                let of_device = self.sessions.values().filter(|s| s.device == device).count();
                if of_device >= SESSIONS_PER_DEVICE || self.sessions.len() >= SESSIONS_MAX {
                    self.effects.push(Effect::CloseSync { session });
                } else {
                    self.sessions.insert(session, Session::new(device, None, false));
                }
            }
            SyncInput::Opened { session } => {
                if let Some(state) = self.sessions.get_mut(&session) {
                    state.open = true;
                    self.say_hello(session);
                }
            }
            SyncInput::Frame { session, frame } => self.on_frame(session, *frame),
            SyncInput::Written { session } => {
                let Some(state) = self.sessions.get_mut(&session) else { return };
                let (own, conversation) =
                    (state.in_flight.pop_front().flatten(), state.conversation);
                let device = state.device;
                if let (Some(next), Some(conversation)) = (own, conversation) {
                    let path = self.path_to(&device);
                    self.note_sent(conversation, next, path);
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
            (SyncFrame::Events(events), Some(conversation)) => {
                let direct = self.path_to(&device);
                let taken = self.take_events(conversation, events.into_inner(), |author, group| {
                    if *author == device && !group { direct } else { Path::Synced }
                });
                if taken.is_err() {
                    self.say_bye(session, ByeReason::Protocol, "an event was not valid");
                }
            }
            (SyncFrame::Receipt(receipt), Some(conversation)) => match receipt.open() {
                Ok(receipt) if receipt.device == device && receipt.conversation == conversation => {
                    self.on_receipt(&receipt);
                }
                _ => self.say_bye(session, ByeReason::Protocol, "a receipt was not valid"),
            },
            (SyncFrame::Typing, Some(conversation)) => {
                if let Some(account) = self.people.owner_of(&device) {
                    self.on_typing(conversation, account);
                }
            }
            (SyncFrame::Ask { device: log, from, .. }, Some(_)) => {
                if let Some(state) = self.sessions.get_mut(&session) {
                    state.theirs.insert(log, from);
                }
                self.pump(session);
            }
            (SyncFrame::Bye { .. }, _) => self.close_session(session),
            _ => self.say_bye(session, ByeReason::Protocol, "a frame came out of place"),
        }
    }

    fn on_hello(&mut self, session: SessionId, id: ConversationId, proof: &Proof, have: &Have) {
        let Some(state) = self.sessions.get(&session) else { return };
        let (device, opened_here) = (state.device, state.opened_here);
        if state.conversation.is_some_and(|wanted| wanted != id)
            || !self.authorise(device, id, proof)
        {
            self.say_bye(session, ByeReason::Unauthorised, "this is not your conversation");
            return;
        }
        if let Some(state) = self.sessions.get_mut(&session) {
            state.conversation = Some(id);
            state.greeted = true;
            state.has(have);
        }
        if !opened_here {
            self.say_hello(session);
        }
        self.checks.remove(&device);
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.compare(have);
        }
        self.tell_complete(id);
        self.send_receipts(session);
        self.drop_duplicates(session);
        self.pump(session);
    }

    /// Whether a device has a right to a conversation. A stranger's first greeting makes a
    /// direct conversation as a request.
    pub(super) fn authorise(
        &mut self,
        device: DeviceId,
        id: ConversationId,
        proof: &Proof,
    ) -> bool {
        match proof {
            Proof::Group(proof) => match self.conversations.get(&id).map(|c| &c.row) {
                Some(row) if !row.left => match &row.kind {
                    Kind::Group(secret) => secret.accepts(proof, &device, &self.me.device),
                    Kind::Direct(_) => false,
                },
                _ => false,
            },
            Proof::Direct(introduction) => {
                let (Ok(identity), Ok(record)) = (introduction.open(), introduction.record.open())
                else {
                    return false;
                };
                let own = identity.account == self.me.account;
                let theirs = ConversationId::direct(&self.me.account, &identity.account) == id;
                if identity.device != device
                    || !(theirs || own && self.conversations.contains_key(&id))
                {
                    return false;
                }
                self.learn(&introduction.record, &record, Source::Peer);
                self.people.certify(device, identity.account);
                own || self.ensure_direct(identity.account)
            }
        }
    }

    fn say_hello(&mut self, session: SessionId) {
        let Some((device, id)) =
            self.sessions.get(&session).and_then(|s| Some((s.device, s.conversation?)))
        else {
            return;
        };
        let Some(conversation) = self.conversations.get(&id) else { return };
        let frame = SyncFrame::Hello {
            conversation: id,
            proof: self.proof(conversation, &device),
            have: conversation.have(),
        };
        self.send(session, frame, None);
    }

    /// The own right to a conversation, as shown to a device.
    pub(super) fn proof(&self, conversation: &Conversation, to: &DeviceId) -> Proof {
        match &conversation.row.kind {
            Kind::Direct(_) => Proof::Direct(Box::new(self.introduction.clone())),
            Kind::Group(secret) => Proof::Group(secret.proof(&self.me.device, to)),
        }
    }

    pub(super) fn send(&mut self, session: SessionId, frame: SyncFrame, own_next: Option<u64>) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.in_flight.push_back(own_next);
            self.effects.push(Effect::SendSync { session, frame });
        }
    }

    fn say_bye(&mut self, session: SessionId, reason: ByeReason, text: &str) {
        self.send(session, SyncFrame::Bye { reason, text: text.to_owned() }, None);
        self.close_session(session);
    }

    /// Of several streams for one conversation and device, the one that the smaller device
    /// opened stays; of its own several, the first.
    fn drop_duplicates(&mut self, session: SessionId) {
        let Some(state) = self.sessions.get(&session) else { return };
        let (device, conversation) = (state.device, state.conversation);
        let stays_here = self.me.device < device;
        let mut same: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.device == device && s.conversation == conversation && s.greeted)
            .map(|(id, s)| (s.opened_here != stays_here, *id))
            .collect();
        same.sort_unstable();
        for (_, superfluous) in same.into_iter().skip(1) {
            self.say_bye(superfluous, ByeReason::Duplicate, "another stream stays");
        }
    }

    pub(super) fn close_session(&mut self, session: SessionId) {
        self.effects.push(Effect::CloseSync { session });
        self.forget_session(session);
    }

    pub(super) fn close_sessions_of(&mut self, conversation: ConversationId) {
        let of =
            |(id, s): (&SessionId, &Session)| (s.conversation == Some(conversation)).then_some(*id);
        for session in self.sessions.iter().filter_map(of).collect::<Vec<_>>() {
            self.close_session(session);
        }
    }

    fn forget_session(&mut self, session: SessionId) {
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
        let ready =
            |(id, s): (&SessionId, &Session)| s.pump_at.is_some_and(|at| at <= now).then_some(*id);
        for session in self.sessions.iter().filter_map(ready).collect::<Vec<_>>() {
            if let Some(state) = self.sessions.get_mut(&session) {
                state.pump_at = None;
            }
            self.pump(session);
        }
    }

    fn has_session(&self, conversation: ConversationId, device: &DeviceId) -> bool {
        self.sessions.values().any(|s| s.conversation == Some(conversation) && s.device == *device)
    }

    /// Opens a stream if there is a connection and no stream yet.
    pub(super) fn ensure_session(&mut self, conversation: ConversationId, device: DeviceId) {
        let of_device = self.sessions.values().filter(|s| s.device == device).count();
        if device == self.me.device
            || !self.paths.is_linked(&device)
            || self.has_session(conversation, &device)
            || of_device >= SESSIONS_PER_DEVICE
        {
            return;
        }
        let session = SessionId(self.number() << 1);
        self.sessions.insert(session, Session::new(device, Some(conversation), true));
        self.effects.push(Effect::OpenSync { session, device });
    }

    /// Sends the next entries that the other side lacks, reading them first.
    pub(super) fn pump(&mut self, session: SessionId) {
        let Some(state) = self.sessions.get(&session) else { return };
        let Some(conversation) = state.conversation.and_then(|id| self.conversations.get(&id))
        else {
            return;
        };
        if !state.may_send() || state.pump_at.is_some() {
            return;
        }
        let lacking = conversation.logs.keys().find_map(|log| {
            let theirs = state.theirs.get(log).copied().unwrap_or(0);
            let mine = conversation.durable_next(log);
            (mine > theirs).then(|| (*log, theirs, mine - 1))
        });
        let Some((log, from, to)) = lacking else { return };
        let conversation = conversation.row.id;
        let ticket = self.expect(Pending::Log { session, log, from });
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
            let next = from + events.len() as u64;
            let known = state.theirs.entry(log).or_default();
            *known = next.max(*known);
            let frame = SyncFrame::Events(Bounded::truncated(events));
            self.send(session, frame, (log == own).then_some(next));
        }
        self.pump(session);
    }

    /// Entries became durable: streams that are up to date get them at once, others in turn.
    pub(super) fn push_new(&mut self, id: ConversationId, events: &[Arc<CheckedEvent>]) {
        let Some(conversation) = self.conversations.get(&id) else { return };
        let gossiped = conversation.is_group() && conversation.group.ready;
        let of = |(session, s): (&SessionId, &Session)| {
            (s.conversation == Some(id) && s.greeted).then_some(*session)
        };
        for session in self.sessions.iter().filter_map(of).collect::<Vec<_>>() {
            if gossiped {
                if let Some(state) = self.sessions.get_mut(&session) {
                    state.pump_at.get_or_insert(self.now.instant + GOSSIP_FIRST);
                }
            } else {
                self.push_at_once(session, events);
                self.pump(session);
            }
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

    /// Checks events and hands those that continue their logs to the store.
    ///
    /// `path` says by which road an author's events came, and is told whether this is a group.
    pub(super) fn take_events(
        &mut self,
        id: ConversationId,
        events: Vec<Event>,
        path: impl Fn(&DeviceId, bool) -> Path,
    ) -> Result<Taken, wire::codec::DecodeError> {
        let mut taken = Taken::default();
        let mut batch: Vec<(Arc<CheckedEvent>, AccountId, Path)> = Vec::new();
        let mut result = Ok(());
        for event in events {
            match self.take_event(id, event) {
                Ok(Some((event, account))) => {
                    let group = self.conversations.get(&id).is_some_and(Conversation::is_group);
                    let path = path(&event.header.author, group);
                    batch.push((event, account, path));
                }
                Ok(None) => {}
                Err(None) => taken.gap = true,
                Err(Some(error)) => {
                    result = Err(error);
                    break;
                }
            }
        }
        for run in batch.chunk_by(|one, other| one.2 == other.2) {
            let events = run.iter().map(|(event, ..)| Arc::clone(event)).collect();
            let accounts = run.iter().map(|(_, account, _)| *account).collect();
            self.append(id, events, accounts, Some(run[0].2), None);
        }
        result.map(|()| taken)
    }

    /// Checks one event. `Ok(None)`: known already. `Err(None)`: entries before it are missing.
    fn take_event(
        &mut self,
        id: ConversationId,
        event: Event,
    ) -> Result<Option<(Arc<CheckedEvent>, AccountId)>, Option<wire::codec::DecodeError>> {
        use wire::codec::DecodeError::Invalid;
        let event = event.check().map_err(Some)?;
        let author = event.header.author;
        let Some(conversation) =
            self.conversations.get(&id).filter(|_| event.header.conversation == id)
        else {
            return Err(Some(Invalid("an event of another conversation")));
        };
        match conversation.place(&event) {
            Place::Next => {}
            Place::Known => return Ok(None),
            Place::Gap => return Err(None),
            Place::Fork => return Err(Some(Invalid("a log with two entries of one sequence"))),
        }
        if !conversation.has_room(&author) {
            return Err(Some(Invalid("too many devices in one conversation")));
        }
        let account = match (conversation.logs.get(&author), &event.payload) {
            (Some(log), _) => log.account,
            (None, Some(Payload::Introduction(introduction))) => {
                let identity = introduction.open().map_err(Some)?;
                let belongs = match conversation.row.kind {
                    Kind::Direct(account) => [account, self.me.account].contains(&identity.account),
                    Kind::Group(_) => true,
                };
                if identity.device != author || !belongs {
                    return Err(Some(Invalid("an introduction of somebody else")));
                }
                let record = introduction.record.open().map_err(Some)?;
                self.learn(&introduction.record, &record, Source::Peer);
                self.people.certify(author, identity.account);
                identity.account
            }
            (None, _) => return Err(Some(Invalid("a log without an introduction"))),
        };
        if event.header.clock.ms
            <= self.now.unix_ms.saturating_add(CLOCK_AHEAD_MAX.as_millis() as u64)
        {
            self.clock = self.clock.max(event.header.clock);
        }
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.accept(&event, account);
        }
        Ok(Some((Arc::new(event), account)))
    }

    /// The road to a device, as messages record it.
    pub(super) fn path_to(&self, device: &DeviceId) -> Path {
        match self.paths.road(device) {
            Some(road) if road.relayed => Path::Relayed,
            _ => Path::Direct,
        }
    }
}
