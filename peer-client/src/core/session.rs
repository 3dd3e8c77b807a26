//! The tie to the rendezvous server: when to connect, what to say first, what was asked. Pure.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use rand::{Rng, RngExt as _};
use wire::{
    id::{AccountId, TopicTag},
    name::Username,
    rendezvous::{ClientFrame, Refusal, Request},
};

use super::{
    command::Command,
    dialling::{self, Families, head_start},
    input::CallId,
    model::ServerTie,
};

/// First pause before connecting again; doubles each time.
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest pause before connecting again.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How long the server may take to answer the first requests.
const REGISTER_WITHIN: Duration = Duration::from_secs(15);
/// How long the server may go without answering any request that waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Requests that may wait for the server's answer.
const ASKED_MAX: usize = 8 * 1024;

/// What a request was made for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// Saying hello.
    Hello,
    /// Registering.
    Register,
    /// Nothing follows.
    Inform,
    /// Becoming a present member.
    Join(TopicTag),
    /// Learning a group's members.
    Members(TopicTag),
    /// Learning more members, to connect to them.
    Neighbours(TopicTag),
    /// Having the server send a group's messages, or no longer.
    Copies { tag: TopicTag, wanted: bool },
    /// Finding a person for a command that waits.
    Find(Username, CallId, Command),
    /// Changing which devices the account has.
    ChangeDevices,
    /// Learning the own account's newest record, after this refusal of the one that is here.
    OwnRecord(Refusal),
    /// Checking whether the server knows an account by the name it claims.
    Verify(Username, AccountId),
}

/// The tie's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not connected; try at this time.
    Pause { until: Instant },
    /// Connecting, or waiting for the first answers, until this time.
    Connecting { until: Instant },
    /// Registered.
    Registered,
    /// Refused for good.
    Refused,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TieAction {
    /// Connect at these addresses, beside earlier ones of the attempt, and open the stream.
    Connect(Vec<Multiaddr>),
    /// Give the attempt up.
    Disconnect,
}

/// The tie to the server.
#[derive(Debug)]
pub(crate) struct Tie {
    phase: Phase,
    failures: u32,
    /// The server's addresses in the order in which they are tried.
    groups: Vec<Vec<Multiaddr>>,
    /// Those that this attempt has not tried.
    untried: VecDeque<Vec<Multiaddr>>,
    /// When the next of them is.
    next_group_at: Option<Instant>,
    /// The next attempt follows at once.
    hurried: bool,
    next_id: u32,
    asked: BTreeMap<u32, Purpose>,
    /// When the next answer must be here.
    answer_by: Option<Instant>,
    /// What front ends see.
    pub(crate) shown: ServerTie,
}

impl Tie {
    /// A tie that connects at the first tick, at all addresses while it is not known which are of use here.
    pub(crate) fn new(now: Instant, server: &[Multiaddr]) -> Self {
        Self {
            phase: Phase::Pause { until: now },
            failures: 0,
            groups: dialling::groups(server, Families::default()),
            untried: VecDeque::new(),
            next_group_at: None,
            hurried: false,
            next_id: 0,
            asked: BTreeMap::new(),
            answer_by: None,
            shown: ServerTie::Connecting,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.phase == Phase::Registered
    }

    /// Whether the server is still to take the registration.
    pub(crate) fn is_greeting(&self) -> bool {
        matches!(self.phase, Phase::Connecting { .. })
    }

    /// Whether trying again will not help.
    pub(crate) fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }

    /// Whether another request may wait for its answer.
    pub(crate) fn has_room(&self) -> bool {
        self.asked.len() < ASKED_MAX
    }

