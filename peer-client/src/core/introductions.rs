//! What passes between this peer and the rendezvous server: registering, asking, announcing.

use std::time::Duration;

use libp2p::{Multiaddr, multiaddr::Protocol};
use serde_bytes::ByteBuf;
use wire::{
    bounded::Bounded,
    id::AccountId,
    limits::{VERSION, WATCH_PER_REQUEST},
    name::Username,
    rendezvous::{Address, NoticeKind, Push, Refusal, Request, Response, ServerFrame},
};

use super::{
    command::{Command, Failure},
    dialling::{self, Families},
    effect::Effect,
    input::{CallId, Now, ServerInput},
    machine::Machine,
    model::ServerTie,
    notice::Notice,
    people::Source,
    session::{Purpose, TieAction},
    storage::{Kind, StoreOp},
};

/// First pause before asking again for a place for circuits; doubles each time.
const RESERVE_FIRST: Duration = Duration::from_millis(500);
/// Longest pause before asking again.
const RESERVE_MAX: Duration = Duration::from_mins(1);

/// What there is without the server, in one line.
const WITHOUT_SERVER: &str = "Until it is back, people whose address is remembered stay reachable; \
     new names, new groups and relayed roads have to wait";
/// How much more the clock on the wall must have gone on than the other one for a sleep.
const SLEPT_MS: u64 = 20_000;

impl Machine {
    pub(super) fn tick_server(&mut self) {
        let before = self.tie.shown.clone();
        match self.tie.tick(self.now.instant) {
            Some(TieAction::Connect(addresses)) => {
                self.effects.push(Effect::ConnectServer { addresses });
            }
            Some(TieAction::Disconnect) => self.effects.push(Effect::DisconnectServer),
            None => {}
        }
        self.tell_tie(&before);
        let now = self.now.instant;
        if self.reserve_at.take_if(|at| *at <= now).is_some() && self.tie.is_registered() {
            self.effects.push(Effect::Reserve);
        }
        let (late, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting_calls)
            .into_iter()
            .partition(|(until, ..)| *until <= now);
        self.waiting_calls.extend(waiting);
        for (_, call, _) in late {
            self.answer(call, Err(not_connected()));
        }
    }

    pub(super) fn tell_tie(&mut self, before: &ServerTie) {
        if *before != self.tie.shown {
            self.dirty.tie = true;
            self.notice(Notice::Server(self.tie.shown.clone()));
        }
    }

    pub(super) fn ask_server(&mut self, request: Request, purpose: Purpose) {
        if let Some(frame) = self.tie.ask(request, purpose) {
            self.effects.push(Effect::SendServer(frame));
        }
    }

    pub(super) fn on_server(&mut self, input: ServerInput) {
        let before = self.tie.shown.clone();
        match input {
            ServerInput::Opened { loopback } => {
                self.server_on_loopback = loopback;
                self.tie.opened();
                let token = self.token.clone().map(ByteBuf::from);
                let hello = Request::Hello { version: VERSION, token };
                self.ask_server(hello, Purpose::Hello);
                self.register();
            }
            ServerInput::Frame(ServerFrame::Response { id, result }) => {
                if let Some(purpose) = self.tie.answered(id) {
                    self.on_response(purpose, result);
                }
            }
            ServerInput::Frame(ServerFrame::Push(push)) => self.on_push(push),
            ServerInput::Closed { .. } if self.tie.tries_more(self.now.instant) => {}
            ServerInput::Closed { text } => self.on_server_lost(text),
            ServerInput::Seen { at, address } => self.on_seen(at, address),
            ServerInput::Silent { at, text } => self.diagnosis.silent(at, text),
            ServerInput::Solved { answer } => self.on_solved(answer),
            ServerInput::Reserved => self.reserve_failures = 0,
            ServerInput::ReservationLost => {
                let pause = RESERVE_FIRST
                    .saturating_mul(1 << self.reserve_failures.min(8))
                    .min(RESERVE_MAX);
                self.reserve_failures += 1;
                self.reserve_at = Some(self.now.instant + pause);
            }
        }
        self.tell_tie(&before);
    }

    fn register(&mut self) {
        let record = self.record.clone();
        self.ask_server(Request::Register { record }, Purpose::Register);
    }

    fn on_solved(&mut self, answer: Option<u64>) {
        match answer {
            Some(answer) if self.tie.is_greeting() => {
                self.ask_server(Request::Solve { answer }, Purpose::Inform);
                self.register();
            }
            // The stream is another one by now, or gone.
            Some(_) => {}
            None => self.on_refused(Refusal::Unavailable),
        }
    }

