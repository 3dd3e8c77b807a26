//! From the first page to the conversations, and what the window keeps over restarts.

use tokio::sync::oneshot;

use super::Window;
use crate::{
    core::{command::Failure, model::ServerTie},
    gui::{
        Login,
        choosing::Choice,
        format,
        session::Session,
        settings::{Look, Settings},
        start_form::{StartForm, Way},
        state::ChatState,
        views::ways,
    },
    handle::Handle,
};

/// Seconds without another size before the window's size is kept.
const SETTLED: f64 = 0.5;

impl Window {
    /// Takes over what was kept when the window was last open.
    pub(super) fn restore(&mut self, context: &egui::Context) {
        // Its keys are taken by the window itself, which keeps what they do.
        context.options_mut(|options| options.zoom_with_keyboard = false);
        self.state.preferences = self.settings.preferences.clone();
        self.state.picker.restore(&self.state.preferences);
        self.state.preferences.apply(context);
        self.state.writings = self.drafts.writings();
    }

    /// Keeps what changed.
    pub(super) fn keep(&mut self, context: &egui::Context) {
        self.state.picker.keep(&mut self.state.preferences);
        let now = context.input(|input| input.time);
        if let Some(seconds) = self.drafts.poll(&self.state.writings, now) {
            context.request_repaint_after_secs(seconds as f32);
        }
        self.keep_size(context, now);
        if self.state.preferences == self.settings.preferences {
            return;
        }
        self.state.preferences.apply(context);
        self.settings.preferences = self.state.preferences.clone();
        if let Some(folder) = &self.folder {
            self.settings.save(folder);
        }
    }

    /// Keeps the window's size once it stays the same for a while.
    fn keep_size(&mut self, context: &egui::Context, now: f64) {
        let (inner, covering) = context.input(|input| {
            let viewport = input.viewport();
            let covering = viewport.maximized.or(viewport.fullscreen).unwrap_or_default();
            (viewport.inner_rect, covering)
        });
        let Some(inner) = inner.filter(|_| !covering) else { return };
        let size = (inner.size() * context.zoom_factor()).round();
        let size = [size.x as u32, size.y as u32];
        if self.state.preferences.size == Some(size) {
            self.resized = None;
            return;
        }
        match self.resized {
            Some((seen, since)) if seen == size && now - since > SETTLED => {
                self.state.preferences.size = Some(size);
                self.resized = None;
            }
            Some((seen, _)) if seen == size => {}
            _ => self.resized = Some((size, now)),
        }
        context.request_repaint_after_secs(SETTLED as f32);
    }

    /// Has a node started.
    pub(super) fn launch(&mut self, login: Login, context: &egui::Context) {
        // The old node has to let go of the data folder first.
        self.session = None;
        self.form.progress = Some(ways::progress(self.form.way).to_owned());
        self.state.around.server.clone_from(&login.rendezvous);
        let results = (self.launcher)(login.clone());
        let (deliver, result) = oneshot::channel();
        let context = context.clone();
        let wait = move || {
            let stopped = || Failure::new("stopped", "The start was given up");
            let result = results.recv().unwrap_or_else(|_error| Err(stopped()));
            if deliver.send(result).is_ok() {
                context.request_repaint();
            }
        };
        drop(self.runtime.spawn_blocking(wait));
        self.launching = Some(result);
        self.login = Some(login);
    }

    /// Lets the user choose a backup in a dialog of the system.
    pub(super) fn choose_backup(&mut self, context: &egui::Context) {
        let (deliver, chosen) = oneshot::channel();
        let context = context.clone();
        drop(self.runtime.spawn(async move {
            if let Some(place) = Choice::File.ask().await
                && deliver.send(place).is_ok()
            {
                context.request_repaint();
            }
        }));
        self.choosing = Some(chosen);
    }

    pub(super) fn hold(&mut self, handle: Handle, context: &egui::Context) {
        let folder = self.folder.clone();
        self.session = Some(Session::new(handle, self.runtime.clone(), folder, context));
    }

    /// Takes in the result of a start.
    pub(super) fn poll_launch(&mut self, context: &egui::Context) {
        let Some(launching) = &mut self.launching else { return };
        let result = match launching.try_recv() {
            Ok(result) => result,
            Err(oneshot::error::TryRecvError::Empty) => return,
            Err(oneshot::error::TryRecvError::Closed) => {
                Err(Failure::new("stopped", "The start was given up"))
            }
        };
        self.launching = None;
        match result {
            Ok(handle) => {
                self.hold(handle, context);
                // Whatever way it took, the account is here now.
                let server = std::mem::take(&mut self.form.server);
                let progress = Some(ways::progress(Way::Here).to_owned());
                let name = std::mem::take(&mut self.form.name);
                self.form = StartForm { server, name, progress, ..StartForm::default() };
            }
            Err(failure) => self.back_to_form(&failure.text),
        }
    }

    /// Shows the first page with what went wrong.
    fn back_to_form(&mut self, error: &str) {
        self.session = None;
        self.entered = false;
        self.form.progress = None;
        self.form.error = Some(format::sentence(error));
        self.form.focused = false;
        self.state.current = None;
        self.state.chat = ChatState::default();
        self.state.dialog = None;
        self.state.lightbox = None;
    }

    /// Decides between the first page and the conversations.
    pub(super) fn follow_tie(&mut self) {
        let started_here = self.folder.is_some();
        if let Some(me) = &self.model.me
            && self.form.name.is_empty()
        {
            self.form.name = me.username.to_string();
        }
        let known = self.model.me.is_some() && !self.model.conversations.is_empty();
        match &self.model.server {
            ServerTie::Refused { text, .. } if started_here => self.back_to_form(&text.clone()),
            ServerTie::Registered if !self.entered => {
                self.entered = true;
                self.form = StartForm { progress: None, error: None, ..self.form.clone() };
                self.keep_login();
            }
            ServerTie::Lost { text } if !self.entered && !known => {
                // The node goes on trying; a new start replaces it.
                self.form.progress = None;
                self.form.error = Some(text.clone());
            }
            ServerTie::Lost { .. } | ServerTie::Connecting if !self.entered && known => {
                self.entered = true;
            }
            _ => {}
        }
    }

    fn keep_login(&mut self) {
        let (Some(folder), Some(login)) = (&self.folder, &self.login) else { return };
        let Some(me) = &self.model.me else { return };
        let kept = Settings {
            rendezvous: login.rendezvous.clone(),
            username: Some(me.username.clone()),
            ..self.settings.clone()
        };
        if kept != self.settings {
            self.settings = kept;
            self.settings.save(folder);
        }
    }

    pub(super) fn set_look(&mut self, look: Look, context: &egui::Context) {
        context.set_theme(look.preference());
        self.settings.look = look;
        if let Some(folder) = &self.folder {
            self.settings.save(folder);
        }
    }
}
