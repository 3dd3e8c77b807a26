//! A new device by the recovery phrase: the account's next record lists it.

use std::time::SystemTime;

use libp2p::Multiaddr;
use wire::{
    account::AccountRecord,
    id::DeviceId,
    key::AccountKey,
    limits::{DEVICES_MAX, RENDEZVOUS_FRAME_MAX, VERSION},
    name::Username,
    rendezvous::{self, ClientFrame, Refusal, Request, Response, ServerFrame},
    signed::Signed,
};

use super::{begin, new_device, new_folder, phrase, terminal};
use crate::{
    cli,
    core::devices::{Authority, TooManyDevices, next_record},
    node::{files::Files, lone, server_of},
};

/// Whose account is wanted on this device.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Addresses of the rendezvous server.
    pub rendezvous: Vec<Multiaddr>,
    /// The account's name at the server.
    pub username: Username,
    /// Remove all other devices from the account.
    pub revoke_others: bool,
}

/// Makes the folder of a new device of the account whose phrase is read.
pub async fn recover(arguments: cli::Recover) -> anyhow::Result<()> {
    let files = new_folder(&arguments.data_dir)?;
    let wanted = Wanted {
        rendezvous: arguments.rendezvous,
        username: arguments.username,
        revoke_others: arguments.revoke_others,
    };
    // Before the words are asked for, which nobody wants to write twice.
    server_of(&wanted.rendezvous)?;
    let words = terminal::secret("The 24 words of the recovery phrase")?;
    restore(&files, &wanted, &words).await?;
    terminal::say(&format!("@{} is on this device now", wanted.username))
}

/// Begins a new device of the account of a recovery phrase in an empty folder.
pub async fn restore(files: &Files, wanted: &Wanted, words: &str) -> anyhow::Result<()> {
    let server = server_of(&wanted.rendezvous)?;
    let account = phrase::key(words)?;
    let device = new_device();
    let wish = Wish {
        account: &account,
        device: device.id(),
        username: &wanted.username,
        revoke_others: wanted.revoke_others,
    };
    let record = lone::speak(&device, server, rendezvous::PROTOCOL, async |stream| {
        register(Requests { stream, last: 0 }, &wish).await
    });
    let record = record.await.map_err(|text| unreachable(&text))??;
    begin(files, &device, &Authority::Key(account), record)
}

/// What is to be registered.
struct Wish<'a> {
    account: &'a AccountKey,
    device: DeviceId,
    username: &'a Username,
    revoke_others: bool,
}

async fn register(mut server: Requests, wish: &Wish<'_>) -> anyhow::Result<Signed<AccountRecord>> {
    let username = wish.username;
    server.must(Request::Hello { version: VERSION, token: None }).await?;
    let newest = match server.ask(Request::Lookup { username: username.clone() }).await? {
        Ok(Response::Found(found)) => found.record,
        Err(Refusal::NotFound) => {
            anyhow::bail!("nobody is registered as @{username} at this server; check the name")
        }
        Err(refusal) => anyhow::bail!("the server says: {refusal}"),
        Ok(_) => anyhow::bail!("the server gave an answer that does not fit"),
    };
    let opened = newest.open()?;
    if opened.account != wish.account.id() || opened.username != *username {
        anyhow::bail!("@{username} belongs to another account than these words; check the name");
    }
    let mut devices = if wish.revoke_others { Vec::new() } else { opened.devices.to_vec() };
    devices.push(wish.device);
    if devices.len() > DEVICES_MAX {
        anyhow::bail!("{TooManyDevices}, or have all others removed (--revoke-others)");
    }
    let record = next_record(&newest, devices, unix_ms(), wish.account)?;
    server.must(Request::Register { record: record.clone() }).await?;
    Ok(record)
}

/// Requests to the server, one at a time.
struct Requests {
    stream: lone::Conversation,
    last: u32,
}

impl Requests {
    async fn ask(&mut self, request: Request) -> anyhow::Result<Result<Response, Refusal>> {
        self.last += 1;
        let frame = ClientFrame { id: self.last, request };
        self.stream.send(&frame).await.map_err(|text| unreachable(&text))?;
        loop {
            let bytes = self.stream.receive(RENDEZVOUS_FRAME_MAX).await;
            let bytes = bytes.map_err(|text| unreachable(&text))?;
            if let ServerFrame::Response { id, result } = ServerFrame::decode(&bytes)?
                && id == self.last
            {
                return Ok(result);
            }
        }
    }

    async fn must(&mut self, request: Request) -> anyhow::Result<()> {
        match self.ask(request).await? {
            Ok(_) => Ok(()),
            Err(refusal) => anyhow::bail!("the server says: {refusal}"),
        }
    }
}

fn unreachable(text: &str) -> anyhow::Error {
    let line = text.lines().next().unwrap_or_default();
    anyhow::anyhow!("the server cannot be reached ({line}); check its address and the network")
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a program that runs once reads the clock once")]
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
