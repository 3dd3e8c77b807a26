//! Events: header and payload belong together, payloads keep their limits, clocks go forward.

use proptest::prelude::*;
use serde_bytes::ByteBuf;
use wire::{
    codec::{self, DecodeError},
    event::{Attachment, Clock, Event, EventHeader, Payload},
    id::{EventId, Hash},
    limits::{
        BLOB_MAX, CAPTION_MAX, DISPLAY_NAME_MAX, EMOJI_MAX, FILE_NAME_MAX, MEDIA_TYPE_MAX,
        PAYLOAD_MAX, PREVIEW_MAX, TEXT_MAX,
    },
    signed::Signed,
};

use crate::{
    cbor::{DISTORTIONS, parse},
    values::{attachment, first_event, header, payloads, phone, second_event, text},
};

/// An event whose header rightly describes these payload bytes.
fn event_with(payload: &[u8]) -> Event {
    let header = EventHeader {
        payload_hash: Hash::of(payload),
        payload_length: payload.len() as u32,
        ..header()
    };
    Event { header: Signed::by_device(&header, &phone()), payload: Some(ByteBuf::from(payload)) }
}

#[test]
fn a_signed_event_is_what_is_read() {
    for (_, payload) in payloads() {
        let made = second_event(&payload);
        let bytes = codec::encode(&made.event);
        let read: Event = codec::decode(&bytes, 64 * 1024).unwrap();
        assert_eq!(read.check(), Ok(made));
    }
}

#[test]
fn the_id_is_the_hash_of_the_header_and_outlives_the_payload() {
    let made = second_event(&text());
    assert_eq!(made.id, EventId::new(*Hash::of(made.event.header.body()).as_bytes()));
    let erased = Event { payload: None, ..made.event }.check().unwrap();
    assert_eq!((erased.id, erased.header, erased.payload), (made.id, made.header, None));
}

#[test]
fn a_payload_that_the_header_does_not_describe_is_refused() {
    let refused = |event: Event| {
        let wrong = Err(DecodeError::Invalid("payload is not the one that was signed"));
        assert_eq!(event.check().map(drop), wrong);
    };
    let event = second_event(&text()).event;
    let bytes = event.payload.clone().unwrap().into_vec();
    let with = |payload: Vec<u8>| Event {
        header: event.header.clone(),
        payload: Some(ByteBuf::from(payload)),
    };
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(with(changed));
    }
    refused(with(bytes[..bytes.len() - 1].to_vec()));
    refused(with([&bytes[..], &[0]].concat()));
    refused(with(Vec::new()));
    // The right hash and another length.
    let header = EventHeader {
        payload_hash: Hash::of(&bytes),
        payload_length: bytes.len() as u32 + 1,
        ..header()
    };
    let header = Signed::by_device(&header, &phone());
    refused(Event { header, payload: Some(ByteBuf::from(bytes)) });
}

#[test]
fn a_payload_beyond_the_limit_is_refused() {
    let event = event_with(&vec![0; PAYLOAD_MAX + 1]);
    assert_eq!(event.check().map(drop), Err(DecodeError::Invalid("payload is too long")));
    let length = PAYLOAD_MAX + 1;
    let too_large = DecodeError::TooLarge { length, limit: PAYLOAD_MAX };
    assert_eq!(Payload::read(&vec![0; length]), Err(too_large));
}

#[test]
fn payloads_of_an_unknown_kind_or_encoding_are_kept() {
    let unknown: [&[u8]; 5] = [
        // {"Poll": {"question": "?"}}
        b"\xa1\x64Poll\xa1\x68question\x61?",
        b"\xa1\x64Text\xa1\x64body\x61?",
        b"Unsupported",
        b"\x6bUnsupported",
        b"",
    ];
    let mut unreadable: Vec<Vec<u8>> = unknown.map(<[u8]>::to_vec).to_vec();
    for (_, payload) in payloads() {
        let item = parse(&codec::encode(&payload));
        unreadable.extend(DISTORTIONS.into_iter().flat_map(|kind| item.distorted(kind)));
    }
    for bytes in unreadable {
        let event = event_with(&bytes);
        let checked = event.clone().check().unwrap();
        assert_eq!(checked.payload, Some(Payload::Unsupported), "{bytes:02x?}");
        assert_eq!(checked.event, event, "the bytes stay as they came");
    }
}

