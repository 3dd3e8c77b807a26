//! The rendezvous server's own core over names in memory.

use std::{collections::BTreeMap, convert::Infallible, net::IpAddr, time::Instant};

use rand::{SeedableRng as _, rngs::StdRng};
use rendezvous_server::{
    config::Config,
    names::{NameEntry, NameStore, RegisterError, register},
    service::{Answer, AnswerKind, ClientId, Effect, Input, Question, QuestionKind, Service},
};
use wire::{
    id::{AccountId, DeviceId},
    name::Username,
    rendezvous::{ClientFrame, Refusal},
};

use crate::core::tests::server_key;

#[derive(Debug)]
pub(in crate::core::tests) struct Server {
    service: Option<Service>,
    names: Names,
    last_client: u64,
    /// Takes requests and answers none, like a machine that hangs.
    pub(in crate::core::tests) hangs: bool,
    /// What it took meanwhile.
    late: Vec<(ClientId, ClientFrame)>,
}

#[derive(Debug, Default)]
struct Names(BTreeMap<AccountId, NameEntry>);

impl NameStore for Names {
    type Error = Infallible;

    fn by_username(&mut self, username: &Username) -> Result<Option<NameEntry>, Infallible> {
        Ok(self.0.values().find(|entry| entry.record.username == *username).cloned())
    }

    fn by_account(&mut self, account: &AccountId) -> Result<Option<NameEntry>, Infallible> {
        Ok(self.0.get(account).cloned())
    }

    fn by_skeleton(&mut self, skeleton: &str) -> Result<Option<AccountId>, Infallible> {
        let like = self.0.values().find(|entry| entry.record.username.skeleton() == skeleton);
        Ok(like.map(|entry| entry.record.account))
    }

    fn put(&mut self, entry: &NameEntry) -> Result<(), Infallible> {
        self.0.insert(entry.record.account, entry.clone());
        Ok(())
    }
}

fn service() -> Service {
    let rng = StdRng::seed_from_u64(7);
    Service::new(&Config::default(), server_key().id().peer_id(), rng)
}

impl Server {
    pub(super) fn new() -> Self {
        let names = Names::default();
        Self { service: Some(service()), names, last_client: 0, hangs: false, late: vec![] }
    }

    pub(in crate::core::tests) fn is_up(&self) -> bool {
        self.service.is_some()
    }

    pub(super) fn stop(&mut self) {
        self.service = None;
        self.late.clear();
    }

    pub(super) fn start(&mut self) {
        self.service = Some(service());
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.service.as_ref()?.next_deadline()
    }

    /// A device of this machine connects and opens its stream.
    pub(super) fn open(&mut self, now: Instant, device: DeviceId) -> (ClientId, Vec<Effect>) {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let origin = Some(IpAddr::from([127, 0, 0, 1]));
        let mut effects = self.handle(now, Input::Connected(device));
        effects.extend(self.handle(now, Input::Opened { client, device, origin }));
        (client, effects)
    }

    pub(super) fn request(
        &mut self,
        now: Instant,
        client: ClientId,
        frame: ClientFrame,
    ) -> Vec<Effect> {
        self.late.push((client, frame));
        if self.hangs {
            return vec![];
        }
        let late = std::mem::take(&mut self.late);
        let handle = |(client, frame)| self.handle(now, Input::Request { client, frame });
        late.into_iter().flat_map(handle).collect()
    }

    pub(super) fn close(&mut self, now: Instant, client: ClientId) -> Vec<Effect> {
        self.late.retain(|(other, _)| *other != client);
        self.handle(now, Input::Closed(client))
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        self.handle(now, Input::Tick)
    }

    /// Handles an input; questions to the registry are answered at once.
    pub(super) fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let Some(service) = &mut self.service else { return vec![] };
        let mut effects = Vec::new();
        for effect in service.handle(now, input) {
            match effect {
                Effect::Ask(question) => {
                    let answer = Input::Answer(answer(&mut self.names, question));
                    effects.extend(service.handle(now, answer));
                }
                other => effects.push(other),
            }
        }
        effects
    }
}

fn answer(names: &mut Names, question: Question) -> Answer {
    let kind = match question.kind {
        QuestionKind::Register { record, device, newcomer, charged } => {
            let result = NameEntry::open(record).and_then(|entry| {
                match register(names, &entry, device, |_names| {
                    newcomer.without_tokens().map_err(RegisterError::Refused)
                }) {
                    Ok(change) => Ok((entry, change)),
                    Err(RegisterError::Refused(refusal)) => Err(refusal),
                    Err(RegisterError::Store(never)) => match never {},
                }
            });
            AnswerKind::Registered { result, charged }
        }
        QuestionKind::Lookup { username } => {
            let Ok(found) = names.by_username(&username);
            AnswerKind::Found(found.ok_or(Refusal::NotFound))
        }
    };
    Answer { client: question.client, id: question.id, kind }
}
