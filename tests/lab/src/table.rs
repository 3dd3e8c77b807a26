//! The results for people, in Markdown.

use std::{fmt::Write as _, time::Duration};

use anyhow::Result;

use crate::{
    networks::Road,
    pair::{Outcome, Pair, Transport},
};

/// Titles of the columns.
pub const HEAD: &str = "\
| pair | registered after | first message | road at once | direct after | road after 30 s |
|---|---|---|---|---|---|
";

/// A row, with a mark where theory allows a better road.
pub fn row(pair: Pair, result: &Result<Outcome>) -> String {
    let name = pair.name();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            let error = error.root_cause().to_string();
            return format!("| {name} | **failed**: {} | | | | |\n", error.replace('|', "/"));
        }
    };
    let [anna, bob] = outcome.registered.map(milliseconds);
    let first = milliseconds(outcome.first_message);
    let mut row = format!("| {name} | {anna}, {bob} | {first} |");
    match outcome.direct {
        Some(Duration::ZERO) => row.push_str(" direct | |"),
        Some(after) => {
            row.push_str(" relayed | ");
            row.push_str(&milliseconds(after));
            row.push_str(" |");
        }
        None => row.push_str(" relayed | |"),
    }
    let transport = match outcome.transport {
        Transport::Quic => "QUIC",
        Transport::Tcp => "TCP",
    };
    let punched = if outcome.punched { ", punched" } else { "" };
    let (road, missed) = match outcome.road {
        Road::Direct => (format!("direct, {transport}{punched}"), ""),
        Road::Relayed if pair.road() == Road::Direct => {
            (format!("relayed, {transport}"), " **(theory: direct)**")
        }
        Road::Relayed => (format!("relayed, {transport}"), ""),
    };
    let _written = writeln!(row, " {road}{missed} |");
    row
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
