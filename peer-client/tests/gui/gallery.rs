//! Images over the whole window, one after the other.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use peer_client::core::model::{AttachmentView, Body, MessageView};
use wire::id::BlobHash;

use crate::support::{Desk, listed, message, model};

fn image(folder: &std::path::Path, number: u8) -> MessageView {
    let name = format!("frog {number}.png");
    let file = folder.join(&name);
    image::RgbImage::from_pixel(8, 8, image::Rgb([number * 40, 90, 60])).save(&file).unwrap();
    let mut message = message(number, "@bob", "bob", "");
    message.body = Body::Attachment(Arc::new(AttachmentView {
        blob: BlobHash::new([number; BlobHash::LENGTH]),
        name,
        media_type: "image/png".to_owned(),
        size: 100,
        caption: None,
        preview: None,
        dimensions: Some((800, 600)),
        file: Some(file),
    }));
    message
}

fn press(desk: &mut Desk, key: Key) {
    desk.harness.key_press_modifiers(Modifiers::NONE, key);
    desk.run();
}

#[test]
fn one_goes_from_image_to_image_by_keys_and_buttons() {
    let mut desk = Desk::over([1100.0, 800.0], model(vec![listed("@bob", 0, "hi")]));
    let folder = tempfile::tempdir().unwrap();
    let messages = vec![
        image(folder.path(), 1),
        message(2, "@bob", "me", "nice"),
        image(folder.path(), 3),
        image(folder.path(), 4),
    ];
    desk.open("@bob", messages);
    desk.harness.get_by_label("Enlarge image frog 3.png").click();
    desk.run();
    assert!(desk.has("Image frog 3.png"));
    press(&mut desk, Key::ArrowLeft);
    assert!(desk.has("Image frog 1.png") && !desk.has("Image before"));
    desk.click("Next image");
    press(&mut desk, Key::ArrowRight);
    assert!(desk.has("Image frog 4.png") && !desk.has("Next image"));
    // These keys are no text now.
    for key in [Key::Plus, Key::Minus, Key::Num0] {
        press(&mut desk, key);
    }
    press(&mut desk, Key::Escape);
    assert!(!desk.has("Image frog"));
}
