//! What the service decides, carried out. A part of [`Server`].

use libp2p::gossipsub::{MessageAcceptance, MessageId};
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, error, trace};
use wire::rendezvous::ServerFrame;

use crate::{
    gossip,
    server::Server,
    service::{ClientId, Effect, Input},
    streams::Outgoing,
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
                trace!(accept, known, "a group message");
            }
        }
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
