//! A diagnosis as text, to be read and passed on.

use std::fmt::Write as _;

use super::{Attempt, Diagnostics};
use crate::core::model::{PeerView, ServerTie, Transport};

impl Diagnostics {
    /// The whole as text, to be read and passed on.
    pub fn text(&self) -> String {
        let mut text = format!("Network: {}\n{}\n", self.nat.as_str(), self.nat.advice());
        let server = match &self.server {
            ServerTie::Connecting => "being tried".to_owned(),
            ServerTie::Registered => "registered".to_owned(),
            ServerTie::Lost { text } | ServerTie::Refused { text, .. } => text.clone(),
        };
        let mut section = |title: &str, lines: Vec<String>| {
            // Writing into a text does not fail.
            let _written = writeln!(text, "\n{title}");
            for line in if lines.is_empty() { vec!["nothing".to_owned()] } else { lines } {
                let _written = writeln!(text, "  {line}");
            }
        };
        section("Server", vec![server]);
        let pairs = |pairs: &[(String, String)], middle: &str| {
            pairs.iter().map(|(at, said)| format!("{at} {middle} {said}")).collect::<Vec<_>>()
        };
        section("How others see this device", pairs(&self.seen, "sees"));
        if !self.silent.is_empty() {
            section("Addresses of the server that do not answer", pairs(&self.silent, "–"));
        }
        section("This device listens on", self.listening.clone());
        if self.relay_only {
            section(
                "Openings in the router",
                vec!["none: the address is kept from everybody".to_owned()],
            );
        } else {
            section("Openings in the router", self.opened.clone());
        }
        section("Roads", self.peers.iter().map(road_line).collect());
        section(
            "What was tried, the newest first",
            self.tried.iter().rev().map(attempt_line).collect(),
        );
        text
    }
}

fn road_line(peer: &PeerView) -> String {
    let mut line = format!("@{} ", peer.username);
    match peer.road {
        None if peer.online => line.push_str("present, not connected"),
        None => line.push_str("away"),
        Some(road) => {
            line.push_str(if road.relayed { "relayed by the server" } else { "direct" });
            line.push_str(match road.transport {
                Transport::Quic => ", QUIC",
                Transport::Tcp => ", TCP",
            });
            if road.punched {
                line.push_str(", through a punched hole");
            }
            if let Some(rtt_ms) = road.rtt_ms {
                let _written = write!(line, ", {rtt_ms} ms");
            }
        }
    }
    let _written =
        write!(line, "; {} B sent, {} B received", peer.traffic.sent, peer.traffic.received);
    line
}

fn attempt_line(attempt: &Attempt) -> String {
    let seconds = attempt.at_ms / 1000 % 86_400;
    let time = format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let address = attempt.address.as_deref().map(|it| format!(" at {it}")).unwrap_or_default();
    match &attempt.outcome {
        Ok(how) => format!("{time} {}{address}: {how}", attempt.whom),
        Err(why) => format!("{time} {}{address} failed: {why}", attempt.whom),
    }
}
