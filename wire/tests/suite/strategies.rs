//! Arbitrary values of every format, within its limits and rightly signed.

use proptest::{collection::vec, option, prelude::*};
use serde_bytes::ByteBuf;
use wire::{
    account::{AccountRecord, Introduction},
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    conversation::{GroupMessage, GroupSecret},
    event::{Attachment, CheckedEvent, Clock, Event, EventHeader, Membership, Payload},
    id::{
        AccountId, BlobHash, Challenge, ConversationId, DeviceId, EventId, Hash, MembershipProof,
        TopicTag,
    },
    invite::{Invitation, Invite},
    key::{AccountKey, DeviceKey},
    limits::{BLOB_MAX, NUMBER_MAX, VERSION},
    name::{GroupName, Username},
    rendezvous::{
        Address, ClientFrame, Member, NoticeKind, Push, Reachable, Refusal, Request, Response,
        ServerFrame, Whereabouts,
    },
    signed::Signed,
    sync::{ByeReason, Have, Head, Held, Proof, Receipt, Stage, SyncFrame},
};

fn bytes<const N: usize>() -> impl Strategy<Value = [u8; N]> + Clone {
    any::<u64>().prop_map(|seed| {
        let mut bytes = [0; N];
        blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    })
}

fn list<T: std::fmt::Debug, const N: usize>(
    value: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = Bounded<T, N>> {
    vec(value, 0..=most).prop_map(|values| Bounded::try_from(values).unwrap())
}

pub(crate) fn device_id() -> impl Strategy<Value = DeviceId> + Clone {
    bytes().prop_map(DeviceId::new)
}

fn account_id() -> impl Strategy<Value = AccountId> {
    bytes().prop_map(AccountId::new)
}

fn event_id() -> impl Strategy<Value = EventId> + Clone {
    bytes().prop_map(EventId::new)
}

fn conversation_id() -> impl Strategy<Value = ConversationId> {
    bytes().prop_map(ConversationId::new)
}

fn tag() -> impl Strategy<Value = TopicTag> {
    bytes().prop_map(TopicTag::new)
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..30_u64, 0..=NUMBER_MAX, any::<u32>().prop_map(u64::from), Just(NUMBER_MAX)]
}

pub(crate) fn username() -> impl Strategy<Value = Username> {
    "[a-z0-9][a-z0-9._-]{1,31}".prop_map(|name| Username::new(&name).unwrap())
}

pub(crate) fn group_name() -> impl Strategy<Value = GroupName> {
    "[\\p{L} ]{1,12}|[a-z 🦀👍é]{1,12}"
        .prop_filter_map("not a group name", |name| GroupName::new(&name).ok())
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    let text = prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| {
            format!("/ip4/{}/udp/{port}/quic-v1", std::net::Ipv4Addr::from(ip))
        }),
        (any::<[u16; 8]>(), any::<u16>())
            .prop_map(|(ip, port)| { format!("/ip6/{}/tcp/{port}", std::net::Ipv6Addr::from(ip)) }),
        ("[a-z]{1,20}", device_id()).prop_map(|(host, device)| {
            format!("/dns/{host}.example/tcp/443/p2p/{}/p2p-circuit", device.peer_id())
        }),
    ];
    text.prop_map(|text| Address::new(text.parse().unwrap()).unwrap())
}

pub(crate) fn record() -> impl Strategy<Value = (AccountRecord, AccountKey)> {
    let previous = option::of((1..=NUMBER_MAX, bytes()));
    (bytes(), username(), vec(device_id(), 1..=16), previous, number()).prop_map(
        |(seed, username, devices, previous, issued_at)| {
            let key = AccountKey::from_seed(seed);
            let record = AccountRecord {
                username,
                account: key.id(),
                devices: Bounded::try_from(devices).unwrap(),
                sequence: previous.map_or(0, |(sequence, _)| sequence),
                previous: previous.map(|(_, hash)| Hash::new(hash)),
                issued_at,
            };
            (record, key)
        },
    )
}

fn signed_record() -> impl Strategy<Value = Signed<AccountRecord>> {
    record().prop_map(|(record, key)| Signed::by_account(&record, &key))
}

pub(crate) fn introduction() -> impl Strategy<Value = Introduction> {
    (record(), number()).prop_map(|((record, key), issued_at)| {
        let device = record.devices[0];
        Introduction::new(Signed::by_account(&record, &key), device, issued_at, &key)
    })
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let file = (bytes(), 0..=BLOB_MAX, "[a-z]{1,8}/[a-z+.-]{1,20}", "\\PC{0,40}");
    let rest = (
        option::of("\\PC{0,40}"),
        option::of(vec(any::<u8>(), 0..200)),
        any::<Option<(u32, u32)>>(),
        option::of(event_id()),
    );
    (file, rest).prop_map(|((blob, size, media_type, name), rest)| {
        let (caption, preview, dimensions, reply_to) = rest;
        Attachment {
            blob: BlobHash::new(blob),
            size,
            media_type,
            name,
            caption,
            preview: preview.map(ByteBuf::from),
            dimensions,
            reply_to,
        }
    })
}

