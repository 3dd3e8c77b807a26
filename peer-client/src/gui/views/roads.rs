//! What passes between this device and a person's, and whether that may go directly.

use egui::Ui;
use lucide_icons::Icon;
use wire::name::ConversationName;

use super::parts;
use crate::{
    core::{
        command::Command,
        model::{ConversationView, Traffic},
    },
    gui::{
        format,
        state::{Scene, Wish},
    },
};

/// Draws what passed since the program began, if anything did.
pub(crate) fn traffic_ui(ui: &mut Ui, scene: &Scene<'_>, conversation: &ConversationView) {
    let ConversationName::Direct(name) = &conversation.name else { return };
    let peers = scene.model.peers.iter().filter(|peer| peer.username == *name);
    let all = peers.fold(Traffic::default(), |sum, peer| Traffic {
        sent: sum.sent + peer.traffic.sent,
        received: sum.received + peer.traffic.received,
    });
    if all != Traffic::default() {
        let words =
            format!("{} sent, {} received", format::bytes(all.sent), format::bytes(all.received));
        parts::fact(ui, Icon::ArrowUpDown, "Since the start", &words);
    }
}

/// Draws whether this device's address is kept from the person, and lets the user change that.
pub(crate) fn address_ui(ui: &mut Ui, conversation: &ConversationView, out: &mut Vec<Wish>) {
    let ConversationName::Direct(_) = &conversation.name else { return };
    let mut on = conversation.relay_only;
    parts::choice(
        ui,
        &mut on,
        "Keep my network address from them: everything goes through the server",
    );
    if on != conversation.relay_only {
        let with = conversation.name.clone();
        out.push(Wish::tell(Command::RelayOnly { with, on }));
    }
}
