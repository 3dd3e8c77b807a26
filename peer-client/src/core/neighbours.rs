//! Which members of its groups a device connects to, so that they pass the groups' messages on to
//! each other. Pure policy.
//!
//! Any direct connection to a member serves all groups that both are in, whatever it was made for. Only
//! where those are too few are more members sought: those first who are in several such groups,
//! then the near ones, as far as that is known, then anybody. Where there are more than needed,
//! the slowest of the sought ones is let go, but never the first: it was drawn by lot, and what
//! is drawn by lot holds a group together where nearness would split it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rand::{Rng, RngExt as _};
use wire::id::{ConversationId, DeviceId};

/// Members of each group that should be connected directly.
pub(crate) const WANTED: usize = 3;
/// Members that are sought at one time, over all groups.
pub(crate) const SOUGHT_MAX: usize = 64;
/// How long a member may take to be connected directly.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long a member is left alone who could not be.
const REST_AFTER_FAILURE: Duration = Duration::from_mins(30);
/// How long a member is left alone whose connection ended, or was let go.
const REST_AFTER_END: Duration = Duration::from_mins(1);
/// Members that are left alone; beyond that, those whose time is over first are forgotten.
const RESTING_MAX: usize = 1024;
/// How often connections are looked at while some group has too few.
const LOOK_LACKING: Duration = Duration::from_secs(2);
/// How often otherwise.
const LOOK: Duration = Duration::from_secs(30);
/// How often one more member is tried, who may be nearer.
const EXPLORE: Duration = Duration::from_mins(10);
/// How long a connection is kept at least before it may be let go for being slow.
const KEPT: Duration = Duration::from_secs(30);
/// First pause before the server is asked for other members; doubles each time.
const ASK_FIRST: Duration = Duration::from_secs(15);
/// Longest pause before it is asked.
const ASK_MAX: Duration = Duration::from_mins(10);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NeighbourAction {
    /// Connect to a member.
    Seek(DeviceId),
    /// The connection to a member is not needed for groups any more.
    Release(DeviceId),
    /// Ask the server for members of a group.
    AskMembers(ConversationId),
}

/// A member as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// There is a direct connection.
    pub(crate) linked: bool,
    /// It may be sought: it is present, its address is known, and nobody minds.
    pub(crate) available: bool,
    /// The round trip over the direct connection.
    pub(crate) rtt_ms: Option<u32>,
}

/// The other members of each group that messages pass through.
pub(crate) type View = BTreeMap<ConversationId, BTreeMap<DeviceId, Candidate>>;

/// A member that was sought.
#[derive(Clone, Copy, Debug)]
struct Sought {
    since: Instant,
    linked: bool,
}

/// When the server is asked for more members of a group.
#[derive(Clone, Copy, Debug)]
struct Asking {
    at: Instant,
    pause: Duration,
}

/// The policy of a device.
#[derive(Debug)]
pub(crate) struct Neighbours {
    sought: BTreeMap<DeviceId, Sought>,
    resting: BTreeMap<DeviceId, Instant>,
    asking: BTreeMap<ConversationId, Asking>,
    look_at: Instant,
    explore_at: Instant,
    /// Round trips of connections that there were.
    remembered: BTreeMap<DeviceId, u32>,
}

