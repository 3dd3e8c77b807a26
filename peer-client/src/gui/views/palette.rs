//! Goes anywhere and does anything by a part of its name.

use egui::{CornerRadius, CursorIcon, Id, Key, Modifiers, Rect, Role, ScrollArea, Sense, Ui, Vec2};
use egui::{WidgetInfo, vec2};
use lucide_icons::Icon;
use wire::name::{ConversationName, Username};

use super::{find, sidebar};
use crate::{
    core::command::Command,
    gui::{
        fonts,
        pages::{Devices, Dialog, Entry},
        settings::Look,
        state::{Purpose, Scene, UiState, Wish},
        text,
        theme::{self, radius, size, space},
        widgets::{avatar, centred, field, galley_centred},
    },
};

/// Height of a line, in points.
const ROW: f32 = 44.0;
/// Lines that are offered at most.
const LINES: usize = 60;
/// Height of the part that scrolls, in points.
const HEIGHT: f32 = 8.0 * ROW;
/// What the field is for.
pub(crate) const HINT: &str = "Go to a person, a group or a command";

/// What is sought, and which of the lines is chosen.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    text: String,
    at: usize,
    shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    NewChat,
    JoinGroup,
    CreateGroup,
    Find,
    Settings,
    Devices,
    Keys,
    Look(Look),
    Larger,
    Smaller,
}

const ACTS: [(Act, Icon, &str, &str); 12] = [
    (Act::NewChat, Icon::User, "New chat", "Ctrl+N"),
    (Act::JoinGroup, Icon::Users, "Join group", ""),
    (Act::CreateGroup, Icon::Lock, "New private group", ""),
    (Act::Find, Icon::Search, "Search in this conversation", "Ctrl+F"),
    (Act::Settings, Icon::Settings, "Settings", "Ctrl+,"),
    (Act::Devices, Icon::MonitorSmartphone, "Devices", ""),
    (Act::Keys, Icon::Keyboard, "Keyboard shortcuts", "F1"),
    (Act::Look(Look::Light), Icon::Sun, "Light look", ""),
    (Act::Look(Look::Dark), Icon::Moon, "Dark look", ""),
    (Act::Look(Look::System), Icon::Monitor, "Look of the system", ""),
    (Act::Larger, Icon::ZoomIn, "Make everything larger", "Ctrl++"),
    (Act::Smaller, Icon::ZoomOut, "Make everything smaller", "Ctrl+-"),
];

/// A line that is offered.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    /// A conversation, and its newest message.
    Conversation(ConversationName),
    /// Somebody with whom there is no conversation yet.
    Person(Username),
    /// By its place among all.
    Act(usize),
}

/// Draws the field and what is offered, and tells whether the user leaves.
pub(crate) fn palette_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    (palette, look): (&mut Palette, &mut Look),
    (state, out): (&mut UiState, &mut Vec<Wish>),
) -> bool {
    let keys = take_keys(ui);
    let search = field::search(ui, Id::unique("palette"), &mut palette.text, HINT);
    if !std::mem::replace(&mut palette.shown, true) {
        search.request_focus();
    }
    if search.changed() {
        palette.at = 0;
    }
    let lines = lines(scene, palette.text.trim(), state);
    let last = lines.len().saturating_sub(1);
    palette.at = palette.at.saturating_add_signed(keys.by).min(last);
    ui.add_space(space::S);
    let clicked = lines_ui(ui, scene, (&lines, palette.at, keys.by != 0));
    let chosen = clicked.or(keys.enter.then_some(palette.at)).and_then(|at| lines.get(at));
    match chosen {
        Some(line) => {
            follow(line, look, (state, out));
            true
        }
        None => false,
    }
}

struct Keys {
    by: isize,
    enter: bool,
}

fn take_keys(ui: &Ui) -> Keys {
    ui.input_mut(|input| {
        let down = input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown) as isize;
        let up = input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp) as isize;
        let enter = input.consume_key(Modifiers::NONE, Key::Enter);
        Keys { by: down - up, enter }
    })
}

/// What a text may mean, the best first.
fn lines(scene: &Scene<'_>, text: &str, state: &UiState) -> Vec<Line> {
    let needle = text.trim_start_matches(['@', '#', '>']).to_lowercase();
    let mut found: Vec<(u8, Line)> = Vec::new();
    let conversations = sidebar::ordered(scene, &state.preferences);
    for conversation in &conversations {
        let name = &conversation.name;
        if state.current.as_ref() != Some(name)
            && let Some(rank) = rank(&sidebar::title(name), &needle)
        {
            found.push((rank, Line::Conversation(name.clone())));
        }
    }
    let acts = ACTS.iter().enumerate().filter(|(_, (act, ..))| {
        // Within no conversation nothing can be sought.
        *act != Act::Find || state.current.is_some()
    });
    for (index, (.., title, _)) in acts {
        found.extend(rank(title, &needle).map(|rank| (rank, Line::Act(index))));
    }
    if !needle.is_empty() {
        let mut people: Vec<&Username> = scene.model.peers.iter().map(|it| &it.username).collect();
        people.sort_unstable();
        people.dedup();
        let new = |name: &&Username| {
            let name = ConversationName::Direct((*name).clone());
            !conversations.iter().any(|it| it.name == name)
        };
        for name in people.into_iter().filter(new) {
            found.extend(rank(name.as_str(), &needle).map(|it| (it, Line::Person(name.clone()))));
        }
        found.sort_by_key(|(rank, _)| *rank);
    }
    found.into_iter().map(|(_, line)| line).take(LINES).collect()
}

