//! The window as eframe sees it: the first page or the conversations, and between frames the
//! traffic with the node.

use std::{fmt, path::PathBuf, sync::Arc};

use egui::{CentralPanel, Frame, Margin, Panel, Ui};
use tokio::sync::oneshot;

use super::{
    Account, Launcher, Login, Options,
    announcing::{Announcer, Announcing},
    drafts::Drafts,
    fonts,
    session::Session,
    settings::Settings,
    start_form::StartForm,
    state::{Errand, Scene, Surroundings, UiState, Wish},
    theme::{self, size},
    views::{chat, dialogs, keys, lightbox, overlay, sidebar, start},
    zone::Zone,
};
use crate::{
    core::{command::Failure, model::Model},
    handle::Handle,
};

mod entering;
mod telling;

/// The window.
pub struct Window {
    launcher: Launcher,
    runtime: tokio::runtime::Handle,
    clock: fn() -> u64,
    zone: Zone,
    /// Where settings are kept; none if the node was not started from here.
    folder: Option<PathBuf>,
    settings: Settings,
    form: StartForm,
    login: Option<Login>,
    launching: Option<oneshot::Receiver<Result<Handle, Failure>>>,
    /// A backup is being chosen in a dialog of the system.
    choosing: Option<oneshot::Receiver<PathBuf>>,
    session: Option<Session>,
    /// The conversations are shown, not the first page.
    entered: bool,
    model: Arc<Model>,
    state: UiState,
    drafts: Drafts,
    announcer: Option<Announcer>,
    announcing: Announcing,
    /// A size that the window has since a while, in egui's seconds.
    resized: Option<([u32; 2], f64)>,
    /// The title that the window has.
    title: String,
    out: Vec<Wish>,
    narrow: bool,
}

impl Window {
    /// Prepares the window within an egui context.
    pub fn new(context: &egui::Context, options: Options, launcher: Launcher) -> Self {
        theme::install(context);
        let Options { start, handle, runtime, clock, shutdown, announcer } = options;
        let closing = context.clone();
        // Ends with the runtime, if not before.
        drop(runtime.spawn(async move {
            shutdown.cancelled().await;
            closing.send_viewport_cmd(egui::ViewportCommand::Close);
            closing.request_repaint();
        }));
        let own_node = handle.is_none();
        let settings = if own_node { Settings::load(&start.data_dir) } else { Settings::default() };
        context.set_theme(settings.look.preference());
        let rendezvous = if start.rendezvous.is_empty() {
            settings.rendezvous.clone()
        } else {
            start.rendezvous
        };
        let username = start.username.or_else(|| settings.username.clone());
        let folder = own_node.then_some(start.data_dir);
        let drafts = Drafts::load(folder.as_deref());
        let mut window = Self {
            launcher,
            runtime,
            clock,
            zone: Zone::of_system(),
            folder,
            settings,
            form: StartForm::known(&rendezvous, username.as_ref()),
            login: None,
            launching: None,
            choosing: None,
            session: None,
            entered: !own_node,
            model: Arc::default(),
            state: UiState::new(context),
            drafts,
            announcer,
            announcing: Announcing::default(),
            resized: None,
            title: String::new(),
            out: Vec::new(),
            narrow: false,
        };
        window.restore(context);
        window.state.around = Surroundings {
            server: rendezvous.clone(),
            keeps_keys: own_node,
            documents: start.documents,
        };
        match (handle, username) {
            (Some(handle), _) => window.hold(handle, context),
            (None, Some(username)) if !rendezvous.is_empty() => {
                let account = Account::Here(username);
                window.launch(Login { rendezvous, token: None, account }, context);
            }
            (None, _) => {}
        }
        if start.conversation.is_some() {
            window.state.show(start.conversation, &mut window.out);
        }
        window
    }

