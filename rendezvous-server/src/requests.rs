//! What the server answers to each request of a client. Pure, a part of [`Service`].

use std::time::Instant;

use rand::RngExt as _;
use serde_bytes::ByteBuf;
use wire::{
    account::AccountRecord,
    admission::solves,
    bounded::Bounded,
    codec,
    id::{AccountId, Challenge, DeviceId, TopicTag},
    limits::{ADDRESSES_MAX, MEMBERS_PER_ANSWER, RECORD_MAX, VERSION, WATCH_PER_REQUEST},
    rendezvous::{Address, ClientFrame, Push, Refusal, Request, Response, Whereabouts},
    signed::Signed,
};

use crate::{
    addresses,
    names::Change,
    newcomers::Applicant,
    service::{Answer, AnswerKind, ClientId, Effect, Question, QuestionKind, Service},
};

/// Members that learn at once of a new one; the others find it when they ask.
pub const MEMBERS_TOLD: usize = 64;

/// What a request counts for that is checked and pushed to many.
const HEAVY_REQUEST_COST: u32 = 20;

/// A request on its way: who asks, and what its response repeats.
#[derive(Clone, Copy)]
struct Asker {
    client: ClientId,
    device: DeviceId,
    id: u32,
}

impl Asker {
    fn respond(self, result: Result<Response, Refusal>) -> Effect {
        Effect::Respond { client: self.client, id: self.id, result }
    }
}

