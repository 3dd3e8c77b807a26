//! Writes a long history into a store and measures searching it as one types, reading its newest page,
//! and opening it. The argument is the number of messages; figures that mean something to others need
//! `--release`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

use std::{
    env,
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, Instant},
};

use peer_client::{
    core::{
        input::Ticket,
        model::Path,
        storage::{ConversationRow, Kind, StoreOp, StoreReply},
    },
    store::{REPLIES, Store},
};
use tokio::sync::mpsc;
use wire::{
    bounded::Bounded,
    event::{CheckedEvent, Clock, Event, EventHeader, Payload},
    id::{AccountId, ConversationId, Hash},
    key::{AccountKey, DeviceKey},
    limits::{EVENTS_PER_FRAME, VERSION},
};

const USUAL: usize = 1_000_000;
/// When the first message was written, in milliseconds since 1970.
const BEGINNING: u64 = 1_700_000_000_000;

struct Opened {
    store: Store,
    replies: mpsc::Receiver<StoreReply>,
    account: AccountId,
    conversation: ConversationId,
}

impl Opened {
    fn at(path: &FilePath, account: AccountId, conversation: ConversationId) -> Self {
        let (to_here, replies) = mpsc::channel(REPLIES);
        let (store, _snapshot) = Store::open(path, account, to_here).expect("a store");
        Self { store, replies, account, conversation }
    }

    fn ask(&mut self, op: StoreOp) -> StoreReply {
        assert!(self.store.try_submit(op).is_ok(), "the store takes no operation");
        self.replies.blocking_recv().expect("a reply")
    }

    /// How long an operation takes that reads messages.
    fn time(&mut self, op: StoreOp) -> Duration {
        let began = Instant::now();
        let reply = self.ask(op);
        assert!(matches!(reply, StoreReply::Messages { .. }), "{reply:?}");
        began.elapsed()
    }

    fn search(&mut self, text: &str) -> Duration {
        let text = text.to_owned();
        self.time(StoreOp::Search { ticket: Ticket(0), text, conversation: None, limit: 50 })
    }

    fn page(&mut self) -> Duration {
        let conversation = self.conversation;
        self.time(StoreOp::History { ticket: Ticket(0), conversation, limit: 100, before: None })
    }

    fn append(&mut self, events: Vec<Arc<CheckedEvent>>) {
        let accounts = vec![self.account; events.len()];
        let (ticket, path) = (Ticket(0), Some(Path::Synced));
        let reply = self.ask(StoreOp::Append { ticket, events, accounts, path, ahead: false });
        assert!(matches!(reply, StoreReply::Appended { .. }), "{reply:?}");
    }
}

fn word(number: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "bar", "cel", "dim", "fon", "gul", "har", "jem", "kin", "lor", "mul", "nar", "pel", "ron",
        "sol", "tun", "var",
    ];
    (0..4).map(|place| SYLLABLES[number >> (4 * place) & 15]).collect()
}

/// A text of eight words: the first stands in every tenth text, the last in very few.
fn text(number: usize) -> String {
    let scattered = number.wrapping_mul(2_654_435_761) >> 7;
    let words = [10, 30, 100, 300, 1000, 3000, 10_000, 60_000].map(|of| word(scattered % of));
    words.join(" ")
}

fn write(opened: &mut Opened, count: usize) {
    let key = DeviceKey::from_seed([2; 32]);
    let mut last: Option<(u64, _)> = None;
    let mut batch = Vec::new();
    for number in 0..count {
        let header = EventHeader {
            version: VERSION,
            conversation: opened.conversation,
            author: key.id(),
            sequence: number as u64,
            previous: last.map(|(_, id)| id),
            parents: Bounded::default(),
            clock: Clock { ms: BEGINNING + 1000 * number as u64, counter: 0 },
            payload_hash: Hash::of(&[]),
            payload_length: 0,
        };
        let payload = Payload::Text { body: text(number), reply_to: None };
        let event = Event::sign(header, &payload, &key);
        last = Some((event.header.sequence, event.id));
        batch.push(Arc::new(event));
        if batch.len() == EVENTS_PER_FRAME || number + 1 == count {
            opened.append(std::mem::take(&mut batch));
        }
    }
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let (count, [p50, p99, longest]) = (took.len(), [50, 99, 100].map(at));
    println!("{what}, {count} times: p50 {p50:.2} ms, p99 {p99:.2} ms, longest {longest:.2} ms");
}

fn main() {
    let count = env::args().nth(1).map_or(USUAL, |count| count.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("messages.sqlite");
    let account = AccountKey::from_seed([1; 32]).id();
    let peer = AccountKey::from_seed([3; 32]).id();
    let conversation = ConversationId::direct(&account, &peer);
    let mut opened = Opened::at(&path, account, conversation);
    let row = ConversationRow {
        id: conversation,
        name: "@bob".parse().expect("a name"),
        kind: Kind::Direct(peer),
        request: false,
        left: false,
        muted: false,
    };
    opened.ask(StoreOp::SaveConversation { ticket: Ticket(0), row });
    let began = Instant::now();
    write(&mut opened, count);
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("{count} messages signed and stored in commits of {EVENTS_PER_FRAME}: {rate:.0}/s");

    let (mut typed, mut common, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..100 {
        let (often, seldom) = (word(round % 10), word(round * 577 % 60_000));
        // As one types: each further letter is a search.
        typed.extend((1..=seldom.len()).map(|length| opened.search(&seldom[..length])));
        common.push(opened.search(&often));
        both.push(opened.search(&format!("{often} {seldom}")));
    }
    print("search for a word as it is typed, letter by letter", typed);
    print("search for a word of every tenth message", common);
    print("search for such a word and a rare one", both);
    print("the newest 100 messages", (0..100).map(|_| opened.page()).collect());
    drop(opened);
    let began = Instant::now();
    let mut opened = Opened::at(&path, account, conversation);
    opened.page();
    println!("opened and read: {:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
}
