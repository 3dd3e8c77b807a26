//! Connections to other devices as they come and go.

use std::time::Duration;

use libp2p::Multiaddr;
use wire::id::DeviceId;

use super::{
    diagnostics::Whom,
    effect::Effect,
    input::LinkInput,
    machine::Machine,
    notice::Notice,
    paths::{Opened, PathAction},
};

/// How soon after a connection closed it is looked whether a member has to take its place.
const AFTER_CLOSE: Duration = Duration::from_secs(2);

impl Machine {
    pub(super) fn on_link(&mut self, input: LinkInput) {
        let now = self.now.instant;
        let actions = match input {
            LinkInput::Opened { device, link, relayed, transport, dialled, punched, address } => {
                let was_linked = self.paths.is_linked(&device);
                self.note_road(device, address.as_ref(), relayed, (dialled, punched));
                let opened = Opened { relayed, transport, dialled, punched, address };
                let actions = self.paths.opened(device, link, opened, now);
                if !was_linked {
                    self.on_linked(device);
                }
                actions
            }
            // One that was given up before is over already.
            LinkInput::Closed { link, .. } if !self.paths.has(link) => Vec::new(),
            LinkInput::Closed { device, link } => {
                let actions = self.paths.closed(link, now);
                self.neighbours.look_by(now + AFTER_CLOSE);
                self.renew_sessions(device);
                actions
            }
            LinkInput::RoundTrip { link, rtt_ms, .. } => self.paths.round_trip(link, rtt_ms),
            LinkInput::Punched { link, .. } => self.paths.punched(link),
            LinkInput::DialFailed { device } => {
                self.paths.dial_failed(&device, now);
                Vec::new()
            }
            LinkInput::Found { device, address } => {
                self.on_whereabouts(device, &[address]);
                Vec::new()
            }
        };
        self.follow(actions);
    }

    /// What worked is of interest beside what did not.
    fn note_road(
        &mut self,
        device: DeviceId,
        address: Option<&Multiaddr>,
        relayed: bool,
        (dialled, punched): (bool, bool),
    ) {
        let how = match (relayed, dialled, punched) {
            (true, ..) => "connected through the server",
            (false, _, true) => "connected through a punched hole",
            (false, true, false) => "connected",
            (false, false, false) => "called here",
        };
        let address = address.cloned().filter(|_| !relayed);
        self.diagnosis.note(self.now, Whom::Device(device), address, Ok(how.to_owned()));
    }

    pub(super) fn follow(&mut self, actions: Vec<PathAction>) {
        for action in actions {
            match action {
                PathAction::Dial(device, addresses) => {
                    self.effects.push(Effect::Dial { device, addresses });
                }
                PathAction::Close(link) => self.effects.push(Effect::CloseLink { link }),
                PathAction::Changed(device, road) => {
                    self.dirty.peers = true;
                    self.dirty.conversations = true;
                    self.dirty.members |= match road {
                        Some(_) => self.shown_linked.insert(device),
                        None => self.shown_linked.remove(&device),
                    };
                    if self.people.owner_of(&device).is_some() {
                        let peer = self.people.name_of_device(&device);
                        self.notice(Notice::Path { peer, road });
                    } else if road.is_some() {
                        self.unnamed.insert(device);
                    } else {
                        self.unnamed.remove(&device);
                    }
                }
            }
        }
    }

    /// Tells the roads to devices whose owner was learnt after the connection was made.
    pub(super) fn tell_named_roads(&mut self) {
        let named = self.unnamed.extract_if(.., |device| self.people.owner_of(device).is_some());
        for device in named.collect::<Vec<_>>() {
            let road = self.paths.road(&device);
            if road.is_some() {
                let peer = self.people.name_of_device(&device);
                self.notice(Notice::Path { peer, road });
            }
        }
    }
}
