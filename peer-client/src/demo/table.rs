//! The summary: what was done, by which road, and how long the receipt took.

use std::{fmt::Write as _, time::Duration};

/// A line of the summary.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    /// The road, and when the receipt came; or why it did not happen.
    pub(super) outcome: Result<Done, String>,
}

/// A step that happened.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) road: String,
    /// From sending to the signed receipt; none where nothing is sent.
    pub(super) stored_after: Option<Duration>,
}

/// Draws the summary.
pub(super) fn draw(rows: &[Row]) -> String {
    let heads = ("What", "Road", "Stored receipt after");
    let lines: Vec<_> = rows.iter().map(cells).collect();
    let width = |of: fn(&(&str, String, String)) -> usize, head: &str| {
        lines.iter().map(of).max().unwrap_or_default().max(head.len())
    };
    let first = width(|line| line.0.len(), heads.0);
    let second = width(|line| line.1.len(), heads.1);
    let mut text = format!("{:first$}  {:second$}  {}\n", heads.0, heads.1, heads.2);
    let ruled = format!("{}  {}  {}\n", "─".repeat(first), "─".repeat(second), "─".repeat(20));
    text.push_str(&ruled);
    for (what, road, stored) in &lines {
        // Writing to a string cannot fail.
        _ = writeln!(text, "{what:first$}  {road:second$}  {stored}");
    }
    text
}

fn cells(row: &Row) -> (&'static str, String, String) {
    match &row.outcome {
        Ok(done) => {
            let stored = done.stored_after.map_or_else(|| "–".to_owned(), duration);
            (row.what, done.road.clone(), stored)
        }
        Err(_) => (row.what, "did not happen".to_owned(), "–".to_owned()),
    }
}

/// A time for a person.
pub(super) fn duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::{Done, Duration, Row, draw};

    #[test]
    fn columns_are_aligned_and_failures_are_told() {
        let done = Done { road: "direct".into(), stored_after: Some(Duration::from_micros(1500)) };
        let rows = [
            Row { what: "a message", outcome: Ok(done) },
            Row { what: "a longer thing", outcome: Err("no receipt".into()) },
        ];
        let expected = "\
What            Road            Stored receipt after
──────────────  ──────────────  ────────────────────
a message       direct          1.5 ms
a longer thing  did not happen  –
";
        assert_eq!(draw(&rows), expected);
    }
}
