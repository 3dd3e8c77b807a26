//! A message: its layout, which also gives its height, and its look.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, Galley, Rect, Response, Role, Sense, Shadow, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};
use lucide_icons::Icon;

use super::{
    attachment::{self, FileLine, Use},
    button,
    meta::{self, Meta},
    quote, words,
};
use crate::{
    core::model::{Body, ConversationView, MessageView},
    gui::{
        emoji, fonts,
        grouping::Place,
        images::Images,
        mentions::{self, Mention},
        state::Scene,
        text::{self, Look, Target, Text},
        theme::{self, Palette, radius, size},
    },
};

/// Around the text, in points.
const PAD: Vec2 = vec2(12.0, 8.0);
/// Around an image, in points.
const FRAME: f32 = 4.0;
/// Height of the author's name, in points.
const NAME: f32 = 20.0;
/// Height of a quote, in points.
const QUOTE: f32 = 42.0;
/// Width of a sign before the text, in points.
const SIGN: f32 = 22.0;
/// Between the text and the small line beside it, in points.
const META_GAP: f32 = 12.0;

/// What is wanted of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Something about its file.
    File(Use),
    /// Go to the message that it answers.
    Quoted,
    /// Go where a part of its text leads.
    Follow(Target),
}

/// A message, laid out.
pub(crate) struct Bubble {
    /// Its size, in points.
    pub(crate) size: Vec2,
    name: Option<Arc<Galley>>,
    quote: Option<[Arc<Galley>; 2]>,
    picture: Option<Vec2>,
    file: Option<FileLine>,
    text: Option<Text>,
    /// A sign before the text.
    sign: Option<Icon>,
    meta: Meta,
    /// Words to be marked in the text.
    pub(crate) sought: Option<Arc<str>>,
    /// It has no ground of its own.
    bare: bool,
}

/// Lays a message out that may be so wide.
pub(crate) fn layout(
    ui: &Ui,
    scene: &Scene<'_>,
    message: &MessageView,
    place: Place,
    width: f32,
) -> Bubble {
    let palette = theme::palette(ui);
    let inner = width - 2.0 * PAD.x;
    let (caption, attached) = match &message.body {
        Body::Text(text) => (Some(text.as_str()), None),
        Body::Attachment(file) => (file.caption.as_deref(), Some(&**file)),
        Body::Erased => (Some("This message was erased"), None),
        Body::Unsupported => (Some("A message of a newer version of Natterjack"), None),
    };
    let sign = (message.body == Body::Erased).then_some(Icon::Ban);
    let inner = if sign.is_some() { inner - SIGN } else { inner };
    let bare =
        attached.is_none() && message.reply_to.is_none() && caption.is_some_and(emoji::is_jumbo);
    let picture = attached.and_then(|file| attachment::picture_size(file, width - 2.0 * FRAME));
    let file = attached
        .filter(|_| picture.is_none())
        .map(|file| attachment::file_line(ui, scene, file, inner));
    let room =
        picture.map_or(inner, |picture| inner.min((picture.x - 2.0 * (PAD.x - FRAME)).max(180.0)));
    let text = caption.map(str::trim_end).filter(|text| !text.is_empty()).map(|text| {
        let named = named(scene, message, text);
        text::layout(ui, text, room, (&look(message, palette, bare), &named))
    });
    let named = place.first && !message.own && in_group(message);
    let mut bubble = Bubble {
        size: Vec2::ZERO,
        name: named.then(|| name(ui, message, palette, inner)),
        quote: message.reply_to.as_ref().map(|quote| quote::lines(ui, quote, palette, inner)),
        picture,
        file,
        text,
        sign,
        meta: meta::layout(ui, scene, message),
        sought: None,
        bare,
    };
    bubble.size = bubble.measure(inner);
    bubble
}

