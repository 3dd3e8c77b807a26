//! Measures what a frame of the window costs while a long conversation is scrolled, without a screen:
//! the time that the window's own code takes, and that which its shapes take to become triangles.
//!
//! `cargo run --release --example window_frames -- [messages]`
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "measures time, prints figures, and has nobody to report errors to"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use eframe::App as _;
use egui::{Event, MouseWheelUnit, Pos2, RawInput, Rect, Vec2, vec2};
use peer_client::{
    core::{
        command::Failure,
        model::{
            AttachmentView, Body, Completeness, ConversationView, Me, MessageView, Model, Path,
            ServerTie, Timeline,
        },
    },
    gui::{Launcher, Options, Start, Window},
    handle,
};
use tokio_util::sync::CancellationToken;
use wire::{
    id::{AccountId, BlobHash, DeviceId, EventId},
    name::{ConversationName, Username},
};

const USUAL: usize = 100_000;
const NOW_MS: u64 = 1_780_056_000_000;
/// Frames that are measured of each conversation.
const FRAMES: usize = 1_500;
const SIZE: Vec2 = vec2(1280.0, 800.0);
/// Longest text that a message may have, in bytes.
const TEXT: usize = 32 * 1024;
/// Every so many messages one is an image, and so many different images there are.
const IMAGE_EVERY: usize = 12;
const IMAGES: usize = 40;

fn main() {
    let count = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(USUAL);
    let previews: Vec<Arc<[u8]>> = (0..IMAGES).map(preview).collect();
    println!("frames of {} x {} points", SIZE.x, SIZE.y);
    measure(&format!("{count} messages with images and emoji"), usual(count, &previews));
    for (name, text) in hostile() {
        measure(name, (0..60).map(|number| text_message(number, &text)).collect());
    }
}

/// Scrolls from the end of a conversation upwards, and prints what a frame costs.
fn measure(name: &str, messages: Vec<MessageView>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (handle, port) = handle::channel();
    let context = egui::Context::default();
    let start = Start { conversation: Some(group()), ..Start::default() };
    let options = Options {
        start,
        handle: Some(handle),
        runtime: runtime.handle().clone(),
        clock: || NOW_MS,
        shutdown: CancellationToken::new(),
        announcer: None,
    };
    let launcher: Launcher = Box::new(|_login| {
        let (answer, answered) = mpsc::sync_channel(1);
        drop(answer.send(Err(Failure::new("start", "There is no node here"))));
        answered
    });
    let mut window = Window::new(&context, options, launcher);
    port.model.send_replace(Arc::new(model(messages)));
    let mut frame = eframe::Frame::_new_kittest();
    let mut own = Vec::with_capacity(FRAMES);
    let mut shapes = Vec::with_capacity(FRAMES);
    let mut first = Duration::ZERO;
    for number in 0..FRAMES + 10 {
        let began = Instant::now();
        let mut output = context.run_ui(input(number), |ui| {
            window.logic(&ui.ctx().clone(), &mut frame);
            window.ui(ui, &mut frame);
        });
        let drawn = began.elapsed();
        output.textures_delta.clear();
        let began = Instant::now();
        drop(context.tessellate(output.shapes, output.pixels_per_point));
        if number >= 10 {
            own.push(drawn);
            shapes.push(began.elapsed());
        } else {
            first = first.max(drawn);
        }
    }
    println!("{name}:");
    println!("  own code: {}, longest of the first ten {first:.1?}", told(&mut own));
    println!("  shapes:   {}", told(&mut shapes));
}

fn told(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)];
    format!("p50 {:.2?}, p99 {:.2?}, longest {:.2?}", at(500), at(990), at(1000))
}

/// The pointer is over the messages, and the wheel turns.
fn input(number: usize) -> RawInput {
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, 60.0),
        phase: egui::TouchPhase::Move,
        modifiers: egui::Modifiers::NONE,
        source: egui::MouseWheelSource::Unknown,
    };
    let mut events = vec![Event::PointerMoved(Pos2::new(800.0, 400.0))];
    if number > 5 {
        events.push(wheel);
    }
    RawInput {
        screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
        time: Some(number as f64 / 60.0),
        events,
        ..RawInput::default()
    }
}

fn group() -> ConversationName {
    "#frogs".parse().expect("a name")
}

fn person(number: usize) -> Username {
    Username::new(["ada", "bob", "eve", "carol"][number % 4]).expect("a name")
}

