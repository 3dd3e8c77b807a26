//! Limits: lists end at their bound, texts too, and the largest value of each type fits its frame.

use multiaddr::{Multiaddr, Protocol};
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use wire::{
    account::{AccountRecord, DeviceCertificate, Introduction},
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    codec::{self, DecodeError},
    conversation::GroupMessage,
    event::{Attachment, Clock, Event, EventHeader, Payload},
    id::{AccountId, BlobHash, DeviceId, EventId, Hash},
    invite::{Invitation, Invite},
    limits::{
        ADDRESS_MAX, ADDRESSES_MAX, BLOB_MAX, CAPTION_MAX, DEVICES_MAX, EVENT_BYTES_PER_FRAME,
        EVENTS_PER_FRAME, EVENTS_PER_GOSSIP, FILE_NAME_MAX, GOSSIP_MAX, GOSSIP_TRANSMIT_MAX,
        GROUP_NAME_MAX, LOGS_MAX, MEDIA_TYPE_MAX, MEMBERS_PER_ANSWER, NOTICE_MAX, NUMBER_MAX,
        PARENTS_MAX, PAYLOAD_MAX, PREVIEW_MAX, RANGES_MAX, REASON_MAX, SYNC_FRAME_MAX, TEXT_MAX,
        TOKEN_MAX, USERNAME_MAX, VERSION, WATCH_PER_REQUEST,
    },
    name::{GroupName, Username},
    rendezvous::{
        Address, ClientFrame, Member, NoticeKind, Push, Reachable, Request, Response, ServerFrame,
        Whereabouts,
    },
    signed::{Signable, Signed},
    sync::{ByeReason, Have, Head, Held, Proof, Receipt, SyncFrame},
};

use crate::{
    cbor::{Item, parse},
    values::{
        alice, conversation, group, list, phone, reachable, receipt, record, second_event, tablet,
        text,
    },
};

fn full<T: Clone, const N: usize>(value: T) -> Bounded<T, N> {
    list(vec![value; N])
}

fn long_address() -> Address {
    let mut address = Multiaddr::empty();
    address.push(Protocol::Dns("x".repeat(ADDRESS_MAX - 3).into()));
    assert_eq!(address.len(), ADDRESS_MAX);
    Address::new(address).unwrap()
}

fn largest_record() -> AccountRecord {
    AccountRecord {
        username: Username::new(&"x".repeat(USERNAME_MAX)).unwrap(),
        account: alice().id(),
        devices: full(phone().id()),
        sequence: NUMBER_MAX,
        previous: Some(Hash::new([0xff; 32])),
        issued_at: NUMBER_MAX,
    }
}

fn largest_introduction() -> Introduction {
    let record = Signed::by_account(&largest_record(), &alice());
    Introduction::new(record, phone().id(), NUMBER_MAX, &alice())
}

fn largest_have(ranges: bool) -> Have {
    let range = (NUMBER_MAX - 1, NUMBER_MAX);
    full(Held {
        device: DeviceId::new([0xff; 32]),
        head: Some(Head { sequence: NUMBER_MAX, id: EventId::new([0xff; 32]) }),
        beyond: if ranges { full(range) } else { Bounded::default() },
    })
}

fn largest_receipt(ranges: bool) -> Receipt {
    Receipt { have: largest_have(ranges), at: NUMBER_MAX, ..receipt() }
}

fn largest_reachable() -> Reachable {
    Reachable { device: phone().id(), addresses: full(long_address()) }
}

fn largest_payload() -> Payload {
    Payload::Attachment(Attachment {
        blob: BlobHash::new([0xff; 32]),
        size: BLOB_MAX,
        media_type: "x".repeat(MEDIA_TYPE_MAX),
        name: "x".repeat(FILE_NAME_MAX),
        caption: Some("x".repeat(CAPTION_MAX)),
        preview: Some(ByteBuf::from(vec![0xff; PREVIEW_MAX])),
        dimensions: Some((u32::MAX, u32::MAX)),
        reply_to: Some(EventId::new([0xff; 32])),
    })
}

