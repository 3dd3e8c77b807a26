//! The state of a peer and the one way to change it: [`Machine::handle`].
//!
//! The machine does no IO and reads no clock; randomness comes from its own seeded generator.
//! What belongs to one matter is in the file of that name, as further methods of the machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use libp2p::Multiaddr;
use rand::{SeedableRng as _, rngs::StdRng};
use wire::{
    account::{AccountRecord, Introduction},
    event::Clock,
    id::{AccountId, ConversationId, DeviceId, TopicTag},
    key::DeviceKey,
    name::{ConversationName, Username},
    signed::Signed,
};

use super::{
    attachments::{Attachments, Shelf},
    command::{Answer, Command, Failure},
    conversation::Conversation,
    devices::{Authority, OwnDevices, next_record, with_device},
    diagnostics::Diagnosis,
    dialling::Families,
    effect::Effect,
    input::{CallId, Input, Now, SessionId, Ticket},
    intake::is_timely,
    model::{Me, MemberView, Model, Traffic},
    neighbours::Neighbours,
    notice::Notice,
    opening::Openings,
    own::Own,
    paths::Paths,
    pending::Pending,
    people::{People, Source},
    publish::Dirty,
    session::Tie,
    storage::{ConversationState, Kind, Snapshot, StoreOp},
    streams::{Check, Session},
    trouble::Trouble,
    whereabouts::SERVER_FIRST,
};

/// What a machine is made of.
#[derive(Debug)]
pub struct Setup {
    /// The device's key.
    pub device_key: DeviceKey,
    /// How the device speaks for its account.
    pub authority: Authority,
    /// The name to register.
    pub username: Username,
    /// The rendezvous server.
    pub server: DeviceId,
    /// Its addresses, for invitations.
    pub server_addresses: Vec<Multiaddr>,
    /// What the server wants to see before it gives a new name.
    pub token: Option<Vec<u8>>,
    /// Keep this device's address from contacts.
    pub relay_only: bool,
    /// Where attachments that are here whole lie.
    pub blob_dir: std::path::PathBuf,
    /// Bytes that fetched attachments may take together.
    pub attachment_quota: u64,
    /// Seed of the generator for jitter, nonces and choices.
    pub seed: [u8; 32],
}

/// A peer.
#[derive(Debug)]
pub struct Machine {
    pub(super) device_key: DeviceKey,
    pub(super) authority: Authority,
    pub(super) devices: OwnDevices,
    /// What the user's devices tell each other.
    pub(super) own: Own,
    pub(super) me: Me,
    pub(super) record: Signed<AccountRecord>,
    pub(super) introduction: Introduction,
    pub(super) server: DeviceId,
    pub(super) server_addresses: Vec<Multiaddr>,
    pub(super) token: Option<Vec<u8>>,
    pub(super) relay_only: bool,
    pub(super) rng: StdRng,
    /// The time of the input that is being handled.
    pub(super) now: Now,
    /// The newest clock that was seen or given.
    pub(super) clock: Clock,
    pub(super) people: People,
    pub(super) paths: Paths,
    pub(super) tie: Tie,
    pub(super) addresses: Vec<Multiaddr>,
    /// Openings in the router.
    pub(super) openings: Openings,
    pub(super) diagnosis: Diagnosis,
    pub(super) traffic: BTreeMap<DeviceId, Traffic>,
    /// When people are called without the server, if it does not answer before.
    pub(super) call_at: Option<Instant>,
    /// Devices that are called although the server does not say that they are present.
    pub(super) called: BTreeSet<DeviceId>,
    /// Accounts from which this device's address is kept, and their devices.
    pub(super) hidden: BTreeSet<AccountId>,
    pub(super) hidden_devices: BTreeSet<DeviceId>,
    /// The server is on this machine, so loopback addresses are of use to others.
    pub(super) server_on_loopback: bool,
    /// When to ask the server for a place for circuits.
    pub(super) reserve_at: Option<Instant>,
    pub(super) reserve_failures: u32,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) names: BTreeMap<ConversationName, ConversationId>,
    /// Groups that the user is in, by topic.
    pub(super) tags: BTreeMap<TopicTag, ConversationId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Devices whose replication streams are to be looked after.
    pub(super) checks: BTreeMap<DeviceId, Check>,
    pub(super) pending: BTreeMap<Ticket, Pending>,
    /// Commands that wait for the server, with their time limit.
    pub(super) waiting_calls: Vec<(Instant, CallId, Command)>,
    pub(super) neighbours: Neighbours,
    pub(super) attachments: Attachments,
    pub(super) trouble: Option<Trouble>,
    pub(super) effects: Vec<Effect>,
    pub(super) last_number: u64,
    /// Devices whose forked logs were told of.
    pub(super) forks_told: BTreeSet<DeviceId>,
    /// Connected devices whose owner is not known yet: the road to them is told once it is.
    pub(super) unnamed: BTreeSet<DeviceId>,
    pub(super) model: Arc<Model>,
    /// The members of conversations as the model shows them.
    pub(super) member_lists: BTreeMap<ConversationId, Arc<Vec<MemberView>>>,
    /// Devices to which there is a connection, as the model shows it.
    pub(super) shown_linked: BTreeSet<DeviceId>,
    pub(super) dirty: Dirty,
}

