//! A list of rows of different heights that stays where the reader is. The row at the top and how
//! far it is scrolled are the truth; so neither rows that come before nor late measuring move
//! what is being read.

use std::collections::HashMap;

use egui::{Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::grouping::{Row, RowKey};

/// Height of a row before it is measured, in points.
const GUESS: f32 = 56.0;
/// What is measured beyond the visible part, in points.
const BEYOND: f64 = 240.0;
/// So near to the end counts as being there, in points.
const NEAR_END: f64 = 4.0;

/// Measures and draws rows.
pub(crate) trait Rows {
    /// Height of a row at a width, in points.
    fn measure(&mut self, ui: &Ui, row: &Row, width: f32) -> f32;
    /// Draws a row into the rectangle that `ui` has.
    fn show(&mut self, ui: &mut Ui, row: &Row);
}

/// The rows and where the reader is.
#[derive(Debug)]
pub(crate) struct MessageList {
    rows: Vec<(RowKey, Row)>,
    heights: Vec<Option<f32>>,
    anchor: Anchor,
    width: f32,
    /// The end is in view.
    pub(crate) at_end: bool,
    /// Distance from the beginning, in points.
    pub(crate) from_start: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Anchor {
    /// The end is at the bottom.
    End,
    /// So much of a row is above the top.
    Row { index: usize, above: f64 },
}

impl MessageList {
    /// A list without rows, at its end.
    pub(crate) fn new() -> Self {
        let (rows, heights) = (Vec::new(), Vec::new());
        Self { rows, heights, anchor: Anchor::End, width: 0.0, at_end: true, from_start: 0.0 }
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[(RowKey, Row)] {
        &self.rows
    }

    /// Takes new rows in place of the old ones, and stays where the reader is.
    pub(crate) fn replace(&mut self, rows: Vec<(RowKey, Row)>) {
        let old: HashMap<RowKey, usize> =
            self.rows.iter().enumerate().map(|(index, (key, _))| (*key, index)).collect();
        let heights = rows
            .iter()
            .map(|(key, row)| {
                let index = *old.get(key)?;
                if same_height(&self.rows[index].1, row) { self.heights[index] } else { None }
            })
            .collect();
        if let Anchor::Row { index, above } = self.anchor {
            let new: HashMap<RowKey, usize> =
                rows.iter().enumerate().map(|(index, (key, _))| (*key, index)).collect();
            let kept = self.rows[index.min(self.rows.len())..]
                .iter()
                .find_map(|(key, _)| new.get(key).copied());
            self.anchor = kept.map_or(Anchor::End, |index| Anchor::Row { index, above });
        }
        self.rows = rows;
        self.heights = heights;
    }

    /// Goes to the end, and stays there while rows come.
    pub(crate) fn go_to_end(&mut self) {
        self.anchor = Anchor::End;
    }

    /// Goes to a row, so that a part of the view is above it. Tells whether the row is there.
    pub(crate) fn go_to_row(&mut self, key: RowKey, above: f32) -> bool {
        let index = self.rows.iter().position(|(other, _)| *other == key);
        if let Some(index) = index {
            self.anchor = Anchor::Row { index, above: -f64::from(above) };
        }
        index.is_some()
    }

    /// Forgets the heights, as after a change of fonts.
    pub(crate) fn forget_heights(&mut self) {
        self.heights.fill(None);
    }

    /// Draws the part in view and takes in scrolling.
    pub(crate) fn show(&mut self, ui: &mut Ui, content: &mut impl Rows) {
        let view = f64::from(ui.available_height());
        let width = ui.available_width();
        if (width - self.width).abs() > 0.5 {
            self.width = width;
            self.forget_heights();
        }
        self.measure_around_anchor(ui, content, view);
        let tops = self.tops();
        let total = tops.last().copied().unwrap_or_default();
        let end = (total - view).max(0.0);
        let offset = match self.anchor {
            Anchor::End => end,
            Anchor::Row { index, above } => (tops[index] + above).clamp(0.0, end),
        };
        let slack = (view - total).max(0.0);
        let output = ScrollArea::vertical()
            .auto_shrink(false)
            .vertical_scroll_offset(offset as f32)
            .show_viewport(ui, |ui, visible| {
                ui.set_height((total + slack) as f32);
                let origin = ui.max_rect().min + vec2(0.0, slack as f32);
                let first = tops.partition_point(|top| *top <= f64::from(visible.min.y)).max(1) - 1;
                for index in first..self.rows.len() {
                    if tops[index] >= f64::from(visible.max.y) {
                        break;
                    }
                    let height = (tops[index + 1] - tops[index]) as f32;
                    let at = pos2(origin.x, origin.y + tops[index] as f32);
                    let rect = Rect::from_min_size(at, vec2(width, height));
                    let (key, row) = &self.rows[index];
                    ui.scope_builder(UiBuilder::new().id_salt(*key).max_rect(rect), |ui| {
                        content.show(ui, row);
                    });
                }
            });
        let offset = f64::from(output.state.clamped_offset().y);
        self.at_end = offset >= end - NEAR_END;
        self.from_start = offset;
        self.anchor = if self.at_end {
            Anchor::End
        } else {
            let index = tops.partition_point(|top| *top <= offset).clamp(1, self.rows.len()) - 1;
            Anchor::Row { index, above: offset - tops[index] }
        };
    }

    /// Measures what will be in view before anything is placed, from the anchor outwards.
    fn measure_around_anchor(&mut self, ui: &Ui, content: &mut impl Rows, view: f64) {
        let (start, above) = match self.anchor {
            Anchor::End => (self.rows.len(), view),
            Anchor::Row { index, above } => (index, (-above).max(0.0)),
        };
        let mut measured = 0.0;
        for index in (0..start).rev() {
            if measured >= above + BEYOND {
                break;
            }
            measured += self.measure(ui, content, index);
        }
        let mut measured = 0.0;
        for index in start..self.rows.len() {
            if measured >= view + BEYOND + (BEYOND - above).max(0.0) {
                break;
            }
            measured += self.measure(ui, content, index);
        }
        if measured < view {
            // The end is in view; what moves into it from above has to be measured too.
            let mut measured = 0.0;
            for index in (0..self.rows.len()).rev() {
                if measured >= view + BEYOND {
                    break;
                }
                measured += self.measure(ui, content, index);
            }
        }
    }

    fn measure(&mut self, ui: &Ui, content: &mut impl Rows, index: usize) -> f64 {
        let height = match self.heights[index] {
            Some(height) => height,
            None => content.measure(ui, &self.rows[index].1, self.width),
        };
        self.heights[index] = Some(height);
        f64::from(height)
    }

    /// Where each row begins, and where the last one ends.
    fn tops(&self) -> Vec<f64> {
        let mut top = 0.0;
        let mut tops = Vec::with_capacity(self.heights.len() + 1);
        tops.push(top);
        for height in &self.heights {
            top += f64::from(height.unwrap_or(GUESS));
            tops.push(top);
        }
        tops
    }
}

/// Whether a row that changed has the same height. States of delivery change often and never
/// change it.
fn same_height(old: &Row, new: &Row) -> bool {
    match (old, new) {
        (
            Row::Message { message: old, place: old_place },
            Row::Message { message: new, place: new_place },
        ) => {
            old_place == new_place
                && old.body == new.body
                && old.reply_to == new.reply_to
                && old.edited == new.edited
                && old.reactions == new.reactions
                && old.delivery.is_some() == new.delivery.is_some()
                && old.path.is_some() == new.path.is_some()
        }
        (Row::Day(_), Row::Day(_)) | (Row::Unread, Row::Unread) => true,
        _ => false,
    }
}
