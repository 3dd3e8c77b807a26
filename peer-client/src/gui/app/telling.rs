//! What is told of new messages while the window is not looked at.

use std::sync::Arc;

use egui::{UserAttentionType, ViewportCommand};

use super::Window;
use crate::gui::{
    announcing::{self, Announcement},
    inbox::Delivery,
    preferences::Notify,
};

impl Window {
    /// Tells of new messages, by the window's title too.
    pub(super) fn announce(&mut self, context: &egui::Context) {
        let model = Arc::clone(&self.model);
        let focused = context.input(|input| input.focused);
        let looked_at = self.state.current.as_ref().filter(|_| focused && self.entered);
        let news = self.announcing.poll(&model, looked_at);
        let title = announcing::title(&model);
        if self.title != title {
            context.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        let (Some(announcer), Some(session)) = (&self.announcer, &self.session) else { return };
        let notify = self.state.preferences.notify;
        if !focused && !news.is_empty() && notify != Notify::Off {
            let attention = UserAttentionType::Informational;
            context.send_viewport_cmd(ViewportCommand::RequestUserAttention(attention));
        }
        for conversation in news {
            let Some((title, text)) = announcing::words(conversation, notify) else { continue };
            let (door, name) = (session.door(), conversation.name.clone());
            let open = Box::new(move || door.deliver(Delivery::Show(name)));
            announcer(Announcement { conversation: conversation.name.clone(), title, text, open });
        }
    }
}