fn largest_header() -> EventHeader {
    EventHeader {
        version: VERSION,
        conversation: conversation(),
        author: phone().id(),
        sequence: NUMBER_MAX,
        previous: Some(EventId::new([0xff; 32])),
        parents: full(EventId::new([0xff; 32])),
        clock: Clock { ms: NUMBER_MAX, counter: u32::MAX },
        payload_hash: Hash::new([0xff; 32]),
        payload_length: PAYLOAD_MAX as u32,
    }
}

#[test]
fn the_largest_signed_values_fit() {
    fn fits<T: Signable>(value: &T) {
        let length = codec::encode(value).len();
        assert!(length <= T::MAX, "{}: {length} bytes of {}", T::DOMAIN, T::MAX);
    }
    fits(&largest_record());
    fits(&largest_header());
    fits(&largest_receipt(true));
    fits(&DeviceCertificate { account: alice().id(), device: phone().id(), issued_at: NUMBER_MAX });
}

#[test]
fn the_largest_payloads_fit() {
    let largest_text =
        Payload::Text { body: "x".repeat(TEXT_MAX), reply_to: Some(EventId::new([0xff; 32])) };
    for payload in [largest_payload(), largest_text, Payload::Introduction(largest_introduction())]
    {
        let event = Event::sign(largest_header(), &payload, &phone());
        assert_eq!(event.event.check().map(|event| event.payload), Ok(Some(payload)));
    }
}

#[test]
fn the_largest_replication_frames_fit() {
    fn fits(frame: &SyncFrame) {
        let bytes = codec::encode(frame);
        assert!(bytes.len() <= SYNC_FRAME_MAX, "{} bytes of {SYNC_FRAME_MAX}", bytes.len());
    }
    fits(&SyncFrame::Hello {
        conversation: conversation(),
        proof: Proof::Direct(Box::new(largest_introduction())),
        have: largest_have(true),
    });
    fits(&SyncFrame::Receipt(Signed::by_device(&largest_receipt(true), &tablet())));

    // As many events as their sizes allow, of the kind with the most around the payload.
    let small = second_event(&Payload::Erase { event: EventId::new([0xff; 32]) }).event;
    fits(&SyncFrame::Events(full(small)));
    let large = Event::sign(largest_header(), &largest_payload(), &phone()).event;
    let count = EVENT_BYTES_PER_FRAME / large.size();
    assert!(count >= 1);
    let frame = SyncFrame::Events(list(vec![large; count]));
    fits(&frame);
    assert_eq!(SyncFrame::decode(&codec::encode(&frame)), Ok(frame));
}

#[test]
fn the_largest_group_messages_fit() {
    // Receipts of a group name heads alone; ranges beyond gaps go into `Hello`.
    let have = GroupMessage::Have(Signed::by_device(&largest_receipt(false), &tablet()));
    let event = Event::sign(largest_header(), &largest_payload(), &phone()).event;
    for message in [have, GroupMessage::Events(list(vec![event]))] {
        let sealed = group().seal(&message, [3; 24]);
        assert!(sealed.len() <= GOSSIP_MAX, "{} bytes of {GOSSIP_MAX}", sealed.len());
        assert_eq!(group().unseal(&sealed), Ok(message));
    }
    const { assert!(2 * GOSSIP_MAX <= GOSSIP_TRANSMIT_MAX) };
}

#[test]
fn the_largest_rendezvous_frames_fit() {
    let record = Signed::by_account(&largest_record(), &alice());
    let requests = [
        Request::Hello { version: u8::MAX, token: Some(ByteBuf::from(vec![0; TOKEN_MAX])) },
        Request::Register { record: record.clone() },
        Request::Announce { addresses: full(long_address()) },
        Request::Watch { accounts: full(alice().id()) },
    ];
    for request in requests {
        let frame = ClientFrame { id: u32::MAX, request };
        assert_eq!(ClientFrame::decode(&codec::encode(&frame)), Ok(frame));
    }
    let member = Member { record: record.clone(), reachable: largest_reachable() };
    let devices = full(largest_reachable());
    let respond = |response| ServerFrame::Response { id: u32::MAX, result: Ok(response) };
    let text = "x".repeat(NOTICE_MAX);
    let frames = [
        respond(Response::Found(Whereabouts { record: record.clone(), devices: devices.clone() })),
        respond(Response::Members(full(member.clone()))),
        ServerFrame::Push(Push::Presence { account: alice().id(), devices }),
        ServerFrame::Push(Push::RecordChanged { record }),
        ServerFrame::Push(Push::MemberJoined { tag: group().tag(), member: Box::new(member) }),
        ServerFrame::Push(Push::Notice { kind: NoticeKind::ShuttingDown, text }),
        ServerFrame::Push(Push::Message {
            tag: group().tag(),
            sealed: ByteBuf::from(vec![0xff; GOSSIP_MAX]),
        }),
    ];
    for frame in frames {
        assert_eq!(ServerFrame::decode(&codec::encode(&frame)), Ok(frame));
    }
}

