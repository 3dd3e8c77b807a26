//! What peers decide, carried out as the node, the connections and the server do it.

use std::time::Duration;

use libp2p::Multiaddr;
use rendezvous_server::service::{Effect as ServerEffect, Input as ServerCoreInput};
use wire::{
    admission, codec,
    id::{DeviceId, TopicTag},
    rendezvous::{ClientFrame, ServerFrame},
    sync::SyncFrame,
};

use super::{Link, Network, Place, faults};
use crate::core::{
    effect::Effect,
    input::{GossipInput, Input, LinkId, LinkInput, ServerInput, SessionId, SyncInput, Ticket},
    model::Transport,
    storage::StoreOp,
};

/// How long the store takes.
const DISK: Duration = Duration::from_millis(2);
/// How long until a frame is handed to the connection.
const WRITING: Duration = Duration::from_millis(1);
/// How long a dial takes that nobody answers.
const DIAL_FAILS: Duration = Duration::from_secs(3);

impl Network {
    pub(super) fn carry_out(&mut self, place: Place, effect: Effect) {
        match effect {
            Effect::Store(op) => self.store(place, op),
            Effect::Answer { call, result } => {
                self.peers[place].answers.insert(call, result);
            }
            Effect::Notice(notice) => {
                self.check_told(place, &notice);
                self.peers[place].notices.push(notice);
            }
            Effect::ConnectServer { .. } => self.connect_server(place),
            Effect::DisconnectServer => self.lose_server(place),
            Effect::SendServer(frame) => self.send_server(place, &frame),
            Effect::Solve { challenge, difficulty } => {
                let answer = admission::solve(&challenge, difficulty);
                self.deliver(place, DISK, Input::Server(ServerInput::Solved { answer }));
            }
            Effect::Reserve => {
                let latency = self.latency;
                self.deliver(place, latency, Input::Server(ServerInput::Reserved));
            }
            Effect::HideFrom { .. }
            | Effect::OpenPort { .. }
            | Effect::Reachable { .. }
            | Effect::ProbeServer { .. } => {}
            Effect::Dial { device, addresses } => self.dial(place, device, addresses),
            Effect::CloseLink { link } => self.break_link(link),
            Effect::OpenSync { session, device } => self.open_stream(place, session, &device),
            Effect::SendSync { session, frame } => self.send_frame(place, session, frame),
            Effect::CloseSync { session } => self.close_stream(place, session),
            Effect::Subscribe(tag) => self.subscribe(place, tag),
            Effect::Unsubscribe(tag) => {
                self.peers[place].topics.remove(&tag);
            }
            Effect::Publish { ticket, tag, bytes } => self.publish(place, ticket, tag, &bytes),
            Effect::AnswerPairing { pairing, reply } => {
                self.peers[place].pairings.insert(pairing, reply);
            }
            Effect::Prepare { .. }
            | Effect::Save { .. }
            | Effect::Forget { .. }
            | Effect::Fetch { .. }
            | Effect::StopFetch { .. }
            | Effect::Evict { .. }
            | Effect::Serve { .. }
            | Effect::Refuse { .. } => {
                unreachable!("scenarios in this network are without attachments")
            }
        }
    }

    fn store(&mut self, place: Place, op: StoreOp) {
        let peer = &mut self.peers[place];
        if let Some(held) = &mut peer.held {
            held.push_back(op);
            return;
        }
        for reply in peer.store.execute(&op) {
            self.deliver(place, DISK, Input::Store(reply));
        }
    }

    /// A slow disk does what waited.
    pub(in crate::core::tests) fn release_store(&mut self, place: Place) {
        for op in self.peers[place].held.take().unwrap_or_default() {
            self.store(place, op);
        }
    }

    fn connect_server(&mut self, place: Place) {
        let (now, latency) = (self.now, self.travel());
        let device = self.peers[place].device();
        self.peers[place].attempts.push(now);
        self.peers[place].wants_server = true;
        if self.reaches_server(place) {
            self.close_client(place);
            let (client, effects) = self.server.open(now, device);
            self.peers[place].client = Some(client);
            self.carry_out_for_server(effects);
            let opened = ServerInput::Opened { loopback: true };
            self.deliver(place, latency, Input::Server(opened));
            for tag in self.peers[place].topics.clone() {
                self.deliver(place, latency, Input::Gossip(GossipInput::Ready { tag }));
            }
        } else {
            self.peers[place].wants_server = false;
            let text = "the server does not answer".to_owned();
            self.deliver(place, latency, Input::Server(ServerInput::Closed { text }));
        }
    }

