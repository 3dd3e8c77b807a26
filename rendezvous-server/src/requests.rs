//! What the server answers to each request of a client. Pure, a part of [`Service`].

use std::time::Instant;

use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, DeviceId, Hash, TopicTag},
    limits::{ADDRESSES_MAX, MEMBERS_PER_ANSWER, VERSION, WATCH_PER_REQUEST},
    rendezvous::{Address, ClientFrame, Push, Refusal, Request, Response, Whereabouts},
    signed::Signed,
};

use crate::{
    addresses::{self, Network},
    names::Change,
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
        let greeted = state.greeted;
        if let Err(wait) = self.requests.try_take(asker.device, cost(&frame.request), now) {
            let retry_after = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            effects.push(asker.respond(Err(Refusal::RateLimited { retry_after })));
            return;
        }
        match frame.request {
            Request::Hello { version, token } => {
                let token = token.map(|token| Hash::of(&token));
                self.hello(asker, version, token, effects);
            }
            _ if !greeted => effects.push(asker.respond(Err(Refusal::NotRegistered))),
            Request::Register { record } => self.register(now, asker, record, effects),
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

    fn hello(&mut self, asker: Asker, version: u8, token: Option<Hash>, effects: &mut Vec<Effect>) {
        let result = if version != VERSION {
            Err(Refusal::Version)
        } else if self.admission_token.is_some() && token != self.admission_token {
            Err(Refusal::NotAdmitted)
        } else {
            Ok(Response::Welcome { version: VERSION })
        };
        if result.is_ok()
            && let Some(state) = self.clients.get_mut(&asker.client)
        {
            state.greeted = true;
        }
        effects.push(asker.respond(result));
    }

    fn register(
        &mut self,
        now: Instant,
        asker: Asker,
        record: Signed<AccountRecord>,
        effects: &mut Vec<Effect>,
    ) {
        let origin = self.clients.get(&asker.client).and_then(|state| state.origin);
        let is_local = origin.is_some_and(|ip| ip.is_loopback());
        let network = origin.filter(|_| !is_local).map(Network::of);
        let charged = network.filter(|it| self.new_names.try_take(*it, 1, now).is_ok());
        let may_be_new = is_local || charged.is_some();
        let kind = QuestionKind::Register { record, device: asker.device, may_be_new, charged };
        effects.push(Effect::Ask(Question { client: asker.client, id: asker.id, kind }));
    }

    /// Goes on with a request that the registry has answered.
    pub(crate) fn answered(&mut self, now: Instant, answer: Answer, effects: &mut Vec<Effect>) {
        let Answer { client, id, kind } = answer;
        let result = match kind {
            AnswerKind::Registered { result, charged } => {
                let took_name = matches!(result, Ok((_, Change::NewName)));
                if let Some(network) = charged.filter(|_| !took_name) {
                    self.new_names.give_back(&network);
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
        | Request::Lookup { .. }
        | Request::Watch { .. }
        | Request::Join { .. }
        | Request::Leave { .. }
        | Request::Members { .. }
        | Request::Copies { .. } => 1,
    }
}
