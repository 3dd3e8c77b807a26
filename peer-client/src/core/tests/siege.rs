//! Two honest peers in the network, and between their words whatever a hostile device sends them. What
//! happens follows from bytes alone, so that a fuzzer can look for the worst.

use std::time::Duration;

use wire::{
    account::Introduction,
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::{CheckedEvent, Clock, Event, EventHeader, Membership, Payload},
    id::{ConversationId, DeviceId, EventId, Hash, MembershipProof},
    limits::{EVENTS_PER_FRAME, LOGS_MAX, NUMBER_MAX, RANGES_MAX, VERSION},
    name::GroupName,
    signed::Signed,
    sync::{ByeReason, Have, Head, Held, Proof, Receipt, Stage, SyncFrame},
};

use super::{
    BEGINNING,
    alone::{Stranger, text},
    device_key,
    network::Network,
    server_key,
};
use crate::core::{
    input::{GossipInput, Input, LinkId, LinkInput, SessionId, SyncInput},
    model::{Body, Transport},
    people::ACCOUNTS_MAX,
};

/// Deeds of the hostile device in one run.
const DEEDS_MAX: usize = 96;
/// Streams that it may have with a peer, see `streams.rs`.
const STREAMS_MAX: usize = 64;
/// Where the honest ones are in the network.
const HONEST: [usize; 2] = [0, 1];
const OTHER: [&str; 2] = ["@bob", "@alice"];

/// Choices made of bytes; all the same once they have run out.
struct Choices<'bytes>(&'bytes [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Small, or as large as numbers get, or larger than is allowed.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => NUMBER_MAX,
            2 => NUMBER_MAX + 1,
            3 => u64::MAX,
            _ => u64::from(self.below(8)),
        }
    }

    fn array(&mut self) -> [u8; 32] {
        [self.byte(); 32]
    }

    /// Up to 255 bytes as they are.
    fn rest(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        self.0.split_off(..length).unwrap_or_default().to_vec()
    }
}

/// The network with its besieger.
struct Siege<'bytes> {
    choices: Choices<'bytes>,
    network: Network,
    mallory: Stranger,
    secret: GroupSecret,
    /// Its streams, each with the peer at the other end.
    streams: Vec<(usize, SessionId)>,
    links: Vec<(usize, LinkId)>,
    numbers: u64,
    /// What the honest ones said: directly, and in the group.
    said: [Vec<String>; 2],
}

/// Lets a hostile device do what the bytes say, then holds what must be against what is.
pub(in crate::core) fn siege(bytes: &[u8]) {
    let mut siege = Siege::begin(bytes);
    for _ in 0..DEEDS_MAX {
        if siege.choices.0.is_empty() {
            break;
        }
        siege.deed();
        siege.check_bounds();
    }
    siege.end();
}

impl<'bytes> Siege<'bytes> {
    fn begin(bytes: &'bytes [u8]) -> Self {
        let mut network = Network::with_people(1, &["alice", "bob"]);
        for place in HONEST {
            network.join(place, "garden");
        }
        let secret = GroupSecret::open(&server_key().id(), &GroupName::new("garden").unwrap());
        let mut siege = Self {
            choices: Choices(bytes),
            network,
            mallory: Stranger::new(66, "mallory"),
            secret,
            streams: Vec::new(),
            links: Vec::new(),
            numbers: 1 << 40,
            said: [Vec::new(), Vec::new()],
        };
        siege.say(0, false);
        siege.say(1, true);
        siege.network.run_for(Duration::from_secs(5));
        siege
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers << 1 | 1
    }

    fn say(&mut self, place: usize, group: bool) {
        let words = format!("{place} says {}", self.number());
        let to = if group { "#garden" } else { OTHER[place] };
        self.network.say(place, to, &words);
        self.said[usize::from(group)].push(words);
    }

