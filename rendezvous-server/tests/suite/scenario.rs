//! The service with injected time, and a registry in memory that answers at once.

use std::time::{Duration, Instant};

use rand::{SeedableRng as _, rngs::StdRng};
use rendezvous_server::{
    config::Config,
    names::{NameEntry, RegisterError, register},
    service::{Answer, AnswerKind, ClientId, Effect, Input, Question, QuestionKind, Service},
};
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, DeviceId},
    limits::VERSION,
    rendezvous::{ClientFrame, Push, Reachable, Refusal, Request, Response},
    signed::Signed,
};

use crate::{
    memory_names::MemoryNames,
    people::{account, device, first_record},
};

pub(crate) struct Scenario {
    pub(crate) service: Service,
    pub(crate) names: MemoryNames,
    pub(crate) now: Instant,
    next_client: u64,
    next_request: u32,
}

impl Scenario {
    pub(crate) fn new(config: &Config) -> Self {
        let server = device(200).peer_id();
        Self {
            service: Service::new(config, server, StdRng::seed_from_u64(1)),
            names: MemoryNames::default(),
            now: Instant::now(),
            next_client: 0,
            next_request: 0,
        }
    }

    /// Handles an input. Questions to the registry are answered before this returns.
    pub(crate) fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        for effect in self.service.handle(self.now, input) {
            match effect {
                Effect::Ask(question) => {
                    let answer = self.answer(question);
                    effects.extend(self.service.handle(self.now, Input::Answer(answer)));
                }
                other => effects.push(other),
            }
        }
        effects
    }

    /// Answers a question from the registry in memory.
    pub(crate) fn answer(&mut self, question: Question) -> Answer {
        let kind = match question.kind {
            QuestionKind::Register { record, device, newcomer, charged } => {
                let result = NameEntry::open(record).and_then(|entry| {
                    let admit =
                        |_names: &mut _| newcomer.without_tokens().map_err(RegisterError::Refused);
                    match register(&mut self.names, &entry, device, admit) {
                        Ok(change) => Ok((entry, change)),
                        Err(RegisterError::Refused(refusal)) => Err(refusal),
                        Err(RegisterError::Store(never)) => match never {},
                    }
                });
                AnswerKind::Registered { result, charged }
            }
            QuestionKind::Lookup { username } => {
                let found = self.names.0.iter().find(|it| it.record.username == username);
                AnswerKind::Found(found.cloned().ok_or(Refusal::NotFound))
            }
        };
        Answer { client: question.client, id: question.id, kind }
    }

    /// Device `n` opens a stream from an address.
    pub(crate) fn open(&mut self, n: u8, origin: &str) -> ClientId {
        let client = ClientId(self.next_client);
        self.next_client += 1;
        let origin = Some(origin.parse().unwrap());
        let effects = self.handle(Input::Opened { client, device: device(n), origin });
        assert_eq!(effects, [], "opening a stream");
        client
    }

    /// All effects of a request, and the answer among them.
    pub(crate) fn ask_fully(
        &mut self,
        client: ClientId,
        request: Request,
    ) -> (Result<Response, Refusal>, Vec<Effect>) {
        self.next_request += 1;
        let id = self.next_request;
        let effects = self.handle(Input::Request { client, frame: ClientFrame { id, request } });
        let is_answer = |effect: &Effect| matches!(effect, Effect::Respond { .. });
        let (mut answers, others): (Vec<_>, Vec<_>) = effects.into_iter().partition(is_answer);
        let Some(Effect::Respond { client: to, id: answered, result }) = answers.pop() else {
            panic!("no answer");
        };
        assert_eq!((to, answered, answers), (client, id, vec![]));
        (result, others)
    }

    /// The answer to a request that has no other effect.
    #[track_caller]
    pub(crate) fn ask(&mut self, client: ClientId, request: Request) -> Result<Response, Refusal> {
        let (result, others) = self.ask_fully(client, request);
        assert_eq!(others, []);
        result
    }

    pub(crate) fn hello(&mut self, client: ClientId) {
        let hello = Request::Hello { version: VERSION, token: None };
        assert_eq!(self.ask(client, hello), Ok(Response::Welcome { version: VERSION }));
    }

    /// Registers with a record, after `Hello`.
    pub(crate) fn register(
        &mut self,
        client: ClientId,
        record: &Signed<AccountRecord>,
    ) -> (Result<Response, Refusal>, Vec<Effect>) {
        self.ask_fully(client, Request::Register { record: record.clone() })
    }

    /// Person `n` connects from this machine and registers a name.
    pub(crate) fn person(&mut self, n: u8, username: &str) -> ClientId {
        self.handle(Input::Connected(device(n)));
        let client = self.open(n, "127.0.0.1");
        self.hello(client);
        let (result, _) = self.register(client, &first_record(n, username));
        assert_eq!(result, Ok(Response::Done));
        client
    }

    pub(crate) fn watch(&mut self, client: ClientId, accounts: &[u8]) -> Vec<Effect> {
        let accounts = accounts.iter().map(|n| account(*n));
        let request = Request::Watch { accounts: Bounded::truncated(accounts) };
        let (result, effects) = self.ask_fully(client, request);
        assert_eq!(result, Ok(Response::Done));
        effects
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
    }
}

/// The push of where an account's devices are, to one client.
pub(crate) fn presence(to: ClientId, account: AccountId, devices: &[DeviceId]) -> Effect {
    let devices = devices.iter().map(|it| Reachable { device: *it, addresses: Bounded::default() });
    let push = Push::Presence { account, devices: Bounded::truncated(devices) };
    Effect::Push { clients: vec![to], push }
}
