//! What a [`Snapshot`] says, as Prometheus reads it.

use std::{collections::BTreeMap, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::counters::Snapshot;

/// Writes all metrics as text.
pub fn encode(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("natterjack");
    registry.register_collector(Box::new(Metrics(snapshot)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Metrics(Snapshot);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.gauges(&mut encoder)?;
        self.counters(&mut encoder)
    }
}

impl Metrics {
    fn gauges(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (now, kept) = (&self.0.now, &self.0.kept);
        let size = |value: usize| value as f64;
        let gauges = [
            ("uptime_seconds", "Seconds since the start", now.uptime_seconds as f64),
            ("connections", "Connections from clients", size(now.connections)),
            ("devices", "Registered devices", size(now.devices)),
            ("accounts", "Accounts with a registered device", size(now.accounts)),
            ("watches", "Accounts that clients watch", size(now.watches)),
            ("groups", "Groups with a present member", size(now.groups)),
            ("memberships", "Memberships in groups", size(now.memberships)),
            ("reservations", "Devices with a reservation", size(now.reservations)),
            ("circuits", "Relayed circuits", size(now.circuits)),
            ("memory_bytes", "Bytes of memory", now.memory_bytes as f64),
            ("loop_lag_seconds", "How late the loop was", now.loop_lag_ms / 1000.0),
            (
                "loop_lag_max_seconds",
                "How late the loop was at most since the last reading",
                now.loop_lag_max_ms / 1000.0,
            ),
            ("busy", "1 while nobody new is taken in", f64::from(u8::from(now.busy))),
            ("puzzle_bits", "Difficulty of the puzzle for a new name", f64::from(now.puzzle_bits)),
            ("names", "Registered names", kept.names as f64),
            ("bans", "Bans", kept.bans as f64),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }

    fn counters(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let since = &self.0.since_start;
        let counters = [
            ("connections_made", "Connections from clients since the start", since.connections),
            ("requests", "Requests of clients", since.requests),
            ("registrations", "Registrations", since.registrations),
            ("new_names", "New names", since.new_names),
            ("reservations_refused", "Refused reservations", since.reservations_refused),
            ("circuits_opened", "Circuits since the start", since.circuits),
            ("circuits_refused", "Refused circuits", since.circuits_refused),
            ("circuit_bytes", "Bytes that went through circuits", since.circuit_bytes),
            ("group_messages", "Group messages that were relayed", since.group_messages),
            (
                "group_messages_dropped",
                "Group messages that were not",
                since.group_messages_dropped,
            ),
            ("group_copies", "Copies of group messages that went out", since.group_copies),
            ("group_copied_bytes", "Bytes of these copies", since.group_bytes),
            ("slow_clients", "Clients that did not read and were disconnected", since.slow_clients),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        by_reason(encoder, "refused", "Refused requests by reason", &since.refused)?;
        let help = "Connections that were turned away by reason";
        by_reason(encoder, "turned_away", help, &since.turned_away)
    }
}

fn by_reason(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: &BTreeMap<&'static str, u64>,
) -> Result<(), fmt::Error> {
    let kind = ConstCounter::new(0_u64).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (reason, count) in counts {
        ConstCounter::new(*count).encode(family.encode_family(&[("reason", *reason)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_told_with_its_reasons_and_without_names() {
        let mut snapshot = Snapshot { server: "12D3KooSecret".to_owned(), ..Snapshot::default() };
        snapshot.now.devices = 3;
        snapshot.now.busy = true;
        snapshot.since_start.group_copies = 44;
        snapshot.since_start.refused.insert("name_taken", 7);
        let text = encode(snapshot).unwrap();
        for line in [
            "natterjack_devices 3.0",
            "natterjack_busy 1.0",
            "natterjack_group_copies_total 44",
            "natterjack_refused_total{reason=\"name_taken\"} 7",
            "# TYPE natterjack_circuits gauge",
            "# EOF",
        ] {
            assert!(text.lines().any(|it| it == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("12D3Koo"), "{text}");
    }

    #[test]
    fn the_dashboard_shows_metrics_that_exist() {
        let mut snapshot = Snapshot::default();
        snapshot.since_start.refused.insert("name_taken", 1);
        snapshot.since_start.turned_away.insert("banned", 1);
        let text = encode(snapshot).unwrap();
        let dashboard = include_str!("../packaging/grafana.json");
        let mut shown = 0;
        for part in dashboard.split("natterjack_").skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
            let name = format!("natterjack_{}", &part[..end]);
            let is_there =
                text.lines().any(|it| it.split([' ', '{']).next() == Some(name.as_str()));
            assert!(is_there, "the dashboard shows {name}, which no metric is");
            shown += 1;
        }
        assert!(shown > 15, "{shown}");
    }
}
