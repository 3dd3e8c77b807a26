//! A device that speaks with one other node for a moment, before it has a folder to run with.

use std::time::Duration;

use futures::{AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, Stream, StreamProtocol,
    swarm::{SwarmEvent, dial_opts::DialOpts},
};
use serde::Serialize;
use tokio::time::timeout;
use wire::{frame, id::DeviceId, key::DeviceKey};

use super::{
    behaviour::{self, Reach},
    streams::read_frame,
};

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A stream to the other node.
pub(crate) struct Conversation {
    stream: Stream,
}

impl Conversation {
    /// Sends a frame.
    pub(crate) async fn send(&mut self, value: &impl Serialize) -> Result<(), String> {
        let bytes = frame::encode(value);
        let sending = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        sending.await.map_err(|error| format!("the connection broke: {error}"))
    }

    /// Waits for the next frame.
    pub(crate) async fn receive(&mut self, limit: usize) -> Result<Vec<u8>, String> {
        match timeout(ANSWER_WITHIN, read_frame(&mut self.stream, limit)).await {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err("the other side closed the connection".to_owned()),
            Ok(Err(error)) => Err(format!("the connection broke: {error}")),
            Err(_elapsed) => Err("the other side does not answer".to_owned()),
        }
    }
}

/// Connects to a node, opens a stream and does something with it. Fails with a text for a person if
/// the node cannot be reached.
pub(crate) async fn speak<T>(
    key: &DeviceKey,
    (other, addresses): (DeviceId, Vec<Multiaddr>),
    protocol: &'static str,
    exchange: impl AsyncFnOnce(Conversation) -> T,
) -> Result<T, String> {
    let reach = Reach { relay_only: true, local_network: false };
    let mut swarm =
        behaviour::swarm(&key.to_libp2p(), other, reach).map_err(|error| error.to_string())?;
    let options = DialOpts::peer_id(other.peer_id()).addresses(addresses).build();
    swarm.dial(options).map_err(|error| error.to_string())?;
    let connecting = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => return Ok(()),
                SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.to_string()),
                _ => {}
            }
        }
    };
    match timeout(CONNECT_WITHIN, connecting).await {
        Ok(result) => result?,
        Err(_elapsed) => return Err("it does not answer".to_owned()),
    }
    let mut control = swarm.behaviour().streams.new_control();
    let speaking = async {
        let opening = control.open_stream(other.peer_id(), StreamProtocol::new(protocol));
        match timeout(ANSWER_WITHIN, opening).await {
            Ok(Ok(stream)) => Ok(exchange(Conversation { stream }).await),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err("it does not answer".to_owned()),
        }
    };
    let driving = async {
        loop {
            swarm.select_next_some().await;
        }
    };
    tokio::select! {
        result = speaking => result,
        () = driving => Err("the network ended".to_owned()),
    }
}
