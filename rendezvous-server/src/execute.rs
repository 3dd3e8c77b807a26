//! What the service decides, carried out. A part of [`Server`].

use std::collections::HashSet;

use libp2p::gossipsub::{MessageAcceptance, MessageId};
use serde_bytes::ByteBuf;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, error};
use wire::{
    id::{DeviceId, TopicTag},
    rendezvous::{Push, ServerFrame},
};

use crate::{
    gossip,
    server::Server,
    service::{ClientId, Effect, Input},
    streams::{OUTBOX_MAX, Outgoing},
};

impl Server {
    /// Carries out an effect; never waits.
    pub(crate) fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { client, id, result } => {
                if let Err(refusal) = &result {
                    *self.counters.refused.entry(refusal.code()).or_default() += 1;
                }
                self.send(client, Outgoing::new(&ServerFrame::Response { id, result }));
            }
            Effect::Push { clients, push } => {
                let outgoing = Outgoing::new(&ServerFrame::Push(push));
                for client in clients {
                    self.send(client, outgoing.clone());
                }
            }
            // Without its outbox the task ends after what it was sent.
            Effect::Close(client) => {
                self.clients.remove(&client);
            }
            Effect::Ask(question) => {
                if let Err(answer) = self.names.ask(question) {
                    self.followups.push_back(Input::Answer(*answer));
                }
            }
            Effect::Subscribe(tag) => {
                let topic = gossip::topic(&tag);
                if let Err(error) = self.swarm.behaviour_mut().gossip.subscribe(&topic) {
                    error!(%error, "cannot relay a topic");
                }
            }
            Effect::Unsubscribe(tag) => {
                let was_subscribed =
                    self.swarm.behaviour_mut().gossip.unsubscribe(&gossip::topic(&tag));
                debug!(was_subscribed, "a topic is empty");
            }
            Effect::Admit(device) => self.admission.admit(device.peer_id()),
            Effect::Dismiss(device) => self.admission.dismiss(&device.peer_id()),
            Effect::Disconnect(device) => {
                let was_connected = self.swarm.disconnect_peer_id(device.peer_id()).is_ok();
                debug!(%device, was_connected, "a client is disconnected");
            }
            Effect::Relay { from, message, accept } => {
                let verdict =
                    if accept { MessageAcceptance::Accept } else { MessageAcceptance::Ignore };
                if accept {
                    self.counters.group_messages += 1;
                } else {
                    self.counters.group_messages_dropped += 1;
                }
                let gossip = &mut self.swarm.behaviour_mut().gossip;
                let message = MessageId(message);
                let known =
                    gossip.report_message_validation_result(&message, &from.peer_id(), verdict);
                debug!(accept, known, "a group message");
            }
            Effect::Copy { tag, sealed, members } => self.copy(tag, sealed, &members),
        }
    }

    /// Sends a group message to those members that gossipsub does not send it to.
    fn copy(&mut self, tag: TopicTag, sealed: Vec<u8>, members: &[(DeviceId, ClientId)]) {
        let topic = gossip::topic(&tag).hash();
        let mesh: HashSet<_> = self.swarm.behaviour().gossip.mesh_peers(&topic).collect();
        let beyond = |(device, _): &&(DeviceId, ClientId)| !mesh.contains(&device.peer_id());
        let clients: Vec<_> = members.iter().filter(beyond).map(|(_, client)| *client).collect();
        let mesh = mesh.len();
        if clients.is_empty() {
            debug!(mesh, copies = 0, "a group message was sent on");
            return;
        }
        let length = sealed.len() as u64;
        let push = Push::Message { tag, sealed: ByteBuf::from(sealed) };
        let outgoing = Outgoing::new(&ServerFrame::Push(push));
        let mut copies = 0;
        for client in clients {
            let Some(task) = self.clients.get(&client) else { continue };
            // Answers have room beside the copies.
            let has_room = task.outbox.capacity() > OUTBOX_MAX / 2;
            let copy = outgoing.counted(&task.waiting).filter(|_| has_room);
            copies += usize::from(copy.is_some_and(|copy| task.outbox.try_send(copy).is_ok()));
        }
        self.counters.group_copies += copies as u64;
        self.counters.group_bytes += copies as u64 * length;
        debug!(mesh, copies, "a group message was sent on");
    }

    /// Queues a frame for a client. One that does not read is disconnected.
    fn send(&mut self, client: ClientId, outgoing: Outgoing) {
        let Some(task) = self.clients.get(&client) else { return };
        if let Err(TrySendError::Full(_)) = task.outbox.try_send(outgoing) {
            debug!(client = client.0, "a client does not read; disconnecting it");
            self.counters.slow_clients += 1;
            task.abort.abort();
            self.clients.remove(&client);
            self.followups.push_back(Input::Closed(client));
        }
    }
}
