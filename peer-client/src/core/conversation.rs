//! A conversation as the core keeps it: its logs' heads, who has what, what was read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use wire::{
    bounded::Bounded,
    event::{CheckedEvent, Clock},
    id::{AccountId, DeviceId, EventId},
    limits::{LOGS_MAX, PARENTS_MAX},
    sync::{Head, Stage},
};

use super::{
    carrying::Carrying,
    model::{Completeness, Delivery, Stage as Shown},
    storage::{ConversationRow, ConversationState, Kind, MessageRow},
    timeline::Window,
    withheld::Withheld,
};

/// Entries beyond a gap that one log may have.
const AHEAD_MAX: usize = 256;

/// A conversation in memory. Its events are in the store.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) row: ConversationRow,
    /// The store could not keep the row: it must before any entry.
    pub(crate) unsaved: bool,
    pub(crate) logs: BTreeMap<DeviceId, Log>,
    /// The furthest entry of each log that another member is known to have: next sequence.
    pub(super) known: BTreeMap<DeviceId, u64>,
    /// Those of them that are further than what is durable here.
    pub(super) lagging: BTreeSet<DeviceId>,
    /// Entries that are durable here.
    pub(super) durable: u64,
    /// How far each other device has acknowledged the own log.
    acknowledged: BTreeMap<DeviceId, Acknowledged>,
    /// Own entries that were handed to a connection: next sequence.
    pub(crate) sent: u64,
    /// The same, counting what the store has not confirmed yet.
    pub(crate) sent_asked: u64,
    /// What the user has read of each log: next sequence.
    pub(crate) read: BTreeMap<DeviceId, u64>,
    pub(crate) unread: u32,
    pub(crate) last: Option<MessageRow>,
    /// The newest messages, while a front end shows the conversation.
    pub(crate) window: Option<Window>,
    /// Heads of others' logs that no own entry names yet.
    unreferenced: BTreeMap<DeviceId, EventId>,
    /// Devices with two entries of one sequence. Their logs go on here as they began here, and what
    /// others have of them is no measure of what is missing.
    pub(crate) forked: BTreeSet<DeviceId>,
    pub(crate) typing: BTreeMap<AccountId, Instant>,
    /// How complete the history was when that was last told.
    pub(crate) told: Completeness,
    pub(crate) group: GroupState,
    /// Entries without a payload that nobody is known to have erased.
    pub(super) withheld: Withheld,
}

/// What a group has beside its logs; unused in direct conversations.
#[derive(Debug, Default)]
pub(crate) struct GroupState {
    /// Another node relays the topic to this peer.
    pub(crate) ready: bool,
    /// The server counts this peer as present.
    pub(crate) joined: bool,
    /// Members that the server named, and their accounts.
    pub(crate) present: BTreeMap<DeviceId, AccountId>,
    /// Logs that have grown lately, the last first.
    pub(crate) grown: VecDeque<DeviceId>,
    /// Logs of which streams are to be told how far they are here, and when.
    pub(crate) untold: BTreeSet<DeviceId>,
    pub(crate) tell_at: Option<Instant>,
    /// When the next digest is due.
    pub(crate) digest_at: Option<Instant>,
    /// Members to replicate with.
    pub(crate) wanted: BTreeSet<DeviceId>,
    /// Members that told of entries which are missing here.
    pub(crate) sources: BTreeSet<DeviceId>,
    /// When the next look for missing entries is due.
    pub(crate) repair_at: Option<Instant>,
    /// Who brings the messages.
    pub(crate) carrying: Carrying,
}

/// One device's log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) account: AccountId,
    /// The last entry that is durable.
    pub(crate) head: Option<Head>,
    /// The last entry that was handed to the store.
    pub(crate) tip: Option<Head>,
    /// Entries beyond a gap that were handed to the store, to be seen before what is between.
    pub(crate) ahead: BTreeMap<u64, EventId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Acknowledged {
    stored: u64,
    read: u64,
    /// The same, counting what the store has not confirmed yet.
    stored_asked: u64,
    read_asked: u64,
}

impl Log {
    fn of(account: AccountId) -> Self {
        Self { account, head: None, tip: None, ahead: BTreeMap::new() }
    }
}

/// How an entry relates to what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the next one.
    Next,
    /// It is here already, or an entry with its sequence is.
    Known,
    /// Entries before it are missing.
    Gap,
    /// It names another predecessor than the one that is here.
    Fork,
}

impl Conversation {
    pub(crate) fn new(row: ConversationRow) -> Self {
        Self {
            row,
            unsaved: false,
            logs: BTreeMap::new(),
            known: BTreeMap::new(),
            lagging: BTreeSet::new(),
            durable: 0,
            acknowledged: BTreeMap::new(),
            sent: 0,
            sent_asked: 0,
            read: BTreeMap::new(),
            unread: 0,
            last: None,
            window: None,
            unreferenced: BTreeMap::new(),
            forked: BTreeSet::new(),
            typing: BTreeMap::new(),
            told: Completeness::default(),
            group: GroupState::default(),
            withheld: Withheld::default(),
        }
    }

