//! The store and the transfer on real files, over streams in memory.

use std::{
    fs, io,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use bao_tree::BaoTree;
use futures::{AsyncRead, AsyncWrite, future};
use tempfile::TempDir;
use tokio::io::{DuplexStream, duplex};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};
use wire::{
    id::{BlobHash, ConversationId, MembershipProof},
    sync::Proof,
};

use super::{
    download::Task,
    groups::GROUP,
    runs::Batch,
    store::{Beginning, BlobStore},
    transfer::{self, Next, Share, TransferError, Wanted},
    walk::{BLOCK, Walk},
};

mod hostile;
mod killed;
mod sharing;
mod storing;
mod swarms;
mod transferring;

/// A peer's store in a directory of its own.
struct Peer {
    directory: TempDir,
    store: BlobStore,
}

impl Peer {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        Self { directory, store }
    }

    fn with(bytes: &[u8]) -> Self {
        let peer = Self::new();
        assert_eq!(peer.store.import(bytes).unwrap().size, bytes.len() as u64);
        peer
    }

    /// Gives it some ranges of the bytes, as a transfer leaves them that ended there.
    fn put(&self, bytes: &[u8], ranges: &[(u64, u64)]) {
        let (from, hash, size) = (Self::with(bytes), hash_of(bytes), bytes.len() as u64);
        let mut encoder = from.store.encoder(&hash, ranges).unwrap().unwrap();
        let mut sent = Vec::new();
        loop {
            let piece = encoder.next_piece().unwrap();
            if piece.is_empty() {
                break;
            }
            sent.extend(piece);
        }
        let Beginning::Coming(download) = self.store.begin(&hash, size).unwrap() else {
            panic!("it is here");
        };
        let Task::Bring(share) = download.task() else { panic!("nothing is missing") };
        let (tree, mut walk) = (BaoTree::new(size, BLOCK), Walk::new(&hash, size, ranges));
        let (mut batch, mut rest) = (Batch::default(), &sent[..]);
        while let Some(step) = walk.next() {
            let (bytes, after) = rest.split_at(step.size());
            walk.check(&step, bytes).unwrap();
            batch.push(&tree, &step, bytes);
            rest = after;
        }
        share.write(&batch).unwrap();
        download.record().unwrap();
    }

    /// Opens the store anew, as the next run of the program does.
    fn restart(&mut self) {
        self.store = BlobStore::open(self.directory.path()).unwrap();
    }

    fn file(&self, hash: &BlobHash, extension: &str) -> PathBuf {
        self.directory.path().join(format!("{hash}.{extension}"))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Bytes without a pattern, the same for the same size.
fn sample(size: u64) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    blake3::Hasher::new().update(&size.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn hash_of(bytes: &[u8]) -> BlobHash {
    BlobHash::new(*blake3::hash(bytes).as_bytes())
}

fn wanted(bytes: &[u8]) -> Wanted {
    Wanted {
        conversation: ConversationId::new([1; 32]),
        proof: Proof::Group(MembershipProof::new([2; 32])),
        hash: hash_of(bytes),
        size: bytes.len() as u64,
    }
}

type End = Compat<DuplexStream>;

fn stream() -> (End, End) {
    let (one, other) = duplex(64 * 1024);
    (one.compat(), other.compat())
}

/// What happens to the bytes that come out of a stream.
struct Tampered<S> {
    stream: S,
    /// Bytes that came out.
    received: u64,
    /// The stream ends after this many bytes.
    cut_at: u64,
    /// After this many bytes none comes and none ever will.
    stall_at: u64,
    /// The byte at this place is changed.
    flip_at: Option<u64>,
}

impl<S> Tampered<S> {
    fn new(stream: S) -> Self {
        Self { stream, received: 0, cut_at: u64::MAX, stall_at: u64::MAX, flip_at: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tampered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.received >= self.stall_at {
            return Poll::Pending;
        }
        let room = buffer.len().min((self.cut_at - self.received) as usize);
        if room == 0 {
            return Poll::Ready(Ok(0));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer[..room]);
        if let Poll::Ready(Ok(length)) = read {
            let place = self.flip_at.and_then(|at| at.checked_sub(self.received));
            if let Some(byte) = place.and_then(|place| buffer[..length].get_mut(place as usize)) {
                *byte ^= 0x10;
            }
            self.received += length as u64;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tampered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

/// What is missing of an attachment that nobody else brings.
async fn share(store: &BlobStore, wanted: &Wanted) -> Result<Share, TransferError> {
    match transfer::next(store, wanted).await? {
        Next::Bring(share) => Ok(share),
        Next::Whole(path) => panic!("nothing is missing in {}", path.display()),
    }
}

/// Fetches over one stream.
async fn fetch<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    store: &BlobStore,
    wanted: &Wanted,
    progress: impl FnMut(u64) + Send,
) -> Result<PathBuf, TransferError> {
    match transfer::next(store, wanted).await? {
        Next::Whole(path) => return Ok(path),
        Next::Bring(share) => transfer::fetch(stream, share, wanted, progress).await?,
    }
    match transfer::next(store, wanted).await? {
        Next::Whole(path) => Ok(path),
        Next::Bring(share) => panic!("still missing: {share:?}"),
    }
}

/// Serves one request, granting whatever it is.
async fn serve(stream: End, peer: &Peer) -> Result<(), TransferError> {
    let mut stream = stream;
    let request = transfer::read_request(&mut stream).await?;
    transfer::grant(stream, &peer.store, &request).await
}

/// What came of an attempt.
struct Attempt {
    result: Result<PathBuf, TransferError>,
    /// Bytes that came over the stream.
    received: u64,
    /// What `progress` was told.
    progress: Vec<u64>,
}

/// Fetches from `from` to `to` over a stream that `tamper` was applied to.
async fn attempt(
    from: &Peer,
    to: &Peer,
    wanted: &Wanted,
    tamper: impl FnOnce(&mut Tampered<End>),
) -> Attempt {
    let (near, far) = stream();
    let mut near = Tampered::new(near);
    tamper(&mut near);
    let mut progress = Vec::new();
    let client = async {
        let result = fetch(&mut near, &to.store, wanted, |bytes| progress.push(bytes)).await;
        let received = near.received;
        drop(near);
        (result, received)
    };
    let ((result, received), _served) = future::join(client, serve(far, from)).await;
    Attempt { result, received, progress }
}

fn total(ranges: &[(u64, u64)]) -> u64 {
    ranges.iter().map(|(start, end)| end - start).sum()
}
