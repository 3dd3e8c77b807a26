//! One attachment from several peers at one time.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::*;

const MIB: u64 = 1024 * 1024;

/// Brings shares from a peer until it is whole, each over a stream that `tamper` was applied to.
/// Gives the bytes that came, and how it ended.
async fn bring(
    from: &Peer,
    to: &Peer,
    wanted: &Wanted,
    tamper: impl Fn(&mut Tampered<End>),
) -> (u64, Result<PathBuf, TransferError>) {
    let mut received = 0;
    loop {
        let share = match transfer::next(&to.store, wanted).await {
            Ok(Next::Bring(share)) => share,
            Ok(Next::Whole(path)) => return (received, Ok(path)),
            Err(error) => return (received, Err(error)),
        };
        let (near, far) = stream();
        let mut near = Tampered::new(near);
        tamper(&mut near);
        let bringing = async {
            let result = transfer::fetch(&mut near, share, wanted, |_| {}).await;
            received += near.received;
            drop(near);
            result
        };
        if let (Err(error), _served) = future::join(bringing, serve(far, from)).await {
            return (received, Err(error));
        }
    }
}

#[tokio::test]
async fn each_of_three_brings_what_the_others_do_not() {
    let bytes = sample(24 * MIB + 5);
    let sources = [(); 3].map(|()| Peer::with(&bytes));
    let (to, wanted) = (Peer::new(), wanted(&bytes));
    let [one, two, three] = &sources;
    let (one, two, three) = future::join3(
        bring(one, &to, &wanted, |_| {}),
        bring(two, &to, &wanted, |_| {}),
        bring(three, &to, &wanted, |_| {}),
    )
    .await;
    let mut sum = 0;
    for (received, result) in [one, two, three] {
        assert!(received > 3 * MIB, "{received} bytes from one of three");
        assert!(fs::read(result.unwrap()).unwrap() == bytes);
        sum += received;
    }
    // What was on its way when somebody took over, and hashes.
    assert!(sum < bytes.len() as u64 * 23 / 20, "{sum} bytes came");
}

#[tokio::test]
async fn what_a_liar_and_a_dead_one_leave_is_brought_by_the_third() {
    let bytes = sample(24 * MIB);
    let sources = [(); 3].map(|()| Peer::with(&bytes));
    let (to, wanted) = (Peer::new(), wanted(&bytes));
    let [liar, dead, honest] = &sources;
    let (liar, dead, honest) = future::join3(
        bring(liar, &to, &wanted, |link| link.flip_at = Some(2 * MIB)),
        bring(dead, &to, &wanted, |link| link.cut_at = 3 * MIB),
        bring(honest, &to, &wanted, |_| {}),
    )
    .await;
    assert!(matches!(liar.1, Err(TransferError::Corrupt)), "{:?}", liar.1);
    assert!(matches!(dead.1, Err(TransferError::Cut)), "{:?}", dead.1);
    assert!(fs::read(honest.1.unwrap()).unwrap() == bytes);
    // What the two brought before that was kept.
    assert!(honest.0 < 21 * MIB, "{} bytes from the honest one", honest.0);
}

#[tokio::test]
async fn shares_are_apart_and_what_is_given_back_is_given_out_again() {
    let bytes = sample(16 * MIB);
    let (to, wanted) = (Peer::new(), wanted(&bytes));
    let [first, second, third] = [
        share(&to.store, &wanted).await.unwrap(),
        share(&to.store, &wanted).await.unwrap(),
        share(&to.store, &wanted).await.unwrap(),
    ];
    let begins = [&first, &second, &third].map(|share| share.ranges()[0].0);
    assert_eq!(begins, [0, 8 * MIB, 12 * MIB]);
    assert!(!second.is_over_at(12 * MIB - 1) && second.is_over_at(12 * MIB));
    drop(second);
    let again = share(&to.store, &wanted).await.unwrap();
    assert_eq!(again.ranges()[..], [(8 * MIB, 12 * MIB)]);
    let numbers: BTreeSet<_> = [&first, &third, &again].map(|share| share.ranges()[0]).into();
    assert_eq!(numbers.len(), 3);
}

#[tokio::test]
async fn who_finds_nothing_to_do_waits_for_what_others_give_back() {
    let bytes = sample(MIB);
    let (to, from) = (Peer::new(), Peer::with(&bytes));
    let wanted = wanted(&bytes);
    let held = share(&to.store, &wanted).await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let waiting = async {
        begun.send(()).unwrap();
        bring(&from, &to, &wanted, |_| {}).await.1
    };
    let giving_back = async {
        has_begun.await.unwrap();
        drop(held);
    };
    let (fetched, ()) = future::join(waiting, giving_back).await;
    assert!(fs::read(fetched.unwrap()).unwrap() == bytes);
}

#[tokio::test]
async fn an_attachment_of_another_size_is_not_mixed_in() {
    let bytes = sample(MIB);
    let (to, wanted) = (Peer::new(), wanted(&bytes));
    let held = share(&to.store, &wanted).await.unwrap();
    let other = Wanted { size: MIB - 1, ..wanted.clone() };
    let refused = transfer::next(&to.store, &other).await;
    assert!(matches!(refused, Err(TransferError::Store(_))), "{refused:?}");
    drop(held);
    transfer::next(&to.store, &other).await.unwrap();
}
