//! What happens to the peers, drawn from the seed.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};

use crate::core::tests::network::Place;

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// Someone writes to one of the own conversations, several times.
    Write {
        place: Place,
        which: usize,
        times: usize,
    },
    /// The front end takes what was not told yet.
    Look(Place),
    /// The user reads one of the own conversations.
    Read {
        place: Place,
        which: usize,
    },
    /// The process is killed.
    Kill(Place),
    /// It is started, if it is not running.
    Start(Place),
    /// All are killed and started at once.
    PowerFailure,
    /// The clock is set; it is this far off from now on.
    Clock {
        place: Place,
        skew_ms: i64,
    },
    /// The folder is copied, or the copy is used instead of it from now on.
    OtherFolder(Place),
    /// The connections of two end.
    Break(Place, Place),
    /// They stay, but carry nothing.
    Silence(Place, Place),
    /// Two find no road to each other but through the server, or do again.
    Cut(Place, Place, bool),
    /// The network falls into so many parts.
    Divide(u32),
    /// It is whole again.
    Unite,
    StopServer,
    StartServer,
    /// The server takes requests and answers none.
    HangServer(bool),
    /// The disk stops, or does what waited.
    HoldDisk(Place),
    ReleaseDisk(Place),
    /// Writes fail, or succeed again.
    FullDisk(Place, bool),
    GossipLoss(u32),
    GossipCopies(u32),
    Delay {
        latency: u64,
        jitter: u64,
    },
    Wait(u64),
}

/// Hours that a clock is wrong by at most.
const HOURS: i64 = 26;

/// Draws what happens next.
pub(super) fn draw(rng: &mut StdRng, peers: usize) -> Event {
    let place = rng.random_range(0..peers);
    let other = (place + rng.random_range(1..peers)) % peers;
    let which = rng.random_range(0..64);
    let yes = rng.random_bool(0.5);
    match rng.random_range(0..100) {
        0..30 => Event::Write { place, which, times: rng.random_range(1..4) },
        30..35 => Event::Look(place),
        35..39 => Event::Read { place, which },
        39..44 => Event::Kill(place),
        44..51 => Event::Start(place),
        51 => Event::PowerFailure,
        52..54 => Event::Clock { place, skew_ms: skew(rng) },
        54 if rng.random_range(0..3) == 0 => Event::OtherFolder(place),
        54..57 => Event::Break(place, other),
        57..59 => Event::Silence(place, other),
        59..62 => Event::Cut(place, other, yes),
        62..64 => Event::Divide(rng.random_range(2..4)),
        64..66 => Event::Unite,
        66 => Event::StopServer,
        67..70 => Event::StartServer,
        70..72 => Event::HangServer(yes),
        72 => Event::HoldDisk(place),
        73..76 => Event::ReleaseDisk(place),
        76..78 => Event::FullDisk(place, yes),
        78 => Event::GossipLoss(rng.random_range(0..=100)),
        79 => Event::GossipCopies(rng.random_range(0..=100)),
        80..82 => Event::Delay { latency: rng.random_range(1..300), jitter: delay(rng) },
        82..97 => Event::Wait(rng.random_range(0..3_000)),
        _ => Event::Wait(rng.random_range(0..60_000)),
    }
}

pub(super) fn skew(rng: &mut StdRng) -> i64 {
    let most = Duration::from_hours(HOURS as u64).as_millis() as i64;
    match rng.random_range(0..3) {
        0 => 0,
        1 => rng.random_range(-60_000..60_000),
        _ => rng.random_range(-most..most),
    }
}

fn delay(rng: &mut StdRng) -> u64 {
    if rng.random_range(0..4) == 0 { rng.random_range(0..5_000) } else { rng.random_range(0..200) }
}