    /// Makes the frame of a request; none if too many wait.
    pub(crate) fn ask(&mut self, request: Request, purpose: Purpose) -> Option<ClientFrame> {
        if !self.has_room() {
            return None;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.asked.insert(id, purpose);
        Some(ClientFrame { id, request })
    }

    /// What the request with this id was made for.
    pub(crate) fn answered(&mut self, id: u32) -> Option<Purpose> {
        self.answer_by = None;
        self.asked.remove(&id)
    }

    /// Commands that wait for an answer, the earliest first.
    pub(crate) fn waiting_commands(&self) -> impl Iterator<Item = &Command> {
        self.asked.values().filter_map(|purpose| match purpose {
            Purpose::Find(_, _, command) => Some(command),
            _ => None,
        })
    }

    /// From now on, attempts try the server's addresses in these groups.
    pub(crate) fn try_in_order(&mut self, groups: Vec<Vec<Multiaddr>>) {
        self.groups = groups;
    }

    /// The network is another one: there is no reason to wait for the next attempt.
    pub(crate) fn network_changed(&mut self, now: Instant) {
        if let Phase::Pause { until } = &mut self.phase {
            *until = now;
            self.failures = 0;
        }
    }

    /// The connection is given up since the network is another one: the next attempt follows at once.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// The stream is open.
    pub(crate) fn opened(&mut self) {
        self.untried.clear();
        self.next_group_at = None;
    }

    /// Nothing of what was tried answers. Whether the attempt goes on with other addresses.
    pub(crate) fn tries_more(&mut self, now: Instant) -> bool {
        let more = matches!(self.phase, Phase::Connecting { .. }) && !self.untried.is_empty();
        if more {
            self.next_group_at = Some(now);
        }
        more
    }

    /// The server took the registration.
    pub(crate) fn registered(&mut self) {
        self.phase = Phase::Registered;
        self.failures = 0;
        self.shown = ServerTie::Registered;
    }

    /// The server refused, and only the user can change that.
    pub(crate) fn refused(&mut self, code: &'static str, text: String) {
        self.phase = Phase::Refused;
        self.shown = ServerTie::Refused { code, text };
    }

    /// The connection or the attempt failed. Gives what waited for an answer.
    pub(crate) fn lost(&mut self, text: String, now: Instant, rng: &mut impl Rng) -> Vec<Purpose> {
        let asked = std::mem::take(&mut self.asked).into_values().collect();
        self.answer_by = None;
        self.opened();
        if self.phase != Phase::Refused {
            let full = RETRY_FIRST.saturating_mul(1 << self.failures.min(10)).min(RETRY_MAX);
            self.failures += 1;
            // Between half and all of the pause, so that clients of a restarted server spread out.
            let pause = full.mul_f64(rng.random_range(0.5..1.0));
            let pause = if std::mem::take(&mut self.hurried) { Duration::ZERO } else { pause };
            self.phase = Phase::Pause { until: now + pause };
            self.shown = ServerTie::Lost { text };
        }
        asked
    }

    /// When [`Tie::tick`] wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Pause { until } => Some(until),
            Phase::Connecting { until } => {
                Some(self.next_group_at.map_or(until, |at| at.min(until)))
            }
            Phase::Registered => self.answer_by,
            Phase::Refused => None,
        }
    }

    /// Connects when the pause is over, and gives an attempt up that takes too long.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<TieAction> {
        match self.phase {
            Phase::Pause { until } if until <= now => {
                self.phase = Phase::Connecting { until: now + REGISTER_WITHIN };
                if matches!(self.shown, ServerTie::Connecting) || self.failures > 0 {
                    self.shown = ServerTie::Connecting;
                }
                self.untried = self.groups.clone().into();
                self.next_group(now)
            }
            Phase::Connecting { until } if until <= now => {
                // The shell answers with the loss, which begins the next pause.
                self.phase = Phase::Connecting { until: now + REGISTER_WITHIN };
                self.opened();
                Some(TieAction::Disconnect)
            }
            Phase::Connecting { .. } if self.next_group_at.is_some_and(|at| at <= now) => {
                self.next_group(now)
            }
            Phase::Registered if self.asked.is_empty() => {
                self.answer_by = None;
                None
            }
            Phase::Registered if self.answer_by.is_some_and(|by| by <= now) => {
                self.answer_by = Some(now + ANSWER_WITHIN);
                Some(TieAction::Disconnect)
            }
            Phase::Registered => {
                self.answer_by.get_or_insert(now + ANSWER_WITHIN);
                None
            }
            _ => None,
        }
    }

    fn next_group(&mut self, now: Instant) -> Option<TieAction> {
        let group = self.untried.pop_front();
        self.next_group_at = self.untried.front().map(|next| now + head_start(next));
        group.map(TieAction::Connect)
    }
}

#[cfg(test)]
mod tests;