#[test]
fn the_largest_blob_request_and_invite_fit() {
    let request = BlobRequest {
        conversation: conversation(),
        proof: Proof::Direct(Box::new(largest_introduction())),
        hash: BlobHash::new([0xff; 32]),
        ranges: Bounded::truncated((0..).map(|n| (BLOB_MAX - 100 + 2 * n, BLOB_MAX - 99 + 2 * n))),
    };
    assert_eq!(request.ranges.len(), RANGES_MAX);
    assert_eq!(BlobRequest::decode(&codec::encode(&request)), Ok(request));

    let name = GroupName::new(&"x".repeat(GROUP_NAME_MAX)).unwrap();
    let to = Invitation::Group { name, secret: group() };
    let invite = Invite { server: phone().id(), addresses: full(long_address()), to };
    assert_eq!(Invite::from_link(&invite.to_link()), Ok(invite));
}

/// Reads a value whose list, found by its key, has as many entries as wanted.
fn with_entries<T: Serialize + DeserializeOwned>(value: &T, key: &str, count: usize) -> bool {
    let mut item = parse(&codec::encode(value));
    let list = item.find(key).unwrap();
    let Item::Array(entries) = list else { panic!("{key} is no list but {list:?}") };
    *entries = vec![entries[0].clone(); count];
    codec::decode::<T>(&item.encode(), 1 << 24).is_ok()
}

fn bound_is<T: Serialize + DeserializeOwned>(value: &T, key: &str, bound: usize) {
    assert!(with_entries(value, key, bound), "{bound} entries in {key}");
    assert!(!with_entries(value, key, bound + 1), "{bound} entries in {key} and one more");
    assert!(!with_entries(value, key, 100 * bound), "many entries in {key}");
}

#[test]
fn lists_end_at_their_bound() {
    let event = second_event(&text()).event;
    let held = Held { device: phone().id(), head: None, beyond: list(vec![(1, 1)]) };
    let members = list(vec![Member {
        record: Signed::by_account(&record(), &alice()),
        reachable: reachable(phone().id()),
    }]);
    bound_is(&record(), "devices", DEVICES_MAX);
    bound_is(&largest_header(), "parents", PARENTS_MAX);
    bound_is(&SyncFrame::Events(list(vec![event.clone()])), "Events", EVENTS_PER_FRAME);
    bound_is(&GroupMessage::Events(list(vec![event])), "Events", EVENTS_PER_GOSSIP);
    bound_is(&Receipt { have: list(vec![held.clone()]), ..receipt() }, "have", LOGS_MAX);
    bound_is(&held, "beyond", RANGES_MAX);
    bound_is(&reachable(phone().id()), "addresses", ADDRESSES_MAX);
    bound_is(&Response::Members(members), "Members", MEMBERS_PER_ANSWER);
    let devices = list(vec![reachable(phone().id())]);
    bound_is(&Push::Presence { account: alice().id(), devices }, "devices", DEVICES_MAX);
    let accounts = list(vec![AccountId::new([1; 32])]);
    bound_is(&Request::Watch { accounts }, "accounts", WATCH_PER_REQUEST);
    let addresses = list(vec![long_address()]);
    bound_is(&Request::Announce { addresses: addresses.clone() }, "addresses", ADDRESSES_MAX);
    let invite = Invite { server: phone().id(), addresses, to: Invitation::Server };
    bound_is(&invite, "addresses", ADDRESSES_MAX);
}

