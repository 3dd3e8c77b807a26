use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use tokio::runtime::Runtime;

use super::*;

const SIZE: u64 = 12_000_000;
/// What may be missing after a kill.
const MISSING_MAX: u64 = 4_000_000;
/// Set for the process that is to be killed: its data directory.
const DIRECTORY: &str = "NATTERJACK_TEST_BLOBS";

/// Waits until the disk tells what it is to tell after a kill, says so, and waits for that.
async fn say_once_recorded(directory: &Path, bytes: &[u8]) {
    let disk = BlobStore::open(directory).unwrap();
    while total(&disk.missing_ranges(&hash_of(bytes), SIZE).unwrap()) > MISSING_MAX {
        tokio::task::yield_now().await;
    }
    writeln!(io::stdout(), "enough bytes are here").unwrap();
    future::pending::<()>().await;
}

/// Fetches nearly all of the sample, says so, and waits for the rest, which never comes.
fn fetch_until_killed(directory: &Path) {
    let bytes = sample(SIZE);
    let from = Peer::with(&bytes);
    let store = BlobStore::open(directory).unwrap();
    let (near, far) = stream();
    let mut near = Tampered::new(near);
    near.stall_at = 11_500_000;
    let wanted = wanted(&bytes);
    let fetch_most = async {
        tokio::select! {
            ended = fetch(near, &store, &wanted, |_| {}) => panic!("it ended: {ended:?}"),
            served = serve(far, &from) => panic!("it was served: {served:?}"),
            () = say_once_recorded(directory, &bytes) => panic!("it was not killed"),
        }
    };
    Runtime::new().unwrap().block_on(fetch_most);
}

#[test]
fn killed_transfer_goes_on_from_what_was_recorded() {
    if let Some(directory) = env::var_os(DIRECTORY) {
        return fetch_until_killed(directory.as_ref());
    }
    let mut to = Peer::new();
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "blob::tests::killed::killed_transfer_goes_on_from_what_was_recorded",
        ])
        .env(DIRECTORY, to.directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<String> =
        lines.map(Result::unwrap).take_while(|line| !line.contains("bytes are here")).collect();
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself: {said:?}");

    to.restart();
    let bytes = sample(SIZE);
    let missing = total(&to.store.missing_ranges(&hash_of(&bytes), SIZE).unwrap());
    assert!(missing <= MISSING_MAX, "{missing} bytes missing");
    let from = Peer::with(&bytes);
    let wanted = wanted(&bytes);
    let rest = Runtime::new().unwrap().block_on(attempt(&from, &to, &wanted, |_| {}));
    assert!(fs::read(rest.result.unwrap()).unwrap() == bytes);
    assert!(rest.received < MISSING_MAX + 40_000, "{} bytes received again", rest.received);
}
