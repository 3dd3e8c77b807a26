//! From the core's effects to the swarm, the streams, the store and the jobs.

use libp2p::{
    Multiaddr,
    gossipsub::IdentTopic,
    multiaddr::Protocol,
    swarm::dial_opts::{DialOpts, PeerCondition},
};
use tokio::sync::mpsc;
use wire::{
    blob::BlobRequest,
    id::{DeviceId, TopicTag},
    rendezvous::{self, ClientFrame},
    sync::SyncFrame,
};

use super::{
    jobs::{self, Decision},
    run::Running,
    streams,
    translate::topic_ready,
};
use crate::{
    blob::{
        store::{BlobStore, StoreError},
        transfer::Wanted,
    },
    core::{
        effect::Effect,
        input::{
            AttachmentInput, BlobStreamId, GossipInput, Input, LinkInput, ServerInput, SessionId,
            SyncInput, Ticket,
        },
    },
};

impl Running {
    pub(super) fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Store(op) => self.store_backlog.push_back(op),
            Effect::Answer { call, result } => self.answer(call, result),
            Effect::Notice(notice) => self.tell(notice),
            Effect::ConnectServer { addresses } => self.connect_server(addresses),
            Effect::DisconnectServer => self.disconnect_server(),
            Effect::SendServer(frame) => self.send_server(frame),
            Effect::Solve { challenge, difficulty } => {
                self.jobs.spawn(jobs::solve(challenge, difficulty));
            }
            Effect::Reserve => {
                self.server.reserve_wanted = true;
                self.reserve_if_due();
            }
            Effect::Dial { device, addresses } => self.dial(device, addresses),
            Effect::OpenPort { port } => self.open_port(port),
            Effect::Reachable { address, reachable } => self.set_reachable(address, reachable),
            Effect::ProbeServer { addresses } => self.probe_server(addresses),
            Effect::HideFrom { devices } => self.hide_from(&devices),
            Effect::CloseLink { link } => {
                if let Some(connection) = self.links.by_link.get(&link) {
                    self.swarm.close_connection(*connection);
                }
            }
            Effect::OpenSync { session, device } => self.open_sync(session, device),
            Effect::SendSync { session, frame } => self.send_sync(session, frame),
            Effect::CloseSync { session } => {
                self.outboxes.remove(&session);
            }
            Effect::Subscribe(tag) => self.subscribe(tag),
            Effect::Unsubscribe(tag) => {
                self.subscribers.remove(&tag);
                self.swarm.behaviour_mut().gossip.inner.unsubscribe(&topic(&tag));
            }
            Effect::Publish { ticket, tag, bytes } => self.publish(ticket, tag, bytes),
            Effect::AnswerPairing { pairing, reply } => {
                if let Some(answer) = self.pairings.remove(&pairing)
                    && answer.send(reply).is_err()
                {
                    tracing::debug!("a new device has gone");
                }
            }
            Effect::Prepare { ticket, source } => {
                self.jobs.spawn(jobs::prepare(ticket, source, self.blobs.clone()));
            }
            Effect::StopFetch { ticket } => self.stop_fetch(ticket),
            Effect::Evict { blob } => self.remove(move |blobs| blobs.evict(&blob)),
            Effect::Forget { blob } => self.remove(move |blobs| blobs.remove(&blob)),
            Effect::Save { ticket, blob, to } => {
                let from = self.blobs.path(&blob);
                self.jobs.spawn(jobs::save(ticket, from, to));
            }
            Effect::Fetch { ticket, device, request, size } => {
                self.fetch(ticket, device, request, size);
            }
            Effect::Serve { stream, request } => self.decide(stream, Decision::Grant(request)),
            Effect::Refuse { stream, reply } => self.decide(stream, Decision::Refuse(reply)),
        }
    }

    fn send_server(&mut self, frame: ClientFrame) {
        let outbox = self.server.outbox.as_ref();
        if outbox.is_none_or(|outbox| outbox.try_send(frame).is_err()) {
            tracing::debug!("a request could not be handed to the server's stream");
        }
    }

    fn open_sync(&mut self, session: SessionId, device: DeviceId) {
        let (outbox, frames) = mpsc::channel(streams::OUTBOX);
        self.outboxes.insert(session, outbox);
        let control = self.swarm.behaviour().streams.new_control();
        let shared = (self.counters.clone(), self.inbox.clone());
        self.tasks.spawn(streams::open_sync(control, session, device, frames, shared));
    }

    /// Files give way to messages.
    pub(super) fn note_talk(&self, is_talk: bool) {
        if is_talk {
            self.blobs.pace().talk();
        }
    }

    fn send_sync(&mut self, session: SessionId, frame: SyncFrame) {
        self.note_talk(matches!(frame, SyncFrame::Events(_) | SyncFrame::Typing));
        let outbox = self.outboxes.get(&session);
        if outbox.is_some_and(|outbox| outbox.try_send(frame).is_err()) {
            // Whoever takes nothing loses the stream, and catches up on the next one.
            self.outboxes.remove(&session);
            self.ready.push_back(Input::Sync(SyncInput::Closed { session }));
        }
    }

    fn fetch(&mut self, ticket: Ticket, device: DeviceId, request: BlobRequest, size: u64) {
        let BlobRequest { conversation, proof, hash, .. } = request;
        let control = self.swarm.behaviour().streams.new_control();
        let wanted = Wanted { conversation, proof, hash, size };
        let shared = (self.blobs.clone(), self.inbox.clone(), self.counters.clone());
        let job = self.jobs.spawn(jobs::fetch(ticket, control, device, wanted, shared));
        self.fetches.insert(ticket, job);
    }

    /// A job has ended.
    pub(super) fn finished(&mut self, input: Input) -> Input {
        if let Input::Attachment(
            AttachmentInput::Complete { ticket } | AttachmentInput::Failed { ticket, .. },
        ) = &input
        {
            self.fetches.remove(ticket);
        }
        input
    }

    fn stop_fetch(&mut self, ticket: Ticket) {
        if let Some(job) = self.fetches.remove(&ticket) {
            job.abort();
        }
    }

    fn remove(
        &mut self,
        removing: impl FnOnce(&BlobStore) -> Result<(), StoreError> + Send + 'static,
    ) {
        let blobs = self.blobs.clone();
        self.tasks.spawn(jobs::remove(move || removing(&blobs)));
    }

    fn connect_server(&mut self, addresses: Vec<Multiaddr>) {
        self.server.wanted = true;
        if self.server.connection.is_some() {
            if self.server.outbox.is_none() {
                self.open_server_stream();
            }
            return;
        }
        let options = DialOpts::peer_id(self.server.id.peer_id())
            .addresses(addresses)
            .condition(PeerCondition::Always)
            .build();
        let dial = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => {
                self.server.dials.insert(dial);
            }
            Err(_) if !self.server.dials.is_empty() => {}
            Err(error) => {
                let input = self.server_lost(format!("the server cannot be dialled: {error}"));
                self.ready.extend(input);
            }
        }
    }

    fn disconnect_server(&mut self) {
        // Whatever comes of the old connection is no word of the next one.
        self.server.connection = None;
        if self.swarm.disconnect_peer_id(self.server.id.peer_id()).is_err() {
            tracing::trace!("there was no connection to the server");
        }
        let input = self.server_lost("the server did not answer in time".to_owned());
        self.ready.extend(input);
    }

    /// Asks for a reservation once it was wanted and the addresses are exchanged, which hole
    /// punching on the circuits needs.
    pub(super) fn reserve_if_due(&mut self) {
        if !self.server.reserve_wanted || self.server.identified != (true, true) {
            return;
        }
        let Some((_, address)) = &self.server.connection else { return };
        self.server.reserve_wanted = false;
        if let Some(old) = self.server.reservation.take() {
            self.swarm.remove_listener(old);
        }
        let circuit = circuit(address, self.server.id);
        match self.swarm.listen_on(circuit) {
            Ok(listener) => self.server.reservation = Some(listener),
            Err(error) => {
                tracing::warn!(%error, "no reservation for circuits");
                self.ready.push_back(Input::Server(ServerInput::ReservationLost));
            }
        }
    }

    fn dial(&mut self, device: DeviceId, addresses: Vec<Multiaddr>) {
        let peer = device.peer_id();
        let addresses = if addresses.is_empty() {
            let address = self.server.connection.as_ref().map(|(_, address)| address);
            let Some(address) = address.or(self.server.addresses.first()) else { return };
            vec![circuit(address, self.server.id).with(Protocol::P2p(peer))]
        } else {
            addresses
        };
        let options =
            DialOpts::peer_id(peer).addresses(addresses).condition(PeerCondition::Always).build();
        if let Err(error) = self.swarm.dial(options) {
            tracing::debug!(%peer, %error, "cannot dial");
            self.ready.push_back(Input::Link(LinkInput::DialFailed { device }));
        }
    }

    fn subscribe(&mut self, tag: TopicTag) {
        let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
        let topic = topic(&tag);
        if let Err(error) = gossip.subscribe(&topic) {
            tracing::warn!(%error, "cannot subscribe to a group's topic");
            return;
        }
        // Others may have subscribed before this peer wanted the topic.
        let hash = topic.hash();
        let subscribers: std::collections::BTreeSet<_> = gossip
            .all_peers()
            .filter(|(_, topics)| topics.contains(&&hash))
            .map(|(peer, _)| *peer)
            .collect();
        let ready = !subscribers.is_empty();
        self.subscribers.insert(tag, subscribers);
        if ready {
            let input = topic_ready(tag, true);
            self.ready.push_back(input);
        }
    }

    fn publish(&mut self, ticket: Ticket, tag: TopicTag, bytes: Vec<u8>) {
        let result = self.swarm.behaviour_mut().gossip.inner.publish(topic(&tag), bytes);
        let taken =
            result.inspect_err(|error| tracing::debug!(%error, "gossip was not taken")).is_ok();
        self.ready.push_back(Input::Gossip(GossipInput::Published { ticket, taken }));
    }

    fn decide(&mut self, stream: BlobStreamId, decision: Decision) {
        if let Some(decide) = self.decisions.remove(&stream)
            && decide.send(decision).is_err()
        {
            tracing::trace!("the other side has gone");
        }
    }
}

/// The gossip topic of a group.
pub(super) fn topic(tag: &TopicTag) -> IdentTopic {
    IdentTopic::new(rendezvous::topic(tag))
}

/// The circuit over a server at `address`.
fn circuit(address: &Multiaddr, server: DeviceId) -> Multiaddr {
    let mut address = address.clone();
    if !matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.push(Protocol::P2p(server.peer_id()));
    }
    address.with(Protocol::P2pCircuit)
}
