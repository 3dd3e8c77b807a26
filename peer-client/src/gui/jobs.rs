//! Work that would hold up a frame, done in tasks.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
};

use wire::name::ConversationName;

use super::{
    Secret, format,
    inbox::{Delivery, Door},
    writing::PendingFile,
};
use crate::{
    backup,
    core::command::{Answer, Command, FileSource},
    handle::Handle,
    media,
    node::files::Files,
    recovery,
};

/// Writes a conversation into a folder, while the node goes on.
pub(crate) async fn export(handle: Handle, (of, to): (ConversationName, PathBuf), door: Door) {
    let written = read_and_write(handle, of, to).await;
    door.deliver(Delivery::Written(written.map_err(|error| line(&error))));
}

/// Writes everything into one file, while the node goes on.
pub(crate) fn back_up(folder: &Path, to: &Path, passphrase: &Secret, door: &Door) {
    let written = backup::write(&Files::beside_node(folder), to, passphrase.reveal());
    let done = written.map(|()| format!("Everything is in {}", to.display()));
    door.deliver(Delivery::Written(done.map_err(|error| line(&error))));
}

/// Reads the recovery phrase.
pub(crate) fn read_phrase(folder: &Path, door: &Door) {
    let words = recovery::phrase_of(&Files::beside_node(folder));
    door.deliver(Delivery::Phrase(words.map(Secret::new).map_err(|error| line(&error))));
}

async fn read_and_write(
    handle: Handle,
    of: ConversationName,
    to: PathBuf,
) -> anyhow::Result<String> {
    let mut export = backup::Export::default();
    while !export.is_whole() {
        let (limit, before) = (backup::Export::PAGE, export.oldest());
        match handle.ask(Command::History { of: of.clone(), limit, before }).await? {
            Answer::Messages(page) => export.take(page),
            _ => anyhow::bail!("the messages cannot be read"),
        }
    }
    tokio::task::spawn_blocking(move || {
        let count = export.write(&to)?;
        let messages = if count == 1 { "message is" } else { "messages are" };
        Ok(format!("{count} {messages} in {}", to.display()))
    })
    .await?
}

/// An error as one line for the user.
fn line(error: &anyhow::Error) -> String {
    format::sentence(&format!("{error:#}"))
}

/// Lets the user choose files to send.
pub(crate) async fn choose_files(conversation: ConversationName, door: Door) {
    let Some(files) = rfd::AsyncFileDialog::new().set_title("Send files").pick_files().await else {
        return;
    };
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_path_buf()).collect();
    let read = tokio::task::spawn_blocking(move || deliver_files(conversation, &paths, &door));
    if let Err(error) = read.await {
        tracing::warn!(%error, "reading chosen files ended early");
    }
}

/// Reads what is known about files to send.
pub(crate) fn deliver_files(conversation: ConversationName, paths: &[PathBuf], door: &Door) {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        match describe(path) {
            Ok(file) => files.push(file),
            Err(text) => door.deliver(Delivery::Failed(text)),
        }
    }
    door.deliver(Delivery::Files(conversation, files));
}

/// Takes in pasted text, or the files for which it stands: a file manager's copy has the files' names as text too, which is not what is meant.
pub(crate) fn deliver_pasted(conversation: ConversationName, text: String, door: &Door) {
    let files = arboard::Clipboard::new().and_then(|mut board| board.get().file_list());
    match files {
        Ok(paths) if !paths.is_empty() => deliver_files(conversation, &paths, door),
        Ok(_) | Err(_) => door.deliver(Delivery::Text(conversation, text)),
    }
}

fn describe(path: &Path) -> Result<PendingFile, String> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("{name} is a folder; only files can be sent"));
    }
    let source = FileSource::Path(path.to_path_buf());
    Ok(PendingFile { source, name: media::safe_file_name(&name), size: metadata.len() })
}

/// Makes a file of an image.
pub(crate) fn deliver_image(conversation: ConversationName, image: &egui::ColorImage, door: &Door) {
    let [width, height] = image.size;
    let pixels = image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect();
    let image = image::RgbaImage::from_raw(width as u32, height as u32, pixels);
    let mut bytes = Vec::new();
    let encoded =
        image.map(|image| image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png));
    match encoded {
        Some(Ok(())) => {
            let name = "image.png".to_owned();
            let size = bytes.len() as u64;
            let source = FileSource::Bytes { name: name.clone(), bytes: bytes.into() };
            door.deliver(Delivery::Files(conversation, vec![PendingFile { source, name, size }]));
        }
        Some(Err(_)) | None => {
            door.deliver(Delivery::Failed("The image on the clipboard cannot be read".to_owned()));
        }
    }
}
