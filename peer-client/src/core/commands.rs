//! Commands of the front ends.

use wire::{
    event::Payload,
    id::{ConversationId, EventId},
    limits::{CAPTION_MAX, TEXT_MAX},
    name::{ConversationName, GroupName, Username},
    rendezvous::Request,
};

use super::{
    command::{Answer, Command, Draft, Failure},
    conversation::Conversation,
    effect::Effect,
    input::{CallId, Ticket},
    machine::Machine,
    model::MemberView,
    pending::{AfterSave, Pending},
    session::Purpose,
    storage::{Kind, MessageRow, StoreOp},
    timeline::{PAGE, Window},
};

/// Messages that one answer lists at most.
const MESSAGES_MAX: u32 = 1000;

impl Machine {
    pub(super) fn on_command(&mut self, call: CallId, command: Command) {
        match command {
            Command::Join { group, invite } => self.join(call, &group, invite.as_deref()),
            Command::Leave { group } => self.on_leave(call, group),
            Command::Send { .. } | Command::Open { .. } | Command::RelayOnly { .. } => {
                self.with_conversation(call, command);
            }
            Command::Close { conversation } => {
                if let Some(conversation) = self.find(&conversation) {
                    conversation.window = None;
                    self.dirty.conversations = true;
                }
                self.dirty.closed = true;
                self.answer(call, Ok(Answer::Done));
            }
            Command::Older { conversation } => self.on_older(call, &conversation),
            Command::Read { of } => self.with_known(call, &of, |machine, id| {
                machine.mark_read(id);
                machine.answer(call, Ok(Answer::Done));
            }),
            Command::Typing { within } => self.with_known(call, &within, |machine, id| {
                machine.tell_typing(id);
                machine.answer(call, Ok(Answer::Done));
            }),
            Command::React { .. } | Command::Edit { .. } | Command::Erase { .. } => {
                self.on_change_command(call, command);
            }
            Command::Search { text, within, limit } => self.on_search(call, text, within, limit),
            Command::Accept { peer } => self.on_accept(call, peer),
            Command::Block { peer, on } => self.on_block(call, &peer, on),
            Command::Mute { conversation, on } => self.on_mute(call, &conversation, on),
            Command::Create { group } => self.create(call, &group),
            Command::Invite { group } => self.on_invite(call, &group),
            Command::History { of, limit, before } => self.on_history(call, &of, limit, before),
            Command::Fetch { message, save_to } => {
                let ticket = self.ticket_for(Pending::Wanted { call, save_to });
                self.store(StoreOp::Message { ticket, id: message });
            }
            Command::Delivery { message } => self.on_delivery_command(call, message),
            Command::CancelFetch { message } => self.on_cancel_fetch(call, message),
            Command::Peers => {
                let peers = self.peer_views();
                self.answer(call, Ok(Answer::Peers(peers)));
            }
            Command::Diagnose => self.on_diagnose(call),
            Command::Members { of } => self.on_members_command(call, &of),
            Command::Contacts => self.on_contacts(call),
            Command::Devices => self.on_devices(call),
            Command::AddDevice => self.on_add_device(call),
            Command::Revoke { device } => self.on_revoke(call, device),
            Command::Untold { limit } => {
                let ticket = self.ticket_for(Pending::Untold { call });
                let (own, limit) = (self.me.device, limit.clamp(1, MESSAGES_MAX));
                self.store(StoreOp::Untold { ticket, limit, own });
            }
            Command::Told { arrival } => {
                self.store(StoreOp::Told(arrival));
                self.answer(call, Ok(Answer::Done));
            }
        }
    }

    fn find(&mut self, name: &ConversationName) -> Option<&mut Conversation> {
        let id = self.names.get(name)?;
        self.conversations.get_mut(id)
    }

    /// Does something with a conversation that exists, or says that there is none.
    pub(super) fn with_known(
        &mut self,
        call: CallId,
        name: &ConversationName,
        then: impl FnOnce(&mut Self, ConversationId),
    ) {
        match self.names.get(name).copied() {
            Some(id) => then(self, id),
            None => self.answer(call, Err(no_conversation(name))),
        }
    }

    pub(super) fn on_conversation_saved(
        &mut self,
        id: ConversationId,
        call: Option<CallId>,
        then: AfterSave,
    ) {
        match then {
            AfterSave::Nothing => {}
            AfterSave::Joined => self.begin_group(id),
            AfterSave::Created => {
                self.begin_group(id);
                let name = self.conversations.get(&id).map(|c| c.row.name.clone());
                if let (Some(call), Some(ConversationName::Group(group))) = (call, name) {
                    return self.on_invite(call, &group);
                }
            }
        }
        self.answer_maybe(call, Ok(Answer::Done));
    }

