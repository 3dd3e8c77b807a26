//! What kind of network this is, how others see this device, and what was tried, as text to be read and passed on.

use egui::{Label, RichText, Ui};

use super::parts;
use crate::{
    core::command::{Answer, Command},
    gui::{
        fonts,
        pages::Dialog,
        state::{Purpose, UiState, Wish},
        theme::{self, size, space},
        widgets::button,
    },
};

/// The page.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// It was asked for.
    pub(crate) asked: bool,
    /// The text, or why there is none.
    pub(crate) text: Option<Result<String, String>>,
}

impl Diagnosis {
    /// Takes a positive answer in.
    pub(crate) fn answered(answer: Answer, state: &mut UiState) {
        if let Answer::Diagnostics(it) = answer {
            Self::take(Ok(it.text()), state);
        }
    }

    /// Takes the answer in, if the page is still in view.
    pub(crate) fn take(text: Result<String, String>, state: &mut UiState) {
        if let Some(Dialog::Diagnostics(page)) = &mut state.dialog {
            page.text = Some(text);
        }
    }
}

/// Draws the page, and tells whether the user leaves.
pub(crate) fn diagnostics_ui(
    ui: &mut Ui,
    page: &mut Diagnosis,
    state: &mut UiState,
    out: &mut Vec<Wish>,
) -> bool {
    if !std::mem::replace(&mut page.asked, true) {
        out.push(Wish { command: Command::Diagnose, purpose: Purpose::Diagnose });
    }
    if parts::page_heading(ui, "Network") {
        state.dialog = Some(Dialog::Settings);
        return false;
    }
    let palette = theme::palette(ui);
    let (text, colour) = match &page.text {
        None => ("Asking the server how it sees this device…", palette.text_weak),
        Some(Ok(text)) => (text.as_str(), palette.text),
        Some(Err(text)) => (text.as_str(), palette.warning),
    };
    ui.add(Label::new(RichText::new(text).font(fonts::regular(size::SMALL)).color(colour)).wrap());
    ui.add_space(space::M);
    if let Some(Ok(text)) = &page.text {
        let width = ui.available_width();
        if button::text(ui, "Copy", button::Kind::Plain, Some(width)).clicked() {
            ui.copy_text(text.clone());
            let now = ui.input(|input| input.time);
            state.tell("The text is on the clipboard; it holds addresses", false, now);
        }
        if button::text(ui, "Look again", button::Kind::Plain, Some(width)).clicked() {
            *page = Diagnosis::default();
        }
    }
    false
}