impl Machine {
    /// Makes the machine from what is stored. The caller has checked that a registered record in
    /// the snapshot has the name that is wanted.
    #[expect(clippy::too_many_lines, reason = "one line for each field")]
    pub fn new(setup: Setup, snapshot: Snapshot, now: Now) -> Self {
        let account = setup.authority.account();
        let device = setup.device_key.id();
        let stored = snapshot.record.clone().filter(|record| {
            record
                .open()
                .is_ok_and(|record| record.username == setup.username && record.account == account)
        });
        let is_new = stored.is_none();
        let begun = stored.unwrap_or_else(|| setup.authority.first_record(&setup.username, device));
        let replaces = snapshot.replaces;
        let (record, joining) = joined(begun, &setup.authority, (device, replaces), now.unix_ms);
        // What the server has is found out on registering.
        let joining = joining || (is_new && replaces.is_some());
        let introduction = setup.authority.introduce(&record, device);
        let tie = Tie::new(now.instant, &setup.server_addresses);
        let shelf = Shelf::new(setup.attachment_quota, snapshot.blobs.clone(), now.unix_ms);
        let mut machine = Self {
            device_key: setup.device_key,
            authority: setup.authority,
            devices: OwnDevices::joining(joining, replaces),
            own: Own::default(),
            me: Me { username: setup.username, account, device },
            record,
            introduction,
            server: setup.server,
            server_addresses: setup.server_addresses,
            token: setup.token,
            relay_only: setup.relay_only,
            rng: StdRng::from_seed(setup.seed),
            now,
            clock: Clock::default(),
            people: People::default(),
            paths: Paths::new(device, setup.relay_only),
            tie,
            addresses: Vec::new(),
            openings: Openings::default(),
            diagnosis: Diagnosis::default(),
            traffic: BTreeMap::new(),
            call_at: Some(now.instant + SERVER_FIRST),
            called: BTreeSet::new(),
            hidden: snapshot.relay_only.clone(),
            hidden_devices: BTreeSet::new(),
            server_on_loopback: false,
            reserve_at: None,
            reserve_failures: 0,
            conversations: BTreeMap::new(),
            names: BTreeMap::new(),
            tags: BTreeMap::new(),
            sessions: BTreeMap::new(),
            checks: BTreeMap::new(),
            pending: BTreeMap::new(),
            waiting_calls: Vec::new(),
            neighbours: Neighbours::new(now.instant),
            attachments: Attachments::new(setup.blob_dir, shelf),
            trouble: None,
            effects: Vec::new(),
            last_number: 0,
            forks_told: BTreeSet::new(),
            unnamed: BTreeSet::new(),
            model: Arc::new(Model::default()),
            member_lists: BTreeMap::new(),
            shown_linked: BTreeSet::new(),
            dirty: Dirty::all(),
        };
        machine.load(snapshot, is_new);
        machine
    }

    /// Takes over what is stored.
    fn load(&mut self, snapshot: Snapshot, is_new: bool) {
        self.people.load_blocked(snapshot.blocked);
        for row in snapshot.accounts {
            self.people.load(row);
        }
        let record = self.record.clone();
        if let Ok(opened) = record.open() {
            self.people.learn(&record, &opened, Source::Server);
        }
        self.people.certify(self.me.device, self.me.account);
        if is_new {
            self.store(StoreOp::SaveRecord { record, registered: false });
        }
        for state in snapshot.conversations {
            self.load_conversation(state, self.me.device);
        }
        self.recall_whereabouts(snapshot.whereabouts);
        self.subscribe_all();
        self.begin_own();
        self.make_room();
        self.publish();
    }

    fn load_conversation(&mut self, state: ConversationState, device: DeviceId) {
        for log in &state.logs {
            // The own clock never goes back; others pull it along only as on arrival.
            if log.device == device || is_timely(log.clock.ms, self.now) {
                self.clock = self.clock.max(log.clock);
            }
        }
        let conversation = Conversation::load(state, device);
        for (device, log) in &conversation.logs {
            self.people.certify(*device, log.account);
        }
        self.names.insert(conversation.row.name.clone(), conversation.row.id);
        self.conversations.insert(conversation.row.id, conversation);
    }