    fn deed(&mut self) {
        let place = usize::from(self.choices.below(2));
        match self.choices.below(16) {
            0 => self.link(place),
            1 | 2 => self.open(place),
            3 => {
                let group = self.choices.coin();
                self.say(place, group);
            }
            4 => {
                let wait = Duration::from_millis(u64::from(self.choices.byte()) * 50);
                self.network.run_for(wait);
            }
            5 => self.gossip(place),
            6 => self.unlink(),
            7 => {
                if let Some((place, session)) = self.stream() {
                    self.network.feed(place, Input::Sync(SyncInput::Written { session }));
                }
            }
            8 => {
                if let Some((place, session)) = self.stream() {
                    self.network.feed(place, Input::Sync(SyncInput::Closed { session }));
                }
            }
            _ => {
                if let Some((place, session)) = self.stream()
                    && let Some(frame) = self.frame(place)
                {
                    self.send(place, session, &frame);
                }
            }
        }
    }

    /// What does not pass the decoder never reaches a peer.
    fn send(&mut self, place: usize, session: SessionId, frame: &SyncFrame) {
        if let Ok(frame) = SyncFrame::decode(&wire::codec::encode(frame)) {
            let frame = Box::new(frame);
            self.network.feed(place, Input::Sync(SyncInput::Frame { session, frame }));
        }
    }

    fn stream(&mut self) -> Option<(usize, SessionId)> {
        let which = usize::from(self.choices.byte()) % self.streams.len().max(1);
        self.streams.get(which).copied()
    }

    fn link(&mut self, place: usize) {
        let link = LinkId(self.number());
        self.links.push((place, link));
        let opened = LinkInput::Opened {
            device: self.mallory.id(),
            link,
            relayed: self.choices.coin(),
            transport: Transport::Quic,
            dialled: self.choices.coin(),
            punched: false,
        };
        self.network.feed(place, Input::Link(opened));
    }

    fn unlink(&mut self) {
        let Some((place, link)) = self.links.pop() else { return };
        let device = self.mallory.id();
        self.network.feed(place, Input::Link(LinkInput::Closed { device, link }));
    }

    fn open(&mut self, place: usize) {
        for _ in 0..=self.choices.below(4) {
            let session = SessionId(self.number());
            let device = self.mallory.id();
            self.network.feed(place, Input::Sync(SyncInput::Accepted { session, device }));
            self.streams.push((place, session));
            if self.choices.coin() {
                let frame = self.hello(place);
                self.send(place, session, &frame);
            }
        }
    }

    fn person(&self, place: usize) -> wire::id::AccountId {
        self.network.peers[place].person.account()
    }

    /// A conversation: the group, the own one with a peer, that of the two peers, or none at all.
    fn conversation(&mut self, place: usize) -> ConversationId {
        match self.choices.below(5) {
            0 | 1 => self.secret.conversation(),
            2 => ConversationId::direct(&self.mallory.account.id(), &self.person(place)),
            3 => ConversationId::direct(&self.person(0), &self.person(1)),
            _ => ConversationId::new(self.choices.array()),
        }
    }

    fn device(&mut self) -> DeviceId {
        match self.choices.below(4) {
            0 => device_key(1).id(),
            1 => device_key(2).id(),
            2 => self.mallory.id(),
            _ => DeviceId::new(self.choices.array()),
        }
    }

    fn hello(&mut self, place: usize) -> SyncFrame {
        let conversation = self.conversation(place);
        let to = self.network.peers[place].device();
        let proof = match self.choices.below(6) {
            0 | 1 => Proof::Group(self.secret.proof(&self.mallory.id(), &to)),
            2 => Proof::Group(MembershipProof::new(self.choices.array())),
            // What another device showed is no proof of this one.
            3 => Proof::Group(self.secret.proof(&device_key(2).id(), &to)),
            4 => {
                let (certificate, record) =
                    (self.mallory.introduction.certificate.clone(), self.honest_record());
                Proof::Direct(Box::new(Introduction { record, certificate }))
            }
            _ => self.mallory.direct_proof(),
        };
        SyncFrame::Hello { conversation, proof, have: self.have() }
    }

    fn honest_record(&self) -> Signed<wire::account::AccountRecord> {
        self.network.peers[1].machine.as_ref().unwrap().record.clone()
    }

