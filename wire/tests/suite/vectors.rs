//! One example of every format: how it is encoded and how it is read.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use wire::{
    account::Introduction,
    admission::AdmissionToken,
    blob::{BlobReply, BlobRequest},
    bounded::Bounded,
    codec::{self, DecodeError},
    conversation::GroupMessage,
    event::{Event, EventHeader, Payload},
    id::{BlobHash, Challenge, DeviceId, TokenId},
    invite::{Invitation, Invite},
    limits::{GOSSIP_MAX, PAYLOAD_MAX, SYNC_FRAME_MAX},
    pairing::{PairingCode, PairingReply, PairingRequest, PairingSecret},
    rendezvous::{
        ClientFrame, NoticeKind, Push, Refusal, Request, Response, ServerFrame, Whereabouts,
    },
    signed::{Signable, Signed},
    sync::{ByeReason, Proof, Receipt, Stage, SyncFrame},
};

use crate::values::{
    address, alice, bob, certificate, conversation, first_event, group, group_name, have,
    introduction, laptop, list, member, payloads, phone, reachable, receipt, record, second_event,
    second_record, server, tablet, text, username,
};

/// Whether bytes are read as an example.
type IsExample = Box<dyn Fn(&[u8]) -> Result<bool, DecodeError>>;

/// An example of a format.
pub(crate) struct Vector {
    /// The format, as the fuzz target for it is named, and the example: `format/example`.
    pub(crate) name: String,
    /// The example's encoding.
    pub(crate) bytes: Vec<u8>,
    /// Whether bytes are read as the example, or why they are not read.
    pub(crate) is_example: IsExample,
}

impl Vector {
    /// The part of the name before the slash.
    pub(crate) fn format(&self) -> &str {
        self.name.split('/').next().unwrap()
    }
}

fn vector<T: PartialEq + 'static>(
    name: impl Into<String>,
    value: T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError> + 'static,
) -> Vector {
    Vector {
        name: name.into(),
        bytes: encode(&value),
        is_example: Box::new(move |bytes| decode(bytes).map(|read| read == value)),
    }
}

fn signed<T: Signable + PartialEq + 'static>(name: &str, value: &Signed<T>) -> Vector {
    vector(name, value.clone(), codec::encode, |bytes| {
        let value: Signed<T> = codec::decode_canonical(bytes, T::MAX + 128)?;
        value.open()?;
        Ok(value)
    })
}

fn canonical<T>(name: &str, value: T, limit: usize) -> Vector
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    vector(name, value, codec::encode, move |bytes| codec::decode_canonical(bytes, limit))
}

/// The examples of all formats that are CBOR, or CBOR in text.
pub(crate) fn formats() -> Vec<Vector> {
    let all = [
        admissions(),
        accounts(),
        events(),
        replication(),
        gossip(),
        blobs(),
        requests(),
        answers(),
    ];
    all.into_iter().chain([invites(), pairings()]).flatten().collect()
}

fn admissions() -> Vec<Vector> {
    vec![signed("admission_token/signed", &token())]
}

fn accounts() -> Vec<Vector> {
    let read = |bytes: &[u8]| {
        let value: Introduction = codec::decode_canonical(bytes, PAYLOAD_MAX)?;
        value.open()?;
        Ok(value)
    };
    vec![
        signed("account_record/first", &Signed::by_account(&record(), &alice())),
        signed("account_record/second", &Signed::by_account(&second_record(), &alice())),
        canonical("account_record/body", record(), 2048),
        signed("device_certificate/phone", &Signed::by_account(&certificate(), &alice())),
        canonical("device_certificate/body", certificate(), 512),
        vector("introduction/phone", introduction(), codec::encode, read),
    ]
}

fn events() -> Vec<Vector> {
    let mut vectors = vec![
        canonical("event_header/first", first_event().header, EventHeader::MAX),
        canonical("event_header/second", second_event(&text()).header, EventHeader::MAX),
    ];
    let event = |name: &str, event: Event| {
        vector(format!("event/{name}"), event, codec::encode, |bytes| {
            let event: Event = codec::decode_canonical(bytes, SYNC_FRAME_MAX)?;
            Ok(event.check()?.event)
        })
    };
    for (name, payload) in payloads() {
        let made = if name == "introduction" { first_event() } else { second_event(&payload) };
        vectors.push(event(name, made.event));
        vectors.push(vector(format!("payload/{name}"), payload, codec::encode, |bytes| {
            match Payload::read(bytes)? {
                Payload::Unsupported => Err(DecodeError::Malformed),
                payload => Ok(payload),
            }
        }));
    }
    let erased = Event { payload: None, ..second_event(&text()).event };
    vectors.push(event("erased", erased));
    vectors
}