impl Bubble {
    fn measure(&self, inner: f32) -> Vec2 {
        let mut wide: f32 = 0.0;
        let mut high = PAD.y;
        if let Some(name) = &self.name {
            wide = wide.max(name.size().x);
            high += NAME;
        }
        if let Some([author, excerpt]) = &self.quote {
            wide = wide.max(author.size().x.max(excerpt.size().x) + 24.0);
            high += QUOTE + 6.0;
        }
        if let Some(picture) = self.picture {
            wide = wide.max(picture.x - 2.0 * (PAD.x - FRAME));
            high += picture.y + if self.is_topped() { 6.0 } else { FRAME - PAD.y + 6.0 };
        }
        if let Some(file) = &self.file {
            let beside = if self.text.is_none() {
                file.state_width + META_GAP + self.meta.width
            } else {
                0.0
            };
            wide = wide.max(file.width).max(beside);
            high += attachment::FILE_HEIGHT + if self.text.is_some() { 6.0 } else { 0.0 };
        }
        if let Some(text) = &self.text {
            let size = text.galley.size();
            wide = wide.max(size.x + self.indent());
            high += size.y;
            if let Some(last) = self.room_beside_text(inner) {
                wide = wide.max(last + self.indent());
            } else {
                high += meta::HEIGHT;
            }
        } else if self.picture.is_some() {
            high += FRAME - 6.0 - PAD.y;
        }
        wide = wide.max(self.meta.width);
        vec2(wide + 2.0 * PAD.x, high + PAD.y).ceil()
    }

    /// Room for the sign before the text.
    fn indent(&self) -> f32 {
        if self.sign.is_some() { SIGN } else { 0.0 }
    }

    /// Whether something is above the image.
    fn is_topped(&self) -> bool {
        self.name.is_some() || self.quote.is_some()
    }

    /// The width of the last line with the small line beside it, if both fit.
    fn room_beside_text(&self, inner: f32) -> Option<f32> {
        let galley = &self.text.as_ref()?.galley;
        let last = galley.rows.last()?;
        let width = last.rect_without_leading_space().width() + META_GAP + self.meta.width;
        (galley.job.halign == egui::Align::LEFT && width <= inner).then_some(width)
    }

