//! One peer that a test feeds by hand: the other side of every stream is the test.

use std::{collections::VecDeque, time::Duration};

use wire::{
    account::{AccountRecord, Introduction},
    bounded::Bounded,
    codec,
    conversation::GroupSecret,
    event::{CheckedEvent, Clock, Event, EventHeader, Payload},
    id::{ConversationId, DeviceId, EventId, Hash},
    key::{AccountKey, DeviceKey},
    limits::VERSION,
    name::{GroupName, Username},
    rendezvous::{ClientFrame, Request, Response, ServerFrame},
    signed::Signed,
    sync::{Have, Head, Held, Proof, Receipt, Stage, SyncFrame},
};

use super::{BEGINNING, Person, beginning, server_key};
use crate::{
    core::{
        command::{Answer, Command, Draft, Failure},
        effect::Effect,
        input::{CallId, Input, LinkId, LinkInput, Now, ServerInput, SessionId, SyncInput},
        machine::Machine,
        model::{Body, MessageView, Transport},
        notice::Notice,
        people::Source,
    },
    store::in_memory::InMemory,
};

/// A machine with its store.
#[derive(Debug)]
pub(super) struct Alone {
    pub(super) person: Person,
    pub(super) machine: Machine,
    pub(super) store: InMemory,
    pub(super) now: Now,
    last_number: u64,
    /// The newest connection.
    pub(super) last_link: LinkId,
    pub(super) notices: Vec<Notice>,
}

impl Alone {
    pub(super) fn new(username: &str) -> Self {
        Self::of(Person::new(1, username))
    }

    pub(super) fn of(person: Person) -> Self {
        let mut store = InMemory::new();
        let now = Now { instant: beginning(), unix_ms: BEGINNING };
        let machine = person.start(&mut store, now);
        Self {
            person,
            machine,
            store,
            now,
            last_number: 0,
            last_link: LinkId(0),
            notices: Vec::new(),
        }
    }

    /// The peer ends and starts again with what it stored.
    pub(super) fn restart(&mut self) {
        self.machine = self.person.start(&mut self.store, self.now);
    }

    pub(super) fn device(&self) -> DeviceId {
        super::device_key(self.person.number).id()
    }

    /// The server vouched for somebody's name.
    pub(super) fn trust(&mut self, stranger: &Stranger) {
        let record = stranger.record.open().unwrap();
        self.machine.learn(&stranger.record, &record, Source::Server);
        self.feed(Input::Tick);
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number << 1 | 1
    }

    /// Gives an input and does what the store is asked for. Gives the other effects.
    pub(super) fn feed(&mut self, input: Input) -> Vec<Effect> {
        let (mut inputs, mut effects) = (VecDeque::from([input]), Vec::new());
        while let Some(input) = inputs.pop_front() {
            for effect in self.machine.handle(self.now, input) {
                match effect {
                    Effect::Store(op) => {
                        inputs.extend(self.store.execute(&op).into_iter().map(Input::Store));
                    }
                    Effect::Notice(notice) => self.notices.push(notice),
                    other => effects.push(other),
                }
            }
        }
        effects
    }

    pub(super) fn wait(&mut self, time: Duration) -> Vec<Effect> {
        self.now.instant += time;
        self.now.unix_ms += time.as_millis() as u64;
        self.feed(Input::Tick)
    }