/// A limit, and how to make a payload with a part of some length.
type Case<'a> = (usize, Box<dyn Fn(usize) -> Payload + 'a>);

#[test]
fn each_part_of_a_payload_has_a_limit() {
    let event = EventId::new([6; 32]);
    let long = |length: usize| "x".repeat(length);
    let file = |change: fn(&mut Attachment, usize), length: usize| {
        let mut attachment = attachment();
        change(&mut attachment, length);
        Payload::Attachment(attachment)
    };
    let cases: Vec<Case<'_>> = vec![
        (TEXT_MAX, Box::new(|n| Payload::Text { body: long(n), reply_to: Some(event) })),
        (TEXT_MAX, Box::new(|n| Payload::Edit { event, body: long(n) })),
        (EMOJI_MAX, Box::new(|n| Payload::Reaction { event, emoji: long(n), on: false })),
        (
            DISPLAY_NAME_MAX,
            Box::new(|n| Payload::Profile { display_name: Some(long(n)), picture: None }),
        ),
        (BLOB_MAX as usize, Box::new(|n| file(|file, n| file.size = n as u64, n))),
        (MEDIA_TYPE_MAX, Box::new(|n| file(|file, n| file.media_type = "x".repeat(n), n))),
        (FILE_NAME_MAX, Box::new(|n| file(|file, n| file.name = "x".repeat(n), n))),
        (CAPTION_MAX, Box::new(|n| file(|file, n| file.caption = Some("x".repeat(n)), n))),
        (
            PREVIEW_MAX,
            Box::new(|n| file(|file, n| file.preview = Some(ByteBuf::from(vec![0; n])), n)),
        ),
    ];
    for (limit, payload) in cases {
        let fits = payload(limit);
        assert_eq!(Payload::read(&codec::encode(&fits)).as_ref(), Ok(&fits));
        let error = event_with(&codec::encode(&payload(limit + 1))).check().unwrap_err();
        assert!(matches!(error, DecodeError::Invalid(_)), "{error:?}");
    }
}

#[test]
fn an_event_in_another_log_needs_another_signature() {
    let mut header = first_event().header;
    header.author = crate::values::tablet().id();
    let moved = Event {
        header: Signed::from_parts(codec::encode(&header), *first_event().event.header.signature()),
        payload: first_event().event.payload,
    };
    assert_eq!(moved.check().map(drop), Err(DecodeError::WrongSignature));
}

fn clock() -> impl Strategy<Value = Clock> {
    let ms = prop_oneof![any::<u64>(), 0..10_u64, Just(u64::MAX)];
    let counter = prop_oneof![any::<u32>(), 0..3_u32, Just(u32::MAX)];
    (ms, counter).prop_map(|(ms, counter)| Clock { ms, counter })
}

const LAST: Clock = Clock { ms: u64::MAX, counter: u32::MAX };

proptest! {
    #[test]
    fn a_clock_goes_forward_and_not_behind_the_wall(
        clock in clock(),
        now in prop_oneof![any::<u64>(), 0..10_u64],
    ) {
        let next = clock.tick(now);
        prop_assert!(next > clock || clock == LAST, "{clock:?} goes to {next:?}");
        prop_assert!(next.ms >= now);
        prop_assert!(next.ms == now || next.ms <= clock.ms.saturating_add(1));
    }

    #[test]
    fn clocks_are_ordered_by_time_then_counter(one in clock(), other in clock()) {
        let pair = |clock: Clock| (clock.ms, clock.counter);
        prop_assert_eq!(one.cmp(&other), pair(one).cmp(&pair(other)));
    }
}

#[test]
fn a_clock_that_stands_still_counts() {
    let clock = Clock { ms: 5, counter: 0 };
    assert_eq!(clock.tick(5), Clock { ms: 5, counter: 1 });
    assert_eq!(clock.tick(3), Clock { ms: 5, counter: 1 });
    assert_eq!(clock.tick(6), Clock { ms: 6, counter: 0 });
    assert_eq!(Clock { ms: 5, counter: u32::MAX }.tick(5), Clock { ms: 6, counter: 0 });
    assert_eq!(LAST.tick(u64::MAX), LAST);
}
