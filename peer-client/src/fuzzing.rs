//! What must hold for any bytes that come from outside: one function per reader of such bytes.
//!
//! `wire` has the same for its decoders. Here are the readers around them, and two peers under siege.
//! The tests below run these functions over the corpus and changes of it, and `cargo fuzz` over what it
//! finds.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "what does not hold fails")]

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use tokio::runtime;
use wire::{
    blob::{ACK_UNIT, BlobRequest},
    bounded::Bounded,
    id::{BlobHash, ConversationId, MembershipProof},
    limits::FILE_NAME_MAX,
    sync::Proof,
};

use crate::{
    backup::{age::Opener, archive},
    blob::{
        store::BlobStore,
        transfer::{self, Next, Wanted},
    },
    core::tests::siege::siege,
    headless::asked,
    media,
    node::files::Files,
    recovery::phrase,
    store::salvage,
};

/// A reader's name and its function, for those who run them all.
pub type Target = (&'static str, fn(&[u8]));

/// Every function of this file. The names are those of the fuzz targets and corpus folders.
pub const TARGETS: [Target; 9] = [
    ("archive", archive),
    ("backup", backup),
    ("blob_stream", blob_stream),
    ("command", command),
    ("database", database),
    ("file_name", file_name),
    ("image", image),
    ("phrase", phrase),
    ("sync_machine", sync_machine),
];

/// Work that a backup may ask for here: what more costs is known.
const WORK_MAX: u8 = 4;
/// The passphrase of backups here.
pub(crate) const PASSPHRASE: &str = "natterjack";

/// The archive in a backup: nothing but the files of a data folder comes out, and that within it.
pub fn archive(input: &[u8]) {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let folder = outside.path().join("data");
    let files = Files::open(&folder).expect("a folder");
    drop(archive::unpack(&files, input, input.len() % 2 == 1));
    drop(files);
    let names = |path: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(path).expect("the folder is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(outside.path()), BTreeSet::from(["data".to_owned()]));
    let allowed = ["account.key", "blobs", "device.key", "introduction", "lock"];
    for name in names(&folder) {
        assert!(allowed.contains(&&name[..]) || name.starts_with("messages.sqlite"), "{name}");
    }
}

/// Encrypted backups: what is read of a changed one is a beginning of what was written, or nothing.
pub fn backup(input: &[u8]) {
    let header: Vec<_> = input.split(|byte| *byte == b'\n').take(2).collect();
    let work = header.get(1).and_then(|line| line.rsplit(|byte| *byte == b' ').next());
    let work = work.and_then(|work| str::from_utf8(work).ok()?.parse::<u8>().ok());
    if work.is_none_or(|work| work > WORK_MAX) {
        return;
    }
    if let Ok(mut opener) = Opener::new(input, PASSPHRASE) {
        let mut plain = Vec::new();
        let read = io::Read::read_to_end(&mut opener, &mut plain);
        assert!(read.is_err() || plain.len() < input.len());
    }
}

/// Lines of the headless front end.
pub fn command(input: &[u8]) {
    if let Ok(line) = str::from_utf8(input)
        && let Err((_, failure)) = asked::parse(line)
    {
        assert!(failure.code.starts_with("bad_") && !failure.text.is_empty());
    }
}

/// Pages of a damaged database: the first half is the page, the second what its rows overflow to.
pub fn database(input: &[u8]) {
    let (page, further) = input.split_at(input.len() / 2);
    for number in [1, 2] {
        salvage::rows_on(page, number, further);
        salvage::rows_on(input, number, input);
    }
}

/// Names of files of others.
pub fn file_name(input: &[u8]) {
    let Ok(name) = str::from_utf8(input) else { return };
    let safe = media::safe_file_name(name);
    assert!(!safe.is_empty() && safe.len() <= FILE_NAME_MAX);
    assert!(!safe.contains(['/', '\\', '\0']) && !safe.contains(char::is_control));
    assert!(!safe.starts_with('.') && Path::new(&safe).components().count() == 1);
    assert_eq!(media::safe_file_name(&safe), safe);
}

/// Images of others.
pub fn image(input: &[u8]) {
    const SIDE: u32 = 64;
    if let Ok(image) = media::decode_limited(input, SIDE) {
        assert!(image.width() <= SIDE && image.height() <= SIDE);
    }
}

/// Recovery phrases.
pub fn phrase(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(key) = phrase::key(text) {
        let again = phrase::key(&phrase::words(&key)).map(|key| key.id());
        assert_eq!(again, Ok(key.id()));
    }
}

/// Two honest peers and a hostile device.
pub fn sync_machine(input: &[u8]) {
    siege(input);
}

/// Bytes of the attachment that is transferred.
const BLOB: usize = 70_000;

/// The other side of a transfer: what it sends is there already, what it is sent is kept.
struct Script {
    sends: io::Cursor<Vec<u8>>,
    gets: Vec<u8>,
    /// Of what it is sent, whether and how much it has told that it took it.
    tells: Option<usize>,
}

impl Script {
    fn that_sends(bytes: Vec<u8>) -> Self {
        Self { sends: io::Cursor::new(bytes), gets: Vec::new(), tells: None }
    }

    fn that_takes() -> Self {
        Self { tells: Some(0), ..Self::that_sends(Vec::new()) }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let got = self.gets.len();
        match &mut self.tells {
            None => Poll::Ready(io::Read::read(&mut self.sends, buffer)),
            // Whoever writes reads again after each write, so nobody has to be woken.
            Some(told) if *told + ACK_UNIT as usize > got => Poll::Pending,
            Some(told) => {
                *told += ACK_UNIT as usize;
                buffer[0] = 1;
                Poll::Ready(Ok(1))
            }
        }
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gets.extend_from_slice(buffer);
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn blob() -> Vec<u8> {
    (0..BLOB).map(|place| (place * 31 / 7) as u8).collect()
}

fn wanted() -> Wanted {
    Wanted {
        conversation: ConversationId::new([1; 32]),
        proof: Proof::Group(MembershipProof::new([2; 32])),
        hash: BlobHash::new(*blake3::hash(&blob()).as_bytes()),
        size: BLOB as u64,
    }
}

/// What an honest device answers.
static ANSWER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = BlobStore::open(folder.path()).expect("a store");
    store.import(&blob()[..]).expect("an attachment");
    let Wanted { conversation, proof, hash, size } = wanted();
    let ranges = Bounded::truncated([(0, size)]);
    let request = BlobRequest { conversation, proof, hash, ranges };
    let mut script = Script::that_takes();
    wait_for(transfer::grant(&mut script, &store, &request)).expect("it is granted");
    script.gets
});

/// An attachment that comes from a device whose answer is changed: each four bytes of the input say where
/// and how; or that answers with the input itself.
pub fn blob_stream(input: &[u8]) {
    let Some((kind, changes)) = input.split_first() else { return };
    let mut answer = if kind % 4 == 3 { changes.to_vec() } else { ANSWER.clone() };
    if kind % 4 != 3 {
        for change in changes.chunks_exact(4) {
            let place = u32::from_be_bytes([0, change[0], change[1], change[2]]) as usize;
            let place = place % answer.len();
            match kind % 4 {
                0 => answer[place] ^= change[3],
                1 => answer.insert(place, change[3]),
                _ => drop(answer.drain(place..(place + usize::from(change[3])).min(answer.len()))),
            }
            if answer.is_empty() {
                break;
            }
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = BlobStore::open(folder.path()).expect("a store");
    let script = Script::that_sends(answer);
    let fetching = async {
        if let Next::Bring(share) = transfer::next(&store, &wanted()).await? {
            transfer::fetch(script, share, &wanted(), |_done| {}).await?;
        }
        transfer::next(&store, &wanted()).await
    };
    if let Ok(Next::Whole(path)) = wait_for(fetching) {
        assert!(fs::read(path).expect("the whole is there") == blob());
    }
}

#[cfg(test)]
mod tests;