    /// Draws the message, and tells what is wanted of it. The response is of the whole bubble.
    pub(crate) fn show(
        &self,
        ui: &mut Ui,
        rect: Rect,
        (message, place): (&MessageView, Place),
        (scene, images): (&Scene<'_>, &mut Images),
    ) -> (Response, Option<Wanted>) {
        let palette = theme::palette(ui);
        let mut response = ui.interact(rect, ui.scope_id().with("bubble"), Sense::click());
        if !self.bare {
            paint_ground(ui, rect, message.own, place, palette);
        }
        button::focus_ring(ui, rect, &response, radius::BUBBLE);
        let mut wanted = None;
        let left = rect.left() + PAD.x;
        let mut top = rect.top() + PAD.y;
        if let Some(name) = &self.name {
            ui.painter().galley(pos2(left, top - 1.0), Arc::clone(name), palette.text);
            top += NAME;
        }
        if let Some(lines) = &self.quote {
            let quote =
                Rect::from_min_size(pos2(left, top), vec2(rect.width() - 2.0 * PAD.x, QUOTE));
            if quote::quote_ui(ui, quote, message, lines, palette) {
                wanted = Some(Wanted::Quoted);
            }
            top += QUOTE + 6.0;
        }
        if let (Some(size), Body::Attachment(file)) = (self.picture, &message.body) {
            if !self.is_topped() {
                top += FRAME - PAD.y;
            }
            let picture = Rect::from_min_size(
                pos2(rect.left() + FRAME, top),
                vec2(rect.width() - 2.0 * FRAME, size.y),
            );
            let used = attachment::picture_ui(ui, picture, scene, file, (images, palette));
            wanted = wanted.or(used.map(Wanted::File));
            top += size.y + 6.0;
        }
        if let (Some(line), Body::Attachment(file)) = (&self.file, &message.body) {
            let size = vec2(rect.width() - 2.0 * PAD.x, attachment::FILE_HEIGHT);
            let at = Rect::from_min_size(pos2(left, top), size);
            let used = attachment::file_ui(ui, at, scene, (file, line), palette);
            wanted = wanted.or(used.map(Wanted::File));
            top += attachment::FILE_HEIGHT + 6.0;
        }
        if let Some(text) = &self.text {
            let size = vec2(rect.width() - 2.0 * PAD.x, text.galley.size().y);
            let at = Rect::from_min_size(pos2(left, top), size);
            let (words, target) = self.words_ui(ui, at, text, palette);
            response |= words;
            wanted = wanted.or(target.map(Wanted::Follow));
        }
        let meta = self.paint_meta(ui, rect, message, palette);
        ui.interact(meta, ui.scope_id().with("meta"), Sense::hover()).on_hover_ui(|ui| {
            ui.label(meta::words(scene, message));
        });
        response
            .widget_info(|| WidgetInfo::labeled(Role::ListItem, true, description(scene, message)));
        (response, wanted)
    }

    fn words_ui(
        &self,
        ui: &mut Ui,
        mut rect: Rect,
        text: &Text,
        palette: &Palette,
    ) -> (Response, Option<Target>) {
        if let Some(sign) = self.sign {
            let at = Rect::from_min_size(rect.min, vec2(16.0, rect.height()));
            let font = fonts::icons(15.0);
            super::centred(ui.painter(), at, &fonts::glyph(sign), font, palette.text_weak);
        }
        rect.min.x += self.indent();
        if let Some(sought) = &self.sought {
            words::paint_found(ui, rect.min, text, (sought, palette.found));
        }
        words::words_ui(ui, rect, text)
    }

    fn paint_meta(&self, ui: &Ui, rect: Rect, message: &MessageView, palette: &Palette) -> Rect {
        let over_picture = self.picture.is_some() && self.text.is_none();
        let (inset, colours) = if over_picture {
            (vec2(14.0, 10.0), (Color32::WHITE, palette.read.lerp_to_gamma(Color32::WHITE, 0.5)))
        } else {
            let weak = if message.own && !self.bare {
                palette.bubble_own_meta
            } else {
                palette.bubble_other_meta
            };
            (vec2(PAD.x - 1.0, 5.0), (weak, palette.read))
        };
        let right_bottom = rect.right_bottom() - inset;
        let at =
            Rect::from_min_max(right_bottom - vec2(self.meta.width, meta::HEIGHT), right_bottom);
        if over_picture {
            let pill = at.expand2(vec2(7.0, 2.0));
            ui.painter().rect_filled(
                pill,
                CornerRadius::same(radius::PILL),
                Color32::from_black_alpha(130),
            );
        }
        meta::paint(ui, at, &self.meta, colours);
        at
    }
}

fn in_group(message: &MessageView) -> bool {
    matches!(message.conversation, wire::name::ConversationName::Group(_))
}

/// Members of the conversation who are named in a text.
fn named(scene: &Scene<'_>, message: &MessageView, text: &str) -> Vec<Mention> {
    let me = scene.model.me.as_ref().map(|me| &me.username);
    mentions::find(text, |name| {
        let is_me = me == Some(name);
        let of = scene.conversation(&message.conversation);
        let is_member = |it: &ConversationView| it.members.iter().any(|m| m.username == *name);
        let is_known = is_me || of.is_some_and(is_member);
        is_known.then_some(is_me)
    })
}

fn look(message: &MessageView, palette: &Palette, bare: bool) -> Look {
    let unsupported = matches!(message.body, Body::Erased | Body::Unsupported);
    Look {
        font: fonts::regular(if bare { size::JUMBO } else { size::BODY }),
        colour: if unsupported { palette.text_weak } else { palette.text },
        link: palette.link,
        mention: palette.accent,
        code: palette.inset,
        italics: unsupported,
        marked_up: !unsupported && !bare,
    }
}

fn name(ui: &Ui, message: &MessageView, palette: &Palette, width: f32) -> Arc<Galley> {
    let name = message.from.as_str();
    let colour = palette.names[theme::colour_of(name)];
    text::one_line(ui, name, width, fonts::semibold(size::SMALL), colour)
}

fn paint_ground(ui: &Ui, rect: Rect, own: bool, place: Place, palette: &Palette) {
    let (round, joined) = (radius::BUBBLE, radius::JOINED);
    let top = if place.first { round } else { joined };
    let bottom = if place.last { round } else { joined };
    let corner = if own {
        CornerRadius {
            nw: round,
            sw: round,
            ne: top,
            se: bottom.min(if place.last { 4 } else { joined }),
        }
    } else {
        CornerRadius {
            ne: round,
            se: round,
            nw: top,
            sw: bottom.min(if place.last { 4 } else { joined }),
        }
    };
    let fill = if own { palette.bubble_own } else { palette.bubble_other };
    if !palette.dark {
        let color = Color32::from_black_alpha(18);
        let shadow = Shadow { offset: [0, 1], blur: 3, spread: 0, color };
        ui.painter().add(shadow.as_shape(rect, corner));
    }
    ui.painter().rect_filled(rect, corner, fill);
}

/// What a message is, in words, for those who hear it.
fn description(scene: &Scene<'_>, message: &MessageView) -> String {
    let body = match &message.body {
        Body::Text(text) => text.clone(),
        Body::Attachment(file) => file.name.clone(),
        Body::Erased => "erased message".to_owned(),
        Body::Unsupported => "unsupported".to_owned(),
    };
    let who = if message.own { "You" } else { message.from.as_str() };
    format!("{who}: {body}\n{}", meta::words(scene, message))
}
