//! Every bound of the protocol. What a peer may make another hold, read or do is limited here.

use std::time::Duration;

/// Version of the formats in this crate; the protocol ids carry it too.
pub const VERSION: u8 = 1;

/// Largest sequence of an entry or a record, and latest time in milliseconds: what databases and
/// other languages hold exactly, and what a thousand logs may sum up without overflow.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Shortest username, in characters.
pub const USERNAME_MIN: usize = 2;
/// Longest username, in characters.
pub const USERNAME_MAX: usize = 32;
/// Longest group name after preparation, in bytes.
pub const GROUP_NAME_MAX: usize = 64;
/// Longest display name, in bytes.
pub const DISPLAY_NAME_MAX: usize = 64;

/// Devices that one account record may list.
pub const DEVICES_MAX: usize = 16;
/// Addresses that a device may announce, and that are handed on for it.
pub const ADDRESSES_MAX: usize = 16;
/// Longest encoded address, in bytes.
pub const ADDRESS_MAX: usize = 256;
/// Largest encoded account record, in bytes.
pub const RECORD_MAX: usize = 2 * 1024;
/// Largest encoded device certificate, in bytes.
pub const CERTIFICATE_MAX: usize = 512;

/// Heads an event may name as its parents.
pub const PARENTS_MAX: usize = 16;
/// Largest encoded event header, in bytes.
pub const HEADER_MAX: usize = 2 * 1024;
/// Largest encoded payload of an event, in bytes.
pub const PAYLOAD_MAX: usize = 48 * 1024;
/// Longest text of a message, in bytes. Leaves room for the rest of its payload.
pub const TEXT_MAX: usize = 32 * 1024;
/// Longest caption of an attachment, in bytes.
pub const CAPTION_MAX: usize = 8 * 1024;
/// Longest emoji of a reaction, in bytes: the longest joined sequences have 35.
pub const EMOJI_MAX: usize = 64;
/// Largest preview image inside an attachment's payload, in bytes.
pub const PREVIEW_MAX: usize = 24 * 1024;
/// Longest file name of an attachment, in bytes.
pub const FILE_NAME_MAX: usize = 255;
/// Longest media type of an attachment, in bytes.
pub const MEDIA_TYPE_MAX: usize = 127;
/// Largest attachment, in bytes.
pub const BLOB_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How far ahead of the reader's clock an event's clock may be before it stops pulling the
/// reader's own clock along.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_mins(5);

/// Events in one replication frame.
pub const EVENTS_PER_FRAME: usize = 64;
/// Bytes of events in one replication frame; a frame takes at least one event.
pub const EVENT_BYTES_PER_FRAME: usize = 256 * 1024;
/// Largest replication frame, in bytes: the events and what names them, or a full `Hello`.
pub const SYNC_FRAME_MAX: usize = EVENT_BYTES_PER_FRAME + 64 * 1024;
/// Logs (devices) that one conversation may have.
pub const LOGS_MAX: usize = 1024;
/// Ranges beyond a gap that a peer may claim for one log, and ranges in one request for an
/// attachment.
pub const RANGES_MAX: usize = 8;
/// Longest reason in a farewell, in bytes.
pub const REASON_MAX: usize = 200;

/// Largest frame between client and rendezvous server, in bytes: holds the largest group message,
/// and a full answer even where every address is as long as it may be.
pub const RENDEZVOUS_FRAME_MAX: usize = GOSSIP_MAX + 1024;
/// Largest admission token, in bytes.
pub const TOKEN_MAX: usize = 1024;
/// Largest encoded body of a token that a server signs, in bytes.
pub const TOKEN_BODY_MAX: usize = 256;
/// Hardest puzzle that a server may set, in leading zero bits: seconds of one core.
pub const PUZZLE_DIFFICULTY_MAX: u8 = 24;
/// Accounts that one client may watch.
pub const WATCH_MAX: usize = 1024;
/// Accounts in one watch request.
pub const WATCH_PER_REQUEST: usize = 256;
/// Members that one answer lists.
pub const MEMBERS_PER_ANSWER: usize = 16;
/// Longest text of a server's notice, in bytes.
pub const NOTICE_MAX: usize = 500;

/// Events in one gossip message.
pub const EVENTS_PER_GOSSIP: usize = 16;
/// Largest sealed group message, in bytes.
pub const GOSSIP_MAX: usize = 128 * 1024;
/// What gossipsub may put into one transmission, in bytes, equal on all nodes: at least twice the
/// largest message and room for the subscriptions of thousands of topics.
pub const GOSSIP_TRANSMIT_MAX: usize = 1024 * 1024;
/// Topics that one peer may be subscribed to.
pub const TOPICS_MAX: usize = 16 * 1024;

/// Largest request for an attachment, in bytes.
pub const BLOB_REQUEST_MAX: usize = 8 * 1024;
/// Largest reply that precedes the bytes of an attachment.
pub const BLOB_REPLY_MAX: usize = 512;

/// Longest invitation link, in characters.
pub const INVITE_MAX: usize = 6 * 1024;

/// Largest frame when a device is added, in bytes.
pub const PAIRING_FRAME_MAX: usize = 8 * 1024;
