use std::time::Duration;

use bao_tree::{
    BaoTree, ChunkRanges,
    io::{outboard::EmptyOutboard, sync::decode_ranges},
};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use proptest::prelude::*;
use tokio::runtime;
use wire::{
    blob::{ACK_UNIT, BlobReply, BlobRequest},
    bounded::Bounded,
    frame,
    limits::{BLOB_MAX, BLOB_REPLY_MAX, BLOB_REQUEST_MAX},
};

use super::*;
use crate::blob::{link::Link, store::StoreError, walk::BLOCK};

const IMPATIENT: Duration = Duration::from_millis(50);

fn request(bytes: &[u8], ranges: &[(u64, u64)]) -> BlobRequest {
    let Wanted { conversation, proof, hash, .. } = wanted(bytes);
    BlobRequest { conversation, proof, hash, ranges: Bounded::truncated(ranges.iter().copied()) }
}

/// What a peer with these bytes answers to a request.
async fn answer(peer: &Peer, request: &BlobRequest) -> Vec<u8> {
    let (mut near, far) = stream();
    let client = async {
        near.write_all(&frame::encode(request)).await.unwrap();
        let (mut answer, mut buffer, mut told) = (Vec::new(), [0; 4096], 0);
        loop {
            let length = near.read(&mut buffer).await.unwrap();
            answer.extend(&buffer[..length]);
            if length == 0 {
                break answer;
            }
            let units = (answer.len().saturating_sub(BLOB_REPLY_MAX) as u64 - told) / ACK_UNIT;
            told += units * ACK_UNIT;
            // The other side may have ended meanwhile.
            if units > 0 && near.write_all(&[units as u8]).await.is_err() {
                near.read_to_end(&mut answer).await.unwrap();
                break answer;
            }
        }
    };
    let (answer, served) = future::join(client, serve(far, peer)).await;
    served.unwrap();
    answer
}

/// Runs a fetch against a peer that reads the request and then sends these bytes.
async fn fetch_from_liar(to: &Peer, wanted: &Wanted, lies: &[u8]) -> TransferError {
    let (near, mut far) = stream();
    let liar = async {
        transfer::read_request(&mut far).await.unwrap();
        // Fails once the other side has seen enough.
        let sent = far.write_all(lies).await;
        far.close().await.and(sent)
    };
    let fetch = fetch(near, &to.store, wanted, |_| {});
    let (fetched, _sent) = future::join(fetch, liar).await;
    fetched.unwrap_err()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn flipped_byte_is_refused_and_nothing_of_it_kept(
        size in 1..24 * GROUP,
        at in any::<prop::sample::Index>(),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bytes = sample(size);
            let (from, to) = (Peer::with(&bytes), Peer::new());
            let encoded = answer(&from, &request(&bytes, &[(0, size)])).await.len() as u64;
            let reply = frame::encode(&BlobReply::Granted { size }).len() as u64;
            let flip = reply + at.index((encoded - reply) as usize) as u64;
            let tampered =
                attempt(&from, &to, &wanted(&bytes), |link| link.flip_at = Some(flip)).await;
            assert!(matches!(tampered.result, Err(TransferError::Corrupt)), "{:?}", tampered.result);
            assert_eq!(to.store.path(&hash_of(&bytes)), None);
            let missing = to.store.missing_ranges(&hash_of(&bytes), size).unwrap();
            assert!(!missing.is_empty());
            if let Ok(kept) = fs::read(to.file(&hash_of(&bytes), "part")) {
                let mut expected = bytes.clone();
                for (start, end) in missing {
                    expected[start as usize..end as usize].fill(0);
                }
                assert!(kept == expected, "unverified bytes were written");
            }
            let honest = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
            assert!(fs::read(honest.result.unwrap()).unwrap() == bytes);
        });
    }

    #[test]
    fn any_ranges_are_answered_with_the_groups_they_touch(
        size in 0..12 * GROUP,
        ranges in prop::collection::vec((0..6 * GROUP, 1..6 * GROUP), 0..16),
        beyond in prop::option::of(0..BLOB_MAX),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut end = 0;
        let mut ordered: Vec<(u64, u64)> = ranges
            .into_iter()
            .map(|(gap, length)| {
                let start = end + gap;
                end = start + length;
                (start, end)
            })
            .collect();
        ordered.extend(beyond.filter(|start| *start >= end).map(|start| (start, BLOB_MAX)));
        ordered.truncate(16);
        let bytes = sample(size);
        let answer = runtime.block_on(answer(&Peer::with(&bytes), &request(&bytes, &ordered)));
        let reply = frame::encode(&BlobReply::Granted { size });
        let encoded = answer.strip_prefix(&reply[..]).unwrap();
        let mut groups = ChunkRanges::empty();
        for group in 0..size.div_ceil(GROUP) {
            if ordered.iter().any(|(start, end)| *start < (group + 1) * GROUP && group * GROUP < *end
                && *start < size)
            {
                let first = bao_tree::ChunkNum(group * 16);
                groups |= ChunkRanges::from(first..first + 16);
            }
        }
        let mut decoded = vec![0; size as usize];
        let outboard = EmptyOutboard {
            tree: BaoTree::new(size, BLOCK),
            root: blake3::hash(&bytes),
        };
        let mut rest = encoded;
        decode_ranges(&mut rest, &groups, &mut decoded[..], outboard).unwrap();
        prop_assert!(rest.is_empty(), "{} bytes too many", rest.len());
    }
}

