//! What reaches the core of attachments.

use wire::{
    blob::BlobRequest,
    id::{BlobHash, DeviceId},
};

use super::{BlobStreamId, Ticket};
use crate::core::command::Failure;

/// What happens to attachments.
#[derive(Debug)]
pub enum AttachmentInput {
    /// A file was read and put into the store of attachments.
    Prepared {
        /// The job.
        ticket: Ticket,
        /// What is known of it.
        file: Box<PreparedFile>,
    },
    /// A job failed.
    Failed {
        /// The job.
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
    /// A file was copied to where the user wants it.
    Saved {
        /// The job.
        ticket: Ticket,
        /// Its bytes.
        bytes: u64,
    },
    /// Verified bytes are here.
    Progress {
        /// The transfer.
        ticket: Ticket,
        /// Bytes here.
        done: u64,
    },
    /// An attachment is here whole.
    Complete {
        /// The transfer.
        ticket: Ticket,
    },
    /// Another device wants an attachment.
    Asked {
        /// The stream that waits.
        stream: BlobStreamId,
        /// The device.
        device: DeviceId,
        /// What it wants.
        request: Box<BlobRequest>,
    },
}

/// A file ready to be sent.
#[derive(Clone, Debug)]
pub struct PreparedFile {
    /// BLAKE3 of its bytes.
    pub blob: BlobHash,
    /// Bytes.
    pub size: u64,
    /// File name without a path.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Width and height of an image.
    pub dimensions: Option<(u32, u32)>,
    /// A small image of it.
    pub preview: Option<Vec<u8>>,
}

/// An attachment on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The attachment.
    pub blob: BlobHash,
    /// Bytes that it takes.
    pub bytes: u64,
    /// How it came to be here, and how far.
    pub state: StoredState,
    /// When it came, or the last of it: milliseconds since 1970.
    pub changed_ms: u64,
}

/// How an attachment came to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// The user sent it from here.
    Own,
    /// It was fetched whole.
    Fetched,
    /// Not all of it has come.
    Part,
}
