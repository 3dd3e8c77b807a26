//! Where wanted attachments come from: small ones from one device, large ones from several at one
//! time, of which each brings what the others do not. Who fails is tried again later, who lies never.

use std::time::{Duration, Instant};

use wire::{
    blob::BlobRequest,
    bounded::Bounded,
    id::{BlobHash, DeviceId},
};

use super::{
    RETRY, RUNNING_MAX,
    wanted::{GIVE_UP, Wanted},
};
use crate::core::{
    command::Failure, effect::Effect, input::Ticket, machine::Machine, notice::Notice,
    pending::Pending,
};

/// From this size on, an attachment comes from several devices.
const SHARED_MIN: u64 = 8 * 1024 * 1024;
/// Devices that bring parts of one attachment.
const SOURCES_MAX: usize = 4;
/// How often further devices are looked for while some bring parts.
const LOOK: Duration = Duration::from_secs(2);
/// How often connections are asked for while nobody who may have the file is connected.
const SEEK: Duration = Duration::from_secs(5);
/// Members that are asked to connect when nobody who may have the file is connected.
const MEMBERS_SOUGHT: usize = 3;
/// Progress is told after so many bytes.
const PROGRESS_STEP: u64 = 512 * 1024;

/// What came of trying a device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    failures: u32,
    /// Not before; never if there is none.
    again_at: Option<Instant>,
}

/// Devices that may bring an attachment of this size at one time.
pub(super) fn sources_max(size: u64) -> usize {
    if size >= SHARED_MIN { SOURCES_MAX } else { 1 }
}