    /// What a digest claims: little, or as much as fits.
    fn have(&mut self) -> Have {
        let many = if self.choices.below(8) == 0 { LOGS_MAX } else { 2 };
        let (sequence, id) = (self.choices.number(), self.choices.array());
        let gaps = if self.choices.below(4) == 0 { RANGES_MAX as u64 } else { 0 };
        let first = sequence.saturating_add(2);
        let beyond = (0..gaps).map(|gap| first.saturating_add(gap * 2)).map(|at| (at, at));
        let beyond: Vec<_> = beyond.collect();
        let held = (0..many).map(|number| {
            let mut device = [number as u8; 32];
            device[1] = (number >> 8) as u8;
            let device = if number == 0 { self.device() } else { DeviceId::new(device) };
            let head = self.choices.coin().then_some(Head { sequence, id: EventId::new(id) });
            Held { device, head, beyond: Bounded::truncated(beyond.iter().copied()) }
        });
        Bounded::truncated(held.collect::<Vec<_>>())
    }

    fn frame(&mut self, place: usize) -> Option<SyncFrame> {
        Some(match self.choices.below(9) {
            0 => self.hello(place),
            1..=3 => {
                let id = self.conversation(place);
                SyncFrame::Events(Bounded::truncated(self.events(id)))
            }
            4 => SyncFrame::Receipt(self.receipt(place)),
            5 => SyncFrame::Ask {
                device: self.device(),
                from: self.choices.number(),
                to: self.choices.number(),
            },
            6 => SyncFrame::Typing,
            7 => SyncFrame::decode(&self.choices.rest()).ok()?,
            _ => SyncFrame::Bye { reason: ByeReason::Done, text: "x".repeat(200) },
        })
    }

    fn receipt(&mut self, place: usize) -> Signed<Receipt> {
        let receipt = Receipt {
            conversation: self.conversation(place),
            device: self.device(),
            stage: if self.choices.coin() { Stage::Read } else { Stage::Stored },
            have: self.have(),
            at: self.choices.number(),
        };
        Signed::by_device(&receipt, &self.mallory.device)
    }

    fn gossip(&mut self, place: usize) {
        let id = self.secret.conversation();
        let tag = self.secret.tag();
        let message = match self.choices.below(4) {
            0 => GroupMessage::Events(Bounded::truncated(self.events(id))),
            1 => GroupMessage::Have(self.receipt(place)),
            2 => GroupMessage::Typing(self.device()),
            _ => {
                let bytes = self.choices.rest();
                return self
                    .network
                    .feed(place, Input::Gossip(GossipInput::Message { tag, bytes }));
            }
        };
        let bytes = self.secret.seal(&message, [self.choices.byte(); 24]);
        self.network.feed(place, Input::Gossip(GossipInput::Message { tag, bytes }));
    }

    /// Entries of the own log or in another's name, in order, with gaps, forked or made up.
    fn events(&mut self, id: ConversationId) -> Vec<Event> {
        let mut log = self.mallory.log(id, &[]);
        if self.choices.below(4) == 0 {
            // A log that begins without an introduction.
            log.clear();
        }
        for _ in 0..self.choices.below(6) {
            let payload = self.payload(id);
            log.push(self.entry(id, log.last().cloned(), &payload));
        }
        if self.choices.below(8) == 0 {
            log = log.iter().cycle().take(EVENTS_PER_FRAME).cloned().collect();
        }
        let from = usize::from(self.choices.below(3)).min(log.len());
        let mut events: Vec<_> = log.drain(from..).map(|entry| entry.event).collect();
        if self.choices.below(8) == 0 {
            events.iter_mut().for_each(|event| event.payload = None);
        }
        events
    }