fn replication() -> Vec<Vector> {
    let read = Receipt { stage: Stage::Read, have: Bounded::default(), ..receipt() };
    let frames = [
        (
            "hello_direct",
            SyncFrame::Hello {
                conversation: conversation(),
                proof: Proof::Direct(Box::new(introduction())),
                have: Bounded::default(),
            },
        ),
        (
            "hello_group",
            SyncFrame::Hello {
                conversation: group().conversation(),
                proof: Proof::Group(group().proof(&tablet().id(), &phone().id())),
                have: have(),
            },
        ),
        ("events", SyncFrame::Events(list(vec![first_event().event, second_event(&text()).event]))),
        ("receipt", SyncFrame::Receipt(Signed::by_device(&receipt(), &tablet()))),
        ("typing", SyncFrame::Typing),
        ("ask", SyncFrame::Ask { device: phone().id(), from: 5, to: 1000 }),
        ("bye", SyncFrame::Bye { reason: ByeReason::Done, text: "Good night".to_owned() }),
    ];
    let mut vectors = vec![
        signed("receipt/stored", &Signed::by_device(&receipt(), &tablet())),
        signed("receipt/read", &Signed::by_device(&read, &tablet())),
        canonical("receipt/body", receipt(), Receipt::MAX),
    ];
    vectors.extend(frames.map(|(name, frame)| {
        vector(format!("sync_frame/{name}"), frame, codec::encode, SyncFrame::decode)
    }));
    vectors
}

fn gossip() -> Vec<Vector> {
    let messages = [
        ("events", GroupMessage::Events(list(vec![second_event(&text()).event]))),
        ("have", GroupMessage::Have(Signed::by_device(&receipt(), &tablet()))),
        ("typing", GroupMessage::Typing(tablet().id())),
    ];
    messages
        .into_iter()
        .flat_map(|(name, message)| {
            [
                canonical(&format!("group_message/{name}_plain"), message.clone(), GOSSIP_MAX),
                vector(
                    format!("group_message/{name}"),
                    message,
                    |message| group().seal(message, [3; 24]),
                    |bytes| group().unseal(bytes),
                ),
            ]
        })
        .collect()
}

fn blobs() -> Vec<Vector> {
    let direct = BlobRequest {
        conversation: conversation(),
        proof: Proof::Direct(Box::new(introduction())),
        hash: BlobHash::new([5; 32]),
        ranges: list(vec![(0, 1_048_576)]),
    };
    let group = BlobRequest {
        conversation: group().conversation(),
        proof: Proof::Group(group().proof(&tablet().id(), &phone().id())),
        hash: BlobHash::new([5; 32]),
        ranges: list(vec![(0, 16384), (65536, 1_048_576)]),
    };
    let mut vectors = vec![
        vector("blob_request/direct", direct, codec::encode, BlobRequest::decode),
        vector("blob_request/group", group, codec::encode, BlobRequest::decode),
    ];
    let replies = [
        ("granted", BlobReply::Granted { size: 1_048_576 }),
        ("not_found", BlobReply::NotFound),
        ("unauthorised", BlobReply::Unauthorised),
        ("busy", BlobReply::Busy),
    ];
    vectors.extend(replies.map(|(name, reply)| {
        vector(format!("blob_reply/{name}"), reply, codec::encode, BlobReply::decode)
    }));
    vectors
}

fn requests() -> Vec<Vector> {
    let record = Signed::by_account(&record(), &alice());
    let addresses = reachable(phone().id()).addresses;
    let tag = group().tag();
    let requests = [
        ("hello", Request::Hello { version: 1, token: None }),
        ("hello_token", Request::Hello { version: 1, token: Some(ByteBuf::from(*b"token")) }),
        ("register", Request::Register { record }),
        ("solve", Request::Solve { answer: 70_000 }),
        ("announce", Request::Announce { addresses }),
        ("lookup", Request::Lookup { username: username("alice") }),
        ("watch", Request::Watch { accounts: list(vec![alice().id(), bob().id()]) }),
        ("join", Request::Join { tag }),
        ("leave", Request::Leave { tag }),
        ("members", Request::Members { tag }),
        ("copies", Request::Copies { tag, wanted: false }),
    ];
    let frame = |(name, request)| {
        let frame = ClientFrame { id: 7, request };
        vector(format!("client_frame/{name}"), frame, codec::encode, ClientFrame::decode)
    };
    requests.into_iter().map(frame).collect()
}

fn answers() -> Vec<Vector> {
    let record = Signed::by_account(&second_record(), &alice());
    let whereabouts =
        Whereabouts { record: record.clone(), devices: list(vec![reachable(phone().id())]) };
    let presence = |devices: Vec<DeviceId>| Push::Presence {
        account: alice().id(),
        devices: list(devices.into_iter().map(reachable).collect()),
    };
    let notice = |kind, text: &str| Push::Notice { kind, text: text.to_owned() };
    let responses = [
        ("welcome", Response::Welcome { version: 1 }),
        ("done", Response::Done),
        ("found", Response::Found(whereabouts)),
        ("members", Response::Members(list(vec![member()]))),
    ];
    let pushes = [
        ("presence", presence(vec![phone().id(), laptop().id()])),
        ("absence", presence(Vec::new())),
        ("record_changed", Push::RecordChanged { record }),
        ("member_joined", Push::MemberJoined { tag: group().tag(), member: Box::new(member()) }),
        ("message", Push::Message { tag: group().tag(), sealed: ByteBuf::from([4; 5]) }),
        ("shutting_down", notice(NoticeKind::ShuttingDown, "Back at noon")),
        ("replaced", notice(NoticeKind::Replaced, "")),
    ];
    let mut frames = Vec::new();
    for (name, response) in responses {
        frames.push((name, ServerFrame::Response { id: 7, result: Ok(response) }));
    }
    for refusal in refusals() {
        frames.push((refusal.code(), ServerFrame::Response { id: 7, result: Err(refusal) }));
    }
    for (name, push) in pushes {
        frames.push((name, ServerFrame::Push(push)));
    }
    let frame = |(name, frame)| {
        vector(format!("server_frame/{name}"), frame, codec::encode, ServerFrame::decode)
    };
    frames.into_iter().map(frame).collect()
}