#[tokio::test]
async fn message_with_a_wrong_size_gets_nothing() {
    let bytes = sample(2 * GROUP);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    for size in [1, 2 * GROUP - 1, 2 * GROUP + 1, BLOB_MAX] {
        let wanted = Wanted { size, ..wanted(&bytes) };
        let error = attempt(&from, &to, &wanted, |_| {}).await.result.unwrap_err();
        assert!(
            matches!(error, TransferError::WrongSize { expected, actual }
                if expected == size && actual == 2 * GROUP),
            "{error:?}"
        );
    }
    let none = Wanted { size: 0, ..wanted(&bytes) };
    let error = transfer::next(&to.store, &none).await.unwrap_err();
    assert!(matches!(error, TransferError::Store(StoreError::Damaged)), "{error:?}");
    let endless = Wanted { size: BLOB_MAX + 1, ..wanted(&bytes) };
    let error = attempt(&from, &to, &endless, |_| {}).await.result.unwrap_err();
    assert!(matches!(error, TransferError::Store(StoreError::TooLarge)), "{error:?}");
    let error = attempt(&from, &from, &Wanted { size: 1, ..wanted(&bytes) }, |_| {}).await;
    assert!(matches!(error.result, Err(TransferError::WrongSize { .. })), "{:?}", error.result);
    assert_eq!(to.files(), Vec::<String>::new());
}

#[tokio::test]
async fn peer_that_agrees_to_a_wrong_size_gets_nowhere() {
    let bytes = sample(2 * GROUP);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    for size in [1, GROUP, 2 * GROUP - 1, 2 * GROUP + 1, BLOB_MAX] {
        let wanted = Wanted { size, ..wanted(&bytes) };
        let other = sample(size.min(4 * GROUP));
        for content in [&other, &bytes] {
            let truth = answer(&Peer::with(content), &request(content, &[(0, BLOB_MAX)])).await;
            let reply = frame::encode(&BlobReply::Granted { size: content.len() as u64 });
            let mut lies = frame::encode(&BlobReply::Granted { size });
            lies.extend(&truth[reply.len()..]);
            let error = fetch_from_liar(&to, &wanted, &lies).await;
            assert!(matches!(error, TransferError::Corrupt), "{size} bytes: {error:?}");
            assert_eq!(to.store.path(&wanted.hash), None, "{size} bytes");
        }
    }
    let honest = attempt(&from, &to, &wanted(&bytes), |_| {}).await.result.unwrap();
    assert!(fs::read(honest).unwrap() == bytes);
}