    fn on_server_lost(&mut self, text: String) {
        let own = self.me.account;
        let is_theirs = |kind: &Kind| !matches!(kind, Kind::Direct(account) if *account == own);
        let text = if self.conversations.values().any(|it| is_theirs(&it.row.kind)) {
            format!("{text}. {WITHOUT_SERVER}")
        } else {
            text
        };
        let asked = self.tie.lost(text, self.now.instant, &mut self.rng);
        for purpose in asked {
            match purpose {
                Purpose::Find(_, call, command) => self.wait_for_server(call, command),
                Purpose::ChangeDevices => self.forget_change(),
                _ => {}
            }
        }
        self.reserve_at = None;
        self.call_known();
        for conversation in self.conversations.values_mut() {
            conversation.group.joined = false;
            conversation.group.carrying.server_lost();
        }
        // Connections that exist stay, and who is connected counts as present by that.
        for account in self.people.clear_presence() {
            self.tell_presence(account, false);
        }
        self.dirty.conversations = true;
        self.dirty.members = true;
        self.dirty.peers = true;
    }

    fn on_response(&mut self, purpose: Purpose, result: Result<Response, Refusal>) {
        match (purpose, result) {
            (Purpose::Register, Ok(_)) => self.on_registered(),
            (Purpose::Register, Err(Refusal::Puzzle { challenge, difficulty })) => {
                self.effects.push(Effect::Solve { challenge, difficulty });
            }
            (Purpose::Register, Err(refusal)) if self.ask_own_record(refusal) => {}
            (Purpose::OwnRecord(refusal), Ok(Response::Found(found))) => {
                self.on_own_record_found(&found, refusal);
            }
            (Purpose::OwnRecord(refusal), Err(Refusal::NotFound) | Ok(_))
            | (Purpose::Hello | Purpose::Register | Purpose::OwnRecord(_), Err(refusal)) => {
                self.on_refused(refusal);
            }
            (Purpose::ChangeDevices, result) => self.on_devices_changed(result.map(|_| ())),
            (Purpose::Join(tag), Ok(_)) => self.on_joined(tag),
            (Purpose::Join(_), Err(refusal)) => {
                let text = format!("The server does not relay a group: {refusal}");
                self.notice(Notice::Error { code: refusal.code(), text });
            }
            (Purpose::Members(tag), Ok(Response::Members(members))) => {
                self.on_members(tag, &members);
            }
            (Purpose::Neighbours(tag), Ok(Response::Members(members))) => {
                self.on_neighbours(tag, &members);
            }
            (Purpose::Copies { tag, wanted: true }, Err(_)) => self.on_no_copies(tag),
            (Purpose::Find(username, call, command), Ok(Response::Found(found))) => {
                self.on_found(&username, &found);
                if self
                    .people
                    .account_of(&username)
                    .is_some_and(|account| self.people.is_verified(&account))
                {
                    self.with_next(call, command);
                } else {
                    self.answer(call, Err(not_found(&username)));
                }
            }
            (Purpose::Find(username, call, _), Err(Refusal::NotFound)) => {
                self.answer(call, Err(not_found(&username)));
            }
            (Purpose::Find(_, call, _), Err(refusal)) => {
                self.answer(
                    call,
                    Err(Failure::new(refusal.code(), format!("The server says: {refusal}"))),
                );
            }
            (Purpose::Verify(username, _), Ok(Response::Found(found))) => {
                self.on_found(&username, &found);
            }
            _ => {}
        }
    }

    fn on_registered(&mut self) {
        self.tie.registered();
        self.leave_calling_to_server();
        self.store(StoreOp::SaveRecord { record: self.record.clone(), registered: true });
        self.announce();
        self.on_registered_device();
        self.watch_all();
        self.join_all();
        self.reserve_failures = 0;
        self.effects.push(Effect::Reserve);
        for (_, call, command) in std::mem::take(&mut self.waiting_calls) {
            self.on_command(call, command);
        }
    }

    pub(super) fn on_refused(&mut self, refusal: Refusal) {
        if let Refusal::RateLimited { .. } | Refusal::Unavailable | Refusal::TooMany = refusal {
            // Passes by itself: the next attempt comes after the usual pause.
            self.effects.push(Effect::DisconnectServer);
            return;
        }
        self.tie.refused(refusal.code(), format!("The server says: {refusal}"));
        self.effects.push(Effect::DisconnectServer);
    }

    fn on_push(&mut self, push: Push) {
        match push {
            Push::Presence { account, devices } => self.on_presence(account, &devices),
            Push::RecordChanged { record } => {
                if let Ok(opened) = record.open() {
                    self.learn(&record, &opened, Source::Server);
                }
            }
            Push::MemberJoined { tag, member } => self.on_member_joined(tag, &member),
            Push::Message { tag, sealed } => self.on_gossip_message(tag, &sealed),
            Push::Notice { kind: NoticeKind::ShuttingDown, .. } => {}
            Push::Notice { kind: NoticeKind::Replaced, text } => {
                self.notice(Notice::Error { code: "replaced", text });
            }
        }
    }