    fn conversations_ui(&mut self, ui: &mut Ui) {
        let width = ui.available_width();
        self.narrow = width < theme::NARROW;
        let model = Arc::clone(&self.model);
        let scene = Scene {
            model: &model,
            now_ms: (self.clock)(),
            zone: &self.zone,
            narrow: self.narrow,
            focused: ui.input(|input| input.focused),
        };
        keys::take_keys(ui, &scene, &mut self.state, &mut self.out);
        take_dropped(ui, &scene, &mut self.state);
        let palette = theme::palette(ui);
        let side = Frame::new().fill(sidebar::fill(ui)).inner_margin(Margin::ZERO);
        let current = self.state.current.clone();
        match (&current, self.narrow) {
            (None, true) => {
                CentralPanel::default().frame(side).show(ui, |ui| {
                    sidebar::sidebar_ui(ui, &scene, &mut self.state, &mut self.out);
                });
            }
            (Some(name), true) => {
                chat::chat_ui(ui, &scene, name, &mut self.state, &mut self.out);
            }
            (current, false) => {
                let breadth = if width < 860.0 { theme::SIDEBAR - 48.0 } else { theme::SIDEBAR };
                let panel = Panel::left("sidebar").exact_size(breadth).resizable(false).frame(side);
                panel.show_separator_line(true).show(ui, |ui| {
                    sidebar::sidebar_ui(ui, &scene, &mut self.state, &mut self.out);
                });
                if let Some(name) = current {
                    chat::chat_ui(ui, &scene, name, &mut self.state, &mut self.out);
                } else {
                    let frame = Frame::new().fill(palette.canvas);
                    CentralPanel::default().frame(frame).show(ui, nothing_chosen_ui);
                }
            }
        }
        let context = ui.ctx().clone();
        let mut look = self.settings.look;
        dialogs::dialog_ui(&context, &scene, &mut look, (&mut self.state, &mut self.out));
        lightbox::lightbox_ui(&context, &scene, &mut self.state);
        let open = self.state.current.as_ref().filter(|name| !scene.is_blocked(name));
        if let Some(name) = open {
            overlay::drop_ui(&context, name);
        }
        if look != self.settings.look {
            self.set_look(look, &context);
        }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, context: &egui::Context, _frame: &mut eframe::Frame) {
        self.poll_launch(context);
        if let Some(Ok(place)) = self.choosing.as_mut().map(oneshot::Receiver::try_recv) {
            self.form.file = place.display().to_string();
            self.choosing = None;
        }
        let now = context.input(|input| input.time);
        if let Some(session) = &mut self.session {
            self.model = session.model();
            session.receive(&mut self.state, now, &mut self.out);
            self.state.mentions.poll(&self.model, &mut self.out);
            self.follow_tie();
            self.announce(context);
        }
        self.flush();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.state.images.begin_frame();
        if self.entered {
            self.conversations_ui(ui);
            overlay::toast_ui(ui.ctx(), &mut self.state);
            self.flush();
            self.keep(ui.ctx());
        } else if let Some(login) = start::start_ui(ui, &mut self.form) {
            let context = ui.ctx().clone();
            self.launch(login, &context);
        } else if std::mem::take(&mut self.form.cancelled) {
            self.session = None;
            self.launching = None;
            self.form.progress = None;
        } else if std::mem::take(&mut self.form.choosing) {
            self.choose_backup(ui.ctx());
        }
    }

    fn persist_egui_memory(&self) -> bool {
        // It may hold what was written.
        false
    }
}

impl Window {
    /// The one place where commands leave.
    fn flush(&mut self) {
        let errands = std::mem::take(&mut self.state.errands);
        if let Some(session) = &mut self.session {
            session.send(self.out.drain(..));
            session.run(errands);
        }
        self.out.clear();
    }
}

fn nothing_chosen_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let centre = ui.max_rect().center();
    let words = "Choose a conversation, or start a new one";
    let galley = ui.painter().layout_no_wrap(
        words.to_owned(),
        fonts::medium(size::SMALL),
        palette.text_weak,
    );
    let pill = egui::Rect::from_center_size(centre, galley.size() + egui::vec2(28.0, 14.0));
    ui.painter().rect_filled(pill, egui::CornerRadius::same(theme::radius::PILL), palette.pill);
    ui.painter().galley(pill.center() - galley.size() / 2.0, galley, palette.text_weak);
}

/// Takes in files that were dropped on the window.
fn take_dropped(ui: &Ui, scene: &Scene<'_>, state: &mut UiState) {
    let Some(name) = state.current.as_ref().filter(|name| !scene.is_blocked(name)) else { return };
    let paths: Vec<PathBuf> = ui.input(|input| {
        input.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect()
    });
    if !paths.is_empty() {
        state.errands.push(Errand::AddFiles(name.clone(), paths));
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Window").field("entered", &self.entered).finish_non_exhaustive()
    }
}