    pub(super) fn close_client(&mut self, place: Place) {
        let now = self.now;
        if let Some(client) = self.peers[place].client.take() {
            let mut effects = self.server.close(now, client);
            let device = self.peers[place].device();
            effects.extend(self.server.handle(now, ServerCoreInput::Disconnected(device)));
            self.carry_out_for_server(effects);
        }
    }

    fn send_server(&mut self, place: Place, frame: &ClientFrame) {
        let now = self.now;
        let frame = ClientFrame::decode(&codec::encode(frame)).unwrap();
        if let Some(client) = self.peers[place].client {
            let effects = self.server.request(now, client, frame);
            self.carry_out_for_server(effects);
        }
    }

    pub(super) fn tick_server(&mut self) {
        let now = self.now;
        if self.server.next_deadline().is_some_and(|at| at <= now) {
            let effects = self.server.tick(now);
            self.carry_out_for_server(effects);
        }
    }

    fn carry_out_for_server(&mut self, effects: Vec<ServerEffect>) {
        for effect in effects {
            match effect {
                ServerEffect::Respond { client, id, result } => {
                    self.send_client(&[client], &ServerFrame::Response { id, result });
                }
                ServerEffect::Push { clients, push } => {
                    self.send_client(&clients, &ServerFrame::Push(push));
                }
                ServerEffect::Close(client) => {
                    let place = self.peers.iter().position(|peer| peer.client == Some(client));
                    if let Some(place) = place {
                        self.lose_server(place);
                    }
                }
                // Circuits and topics follow from who is connected; the rest is for shells.
                _ => {}
            }
        }
    }

    fn send_client(
        &mut self,
        clients: &[rendezvous_server::service::ClientId],
        frame: &ServerFrame,
    ) {
        let bytes = codec::encode(frame);
        for client in clients {
            let place = self.peers.iter().position(|peer| peer.client == Some(*client));
            if let Some(place) = place {
                let frame = ServerFrame::decode(&bytes).unwrap();
                let latency = self.travel();
                self.deliver(place, latency, Input::Server(ServerInput::Frame(frame)));
            }
        }
    }

    fn dial(&mut self, place: Place, device: DeviceId, addresses: Vec<Multiaddr>) {
        let relayed = addresses.is_empty();
        self.peers[place].dials.push((device, addresses));
        let other = self.place_of(&device).filter(|other| {
            let up = self.peers[*other].machine.is_some() && self.peers[*other].online;
            let road = if relayed {
                self.peers[place].client.is_some() && self.peers[*other].client.is_some()
            } else {
                self.direct && !self.peers[*other].person.relay_only && self.reaches(place, *other)
            };
            up && road && self.peers[place].online
        });
        if let Some(other) = other {
            self.make_link(place, other, relayed);
        } else {
            let failed = Input::Link(LinkInput::DialFailed { device });
            self.deliver(place, DIAL_FAILS, failed);
        }
    }

    fn make_link(&mut self, from: Place, to: Place, relayed: bool) {
        let link = LinkId(self.number());
        let latency = self.travel();
        self.links.insert(link, Link { ends: [from, to], relayed });
        for (place, other, dialled) in [(to, from, false), (from, to, true)] {
            let device = self.peers[other].device();
            let opened = LinkInput::Opened {
                device,
                link,
                relayed,
                transport: Transport::Quic,
                dialled,
                punched: false,
                address: None,
            };
            self.deliver(place, latency * 2, Input::Link(opened));
            let round_trip = LinkInput::RoundTrip { device, link, rtt_ms: 40 };
            self.deliver(place, latency * 4, Input::Link(round_trip));
        }
    }