    pub(super) fn ask(&mut self, command: Command) -> Option<Result<Answer, Failure>> {
        let id = CallId(self.number());
        let effects = self.feed(Input::Call { id, command });
        effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { call, result } if call == id => Some(result),
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn say(&mut self, to: &str, text: &str) -> EventId {
        let draft = Draft { text: text.to_owned(), ..Draft::default() };
        match self.ask(Command::Send { to: to.parse().unwrap(), draft }) {
            Some(Ok(Answer::Message(id))) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Joins an open group. Gives its secret.
    pub(super) fn join(&mut self, group: &str) -> GroupSecret {
        let group = GroupName::new(group).unwrap();
        let secret = GroupSecret::open(&server_key().id(), &group);
        assert_eq!(self.ask(Command::Join { group, invite: None }), Some(Ok(Answer::Done)));
        secret
    }

    /// The server takes the registration and whatever follows it. Gives what was asked of it.
    pub(super) fn register(&mut self) -> Vec<Request> {
        let mut effects = self.feed(Input::Server(ServerInput::Opened { loopback: true }));
        let mut requests = Vec::new();
        while let Some(effect) = effects.pop() {
            if let Effect::SendServer(ClientFrame { id, request }) = effect {
                requests.push(request);
                let response = ServerFrame::Response { id, result: Ok(Response::Done) };
                effects.extend(self.feed(Input::Server(ServerInput::Frame(response))));
            }
        }
        requests
    }

    /// A device connects.
    pub(super) fn link(&mut self, device: DeviceId) -> Vec<Effect> {
        let link = LinkId(self.number());
        self.last_link = link;
        self.feed(Input::Link(LinkInput::Opened {
            device,
            link,
            relayed: false,
            transport: Transport::Quic,
            dialled: false,
            punched: false,
            address: None,
        }))
    }

    /// A device opens a replication stream.
    pub(super) fn accept(&mut self, device: DeviceId) -> (SessionId, Vec<Effect>) {
        let session = SessionId(self.number());
        (session, self.feed(Input::Sync(SyncInput::Accepted { session, device })))
    }

    /// A frame comes on a stream. Everything that was sent is handed over at once.
    pub(super) fn frame(&mut self, session: SessionId, frame: &SyncFrame) -> Vec<Effect> {
        let frame = Box::new(SyncFrame::decode(&codec::encode(frame)).unwrap());
        let mut effects = self.feed(Input::Sync(SyncInput::arrived(session, *frame)));
        let mut next = 0;
        while next < effects.len() {
            if let Effect::SendSync { session, .. } = effects[next] {
                effects.extend(self.feed(Input::Sync(SyncInput::Written { session })));
            }
            next += 1;
        }
        effects
    }

    /// A device connects, opens a stream and shows its right to a conversation.
    pub(super) fn greet(
        &mut self,
        device: DeviceId,
        id: ConversationId,
        proof: Proof,
    ) -> SessionId {
        self.link(device);
        let (session, effects) = self.try_greet(device, id, proof);
        assert!(!closes(&effects, session), "{effects:?}");
        session
    }

    /// A connected device opens a stream and shows its right to a conversation, if it has one.
    pub(super) fn try_greet(
        &mut self,
        device: DeviceId,
        id: ConversationId,
        proof: Proof,
    ) -> (SessionId, Vec<Effect>) {
        let (session, _) = self.accept(device);
        let hello = SyncFrame::Hello { conversation: id, proof, have: Have::default() };
        let effects = self.frame(session, &hello);
        (session, effects)
    }

    /// A conversation's messages in the order shown.
    #[track_caller]
    pub(super) fn history(&mut self, of: &str) -> Vec<MessageView> {
        let command = Command::History { of: of.parse().unwrap(), limit: 1000, before: None };
        match self.ask(command) {
            Some(Ok(Answer::Messages(messages))) => messages,
            other => panic!("{of}: {other:?}"),
        }
    }

    /// The same as text.
    #[track_caller]
    pub(super) fn texts(&mut self, of: &str) -> Vec<String> {
        let text = |message: MessageView| match message.body {
            Body::Text(text) => text,
            other => panic!("{other:?}"),
        };
        self.history(of).into_iter().map(text).collect()
    }

    /// The words of errors that were told.
    pub(super) fn errors(&self) -> Vec<&'static str> {
        let code = |notice: &Notice| match notice {
            Notice::Error { code, .. } => Some(*code),
            _ => None,
        };
        self.notices.iter().filter_map(code).collect()
    }
}

/// Whether a stream is closed.
pub(super) fn closes(effects: &[Effect], session: SessionId) -> bool {
    let closes =
        |effect: &Effect| matches!(effect, Effect::CloseSync { session: s } if *s == session);
    effects.iter().any(closes)
}

/// The frames that are sent on a stream.
pub(super) fn frames(effects: Vec<Effect>, session: SessionId) -> Vec<SyncFrame> {
    let frame = |effect| match effect {
        Effect::SendSync { session: to, frame } if to == session => Some(frame),
        _ => None,
    };
    effects.into_iter().filter_map(frame).collect()
}

/// Somebody else, played by the test.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    pub(super) account: AccountKey,
    pub(super) device: DeviceKey,
    pub(super) record: Signed<AccountRecord>,
    pub(super) introduction: Introduction,
}

impl Stranger {
    pub(super) fn new(number: u16, username: &str) -> Self {
        let mut seed = [77; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        let account = AccountKey::from_seed(seed);
        seed[2] = 78;
        let device = DeviceKey::from_seed(seed);
        Self::with(account, device, username, &[])
    }

    /// Someone whose record lists further devices beside the own one.
    pub(super) fn with(
        account: AccountKey,
        device: DeviceKey,
        username: &str,
        further: &[DeviceId],
    ) -> Self {
        let devices = std::iter::once(device.id()).chain(further.iter().copied());
        let record = AccountRecord {
            username: Username::new(username).unwrap(),
            account: account.id(),
            devices: Bounded::truncated(devices),
            sequence: 0,
            previous: None,
            issued_at: BEGINNING,
        };
        let record = Signed::by_account(&record, &account);
        let introduction = Introduction::new(record.clone(), device.id(), BEGINNING, &account);
        Self { account, device, record, introduction }
    }

    pub(super) fn id(&self) -> DeviceId {
        self.device.id()
    }

    /// The conversation with a peer.
    pub(super) fn direct_with(&self, alone: &Alone) -> ConversationId {
        ConversationId::direct(&self.account.id(), &alone.person.account())
    }

    pub(super) fn direct_proof(&self) -> Proof {
        Proof::Direct(Box::new(self.introduction.clone()))
    }

    pub(super) fn group_proof(&self, secret: &GroupSecret, to: &Alone) -> Proof {
        Proof::Group(secret.proof(&self.id(), &super::device_key(to.person.number).id()))
    }

    /// The entry after `before`.
    pub(super) fn entry(&self, before: &CheckedEvent, payload: &Payload) -> CheckedEvent {
        self.entry_at(before, payload, BEGINNING + before.header.sequence + 1)
    }

    /// The same at a time.
    pub(super) fn entry_at(
        &self,
        before: &CheckedEvent,
        payload: &Payload,
        ms: u64,
    ) -> CheckedEvent {
        let header = EventHeader {
            sequence: before.header.sequence + 1,
            previous: Some(before.id),
            clock: Clock { ms, counter: 0 },
            ..before.header.clone()
        };
        Event::sign(header, payload, &self.device)
    }

    /// The first entry of a log.
    fn first(&self, conversation: ConversationId) -> CheckedEvent {
        let header = EventHeader {
            version: VERSION,
            conversation,
            author: self.id(),
            sequence: 0,
            previous: None,
            parents: Bounded::default(),
            clock: Clock { ms: BEGINNING, counter: 0 },
            payload_hash: Hash::of(&[]),
            payload_length: 0,
        };
        Event::sign(header, &Payload::Introduction(self.introduction.clone()), &self.device)
    }

    /// A log that begins with an introduction, followed by texts.
    pub(super) fn log(&self, conversation: ConversationId, texts: &[&str]) -> Vec<CheckedEvent> {
        let mut log = vec![self.first(conversation)];
        for body in texts {
            log.push(self.entry(&log[log.len() - 1], &text(body)));
        }
        log
    }

    pub(super) fn receipt(
        &self,
        conversation: ConversationId,
        stage: Stage,
        have: Have,
    ) -> Signed<Receipt> {
        let receipt = Receipt { conversation, device: self.id(), stage, have, at: BEGINNING };
        Signed::by_device(&receipt, &self.device)
    }
}

pub(super) fn text(body: &str) -> Payload {
    Payload::Text { body: body.to_owned(), reply_to: None }
}

/// A frame with these events.
pub(super) fn events<'a>(events: impl IntoIterator<Item = &'a CheckedEvent>) -> SyncFrame {
    SyncFrame::Events(Bounded::truncated(events.into_iter().map(|event| event.event.clone())))
}

/// A log up to an entry, as a digest or receipt names it.
pub(super) fn up_to(device: DeviceId, sequence: u64, id: EventId) -> Have {
    let head = Some(Head { sequence, id });
    Bounded::truncated([Held { device, head, beyond: Bounded::default() }])
}
