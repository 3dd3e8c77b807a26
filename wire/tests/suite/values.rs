//! Values made of fixed seeds: the same bytes in every run.

use serde_bytes::ByteBuf;
use wire::{
    account::{AccountRecord, DeviceCertificate, Introduction},
    bounded::Bounded,
    conversation::GroupSecret,
    event::{Attachment, CheckedEvent, Clock, Event, EventHeader, Membership, Payload},
    id::{BlobHash, ConversationId, DeviceId, EventId, Hash},
    key::{AccountKey, DeviceKey},
    limits::VERSION,
    name::{GroupName, Username},
    rendezvous::{Address, Member, Reachable},
    signed::Signed,
    sync::{Have, Head, Held, Receipt, Stage},
};

/// A moment, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_750_000_000_000;

/// Alice's account.
pub(crate) fn alice() -> AccountKey {
    AccountKey::from_seed([1; 32])
}

/// Bob's account.
pub(crate) fn bob() -> AccountKey {
    AccountKey::from_seed([2; 32])
}

/// Alice's first device.
pub(crate) fn phone() -> DeviceKey {
    DeviceKey::from_seed([11; 32])
}

/// Alice's second device.
pub(crate) fn laptop() -> DeviceKey {
    DeviceKey::from_seed([12; 32])
}

/// Bob's device.
pub(crate) fn tablet() -> DeviceKey {
    DeviceKey::from_seed([21; 32])
}

/// The rendezvous server.
pub(crate) fn server() -> DeviceKey {
    DeviceKey::from_seed([31; 32])
}

/// A private group.
pub(crate) fn group() -> GroupSecret {
    GroupSecret::new([7; 32])
}

/// The conversation of Alice and Bob.
pub(crate) fn conversation() -> ConversationId {
    ConversationId::direct(&alice().id(), &bob().id())
}

/// A username that is valid.
pub(crate) fn username(text: &str) -> Username {
    Username::new(text).unwrap()
}

/// A group name that is valid.
pub(crate) fn group_name(text: &str) -> GroupName {
    GroupName::new(text).unwrap()
}

/// A list within its bound.
pub(crate) fn list<T, const N: usize>(values: Vec<T>) -> Bounded<T, N> {
    Bounded::try_from(values).unwrap()
}

/// Alice's first record, which lists her phone.
pub(crate) fn record() -> AccountRecord {
    AccountRecord {
        username: username("alice"),
        account: alice().id(),
        devices: list(vec![phone().id()]),
        sequence: 0,
        previous: None,
        issued_at: NOW,
    }
}

/// Alice's second record, which lists both devices.
pub(crate) fn second_record() -> AccountRecord {
    AccountRecord {
        devices: list(vec![phone().id(), laptop().id()]),
        sequence: 1,
        previous: Some(Signed::by_account(&record(), &alice()).hash()),
        issued_at: NOW + 1000,
        ..record()
    }
}

/// Alice's word for her phone.
pub(crate) fn certificate() -> DeviceCertificate {
    DeviceCertificate { account: alice().id(), device: phone().id(), issued_at: NOW }
}

/// Alice's phone, introduced.
pub(crate) fn introduction() -> Introduction {
    let record = Signed::by_account(&record(), &alice());
    Introduction::new(record, phone().id(), NOW, &alice())
}

/// The header of the first entry of the phone's log in the direct conversation.
pub(crate) fn header() -> EventHeader {
    EventHeader {
        version: VERSION,
        conversation: conversation(),
        author: phone().id(),
        sequence: 0,
        previous: None,
        parents: Bounded::default(),
        clock: Clock { ms: NOW, counter: 0 },
        payload_hash: Hash::new([0; 32]),
        payload_length: 0,
    }
}

/// The first entry of the phone's log.
pub(crate) fn first_event() -> CheckedEvent {
    Event::sign(header(), &Payload::Introduction(introduction()), &phone())
}

/// The entry after it, with a payload of choice.
pub(crate) fn second_event(payload: &Payload) -> CheckedEvent {
    let first = first_event().id;
    let header = EventHeader {
        sequence: 1,
        previous: Some(first),
        parents: list(vec![first, EventId::new([9; 32])]),
        clock: Clock { ms: NOW, counter: 1 },
        ..header()
    };
    Event::sign(header, payload, &phone())
}

/// A short text with an emoji.
pub(crate) fn text() -> Payload {
    Payload::Text { body: "Hello 🦀".to_owned(), reply_to: None }
}

/// A picture with everything that an attachment may have.
pub(crate) fn attachment() -> Attachment {
    Attachment {
        blob: BlobHash::new([5; 32]),
        size: 1_048_576,
        media_type: "image/png".to_owned(),
        name: "toad.png".to_owned(),
        caption: Some("A toad".to_owned()),
        preview: Some(ByteBuf::from([0x89, b'P', b'N', b'G'])),
        dimensions: Some((640, 480)),
        reply_to: Some(EventId::new([6; 32])),
    }
}

/// One payload of each kind, with a name for it.
pub(crate) fn payloads() -> Vec<(&'static str, Payload)> {
    let event = EventId::new([6; 32]);
    let bare = Attachment {
        caption: None,
        preview: None,
        dimensions: None,
        reply_to: None,
        ..attachment()
    };
    vec![
        ("introduction", Payload::Introduction(introduction())),
        ("text", text()),
        ("reply", Payload::Text { body: "Yes".to_owned(), reply_to: Some(event) }),
        ("attachment", Payload::Attachment(attachment())),
        ("attachment_bare", Payload::Attachment(bare)),
        ("reaction", Payload::Reaction { event, emoji: "👍".to_owned(), on: true }),
        ("edit", Payload::Edit { event, body: "No".to_owned() }),
        ("erase", Payload::Erase { event }),
        (
            "profile",
            Payload::Profile {
                display_name: Some("Alice A.".to_owned()),
                picture: Some(BlobHash::new([5; 32])),
            },
        ),
        ("profile_empty", Payload::Profile { display_name: None, picture: None }),
        (
            "membership_person",
            Payload::Membership {
                of: Membership::Person(Signed::by_account(&record(), &alice())),
                left: false,
            },
        ),
        (
            "membership_group",
            Payload::Membership {
                of: Membership::Group { name: group_name("toads"), secret: group() },
                left: true,
            },
        ),
    ]
}

/// What the tablet has: the phone's log with a gap, and nothing whole of the laptop's.
pub(crate) fn have() -> Have {
    let head = Head { sequence: 4, id: EventId::new([4; 32]) };
    list(vec![
        Held { device: phone().id(), head: Some(head), beyond: list(vec![(6, 6), (8, 300)]) },
        Held { device: laptop().id(), head: None, beyond: Bounded::default() },
    ])
}

/// The tablet's word on what it has.
pub(crate) fn receipt() -> Receipt {
    Receipt {
        conversation: conversation(),
        device: tablet().id(),
        stage: Stage::Stored,
        have: have(),
        at: NOW,
    }
}

/// An address in its text form.
pub(crate) fn address(text: &str) -> Address {
    Address::new(text.parse().unwrap()).unwrap()
}

/// A device with two addresses.
pub(crate) fn reachable(device: DeviceId) -> Reachable {
    let addresses =
        vec![address("/ip4/192.0.2.7/udp/4001/quic-v1"), address("/ip6/2001:db8::7/tcp/4001")];
    Reachable { device, addresses: list(addresses) }
}

/// Alice's phone as a member of a group.
pub(crate) fn member() -> Member {
    Member { record: Signed::by_account(&record(), &alice()), reachable: reachable(phone().id()) }
}
