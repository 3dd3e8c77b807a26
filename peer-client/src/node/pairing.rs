//! New devices that knock to get their certificate.

use std::time::Duration;

use futures::{AsyncWriteExt as _, StreamExt as _};
use libp2p::Stream;
use libp2p_stream::IncomingStreams;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use wire::{
    frame,
    id::DeviceId,
    limits::PAIRING_FRAME_MAX,
    pairing::{PairingReply, PairingRequest},
};

use super::{run::Event, streams::read_frame};

/// New devices that may wait at one time.
const WAITING_MAX: usize = 8;
/// How long one may take in all.
const WITHIN: Duration = Duration::from_secs(30);

/// Takes in new devices until the node ends.
pub(super) async fn serve(mut incoming: IncomingStreams, inbox: mpsc::Sender<Event>) {
    let mut tasks = JoinSet::new();
    while let Some((peer, stream)) = incoming.next().await {
        while tasks.try_join_next().is_some() {}
        if let Ok(device) = DeviceId::try_from(peer)
            && tasks.len() < WAITING_MAX
        {
            tasks.spawn(timeout(WITHIN, answer(stream, device, inbox.clone())));
        }
    }
}

async fn answer(mut stream: Stream, device: DeviceId, inbox: mpsc::Sender<Event>) {
    let request = match read_frame(&mut stream, PAIRING_FRAME_MAX).await {
        Ok(Some(bytes)) => PairingRequest::decode(&bytes).ok(),
        _ => None,
    };
    let Some(PairingRequest { proof }) = request else { return };
    let (answer, answered) = oneshot::channel();
    if inbox.send(Event::PairingAsked { device, proof, answer }).await.is_err() {
        return;
    }
    let reply = answered.await.unwrap_or(PairingReply::Unavailable);
    let bytes = frame::encode(&reply);
    let written = async {
        stream.write_all(&bytes).await?;
        stream.close().await
    };
    if let Err(error) = written.await {
        tracing::debug!(?device, %error, "a new device did not take its answer");
    }
}