fn refusals() -> [Refusal; 12] {
    [
        Refusal::NameTaken,
        Refusal::NameInvalid,
        Refusal::RecordInvalid,
        Refusal::RecordOutdated,
        Refusal::NotRegistered,
        Refusal::NotFound,
        Refusal::TooMany,
        Refusal::RateLimited { retry_after: 30 },
        Refusal::Version,
        Refusal::NotAdmitted,
        Refusal::Puzzle { challenge: Challenge::new([9; 16]), difficulty: 18 },
        Refusal::Unavailable,
    ]
}

fn token() -> Signed<AdmissionToken> {
    let token = AdmissionToken {
        server: server().id(),
        id: TokenId::new([4; 16]),
        uses: 300,
        expires_at: 1_800_000_000_000,
    };
    Signed::by_device(&token, &server())
}

fn invites() -> Vec<Vector> {
    let invitations = [
        ("server", Invitation::Server),
        ("admission", Invitation::Admission(token())),
        ("person", Invitation::Person(username("alice"))),
        ("group", Invitation::Group { name: group_name("toads"), secret: group() }),
    ];
    let link = |(name, to)| {
        let addresses = list(vec![address("/dns/chat.example/udp/4001/quic-v1")]);
        let invite = Invite { server: server().id(), addresses, to };
        vector(
            format!("invite/{name}"),
            invite,
            |invite| invite.to_link().into_bytes(),
            |bytes| {
                let link = std::str::from_utf8(bytes).map_err(|_error| DecodeError::Malformed)?;
                Invite::from_link(link).map_err(|_error| DecodeError::Malformed)
            },
        )
    };
    invitations.into_iter().map(link).collect()
}

fn pairings() -> Vec<Vector> {
    let secret = PairingSecret::new([8; 32]);
    let proof = secret.proof(&laptop().id(), &phone().id());
    let code = PairingCode {
        account: alice().id(),
        username: username("alice"),
        device: phone().id(),
        addresses: list(vec![address("/ip4/192.0.2.7/udp/4001/quic-v1")]),
        secret,
    };
    let read = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_error| DecodeError::Malformed)?;
        PairingCode::from_text(text).map_err(|_error| DecodeError::Malformed)
    };
    let reply = |name: &str, reply: PairingReply| {
        vector(format!("pairing_frame/{name}"), reply, codec::encode, PairingReply::decode)
    };
    vec![
        vector("pairing_code/phone", code, |code| code.to_text().into_bytes(), read),
        vector(
            "pairing_frame/request",
            PairingRequest { proof },
            codec::encode,
            PairingRequest::decode,
        ),
        reply("added", PairingReply::Added(Box::new(introduction()))),
        reply("refused", PairingReply::Refused),
        reply("unavailable", PairingReply::Unavailable),
    ]
}

/// What is derived from fixed keys, names and secrets.
pub(crate) fn derivations() -> Vec<(&'static str, Vec<u8>)> {
    let chat = group_name("Rust  Größe 🦀");
    let open = wire::conversation::GroupSecret::open(&server().id(), &chat);
    vec![
        ("derived/alice", alice().id().as_bytes().to_vec()),
        ("derived/phone", phone().id().as_bytes().to_vec()),
        ("derived/phone_peer_id", phone().id().peer_id().to_bytes()),
        ("derived/direct_conversation", conversation().as_bytes().to_vec()),
        ("derived/open_group_name", chat.as_str().as_bytes().to_vec()),
        ("derived/open_group_secret", open.as_bytes().to_vec()),
        ("derived/group_conversation", group().conversation().as_bytes().to_vec()),
        ("derived/group_tag", group().tag().as_bytes().to_vec()),
        ("derived/group_proof", group().proof(&tablet().id(), &phone().id()).as_bytes().to_vec()),
        ("derived/group_topic", wire::rendezvous::topic(&group().tag()).into_bytes()),
        ("derived/record_hash", Signed::by_account(&record(), &alice()).hash().as_bytes().to_vec()),
        ("derived/event_id", first_event().id.as_bytes().to_vec()),
        ("derived/signature", phone().sign("natterjack/test/1", b"bytes").as_bytes().to_vec()),
        ("derived/skeleton", username("modern_b0b").skeleton().into_bytes()),
        ("derived/frame", wire::frame::encode(&SyncFrame::Typing)),
    ]
}
