//! What must hold for any bytes: one function per decoder.
//!
//! A decoder never panics. What it accepts, it encodes to bytes that it reads as the same value;
//! where encodings are hashed or signed, to the very bytes that came. A second CBOR library, where
//! it accepts the bytes too, reads the same value. The tests of `wire` run these functions over
//! the corpus, and `cargo fuzz` over what it finds.

use std::fmt::Debug;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use wire::{
    account::{AccountRecord, DeviceCertificate, Introduction},
    admission::{self, AdmissionToken},
    blob::{BlobReply, BlobRequest},
    codec::{self, DecodeError},
    conversation::{GroupMessage, GroupSecret},
    event::{Event, EventHeader, Payload},
    id::{EventId, Signature, TopicTag},
    invite::Invite,
    limits::{
        BLOB_REPLY_MAX, BLOB_REQUEST_MAX, GOSSIP_MAX, GROUP_NAME_MAX, INVITE_MAX,
        PAIRING_FRAME_MAX, PAYLOAD_MAX, RENDEZVOUS_FRAME_MAX, SYNC_FRAME_MAX, USERNAME_MAX,
    },
    name::{ConversationName, GroupName, Username},
    pairing::{PairingCode, PairingReply, PairingRequest},
    rendezvous::{ClientFrame, Push, Reachable, Request, Response, ServerFrame, topic, topic_tag},
    signed::{Signable, Signed},
    sync::{Receipt, SyncFrame},
};