    fn on_leave(&mut self, call: CallId, group: GroupName) {
        let name = ConversationName::Group(group);
        self.with_known(call, &name, |machine, id| {
            machine.leave(id);
            if let Some(row) = machine.conversations.get(&id).map(|c| c.row.clone()) {
                machine.save_conversation(row, Some(call), AfterSave::Nothing);
            }
        });
    }

    /// Goes on with a command once its conversation exists: people are looked up for that.
    fn with_conversation(&mut self, call: CallId, command: Command) {
        match command.wanted() {
            // What was written earlier and still waits for the server comes first.
            Some(ConversationName::Direct(username)) if self.waits_for(username) => {
                let username = username.clone();
                self.ask_for(call, username, command);
            }
            _ => self.with_next(call, command),
        }
    }

    /// Whether a command that concerns a person waits for the server.
    fn waits_for(&self, username: &Username) -> bool {
        let concerns = |command: &Command| match command.wanted() {
            Some(ConversationName::Direct(other)) => other == username,
            _ => false,
        };
        self.tie.waiting_commands().any(concerns)
            || self.waiting_calls.iter().any(|(_, _, command)| concerns(command))
    }

    /// The same for a command before which no other one of its conversation waits.
    pub(super) fn with_next(&mut self, call: CallId, command: Command) {
        let Some(name) = command.wanted().cloned() else { return };
        if let Some(id) = self.names.get(&name).copied()
            && self.is_usable(id, &command)
        {
            return match command {
                Command::Send { draft, .. } => self.on_send(call, id, draft),
                Command::RelayOnly { on, .. } => self.on_relay_only(call, id, on),
                _ => self.on_open(call, id),
            };
        }
        match name {
            ConversationName::Group(_) => self.answer(call, Err(no_conversation(&name))),
            ConversationName::Direct(username) => self.find_person(call, username, command),
        }
    }

    /// Whether a command may use a conversation: one may not write to a group that one left, nor
    /// to somebody whose name the server did not confirm.
    fn is_usable(&self, id: ConversationId, command: &Command) -> bool {
        let writes = matches!(command, Command::Send { .. });
        self.conversations.get(&id).is_some_and(|conversation| match conversation.row.kind {
            Kind::Group(_) => !(writes && conversation.row.left),
            Kind::Direct(account) => !writes || self.people.is_verified(&account),
        })
    }

    fn find_person(&mut self, call: CallId, username: Username, command: Command) {
        if let Some(account) =
            self.people.account_of(&username).filter(|a| self.people.is_verified(a))
        {
            self.make_direct(account, false);
            self.watch(&[account]);
            // The store keeps the order, so nothing that is written later overtakes this.
            self.with_next(call, command);
        } else {
            self.ask_for(call, username, command);
        }
    }

    fn ask_for(&mut self, call: CallId, username: Username, command: Command) {
        if self.tie.is_registered() && self.tie.has_room() {
            let purpose = Purpose::Find(username.clone(), call, command);
            self.ask_server(Request::Lookup { username }, purpose);
        } else {
            self.wait_for_server(call, command);
        }
    }

    fn on_send(&mut self, call: CallId, id: ConversationId, draft: Draft) {
        if self.conversations.get(&id).is_some_and(|c| self.is_with_blocked(&c.row.kind)) {
            let failure =
                Failure::new("blocked", "You have blocked this person; unblock them first");
            return self.answer(call, Err(failure));
        }
        let Draft { text, file, reply_to } = draft;
        let limit = if file.is_some() { CAPTION_MAX } else { TEXT_MAX };
        if text.len() > limit {
            let text =
                format!("The text has {} bytes, {limit} are allowed; send it in parts", text.len());
            return self.answer(call, Err(Failure::new("too_long", text)));
        }
        if let Some(source) = file {
            let pending = Pending::Prepare { call, conversation: id, text, reply_to };
            let ticket = self.ticket_for(pending);
            self.effects.push(Effect::Prepare { ticket, source });
        } else if text.is_empty() {
            self.answer(call, Err(Failure::new("empty", "There is nothing to send")));
        } else {
            self.accept_request(id);
            self.append_own(id, &Payload::Text { body: text, reply_to }, Some(call));
        }
    }

    /// Whoever answers a stranger has accepted the conversation.
    pub(super) fn accept_request(&mut self, id: ConversationId) {
        if let Some(conversation) = self.conversations.get_mut(&id)
            && std::mem::take(&mut conversation.row.request)
        {
            self.dirty.conversations = true;
            let row = conversation.row.clone();
            self.save_conversation(row, None, AfterSave::Nothing);
        }
    }

    fn on_open(&mut self, call: CallId, id: ConversationId) {
        if let Some(conversation) = self.conversations.get_mut(&id)
            && conversation.window.is_none()
        {
            conversation.window = Some(Window::loading());
            self.load_page(id, None);
        }
        self.answer(call, Ok(Answer::Done));
    }

