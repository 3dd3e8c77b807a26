//! What is taken off the disk is gone from it, and texts are found.

use std::fs;

use super::*;

/// Whether any file of the data folder has these bytes.
fn on_disk(opened: &Opened, words: &str) -> bool {
    let files = fs::read_dir(opened.folder.path()).unwrap();
    files.into_iter().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

fn found(opened: &mut Opened, text: &str) -> Vec<String> {
    let text = text.to_owned();
    let op = |ticket| StoreOp::Search { ticket, text, conversation: Some(direct().id), limit: 10 };
    opened.messages(op).0.iter().map(words).collect()
}

fn words(row: &MessageRow) -> String {
    match (&row.revision, &row.payload) {
        (Revision::Edited(text), _) | (_, Payload::Text { body: text, .. }) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_of_an_erased_message_is_left_on_the_disk() {
    let mut opened = Opened::with_conversation();
    let author = Author::new(2);
    let mut log = author.log(&[("the xylophone is under the bed", 1), ("and the drum", 2)]);
    let event = log[0].id;
    let edit = Payload::Edit { event, body: "the marimba is under the bed".to_owned() };
    log.push(author.entry(log.last(), &edit, 3));
    opened.must_append(&author, &log);
    assert!(on_disk(&opened, "xylophone") && on_disk(&opened, "marimba"));
    assert_eq!(found(&mut opened, "marimba"), ["the marimba is under the bed"]);
    let erasure = author.entry(log.last(), &Payload::Erase { event }, 4);
    opened.must_append(&author, &[erasure]);
    for word in ["xylophone", "marimba"] {
        assert!(!on_disk(&opened, word), "{word} is still on the disk");
        assert_eq!(found(&mut opened, word), [""; 0]);
    }
    assert_eq!(found(&mut opened, "drum"), ["and the drum"]);
    let opened = opened.reopen();
    assert!(!on_disk(&opened, "xylophone") && !on_disk(&opened, "marimba"));
}

#[test]
fn words_are_found_while_they_are_typed() {
    let mut opened = Opened::with_conversation();
    let author = Author::new(2);
    let texts = [("Grüße aus Zürich", 1), ("the quick brown fox", 2), ("quick, a fox!", 3)];
    opened.must_append(&author, &author.log(&texts));
    assert_eq!(found(&mut opened, "zuri"), ["Grüße aus Zürich"]);
    assert_eq!(found(&mut opened, "quick f"), ["the quick brown fox", "quick, a fox!"]);
    assert_eq!(found(&mut opened, "fox quick"), ["the quick brown fox", "quick, a fox!"]);
    for nothing in ["", "\"", "fox AND NOT", "text:fox*)", "quic fox", "NEAR(fox"] {
        assert_eq!(found(&mut opened, nothing), [""; 0], "{nothing}");
    }
}
