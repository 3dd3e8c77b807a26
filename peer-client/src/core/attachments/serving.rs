//! Who may have the attachments that are here.

use wire::{
    blob::{BlobReply, BlobRequest},
    id::DeviceId,
};

use crate::core::{
    effect::Effect, input::BlobStreamId, machine::Machine, pending::Pending, storage::StoreOp,
};

impl Machine {
    pub(super) fn on_asked(
        &mut self,
        stream: BlobStreamId,
        device: DeviceId,
        request: Box<BlobRequest>,
    ) {
        let (id, blob) = (request.conversation, request.hash);
        if !self.authorise(device, id, &request.proof) {
            self.effects.push(Effect::Refuse { stream, reply: BlobReply::Unauthorised });
        } else if self.attachments.shelf.has(&blob) {
            let ticket = self.ticket_for(Pending::Serve { stream, request });
            self.store(StoreOp::Names { ticket, conversation: id, blob });
        } else {
            self.effects.push(Effect::Refuse { stream, reply: BlobReply::NotFound });
        }
    }

    pub(in crate::core) fn on_named(
        &mut self,
        stream: BlobStreamId,
        request: BlobRequest,
        named: bool,
    ) {
        self.effects.push(if named {
            Effect::Serve { stream, request }
        } else {
            Effect::Refuse { stream, reply: BlobReply::NotFound }
        });
    }
}
