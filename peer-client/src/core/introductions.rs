//! What passes between this peer and the rendezvous server: registering, presence, names.

use std::time::Duration;

use libp2p::{Multiaddr, multiaddr::Protocol};
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, ConversationId, DeviceId},
    limits::{VERSION, WATCH_PER_REQUEST},
    name::{ConversationName, Username},
    rendezvous::{
        Address, NoticeKind, Push, Reachable, Refusal, Request, Response, ServerFrame, Whereabouts,
    },
    signed::Signed,
};

use super::{
    command::Failure,
    input::{Effect, ServerInput},
    machine::{AfterSave, Machine, Pending},
    model::ServerTie,
    notice::Notice,
    people::Source,
    session::{Purpose, TieAction},
    storage::{ConversationRow, Kind, StoreOp},
};

/// First pause before asking again for a place for circuits; doubles each time.
const RESERVE_FIRST: Duration = Duration::from_millis(500);
/// Longest pause before asking again.
const RESERVE_MAX: Duration = Duration::from_mins(1);
/// Conversations that strangers may have begun and that were not answered.
const REQUESTS_MAX: usize = 64;

impl Machine {
    pub(super) fn tick_server(&mut self) {
        let before = self.tie.shown.clone();
        match self.tie.tick(self.now.instant) {
            Some(TieAction::Connect) => self.effects.push(Effect::ConnectServer),
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

    fn tell_tie(&mut self, before: &ServerTie) {
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
                self.ask_server(Request::Hello { version: VERSION, token: None }, Purpose::Hello);
                let record = self.record.clone();
                self.ask_server(Request::Register { record }, Purpose::Register);
            }
            ServerInput::Frame(ServerFrame::Response { id, result }) => {
                if let Some(purpose) = self.tie.answered(id) {
                    self.on_response(purpose, result);
                }
            }
            ServerInput::Frame(ServerFrame::Push(push)) => self.on_push(push),
            ServerInput::Closed { text } => self.on_server_lost(text),
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

    fn on_server_lost(&mut self, text: String) {
        let asked = self.tie.lost(text, self.now.instant, &mut self.rng);
        for purpose in asked {
            if let Purpose::Find(_, call, command) = purpose {
                self.wait_for_server(call, command);
            }
        }
        self.reserve_at = None;
        for conversation in self.conversations.values_mut() {
            conversation.group.joined = false;
        }
        // Connections that exist stay, and who is connected counts as present by that.
        for account in self.people.clear_presence() {
            self.tell_presence(account, false);
        }
        self.dirty.conversations = true;
        self.dirty.peers = true;
    }

    fn on_response(&mut self, purpose: Purpose, result: Result<Response, Refusal>) {
        match (purpose, result) {
            (Purpose::Register, Ok(_)) => self.on_registered(),
            (Purpose::Hello | Purpose::Register, Err(refusal)) => self.on_refused(refusal),
            (Purpose::Join(tag), Ok(_)) => self.on_joined(tag),
            (Purpose::Join(_), Err(refusal)) => {
                let text = format!("The server does not relay a group: {refusal}");
                self.notice(Notice::Error { code: refusal.code(), text });
            }
            (Purpose::Members(tag), Ok(Response::Members(members))) => {
                self.on_members(tag, &members)
            }
            (Purpose::Find(username, call, command), Ok(Response::Found(found))) => {
                self.on_found(&username, &found);
                if self
                    .people
                    .account_of(&username)
                    .is_some_and(|account| self.people.is_verified(&account))
                {
                    self.on_command(call, command);
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
                self.on_found(&username, &found)
            }
            _ => {}
        }
    }

    fn on_registered(&mut self) {
        self.tie.registered();
        self.store(StoreOp::SaveRecord { record: self.record.clone(), registered: true });
        self.announce();
        self.watch_all();
        self.join_all();
        self.reserve_failures = 0;
        self.effects.push(Effect::Reserve);
        for (_, call, command) in std::mem::take(&mut self.waiting_calls) {
            self.on_command(call, command);
        }
    }

    fn on_refused(&mut self, refusal: Refusal) {
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
            Push::Notice { kind: NoticeKind::ShuttingDown, .. } => {}
            Push::Notice { kind: NoticeKind::Replaced, text } => {
                self.notice(Notice::Error { code: "replaced", text });
            }
        }
    }

    /// Takes in an account's record, from whichever side.
    pub(super) fn learn(
        &mut self,
        signed: &Signed<AccountRecord>,
        record: &AccountRecord,
        source: Source,
    ) {
        let Some(row) = self.people.learn(signed, record, source) else { return };
        let verified = row.verified;
        self.store(StoreOp::SaveAccount(row));
        self.dirty.conversations = true;
        self.dirty.peers = true;
        if !verified && self.tie.is_registered() {
            let username = record.username.clone();
            let purpose = Purpose::Verify(username.clone(), record.account);
            self.ask_server(Request::Lookup { username }, purpose);
        }
    }

    /// The server says who has a name, and where.
    fn on_found(&mut self, username: &Username, found: &Whereabouts) {
        let Ok(record) = found.record.open() else { return };
        if record.username != *username {
            return;
        }
        self.learn(&found.record, &record, Source::Server);
        self.rename_impostor(username, record.account);
        self.on_presence(record.account, &found.devices);
    }

    /// A conversation with someone who only claimed this name must not bear it.
    fn rename_impostor(&mut self, username: &Username, account: AccountId) {
        let name = ConversationName::Direct(username.clone());
        let Some(id) = self.names.get(&name).copied() else { return };
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let Kind::Direct(other) = conversation.row.kind else { return };
        if other == account {
            return;
        }
        conversation.row.name = ConversationName::Direct(self.people.name_of(&other));
        let row = conversation.row.clone();
        self.names.remove(&name);
        self.names.insert(row.name.clone(), id);
        self.save_conversation(row, None, AfterSave::Nothing);
    }

    fn on_presence(&mut self, account: AccountId, devices: &[Reachable]) {
        let change = self.people.set_present(account, devices);
        let has_conversation = self.direct_with(account).is_some();
        let mut gone: Vec<DeviceId> = self.paths.linked().into_iter().collect();
        gone.retain(|device| self.people.owner_of(device) == Some(account));
        for reachable in devices {
            gone.retain(|device| *device != reachable.device);
            if has_conversation && account != self.me.account {
                let addresses = plain_addresses(reachable);
                let urgent = self.has_waiting(account);
                self.paths.want(reachable.device, &addresses, urgent, self.now.instant);
            }
        }
        if devices.is_empty() {
            for device in gone {
                self.paths.unwant(&device);
            }
        }
        if let Some(online) = change {
            self.tell_presence(account, online);
        }
        self.dirty.conversations = true;
        self.dirty.peers = true;
    }

    fn tell_presence(&mut self, account: AccountId, online: bool) {
        if account != self.me.account && self.direct_with(account).is_some() {
            let peer = self.people.name_of(&account);
            self.notice(Notice::Presence { peer, online });
        }
    }

    /// Remembers where a member of a group is.
    pub(super) fn learn_addresses(&mut self, reachable: &Reachable) {
        self.paths.learn(reachable.device, &plain_addresses(reachable));
    }

    /// The direct conversation with an account.
    pub(super) fn direct_with(&self, account: AccountId) -> Option<ConversationId> {
        let id = ConversationId::direct(&self.me.account, &account);
        self.conversations.contains_key(&id).then_some(id)
    }

    /// Whether own messages wait for an account.
    fn has_waiting(&self, account: AccountId) -> bool {
        self.direct_with(account).and_then(|id| self.conversations.get(&id)).is_some_and(
            |conversation| {
                conversation.waiting(self.me.device, |device| self.people.owner_of(device)) > 0
            },
        )
    }

    /// Something waits to be sent: connect to those who are present.
    pub(super) fn reach_out(&mut self, id: ConversationId) {
        let Some(Kind::Direct(account)) = self.conversations.get(&id).map(|c| &c.row.kind) else {
            return;
        };
        for (device, addresses) in self.people.present(account) {
            if self.paths.is_linked(&device) {
                self.ensure_session(id, device);
            } else {
                self.paths.want(device, &addresses, true, self.now.instant);
            }
        }
    }

    /// Makes sure that there is a conversation with a stranger who calls. False if there are too
    /// many such already.
    pub(super) fn ensure_direct(&mut self, account: AccountId) -> bool {
        if self.direct_with(account).is_some() {
            return true;
        }
        if self.conversations.values().filter(|c| c.row.request).count() >= REQUESTS_MAX {
            return false;
        }
        self.make_direct(account, true, None, AfterSave::Nothing);
        self.watch(&[account]);
        true
    }

    pub(super) fn make_direct(
        &mut self,
        account: AccountId,
        request: bool,
        call: Option<super::input::CallId>,
        then: AfterSave,
    ) {
        let id = ConversationId::direct(&self.me.account, &account);
        let name = ConversationName::Direct(self.people.name_of(&account));
        let row = ConversationRow {
            id,
            name: name.clone(),
            kind: Kind::Direct(account),
            request,
            left: false,
        };
        self.names.insert(name, id);
        self.conversations.insert(id, super::conversation::Conversation::new(row.clone()));
        self.dirty.conversations = true;
        self.save_conversation(row, call, then);
    }

    pub(super) fn save_conversation(
        &mut self,
        row: ConversationRow,
        call: Option<super::input::CallId>,
        then: AfterSave,
    ) {
        let ticket = self.expect(Pending::Conversation { call, then });
        self.store(StoreOp::SaveConversation { ticket, row });
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
        self.addresses = addresses;
        self.dirty.tie = true;
        if self.tie.is_registered() {
            self.announce();
        }
    }

    /// Tells the server where this device is, unless the user wants that hidden.
    fn announce(&mut self) {
        let useful = |address: &&Multiaddr| self.server_on_loopback || !is_loopback(address);
        let addresses: Vec<_> = match self.relay_only {
            true => Vec::new(),
            false => {
                self.addresses.iter().filter(useful).cloned().filter_map(Address::new).collect()
            }
        };
        let addresses = Bounded::truncated(addresses);
        self.ask_server(Request::Announce { addresses }, Purpose::Inform);
    }

    /// Keeps a command until the server can be asked.
    pub(super) fn wait_for_server(
        &mut self,
        call: super::input::CallId,
        command: super::command::Command,
    ) {
        const WAIT: Duration = Duration::from_secs(15);
        const CALLS_MAX: usize = 256;
        if self.tie.is_refused() || self.waiting_calls.len() >= CALLS_MAX {
            self.answer(call, Err(not_connected()));
        } else {
            self.waiting_calls.push((self.now.instant + WAIT, call, command));
        }
    }
}

fn plain_addresses(reachable: &Reachable) -> Vec<Multiaddr> {
    reachable.addresses.iter().map(|address| address.as_multiaddr().clone()).collect()
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
