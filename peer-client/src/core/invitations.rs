//! Private groups and the links that make others members.

use rand::RngExt as _;
use wire::{
    bounded::Bounded,
    conversation::GroupSecret,
    invite::{Invitation, Invite},
    name::{ConversationName, GroupName},
    rendezvous::Address,
};

use super::{
    command::{Answer, Failure},
    conversation::Conversation,
    input::CallId,
    machine::Machine,
    pending::AfterSave,
    storage::{ConversationRow, Kind},
};

impl Machine {
    /// Becomes a member of a group, or again.
    pub(super) fn join(&mut self, call: CallId, group: &GroupName, invite: Option<&str>) {
        let secret = match invite.map(Invite::from_link) {
            None => GroupSecret::open(&self.server, group),
            Some(Ok(Invite { to: Invitation::Group { secret, .. }, .. })) => secret,
            Some(Ok(_)) => {
                let failure = Failure::new("invite_invalid", "This invitation is not to a group");
                return self.answer(call, Err(failure));
            }
            Some(Err(error)) => {
                return self.answer(call, Err(Failure::new("invite_invalid", error.to_string())));
            }
        };
        let id = secret.conversation();
        let name = ConversationName::Group(group.clone());
        if self.names.get(&name).is_some_and(|other| *other != id) {
            let text = format!("You are in another group called {name}; leave it first");
            return self.answer(call, Err(Failure::new("name_in_use", text)));
        }
        if self.conversations.get(&id).is_some_and(|conversation| !conversation.row.left) {
            return self.answer(call, Ok(Answer::Done));
        }
        self.enter(name, secret, Some(call), AfterSave::Joined);
    }

    /// Makes a private group, whose secret is random.
    pub(super) fn create(&mut self, call: CallId, group: &GroupName) {
        let name = ConversationName::Group(group.clone());
        if self.names.contains_key(&name) {
            let text = format!("You are in a group called {name} already; choose another name");
            return self.answer(call, Err(Failure::new("name_in_use", text)));
        }
        let secret = GroupSecret::new(self.rng.random());
        self.enter(name, secret, Some(call), AfterSave::Created);
    }

    /// Makes or reopens a group here.
    pub(super) fn enter(
        &mut self,
        name: ConversationName,
        secret: GroupSecret,
        call: Option<CallId>,
        then: AfterSave,
    ) {
        let id = secret.conversation();
        let row = ConversationRow {
            id,
            name: name.clone(),
            kind: Kind::Group(secret),
            request: false,
            left: false,
            muted: false,
        };
        self.names.insert(name, id);
        self.conversations.entry(id).or_insert_with(|| Conversation::new(row.clone())).row =
            row.clone();
        self.dirty.conversations = true;
        self.save_conversation(row, call, then);
    }

    /// Answers with the link to a group.
    pub(super) fn on_invite(&mut self, call: CallId, group: &GroupName) {
        let name = ConversationName::Group(group.clone());
        self.with_known(call, &name, |machine, id| {
            let Some(Kind::Group(secret)) = machine.conversations.get(&id).map(|c| &c.row.kind)
            else {
                return;
            };
            let addresses = machine.server_addresses.iter().cloned().filter_map(Address::new);
            let invite = Invite {
                server: machine.server,
                addresses: Bounded::truncated(addresses),
                to: Invitation::Group { name: group.clone(), secret: secret.clone() },
            };
            let link = invite.to_link();
            machine.answer(call, Ok(Answer::Invitation(link)));
        });
    }
}
