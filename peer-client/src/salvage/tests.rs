//! How the new database takes the old one's place, from wherever it was interrupted.

use std::collections::BTreeMap;

use super::*;

/// What lies in a folder.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    });
    files.collect()
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

const OLD: [(&str, &str); 4] = [
    ("device.key", "old key"),
    ("messages.sqlite", "damaged"),
    ("messages.sqlite-wal", "log"),
    ("messages.sqlite-shm", "index"),
];

fn finished() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &OLD);
    write(folder.path(), &[("messages.sqlite.saved", "new"), ("device.key.saved", "new key")]);
    let aside = finish(folder.path()).unwrap().unwrap();
    assert_eq!(aside, folder.path().join("messages.sqlite.damaged-1"));
    content(folder.path())
}

#[test]
fn the_damaged_files_are_put_aside_as_they_were() {
    let text = |name: &str| String::from_utf8(finished()[name].clone()).unwrap();
    assert_eq!(text("messages.sqlite"), "new");
    assert_eq!(text("device.key"), "new key");
    assert_eq!(text("messages.sqlite.damaged-1"), "damaged");
    assert_eq!(text("messages.sqlite.damaged-1-wal"), "log");
    assert_eq!(text("messages.sqlite.damaged-1-shm"), "index");
    assert_eq!(text("device.key.damaged-1"), "old key");
    assert_eq!(finished().len(), 6);
}

/// Each state in which the moving may stop, as a crash leaves it.
#[test]
fn an_interrupted_salvage_comes_to_its_end_when_the_folder_is_opened() {
    let moves = [
        ("device.key", "device.key.damaged-1"),
        ("device.key.saved", "device.key"),
        ("messages.sqlite-wal", "messages.sqlite.damaged-1-wal"),
        ("messages.sqlite-shm", "messages.sqlite.damaged-1-shm"),
        ("messages.sqlite", "messages.sqlite.damaged-1"),
    ];
    for done in 0..=moves.len() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &OLD);
        write(folder.path(), &[("messages.sqlite.saved", "new"), ("device.key.saved", "new key")]);
        for (from, to) in &moves[..done] {
            fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
        }
        drop(Files::open(folder.path()).unwrap());
        let mut content = content(folder.path());
        content.remove("lock");
        assert_eq!(content, finished(), "after {done} moves");
    }
}

#[test]
fn a_device_without_the_accounts_key_gives_up_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &OLD);
    write(folder.path(), &[("introduction", "certificate"), ("messages.sqlite.saved", "new")]);
    finish(folder.path()).unwrap().unwrap();
    let files = Files::open(folder.path()).unwrap();
    assert!(!files.has_device() && files.is_begun());
    let error = files.authority().unwrap_err().to_string();
    assert!(error.contains("peer-client link"), "{error}");
    assert!(!files.has_device(), "no key was made");
    let content = content(folder.path());
    assert_eq!(content["introduction.damaged-1"], b"certificate");
    assert_eq!(content["messages.sqlite"], b"new");
}

#[test]
fn nothing_happens_where_no_salvage_was_begun_and_older_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &OLD);
    write(folder.path(), &[("messages.sqlite.draft", "half"), ("device.key.saved", "new key")]);
    let before = content(folder.path());
    assert_eq!(finish(folder.path()).unwrap(), None);
    assert_eq!(content(folder.path()), before);
    write(
        folder.path(),
        &[("messages.sqlite.damaged-1", "older"), ("messages.sqlite.saved", "new")],
    );
    finish(folder.path()).unwrap().unwrap();
    let after = content(folder.path());
    assert_eq!(after["messages.sqlite.damaged-1"], b"older");
    assert_eq!(after["messages.sqlite.damaged-2"], b"damaged");
}

#[test]
fn a_database_that_is_sound_or_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = cli::Salvage { data_dir: folder.path().join("data") };
    let refused = || salvage(&arguments).unwrap_err().to_string();
    assert!(refused().contains("there is no folder"));
    fs::create_dir(&arguments.data_dir).unwrap();
    assert!(refused().contains("holds no messages"));
    let files = Files::open(&arguments.data_dir).unwrap();
    let account = files.authority().unwrap().account();
    files.device_key().unwrap();
    let (replies, _waiting) = tokio::sync::mpsc::channel(1);
    drop(store::Store::open(&files.database(), account, replies).unwrap());
    assert!(refused().contains("in use"));
    drop(files);
    let before = content(&arguments.data_dir);
    assert!(refused().contains("not damaged"));
    assert_eq!(content(&arguments.data_dir), before);
}