    fn watch_all(&mut self) {
        let accounts: Vec<_> = self
            .conversations
            .values()
            .filter_map(|c| match c.row.kind {
                Kind::Direct(account) => Some(account),
                Kind::Group(_) => None,
            })
            .collect();
        self.watch(&accounts);
        for account in accounts {
            self.verify(account);
        }
    }

    pub(super) fn watch(&mut self, accounts: &[AccountId]) {
        if self.tie.is_registered() {
            for accounts in accounts.chunks(WATCH_PER_REQUEST) {
                let accounts = Bounded::truncated(accounts.iter().copied());
                self.ask_server(Request::Watch { accounts }, Purpose::Inform);
            }
        }
    }

    pub(super) fn on_addresses(&mut self, addresses: Vec<Multiaddr>) {
        let is_new = |address| !self.addresses.contains(address);
        let changed = addresses.len() != self.addresses.len() || addresses.iter().any(is_new);
        let lost = Families::lost(&self.addresses, &addresses);
        let gained = Families::lost(&addresses, &self.addresses);
        self.addresses = addresses;
        if changed {
            let now = self.now.instant;
            let families = Families::of(&self.addresses);
            self.tie.try_in_order(dialling::groups(&self.server_addresses, families));
            self.tie.network_changed(now);
            self.paths.network_changed(families, now);
            self.look_for_openings();
            if !lost.is_empty() || !gained.is_empty() {
                self.diagnosis.network_changed();
            }
            if !lost.is_empty() {
                self.on_network_lost(lost);
            } else if !gained.is_empty() && self.tie.is_greeting() {
                self.leave_server();
            }
        }
        self.dirty.tie = true;
        if self.tie.is_registered() {
            self.announce();
        }
    }

    /// Own addresses of these families are gone, or all connections may be dead after a sleep: nothing tells that
    /// in good time, so what may have used them is given up at once.
    pub(super) fn on_network_lost(&mut self, lost: Families) {
        let (devices, actions) = self.paths.addresses_lost(lost, self.now.instant);
        self.follow(actions);
        for device in devices {
            self.interrupt_fetches(device);
            self.renew_sessions(device);
        }
        self.leave_server();
    }

    /// Connects to the server anew, since what leads to it began in another network.
    fn leave_server(&mut self) {
        if !self.server_on_loopback && !self.tie.is_refused() {
            self.effects.push(Effect::DisconnectServer);
            self.tie.hurry();
        }
    }

    /// Whether this device slept: the clock on the wall went on and the other one did not.
    pub(super) fn has_slept(&self, now: Now) -> bool {
        let wall_ms = now.unix_ms.saturating_sub(self.now.unix_ms);
        let awake_ms = now.instant.saturating_duration_since(self.now.instant).as_millis() as u64;
        wall_ms.saturating_sub(awake_ms) >= SLEPT_MS
    }

    fn on_seen(&mut self, at: Multiaddr, address: Multiaddr) {
        let before = self.diagnosis.outside().cloned();
        self.diagnosis.seen(at, address);
        if self.diagnosis.outside() != before.as_ref() && self.tie.is_registered() {
            self.announce();
        }
        self.look_outside();
    }

    /// Tells the server where this device is, unless the user wants that hidden.
    pub(super) fn announce(&mut self) {
        let useful = |address: &&Multiaddr| self.server_on_loopback || !is_loopback(address);
        let addresses: Vec<_> = if self.is_open() {
            let outside = self.diagnosis.outside().filter(|it| !self.addresses.contains(it));
            let known = outside.into_iter().chain(self.addresses.iter().filter(useful));
            known.cloned().filter_map(Address::new).collect()
        } else {
            Vec::new()
        };
        let addresses = Bounded::truncated(addresses);
        self.ask_server(Request::Announce { addresses }, Purpose::Inform);
    }

    /// Keeps a command until the server can be asked.
    pub(super) fn wait_for_server(&mut self, call: CallId, command: Command) {
        const WAIT: Duration = Duration::from_secs(15);
        const CALLS_MAX: usize = 256;
        if self.tie.is_refused() || self.waiting_calls.len() >= CALLS_MAX {
            self.answer(call, Err(not_connected()));
        } else {
            self.waiting_calls.push((self.now.instant + WAIT, call, command));
        }
    }
}

fn is_loopback(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    })
}

fn not_connected() -> Failure {
    Failure::new("not_connected", "The server cannot be reached; check the network and try again")
}

fn not_found(username: &Username) -> Failure {
    Failure::new("not_found", format!("Nobody is registered as @{username}; check the spelling"))
}