impl Service {
    /// Answers a request, or asks the registry first.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        client: ClientId,
        frame: ClientFrame,
        effects: &mut Vec<Effect>,
    ) {
        let Some(state) = self.clients.get(&client) else { return };
        let asker = Asker { client, device: state.device, id: frame.id };
        let (greeted, network) = (state.greeted, self.network(state.origin));
        let cost = cost(&frame.request);
        let taken = self.requests.try_take(asker.device, cost, now).and_then(|()| {
            network.map_or(Ok(()), |network| self.network_requests.try_take(network, cost, now))
        });
        if let Err(wait) = taken {
            let retry_after = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            effects.push(asker.respond(Err(Refusal::RateLimited { retry_after })));
            return;
        }
        match frame.request {
            Request::Hello { version, token } => {
                self.hello(asker, version, token.map(ByteBuf::into_vec), effects);
            }
            _ if !greeted => effects.push(asker.respond(Err(Refusal::NotRegistered))),
            Request::Register { record } => self.register(now, asker, record, effects),
            Request::Solve { answer } => self.solve(asker, answer, effects),
            // Whoever comes back needs the account's newest record to register with.
            Request::Lookup { username } => {
                let kind = QuestionKind::Lookup { username };
                effects.push(Effect::Ask(Question { client, id: asker.id, kind }));
            }
            _ if self.presence.client(&asker.device) != Some(client) => {
                effects.push(asker.respond(Err(Refusal::NotRegistered)));
            }
            Request::Announce { addresses } => self.announce(asker, addresses, effects),
            Request::Watch { accounts } => self.watch(asker, &accounts, effects),
            Request::Join { tag } => self.join(asker, tag, effects),
            Request::Leave { tag } => {
                self.topics.leave(tag, asker.device, now);
                effects.push(asker.respond(Ok(Response::Done)));
            }
            Request::Members { tag } => self.members(asker, tag, effects),
            Request::Copies { tag, wanted } => {
                let is_member = self.topics.set_copied(tag, asker.device, wanted);
                let result = if is_member { Ok(Response::Done) } else { Err(Refusal::NotFound) };
                effects.push(asker.respond(result));
            }
        }
    }

    fn hello(
        &mut self,
        asker: Asker,
        version: u8,
        token: Option<Vec<u8>>,
        effects: &mut Vec<Effect>,
    ) {
        if version != VERSION {
            effects.push(asker.respond(Err(Refusal::Version)));
            return;
        }
        if let Some(state) = self.clients.get_mut(&asker.client) {
            state.greeted = true;
            state.token = token;
        }
        effects.push(asker.respond(Ok(Response::Welcome { version: VERSION })));
    }

    /// Each puzzle is good for one registration of one stream.
    fn solve(&mut self, asker: Asker, answer: u64, effects: &mut Vec<Effect>) {
        let Some(state) = self.clients.get_mut(&asker.client) else { return };
        let is_solved = state
            .puzzle
            .take()
            .is_some_and(|(challenge, difficulty)| solves(&challenge, difficulty, answer));
        state.has_solved |= is_solved;
        let result = if is_solved { Ok(Response::Done) } else { Err(Refusal::NotAdmitted) };
        effects.push(asker.respond(result));
    }

    fn register(
        &mut self,
        now: Instant,
        asker: Asker,
        record: Signed<AccountRecord>,
        effects: &mut Vec<Effect>,
    ) {
        if self.is_banned(&record) {
            effects.push(asker.respond(Err(Refusal::NotAdmitted)));
            return;
        }
        let Some(state) = self.clients.get_mut(&asker.client) else { return };
        let (origin, token) = (state.origin, state.token.clone());
        let has_solved = std::mem::take(&mut state.has_solved);
        let network = self.network(origin);
        let challenge = Challenge::new(self.rng.random());
        let applicant = Applicant { network, token, has_solved, challenge };
        let (newcomer, charged) = self.newcomers.judge(applicant, now);
        let kind = QuestionKind::Register { record, device: asker.device, newcomer, charged };
        effects.push(Effect::Ask(Question { client: asker.client, id: asker.id, kind }));
    }

    /// Whether the account is banned that a record names, be it signed rightly or not.
    fn is_banned(&self, record: &Signed<AccountRecord>) -> bool {
        !self.banned.is_empty()
            && codec::decode::<AccountRecord>(record.body(), RECORD_MAX)
                .is_ok_and(|record| self.banned.contains(&record.account))
    }

    /// Goes on with a request that the registry has answered.
    pub(crate) fn answered(&mut self, now: Instant, answer: Answer, effects: &mut Vec<Effect>) {
        let Answer { client, id, kind } = answer;
        let result = match kind {
            AnswerKind::Registered { result, charged } => {
                let took_name = matches!(result, Ok((_, Change::NewName)));
                self.newcomers.settle(charged, took_name, now);
                if let Err(Refusal::Puzzle { challenge, difficulty }) = &result
                    && let Some(state) = self.clients.get_mut(&client)
                {
                    state.puzzle = Some((*challenge, *difficulty));
                }
                result.map(|(entry, change)| {
                    if change == Change::NewRecord {
                        self.renewed(now, &entry, effects);
                    }
                    self.arrived(now, client, &entry, effects);
                    Response::Done
                })
            }
            AnswerKind::Found(result) => result.map(|entry| {
                let devices = self.presence.whereabouts(&entry.record.account);
                Response::Found(Whereabouts { record: entry.signed, devices })
            }),
        };
        if self.clients.contains_key(&client) {
            effects.push(Effect::Respond { client, id, result });
        }
    }

    fn announce(
        &mut self,
        asker: Asker,
        announced: Bounded<Address, ADDRESSES_MAX>,
        effects: &mut Vec<Effect>,
    ) {
        let origin = self.clients.get(&asker.client).and_then(|state| state.origin);
        let reachable = addresses::introduce(asker.device, announced, origin, self.server);
        let changed = self.presence.announce(reachable);
        effects.push(asker.respond(Ok(Response::Done)));
        if let Some(account) = changed {
            self.tell_presence(account, effects);
        }
    }

    fn watch(
        &mut self,
        asker: Asker,
        accounts: &Bounded<AccountId, WATCH_PER_REQUEST>,
        effects: &mut Vec<Effect>,
    ) {
        match self.presence.watch(asker.client, accounts) {
            Ok(new) => {
                effects.push(asker.respond(Ok(Response::Done)));
                effects.extend(new.into_iter().map(|account| Effect::Push {
                    clients: vec![asker.client],
                    push: self.presence.push(account),
                }));
            }
            Err(_quota) => effects.push(asker.respond(Err(Refusal::TooMany))),
        }
    }

    fn join(&mut self, asker: Asker, tag: TopicTag, effects: &mut Vec<Effect>) {
        let Ok(joined) = self.topics.join(tag, asker.device) else {
            effects.push(asker.respond(Err(Refusal::TooMany)));
            return;
        };
        effects.extend(joined.unsubscribe.map(Effect::Unsubscribe));
        if joined.subscribe {
            effects.push(Effect::Subscribe(tag));
        }
        effects.push(asker.respond(Ok(Response::Done)));
        if !joined.is_new {
            return;
        }
        let others = self.topics.sample(&tag, asker.device, MEMBERS_TOLD, &mut self.rng);
        let clients: Vec<_> = others.iter().filter_map(|it| self.presence.client(it)).collect();
        if let Some(member) = self.presence.member(&asker.device)
            && !clients.is_empty()
        {
            let push = Push::MemberJoined { tag, member: Box::new(member) };
            effects.push(Effect::Push { clients, push });
        }
    }

    fn members(&mut self, asker: Asker, tag: TopicTag, effects: &mut Vec<Effect>) {
        let sample = self.topics.sample(&tag, asker.device, MEMBERS_PER_ANSWER, &mut self.rng);
        let members = sample.iter().filter_map(|device| self.presence.member(device));
        effects.push(asker.respond(Ok(Response::Members(Bounded::truncated(members)))));
    }
}

fn cost(request: &Request) -> u32 {
    match request {
        Request::Register { .. } | Request::Announce { .. } => HEAVY_REQUEST_COST,
        Request::Hello { .. }
        | Request::Solve { .. }
        | Request::Lookup { .. }
        | Request::Watch { .. }
        | Request::Join { .. }
        | Request::Leave { .. }
        | Request::Members { .. }
        | Request::Copies { .. } => 1,
    }
}