#[test]
fn texts_in_frames_end_at_their_limit() {
    let invalid = |result: Result<(), DecodeError>, length, limit| {
        let refused = matches!(result, Err(DecodeError::Invalid(_)));
        assert_eq!(refused, length > limit, "{result:?} for {length} bytes of {limit}");
    };
    for length in [REASON_MAX, REASON_MAX + 1] {
        let frame = SyncFrame::Bye { reason: ByeReason::Done, text: "x".repeat(length) };
        invalid(SyncFrame::decode(&codec::encode(&frame)).map(drop), length, REASON_MAX);
    }
    for length in [NOTICE_MAX, NOTICE_MAX + 1] {
        let text = "x".repeat(length);
        let frame = ServerFrame::Push(Push::Notice { kind: NoticeKind::Replaced, text });
        invalid(ServerFrame::decode(&codec::encode(&frame)).map(drop), length, NOTICE_MAX);
    }
    for length in [GOSSIP_MAX, GOSSIP_MAX + 1] {
        let sealed = ByteBuf::from(vec![0; length]);
        let frame = ServerFrame::Push(Push::Message { tag: group().tag(), sealed });
        invalid(ServerFrame::decode(&codec::encode(&frame)).map(drop), length, GOSSIP_MAX);
    }
    for length in [TOKEN_MAX, TOKEN_MAX + 1] {
        let token = Some(ByteBuf::from(vec![0; length]));
        let frame = ClientFrame { id: 0, request: Request::Hello { version: 1, token } };
        invalid(ClientFrame::decode(&codec::encode(&frame)).map(drop), length, TOKEN_MAX);
    }
    for size in [BLOB_MAX, BLOB_MAX + 1] {
        let reply = codec::encode(&BlobReply::Granted { size });
        invalid(BlobReply::decode(&reply).map(drop), size as usize, BLOB_MAX as usize);
    }
}

#[test]
fn addresses_end_at_their_limit_and_are_addresses() {
    let read =
        |bytes: Vec<u8>| codec::decode::<Address>(&codec::encode(&ByteBuf::from(bytes)), 1024);
    let longest = long_address();
    assert_eq!(read(longest.as_multiaddr().to_vec()), Ok(longest.clone()));
    let longer = longest.into_multiaddr().with(Protocol::Tcp(1));
    assert_eq!(Address::new(longer.clone()), None);
    assert_eq!(read(longer.to_vec()), Err(DecodeError::Malformed));
    // IPv4 cut short, an unknown protocol, a text that is not UTF-8.
    for bytes in [&[4, 127, 0, 0][..], &[0x7f, 1], &[53, 1, 0xff]] {
        assert_eq!(read(bytes.to_vec()), Err(DecodeError::Malformed), "{bytes:?}");
    }
}

#[test]
fn ranges_and_questions_are_in_order() {
    let request = |ranges: Vec<(u64, u64)>| {
        let request = BlobRequest {
            conversation: conversation(),
            proof: Proof::Group(group().proof(&phone().id(), &tablet().id())),
            hash: BlobHash::new([5; 32]),
            ranges: list(ranges),
        };
        BlobRequest::decode(&codec::encode(&request)).is_ok()
    };
    assert!(request(vec![]));
    assert!(request(vec![(0, 1), (1, 2), (5, BLOB_MAX)]));
    assert!(!request(vec![(1, 1)]));
    assert!(!request(vec![(2, 1)]));
    assert!(!request(vec![(0, 5), (4, 6)]));
    assert!(!request(vec![(4, 6), (0, 2)]));
    assert!(!request(vec![(0, BLOB_MAX + 1)]));
    assert!(!request(vec![(u64::MAX, 0)]));

    let ask = |from, to| {
        let frame = SyncFrame::Ask { device: phone().id(), from, to };
        SyncFrame::decode(&codec::encode(&frame)).is_ok()
    };
    assert!(ask(0, 0));
    assert!(ask(0, NUMBER_MAX));
    assert!(!ask(1, 0));
    assert!(!ask(0, NUMBER_MAX + 1));

    let hello = |beyond| {
        let held = Held { device: phone().id(), head: None, beyond: list(beyond) };
        let frame = SyncFrame::Hello {
            conversation: conversation(),
            proof: Proof::Group(group().proof(&phone().id(), &tablet().id())),
            have: list(vec![held]),
        };
        SyncFrame::decode(&codec::encode(&frame)).is_ok()
    };
    assert!(hello(vec![(1, 4), (6, NUMBER_MAX)]));
    assert!(!hello(vec![(4, 1)]));
    assert!(!hello(vec![(1, 4), (4, 6)]));
}
