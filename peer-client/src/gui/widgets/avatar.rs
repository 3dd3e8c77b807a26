//! The round picture of a person or group.

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2};
use unicode_segmentation::UnicodeSegmentation as _;

use super::centred;
use crate::gui::{fonts, theme};

/// Corners of the circle.
const SEGMENTS: u32 = 64;
/// Width of the blurred edge, in points.
const EDGE: f32 = 0.75;

/// Draws the picture: the first letter on a colour of its own.
pub(crate) fn paint(painter: &Painter, rect: Rect, name: &str) {
    let plain = name.trim_start_matches(['@', '#']);
    let (top, bottom) = theme::AVATARS[theme::colour_of(plain)];
    painter.add(disc(rect, top, bottom));
    let letter = plain.graphemes(true).next().unwrap_or("?").to_uppercase();
    let font = fonts::semibold((rect.height() * 0.42).round());
    centred(painter, rect, &letter, font, Color32::WHITE);
}

/// Draws the mark of somebody present at the picture's edge, cut out of what is behind it.
pub(crate) fn paint_online(painter: &Painter, avatar: Rect, colour: Color32, behind: Color32) {
    let radius = (avatar.width() * 0.14).max(4.5);
    let centre = avatar.right_bottom() - Vec2::splat(radius * 1.05);
    painter.circle(centre, radius, colour, Stroke::new(2.0, behind));
}

/// A circle that goes from one colour to another.
fn disc(rect: Rect, top: Color32, bottom: Color32) -> Shape {
    let mut mesh = Mesh::default();
    let (centre, radius) = (rect.center(), rect.width() / 2.0);
    let colour =
        |at: Pos2| top.lerp_to_gamma(bottom, ((at.y - rect.top()) / rect.height()).clamp(0.0, 1.0));
    mesh.colored_vertex(centre, colour(centre));
    for segment in 0..SEGMENTS {
        let angle = segment as f32 / SEGMENTS as f32 * std::f32::consts::TAU;
        let direction = Vec2::angled(angle);
        let inner = centre + direction * (radius - EDGE);
        let outer = centre + direction * (radius + EDGE * 0.35);
        mesh.colored_vertex(pos2(inner.x, inner.y), colour(inner));
        mesh.colored_vertex(pos2(outer.x, outer.y), Color32::TRANSPARENT);
        let here = 1 + 2 * segment;
        let next = 1 + 2 * ((segment + 1) % SEGMENTS);
        mesh.add_triangle(0, here, next);
        mesh.add_triangle(here, here + 1, next);
        mesh.add_triangle(next, here + 1, next + 1);
    }
    Shape::mesh(mesh)
}
