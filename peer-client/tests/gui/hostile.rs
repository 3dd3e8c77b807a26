//! What others send to break the window: it stays usable, and nothing of it goes beyond its place.

use std::{fs, sync::Arc};

use egui_kittest::kittest::Queryable as _;
use peer_client::core::model::{AttachmentView, Body, MessageView};
use wire::id::BlobHash;

use crate::support::{Desk, listed, message, model};

const SIZE: [f32; 2] = [1000.0, 700.0];
/// Longest text that a message may have, in bytes.
const TEXT: usize = wire::limits::TEXT_MAX;

fn fill(unit: &str) -> String {
    unit.repeat(TEXT / unit.len())
}

/// The window can still be written in, within its own borders.
#[track_caller]
fn is_usable(desk: &mut Desk) {
    let field = desk.harness.get_by_label("Message").rect();
    let button = desk.harness.get_by_label("Send").rect();
    for rect in [field, button] {
        assert!(rect.right() <= SIZE[0] && rect.bottom() <= SIZE[1], "{rect:?}");
        assert!(rect.height() < 200.0, "{rect:?}");
    }
    desk.harness.get_by_label("Message").focus();
    desk.run();
    desk.harness.get_by_label("Message").type_text("ok");
    desk.run();
    desk.asks_nothing_but_typing();
    desk.click("Send");
    let sent = desk.command();
    assert!(
        matches!(&sent, peer_client::core::command::Command::Send { draft, .. } if draft.text == "ok")
    );
}

#[test]
fn texts_stay_in_their_bubbles() {
    for text in [
        fill("a"),
        fill(&format!("Z{}", "\u{334}\u{359}\u{312}".repeat(12))),
        fill("\u{202e}abc \u{202d}def \u{2067}ghi\u{2069} "),
        fill("ש"),
        fill("a\u{200b}\u{200d}\u{2060}\u{feff}"),
        fill("👨‍👩‍👧‍👦"),
        fill("*a _b ~~c `d **"),
        fill("https://a.example/b_c_d @bob "),
    ] {
        let mut desk = Desk::over(SIZE, model(vec![listed("@bob", 0, &text)]));
        desk.open("@bob", vec![message(1, "@bob", "bob", &text), message(2, "@bob", "me", &text)]);
        for of in ["bob: ", "You: "] {
            for bubble in desk.harness.query_all_by_label_contains(of) {
                let rect = bubble.rect();
                assert!(rect.left() >= 0.0 && rect.right() <= SIZE[0], "{of} {rect:?}");
            }
        }
        is_usable(&mut desk);
    }
}

fn file(number: u8, name: &str, dimensions: Option<(u32, u32)>, bytes: &[u8]) -> MessageView {
    let mut message = message(number, "@bob", "bob", "");
    message.body = Body::Attachment(Arc::new(AttachmentView {
        blob: BlobHash::new([number; BlobHash::LENGTH]),
        name: name.to_owned(),
        media_type: "image/gif".to_owned(),
        size: u64::MAX,
        caption: Some("look".to_owned()),
        preview: Some(bytes.into()),
        dimensions,
        file: None,
    }));
    message
}

/// A PNG that claims to have so many pixels, with nothing behind its head.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = image::RgbImage::new(1, 1);
    let mut writer = std::io::Cursor::new(&mut bytes);
    image.write_to(&mut writer, image::ImageFormat::Png).unwrap();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

#[test]
fn images_that_lie_take_no_more_than_their_place() {
    let long = "n".repeat(wire::limits::FILE_NAME_MAX);
    let messages = vec![
        file(1, "\u{202e}gpj.exe", Some((u32::MAX, 1)), &bomb(60_000, 1_000)),
        file(2, &long, Some((1, u32::MAX)), &bomb(u32::MAX, u32::MAX)),
        file(3, "broken.gif", Some((0, 0)), b"GIF89a\xff\xff\xff\xff\x80"),
        file(4, "empty.gif", None, b""),
    ];
    let mut desk = Desk::over(SIZE, model(vec![listed("@bob", 0, "hi")]));
    desk.open("@bob", messages);
    let images: Vec<_> = desk.harness.query_all_by_label_contains("Download image").collect();
    assert!(!images.is_empty());
    for image in images {
        let rect = image.rect();
        assert!(rect.right() <= SIZE[0] && rect.height() < SIZE[1], "{rect:?}");
    }
    is_usable(&mut desk);
}

#[test]
fn kept_files_of_others_making_do_no_harm() {
    let desk = Desk::at_home(SIZE, model(vec![listed("@bob", 0, "hi")]));
    let nasty = r#"{"preferences": {"scale": 65535, "recent": ["x", "🦀"], "tone": 200,
        "size": [4000000000, 0]}, "look": "dark"}"#;
    fs::write(desk.folder().join("window.json"), nasty).unwrap();
    let mut texts = std::collections::BTreeMap::new();
    texts.insert("no name".to_owned(), fill("a"));
    texts.insert("@bob".to_owned(), "draft".to_owned());
    fs::write(desk.folder().join("drafts.json"), serde_json::to_vec(&texts).unwrap()).unwrap();
    let desk = desk.restarted(SIZE);
    assert!(desk.harness.ctx.zoom_factor() <= 2.5);
    assert!(desk.has("draft: draft"));
}
