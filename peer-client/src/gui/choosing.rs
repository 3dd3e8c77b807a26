//! Files and folders that the user chooses in the system's own dialogs.

use std::path::PathBuf;

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// A file that is there.
    File,
    /// A place for a new file, for which this name is suggested.
    NewFile(String),
    /// A folder.
    Folder,
}

impl Choice {
    /// Asks the user, who may choose nothing.
    pub(crate) async fn ask(self) -> Option<PathBuf> {
        let dialog = rfd::AsyncFileDialog::new();
        let chosen = match self {
            Self::File => dialog.pick_file().await,
            Self::NewFile(name) => dialog.set_file_name(name).save_file().await,
            Self::Folder => dialog.pick_folder().await,
        };
        chosen.map(|chosen| chosen.path().to_path_buf())
    }
}
