//! What the window keeps over restarts: the login that worked, the look and what the user
//! prefers. No secrets.

use std::{fs, io, path::Path};

use egui::ThemePreference;
use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};
use wire::name::Username;

use super::preferences::Preferences;

/// The file in the data folder.
const FILE: &str = "window.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Addresses of the server that accepted the name.
    pub(crate) rendezvous: Vec<Multiaddr>,
    /// The name.
    pub(crate) username: Option<Username>,
    /// The look.
    pub(crate) look: Look,
    /// What the user prefers.
    pub(crate) preferences: Preferences,
}

/// Which look is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Look {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Look {
    /// The same for egui.
    pub(crate) fn preference(self) -> ThemePreference {
        match self {
            Self::System => ThemePreference::System,
            Self::Light => ThemePreference::Light,
            Self::Dark => ThemePreference::Dark,
        }
    }
}

impl Settings {
    /// Reads what was kept. A file that is missing or damaged counts as empty.
    pub(crate) fn load(folder: &Path) -> Self {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "the window's settings are damaged");
                Self::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                tracing::warn!(%error, "the window's settings cannot be read");
                Self::default()
            }
        }
    }

    /// Keeps it. A failure costs comfort only.
    pub(crate) fn save(&self, folder: &Path) {
        let written = serde_json::to_vec_pretty(self).map_err(io::Error::from).and_then(|bytes| {
            let new = folder.join(format!("{FILE}.new"));
            fs::write(&new, bytes)?;
            fs::rename(&new, folder.join(FILE))
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the window's settings cannot be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Settings::load(folder.path()), Settings::default());
        let mut preferences = Preferences::default();
        preferences.enlarge(2);
        let settings = Settings {
            rendezvous: vec!["/ip4/127.0.0.1/tcp/4001".parse().unwrap()],
            username: Some(Username::new("alice").unwrap()),
            look: Look::Dark,
            preferences,
        };
        settings.save(folder.path());
        assert_eq!(Settings::load(folder.path()), settings);
    }

    #[test]
    fn a_damaged_file_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"{").unwrap();
        assert_eq!(Settings::load(folder.path()), Settings::default());
    }
}