impl Neighbours {
    /// Begins without connections.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            sought: BTreeMap::new(),
            resting: BTreeMap::new(),
            asking: BTreeMap::new(),
            look_at: now,
            explore_at: now + EXPLORE,
            remembered: BTreeMap::new(),
        }
    }

    /// When [`Neighbours::look`] wants to be called next.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.look_at
    }

    /// Something has changed that makes a look worth while soon.
    pub(crate) fn look_by(&mut self, at: Instant) {
        self.look_at = self.look_at.min(at);
    }

    /// Whether a member is connected, or is to be, for groups.
    pub(crate) fn wants(&self, device: &DeviceId) -> bool {
        self.sought.contains_key(device)
    }

    /// Looks at the connections to members of all groups.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        view: &View,
        rng: &mut impl Rng,
    ) -> Vec<NeighbourAction> {
        self.resting.retain(|_, until| *until > now);
        self.asking.retain(|group, _| view.contains_key(group));
        let mut actions = self.follow_up(now, view);
        self.explore(now, view, rng, &mut actions);
        let is_lacking = self.fill(now, view, rng, &mut actions);
        if !is_lacking {
            actions.extend(self.let_go(now, view));
        }
        self.look_at = now + if is_lacking { LOOK_LACKING } else { LOOK };
        actions
    }

    /// Notes who was connected, who was not in time, and who is gone.
    fn follow_up(&mut self, now: Instant, view: &View) -> Vec<NeighbourAction> {
        let mut ended = Vec::new();
        for (device, sought) in &mut self.sought {
            let candidate = view.values().find_map(|members| members.get(device));
            let is_linked = candidate.is_some_and(|candidate| candidate.linked);
            if let Some(rtt_ms) = candidate.and_then(|candidate| candidate.rtt_ms) {
                self.remembered.insert(*device, rtt_ms);
            }
            if sought.linked && !is_linked || candidate.is_none() {
                ended.push((*device, REST_AFTER_END));
            } else if !is_linked && now >= sought.since + CONNECT_WITHIN {
                ended.push((*device, REST_AFTER_FAILURE));
            }
            sought.linked = is_linked;
        }
        let release = |(device, rest)| {
            self.release(device, now + rest);
            NeighbourAction::Release(device)
        };
        ended.into_iter().map(release).collect()
    }

    /// Seeks members for groups that have too few. Tells whether there are such.
    fn fill(
        &mut self,
        now: Instant,
        view: &View,
        rng: &mut impl Rng,
        actions: &mut Vec<NeighbourAction>,
    ) -> bool {
        let lacking = lacking(view);
        let mut open = self.open(view, &lacking);
        while let Some(device) = self.best(view, &open, rng) {
            self.seek(device, now, actions);
            open = self.open(view, &lacking);
        }
        for group in open {
            let is_small = view.get(&group).is_some_and(|members| members.len() < WANTED);
            let asking = self.asking.entry(group).or_insert(Asking { at: now, pause: ASK_FIRST });
            if asking.at <= now {
                // A small group is what it is: whoever joins it is told.
                let pause = if is_small { ASK_MAX } else { asking.pause };
                *asking = Asking { at: now + pause, pause: (2 * asking.pause).min(ASK_MAX) };
                actions.push(NeighbourAction::AskMembers(group));
            }
        }
        !lacking.is_empty()
    }

    fn seek(&mut self, device: DeviceId, now: Instant, actions: &mut Vec<NeighbourAction>) {
        self.sought.insert(device, Sought { since: now, linked: false });
        actions.push(NeighbourAction::Seek(device));
    }

    /// Groups among those that lack members for which more are to be sought: one more is tried than
    /// is lacking, counting those who are being connected.
    fn open(&self, view: &View, lacking: &BTreeSet<ConversationId>) -> BTreeSet<ConversationId> {
        let counts = |(device, candidate): &(&DeviceId, &Candidate)| {
            candidate.linked || self.sought.contains_key(device)
        };
        let is_open = |group: &&ConversationId| {
            let members = view.get(group).into_iter().flatten();
            members.filter(counts).count() <= WANTED
        };
        lacking.iter().filter(is_open).copied().collect()
    }

    /// The member to be sought next for groups that lack some.
    fn best(
        &self,
        view: &View,
        lacking: &BTreeSet<ConversationId>,
        rng: &mut impl Rng,
    ) -> Option<DeviceId> {
        if self.sought.len() >= SOUGHT_MAX {
            return None;
        }
        let mut groups: BTreeMap<DeviceId, usize> = BTreeMap::new();
        for members in lacking.iter().filter_map(|group| view.get(group)) {
            for (device, _) in members.iter().filter(|member| self.may_be_sought(member)) {
                *groups.entry(*device).or_default() += 1;
            }
        }
        // The first of all is drawn by lot.
        let by_lot = self.sought.is_empty();
        let mut merit = |(device, shared): &(DeviceId, usize)| {
            let rtt_ms = self.remembered.get(device).copied().filter(|_| !by_lot);
            (Reverse(*shared), rtt_ms.unwrap_or(u32::MAX), rng.random::<u32>())
        };
        groups.into_iter().min_by_key(|member| merit(member)).map(|(device, _)| device)
    }

    fn may_be_sought(&self, (device, candidate): &(&DeviceId, &Candidate)) -> bool {
        let is_free = !self.sought.contains_key(device) && !self.resting.contains_key(device);
        candidate.available && !candidate.linked && is_free
    }

    /// Tries one more member now and then.
    fn explore(
        &mut self,
        now: Instant,
        view: &View,
        rng: &mut impl Rng,
        actions: &mut Vec<NeighbourAction>,
    ) {
        if self.explore_at > now {
            return;
        }
        self.explore_at = now + EXPLORE.mul_f64(rng.random_range(0.5..1.5));
        let groups = view.keys().copied().collect();
        if let Some(device) = self.best(view, &groups, rng) {
            self.seek(device, now, actions);
        }
    }

    /// The slowest of the sought ones that no group needs.
    fn let_go(&mut self, now: Instant, view: &View) -> Option<NeighbourAction> {
        let is_needed = |device: &DeviceId| {
            let in_group = |members: &&BTreeMap<_, Candidate>| {
                members.get(device).is_some_and(|candidate| candidate.linked)
            };
            view.values().filter(in_group).any(|members| linked(members) <= WANTED)
        };
        let first = self.sought.iter().min_by_key(|(_, sought)| sought.since).map(|(it, _)| *it);
        let may_go = |(device, sought): &(&DeviceId, &Sought)| {
            let is_old = sought.linked && sought.since + KEPT <= now;
            is_old && Some(**device) != first && !is_needed(device)
        };
        let rated = |(device, _)| Some((*self.remembered.get(device)?, *device));
        let (_, slowest) = self.sought.iter().filter(may_go).filter_map(rated).max()?;
        self.release(slowest, now + REST_AFTER_END);
        Some(NeighbourAction::Release(slowest))
    }

    fn release(&mut self, device: DeviceId, until: Instant) {
        self.sought.remove(&device);
        self.resting.insert(device, until);
        if self.resting.len() > RESTING_MAX
            && let Some(first) = self.resting.iter().min_by_key(|(_, at)| **at).map(|(it, _)| *it)
        {
            self.resting.remove(&first);
        }
        while self.remembered.len() > RESTING_MAX {
            self.remembered.pop_first();
        }
    }
}

/// Groups with too few direct connections.
fn lacking(view: &View) -> BTreeSet<ConversationId> {
    view.iter().filter(|(_, members)| linked(members) < WANTED).map(|(group, _)| *group).collect()
}

fn linked(members: &BTreeMap<DeviceId, Candidate>) -> usize {
    members.values().filter(|candidate| candidate.linked).count()
}

#[cfg(test)]
mod tests;
