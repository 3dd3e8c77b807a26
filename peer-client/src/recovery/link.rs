//! A new device by a code: the device that shows it makes the certificate, and keeps the key.

use wire::{
    account::{AccountRecord, Introduction},
    id::DeviceId,
    limits::PAIRING_FRAME_MAX,
    name::Username,
    pairing::{self, PairingCode, PairingReply, PairingRequest},
    signed::Signed,
};

use super::{begin, new_device, new_folder, terminal};
use crate::{
    cli,
    core::devices::Authority,
    node::{files::Files, lone},
};

/// Makes the folder of a new device with the code that is read.
pub async fn link(arguments: cli::Link) -> anyhow::Result<()> {
    let files = new_folder(&arguments.data_dir)?;
    let username = add(&files, &terminal::secret("The code that the other device shows")?).await?;
    terminal::say(&format!("@{username} is on this device now"))
}

/// Begins a new device in an empty folder with the code that another device shows. Gives the name
/// of the account.
pub async fn add(files: &Files, code: &str) -> anyhow::Result<Username> {
    let code = PairingCode::from_text(code)?;
    let addresses: Vec<_> = code.addresses.iter().map(|it| it.as_multiaddr().clone()).collect();
    if addresses.is_empty() {
        anyhow::bail!("the other device tells nobody its address; use the recovery phrase");
    }
    let device = new_device();
    let request = PairingRequest { proof: code.secret.proof(&device.id(), &code.device) };
    let other = (code.device, addresses);
    let reply = lone::speak(&device, other, pairing::PROTOCOL, async |mut stream| {
        stream.send(&request).await?;
        stream.receive(PAIRING_FRAME_MAX).await
    });
    let bytes = reply.await.and_then(|reply| reply).map_err(|text| unreachable(&text))?;
    let introduction = match PairingReply::decode(&bytes)? {
        PairingReply::Added(introduction) => *introduction,
        PairingReply::Refused => anyhow::bail!(
            "the code is not good any more; show a new one (each works once, for ten minutes)"
        ),
        PairingReply::Unavailable => anyhow::bail!(
            "the other device cannot add this one now; see that it is connected to the server and \
             show a new code"
        ),
    };
    let (authority, record) = accept(introduction, device.id(), &code)?;
    begin(files, &device, &authority, record)?;
    Ok(code.username)
}

/// Checks that the introduction is what the code promised.
fn accept(
    introduction: Introduction,
    device: DeviceId,
    code: &PairingCode,
) -> anyhow::Result<(Authority, Signed<AccountRecord>)> {
    let record = introduction.record.clone();
    let username = record.open()?.username;
    let authority = Authority::introduced(introduction, device)?;
    if authority.account() != code.account || username != code.username {
        anyhow::bail!("the other device answered for another account than its code says");
    }
    Ok((authority, record))
}

fn unreachable(text: &str) -> anyhow::Error {
    let line = text.lines().next().unwrap_or_default();
    anyhow::anyhow!(
        "the other device cannot be reached ({line}); see that both are on one network, or use the \
         recovery phrase"
    )
}
