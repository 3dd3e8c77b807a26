//! What a hostile device says: true things in the wrong place, claims without end, entries in another's
//! name, out of order, forked, or about what is not its own.

use wire::{
    account::{AccountRecord, Introduction},
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::{CheckedEvent, Clock, Event, EventHeader, Membership, Payload},
    id::{AccountId, ConversationId, DeviceId, EventId, Hash, MembershipProof},
    limits::{EVENTS_PER_FRAME, LOGS_MAX, RANGES_MAX, VERSION},
    name::GroupName,
    signed::Signed,
    sync::{ByeReason, Have, Head, Held, Proof, Receipt, Stage, SyncFrame},
};

use super::{OTHER, Siege};
use crate::core::{
    input::{GossipInput, Input},
    tests::{BEGINNING, alone::text, device_key},
};

impl Siege<'_> {
    fn person(&self, place: usize) -> AccountId {
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

    pub(super) fn hello(&mut self, place: usize) -> SyncFrame {
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

    fn honest_record(&self) -> Signed<AccountRecord> {
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

    pub(super) fn frame(&mut self, place: usize) -> Option<SyncFrame> {
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

    pub(super) fn gossip(&mut self, place: usize) {
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
            for event in &mut events {
                event.payload = None;
            }
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
}