fn membership() -> impl Strategy<Value = Membership> {
    prop_oneof![
        signed_record().prop_map(Membership::Person),
        (group_name(), bytes()).prop_map(|(name, secret)| Membership::Group {
            name,
            secret: GroupSecret::new(secret),
        }),
    ]
}

pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        introduction().prop_map(Payload::Introduction),
        ("\\PC{0,300}", option::of(event_id()))
            .prop_map(|(body, reply_to)| Payload::Text { body, reply_to }),
        attachment().prop_map(Payload::Attachment),
        (event_id(), "\\PC{0,8}", any::<bool>()).prop_map(|(event, emoji, on)| Payload::Reaction {
            event,
            emoji,
            on
        }),
        (event_id(), "\\PC{0,300}").prop_map(|(event, body)| Payload::Edit { event, body }),
        event_id().prop_map(|event| Payload::Erase { event }),
        (option::of("\\PC{0,16}"), option::of(bytes().prop_map(BlobHash::new)))
            .prop_map(|(display_name, picture)| Payload::Profile { display_name, picture }),
        (membership(), any::<bool>()).prop_map(|(of, left)| Payload::Membership { of, left }),
    ]
}

pub(crate) fn event() -> impl Strategy<Value = CheckedEvent> {
    let place = option::of((1..=NUMBER_MAX, event_id()));
    let parents = list(event_id(), 16);
    (bytes(), conversation_id(), place, parents, number(), any::<u32>(), payload()).prop_map(
        |(seed, conversation, place, parents, ms, counter, payload)| {
            let key = DeviceKey::from_seed(seed);
            let header = EventHeader {
                version: VERSION,
                conversation,
                author: key.id(),
                sequence: place.map_or(0, |(sequence, _)| sequence),
                previous: place.map(|(_, id)| id),
                parents,
                clock: Clock { ms, counter },
                payload_hash: Hash::new([0; 32]),
                payload_length: 0,
            };
            Event::sign(header, &payload, &key)
        },
    )
}

fn travelling_event() -> impl Strategy<Value = Event> {
    (event(), any::<bool>()).prop_map(|(checked, erased)| {
        let event = checked.event;
        if erased { Event { payload: None, ..event } } else { event }
    })
}

/// Numbers in order, paired to ranges that are apart.
fn ranges<const N: usize>(first: u64) -> impl Strategy<Value = Bounded<(u64, u64), N>> {
    vec((1..1000_u64, 0..1000_u64), 0..=N).prop_map(move |steps| {
        let mut end = first;
        let ranges = steps.into_iter().map(|(gap, length)| {
            let start = end + gap;
            end = start + length + 1;
            (start, end - 1)
        });
        Bounded::try_from(ranges.collect::<Vec<_>>()).unwrap()
    })
}

fn held() -> impl Strategy<Value = Held> {
    let head = option::of((0..1000_u64, event_id()));
    (device_id(), head, ranges(1000)).prop_map(|(device, head, beyond)| {
        let head = head.map(|(sequence, id)| Head { sequence, id });
        Held { device, head, beyond }
    })
}

fn have() -> impl Strategy<Value = Have> {
    list(held(), 20)
}

pub(crate) fn receipt() -> impl Strategy<Value = (Receipt, DeviceKey)> {
    let stage = prop_oneof![Just(Stage::Stored), Just(Stage::Read)];
    (bytes(), conversation_id(), stage, have(), number()).prop_map(
        |(seed, conversation, stage, have, at)| {
            let key = DeviceKey::from_seed(seed);
            (Receipt { conversation, device: key.id(), stage, have, at }, key)
        },
    )
}

fn signed_receipt() -> impl Strategy<Value = Signed<Receipt>> {
    receipt().prop_map(|(receipt, key)| Signed::by_device(&receipt, &key))
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        introduction().prop_map(|introduction| Proof::Direct(Box::new(introduction))),
        bytes().prop_map(|proof| Proof::Group(MembershipProof::new(proof))),
    ]
}

pub(crate) fn sync_frame() -> impl Strategy<Value = SyncFrame> {
    let reason = prop_oneof![
        Just(ByeReason::Done),
        Just(ByeReason::Duplicate),
        Just(ByeReason::Unauthorised),
        Just(ByeReason::Protocol),
        Just(ByeReason::Busy),
    ];
    prop_oneof![
        (conversation_id(), proof(), have()).prop_map(|(conversation, proof, have)| {
            SyncFrame::Hello { conversation, proof, have }
        }),
        list(travelling_event(), 5).prop_map(SyncFrame::Events),
        signed_receipt().prop_map(SyncFrame::Receipt),
        Just(SyncFrame::Typing),
        (device_id(), number(), number()).prop_map(|(device, one, other)| SyncFrame::Ask {
            device,
            from: one.min(other),
            to: one.max(other),
        }),
        (reason, "\\PC{0,50}").prop_map(|(reason, text)| SyncFrame::Bye { reason, text }),
    ]
}