    /// Ends a connection, and the streams if it was the last one of its two peers.
    pub(in crate::core::tests) fn break_link(&mut self, id: LinkId) {
        let Some(Link { ends: [one, other], .. }) = self.links.remove(&id) else { return };
        // No earlier than the word that it was made.
        let latency = self.latency * 2;
        for (place, far) in [(one, other), (other, one)] {
            let device = self.peers[far].device();
            let closed = LinkInput::Closed { device, link: id };
            self.deliver(place, latency, Input::Link(closed));
        }
        if self.links_between(one, other).is_empty() {
            self.faults.silent.remove(&faults::pair(one, other));
            let streams: Vec<_> = self.streams.iter().map(|(near, far)| (*near, *far)).collect();
            for ((near, session), (far, _)) in streams {
                if [near, far] == [one, other] || [far, near] == [one, other] {
                    self.streams.remove(&(near, session));
                    let closed = SyncInput::Closed { session };
                    self.deliver(near, latency, Input::Sync(closed));
                }
            }
        }
    }

    pub(in crate::core::tests) fn links_between(&self, one: Place, other: Place) -> Vec<LinkId> {
        let between = |link: &Link| link.ends == [one, other] || link.ends == [other, one];
        self.links.iter().filter(|(_, link)| between(link)).map(|(id, _)| *id).collect()
    }

    fn open_stream(&mut self, place: Place, session: SessionId, device: &DeviceId) {
        let latency = self.travel();
        let other = self.place_of(device).filter(|far| !self.links_between(place, *far).is_empty());
        let Some(other) = other else {
            self.deliver(place, latency, Input::Sync(SyncInput::Closed { session }));
            return;
        };
        // Odd, as the node's numbers are, since the core's own are even.
        let far = SessionId(self.number() << 1 | 1);
        self.streams.insert((place, session), (other, far));
        self.streams.insert((other, far), (place, session));
        if self.is_silent(place, other) {
            return;
        }
        let accepted = SyncInput::Accepted { session: far, device: self.peers[place].device() };
        self.deliver(other, latency, Input::Sync(accepted));
        self.deliver(place, latency, Input::Sync(SyncInput::Opened { session }));
    }

    fn send_frame(&mut self, place: Place, session: SessionId, frame: SyncFrame) {
        let latency = self.travel();
        let Some((far, far_session)) = self.streams.get(&(place, session)).copied() else { return };
        let decoded = SyncFrame::decode(&codec::encode(&frame)).unwrap();
        let device = self.peers[far].device();
        self.peers[place].sent.push((device, frame));
        self.deliver(place, WRITING, Input::Sync(SyncInput::Written { session }));
        if self.is_silent(place, far) {
            return;
        }
        let arrived = SyncInput::arrived(far_session, decoded);
        self.deliver(far, latency, Input::Sync(arrived));
    }

    fn close_stream(&mut self, place: Place, session: SessionId) {
        let latency = self.travel();
        self.deliver(place, WRITING, Input::Sync(SyncInput::Closed { session }));
        let Some((far, session)) = self.streams.remove(&(place, session)) else { return };
        // Behind a silent connection the other side does not learn of it before that ends.
        if !self.is_silent(place, far) && self.streams.remove(&(far, session)).is_some() {
            self.deliver(far, latency, Input::Sync(SyncInput::Closed { session }));
        }
    }

    fn subscribe(&mut self, place: Place, tag: TopicTag) {
        self.peers[place].topics.insert(tag);
        if self.peers[place].client.is_some() {
            let latency = self.latency;
            self.deliver(place, latency, Input::Gossip(GossipInput::Ready { tag }));
        }
    }

    fn publish(&mut self, place: Place, ticket: Ticket, tag: TopicTag, bytes: &[u8]) {
        let taken = self.peers[place].client.is_some();
        self.deliver(place, WRITING, Input::Gossip(GossipInput::Published { ticket, taken }));
        for other in 0..self.peers.len() {
            let peer = &self.peers[other];
            let reached = taken && peer.client.is_some() && peer.topics.contains(&tag);
            if other != place && reached && !self.is_lost() {
                for _ in 0..self.copies() {
                    let latency = self.travel() * 2;
                    let message = GossipInput::Message { tag, bytes: bytes.to_vec() };
                    self.deliver(other, latency, Input::Gossip(message));
                }
            }
        }
    }
}