    /// Takes in what happened and gives what is to be done, in order.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let slept = self.has_slept(now);
        self.now = now;
        if slept {
            self.on_network_lost(Families::all());
        }
        match input {
            Input::Call { id, command } => self.on_command(id, command),
            Input::Store(reply) => self.on_store(reply),
            Input::Server(input) => self.on_server(input),
            Input::Link(input) => self.on_link(input),
            Input::Sync(input) => self.on_sync(input),
            Input::Gossip(input) => self.on_gossip(input),
            Input::Attachment(input) => self.on_attachment(input),
            Input::Pairing { pairing, device, proof } => self.on_pairing(pairing, device, &proof),
            Input::Addresses(addresses) => self.on_addresses(addresses),
            Input::Opening(input) => self.on_opening(input),
            Input::Traffic(traffic) => {
                self.traffic = traffic;
                self.dirty.peers = true;
            }
            Input::Failed { whom, address, text } => {
                self.diagnosis.note(now, whom, address, Err(text));
            }
            Input::Tick => {}
        }
        self.hide();
        self.tick();
        self.keep_whereabouts();
        self.tell_named_roads();
        self.tell_memberships();
        self.publish();
        std::mem::take(&mut self.effects)
    }

    /// When [`Input::Tick`] is due, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        let tie = self.tie.next_deadline();
        let paths = self.paths.next_deadline();
        let checks = self.checks.values().map(|check| check.at).min();
        let calls = self.waiting_calls.iter().map(|(until, ..)| *until).min();
        let streams = self.sessions.values().filter_map(Session::next_deadline).min();
        let conversations = self.conversations.values().filter_map(|conversation| {
            let typing = conversation.typing.values().min().copied();
            let group = &conversation.group;
            let carrying = group.carrying.next_deadline();
            let due = [typing, group.digest_at, group.repair_at, group.tell_at, carrying];
            due.into_iter().flatten().min()
        });
        let seeks = !self.tags.is_empty() && !self.relay_only;
        let neighbours = seeks.then(|| self.neighbours.next_deadline());
        let attachments = self.attachments.next_deadline();
        let openings = self.openings.next_deadline();
        let single = [self.reserve_at, self.call_at, openings, self.diagnosis_deadline()];
        [tie, paths, checks, calls, streams, attachments, neighbours, conversations.min()]
            .into_iter()
            .chain(single)
            .flatten()
            .min()
    }

    /// The newest model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn tick(&mut self) {
        self.tick_server();
        self.tick_whereabouts();
        let actions = self.paths.tick(self.now.instant);
        self.follow(actions);
        self.tick_openings();
        self.tick_diagnosis();
        self.tick_replication();
        self.tick_groups();
        self.tick_neighbours();
        self.tick_attachments();
    }

    /// A number that was not given before.
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn store(&mut self, op: StoreOp) {
        self.effects.push(Effect::Store(op));
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }

    pub(super) fn answer(&mut self, call: CallId, result: Result<Answer, Failure>) {
        self.effects.push(Effect::Answer { call, result });
    }

    pub(super) fn answer_maybe(&mut self, call: Option<CallId>, result: Result<Answer, Failure>) {
        if let Some(call) = call {
            self.answer(call, result);
        }
    }

    /// Conversations with a device: the direct one of its owner, and groups that want it.
    pub(super) fn conversations_with(&self, device: &DeviceId) -> BTreeSet<ConversationId> {
        let owner = self.people.owner_of(device);
        let with = |(id, conversation): (&ConversationId, &Conversation)| {
            let shared = match conversation.row.kind {
                _ if conversation.row.left => false,
                // The user's devices have everything in common.
                _ if owner == Some(self.me.account) => true,
                Kind::Direct(account) => owner == Some(account),
                Kind::Group(_) => conversation.group.wanted.contains(device),
            };
            shared.then_some(*id)
        };
        self.conversations.iter().filter_map(with).collect()
    }
}

/// The record with which a device starts: the stored one if it lists the device, else, where the
/// account's key is here, the next one with the device, in the place of another if it replaces one.
/// Tells whether it is that.
fn joined(
    record: Signed<AccountRecord>,
    authority: &Authority,
    (device, replaces): (DeviceId, Option<DeviceId>),
    now_ms: u64,
) -> (Signed<AccountRecord>, bool) {
    let (Authority::Key(key), Ok(opened)) = (authority, record.open()) else {
        return (record, false);
    };
    if opened.devices.contains(&device) {
        return (record, false);
    }
    let devices = with_device(&opened, device, replaces);
    match next_record(&record, devices, now_ms, key) {
        Ok(next) => (next, true),
        Err(_full) => (record, true),
    }
}
