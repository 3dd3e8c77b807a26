//! What a server said it had registered is there after it was killed at any instant.

use std::{fs, path::Path};

use libp2p::Multiaddr;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rendezvous_server::backup;
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    id::{AccountId, Hash},
    key::AccountKey,
    rendezvous::{Request, Response},
    signed::Signed,
};

use crate::{
    cli::Running,
    client::Client,
    people::{device, name},
    test_server::within,
};

const ROUNDS: u32 = 8;

/// Account `number` of a round, with device 1.
fn record(round: u32, number: u32) -> Signed<AccountRecord> {
    let seed = Hash::of(format!("{round} {number}").as_bytes());
    let key = AccountKey::from_seed(*seed.as_bytes());
    let record = AccountRecord {
        username: name(&format!("r{round}-n{number}-x")),
        account: key.id(),
        devices: Bounded::truncated([device(1)]),
        sequence: 0,
        previous: None,
        issued_at: 0,
    };
    Signed::by_account(&record, &key)
}

fn start(data_dir: &Path) -> (Running, Multiaddr) {
    let mut server = Running::start(data_dir, &["--listen", "/ip4/127.0.0.1/tcp/0"]);
    let line = server.line();
    (server, line.strip_prefix("ready ").unwrap().parse().unwrap())
}

async fn greet(address: &Multiaddr) -> Client {
    let mut client = Client::connect(1, address).await;
    client.hello().await;
    client
}

/// Registers one name after another until the server is gone. Gives how many were acknowledged.
async fn register_until_the_end(client: &mut Client, round: u32) -> u32 {
    let mut acknowledged = 0;
    while let Some(answer) =
        client.try_ask(Request::Register { record: record(round, acknowledged) }).await
    {
        assert_eq!(answer, Ok(Response::Done));
        acknowledged += 1;
    }
    acknowledged
}

async fn owner(client: &mut Client, round: u32, number: u32) -> Option<AccountId> {
    let username = name(&format!("r{round}-n{number}-x"));
    match client.ask(Request::Lookup { username }).await {
        Ok(Response::Found(found)) => Some(found.record.open().unwrap().account),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_instant_loses_no_name_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("server.toml"),
        "[requests]\nburst = 4000000\nper_second = 4000000\n",
    )
    .unwrap();
    let mut rng = StdRng::seed_from_u64(11);
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let (mut server, address) = start(dir.path());
        let mut client = greet(&address).await;
        for (earlier, count) in acknowledged.iter().enumerate() {
            for number in 0..*count {
                let earlier = u32::try_from(earlier).unwrap();
                let expected = record(earlier, number).open().unwrap().account;
                assert_eq!(owner(&mut client, earlier, number).await, Some(expected));
            }
        }
        // The server dies after so many names at the earliest, at whatever it is doing then.
        let names = rng.random_range(1..40_u32);
        for number in 0..names {
            let registered = client.register_with(record(1_000 + round, number)).await;
            assert_eq!(registered, Ok(Response::Done));
        }
        let (count, backed_up) = tokio::join!(
            within("the end", register_until_the_end(&mut client, round)),
            tokio::task::spawn_blocking({
                let (folder, file) = (dir.path().to_owned(), dir.path().join(format!("{round}")));
                let spins = rng.random_range(0..200_u32);
                move || {
                    // A backup meanwhile is as good as none, or whole.
                    let backed_up = backup::back_up(&folder, &file).is_ok();
                    for _ in 0..spins {
                        std::thread::yield_now();
                    }
                    server.child.kill().unwrap();
                    server.child.wait().unwrap();
                    backed_up
                }
            }),
        );
        assert!(backed_up.unwrap(), "no backup of a running server");
        acknowledged.push(count);
    }
    let restored = tempfile::tempdir().unwrap();
    backup::restore(&dir.path().join(format!("{}", ROUNDS - 1)), restored.path()).unwrap();
    let (_server, address) = start(restored.path());
    let mut client = greet(&address).await;
    for (round, count) in acknowledged.iter().enumerate().take(ROUNDS as usize - 1) {
        let round = u32::try_from(round).unwrap();
        for number in 0..*count {
            assert!(owner(&mut client, round, number).await.is_some(), "{round} {number}");
        }
    }
}
