//! Evidence that this server keeps nothing of what it relays: marked messages and images pass
//! through it, and are then looked for in what it has.
//!
//! It is evidence about the program that runs, not about an operator who runs another one.

mod peer;
pub mod search;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use libp2p::Multiaddr;
use wire::{
    bounded::Bounded,
    codec,
    conversation::{GroupMessage, GroupSecret},
    event::{Clock, Event, EventHeader, Payload},
    id::Hash,
    key::{AccountKey, DeviceKey},
    limits::VERSION,
    name::Username,
};

use self::{
    peer::{Peer, Persona},
    search::Search,
};
use crate::{setup, system};

/// Bytes of the image: more than any buffer on the way.
const IMAGE: usize = 1024 * 1024;
/// Bytes of the image that are looked for.
const IMAGE_PART: usize = 48;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Place {
    /// The server's data folder.
    pub data_dir: PathBuf,
    /// Its process.
    pub pid: u32,
    /// Files with its log.
    pub logs: Vec<PathBuf>,
    /// Look into its memory too.
    pub memory: bool,
}

/// What was marked.
struct Marks {
    /// A line of text in the conversation of two and in the group.
    text: String,
    image: Vec<u8>,
    /// The name of one of the peers, which the server does know.
    known: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// What was done and found, a line each.
    pub lines: Vec<String>,
    /// Nothing of what was marked was found, and what the server does know was.
    pub is_clean: bool,
}

/// Sends marked things through the server at `address` and looks for them in `place`.
pub async fn prove(server: &DeviceKey, address: &Multiaddr, place: &Place) -> Result<Report> {
    let personas = [persona(server, 1)?, persona(server, 2)?];
    let marks = Marks {
        text: format!("natterjack-mark-{}", Hash::new(rand::random())),
        image: image(),
        known: personas[0].username.as_str().to_owned(),
    };
    let [one, other] = personas;
    let mut sender = Peer::register(one, address).await?;
    let mut receiver = Peer::register(other, address).await?;
    let sealed = pass(&mut sender, &mut receiver, &marks).await?;
    let report = look(&marks, &sealed, place);
    drop((sender, receiver));
    Ok(report)
}

/// The accounts are derived from the server's key, so that proving again takes no new names.
fn persona(server: &DeviceKey, number: u8) -> Result<Persona> {
    let seed =
        |what: &str| *Hash::of(&codec::encode(&(server.seed().to_vec(), what, number))).as_bytes();
    let short: String = Hash::of(server.id().as_bytes()).to_string().chars().take(8).collect();
    let username = Username::new(&format!("prover-{number}-{short}"));
    let username = username.ok().context("a throw-away peer has no name")?;
    let token = setup::token(server, 1, system::unix_ms(), std::time::Duration::from_hours(1));
    Ok(Persona {
        account: AccountKey::from_seed(seed("prover's account")),
        device: DeviceKey::from_seed(seed("prover's device")),
        username,
        token: Some(codec::encode(&token)),
    })
}

/// An image in a format without compression, of noise.
fn image() -> Vec<u8> {
    let mut image = b"P6 512 682 255\n".to_vec();
    while image.len() < IMAGE {
        image.extend_from_slice(&rand::random::<[u8; 32]>());
    }
    image
}

/// Sends the marked things: two ways through a circuit, and in a group. Gives what the group's
/// message was on the way.
async fn pass(sender: &mut Peer, receiver: &mut Peer, marks: &Marks) -> Result<Vec<u8>> {
    receiver.reserve().await?;
    let secret = GroupSecret::new(rand::random());
    sender.join(secret.tag()).await?;
    receiver.join(secret.tag()).await?;
    let mut bytes = marks.text.clone().into_bytes();
    bytes.extend_from_slice(&marks.image);
    sender.send(receiver, &bytes).await?;
    let device = sender.device.clone();
    let event = marked_event(&device, &secret, &marks.text);
    let seal = || secret.seal(&event, rand::random());
    sender.publish(secret.tag(), receiver, seal).await
}

fn marked_event(author: &DeviceKey, secret: &GroupSecret, text: &str) -> GroupMessage {
    let header = EventHeader {
        version: VERSION,
        conversation: secret.conversation(),
        author: author.id(),
        sequence: 0,
        previous: None,
        parents: Bounded::default(),
        clock: Clock { ms: system::unix_ms(), counter: 0 },
        payload_hash: Hash::new([0; 32]),
        payload_length: 0,
    };
    let payload = Payload::Text { body: text.to_owned(), reply_to: None };
    GroupMessage::Events(Bounded::truncated([Event::sign(header, &payload, author).event]))
}

fn look(marks: &Marks, sealed: &[u8], place: &Place) -> Report {
    let part = |at: usize| marks.image.get(at..at + IMAGE_PART).unwrap_or_default();
    let needles = [
        marks.text.as_bytes(),
        part(IMAGE / 4),
        part(IMAGE / 2),
        sealed.get(sealed.len() / 2..).unwrap_or_default(),
        marks.known.as_bytes(),
    ];
    let mut kept = Search::new(needles.len());
    kept.folder(&place.data_dir, &needles);
    kept.open_files(place.pid, &needles);
    for log in &place.logs {
        kept.file(log, &needles);
    }
    let mut lines = vec![
        "a text and an image passed through a circuit, and the text in a group; all came"
            .to_owned(),
        told("in the data folder, open files and logs", &kept),
    ];
    let [text, early, late, sealed, known] = found(&kept);
    let mut is_clean = text + early + late + sealed == 0 && known > 0 && kept.unread.is_empty();
    lines.push(format!("  the text {}, the image {}", times(text), times(early + late)));
    lines.push(format!("  the group's message as it was sealed {}", times(sealed)));
    lines.push(format!("  the name {}, which the server keeps, {}", marks.known, times(known)));
    if place.memory {
        let mut memory = Search::new(needles.len());
        memory.memory(place.pid, &needles);
        lines.push(told("in memory", &memory));
        let [text, early, late, sealed, known] = found(&memory);
        is_clean &= text + early + late == 0 && known > 0 && memory.unread.is_empty();
        lines.push(format!("  the text {}, the image {}", times(text), times(early + late)));
        lines.push(format!(
            "  the group's message as it was sealed {}: it is kept some seconds for who asks again",
            times(sealed)
        ));
        lines.push(format!("  the name, which the server knows, {}", times(known)));
    } else {
        lines.push("memory was not looked into (--memory)".to_owned());
    }
    lines.extend(kept.unread.iter().map(|place| format!("not read: {place}")));
    lines.push(if is_clean {
        "nothing was kept, as far as this can see".to_owned()
    } else {
        "something was found, or the search did not see everything".to_owned()
    });
    Report { lines, is_clean }
}

fn found(search: &Search) -> [usize; 5] {
    let mut counts = [0; 5];
    for (count, found) in counts.iter_mut().zip(&search.found) {
        *count = found.len();
    }
    counts
}

fn told(place: &str, search: &Search) -> String {
    format!("looked {place}: {} files, {} bytes", search.files, search.bytes)
}

fn times(count: usize) -> String {
    match count {
        0 => "was not found".to_owned(),
        1 => "was found in 1 place".to_owned(),
        more => format!("was found in {more} places"),
    }
}

/// The address of a server that a peer on the same machine uses best.
pub fn nearest(addresses: &[Multiaddr]) -> Option<&Multiaddr> {
    let is_loopback =
        |it: &&Multiaddr| crate::addresses::ip_of(it).is_some_and(|ip| ip.is_loopback());
    addresses.iter().find(is_loopback).or_else(|| addresses.first())
}
