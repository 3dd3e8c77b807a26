//! Texts as pictures that cameras read (QR codes).

use egui::{Color32, CornerRadius, Mesh, Rect, Role, Sense, Shape, Ui, Vec2, WidgetInfo};
use fast_qr::{ECL, QRBuilder};

use crate::gui::theme::radius;

/// Light squares around the picture, which cameras need.
const MARGIN: usize = 4;

/// A picture.
pub(crate) struct Qr {
    side: usize,
    /// By rows.
    dark: Vec<bool>,
}

impl Qr {
    /// The picture of a text; none if it is too long.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
        let side = code.size;
        let dark = (0..side).flat_map(|row| code[row].iter().map(|square| square.value()));
        Some(Self { side, dark: dark.collect() })
    }

    /// Draws it within a width, dark on light in either look.
    pub(crate) fn show(&self, ui: &mut Ui, width: f32, label: &str) {
        let squares = (self.side + 2 * MARGIN) as f32;
        // Squares of whole pixels, or the camera sees seams.
        let pixel = ui.ctx().pixels_per_point();
        let square = (width * pixel / squares).floor().max(1.0) / pixel;
        let (rect, response) =
            ui.allocate_exact_size(Vec2::splat(square * squares), Sense::hover());
        ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), Color32::WHITE);
        let origin = ((rect.min + Vec2::splat(square * MARGIN as f32)) * pixel).round() / pixel;
        let mut mesh = Mesh::default();
        for (row, squares) in self.dark.chunks(self.side).enumerate() {
            for (column, _) in squares.iter().enumerate().filter(|(_, dark)| **dark) {
                let at = origin + egui::vec2(column as f32, row as f32) * square;
                mesh.add_colored_rect(Rect::from_min_size(at, Vec2::splat(square)), Color32::BLACK);
            }
        }
        ui.painter().add(Shape::mesh(mesh));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, label));
    }
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Qr").field("side", &self.side).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_three_corners() {
        let picture = Qr::new("natterjack:abc").unwrap();
        let side = picture.side;
        let ring: Vec<bool> = (0..7).map(|column| picture.dark[column]).collect();
        assert_eq!(ring, [true; 7]);
        assert_eq!(picture.dark[side - 7..side], [true; 7]);
        assert_eq!(picture.dark[(side - 1) * side..(side - 1) * side + 7], [true; 7]);
        assert_eq!(picture.dark.len(), side * side);
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert!(Qr::new(&"x".repeat(2900)).is_some());
        assert!(Qr::new(&"x".repeat(3000)).is_none());
    }
}