    fn load_page(&mut self, conversation: ConversationId, before: Option<EventId>) {
        let ticket = self.ticket_for(Pending::Page { conversation });
        self.store(StoreOp::History { ticket, conversation, limit: PAGE, before });
    }

    fn on_older(&mut self, call: CallId, name: &ConversationName) {
        self.with_known(call, name, |machine, id| {
            let window = machine.conversations.get_mut(&id).and_then(|c| c.window.as_mut());
            if let Some(window) = window.filter(|window| window.more_before && !window.loading) {
                window.loading = true;
                let before = window.rows().next().map(|row| row.id);
                machine.load_page(id, before);
            }
            machine.answer(call, Ok(Answer::Done));
        });
    }

    pub(super) fn on_messages(&mut self, ticket: Ticket, rows: Vec<MessageRow>, more: bool) {
        match self.pending.remove(&ticket) {
            Some(Pending::History { call }) => {
                let messages = rows.iter().map(|row| self.message_view(row)).collect();
                self.answer(call, Ok(Answer::Messages(messages)));
            }
            Some(Pending::Untold { call }) => {
                let messages =
                    rows.iter().map(|row| (row.arrival, self.message_view(row))).collect();
                self.answer(call, Ok(Answer::Untold(messages)));
            }
            Some(Pending::Page { conversation }) => {
                if let Some(window) =
                    self.conversations.get_mut(&conversation).and_then(|c| c.window.as_mut())
                {
                    window.prepend(rows, more);
                    self.dirty.timelines.insert(conversation);
                }
            }
            Some(Pending::Refresh { conversation }) => {
                let window =
                    self.conversations.get_mut(&conversation).and_then(|c| c.window.as_mut());
                if let (Some(window), Some(row)) = (window, rows.into_iter().next()) {
                    window.insert(row);
                    self.dirty.timelines.insert(conversation);
                }
            }
            Some(Pending::Change { call, change }) => {
                self.on_change_found(call, change, rows.first());
            }
            Some(Pending::Changed { author, change }) => {
                if let Some(row) = rows.first() {
                    self.on_changed(author, change, row);
                }
            }
            Some(Pending::Wanted { call, save_to }) => self.on_wanted(call, save_to, rows.first()),
            Some(Pending::Delivery { call }) => self.on_delivery_found(call, rows.first()),
            _ => {}
        }
    }

    fn on_history(
        &mut self,
        call: CallId,
        of: &ConversationName,
        limit: u32,
        before: Option<EventId>,
    ) {
        if matches!(of, ConversationName::Direct(_)) && !self.names.contains_key(of) {
            // Nothing was written yet between the user and this person.
            return self.answer(call, Ok(Answer::Messages(Vec::new())));
        }
        self.with_known(call, of, |machine, id| {
            let ticket = machine.ticket_for(Pending::History { call });
            let limit = limit.clamp(1, MESSAGES_MAX);
            machine.store(StoreOp::History { ticket, conversation: id, limit, before });
        });
    }

    fn on_search(
        &mut self,
        call: CallId,
        text: String,
        within: Option<ConversationName>,
        limit: u32,
    ) {
        let conversation = match within.map(|name| self.names.get(&name).copied().ok_or(name)) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(name)) => return self.answer(call, Err(no_conversation(&name))),
        };
        let ticket = self.ticket_for(Pending::History { call });
        let limit = limit.clamp(1, MESSAGES_MAX);
        self.store(StoreOp::Search { ticket, text, conversation, limit });
    }

    fn on_members_command(&mut self, call: CallId, name: &ConversationName) {
        self.with_known(call, name, |machine, id| {
            let Some(conversation) = machine.conversations.get(&id) else { return };
            let me = MemberView { username: machine.me.username.clone(), online: true };
            let mut members = machine.member_views(conversation);
            members.insert(0, me);
            let complete = conversation.completeness();
            machine.answer(call, Ok(Answer::Members { members, complete }));
        });
    }

    fn on_contacts(&mut self, call: CallId) {
        let contacts =
            self.conversations.values().filter_map(|conversation| match conversation.row.kind {
                Kind::Direct(_) if self.is_hidden(conversation) => None,
                Kind::Direct(account) => Some(MemberView {
                    username: self.people.name_of(&account),
                    online: self.is_online(&account),
                }),
                Kind::Group(_) => None,
            });
        let contacts = contacts.collect();
        self.answer(call, Ok(Answer::Contacts(contacts)));
    }
}

fn no_conversation(name: &ConversationName) -> Failure {
    let text = match name {
        ConversationName::Group(_) => format!("You are not in {name}; join it first"),
        ConversationName::Direct(_) => {
            format!("There is no conversation with {name} yet; write to them first")
        }
    };
    let code =
        if matches!(name, ConversationName::Group(_)) { "not_joined" } else { "no_conversation" };
    Failure::new(code, text)
}