    /// Takes over what was stored. `own` is this device.
    pub(crate) fn load(state: ConversationState, own: DeviceId) -> Self {
        let mut conversation = Self::new(state.row);
        for row in state.logs {
            let (head, ahead) = (Some(row.head), BTreeMap::new());
            let log = Log { account: row.account, head, tip: head, ahead };
            conversation.logs.insert(row.device, log);
            conversation.durable += row.head.sequence + 1;
            if row.device != own {
                conversation.unreferenced.insert(row.device, row.head.id);
            }
        }
        for (device, stage, log, next) in state.acknowledged {
            if log == own {
                conversation.acknowledge(device, stage, next);
            }
        }
        for (device, sequence, id) in state.withheld {
            conversation.withheld.insert(device, sequence, id);
        }
        conversation.read = state.read.into_iter().collect();
        conversation.sent = state.sent;
        conversation.sent_asked = state.sent;
        conversation.unread = state.unread;
        conversation.last = state.last;
        conversation
    }

    pub(crate) fn is_group(&self) -> bool {
        matches!(self.row.kind, Kind::Group(_))
    }

    /// Next sequence of a log, counting what the store has not confirmed yet.
    pub(crate) fn next_sequence(&self, log: &DeviceId) -> u64 {
        self.logs.get(log).and_then(|log| log.tip).map_or(0, |tip| tip.sequence + 1)
    }

    /// Next sequence of a log, counting durable entries only.
    pub(crate) fn durable_next(&self, log: &DeviceId) -> u64 {
        self.logs.get(log).and_then(|log| log.head).map_or(0, |head| head.sequence + 1)
    }

    /// Where an entry belongs.
    pub(crate) fn place(&self, event: &CheckedEvent) -> Place {
        let tip = self.logs.get(&event.header.author).and_then(|log| log.tip);
        let next = tip.map_or(0, |tip| tip.sequence + 1);
        if event.header.sequence > next {
            return Place::Gap;
        }
        if event.header.sequence < next {
            let same =
                tip.is_none_or(|tip| tip.sequence != event.header.sequence || tip.id == event.id);
            return if same { Place::Known } else { Place::Fork };
        }
        if event.header.previous == tip.map(|tip| tip.id) { Place::Next } else { Place::Fork }
    }

    /// Notes that an entry was handed to the store.
    pub(crate) fn accept(&mut self, event: &CheckedEvent, account: AccountId) {
        let head = Head { sequence: event.header.sequence, id: event.id };
        let log = self.logs.entry(event.header.author);
        log.or_insert_with(|| Log::of(account)).tip = Some(head);
    }

    /// Takes in an entry beyond a gap, as long as its log may have more such.
    pub(crate) fn accept_ahead(&mut self, event: &CheckedEvent) -> Option<AccountId> {
        let log = self.logs.get_mut(&event.header.author)?;
        let sequence = event.header.sequence;
        if log.ahead.len() >= AHEAD_MAX || log.ahead.contains_key(&sequence) {
            return None;
        }
        log.ahead.insert(sequence, event.id);
        Some(log.account)
    }

    /// The log has come to an entry. Tells whether another one had come ahead in its place.
    pub(crate) fn overtake(&mut self, event: &CheckedEvent) -> bool {
        let Some(log) = self.logs.get_mut(&event.header.author) else { return false };
        log.ahead.remove(&event.header.sequence).is_some_and(|id| id != event.id)
    }

    /// Notes that an entry is durable. Entries are confirmed in order.
    pub(crate) fn confirm(&mut self, event: &CheckedEvent, account: AccountId, own: DeviceId) {
        let author = event.header.author;
        let head = Head { sequence: event.header.sequence, id: event.id };
        let log = self.logs.entry(author).or_insert_with(|| Log::of(account));
        let (next, before) = (head.sequence + 1, log.head.map_or(0, |head| head.sequence + 1));
        self.durable += next.saturating_sub(before);
        if self.known.get(&author).is_none_or(|known| *known <= next) {
            self.lagging.remove(&author);
        }
        log.head = Some(head);
        // It may have been taken back together with another that was not kept.
        if log.tip.is_none_or(|tip| tip.sequence < head.sequence) {
            log.tip = Some(head);
        }
        if author == own {
            self.unreferenced.clear();
        } else {
            self.unreferenced.insert(author, event.id);
        }
    }

    /// Takes back entries that the store could not keep, and all that follow them in their logs.
    pub(crate) fn roll_back(&mut self, events: &[Arc<CheckedEvent>], ahead: bool) {
        for event in events {
            if let Some(log) = self.logs.get_mut(&event.header.author) {
                if ahead {
                    log.ahead.remove(&event.header.sequence);
                    continue;
                }
                log.tip = log.head;
                if log.head.is_none() {
                    self.logs.remove(&event.header.author);
                }
            }
        }
    }

