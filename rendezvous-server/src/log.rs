//! The log: text or JSON on standard error, and never many lines a second from one place in the
//! program, whatever clients do.

use std::{
    fmt,
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::system;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_LOG: &str = "warn,rendezvous_server=info";
/// Lines of one place in the program at once.
const BURST: u32 = 20;
/// Time in which one more comes back.
const INTERVAL: Duration = Duration::from_secs(3);
/// Places in the program that are told apart; the others share one.
const PLACES_MAX: usize = 1_024;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log.
pub fn begin(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| DEFAULT_LOG.into());
    let registry = tracing_subscriber::registry().with(filter).with(Limit::default());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        Format::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).init(),
        Format::Json => registry.with(lines.with_ansi(false).event_format(JsonLines)).init(),
    }
}

/// Writes an event as one JSON object a line.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line = fields.0;
        line.insert("at_ms".to_owned(), system::unix_ms().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// The fields of an event.
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

/// Drops lines of places that say too much.
#[derive(Debug, Default)]
struct Limit(Mutex<Places>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Limit {
    #[expect(clippy::disallowed_methods, reason = "the log's own clock")]
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let place = event.metadata().callsite();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).may_speak(place, Instant::now())
    }
}

/// When each place's bucket will be full again.
#[derive(Debug, Default)]
struct Places(Vec<(Identifier, Instant)>);

impl Places {
    fn may_speak(&mut self, place: Identifier, now: Instant) -> bool {
        let known = self.0.iter().position(|(known, _)| *known == place);
        let index = known.unwrap_or_else(|| {
            if self.0.len() < PLACES_MAX {
                self.0.push((place, now));
            }
            self.0.len() - 1
        });
        let Some((_, full_at)) = self.0.get_mut(index) else { return true };
        let wanted = (*full_at).max(now) + INTERVAL;
        if wanted.saturating_duration_since(now) > INTERVAL * BURST {
            return false;
        }
        *full_at = wanted;
        true
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use tracing::callsite::Callsite as _;

    use super::*;

    #[test]
    fn a_place_that_says_too_much_is_silenced_and_others_are_not() {
        let now = Instant::now();
        let mut places = Places::default();
        let callsite = |number: usize| {
            let first =
                tracing::callsite!(name: "first", kind: tracing::metadata::Kind::EVENT, fields: a);
            let second =
                tracing::callsite!(name: "second", kind: tracing::metadata::Kind::EVENT, fields: a);
            [first.metadata().callsite(), second.metadata().callsite()][number].clone()
        };
        for _ in 0..BURST {
            assert!(places.may_speak(callsite(0), now));
        }
        assert!(!places.may_speak(callsite(0), now));
        assert!(places.may_speak(callsite(1), now));
        assert!(places.may_speak(callsite(0), now + INTERVAL));
        assert!(!places.may_speak(callsite(0), now + INTERVAL));
    }
}
