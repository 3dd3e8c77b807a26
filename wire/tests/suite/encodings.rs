//! Hostile encodings: cut, long, deep, indefinite, tagged, doubled, and other ways to say the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use wire::{
    account::{AccountRecord, DeviceCertificate},
    blob::{BlobReply, BlobRequest},
    codec::{self, DecodeError},
    event::{EventHeader, Payload},
    frame,
    id::{AccountId, MembershipProof, Signature, TopicTag},
    invite::{Invite, InviteError},
    limits::{
        BLOB_REPLY_MAX, BLOB_REQUEST_MAX, GOSSIP_MAX, INVITE_MAX, PAYLOAD_MAX,
        RENDEZVOUS_FRAME_MAX, SYNC_FRAME_MAX,
    },
    pairing::PairingCode,
    rendezvous::{ClientFrame, ServerFrame},
    signed::{Signable, Signed},
    sync::{Receipt, SyncFrame},
};

use crate::{
    cbor::{DISTORTIONS, Distortion, parse},
    values::{alice, certificate, first_event, group, phone, receipt, record, tablet},
    vectors::{Vector, formats},
};

/// Formats that are read without comparing encodings: nothing in them but what is signed itself is
/// hashed or signed.
const LENIENT: [&str; 6] =
    ["sync_frame", "client_frame", "server_frame", "blob_request", "blob_reply", "pairing_frame"];
/// Formats that are CBOR in text.
const TEXTS: [&str; 2] = ["invite", "pairing_code"];

fn is_lenient(vector: &Vector) -> bool {
    LENIENT.contains(&vector.format())
}

#[test]
fn bytes_cut_anywhere_are_refused() {
    for vector in formats() {
        for length in 0..vector.bytes.len() {
            let read = (vector.is_example)(&vector.bytes[..length]);
            assert!(read.is_err(), "{} cut to {length} bytes", vector.name);
        }
    }
}

#[test]
fn bytes_behind_a_value_are_refused() {
    for vector in formats() {
        for more in [0x00, b'A', 0xf6, 0xff] {
            let mut bytes = vector.bytes.clone();
            bytes.push(more);
            assert!((vector.is_example)(&bytes).is_err(), "{} and {more:#x}", vector.name);
        }
        let twice = vector.bytes.repeat(2);
        assert!((vector.is_example)(&twice).is_err(), "{} twice", vector.name);
    }
}

