use std::{fs::File, io::Read as _};

use wire::limits::BLOB_MAX;

use super::*;
use crate::{
    blob::store::{Imported, StoreError},
    core::storage::{StoredFile, StoredState},
};

#[test]
fn imported_file_is_found_by_its_hash() {
    let peer = Peer::new();
    let bytes = sample(3 * GROUP + 1);
    let source = peer.directory.path().join("source");
    fs::write(&source, &bytes).unwrap();
    let imported = peer.store.import_file(&source).unwrap();
    assert_eq!(imported, Imported { hash: hash_of(&bytes), size: bytes.len() as u64 });
    let path = peer.store.path(&imported.hash).unwrap();
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(peer.store.missing_ranges(&imported.hash, imported.size).unwrap(), []);
}

#[test]
fn importing_twice_keeps_one_copy() {
    let peer = Peer::with(b"twice");
    let files = peer.files();
    assert_eq!(peer.store.import(&b"twice"[..]).unwrap().hash, hash_of(b"twice"));
    assert_eq!(peer.files(), files);
    assert_eq!(files.len(), 2);
}

#[test]
fn what_is_no_file_or_too_large_is_not_imported() {
    let peer = Peer::new();
    let here = peer.store.import_file(peer.directory.path());
    assert!(matches!(here, Err(StoreError::NotAFile { .. })), "{here:?}");
    #[cfg(unix)]
    {
        let device = peer.store.import_file("/dev/zero".as_ref());
        assert!(matches!(device, Err(StoreError::NotAFile { .. })), "{device:?}");
    }
    let none = peer.store.import_file(&peer.directory.path().join("none"));
    assert!(matches!(none, Err(StoreError::Io { .. })), "{none:?}");
    let huge = peer.directory.path().join("huge");
    File::create(&huge).unwrap().set_len(BLOB_MAX + 1).unwrap();
    let huge = peer.store.import_file(&huge);
    assert!(matches!(huge, Err(StoreError::TooLarge)), "{huge:?}");
}

#[test]
fn failed_import_leaves_nothing() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let peer = Peer::new();
    let result = peer.store.import(sample(GROUP).chain(Failing));
    assert!(matches!(result, Err(StoreError::Source(_))), "{result:?}");
    assert_eq!(peer.files(), Vec::<String>::new());
}

