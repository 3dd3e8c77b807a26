//! How a replication stream begins: greetings, and who has a right to which conversation.

use wire::{
    id::{ConversationId, DeviceId},
    sync::{ByeReason, Have, Proof, SyncFrame},
};

use super::{
    conversation::Conversation, input::SessionId, machine::Machine, people::Source, storage::Kind,
};

impl Machine {
    pub(super) fn on_hello(
        &mut self,
        session: SessionId,
        id: ConversationId,
        proof: &Proof,
        have: &Have,
    ) {
        let Some(state) = self.sessions.get(&session) else { return };
        let (device, opened_here) = (state.device, state.opened_here);
        if state.conversation.is_some_and(|wanted| wanted != id)
            || !self.authorise(device, id, proof)
        {
            self.say_bye(session, ByeReason::Unauthorised, "this is not your conversation");
            return;
        }
        if let Some(state) = self.sessions.get_mut(&session) {
            state.conversation = Some(id);
            state.greeted = true;
            state.has(have);
        }
        if !opened_here {
            self.say_hello(session);
        }
        self.paths.note(device);
        // Other conversations with the device may still be without a stream.
        if let Some(check) = self.checks.get_mut(&device) {
            check.failures = 0;
        }
        let mut differing = Vec::new();
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.compare(have);
            differing = conversation.differing(have);
        }
        for (device, sequence) in differing {
            let frame = SyncFrame::Ask { device, from: sequence, to: sequence };
            self.send(session, frame, None);
        }
        self.ask_withheld(session, id);
        self.tell_complete(id);
        self.send_receipts(session);
        self.drop_duplicates(session);
        self.read_newest(session, id);
        self.pump(session);
    }

    /// Whether a device has a right to a conversation. A stranger's first greeting makes a
    /// direct conversation as a request.
    pub(super) fn authorise(
        &mut self,
        device: DeviceId,
        id: ConversationId,
        proof: &Proof,
    ) -> bool {
        match proof {
            Proof::Group(proof) => match self.conversations.get(&id).map(|c| &c.row) {
                Some(row) if !row.left => match &row.kind {
                    Kind::Group(_) if self.people.is_removed(&device) => false,
                    Kind::Group(secret) => secret.accepts(proof, &device, &self.me.device),
                    Kind::Direct(_) => false,
                },
                _ => false,
            },
            Proof::Direct(introduction) => {
                let (Ok(identity), Ok(record)) = (introduction.open(), introduction.record.open())
                else {
                    return false;
                };
                let own = identity.account == self.me.account;
                let theirs = ConversationId::direct(&self.me.account, &identity.account) == id;
                if identity.device != device
                    || !(theirs || own && self.conversations.contains_key(&id))
                {
                    return false;
                }
                let refused = self.people.is_blocked(&identity.account);
                if !own && (refused || !self.admits(identity.account)) {
                    return false;
                }
                self.learn(&introduction.record, &record, Source::Peer);
                if !self.people.speaks_for(&device, &identity.account)
                    || !self.people.may_certify(&device, &identity.account)
                {
                    return false;
                }
                self.people.certify(device, identity.account);
                self.dirty.members = true;
                if !own {
                    self.ensure_direct(identity.account);
                }
                true
            }
        }
    }

    pub(super) fn say_hello(&mut self, session: SessionId) {
        let Some((device, id)) =
            self.sessions.get(&session).and_then(|s| Some((s.device, s.conversation?)))
        else {
            return;
        };
        let Some(conversation) = self.conversations.get(&id) else { return };
        let frame = SyncFrame::Hello {
            conversation: id,
            proof: self.proof(conversation, &device),
            have: conversation.have(),
        };
        self.send(session, frame, None);
    }

    /// The own right to a conversation, as shown to a device.
    pub(super) fn proof(&self, conversation: &Conversation, to: &DeviceId) -> Proof {
        match &conversation.row.kind {
            Kind::Direct(_) => Proof::Direct(Box::new(self.introduction.clone())),
            Kind::Group(secret) => Proof::Group(secret.proof(&self.me.device, to)),
        }
    }
}