#[tokio::test]
async fn refusals_are_told_apart_and_leave_nothing() {
    let bytes = sample(GROUP);
    let to = Peer::new();
    let missing = attempt(&Peer::new(), &to, &wanted(&bytes), |_| {}).await.result.unwrap_err();
    assert!(matches!(missing, TransferError::NotFound), "{missing:?}");
    for reply in [BlobReply::Unauthorised, BlobReply::Busy, BlobReply::NotFound] {
        let (near, mut far) = stream();
        let wanted = wanted(&bytes);
        let (fetched, refused) = future::join(fetch(near, &to.store, &wanted, |_| {}), async {
            transfer::read_request(&mut far).await?;
            transfer::refuse(far, reply).await
        })
        .await;
        refused.unwrap();
        assert!(
            matches!(
                (reply, fetched.unwrap_err()),
                (BlobReply::Unauthorised, TransferError::Unauthorised)
                    | (BlobReply::Busy, TransferError::Busy)
                    | (BlobReply::NotFound, TransferError::NotFound)
            ),
            "{reply:?}"
        );
    }
    assert_eq!(to.files(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_that_break_the_protocol_are_refused() {
    let mut unordered = request(b"", &[]);
    unordered.ranges = Bounded::truncated([(5, 9), (0, 1)]);
    let too_far = request(b"", &[(0, BLOB_MAX + 1)]);
    let empty_range = request(b"", &[(3, 3)]);
    let mut cases =
        [unordered, too_far, empty_range].map(|request| frame::encode(&request)).to_vec();
    cases.push((BLOB_REQUEST_MAX as u32 + 1).to_be_bytes().to_vec());
    cases.push(vec![0xff; 64]);
    cases.push([&[0, 0, 0, 4][..], b"nope"].concat());
    for case in cases {
        let (mut near, far) = stream();
        near.write_all(&case).await.unwrap();
        let error = transfer::read_request(far).await.unwrap_err();
        assert!(matches!(error, TransferError::Malformed(_)), "{case:?}: {error:?}");
    }
    let (mut near, far) = stream();
    near.write_all(&[0, 0]).await.unwrap();
    drop(near);
    let error = transfer::read_request(far).await.unwrap_err();
    assert!(matches!(error, TransferError::Cut), "{error:?}");
}

#[tokio::test]
async fn replies_that_break_the_protocol_are_refused() {
    let bytes = sample(GROUP);
    let to = Peer::new();
    for lies in [
        vec![0xff; 600],
        [&[0, 0, 0, 4][..], b"nope"].concat(),
        frame::encode(&BlobReply::Granted { size: BLOB_MAX + 1 }),
    ] {
        let error = fetch_from_liar(&to, &wanted(&bytes), &lies).await;
        assert!(matches!(error, TransferError::Malformed(_)), "{error:?}");
    }
    let error = fetch_from_liar(&to, &wanted(&bytes), &[]).await;
    assert!(matches!(error, TransferError::Cut), "{error:?}");
}

#[tokio::test]
async fn silent_peers_are_given_up() {
    let bytes = sample(40 * GROUP);
    let (to, wanted) = (Peer::new(), wanted(&bytes));
    let (near, silent) = stream();
    let link = Link::new(near, IMPATIENT);
    let missing = share(&to.store, &wanted).await.unwrap();
    let result = transfer::fetch_over(link, missing, &wanted, |_| {}).await;
    assert!(matches!(result, Err(TransferError::Stalled)), "{result:?}");
    drop(silent);

    let (near, mut far) = stream();
    far.write_all(&frame::encode(&BlobReply::Granted { size: wanted.size })).await.unwrap();
    far.write_all(&[0; 100]).await.unwrap();
    let missing = share(&to.store, &wanted).await.unwrap();
    let result = transfer::fetch_over(Link::new(near, IMPATIENT), missing, &wanted, |_| {}).await;
    assert!(matches!(result, Err(TransferError::Corrupt)), "{result:?}");

    let (_near, far) = stream();
    let from = Peer::with(&bytes);
    let request = request(&bytes, &[(0, wanted.size)]);
    let result = transfer::grant_over(Link::new(far, IMPATIENT), &from.store, &request).await;
    assert!(matches!(result, Err(TransferError::Stalled)), "{result:?}");
}

#[tokio::test]
async fn damage_on_the_disk_is_not_handed_on() {
    let bytes = sample(30 * GROUP);
    for extension in ["", "obao"] {
        let from = Peer::with(&bytes);
        let path = from.store.path(&hash_of(&bytes)).unwrap().with_extension(extension);
        let mut damaged = fs::read(&path).unwrap();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        fs::write(&path, damaged).unwrap();
        let to = Peer::new();
        let (near, far) = stream();
        let wanted = wanted(&bytes);
        let (fetched, served) =
            future::join(fetch(near, &to.store, &wanted, |_| {}), serve(far, &from)).await;
        assert!(matches!(served, Err(TransferError::Store(StoreError::Damaged))), "{served:?}");
        assert!(matches!(fetched, Err(TransferError::Cut)), "{fetched:?}");
    }
}

#[tokio::test]
async fn attachment_without_its_hashes_is_refused() {
    let bytes = sample(2 * GROUP);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    fs::remove_file(from.file(&hash_of(&bytes), "obao")).unwrap();
    let error = attempt(&from, &to, &wanted(&bytes), |_| {}).await.result.unwrap_err();
    assert!(matches!(error, TransferError::NotFound), "{error:?}");
}
