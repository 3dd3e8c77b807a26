//! What the user prefers, and what the window keeps of it over restarts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wire::{
    id::AccountId,
    name::{ConversationName, Username},
};

/// Smallest and largest size of everything, in percent.
pub(crate) const SCALES: (u16, u16) = (75, 250);
/// By how much one step makes everything larger or smaller, in percent.
const STEP: u16 = 10;

/// What the user prefers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preferences {
    /// Conversations that stay at the top of the list.
    pinned: BTreeSet<String>,
    /// Emoji that were used last.
    pub(crate) recent: Vec<String>,
    /// The tone of skin in which emoji are offered: 0 for none, 1 to 5 from light to dark.
    pub(crate) tone: u8,
    /// How large everything is, in percent.
    pub(crate) scale: u16,
    /// Width and height of the window, in points of the screen.
    pub(crate) size: Option<[u32; 2]>,
    /// With whom a conversation is stands beside it where there is room.
    pub(crate) beside: bool,
    /// The recovery phrase is written down.
    pub(crate) phrase_kept: bool,
    /// Nothing moves.
    pub(crate) still: bool,
    /// What is told of new messages.
    pub(crate) notify: Notify,
    /// Names of people whose keys were compared, with the account that was meant.
    verified: BTreeMap<String, String>,
}

/// What is told of new messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Notify {
    /// Who writes, and what.
    #[default]
    Text,
    /// Who writes.
    Name,
    /// Nothing.
    Off,
}

/// How far the user trusts that somebody is who they seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The number was not compared.
    Unknown,
    /// The number was compared, and the account is still the same.
    Verified,
    /// The number was compared, but the name is now that of another account.
    Changed,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            pinned: BTreeSet::new(),
            recent: Vec::new(),
            tone: 0,
            scale: 100,
            size: None,
            beside: false,
            phrase_kept: false,
            still: false,
            notify: Notify::default(),
            verified: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// Whether a conversation stays at the top of the list.
    pub(crate) fn is_pinned(&self, name: &ConversationName) -> bool {
        !self.pinned.is_empty() && self.pinned.contains(&name.to_string())
    }

    /// Keeps a conversation at the top of the list, or no longer.
    pub(crate) fn pin(&mut self, name: &ConversationName, on: bool) {
        if on {
            self.pinned.insert(name.to_string());
        } else {
            self.pinned.remove(&name.to_string());
        }
    }

    /// How far the user trusts that an account is of the person who bears the name.
    pub(crate) fn trust(&self, name: &Username, account: &AccountId) -> Trust {
        match self.verified.get(name.as_str()) {
            None => Trust::Unknown,
            Some(verified) if *verified == account.to_string() => Trust::Verified,
            Some(_) => Trust::Changed,
        }
    }

    /// The user compared a person's number, and it was the same.
    pub(crate) fn verify(&mut self, name: &Username, account: &AccountId) {
        self.verified.insert(name.to_string(), account.to_string());
    }

    /// The user takes that back.
    pub(crate) fn unverify(&mut self, name: &Username) {
        self.verified.remove(name.as_str());
    }

    /// Makes everything larger or smaller by some steps.
    pub(crate) fn enlarge(&mut self, steps: i16) {
        let scale = self.scale.saturating_add_signed(steps.saturating_mul(STEP as i16));
        self.scale = scale.clamp(SCALES.0, SCALES.1);
    }

    /// Applies what concerns all of the window.
    pub(crate) fn apply(&self, context: &egui::Context) {
        let scale = f32::from(self.scale.clamp(SCALES.0, SCALES.1)) / 100.0;
        if (context.zoom_factor() - scale).abs() > 0.001 {
            context.set_zoom_factor(scale);
        }
        let moving = if self.still { 0.0 } else { super::theme::MOTION };
        context.all_styles_mut(|style| style.animation_time = moving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_within_what_is_usable() {
        let mut preferences = Preferences::default();
        preferences.enlarge(1);
        assert_eq!(preferences.scale, 110);
        preferences.enlarge(100);
        assert_eq!(preferences.scale, 250);
        preferences.enlarge(-100);
        assert_eq!(preferences.scale, 75);
    }

    #[test]
    fn files_of_other_versions_are_read() {
        let read: Preferences = serde_json::from_str(r#"{"scale": 120, "unknown": 1}"#).unwrap();
        assert_eq!(read, Preferences { scale: 120, ..Preferences::default() });
    }

    #[test]
    fn pins_are_set_and_taken_away() {
        let mut preferences = Preferences::default();
        let name: ConversationName = "#rust".parse().unwrap();
        preferences.pin(&name, true);
        assert!(preferences.is_pinned(&name));
        preferences.pin(&name, false);
        assert!(!preferences.is_pinned(&name));
    }
}