#[tokio::test]
async fn removed_attachment_can_be_fetched_again() {
    let bytes = sample(3 * GROUP);
    let (from, to) = (Peer::with(&bytes), Peer::with(&bytes));
    to.store.remove(&hash_of(&bytes)).unwrap();
    assert_eq!(to.files(), Vec::<String>::new());
    let path = attempt(&from, &to, &wanted(&bytes), |_| {}).await.result.unwrap();
    assert!(fs::read(path).unwrap() == bytes);
    let part = peer_with_two_groups(&bytes);
    part.store.remove(&hash_of(&bytes)).unwrap();
    assert_eq!(part.files(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn others_may_not_read_attachments() {
    use std::os::unix::fs::PermissionsExt as _;

    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("data/blobs");
    let store = BlobStore::open(&directory).unwrap();
    let bytes = sample(2 * GROUP);
    store.import(&bytes[..]).unwrap();
    let peer = Peer { directory: outer, store };
    peer.put(&sample(3 * GROUP), &[(0, GROUP)]);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    let files: Vec<PathBuf> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    BlobStore::open(&directory).unwrap();
    assert_eq!(mode(directory), 0o700);
}

#[test]
fn opening_tidies_up_after_a_crash() {
    let bytes = sample(GROUP);
    let hash = hash_of(&bytes);
    let mut peer = Peer::with(&bytes);
    let coming = hash_of(b"coming");
    let gone = hash_of(b"gone");
    for leftover in [
        format!("{hash}.part"),
        format!("{hash}.have"),
        format!("{gone}.pairs"),
        format!("{gone}.obao"),
        format!("{gone}.fetched"),
        "tmp-x1y2z3".to_owned(),
    ] {
        fs::write(peer.directory.path().join(leftover), b"left").unwrap();
    }
    fs::write(peer.file(&coming, "part"), b"coming").unwrap();
    peer.restart();
    let mut expected = vec![hash.to_string(), format!("{hash}.obao"), format!("{coming}.part")];
    expected.sort();
    assert_eq!(peer.files(), expected);
}

/// A peer that has the first two of three groups.
fn peer_with_two_groups(bytes: &[u8]) -> Peer {
    let mut peer = Peer::new();
    peer.put(bytes, &[(0, 2 * GROUP)]);
    peer.restart();
    peer
}

#[test]
fn record_of_another_size_or_form_is_not_believed() {
    let bytes = sample(3 * GROUP);
    let hash = hash_of(&bytes);
    let peer = peer_with_two_groups(&bytes);
    let missing = |size| peer.store.missing_ranges(&hash, size).unwrap();
    assert_eq!(missing(3 * GROUP), [(2 * GROUP, 3 * GROUP)]);
    assert_eq!(missing(3 * GROUP - 1), [(0, 3 * GROUP - 1)]);
    let record = fs::read(peer.file(&hash, "have")).unwrap();
    for wrong in [&record[..0], &record[..8], &[&record[..], b"x"].concat(), &[0xff; 9]] {
        fs::write(peer.file(&hash, "have"), wrong).unwrap();
        assert_eq!(missing(3 * GROUP), [(0, 3 * GROUP)], "{wrong:?}");
    }
    fs::write(peer.file(&hash, "have"), &record).unwrap();
    fs::write(peer.file(&hash, "part"), b"short").unwrap();
    assert_eq!(missing(3 * GROUP), [(0, 3 * GROUP)]);
}

#[tokio::test]
async fn only_what_was_damaged_or_missing_is_fetched_again() {
    let bytes = sample(8 * GROUP);
    let hash = hash_of(&bytes);
    // A byte of the third group; a hash that proves the first two.
    for (ending, place, most) in [("part", 2 * GROUP + 5, 3 * GROUP), ("pairs", 130, 5 * GROUP)] {
        let (from, mut to) = (Peer::with(&bytes), Peer::new());
        to.put(&bytes, &[(0, 6 * GROUP)]);
        let mut damaged = fs::read(to.file(&hash, ending)).unwrap();
        damaged[place as usize] ^= 1;
        fs::write(to.file(&hash, ending), damaged).unwrap();
        to.restart();
        let attempt = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
        assert!(fs::read(attempt.result.unwrap()).unwrap() == bytes);
        let more = attempt.received.saturating_sub(2 * GROUP);
        assert!(more > 0 && attempt.received < most + GROUP, "{ending}: {}", attempt.received);
        // What was fetched so can be handed on.
        let third = Peer::new();
        let path = self::attempt(&to, &third, &wanted(&bytes), |_| {}).await.result.unwrap();
        assert!(fs::read(path).unwrap() == bytes);
    }
}

#[tokio::test]
async fn part_that_was_complete_at_a_crash_is_finished() {
    let bytes = sample(3 * GROUP);
    let (from, mut to) = (Peer::with(&bytes), Peer::new());
    to.put(&bytes, &[(0, 3 * GROUP)]);
    to.restart();
    let attempt = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
    assert!(fs::read(attempt.result.unwrap()).unwrap() == bytes);
    assert_eq!(attempt.received, 0);
}

/// What is listed of an attachment, without its time.
fn listed(peer: &Peer, hash: &BlobHash) -> Option<(u64, StoredState)> {
    let list = peer.store.list().unwrap();
    let mut of = list.iter().filter(|file| file.blob == *hash);
    let found = of.next().map(|StoredFile { bytes, state, .. }| (*bytes, *state));
    assert_eq!(of.next(), None);
    found
}

#[tokio::test]
async fn own_fetched_and_partial_files_are_told_apart_after_a_restart() {
    let [own, fetched, part] = [2, 3, 4].map(|groups| sample(groups * GROUP + 1));
    let mut to = Peer::with(&own);
    attempt(&Peer::with(&fetched), &to, &wanted(&fetched), |_| {}).await.result.unwrap();
    to.put(&part, &[(GROUP, 3 * GROUP)]);
    to.restart();
    assert_eq!(listed(&to, &hash_of(&own)), Some((2 * GROUP + 1, StoredState::Own)));
    assert_eq!(listed(&to, &hash_of(&fetched)), Some((3 * GROUP + 1, StoredState::Fetched)));
    assert_eq!(listed(&to, &hash_of(&part)), Some((2 * GROUP, StoredState::Part)));
    // Who sends on what was fetched owns it from then on.
    to.store.import(&fetched[..]).unwrap();
    assert_eq!(listed(&to, &hash_of(&fetched)), Some((3 * GROUP + 1, StoredState::Own)));
}

#[tokio::test]
async fn eviction_takes_what_was_fetched_and_nothing_of_the_users_own() {
    let [own, fetched, part] = [2, 3, 4].map(|groups| sample(groups * GROUP + 1));
    let to = Peer::with(&own);
    let from = Peer::with(&fetched);
    attempt(&from, &to, &wanted(&fetched), |_| {}).await.result.unwrap();
    to.put(&part, &[(GROUP, 3 * GROUP)]);
    for bytes in [&own, &fetched, &part] {
        to.store.evict(&hash_of(bytes)).unwrap();
    }
    let hash = hash_of(&own).to_string();
    assert_eq!(to.files(), [hash.clone(), format!("{hash}.obao")]);
    let path = attempt(&from, &to, &wanted(&fetched), |_| {}).await.result.unwrap();
    assert!(fs::read(path).unwrap() == fetched);
}

#[tokio::test]
async fn what_is_coming_is_not_evicted() {
    let bytes = sample(3 * GROUP);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    to.put(&bytes, &[(0, GROUP)]);
    let wanted = wanted(&bytes);
    let coming = share(&to.store, &wanted).await.unwrap();
    to.store.evict(&wanted.hash).unwrap();
    let (near, far) = stream();
    let bringing = transfer::fetch(near, coming, &wanted, |_| {});
    let (brought, _served) = future::join(bringing, serve(far, &from)).await;
    brought.unwrap();
    let attempt = attempt(&from, &to, &wanted, |_| {}).await;
    assert!(fs::read(attempt.result.unwrap()).unwrap() == bytes);
    assert_eq!(attempt.received, 0);
}
