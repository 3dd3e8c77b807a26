//! The members of groups that this device is connected to directly, and who brings it the groups'
//! messages: the policies' view of the world, and what they decide, carried out.

use wire::{
    conversation::GroupSecret,
    event::{CheckedEvent, Payload},
    id::{ConversationId, DeviceId, TopicTag},
    rendezvous::Request,
};

use super::{
    carrying::ENOUGH,
    conversation::Conversation,
    machine::Machine,
    model::Path,
    neighbours::{Candidate, NeighbourAction, View},
    repair::is_large,
    session::Purpose,
};

/// The age of a message from which on gossip that has not brought it does not bring it, in a small group and in a
/// large one.
const LATE_MS: [u64; 2] = [1_400, 6_000];
/// The age beyond which a message that replication brings says nothing of who is connected now.
const MISSED_MS: u64 = 60_000;

impl Machine {
    /// Seeks direct connections to members, and tells the server whose copies are wanted.
    pub(super) fn tick_neighbours(&mut self) {
        self.tick_carrying();
        let now = self.now.instant;
        if self.tags.is_empty() || self.relay_only || self.neighbours.next_deadline() > now {
            return;
        }
        let view = self.members_in_view();
        for action in self.neighbours.look(now, &view, &mut self.rng) {
            match action {
                NeighbourAction::Seek(device) => self.paths.want(device, &[], false, now),
                NeighbourAction::Release(device) => self.release_neighbour(device),
                NeighbourAction::AskMembers(id) => self.ask_members(id),
            }
        }
    }

    fn tick_carrying(&mut self) {
        let now = self.now;
        let mut told = Vec::new();
        for (tag, id) in &self.tags {
            let carrying = self.conversations.get_mut(id).map(|it| &mut it.group.carrying);
            let wanted = carrying.and_then(|it| it.tick(now.instant, now.unix_ms));
            told.extend(wanted.map(|wanted| (*tag, wanted)));
        }
        for (tag, wanted) in told {
            self.ask_server(Request::Copies { tag, wanted }, Purpose::Copies { tag, wanted });
        }
    }

    /// The server sends no copies now, though they are wanted.
    pub(super) fn on_no_copies(&mut self, tag: TopicTag) {
        let now = self.now;
        if let Some(conversation) =
            self.group_of(tag).and_then(|id| self.conversations.get_mut(&id))
        {
            conversation.group.carrying.refused(now.instant, now.unix_ms);
        }
    }

    /// So many members pass a group's messages on to this device.
    pub(super) fn on_meshed(&mut self, tag: TopicTag, members: usize) {
        let Some(id) = self.group_of(tag) else { return };
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let carrying = &mut conversation.group.carrying;
        let too_few = members < ENOUGH && carrying.members() >= ENOUGH;
        carrying.meshed(members);
        if too_few {
            // What was said in between is found by the others' digests, or by the own one.
            self.schedule_digest(id);
            self.neighbours.look_by(self.now.instant);
        }
    }

    /// An entry of a group is new here; whether members passed it on says how well they are connected.
    pub(super) fn note_carried(&mut self, id: ConversationId, event: &CheckedEvent, path: Path) {
        let now = self.now;
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        // A stream that is busy brings what is new at once, perhaps before it is passed on.
        let missed = LATE_MS[usize::from(is_large(conversation))]..MISSED_MS;
        let carrying = &mut conversation.group.carrying;
        match &event.payload {
            // Whoever has just joined may have had nobody to tell.
            Some(Payload::Introduction(_)) => {}
            _ if path == Path::Group => carrying.heard(),
            _ => carrying.missed(event.header.clock.ms, missed, now),
        }
    }

    fn members_in_view(&self) -> View {
        let groups = self.tags.values().filter_map(|id| Some((*id, self.conversations.get(id)?)));
        let members = |conversation: &Conversation| {
            let present = conversation.group.present.iter();
            present
                .filter(|(device, _)| **device != self.me.device)
                .map(|(device, account)| {
                    let road = self.paths.road(device).filter(|road| !road.relayed);
                    let is_here =
                        !self.tie.is_registered() || self.people.is_device_present(account, device);
                    let is_welcome = !self.people.is_blocked(account);
                    let candidate = Candidate {
                        linked: road.is_some(),
                        available: is_here && is_welcome && self.paths.may_dial(device),
                        rtt_ms: road.and_then(|road| road.rtt_ms),
                    };
                    (*device, candidate)
                })
                .collect()
        };
        groups.map(|(id, conversation)| (id, members(conversation))).collect()
    }

    fn ask_members(&mut self, id: ConversationId) {
        if self.tie.is_registered()
            && let Some(tag) = self.secret(id).map(GroupSecret::tag)
        {
            self.ask_server(Request::Members { tag }, Purpose::Neighbours(tag));
        }
    }

    fn release_neighbour(&mut self, device: DeviceId) {
        self.unwant_member(device);
        let is_used = self.sessions.values().any(|session| session.device == device)
            || self.is_needed(&device);
        if !is_used {
            let actions = self.paths.close_all(&device);
            self.follow(actions);
        }
    }
}
