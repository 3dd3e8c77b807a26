use proptest::prelude::*;
use tokio::{runtime, sync::oneshot, time};
use wire::limits::RANGES_MAX;

use super::*;

#[tokio::test]
async fn attachments_of_all_sizes_arrive_whole() {
    for size in [0, 1, 1024, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP, 5_000_000] {
        let bytes = sample(size);
        let (from, to) = (Peer::with(&bytes), Peer::new());
        let attempt = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
        let path = attempt.result.unwrap();
        assert!(fs::read(&path).unwrap() == bytes, "{size} bytes");
        assert_eq!(to.store.path(&hash_of(&bytes)), Some(path));
        assert_eq!(to.store.missing_ranges(&hash_of(&bytes), size).unwrap(), []);
        assert_eq!(attempt.progress.last(), Some(&size).filter(|size| **size > 0));
        assert!(attempt.progress.is_sorted(), "{:?}", attempt.progress);
        let hash = hash_of(&bytes).to_string();
        let [fetched, pairs] = ["fetched", "obao"].map(|ending| format!("{hash}.{ending}"));
        assert_eq!(to.files(), [hash, fetched, pairs], "{size} bytes");
    }
}

#[tokio::test]
async fn what_was_fetched_is_served_on() {
    let bytes = sample(20 * GROUP + 5);
    let (first, second, third) = (Peer::with(&bytes), Peer::new(), Peer::new());
    attempt(&first, &second, &wanted(&bytes), |_| {}).await.result.unwrap();
    let path = attempt(&second, &third, &wanted(&bytes), |_| {}).await.result.unwrap();
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test]
async fn what_is_here_is_not_fetched() {
    let bytes = sample(GROUP);
    let (from, to) = (Peer::new(), Peer::with(&bytes));
    let attempt = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
    assert_eq!(
        (attempt.result.unwrap(), attempt.received),
        (to.store.path(&hash_of(&bytes)).unwrap(), 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cut_transfers_go_on_from_what_came(
        size in 1..40 * GROUP,
        cuts in prop::collection::vec(0..12 * GROUP, 1..6),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bytes = sample(size);
            let sources = [Peer::with(&bytes), Peer::with(&bytes)];
            let mut to = Peer::new();
            for (turn, cut_at) in cuts.into_iter().enumerate() {
                let before = total(&to.store.missing_ranges(&hash_of(&bytes), size).unwrap());
                let attempt =
                    attempt(&sources[turn % 2], &to, &wanted(&bytes), |link| link.cut_at = cut_at)
                        .await;
                to.restart();
                let after = total(&to.store.missing_ranges(&hash_of(&bytes), size).unwrap());
                let kept = before - after;
                assert!(kept <= attempt.received, "{kept} kept of {} received", attempt.received);
                // All that came is kept but for the reply, hashes and a group that was cut.
                let most_lost = GROUP + 32 + 64 * (2 + attempt.received / GROUP + 8);
                assert!(attempt.received <= kept + most_lost, "{kept} of {}", attempt.received);
                match attempt.result {
                    Ok(_) => assert_eq!(after, 0),
                    Err(error) => assert!(matches!(error, TransferError::Cut), "{error:?}"),
                }
            }
            let missing = total(&to.store.missing_ranges(&hash_of(&bytes), size).unwrap());
            let last = attempt(&sources[0], &to, &wanted(&bytes), |_| {}).await;
            assert!(fs::read(last.result.unwrap()).unwrap() == bytes);
            assert!(
                last.received <= missing + 32 + 64 * (missing / GROUP + 16),
                "{} received for {missing}", last.received
            );
        });
    }
}

#[tokio::test]
async fn more_gaps_than_a_request_holds_are_filled() {
    let size = 80 * GROUP + 7;
    let bytes = sample(size);
    let (from, to) = (Peer::with(&bytes), Peer::new());
    let ranges: Vec<_> = (0..40).map(|it| (2 * it * GROUP, (2 * it + 1) * GROUP)).collect();
    to.put(&bytes, &ranges);
    assert_eq!(to.store.missing_ranges(&hash_of(&bytes), size).unwrap().len(), 40);
    let attempt = attempt(&from, &to, &wanted(&bytes), |_| {}).await;
    assert!(fs::read(attempt.result.unwrap()).unwrap() == bytes);
    assert_eq!(attempt.progress.first(), Some(&(40 * GROUP)));
    // One gap in each range but the last, which goes on to the end; and room for hashes.
    let single = RANGES_MAX as u64 - 1;
    let most = single + (80 - (2 * single + 1)) + 1;
    assert!(attempt.received < most * GROUP, "{} bytes received", attempt.received);
}

#[tokio::test]
async fn transfer_that_is_dropped_keeps_what_was_recorded() {
    let bytes = sample(12_000_000);
    let (from, mut to) = (Peer::with(&bytes), Peer::new());
    let (near, far) = stream();
    let (enough, is_enough) = oneshot::channel();
    let mut enough = Some(enough);
    let wanted = wanted(&bytes);
    let fetch = fetch(near, &to.store, &wanted, |here| {
        if here >= 11_000_000
            && let Some(enough) = enough.take()
        {
            enough.send(()).unwrap();
        }
    });
    tokio::select! {
        result = future::join(fetch, serve(far, &from)) => panic!("not dropped: {result:?}"),
        dropped = is_enough => dropped.unwrap(),
    }
    let missing = to.store.missing_ranges(&hash_of(&bytes), wanted.size).unwrap();
    assert!(total(&missing) < 1_000_000, "{missing:?} missing");
    // The record follows, although nobody waits for it.
    let missing = loop {
        to.restart();
        let missing = to.store.missing_ranges(&hash_of(&bytes), wanted.size).unwrap();
        if total(&missing) < 4_000_000 {
            break missing;
        }
        tokio::task::yield_now().await;
    };
    assert!(total(&missing) < 4_000_000, "{missing:?} missing");
    let path = attempt(&from, &to, &wanted, |_| {}).await.result.unwrap();
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test]
async fn transfer_after_a_dropped_one_may_begin() {
    let bytes = sample(GROUP);
    let to = Peer::new();
    let (near, far) = stream();
    let wanted = wanted(&bytes);
    let mut far = far;
    tokio::select! {
        result = fetch(near, &to.store, &wanted, |_| {}) => panic!("ended: {result:?}"),
        request = transfer::read_request(&mut far) => assert_eq!(request.unwrap().hash, wanted.hash),
    }
    let from = Peer::with(&bytes);
    let again = attempt(&from, &to, &wanted, |_| {});
    time::timeout(time::Duration::from_secs(10), again).await.unwrap().result.unwrap();
}
