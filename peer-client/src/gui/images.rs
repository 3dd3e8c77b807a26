//! Decoded images. Two threads decode, with the limits of [`media`]; textures that were not used
//! for long are dropped once all together are too large.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use egui::{ColorImage, TextureHandle, TextureOptions, Vec2, vec2};
use wire::id::BlobHash;

use crate::media;

/// Threads that decode.
const WORKERS: usize = 2;
/// Images that may wait for a thread; more are asked for again in the next frame.
const QUEUE: usize = 32;
/// Bytes of all textures together.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// Longest side of an image within a conversation, in pixels.
const INLINE_SIDE: u32 = 900;
/// Longest side of an enlarged image, in pixels.
const FULL_SIDE: u32 = 2048;

/// An image in one of its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ImageKey {
    /// The small one within a message.
    Preview(BlobHash),
    /// As shown in a conversation.
    Inline(BlobHash),
    /// As shown enlarged.
    Full(BlobHash),
    /// One that waits to be sent.
    Pending(u64),
}

/// Where an image's bytes are.
#[derive(Clone, Debug)]
pub(crate) enum ImageSource {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In a file.
    File(PathBuf),
}

/// An image, as far as it is there.
pub(crate) enum Picture {
    /// Ready to be drawn.
    Ready(TextureHandle),
    /// Being decoded.
    Coming,
    /// It cannot be shown.
    Broken,
}

enum Entry {
    Coming,
    Broken,
    Ready { texture: TextureHandle, bytes: usize, used: u64 },
}

type Job = (ImageKey, ImageSource);

/// Decoded images.
pub(crate) struct Images {
    entries: HashMap<ImageKey, Entry>,
    jobs: SyncSender<Job>,
    results: Receiver<(ImageKey, Option<ColorImage>)>,
    context: egui::Context,
    frame: u64,
}

impl Images {
    /// Starts the threads. They end with the value.
    pub(crate) fn new(context: &egui::Context) -> Self {
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let (done, results) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..WORKERS {
            let (queue, done, context) = (Arc::clone(&queue), done.clone(), context.clone());
            thread::spawn(move || work(&queue, &done, &context));
        }
        Self { entries: HashMap::new(), jobs, results, context: context.clone(), frame: 0 }
    }

    /// Takes in what was decoded. Called once per frame.
    pub(crate) fn begin_frame(&mut self) {
        self.frame += 1;
        for (key, image) in self.results.try_iter() {
            let entry = match image {
                None => Entry::Broken,
                Some(image) => {
                    let bytes = image.pixels.len() * 4;
                    let name = format!("{key:?}");
                    let texture = self.context.load_texture(name, image, TextureOptions::LINEAR);
                    Entry::Ready { texture, bytes, used: self.frame }
                }
            };
            self.entries.insert(key, entry);
        }
        self.shrink();
    }

    /// The image, which is decoded if it is not there.
    pub(crate) fn get(&mut self, key: ImageKey, source: impl FnOnce() -> ImageSource) -> Picture {
        match self.entries.get_mut(&key) {
            Some(Entry::Coming) => Picture::Coming,
            Some(Entry::Broken) => Picture::Broken,
            Some(Entry::Ready { texture, used, .. }) => {
                *used = self.frame;
                Picture::Ready(texture.clone())
            }
            None => {
                if self.jobs.try_send((key, source())).is_ok() {
                    self.entries.insert(key, Entry::Coming);
                }
                Picture::Coming
            }
        }
    }

    /// Drops what was not used for longest until all fit. What is in view stays.
    fn shrink(&mut self) {
        let mut ready: Vec<(u64, ImageKey, usize)> = self
            .entries
            .iter()
            .filter_map(|(key, entry)| match entry {
                Entry::Ready { bytes, used, .. } => Some((*used, *key, *bytes)),
                Entry::Coming | Entry::Broken => None,
            })
            .collect();
        let mut total: usize = ready.iter().map(|(_, _, bytes)| bytes).sum();
        if total <= BYTES_MAX {
            return;
        }
        ready.sort_unstable();
        for (used, key, bytes) in ready {
            if total <= BYTES_MAX || used + 1 >= self.frame {
                break;
            }
            self.entries.remove(&key);
            total -= bytes;
        }
    }
}

/// The size of an image that fits into another one, never enlarged.
pub(crate) fn fit(size: Vec2, within: Vec2) -> Vec2 {
    let scale = (within.x / size.x).min(within.y / size.y).min(1.0);
    vec2((size.x * scale).max(1.0), (size.y * scale).max(1.0))
}

fn work(
    queue: &Mutex<Receiver<Job>>,
    done: &SyncSender<(ImageKey, Option<ColorImage>)>,
    context: &egui::Context,
) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((key, source)) = job else { return };
        let limit = match key {
            ImageKey::Full(_) => FULL_SIDE,
            ImageKey::Preview(_) | ImageKey::Inline(_) | ImageKey::Pending(_) => INLINE_SIDE,
        };
        let decoded = match source {
            ImageSource::Bytes(bytes) => media::decode_limited(&bytes, limit),
            ImageSource::File(path) => media::decode_file(&path, limit),
        };
        let image = match decoded {
            Ok(image) => {
                let size = [image.width() as usize, image.height() as usize];
                Some(ColorImage::from_rgba_unmultiplied(size, image.as_raw()))
            }
            Err(error) => {
                tracing::debug!(%error, "an image cannot be shown");
                None
            }
        };
        if done.send((key, image)).is_err() {
            return;
        }
        context.request_repaint();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_shrunk_and_never_enlarged() {
        assert_eq!(fit(vec2(400.0, 100.0), vec2(200.0, 200.0)), vec2(200.0, 50.0));
        assert_eq!(fit(vec2(100.0, 400.0), vec2(200.0, 200.0)), vec2(50.0, 200.0));
        assert_eq!(fit(vec2(10.0, 20.0), vec2(200.0, 200.0)), vec2(10.0, 20.0));
        assert_eq!(fit(vec2(10_000.0, 1.0), vec2(200.0, 200.0)), vec2(200.0, 1.0));
    }
}