    /// The parents of the next own entry.
    pub(crate) fn parents(&self) -> Bounded<EventId, PARENTS_MAX> {
        Bounded::truncated(self.unreferenced.values().copied())
    }

    /// Whether another log may begin.
    pub(crate) fn has_room(&self, log: &DeviceId) -> bool {
        self.logs.contains_key(log) || self.logs.len() < LOGS_MAX
    }

    /// Notes an acknowledgement of the own log that is durable. What was read was stored.
    pub(crate) fn acknowledge(&mut self, device: DeviceId, stage: Stage, next: u64) {
        let entry = self.acknowledged.entry(device).or_default();
        entry.stored = entry.stored.max(next);
        entry.stored_asked = entry.stored_asked.max(next);
        if stage == Stage::Read {
            entry.read = entry.read.max(next);
            entry.read_asked = entry.read_asked.max(next);
        }
    }

    /// Notes an acknowledgement that is being stored. Gives the first entry that it adds.
    pub(crate) fn ask_acknowledge(
        &mut self,
        device: DeviceId,
        stage: Stage,
        next: u64,
    ) -> Option<u64> {
        if !self.acknowledged.contains_key(&device) && self.acknowledged.len() >= LOGS_MAX {
            return None;
        }
        let entry = self.acknowledged.entry(device).or_default();
        let asked = match stage {
            Stage::Stored => &mut entry.stored_asked,
            Stage::Read => &mut entry.read_asked,
        };
        (next > *asked).then(|| std::mem::replace(asked, next))
    }

    /// Whether half as many devices have acknowledged something as may.
    pub(crate) fn is_crowded(&self) -> bool {
        self.acknowledged.len() >= LOGS_MAX / 2
    }

    /// How many devices have acknowledged something.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn acknowledging(&self) -> usize {
        self.acknowledged.len()
    }

    /// The store could not keep what was asked: it may come again.
    pub(crate) fn forget_asked(&mut self) {
        self.sent_asked = self.sent;
        for entry in self.acknowledged.values_mut() {
            entry.stored_asked = entry.stored;
            entry.read_asked = entry.read;
        }
    }

    /// How far an own message came; `owner` names the account of a device.
    pub(crate) fn delivery(
        &self,
        sequence: u64,
        own_account: AccountId,
        owner: impl Fn(&DeviceId) -> Option<AccountId>,
    ) -> Delivery {
        let (mut stored, mut read) = (BTreeSet::new(), BTreeSet::new());
        for (device, acknowledged) in &self.acknowledged {
            let Some(account) = owner(device).filter(|account| *account != own_account) else {
                continue;
            };
            if acknowledged.stored > sequence {
                stored.insert(account);
            }
            if acknowledged.read > sequence {
                read.insert(account);
            }
        }
        let stage = if !read.is_empty() {
            Shown::Read
        } else if !stored.is_empty() {
            Shown::Stored
        } else if self.sent > sequence {
            Shown::Sent
        } else {
            Shown::Waiting
        };
        let of = self.others(own_account).len() as u32;
        Delivery { stage, stored_by: stored.len() as u32, read_by: read.len() as u32, of }
    }

    /// What each device has said of the own entry with this sequence.
    pub(crate) fn stages(&self, sequence: u64) -> impl Iterator<Item = (DeviceId, Shown)> {
        self.acknowledged.iter().map(move |(device, acknowledged)| {
            let stage = match (acknowledged.stored > sequence, acknowledged.read > sequence) {
                (_, true) => Shown::Read,
                (true, false) => Shown::Stored,
                (false, false) => Shown::Waiting,
            };
            (*device, stage)
        })
    }

    /// The other people of the conversation, as far as they are known.
    pub(crate) fn others(&self, own_account: AccountId) -> BTreeSet<AccountId> {
        let mut others: BTreeSet<_> = self.logs.values().map(|log| log.account).collect();
        others.extend(self.group.present.values());
        if let Kind::Direct(account) = self.row.kind {
            others.insert(account);
        }
        others.remove(&own_account);
        others
    }

    /// Own entries that no other person's device has.
    pub(crate) fn waiting(
        &self,
        own: DeviceId,
        owner: impl Fn(&DeviceId) -> Option<AccountId>,
    ) -> u32 {
        let (own_account, next) = (owner(&own), self.durable_next(&own));
        // The introduction at the start of the log is no message.
        let mut stored = 1;
        for (device, acknowledged) in &self.acknowledged {
            if stored >= next {
                break;
            }
            if acknowledged.stored > stored && owner(device) != own_account {
                stored = acknowledged.stored;
            }
        }
        next.saturating_sub(stored) as u32
    }
}

/// The order in which messages are shown, equal on every device: by the authors' hybrid clocks,
/// which never run behind what their author had seen, so a message comes after its parents.
pub(crate) fn order(row: &MessageRow) -> (Clock, DeviceId, u64) {
    (row.clock, row.author, row.sequence)
}