pub(crate) fn group_message() -> impl Strategy<Value = GroupMessage> {
    prop_oneof![
        list(travelling_event(), 5).prop_map(GroupMessage::Events),
        signed_receipt().prop_map(GroupMessage::Have),
        device_id().prop_map(GroupMessage::Typing),
    ]
}

pub(crate) fn blob_request() -> impl Strategy<Value = BlobRequest> {
    (conversation_id(), proof(), bytes(), ranges::<8>(0)).prop_map(
        |(conversation, proof, hash, ranges)| {
            let half_open = ranges.into_iter().map(|(start, last)| (start, last + 1));
            let ranges = Bounded::truncated(half_open);
            BlobRequest { conversation, proof, hash: BlobHash::new(hash), ranges }
        },
    )
}

pub(crate) fn blob_reply() -> impl Strategy<Value = BlobReply> {
    prop_oneof![
        (0..=BLOB_MAX).prop_map(|size| BlobReply::Granted { size }),
        Just(BlobReply::NotFound),
        Just(BlobReply::Unauthorised),
        Just(BlobReply::Busy),
    ]
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let token = option::of(vec(any::<u8>(), 0..100).prop_map(ByteBuf::from));
    let request = prop_oneof![
        (any::<u8>(), token).prop_map(|(version, token)| Request::Hello { version, token }),
        signed_record().prop_map(|record| Request::Register { record }),
        any::<u64>().prop_map(|answer| Request::Solve { answer }),
        list(address(), 16).prop_map(|addresses| Request::Announce { addresses }),
        username().prop_map(|username| Request::Lookup { username }),
        list(account_id(), 40).prop_map(|accounts| Request::Watch { accounts }),
        tag().prop_map(|tag| Request::Join { tag }),
        tag().prop_map(|tag| Request::Leave { tag }),
        tag().prop_map(|tag| Request::Members { tag }),
        (tag(), any::<bool>()).prop_map(|(tag, wanted)| Request::Copies { tag, wanted }),
    ];
    (any::<u32>(), request).prop_map(|(id, request)| ClientFrame { id, request })
}

fn reachable() -> impl Strategy<Value = Reachable> {
    (device_id(), list(address(), 4))
        .prop_map(|(device, addresses)| Reachable { device, addresses })
}

fn member() -> impl Strategy<Value = Member> {
    (signed_record(), reachable()).prop_map(|(record, reachable)| Member { record, reachable })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        Just(Refusal::NameTaken),
        Just(Refusal::NotFound),
        any::<u32>().prop_map(|retry_after| Refusal::RateLimited { retry_after }),
        (any::<[u8; 16]>(), any::<u8>()).prop_map(|(challenge, difficulty)| Refusal::Puzzle {
            challenge: Challenge::new(challenge),
            difficulty,
        }),
        Just(Refusal::Unavailable),
    ]
}

pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let response = prop_oneof![
        any::<u8>().prop_map(|version| Response::Welcome { version }),
        Just(Response::Done),
        (signed_record(), list(reachable(), 4))
            .prop_map(|(record, devices)| Response::Found(Whereabouts { record, devices })),
        list(member(), 4).prop_map(Response::Members),
    ];
    let kind = prop_oneof![Just(NoticeKind::ShuttingDown), Just(NoticeKind::Replaced)];
    let push = prop_oneof![
        (account_id(), list(reachable(), 4))
            .prop_map(|(account, devices)| Push::Presence { account, devices }),
        signed_record().prop_map(|record| Push::RecordChanged { record }),
        (tag(), member())
            .prop_map(|(tag, member)| Push::MemberJoined { tag, member: Box::new(member) }),
        (kind, "\\PC{0,100}").prop_map(|(kind, text)| Push::Notice { kind, text }),
        (tag(), vec(any::<u8>(), 0..200))
            .prop_map(|(tag, sealed)| Push::Message { tag, sealed: ByteBuf::from(sealed) }),
    ];
    let result = prop_oneof![response.prop_map(Ok), refusal().prop_map(Err)];
    prop_oneof![
        (any::<u32>(), result).prop_map(|(id, result)| ServerFrame::Response { id, result }),
        push.prop_map(ServerFrame::Push),
    ]
}

pub(crate) fn invite() -> impl Strategy<Value = Invite> {
    let to = prop_oneof![
        Just(Invitation::Server),
        username().prop_map(Invitation::Person),
        (group_name(), bytes()).prop_map(|(name, secret)| Invitation::Group {
            name,
            secret: GroupSecret::new(secret),
        }),
    ];
    (device_id(), list(address(), 16), to).prop_map(|(server, addresses, to)| Invite {
        server,
        addresses,
        to,
    })
}
