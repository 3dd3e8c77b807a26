//! Every value is read back as itself, from one encoding, which a second CBOR library shares.

use std::fmt::Debug;

use proptest::{collection::vec, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use wire::{
    blob::{BlobReply, BlobRequest},
    bounded::{Bounded, TooMany},
    codec::{self, DecodeError},
    event::{Event, Payload},
    frame,
    id::{AccountId, EventId, Hash, ParseIdError, Signature, TopicTag},
    invite::Invite,
    limits::{GOSSIP_MAX, SYNC_FRAME_MAX},
    rendezvous::{Address, ClientFrame, ServerFrame},
    signed::Signed,
    sync::SyncFrame,
};

use crate::strategies::{
    address, blob_reply, blob_request, client_frame, event, group_message, introduction, invite,
    payload, receipt, record, server_frame, sync_frame,
};

/// Encodes and reads a value here and in the other library.
fn survives<T>(
    value: &T,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = codec::encode(value);
    let read = decode(&bytes);
    prop_assert_eq!(read.as_ref(), Ok(value));
    prop_assert_eq!(&codec::encode(&read.unwrap()), &bytes);
    prop_assert_eq!(&cbor4ii::serde::to_vec(Vec::new(), value).unwrap(), &bytes);
    prop_assert_eq!(&cbor4ii::serde::from_slice::<T>(&bytes).unwrap(), value);
    Ok(())
}

fn canonical<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    codec::decode_canonical(bytes, SYNC_FRAME_MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records((record, key) in record()) {
        survives(&record, canonical)?;
        let signed = Signed::by_account(&record, &key);
        survives(&signed, canonical)?;
        prop_assert_eq!(signed.open(), Ok(record));
        let parts = Signed::from_parts(signed.body().to_vec(), *signed.signature());
        prop_assert_eq!(parts, signed);
    }

    #[test]
    fn introductions(introduction in introduction()) {
        survives(&introduction, canonical)?;
        prop_assert!(introduction.open().is_ok());
    }

    #[test]
    fn receipts((receipt, key) in receipt()) {
        survives(&receipt, canonical)?;
        prop_assert_eq!(Signed::by_device(&receipt, &key).open(), Ok(receipt));
    }

    #[test]
    fn payloads(payload in payload()) {
        survives(&payload, Payload::read)?;
    }

    #[test]
    fn events(made in event()) {
        survives(&made.event, canonical)?;
        let bytes = codec::encode(&made.event);
        prop_assert!(made.event.size() >= bytes.len(), "the size is no less than the encoding's");
        let read: Event = codec::decode(&bytes, SYNC_FRAME_MAX).unwrap();
        prop_assert_eq!(read.check(), Ok(made));
    }

    #[test]
    fn sync_frames(frame in sync_frame()) {
        survives(&frame, SyncFrame::decode)?;
    }

    #[test]
    fn group_messages(message in group_message()) {
        survives(&message, |bytes| codec::decode(bytes, GOSSIP_MAX))?;
    }

    #[test]
    fn blob_requests(request in blob_request()) {
        survives(&request, BlobRequest::decode)?;
    }

    #[test]
    fn blob_replies(reply in blob_reply()) {
        survives(&reply, BlobReply::decode)?;
    }

    #[test]
    fn client_frames(frame in client_frame()) {
        survives(&frame, ClientFrame::decode)?;
    }

    #[test]
    fn server_frames(frame in server_frame()) {
        survives(&frame, ServerFrame::decode)?;
    }

    #[test]
    fn invites(invite in invite()) {
        survives(&invite, canonical)?;
        let link = invite.to_link();
        prop_assert_eq!(Invite::from_link(&format!(" {link}\n")), Ok(invite));
    }

    #[test]
    fn addresses(address in address()) {
        survives(&address, canonical)?;
        prop_assert_eq!(Address::new(address.as_multiaddr().clone()), Some(address));
    }

    #[test]
    fn frames_with_their_length(frame in sync_frame()) {
        let bytes = frame::encode(&frame);
        let (prefix, body) = bytes.split_first_chunk().unwrap();
        prop_assert_eq!(frame::body_length(*prefix, SYNC_FRAME_MAX), Ok(body.len()));
        prop_assert_eq!(SyncFrame::decode(body), Ok(frame));
    }
}

proptest! {
    #[test]
    fn ids_survive_their_text(bytes: [u8; 32]) {
        let id = EventId::new(bytes);
        let text = id.to_string();
        prop_assert_eq!(text.parse(), Ok(id));
        prop_assert_eq!(text.to_uppercase().parse(), Ok(id));
        prop_assert_eq!(EventId::from_slice(&bytes), Some(id));
        prop_assert_eq!(EventId::from_slice(&bytes[1..]), None);
    }

    #[test]
    fn arbitrary_text_is_an_id_or_an_error(text: String, hex in "[0-9a-f]{28,36}") {
        prop_assert_eq!(text.parse::<AccountId>(), Err(ParseIdError { bytes: 32 }));
        prop_assert_eq!(hex.parse::<TopicTag>().is_ok(), hex.len() == 32);
        prop_assert!(text.parse::<Signature>().is_err());
    }

    #[test]
    fn hashes_are_of_the_whole_input(bytes: Vec<u8>, more: u8) {
        let longer = [&bytes[..], &[more]].concat();
        prop_assert_ne!(Hash::of(&bytes), Hash::of(&longer));
    }

    #[test]
    fn a_bounded_list_is_never_longer_than_its_bound(values in vec(any::<u16>(), 0..12)) {
        let bounded = Bounded::<u16, 6>::try_from(values.clone());
        let read = codec::decode::<Bounded<u16, 6>>(&codec::encode(&values), 100);
        if values.len() <= 6 {
            prop_assert_eq!(&bounded.clone().unwrap()[..], &values[..]);
            prop_assert_eq!(read.unwrap(), bounded.unwrap());
        } else {
            prop_assert_eq!(bounded, Err(TooMany { length: values.len(), limit: 6 }));
            prop_assert_eq!(read, Err(DecodeError::Malformed));
        }
        let truncated = Bounded::<u16, 6>::truncated(values.clone());
        prop_assert_eq!(&truncated[..], &values[..values.len().min(6)]);
        prop_assert_eq!(truncated.into_inner().len(), values.len().min(6));
    }
}
