//! Others who say anything at any time: the peer neither panics nor grows nor runs in circles.

use std::time::Duration;

use proptest::prelude::*;
use wire::{
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::CheckedEvent,
    id::{ConversationId, EventId},
    limits::NUMBER_MAX,
    rendezvous::{Member, Push, Reachable, Refusal, Response, ServerFrame, Whereabouts},
    sync::{ByeReason, Stage, SyncFrame},
};

use super::alone::{Alone, Stranger, events, text, up_to};
use crate::core::{
    command::{Command, Draft},
    effect::Effect,
    input::{CallId, GossipInput, Input, LinkId, LinkInput, ServerInput, SessionId, SyncInput},
};

const STRANGERS: usize = 3;
/// Effects of one input beyond which a peer is taken for an amplifier.
const EFFECTS_MAX: usize = 64;

/// What happens next; the numbers pick among what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Link(usize),
    Unlink(usize),
    DialFailed(usize),
    Accept(usize),
    Hello { who: usize, session: usize, place: usize, group_proof: bool },
    Events { who: usize, session: usize, place: usize, from: usize, forked: bool },
    Receipt { who: usize, session: usize, place: usize, sequence: u64, read: bool },
    Ask { session: usize, from: u64 },
    Typing(usize),
    Bye(usize),
    Closed(usize),
    Written(usize),
    GossipEvents { who: usize, from: usize },
    GossipHave { who: usize, sequence: u64 },
    GossipTyping(usize),
    GossipNoise(u8),
    Ready(bool),
    ServerOpened,
    ServerClosed,
    Response { id: u32, kind: usize, who: usize },
    Push { kind: usize, who: usize },
    Say { group: bool, who: usize },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..STRANGERS;
    let which = 0usize..8;
    let number = prop_oneof![0u64..6, (NUMBER_MAX - 2)..=NUMBER_MAX];
    prop_oneof![
        who.clone().prop_map(Step::Link),
        which.clone().prop_map(Step::Unlink),
        who.clone().prop_map(Step::DialFailed),
        who.clone().prop_map(Step::Accept),
        (who.clone(), which.clone(), 0usize..3, any::<bool>()).prop_map(
            |(who, session, place, group_proof)| Step::Hello { who, session, place, group_proof }
        ),
        (who.clone(), which.clone(), 0usize..3, 0usize..5, any::<bool>()).prop_map(
            |(who, session, place, from, forked)| {
                Step::Events { who, session, place, from, forked }
            }
        ),
        (who.clone(), which.clone(), 0usize..3, number.clone(), any::<bool>()).prop_map(
            |(who, session, place, sequence, read)| {
                Step::Receipt { who, session, place, sequence, read }
            }
        ),
        (which.clone(), number.clone()).prop_map(|(session, from)| Step::Ask { session, from }),
        which.clone().prop_map(Step::Typing),
        which.clone().prop_map(Step::Bye),
        which.clone().prop_map(Step::Closed),
        which.clone().prop_map(Step::Written),
        (who.clone(), 0usize..5).prop_map(|(who, from)| Step::GossipEvents { who, from }),
        (who.clone(), number).prop_map(|(who, sequence)| Step::GossipHave { who, sequence }),
        who.clone().prop_map(Step::GossipTyping),
        any::<u8>().prop_map(Step::GossipNoise),
        any::<bool>().prop_map(Step::Ready),
        Just(Step::ServerOpened),
        Just(Step::ServerClosed),
        (0u32..12, 0usize..7, who.clone()).prop_map(|(id, kind, who)| Step::Response {
            id,
            kind,
            who
        }),
        (0usize..4, who.clone()).prop_map(|(kind, who)| Step::Push { kind, who }),
        (any::<bool>(), who).prop_map(|(group, who)| Step::Say { group, who }),
        (0u64..100_000).prop_map(Step::Wait),
    ]
}

struct Run {
    alice: Alone,
    secret: GroupSecret,
    strangers: Vec<Stranger>,
    sessions: Vec<SessionId>,
    links: Vec<(LinkId, usize)>,
}

impl Run {
    fn new() -> Self {
        let mut alice = Alone::new("alice");
        let secret = alice.join("garden");
        let names = ["bob", "carol", "dave"];
        let strangers =
            (2..).zip(names).map(|(number, name)| Stranger::new(number, name)).collect();
        Self { alice, secret, strangers, sessions: Vec::new(), links: Vec::new() }
    }

