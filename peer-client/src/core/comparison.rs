//! What is here of a conversation, held against what others have.

use std::collections::BTreeSet;

use wire::{
    bounded::Bounded,
    id::DeviceId,
    limits::{LOGS_MAX, NUMBER_MAX},
    sync::{Have, Held},
};

use super::{conversation::Conversation, model::Completeness};

/// Entries that are asked for after one greeting because they differ from those here.
const DIFFERING_MAX: usize = 16;

/// What two members miss of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The other has entries that are missing here.
    pub(crate) they_have_more: bool,
    /// The other misses entries that are here.
    pub(crate) i_have_more: bool,
}

impl Conversation {
    /// What is durable here.
    pub(crate) fn have(&self) -> Have {
        Bounded::truncated(self.logs.iter().filter_map(|(device, log)| {
            let head = log.head?;
            Some(Held { device: *device, head: Some(head), beyond: Bounded::default() })
        }))
    }

    /// Takes in what another member has. Tells whether that is more than is here.
    pub(crate) fn compare(&mut self, have: &Have) -> Comparison {
        let mut comparison = Comparison::default();
        for held in have {
            if self.forked.contains(&held.device) {
                continue;
            }
            // Nobody has more than a log can have, whatever is claimed.
            let theirs = held.head.map_or(0, |head| head.sequence.min(NUMBER_MAX) + 1);
            let mine = self.next_sequence(&held.device);
            let durable = self.durable_next(&held.device);
            comparison.they_have_more |= theirs > mine;
            comparison.i_have_more |= mine > theirs;
            if theirs > 0 && (self.known.contains_key(&held.device) || self.known.len() < LOGS_MAX)
            {
                let known = self.known.entry(held.device).or_default();
                *known = theirs.max(*known);
                if *known > durable {
                    self.lagging.insert(held.device);
                }
            }
        }
        let theirs: BTreeSet<_> = have.iter().map(|held| held.device).collect();
        comparison.i_have_more |= self.logs.keys().any(|device| !theirs.contains(device));
        comparison
    }

    /// Logs that end in another entry elsewhere than here, at the same place. That is only a claim until
    /// the other entry is seen.
    pub(crate) fn differing(&self, have: &Have) -> Vec<(DeviceId, u64)> {
        let differs = |held: &Held| {
            let (theirs, mine) = (held.head?, self.logs.get(&held.device)?.head?);
            let differs = theirs.sequence == mine.sequence && theirs.id != mine.id;
            (differs && !self.forked.contains(&held.device)).then_some((held.device, mine.sequence))
        };
        have.iter().filter_map(differs).take(DIFFERING_MAX).collect()
    }

    /// How complete the history here is.
    pub(crate) fn completeness(&self) -> Completeness {
        let lagging = self.lagging.iter().filter(|device| !self.forked.contains(device));
        let missing = lagging.map(|device| {
            let known = self.known.get(device).copied().unwrap_or(0);
            known.saturating_sub(self.durable_next(device))
        });
        Completeness { have: self.durable, missing: missing.sum() }
    }
}
