//! Made-up people and what they wrote.

use std::{
    collections::BTreeMap,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use image::{Rgb, RgbImage};
use peer_client::{
    core::{
        command::FileSource,
        model::{
            AttachmentView, Body, Completeness, ConversationView, Delivery, LastLine, Me,
            MemberView, MessageView, Model, Path, Quote, Reaction, Road, ServerTie, Stage,
            Transfer, Transport,
        },
    },
    media,
};
use wire::{
    id::{AccountId, BlobHash, DeviceId, EventId},
    name::{ConversationName, Username},
};

use crate::world::World;

const MINUTE: u64 = 60_000;

/// Paints pictures into a folder.
pub(crate) fn pictures(folder: &FilePath) -> anyhow::Result<Vec<PathBuf>> {
    let evening = RgbImage::from_fn(1200, 800, |x, y| {
        let (across, down) = (x as f32 / 1200.0, y as f32 / 800.0);
        let sun = ((across - 0.68).powi(2) * 2.25 + (down - 0.42).powi(2)).sqrt();
        let ridge = 0.62 + 0.07 * (across * 9.0).sin() + 0.03 * (across * 23.0).cos();
        let near = 0.78 + 0.05 * (across * 6.0 + 1.0).sin();
        if down > near {
            Rgb([24, 38, 46])
        } else if down > ridge {
            Rgb([58, 66, 92])
        } else if sun < 0.085 {
            Rgb([255, 238, 196])
        } else {
            let glow = (0.5 - sun).max(0.0) * 190.0;
            let channel =
                |top: f32, low: f32| (top + (low - top) * down * 1.5 + glow).min(255.0) as u8;
            Rgb([channel(66.0, 246.0), channel(84.0, 150.0), channel(150.0, 112.0)])
        }
    });
    let plan = RgbImage::from_fn(700, 900, |x, y| {
        let grid = x % 50 < 2 || y % 50 < 2;
        let wall = (80..620).contains(&x)
            && (80..820).contains(&y)
            && !((92..608).contains(&x) && (92..808).contains(&y));
        let room = (330..342).contains(&x) && (92..500).contains(&y)
            || (500..512).contains(&y) && (92..520).contains(&x);
        match (wall || room, grid) {
            (true, _) => Rgb([22, 60, 110]),
            (false, true) => Rgb([226, 234, 244]),
            (false, false) => Rgb([248, 250, 253]),
        }
    });
    let paths = vec![folder.join("evening.jpg"), folder.join("plan.png")];
    evening.save(&paths[0])?;
    plan.save(&paths[1])?;
    Ok(paths)
}

/// First words of a message.
pub(crate) fn excerpt(body: &Body) -> String {
    match body {
        Body::Text(text) => text.chars().take(120).collect(),
        Body::Attachment(file) => file.caption.clone().unwrap_or_else(|| file.name.clone()),
        Body::Erased => "Message erased".to_owned(),
        Body::Unsupported => String::new(),
    }
}

/// What a file looks like once it is sent.
pub(crate) fn sent_file(source: &FileSource, caption: String) -> AttachmentView {
    let (name, prepared, file) = match source {
        FileSource::Path(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let prepared = media::prepare_file(&name, path);
            (name, prepared, Some(path.clone()))
        }
        FileSource::Bytes { name, bytes } => {
            let prepared = media::prepare(name, std::io::Cursor::new(&bytes[..]));
            let path = std::env::temp_dir().join(name);
            let written = std::fs::write(&path, bytes).is_ok();
            (name.clone(), prepared, written.then_some(path))
        }
    };
    let blob = BlobHash::new(*blake3::hash(name.as_bytes()).as_bytes());
    let caption = Some(caption).filter(|caption| !caption.is_empty());
    match prepared {
        Ok(prepared) => AttachmentView {
            blob,
            name: prepared.name,
            media_type: prepared.media_type.to_owned(),
            size: prepared.size,
            caption,
            preview: prepared.preview.map(Into::into),
            dimensions: prepared.dimensions,
            file,
        },
        Err(_) => AttachmentView {
            blob,
            name,
            media_type: "application/octet-stream".to_owned(),
            size: 0,
            caption,
            preview: None,
            dimensions: None,
            file,
        },
    }
}

/// The user.
pub(crate) fn me() -> Username {
    name("mira")
}

fn name(text: &str) -> Username {
    Username::new(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn conversation(text: &str) -> ConversationName {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Builds a history, message by message.
struct Story {
    me: Username,
    conversation: ConversationName,
    others: u32,
    messages: Vec<Arc<MessageView>>,
}

impl Story {
    fn new(me: &Username, conversation: &ConversationName, others: u32) -> Self {
        let (me, conversation) = (me.clone(), conversation.clone());
        Self { me, conversation, others, messages: Vec::new() }
    }

    fn body(&mut self, from: &str, at_ms: u64, body: Body) -> &mut MessageView {
        let own = from == "me";
        let count = self.messages.len();
        let group = matches!(self.conversation, ConversationName::Group(_));
        let delivery = Delivery {
            stage: Stage::Read,
            stored_by: self.others,
            read_by: self.others,
            of: self.others,
        };
        let id = event(&format!("{} {count}", self.conversation));
        self.messages.push(Arc::new(MessageView {
            id,
            conversation: self.conversation.clone(),
            from: if own { self.me.clone() } else { name(from) },
            own,
            at_ms,
            body,
            reply_to: None,
            path: Some(if group { Path::Group } else { Path::Direct(None) }),
            delivery: own.then_some(delivery),
            request: false,
            edited: false,
            reactions: Vec::new(),
        }));
        Arc::make_mut(&mut self.messages[count])
    }

    fn text(&mut self, from: &str, at_ms: u64, text: &str) -> &mut MessageView {
        self.body(from, at_ms, Body::Text(text.to_owned()))
    }

    fn quote(&self, index: usize) -> Quote {
        let message = &self.messages[index];
        Quote { id: message.id, excerpt: Some((message.from.clone(), excerpt(&message.body))) }
    }
}

fn stage(message: &mut MessageView, stage: Stage, stored_by: u32, read_by: u32) {
    if let Some(delivery) = &mut message.delivery {
        *delivery = Delivery { stage, stored_by, read_by, of: delivery.of };
    }
}

fn react(message: &mut MessageView, emoji: &str, by: &[&str]) {
    let own = by.contains(&"mira");
    let by = by.iter().map(|text| name(text)).collect();
    message.reactions.push(Reaction { emoji: emoji.to_owned(), by, own });
}

fn group_story(now: u64, me: &Username, group: &ConversationName, pictures: &[PathBuf]) -> Story {
    let mut story = Story::new(me, group, 3);
    let day = now - 26 * 60 * MINUTE;
    story.text("jonas", day, "Who has the key to the boathouse?");
    story.text("me", day + 4 * MINUTE, "I do. I can leave it with the neighbours on Friday 🔑");
    let perfect = story.text("jonas", day + 5 * MINUTE, "Perfect");
    react(perfect, "🎉", &["mira"]);
    story.text("jonas", day + 5 * MINUTE, "👍🏽");
    story.text("amelie", day + 50 * MINUTE, "מה שלומכם? נפגש ב-12:45 ליד Café Nero מחר");
    let base = now - 170 * MINUTE;
    story.text("amelie", base, "Good morning everyone ☀️ The forecast for the weekend looks lovely, so I would say we go. Shall we meet at the station at seven?");
    let picture =
        sent_file(&FileSource::Path(pictures[0].clone()), "From last year, same place".to_owned());
    let shown = story.body("amelie", base + 2 * MINUTE, Body::Attachment(Arc::new(picture)));
    react(shown, "😍", &["jonas", "mira", "tomasz"]);
    react(shown, "🏔️", &["tomasz"]);
    let quote = story.quote(5);
    let reply = story.text("me", base + 9 * MINUTE, "Seven is early, but fine 😄");
    reply.reply_to = Some(quote);
    stage(
        story.text(
            "me",
            base + 9 * MINUTE,
            "I will bring the tickets: https://rail.example/booking?ref=8Q2L",
        ),
        Stage::Stored,
        2,
        1,
    );
    let mut plan = sent_file(&FileSource::Path(pictures[1].clone()), String::new());
    plan.file = None;
    plan.blob = BlobHash::new([7; BlobHash::LENGTH]);
    let late = story.body("jonas", base + 40 * MINUTE, Body::Attachment(Arc::new(plan)));
    late.path = Some(Path::Synced);
    let file = AttachmentView {
        blob: BlobHash::new([9; BlobHash::LENGTH]),
        name: "Route and packing list.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        size: 2_345_678,
        caption: None,
        preview: None,
        dimensions: None,
        file: None,
    };
    story.body("jonas", base + 41 * MINUTE, Body::Attachment(Arc::new(file)));
    story.body("jonas", base + 42 * MINUTE, Body::Erased);
    let count =
        story.text("tomasz", base + 120 * MINUTE, "Count me in! Żółw jest już spakowany 🐢🎒");
    count.edited = true;
    react(count, "🐢", &["amelie", "mira"]);
    react(count, "❤️", &["amelie", "jonas"]);
    react(count, "👍", &["jonas"]);
    story.text("tomasz", base + 121 * MINUTE, "🎉🎉🎉");
    story.text(
        "amelie",
        base + 160 * MINUTE,
        "Great, then we are four 👨‍👩‍👧‍👦 @mira, would you tell @jonas about the key?",
    );
    story
}

fn direct_story(now: u64, me: &Username, with: &ConversationName) -> Story {
    let mut story = Story::new(me, with, 1);
    let base = now - 65 * MINUTE;
    for index in 0..40 {
        let from = if index % 3 == 0 { "me" } else { "noor" };
        let text = "An older message, so that there is something to scroll back to";
        story.text(from, base - (60 - index) * 47 * MINUTE, text);
    }
    story.text("noor", base, "Did the build go through? 🤞");
    story.text("me", base + MINUTE, "Yes! All green ✅");
    story.text("me", base + MINUTE, "It took eleven minutes, though. I think the linker is the slow part: we could try another one, or split the crate so that less has to be linked each time.");
    story.text("noor", base + 3 * MINUTE, "❤️");
    let quote = story.quote(42);
    story
        .text(
            "noor",
            base + 4 * MINUTE,
            "Let us split it. I have a branch somewhere that does half of it already",
        )
        .reply_to = Some(quote);
    story.text("noor", base + 4 * MINUTE, "Will push it tonight").path = Some(Path::Relayed(None));
    stage(story.text("me", base + 58 * MINUTE, "Wonderful, no hurry"), Stage::Stored, 1, 0);
    let mut again = story.text("me", base + 59 * MINUTE, "And thank you for the branch");
    again.edited = true;
    react(again, "❤️", &["noor"]);
    again = story.body("me", base + 60 * MINUTE, Body::Erased);
    stage(again, Stage::Stored, 1, 0);
    let waiting = story.text("me", base + 60 * MINUTE, "See you tomorrow 👋");
    stage(waiting, Stage::Sent, 0, 0);
    story
}

/// The newest message as one line.
pub(crate) fn last_line(messages: &[Arc<MessageView>]) -> Option<LastLine> {
    messages.last().map(|message| LastLine {
        from: message.from.clone(),
        own: message.own,
        text: excerpt(&message.body),
        at_ms: message.at_ms,
        delivery: message.delivery,
    })
}

/// An account that stands for a person.
fn account_of(name: &ConversationName) -> Option<AccountId> {
    let ConversationName::Direct(person) = name else { return None };
    Some(AccountId::new(*blake3::hash(person.as_str().as_bytes()).as_bytes()))
}

fn view(story: &Story, unread: u32) -> ConversationView {
    let last = last_line(&story.messages);
    ConversationView {
        name: story.conversation.clone(),
        account: account_of(&story.conversation),
        unread,
        last,
        online: false,
        typing: Vec::new(),
        request: false,
        muted: false,
        blocked: false,
        relay_only: false,
        road: None,
        waiting: 0,
        complete: Completeness { have: story.messages.len() as u64, missing: 0 },
        members: Arc::default(),
    }
}

/// The made-up state.
pub(crate) fn world(now: u64, me: &Username, pictures: &[PathBuf]) -> World {
    let hike = conversation("#autumn hike 🍂");
    let noor = conversation("@noor");
    let mut stories = vec![group_story(now, me, &hike, pictures), direct_story(now, me, &noor)];
    for (with, from, ago, text) in [
        ("@linnea", "linnea", 190, "Voice call later? I have news 🎺"),
        ("#rust", "ferris", 260, "1.95 is out 🦀 read the notes before you upgrade"),
        ("@dmitri", "me", 1500, "Thank you! Liebe Grüße"),
        ("@stranger.42", "stranger.42", 1600, "Hi, I got your name from Noor"),
        ("#book club", "amelie", 4400, "Next: The Left Hand of Darkness"),
        ("@yuki", "yuki", 9000, "写真ありがとう！とてもきれいです"),
        ("@oskar", "me", 61_000, "Happy birthday 🎂🥳"),
    ] {
        let mut story = Story::new(me, &conversation(with), 1);
        story.text(from, now - ago * MINUTE, text);
        stories.push(story);
    }
    let unread = [2, 0, 1, 12, 0, 1, 0, 0, 0];
    let mut views: Vec<ConversationView> =
        stories.iter().zip(unread).map(|(story, unread)| view(story, unread)).collect();
    let member = |text: &str, online| MemberView { username: name(text), online };
    views[0].members =
        Arc::new(vec![member("amelie", true), member("jonas", true), member("tomasz", false)]);
    views[0].online = true;
    views[0].typing = vec![name("jonas")];
    views[1].online = true;
    views[1].members = Arc::new(vec![member("noor", true)]);
    let road = Road { relayed: false, transport: Transport::Quic, punched: true, rtt_ms: Some(18) };
    views[1].road = Some(road);
    views[2].typing = vec![name("linnea")];
    views[2].online = true;
    views[3].muted = true;
    views[3].complete = Completeness { have: 31, missing: 12 };
    views[3].members = Arc::new(vec![member("ferris", false), member("tomasz", false)]);
    views[5].request = true;
    views[8].blocked = true;
    let histories = stories.into_iter().map(|story| (story.conversation, story.messages)).collect();
    let transfers = BTreeMap::from([(
        BlobHash::new([9; BlobHash::LENGTH]),
        Transfer::Running { done: 1_400_000, total: 2_345_678 },
    )]);
    let model = Model {
        me: Some(Me {
            username: me.clone(),
            account: AccountId::new([1; AccountId::LENGTH]),
            device: DeviceId::new([1; DeviceId::LENGTH]),
        }),
        server: ServerTie::Registered,
        conversations: Arc::new(views),
        transfers: Arc::new(transfers),
        ..Model::default()
    };
    World::new(model, histories)
}

/// An id that stands for some words.
pub(crate) fn event(words: &str) -> EventId {
    EventId::new(*blake3::hash(words.as_bytes()).as_bytes())
}