    /// One of the conversations there are, or one that there is not.
    fn place(&self, place: usize, who: usize) -> ConversationId {
        match place {
            0 => self.secret.conversation(),
            1 => self.strangers[who].direct_with(&self.alice),
            _ => ConversationId::new([6; 32]),
        }
    }

    fn session(&self, number: usize) -> SessionId {
        let number = number % self.sessions.len().max(1);
        self.sessions.get(number).copied().unwrap_or(SessionId(1))
    }

    /// A log, or another one of the same device.
    fn log(&self, who: usize, id: ConversationId, forked: bool) -> Vec<CheckedEvent> {
        let mut log = self.strangers[who].log(id, &["one", "two", "three"]);
        if forked {
            let other = self.strangers[who].entry(&log[1], &text("another two"));
            log[3] = self.strangers[who].entry(&other, &text("another three"));
            log[2] = other;
        }
        log
    }

    fn gossip(&self, message: &GroupMessage) -> Input {
        let bytes = self.secret.seal(message, [1; 24]);
        Input::Gossip(GossipInput::Message { tag: self.secret.tag(), bytes })
    }

    fn reachable(&self, who: usize) -> Reachable {
        Reachable { device: self.strangers[who].id(), addresses: Bounded::default() }
    }

    fn link(&mut self, who: usize) -> Vec<Effect> {
        let effects = self.alice.link(self.strangers[who].id());
        self.links.push((self.alice.last_link, who));
        effects
    }

    fn frame(&mut self, session: usize, frame: &SyncFrame) -> Vec<Effect> {
        let session = self.session(session);
        self.alice.frame(session, frame)
    }

    fn take(&mut self, step: Step) -> Vec<Effect> {
        let tag = self.secret.tag();
        match step {
            Step::Link(who) => self.link(who),
            Step::Unlink(number) if !self.links.is_empty() => {
                let (link, who) = self.links.remove(number % self.links.len());
                let device = self.strangers[who].id();
                self.alice.feed(Input::Link(LinkInput::Closed { device, link }))
            }
            Step::DialFailed(who) => {
                let device = self.strangers[who].id();
                self.alice.feed(Input::Link(LinkInput::DialFailed { device }))
            }
            Step::Accept(who) => {
                let (session, effects) = self.alice.accept(self.strangers[who].id());
                self.sessions.push(session);
                effects
            }
            Step::Closed(number) => {
                let session = self.session(number);
                self.alice.feed(Input::Sync(SyncInput::Closed { session }))
            }
            Step::Written(number) => {
                let session = self.session(number);
                self.alice.feed(Input::Sync(SyncInput::Written { session }))
            }
            Step::GossipNoise(byte) => {
                let bytes = vec![byte; usize::from(byte)];
                self.alice.feed(Input::Gossip(GossipInput::Message { tag, bytes }))
            }
            Step::Ready(true) => self.alice.feed(Input::Gossip(GossipInput::Ready { tag })),
            Step::Ready(false) => self.alice.feed(Input::Gossip(GossipInput::Unready { tag })),
            Step::Say { group, who } => self.say(group, who),
            Step::Wait(ms) => self.alice.wait(Duration::from_millis(ms)),
            Step::Unlink(_) => vec![],
            Step::ServerOpened | Step::ServerClosed | Step::Response { .. } | Step::Push { .. } => {
                self.server(step)
            }
            _ => self.talk(step),
        }
    }

