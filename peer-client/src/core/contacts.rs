//! People: taking in what is said of them, their presence, and direct conversations with them.

use libp2p::Multiaddr;
use wire::{
    account::AccountRecord,
    id::{AccountId, ConversationId, DeviceId},
    name::{ConversationName, Username},
    rendezvous::{Reachable, Request, Whereabouts},
    signed::Signed,
};

use super::{
    conversation::Conversation,
    input::CallId,
    machine::Machine,
    notice::Notice,
    pending::{AfterSave, Pending},
    people::Source,
    session::Purpose,
    storage::{ConversationRow, Kind, StoreOp},
};

/// Conversations that strangers may have begun and that were not answered.
const REQUESTS_MAX: usize = 64;

impl Machine {
    /// Takes in an account's record, from whichever side.
    pub(super) fn learn(
        &mut self,
        signed: &Signed<AccountRecord>,
        record: &AccountRecord,
        source: Source,
    ) {
        self.on_own_record(signed, record);
        let Some(row) = self.people.learn(signed, record, source) else { return };
        self.store(StoreOp::SaveAccount(row));
        self.refuse_removed(record);
        self.dirty.conversations = true;
        self.dirty.members = true;
        self.dirty.peers = true;
        self.verify(record.account);
    }

    /// Asks the server who has the name that an account claims, unless it vouched for it already.
    pub(super) fn verify(&mut self, account: AccountId) {
        if let Some(username) = self.people.unverified_name(&account)
            && self.tie.is_registered()
        {
            let purpose = Purpose::Verify(username.clone(), account);
            self.ask_server(Request::Lookup { username }, purpose);
        }
    }

    /// The server says who has a name, and where.
    pub(super) fn on_found(&mut self, username: &Username, found: &Whereabouts) {
        let Ok(record) = found.record.open() else { return };
        if record.username != *username {
            return;
        }
        self.learn(&found.record, &record, Source::Server);
        if self.people.account_of(username) == Some(record.account) {
            self.rename_impostor(username, record.account);
        } else {
            let text = format!(
                "The server now says that @{username} is somebody else than the one you know; \
                 ask them by another way"
            );
            self.notice(Notice::Error { code: "identity_changed", text });
        }
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

    pub(super) fn on_presence(&mut self, account: AccountId, devices: &[Reachable]) {
        let change = self.people.set_present(account, devices);
        let is_here = |device: &DeviceId| devices.iter().any(|here| here.device == *device);
        for conversation in self.conversations.values_mut() {
            let present = &mut conversation.group.present;
            present.retain(|device, owner| *owner != account || is_here(device));
        }
        let has_conversation = self.direct_with(account).is_some();
        let mut gone: Vec<DeviceId> = self.paths.linked().into_iter().collect();
        gone.retain(|device| self.people.owner_of(device) == Some(account));
        for reachable in devices {
            gone.retain(|device| *device != reachable.device);
            if has_conversation {
                let addresses = plain_addresses(reachable);
                let urgent = self.has_waiting(account);
                self.paths.want(reachable.device, &addresses, urgent, self.now.instant);
            }
        }
        if let Some(id) = self.direct_with(account) {
            for reachable in devices {
                self.ensure_session(id, reachable.device);
                if account == self.me.account && self.paths.is_linked(&reachable.device) {
                    self.on_linked(reachable.device);
                }
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
        self.dirty.members = true;
        self.dirty.peers = true;
    }

    pub(super) fn tell_presence(&mut self, account: AccountId, online: bool) {
        let is_contact = account != self.me.account && self.direct_with(account).is_some();
        if is_contact && !self.people.is_blocked(&account) {
            let peer = self.people.name_of(&account);
            self.notice(Notice::Presence { peer, online });
        }
    }

    /// Remembers where a member of a group is.
    pub(super) fn learn_addresses(&mut self, reachable: &Reachable) {
        self.paths.learn(reachable.device, &plain_addresses(reachable), self.now.instant);
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
        let Some(&Kind::Direct(account)) = self.conversations.get(&id).map(|c| &c.row.kind) else {
            return;
        };
        // Those that a group or the local network connected need not be present at the server.
        for device in self.people.devices_of(&account) {
            self.ensure_session(id, device);
        }
        for (device, addresses) in self.people.present(&account) {
            if !self.paths.is_linked(&device) {
                self.paths.want(device, &addresses, true, self.now.instant);
            }
        }
        if !self.tie.is_registered() {
            for device in self.people.devices_of(&account) {
                let is_known = !self.paths.addresses_of(&device).is_empty();
                if is_known && !self.paths.is_linked(&device) {
                    self.called.insert(device);
                    self.paths.want(device, &[], true, self.now.instant);
                }
            }
        }
    }

    /// Whether an account may call: there is a conversation with it, or room for a request.
    pub(super) fn admits(&self, account: AccountId) -> bool {
        self.direct_with(account).is_some()
            || self.conversations.values().filter(|c| c.row.request).count() < REQUESTS_MAX
    }

    /// Makes sure that there is a conversation with a stranger who calls.
    pub(super) fn ensure_direct(&mut self, account: AccountId) {
        if self.direct_with(account).is_none() {
            self.make_direct(account, true);
            self.watch(&[account]);
        }
    }

    pub(super) fn make_direct(&mut self, account: AccountId, request: bool) {
        let id = ConversationId::direct(&self.me.account, &account);
        let name = ConversationName::Direct(self.people.name_of(&account));
        let row = ConversationRow {
            id,
            name: name.clone(),
            kind: Kind::Direct(account),
            request,
            left: false,
            muted: false,
        };
        self.names.insert(name, id);
        // It may be here under another name, saved from a damaged database.
        self.conversations.entry(id).or_insert_with(|| Conversation::new(row.clone())).row =
            row.clone();
        self.dirty.conversations = true;
        self.save_conversation(row, None, AfterSave::Nothing);
        if self.people.is_present(&account) {
            self.tell_presence(account, true);
        }
    }

    pub(super) fn save_conversation(
        &mut self,
        row: ConversationRow,
        call: Option<CallId>,
        then: AfterSave,
    ) {
        let ticket = self.ticket_for(Pending::Conversation { id: row.id, call, then });
        self.store(StoreOp::SaveConversation { ticket, row });
    }
}

fn plain_addresses(reachable: &Reachable) -> Vec<Multiaddr> {
    reachable.addresses.iter().map(|address| address.as_multiaddr().clone()).collect()
}