/// A decoder's name and its function, for those who run them all.
pub type Target = (&'static str, fn(&[u8]));

/// Every function of this file. The names are those of the fuzz targets and corpus folders.
pub const TARGETS: [Target; 19] = [
    ("account_record", account_record),
    ("admission_token", admission_token),
    ("blob_reply", blob_reply),
    ("blob_request", blob_request),
    ("client_frame", client_frame),
    ("device_certificate", device_certificate),
    ("event", event),
    ("event_header", event_header),
    ("group_message", group_message),
    ("identifiers", identifiers),
    ("introduction", introduction),
    ("invite", invite),
    ("names", names),
    ("pairing_code", pairing_code),
    ("pairing_frame", pairing_frame),
    ("payload", payload),
    ("receipt", receipt),
    ("server_frame", server_frame),
    ("sync_frame", sync_frame),
];

/// Account records, signed and not.
pub fn account_record(input: &[u8]) {
    signed::<AccountRecord>(input);
}

/// Tokens that a server signed, and not.
pub fn admission_token(input: &[u8]) {
    signed::<AdmissionToken>(input);
    if let Ok(token) = admission::read_token(input) {
        assert_eq!(codec::encode(&token), input);
    }
}

/// Device certificates, signed and not.
pub fn device_certificate(input: &[u8]) {
    signed::<DeviceCertificate>(input);
}

/// Event headers, signed and not.
pub fn event_header(input: &[u8]) {
    signed::<EventHeader>(input);
}

/// Receipts, signed and not.
pub fn receipt(input: &[u8]) {
    signed::<Receipt>(input);
}

/// A record with a certificate.
pub fn introduction(input: &[u8]) {
    let decode = |bytes: &[u8]| codec::decode::<Introduction>(bytes, PAYLOAD_MAX);
    if let Some(introduction) = accepted(input, PAYLOAD_MAX, decode) {
        check_introduction(&introduction);
    }
}

/// Events with a header, a signature and a payload that may not belong together.
pub fn event(input: &[u8]) {
    let decode = |bytes: &[u8]| codec::decode::<Event>(bytes, SYNC_FRAME_MAX);
    if let Some(event) = accepted(input, SYNC_FRAME_MAX, decode) {
        check_event(&event);
    }
}

/// Payloads without a header.
pub fn payload(input: &[u8]) {
    match Payload::read(input) {
        Err(_) => {}
        Ok(Payload::Unsupported) => assert!(input.len() <= PAYLOAD_MAX),
        Ok(payload) => {
            assert_eq!(codec::encode(&payload), input);
            if let Payload::Introduction(introduction) = &payload {
                check_introduction(introduction);
            }
        }
    }
    // What the other library reads must not be another payload.
    both_agree::<Payload>(input, PAYLOAD_MAX);
}

/// Frames between two devices.
pub fn sync_frame(input: &[u8]) {
    match accepted(input, SYNC_FRAME_MAX, SyncFrame::decode) {
        Some(SyncFrame::Events(events)) => events.iter().for_each(check_event),
        Some(SyncFrame::Receipt(receipt)) => check_signed(&receipt),
        _ => {}
    }
}

/// Sealed messages of a group, and, since nobody guesses a seal, messages to be sealed.
pub fn group_message(input: &[u8]) {
    let secret = GroupSecret::new([7; 32]);
    if let Ok(message) = secret.unseal(input) {
        codec::encode(&message);
    }
    let decode = |bytes: &[u8]| codec::decode::<GroupMessage>(bytes, GOSSIP_MAX);
    let Some(message) = accepted(input, GOSSIP_MAX, decode) else { return };
    let sealed = secret.seal(&message, [3; 24]);
    if sealed.len() <= GOSSIP_MAX {
        assert_eq!(secret.unseal(&sealed), Ok(message));
    }
}

/// Ids and topics as text.
pub fn identifiers(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(id) = text.parse::<EventId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(tag) = text.parse::<TopicTag>() {
        assert_eq!(topic_tag(&topic(&tag)), Some(tag));
    }
    if let Some(tag) = topic_tag(text) {
        assert_eq!(topic(&tag), text.to_ascii_lowercase());
    }
}

/// Requests for an attachment.
pub fn blob_request(input: &[u8]) {
    if let Some(request) = accepted(input, BLOB_REQUEST_MAX, BlobRequest::decode) {
        let ordered = request.ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        assert!(ordered && request.ranges.iter().all(|(start, end)| start < end));
    }
}

/// Answers to them.
pub fn blob_reply(input: &[u8]) {
    accepted(input, BLOB_REPLY_MAX, BlobReply::decode);
}

/// Frames from a client to the rendezvous server.
pub fn client_frame(input: &[u8]) {
    let Some(frame) = accepted(input, RENDEZVOUS_FRAME_MAX, ClientFrame::decode) else { return };
    match frame.request {
        Request::Register { record } => check_signed(&record),
        Request::Announce { addresses } => {
            addresses.iter().for_each(|address| drop(address.as_multiaddr().to_string()));
        }
        Request::Lookup { username } => drop(username.skeleton()),
        Request::Join { tag } => assert_eq!(topic_tag(&topic(&tag)), Some(tag)),
        _ => {}
    }
}

/// Frames from the rendezvous server to a client.
pub fn server_frame(input: &[u8]) {
    let print = |reachable: &Reachable| {
        for address in &reachable.addresses {
            drop(address.as_multiaddr().to_string());
        }
        assert_eq!(reachable.device.peer_id().try_into(), Ok(reachable.device));
    };
    match accepted(input, RENDEZVOUS_FRAME_MAX, ServerFrame::decode) {
        Some(ServerFrame::Response { result: Ok(Response::Found(found)), .. }) => {
            check_signed(&found.record);
            found.devices.iter().for_each(print);
        }
        Some(ServerFrame::Push(Push::Presence { devices, .. })) => devices.iter().for_each(print),
        Some(ServerFrame::Push(Push::MemberJoined { member, .. })) => print(&member.reachable),
        _ => {}
    }
}

/// Invitation links, and the bytes inside them.
pub fn invite(input: &[u8]) {
    if let Ok(link) = str::from_utf8(input)
        && let Ok(invite) = Invite::from_link(link)
    {
        assert_eq!(invite.to_link(), link.trim());
    }
    let link = format!("natterjack:{}", URL_SAFE_NO_PAD.encode(input));
    if let Ok(invite) = Invite::from_link(&link) {
        assert_eq!(invite.to_link(), link);
    }
    both_agree::<Invite>(input, INVITE_MAX);
}

/// Codes for new devices.
pub fn pairing_code(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input)
        && let Ok(code) = PairingCode::from_text(text)
    {
        assert_eq!(code.to_text(), text.trim());
    }
    let text = format!("natterjack-device:{}", URL_SAFE_NO_PAD.encode(input));
    if let Ok(code) = PairingCode::from_text(&text) {
        assert_eq!(code.to_text(), text);
    }
    both_agree::<PairingCode>(input, INVITE_MAX);
}

