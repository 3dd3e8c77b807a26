//! New devices that come with a code.

use std::time::Duration;

use wire::{
    id::MembershipProof,
    pairing::{PairingCode, PairingReply},
};

use super::{Network, Place};
use crate::core::{
    command::{Answer, Command},
    input::{Input, PairingId},
    tests::{Person, device_key},
};

impl Network {
    /// The code that a device shows.
    #[track_caller]
    pub(in crate::core::tests) fn code(&mut self, place: Place) -> PairingCode {
        match self.ask(place, Command::AddDevice) {
            Ok(Answer::Code(code)) => PairingCode::from_text(&code).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What a device that shows a code answers to a new one.
    #[track_caller]
    pub(in crate::core::tests) fn knock(
        &mut self,
        place: Place,
        number: u16,
        proof: MembershipProof,
    ) -> PairingReply {
        let pairing = PairingId(self.number());
        let device = device_key(number).id();
        self.feed(place, Input::Pairing { pairing, device, proof });
        let answered = |it: &mut Self| it.peers[place].pairings.contains_key(&pairing);
        self.run_until("an answer to a new device", Duration::from_secs(30), answered);
        self.peers[place].pairings.remove(&pairing).unwrap()
    }

    /// Another device of a person comes into the network, by a code that the first one shows.
    #[track_caller]
    pub(in crate::core::tests) fn add_device(&mut self, first: Place, number: u16) -> Place {
        let code = self.code(first);
        let proof = code.secret.proof(&device_key(number).id(), &code.device);
        let PairingReply::Added(introduction) = self.knock(first, number, proof) else {
            panic!("the code was refused");
        };
        let person = self.peers[first].person.clone();
        self.add(Person { number, introduction: Some(*introduction), ..person })
    }
}
