//! Of whom the user wants to hear: requests of strangers, blocked people, muted conversations.

use wire::{
    id::AccountId,
    name::{ConversationName, Username},
};

use super::{
    command::{Answer, Failure},
    input::CallId,
    machine::Machine,
    pending::AfterSave,
    storage::{Kind, StoreOp},
};

impl Machine {
    pub(super) fn on_accept(&mut self, call: CallId, peer: Username) {
        self.with_known(call, &ConversationName::Direct(peer), |machine, id| {
            machine.accept_request(id);
            machine.answer(call, Ok(Answer::Done));
        });
    }

    pub(super) fn on_block(&mut self, call: CallId, peer: &Username, on: bool) {
        let known = self.people.account_of(peer).or_else(|| self.account_shown_as(peer));
        let Some(account) = known else {
            let text = format!("Nobody called @{peer} is known here");
            return self.answer(call, Err(Failure::new("not_found", text)));
        };
        self.people.block(account, on);
        self.store(StoreOp::Block { account, on });
        if let Some(id) = self.direct_with(account) {
            if on {
                self.close_sessions_of(id);
            } else {
                self.reach_out(id);
            }
        }
        self.dirty.conversations = true;
        self.answer(call, Ok(Answer::Done));
    }

    pub(super) fn on_mute(&mut self, call: CallId, name: &ConversationName, on: bool) {
        self.with_known(call, name, |machine, id| {
            let Some(conversation) = machine.conversations.get_mut(&id) else { return };
            conversation.row.muted = on;
            let row = conversation.row.clone();
            machine.dirty.conversations = true;
            machine.save_conversation(row, Some(call), AfterSave::Nothing);
        });
    }

    /// Whether a conversation is with somebody of whom the user does not want to hear.
    pub(super) fn is_with_blocked(&self, kind: &Kind) -> bool {
        matches!(kind, Kind::Direct(account) if self.people.is_blocked(account))
    }

    /// The account of a conversation whose name only stands in for an unknown one.
    fn account_shown_as(&self, peer: &Username) -> Option<AccountId> {
        let id = self.names.get(&ConversationName::Direct(peer.clone()))?;
        match self.conversations.get(id)?.row.kind {
            Kind::Direct(account) => Some(account),
            Kind::Group(_) => None,
        }
    }
}