fn id(number: usize) -> EventId {
    EventId::new(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

fn text_message(number: usize, text: &str) -> MessageView {
    MessageView {
        id: id(number),
        conversation: group(),
        from: person(number / 3),
        own: number.is_multiple_of(5),
        at_ms: NOW_MS - 1_000_000_000 + number as u64 * 20_000,
        body: Body::Text(text.to_owned()),
        reply_to: None,
        path: Some(Path::Group),
        delivery: None,
        request: false,
        edited: false,
        reactions: Vec::new(),
    }
}

/// Messages as people write them: mostly short, some long, with emoji, links, markup and images.
fn usual(count: usize, previews: &[Arc<[u8]>]) -> Vec<MessageView> {
    let texts = [
        "ok 👍",
        "The toads are back at the pond 🐸🌧️ and louder than ever, come and listen!",
        "see https://example.org/frogs/and/toads for the map",
        "🎉🎉",
        "**Tomorrow** at _nine_, `gate 4`; bring boots, a lamp and something warm to drink ☕",
        "Żółw, 日本語, Grüße, naïve",
        "A longer one, so that heights differ: the natterjack runs instead of hopping, has a yellow \
         line down its back, and calls so loudly on warm nights that it is heard two kilometres \
         away. 👨‍👩‍👧‍👦🇪🇺",
    ];
    let message = |number: usize| {
        let mut message = text_message(number, texts[number % texts.len()]);
        if number.is_multiple_of(IMAGE_EVERY) {
            let index = number / IMAGE_EVERY % previews.len();
            message.body = Body::Attachment(Arc::new(AttachmentView {
                blob: BlobHash::new(*blake3::hash(&index.to_be_bytes()).as_bytes()),
                name: format!("pond {index}.jpg"),
                media_type: "image/jpeg".to_owned(),
                size: 240_000,
                caption: None,
                preview: Some(Arc::clone(&previews[index])),
                dimensions: Some((1200, 800)),
                file: None,
            }));
        }
        message
    };
    (0..count).map(message).collect()
}

/// Texts that are as long as can be, and made to be slow or to break the layout.
fn hostile() -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat(TEXT / unit.len());
    vec![
        ("one word of 32 KiB", fill("a")),
        ("letters under heaps of marks", fill(&format!("Z{}", "\u{334}\u{359}\u{312}".repeat(12)))),
        ("overrides of the direction", fill("\u{202e}abc \u{202d}def \u{2067}ghi\u{2069} ")),
        ("Hebrew and Latin", fill("שלום abc 123 ")),
        ("characters of no width", fill("a\u{200b}\u{200d}\u{2060}\u{feff}")),
        ("families", fill("👨‍👩‍👧‍👦")),
        ("marks of markup", fill("*a _b ~~c `d **")),
        ("addresses", fill("https://a.example/b_c_d @bob ")),
        ("empty lines", fill("\n")),
    ]
}

fn preview(index: usize) -> Arc<[u8]> {
    let pixel = |x: u32, y: u32| image::Rgb([(x * 2) as u8, (y * 3) as u8, (index * 6) as u8]);
    let image = image::RgbImage::from_fn(120, 80, pixel);
    let mut bytes = Vec::new();
    let mut writer = std::io::Cursor::new(&mut bytes);
    image.write_to(&mut writer, image::ImageFormat::Jpeg).expect("a JPEG");
    bytes.into()
}

fn model(messages: Vec<MessageView>) -> Model {
    let messages = messages.into_iter().map(Arc::new).collect();
    let timeline = Timeline { messages, more_before: false };
    let view = ConversationView {
        name: group(),
        account: None,
        unread: 0,
        last: None,
        online: false,
        typing: Vec::new(),
        request: false,
        muted: false,
        blocked: false,
        relay_only: false,
        road: None,
        waiting: 0,
        complete: Completeness::default(),
        members: Arc::default(),
    };
    Model {
        me: Some(Me {
            username: Username::new("me").expect("a name"),
            account: AccountId::new([1; AccountId::LENGTH]),
            device: DeviceId::new([1; DeviceId::LENGTH]),
        }),
        server: ServerTie::Registered,
        conversations: Arc::new(vec![view]),
        timelines: Arc::new(BTreeMap::from([(group(), Arc::new(timeline))])),
        ..Model::default()
    }
}