#[test]
fn another_encoding_of_what_is_hashed_or_signed_is_refused() {
    let mut tried = 0;
    for vector in formats() {
        if is_lenient(&vector) || TEXTS.contains(&vector.format()) {
            continue;
        }
        let item = parse(&vector.bytes);
        for distortion in DISTORTIONS {
            for bytes in item.distorted(distortion) {
                let read = (vector.is_example)(&bytes);
                assert!(read.is_err(), "{} with {distortion:?}: {bytes:02x?}", vector.name);
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "only {tried} encodings were tried");
}

#[test]
fn another_encoding_of_a_frame_says_the_same_or_is_refused() {
    let mut accepted = 0;
    for vector in formats().into_iter().filter(is_lenient) {
        let item = parse(&vector.bytes);
        for distortion in DISTORTIONS {
            for bytes in item.distorted(distortion) {
                // A missing field that may be none is none.
                if distortion == Distortion::LastMissing {
                    continue;
                }
                let read = (vector.is_example)(&bytes);
                assert_ne!(read, Ok(false), "{} with {distortion:?}: {bytes:02x?}", vector.name);
                accepted += usize::from(read.is_ok());
            }
        }
    }
    assert!(accepted > 100, "only {accepted} encodings were accepted");
}

#[test]
fn announced_lengths_beyond_the_input_are_refused() {
    for vector in formats().into_iter().filter(|vector| !TEXTS.contains(&vector.format())) {
        for bytes in parse(&vector.bytes).distorted(Distortion::HugeLength) {
            assert!((vector.is_example)(&bytes).is_err(), "{}: {bytes:02x?}", vector.name);
        }
    }
}

#[test]
fn another_encoding_of_a_code_is_refused() {
    let codes = formats().into_iter().filter(|vector| vector.format() == "pairing_code");
    for code in codes.map(|vector| String::from_utf8(vector.bytes).unwrap()) {
        let text = code.strip_prefix("natterjack-device:").unwrap();
        let item = parse(&URL_SAFE_NO_PAD.decode(text).unwrap());
        for bytes in DISTORTIONS.into_iter().flat_map(|distortion| item.distorted(distortion)) {
            let code = format!("natterjack-device:{}", URL_SAFE_NO_PAD.encode(&bytes));
            assert!(PairingCode::from_text(&code).is_err(), "{bytes:02x?}");
        }
        assert!(PairingCode::from_text(text).is_err());
    }
}

#[test]
fn another_encoding_of_an_invite_is_refused() {
    for vector in formats().into_iter().filter(|vector| vector.format() == "invite") {
        let link = String::from_utf8(vector.bytes).unwrap();
        let text = link.strip_prefix("natterjack:").unwrap();
        let item = parse(&URL_SAFE_NO_PAD.decode(text).unwrap());
        for bytes in DISTORTIONS.into_iter().flat_map(|distortion| item.distorted(distortion)) {
            let link = format!("natterjack:{}", URL_SAFE_NO_PAD.encode(&bytes));
            assert!(
                matches!(Invite::from_link(&link), Err(InviteError::Damaged(_))),
                "{}: {bytes:02x?}",
                vector.name
            );
        }
        let unused_bits = format!("{}{}", &link[..link.len() - 1], "_");
        assert!(Invite::from_link(&unused_bits).is_err());
        assert!(Invite::from_link(&format!("{link}=")).is_err());
        assert_eq!(Invite::from_link(text), Err(InviteError::Scheme));
    }
}

/// Signs every other encoding of a value rightly: the signature holds, the encoding does not.
fn only_the_canonical_body_opens<T: Signable + PartialEq + std::fmt::Debug>(
    value: &T,
    sign: impl Fn(&[u8]) -> Signature,
) {
    let body = codec::encode(value);
    let signature = sign(&body);
    assert_eq!(Signed::<T>::from_parts(body.clone(), signature).open().as_ref(), Ok(value));
    for distortion in DISTORTIONS {
        for bytes in parse(&body).distorted(distortion) {
            let signature = sign(&bytes);
            let error = Signed::<T>::from_parts(bytes, signature).open().unwrap_err();
            let expected = matches!(error, DecodeError::Malformed | DecodeError::NotCanonical);
            assert!(expected, "{distortion:?} gives {error:?}");
        }
    }
}

#[test]
fn a_right_signature_over_another_encoding_does_not_open() {
    let account = |domain: &'static str| move |bytes: &[u8]| alice().sign(domain, bytes);
    let device = |domain: &'static str| move |bytes: &[u8]| phone().sign(domain, bytes);
    only_the_canonical_body_opens(&record(), account(AccountRecord::DOMAIN));
    only_the_canonical_body_opens(&certificate(), account(DeviceCertificate::DOMAIN));
    only_the_canonical_body_opens(&first_event().header, device(EventHeader::DOMAIN));
    only_the_canonical_body_opens(&receipt(), |bytes: &[u8]| tablet().sign(Receipt::DOMAIN, bytes));
}

#[test]
fn each_decoder_refuses_input_beyond_its_limit() {
    fn refused<T>(decode: impl Fn(&[u8]) -> Result<T, DecodeError>, limit: usize) {
        let error = decode(&vec![0; limit + 1]).err();
        assert_eq!(error, Some(DecodeError::TooLarge { length: limit + 1, limit }));
        assert_ne!(decode(&vec![0; limit]).err(), error);
    }
    fn open<T: Signable>(bytes: &[u8]) -> Result<T, DecodeError> {
        Signed::from_parts(bytes.to_vec(), Signature::new([0; 64])).open()
    }
    refused(SyncFrame::decode, SYNC_FRAME_MAX);
    refused(ClientFrame::decode, RENDEZVOUS_FRAME_MAX);
    refused(ServerFrame::decode, RENDEZVOUS_FRAME_MAX);
    refused(BlobRequest::decode, BLOB_REQUEST_MAX);
    refused(BlobReply::decode, BLOB_REPLY_MAX);
    refused(Payload::read, PAYLOAD_MAX);
    refused(|bytes| group().unseal(bytes), GOSSIP_MAX);
    refused(open::<AccountRecord>, AccountRecord::MAX);
    refused(open::<DeviceCertificate>, DeviceCertificate::MAX);
    refused(open::<EventHeader>, EventHeader::MAX);
    refused(open::<Receipt>, Receipt::MAX);
    let length = INVITE_MAX + 1;
    let too_large = DecodeError::TooLarge { length, limit: INVITE_MAX };
    let link = format!("natterjack:{}", "A".repeat(length));
    assert_eq!(Invite::from_link(&link), Err(InviteError::Damaged(too_large)));
}

#[test]
fn frames_announce_their_length_and_no_more_than_allowed() {
    let frame = frame::encode(&SyncFrame::Typing);
    let prefix = *frame.first_chunk().unwrap();
    assert_eq!(frame::body_length(prefix, SYNC_FRAME_MAX), Ok(frame.len() - frame::PREFIX));
    assert_eq!(frame::body_length([0, 0, 1, 0], 256), Ok(256));
    let refused = |length, limit| Err(DecodeError::TooLarge { length, limit });
    assert_eq!(frame::body_length([0, 0, 1, 0], 255), refused(256, 255));
    assert_eq!(frame::body_length([0xff; 4], SYNC_FRAME_MAX), refused(0xffff_ffff, SYNC_FRAME_MAX));
}

#[test]
fn deep_nesting_is_refused() {
    let shells: [&[u8]; 5] = [&[0x81], &[0x9f], &[0xa1, 0x00], &[0xc1], &[0xbf, 0x61, b'x']];
    for shell in shells {
        let deep = shell.repeat(15_000);
        for vector in formats() {
            assert!((vector.is_example)(&deep).is_err(), "{} of {shell:02x?}", vector.name);
        }
        // Where unknown fields are skipped, deep ones must not be.
        let deep_field = client_frame_with_field(&deep);
        assert_eq!(ClientFrame::decode(&deep_field), Err(DecodeError::Malformed), "{shell:02x?}");
    }
    let flat_field = client_frame_with_field(&[0x81, 0x81, 0x00]);
    assert!(ClientFrame::decode(&flat_field).is_ok());
}

/// A client's frame with one field more than it knows.
fn client_frame_with_field(value: &[u8]) -> Vec<u8> {
    let frame = formats().into_iter().find(|vector| vector.name == "client_frame/join").unwrap();
    assert_eq!(frame.bytes[0], 0xa2);
    [&[0xa3], &frame.bytes[1..], b"\x61x", value].concat()
}

#[test]
fn ids_have_exactly_their_length() {
    fn refused<T: serde::de::DeserializeOwned>(length: usize) {
        for wrong in [0, length - 1, length + 1, 255] {
            let bytes = codec::encode(&serde_bytes::ByteBuf::from(vec![1; wrong]));
            assert_eq!(codec::decode::<T>(&bytes, 300).err(), Some(DecodeError::Malformed));
        }
        let bytes = codec::encode(&serde_bytes::ByteBuf::from(vec![1; length]));
        assert!(codec::decode::<T>(&bytes, 300).is_ok());
        let text = codec::encode(&"a".repeat(length));
        assert_eq!(codec::decode::<T>(&text, 300).err(), Some(DecodeError::Malformed));
    }
    refused::<AccountId>(32);
    refused::<TopicTag>(16);
    refused::<MembershipProof>(32);
    refused::<Signature>(64);
}