    fn entry(
        &mut self,
        conversation: ConversationId,
        before: Option<CheckedEvent>,
        payload: &Payload,
    ) -> CheckedEvent {
        let mut sequence =
            before.as_ref().map_or(0, |before| before.header.sequence.saturating_add(1));
        let mut previous = before.map(|before| before.id);
        match self.choices.below(10) {
            0 => sequence = self.choices.number(),
            1 => previous = Some(EventId::new(self.choices.array())),
            _ => {}
        }
        let ms = if self.choices.below(4) == 0 {
            self.choices.number()
        } else {
            BEGINNING.saturating_add(sequence)
        };
        let header = EventHeader {
            version: VERSION,
            conversation,
            author: if self.choices.below(6) == 0 { self.device() } else { self.mallory.id() },
            sequence,
            previous,
            parents: Bounded::truncated([EventId::new(self.choices.array())]),
            clock: Clock { ms, counter: u32::from(self.choices.byte()) << 24 },
            payload_hash: Hash::of(&[]),
            payload_length: 0,
        };
        Event::sign(header, payload, &self.mallory.device)
    }

    fn payload(&mut self, id: ConversationId) -> Payload {
        let place = usize::from(self.choices.below(2));
        let of = if id == self.secret.conversation() { "#garden" } else { OTHER[place] };
        // The messages of honest ones are what is worth changing.
        let honest = self.network.history(place, of);
        let event = honest.first().map_or(EventId::new(self.choices.array()), |view| view.id);
        match self.choices.below(7) {
            0 => Payload::Edit { event, body: "forged".to_owned() },
            1 => Payload::Erase { event },
            2 => Payload::Reaction { event, emoji: "👿".to_owned(), on: self.choices.coin() },
            3 => Payload::Introduction(self.mallory.introduction.clone()),
            4 => Payload::Membership {
                of: Membership::Group {
                    name: GroupName::new("trap").unwrap(),
                    secret: GroupSecret::new(self.choices.array()),
                },
                left: self.choices.coin(),
            },
            _ => text("hostile"),
        }
    }

    fn check_bounds(&self) {
        for place in HONEST {
            let machine = self.network.peers[place].machine.as_ref().unwrap();
            let streams =
                |session: &&super::super::streams::Session| session.device == self.mallory.id();
            assert!(machine.sessions.values().filter(streams).count() <= STREAMS_MAX);
            assert!(machine.sessions.values().all(|session| session.theirs.len() <= LOGS_MAX));
            assert!(machine.people.len() <= ACCOUNTS_MAX);
            for conversation in machine.conversations.values() {
                assert!(conversation.logs.len() <= LOGS_MAX);
                assert!(conversation.acknowledging() <= LOGS_MAX);
            }
            let names: Vec<_> =
                machine.conversations.values().map(|it| it.row.name.to_string()).collect();
            assert!(!names.contains(&"#trap".to_owned()), "a stranger made it join");
            assert!(names.len() <= 3, "{names:?}");
        }
    }

    /// The hostile device goes, or stays silent; the honest ones have what they said.
    fn end(mut self) {
        if self.choices.coin() {
            while !self.links.is_empty() {
                self.unlink();
            }
            for (place, session) in std::mem::take(&mut self.streams) {
                self.network.feed(place, Input::Sync(SyncInput::Closed { session }));
            }
        }
        self.network.run_for(Duration::from_secs(5));
        for place in HONEST {
            self.say(place, false);
            self.say(place, true);
        }
        self.network.run_for(Duration::from_mins(3));
        for place in HONEST {
            for (of, said) in [OTHER[place], "#garden"].into_iter().zip(self.said.clone()) {
                let shown = self.network.history(place, of);
                let honest = |body: &Body| match body {
                    Body::Text(text) if text.contains(" says ") => Some(text.clone()),
                    _ => None,
                };
                let mut texts: Vec<_> = shown.iter().filter_map(|it| honest(&it.body)).collect();
                texts.sort();
                let mut said = said;
                said.sort();
                assert_eq!(texts, said, "{of} at {place}");
                assert!(shown.iter().all(|it| !it.edited || honest(&it.body).is_none()));
            }
            let machine = self.network.peers[place].machine.as_ref().unwrap();
            assert!(machine.pending.is_empty(), "{:?}", machine.pending);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::siege;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_hostile_device_sends_the_honest_ones_go_on(
            bytes in prop::collection::vec(any::<u8>(), 0..600)
        ) {
            siege(&bytes);
        }
    }
}