/// How well a name fits to what is sought, the smaller the better.
fn rank(name: &str, needle: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name == needle {
        Some(0)
    } else if name.starts_with(needle) {
        Some(1)
    } else if name.split([' ', '.', '-', '_']).any(|word| word.starts_with(needle)) {
        Some(2)
    } else if name.contains(needle) {
        Some(3)
    } else {
        // All letters in their order, with others between them.
        let mut letters = name.chars();
        needle.chars().all(|it| letters.any(|other| other == it)).then_some(4)
    }
}

/// Draws the lines, and gives the one that was clicked.
fn lines_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    (lines, at, moved): (&[Line], usize, bool),
) -> Option<usize> {
    let mut clicked = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = ScrollArea::vertical().id_salt("palette").auto_shrink([false, true]);
    area.max_height(HEIGHT).show(ui, |ui| {
        for (index, line) in lines.iter().enumerate() {
            let width = ui.available_width();
            let (rect, response) = ui.allocate_exact_size(vec2(width, ROW), Sense::click());
            if moved && index == at {
                ui.scroll_to_rect(rect, None);
            }
            if ui.is_rect_visible(rect) {
                line_ui(ui, scene, rect, (line, index == at, response.hovered()));
            }
            let name = title(line);
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, index == at, &name));
            if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
                clicked = Some(index);
            }
        }
        if lines.is_empty() {
            let palette = theme::palette(ui);
            let room = vec2(ui.available_width(), 2.0 * ROW);
            let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
            let (words, font) = ("Nothing found", fonts::regular(size::BODY));
            centred(ui.painter(), rect, words, font, palette.text_faint);
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
        }
    });
    clicked
}

fn title(line: &Line) -> String {
    match line {
        Line::Conversation(name) => format!("Go to {name}"),
        Line::Person(name) => format!("Write to {name}"),
        Line::Act(index) => ACTS[*index].2.to_owned(),
    }
}

fn line_ui(ui: &Ui, scene: &Scene<'_>, rect: Rect, (line, chosen, hovered): (&Line, bool, bool)) {
    let palette = theme::palette(ui);
    let fill = match (chosen, hovered) {
        (true, _) => palette.selected,
        (false, true) => palette.hover,
        (false, false) => egui::Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), fill);
    let sign = Rect::from_center_size(rect.left_center() + vec2(24.0, 0.0), Vec2::splat(30.0));
    let (name, beside) = match line {
        Line::Conversation(name) => {
            avatar::paint(ui.painter(), sign, &name.to_string());
            let unread = scene.conversation(name).map_or(0, |it| it.unread);
            let beside = if unread > 0 { format!("{unread} unread") } else { String::new() };
            (name.to_string(), beside)
        }
        Line::Person(name) => {
            avatar::paint(ui.painter(), sign, name.as_str());
            (format!("@{name}"), "New chat".to_owned())
        }
        Line::Act(index) => {
            let (_, icon, title, keys) = ACTS[*index];
            let glyph = fonts::glyph(icon);
            centred(ui.painter(), sign, &glyph, fonts::icons(18.0), palette.text_weak);
            (title.to_owned(), keys.to_owned())
        }
    };
    let font = fonts::regular(size::SMALL);
    let beside = text::one_line(ui, &beside, 120.0, font, palette.text_faint);
    let right = rect.right() - space::M - beside.size().x;
    galley_centred(ui.painter(), egui::pos2(right, rect.center().y), beside);
    let left = sign.right() + space::M;
    let name = text::one_line(ui, &name, right - left, fonts::medium(size::BODY), palette.text);
    galley_centred(ui.painter(), egui::pos2(left, rect.center().y), name);
}

fn follow(line: &Line, look: &mut Look, (state, out): (&mut UiState, &mut Vec<Wish>)) {
    match line {
        Line::Conversation(name) => {
            state.show(Some(name.clone()), out);
            state.focus_composer = true;
        }
        Line::Person(username) => {
            let conversation = ConversationName::Direct(username.clone());
            let command = Command::Open { conversation: conversation.clone() };
            out.push(Wish { command, purpose: Purpose::Start(conversation) });
        }
        Line::Act(index) => match ACTS[*index].0 {
            Act::NewChat => state.dialog = Some(Dialog::NewChat(Entry::default())),
            Act::JoinGroup => state.dialog = Some(Dialog::JoinGroup(Entry::default())),
            Act::CreateGroup => state.dialog = Some(Dialog::CreateGroup(Entry::default())),
            Act::Find => find::begin(state),
            Act::Settings => state.dialog = Some(Dialog::Settings),
            Act::Devices => state.dialog = Some(Dialog::Devices(Devices::default())),
            Act::Keys => state.dialog = Some(Dialog::Keys),
            Act::Look(chosen) => *look = chosen,
            Act::Larger => state.preferences.enlarge(1),
            Act::Smaller => state.preferences.enlarge(-1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ranked_by_where_the_text_is() {
        let ranks = ["rust", "rusty", "the rust", "trust", "r-u-s-t"].map(|it| rank(it, "rust"));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(rank("Rust", "rust"), Some(0));
        assert_eq!(rank("rast", "rust"), None);
        assert_eq!(rank("anything", ""), Some(1));
    }
}
