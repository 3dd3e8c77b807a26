//! Local time.

/// The difference of local time from UTC.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone;

impl Zone {
    /// The zone of this computer.
    pub(crate) fn of_system() -> Self {
        Self
    }

    /// Local milliseconds since 1970 of a moment.
    pub(crate) fn local(&self, at_ms: u64) -> i64 {
        at_ms as i64
    }
}