/// Frames of new devices, and the answers.
pub fn pairing_frame(input: &[u8]) {
    accepted(input, PAIRING_FRAME_MAX, PairingRequest::decode);
    let reply = accepted(input, PAIRING_FRAME_MAX, PairingReply::decode);
    if let Some(PairingReply::Added(introduction)) = reply {
        check_introduction(&introduction);
    }
}

/// Names as people type them and as they come in frames.
pub fn names(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(name) = Username::new(text) {
        assert_eq!(Username::new(name.as_str()).as_ref(), Ok(&name));
        assert!(name.as_str().len() <= USERNAME_MAX && name.as_str().is_ascii());
        assert!(!name.skeleton().is_empty());
    }
    if let Ok(name) = GroupName::new(text) {
        assert_eq!(GroupName::new(name.as_str()).as_ref(), Ok(&name));
        assert!((1..=GROUP_NAME_MAX).contains(&name.as_str().len()));
        assert!(!name.as_str().contains(char::is_control));
    }
    if let Ok(name) = text.parse::<ConversationName>() {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
    }
    let encoded = codec::encode(&text);
    let limit = encoded.len();
    accepted(&encoded, limit, |bytes| codec::decode_canonical::<Username>(bytes, limit));
    accepted(&encoded, limit, |bytes| codec::decode_canonical::<GroupName>(bytes, limit));
}

/// Decodes, and holds what was accepted against its own encoding and the other library.
fn accepted<T>(
    input: &[u8],
    limit: usize,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    both_agree::<T>(input, limit);
    let value = decode(input).ok()?;
    let encoded = codec::encode(&value);
    // Fields may come without their names, so the full encoding can be longer than what came.
    if encoded.len() <= limit {
        assert_eq!(decode(&encoded).as_ref(), Ok(&value));
    }
    assert_eq!(cbor4ii::serde::from_slice(&encoded).ok().as_ref(), Some(&value));
    Some(value)
}

/// Where both CBOR libraries accept the bytes, they read one value.
fn both_agree<T: DeserializeOwned + PartialEq + Debug>(input: &[u8], limit: usize) {
    let ours = codec::decode::<T>(input, limit);
    let theirs = cbor4ii::serde::from_slice::<T>(input);
    if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
        assert_eq!(ours, theirs);
    }
}

/// A signed value, and, since nobody guesses a signature, the value without one.
fn signed<T: Signable + PartialEq + Debug>(input: &[u8]) {
    let decode = |bytes: &[u8]| codec::decode::<Signed<T>>(bytes, T::MAX + 128);
    if let Some(signed) = accepted(input, T::MAX + 128, decode) {
        check_signed(&signed);
    }
    both_agree::<T>(input, T::MAX);
    if let Ok(value) = codec::decode_canonical::<T>(input, T::MAX) {
        assert_eq!(codec::encode(&value), input);
        let unsigned = Signed::<T>::from_parts(input.to_vec(), Signature::new([0xff; 64]));
        let refused = value.check().err().unwrap_or(DecodeError::WrongSignature);
        assert_eq!(unsigned.open(), Err(refused));
    }
}

fn check_signed<T: Signable>(signed: &Signed<T>) {
    if let Ok(value) = signed.open() {
        assert_eq!(codec::encode(&value), signed.body());
    }
}

fn check_introduction(introduction: &Introduction) {
    check_signed(&introduction.record);
    check_signed(&introduction.certificate);
    if let Ok(identity) = introduction.open() {
        assert!(introduction.record.open().is_ok_and(|record| record.account == identity.account));
    }
}

fn check_event(event: &Event) {
    assert!(event.size() >= event.header.body().len());
    if let Ok(checked) = event.clone().check() {
        assert_eq!(&checked.event, event);
        assert_eq!(checked.id.as_bytes(), event.header.hash().as_bytes());
        assert_eq!(checked.payload.is_some(), event.payload.is_some());
    }
}
