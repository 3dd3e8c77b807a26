//! Two honest peers in the network, and between their words whatever a hostile device sends them. What
//! happens follows from bytes alone, so that a fuzzer can look for the worst.

mod choices;
mod forging;

use std::time::Duration;

use wire::{conversation::GroupSecret, limits::LOGS_MAX, name::GroupName, sync::SyncFrame};

use self::choices::Choices;
use super::{alone::Stranger, network::Network, server_key};
use crate::core::{
    input::{Input, LinkId, LinkInput, SessionId, SyncInput},
    model::{Body, Transport},
    people::ACCOUNTS_MAX,
    streams::Session,
};

/// Deeds of the hostile device in one run.
const DEEDS_MAX: usize = 96;
/// Streams that it may have with a peer, see `streams.rs`.
const STREAMS_MAX: usize = 64;
/// Where the honest ones are in the network.
const HONEST: [usize; 2] = [0, 1];
const OTHER: [&str; 2] = ["@bob", "@alice"];

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
pub(crate) fn siege(bytes: &[u8]) {
    let mut siege = Siege::begin(bytes);
    siege.act();
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

    fn act(&mut self) {
        for _ in 0..DEEDS_MAX {
            if self.choices.0.is_empty() {
                break;
            }
            self.deed();
            self.check_bounds();
        }
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
            self.network.feed(place, Input::Sync(SyncInput::arrived(session, frame)));
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
            address: None,
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

    fn check_bounds(&self) {
        for place in HONEST {
            let machine = self.network.peers[place].machine.as_ref().unwrap();
            let streams = |session: &&Session| session.device == self.mallory.id();
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
            self.network.run_until("no answer is awaited", Duration::from_mins(1), |network| {
                let machine = network.peers[place].machine.as_ref();
                machine.is_some_and(|machine| machine.pending.is_empty())
            });
        }
    }
}

/// What a member of the group would do that has no evil in mind: connects, greets, says something.
#[cfg(test)]
pub(crate) const HARMLESS: [u8; 46] = [
    0, 0, 0, 0, // connects to the first peer
    0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, // opens a stream and greets
    0, 9, 0, 1, 0, 1, 2, // two entries, each with
    0, 0, 5, 5, 1, 1, 0, 0, // a text, in order and at a likely time
    0, 0, 5, 5, 1, 1, 0, 0, // and another
    1, 0, 1, // not many times over, from the first on, whole
    0, 4, 0, // waits
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HARMLESS, HONEST, Siege, siege};

    #[test]
    fn what_is_harmless_gets_through() {
        let mut siege = Siege::begin(&HARMLESS);
        siege.act();
        siege.network.run_for(std::time::Duration::from_secs(10));
        for place in HONEST {
            let texts = siege.network.texts(place, "#garden");
            let hostile = texts.iter().filter(|text| *text == "hostile").count();
            assert_eq!(hostile, 2, "{texts:?}");
        }
        siege.end();
    }

    proptest! {
        #[test]
        fn whatever_a_hostile_device_sends_the_honest_ones_go_on(
            bytes in prop::collection::vec(any::<u8>(), 0..800)
        ) {
            siege(&bytes);
        }

        #[test]
        fn whatever_a_member_does_the_honest_ones_go_on(
            bytes in prop::collection::vec(any::<u8>(), 0..800)
        ) {
            siege(&[&HARMLESS[..17], &bytes].concat());
        }
    }
}