    /// What comes on streams and by gossip.
    fn talk(&mut self, step: Step) -> Vec<Effect> {
        match step {
            Step::Hello { who, session, place, group_proof } => {
                let proof = if group_proof {
                    self.strangers[who].group_proof(&self.secret, &self.alice)
                } else {
                    self.strangers[who].direct_proof()
                };
                let conversation = self.place(place, who);
                let have = up_to(self.strangers[who].id(), 3, EventId::new([1; 32]));
                self.frame(session, &SyncFrame::Hello { conversation, proof, have })
            }
            Step::Events { who, session, place, from, forked } => {
                let log = self.log(who, self.place(place, who), forked);
                self.frame(session, &events(&log[from.min(3)..]))
            }
            Step::Receipt { who, session, place, sequence, read } => {
                let stage = if read { Stage::Read } else { Stage::Stored };
                let have = up_to(self.alice.device(), sequence, EventId::new([1; 32]));
                let receipt = self.strangers[who].receipt(self.place(place, who), stage, have);
                self.frame(session, &SyncFrame::Receipt(receipt))
            }
            Step::Ask { session, from } => {
                let device = self.alice.device();
                self.frame(session, &SyncFrame::Ask { device, from, to: NUMBER_MAX })
            }
            Step::Typing(session) => self.frame(session, &SyncFrame::Typing),
            Step::Bye(session) => {
                let (reason, text) = (ByeReason::Done, String::new());
                self.frame(session, &SyncFrame::Bye { reason, text })
            }
            Step::GossipEvents { who, from } => {
                let log = self.log(who, self.secret.conversation(), from == 4);
                let log = log[from.min(3)..].iter().map(|entry| entry.event.clone());
                self.alice.feed(self.gossip(&GroupMessage::Events(Bounded::truncated(log))))
            }
            Step::GossipHave { who, sequence } => {
                let have = up_to(self.strangers[who].id(), sequence, EventId::new([1; 32]));
                let id = self.secret.conversation();
                let receipt = self.strangers[who].receipt(id, Stage::Stored, have);
                self.alice.feed(self.gossip(&GroupMessage::Have(receipt)))
            }
            Step::GossipTyping(who) => {
                let device = self.strangers[who].id();
                self.alice.feed(self.gossip(&GroupMessage::Typing(device)))
            }
            other => unreachable!("{other:?} is taken elsewhere"),
        }
    }

    /// What the server says, asked or not.
    fn server(&mut self, step: Step) -> Vec<Effect> {
        let input = match step {
            Step::ServerOpened => ServerInput::Opened { loopback: false },
            Step::Response { id, kind, who } => {
                let record = self.strangers[who].record.clone();
                let devices = Bounded::truncated([self.reachable(who)]);
                let reachable = self.reachable(who);
                let result = match kind {
                    0 => Ok(Response::Done),
                    1 => Ok(Response::Welcome { version: 1 }),
                    2 => Ok(Response::Found(Whereabouts { record, devices })),
                    3 => Ok(Response::Members(Bounded::truncated([Member { record, reachable }]))),
                    4 => Err(Refusal::NotFound),
                    5 => Err(Refusal::RateLimited { retry_after: u32::MAX }),
                    _ => Err(Refusal::Unavailable),
                };
                ServerInput::Frame(ServerFrame::Response { id, result })
            }
            Step::Push { kind, who } => {
                let record = self.strangers[who].record.clone();
                let account = self.strangers[who].account.id();
                let (tag, reachable) = (self.secret.tag(), self.reachable(who));
                ServerInput::Frame(ServerFrame::Push(match kind {
                    0 => Push::Presence { account, devices: Bounded::truncated([reachable]) },
                    1 => Push::Presence { account, devices: Bounded::default() },
                    2 => Push::RecordChanged { record },
                    _ => {
                        let member = Box::new(Member { record, reachable });
                        Push::MemberJoined { tag, member }
                    }
                }))
            }
            _ => ServerInput::Closed { text: "gone".to_owned() },
        };
        self.alice.feed(Input::Server(input))
    }

    /// A deadline that has passed and stays would make the node's loop spin.
    fn comes_to_rest(&mut self) -> bool {
        let is_due =
            |alice: &Alone| alice.machine.next_deadline().is_some_and(|at| at <= alice.now.instant);
        for _ in 0..4 {
            if !is_due(&self.alice) {
                return true;
            }
            self.alice.feed(Input::Tick);
        }
        false
    }

    fn say(&mut self, group: bool, who: usize) -> Vec<Effect> {
        let names = ["@bob", "@carol", "@dave"];
        let to = if group { "#garden" } else { names[who] }.parse().unwrap();
        let draft = Draft { text: "word".to_owned(), ..Draft::default() };
        let id = CallId(self.alice.number());
        self.alice.feed(Input::Call { id, command: Command::Send { to, draft } })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_others_say_the_peer_stays_sound(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new();
        for step in &steps {
            let effects = run.take(*step);
            prop_assert!(effects.len() <= EFFECTS_MAX, "{step:?}: {} effects", effects.len());
            prop_assert!(run.comes_to_rest(), "after {step:?}");
        }
        // The peer works as before, also after a restart.
        run.alice.say("#garden", "still here");
        let texts = run.alice.texts("#garden");
        prop_assert!(texts.contains(&"still here".to_owned()));
        run.alice.restart();
        prop_assert_eq!(run.alice.texts("#garden"), texts);
        run.alice.say("#garden", "and here");
    }
}