impl Machine {
    pub(in crate::core) fn tick_attachments(&mut self) {
        let now = self.now.instant;
        let is_late = |wanted: &Wanted| {
            wanted.give_up_at.is_some_and(|at| at <= now) && wanted.running.is_empty()
        };
        let wanted = &self.attachments.wanted;
        let late: Vec<_> = wanted.iter().filter(|(_, it)| is_late(it)).map(|(b, _)| *b).collect();
        for blob in late {
            let text = "Nobody who has this file can be reached; try again when they are online";
            self.give_up(blob, &Failure::new("unavailable", text));
        }
        let wanted = &self.attachments.wanted;
        let mut running = wanted.values().filter(|it| !it.running.is_empty()).count();
        let is_due = |it: &Wanted| it.look_at <= now && it.running.len() < sources_max(it.size);
        let due: Vec<_> = wanted
            .iter()
            .filter(|(_, it)| is_due(it))
            .map(|(blob, it)| (*blob, it.running.is_empty()))
            .collect();
        for (blob, is_new) in due {
            if !is_new || running < RUNNING_MAX {
                let has_begun = self.look_for_sources(blob);
                running += usize::from(is_new && has_begun);
            } else if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
                wanted.look_at = now + RETRY;
            }
        }
    }

    /// Begins to fetch from as many devices as may bring something. Tells whether any does.
    fn look_for_sources(&mut self, blob: BlobHash) -> bool {
        let now = self.now.instant;
        let Some(wanted) = self.attachments.wanted.get(&blob) else { return false };
        let sources = self.sources(wanted);
        let room = sources_max(wanted.size) - wanted.running.len();
        let (id, size) = (wanted.conversation, wanted.size);
        let Some(conversation) = self.conversations.get(&id) else { return false };
        let mut requests = Vec::new();
        for device in sources.iter().take(room) {
            let proof = self.proof(conversation, device);
            let ranges = Bounded::default();
            requests.push((*device, BlobRequest { conversation: id, proof, hash: blob, ranges }));
        }
        for (device, request) in requests {
            let ticket = self.ticket_for(Pending::Fetch { blob, device });
            if let Some(wanted) = self.attachments.wanted.get_mut(&blob) {
                wanted.running.insert(device, ticket);
            }
            self.effects.push(Effect::Fetch { ticket, device, request, size });
        }
        let Some(wanted) = self.attachments.wanted.get_mut(&blob) else { return false };
        let has_begun = !wanted.running.is_empty();
        wanted.look_at = now + if has_begun { LOOK } else { RETRY };
        if !has_begun && wanted.seek_at <= now {
            wanted.seek_at = now + SEEK;
            self.seek_members(blob);
        }
        has_begun
    }

    /// Devices that may have an attachment, are connected and may be tried now: those that did
    /// not fail before the others, among equals the author first.
    fn sources(&self, wanted: &Wanted) -> Vec<DeviceId> {
        let greeted = self
            .sessions
            .values()
            .filter(|session| session.conversation == Some(wanted.conversation) && session.greeted);
        let mut sources: Vec<_> = greeted.map(|session| session.device).collect();
        if let Some(conversation) = self.conversations.get(&wanted.conversation) {
            let present = conversation.group.present.keys();
            sources.extend(present.filter(|device| self.paths.is_linked(device)));
        }
        if self.paths.is_linked(&wanted.author) {
            sources.push(wanted.author);
        }
        sources.sort();
        sources.dedup();
        let now = self.now.instant;
        sources.retain(|device| {
            let tries = wanted.failed.get(device);
            !wanted.running.contains_key(device)
                && *device != self.me.device
                && tries.is_none_or(|tries| tries.again_at.is_some_and(|at| at <= now))
        });
        let failures = |device: &DeviceId| wanted.failed.get(device).map_or(0, |it| it.failures);
        sources.sort_by_key(|device| (failures(device), *device != wanted.author));
        sources
    }

    /// Nobody who may have the file is connected, or all failed: others may have it.
    fn seek_members(&mut self, blob: BlobHash) {
        let Some(wanted) = self.attachments.wanted.get(&blob) else { return };
        let (id, author) = (wanted.conversation, wanted.author);
        self.paths.want(author, &[], true, self.now.instant);
        let members: Vec<_> = self
            .conversations
            .get(&id)
            .into_iter()
            .flat_map(|conversation| conversation.group.present.keys())
            .filter(|device| !wanted.failed.contains_key(device))
            .copied()
            .take(MEMBERS_SOUGHT)
            .collect();
        for device in members {
            self.replicate_with(id, device);
        }
    }

    pub(super) fn on_progress(&mut self, blob: BlobHash, done: u64) {
        let Some(wanted) = self.attachments.wanted.get_mut(&blob) else { return };
        wanted.done = done.max(wanted.done);
        if wanted.done >= wanted.told + PROGRESS_STEP || wanted.done == wanted.size {
            wanted.told = wanted.done;
            if wanted.give_up_at.is_some() {
                wanted.give_up_at = Some(self.now.instant + GIVE_UP);
            }
            let (message, done, total) = (wanted.message, wanted.done, wanted.size);
            self.notice(Notice::Progress { message, done, total });
            self.attachments.shelf.put_part(blob, done);
            self.make_room();
            self.dirty.transfers = true;
        }
    }

    pub(super) fn on_fetch_failed(&mut self, blob: BlobHash, device: DeviceId, failure: &Failure) {
        let now = self.now.instant;
        let Some(wanted) = self.attachments.wanted.get_mut(&blob) else { return };
        wanted.running.remove(&device);
        // Somebody else may take over at once.
        wanted.look_at = now;
        if failure.code == "disk" {
            self.give_up(blob, failure);
            return;
        }
        let tries = wanted.failed.entry(device).or_default();
        let pause = RETRY.saturating_mul(1 << tries.failures.min(4));
        tries.failures += 1;
        tries.again_at = (failure.code != "corrupt").then_some(now + pause);
    }

    /// The connection to a device is gone without its streams having noticed: what it was bringing goes on as soon as
    /// there is another one.
    pub(in crate::core) fn interrupt_fetches(&mut self, device: DeviceId) {
        let now = self.now.instant;
        let running = self.attachments.wanted.values_mut().filter_map(|wanted| {
            wanted.look_at = now;
            wanted.running.remove(&device)
        });
        for ticket in running.collect::<Vec<_>>() {
            self.pending.remove(&ticket);
            self.effects.push(Effect::StopFetch { ticket });
        }
    }

    pub(super) fn on_fetched(&mut self, blob: BlobHash, device: DeviceId, ticket: Ticket) {
        // Several bring the last bytes, and each tells that it is whole.
        let is_one_of = |wanted: &Wanted| wanted.running.get(&device) == Some(&ticket);
        if !self.attachments.wanted.get(&blob).is_some_and(is_one_of) {
            return;
        }
        let Some(wanted) = self.attachments.wanted.remove(&blob) else { return };
        self.attachments.shelf.put_fetched(blob, wanted.size);
        if wanted.told < wanted.size {
            let (message, total) = (wanted.message, wanted.size);
            self.notice(Notice::Progress { message, done: total, total });
        }
        for waiting in wanted.calls {
            self.deliver(waiting.call, blob, wanted.size, waiting.save_to);
        }
        self.make_room();
        self.dirty.transfers = true;
        self.dirty.timelines.insert(wanted.conversation);
    }
}
